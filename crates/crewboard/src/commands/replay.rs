//! `crewboard replay` and `crewboard demo`: play a recording to a private daemon.

use crate::arguments::PaceArguments;
use crate::commands::{board, list};
use crate::failure::{Failure, exit_code};
use crate::recording::demo::DEMO;
use crate::recording::file::{self, Recording};
use crate::recording::interrupt::Interrupt;
use crate::recording::player::{Pace, Player};
use crate::recording::sandbox::Sandbox;
use crate::render::why_no_screen;
use std::fs;
use std::io::{self, IsTerminal as _, Read as _, Write as _};
use std::path::Path;
use std::process::ExitCode;

/// Plays a recording from a file.
pub(crate) fn replay(path: &Path, pace: &PaceArguments) -> Result<ExitCode, Failure> {
    let text = fs::read_to_string(path)
        .map_err(|error| Failure::new(format!("cannot read {}: {error}", path.display())))?;
    let recording = file::read(&text).map_err(|why| {
        Failure::new(format!("cannot play {}: {why}", path.display()))
            .hint("`crewboard record` writes recordings")
    })?;
    for problem in &recording.problems {
        let _ = writeln!(io::stderr(), "crewboard: {}: {problem}", path.display());
    }
    play(recording, pace, "replay: a recording, nothing here is live")
}

/// Plays the recording that is part of the program.
pub(crate) fn demo(pace: &PaceArguments) -> Result<ExitCode, Failure> {
    let recording = file::read(DEMO).map_err(Failure::new)?;
    play(recording, pace, "demo: nothing here is real")
}

/// Runs until its standard input is closed. Represents a recorded process.
pub(crate) fn placeholder() -> ExitCode {
    let _ = io::stdin().lock().read_to_end(&mut Vec::new());
    ExitCode::SUCCESS
}

fn play(
    recording: Recording,
    pace: &PaceArguments,
    notice: &'static str,
) -> Result<ExitCode, Failure> {
    let json = pace.format.is_json();
    let shows_board = !json && io::stdin().is_terminal() && io::stdout().is_terminal();
    if shows_board && let Some(why) = why_no_screen() {
        return Err(Failure::new(format!("cannot show the board on this terminal ({why})"))
            .hint("`--json` prints the sessions at the end of the recording"));
    }
    let pace = Pace { speed: pace.speed, from: pace.at.unwrap_or(0), pauses: pace.at.is_some() };
    let interrupt = Interrupt::catch()?;
    let sandbox = Sandbox::start()?;
    let mut player = Player::start(sandbox.daemon_locator(), recording.entries, pace)?;
    if !shows_board {
        if !player.play(&interrupt)? {
            return Ok(ExitCode::from(exit_code::INTERRUPTED));
        }
        return list::print(sandbox.daemon_locator(), json);
    }
    let play_all = || -> Result<(), Failure> {
        if player.play(&interrupt)? {
            interrupt.sleep_until(None)?;
        }
        Ok(())
    };
    // A paused recording is for a screenshot, which needs no notice.
    let notice = (!pace.pauses).then(|| notice.to_owned());
    play_while_shown(&interrupt, play_all, || {
        board::run_on_sandbox(sandbox.daemon_locator(), notice)
    })
}

/// Plays the recording until the board closes.
fn play_while_shown(
    interrupt: &Interrupt,
    play_all: impl FnOnce() -> Result<(), Failure> + Send,
    show: impl FnOnce() -> Result<ExitCode, Failure>,
) -> Result<ExitCode, Failure> {
    std::thread::scope(|scope| {
        let play_all = scope.spawn(play_all);
        // Stop the player even if the board panics; otherwise the scope would wait for it forever.
        let stop = StopOnDrop(interrupt);
        let outcome = show();
        drop(stop);
        let ended = play_all
            .join()
            .unwrap_or_else(|_| Err(Failure::new("the player of the recording has crashed")));
        outcome.and_then(|code| ended.map(|()| code))
    })
}

/// Interrupts the player when it is dropped.
struct StopOnDrop<'a>(&'a Interrupt);

impl Drop for StopOnDrop<'_> {
    fn drop(&mut self) {
        self.0.interrupt();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recording::demo::play_until;
    use crewboard_core::{End, Status};
    use std::collections::BTreeSet;

    /// Returns the statuses of all sessions at a moment of the demo.
    fn statuses_at(moment: i64) -> Vec<(Status, Option<End>, u32)> {
        let (sessions, _) = play_until(moment);
        sessions.iter().map(|row| (row.status, row.end, row.background)).collect()
    }

    #[test]
    fn player_stops_when_the_board_panics() {
        let interrupt = Interrupt::catch().unwrap();
        let waits = || Ok(interrupt.sleep_until(None).map(|_| ())?);
        let shown = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            play_while_shown(&interrupt, waits, || panic!("broke on purpose"))
        }));
        assert!(shown.is_err());
    }

    #[test]
    fn demo_shows_every_status_and_changes() {
        assert!(file::read(DEMO).unwrap().problems.is_empty());
        let start = statuses_at(0);
        let shown: BTreeSet<Status> = start.iter().map(|(status, ..)| *status).collect();
        assert_eq!(shown, BTreeSet::from(Status::ALL));
        assert!(
            start
                .iter()
                .any(|(status, _, background)| { (*status, *background) == (Status::Done, 2) })
        );
        let end = statuses_at(40_000);
        let killed = Some(End::Killed);
        assert!(end.iter().any(|(_, how, _)| *how == killed));
        assert_eq!(start.len(), end.len());
        assert!(start.iter().all(|(_, how, _)| *how != killed));
    }
}
