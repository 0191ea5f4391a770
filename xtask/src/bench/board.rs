//! Measures an open board: a frame, its cost at rest, and the delay of an event.

use super::goals::Part;
use crate::workspace;
use anyhow::{Context as _, Result};
use std::path::Path;
use std::process::Command;

/// The figures of other programs. They were measured once, because the programs are not part of this repository.
const FIELD: &str = "\
Other programs, measured with the same method on a machine of this kind on another day, with a terminal emulator in between
for the times to the screen:

| | agent-console-dashboard | a table redrawn each 250 ms | a ratatui table drawn on events |
| --- | --- | --- | --- |
| at rest without a row, each second: wake-ups, CPU, bytes | 29.4, 0.17 %, 22 | 3.9, 0.27 %, 98 | 0, 0, 0 |
| at rest with 50 rows | 29.9, 0.24 %, 249 | | |
| an event to the screen, ms: p50, p90, most | 667, 1047, 1203 | | 6.2, 10.3, 14.7 |
| a frame of 120x52, µs: 50 rows, 1,000 rows | | | 600 to 640, 600 to 630 (all rows built: 1900 to 2300) |
| bytes of it: first, unchanged, one row's status, each time | | | 8284, 25, 161, 1111 |
";

/// Measures the board of `program` for `rest` seconds in each idle state.
pub(crate) fn measure(program: &Path, rest: u64) -> Result<Part> {
    let script = workspace::root().join("bench").join("board.py");
    let open =
        workspace::output(Command::new("python3").arg(script).arg(program).arg(rest.to_string()))?;
    let frames =
        ["run", "--quiet", "--release", "--package", "crewboard-board", "--example", "frames"];
    let frames =
        workspace::output(Command::new("cargo").current_dir(workspace::root()).args(frames))?;
    let mut part = Part::default();
    let delay = open.split("ms: p50 ").nth(1).and_then(|text| text.split(',').next());
    part.add("line on the socket → board, p50", number(delay), 5.0, "ms");
    let woken = open.lines().find(|line| line.starts_with("| ten rows that work |"));
    let woken = number(woken.and_then(|line| line.split('|').nth(2)));
    let seconds = f64::from(u32::try_from(rest)?);
    part.add("board of ten rows that work, wake-ups a second", woken / seconds, 1.0, "");
    let cells = |rows: &str, what: &str| -> Result<_> {
        let line = frames.lines().find(|line| {
            let cells: Vec<&str> = line.split('|').map(str::trim).collect();
            cells.starts_with(&[rows, "120x52", what])
        });
        let line = line.with_context(|| format!("the frames have no line {rows} | {what}"))?;
        let mut cells = line.split('|').skip(3);
        Ok((number(cells.next()), number(cells.next())))
    };
    let (_, draw) = cells("50", "nothing")?;
    part.add("drawing a frame of 120x52 with 50 rows", draw, 200.0, "µs");
    let (_, draw_many) = cells("10000", "nothing")?;
    part.add("the same with 10,000 rows ÷ with 50 rows", draw_many / draw, 1.3, "×");
    let (update, draw) = cells("4000", "every row changes")?;
    part.add("every row changes, 4,000 rows", (update + draw) / 1000.0, 5.0, "ms");
    part.text = format!(
        "## The board\n\nThe real program on a pseudo-terminal of 120×30.\n\n{open}\n{FIELD}\n\
         A frame, by itself: the time to take a message in, the time to draw, and what goes to the terminal.\n\n\
         ```\n{frames}```\n"
    );
    Ok(part)
}

/// Returns the number of a cell. A missing one is not a number, and meets no goal.
fn number(cell: Option<&str>) -> f64 {
    cell.and_then(|cell| cell.trim().parse().ok()).unwrap_or(f64::NAN)
}
