//! The details of the selected row.

use crate::sample::{
    NOW, ago, board, board_of, closed, day, done, failed, history, idle, permission, picture, plan,
    press, question, row, subagents, working,
};
use crewboard_board::AgentText;
use crewboard_core::{ConversationId, DayCost, PullRequest, Session, Status, Timestamp};
use insta::assert_snapshot;

/// Returns the screen from the heading of the details on.
fn details(row: Session) -> String {
    let picture = picture(&board_of(row));
    let lines = picture.lines().skip_while(|line| !line.contains("──"));
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn details_of_each_status() {
    assert_snapshot!("permission", details(permission()));
    assert_snapshot!("question", details(question()));
    assert_snapshot!("plan", details(plan()));
    assert_snapshot!("failed", details(failed()));
    assert_snapshot!("done in background", details(done()));
    assert_snapshot!("working", details(working()));
    assert_snapshot!("subagents", details(subagents()));
    assert_snapshot!("idle", details(idle()));
    assert_snapshot!("closed", details(closed()));
}

#[test]
fn agent_version_is_shown_as_the_host_describes_it() {
    let versioned = Session { agent_version: Some("2.1.400".to_owned()), ..idle() };
    assert_snapshot!("agent version", details(versioned.clone()));
    let mut model = board_of(versioned);
    model.set_agent_text(AgentText {
        describe_version: |agent, version| format!("{agent} {version} (not tried)"),
        ..crate::sample::AGENT_TEXT
    });
    let picture = picture(&model);
    assert!(picture.contains("agent      claude 2.1.400 (not tried)"), "{picture}");
    assert!(!details(idle()).contains("agent "));
}

#[test]
fn history_leaves_out_statuses_under_a_second() {
    let entered = [
        (Status::Idle, 900),
        (Status::Working, 600),
        (Status::Idle, 300),
        (Status::Working, 300),
        (Status::Idle, 60),
    ];
    let row = Session { since: ago(60), ..history(idle(), &entered) };
    let details = details(row);
    assert!(details.contains("history    idle 5m · working 9m · idle"), "{details}");
}

#[test]
fn history_shows_when_a_session_closed() {
    for (seconds, expected) in [(7300, "closed 2h ago"), (9, "closed <1m ago")] {
        let details = details(history(row("r1", "r1", Status::Closed, seconds), &[]));
        assert!(details.contains(&format!("history    {expected}")), "{details}");
    }
}

#[test]
fn resume_is_offered_only_with_a_conversation() {
    let empty = Session { activity: None, ..closed() };
    let prompted = Session { user_prompt: Some("continue".to_owned()), ..empty.clone() };
    for (row, is_offered) in [(empty, false), (prompted, true), (closed(), true)] {
        let details = details(row);
        assert_eq!(details.contains("resume     claude --resume"), is_offered, "{details}");
    }
}

#[test]
fn session_without_an_id_shows_none() {
    let without = |row: Session| details(Session { id: ConversationId::new(""), ..row });
    assert!(without(working()).contains("session    via "), "{}", without(working()));
    let closed = Session { activity: Some("exited with code 0".to_owned()), ..closed() };
    assert!(!without(closed.clone()).contains("resume"), "{}", without(closed));
}

#[test]
fn resume_command_names_a_profile_that_is_not_default() {
    for (profile, command) in [
        ("/home/dev/.claude", "resume     claude --resume"),
        ("/data/dev/.claude", "resume     PROFILE=/data/dev/.claude claude --resume"),
    ] {
        let details = details(Session { profile: Some(profile.to_owned()), ..closed() });
        assert!(details.contains(command), "{details}");
    }
}

#[test]
fn details_show_marks() {
    let snoozed_until = Some(Timestamp(NOW.0 + 2_500_000));
    let row = Session { pinned: true, snoozed_until, confirmed: false, headless: true, ..done() };
    assert_snapshot!("marked", details(row));
}

#[test]
fn long_prompt_is_cut_in_the_details() {
    let prompt = "Please look at the checkout flow, ".repeat(30);
    assert_snapshot!("long prompt", details(Session { user_prompt: Some(prompt), ..question() }));
}

#[test]
fn cut_prompt_is_marked_and_can_be_shown_in_full() {
    let mut model = board(day(), 80, 24);
    press(&mut model, "down down");
    assert_snapshot!("cut", picture(&model));
    press(&mut model, "v");
    assert_snapshot!("whole", picture(&model));
    let mut model = board_of(plan());
    press(&mut model, "v G");
    assert_snapshot!("whole plan scrolled", picture(&model));
}

#[test]
fn details_can_be_hidden() {
    let mut model = board(day(), 80, 24);
    press(&mut model, "d");
    assert_snapshot!("no details", picture(&model));
}

#[test]
fn cost_of_the_day_is_shown_for_session_project_and_all() {
    let cost = |row: Session, usd: f64| {
        let cost_today = Some(DayCost { usd, since: ago(3600) });
        Session { cost_today, ..row }
    };
    let line = |others: Vec<Session>, own: Session| {
        let mut model = board([vec![own], others].concat(), 100, 30);
        press(&mut model, "g");
        let picture = picture(&model);
        picture.lines().find(|line| line.contains("cost today")).unwrap_or_default().to_owned()
    };
    let shop = |key| row(key, "shop", Status::Idle, 60);
    let docs = || row("zdocs", "docs", Status::Idle, 50);
    assert_eq!(line(vec![docs()], shop("shop1")), "");
    let only = line(vec![docs()], cost(shop("shop1"), 1.25));
    assert_eq!(only.trim(), "cost today $1.25");
    let others = || vec![cost(shop("shop2"), 0.5), cost(docs(), 10.0)];
    let all = line(others(), cost(shop("shop1"), 1.25));
    assert_eq!(all.trim(), "cost today $1.25 · shop $1.75 · all sessions $11.75");
    let none = line(others(), shop("shop1"));
    assert_eq!(none.trim(), "cost today shop $0.50 · all sessions $10.50");
    let worktree = |row: Session| Session {
        name: "tf-12".to_owned(),
        repository: Some("github.com/acme/shop".to_owned()),
        ..row
    };
    let shared = line(
        vec![worktree(cost(shop("shop2"), 0.5)), cost(docs(), 10.0)],
        worktree(cost(shop("shop1"), 1.25)),
    );
    assert_eq!(shared.trim(), "cost today $1.25 · shop $1.75 · all sessions $11.75");
    // Another daemon can send any number.
    let strange = vec![cost(docs(), f64::INFINITY), cost(shop("shop2"), f64::NAN)];
    let strange = line(strange, cost(shop("shop1"), -1.0));
    assert_eq!(strange.trim(), "cost today all sessions $10000000.00");
}

#[test]
fn repository_and_pull_request_are_shown() {
    let pull_request = PullRequest {
        number: 7,
        url: Some("https://github.com/acme/shop/pull/7".to_owned()),
        review: Some("changes_requested".to_owned()),
        merge_request: false,
    };
    let repository = Some("github.com/acme/shop".to_owned());
    let row = Session { repository, pull_request: Some(pull_request), ..idle() };
    let short = details(row.clone());
    let expected = "repository github.com/acme/shop · #7 changes requested";
    assert!(short.contains(expected) && !short.contains("https:"), "{short}");
    let mut model = board_of(row);
    press(&mut model, "v");
    let whole = picture(&model);
    assert!(whole.contains("https://github.com/acme/shop/pull/7"), "{whole}");
}
