//! Tests which session an event belongs to.

use crate::world::{EXIT, SWITCH, World, process, prompt, start, turn_end};
use crewboard_core::{
    AgentName, ConversationId, Input, Origin, Report, Session, StartOrigin, Status, Timestamp,
};

#[test]
fn clear_keeps_the_session_and_resets_the_conversation() {
    let mut world = World::new();
    world.event(1, "s1", start(StartOrigin::Startup));
    world.event(1, "s1", prompt("fix it"));
    world.event(1, "s1", turn_end());
    let key = world.only().key.clone();
    world.event(1, "s1", SWITCH);
    let left = world.report(1, "s1", turn_end());
    world.event(1, "s2", start(StartOrigin::Clear));
    // A late event of the former conversation is ignored.
    world.apply_report(left);
    let row = world.only();
    assert_eq!((&row.key, row.id.as_str(), row.status), (&key, "s2", Status::Idle));
    assert_eq!(
        (row.user_prompt.as_deref(), row.lineage.as_slice()),
        (None, &[ConversationId::new("s1")][..])
    );
    let history = world.sessions.with_history(&key).unwrap().history;
    assert!(history.iter().all(|entered| entered.status == Status::Idle), "{history:?}");
    // A former conversation may return.
    world.event(1, "s2", SWITCH);
    world.event(1, "s1", start(StartOrigin::Resume));
    assert_eq!(world.only().lineage, [ConversationId::new("s2")]);
}

#[test]
fn new_process_resumes_a_closed_session() {
    let mut world = World::new();
    world.event(1, "s1", prompt("fix it"));
    world.event(1, "s1", EXIT);
    let key = world.only().key.clone();
    world.event(2, "s1", start(StartOrigin::Resume));
    let row = world.only();
    assert_eq!((&row.key, row.pid, row.status, row.end), (&key, Some(2), Status::Idle, None));
    assert_eq!(row.user_prompt.as_deref(), Some("fix it"));
    // The late end of the old process does not end the new one.
    world.apply(Input::ProcessExited { process: process(1) });
    world.event(1, "s1", EXIT);
    assert_eq!(world.only().status, Status::Idle);
    // A conversation that is open in two processes is two sessions.
    world.event(3, "s1", start(StartOrigin::Resume));
    assert_eq!(world.rows().len(), 2);
}

#[test]
fn nested_session_claims_no_pane() {
    let mut world = World::new();
    world.event(1, "outer", prompt("a"));
    let inner = world.report(2, "inner", start(StartOrigin::Startup));
    let outcome = world.apply(Input::Reported(Box::new(inner)));
    assert_eq!(outcome.watch.iter().map(|watch| watch.process).collect::<Vec<_>>(), [process(2)]);
    let ancestors = vec![process(9), process(1)];
    world.apply(Input::ProcessWatched { process: process(2), ancestors });
    let parent = world.of(1).key.clone();
    assert_eq!((world.of(2).parent.as_ref(), &world.of(2).place.pane), (Some(&parent), &None));
    assert_eq!(world.of(1).place.pane.as_deref(), Some("%1"));
    // Its later events do not set the pane.
    world.event(2, "inner", prompt("b"));
    assert_eq!(world.of(2).place.pane, None);
}

#[test]
fn parent_is_found_when_its_first_event_comes_later() {
    let mut world = World::new();
    let inner = world.report(2, "inner", prompt("a"));
    world.apply(Input::Reported(Box::new(inner)));
    world.apply(Input::ProcessWatched { process: process(2), ancestors: vec![process(1)] });
    assert_eq!(world.of(2).parent, None);
    world.event(1, "outer", prompt("b"));
    assert_eq!(world.of(2).parent, Some(world.of(1).key.clone()));
}

#[test]
fn two_agents_of_a_process_are_two_sessions() {
    let mut world = World::new();
    for agent in ["claude", "wrapper"] {
        let report = world.report(1, agent, prompt("go"));
        world.apply_report(Report { agent: AgentName::new(agent), ..report });
    }
    assert_eq!(world.rows().len(), 2);
    assert!(world.sessions.iter().all(|row| row.confirmed && row.parent.is_none()));
    world.apply(Input::ProcessExited { process: process(1) });
    assert!(world.sessions.iter().all(|row| row.status == Status::Closed));
}

#[test]
fn process_has_at_most_eight_sessions() {
    let report = |world: &World, number: u32| {
        let agent = AgentName::new(&format!("agent{number}"));
        Report { agent, ..world.report(1, "a", prompt("go")) }
    };
    let mut world = World::new();
    let mut watches = 0;
    for number in 0..400 {
        let report = report(&world, number);
        watches += world.apply(Input::Reported(Box::new(report))).watch.len();
    }
    assert_eq!((world.rows().len(), watches), (8, 8));
    // The first ones still get their events.
    let end = Report { event: turn_end(), ..report(&world, 0) };
    world.apply_report(end);
    assert_eq!(world.rows().iter().filter(|(_, status)| *status == Status::Done).count(), 1);
    // A client cannot restore more of them.
    let mut restored: Vec<Session> = Vec::new();
    for number in 400..500 {
        let mut other = World::new();
        other.apply_report(report(&other, number));
        restored.push(other.only().clone());
    }
    let outcome = world.apply(Input::Restored(restored));
    assert_eq!((world.rows().len(), outcome.watch.len()), (8, 0));
}

#[test]
fn second_session_of_a_process_does_not_change_the_first() {
    let mut world = World::new();
    let mut changed = Vec::new();
    for agent in ["first", "second", "third"] {
        let report = world.report(1, "a", prompt("go"));
        let report = Report { agent: AgentName::new(agent), ..report };
        world.apply(Input::Reported(Box::new(report)));
        let watched = Input::ProcessWatched { process: process(1), ancestors: vec![process(9)] };
        changed.push(world.apply(watched).changes.len());
    }
    assert_eq!(changed, [1, 1, 1]);
    assert_eq!(world.sessions.processes().len(), 1);
}

fn origin(profile: &str, cwd: &str) -> Origin {
    Origin { profile: Some(profile.to_owned()), cwd: Some(cwd.to_owned()) }
}

#[test]
fn claims_do_not_replace_the_origin() {
    let mut world = World::new();
    world.event(1, "shop", prompt("a"));
    assert_eq!(world.of(1).origin, None);
    let found = |pid, origin| Input::OriginFound { process: process(pid), origin };
    let own = origin("/home/dev/.claude", "/home/dev/shop");
    world.apply(found(1, own.clone()));
    let mut claim = world.report(1, "shop", prompt("b"));
    claim.profile = Some("/tmp/trap".to_owned());
    world.apply_report(claim);
    // The process changes its directory, and the daemon reads it again for another session.
    world.apply(found(1, origin("/tmp/trap", "/tmp/trap")));
    world.apply(found(2, origin("/tmp/trap", "/tmp/trap")));
    let row = world.of(1);
    assert_eq!((row.profile.as_deref(), &row.origin), (Some("/home/dev/.claude"), &Some(own)));
    // The origin outlives the process, and another process of the session removes it.
    world.apply(Input::ProcessExited { process: process(1) });
    assert!(world.of(1).origin.is_some());
    let again = world.report(2, "shop", start(StartOrigin::Resume));
    world.apply(Input::Reported(Box::new(again)));
    assert_eq!((world.only().pid, &world.only().origin), (Some(2), &None));
}

#[test]
fn path_that_cleaning_changes_is_not_an_origin() {
    let mut world = World::new();
    world.event(1, "shop", prompt("a"));
    let origin = origin("/home/dev/\u{202e}x", "/srv/a\nb");
    world.apply(Input::OriginFound { process: process(1), origin });
    assert_eq!(world.of(1).origin, Some(Origin::default()));
}

#[test]
fn client_cannot_restore_an_origin() {
    let mut old = World::new();
    old.event(1, "shop", prompt("a"));
    let mut snapshot = old.of(1).clone();
    snapshot.origin = Some(origin("/tmp/trap", "/tmp/trap"));
    snapshot.profile = Some("/tmp/trap".to_owned());
    let mut new = World { milliseconds: old.milliseconds, ..World::named("second") };
    new.apply(Input::Restored(vec![snapshot.clone()]));
    assert_eq!(new.of(1).origin, None);
    let own = origin("/home/dev/.claude", "/home/dev/shop");
    new.apply(Input::OriginFound { process: process(1), origin: own.clone() });
    // A newer copy of another client does not restore the claim.
    (snapshot.epoch, snapshot.updated) = ("third".to_owned(), Timestamp(snapshot.updated.0 + 1));
    new.apply(Input::Restored(vec![snapshot]));
    let row = new.of(1);
    assert_eq!((row.profile.as_deref(), &row.origin), (Some("/home/dev/.claude"), &Some(own)));
}
