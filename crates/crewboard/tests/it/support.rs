//! Worlds, agents and programs that the tests share.

mod agent_with_files;
mod board_world;
mod fake_programs;
mod false_daemon;
mod measure;
mod payloads;
mod private_namespace;
mod running_command;
mod tmux_servers;

pub(crate) use agent_with_files::{
    AgentWithFile, AgentWithTranscript, is_watched, transcript_time,
};
pub(crate) use board_world::{Agent, BoardWorld};
pub(crate) use fake_programs::{
    closed_session, install_fake_claude, install_fake_notifier, lines, start_daemon_with_notifier,
};
pub(crate) use false_daemon::serve_replies;
pub(crate) use measure::{assert_never_wakes, memory_of, processor_time, served_events, wake_ups};
pub(crate) use payloads::{payload, prompt_payload};
pub(crate) use private_namespace::{in_private_namespace, with_private_limits};
pub(crate) use running_command::RunningCommand;
pub(crate) use tmux_servers::{
    HiddenPane, SHELL, SIZE, TwoServers, agent_command, files_named_x, greeting, plain_shell,
    run_in_pane, shell_without_variables,
};

use crewboard_core::Stamp;
use crewboard_platform::Clock;
use crewboard_testkit::World;
use std::io::Write;

/// The program under test.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_crewboard");

/// Creates a world for the program that was built with these tests.
pub(crate) fn world() -> World {
    World::new(PROGRAM)
}

/// Returns how often a test repeats a race: `CREWBOARD_TEST_ROUNDS` times, or `usual` times.
pub(crate) fn rounds(usual: usize) -> usize {
    let asked = std::env::var("CREWBOARD_TEST_ROUNDS").ok();
    asked.and_then(|rounds| rounds.parse().ok()).unwrap_or(usual)
}

/// Prints a measured value to standard error, which the test runner does not capture.
pub(crate) fn note(text: &str) {
    let _ = writeln!(std::io::stderr(), "note: {text}");
}

/// Returns the uid of the user who runs the tests.
pub(crate) fn own_uid() -> u32 {
    rustix::process::geteuid().as_raw()
}

pub(crate) fn now() -> Stamp {
    Clock::new().stamp()
}
