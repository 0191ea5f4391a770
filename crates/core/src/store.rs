mod accounts;
mod day_costs;
mod process_index;
mod processes;
mod programs;
mod restore;
mod retention;
mod row_lookup;
mod teams;
mod usage;

use crate::Status;
use crate::evidence::event::{Event, Report};
use crate::evidence::observation::{FileFinding, FileLookup, Observation};
use crate::session::day_cost::Day;
use crate::session::identity::{AgentName, Process, RowKey};
use crate::session::past::PastStatuses;
use crate::session::usage::RateLimits;
use crate::session::{Origin, Session, Transition};
use crate::state::derive_session;
use crate::state::explain::{record_event, record_observation};
use crate::state::marks::Mark;
use crate::state::metadata::apply_metadata;
use crate::state::row::Row;
use crate::state::trail::{Effect, TrailEntry};
use crate::time::Now;
use accounts::Accounts;
use process_index::ProcessIndex;
use row_lookup::switch_conversation;
use std::collections::{BTreeSet, HashMap, VecDeque};

/// An input of the store.
#[derive(Debug, Clone)]
pub enum Input {
    /// An agent's event.
    Reported(Box<Report>),
    /// The kernel will report the end of `process`. `ancestors` are its parent, grandparent and so on.
    ProcessWatched { process: Process, ancestors: Vec<Process> },
    /// The kernel reported how `process` was started.
    OriginFound { process: Process, origin: Origin },
    /// The kernel reported the end of `process`.
    ProcessExited { process: Process },
    /// `process` is suspended or not. No event reports that, so the daemon checks it when a client asks.
    Suspended { process: Process, on: bool },
    /// The daemon read an agent's file.
    Observed(Box<Observation>),
    /// A client restores the sessions of an earlier daemon.
    Restored(Vec<Session>),
    /// A client restores the rate limits of an earlier daemon.
    RateLimitsRestored(Vec<RateLimits>),
    /// The daemon looked up the present day.
    DayFound(Day),
    /// The user marks a session.
    Marked { key: RowKey, mark: Mark },
    /// The user removes a closed session.
    Forgotten { key: RowKey },
    /// A deadline may be due.
    Tick,
}

/// The result of an input.
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    /// The changed sessions, in the order of their changes.
    pub changes: Vec<Change>,
    /// The processes that the daemon must watch from now on, with their agents' files.
    pub watch: Vec<ProcessToWatch>,
    /// The files that the daemon must read, once each.
    pub lookups: Vec<FileLookup>,
    /// Keys that an earlier daemon gave to sessions, each with the session's present key.
    pub renamed: Vec<(RowKey, RowKey)>,
    /// The rate limits of an account have changed.
    pub limits_changed: bool,
}

/// A process to watch, with its agent's files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProcessToWatch {
    /// The agent.
    pub agent: AgentName,
    /// The agent's process.
    pub process: Process,
}

/// A session that is new, changed or removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The session's key.
    pub key: RowKey,
    /// The kind of the change.
    pub kind: ChangeKind,
    /// The status that the session entered, if it entered one.
    pub transition: Option<Transition>,
    /// The end of the turn of a headless session that closed at once. Only waits and rules use it.
    pub passed: Option<Transition>,
}

impl Change {
    /// Returns the session as it was after the end of its turn and before it closed.
    pub fn passed_through(&self, row: &Session) -> Option<Session> {
        let Transition { status, at } = self.passed?;
        Some(Session { status, since: at, end: None, ..row.clone() })
    }
}

/// The kind of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeKind {
    /// The session is new or changed.
    Updated,
    /// The session was removed.
    Removed,
}

/// All sessions. It is not `Clone`, because one actor owns the only store.
#[derive(Debug, Default)]
pub struct SessionStore {
    epoch: String,
    revision: u64,
    /// Each row has an allocation of its own, because a map may have twice as many slots as sessions.
    rows: HashMap<RowKey, Box<Row>>,
    process_index: ProcessIndex,
    /// The next deadline of each session, in microseconds since this boot.
    deadlines: BTreeSet<(u64, RowKey)>,
    deadline_of: HashMap<RowKey, u64>,
    /// The ancestors of each session's process, to find a parent whose first event comes later.
    ancestors: HashMap<RowKey, Vec<Process>>,
    /// The sessions of the agents that programs of `crewboard run` have started, by the program.
    programs: HashMap<Process, RowKey>,
    accounts: Accounts,
    /// The day whose costs are counted, if it is known.
    day: Option<Day>,
    /// A session has a cost of that day.
    has_day_costs: bool,
    removals: VecDeque<(u64, RowKey)>,
    /// Keys of earlier daemons, oldest first, each with the session's present key.
    former_keys: VecDeque<(RowKey, RowKey)>,
    /// The oldest revision from which a subscription can resume without missing a removal.
    oldest_resumable: u64,
}

impl SessionStore {
    /// Creates an empty store. `epoch` identifies this run of the daemon.
    pub fn new(epoch: String) -> Self {
        Self { epoch, ..Self::default() }
    }

    /// Returns the identity of this run of the daemon.
    pub fn epoch(&self) -> &str {
        &self.epoch
    }

    /// Returns the number of changes so far.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// Returns the number of sessions, closed ones too.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Returns true if there is no session, not even a closed one.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Returns a session without its history.
    pub fn get(&self, key: &RowKey) -> Option<&Session> {
        self.rows.get(key).map(|row| &row.session)
    }

    /// Returns all sessions without their histories, in no order.
    pub fn iter(&self) -> impl Iterator<Item = &Session> {
        self.rows.values().map(|row| &row.session)
    }

    /// Returns true if any session is open.
    pub fn has_live_rows(&self) -> bool {
        self.rows.values().any(|row| row.session.status != Status::Closed)
    }

    /// Returns the processes of all open sessions, each once.
    pub fn processes(&self) -> BTreeSet<Process> {
        let open = self.rows.values().filter(|row| row.session.status != Status::Closed);
        open.filter_map(|row| row.session.process()).collect()
    }

    /// Returns a copy of a session with its history.
    pub fn with_history(&self, key: &RowKey) -> Option<Session> {
        let row = self.rows.get(key)?;
        Some(Session {
            history: row.state.history.iter().copied().collect(),
            past: row.state.past.clone(),
            ..row.session.clone()
        })
    }

    /// Returns a session, its last statuses and those of the day before them. It copies nothing, unlike
    /// [`SessionStore::with_history`].
    pub fn get_with_history(
        &self,
        key: &RowKey,
    ) -> Option<(&Session, &VecDeque<Transition>, &PastStatuses)> {
        let row = self.rows.get(key)?;
        Some((&row.session, &row.state.history, &row.state.past))
    }

    /// Returns the last events of a session with their effects, oldest first.
    pub fn trail(&self, key: &RowKey) -> Option<Vec<TrailEntry>> {
        Some(self.rows.get(key)?.state.trail.entries().collect())
    }

    /// Returns the sessions that were changed and removed after `revision`, or `None` if that is not known any more.
    pub fn changes_since(&self, revision: u64) -> Option<(Vec<RowKey>, Vec<RowKey>)> {
        if revision < self.oldest_resumable || revision > self.revision {
            return None;
        }
        let changed = self.rows.values().filter(|row| row.session.revision > revision);
        let removed =
            self.removals.iter().filter(|(at, key)| *at > revision && !self.rows.contains_key(key));
        Some((
            changed.map(|row| row.session.key.clone()).collect(),
            removed.map(|(_, key)| key.clone()).collect(),
        ))
    }

    /// Returns the milliseconds until the next deadline.
    pub fn next_deadline(&self, now: Now) -> Option<u64> {
        let row = self.deadlines.first();
        let row = row.map(|(micros, _)| micros.saturating_sub(now.stamp.micros).div_ceil(1000));
        let times = [self.accounts.next_reset(), self.end_of_costs()];
        let times = times.into_iter().flatten().map(|at| at.since(now.wall));
        row.into_iter().chain(times).min()
    }

    /// Applies one input.
    pub fn apply(&mut self, input: Input, now: Now) -> Outcome {
        let mut outcome = Outcome::default();
        match input {
            Input::Reported(mut report) => {
                report.sanitise();
                self.redirect_to_agent(&mut report);
                // A stamp of the future must not make the following events look late.
                if now.stamp.is_before(report.stamp) {
                    report.stamp = now.stamp;
                }
                match report.event {
                    Event::UsageReport(usage) => {
                        self.apply_usage(&report, usage, now, &mut outcome);
                    }
                    Event::BranchRead => self.apply_branch(&report, &mut outcome),
                    _ => self.apply_report(&report, now, &mut outcome),
                }
            }
            Input::ProcessWatched { process, ancestors } => {
                self.apply_watched(process, &ancestors, now, &mut outcome);
            }
            Input::OriginFound { process, origin } => {
                self.apply_origin(process, &origin, now, &mut outcome);
            }
            Input::ProcessExited { process } => self.apply_exit(process, now, &mut outcome),
            Input::Suspended { process, on } => {
                self.apply_suspension(process, on, now, &mut outcome);
            }
            Input::Observed(mut observation) => {
                observation.sanitise();
                self.apply_observation(&observation, now, &mut outcome);
            }
            Input::Restored(rows) => {
                for row in rows {
                    self.restore_session(row, now, &mut outcome);
                }
            }
            Input::RateLimitsRestored(limits) => {
                self.restore_rate_limits(limits, now, &mut outcome);
            }
            Input::DayFound(day) => self.set_day(day, &mut outcome),
            Input::Marked { key, mark } => self.apply_mark(&key, mark, now, &mut outcome),
            Input::Forgotten { key } => self.forget(&key, &mut outcome),
            Input::Tick => self.apply_tick(now, &mut outcome),
        }
        self.update_teams(now, &mut outcome);
        outcome
    }

    fn apply_report(&mut self, report: &Report, now: Now, outcome: &mut Outcome) {
        let Some(key) = self.find_or_create(report, now, outcome) else { return };
        let Some(row) = self.rows.get_mut(&key) else { return };
        if report.process.is_some()
            && row.session.process().is_some()
            && report.process != row.session.process()
        {
            record_event(
                row,
                report,
                now,
                Effect::Ignored { why: "from a former process".to_owned() },
            );
            return;
        }
        // The terminal of a program does not know the conversation.
        if row.session.id != report.session
            && !report.session.is_empty()
            && let Err(why) = switch_conversation(row, report)
        {
            record_event(row, report, now, Effect::Ignored { why: why.to_owned() });
            return;
        }
        // A window that has closed may leave its agent at work in a service, whose events report no process either.
        if report.process.is_none()
            && report.event.is_start()
            && row.state.reopen_without_process(report.stamp)
        {
            row.session.pid = None;
            row.session.pid_start = None;
            row.session.origin = None;
        }
        // A suspended process sends no events.
        row.session.stopped = false;
        let is_newest = !report.stamp.is_before(row.state.latest);
        if let Some(confirmed) = row.state.confirm_pending(report) {
            let derived = derive_session(row, now, confirmed.at, &confirmed.source);
            self.record_change(&key, derived.transition, now, outcome);
        }
        let Some(row) = self.rows.get_mut(&key) else { return };
        let result = row.state.apply(report);
        if let Err(why) = result {
            record_event(row, report, now, Effect::Ignored { why: why.to_owned() });
            // The first event of a new session, or of a closed one that continues, may be ignored too.
            let is_new = row.state.history.is_empty();
            let was_confirmed = row.session.confirmed;
            let derived = derive_session(row, now, report.stamp, &report.source);
            // The report of a program confirms a status that another source decides.
            let is_changed = row.session.confirmed != was_confirmed;
            if is_new || is_changed || derived.transition.is_some() {
                self.record_change(&key, derived.transition, now, outcome);
            } else {
                self.schedule(&key, now, outcome);
            }
            return;
        }
        if is_newest {
            apply_metadata(row, report);
            if let Event::SessionStarted { origin } = report.event {
                row.state.begin_cost(origin);
            }
        }
        if let Event::PromptSubmitted { prompt, automatic: false, .. } = &report.event {
            row.session.user_prompt = Some(prompt.clone());
        }
        if let Event::ProgramReported(record) = &report.event
            && record.id.is_empty()
        {
            row.session.title.clone_from(&record.title);
        }
        let from = row.session.status;
        let derived = derive_session(row, now, report.stamp, &report.source);
        record_event(row, report, now, derived.effect(from));
        self.record_change(&key, derived.transition, now, outcome);
        if derived.closes() {
            self.prune_closed(outcome);
        }
    }

    fn apply_observation(&mut self, observation: &Observation, now: Now, outcome: &mut Outcome) {
        let Some(key) = self.find_or_create_observed(observation, now, outcome) else { return };
        let Some(row) = self.rows.get_mut(&key) else { return };
        if row.session.process() != Some(observation.process) {
            return;
        }
        let before = row.session.clone();
        let (source, seen) = (&observation.source, observation.seen);
        let at = match &observation.finding {
            FileFinding::FileStatus { since, .. } | FileFinding::UnwatchedStatus { since, .. } => {
                *since
            }
            FileFinding::TurnEnd { at, .. } => *at,
            FileFinding::Removed
            | FileFinding::Unreadable
            | FileFinding::NoSessionFile
            | FileFinding::EndNotFound => seen,
        };
        let result = row.state.apply_finding(source, seen, &observation.finding);
        if result.is_ok() {
            row.apply_file_metadata(&observation.about, seen);
        }
        let from = row.session.status;
        let derived = derive_session(row, now, at, source);
        let effect = match result {
            Ok(()) => derived.effect(from),
            Err(why) => Effect::Ignored { why: why.to_owned() },
        };
        // Clients ask often, and mostly nothing has changed.
        let is_unchanged = matches!(observation.finding, FileFinding::UnwatchedStatus { .. })
            && row.session == before
            && derived.transition.is_none();
        if !is_unchanged {
            record_observation(row, observation, now, effect);
        }
        let is_new = row.state.history.len() == 1 && derived.transition.is_some();
        if is_new || derived.transition.is_some() || row.session != before {
            self.record_change(&key, derived.transition, now, outcome);
        } else {
            self.schedule(&key, now, outcome);
        }
        if derived.closes() {
            self.prune_closed(outcome);
        }
    }

    fn apply_mark(&mut self, key: &RowKey, mark: Mark, now: Now, outcome: &mut Outcome) {
        let Some(row) = self.rows.get_mut(key) else { return };
        // Due timeouts come first, because the mark is about the present status.
        if let Some(entered) = derive_session(row, now, now.stamp, "clock").transition {
            self.record_change(key, Some(entered), now, outcome);
        }
        if let Mark::Seen { revision }
        | Mark::Unseen { revision }
        | Mark::Dismissed { on: true, revision } = mark
            && revision > self.revision
        {
            // A client cannot have seen a future revision.
            return;
        }
        let Some(row) = self.rows.get_mut(key) else { return };
        if !row.apply_mark(mark, now) {
            return;
        }
        derive_session(row, now, now.stamp, "user");
        self.record_change(key, None, now, outcome);
    }
}
