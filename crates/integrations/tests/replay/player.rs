//! Plays a recording: the hooks that are registered and the processes' ends, in the order of their
//! clocks, each taken in a moment after it happened.

use crewboard_core::{Input, Kept, Now, Process, Sessions, Stamp, Timestamp};
use crewboard_integrations::agents::claude::registration::EVENTS;
use crewboard_integrations::agents::{Lookup, Surroundings, agent_pid, read_event};
use crewboard_testkit::recording::{HookLine, Recording};
use crewboard_testkit::truth::Observed;
use std::collections::BTreeMap;

/// What was shown of one client process.
#[derive(Debug)]
pub(crate) struct Shown {
    pub(crate) pid: u32,
    pub(crate) changes: Vec<Observed>,
    pub(crate) end: Option<String>,
    pub(crate) lineage: usize,
    pub(crate) most_background: u32,
}

#[derive(Debug)]
struct Variables<'a>(&'a BTreeMap<String, String>);

impl Lookup for Variables<'_> {
    fn get(&self, name: &str) -> Option<String> {
        self.0.get(name).cloned()
    }
}

/// One thing that happened, and when.
enum Happening<'a> {
    Hook(&'a HookLine),
    Exit(u32),
}

/// The boot all recordings are of.
const BOOT: u32 = 1;

/// How the events of a recording arrive.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Arrival {
    /// As they happened.
    InOrder,
    /// Each of them twice, as from hooks that are registered twice.
    Twice,
    /// Each up to this many milliseconds late; the seed says how late.
    Late { most: u64, seed: u64 },
}

/// Plays `recording`; what was shown of each process, in the order in which they appeared.
pub(crate) fn play(recording: &Recording) -> Vec<Shown> {
    play_as(recording, Arrival::InOrder)
}

/// Plays `recording` with its events arriving as `arrival` says, their stamps as they were.
pub(crate) fn play_as(recording: &Recording, arrival: Arrival) -> Vec<Shown> {
    let mut happenings: Vec<(i64, i64, Happening<'_>)> = Vec::new();
    for hook in &recording.hooks {
        let registered =
            hook.event().is_some_and(|name| EVENTS.iter().any(|event| event.event == name));
        if registered {
            happenings.push((hook.mono_ns, hook.wall_ns, Happening::Hook(hook)));
        }
    }
    for line in &recording.files {
        if let (Some("exit"), Some(pid)) = (line.op.as_deref(), line.pid) {
            happenings.push((line.mono_ns, line.wall_ns, Happening::Exit(pid)));
        }
    }
    happenings.sort_by_key(|(mono, ..)| *mono);
    let order: Vec<u32> = happenings
        .iter()
        .filter_map(|(.., happening)| match happening {
            Happening::Hook(hook) => agent_pid("claude", &Variables(&hook.env)),
            Happening::Exit(_) => None,
        })
        .collect();
    let mut arrivals: Vec<(i64, i64, i64, Happening<'_>)> = Vec::new();
    let mut random = match arrival {
        Arrival::Late { seed, .. } => seed,
        _ => 0,
    };
    for (mono, wall, happening) in happenings {
        let delay = match arrival {
            Arrival::Late { most, .. } => {
                // Numerical Recipes' generator: good enough to be late by.
                random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                i64::try_from((random >> 16) % (most * 1_000_000)).unwrap()
            }
            _ => 0,
        };
        if let (Arrival::Twice, Happening::Hook(hook)) = (arrival, &happening) {
            arrivals.push((mono, mono, wall, Happening::Hook(hook)));
        }
        arrivals.push((mono + delay, mono, wall + delay, happening));
    }
    arrivals.sort_by_key(|(arrived, ..)| *arrived);
    let start = recording.start_ns().unwrap_or_default();
    let mut sessions = Sessions::new("test".to_owned());
    let mut shown: Vec<Shown> = Vec::new();
    for (arrived, happened, wall, happening) in arrivals {
        let stamp_of =
            |mono: i64| Stamp { boot: BOOT, micros: u64::try_from(mono / 1000).unwrap() };
        let wall = Timestamp(u64::try_from(wall / 1_000_000).unwrap());
        let now = Now { wall, stamp: stamp_of(arrived) };
        let input = match happening {
            Happening::Exit(pid) => Input::ProcessExited { process: process(pid) },
            Happening::Hook(hook) => match report(hook, stamp_of(happened)) {
                Some(report) => Input::Reported(Box::new(report)),
                None => continue,
            },
        };
        // What a clock would have changed meanwhile is changed first.
        if sessions.next_deadline(now) == Some(0) {
            take(&mut sessions, Input::Tick, now, start, &mut shown);
        }
        take(&mut sessions, input, now, start, &mut shown);
    }
    shown.sort_by_key(|row| order.iter().position(|pid| *pid == row.pid));
    shown
}

fn take(sessions: &mut Sessions, input: Input, now: Now, start: i64, shown: &mut Vec<Shown>) {
    let outcome = sessions.apply(input, now);
    let mut changes = outcome.changes;
    for process in outcome.watch {
        let watched = Input::ProcessWatched { process, ancestors: Vec::new() };
        changes.extend(sessions.apply(watched, now).changes);
    }
    for change in changes.iter().filter(|change| change.kind == Kept::Present) {
        let row = sessions.get(&change.key).unwrap();
        let pid = row.pid.unwrap();
        let position = shown.iter().position(|shown| shown.pid == pid);
        let position = position.unwrap_or_else(|| {
            let (changes, end) = (Vec::new(), None);
            shown.push(Shown { pid, changes, end, lineage: 0, most_background: 0 });
            shown.len() - 1
        });
        let shown = &mut shown[position];
        if let Some(entered) = change.transition {
            let at = i64::try_from(entered.at.0).unwrap() - start / 1_000_000;
            shown.changes.push(Observed::new(entered.status.word(), at));
        }
        shown.end = row.end.map(|end| format!("{end:?}").to_lowercase());
        shown.lineage = row.lineage.len();
        shown.most_background = shown.most_background.max(row.background);
    }
}

fn report(hook: &HookLine, stamp: Stamp) -> Option<crewboard_core::Report> {
    let variables = Variables(&hook.env);
    let pid = agent_pid("claude", &variables).or(hook.client())?;
    let surroundings = Surroundings {
        stamp,
        host: "box".to_owned(),
        process: Some(process(pid)),
        tty: None,
        environment: &variables,
    };
    read_event("claude", hook.stdin.get().as_bytes(), &surroundings)
}

fn process(pid: u32) -> Process {
    Process { pid, start: 1 }
}
