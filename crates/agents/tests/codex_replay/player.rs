//! Plays a recording of Codex: hooks, lines of rollouts, and the processes of windows.

use crewboard_agents::files::{LastTurn, last_turn};
use crewboard_agents::{ProcessArguments, ProgramProcess, Surroundings, read_event};
use crewboard_core::{
    AgentName, ChangeKind, FileFinding, FileLookup, FileMetadata, Input, LookupTarget, Now,
    Observation, Process, SessionStore, Stamp, Timestamp,
};
use crewboard_testkit::recording::{FileLine, HookLine, Recording};
use crewboard_testkit::verdict::Observed;
use serde_json::json;
use std::cell::RefCell;
use std::collections::BTreeMap;

/// The longest time between a line in a rollout and its reading by the daemon.
const READ_AFTER_NS: i64 = 100_000_000;
/// The time for which the player waits after the last occurrence.
const REST_NS: i64 = 3_000_000_000;
const BOOT: u32 = 1;

/// The evidence that is played.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Evidence {
    All,
    Hooks,
}

/// A row as it was shown.
#[derive(Debug)]
pub(crate) struct PlayedRow {
    pub(crate) pid: u32,
    pub(crate) changes: Vec<Observed>,
    /// After each change: the status, and whether it was confirmed.
    pub(crate) confirmed: Vec<(String, bool)>,
    pub(crate) pane: Option<String>,
    pub(crate) end: Option<String>,
}

#[derive(Clone, Copy)]
enum Occurrence<'a> {
    Hook(&'a HookLine),
    Start(&'a FileLine),
    Exit(u32),
    Read,
    Rest,
}

thread_local! {
    /// The windows that run at the present moment of the player.
    static WINDOWS: RefCell<Vec<ProgramProcess>> = const { RefCell::new(Vec::new()) };
}

fn windows(_name: &str) -> Vec<ProgramProcess> {
    WINDOWS.with_borrow(Clone::clone)
}

/// Plays a recording to its end.
pub(crate) fn play(recording: &Recording, evidence: Evidence) -> Vec<PlayedRow> {
    WINDOWS.with_borrow_mut(Vec::clear);
    let mut occurrences: Vec<(i64, Occurrence<'_>)> = Vec::new();
    occurrences.extend(recording.hooks.iter().map(|hook| (hook.mono_ns, Occurrence::Hook(hook))));
    for line in &recording.files {
        match (line.src.as_str(), line.op.as_deref(), line.pid) {
            ("process", Some("start"), _) => {
                occurrences.push((line.mono_ns, Occurrence::Start(line)));
            }
            ("process", Some("exit"), Some(pid)) => {
                occurrences.push((line.mono_ns, Occurrence::Exit(pid)));
            }
            ("transcript", ..) if evidence == Evidence::All => {
                occurrences.push((line.mono_ns + READ_AFTER_NS, Occurrence::Read));
            }
            _ => {}
        }
    }
    occurrences.sort_by_key(|(mono, _)| *mono);
    let last = occurrences.last().map_or(0, |(mono, _)| *mono);
    occurrences.push((last + REST_NS, Occurrence::Rest));
    let first = &recording.files[0];
    let mut player = Player {
        recording,
        sessions: SessionStore::new("test".to_owned()),
        shown: Vec::new(),
        wall_offset: first.wall_ns - first.mono_ns,
        now_ns: occurrences[0].0,
        awaited: None,
        ended: None,
    };
    for (at, occurrence) in occurrences {
        player.advance_to(at);
        player.receive(occurrence);
    }
    player.shown
}

struct Player<'a> {
    recording: &'a Recording,
    sessions: SessionStore,
    shown: Vec<PlayedRow>,
    wall_offset: i64,
    now_ns: i64,
    /// The turn whose end the daemon awaits in the rollout.
    awaited: Option<FileLookup>,
    /// The turn that ended, and whose end the daemon looks up.
    ended: Option<FileLookup>,
}

impl Player<'_> {
    fn wall(&self, mono_ns: i64) -> Timestamp {
        Timestamp(u64::try_from((mono_ns + self.wall_offset) / 1_000_000).unwrap())
    }

    fn now(&self) -> Now {
        Now { wall: self.wall(self.now_ns), stamp: stamp_of(self.now_ns) }
    }

    fn advance_to(&mut self, until: i64) {
        while let Some(wait) = self.sessions.next_deadline(self.now()) {
            let due = self.now_ns + i64::try_from(wait).unwrap() * 1_000_000;
            if due > until {
                break;
            }
            self.now_ns = due;
            self.apply(Input::Tick);
        }
        self.now_ns = until;
    }

    fn receive(&mut self, occurrence: Occurrence<'_>) {
        match occurrence {
            Occurrence::Hook(hook) => {
                if let Some(report) = self.report(hook) {
                    self.apply(Input::Reported(Box::new(report)));
                }
            }
            Occurrence::Start(line) if line.pane.is_some() => {
                let window = self.window(line);
                WINDOWS.with_borrow_mut(|windows| windows.push(window));
            }
            Occurrence::Exit(pid) => {
                WINDOWS.with_borrow_mut(|windows| windows.retain(|w| w.process.pid != pid));
                self.apply(Input::ProcessExited { process: process(pid) });
            }
            Occurrence::Read => self.read_rollout(),
            Occurrence::Start(_) | Occurrence::Rest => {}
        }
    }

    fn window(&self, line: &FileLine) -> ProgramProcess {
        let variables = [
            ("HOME", "/home/dev"),
            ("CODEX_HOME", "/home/dev/.codex"),
            ("TMUX", "/home/dev/run/tmux-0/h,1,0"),
            ("TMUX_PANE", line.pane.as_deref().unwrap()),
        ];
        let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
        ProgramProcess {
            process: process(line.pid.unwrap()),
            started: self.wall(line.mono_ns).0,
            tty: Some("/dev/pts/1".to_owned()),
            cwd: Some("/home/dev/project".into()),
            arguments: line.cmd.clone(),
            environment: BTreeMap::from(variables),
        }
    }

    fn report(&self, hook: &HookLine) -> Option<crewboard_core::Report> {
        let mut lines = self.recording.files.iter();
        let parent = lines.find(|line| line.pid == Some(hook.ppid) && !line.cmd.is_empty());
        let arguments = parent.unwrap().cmd.clone();
        let mut environment = hook.env.clone();
        if arguments.iter().any(|word| word == "app-server") {
            // The service may have been started by another window, so nothing may depend on its environment.
            environment.insert("TMUX_PANE".to_owned(), "%9".to_owned());
        }
        let surroundings = Surroundings {
            stamp: stamp_of(hook.mono_ns),
            host: "box".to_owned(),
            process: Some(process(hook.ppid)),
            tty: None,
            environment: &environment,
            arguments: ProcessArguments::Known(arguments),
            find_programs: &windows,
        };
        read_event("codex", hook.stdin.get().as_bytes(), &surroundings)
    }

    fn apply(&mut self, input: Input) {
        let mut outcome = self.sessions.apply(input, self.now());
        let mut changes = std::mem::take(&mut outcome.changes);
        let mut lookups = std::mem::take(&mut outcome.lookups);
        for watch in outcome.watch {
            let watched = Input::ProcessWatched { process: watch.process, ancestors: Vec::new() };
            let no_file = self.found(watch.process, FileFinding::NoSessionFile);
            for input in [watched, no_file] {
                let outcome = self.sessions.apply(input, self.now());
                changes.extend(outcome.changes);
                lookups.extend(outcome.lookups);
            }
        }
        for change in changes.iter().filter(|change| change.kind == ChangeKind::Updated) {
            let row = self.sessions.get(&change.key).unwrap();
            let pid = row.pid.unwrap_or_default();
            if self.shown.iter().all(|shown| shown.pid != pid) {
                let (changes, confirmed) = (Vec::new(), Vec::new());
                self.shown.push(PlayedRow { pid, changes, confirmed, pane: None, end: None });
            }
            let shown = self.shown.iter_mut().find(|shown| shown.pid == pid).unwrap();
            if let Some(entered) = change.transition {
                let start = self.recording.start_ns().unwrap() / 1_000_000;
                let at = i64::try_from(entered.at.0).unwrap() - start;
                shown.changes.push(Observed::new(entered.status.word(), at));
            }
            shown.confirmed.push((row.status.word().to_owned(), row.confirmed));
            shown.pane.clone_from(&row.place.pane);
            shown.end = row.end.map(|end| format!("{end:?}").to_lowercase());
        }
        for lookup in lookups {
            match lookup.target {
                LookupTarget::NextTurnEnd(_) => self.awaited = Some(lookup),
                LookupTarget::CancelNextTurnEnd => self.awaited = None,
                LookupTarget::TurnEnd(_) => self.ended = Some(lookup),
                LookupTarget::FileStatus => {}
            }
        }
    }

    fn found(&self, process: Process, finding: FileFinding) -> Input {
        Input::Observed(Box::new(Observation {
            agent: AgentName::new("codex"),
            process,
            source: "file:transcript".to_owned(),
            seen: self.now().stamp,
            finding,
            about: FileMetadata::default(),
        }))
    }

    fn read_rollout(&mut self) {
        for lookup in [self.awaited.clone(), self.ended.clone()].into_iter().flatten() {
            self.read_rollout_for(&lookup);
        }
    }

    fn read_rollout_for(&mut self, lookup: &FileLookup) {
        let (LookupTarget::TurnEnd(conversation) | LookupTarget::NextTurnEnd(conversation)) =
            &lookup.target
        else {
            return;
        };
        let lead = if matches!(lookup.target, LookupTarget::TurnEnd(_)) { 500 } else { 0 };
        let end = format!("-{}.jsonl", conversation.session);
        let lines = self.recording.files.iter().filter(|line| {
            line.src == "transcript"
                && line.mono_ns <= self.now_ns
                && line.file.as_deref().is_some_and(|name| name.ends_with(&end))
        });
        let text: Vec<String> = lines
            .map(|line| {
                json!({ "timestamp": line.ts, "type": line.kind, "payload": line.payload })
                    .to_string()
            })
            .collect();
        let since = self.wall(i64::try_from(conversation.since.micros).unwrap() * 1000);
        if let LastTurn::Over { how, at } =
            last_turn("codex", text.join("\n").as_bytes(), since.0 - lead)
        {
            let age = self.now().wall.since(Timestamp(at)) * 1000;
            let now = self.now().stamp;
            let at = Stamp { micros: now.micros - age, ..now };
            if lead > 0 {
                self.ended = None;
            }
            let found = self.found(lookup.process, FileFinding::TurnEnd { how, at });
            self.apply(found);
        }
    }
}

fn stamp_of(mono_ns: i64) -> Stamp {
    Stamp { boot: BOOT, micros: u64::try_from(mono_ns / 1000).unwrap() }
}

fn process(pid: u32) -> Process {
    Process { pid, start: 1 }
}
