//! Wide windows, and the timeline's zoom.

use crate::sample::{board, board_of, day, history, permission, picture, plan, press, row};
use crewboard_board::layout::{layout, row_at};
use crewboard_core::{PullRequest, Session, Status};
use insta::assert_snapshot;

#[test]
fn wide_window_shows_details_next_to_the_list() {
    let mut model = board(day(), 160, 24);
    let areas = layout(&model);
    assert_eq!((areas.list.height, areas.detail.height), (21, 21), "both use all lines");
    assert_eq!(areas.detail.right(), 160);
    assert_eq!(row_at(&model, areas.detail.x, areas.list.y), None, "a click on the details");
    assert_snapshot!(picture(&model));
    press(&mut model, "d");
    assert_eq!(layout(&model).list.width, 160);
    let below = layout(&board(day(), 159, 24)).detail;
    assert_eq!((below.x, below.width), (0, 159));
}

#[test]
fn wide_list_has_pull_requests_and_repositories() {
    let in_review = Session {
        repository: Some("github.com/acme/shop".to_owned()),
        pull_request: Some(PullRequest { number: 412, ..PullRequest::default() }),
        ..row("r1", "shop", Status::Idle, 60)
    };
    let list = |rows: &[Session], width: u16| {
        let mut model = board(rows.to_vec(), width, 30);
        press(&mut model, "d");
        let picture = picture(&model);
        let shown = picture.lines().filter(|line| line.contains("idle") || line.contains("for"));
        shown.collect::<Vec<_>>().join("\n")
    };
    let other = row("r2", "docs", Status::Idle, 60);
    let rows = [in_review, other.clone()];
    for (width, has_number, has_repository) in
        [(50, false, false), (80, true, false), (120, true, true), (200, true, true)]
    {
        let list = list(&rows, width);
        assert_eq!(list.contains("#412"), has_number, "{width}:\n{list}");
        assert_eq!(list.contains("acme/shop"), has_repository, "{width}:\n{list}");
        assert_eq!(list.contains("repository"), has_repository, "{width}:\n{list}");
    }
    // Without a pull request and a repository, their columns take no room.
    let list = list(&[other], 200);
    assert!(!list.contains("PR") && !list.contains("repository"), "{list}");
}

#[test]
fn details_next_to_the_list_are_cut_only_without_room() {
    let model = board(vec![plan()], 160, 14);
    assert!(picture(&model).contains("v show all"), "{}", picture(&model));
    let high = board(vec![permission()], 160, 40);
    assert!(!picture(&high).contains("v show all"), "{}", picture(&high));
}

#[test]
fn timeline_zooms_from_an_hour_to_a_day() {
    let hour = 3600;
    let statuses = [
        (Status::Working, 20 * hour),
        (Status::Permission, 10 * hour),
        (Status::Working, 9 * hour),
        (Status::Question, 3 * hour),
        (Status::Working, 2 * hour),
        (Status::Permission, 900),
        (Status::Working, 600),
    ];
    let row = history(row("k1", "shop", Status::Working, 600), &statuses);
    let mut model = board_of(row);
    (model.width, model.height) = (120, 10);
    press(&mut model, "t");
    let mut pictures = vec![picture(&model)];
    for key in ["-", "+", "+", "+", "+"] {
        press(&mut model, key);
        pictures.push(format!("{key}\n{}", picture(&model)));
    }
    assert_snapshot!(pictures.join("\n"));
}

#[test]
fn zoom_outside_the_timeline_says_where_it_works() {
    let mut model = board(day(), 80, 24);
    press(&mut model, "+");
    assert!(picture(&model).contains("t shows it"));
}

#[test]
fn bar_uses_the_columns_of_a_wide_window() {
    let mut model = board(day(), 200, 20);
    press(&mut model, "t +");
    let widest = picture(&model).lines().map(|line| line.chars().count()).max();
    assert!(widest > Some(140), "{}", picture(&model));
}
