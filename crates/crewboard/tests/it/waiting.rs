//! `crewboard wait`, as a script sees it.

use crate::commands::report;
use crate::{payload, prompt_payload, world};
use crewboard_testkit::{FakeAgent, View, World, eventually, outcome};
use serde_json::json;
use std::time::Instant;

#[test]
fn wait_says_by_its_exit_code_how_it_ended() {
    let world = world();
    for words in [
        &["wait"][..],
        &["wait", "x"],
        &["wait", "--any", "x", "--until", "done"],
        &["wait", "x", "--until", "dancing"],
        &["wait", "--any", "--until", "done", "--timeout", "1y"],
    ] {
        assert_eq!(world.say(words).code(), Some(2), "{words:?}");
    }
    assert_eq!(world.say(["wait", "nobody", "--until", "done"]).code(), Some(1));
    assert_eq!(world.say(["wait", "--all", "--until", "done"]).code(), Some(1));

    report(&world, "a", "working");
    // Level-triggered: what is so already is reached at once.
    assert_eq!(world.say(["wait", "a", "--until", "working"]).code(), Some(0));
    let said = world.say(["wait", "a", "--until", "done", "--timeout", "50ms"]);
    assert_eq!((said.code(), said.stdout.as_str()), (Some(124), ""));
    for (until, then, code) in [
        ("done", "done", 0),
        ("idle,done", "idle", 0),
        ("needs-you", "permission", 0),
        ("done", "question", 3),
        ("done", "failed", 3),
        ("done", "closed", 4),
    ] {
        report(&world, "a", "working");
        let begun = Instant::now();
        let wait = world.command(["wait", "a", "--until", until]).spawn().unwrap();
        await_wait(&world);
        report(&world, "a", then);
        assert_eq!(outcome(wait, begun).code(), Some(code), "until {until}, then {then}");
    }
    report(&world, "b", "working");
    report(&world, "c", "closed");
    let begun = Instant::now();
    let wait = world.command(["wait", "--any", "--until", "done"]).spawn().unwrap();
    await_wait(&world);
    report(&world, "b", "done");
    assert_eq!(outcome(wait, begun).code(), Some(0));
    // With --new also those that come later.
    let wait = world.command(["wait", "--any", "--new", "--until", "permission"]).spawn().unwrap();
    await_wait(&world);
    report(&world, "d", "permission");
    assert_eq!(outcome(wait, begun).code(), Some(0));
}

/// Waits until a `wait` has begun to wait.
fn await_wait(world: &World) {
    eventually("it waits", || {
        world.try_connect().is_some_and(|mut client| client.hello()["waits"] == 1)
    });
}

#[test]
fn wait_outlives_the_daemon() {
    let world = world();
    let agent = FakeAgent::new();
    world.hook(&agent, &prompt_payload("s", "go"));
    let begun = Instant::now();
    let wait = world.command(["wait", "shop", "--until", "done"]).spawn().unwrap();
    await_wait(&world);
    world.kill_daemon();
    await_wait(&world);
    let stop = json!({"last_assistant_message": "done"});
    world.hook(&agent, &payload("Stop", "s", &stop));
    assert_eq!(outcome(wait, begun).code(), Some(0));
}

#[test]
fn what_had_reached_when_the_daemon_died_need_not_again() {
    let world = world();
    let mut told = View::new(world.start());
    report(&world, "first", "done");
    report(&world, "second", "working");
    report(&world, "third", "working");
    let begun = Instant::now();
    let wait = world.command(["wait", "--all", "--until", "done"]).spawn().unwrap();
    await_wait(&world);
    // Reached in passing, while it waits; and what it does afterwards is no matter.
    report(&world, "second", "done");
    report(&world, "second", "working");
    told.until_row("second", |row| row["status"] == "working");
    // A turn later it has been written to every subscriber.
    world.connect().hello();
    world.kill_daemon();
    await_wait(&world);
    report(&world, "first", "question");
    report(&world, "third", "done");
    assert_eq!(outcome(wait, begun).code(), Some(0));
}
