//! The marks of the user.

use crate::world::{World, prompt, request, turn_end};
use crewboard_core::{Input, Mark, Status};

#[test]
fn seen_mark_of_an_old_revision_is_ignored() {
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
    // The end of the next turn is unseen again.
    world.event(1, "s1", prompt("b"));
    world.event(1, "s1", turn_end());
    assert_eq!((world.only().seen, world.only().needs_you), (false, true));
    // A prompt needs an answer and stays unseen.
    world.event(1, "s1", request());
    let revision = world.only().revision;
    world.mark(1, Mark::Seen { revision });
    assert!(world.only().needs_you);
}

#[test]
fn snooze_lasts_an_hour_or_until_the_status_changes() {
    let mut world = World::new();
    world.event(1, "s1", request());
    world.mark(1, Mark::Snoozed { on: true, for_ms: None });
    assert_eq!((world.only().status, world.only().needs_you), (Status::Permission, false));
    let wait = world.sessions.next_deadline(world.now()).unwrap();
    assert_eq!(wait, 60 * 60 * 1000);
    world.milliseconds += wait;
    assert_eq!(world.apply(Input::Tick).changes.len(), 1);
    assert_eq!((world.only().needs_you, world.only().snoozed_until), (true, None));
    world.mark(1, Mark::Snoozed { on: true, for_ms: None });
    world.event(1, "s1", turn_end());
    assert_eq!((world.only().needs_you, world.only().snoozed_until), (true, None));
}

#[test]
fn snooze_lasts_for_the_time_of_the_client_at_most_a_week() {
    const WEEK: u64 = 7 * 24 * 60 * 60 * 1000;
    for (for_ms, expected) in [(300_000, 300_000), (WEEK, WEEK), (u64::MAX, WEEK)] {
        let mut world = World::new();
        world.event(1, "s1", request());
        world.mark(1, Mark::Snoozed { on: true, for_ms: Some(for_ms) });
        let wait = world.sessions.next_deadline(world.now()).unwrap();
        assert_eq!((world.only().needs_you, wait), (false, expected));
        world.milliseconds += wait;
        world.apply(Input::Tick);
        assert_eq!((world.only().needs_you, world.only().snoozed_until), (true, None));
    }
}

#[test]
fn unseen_takes_seen_back_unless_the_status_changed() {
    let mut world = World::new();
    world.event(1, "s1", prompt("a"));
    world.event(1, "s1", turn_end());
    let revision = world.only().revision;
    world.mark(1, Mark::Seen { revision });
    assert!(world.mark(1, Mark::Unseen { revision: revision + 9 }).changes.is_empty());
    world.mark(1, Mark::Unseen { revision });
    assert_eq!((world.only().seen, world.only().needs_you), (false, true));
    world.mark(1, Mark::Seen { revision });
    world.event(1, "s1", prompt("b"));
    world.event(1, "s1", turn_end());
    let newest = world.only().revision;
    world.mark(1, Mark::Seen { revision: newest });
    assert!(world.mark(1, Mark::Unseen { revision }).changes.is_empty());
    assert!(world.only().seen);
}

#[test]
fn dismissed_prompt_needs_you_only_when_it_is_shown_again() {
    let mut world = World::new();
    world.event(1, "s1", prompt("a"));
    world.event(1, "s1", request());
    let revision = world.only().revision;
    world.mark(1, Mark::Dismissed { on: true, revision });
    assert_eq!((world.only().needs_you, world.only().hides_need()), (false, true));
    assert_eq!(crewboard_core::Counts::of(world.sessions.iter()).needs_you, 0);
    world.mark(1, Mark::Dismissed { on: false, revision });
    assert_eq!((world.only().needs_you, world.only().hides_need()), (true, false));
}

#[test]
fn prompt_comes_before_a_result_that_waits_longer() {
    let mut world = World::new();
    world.event(1, "done", prompt("a"));
    world.event(1, "done", turn_end());
    world.event(2, "late", prompt("b"));
    world.event(3, "asks", prompt("c"));
    world.event(3, "asks", request());
    world.event(2, "late", turn_end());
    world.event(4, "next", prompt("d"));
    world.event(4, "next", request());
    let ids: Vec<String> = world.rows().into_iter().map(|(id, _)| id).collect();
    assert_eq!(ids, ["asks", "next", "done", "late"]);
}

#[test]
fn dismissed_session_returns_when_it_needs_you() {
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
