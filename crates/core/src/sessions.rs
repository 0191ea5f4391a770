mod dump;
mod identity;
mod keeping;

pub use dump::Dump;

use crate::describe::{describe, remember, remember_observation};
use crate::event::{Event, Report, StartOrigin};
use crate::facts::{Ended, settle};
use crate::identity::{AgentName, Process, RowKey};
use crate::marks::Mark;
use crate::observation::{Finding, Look, Observation};
use crate::restore;
use crate::session::{End, Session, Transition};
use crate::time::Now;
use crate::tracked::Tracked;
use crate::trail::{Effect, TrailEntry};
use crate::{KEEP_CLOSED_MS, LOST_AFTER_MS, MAX_ROWS, Status};
use identity::switch_conversation;
use std::collections::{BTreeSet, HashMap, VecDeque};

/// Everything that can happen to the map.
#[derive(Debug, Clone)]
pub enum Input {
    /// An agent's event.
    Reported(Box<Report>),
    /// The kernel will tell of the end of `process`; its parent, grandparent and so on.
    ProcessWatched { process: Process, ancestors: Vec<Process> },
    /// The kernel said that `process` ended.
    ProcessExited { process: Process },
    /// Whether `process` is suspended: nothing tells of that, so it is looked at when somebody asks.
    Suspended { process: Process, on: bool },
    /// The agent's own files said something.
    Observed(Box<Observation>),
    /// A view gives back what an earlier daemon had told it.
    Restored(Vec<Session>),
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
    pub watch: Vec<Watch>,
    /// What should be looked up, once each.
    pub looks: Vec<Look>,
}

/// A process whose end, and whose agent's files, are to be watched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Watch {
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
    pub kind: Kept,
    /// The status it entered, where it entered one.
    pub transition: Option<Transition>,
}

/// Whether a row that changed is still there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    Present,
    Removed,
}

/// All rows. Deliberately not `Clone`: one actor owns the only one.
#[derive(Debug)]
pub struct Sessions {
    epoch: String,
    revision: u64,
    rows: HashMap<RowKey, Tracked>,
    /// Which row a process belongs or belonged to.
    by_process: HashMap<Process, RowKey>,
    /// When each row may change by itself, in microseconds since this boot.
    deadlines: BTreeSet<(u64, RowKey)>,
    deadline_of: HashMap<RowKey, u64>,
    /// Who each watched process descends from, so that a parent that is learnt of later is found.
    ancestors: HashMap<RowKey, Vec<Process>>,
    removals: VecDeque<(u64, RowKey)>,
    /// Resuming from before this revision would miss a removal.
    forgotten: u64,
}

impl Sessions {
    /// No rows yet. `epoch` names this run of the daemon: revisions of another do not compare.
    pub fn new(epoch: String) -> Self {
        Self {
            epoch,
            revision: 0,
            rows: HashMap::new(),
            by_process: HashMap::new(),
            deadlines: BTreeSet::new(),
            deadline_of: HashMap::new(),
            ancestors: HashMap::new(),
            removals: VecDeque::new(),
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

    /// The processes of all open rows.
    pub fn processes(&self) -> impl Iterator<Item = Process> {
        self.rows
            .values()
            .filter(|row| row.status != Status::Closed)
            .filter_map(|row| row.process())
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
        let (micros, _) = self.deadlines.first()?;
        Some(micros.saturating_sub(now.stamp.micros).div_ceil(1000))
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
                self.take_report(&report, now, &mut outcome);
            }
            Input::ProcessWatched { process, ancestors } => {
                self.take_watched(process, ancestors, now, &mut outcome);
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
            Input::Marked { key, mark } => self.take_mark(&key, mark, now, &mut outcome),
            Input::Tick => self.take_tick(now, &mut outcome),
        }
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

    fn take_watched(
        &mut self,
        process: Process,
        ancestors: Vec<Process>,
        now: Now,
        outcome: &mut Outcome,
    ) {
        let Some(key) = self.by_process.get(&process).cloned() else { return };
        let mut children: Vec<RowKey> = Vec::new();
        for (child, its_ancestors) in &self.ancestors {
            let orphan = self.rows.get(child).is_some_and(|row| row.parent.is_none());
            if *child != key && orphan && its_ancestors.contains(&process) {
                children.push(child.clone());
            }
        }
        children.sort();
        let parent = ancestors
            .iter()
            .filter_map(|ancestor| self.by_process.get(ancestor))
            .find(|parent| **parent != key)
            .cloned();
        self.ancestors.insert(key.clone(), ancestors);
        if let Some(row) = self.rows.get_mut(&key) {
            row.facts.watched = true;
            let settled = settle(row, now, now.stamp, "process:watched");
            self.changed(&key, settled.transition, now, outcome);
        }
        if let Some(parent) = parent {
            self.adopt(&key, &parent, now, outcome);
        }
        for child in children {
            self.adopt(&child, &key, now, outcome);
        }
    }

    /// Marks `child` as run by `parent`: it never claims its parent's pane.
    fn adopt(&mut self, child: &RowKey, parent: &RowKey, now: Now, outcome: &mut Outcome) {
        let Some(row) = self.rows.get_mut(child) else { return };
        // A background session belongs to the agent's own service, whoever started that first.
        if row.job.is_some() || row.parent.is_some() {
            return;
        }
        row.parent = Some(parent.clone());
        row.facts.nested = true;
        row.place = std::mem::take(&mut row.place).without_pane();
        self.changed(child, None, now, outcome);
    }

    fn take_exit(&mut self, process: Process, now: Now, outcome: &mut Outcome) {
        let Some(key) = self.by_process.get(&process).cloned() else { return };
        let Some(row) = self.rows.get_mut(&key) else { return };
        if row.process() != Some(process) {
            return;
        }
        let source = "process:exited";
        let from = row.status;
        if let Some(ended) = &mut row.facts.ended {
            ended.dead = true;
        } else {
            // Who takes its file away before it ends says goodbye by that.
            let how = if row.facts.files.has_left() { End::Exit } else { End::Killed };
            row.facts.ended = Some(Ended { how, stamp: now.stamp, dead: true });
            row.facts.clear_for_end();
        }
        let settled = settle(row, now, now.stamp, source);
        row.facts.trail.push(TrailEntry {
            source: source.to_owned(),
            said: format!("process {} ended", process.pid),
            at: now.wall,
            stamp: now.stamp,
            delay: 0,
            effect: settled.effect(from),
        });
        if settled.transition.is_some() {
            self.changed(&key, settled.transition, now, outcome);
            self.prune_closed(outcome);
        } else {
            self.schedule(&key, now, outcome);
        }
    }

    fn take_suspension(&mut self, process: Process, on: bool, now: Now, outcome: &mut Outcome) {
        let Some(key) = self.by_process.get(&process).cloned() else { return };
        let Some(row) = self.rows.get_mut(&key) else { return };
        if row.process() == Some(process) && row.stopped != on {
            row.stopped = on;
            self.changed(&key, None, now, outcome);
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
            Finding::Condition { since, .. } => *since,
            Finding::TurnOver { at, .. } => *at,
            Finding::Left | Finding::Blind | Finding::NothingOver => seen,
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
        remember_observation(row, observation, now, effect);
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

    fn take_restored(&mut self, mut restored: Session, now: Now, outcome: &mut Outcome) {
        restore::sanitise(&mut restored, now);
        if restored.key.is_empty() || restored.id.is_empty() {
            return;
        }
        let process = restored.process();
        let known = process.and_then(|process| self.by_process.get(&process)).cloned();
        let known =
            known.or_else(|| self.rows.contains_key(&restored.key).then(|| restored.key.clone()));
        if let Some(known) = known {
            let Some(mut row) = self.rows.remove(&known) else { return };
            // The older name, unless it has become another row's.
            if restored.key != known && self.rows.contains_key(&restored.key) {
                restored.key = known.clone();
            }
            let changed = restore::merge(&mut row, restored);
            // What views and waiters know the row by is the older name.
            if row.key != known {
                self.unschedule(&known);
                self.forget(known.clone(), outcome);
                for key in self.by_process.values_mut().filter(|key| **key == known) {
                    *key = row.key.clone();
                }
                if let Some(ancestors) = self.ancestors.remove(&known) {
                    self.ancestors.insert(row.key.clone(), ancestors);
                }
            }
            let key = row.key.clone();
            let now_of = row.process().filter(|_| row.status != Status::Closed);
            self.rows.insert(key.clone(), row);
            if let Some(process) = now_of
                && self.by_process.insert(process, key.clone()).is_none()
            {
                outcome.watch.push(self.watch_of(&key, process));
            }
            if changed {
                if let Some(row) = self.rows.get_mut(&key) {
                    settle(row, now, now.stamp, "restored");
                }
                self.changed(&key, None, now, outcome);
            }
            return;
        }
        if self.rows.len() >= MAX_ROWS && !self.make_room(outcome) {
            return;
        }
        let key = restored.key.clone();
        let mut row = restore::revive(restored, &self.epoch);
        row.facts.trail.push(TrailEntry {
            source: "restored".to_owned(),
            said: format!("{}, as a view remembers it", row.status),
            at: now.wall,
            stamp: now.stamp,
            delay: 0,
            effect: Effect::Kept,
        });
        settle(&mut row, now, now.stamp, "restored");
        if let Some(process) = process
            && row.status != Status::Closed
        {
            self.by_process.insert(process, key.clone());
            outcome.watch.push(Watch { agent: row.agent.clone(), process });
        }
        self.rows.insert(key.clone(), row);
        self.changed(&key, None, now, outcome);
        self.prune_closed(outcome);
    }

    fn watch_of(&self, key: &RowKey, process: Process) -> Watch {
        let agent = self.rows.get(key).map(|row| row.agent.clone()).unwrap_or_default();
        Watch { agent, process }
    }

    fn take_mark(&mut self, key: &RowKey, mark: Mark, now: Now, outcome: &mut Outcome) {
        let Some(row) = self.rows.get_mut(key) else { return };
        // What is due by the clock comes first: the mark is of what a person sees now.
        if let Some(entered) = settle(row, now, now.stamp, "clock").transition {
            self.changed(key, Some(entered), now, outcome);
        }
        let Some(row) = self.rows.get_mut(key) else { return };
        if !row.mark(mark, now) {
            return;
        }
        settle(row, now, now.stamp, "user");
        self.changed(key, None, now, outcome);
    }

    fn take_tick(&mut self, now: Now, outcome: &mut Outcome) {
        // A few for each row: one that is due again and again waits for the next tick and holds nobody up.
        for _ in 0..8 * (self.deadlines.len() + 1) {
            let Some((micros, key)) = self.deadlines.first().cloned() else { break };
            if micros > now.stamp.micros {
                break;
            }
            self.unschedule(&key);
            let Some(row) = self.rows.get_mut(&key) else { continue };
            if let Some(ended) = row.facts.ended {
                if now.has_passed(ended.stamp, KEEP_CLOSED_MS) || ended.stamp.boot != now.stamp.boot
                {
                    self.remove(&key, outcome);
                }
                continue;
            }
            let wakes = row.snoozed_until.is_some_and(|until| until <= now.wall);
            if wakes {
                row.snoozed_until = None;
            }
            let heard = row.facts.heard();
            let silent = now.has_passed(heard, LOST_AFTER_MS) || heard.boot != now.stamp.boot;
            let source = if !row.facts.watched
                && silent
                && !wakes
                && row.facts.deadline(row.headless).is_none()
            {
                row.facts.ended = Some(Ended { how: End::Lost, stamp: now.stamp, dead: false });
                row.facts.clear_for_end();
                "process:lost"
            } else {
                "clock"
            };
            let before = row.session.clone();
            let settled = settle(row, now, now.stamp, source);
            if wakes && row.needs_you {
                row.dismissed = false;
            }
            if settled.transition.is_some() || wakes || row.session != before {
                self.changed(&key, settled.transition, now, outcome);
            } else {
                self.schedule(&key, now, outcome);
            }
            if settled.closes() {
                self.prune_closed(outcome);
            }
        }
    }
}
