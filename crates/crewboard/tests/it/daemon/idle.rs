//! An idle daemon does not wake.

use crate::support::{assert_never_wakes, note, prompt_payload, world};
use crewboard_testkit::{FakeAgent, Subscription};
use std::time::Instant;

#[test]
fn idle_daemon_never_wakes_and_still_sees_the_next_event() {
    let world = world();
    let mut agent = FakeAgent::new();
    world.run_hook(&agent, &prompt_payload("s", "go"));
    let mut subscription = Subscription::new(world.connect());
    subscription.wait_for_row("s", |row| row["confirmed"] == true);
    subscription.client.hello();
    let daemon = world.daemon();
    assert_never_wakes(daemon);
    assert_eq!(std::fs::read_dir(format!("/proc/{daemon}/task")).unwrap().count(), 1);

    let started = Instant::now();
    world.run_hook(&agent, &prompt_payload("s", "again"));
    subscription.wait_for_row("s", |row| row["prompt"] == "again");
    note(&format!("from starting a hook to its push: {:?}", started.elapsed()));
    agent.kill();
    subscription.wait_for_row("s", |row| row["end"] == "killed");
}
