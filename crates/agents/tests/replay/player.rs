//! Plays a recording: hooks, the agents' files, the ends of processes and the clock, each at its own time or later.

use crewboard_agents::claude::registration::EVENTS;
use crewboard_agents::files::{LastTurn, last_turn, pid_of, read_session_file};
use crewboard_agents::{ProcessArguments, Surroundings, agent_pid, read_event};
use crewboard_core::{
    ChangeKind, FileFinding, FileLookup, FileMetadata, Input, LookupTarget, Now, Observation,
    Process, SessionStore, Stamp, Timestamp, TrailEntry, TurnEnd,
};
use crewboard_testkit::recording::{FileLine, HookLine, Recording};
use crewboard_testkit::verdict::Observed;
use serde_json::json;

/// The row of one client process, as the recording played.
#[derive(Debug)]
pub(crate) struct PlayedRow {
    pub(crate) pid: u32,
    pub(crate) changes: Vec<Observed>,
    /// The ends of turns that the row never showed.
    pub(crate) passed: Vec<&'static str>,
    /// The confirmed flag of the status, with the time from which it holds.
    pub(crate) confirmed: Vec<(i64, bool)>,
    /// The events that `explain` lists, oldest first.
    pub(crate) trail: Vec<TrailEntry>,
    /// The times at which evidence about the process arrived.
    pub(crate) evidence_at: Vec<i64>,
    pub(crate) end: Option<String>,
    pub(crate) lineage: usize,
    pub(crate) most_background: u32,
}

/// A recorded occurrence.
#[derive(Clone, Copy)]
enum Occurrence<'a> {
    Hook(&'a HookLine),
    /// A process's session file was written or removed.
    File(&'a FileLine),
    Exit(u32),
}

/// The boot of all recordings.
const BOOT: u32 = 1;

/// The time for which the daemon waits before it reads a transcript, and before it reads the transcript again.
const TRANSCRIPT_DELAYS_NS: [i64; 2] = [100_000_000, 600_000_000];

/// The order in which the occurrences of a recording arrive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Arrival {
    /// Each occurrence arrives when it happened.
    InOrder,
    /// Each arrives twice, as from hooks that are registered twice.
    Twice,
    /// Each arrives up to this many milliseconds late. The seed decides how late.
    Late { most: u64, seed: u64 },
    /// All arrive except the one with this index.
    Without(usize),
}

/// The evidence that arrives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Evidence {
    /// Hooks, session files and processes.
    All,
    /// Hooks and processes: the session files cannot be read.
    Hooks,
    /// Session files and processes: no hooks are installed.
    Files,
}

/// Plays `recording`, and returns the rows in the order in which their processes appeared.
pub(crate) fn play(recording: &Recording) -> Vec<PlayedRow> {
    play_with(recording, Arrival::InOrder, Evidence::All)
}

/// Counts the occurrences of a recording.
pub(crate) fn count_occurrences(recording: &Recording) -> usize {
    occurrences(recording, Evidence::All).len()
}

/// Plays `recording` with another order of arrival. The stamps do not change.
pub(crate) fn play_with(
    recording: &Recording,
    arrival: Arrival,
    evidence: Evidence,
) -> Vec<PlayedRow> {
    let occurrences = occurrences(recording, evidence);
    let order: Vec<u32> =
        occurrences.iter().filter_map(|(.., occurrence)| pid_of_occurrence(occurrence)).collect();
    let mut random = match arrival {
        Arrival::Late { seed, .. } => seed,
        _ => 0,
    };
    let mut arrivals: Vec<(i64, i64, Occurrence<'_>)> = Vec::new();
    for (index, (mono, occurrence)) in occurrences.into_iter().enumerate() {
        let delay = match arrival {
            Arrival::Late { most, .. } => {
                // The generator of Numerical Recipes is random enough for delays.
                random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                i64::try_from((random >> 16) % (most * 1_000_000)).unwrap()
            }
            _ => 0,
        };
        if arrival == Arrival::Without(index) {
            continue;
        }
        if arrival == Arrival::Twice {
            arrivals.push((mono, mono, occurrence));
        }
        arrivals.push((mono + delay, mono, occurrence));
    }
    arrivals.sort_by_key(|(arrived, ..)| *arrived);
    let mut player = Player::new(recording, evidence);
    for (arrived, happened, occurrence) in arrivals {
        player.advance_to(arrived);
        player.receive(arrived, happened, occurrence);
    }
    let end = player.now_ns + 3_000_000_000;
    player.advance_to(end);
    let mut shown = player.shown;
    for row in player.sessions.iter() {
        let pid = row.pid.unwrap();
        if let Some(shown) = shown.iter_mut().find(|shown| shown.pid == pid) {
            shown.trail = player.sessions.trail(&row.key).unwrap();
        }
    }
    shown.sort_by_key(|row| order.iter().position(|pid| *pid == row.pid));
    shown
}

fn occurrences(recording: &Recording, evidence: Evidence) -> Vec<(i64, Occurrence<'_>)> {
    let mut occurrences: Vec<(i64, Occurrence<'_>)> = Vec::new();
    for hook in recording.hooks.iter().filter(|_| evidence != Evidence::Files) {
        let registered =
            hook.event().is_some_and(|name| EVENTS.iter().any(|event| event.event == name));
        if registered {
            occurrences.push((hook.mono_ns, Occurrence::Hook(hook)));
        }
    }
    for line in &recording.files {
        let is_written = line.json.is_some() || line.ops.iter().any(|op| op == "delete");
        if let (Some("exit"), Some(pid)) = (line.op.as_deref(), line.pid) {
            occurrences.push((line.mono_ns, Occurrence::Exit(pid)));
        } else if line.src == "sessions"
            && is_written
            && evidence != Evidence::Hooks
            && line.file.as_deref().and_then(|name| pid_of("claude", name)).is_some()
        {
            occurrences.push((line.mono_ns, Occurrence::File(line)));
        }
    }
    occurrences.sort_by_key(|(mono, _)| *mono);
    occurrences
}

fn pid_of_occurrence(occurrence: &Occurrence<'_>) -> Option<u32> {
    match occurrence {
        Occurrence::Hook(hook) => agent_pid("claude", &hook.env).or(hook.client()),
        Occurrence::File(line) => pid_of("claude", line.file.as_deref()?),
        Occurrence::Exit(_) => None,
    }
}

/// The domain, with stand-ins for the daemon and the clock.
struct Player<'a> {
    recording: &'a Recording,
    evidence: Evidence,
    sessions: SessionStore,
    shown: Vec<PlayedRow>,
    /// The difference between the wall clock and the clock since boot, in nanoseconds.
    wall_offset: i64,
    start: i64,
    now_ns: i64,
    /// The pending lookups of transcripts: the time, the lookup, and whether it is the second attempt.
    lookups: Vec<(i64, FileLookup, bool)>,
}

impl<'a> Player<'a> {
    fn new(recording: &'a Recording, evidence: Evidence) -> Self {
        let first = &recording.files[0];
        Self {
            recording,
            evidence,
            sessions: SessionStore::new("test".to_owned()),
            shown: Vec::new(),
            wall_offset: first.wall_ns - first.mono_ns,
            start: recording.start_ns().unwrap_or_default(),
            now_ns: 0,
            lookups: Vec::new(),
        }
    }

    fn wall(&self, mono_ns: i64) -> Timestamp {
        Timestamp(u64::try_from((mono_ns + self.wall_offset) / 1_000_000).unwrap())
    }

    fn now(&self) -> Now {
        Now { wall: self.wall(self.now_ns), stamp: stamp_of(self.now_ns) }
    }

    /// Advances the clock, and runs the deadlines and lookups that are due.
    fn advance_to(&mut self, until: i64) {
        if self.now_ns == 0 {
            self.now_ns = until;
        }
        loop {
            let tick = self.sessions.next_deadline(self.now());
            let tick = tick.map(|wait| self.now_ns + i64::try_from(wait).unwrap() * 1_000_000);
            let lookup = self.lookups.iter().map(|(at, ..)| *at).min();
            let Some(next) = tick.into_iter().chain(lookup).min().filter(|next| *next <= until)
            else {
                break;
            };
            self.now_ns = next.max(self.now_ns);
            let due = self.lookups.iter().position(|(at, ..)| *at <= self.now_ns);
            match due {
                Some(position) => {
                    let (_, lookup, again) = self.lookups.remove(position);
                    self.read_transcript(&lookup, again);
                }
                None => self.apply(Input::Tick),
            }
        }
        self.now_ns = until;
    }

    fn receive(&mut self, arrived: i64, happened: i64, occurrence: Occurrence<'_>) {
        self.now_ns = arrived;
        let pid = match occurrence {
            Occurrence::Exit(pid) => Some(pid),
            _ => pid_of_occurrence(&occurrence),
        };
        match occurrence {
            Occurrence::Exit(pid) => self.apply(Input::ProcessExited { process: process(pid) }),
            Occurrence::Hook(hook) => {
                if let Some(report) = report(hook, stamp_of(happened)) {
                    self.apply(Input::Reported(Box::new(report)));
                }
            }
            Occurrence::File(line) => {
                if let Some(observation) = self.observation(line, stamp_of(happened)) {
                    self.apply(Input::Observed(Box::new(observation)));
                }
            }
        }
        let at = (self.now_ns + self.wall_offset - self.start) / 1_000_000;
        if let Some(shown) = self.shown.iter_mut().find(|shown| Some(shown.pid) == pid) {
            shown.evidence_at.push(at);
        }
    }

    /// Reads a recorded session file into an observation.
    fn observation(&self, line: &FileLine, seen: Stamp) -> Option<Observation> {
        let pid = pid_of("claude", line.file.as_deref()?)?;
        let (source, finding, about) = match &line.json {
            Some(json) => {
                let file = read_session_file("claude", json.to_string().as_bytes())?;
                let wall = self.wall(i64::try_from(seen.micros).unwrap() * 1000);
                let age = file.since.map_or(0, |since| wall.since(Timestamp(since)));
                let since = Stamp { micros: seen.micros - age * 1000, ..seen };
                let finding = FileFinding::FileStatus { status: file.status, since };
                (file.source, finding, file.about)
            }
            None => ("file:removed".to_owned(), FileFinding::Removed, FileMetadata::default()),
        };
        let agent = crewboard_core::AgentName::new("claude");
        Some(Observation { agent, process: process(pid), source, seen, finding, about })
    }

    fn apply(&mut self, input: Input) {
        let outcome = self.sessions.apply(input, self.now());
        let (mut changes, mut lookups) = (outcome.changes, outcome.lookups);
        for watch in outcome.watch {
            let watched = Input::ProcessWatched { process: watch.process, ancestors: Vec::new() };
            let outcome = self.sessions.apply(watched, self.now());
            changes.extend(outcome.changes);
            lookups.extend(outcome.lookups);
            if self.evidence == Evidence::Hooks || !self.has_file(watch.process.pid) {
                let blind = self.found(watch.process, "file:none", FileFinding::Unreadable);
                let outcome = self.sessions.apply(blind, self.now());
                changes.extend(outcome.changes);
                lookups.extend(outcome.lookups);
            }
        }
        for change in changes.iter().filter(|change| change.kind == ChangeKind::Updated) {
            let row = self.sessions.get(&change.key).unwrap();
            let pid = row.pid.unwrap();
            let position = self.shown.iter().position(|shown| shown.pid == pid);
            let position = position.unwrap_or_else(|| {
                self.shown.push(PlayedRow {
                    pid,
                    changes: Vec::new(),
                    passed: Vec::new(),
                    confirmed: Vec::new(),
                    evidence_at: Vec::new(),
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
        for lookup in lookups {
            self.lookup(lookup);
        }
    }

    /// Returns true if the process ever had a session file. A teammate in a process of its own never has one.
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

    fn lookup(&mut self, lookup: FileLookup) {
        if matches!(lookup.target, LookupTarget::NextTurnEnd(_) | LookupTarget::CancelNextTurnEnd) {
            self.lookups.retain(|(_, due, _)| {
                due.process != lookup.process || !matches!(due.target, LookupTarget::NextTurnEnd(_))
            });
        }
        if lookup.target == LookupTarget::CancelNextTurnEnd {
            return;
        }
        if lookup.target != LookupTarget::FileStatus {
            self.lookups.push((self.now_ns + TRANSCRIPT_DELAYS_NS[0], lookup, false));
            return;
        }
        // The lookup reads the file as it is at this moment.
        let name = format!("{}.json", lookup.process.pid);
        let now_ns = self.now_ns;
        let line = self.recording.files.iter().rev().find(|line| {
            line.src == "sessions"
                && line.file.as_deref() == Some(name.as_str())
                && line.json.is_some()
                && line.mono_ns <= now_ns
        });
        let written = line.filter(|_| self.evidence != Evidence::Hooks);
        let found = match written.and_then(|line| self.observation(line, stamp_of(line.mono_ns))) {
            Some(found) => {
                Input::Observed(Box::new(Observation { seen: stamp_of(now_ns), ..found }))
            }
            None => self.found(lookup.process, "file:none", FileFinding::Unreadable),
        };
        self.apply(found);
    }

    fn read_transcript(&mut self, lookup: &FileLookup, again: bool) {
        let (LookupTarget::TurnEnd(conversation) | LookupTarget::NextTurnEnd(conversation)) =
            &lookup.target
        else {
            return;
        };
        let waits = matches!(lookup.target, LookupTarget::NextTurnEnd(_));
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
            // The daemon reads the transcript again when it grows.
            _ if waits => {
                self.lookups.push((self.now_ns + TRANSCRIPT_DELAYS_NS[0], lookup.clone(), false));
                return;
            }
            _ if !again => {
                self.lookups.push((self.now_ns + TRANSCRIPT_DELAYS_NS[1], lookup.clone(), true));
                return;
            }
            _ => FileFinding::TurnEnd { how: TurnEnd::Interrupted, at: conversation.since },
        };
        let found = self.found(lookup.process, "file:transcript", finding);
        self.apply(found);
    }
}

/// Returns a line as the client wrote it, with the fields that the recording has.
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
        arguments: ProcessArguments::Known(hook.client_argv.clone()),
        find_programs: &|_| Vec::new(),
    };
    read_event("claude", hook.stdin.get().as_bytes(), &surroundings)
}

fn process(pid: u32) -> Process {
    Process { pid, start: 1 }
}
