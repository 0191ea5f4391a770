//! Scenarios that are known not to be right yet, each with its reason.
//!
//! They are run and reported like all others, as open, never as passed. One that has become right is
//! reported as such and its line here must go.

use crewboard_testkit::truth::{Problem, Verdict};

/// A scenario that may be wrong for now.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Open {
    pub(crate) scenario: &'static str,
    pub(crate) reason: &'static str,
    /// Whether the status just before the row closed may be wrong too.
    before_closed: bool,
}

const NO_HOOK: &str = "no hook tells of an interrupt or a denial; the agent's own files do";

const OPEN: [Open; 6] = [
    Open { scenario: "interrupt-before-first-byte", reason: NO_HOOK, before_closed: true },
    Open { scenario: "interrupt-stream", reason: NO_HOOK, before_closed: false },
    Open { scenario: "interrupt-tool", reason: NO_HOOK, before_closed: false },
    Open { scenario: "permission-deny", reason: NO_HOOK, before_closed: false },
    Open {
        scenario: "slash-custom",
        reason: "the turn that follows `!command` has no UserPromptSubmit",
        before_closed: false,
    },
    Open {
        scenario: "compact",
        reason: "a hook for PreCompact would print a line in the client, so nothing tells that it compacts",
        before_closed: false,
    },
];

/// Returns why a scenario may be wrong, if it may.
pub(crate) fn find(scenario: &str) -> Option<&'static Open> {
    OPEN.iter().find(|open| open.scenario == scenario)
}

impl Open {
    /// Whether everything that is wrong with a row is what may be wrong: never its last status or its end.
    pub(crate) fn covers(&self, verdict: &Verdict) -> bool {
        verdict.problems.iter().all(|problem| match problem {
            Problem::Sequence { .. } | Problem::Missed { .. } => true,
            Problem::BeforeClosed { .. } => self.before_closed,
            Problem::Last { .. } | Problem::Ended { .. } => false,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crewboard_testkit::truth::{Observed, Truth, compare};

    #[test]
    fn every_open_scenario_exists_and_has_one_line() {
        let truth = Truth::load().unwrap();
        for (index, open) in OPEN.iter().enumerate() {
            assert!(truth.get(open.scenario).is_some(), "{}", open.scenario);
            assert!(OPEN[..index].iter().all(|other| other.scenario != open.scenario));
        }
    }

    #[test]
    fn a_wrong_last_status_is_never_covered() {
        let truth = Truth::load().unwrap();
        let row = &truth.get("interrupt-before-first-byte").unwrap().rows[0];
        let open = find("interrupt-before-first-byte").unwrap();
        let ours = |words: &[&str]| words.iter().map(|word| Observed::new(word, 0)).collect();
        let missed: Vec<_> = ours(&["idle", "working", "closed"]);
        let verdict = compare(row, &missed, Some("exit"));
        assert!(!verdict.is_right() && open.covers(&verdict), "{verdict}");
        let stuck: Vec<_> = ours(&["idle", "working"]);
        assert!(!open.covers(&compare(row, &stuck, None)));
        assert!(!open.covers(&compare(row, &missed, Some("killed"))));
    }
}
