//! Groups of rows: by project, agent and host.

use crate::sample::{NOW, board, picture, press, row};
use crewboard_board::layout::{layout, row_at};
use crewboard_board::model::Model;
use crewboard_board::model::order::RowOrder;
use crewboard_board::update::{Message, update};
use crewboard_core::{AgentName, Place, Session, Status};
use insta::assert_snapshot;

fn of_repository(key: &str, repository: &str, status: Status, seconds: u64) -> Session {
    let name = repository.rsplit('/').next().unwrap();
    Session {
        repository_root: Some(repository.to_owned()),
        cwd: Some(repository.to_owned()),
        ..row(key, name, status, seconds)
    }
}

/// Returns rows of two repositories with the same name, of a third one with a worktree, and of a directory.
fn projects() -> Vec<Session> {
    let worktree = row("c4", "tf-12", Status::Working, 400);
    vec![
        of_repository("c1", "/home/dev/work/shop", Status::Working, 300),
        of_repository("c2", "/home/dev/play/shop", Status::Done, 900),
        of_repository("c3", "/home/dev/infra", Status::Permission, 100),
        Session { repository_root: Some("/home/dev/infra".to_owned()), ..worktree },
        of_repository("c5", "/home/dev/work/shop", Status::Closed, 4000),
        of_repository("c6", "/home/dev/work/shop", Status::Idle, 5000),
        row("c7", "notes", Status::Idle, 6000),
    ]
}

fn grouped(rows: Vec<Session>, width: u16, height: u16) -> Model {
    let mut model = board(rows, width, height);
    press(&mut model, "s");
    assert_eq!(model.rows.sort(), RowOrder::Project);
    model.notice = None;
    model
}

#[test]
fn groups_have_headings_with_names_and_counts() {
    assert_snapshot!("by project", picture(&grouped(projects(), 80, 24)));
    assert_snapshot!("by project, narrow", picture(&grouped(projects(), 30, 14)));
    let mut rows = projects();
    rows[0].place = Place { host: "box".to_owned(), ..Place::default() };
    rows[1].agent = AgentName::new("codex");
    let mut model = grouped(rows, 80, 24);
    press(&mut model, "s s");
    assert_snapshot!("by agent", picture(&model));
    press(&mut model, "s");
    assert_snapshot!("by host", picture(&model));
}

#[test]
fn headings_are_off_in_small_windows_and_by_the_option() {
    let has_headings = |model: &Model| picture(model).contains("work/shop  1 working");
    for (width, height, expected) in
        [(80, 24, true), (200, 50, true), (80, 14, true), (80, 13, false), (29, 24, false)]
    {
        let mut model = grouped(projects(), width, height);
        model.detail = false;
        assert_eq!(has_headings(&model), expected, "{width}x{height}");
    }
    let mut model = grouped(projects(), 80, 24);
    assert!(has_headings(&model));
    model.headings = false;
    assert!(!has_headings(&model));
    model.headings = true;
    press(&mut model, "t");
    assert!(!has_headings(&model), "the timeline has none");
}

/// Returns the lines of the list on the screen.
fn list_lines(model: &Model) -> Vec<String> {
    let list = layout(model).list;
    let picture = picture(model);
    let lines = picture.lines().skip(usize::from(list.y)).take(usize::from(list.height));
    lines.map(str::to_owned).collect()
}

fn is_heading(line: &str) -> bool {
    line.starts_with(' ') && line.chars().nth(1).is_some_and(char::is_alphabetic)
}

#[test]
fn keys_and_clicks_skip_headings() {
    let mut model = grouped(projects(), 80, 24);
    let order = model.rows.order().to_vec();
    press(&mut model, "g");
    for key in &order {
        assert_eq!(model.selected.as_ref(), Some(key));
        assert!(picture(&model).contains('▌'), "{}", picture(&model));
        press(&mut model, "down");
    }
    press(&mut model, "g tab");
    assert!(model.selected_row().unwrap().needs_you);
    press(&mut model, "/ n o t e s enter");
    assert_eq!(model.rows.groups().len(), 1);
    assert_eq!(model.selected_row().unwrap().name, "notes");
    press(&mut model, "esc g");
    let list = layout(&model).list;
    let mut clicked = Vec::new();
    for (y, line) in (list.y..).zip(list_lines(&model)) {
        let before = model.selected.clone();
        update(&mut model, Message::Clicked { column: 5, line: y }, NOW);
        if is_heading(&line) || line.is_empty() {
            assert_eq!((row_at(&model, 5, y), &model.selected), (None, &before), "{line}");
        } else {
            clicked.extend(model.selected.clone());
        }
    }
    assert_eq!(clicked, order);
}

#[test]
fn scrolled_list_keeps_the_heading_of_its_first_row() {
    let repositories = ["/a/shop", "/b/shop", "/c/web", "/d/api"];
    let rows: Vec<Session> = (0..40)
        .map(|index| {
            let repository = repositories[index % 4];
            of_repository(&format!("r{index:02}"), repository, Status::Working, 60)
        })
        .collect();
    let mut model = grouped(rows, 80, 20);
    let mut seen = 0;
    for keys in ["g", "G"] {
        press(&mut model, keys);
        for _ in 0..45 {
            let lines = list_lines(&model);
            assert!(is_heading(&lines[0]), "{lines:#?}");
            assert!(!is_heading(lines.last().unwrap()), "{lines:#?}");
            assert_eq!(lines.iter().filter(|line| line.starts_with('▌')).count(), 1, "{lines:#?}");
            let first = model.rows.listed().nth(model.scroll).unwrap();
            let name = first.repository_root.as_deref().unwrap().trim_start_matches('/');
            let name = lines[0].trim_start().split(' ').next().map(|label| name.ends_with(label));
            assert_eq!(name, Some(true), "{lines:#?}");
            seen += 1;
            press(&mut model, if keys == "g" { "down" } else { "up" });
        }
    }
    assert_eq!(seen, 90);
    // The last row is at the end of the list, and nothing is blank below it.
    press(&mut model, "G");
    assert!(list_lines(&model).last().unwrap().starts_with('▌'));
}

#[test]
fn changed_row_keeps_its_place_and_updates_the_counts() {
    let mut model = grouped(projects(), 80, 24);
    let order = model.rows.order().to_vec();
    let row = Session { status: Status::Idle, ..projects()[0].clone() };
    update(&mut model, Message::Row(Box::new(row)), NOW);
    assert_eq!(model.rows.order(), order);
    assert!(picture(&model).contains(" work/shop  2 idle\n"), "{}", picture(&model));
    update(&mut model, Message::Removed(order[0].clone()), NOW);
    assert!(picture(&model).contains(" infra  1 working\n"), "{}", picture(&model));
}
