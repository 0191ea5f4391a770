//! Programs in place of `claude` and `notify-send`.

use super::{Agent, BoardWorld};
use serde_json::json;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

/// Installs a program `claude` that prints its arguments, directory and profile. Returns its directory.
pub(crate) fn install_fake_claude(world: &BoardWorld) -> PathBuf {
    let directory = world.path().join("bin");
    fs::create_dir(&directory).unwrap();
    let program = directory.join("claude");
    let script = "#!/bin/sh\necho \"ran claude $*\"; echo \"in $PWD\"; \
                echo \"profile ${CLAUDE_CONFIG_DIR-usual}\"; exec cat\n";
    fs::write(&program, script).unwrap();
    fs::set_permissions(&program, Permissions::from_mode(0o755)).unwrap();
    directory
}

/// Starts and kills a session in a directory, with its own profile. Returns the session and the profile.
pub(crate) fn closed_session(world: &BoardWorld, directory: &Path) -> (Agent, String) {
    let profile = world.path().join("profile").display().to_string();
    let own = [("CLAUDE_CONFIG_DIR", &*profile)];
    let mut closed = Agent::started_in(directory, &own, "6cf7f83b-72a2");
    let cwd = json!({ "prompt": "go on", "cwd": directory });
    world.send_event_with(&own, &closed, "UserPromptSubmit", &cwd);
    world.wait_for_row(&closed.id, "with its origin", |row| row["origin"].is_object());
    closed.kill();
    world.wait_for_row(&closed.id, "closed", |row| row["status"] == "closed");
    (closed, profile)
}

/// Installs a `notify-send` that records its arguments, one per line. Returns its directory and the file.
pub(crate) fn install_fake_notifier(world: &BoardWorld) -> (PathBuf, PathBuf) {
    let (directory, received) = (world.home().join("bin"), world.home().join("received"));
    fs::create_dir(&directory).unwrap();
    let script = format!("#!/bin/sh\nprintf '%s\\n' \"$@\" >>'{}'\n", received.display());
    let program = directory.join("notify-send");
    fs::write(&program, script).unwrap();
    fs::set_permissions(&program, Permissions::from_mode(0o755)).unwrap();
    (directory, received)
}

/// Installs a fake `notify-send` and starts a daemon that uses it. Returns the file with its arguments.
pub(crate) fn start_daemon_with_notifier(world: &BoardWorld) -> PathBuf {
    let (directory, received) = install_fake_notifier(world);
    let path = format!("{}:/usr/bin:/bin", directory.display());
    assert!(world.command(["daemon", "start"]).env("PATH", path).status().unwrap().success());
    received
}

/// Returns the lines of a file that commands write to. Returns none if there is no such file.
pub(crate) fn lines(path: &Path) -> Vec<String> {
    let text = fs::read_to_string(path).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}
