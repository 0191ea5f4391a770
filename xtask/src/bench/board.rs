//! An open board: a frame, its rest, and how soon it shows an event.

use crate::workspace;
use anyhow::Result;
use std::path::Path;
use std::process::Command;

/// Measures the board of `program`, at rest for `rest` seconds in each state.
pub(crate) fn measure(program: &Path, rest: u64) -> Result<String> {
    let script = workspace::root().join("bench").join("board.py");
    let open =
        workspace::output(Command::new("python3").arg(script).arg(program).arg(rest.to_string()))?;
    let frames =
        ["run", "--quiet", "--release", "--package", "crewboard-board", "--example", "frames"];
    let frames =
        workspace::output(Command::new("cargo").current_dir(workspace::root()).args(frames))?;
    Ok(format!(
        "## The board\n\nThe real program on a pseudo-terminal of 120×30.\n\n{open}\n\
         A frame, by itself: the time to take a message in, the time to draw, and what goes to the terminal.\n\n\
         ```\n{frames}```\n"
    ))
}
