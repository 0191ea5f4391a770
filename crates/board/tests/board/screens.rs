//! Pictures of the screen in each state.

use crate::sample::{
    NOW, UNICODE, ago, board, day, done, empty, idle, permission, picture, press, question, row,
    working,
};
use crewboard_board::NavigationOutcome;
use crewboard_board::keymap::Keymap;
use crewboard_board::model::{HookState, Model};
use crewboard_board::update::{Effect, Message, update};
use crewboard_core::{RowKey, Session, Status, Timestamp};
use insta::assert_snapshot;

#[test]
fn list_shows_each_status() {
    assert_snapshot!("a day", picture(&board(day(), 100, 30)));
}

#[test]
fn empty_board_says_what_to_do() {
    let mut model = empty(80, 24, UNICODE);
    assert_snapshot!("connecting", picture(&model));
    update(&mut model, Message::Rows(Vec::new()), NOW);
    assert_snapshot!("no sessions", picture(&model));
}

#[test]
fn first_run_offers_to_install_the_hooks() {
    let mut model = Model::new(UNICODE, Keymap::default(), HookState::Missing, NOW);
    update(&mut model, Message::Resized { width: 80, height: 24 }, NOW);
    update(&mut model, Message::Rows(Vec::new()), NOW);
    assert_snapshot!("no hooks", picture(&model));
    "/h/target/release/crewboard".clone_into(&mut model.program);
    assert!(picture(&model).contains("`/h/target/release/crewboard demo`"), "{}", picture(&model));
    "crewboard".clone_into(&mut model.program);
    let change = "~/.claude/settings.json\n@@ -1,3 +1,9 @@\n {\n-\t\"model\": \"opus\"\n+\t\"model\": \
                  \"opus\",\n+\t\"hooks\": {\n+\t\t\"Stop\": [\"crewboard hook claude\"]\n+\t}\n }";
    update(&mut model, Message::InstallPreview(Ok(change.to_owned())), NOW);
    assert_snapshot!("install", picture(&model));
    update(&mut model, Message::Installed(Ok("The hooks are in place.".to_owned())), NOW);
    press(&mut model, "n");
    assert_snapshot!("installed", picture(&model));
}

#[test]
fn change_can_be_read_in_full_before_it_is_made() {
    let line = format!(
        "+  \"command\": \"/home/dev/.local/bin/crewboard hook claude {}\",",
        "x".repeat(60)
    );
    let change = format!("--- settings.json\n+++ settings.json\n{line}\n");
    let mut model = board(day(), 40, 8);
    model.hooks = HookState::Missing;
    assert!(picture(&model).contains("i install hooks"), "the offer is shown with rows");
    update(&mut model, Message::InstallPreview(Ok(change)), NOW);
    let mut read = String::new();
    for _ in 0..9 {
        read.push_str(&picture(&model));
        press(&mut model, "down");
    }
    for word in ["\"command\":", "hook", "xxxxxxxxxx\","] {
        assert!(read.contains(word), "{word}: {read}");
    }
    // A change that cannot be read cannot be confirmed.
    for height in [1, 3, 7] {
        update(&mut model, Message::Resized { width: 60, height }, NOW);
        assert!(
            picture(&model).contains("Window too small to show the change"),
            "{}",
            picture(&model)
        );
        assert_eq!(press(&mut model, "y"), []);
    }
    update(&mut model, Message::Resized { width: 60, height: 8 }, NOW);
    assert!(picture(&model).contains("Make this change?"), "{}", picture(&model));
    assert_eq!(press(&mut model, "y"), [Effect::Install]);
}

#[test]
fn unresponsive_daemon_is_shown_until_it_replies() {
    let mut model = board(day(), 80, 24);
    let before = picture(&model);
    update(&mut model, Message::Unresponsive, NOW);
    let unresponsive = picture(&model);
    assert!(
        unresponsive.contains("the daemon does not answer; the board may be out of date"),
        "{unresponsive}"
    );
    assert!(press(&mut model, "p").is_empty(), "a mark would be lost");
    update(&mut model, Message::Responsive, NOW);
    press(&mut model, "ctrl-l");
    assert!(before.contains("5 need you"), "{before}");
    // The rows are current again, and only the notice is left.
    let after = picture(&model);
    let above = |picture: &str| picture.lines().take(23).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(above(&after), above(&before));
}

#[test]
fn lost_daemon_is_shown_after_a_moment() {
    let mut model = board(day(), 80, 24);
    let before = picture(&model);
    update(&mut model, Message::Disconnected("the daemon closed the connection".to_owned()), NOW);
    assert_eq!(picture(&model).lines().nth(2), before.lines().nth(2), "no flicker for a restart");
    update(&mut model, Message::ClockTick, Timestamp(NOW.0 + 60_000));
    assert_snapshot!("lost", picture(&model));
    let mut model = empty(80, 24, UNICODE);
    update(&mut model, Message::Disconnected("no daemon runs".to_owned()), NOW);
    update(&mut model, Message::ClockTick, Timestamp(NOW.0 + 400));
    assert_snapshot!("lost from the start", picture(&model));
}

#[test]
fn filter_is_shown_in_the_footer() {
    let mut model = board(day(), 80, 24);
    press(&mut model, "/ o r d");
    assert_snapshot!("filter", picture(&model));
    press(&mut model, "enter");
    assert_snapshot!("filter kept", picture(&model).lines().last().unwrap());
    press(&mut model, "/ q q q");
    assert_snapshot!("filter without match", picture(&model));
}

#[test]
fn help_lists_keys_statuses_and_signs() {
    let mut model = board(day(), 80, 24);
    press(&mut model, "?");
    assert_snapshot!("help", picture(&model));
    press(&mut model, "G");
    assert_snapshot!("help scrolled", picture(&model));
    let mut model = board(day(), 140, 40);
    press(&mut model, "?");
    assert_snapshot!("help wide", picture(&model));
}

#[test]
fn marked_rows_show_their_marks() {
    let rows = vec![
        Session { pinned: true, ..working() },
        Session { snoozed_until: Some(Timestamp(NOW.0 + 2_500_000)), ..permission() },
        Session { dismissed: true, needs_you: false, seen: true, ..done() },
        Session { confirmed: false, ..idle() },
        Session { seen: true, needs_you: false, ..row("d1", "seen", Status::Done, 100) },
    ];
    let mut model = board(rows, 100, 24);
    assert_snapshot!("marks", picture(&model));
    press(&mut model, "X");
    assert_snapshot!("dismissed shown", picture(&model));
}

#[test]
fn board_says_that_all_rows_are_hidden() {
    let model = board(vec![Session { dismissed: true, ..idle() }], 80, 10);
    assert_snapshot!("all hidden", picture(&model));
}

#[test]
fn list_shows_rows_of_every_kind() {
    let rows = vec![
        Session { branch: Some("main".to_owned()), ..working() },
        Session { branch: Some("fix-42".to_owned()), ..row("d2", "web", Status::Idle, 30) },
        Session {
            headless: true,
            needs_you: false,
            activity: Some("Bash make".to_owned()),
            ..row("d3", "nightly", Status::Working, 700)
        },
        Session { parent: Some(RowKey::new("c6")), ..row("d4", "child", Status::Working, 3) },
        Session { job: Some("j1".to_owned()), ..row("d5", "job", Status::Working, 9) },
        Session {
            agent: crewboard_core::AgentName::new("codex"),
            model: Some("gpt-6".to_owned()),
            ..row("d6", "other", Status::Working, 90_000)
        },
    ];
    assert_snapshot!("kinds", picture(&board(rows.clone(), 120, 20)));
    assert_snapshot!("kinds wide", picture(&board(rows, 200, 20)));
}

#[test]
fn timeline_shows_the_last_hours() {
    let mut model = board(day(), 100, 20);
    press(&mut model, "t");
    assert_snapshot!("timeline", picture(&model));
    // A hidden session also waited for the user.
    let hidden = Session { dismissed: true, ..question() };
    update(&mut model, Message::Row(Box::new(hidden)), NOW);
    assert!(picture(&model).contains("waited 6m for you"), "{}", picture(&model));
    update(&mut model, Message::Row(Box::new(question())), NOW);
    let young = Session { since: ago(600), history: Vec::new(), ..question() };
    let mut model = board(vec![young, working()], 80, 12);
    press(&mut model, "t");
    assert_snapshot!("timeline of young rows", picture(&model));
    let mut model = board(day(), 30, 14);
    press(&mut model, "t");
    assert_snapshot!("timeline narrow", picture(&model));
    let mut model = board(Vec::new(), 80, 12);
    press(&mut model, "t");
    assert_snapshot!("timeline empty", picture(&model));
}

#[test]
fn notice_is_shown_in_the_footer_or_header() {
    let mut model = board(day(), 80, 24);
    press(&mut model, "enter");
    let why = "cannot jump to billing: tmux (/tmp/tmux-1000/default) no longer has its pane %9";
    update(&mut model, Message::Navigated(NavigationOutcome::Failed(why.to_owned())), NOW);
    assert_snapshot!("notice", picture(&model).lines().last().unwrap());
    // A strip has no footer, so the notice is in the header.
    for height in [1, 3, 7] {
        let mut model = board(day(), 40, height);
        press(&mut model, "e");
        let header = picture(&model).lines().next().unwrap().trim().to_owned();
        let expected = "5  The configuration has no problems.";
        assert_eq!(header, expected, "{height} lines");
    }
}
