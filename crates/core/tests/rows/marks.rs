//! What a person marks.

use crate::world::{World, prompt, request, turn_end};
use crewboard_core::{Input, Mark, Status};

#[test]
fn what_a_stale_view_has_seen_clears_no_newer_news() {
    let mut world = World::new();
    world.event(1, "s1", prompt("a"));
    let stale = world.only().revision;
    world.event(1, "s1", turn_end());
    assert!(world.mark(1, Mark::Seen { revision: stale }).changes.is_empty());
    assert!(world.only().needs_you);
    let revision = world.only().revision;
    world.mark(1, Mark::Seen { revision });
    assert_eq!(
        (world.only().status, world.only().seen, world.only().needs_you),
        (Status::Done, true, false)
    );
    // The next end is news again.
    world.event(1, "s1", prompt("b"));
    world.event(1, "s1", turn_end());
    assert_eq!((world.only().seen, world.only().needs_you), (false, true));
    // A question is answered, not seen.
    world.event(1, "s1", request());
    let revision = world.only().revision;
    world.mark(1, Mark::Seen { revision });
    assert!(world.only().needs_you);
}

#[test]
fn a_snoozed_row_is_quiet_for_an_hour_or_until_its_status_changes() {
    let mut world = World::new();
    world.event(1, "s1", request());
    world.mark(1, Mark::Snoozed { on: true });
    assert_eq!((world.only().status, world.only().needs_you), (Status::Permission, false));
    let wait = world.sessions.next_deadline(world.now()).unwrap();
    assert_eq!(wait, 60 * 60 * 1000);
    world.milliseconds += wait;
    assert_eq!(world.apply(Input::Tick).changes.len(), 1);
    assert_eq!((world.only().needs_you, world.only().snoozed_until), (true, None));
    world.mark(1, Mark::Snoozed { on: true });
    world.event(1, "s1", turn_end());
    assert_eq!((world.only().needs_you, world.only().snoozed_until), (true, None));
}

#[test]
fn a_dismissed_row_is_back_when_it_next_needs_you() {
    let mut world = World::new();
    world.event(1, "s1", prompt("a"));
    world.event(1, "s1", turn_end());
    let revision = world.only().revision;
    world.mark(1, Mark::Dismissed { on: true, revision });
    assert_eq!((world.only().dismissed, world.only().needs_you), (true, false));
    world.event(1, "s1", prompt("b"));
    assert!(world.only().dismissed);
    world.event(1, "s1", request());
    assert_eq!((world.only().dismissed, world.only().needs_you), (false, true));
    world.mark(1, Mark::Pinned { on: true });
    assert!(world.only().pinned);
}
