//! The sound of a notification, and the quiet hours.

use crate::command_runner::{CommandRunner, process_for};
use crewboard_config::{Environment, Notify, parse_minute};
use crewboard_core::Session;
use crewboard_platform::{Deadline, wait_within};
use crewboard_terminals::{Command, System as _};
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::time::Duration;

/// Time limit of a sound. The daemon waits longer for this process.
const SOUND_TIMEOUT: Duration = Duration::from_secs(10);

/// Programs that play a sound file, for Linux and macOS.
const PLAYERS: [&[&str]; 4] = [&["pw-play"], &["paplay"], &["aplay", "-q"], &["afplay"]];

/// A sound that is played.
#[derive(Debug)]
pub(super) struct Sound {
    player: Child,
}

impl Sound {
    /// Waits for the end of the sound, and ends it at the time limit. Returns false if it failed.
    pub(super) fn finish(mut self) -> bool {
        let deadline = Deadline::after(SOUND_TIMEOUT);
        if let Ok(Some(status)) = wait_within(&mut self.player, deadline) {
            return status.success();
        }
        let _ = self.player.kill();
        self.player.wait().is_ok()
    }
}

/// Plays the sound of the most urgent session, if its status has one. The first player that exists plays it.
pub(super) fn play(rows: &[Session], notify: &Notify, environment: &Environment) -> Option<Sound> {
    let status = rows.first()?.status.word();
    let (_, path) = notify.sounds.iter().find(|(name, _)| name == status)?;
    start(path, environment)
}

/// Starts to play a sound file. Returns `None` if there is no player.
pub(super) fn start(path: &str, environment: &Environment) -> Option<Sound> {
    let path = match path.strip_prefix("~/") {
        Some(rest) => environment.home.as_ref()?.join(rest),
        None => PathBuf::from(path),
    };
    let path = path.to_str()?;
    PLAYERS.iter().find_map(|player| {
        let words = player.iter().copied().chain([path]);
        let mut process = process_for(&Command::new(words));
        process.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        process.spawn().ok().map(|player| Sound { player })
    })
}

/// Returns true in the quiet hours, by the local time of `date`. Returns false if that cannot be read.
pub(super) fn is_quiet(notify: &Notify) -> bool {
    let Some(hours) = notify.quiet else { return false };
    let printed = CommandRunner::for_background().run(&Command::new(["date", "+%H:%M"]));
    let minute = printed.ok().and_then(|text| parse_minute(text.trim()));
    minute.is_some_and(|minute| hours.contains(minute))
}
