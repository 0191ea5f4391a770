//! Hidden rows, and how the user finds them again.

use crate::sample::{NOW, board, day, picture, press, question};
use crewboard_board::keymap::Action;
use crewboard_board::model::Model;
use crewboard_board::update::{Message, update};
use crewboard_core::{RowKey, Session};
use insta::assert_snapshot;

fn notice(model: &Model) -> &str {
    model.notice.as_ref().map_or("", |notice| &notice.text)
}

#[test]
fn dismiss_says_how_to_show_the_row_again() {
    let mut model = board(day(), 80, 24);
    model.selected = Some(RowKey::new("c1"));
    press(&mut model, "x");
    assert_eq!(notice(&model), "", "a row that needs the user is hidden after a second press");
    press(&mut model, "x");
    let hidden = "shop is hidden until it needs you again";
    assert_eq!(notice(&model), format!("{hidden}; X shows hidden sessions; u undoes it"));
    // With another key, with hidden rows shown already, and without a key.
    model.keymap.rebind(Action::ShowDismissed, &["h".parse().unwrap()]);
    model.keymap.rebind(Action::Undo, &[]);
    press(&mut model, "x x");
    assert_eq!(notice(&model), format!("{hidden}; h shows hidden sessions"));
    model.rows.set_show_dismissed(true);
    press(&mut model, "x x");
    assert_eq!(notice(&model), hidden);
    model.rows.set_show_dismissed(false);
    model.keymap.rebind(Action::ShowDismissed, &[]);
    press(&mut model, "x x");
    assert_eq!(notice(&model), hidden);
    // There is no notice when the row is shown again.
    model.notice = None;
    model.rows.set_show_dismissed(true);
    update(&mut model, Message::Row(Box::new(Session { dismissed: true, ..question() })), NOW);
    press(&mut model, "x");
    assert_eq!(model.notice, None);
}

#[test]
fn header_counts_hidden_rows_that_need_the_user() {
    let mut rows = day();
    for row in &mut rows {
        row.dismissed = matches!(row.key.as_str(), "c1" | "c3" | "c8");
    }
    let headers = [200, 100, 80, 60, 40, 20, 8].map(|width| {
        let header = picture(&board(rows.clone(), width, 24)).lines().next().unwrap().to_owned();
        format!("{width:>3} {header}")
    });
    assert_snapshot!(headers.join("\n"), @"
    200  crewboard  3 need you: 1 permission, 1 failed, 1 done · 2 working · 2 hidden
    100  crewboard  3 need you !1 ×1 √1 · 2 working · 2 hidden
     80  crewboard  3 need you !1 ×1 √1 · 2 working · 2 hidden
     60 3 need you !1 ×1 √1 ●2 · 2 hidden
     40 3 need you !1 ×1 √1 ●2 · 2 hidden
     20 3 need you (+2)
      8 3 (+2)
    ");
    let mut shows = board(rows.clone(), 200, 24);
    press(&mut shows, "X");
    assert!(
        !picture(&shows).lines().next().unwrap().contains("hidden"),
        "the rows are on the screen"
    );
    for row in &mut rows {
        row.dismissed &= !row.needs_you;
    }
    assert!(!picture(&board(rows, 200, 24)).contains("1 hidden"), "the row does not need the user");
}
