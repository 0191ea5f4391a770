//! Tests the questions and output of install, and the hooks for each version of Claude Code.

use crewboard_agents::Version;

use super::super::profile::{InstallState, OutdatedReason};
use super::*;

#[test]
fn install_shows_the_change_and_asks() {
    let mut world = World::with(SETTINGS);
    world.environment.interactive = true;
    for answer in ["\n", "n\n", "", "yess\n"] {
        world.answer = answer;
        let error = world.install(&InstallArguments::default()).unwrap_err();
        assert!(matches!(error, InstallError::Declined), "{error}");
        assert_eq!(error.exit_code(), 1);
        assert_eq!(world.files().len(), 1);
    }
    world.answer = "y\n";
    let output = world.install(&InstallArguments::default()).unwrap();
    assert!(output.contains("\n-  \"hooks\": {}\n+  \"hooks\": {\n"), "{output}");
    let question = "Keeps a backup of the file, which `crewboard uninstall` restores.\n\
                    Make this change? [y/N] ";
    assert!(output.contains(question), "the summary stands also above the question: {output}");
    assert!(world.text().contains("crewboard"));
}

/// Returns the three lines of the summary, which follow the notes about Claude Code.
fn summary(output: &str) -> Vec<&str> {
    output.lines().filter(|line| !line.starts_with("Claude Code was not found")).take(3).collect()
}

#[test]
fn change_begins_with_a_summary_of_three_lines() {
    let dry = InstallArguments { dry_run: true, ..yes() };
    let count = EVENTS.len();
    for (settings, line, restored) in [
        (
            "{}\n",
            "Adds no status line, because you have none: context, cost and limits stay unknown (docs/limits.md).",
            "Keeps your status line as it is.",
        ),
        (
            "{\"statusLine\": {\"type\": \"command\", \"command\": \"date\"}}",
            "Wraps your status line: it looks the same, and also reports context, cost and limits.",
            "Takes Crewboard out of your status line.",
        ),
    ] {
        let world = World::with(settings);
        let name = world.settings().display().to_string();
        let output = world.install(&dry).unwrap();
        let backup = "Keeps a backup of the file, which `crewboard uninstall` restores.";
        let adds = format!("Adds {count} hooks to {name}.");
        assert_eq!(summary(&output), [adds.as_str(), line, backup], "{output}");
        assert!(output.contains(&format!("\n\n--- {name}\n")), "{output}");
        world.install(&yes()).unwrap();
        let output = world.uninstall(&dry).unwrap();
        let removes = format!("Removes {count} hooks from {name}.");
        let same = "The file is then the same as before install.";
        assert_eq!(summary(&output), [removes.as_str(), restored, same], "{output}");
    }
    let output = World::new().install(&dry).unwrap();
    assert!(output.contains("\nCreates the file; `crewboard uninstall` removes it.\n"), "{output}");
}

#[test]
fn program_outside_the_path_is_shown_with_its_path() {
    let mut world = World::with("{}");
    let output = world.install(&yes()).unwrap();
    assert!(output.contains("\nRun `crewboard` to open the board.\n"), "{output}");
    assert!(output.contains("\"command\": \"crewboard statusline\" }\n"), "{output}");
    world.uninstall(&yes()).unwrap();
    world.environment.path.clear();
    let program = world.environment.executable.as_ref().unwrap().display().to_string();
    let output = world.install(&yes()).unwrap();
    assert!(output.contains(&format!("\nRun `{program}` to open the board.\n")), "{output}");
    assert!(output.contains(&format!("\"command\": \"{program} statusline\" }}\n")), "{output}");
}

#[test]
fn diff_has_no_control_characters() {
    let world = World::with("{\n  \"a\": \"\u{1b}[2J\u{9b}\",\r\n  \"b\": 1\n}\n");
    let dry = InstallArguments { dry_run: true, ..yes() };
    let output = world.install(&dry).unwrap();
    assert!(output.contains("\"a\": \"\u{fffd}[2J\u{fffd}\",\n"), "{output:?}");
}

#[test]
fn install_fails_without_a_terminal_to_ask_on() {
    let world = World::with(SETTINGS);
    let error = world.install(&InstallArguments::default()).unwrap_err();
    assert_eq!(error.exit_code(), 2);
    assert!(error.to_string().contains("pass --yes to confirm, or --dry-run"), "{error}");
    assert_eq!(world.text(), SETTINGS);
}

#[test]
fn dry_run_shows_the_change_only() {
    let world = World::with(SETTINGS);
    let before = world.files();
    let dry = InstallArguments { dry_run: true, ..yes() };
    assert!(world.install(&dry).unwrap().contains("+    \"SessionStart\": [{"));
    assert_eq!(world.files(), before);
    world.install(&yes()).unwrap();
    let after = world.files();
    assert!(world.uninstall(&dry).unwrap().contains("-    \"SessionStart\": [{"));
    assert_eq!(world.files(), after);
    let fresh = World::new();
    fresh.install(&dry).unwrap();
    assert!(!fresh.directory().exists());
}

#[test]
fn program_in_a_build_directory_is_copied() {
    let mut world = World::with(SETTINGS);
    let installed = world.environment.executable.take().unwrap();
    fs::remove_file(&installed).unwrap();
    let built = world.root.path().join("project/target/debug/crewboard");
    executable(&built, "just built");
    fs::write(world.root.path().join("project/target/CACHEDIR.TAG"), "").unwrap();
    world.environment.executable = Some(built);
    world.install(&InstallArguments { dry_run: true, ..yes() }).unwrap();
    assert!(!installed.exists());
    let output = world.install(&yes()).unwrap();
    assert!(output.contains("it will be copied to"), "{output}");
    assert!(!output.contains("not on your PATH"), "{output}");
    assert_eq!(fs::read_to_string(&installed).unwrap(), "just built");
    assert!(world.text().contains(&format!("\"command\": \"{}\"", installed.display())));
    let output = world.install(&InstallArguments::default()).unwrap();
    assert!(output.contains("the hooks are already installed.\n"), "{output}");
    world.environment.path.clear();
    fs::write(&installed, "former").unwrap();
    let error = world.install(&InstallArguments::default()).unwrap_err();
    let expected = format!(
        "this would copy the program to {}, replacing the file there, and leave your settings as they are, \
         but there is no terminal to ask for confirmation\npass --yes to confirm",
        installed.display()
    );
    assert_eq!((error.to_string(), error.exit_code()), (expected, 2));
    let output = world.install(&yes()).unwrap();
    assert!(output.contains("replacing the file there") && output.contains("not on your PATH"));
    assert_eq!(fs::read_to_string(&installed).unwrap(), "just built");
}

#[test]
fn closed_output_does_not_stop_an_install() {
    struct Closed;
    impl Write for Closed {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Err(io::ErrorKind::BrokenPipe.into())
        }
    }
    let world = World::with(SETTINGS);
    run_install(&yes(), &world.environment, &mut Closed, &mut io::empty()).unwrap();
    assert!(world.text().contains("crewboard"));
    run_uninstall(&yes(), &world.environment, &mut Closed, &mut io::empty()).unwrap();
    assert_eq!(world.text(), SETTINGS);
}

#[test]
fn old_client_gets_its_own_form_and_events() {
    let world = World::with(SETTINGS);
    let claude = world.root.path().join("home/.local/bin/claude");
    executable(&claude, "#!/bin/sh\necho '2.1.77 (Claude Code)'\n");
    world.install(&yes()).unwrap();
    let text = world.text();
    assert!(text.contains("\"command\": \"exec '/"), "{text}");
    assert!(!text.contains("\"args\"") && !text.contains("StopFailure"), "{text}");
    executable(&claude, "#!/bin/sh\necho '2.1.330 (Claude Code)'\n");
    world.install(&yes()).unwrap();
    assert!(world.text().contains("\"args\"") && world.text().contains("StopFailure"));
    world.uninstall(&yes()).unwrap();
    assert_eq!(world.text(), SETTINGS);
    executable(&claude, "#!/bin/sh\necho '1.0.30 (Claude Code)'\n");
    assert!(matches!(world.install(&yes()), Err(InstallError::NoHooks { .. })));
}

#[test]
fn install_names_a_client_newer_than_the_newest_tried() {
    let world = World::with(SETTINGS);
    let claude = world.root.path().join("home/.local/bin/claude");
    let install = |version: &str| {
        executable(&claude, &format!("#!/bin/sh\necho '{version} (Claude Code)'\n"));
        let output = world.install(&yes()).unwrap();
        let text = world.text();
        world.uninstall(&yes()).unwrap();
        (output, text)
    };
    let tried = AGENTS[0].newest_tested.to_string();
    let (output, known) = install(&tried);
    assert!(!output.contains("newer"), "{output}");
    for version in ["2.1.9999", "99.0.0"] {
        let expected = format!(
            "Claude Code {version} is newer than {tried}, the newest version that Crewboard was tested with. \
             The hooks are registered as for {tried}.\n"
        );
        let (output, text) = install(version);
        assert!(output.starts_with(&expected), "{output}");
        assert_eq!(text, known, "{version}");
    }
}

/// Counts a warning. Install warns before and after it makes the change.
fn count_warnings(output: &str, text: &str) -> usize {
    output.matches(&format!("warning: {text}")).count()
}

#[test]
fn install_warns_of_a_file_that_claude_code_skips() {
    for (settings, expected) in [
        (SETTINGS, "line 2, column 3: it is not plain JSON: "),
        ("{\"a\": \"x\ny\"}", "it is not plain JSON: control character"),
        ("{\"a\": \"x\0y\"}", "it is not plain JSON: control character"),
        ("{\"statusLine\": {\"command\": \"date\"}}", "statusLine.type: it is missing"),
        ("{\"statusLine\": \"x\"}", "statusLine: it should be an object, but it is text"),
        ("{\"permissions\": {\"allow\": \"x\"}}", "permissions.allow: it should be a list"),
        ("{\"model\": 7}", "model: it should be text, but it is the number 7"),
    ] {
        let world = World::with(settings);
        let output = world.install(&yes()).unwrap();
        let path = world.settings();
        let warning = format!("Claude Code ignores all of {}, hooks included", path.display());
        assert_eq!(count_warnings(&output, &warning), 2, "{output}");
        assert!(output.contains(expected), "{output}");
        assert!(!output.contains(RUNNING_SESSIONS), "{output}");
        let again = world.install(&yes()).unwrap();
        assert_eq!(count_warnings(&again, &warning), 1, "{again}");
        world.uninstall(&yes()).unwrap();
        assert_eq!(world.text(), settings);
    }
    let world = World::with("{\"model\": \"opus\"}");
    let output = world.install(&yes()).unwrap();
    assert!(!output.contains("warning: ") && output.contains(RUNNING_SESSIONS), "{output}");
}

#[test]
fn install_names_the_file_that_disables_hooks() {
    const ON: &str = "{\"disableAllHooks\": false}";
    const OFF: &str = "{\"disableAllHooks\": true}";
    // Claude Code skips this file, so it has no effect.
    const BROKEN: &str = "{\"disableAllHooks\": true, \"model\": 7}";
    let none = "sets disableAllHooks, so no hook runs\n";
    let here = "sets disableAllHooks, so no hook runs in this project\n";
    let elsewhere = "sets disableAllHooks, so no hook runs outside this project\n";
    for (user, project, local, expected) in [
        (OFF, "{}", "{}", Some(none)),
        ("{}", OFF, "{}", Some(here)),
        ("{}", "{}", OFF, Some(here)),
        (ON, ON, OFF, Some(here)),
        (OFF, OFF, OFF, Some(here)),
        (OFF, ON, "{}", Some(elsewhere)),
        (OFF, "{}", ON, Some(elsewhere)),
        ("{}", OFF, ON, None),
        ("{}", ON, "{}", None),
        ("{}", BROKEN, "{}", None),
        ("{}", "{\"allowManagedHooksOnly\": true}", "{}", None),
    ] {
        let mut world = World::with(user);
        let project_directory = world.root.path().join("project");
        fs::create_dir_all(project_directory.join(".claude")).unwrap();
        fs::write(project_directory.join(".claude/settings.json"), project).unwrap();
        fs::write(project_directory.join(".claude/settings.local.json"), local).unwrap();
        world.environment.directory = Some(project_directory);
        let output = world.install(&yes()).unwrap();
        assert_eq!(
            output.matches("warning: ").count(),
            if expected.is_some() { 2 } else { 0 },
            "{output}"
        );
        assert!(expected.is_none_or(|expected| output.contains(expected)), "{output}");
        assert_eq!(output.contains(RUNNING_SESSIONS), expected.is_none(), "{output}");
    }
}

#[test]
fn local_settings_at_a_repository_root_apply_below_it() {
    let mut world = World::with("{}");
    let root = world.root.path().join("project");
    fs::create_dir_all(root.join(".claude")).unwrap();
    fs::create_dir_all(root.join(".git")).unwrap();
    fs::create_dir_all(root.join("deep/er")).unwrap();
    fs::write(root.join(".claude/settings.local.json"), "{\"disableAllHooks\": true}").unwrap();
    world.environment.directory = Some(root.join("deep/er"));
    let output = world.install(&yes()).unwrap();
    assert!(output.contains("so no hook runs in this project"), "{output}");
}

#[test]
fn managed_settings_take_precedence() {
    for (name, settings, expected) in [
        (
            "managed-settings.json",
            "{\"disableAllHooks\": true}",
            "sets disableAllHooks, so no hook runs\n",
        ),
        (
            "managed-settings.d/10.json",
            "{\"disableAllHooks\": true}",
            "sets disableAllHooks, so no hook runs\n",
        ),
        ("managed-settings.json", "{\"allowManagedHooksOnly\": true}", "allows only managed hooks"),
        (
            "managed-settings.d/10.json",
            "{\"allowManagedHooksOnly\": true}",
            "allows only managed hooks",
        ),
        (
            "managed-settings.json",
            "{\"strictPluginOnlyCustomization\": true}",
            "allows only managed hooks",
        ),
        (
            "managed-settings.json",
            "{\"strictPluginOnlyCustomization\": [\"hooks\"]}",
            "allows only managed hooks",
        ),
        ("managed-settings.json", "{\"strictPluginOnlyCustomization\": [\"skills\"]}", ""),
        ("managed-settings.d/.10.json", "{\"disableAllHooks\": true}", ""),
        (
            "managed-settings.json",
            "{\"disableAllHooks\": true, \"model\": 7}",
            "sets disableAllHooks, so no hook runs\n",
        ),
        ("managed-settings.d/10.json~", "{\"allowManagedHooksOnly\": true}", ""),
    ] {
        let world = World::with("{\"disableAllHooks\": false}");
        let path = world.root.path().join("managed").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, settings).unwrap();
        let output = world.install(&yes()).unwrap();
        assert!(output.contains(expected), "{output}");
        assert_eq!(output.contains(RUNNING_SESSIONS), expected.is_empty(), "{output}");
    }
}

#[test]
fn install_notes_a_missing_or_other_status_line() {
    const LINE: &str = r#"{"statusLine": {"type": "command", "command": "./line.sh"}}"#;
    let mut world = World::new();
    let output = world.install(&yes()).unwrap();
    assert!(
        output.contains("note: context, cost and limits come from ")
            && output.contains("settings.json:\n"),
        "{output}"
    );
    let output = world.install(&yes()).unwrap();
    assert!(!output.contains("note: "), "only once: {output}");

    let project = world.root.path().join("a\u{1b}[2Jproject");
    fs::create_dir_all(project.join(".claude")).unwrap();
    fs::write(project.join(".claude/settings.local.json"), LINE).unwrap();
    let other = World::with(LINE);
    world.environment = Environment { directory: Some(project.clone()), ..other.environment };
    let output = world.install(&yes()).unwrap();
    assert!(!output.contains("note: context") && !output.contains('\u{1b}'), "{output}");
    assert!(output.contains("settings.local.json has its own status line\n"), "{output}");

    let ours = LINE.replace("./line.sh", "crewboard statusline -- ./line.sh");
    fs::write(project.join(".claude/settings.local.json"), ours).unwrap();
    world.uninstall(&yes()).unwrap();
    let output = world.install(&yes()).unwrap();
    assert!(!output.contains("note: "), "{output}");

    // In the home directory, the user's settings have the path of project settings.
    world.environment.directory.clone_from(&world.environment.home);
    world.uninstall(&yes()).unwrap();
    let output = world.install(&yes()).unwrap();
    assert!(!output.contains("note: "), "{output}");
}

#[test]
fn profile_knows_if_its_hooks_are_installed() {
    let world = World::new();
    let profile = world.profile();
    assert_eq!(profile.install_state(None).unwrap(), InstallState::No);
    let program = world.environment.executable.clone().unwrap();
    world.install(&yes()).unwrap();
    assert_eq!(
        profile.install_state(None).unwrap(),
        InstallState::Yes { program: program.clone() }
    );
    let text = world.text();
    fs::write(world.settings(), text.replace("\"Stop\"", "\"Other\"")).unwrap();
    let reason = OutdatedReason::EventsMissing(vec!["Stop".to_owned()]);
    assert_eq!(
        profile.install_state(Some(Version(2, 1, 330))).unwrap(),
        InstallState::Outdated { program: program.clone(), reason }
    );
    fs::write(world.settings(), text).unwrap();
    fs::remove_file(&program).unwrap();
    let reason = OutdatedReason::ProgramMissing;
    assert_eq!(profile.install_state(None).unwrap(), InstallState::Outdated { program, reason });
    fs::write(world.settings(), "{").unwrap();
    profile.install_state(None).unwrap_err();
}
