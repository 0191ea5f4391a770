mod process_index;
mod processes;
mod restore;
mod restored_rows;
mod retention;
mod row_lookup;
mod teams;
mod usage;

use crate::Status;
use crate::evidence::event::{Event, Report, StartOrigin};
use crate::evidence::observation::{FileFinding, FileLookup, Observation};
use crate::session::identity::{AgentName, Process, RowKey};
use crate::session::usage::{Accounts, RateLimits};
use crate::session::{Origin, Session, Transition};
use crate::state::marks::Mark;
use crate::state::metadata::{describe, remember, remember_observation};
use crate::state::row::Row;
use crate::state::settle;
use crate::state::trail::{Effect, TrailEntry};
use crate::time::Now;
use process_index::ProcessIndex;
use row_lookup::switch_conversation;
use std::collections::{BTreeSet, HashMap, VecDeque};

/// Everything that can happen to the map.
#[derive(Debug, Clone)]
pub enum Input {
    /// An agent's event.
    Reported(Box<Report>),
    /// The kernel will tell of the end of `process`; its parent, grandparent and so on.
    ProcessWatched { process: Process, ancestors: Vec<Process> },
    /// The kernel said how `process` was started.
    OriginFound { process: Process, origin: Origin },
    /// The kernel said that `process` ended.
    ProcessExited { process: Process },
    /// Whether `process` is suspended: nothing tells of that, so it is looked at when somebody asks.
    Suspended { process: Process, on: bool },
    /// The agent's own files said something.
    Observed(Box<Observation>),
    /// A view gives back what an earlier daemon had told it.
    Restored(Vec<Session>),
    /// A view gives back the limits that an earlier daemon had told it.
    RateLimitsRestored(Vec<RateLimits>),
    /// A person marks a row.
    Marked { key: RowKey, mark: Mark },
    /// A deadline may have passed.
    Tick,
}

/// What became of an input.
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    /// The rows that are other than they were, in the order in which they changed.
    pub changes: Vec<Change>,
    /// Processes that whoever runs the domain should watch from now on, and their agents' files.
    pub watch: Vec<ProcessToWatch>,
    /// What should be looked up, once each.
    pub looks: Vec<FileLookup>,
    /// Keys by which an earlier daemon knew a row, and the row's key now.
    pub renamed: Vec<(RowKey, RowKey)>,
    /// The limits of some account are other than they were.
    pub limits_changed: bool,
}

/// A process whose end, and whose agent's files, are to be watched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProcessToWatch {
    /// Which agent it is.
    pub agent: AgentName,
    /// The agent's process.
    pub process: Process,
}

/// A row that is new or another than it was, or gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Which row.
    pub key: RowKey,
    /// Whether it is still there.
    pub kind: ChangeKind,
    /// The status it entered, where it entered one.
    pub transition: Option<Transition>,
    /// The end of its turn, which no view is shown: with that a headless session closed in good order.
    pub passed: Option<Transition>,
}

impl Change {
    /// The row as it was when its turn had ended and it had not closed yet.
    pub fn passed_through(&self, row: &Session) -> Option<Session> {
        let Transition { status, at } = self.passed?;
        Some(Session { status, since: at, end: None, ..row.clone() })
    }
}

/// Whether a row that changed is still there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeKind {
    Updated,
    Removed,
}

/// All rows. Deliberately not `Clone`: one actor owns the only one.
#[derive(Debug)]
pub struct SessionStore {
    epoch: String,
    revision: u64,
    rows: HashMap<RowKey, Row>,
    owners: ProcessIndex,
    /// When each row may change by itself, in microseconds since this boot.
    deadlines: BTreeSet<(u64, RowKey)>,
    deadline_of: HashMap<RowKey, u64>,
    /// Who each watched process descends from, so that a parent that is learnt of later is found.
    ancestors: HashMap<RowKey, Vec<Process>>,
    accounts: Accounts,
    removals: VecDeque<(u64, RowKey)>,
    /// Keys by which earlier daemons knew rows, oldest first, and each row's key now.
    former_keys: VecDeque<(RowKey, RowKey)>,
    /// Resuming from before this revision would miss a removal.
    forgotten: u64,
}

impl SessionStore {
    /// No rows yet. `epoch` names this run of the daemon: revisions of another do not compare.
    pub fn new(epoch: String) -> Self {
        Self {
            epoch,
            revision: 0,
            rows: HashMap::new(),
            owners: ProcessIndex::default(),
            deadlines: BTreeSet::new(),
            deadline_of: HashMap::new(),
            ancestors: HashMap::new(),
            accounts: Accounts::default(),
            removals: VecDeque::new(),
            former_keys: VecDeque::new(),
            forgotten: 0,
        }
    }

    /// The name of this run of the daemon.
    pub fn epoch(&self) -> &str {
        &self.epoch
    }

    /// How many changes there were so far, of all rows.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// How many rows there are, closed ones too.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is no row, not even a closed one.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// A row without its history.
    pub fn get(&self, key: &RowKey) -> Option<&Session> {
        self.rows.get(key).map(|row| &row.session)
    }

    /// All rows without their histories, in no order.
    pub fn iter(&self) -> impl Iterator<Item = &Session> {
        self.rows.values().map(|row| &row.session)
    }

    /// Whether any agent still runs, as far as we know.
    pub fn has_live_rows(&self) -> bool {
        self.rows.values().any(|row| row.status != Status::Closed)
    }

    /// Returns the processes of all open rows, each once.
    pub fn processes(&self) -> BTreeSet<Process> {
        let open = self.rows.values().filter(|row| row.status != Status::Closed);
        open.filter_map(|row| row.process()).collect()
    }

    /// A copy of a row with its history, which notices leave out.
    pub fn with_history(&self, key: &RowKey) -> Option<Session> {
        let row = self.rows.get(key)?;
        Some(Session {
            history: row.facts.history.iter().copied().collect(),
            ..row.session.clone()
        })
    }

    /// What a row was told lately and made of it, oldest first.
    pub fn trail(&self, key: &RowKey) -> Option<Vec<TrailEntry>> {
        Some(self.rows.get(key)?.facts.trail.entries().cloned().collect())
    }

    /// The rows changed and removed after `revision`; `None` if that can no longer be told.
    pub fn changes_since(&self, revision: u64) -> Option<(Vec<RowKey>, Vec<RowKey>)> {
        if revision < self.forgotten || revision > self.revision {
            return None;
        }
        let changed = self.rows.values().filter(|row| row.revision > revision);
        let removed =
            self.removals.iter().filter(|(at, key)| *at > revision && !self.rows.contains_key(key));
        Some((
            changed.map(|row| row.key.clone()).collect(),
            removed.map(|(_, key)| key.clone()).collect(),
        ))
    }

    /// Milliseconds from `now` until a row may change by itself.
    pub fn next_deadline(&self, now: Now) -> Option<u64> {
        let row = self.deadlines.first();
        let row = row.map(|(micros, _)| micros.saturating_sub(now.stamp.micros).div_ceil(1000));
        let limit = self.accounts.next_reset().map(|at| at.since(now.wall));
        row.into_iter().chain(limit).min()
    }

    /// Takes in one input and says what became of it.
    pub fn apply(&mut self, input: Input, now: Now) -> Outcome {
        let mut outcome = Outcome::default();
        match input {
            Input::Reported(mut report) => {
                report.sanitise();
                // A clock that runs ahead must not make all that follows look late.
                if now.stamp.is_before(report.stamp) {
                    report.stamp = now.stamp;
                }
                match report.event {
                    Event::UsageReport(told) => self.take_usage(&report, told, now, &mut outcome),
                    Event::BranchRead => self.take_branch(&report, &mut outcome),
                    _ => self.take_report(&report, now, &mut outcome),
                }
            }
            Input::ProcessWatched { process, ancestors } => {
                self.take_watched(process, &ancestors, now, &mut outcome);
            }
            Input::OriginFound { process, origin } => {
                self.take_origin(process, &origin, now, &mut outcome);
            }
            Input::ProcessExited { process } => self.take_exit(process, now, &mut outcome),
            Input::Suspended { process, on } => {
                self.take_suspension(process, on, now, &mut outcome);
            }
            Input::Observed(mut observation) => {
                observation.sanitise();
                self.take_observation(&observation, now, &mut outcome);
            }
            Input::Restored(rows) => {
                for row in rows {
                    self.take_restored(row, now, &mut outcome);
                }
            }
            Input::RateLimitsRestored(limits) => {
                self.take_restored_limits(limits, now, &mut outcome);
            }
            Input::Marked { key, mark } => self.take_mark(&key, mark, now, &mut outcome),
            Input::Tick => self.take_tick(now, &mut outcome),
        }
        self.keep_teams_together(now, &mut outcome);
        outcome
    }

    fn take_report(&mut self, report: &Report, now: Now, outcome: &mut Outcome) {
        let Some(key) = self.row_for(report, now, outcome) else { return };
        let Some(row) = self.rows.get_mut(&key) else { return };
        if report.process.is_some() && row.process().is_some() && report.process != row.process() {
            remember(row, report, now, Effect::Ignored { why: "of a former process".to_owned() });
            return;
        }
        if row.id != report.session
            && let Err(why) = switch_conversation(row, report)
        {
            remember(row, report, now, Effect::Ignored { why: why.to_owned() });
            return;
        }
        if report.process.is_none() && row.facts.revive_without_process(report.stamp) {
            row.pid = None;
            row.pid_start = None;
            row.origin = None;
        }
        // Who speaks is not suspended.
        row.stopped = false;
        let is_newest = !report.stamp.is_before(row.facts.latest);
        // A compaction that was asked for is no turn of the model's, but a person sees it work.
        let tells_of_turn = matches!(
            report.event,
            Event::TurnEnded { .. }
                | Event::TurnFailed { .. }
                | Event::SessionStarted { origin: StartOrigin::Compact }
        );
        let unannounced = (tells_of_turn && report.subagent.is_none())
            .then(|| row.facts.confirm_unannounced_turn(report.stamp))
            .flatten();
        if let Some(began) = unannounced {
            let settled = settle(row, now, began.at, &began.source);
            self.changed(&key, settled.transition, now, outcome);
        }
        let Some(row) = self.rows.get_mut(&key) else { return };
        let result = row.facts.take(report);
        if let Err(why) = result {
            remember(row, report, now, Effect::Ignored { why: why.to_owned() });
            // Also of a new row the first word may be ignored, and of a closed one that lives again.
            let is_new = row.facts.history.is_empty();
            let settled = settle(row, now, report.stamp, &report.source);
            if is_new || settled.transition.is_some() {
                self.changed(&key, settled.transition, now, outcome);
            } else {
                self.schedule(&key, now, outcome);
            }
            return;
        }
        if is_newest {
            describe(row, report);
        }
        if let Event::PromptSubmitted { prompt, automatic: false, .. } = &report.event {
            row.prompt = Some(prompt.clone());
        }
        let from = row.status;
        let settled = settle(row, now, report.stamp, &report.source);
        remember(row, report, now, settled.effect(from));
        self.changed(&key, settled.transition, now, outcome);
        if settled.closes() {
            self.prune_closed(outcome);
        }
    }

    fn take_observation(&mut self, observation: &Observation, now: Now, outcome: &mut Outcome) {
        let Some(key) = self.row_of(observation, now, outcome) else { return };
        let Some(row) = self.rows.get_mut(&key) else { return };
        if row.process() != Some(observation.process) {
            return;
        }
        let before = row.session.clone();
        let (source, seen) = (&observation.source, observation.seen);
        let at = match &observation.finding {
            FileFinding::FileStatus { since, .. } | FileFinding::Glimpse { since, .. } => *since,
            FileFinding::TurnEnd { at, .. } => *at,
            FileFinding::Left | FileFinding::Blind | FileFinding::NothingOver => seen,
        };
        let result = row.facts.observe(source, seen, &observation.finding);
        if result.is_ok() {
            row.learn(&observation.about, seen);
        }
        let from = row.status;
        let settled = settle(row, now, at, source);
        let effect = match result {
            Ok(()) => settled.effect(from),
            Err(why) => Effect::Ignored { why: why.to_owned() },
        };
        // Views ask often, and mostly nothing has changed.
        let is_known = matches!(observation.finding, FileFinding::Glimpse { .. })
            && row.session == before
            && settled.transition.is_none();
        if !is_known {
            remember_observation(row, observation, now, effect);
        }
        let is_new = row.facts.history.len() == 1 && settled.transition.is_some();
        if is_new || settled.transition.is_some() || row.session != before {
            self.changed(&key, settled.transition, now, outcome);
        } else {
            self.schedule(&key, now, outcome);
        }
        if settled.closes() {
            self.prune_closed(outcome);
        }
    }

    fn take_mark(&mut self, key: &RowKey, mark: Mark, now: Now, outcome: &mut Outcome) {
        let Some(row) = self.rows.get_mut(key) else { return };
        // What is due by the clock comes first: the mark is of what a person sees now.
        if let Some(entered) = settle(row, now, now.stamp, "clock").transition {
            self.changed(key, Some(entered), now, outcome);
        }
        if let Mark::Seen { revision } | Mark::Dismissed { on: true, revision } = mark
            && revision > self.revision
        {
            // No client can have seen what is still to come.
            return;
        }
        let Some(row) = self.rows.get_mut(key) else { return };
        if !row.mark(mark, now) {
            return;
        }
        settle(row, now, now.stamp, "user");
        self.changed(key, None, now, outcome);
    }
}
