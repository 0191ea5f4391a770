//! Terminals of every size.

use crate::sample::{board, day, picture, plan, press, row};
use crewboard_board::layout::layout;
use crewboard_core::{Session, Status};
use insta::assert_snapshot;

#[test]
fn large_to_small() {
    for (width, height) in [(200, 50), (120, 30), (80, 24), (40, 20), (20, 5)] {
        assert_snapshot!(format!("{width}x{height}"), picture(&board(day(), width, height)));
    }
}

/// So many rows at rest, the last with a plan too long for any screen.
fn crew(count: usize) -> Vec<Session> {
    let named = |index| row(&format!("k{index:02}"), "quiet", Status::Idle, 60);
    let mut rows: Vec<Session> = (1..count).map(named).collect();
    rows.push(plan());
    rows
}

#[test]
fn the_list_has_the_lines_that_the_details_do_not_use() {
    // Lines of the list, whatever is selected.
    for (height, count, lines) in [
        // Where all rows fit the details begin right under them.
        (50, 7, 8),
        (50, 8, 10),
        (50, 28, 30),
        (50, 35, 36),
        // Where not, they take what most have to say.
        (50, 45, 37),
        (30, 30, 17),
        (24, 30, 12),
    ] {
        let mut model = board(crew(count), 200, height);
        let found = ["g", "G"].map(|key| {
            press(&mut model, key);
            layout(&model).list.height
        });
        assert_eq!(found, [lines; 2], "{count} in {height} lines");
    }
}

#[test]
fn strips() {
    for (width, height) in [(120, 3), (80, 2), (40, 3), (120, 1), (80, 1), (40, 1), (20, 1)] {
        assert_snapshot!(format!("strip {width}x{height}"), picture(&board(day(), width, height)));
    }
}

#[test]
fn next_to_nothing() {
    for (width, height) in [(0, 0), (1, 1), (0, 9), (9, 0), (1, 30), (2, 2), (3, 10)] {
        let drawn = picture(&board(day(), width, height));
        assert!(drawn.lines().all(|line| line.chars().count() <= usize::from(width)));
    }
}
