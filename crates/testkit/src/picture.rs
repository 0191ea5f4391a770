//! Pictures of the program: `crewboard demo` at a fixed moment in a private terminal, as text and as SVG.
//!
//! `cargo xtask pictures` writes them, and a test compares them with what the program shows now.

mod svg;

use crate::tmux::Tmux;
use std::cell::RefCell;
use std::fs;
use std::path::Path;
pub use svg::{Look, svg, words};

/// The moment of the still pictures, in milliseconds from the demo's start.
pub const MOMENT: u32 = 5500;

/// The moments of the animated picture.
pub const MOMENTS: [u32; 5] = [5500, 9500, 14_000, 20_500, 36_000];

/// Columns and lines of the terminal for the board.
pub const SIZE: (u16, u16) = (110, 28);

/// Columns and lines of the terminal for the animated picture.
pub const ANIMATED_SIZE: (u16, u16) = (100, 16);

/// Columns and lines of the terminal for the list.
const LIST_SIZE: (u16, u16) = (100, 20);

/// The row that the demo shows last.
const SIGN: &str = "release-notes";

/// The keys and the pid in the pictures. The real ones depend on the numbers of processes.
const KEYS: [&str; 12] = [
    "p32bj", "s5b7e", "eptv9", "ywehe", "c7k2m", "h4xqa", "n8d3r", "w6tzk", "b9mfc", "q2vgy",
    "j5rhs", "k3nup",
];
const PID: &str = "1574";

/// Returns the list of the demo as a code block shows it. Skips the test and returns `None` if there is no tmux.
pub fn list(program: &Path) -> Option<String> {
    let screen = capture(program, "plain", MOMENT, LIST_SIZE, "</dev/null; exec sleep 60", false)?;
    let lines = screen.trim_end().lines().enumerate().map(|(index, line)| {
        match line.trim_end().rsplit_once(' ') {
            Some((before, _)) => format!("{before} {}", KEYS[index % KEYS.len()]),
            None => line.to_owned(),
        }
    });
    Some(format!("$ crewboard list\n{}", lines.collect::<Vec<_>>().join("\n")))
}

/// Returns the board of the demo, with escape sequences for colours. Skips the test and returns `None` if there is no
/// tmux.
pub fn board(program: &Path, theme: &str, moment: u32, size: (u16, u16)) -> Option<String> {
    let screen = capture(program, theme, moment, size, "", true)?;
    Some(screen.lines().map(with_fixed_ids).collect::<Vec<_>>().join("\n"))
}

fn capture(
    program: &Path,
    theme: &str,
    moment: u32,
    size: (u16, u16),
    input: &str,
    has_colours: bool,
) -> Option<String> {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("config.toml");
    // A small picture has room for the list only.
    let has_details = size == SIZE;
    let settings = format!("[board]\ntheme = \"{theme}\"\ndetail = {has_details}\n");
    fs::write(&config, settings).unwrap();
    let (home, config) = (folder.path().display().to_string(), config.display().to_string());
    let variables = [("HOME", home.as_str()), ("CREWBOARD_CONFIG", config.as_str())];
    let tmux = Tmux::new(folder.path(), &variables)?;
    let words = format!("'{}' demo --at {moment} {input}", program.display());
    let pane = tmux.open("picture", size, &["/bin/sh", "-c", &words]);
    // The terminal may draw a frame in several steps.
    let previous = RefCell::new(String::new());
    pane.wait_for("a complete screen", |screen| {
        let is_same = screen.contains(SIGN) && *previous.borrow() == screen;
        screen.clone_into(&mut previous.borrow_mut());
        is_same
    });
    let colours: &[&str] = if has_colours { &["-e", "-N"] } else { &[] };
    let words = ["capture-pane", "-p", "-t", "picture"].iter().chain(colours);
    let screen = tmux.run(words);
    if input.is_empty() {
        // The board quits at `q`, and ends the processes of the demo.
        pane.press(&["q"]);
        pane.wait_for("the end of the demo", |_| pane.expand("#{pane_dead}") == "1");
    }
    Some(screen)
}

/// Replaces the parts of a line that differ between runs: a pid, and the key at the end of a heading.
fn with_fixed_ids(line: &str) -> String {
    let mut line = line.to_owned();
    if let Some((before, after)) = line.split_once("pid ") {
        let rest = after.trim_start_matches(|character: char| character.is_ascii_digit());
        line = format!("{before}pid {PID}{rest}");
    }
    let text = without_escapes(&line);
    if let Some((heading, _)) = text.split_once(" ──")
        && let Some((_, key)) = heading.rsplit_once("· ")
        && key.len() == KEYS[0].len()
    {
        line = line.replacen(key, KEYS[0], 1);
    }
    line
}

/// Returns a line without the escape sequences of colours.
fn without_escapes(line: &str) -> String {
    let mut parts = line.split('\u{1b}');
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        text.push_str(part.split_once('m').map_or("", |(_, rest)| rest));
    }
    text
}
