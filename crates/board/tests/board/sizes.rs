//! Terminals of every size.

use crate::sample::{board, day, picture};
use insta::assert_snapshot;

#[test]
fn large_to_small() {
    for (width, height) in [(200, 50), (120, 30), (80, 24), (40, 20), (20, 5)] {
        assert_snapshot!(format!("{width}x{height}"), picture(&board(day(), width, height)));
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
