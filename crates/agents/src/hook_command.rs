//! Recognises the commands that agents run for Crewboard.

use crate::settings_edit::Handler;
use crate::shell_words::shell_words;
use std::path::Path;

/// The file name of Crewboard's program, unless the user renamed it.
pub(crate) const PROGRAM: &str = "crewboard";

/// Returns the program that a handler runs with these arguments, if it is called `crewboard`, or if `is_as_written`
/// accepts the whole handler. Another tool may have the same arguments, and the user may have renamed the program.
///
/// Only a plain call counts: a command with a pipe or a second command belongs to the user. Variables are not expanded.
pub(crate) fn program_of(
    handler: &Handler,
    expected: [&str; 2],
    is_as_written: impl Fn(&str, &Handler) -> bool,
) -> Option<String> {
    let words = match &handler.args {
        Some(args) => {
            std::iter::once(handler.command.clone()).chain(args.iter().cloned()).collect()
        }
        None => shell_words(&handler.command)?,
    };
    let words = match words.split_first() {
        Some((first, rest)) if handler.args.is_none() && first == "exec" => rest,
        _ => &words,
    };
    let (program, arguments) = words.split_first()?;
    let has_our_name = Path::new(program).file_name().is_some_and(|name| name == PROGRAM);
    let ours =
        arguments.iter().eq(expected.iter()) && (has_our_name || is_as_written(program, handler));
    ours.then(|| program.clone())
}
