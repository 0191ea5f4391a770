//! `crewboard watch`.

use crate::support::{RunningCommand, note, payload, prompt_payload, rounds, world};
use crewboard_testkit::{FakeAgent, Subscription, run_with_input, wait_until, wrap_command};
use serde_json::{Value, json};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

#[test]
fn watch_prints_each_change_and_ends_with_its_reader() {
    let world = world();
    let agent = FakeAgent::new();
    world.run_hook(&agent, &prompt_payload("s", "go"));
    let mut watch = RunningCommand::start(&world, &["watch", "--json"]);
    let first = watch.wait_for("the row", |row| row["id"] == "s");
    assert_eq!((&first["status"], &first["history"]), (&json!("working"), &Value::Null));
    let stop = json!({"last_assistant_message": "all done"});
    world.run_hook(&agent, &payload("Stop", "s", &stop));
    let done = watch.wait_for("the end of the turn", |row| row["status"] == "done");
    assert_eq!(done["transitions"][0]["status"], "done");

    // `watch` ends with its reader even without a further change.
    watch.close_output();
    let mut status = None;
    wait_until("`watch` ends with its reader", || {
        status = watch.child.try_wait().unwrap();
        status.is_some()
    });
    assert!(status.unwrap().success());

    let mut plain = RunningCommand::start(&world, &["watch"]);
    assert!(plain.next_line().contains("shop"));

    // A shell runs `watch | head -n 1`.
    let script = r#""$0" "$@" | head -n 1"#;
    let shell = wrap_command(&["sh", "-c", script], &world.command(["watch", "--json"]));
    let output = run_with_input(shell, b"");
    assert_eq!(
        (output.code(), output.stdout.lines().count(), output.stderr.as_str()),
        (Some(0), 1, "")
    );
}

#[test]
fn watch_survives_a_killed_daemon_and_restores_its_rows() {
    let world = world();
    let (living, mut dying) = (FakeAgent::new(), FakeAgent::new());
    world.run_hook(&living, &prompt_payload("living", "go"));
    world.run_hook(&dying, &prompt_payload("dying", "go"));
    let mut watch = RunningCommand::start(&world, &["watch", "--json"]);
    let row = watch.wait_for("the row", |row| row["id"] == "living");
    let mut subscription = Subscription::new(world.connect());
    subscription
        .wait_for_rows(|rows| rows.len() == 2 && rows.values().all(|row| row["confirmed"] == true));
    let former = world.daemon();
    // The agent may end before or after the new daemon starts. The daemon must notice both.
    let started = Instant::now();
    world.signal_kill_to_daemon();
    dying.kill();
    watch.wait_for("the closed row", |row| row["id"] == "dying" && row["status"] == "closed");
    note(&format!(
        "the rows were restored and an end noticed {:?} after kill -9",
        started.elapsed()
    ));
    assert_ne!(world.daemon(), former);
    let rows = world.connect().list();
    let restored = rows.values().find(|row| row["id"] == "living").unwrap();
    assert_eq!(restored["key"], row["key"]);
    assert_eq!(restored["status"], "working");
    assert_eq!(restored["prompt"], "go");
    assert_eq!(rows.len(), 2);
    // `watch` still prints changes.
    let stop = json!({"last_assistant_message": "done"});
    world.run_hook(&living, &payload("Stop", "living", &stop));
    let done = watch
        .wait_for("the end of the turn", |row| row["id"] == "living" && row["status"] == "done");
    assert_eq!(done["key"], row["key"]);
}

#[test]
fn watch_survives_repeated_daemon_crashes() {
    let world = world();
    let agent = FakeAgent::new();
    world.run_hook(&agent, &prompt_payload("s", "0"));
    let mut watch = RunningCommand::start(&world, &["watch", "--json"]);
    watch.wait_for("the row", |row| row["id"] == "s");
    for round in 1..rounds(8) {
        world.kill_daemon();
        let text = round.to_string();
        world.run_hook(&agent, &prompt_payload("s", &text));
        watch.wait_for("the prompt", |row| row["prompt"] == *text);
    }
}

#[test]
fn watch_prints_a_session_that_becomes_quiet() {
    let world = world();
    let agent = FakeAgent::new();
    world.run_hook(&agent, &prompt_payload("model", "go"));
    let mut row = world.connect().list().into_values().next().unwrap();
    // A client restores two sessions without a process: one is quiet, the other will be in two seconds.
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
    let now = u64::try_from(now).unwrap();
    let mut restore = |id: &str, key: &str, evidence_at: u64| {
        for (field, value) in [
            ("id", json!(id)),
            ("key", json!(key)),
            ("name", json!(id)),
            ("pid", Value::Null),
            ("pid_start", Value::Null),
            ("since", json!(evidence_at)),
            ("evidence_at", json!(evidence_at)),
        ] {
            row[field] = value;
        }
        world.connect().send(json!({ "type": "restore", "row": row }));
    };
    let (long_ago, recently) = (now - 11 * 60_000, now - 10 * 60_000 + 2000);
    restore("long", "kaaaa", long_ago);
    restore("soon", "kbbbb", recently);
    wait_until("the daemon has the rows", || world.connect().list().len() == 3);
    let mut watch = RunningCommand::start(&world, &["watch", "--json"]);
    let long = watch.wait_for("the quiet row", |row| row["id"] == "long");
    assert_eq!((&long["status"], &long["quiet_since"]), (&json!("working"), &json!(long_ago)));
    let soon = watch.wait_for("the row that becomes quiet", |row| row["quiet_since"] == recently);
    assert_eq!((&soon["id"], &soon["transitions"]), (&json!("soon"), &json!([])));
    let list = world.run(["list"]).stdout;
    let line = list.lines().find(|line| line.contains("kaaaa"));
    assert!(line.unwrap().contains("(unconfirmed, quiet 1"), "{list}");
    let rows: Value = serde_json::from_str(&world.run(["list", "--json"]).stdout).unwrap();
    let quiet = |id: &str| {
        let row = rows.as_array().unwrap().iter().find(|row| row["id"] == id);
        row.unwrap()["quiet_since"].clone()
    };
    assert_eq!([quiet("long"), quiet("soon")], [json!(long_ago), json!(recently)]);
    assert_eq!(quiet("model"), Value::Null);
}
