//! `crewboard tmux install` and `uninstall`, with a real tmux that reads the file.

use crate::support::{Agent, BoardWorld};
use crewboard_testkit::skip;
use serde_json::json;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output};

fn crewboard(world: &BoardWorld, words: &[&str]) -> (Option<i32>, String) {
    let Output { status, stdout, stderr } = world.command(words).output().unwrap();
    let text = [stdout, stderr].concat();
    (status.code(), String::from_utf8(text).unwrap())
}

fn tmux(socket: &Path, words: &[&str]) -> String {
    let output = Command::new("tmux").arg("-S").arg(socket).args(words).output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn installed_lines_work_in_tmux_and_are_removed_byte_for_byte() {
    let Some(world) = BoardWorld::new() else { return };
    let file = world.home().join(".tmux.conf");
    // The last line has no newline.
    let original = "set -g status-left ''\nbind-key g next-window\nset -g @mine 'caf\u{e9}'";
    fs::write(&file, original).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
    let (code, text) = crewboard(&world, &["tmux", "install"]);
    assert!(code == Some(2) && text.contains("--yes"), "{text}");
    let (code, text) = crewboard(&world, &["tmux", "install", "--dry-run"]);
    assert!(code == Some(0) && text.contains("+set -g focus-events on"), "{text}");
    assert_eq!(fs::read_to_string(&file).unwrap(), original);
    let (code, text) = crewboard(&world, &["tmux", "install", "--yes"]);
    assert!(code == Some(0) && text.contains("binds the key g"), "{text}");
    let installed = fs::read_to_string(&file).unwrap();
    assert!(installed.starts_with(original));
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o640);
    let backup = world.home().join(".tmux.conf.crewboard-backup");
    assert_eq!(fs::read_to_string(backup).unwrap(), original);
    let (code, text) = crewboard(&world, &["tmux", "install", "--yes"]);
    assert!(code == Some(0) && text.contains("already there"), "{text}");
    assert_eq!(fs::read_to_string(&file).unwrap(), installed);

    let socket = world.path().join("inner");
    let (path, name) = (file.to_str().unwrap(), socket.to_str().unwrap());
    let words = ["env", "-u", "TMUX", "tmux", "-S", name, "-f", path, "new", "cat"];
    let screen = world.tmux.open("bar", (120, 20), &words);
    screen.wait_for_text("0:");
    // The file is read again.
    for _ in 0..3 {
        assert_eq!(tmux(&socket, &["source-file", path]), "");
    }
    let agent = Agent::new("shop");
    let place = format!("{name},1,0");
    let within = [("TMUX", place.as_str()), ("TMUX_PANE", "%0")];
    world.send_event_with(&within, &agent, "UserPromptSubmit", &json!({ "prompt": "go" }));
    screen.wait_for("the glyph of the window", |text| text.contains("*\u{25cf}"));
    let right = tmux(&socket, &["show-options", "-gv", "status-right"]);
    assert_eq!(right.matches("crewboard").count(), right.matches(" counts ").count(), "{right}");
    assert_eq!(right.matches(" counts ").count(), 1, "{right}");
    let format = tmux(&socket, &["show-options", "-gwv", "window-status-format"]);
    assert_eq!(format.matches("@crewboard").count(), 1, "{format}");
    assert_eq!(tmux(&socket, &["show-options", "-gv", "focus-events"]).trim(), "on");
    assert!(tmux(&socket, &["show-hooks", "-g", "pane-focus-in"]).contains("seen '#{pane_id}'"));
    // The count is at the end of the line, after the date.
    screen.wait_for("the counts", |text| {
        text.lines()
            .rev()
            .find(|line| !line.is_empty())
            .is_some_and(|line| line.trim_end().ends_with("\u{25cf}1"))
    });
    screen.press(&["C-b", "g"]);
    screen.wait_for_text("Enter");
    screen.press(&["q"]);
    screen.wait_for("no popup", |text| !text.contains("Enter"));
    tmux(&socket, &["kill-server"]);

    let (code, text) = crewboard(&world, &["tmux", "uninstall", "--yes"]);
    assert_eq!(code, Some(0), "{text}");
    assert_eq!(fs::read_to_string(&file).unwrap(), original);
    let (code, text) = crewboard(&world, &["tmux", "uninstall", "--yes"]);
    assert!(code == Some(0) && text.contains("no lines of Crewboard"), "{text}");
}

#[test]
fn changed_lines_between_the_marks_are_kept_in_a_backup() {
    let Some(world) = BoardWorld::new() else { return };
    let file = world.home().join(".tmux.conf");
    let [backup, previous] = ["backup", "previous"]
        .map(|suffix| world.home().join(format!(".tmux.conf.crewboard-{suffix}")));
    let original = "set -g x 1\n";
    fs::write(&file, original).unwrap();
    crewboard(&world, &["tmux", "install", "--yes"]);
    let installed = fs::read_to_string(&file).unwrap();
    assert!(!previous.exists());
    let edited = installed.replace("bind-key g ", "bind-key B ");
    assert_ne!(edited, installed);
    for words in [["tmux", "install", "--yes"], ["tmux", "uninstall", "--yes"]] {
        fs::write(&file, &edited).unwrap();
        let (code, text) = crewboard(&world, &words);
        assert!(code == Some(0) && text.contains(previous.to_str().unwrap()), "{text}");
        assert_eq!(fs::read_to_string(&previous).unwrap(), edited);
        fs::remove_file(&previous).unwrap();
    }
    assert_eq!(fs::read_to_string(&file).unwrap(), original);
    assert_eq!(fs::read_to_string(&backup).unwrap(), original, "the first backup stays");
    // Lines without changes need no backup.
    crewboard(&world, &["tmux", "install", "--yes"]);
    crewboard(&world, &["tmux", "uninstall", "--yes"]);
    assert!(!previous.exists());
}

#[test]
fn install_follows_a_link_and_creates_a_missing_file() {
    let Some(world) = BoardWorld::new() else { return };
    let file = world.home().join(".tmux.conf");
    let (code, text) = crewboard(&world, &["tmux", "install", "--yes"]);
    assert_eq!(code, Some(0), "{text}");
    assert!(fs::read_to_string(&file).unwrap().starts_with("# >>> crewboard >>>"));
    let (_, text) = crewboard(&world, &["tmux", "uninstall", "--yes"]);
    assert!(!file.exists(), "{text}");
    // The file of a dotfiles directory stays a link.
    let directory = world.home().join(".config/tmux");
    fs::create_dir_all(&directory).unwrap();
    let (real, link) = (world.home().join("dotfile"), directory.join("tmux.conf"));
    fs::write(&real, "set -g x 1\n").unwrap();
    std::os::unix::fs::symlink(&real, &link).unwrap();
    crewboard(&world, &["tmux", "install", "--yes"]);
    assert!(fs::read_to_string(&real).unwrap().contains("focus-events"));
    assert!(link.is_symlink() && !file.exists());
    crewboard(&world, &["tmux", "uninstall", "--yes"]);
    assert_eq!(fs::read_to_string(&real).unwrap(), "set -g x 1\n");
}

#[test]
fn tmux_install_keeps_hard_links() {
    let Some(world) = BoardWorld::new() else { return };
    let (real, other) = (world.home().join(".tmux.conf"), world.home().join("dotfile"));
    fs::write(&other, "set -g x 1\n").unwrap();
    fs::hard_link(&other, &real).unwrap();
    let (_, text) = crewboard(&world, &["tmux", "install", "--yes"]);
    assert!(fs::read_to_string(&other).unwrap().contains("focus-events"), "{text}");
    crewboard(&world, &["tmux", "uninstall", "--yes"]);
    assert_eq!(fs::read_to_string(&other).unwrap(), "set -g x 1\n");
}

#[test]
fn tmux_install_creates_no_file_in_a_home_of_another_user() {
    let Some(world) = BoardWorld::new() else { return };
    let home = world.home();
    let file = home.join(".tmux.conf");
    if std::os::unix::fs::chown(&home, Some(1234), None).is_err() {
        return skip("only root can change the owner of a directory");
    }
    for original in [None, Some("set -g x 1\n")] {
        if let Some(original) = original {
            fs::write(&file, original).unwrap();
        }
        let (code, text) = crewboard(&world, &["tmux", "install", "--yes"]);
        assert!(code == Some(1) && text.contains("another user (uid 1234)"), "{text}");
        assert_eq!(fs::read_to_string(&file).ok().as_deref(), original);
        assert!(!home.join(".tmux.conf.crewboard-backup").exists());
    }
}
