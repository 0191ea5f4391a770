//! Summarises a change in three lines, which are printed before its diff.

use std::io::{self, Write};

use crewboard_agents::settings_edit;

use super::profile::{Change, NewContent};
use super::status_line::crewboard_line;

/// Returns the number of Crewboard's hooks in a text that was read before.
fn hooks_in(change: &Change, text: &str) -> usize {
    settings_edit::find(text, change.profile.agent.hooks.is_ours).map_or(0, |entries| entries.len())
}

fn hooks(count: usize) -> String {
    if count == 1 { "1 hook".to_owned() } else { format!("{count} hooks") }
}

/// Prints what an install does: to the hooks, to the status line, and to the text before it.
pub(super) fn print_install(change: &Change, out: &mut dyn Write) -> io::Result<()> {
    let (before, after) =
        (hooks_in(change, change.before()), hooks_in(change, change.after_text()));
    let name = &change.name;
    match after.checked_sub(before) {
        Some(added) if added > 0 => writeln!(out, "Adds {} to {name}.", hooks(added))?,
        _ => writeln!(out, "Updates {} in {name}.", hooks(after))?,
    }
    let has_line = settings_edit::status_line(change.after_text()).unwrap_or_default().is_some();
    let line = if change.wraps_status_line() {
        "Wraps your status line: it looks the same, and also reports context, cost and limits."
    } else if has_line {
        "Keeps your status line as it is."
    } else {
        "Adds no status line, because you have none: context, cost and limits stay unknown (docs/limits.md)."
    };
    if change.profile.agent.hooks.is_settings_file {
        writeln!(out, "{line}")?;
    }
    change.profile.agent.hooks.trust.iter().try_for_each(|line| writeln!(out, "{line}"))?;
    if !change.has_file() {
        writeln!(out, "Creates the file; `crewboard uninstall` removes it.")
    } else if change.keeps_original() {
        writeln!(out, "Keeps a backup of the file, which `crewboard uninstall` restores.")
    } else {
        writeln!(out, "Keeps the backup of the file before the first install.")
    }
}

/// Prints what an uninstall does.
pub(super) fn print_uninstall(change: &Change, out: &mut dyn Write) -> io::Result<()> {
    let name = &change.name;
    writeln!(out, "Removes {} from {name}.", hooks(hooks_in(change, change.before())))?;
    let is_line_ours = |text| crewboard_line(text).is_ok_and(|line| line.is_some());
    if is_line_ours(change.before()) && !is_line_ours(change.after_text()) {
        writeln!(out, "Takes Crewboard out of your status line.")?;
    } else if change.profile.agent.hooks.is_settings_file {
        writeln!(out, "Keeps your status line as it is.")?;
    }
    match change.after {
        Some(NewContent::Original(_)) => {
            writeln!(out, "The file is then the same as before install.")
        }
        Some(NewContent::Removed) => {
            writeln!(out, "The file did not exist before, and is removed.")
        }
        _ => writeln!(out, "Keeps the other changes since install."),
    }
}
