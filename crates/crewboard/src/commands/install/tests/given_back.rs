//! What uninstall takes out, and what it gives back.

use std::fs;
use std::os::unix::fs::symlink;

use super::super::profile::Installed;
use super::{RUNNING_SESSIONS, SETTINGS, World, executable, mode, yes};

#[test]
fn uninstall_gives_back_identical_bytes() {
    for settings in ["", "{}", "{ }\n", "\u{feff}{\r\n}\r\n", "{\"hooks\":{\"Stop\":[]}}", SETTINGS]
    {
        let world = World::with(settings);
        let before = world.files();
        world.install(&yes()).unwrap();
        let said = world.uninstall(&yes()).unwrap();
        assert!(said.contains("is again as it was before install"), "{said}");
        assert_eq!(world.files(), before, "{settings:?}");
    }
}

/// A status line as users have them, its command written in a way that we would not.
const LINE: &str = "{\n  \"statusLine\": {\"type\": \"command\", \"command\": \"~\\/line.sh 'a b'\", \"padding\": 2},\n  \"model\": \"opus\"\n}\n";

#[test]
fn a_status_line_is_wrapped_and_given_back() {
    let world = World::with(LINE);
    let said = world.install(&yes()).unwrap();
    assert!(said.contains("Your status line looks as before"), "{said}");
    let installed = world.text();
    let program = world.environment.executable.clone().unwrap();
    let program = format!("exec '{}' statusline -- ", program.display());
    assert!(installed.contains(&program), "{installed}");
    assert!(installed.contains("\"padding\": 2"), "{installed}");
    world.install(&yes()).unwrap();
    assert_eq!(world.text(), installed, "twice changes nothing");
    world.uninstall(&yes()).unwrap();
    assert_eq!(world.files(), [("settings.json".to_owned(), LINE.to_owned())]);
    // Something else changed meanwhile: the command comes back from our arguments.
    world.install(&yes()).unwrap();
    fs::write(world.settings(), world.text().replace("opus", "haiku")).unwrap();
    world.uninstall(&yes()).unwrap();
    assert_eq!(world.text(), LINE.replace("opus", "haiku").replace("~\\/", "~/"));
}

#[test]
fn a_status_line_that_runs_nothing_is_left_alone() {
    for line in [
        r#"{"type": "command", "command": ""}"#,
        r#"{"type": "command", "command": " \t"}"#,
        r#"{"type": "static", "command": "text"}"#,
    ] {
        let settings = format!("{{\"statusLine\": {line}}}");
        let world = World::with(&settings);
        let said = world.install(&yes()).unwrap();
        assert!(world.text().contains(line), "{}", world.text());
        assert!(said.contains("note: no status line runs"), "{said}");
        world.uninstall(&yes()).unwrap();
        assert_eq!(world.text(), settings);
    }
}

#[test]
fn a_status_line_that_the_user_changed_since_is_the_users() {
    let world = World::with(LINE);
    world.install(&yes()).unwrap();
    let line = crewboard_agents::settings_edit::set_status_line(&world.text(), Some("mine"));
    fs::write(world.settings(), line.unwrap()).unwrap();
    world.uninstall(&yes()).unwrap();
    assert_eq!(world.text(), LINE.replace("~\\/line.sh 'a b'", "mine"));
}

#[test]
fn a_status_line_of_ours_that_the_user_wrote_is_the_users() {
    const BY_HAND: [&str; 2] = ["crewboard statusline", r#"crewboard statusline -- \"echo hi\""#];
    for command in BY_HAND {
        let settings = LINE.replace("~\\/line.sh 'a b'", command);
        let world = World::with(&settings);
        world.install(&yes()).unwrap();
        let said = world.uninstall(&yes()).unwrap();
        assert_eq!(world.files(), [("settings.json".to_owned(), settings.clone())]);
        assert!(said.contains("runs: crewboard statusline"), "{said}");
        // Nor does another uninstall take it.
        let said = world.uninstall(&yes()).unwrap();
        assert_eq!(world.text(), settings);
        assert!(said.contains("runs: crewboard statusline"), "{said}");
        // Something else changed meanwhile.
        world.install(&yes()).unwrap();
        fs::write(world.settings(), world.text().replace("opus", "haiku")).unwrap();
        world.uninstall(&yes()).unwrap();
        assert_eq!(world.text(), settings.replace("opus", "haiku"));
    }
    // One that came after install goes with the hooks, and that is told.
    for (command, left, told) in [
        (BY_HAND[0], "", "The status line went with the hooks: crewboard statusline\n"),
        (BY_HAND[1], "echo hi", "The status line is again: echo hi\n"),
    ] {
        let world = World::with(SETTINGS);
        world.install(&yes()).unwrap();
        let line = format!(r#"  "statusLine": {{"command": "{command}", "type": "command"}}"#);
        let opus = "  \"model\": \"opus\"";
        let text = world.text().replace(opus, &format!("{opus},\n{line}"));
        fs::write(world.settings(), &text).unwrap();
        let said = world.uninstall(&yes()).unwrap();
        let line = format!(",\n{}", line.replace(command, left));
        let line = if left.is_empty() { "" } else { &line };
        assert_eq!(world.text(), SETTINGS.replace(opus, &format!("{opus}{line}")));
        assert!(said.contains(told), "{said}");
    }
}

#[test]
fn a_wrapped_status_line_without_its_hooks_is_taken_out_all_the_same() {
    let world = World::with(LINE);
    world.install(&yes()).unwrap();
    let own = LINE.replace("~\\/", "~/");
    let wrapped = crewboard_agents::settings_edit::status_line(&world.text()).unwrap();
    let without =
        crewboard_agents::settings_edit::set_status_line(&own, wrapped.as_deref()).unwrap();
    for hooks_again in [false, true] {
        fs::remove_file(world.backup()).unwrap_or_default();
        fs::write(world.settings(), &without).unwrap();
        if hooks_again {
            world.install(&yes()).unwrap();
        }
        let said = world.uninstall(&yes()).unwrap();
        assert!(said.contains("The status line is again: ~/line.sh 'a b'\n"), "{said}");
        assert_eq!(world.text(), own);
    }
}

#[test]
fn a_file_install_made_goes_again() {
    let mut world = World::new();
    let said = world.install(&yes()).unwrap();
    assert!(said.contains("There was no such file before."), "{said}");
    assert!(said.contains(RUNNING_SESSIONS), "{said}");
    assert_eq!((mode(&world.settings()), mode(&world.directory())), (0o600, 0o700));
    // Also where the program has moved in between.
    let moved = world.root.path().join("home/opt/crewboard");
    executable(&moved, "program");
    world.environment.executable = Some(moved);
    let said = world.install(&yes()).unwrap();
    assert!(said.contains("There was no such file before."), "{said}");
    assert!(world.uninstall(&yes()).unwrap().starts_with("Removed "));
    assert_eq!(world.files(), []);
}

#[test]
fn a_file_that_may_be_the_users_is_not_removed() {
    for settings in ["", "{}\n"] {
        let world = World::with(settings);
        world.install(&yes()).unwrap();
        fs::remove_file(world.backup()).unwrap();
        world.uninstall(&yes()).unwrap();
        assert_eq!(world.files(), [("settings.json".to_owned(), "{}\n".to_owned())]);
    }
    // It had been made by install, but is another by now.
    let world = World::new();
    world.install(&yes()).unwrap();
    fs::write(world.settings(), "{}\n").unwrap();
    world.install(&yes()).unwrap();
    fs::remove_file(world.backup()).unwrap();
    world.uninstall(&yes()).unwrap();
    assert_eq!(world.files(), [("settings.json".to_owned(), "{}\n".to_owned())]);
}

#[test]
fn after_an_edit_only_ours_go() {
    let world = World::with(SETTINGS);
    world.install(&yes()).unwrap();
    fs::write(world.settings(), world.text().replace("opus", "haiku")).unwrap();
    let said = world.uninstall(&yes()).unwrap();
    assert!(said.contains("what else changed in it was kept"), "{said}");
    assert_eq!(world.text(), SETTINGS.replace("opus", "haiku"));
    // The only copy of the former text is not ours to throw away.
    assert_eq!(fs::read_to_string(world.backup()).unwrap(), SETTINGS);
    assert!(world.uninstall(&yes()).unwrap().ends_with("no hooks of Crewboard's.\n"));
}

#[test]
fn a_moved_program_is_updated_and_the_original_still_comes_back() {
    let mut world = World::with(SETTINGS);
    world.install(&yes()).unwrap();
    let former = world.text();
    let moved = world.root.path().join("home/opt/crewboard");
    executable(&moved, "program");
    let old = world.environment.executable.replace(moved.clone()).unwrap();
    world.install(&yes()).unwrap();
    let text = world.text();
    assert_eq!(text, former.replace(old.to_str().unwrap(), moved.to_str().unwrap()));
    assert_eq!(fs::read_to_string(world.backup()).unwrap(), SETTINGS);
    world.uninstall(&yes()).unwrap();
    assert_eq!(world.text(), SETTINGS);
}

#[test]
fn a_renamed_program_is_known_again() {
    // One that takes no program without a shell, and one that does.
    for version in ["2.1.100", "2.1.330"] {
        let mut world = World::with(SETTINGS);
        let claude = world.root.path().join("home/.local/bin/claude");
        executable(&claude, &format!("#!/bin/sh\necho {version}\n"));
        let (dev, short) = {
            let home = world.root.path().join("home");
            (home.join("crewboard-dev"), home.join("cb"))
        };
        for program in [&dev, &short] {
            executable(program, "program");
            world.environment.executable = Some(program.clone());
            world.install(&yes()).unwrap();
            let files = world.files();
            let said = world.install(&yes()).unwrap();
            assert!(said.contains("the hooks are in place.\n"), "{said}");
            assert_eq!(world.files(), files);
            let installed = world.profile().installed(Some(version.parse().unwrap())).unwrap();
            assert_eq!(installed, Installed::Yes { program: program.clone() });
        }
        assert!(!world.text().contains("crewboard-dev"), "{}", world.text());
        world.uninstall(&yes()).unwrap();
        assert_eq!(world.text(), SETTINGS);
    }
}

#[test]
fn a_backup_with_ours_in_it_is_never_taken_for_an_original() {
    let world = World::with(SETTINGS);
    world.install(&yes()).unwrap();
    fs::copy(world.settings(), world.backup()).unwrap();
    world.uninstall(&yes()).unwrap();
    assert_eq!(world.text(), "{\n  // mine\n  \"model\": \"opus\"\n}\n");
}

#[test]
fn a_link_to_nothing_yet_gets_its_target() {
    let world = World::with("");
    let target = world.root.path().join("real.json");
    fs::remove_file(world.settings()).unwrap();
    symlink(&target, world.settings()).unwrap();
    world.install(&yes()).unwrap();
    assert!(target.is_file());
    world.uninstall(&yes()).unwrap();
    assert!(!target.exists() && fs::symlink_metadata(world.settings()).unwrap().is_symlink());
    // And one to no directory is told by its own name.
    let target = world.root.path().join("no/such/real.json");
    fs::remove_file(world.settings()).unwrap();
    symlink(&target, world.settings()).unwrap();
    let said = world.install(&yes()).unwrap_err().to_string();
    let (first, advice) = said.split_once('\n').unwrap();
    let path = target.display();
    assert_eq!(first, format!("cannot write {path}: No such file or directory (os error 2)"));
    assert!(advice.contains("Check that the directory exists"), "{said}");
    assert!(!world.directory().join("settings.json.crewboard-made").exists());
}
