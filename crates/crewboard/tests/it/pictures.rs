//! The pictures of the documentation show what the program shows.

use crate::support::PROGRAM;
use crewboard_testkit::picture::{Look, MOMENT, SIZE, board, list, svg, words};
use std::fs;
use std::path::{Path, PathBuf};

const STALE: &str = "run `cargo xtask pictures` and look at the difference";

fn docs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs")
}

#[test]
fn picture_of_the_board_is_what_the_demo_shows() {
    for look in [Look::DARK, Look::LIGHT] {
        let theme = look.theme;
        let Some(screen) = board(Path::new(PROGRAM), theme, MOMENT, SIZE) else { return };
        let now = svg(&[screen], "", look, SIZE);
        let picture = fs::read_to_string(docs().join(format!("pictures/board-{theme}.svg")));
        assert_eq!(words(&picture.unwrap()), words(&now), "{theme}: {STALE}");
    }
}

#[test]
fn picture_of_the_list_is_what_the_demo_prints() {
    let Some(list) = list(Path::new(PROGRAM)) else { return };
    let page = fs::read_to_string(docs().join("commands.md")).unwrap();
    let block = page.split_once("```text\n$ crewboard list\n").unwrap().1;
    let block = block.split_once("\n```").unwrap().0;
    let words = |text: &str| -> Vec<String> {
        // Times follow the clock.
        let is_time = |word: &str| word.starts_with(|first: char| first.is_ascii_digit());
        text.split_whitespace().filter(|word| !is_time(word)).map(str::to_owned).collect()
    };
    let list = list.split_once('\n').unwrap().1;
    assert_eq!(words(block), words(list), "{STALE}");
}
