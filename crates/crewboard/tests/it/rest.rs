//! A daemon at rest does nothing at all, and hears everything.

use crate::{assert_rests, note, prompt_payload, world};
use crewboard_testkit::{FakeAgent, View};
use std::time::Instant;

#[test]
fn at_rest_it_never_wakes_and_then_hears_an_event_and_a_death() {
    let world = world();
    let mut agent = FakeAgent::new();
    world.hook(&agent, &prompt_payload("s", "go"));
    let mut view = View::new(world.connect());
    view.until_row("s", |row| row["confirmed"] == true);
    view.client.hello();
    let daemon = world.daemon();
    assert_rests(daemon);
    assert_eq!(std::fs::read_dir(format!("/proc/{daemon}/task")).unwrap().count(), 1);

    let told = Instant::now();
    world.hook(&agent, &prompt_payload("s", "again"));
    view.until_row("s", |row| row["prompt"] == "again");
    note(&format!("from starting a hook to its push: {:?}", told.elapsed()));
    agent.kill();
    view.until_row("s", |row| row["end"] == "killed");
}
