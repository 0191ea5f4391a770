//! What a person is asked and told, and what is registered for whom.

use crewboard_integrations::agents::claude::registration::Version;

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
fn what_keeps_hooks_from_running_is_told() {
    let world = World::with("{\"disableAllHooks\": true}");
    let said = world.install(&yes()).unwrap();
    assert!(said.contains("settings.json sets disableAllHooks, so no hook will run"), "{said}");
    assert!(!said.contains(RUNNING_SESSIONS), "{said}");
    let world = World::with(SETTINGS);
    let said = world.install(&yes()).unwrap();
    assert!(said.contains("settings.json, hooks included\n  line 2, column 3: "), "{said}");
    let directory = world.root.path().join("managed/managed-settings.d");
    fs::create_dir_all(&directory).unwrap();
    fs::write(directory.join("10-policy.json"), "{\"allowManagedHooksOnly\": true}").unwrap();
    let said = world.install(&yes()).unwrap();
    assert!(said.contains("10-policy.json sets allowManagedHooksOnly"), "{said}");
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
