//! Status bars: the counts, live, in a real tmux.

use crate::board_world::{Agent, BoardWorld};
use crewboard_testkit::{Pane, eventually};
use serde_json::json;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{fs, thread};

const PROGRAM: &str = env!("CARGO_BIN_EXE_crewboard");

/// A tmux within the test's tmux, whose status line shows the counts.
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

    /// The processes that count for it: those with its socket in their environment.
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

/// An agent at work, and the bar that says so.
fn one_works(world: &BoardWorld) -> (Agent, Inner, Pane<'_>) {
    let agent = Agent::new("shop");
    world.prompt(&agent, "go");
    let inner = Inner::configure(&world.home());
    let bar = inner.open(world);
    bar.shows("[●1]");
    (agent, inner, bar)
}

#[test]
fn tmux_shows_the_counts_as_they_change() {
    let Some(world) = BoardWorld::new() else { return };
    let (agent, inner, bar) = one_works(&world);
    // Changes in the same second: left alone, tmux would draw the later ones 15 s later.
    world.asks(&agent, "ls");
    let other = Agent::new("#(touch x)");
    world.prompt(&other, "go");
    world.prompt(&agent, "something else");
    world.asks(&other, "ls");
    world.hook(&agent, "Stop", &json!({}));
    bar.shows("[!1 ✓1]");
    inner.tmux(&["kill-server"]);
}

#[test]
fn a_configuration_read_fifty_times_leaves_one_process_and_a_tmux_that_ends_none() {
    let Some(world) = BoardWorld::new() else { return };
    let (agent, inner, bar) = one_works(&world);
    for _ in 0..50 {
        inner.tmux(&["source-file", inner.configuration.to_str().unwrap()]);
    }
    // Each drawing of the status line may start what it wants to show.
    for _ in 0..5 {
        inner.tmux(&["refresh-client", "-S"]);
    }
    world.asks(&agent, "ls");
    bar.shows("[!1]");
    eventually("one process counts", || inner.counters().len() == 1);
    inner.tmux(&["kill-server"]);
    eventually("none counts", || inner.counters().is_empty());
    // Nor does one whose reader has left.
    let mut watch = world.command(&["watch"]).stdout(Stdio::piped()).spawn().unwrap();
    drop(watch.stdout.take());
    let ended = thread::spawn(move || watch.wait().unwrap().success());
    eventually("it ends", || ended.is_finished());
    assert!(ended.join().unwrap());
}
