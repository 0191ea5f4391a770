//! Shows a change and asks the user before it.

use similar::TextDiff;
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

/// Returns the change of the file `name`. Replaces control characters, because the file may hold terminal commands.
pub(crate) fn diff(name: &str, before: &str, after: &str) -> String {
    let diff = TextDiff::from_lines(before, after);
    let diff = diff.unified_diff().header(name, name).to_string().replace("\r\n", "\n");
    let shown = |character: char| {
        let is_harmless = !character.is_control() || ['\n', '\t'].contains(&character);
        if is_harmless { character } else { char::REPLACEMENT_CHARACTER }
    };
    diff.chars().map(shown).collect()
}
