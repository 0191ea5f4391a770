//! Plays every recording of the real agents through the payload readers and the domain, and compares the rows with what
//! the user saw (`harness/truth.json`).
#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod player;

use crewboard_core::Effect;
use crewboard_testkit::recording::{CLIENTS, Recording};
use crewboard_testkit::truth::{RowTruth, Step, Truth};
use crewboard_testkit::verdict::{Observed, compare};
use player::{Arrival, Evidence, PlayedRow, count_occurrences, play, play_with};

#[test]
fn every_recording_ends_in_the_truth() {
    let truth = Truth::load().unwrap();
    let mut wrong = Vec::new();
    for (client, scenario) in Recording::all().unwrap() {
        let recording = Recording::load(client, &scenario).unwrap();
        let rows = truth.rows(client, &scenario, &recording);
        let played = play(&recording);
        assert_eq!(played.len(), rows.len(), "{client} {scenario}: {played:#?}");
        for (row, shown) in rows.iter().zip(&played) {
            assert_eq!(row.pid, shown.pid, "{client} {scenario}");
            let verdict = compare(row, &shown.changes, shown.end.as_deref());
            for problem in verdict.problems {
                wrong.push(format!("{client} {scenario} {}: {problem:?}", row.row));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// The process of `claude -p` exits before the row shows the end of its turn, so the change reports that end.
#[test]
fn headless_session_is_done_before_it_closes() {
    let mut passed = Vec::new();
    for scenario in Recording::scenarios(CLIENTS[0]).unwrap() {
        for shown in play(&Recording::load(CLIENTS[0], &scenario).unwrap()) {
            if !shown.passed.is_empty() {
                passed.push(format!("{scenario}: {}", shown.passed.join(", ")));
            }
        }
    }
    let done = "headless-continue-resume-fork: done";
    assert_eq!(
        passed,
        [
            done,
            done,
            done,
            done,
            "headless-error-401: failed",
            "headless-permission-denied: done",
            "headless-plain: done",
            "headless-tools: done",
            // A `claude -p` that the Bash tool of another session runs.
            "nested: done",
        ]
    );
}

#[test]
fn repeated_events_lead_to_the_same_state() {
    for (client, scenario) in Recording::all().unwrap() {
        let recording = Recording::load(client, &scenario).unwrap();
        let once = play(&recording);
        let twice = play_with(&recording, Arrival::Twice, Evidence::All);
        for (once, twice) in once.iter().zip(&twice) {
            assert_eq!(once.changes, twice.changes, "{scenario}");
            assert_eq!(once.end, twice.end, "{scenario}");
        }
        assert_eq!(once.len(), twice.len(), "{scenario}");
    }
}

#[test]
fn late_events_lead_to_the_same_state() {
    let mut wrong = Vec::new();
    for (client, scenario) in Recording::all().unwrap() {
        let recording = Recording::load(client, &scenario).unwrap();
        let in_order = play(&recording);
        for seed in 0..20 {
            let late = play_with(&recording, Arrival::Late { most: 100, seed }, Evidence::All);
            assert_eq!(in_order.len(), late.len(), "{client} {scenario} {seed}");
            for (row, late) in in_order.iter().zip(&late) {
                let ends = |row: &PlayedRow| {
                    let mut words = row.changes.iter().rev().map(|change| change.status.clone());
                    let last = words.next();
                    (last, words.find(|word| word != "closed"), row.end.clone())
                };
                if ends(row) != ends(late) {
                    wrong.push(format!(
                        "{client} {scenario} {seed}: {:?} {:?}",
                        late.changes, late.end
                    ));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Returns the statuses that are correct for the row at a moment, in milliseconds after the first act: those of the
/// current step, and of steps so near that a user could not see the order. A step without a time lasts from the step
/// before it to the step after it.
fn expected_at(row: &RowTruth, at: i64) -> Vec<&str> {
    /// The recorder reads the screen every 40 ms, and users are slower.
    const NEAR: i64 = 600;
    let mut words = Vec::new();
    for (index, step) in row.statuses.iter().enumerate() {
        let known = |steps: &[Step]| steps.iter().find_map(|step| step.at_ms);
        let mut before: Vec<_> = row.statuses[..=index].to_vec();
        before.reverse();
        let from = known(&before).unwrap_or(i64::MIN + NEAR);
        let to = known(&row.statuses[index + 1..]).unwrap_or(i64::MAX);
        if from - NEAR <= at && at <= to.saturating_add(NEAR) {
            words.push(step.status.as_str());
            words.extend(step.accept.iter().map(String::as_str));
        }
    }
    words
}

/// Returns the status at a moment, and whether it was confirmed.
fn status_at(shown: &PlayedRow, at: i64) -> (Option<&str>, bool) {
    let status = shown.changes.iter().rev().find(|change: &&Observed| change.at_ms <= at);
    let confirmed = shown.confirmed.iter().rev().find(|(from, _)| *from <= at);
    (
        status.map(|change| change.status.as_str()),
        confirmed.is_some_and(|(_, confirmed)| *confirmed),
    )
}

/// Drops each event and observation in turn. After each second without evidence the status is correct or unconfirmed, or
/// the next evidence corrects it. At the end the status is correct.
#[test]
fn next_evidence_corrects_a_dropped_event() {
    let truth = Truth::load().unwrap();
    let mut wrong = Vec::new();
    for (client, scenario) in Recording::all().unwrap() {
        let recording = Recording::load(client, &scenario).unwrap();
        let rows = truth.rows(client, &scenario, &recording);
        for dropped in 0..count_occurrences(&recording) {
            let played = play_with(&recording, Arrival::Without(dropped), Evidence::All);
            for row in &rows {
                let Some(shown) = played.iter().find(|shown| shown.pid == row.pid) else {
                    wrong.push(format!("{client} {scenario} {dropped} {}: never shown", row.row));
                    continue;
                };
                let mut was_wrong = false;
                for (at, last) in quiet_points(shown) {
                    let (status, confirmed) = status_at(shown, at);
                    let expected = expected_at(row, at);
                    let is_wrong =
                        confirmed && !status.is_some_and(|status| expected.contains(&status));
                    if is_wrong && (was_wrong || last) {
                        wrong.push(format!(
                            "{client} {scenario} {dropped} {} at {at}: {status:?}, not {expected:?}: {:?}",
                            row.row, shown.changes
                        ));
                        break;
                    }
                    was_wrong = is_wrong;
                }
            }
        }
    }
    let count = wrong.len();
    assert!(wrong.is_empty(), "{count}: {:#?}", &wrong[..count.min(20)]);
}

/// Returns the ends of all seconds without evidence about the row's process, and whether each is the last.
fn quiet_points(shown: &PlayedRow) -> Vec<(i64, bool)> {
    const QUIET: i64 = 1000;
    let mut points = Vec::new();
    for pair in shown.evidence_at.windows(2) {
        if pair[1] - pair[0] > QUIET {
            points.push((pair[0] + QUIET, false));
        }
    }
    points.extend(shown.evidence_at.last().map(|last| (last + QUIET, true)));
    points
}

/// Without hooks, the session files alone lead to the status that the user saw at the end.
#[test]
fn session_files_alone_end_in_the_truth() {
    // In `fork-running` a command runs as soon as the turn is over, so the file is idle for too short a time. In
    // `team-tmux` a teammate keeps the lead's file busy, and has no session file.
    const HIDES_ENDS: [&str; 2] = ["fork-running", "team-tmux"];
    let truth = Truth::load().unwrap();
    let mut wrong = Vec::new();
    let shows_ends = |name: &str| !HIDES_ENDS.iter().any(|hidden| name.starts_with(hidden));
    let recordings = Recording::all().unwrap();
    for (client, scenario) in recordings.into_iter().filter(|(_, name)| shows_ends(name)) {
        let recording = Recording::load(client, &scenario).unwrap();
        let played = play_with(&recording, Arrival::InOrder, Evidence::Files);
        for row in &truth.rows(client, &scenario, &recording) {
            let Some(shown) = played.iter().find(|shown| shown.pid == row.pid) else {
                wrong.push(format!("{client} {scenario} {}: never shown", row.row));
                continue;
            };
            let open = shown.changes.iter().rev().find(|change| change.status != "closed");
            let open = open.map(|change| change.status.as_str());
            if !open.is_some_and(|word| row.accepts_before_closed(word)) {
                wrong.push(format!(
                    "{client} {scenario} {}: {open:?}, not {}",
                    row.row, row.before_closed
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Without session files, a status that may have ended without a hook is unconfirmed.
#[test]
fn hooks_alone_confirm_no_wrong_status() {
    let truth = Truth::load().unwrap();
    let mut wrong = Vec::new();
    for (client, scenario) in Recording::all().unwrap() {
        let recording = Recording::load(client, &scenario).unwrap();
        let played = play_with(&recording, Arrival::InOrder, Evidence::Hooks);
        for row in &truth.rows(client, &scenario, &recording) {
            let Some(shown) = played.iter().find(|shown| shown.pid == row.pid) else { continue };
            for (at, _) in quiet_points(shown) {
                let (status, confirmed) = status_at(shown, at);
                let expected = expected_at(row, at);
                if confirmed && !status.is_some_and(|status| expected.contains(&status)) {
                    wrong.push(format!("{client} {scenario} {} at {at}: {status:?}", row.row));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// The trail of a session is what `explain` prints: each event with its source and its effect.
#[test]
fn trail_explains_five_situations() {
    for scenario in [
        "interrupt-tool",
        "permission-deny",
        "user-stop-hook-blocks",
        "two-agents-permission",
        "no-hooks",
    ] {
        let played = play(&Recording::load(CLIENTS[0], scenario).unwrap());
        let first = played[0].trail[0].at.0;
        let lines = played[0].trail.iter().map(|entry| {
            let at = i64::try_from(entry.at.0).unwrap() - i64::try_from(first).unwrap();
            let effect = match &entry.effect {
                Effect::Set { from, to } => format!("{from} -> {to}"),
                Effect::Unchanged => "no other status".to_owned(),
                Effect::Ignored { why } => format!("ignored: {why}"),
            };
            format!("{at:>6} ms  {:24} {}: {effect}", entry.source, entry.summary)
        });
        let text: Vec<String> = lines.collect();
        insta::assert_snapshot!(scenario, text.join("\n"));
    }
}

#[test]
fn rows_show_lineage_and_background_work() {
    for (scenario, lineages) in
        [("clear", vec![1]), ("resume-id", vec![0, 0, 0]), ("plain", vec![0])]
    {
        let played = play(&Recording::load(CLIENTS[0], scenario).unwrap());
        let found: Vec<usize> = played.iter().map(|row| row.lineage).collect();
        assert_eq!(found, lineages, "{scenario}");
    }
    let most =
        |scenario: &str| play(&Recording::load(CLIENTS[0], scenario).unwrap())[0].most_background;
    assert_eq!(most("plain"), 0);
    assert_eq!(most("background-bash"), 1);
    assert_eq!(most("subagents-parallel"), 2);
}
