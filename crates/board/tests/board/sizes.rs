//! Windows of all sizes.

use crate::sample::{board, day, picture, plan, press, row};
use crewboard_board::layout::layout;
use crewboard_core::{Session, Status};
use insta::assert_snapshot;

#[test]
fn board_fits_windows_of_all_sizes() {
    for (width, height) in [(200, 50), (120, 30), (80, 24), (40, 20), (20, 5)] {
        assert_snapshot!(format!("{width}x{height}"), picture(&board(day(), width, height)));
    }
}

/// Returns idle rows, and a last row with a plan that is too long for any screen.
fn rows_with_a_plan(count: usize) -> Vec<Session> {
    let named = |index| row(&format!("k{index:02}"), "quiet", Status::Idle, 60);
    let mut rows: Vec<Session> = (1..count).map(named).collect();
    rows.push(plan());
    rows
}

#[test]
fn list_height_depends_on_the_rows_only() {
    // The height of the list does not depend on the selected row.
    for (height, count, lines) in [
        // All rows fit, and the details begin below them.
        (50, 7, 8),
        (50, 8, 10),
        (50, 28, 30),
        (50, 35, 36),
        // The rows do not fit, and the details have their usual height.
        (50, 45, 37),
        (30, 30, 17),
        (24, 30, 12),
    ] {
        let mut model = board(rows_with_a_plan(count), 159, height);
        let found = ["g", "G"].map(|key| {
            press(&mut model, key);
            layout(&model).list.height
        });
        assert_eq!(found, [lines; 2], "{count} in {height} lines");
    }
}

#[test]
fn strips_show_the_most_important_facts() {
    for (width, height) in [(120, 3), (80, 2), (40, 3), (120, 1), (80, 1), (40, 1), (20, 1)] {
        assert_snapshot!(format!("strip {width}x{height}"), picture(&board(day(), width, height)));
    }
}

#[test]
fn tiny_windows_do_not_break_the_board() {
    for (width, height) in [(0, 0), (1, 1), (0, 9), (9, 0), (1, 30), (2, 2), (3, 10)] {
        let drawn = picture(&board(day(), width, height));
        assert!(drawn.lines().all(|line| line.chars().count() <= usize::from(width)));
    }
}
