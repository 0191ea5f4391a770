//! `crewboard wait`.

use crate::support::{payload, prompt_payload, world};
use crewboard_testkit::{FakeAgent, Subscription, World, wait_for_output, wait_until};
use serde_json::json;
use std::time::Instant;

#[test]
fn wait_exit_code_says_how_it_ended() {
    let world = world();
    for words in [
        &["wait"][..],
        &["wait", "x"],
        &["wait", "--any", "x", "--until", "done"],
        &["wait", "x", "--until", "dancing"],
        &["wait", "--any", "--until", "done", "--timeout", "1y"],
    ] {
        assert_eq!(world.run(words).code(), Some(2), "{words:?}");
    }
    assert_eq!(world.run(["wait", "unknown", "--until", "done"]).code(), Some(1));
    assert_eq!(world.run(["wait", "--all", "--until", "done"]).code(), Some(1));

    world.report("a", "working");
    // A status that the session already has is reached at once.
    assert_eq!(world.run(["wait", "a", "--until", "working"]).code(), Some(0));
    let output = world.run(["wait", "a", "--until", "done", "--timeout", "50ms"]);
    assert_eq!((output.code(), output.stdout.as_str()), (Some(124), ""));
    for (until, then, code) in [
        ("done", "done", 0),
        ("idle,done", "idle", 0),
        ("needs-you", "permission", 0),
        ("done", "question", 3),
        ("done", "failed", 3),
        ("done", "closed", 4),
    ] {
        world.report("a", "working");
        let started = Instant::now();
        let wait = world.command(["wait", "a", "--until", until]).spawn().unwrap();
        wait_for_the_request(&world);
        world.report("a", then);
        assert_eq!(wait_for_output(wait, started).code(), Some(code), "until {until}, then {then}");
    }
    world.report("b", "working");
    world.report("c", "closed");
    let started = Instant::now();
    let wait = world.command(["wait", "--any", "--until", "done"]).spawn().unwrap();
    wait_for_the_request(&world);
    world.report("b", "done");
    assert_eq!(wait_for_output(wait, started).code(), Some(0));
    // `--new` includes sessions that start later.
    let wait = world.command(["wait", "--any", "--new", "--until", "permission"]).spawn().unwrap();
    wait_for_the_request(&world);
    world.report("d", "permission");
    assert_eq!(wait_for_output(wait, started).code(), Some(0));
}

/// Waits until the daemon has a wait request.
fn wait_for_the_request(world: &World) {
    wait_until("the command waits", || {
        world.try_connect().is_some_and(|mut client| client.hello()["waits"] == 1)
    });
}

#[test]
fn wait_survives_a_killed_daemon() {
    let world = world();
    let agent = FakeAgent::new();
    world.run_hook(&agent, &prompt_payload("s", "go"));
    let started = Instant::now();
    let wait = world.command(["wait", "shop", "--until", "done"]).spawn().unwrap();
    wait_for_the_request(&world);
    world.kill_daemon();
    wait_for_the_request(&world);
    let stop = json!({"last_assistant_message": "done"});
    world.run_hook(&agent, &payload("Stop", "s", &stop));
    assert_eq!(wait_for_output(wait, started).code(), Some(0));
}

#[test]
fn wait_remembers_reached_sessions_after_a_daemon_crash() {
    let world = world();
    let mut subscription = Subscription::new(world.start_daemon());
    world.report("first", "done");
    world.report("second", "working");
    world.report("third", "working");
    let started = Instant::now();
    let wait = world.command(["wait", "--all", "--until", "done"]).spawn().unwrap();
    wait_for_the_request(&world);
    // The session reaches the status while the command waits. Its later statuses do not matter.
    world.report("second", "done");
    world.report("second", "working");
    subscription.wait_for_row("second", |row| row["status"] == "working");
    // The reply shows that the daemon has sent the change to each client.
    world.connect().hello();
    world.kill_daemon();
    wait_for_the_request(&world);
    world.report("first", "question");
    world.report("third", "done");
    assert_eq!(wait_for_output(wait, started).code(), Some(0));
}
