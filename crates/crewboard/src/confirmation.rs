//! Asks the user before a change.

use std::io::{self, BufRead, Write};

/// Asks a question. Returns true if the user says yes.
pub(crate) fn ask(
    question: &str,
    out: &mut dyn Write,
    input: &mut dyn BufRead,
) -> io::Result<bool> {
    write!(out, "{question} [y/N] ")?;
    out.flush()?;
    let mut answer = String::new();
    input.read_line(&mut answer)?;
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}
