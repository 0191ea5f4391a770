//! Notifications that the user clicks.

use super::configure;
use crate::support::{Agent, BoardWorld, HiddenPane, install_fake_notifier, lines};
use crewboard_testkit::{is_dead, wait_until};
use serde_json::json;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

/// A `notify-send` that shows each notification at once, and waits until the test clicks or closes it.
struct Clicks {
    /// The pipe from which the notifier reads the name of the action.
    pipe: PathBuf,
    /// The file with the process of the notifier.
    pid: PathBuf,
}

impl Clicks {
    /// Installs the notifier, and starts a daemon that uses it.
    fn new(world: &BoardWorld) -> Self {
        let (directory, _) = install_fake_notifier(world);
        let clicks = Self { pipe: world.home().join("pipe"), pid: world.home().join("pid") };
        assert!(Command::new("mkfifo").arg(&clicks.pipe).status().unwrap().success());
        let script = format!(
            "#!/bin/sh\necho $$ >>'{}'\necho 7\nread -r action <'{}'\necho \"$action\"\n",
            clicks.pid.display(),
            clicks.pipe.display()
        );
        fs::write(directory.join("notify-send"), script).unwrap();
        let path = format!("{}:/usr/bin:/bin", directory.display());
        assert!(world.command(["daemon", "start"]).env("PATH", path).status().unwrap().success());
        clicks
    }

    /// Waits until a notification is shown. Returns the process of its notifier.
    fn wait_for_notifier(&self) -> u32 {
        wait_until("a notification is shown", || !lines(&self.pid).is_empty());
        lines(&self.pid)[0].parse().unwrap()
    }

    /// Prints the name of an action, as after a click.
    fn print(&self, action: &str) {
        fs::write(&self.pipe, format!("{action}\n")).unwrap();
    }
}

/// Returns the process that started this one.
fn parent_of(pid: u32) -> u32 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let parent = status.lines().find_map(|line| line.strip_prefix("PPid:"));
    parent.unwrap().trim().parse().unwrap()
}

#[test]
fn click_on_a_notification_shows_the_pane() {
    let Some(world) = BoardWorld::new() else { return };
    let clicks = Clicks::new(&world);
    let server = world.server("near");
    let hidden = HiddenPane::open(&world, &server);
    hidden.send_event("shop", "UserPromptSubmit", &json!({ "prompt": "go" }));
    let asks = json!({ "tool_name": "Bash", "tool_input": { "command": "default" } });
    hidden.send_event("shop", "PermissionRequest", &asks);
    clicks.wait_for_notifier();
    // The daemon remembers the notification while the notifier waits.
    wait_until("the notification is listed", || world.notifications().len() == 1);
    let listed = &world.notifications()[0];
    assert_eq!((&listed["name"], &listed["notifiers"]), (&json!("shop"), &json!(["desktop"])));
    assert_eq!(hidden.shown(), hidden.other_id);
    clicks.print("default");
    hidden.wait_until_shown(&hidden.id);
}

#[test]
fn daemon_exits_while_a_notification_waits_for_a_click() {
    let Some(world) = BoardWorld::new() else { return };
    let mut agent = Agent::new("shop");
    let clicks = Clicks::new(&world);
    world.send_prompt(&agent, "go");
    world.request_permission(&agent, "ls");
    let notifier = clicks.wait_for_notifier();
    configure(&world, "[daemon]\nidle_exit = '1ms'\n");
    agent.kill();
    wait_until("the daemon has exited", || world.daemons().is_empty());
    assert!(!is_dead(notifier));
    clicks.print("closed");
    wait_until("the notifier has exited", || is_dead(notifier));
}

#[test]
fn click_never_shows_a_session_named_like_the_key() {
    let Some(world) = BoardWorld::new() else { return };
    let clicks = Clicks::new(&world);
    let server = world.server("near");
    let hidden = HiddenPane::open(&world, &server);
    let mut agent = Agent::new("docs");
    world.send_prompt(&agent, "go");
    world.request_permission(&agent, "ls");
    let waiting = parent_of(clicks.wait_for_notifier());
    let key = world.list()[0]["key"].as_str().unwrap().to_owned();
    agent.kill();
    wait_until("the session is closed", || world.list()[0]["status"] == "closed");
    assert_eq!(world.run(["forget", &key]).code(), Some(0));
    // Another agent calls its directory like the key.
    let directory = json!({ "prompt": "go", "cwd": format!("/u/{key}") });
    hidden.send_event(&key, "UserPromptSubmit", &directory);
    wait_until("it has the name", || world.list().iter().any(|row| row["name"] == *key));
    clicks.print("default");
    wait_until("the click is handled", || is_dead(waiting));
    assert_eq!(hidden.shown(), hidden.other_id);
}
