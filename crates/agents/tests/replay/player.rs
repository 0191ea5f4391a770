//! Plays a recording: hooks, the agents' files, the processes' ends and the passing of time, each at its
//! own moment or as late as asked.

use crewboard_agents::claude::registration::EVENTS;
use crewboard_agents::files::{LastTurn, last_turn, pid_of, read_session_file};
use crewboard_agents::{Surroundings, agent_pid, read_event};
use crewboard_core::{
    ChangeKind, FileFinding, FileLookup, FileMetadata, Input, LookupTarget, Now, Observation,
    Process, SessionStore, Stamp, Timestamp, TrailEntry, TurnEnd,
};
use crewboard_testkit::recording::{FileLine, HookLine, Recording};
use crewboard_testkit::verdict::Observed;
use serde_json::json;

/// What was shown of one client process.
#[derive(Debug)]
pub(crate) struct Shown {
    pub(crate) pid: u32,
    pub(crate) changes: Vec<Observed>,
    /// Ends of turns that were not shown.
    pub(crate) passed: Vec<&'static str>,
    /// Whether the status was confirmed, from when on.
    pub(crate) confirmed: Vec<(i64, bool)>,
    /// What `explain` would list, oldest first.
    pub(crate) trail: Vec<TrailEntry>,
    /// When anything was heard of it.
    pub(crate) touched: Vec<i64>,
    pub(crate) end: Option<String>,
    pub(crate) lineage: usize,
    pub(crate) most_background: u32,
}

/// One thing that happened.
#[derive(Clone, Copy)]
enum Happening<'a> {
    Hook(&'a HookLine),
    /// A process's file was written or removed.
    File(&'a FileLine),
    Exit(u32),
}

/// The boot all recordings are of.
const BOOT: u32 = 1;

/// The daemon waits that long before it reads a transcript's end, and before it reads it again.
const TRANSCRIPT_DELAYS_NS: [i64; 2] = [100_000_000, 600_000_000];

/// How the events of a recording arrive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Arrival {
    /// As they happened.
    InOrder,
    /// Each of them twice, as from hooks that are registered twice.
    Twice,
    /// Each up to this many milliseconds late; the seed says how late.
    Late { most: u64, seed: u64 },
    /// All but the one of this number.
    Without(usize),
}

/// Whose word reaches us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Told {
    /// Hooks', files' and processes'.
    All,
    /// The agents' files are out of reach.
    Hooks,
    /// Hooks are off.
    Files,
}

/// Plays `recording`; what was shown of each process, in the order in which they appeared.
pub(crate) fn play(recording: &Recording) -> Vec<Shown> {
    play_as(recording, Arrival::InOrder, Told::All)
}

/// How many things happen in a recording.
pub(crate) fn happenings_in(recording: &Recording) -> usize {
    happenings(recording, Told::All).len()
}

/// Plays `recording` with its events arriving as `arrival` says, their stamps as they were.
pub(crate) fn play_as(recording: &Recording, arrival: Arrival, told: Told) -> Vec<Shown> {
    let happenings = happenings(recording, told);
    let order: Vec<u32> =
        happenings.iter().filter_map(|(.., happening)| pid_of_happening(happening)).collect();
    let mut random = match arrival {
        Arrival::Late { seed, .. } => seed,
        _ => 0,
    };
    let mut arrivals: Vec<(i64, i64, Happening<'_>)> = Vec::new();
    for (index, (mono, happening)) in happenings.into_iter().enumerate() {
        let delay = match arrival {
            Arrival::Late { most, .. } => {
                // Numerical Recipes' generator: good enough to be late by.
                random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                i64::try_from((random >> 16) % (most * 1_000_000)).unwrap()
            }
            _ => 0,
        };
        if arrival == Arrival::Without(index) {
            continue;
        }
        if arrival == Arrival::Twice {
            arrivals.push((mono, mono, happening));
        }
        arrivals.push((mono + delay, mono, happening));
    }
    arrivals.sort_by_key(|(arrived, ..)| *arrived);
    let mut stage = Stage::new(recording, told);
    for (arrived, happened, happening) in arrivals {
        stage.pass_time_until(arrived);
        stage.act(arrived, happened, happening);
    }
    let end = stage.now_ns + 3_000_000_000;
    stage.pass_time_until(end);
    let mut shown = stage.shown;
    for row in stage.sessions.iter() {
        let pid = row.pid.unwrap();
        if let Some(shown) = shown.iter_mut().find(|shown| shown.pid == pid) {
            shown.trail = stage.sessions.trail(&row.key).unwrap();
        }
    }
    shown.sort_by_key(|row| order.iter().position(|pid| *pid == row.pid));
    shown
}

fn happenings(recording: &Recording, told: Told) -> Vec<(i64, Happening<'_>)> {
    let mut happenings: Vec<(i64, Happening<'_>)> = Vec::new();
    for hook in recording.hooks.iter().filter(|_| told != Told::Files) {
        let registered =
            hook.event().is_some_and(|name| EVENTS.iter().any(|event| event.event == name));
        if registered {
            happenings.push((hook.mono_ns, Happening::Hook(hook)));
        }
    }
    for line in &recording.files {
        let is_written = line.json.is_some() || line.ops.iter().any(|op| op == "delete");
        if let (Some("exit"), Some(pid)) = (line.op.as_deref(), line.pid) {
            happenings.push((line.mono_ns, Happening::Exit(pid)));
        } else if line.src == "sessions"
            && is_written
            && told != Told::Hooks
            && line.file.as_deref().and_then(|name| pid_of("claude", name)).is_some()
        {
            happenings.push((line.mono_ns, Happening::File(line)));
        }
    }
    happenings.sort_by_key(|(mono, _)| *mono);
    happenings
}

fn pid_of_happening(happening: &Happening<'_>) -> Option<u32> {
    match happening {
        Happening::Hook(hook) => agent_pid("claude", &hook.env).or(hook.client()),
        Happening::File(line) => pid_of("claude", line.file.as_deref()?),
        Happening::Exit(_) => None,
    }
}

/// The domain and all that would be round it.
struct Stage<'a> {
    recording: &'a Recording,
    told: Told,
    sessions: SessionStore,
    shown: Vec<Shown>,
    /// From the clock since boot to the wall clock, in nanoseconds.
    wall_offset: i64,
    start: i64,
    now_ns: i64,
    /// Looks at transcripts, by when they are due, and whether each is the second.
    looks: Vec<(i64, FileLookup, bool)>,
}

impl<'a> Stage<'a> {
    fn new(recording: &'a Recording, told: Told) -> Self {
        let first = &recording.files[0];
        Self {
            recording,
            told,
            sessions: SessionStore::new("test".to_owned()),
            shown: Vec::new(),
            wall_offset: first.wall_ns - first.mono_ns,
            start: recording.start_ns().unwrap_or_default(),
            now_ns: 0,
            looks: Vec::new(),
        }
    }

    fn wall(&self, mono_ns: i64) -> Timestamp {
        Timestamp(u64::try_from((mono_ns + self.wall_offset) / 1_000_000).unwrap())
    }

    fn now(&self) -> Now {
        Now { wall: self.wall(self.now_ns), stamp: stamp_of(self.now_ns) }
    }

    /// Lets the clocks do what they would.
    fn pass_time_until(&mut self, until: i64) {
        if self.now_ns == 0 {
            self.now_ns = until;
        }
        loop {
            let tick = self.sessions.next_deadline(self.now());
            let tick = tick.map(|wait| self.now_ns + i64::try_from(wait).unwrap() * 1_000_000);
            let look = self.looks.iter().map(|(at, ..)| *at).min();
            let Some(next) = tick.into_iter().chain(look).min().filter(|next| *next <= until)
            else {
                break;
            };
            self.now_ns = next.max(self.now_ns);
            let due = self.looks.iter().position(|(at, ..)| *at <= self.now_ns);
            match due {
                Some(position) => {
                    let (_, look, again) = self.looks.remove(position);
                    self.look_at_transcript(&look, again);
                }
                None => self.take(Input::Tick),
            }
        }
        self.now_ns = until;
    }

    fn act(&mut self, arrived: i64, happened: i64, happening: Happening<'_>) {
        self.now_ns = arrived;
        let pid = match happening {
            Happening::Exit(pid) => Some(pid),
            _ => pid_of_happening(&happening),
        };
        match happening {
            Happening::Exit(pid) => self.take(Input::ProcessExited { process: process(pid) }),
            Happening::Hook(hook) => {
                if let Some(report) = report(hook, stamp_of(happened)) {
                    self.take(Input::Reported(Box::new(report)));
                }
            }
            Happening::File(line) => {
                if let Some(observation) = self.observation(line, stamp_of(happened)) {
                    self.take(Input::Observed(Box::new(observation)));
                }
            }
        }
        let at = (self.now_ns + self.wall_offset - self.start) / 1_000_000;
        if let Some(shown) = self.shown.iter_mut().find(|shown| Some(shown.pid) == pid) {
            shown.touched.push(at);
        }
    }

    /// What a line of the recording says of a process's file.
    fn observation(&self, line: &FileLine, seen: Stamp) -> Option<Observation> {
        let pid = pid_of("claude", line.file.as_deref()?)?;
        let (source, finding, about) = match &line.json {
            Some(json) => {
                let file = read_session_file("claude", json.to_string().as_bytes())?;
                let wall = self.wall(i64::try_from(seen.micros).unwrap() * 1000);
                let age = file.since.map_or(0, |since| wall.since(Timestamp(since)));
                let since = Stamp { micros: seen.micros - age * 1000, ..seen };
                let finding = FileFinding::FileStatus { condition: file.status, since };
                (file.source, finding, file.about)
            }
            None => ("file:removed".to_owned(), FileFinding::Left, FileMetadata::default()),
        };
        let agent = crewboard_core::AgentName::new("claude");
        Some(Observation { agent, process: process(pid), source, seen, finding, about })
    }

    fn take(&mut self, input: Input) {
        let outcome = self.sessions.apply(input, self.now());
        let (mut changes, mut looks) = (outcome.changes, outcome.looks);
        for watch in outcome.watch {
            let watched = Input::ProcessWatched { process: watch.process, ancestors: Vec::new() };
            let outcome = self.sessions.apply(watched, self.now());
            changes.extend(outcome.changes);
            looks.extend(outcome.looks);
            if self.told == Told::Hooks || !self.has_file(watch.process.pid) {
                let blind = self.found(watch.process, "file:none", FileFinding::Blind);
                let outcome = self.sessions.apply(blind, self.now());
                changes.extend(outcome.changes);
                looks.extend(outcome.looks);
            }
        }
        for change in changes.iter().filter(|change| change.kind == ChangeKind::Updated) {
            let row = self.sessions.get(&change.key).unwrap();
            let pid = row.pid.unwrap();
            let position = self.shown.iter().position(|shown| shown.pid == pid);
            let position = position.unwrap_or_else(|| {
                self.shown.push(Shown {
                    pid,
                    changes: Vec::new(),
                    passed: Vec::new(),
                    confirmed: Vec::new(),
                    touched: Vec::new(),
                    trail: Vec::new(),
                    end: None,
                    lineage: 0,
                    most_background: 0,
                });
                self.shown.len() - 1
            });
            let shown = &mut self.shown[position];
            if let Some(entered) = change.transition {
                let at = i64::try_from(entered.at.0).unwrap() - self.start / 1_000_000;
                shown.changes.push(Observed::new(entered.status.word(), at));
            }
            shown.passed.extend(change.passed.map(|passed| passed.status.word()));
            let at = (self.now_ns + self.wall_offset - self.start) / 1_000_000;
            shown.confirmed.push((at, row.confirmed));
            shown.end = row.end.map(|end| format!("{end:?}").to_lowercase());
            shown.lineage = row.lineage.len();
            shown.most_background = shown.most_background.max(row.background);
        }
        for look in looks {
            self.look(look);
        }
    }

    /// Returns whether the process ever had a session file. A teammate in a process of its own has none.
    fn has_file(&self, pid: u32) -> bool {
        let name = format!("{pid}.json");
        let files = &mut self.recording.files.iter();
        files.any(|line| line.src == "sessions" && line.file.as_deref() == Some(name.as_str()))
    }

    fn found(&self, process: Process, source: &str, finding: FileFinding) -> Input {
        Input::Observed(Box::new(Observation {
            agent: crewboard_core::AgentName::new("claude"),
            process,
            source: source.to_owned(),
            seen: self.now().stamp,
            finding,
            about: FileMetadata::default(),
        }))
    }

    fn look(&mut self, look: FileLookup) {
        if matches!(look.subject, LookupTarget::TurnEndToCome(_) | LookupTarget::NoTurnEnd) {
            self.looks.retain(|(_, due, _)| {
                due.process != look.process
                    || !matches!(due.subject, LookupTarget::TurnEndToCome(_))
            });
        }
        if look.subject == LookupTarget::NoTurnEnd {
            return;
        }
        if look.subject != LookupTarget::FileStatus {
            self.looks.push((self.now_ns + TRANSCRIPT_DELAYS_NS[0], look, false));
            return;
        }
        // What is in the file at this moment, whoever was told of it.
        let name = format!("{}.json", look.process.pid);
        let now_ns = self.now_ns;
        let line = self.recording.files.iter().rev().find(|line| {
            line.src == "sessions"
                && line.file.as_deref() == Some(name.as_str())
                && line.json.is_some()
                && line.mono_ns <= now_ns
        });
        let written = line.filter(|_| self.told != Told::Hooks);
        let found = match written.and_then(|line| self.observation(line, stamp_of(line.mono_ns))) {
            Some(found) => {
                Input::Observed(Box::new(Observation { seen: stamp_of(now_ns), ..found }))
            }
            None => self.found(look.process, "file:none", FileFinding::Blind),
        };
        self.take(found);
    }

    fn look_at_transcript(&mut self, look: &FileLookup, again: bool) {
        let (LookupTarget::TurnEnd(conversation) | LookupTarget::TurnEndToCome(conversation)) =
            &look.subject
        else {
            return;
        };
        let waits = matches!(look.subject, LookupTarget::TurnEndToCome(_));
        let file = format!("{}.jsonl", conversation.session);
        let lines = self.recording.files.iter().filter(|line| {
            line.src == "transcript"
                && line.mono_ns <= self.now_ns
                && line.file.as_deref().is_some_and(|name| name.ends_with(&file))
        });
        let text: Vec<String> = lines.map(transcript_line).collect();
        let since = self.wall(i64::try_from(conversation.since.micros).unwrap() * 1000);
        let since = since.0.saturating_sub(if waits { 0 } else { 500 });
        let finding = match last_turn("claude", text.join("\n").as_bytes(), since) {
            LastTurn::Over { how, at } => {
                let age = self.now().wall.since(Timestamp(at)) * 1000;
                let now = self.now().stamp;
                FileFinding::TurnEnd { how, at: Stamp { micros: now.micros - age, ..now } }
            }
            LastTurn::Answered { message } if !waits => {
                FileFinding::TurnEnd { how: TurnEnd::Finished { message }, at: conversation.since }
            }
            // The daemon looks again when the transcript grows.
            _ if waits => {
                self.looks.push((self.now_ns + TRANSCRIPT_DELAYS_NS[0], look.clone(), false));
                return;
            }
            _ if !again => {
                self.looks.push((self.now_ns + TRANSCRIPT_DELAYS_NS[1], look.clone(), true));
                return;
            }
            _ => FileFinding::TurnEnd { how: TurnEnd::Interrupted, at: conversation.since },
        };
        let found = self.found(look.process, "file:transcript", finding);
        self.take(found);
    }
}

/// A line as the client wrote it, as far as the recording kept it.
fn transcript_line(line: &FileLine) -> String {
    let text = line.sum.as_deref().unwrap_or_default();
    let text = text.strip_prefix("text:").unwrap_or(text);
    json!({
        "type": line.kind,
        "subtype": line.subtype,
        "timestamp": line.ts,
        "isApiErrorMessage": line.is_api_error,
        "error": line.error,
        "message": { "stop_reason": line.stop_reason, "content": [{ "type": "text", "text": text }] },
    })
    .to_string()
}

fn stamp_of(mono_ns: i64) -> Stamp {
    Stamp { boot: BOOT, micros: u64::try_from(mono_ns / 1000).unwrap() }
}

fn report(hook: &HookLine, stamp: Stamp) -> Option<crewboard_core::Report> {
    let variables = &hook.env;
    let pid = agent_pid("claude", variables).or(hook.client())?;
    let surroundings = Surroundings {
        stamp,
        host: "box".to_owned(),
        process: Some(process(pid)),
        tty: None,
        environment: variables,
        arguments: hook.client_argv.clone(),
    };
    read_event("claude", hook.stdin.get().as_bytes(), &surroundings)
}

fn process(pid: u32) -> Process {
    Process { pid, start: 1 }
}
