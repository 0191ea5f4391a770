//! `crewboard counts`, in the status line of a real tmux.

use crate::support::{Agent, BoardWorld, PROGRAM};
use crewboard_testkit::{Pane, wait_until};
use serde_json::json;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{fs, thread};

/// A tmux server inside the test's tmux, whose status line shows the counts.
struct Inner {
    socket: PathBuf,
    configuration: PathBuf,
}

impl Inner {
    fn configure(directory: &Path) -> Self {
        let inner =
            Self { socket: directory.join("inner"), configuration: directory.join("inner.conf") };
        let text = format!(
            "set -g status-left ''\nset -g status-right '[#({PROGRAM} counts --format tmux --follow)]'\n"
        );
        fs::write(&inner.configuration, text).unwrap();
        inner
    }

    fn open<'a>(&self, world: &'a BoardWorld) -> Pane<'a> {
        let (socket, configuration) =
            (self.socket.to_str().unwrap(), self.configuration.to_str().unwrap());
        let words = ["env", "-u", "TMUX", "tmux", "-S", socket, "-f", configuration, "new", "cat"];
        world.tmux.open("bar", (80, 6), &words)
    }

    fn tmux(&self, words: &[&str]) {
        let mut command = Command::new("tmux");
        command.arg("-S").arg(&self.socket).args(words).stderr(Stdio::inherit());
        assert!(command.status().unwrap().success(), "{words:?}");
    }

    /// Returns the pids of the `counts` processes with this server in their environment.
    fn counters(&self) -> Vec<u32> {
        let mark = format!("TMUX={},", self.socket.display());
        let counts = |pid: &u32| {
            let read = |name: &str| fs::read(format!("/proc/{pid}/{name}")).unwrap_or_default();
            let is_ours = read("environ")
                .split(|byte| *byte == 0)
                .any(|one| one.starts_with(mark.as_bytes()));
            is_ours && read("cmdline").split(|byte| *byte == 0).any(|word| word == b"counts")
        };
        let processes = fs::read_dir("/proc").unwrap().filter_map(Result::ok);
        processes
            .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
            .filter(counts)
            .collect()
    }
}

/// Starts an agent that works, and waits until the status line shows it.
fn show_working_agent(world: &BoardWorld) -> (Agent, Inner, Pane<'_>) {
    let agent = Agent::new("shop");
    world.send_prompt(&agent, "go");
    let inner = Inner::configure(&world.home());
    let bar = inner.open(world);
    bar.wait_for_text("[●1]");
    (agent, inner, bar)
}

#[test]
fn tmux_status_line_follows_the_counts() {
    let Some(world) = BoardWorld::new() else { return };
    let (agent, inner, bar) = show_working_agent(&world);
    // These changes are in one second. By itself, tmux would draw the later ones 15 s later.
    world.request_permission(&agent, "ls");
    let other = Agent::new("#(touch x)");
    world.send_prompt(&other, "go");
    world.send_prompt(&agent, "something else");
    world.request_permission(&other, "ls");
    world.send_event(&agent, "Stop", &json!({}));
    bar.wait_for_text("[!1 √1]");
    inner.tmux(&["kill-server"]);
}

#[test]
fn one_counts_process_remains_after_fifty_configuration_reloads() {
    let Some(world) = BoardWorld::new() else { return };
    let (agent, inner, bar) = show_working_agent(&world);
    for _ in 0..50 {
        inner.tmux(&["source-file", inner.configuration.to_str().unwrap()]);
    }
    // Each redraw of the status line may start the command again.
    for _ in 0..5 {
        inner.tmux(&["refresh-client", "-S"]);
    }
    world.request_permission(&agent, "ls");
    bar.wait_for_text("[!1]");
    wait_until("one process counts", || inner.counters().len() == 1);
    inner.tmux(&["kill-server"]);
    wait_until("no process counts", || inner.counters().is_empty());
    // `watch` also ends when its reader is gone.
    let mut watch = world.command(["watch"]).stdout(Stdio::piped()).spawn().unwrap();
    drop(watch.stdout.take());
    let ended = thread::spawn(move || watch.wait().unwrap().success());
    wait_until("`watch` ends", || ended.is_finished());
    assert!(ended.join().unwrap());
}

#[test]
fn tmux_window_has_the_shape_of_its_session() {
    let Some(world) = BoardWorld::new() else { return };
    let inner = Inner::configure(&world.home());
    let line = format!(
        "set -g status-left ''\nset -g status-right '[#({PROGRAM} counts --format tmux --follow --windows)]'\n\
         set -g window-status-current-format '<#{{@crewboard}}>'\n"
    );
    fs::write(&inner.configuration, line).unwrap();
    let bar = inner.open(&world);
    bar.wait_for_text("<>");
    let agent = Agent::new("shop");
    let socket = format!("{},1,0", inner.socket.display());
    let within = [("TMUX", socket.as_str()), ("TMUX_PANE", "%0")];
    world.send_event_with(&within, &agent, "UserPromptSubmit", &json!({ "prompt": "go" }));
    bar.wait_for_text("<●>");
    let tool = json!({ "tool_name": "Bash", "tool_input": { "command": "ls" } });
    world.send_event_with(&within, &agent, "PermissionRequest", &tool);
    bar.wait_for_text("<!>");
    drop(agent);
    bar.wait_for_text("<>");
    inner.tmux(&["kill-server"]);
}
