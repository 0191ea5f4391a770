//! Plays every recording of Codex through the payload reader and the domain, and compares the rows with what the user saw
//! (`harness/truth-codex.json`).
#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod player;

use crewboard_testkit::recording::{CODEX_CLIENTS, Recording};
use crewboard_testkit::truth::Truth;
use crewboard_testkit::verdict::compare;
use player::{Evidence, PlayedRow, play};

/// The facts that no hook and no file of Codex reports (see `docs/agents/codex.md`), by scenario.
const UNKNOWN: [(&str, &str); 4] = [
    // A window that ends in a turn counts as killed.
    ("codex-0.171.0 pane-killed-mid-tool", "end: killed, should be terminated"),
    // The end of the turn is known about 0.1 s before its plan.
    (
        "codex-0.171.0 plan-question",
        "working → done → plan → working → done → closed, should be idle → working → question → \
         working → plan → working → done → closed",
    ),
    // Nothing tells that the user declined a plan: the row shows it until the next turn.
    ("codex-0.171.0 plan-reject", "statuses: idle → working → done → plan → closed"),
    ("codex-0.171.0 plan-reject", "before it closed: plan"),
];

fn problems(client: &str, evidence: Evidence) -> Vec<String> {
    let truth = Truth::load_codex(client).unwrap();
    let mut wrong = Vec::new();
    for scenario in Recording::scenarios(client).unwrap() {
        let recording = Recording::load(client, &scenario).unwrap();
        let rows = &truth.get(&scenario).unwrap().rows;
        let played = play(&recording, evidence);
        let pids: Vec<u32> = played.iter().map(|row| row.pid).collect();
        assert_eq!(pids, rows.iter().map(|row| row.pid).collect::<Vec<_>>(), "{client} {scenario}");
        for (row, shown) in rows.iter().zip(&played) {
            let verdict = compare(row, &shown.changes, shown.end.as_deref());
            for problem in verdict.problems {
                wrong.push(format!("{client} {scenario}: {problem}"));
            }
        }
    }
    wrong
}

#[test]
fn every_codex_recording_ends_in_the_truth() {
    let mut wrong = Vec::new();
    for client in CODEX_CLIENTS {
        wrong.extend(problems(client, Evidence::All));
    }
    let is = |problem: &String, (scenario, known): (&str, &str)| {
        problem.strip_prefix(scenario).is_some_and(|problem| problem.contains(known))
    };
    for known in UNKNOWN {
        assert!(wrong.iter().any(|problem| is(problem, known)), "no longer wrong: {known:?}");
    }
    wrong.retain(|problem| UNKNOWN.iter().all(|known| !is(problem, *known)));
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Without the transcript, API errors are missed, and a plan counts as done. Without hooks a session is not known at all.
#[test]
fn hooks_alone_miss_only_errors() {
    let mut scenarios = Vec::new();
    for problem in problems(CODEX_CLIENTS[0], Evidence::Hooks) {
        let scenario = problem.split(' ').nth(1).unwrap().trim_end_matches(':').to_owned();
        if UNKNOWN.iter().all(|(known, _)| !known.ends_with(&scenario))
            && !scenarios.contains(&scenario)
        {
            scenarios.push(scenario);
        }
    }
    assert_eq!(scenarios, ["error-400", "error-401"]);
}

#[test]
fn approval_that_nothing_reports_is_unconfirmed() {
    let recording = Recording::load(CODEX_CLIENTS[0], "permission-long").unwrap();
    let [PlayedRow { confirmed, .. }] = &play(&recording, Evidence::All)[..] else { panic!() };
    let of = |status: &str| {
        let mut shown = confirmed.iter().filter(|(shown, _)| shown == status);
        shown.all(|(_, confirmed)| *confirmed)
    };
    assert_eq!([of("permission"), of("working"), of("done")], [false, true, true]);
}

#[test]
fn session_in_the_service_has_the_pane_of_its_window() {
    for scenario in ["plain", "new", "clear"] {
        let recording = Recording::load(CODEX_CLIENTS[0], scenario).unwrap();
        let panes: Vec<_> =
            play(&recording, Evidence::All).into_iter().map(|row| row.pane).collect();
        assert_eq!(panes, [Some("%0".to_owned())], "{scenario}");
    }
}
