//! Every recording of the real agents, replayed through the payload readers and the domain, against
//! what a person watching would have said.
#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod player;

use crewboard_testkit::recording::Recording;
use crewboard_testkit::truth::{Problem, Truth, compare};
use player::{Arrival, play, play_as};

/// Scenarios that hooks and a process's end cannot tell right, why, and whether the status before
/// the end is wrong too. They need the agent's own files. None may be wrong at the end.
const OPEN: [(&str, &str, bool); 6] = [
    ("compact", "nothing tells that a compaction asked for has begun", false),
    ("interrupt-before-first-byte", "no hook tells of an interrupt", true),
    ("interrupt-stream", "no hook tells of an interrupt", false),
    ("interrupt-tool", "no hook tells of an interrupt", false),
    ("permission-deny", "no hook tells of a refusal", false),
    ("slash-custom", "no hook tells of the turn that follows a `!command`", false),
];

#[test]
fn every_recording_ends_in_the_truth() {
    let truth = Truth::load().unwrap();
    let mut wrong = Vec::new();
    let mut better = Vec::new();
    for scenario in Recording::scenarios().unwrap() {
        let rows = &truth.get(&scenario).unwrap().rows;
        let played = play(&Recording::load(&scenario).unwrap());
        let open = OPEN.iter().find(|(name, ..)| *name == scenario);
        let mut all_right = true;
        assert_eq!(played.len(), rows.len(), "{scenario}: {played:#?}");
        for (row, shown) in rows.iter().zip(&played) {
            assert_eq!(row.pid, shown.pid, "{scenario}");
            let verdict = compare(row, &shown.changes, shown.end.as_deref());
            all_right &= verdict.is_right();
            let excused = |problem: &Problem| match problem {
                Problem::Sequence { .. } | Problem::Missed { .. } => open.is_some(),
                Problem::BeforeClosed { .. } => open.is_some_and(|(.., before)| *before),
                Problem::Last { .. } | Problem::Ended { .. } => false,
            };
            for problem in verdict.problems.iter().filter(|problem| !excused(problem)) {
                wrong.push(format!("{scenario} {}: {problem:?}", row.row));
            }
        }
        if open.is_some() && all_right {
            better.push(scenario);
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(better.is_empty(), "right now, so no longer open: {better:?}");
}

#[test]
fn events_told_twice_end_in_the_same() {
    for scenario in Recording::scenarios().unwrap() {
        let recording = Recording::load(&scenario).unwrap();
        let (once, twice) = (play(&recording), play_as(&recording, Arrival::Twice));
        for (once, twice) in once.iter().zip(&twice) {
            assert_eq!(once.changes, twice.changes, "{scenario}");
            assert_eq!(once.end, twice.end, "{scenario}");
        }
        assert_eq!(once.len(), twice.len(), "{scenario}");
    }
}

#[test]
fn events_that_come_late_end_in_the_same() {
    let last = |row: &player::Shown| row.changes.last().map(|change| change.status.clone());
    let mut wrong = Vec::new();
    for scenario in Recording::scenarios().unwrap() {
        let recording = Recording::load(&scenario).unwrap();
        let in_order = play(&recording);
        for seed in 0..20 {
            let late = play_as(&recording, Arrival::Late { most: 100, seed });
            assert_eq!(in_order.len(), late.len(), "{scenario} {seed}");
            for (row, late) in in_order.iter().zip(&late) {
                let before_closed = |row: &player::Shown| {
                    let open = row.changes.iter().rev().find(|change| change.status != "closed");
                    open.map(|change| change.status.clone())
                };
                if (last(row), before_closed(row), &row.end)
                    != (last(late), before_closed(late), &late.end)
                {
                    wrong.push(format!("{scenario} {seed}: {:?} {:?}", late.changes, late.end));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn rows_carry_the_conversations_and_the_background() {
    for (scenario, lineages) in
        [("clear", vec![1]), ("resume-id", vec![0, 0, 0]), ("plain", vec![0])]
    {
        let played = play(&Recording::load(scenario).unwrap());
        let found: Vec<usize> = played.iter().map(|row| row.lineage).collect();
        assert_eq!(found, lineages, "{scenario}");
    }
    let most = |scenario: &str| play(&Recording::load(scenario).unwrap())[0].most_background;
    assert_eq!(most("plain"), 0);
    assert_eq!(most("background-bash"), 1);
    assert_eq!(most("subagents-parallel"), 2);
}
