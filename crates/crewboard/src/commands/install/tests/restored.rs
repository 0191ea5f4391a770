//! Tests which text uninstall removes and restores.

use std::fs;
use std::os::unix::fs::symlink;

use super::super::profile::InstallState;
use super::{RUNNING_SESSIONS, SETTINGS, World, executable, mode, yes};

#[test]
fn uninstall_restores_identical_bytes() {
    for settings in ["", "{}", "{ }\n", "\u{feff}{\r\n}\r\n", "{\"hooks\":{\"Stop\":[]}}", SETTINGS]
    {
        let world = World::with(settings);
        let before = world.files();
        world.install(&yes()).unwrap();
        let output = world.uninstall(&yes()).unwrap();
        assert!(output.contains("Restored "), "{output}");
        assert_eq!(world.files(), before, "{settings:?}");
    }
}

/// Settings with a status line of the user. Crewboard would not write the escape in its command.
const LINE: &str = "{\n  \"statusLine\": {\"type\": \"command\", \"command\": \"~\\/line.sh 'a b'\", \"padding\": 2},\n  \"model\": \"opus\"\n}\n";

#[test]
fn status_line_is_wrapped_and_restored() {
    let world = World::with(LINE);
    let output = world.install(&yes()).unwrap();
    assert!(output.contains("Your status line looks the same"), "{output}");
    let installed = world.text();
    let program = world.environment.executable.clone().unwrap();
    let program = format!("exec '{}' statusline -- ", program.display());
    assert!(installed.contains(&program), "{installed}");
    assert!(installed.contains("\"padding\": 2"), "{installed}");
    world.install(&yes()).unwrap();
    assert_eq!(world.text(), installed, "twice changes nothing");
    world.uninstall(&yes()).unwrap();
    assert_eq!(world.files(), [("settings.json".to_owned(), LINE.to_owned())]);
    // The user changed another option: the command is restored from the arguments of Crewboard's command.
    world.install(&yes()).unwrap();
    fs::write(world.settings(), world.text().replace("opus", "haiku")).unwrap();
    world.uninstall(&yes()).unwrap();
    assert_eq!(world.text(), LINE.replace("opus", "haiku").replace("~\\/", "~/"));
}

#[test]
fn status_line_without_a_command_is_not_changed() {
    for line in [
        r#"{"type": "command", "command": ""}"#,
        r#"{"type": "command", "command": " \t"}"#,
        r#"{"type": "static", "command": "text"}"#,
    ] {
        let settings = format!("{{\"statusLine\": {line}}}");
        let world = World::with(&settings);
        let output = world.install(&yes()).unwrap();
        assert!(world.text().contains(line), "{}", world.text());
        assert!(output.contains("note: context, cost and limits come from"), "{output}");
        world.uninstall(&yes()).unwrap();
        assert_eq!(world.text(), settings);
    }
}

#[test]
fn uninstall_keeps_a_status_line_that_the_user_changed() {
    let world = World::with(LINE);
    world.install(&yes()).unwrap();
    let line = crewboard_agents::settings_edit::set_status_line(&world.text(), Some("mine"));
    fs::write(world.settings(), line.unwrap()).unwrap();
    world.uninstall(&yes()).unwrap();
    assert_eq!(world.text(), LINE.replace("~\\/line.sh 'a b'", "mine"));
}

#[test]
fn uninstall_keeps_a_crewboard_status_line_of_the_user() {
    const BY_HAND: [&str; 2] = ["crewboard statusline", r#"crewboard statusline -- \"echo hi\""#];
    for command in BY_HAND {
        let settings = LINE.replace("~\\/line.sh 'a b'", command);
        let world = World::with(&settings);
        world.install(&yes()).unwrap();
        let output = world.uninstall(&yes()).unwrap();
        assert_eq!(world.files(), [("settings.json".to_owned(), settings.clone())]);
        assert!(output.contains("did not write: crewboard statusline"), "{output}");
        // A second uninstall keeps it too.
        let output = world.uninstall(&yes()).unwrap();
        assert_eq!(world.text(), settings);
        assert!(output.contains("did not write: crewboard statusline"), "{output}");
        // The user changed another option.
        world.install(&yes()).unwrap();
        fs::write(world.settings(), world.text().replace("opus", "haiku")).unwrap();
        world.uninstall(&yes()).unwrap();
        assert_eq!(world.text(), settings.replace("opus", "haiku"));
    }
    // A Crewboard status line that was added after install is removed with the hooks.
    for (command, left, expected) in [
        (BY_HAND[0], "", "Removed the status line: crewboard statusline\n"),
        (BY_HAND[1], "echo hi", "Restored the status line: echo hi\n"),
    ] {
        let world = World::with(SETTINGS);
        world.install(&yes()).unwrap();
        let line = format!(r#"  "statusLine": {{"command": "{command}", "type": "command"}}"#);
        let opus = "  \"model\": \"opus\"";
        let text = world.text().replace(opus, &format!("{opus},\n{line}"));
        fs::write(world.settings(), &text).unwrap();
        let output = world.uninstall(&yes()).unwrap();
        let line = format!(",\n{}", line.replace(command, left));
        let line = if left.is_empty() { "" } else { &line };
        assert_eq!(world.text(), SETTINGS.replace(opus, &format!("{opus}{line}")));
        assert!(output.contains(expected), "{output}");
    }
}

#[test]
fn uninstall_restores_a_wrapped_status_line_without_hooks() {
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
        let output = world.uninstall(&yes()).unwrap();
        assert!(output.contains("Restored the status line: ~/line.sh 'a b'\n"), "{output}");
        assert_eq!(world.text(), own);
    }
}

#[test]
fn uninstall_removes_a_file_that_install_created() {
    let mut world = World::new();
    let output = world.install(&yes()).unwrap();
    assert!(output.contains("The file is new."), "{output}");
    assert!(output.contains(RUNNING_SESSIONS), "{output}");
    assert_eq!((mode(&world.settings()), mode(&world.directory())), (0o600, 0o700));
    // Uninstall also removes it if the program has moved since.
    let moved = world.root.path().join("home/opt/crewboard");
    executable(&moved, "program");
    world.environment.executable = Some(moved);
    let output = world.install(&yes()).unwrap();
    assert!(output.contains("The file is new."), "{output}");
    assert!(world.uninstall(&yes()).unwrap().starts_with("Removed "));
    assert_eq!(world.files(), []);
}

#[test]
fn uninstall_keeps_a_file_that_may_be_the_users() {
    for settings in ["", "{}\n"] {
        let world = World::with(settings);
        world.install(&yes()).unwrap();
        fs::remove_file(world.backup()).unwrap();
        world.uninstall(&yes()).unwrap();
        assert_eq!(world.files(), [("settings.json".to_owned(), "{}\n".to_owned())]);
    }
    // Install had created the file, but another program has replaced it.
    let world = World::new();
    world.install(&yes()).unwrap();
    fs::write(world.settings(), "{}\n").unwrap();
    world.install(&yes()).unwrap();
    fs::remove_file(world.backup()).unwrap();
    world.uninstall(&yes()).unwrap();
    assert_eq!(world.files(), [("settings.json".to_owned(), "{}\n".to_owned())]);
}

#[test]
fn uninstall_keeps_later_edits() {
    let world = World::with(SETTINGS);
    world.install(&yes()).unwrap();
    fs::write(world.settings(), world.text().replace("opus", "haiku")).unwrap();
    let output = world.uninstall(&yes()).unwrap();
    assert!(output.contains("other changes were kept"), "{output}");
    assert_eq!(world.text(), SETTINGS.replace("opus", "haiku"));
    // The backup is the only copy of the former text, so it is kept.
    assert_eq!(fs::read_to_string(world.backup()).unwrap(), SETTINGS);
    assert!(world.uninstall(&yes()).unwrap().ends_with("no Crewboard hooks found.\n"));
}

#[test]
fn install_updates_the_path_of_a_moved_program() {
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
fn install_recognises_a_renamed_program() {
    // The older version needs a shell to run a program, the newer one does not.
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
            let output = world.install(&yes()).unwrap();
            assert!(output.contains("the hooks are already installed.\n"), "{output}");
            assert_eq!(world.files(), files);
            let installed = world.profile().install_state(Some(version.parse().unwrap())).unwrap();
            assert_eq!(installed, InstallState::Yes { program: program.clone() });
        }
        assert!(!world.text().contains("crewboard-dev"), "{}", world.text());
        world.uninstall(&yes()).unwrap();
        assert_eq!(world.text(), SETTINGS);
    }
}

#[test]
fn backup_with_hooks_is_not_an_original() {
    let world = World::with(SETTINGS);
    world.install(&yes()).unwrap();
    fs::copy(world.settings(), world.backup()).unwrap();
    world.uninstall(&yes()).unwrap();
    assert_eq!(world.text(), "{\n  // mine\n  \"model\": \"opus\"\n}\n");
}

#[test]
fn install_creates_the_target_of_a_link() {
    let world = World::with("");
    let target = world.root.path().join("real.json");
    fs::remove_file(world.settings()).unwrap();
    symlink(&target, world.settings()).unwrap();
    world.install(&yes()).unwrap();
    assert!(target.is_file());
    world.uninstall(&yes()).unwrap();
    assert!(!target.exists() && fs::symlink_metadata(world.settings()).unwrap().is_symlink());
    // If the directory of the target is missing, the error names the target.
    let target = world.root.path().join("no/such/real.json");
    fs::remove_file(world.settings()).unwrap();
    symlink(&target, world.settings()).unwrap();
    let output = world.install(&yes()).unwrap_err().to_string();
    let (first, advice) = output.split_once('\n').unwrap();
    let path = target.display();
    assert_eq!(first, format!("cannot write {path}: No such file or directory"));
    assert!(advice.contains("check that the directory exists"), "{output}");
    assert!(!world.directory().join("settings.json.crewboard-made").exists());
}
