//! A store with a clock that the test sets, and short names for events.

use crewboard_core::{
    EndReason, Event, Input, InputDigest, Mark, Now, Outcome, Place, Process, PromptKind, Report,
    Session, SessionStore, Stamp, StartOrigin, Status, Timestamp,
};

pub(crate) const DAY: u64 = 24 * 60 * 60 * 1000;

/// A store with a clock that the test sets.
pub(crate) struct World {
    pub(crate) sessions: SessionStore,
    pub(crate) milliseconds: u64,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::named("first")
    }

    pub(crate) fn named(epoch: &str) -> Self {
        Self { sessions: SessionStore::new(epoch.to_owned()), milliseconds: 1_000_000 }
    }

    pub(crate) fn now(&self) -> Now {
        let stamp = Stamp { boot: 1, micros: self.milliseconds * 1000 };
        Now { wall: Timestamp(1_795_000_000_000 + self.milliseconds), stamp }
    }

    pub(crate) fn apply(&mut self, input: Input) -> Outcome {
        self.milliseconds += 10;
        let now = self.now();
        self.sessions.apply(input, now)
    }

    /// Applies an event of process `pid` in `session`. The process 0 is unknown, and any other is watched at once.
    pub(crate) fn event(&mut self, pid: u32, session: &str, event: Event) -> Outcome {
        self.milliseconds += 10;
        let report = self.report(pid, session, event);
        self.apply_report(report)
    }

    pub(crate) fn apply_report(&mut self, report: Report) -> Outcome {
        let mut outcome = self.apply(Input::Reported(Box::new(report)));
        for watch in std::mem::take(&mut outcome.watch) {
            let watched = Input::ProcessWatched { process: watch.process, ancestors: Vec::new() };
            outcome.changes.extend(self.apply(watched).changes);
        }
        outcome
    }

    pub(crate) fn report(&self, pid: u32, session: &str, event: Event) -> Report {
        Report {
            process: (pid > 0).then(|| process(pid)),
            cwd: Some("/home/dev/shop".to_owned()),
            place: Place {
                host: "box".to_owned(),
                pane: Some("%1".to_owned()),
                ..Place::default()
            },
            ..Report::new("claude", session, "hook:Test", self.now().stamp, event)
        }
    }

    /// Returns the id and status of every session, in the order of the list.
    pub(crate) fn rows(&self) -> Vec<(String, Status)> {
        let mut rows: Vec<&Session> = self.sessions.iter().collect();
        rows.sort_by(|one, other| one.compare_for_list(other));
        rows.iter().map(|row| (row.id.to_string(), row.status)).collect()
    }

    pub(crate) fn only(&self) -> &Session {
        assert_eq!(self.sessions.len(), 1, "{:?}", self.rows());
        self.sessions.iter().next().unwrap()
    }

    pub(crate) fn of(&self, pid: u32) -> &Session {
        self.sessions.iter().find(|row| row.pid == Some(pid)).unwrap()
    }

    pub(crate) fn mark(&mut self, pid: u32, mark: Mark) -> Outcome {
        let key = self.of(pid).key.clone();
        self.apply(Input::Marked { key, mark })
    }
}

pub(crate) fn process(pid: u32) -> Process {
    Process { pid, start: u64::from(pid) + 100 }
}

pub(crate) fn start(origin: StartOrigin) -> Event {
    Event::SessionStarted { origin }
}

pub(crate) fn prompt(text: &str) -> Event {
    Event::PromptSubmitted { prompt: text.to_owned(), automatic: false, ended_task: None }
}

pub(crate) fn turn_end() -> Event {
    Event::TurnEnded { message: "Done.".to_owned(), background: Vec::new(), scheduled: 0 }
}

pub(crate) fn tool() -> Event {
    Event::ToolStarted {
        tool: "Bash".to_owned(),
        text: "make".to_owned(),
        tool_use: None,
        input: InputDigest::new([3; 16]),
        asks: None,
    }
}

pub(crate) fn request() -> Event {
    Event::PromptOpened {
        prompt_kind: PromptKind::Permission,
        tool: "Bash".to_owned(),
        text: "rm -rf node_modules".to_owned(),
        line: String::new(),
        input: InputDigest::new([7; 16]),
    }
}

pub(crate) const EXIT: Event = Event::SessionEnded { reason: EndReason::Exit };

pub(crate) const SWITCH: Event = Event::SessionEnded { reason: EndReason::Switch };
