//! What a person is asked and told, and what is registered for whom.

use crewboard_agents::claude::NEWEST_TRIED;
use crewboard_agents::claude::registration::Version;

use super::super::profile::{Installed, Outdated};
use super::*;

#[test]
fn a_person_sees_the_change_and_decides() {
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
    let said = world.install(&InstallArguments::default()).unwrap();
    assert!(said.contains("\n-  \"hooks\": {}\n+  \"hooks\": {\n"), "{said}");
    assert!(said.contains("Make this change? [y/N] "), "{said}");
    assert!(world.text().contains("crewboard"));
}

#[test]
fn a_diff_does_not_move_the_cursor() {
    let world = World::with("{\n  \"a\": \"\u{1b}[2J\u{9b}\",\r\n  \"b\": 1\n}\n");
    let dry = InstallArguments { dry_run: true, ..yes() };
    let said = world.install(&dry).unwrap();
    assert!(said.contains("\"a\": \"\u{fffd}[2J\u{fffd}\",\n"), "{said:?}");
}

#[test]
fn nobody_to_ask_is_a_refusal_that_says_what_to_do() {
    let world = World::with(SETTINGS);
    let error = world.install(&InstallArguments::default()).unwrap_err();
    assert_eq!(error.exit_code(), 2);
    assert!(error.to_string().contains("Pass --yes to do it, or --dry-run"), "{error}");
    assert_eq!(world.text(), SETTINGS);
}

#[test]
fn a_dry_run_shows_and_does_nothing() {
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
fn from_a_build_directory_a_copy_is_registered() {
    let mut world = World::with(SETTINGS);
    let installed = world.environment.executable.take().unwrap();
    fs::remove_file(&installed).unwrap();
    let built = world.root.path().join("project/target/debug/crewboard");
    executable(&built, "just built");
    fs::write(world.root.path().join("project/target/CACHEDIR.TAG"), "").unwrap();
    world.environment.executable = Some(built);
    world.install(&InstallArguments { dry_run: true, ..yes() }).unwrap();
    assert!(!installed.exists());
    let said = world.install(&yes()).unwrap();
    assert!(said.contains("it will be copied to"), "{said}");
    assert!(!said.contains("not on your PATH"), "{said}");
    assert_eq!(fs::read_to_string(&installed).unwrap(), "just built");
    assert!(world.text().contains(&format!("\"command\": \"{}\"", installed.display())));
    let said = world.install(&InstallArguments::default()).unwrap();
    assert!(said.contains("the hooks are in place.\n"), "{said}");
    world.environment.path.clear();
    fs::write(&installed, "former").unwrap();
    let said = world.install(&yes()).unwrap();
    assert!(said.contains("in place of the one there") && said.contains("not on your PATH"));
    assert_eq!(fs::read_to_string(&installed).unwrap(), "just built");
}

#[test]
fn a_reader_that_goes_does_not_stop_an_install_half_way() {
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
fn an_old_client_gets_the_shell_form_and_its_own_events() {
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
    assert!(matches!(world.install(&yes()), Err(InstallError::NoHooks(_))));
}

#[test]
fn install_names_a_client_newer_than_the_newest_tried() {
    let world = World::with(SETTINGS);
    let claude = world.root.path().join("home/.local/bin/claude");
    let install = |version: &str| {
        executable(&claude, &format!("#!/bin/sh\necho '{version} (Claude Code)'\n"));
        let said = world.install(&yes()).unwrap();
        let text = world.text();
        world.uninstall(&yes()).unwrap();
        (said, text)
    };
    let tried = NEWEST_TRIED.to_string();
    let (said, known) = install(&tried);
    assert!(!said.contains("newer"), "{said}");
    for version in ["2.1.9999", "99.0.0"] {
        let expected = format!(
            "Claude Code {version} is newer than {tried}, the newest version that Crewboard was tried with. \
             Its hooks are registered as for {tried}.\n"
        );
        let (said, text) = install(version);
        assert!(said.starts_with(&expected), "{said}");
        assert_eq!(text, known, "{version}");
    }
}

/// How often install warns of this, before and after it makes the change.
fn warned(said: &str, of: &str) -> usize {
    said.matches(&format!("warning: {of}")).count()
}

#[test]
fn a_file_that_claude_code_skips_is_warned_of_before_and_after() {
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
        let said = world.install(&yes()).unwrap();
        let path = world.settings();
        let warning = format!("Claude Code ignores all of {}, hooks included", path.display());
        assert_eq!(warned(&said, &warning), 2, "{said}");
        assert!(said.contains(expected), "{said}");
        assert!(!said.contains(RUNNING_SESSIONS), "{said}");
        let again = world.install(&yes()).unwrap();
        assert_eq!(warned(&again, &warning), 1, "{again}");
        world.uninstall(&yes()).unwrap();
        assert_eq!(world.text(), settings);
    }
    let world = World::with("{\"model\": \"opus\"}");
    let said = world.install(&yes()).unwrap();
    assert!(!said.contains("warning: ") && said.contains(RUNNING_SESSIONS), "{said}");
}

#[test]
fn hooks_that_are_switched_off_are_told_by_what_decides_here() {
    const ON: &str = "{\"disableAllHooks\": false}";
    const OFF: &str = "{\"disableAllHooks\": true}";
    // Skipped by Claude Code, so it decides nothing.
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
        let said = world.install(&yes()).unwrap();
        assert_eq!(
            said.matches("warning: ").count(),
            if expected.is_some() { 2 } else { 0 },
            "{said}"
        );
        assert!(expected.is_none_or(|expected| said.contains(expected)), "{said}");
        assert_eq!(said.contains(RUNNING_SESSIONS), expected.is_none(), "{said}");
    }
}

#[test]
fn local_settings_at_a_repositorys_root_count_in_all_of_it() {
    let mut world = World::with("{}");
    let root = world.root.path().join("project");
    fs::create_dir_all(root.join(".claude")).unwrap();
    fs::create_dir_all(root.join(".git")).unwrap();
    fs::create_dir_all(root.join("deep/er")).unwrap();
    fs::write(root.join(".claude/settings.local.json"), "{\"disableAllHooks\": true}").unwrap();
    world.environment.directory = Some(root.join("deep/er"));
    let said = world.install(&yes()).unwrap();
    assert!(said.contains("so no hook runs in this project"), "{said}");
}

#[test]
fn managed_settings_go_before_all_others() {
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
        (
            "managed-settings.json",
            "{\"allowManagedHooksOnly\": true}",
            "lets only managed hooks run",
        ),
        (
            "managed-settings.d/10.json",
            "{\"allowManagedHooksOnly\": true}",
            "lets only managed hooks run",
        ),
        (
            "managed-settings.json",
            "{\"strictPluginOnlyCustomization\": true}",
            "lets only managed hooks run",
        ),
        (
            "managed-settings.json",
            "{\"strictPluginOnlyCustomization\": [\"hooks\"]}",
            "lets only managed hooks run",
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
        let said = world.install(&yes()).unwrap();
        assert!(said.contains(expected), "{said}");
        assert_eq!(said.contains(RUNNING_SESSIONS), expected.is_empty(), "{said}");
    }
}

#[test]
fn what_keeps_context_cost_and_limits_from_being_told_is_said() {
    const LINE: &str = r#"{"statusLine": {"type": "command", "command": "./line.sh"}}"#;
    let mut world = World::new();
    let said = world.install(&yes()).unwrap();
    assert!(
        said.contains("note: no status line runs, ") && said.contains("settings.json:\n"),
        "{said}"
    );
    let said = world.install(&yes()).unwrap();
    assert!(!said.contains("note: "), "only once: {said}");

    let project = world.root.path().join("a\u{1b}[2Jproject");
    fs::create_dir_all(project.join(".claude")).unwrap();
    fs::write(project.join(".claude/settings.local.json"), LINE).unwrap();
    let other = World::with(LINE);
    world.environment = Environment { directory: Some(project.clone()), ..other.environment };
    let said = world.install(&yes()).unwrap();
    assert!(!said.contains("note: no status line") && !said.contains('\u{1b}'), "{said}");
    assert!(said.contains("settings.local.json has a status line of its own\n"), "{said}");

    let ours = LINE.replace("./line.sh", "crewboard statusline -- ./line.sh");
    fs::write(project.join(".claude/settings.local.json"), ours).unwrap();
    world.uninstall(&yes()).unwrap();
    let said = world.install(&yes()).unwrap();
    assert!(!said.contains("note: "), "{said}");

    // At home, the user's own settings look like a project's.
    world.environment.directory.clone_from(&world.environment.home);
    world.uninstall(&yes()).unwrap();
    let said = world.install(&yes()).unwrap();
    assert!(!said.contains("note: "), "{said}");
}

#[test]
fn a_profile_knows_whether_it_is_installed() {
    let world = World::new();
    let profile = world.profile();
    assert_eq!(profile.installed(None).unwrap(), Installed::No);
    let program = world.environment.executable.clone().unwrap();
    world.install(&yes()).unwrap();
    assert_eq!(profile.installed(None).unwrap(), Installed::Yes { program: program.clone() });
    let text = world.text();
    fs::write(world.settings(), text.replace("\"Stop\"", "\"Other\"")).unwrap();
    let reason = Outdated::EventsMissing(vec!["Stop".to_owned()]);
    assert_eq!(
        profile.installed(Some(Version(2, 1, 330))).unwrap(),
        Installed::Outdated { program: program.clone(), reason }
    );
    fs::write(world.settings(), text).unwrap();
    fs::remove_file(&program).unwrap();
    let reason = Outdated::ProgramGone;
    assert_eq!(profile.installed(None).unwrap(), Installed::Outdated { program, reason });
    fs::write(world.settings(), "{").unwrap();
    profile.installed(None).unwrap_err();
}
