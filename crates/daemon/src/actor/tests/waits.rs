//! Waits and their outcomes.

use super::*;

#[test]
fn wait_ends_by_goal_and_scope() {
    let any = WaitScope::Any;
    let all = WaitScope::All;
    let done = WaitGoal { statuses: vec![Status::Done], needs_you: false };
    let needs_you = WaitGoal { statuses: Vec::new(), needs_you: true };
    // Each case: the wait, the statuses that follow while `a` and `b` work, and the outcome.
    for (name, goal, scope, rows, new, then, expected) in [
        ("one", &done, all, &["a"][..], false, &[("a", Status::Done)][..], Some("reached")),
        ("not it", &done, all, &["a"], false, &[("b", Status::Done)], None),
        ("blocked", &done, all, &["a"], false, &[("a", Status::Permission)], Some("blocked")),
        ("failed", &done, all, &["a"], false, &[("a", Status::Failed)], Some("blocked")),
        ("closed", &done, all, &["a"], false, &[("a", Status::Closed)], Some("closed")),
        ("wanted", &needs_you, all, &["a"], false, &[("a", Status::Plan)], Some("reached")),
        (
            "passing",
            &done,
            all,
            &["a", "b"],
            false,
            &[("a", Status::Done), ("a", Status::Working), ("b", Status::Done)],
            Some("reached"),
        ),
        ("half", &done, all, &["a", "b"], false, &[("a", Status::Done)], None),
        ("first", &done, any, &["a", "b"], false, &[("b", Status::Done)], Some("reached")),
        ("other", &done, any, &["a", "b"], false, &[("b", Status::Question)], None),
        ("late", &done, any, &["a"], false, &[("new", Status::Done)], None),
        ("new", &done, any, &["a"], true, &[("new", Status::Done)], Some("reached")),
        (
            "none left",
            &done,
            any,
            &["a", "b"],
            false,
            &[("a", Status::Closed), ("b", Status::Closed)],
            Some("closed"),
        ),
    ] {
        let mut stage = Stage::new();
        stage.reported("a", Status::Working);
        stage.reported("b", Status::Working);
        let keys = rows.iter().map(|row| stage.key_of(row)).collect();
        let wait = WaitRequest {
            goal: goal.clone(),
            scope,
            rows: Some(keys),
            new,
            missing_may_return: false,
            reached: Vec::new(),
        };
        assert_eq!(stage.request(1, Request::Wait(wait)), [], "{name}");
        let mut sent = Vec::new();
        for (session, status) in then {
            sent.extend(stage.reported(session, *status));
        }
        let outcome = sent.first().map(|(connection, reply)| {
            assert_eq!(*connection, 1, "{name}");
            reply["outcome"].as_str().unwrap().to_owned()
        });
        assert_eq!(outcome.as_deref(), expected, "{name}");
        assert!(sent.len() <= 1, "{name}: two replies");
        let waits = usize::from(expected.is_none());
        assert_eq!(stage.actor.info().waits, waits as u64, "{name}");
        stage.input(Input::Closed(1));
        assert_eq!(stage.actor.info().waits, 0, "{name}");
    }
}

#[test]
fn wait_replies_at_once_if_it_is_over_or_impossible() {
    let mut stage = Stage::new();
    let wait = |rows: Option<Vec<RowKey>>, new, missing_may_return| {
        let goal = WaitGoal { statuses: vec![Status::Done], needs_you: false };
        let (scope, reached) = (WaitScope::Any, Vec::new());
        Request::Wait(WaitRequest { goal, scope, rows, new, missing_may_return, reached })
    };
    let code = |replies: Vec<(ConnectionId, Value)>| replies.first().map(|r| r.1["code"].clone());
    let missing = || Some(vec![RowKey::new("absent")]);
    assert_eq!(code(stage.request(1, wait(None, false, false))), Some(json!("not_found")));
    assert_eq!(code(stage.request(1, wait(missing(), false, false))), Some(json!("not_found")));
    assert_eq!(stage.request(1, wait(missing(), false, true)), []);
    assert_eq!(stage.request(1, wait(None, true, false)), []);
    stage.reported("a", Status::Done);
    let replies = stage.request(2, wait(None, false, false));
    assert_eq!((replies[0].0, &replies[0].1["outcome"]), (2, &json!("reached")));
    for _ in 0..crate::waits::MAX_WAITS {
        assert_eq!(stage.request(3, wait(missing(), false, true)), []);
    }
    assert_eq!(code(stage.request(3, wait(missing(), false, true))), Some(json!("busy")));
}

#[test]
fn wait_for_the_key_of_an_earlier_daemon_ends_with_the_row() {
    let done = || WaitRequest {
        goal: WaitGoal { statuses: vec![Status::Done], needs_you: false },
        scope: WaitScope::All,
        rows: Some(vec![RowKey::new("kaaaa")]),
        new: false,
        missing_may_return: true,
        reached: Vec::new(),
    };
    let mut stage = Stage::new();
    stage.event(
        "a",
        Some(1234),
        Event::PromptSubmitted { prompt: "go".to_owned(), automatic: false, ended_task: None },
    );
    let key = stage.actor.sessions.iter().next().unwrap().key.clone();
    assert_eq!(stage.request(1, Request::Wait(done())), []);
    // A client restores the row of the same process that the earlier daemon sent.
    stage.request(9, Request::Restore(RestoreRequest { row: Box::new(remembered_row()) }));
    assert_eq!(stage.request(2, Request::Wait(done())), []);
    let outputs = stage.event(
        "a",
        Some(1234),
        Event::TurnEnded { message: String::new(), background: Vec::new(), scheduled: 0 },
    );
    let mut waited = replies(&outputs);
    waited.sort_by_key(|(connection, _)| *connection);
    let waited: Vec<_> = waited
        .iter()
        .map(|(connection, reply)| (*connection, &reply["outcome"], &reply["row"]["key"]))
        .collect();
    let (reached, key) = (json!("reached"), json!(key.as_str()));
    assert_eq!(waited, [(1, &reached, &key), (2, &reached, &key)]);
}
