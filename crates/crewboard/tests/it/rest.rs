//! A daemon at rest does nothing at all, and hears everything.

use crate::{note, prompt_payload, status_of, world};
use crewboard_testkit::{FakeAgent, View};
use std::time::{Duration, Instant};

#[test]
fn at_rest_it_never_wakes_and_then_hears_an_event_and_a_death() {
    let world = world();
    let mut agent = FakeAgent::new();
    world.hook(&agent, &prompt_payload("s", "go"));
    let mut view = View::new(world.connect());
    view.until_row("s", |row| row["confirmed"] == true);
    view.client.hello();
    let daemon = world.daemon();
    let wakes = || {
        status_of(daemon, "voluntary_ctxt_switches")
            + status_of(daemon, "nonvoluntary_ctxt_switches")
    };
    // The hooks' ends and our own requests are still being tidied up.
    std::thread::sleep(Duration::from_millis(200));
    let before = wakes();
    // Nothing can be awaited here: it is nothing that is to happen.
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!(wakes(), before, "it woke while nothing happened");
    assert_eq!(status_of(daemon, "Threads"), 1);
    assert_eq!(std::fs::read_dir(format!("/proc/{daemon}/task")).unwrap().count(), 1);

    let told = Instant::now();
    world.hook(&agent, &prompt_payload("s", "again"));
    view.until_row("s", |row| row["prompt"] == "again");
    note(&format!("from starting a hook to its push: {:?}", told.elapsed()));
    agent.kill();
    view.until_row("s", |row| row["end"] == "killed");
}
