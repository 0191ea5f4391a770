//! `crewboard notifications`.

use crate::support::{Agent, BoardWorld, start_daemon_with_notifier, world};
use crewboard_testkit::wait_until;
use serde_json::{Value, json};

#[test]
fn notifications_are_listed_with_their_notifiers() {
    let Some(world) = BoardWorld::new() else { return };
    start_daemon_with_notifier(&world);
    let (shop, docs) = (Agent::new("shop"), Agent::new("docs"));
    for agent in [&shop, &docs] {
        world.send_prompt(agent, "go");
    }
    world.request_permission(&shop, "ls");
    wait_until("the first is listed", || world.notifications().len() == 1);
    let board = world.board("board", (80, 20));
    board.wait_for_text("shop");
    world.request_permission(&docs, "ls");
    wait_until("the second is listed", || world.notifications().len() == 2);
    let all = world.notifications();
    let expected = |name: &str, notifiers: Value| {
        let row = world.list().into_iter().find(|row| row["name"] == name).unwrap();
        json!({
            "key": row["key"],
            "name": name,
            "status": "permission",
            "text": "It is waiting for your permission to use a tool.",
            "notifiers": notifiers,
            "failed": [],
            "suppressed": null,
        })
    };
    let without_time = |record: &Value| {
        let mut record = record.clone();
        assert!(record.as_object_mut().unwrap().remove("at").unwrap().as_u64().unwrap() > 0);
        record
    };
    assert_eq!(without_time(&all[0]), expected("shop", json!(["desktop"])));
    assert_eq!(without_time(&all[1]), expected("docs", json!(["desktop", "terminal"])));
    let printed = world.run(["notifications"]).stdout;
    let lines: Vec<&str> = printed.lines().collect();
    assert!(lines[0].contains(" permission shop ") && lines[0].contains(" desktop "), "{printed}");
    assert!(lines[1].contains(" desktop, terminal It is waiting"), "{printed}");
    assert_eq!(lines.len(), 2);
}

#[test]
fn no_notification_is_an_empty_list() {
    let world = world();
    let output = world.run(["notifications"]);
    assert_eq!((output.code(), output.stdout.as_str()), (Some(0), ""));
    assert_eq!(output.stderr, "No notifications since the daemon started.\n");
    assert_eq!(world.run(["notifications", "--format", "json"]).stdout, "[]\n");
}
