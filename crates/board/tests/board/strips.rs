//! Strips: all sessions as chips in one line.

use crate::sample::{NOW, board, day, picture, press, row};
use crewboard_board::LayoutMode;
use crewboard_board::layout::{layout, row_at};
use crewboard_board::model::Model;
use crewboard_board::update::{Message, update};
use crewboard_core::{RowKey, Session, Status};
use insta::assert_snapshot;

/// Returns a board with this number of working sessions.
fn crowd(count: usize, width: u16, height: u16) -> Model {
    let named =
        |index| row(&format!("k{index:02}"), &format!("job{index:02}"), Status::Working, 60);
    board((0..count).map(named).collect::<Vec<Session>>(), width, height)
}

fn strip_of(rows: Vec<Session>, width: u16, height: u16) -> Model {
    let mut model = board(rows, width, height);
    model.layout_mode = LayoutMode::Strip;
    update(&mut model, Message::Resized { width, height: height + 1 }, NOW);
    update(&mut model, Message::Resized { width, height }, NOW);
    model
}

#[test]
fn strip_names_all_sessions_and_counts_the_rest() {
    let mut model = crowd(12, 60, 2);
    let mut pictures = vec![picture(&model)];
    for keys in [&["right"; 4][..], &["right"; 3], &["G"], &["left"; 6], &["g"]] {
        for key in keys {
            press(&mut model, key);
        }
        pictures.push(picture(&model).lines().last().unwrap_or_default().to_owned());
    }
    assert_snapshot!(pictures.join("\n"));
}

#[test]
fn every_row_is_either_shown_or_counted() {
    for width in 1..120 {
        for count in [1, 2, 12, 120] {
            let mut model = crowd(count, width, 1);
            for key in ["G", "left", "left", "g", "right"] {
                press(&mut model, key);
                let line = picture(&model);
                assert!(line.chars().count() <= usize::from(width), "{line}");
                let numbers = line.split_whitespace().filter_map(|word| word.strip_prefix('+'));
                let counted: usize =
                    numbers.filter_map(|number| number.parse::<usize>().ok()).sum();
                let shown = line.matches("job").count();
                // In fewer columns a name is cut.
                assert!(width < 20 || counted + shown == count, "{width} {count} {line:?}");
            }
        }
    }
}

#[test]
fn click_selects_the_chip_or_the_next_row_beyond_the_end() {
    let mut model = crowd(12, 60, 2);
    let area = layout(&model).list;
    let line = picture(&model).lines().last().unwrap_or_default().to_owned();
    let column = |text: &str| {
        u16::try_from(line.chars().count() - line.split(text).last().unwrap().chars().count())
            .unwrap()
    };
    assert_eq!(row_at(&model, column("job02") - 1, area.y), Some(RowKey::new("k02")));
    let beyond = row_at(&model, column("+") - 1, area.y).unwrap();
    update(&mut model, Message::Clicked { column: column("+") - 1, line: area.y }, NOW);
    assert_eq!(model.selected, Some(beyond.clone()));
    let name = beyond.to_string().replace('k', "job");
    assert!(picture(&model).contains(&name), "the row is visible now");
    assert!(picture(&model).contains("\n+"), "the rows before it are counted");
}

#[test]
fn strip_can_be_chosen_in_every_height_and_the_list_too() {
    let strip = strip_of(day(), 100, 12);
    let list = |height| {
        let mut model = board(day(), 60, height);
        model.layout_mode = LayoutMode::List;
        picture(&model)
    };
    assert_snapshot!(format!("{}\n\n{}\n\n{}", picture(&strip), list(3), list(1)));
}

#[test]
fn notice_replaces_the_chips_of_one_line_and_goes_away() {
    let mut model = board(day(), 80, 1);
    update(&mut model, Message::Notice("No pane.".to_owned()), NOW);
    assert_eq!(picture(&model).trim_end(), "5 need you  No pane.");
    let later = crewboard_core::Timestamp(NOW.0 + 6000);
    update(&mut model, Message::ClockTick, later);
    assert!(picture(&model).contains("billing"));
}

#[test]
fn help_covers_a_strip_and_gives_it_back() {
    let mut model = strip_of(day(), 100, 20);
    press(&mut model, "?");
    assert!(picture(&model).contains("back"), "the overlay has a footer");
    press(&mut model, "esc");
    assert_eq!(layout(&model).list.height, 1);
}
