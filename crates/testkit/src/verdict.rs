//! Compares the statuses that Crewboard showed with the truth.

use crate::truth::{RowTruth, Step};
use std::fmt;

/// One change of status that Crewboard showed for one client process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observed {
    pub status: String,
    /// Milliseconds on the clock of the truth.
    pub at_ms: i64,
}

impl Observed {
    pub fn new(status: &str, at_ms: i64) -> Self {
        Self { status: status.to_owned(), at_ms }
    }
}

/// A difference between a row and its truth.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    /// The statuses, in order and with equal neighbours merged, are not those of the truth.
    Sequence { truth: String, ours: String },
    /// The sequence matches the truth only if this step merged with its neighbours, but Crewboard had left that
    /// status before the step.
    Missed { status: String, at_ms: i64 },
    /// The status at the end of the scenario is wrong.
    Last { truth: String, ours: Option<String> },
    /// The status just before the row closed is wrong.
    BeforeClosed { truth: String, ours: Option<String> },
    /// The end of the process is wrong.
    Ended { truth: String, ours: Option<String> },
}

/// The comparison of one row with the truth.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    pub problems: Vec<Problem>,
    /// For each step of the truth, Crewboard's change that belongs to it. `None` for a step that merged with its
    /// neighbour, and for all steps if the sequence is wrong.
    pub changes: Vec<Option<Matched>>,
}

/// Crewboard's change that belongs to a step of the truth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Matched {
    pub at_ms: i64,
    /// Crewboard's time minus the time of the truth, if that is known.
    pub lag_ms: Option<i64>,
}

impl Verdict {
    /// Returns true if there is no problem.
    pub fn is_right(&self) -> bool {
        self.problems.is_empty()
    }

    /// Returns true if the sequence of statuses is right.
    pub fn sequence_is_right(&self) -> bool {
        let of_sequence =
            |problem| matches!(problem, &Problem::Sequence { .. } | &Problem::Missed { .. });
        !self.problems.iter().any(of_sequence)
    }

    /// Returns true if the status at the end of the scenario is right.
    pub fn last_is_right(&self) -> bool {
        !self.problems.iter().any(|problem| matches!(problem, Problem::Last { .. }))
    }

    /// Returns the index and the lag in milliseconds of each step that has its own change.
    pub fn lags(&self) -> impl Iterator<Item = (usize, i64)> {
        let changes = self.changes.iter().enumerate();
        changes.filter_map(|(step, change)| Some((step, change.as_ref()?.lag_ms?)))
    }
}

/// Compares the changes of one client process, in order, and its end with the truth.
///
/// The only tolerance is that of the truth: its accepted alternatives. An alternative that equals its neighbour
/// merges with it (a `done` that may be called `working`, between two `working`).
pub fn compare(truth: &RowTruth, observed: &[Observed], end: Option<&str>) -> Verdict {
    let merged = merge(observed);
    let mut problems = Vec::new();
    let matched = align(&truth.statuses, &merged);
    if matched.is_none() {
        let words: Vec<_> = merged.iter().map(|change| change.status.as_str()).collect();
        problems.push(Problem::Sequence {
            truth: format_sequence(&truth.statuses),
            ours: words.join(" → "),
        });
    }
    problems.extend(matched.iter().flat_map(|groups| missed(&truth.statuses, &merged, groups)));
    let last = merged.last().map(|change| change.status.as_str());
    if !last.is_some_and(|word| truth.accepts_last(word)) {
        problems.push(Problem::Last { truth: truth.last.clone(), ours: last.map(str::to_owned) });
    }
    let open = merged.iter().rev().map(|change| change.status.as_str()).find(|&w| w != "closed");
    if !open.is_some_and(|word| truth.accepts_before_closed(word)) {
        problems.push(Problem::BeforeClosed {
            truth: truth.before_closed.clone(),
            ours: open.map(str::to_owned),
        });
    }
    // A row that may still be open has no end yet.
    let still_open = last.is_some_and(|word| word != "closed" && truth.accepts_last(word));
    if !still_open && !end.is_some_and(|end| truth.accepts_end(end)) {
        problems.push(Problem::Ended { truth: truth.ended.clone(), ours: end.map(str::to_owned) });
    }
    let changes = match matched {
        Some(groups) => own_changes(&truth.statuses, &merged, &groups),
        None => vec![None; truth.statuses.len()],
    };
    Verdict { problems, changes }
}

/// Drops each change to the status that the row already had.
fn merge(observed: &[Observed]) -> Vec<&Observed> {
    let mut merged: Vec<&Observed> = observed.iter().collect();
    merged.dedup_by(|later, earlier| later.status == earlier.status);
    merged
}

/// Returns for each step the index of its change. Returns `None` if the sequence does not match the truth.
fn align(steps: &[Step], changes: &[&Observed]) -> Option<Vec<usize>> {
    let accepts = |step: usize, change: usize| steps[step].accepts(&changes[change].status);
    // fits[step][change]: the steps up to this one match the changes up to that one.
    let mut fits = vec![vec![false; changes.len()]; steps.len()];
    for step in 0..steps.len() {
        for change in 0..changes.len() {
            let before = match (step, change) {
                (0, change) => change == 0,
                (_, 0) => fits[step - 1][0],
                _ => fits[step - 1][change] || fits[step - 1][change - 1],
            };
            fits[step][change] = before && accepts(step, change);
        }
    }
    let mut change = changes.len().checked_sub(1)?;
    if !fits.last()?[change] {
        return None;
    }
    let mut groups = vec![0; steps.len()];
    for step in (0..steps.len()).rev() {
        groups[step] = change;
        if step > 0 && change > 0 && fits[step - 1][change - 1] {
            change -= 1;
        }
    }
    Some(groups)
}

/// Returns the steps that merged with a neighbour although Crewboard had left its status before them.
fn missed(steps: &[Step], changes: &[&Observed], groups: &[usize]) -> Vec<Problem> {
    let left_before = |step: usize, at_ms: i64| {
        let group = groups[step];
        // The first step of a group begins with the change itself.
        let is_merged = step > 0 && groups[step - 1] == group;
        is_merged && changes.get(group + 1).is_some_and(|next| next.at_ms < at_ms)
    };
    (steps.iter().enumerate())
        .filter_map(|(index, step)| {
            let at_ms = step.at_ms.filter(|&at_ms| left_before(index, at_ms))?;
            Some(Problem::Missed { status: step.status.clone(), at_ms })
        })
        .collect()
}

/// Assigns each change to one of its steps: the first with its status, or else the first.
fn own_changes(steps: &[Step], changes: &[&Observed], groups: &[usize]) -> Vec<Option<Matched>> {
    let owner = |group: usize| {
        let mut members = (0..steps.len()).filter(|&step| groups[step] == group);
        let first = members.clone().next();
        members.find(|&step| steps[step].status == changes[group].status).or(first)
    };
    let matched = |step: usize| {
        let change = changes[groups[step]];
        Matched { at_ms: change.at_ms, lag_ms: steps[step].at_ms.map(|at| change.at_ms - at) }
    };
    (0..steps.len())
        .map(|step| (owner(groups[step]) == Some(step)).then(|| matched(step)))
        .collect()
}

/// Returns the sequence with its alternatives, such as `idle|question → working`.
fn format_sequence(steps: &[Step]) -> String {
    let word = |step: &Step| {
        let others = step.accept.iter().filter(|word| **word != step.status);
        others.fold(step.status.clone(), |text, other| text + "|" + other)
    };
    steps.iter().map(word).collect::<Vec<_>>().join(" → ")
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fn or_nothing(ours: Option<&String>) -> &str {
            ours.map_or("nothing", String::as_str)
        }
        match self {
            Self::Sequence { truth, ours } => {
                write!(formatter, "statuses: {ours}, should be {truth}")
            }
            Self::Missed { status, at_ms } => {
                write!(formatter, "missed: {status} at {at_ms} ms")
            }
            Self::Last { truth, ours } => {
                write!(formatter, "at the end: {}, should be {truth}", or_nothing(ours.as_ref()))
            }
            Self::BeforeClosed { truth, ours } => {
                write!(
                    formatter,
                    "before it closed: {}, should be {truth}",
                    or_nothing(ours.as_ref())
                )
            }
            Self::Ended { truth, ours } => {
                write!(formatter, "end: {}, should be {truth}", or_nothing(ours.as_ref()))
            }
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_right() {
            return formatter.write_str("right");
        }
        let problems: Vec<_> = self.problems.iter().map(ToString::to_string).collect();
        formatter.write_str(&problems.join("; "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(statuses: &str, extra: &str) -> RowTruth {
        let text = format!(
            r#"{{"row": "S0", "pid": 1, "kind": "interactive", "sessions": [], {extra}
                "statuses": [{statuses}]}}"#
        );
        serde_json::from_str(&text).unwrap()
    }

    fn background() -> RowTruth {
        row(
            r#"{"status": "idle", "at_ms": 0, "from": "start", "accept": ["idle", "question"]},
               {"status": "working", "at_ms": 100, "from": "prompt: go"},
               {"status": "done", "at_ms": 200, "from": "screen", "accept": ["done", "working"]},
               {"status": "working", "at_ms": 300, "from": "screen: the spinner"},
               {"status": "done", "at_ms": 400, "from": "screen: turn over"},
               {"status": "closed", "at_ms": 500, "from": "prompt: /exit"}"#,
            r#""final": "closed", "before_closed": "done", "ended": "exit","#,
        )
    }

    fn check(truth: &RowTruth, ours: &[(&str, i64)], end: Option<&str>) -> Verdict {
        let ours: Vec<_> = ours.iter().map(|(word, at)| Observed::new(word, *at)).collect();
        compare(truth, &ours, end)
    }

    const WHOLE: [(&str, i64); 6] = [
        ("idle", 1),
        ("working", 102),
        ("done", 203),
        ("working", 304),
        ("done", 395),
        ("closed", 506),
    ];

    #[test]
    fn right_sequence_has_its_lags() {
        let verdict = check(&background(), &WHOLE, Some("exit"));
        assert_eq!(verdict.to_string(), "right");
        let lags: Vec<_> = verdict.lags().collect();
        assert_eq!(lags, [(0, 1), (1, 2), (2, 3), (3, 4), (4, -5), (5, 6)]);
    }

    #[test]
    fn repeated_status_counts_from_its_first_change() {
        let mut ours = WHOLE.to_vec();
        ours.insert(2, ("working", 180));
        let verdict = check(&background(), &ours, Some("exit"));
        assert_eq!(verdict.to_string(), "right");
        assert_eq!(verdict.changes[1], Some(Matched { at_ms: 102, lag_ms: Some(2) }));
    }

    #[test]
    fn accepted_alternative_may_merge_with_its_neighbours() {
        let ours = [("question", 1), ("working", 102), ("done", 395), ("closed", 506)];
        let verdict = check(&background(), &ours, Some("exit"));
        assert_eq!(verdict.to_string(), "right");
        let lags: Vec<_> = verdict.lags().collect();
        assert_eq!(lags, [(0, 1), (1, 2), (4, -5), (5, 6)], "the merged steps have no change");
    }

    #[test]
    fn merged_step_must_last_until_the_next_change() {
        let ours = [("idle", 1), ("working", 102), ("done", 203), ("closed", 506)];
        let verdict = check(&background(), &ours, Some("exit"));
        assert_eq!(verdict.to_string(), "missed: working at 300 ms");
        assert!(!verdict.sequence_is_right());
    }

    #[test]
    fn step_without_a_time_has_no_lag() {
        let mut truth = background();
        truth.statuses[1].at_ms = None;
        let verdict = check(&truth, &WHOLE, Some("exit"));
        assert_eq!(verdict.changes[1], Some(Matched { at_ms: 102, lag_ms: None }));
        assert_eq!(verdict.lags().count(), 5);
    }

    #[test]
    fn merged_change_belongs_to_the_step_with_its_status() {
        let truth = row(
            r#"{"status": "idle", "at_ms": 0, "from": "start", "accept": ["idle", "working"]},
               {"status": "working", "at_ms": 100, "from": "screen: the spinner"},
               {"status": "closed", "at_ms": 200, "from": "prompt: /exit"}"#,
            r#""final": "closed", "before_closed": "working", "ended": "exit","#,
        );
        let verdict = check(&truth, &[("working", 90), ("closed", 210)], Some("exit"));
        assert_eq!(verdict.lags().collect::<Vec<_>>(), [(1, -10), (2, 10)]);
    }

    #[test]
    fn missing_extra_or_swapped_status_is_wrong() {
        let truth = background();
        for (index, missing) in WHOLE.iter().enumerate() {
            let mut ours = WHOLE.to_vec();
            ours.remove(index);
            let right = check(&truth, &ours, Some("exit")).sequence_is_right();
            // Only the `done` in the middle may be called `working`, and therefore be missing.
            assert_eq!(right, index == 2, "without {missing:?}");
        }
        for index in 0..=WHOLE.len() {
            let mut ours = WHOLE.to_vec();
            ours.insert(index, ("permission", 1));
            assert!(!check(&truth, &ours, Some("exit")).sequence_is_right(), "at {index}");
        }
        let mut ours = WHOLE;
        ours.swap(0, 1);
        assert!(!check(&truth, &ours, Some("exit")).sequence_is_right());
        assert!(!check(&truth, &[], None).sequence_is_right());
    }

    #[test]
    fn wrong_sequence_has_no_lags() {
        let verdict = check(&background(), &WHOLE[1..], Some("exit"));
        assert_eq!(verdict.lags().count(), 0);
        assert_eq!(verdict.changes.len(), 6);
    }

    #[test]
    fn verdict_compares_the_last_status_and_the_end() {
        let verdict = check(&background(), &WHOLE[..4], None);
        let words: Vec<_> = verdict.problems.iter().skip(1).map(ToString::to_string).collect();
        assert_eq!(
            words,
            [
                "at the end: working, should be closed",
                "before it closed: working, should be done",
                "end: nothing, should be exit",
            ]
        );
        assert!(!verdict.last_is_right());
        let verdict = check(&background(), &WHOLE, Some("killed"));
        assert_eq!(verdict.to_string(), "end: killed, should be exit");
    }

    #[test]
    fn terminated_counts_as_exit_and_killed_does_not() {
        let truth = |ended: &str| {
            let extra =
                format!(r#""final": "closed", "before_closed": "idle", "ended": "{ended}","#);
            row(
                r#"{"status": "idle", "at_ms": 0, "from": "start"},
                   {"status": "closed", "at_ms": 200, "from": "kill-pane"}"#,
                &extra,
            )
        };
        let ours = [("idle", 0), ("closed", 1)];
        assert!(check(&truth("terminated"), &ours, Some("exit")).is_right());
        assert!(!check(&truth("terminated"), &ours, Some("killed")).is_right());
        assert!(check(&truth("killed"), &ours, Some("killed")).is_right());
        assert!(!check(&truth("killed"), &ours, Some("exit")).is_right());
        assert!(!check(&truth("killed"), &ours, Some("lost")).is_right());
        assert!(!check(&truth("killed"), &ours, None).is_right());
    }

    #[test]
    fn accepted_last_status_needs_no_end() {
        let truth = row(
            r#"{"status": "working", "at_ms": 0, "from": "claude -p"},
               {"status": "closed", "at_ms": 9, "from": "end", "accept": ["closed", "failed"]}"#,
            r#""final": "closed", "final_accept": ["closed", "failed"], "before_closed": "working",
               "ended": "exit","#,
        );
        let verdict = check(&truth, &[("working", 0), ("failed", 9)], None);
        assert!(verdict.last_is_right() && verdict.sequence_is_right());
        assert_eq!(verdict.to_string(), "before it closed: failed, should be working");
    }
}
