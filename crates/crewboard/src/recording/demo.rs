//! The recording of the demo.

/// The recording, made by `cargo xtask demo`.
pub(crate) const DEMO: &str = include_str!("../../assets/demo.jsonl");

/// The wall clock at the moment 0 of the demo when a test plays it.
#[cfg(test)]
const START: u64 = 1_795_332_000_000;

/// Plays the demo without a daemon, always at the same times and with the same processes. Returns its sessions at a
/// moment, in milliseconds, and the wall clock of that moment.
#[cfg(test)]
pub(crate) fn play_until(moment: i64) -> (crewboard_core::SessionStore, crewboard_core::Timestamp) {
    use crate::recording::file::{self, EntryContent};
    use crewboard_core::{Event, Input, Now, Process, SessionStore, Stamp, Timestamp};

    let now_at = |at: i64| {
        let wall = START.saturating_add_signed(at);
        Now { wall: Timestamp(wall), stamp: Stamp { boot: 1, micros: wall * 1000 } }
    };
    // Processes have names such as `p12`.
    let process = |name: &str| {
        let number: u32 = name.trim_start_matches('p').parse().unwrap();
        Process { pid: 1570 + number, start: 1 }
    };
    let mut sessions = SessionStore::new("demo".to_owned());
    let tick_until = |sessions: &mut SessionStore, from: i64, until: i64| {
        let mut at = from;
        while let Some(wait) = sessions.next_deadline(now_at(at)) {
            at += i64::try_from(wait).unwrap().max(1);
            if at > until {
                break;
            }
            sessions.apply(Input::Tick, now_at(at));
        }
    };
    let mut latest = None;
    for entry in file::read(DEMO).unwrap().entries {
        if entry.at > moment {
            break;
        }
        tick_until(&mut sessions, latest.unwrap_or(entry.at), entry.at);
        latest = Some(entry.at);
        let now = now_at(entry.at);
        let input = match entry.content {
            EntryContent::Reported { mut report, process: name } => {
                report.stamp = now.stamp;
                report.process = name.as_deref().map(process);
                if let Event::UsageReport(usage) = &mut report.event {
                    usage.resets().for_each(|at| at.0 += now.wall.0);
                }
                Input::Reported(report)
            }
            EntryContent::Observed { mut observation, process: name } => {
                (observation.seen, observation.process) = (now.stamp, process(&name));
                Input::Observed(observation)
            }
            EntryContent::Exited { process: name } => {
                Input::ProcessExited { process: process(&name) }
            }
        };
        for watch in sessions.apply(input, now).watch {
            let process = watch.process;
            sessions.apply(Input::ProcessWatched { process, ancestors: Vec::new() }, now);
        }
    }
    tick_until(&mut sessions, latest.unwrap_or(moment), moment);
    (sessions, now_at(moment).wall)
}
