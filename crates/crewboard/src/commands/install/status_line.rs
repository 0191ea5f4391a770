//! The status line of Claude Code, the only place to which it reports context, cost and rate limits.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crewboard_agents::claude::handlers::{self, our_status_line};
use crewboard_agents::settings_edit::{self, EditError};
use crewboard_core::{MAX_PATH, clean};

use super::settings_file::SettingsFile;

/// Returns the program and the user's own command, if the status line is Crewboard's.
pub(super) fn crewboard_line(text: &str) -> Result<Option<(String, Option<String>)>, EditError> {
    Ok(settings_edit::status_line(text)?.and_then(|command| our_status_line(&command)))
}

/// Returns true if the status line is exactly what install writes. Any other Crewboard status line is the user's own.
pub(super) fn is_installed(text: &str) -> Result<bool, EditError> {
    Ok(settings_edit::status_line(text)?.is_some_and(|command| {
        our_status_line(&command).is_some_and(|(program, own)| {
            own.is_some_and(|own| handlers::status_line(&program, &own) == command)
        })
    }))
}

/// Returns the command that uninstall restores, or `None` for no status line: the command in `original`, the text
/// before install, if the user has not changed it since; else the argument of Crewboard's command.
pub(super) fn restored_command(
    text: &str,
    original: &str,
    (program, own): (String, Option<String>),
) -> Result<Option<String>, EditError> {
    let by_install = settings_edit::status_line(&wrap_status_line(original, &program)?)?;
    let is_unchanged = by_install == settings_edit::status_line(text)?;
    if is_unchanged { settings_edit::status_line(original) } else { Ok(own) }
}

/// Prints what uninstall does with Crewboard's status line.
pub(super) fn print_uninstalled_status_line(
    before: &str,
    after: &str,
    out: &mut dyn Write,
) -> io::Result<()> {
    // A file that cannot be read was reported before.
    let command = |text| settings_edit::status_line(text).unwrap_or_default();
    let is_ours = |command: &String| our_status_line(command).is_some();
    let shown = |command: &str| clean(command, MAX_PATH, false);
    match (command(before).filter(is_ours), command(after)) {
        (Some(_), Some(kept)) if is_ours(&kept) => {
            writeln!(
                out,
                "note: kept the status line that install did not write: {}",
                shown(&kept)
            )?;
            writeln!(out, "  Remove it before you remove the program.")
        }
        (Some(_), Some(own)) => writeln!(out, "  Restored the status line: {}", shown(&own)),
        (Some(ours), None) => {
            writeln!(out, "  Removed the status line: {}", shown(&ours))
        }
        (None, _) => Ok(()),
    }
}

/// Returns the text with a status line that runs Crewboard and then the user's own command. Adds none if there is none,
/// because even an empty status line takes a row of the screen.
pub(super) fn wrap_status_line(text: &str, program: &str) -> Result<String, EditError> {
    let Some(command) = settings_edit::status_line(text)? else { return Ok(text.to_owned()) };
    let own = match our_status_line(&command) {
        // The user added Crewboard's built-in line.
        Some((_, None)) => return Ok(text.to_owned()),
        Some((_, Some(own))) => own,
        None => command,
    };
    settings_edit::set_status_line(text, Some(&handlers::status_line(program, &own)))
}

/// Prints why context, cost and rate limits are not reported, if they are not. `program` is what a shell runs.
///
/// A status line in a project's settings replaces the user's in that project (seen on Claude Code 2.1.330). Install
/// never changes a project's settings.
pub(super) fn print_missing_usage(
    settings: &Path,
    text: &str,
    project: Option<&Path>,
    program: &str,
    out: &mut dyn Write,
) -> io::Result<()> {
    // A file that cannot be read was reported before.
    if settings_edit::status_line(text).is_ok_and(|command| command.is_none()) {
        writeln!(
            out,
            "note: context, cost and limits come from Claude Code's status line, and you have none"
        )?;
        writeln!(out, "  To see them, add this to {}:", settings.display())?;
        let command = serde_json::Value::String(format!("{program} statusline"));
        writeln!(out, r#"  "statusLine": {{ "type": "command", "command": {command} }}"#)?;
    }
    for path in project.map(settings_of_project).into_iter().flatten() {
        let is_user_settings = SettingsFile::read(settings).is_ok_and(|file| file.target == path);
        let text = SettingsFile::read(&path).ok().and_then(|file| file.text).unwrap_or_default();
        let command = settings_edit::status_line(&text).unwrap_or_default();
        if is_user_settings || command.is_none_or(|command| our_status_line(&command).is_some()) {
            continue;
        }
        // The directory of a project may have any name.
        let path = clean(&path.to_string_lossy(), MAX_PATH, false);
        writeln!(out, "note: {path} has its own status line")?;
        writeln!(out, "  Sessions in that project report no context, cost and limits unless its")?;
        writeln!(out, "  command is changed to: {program} statusline -- '<the command>'")?;
    }
    Ok(())
}

/// Returns the settings files of a project, the one with the highest precedence last.
///
/// The local settings at the root of a Git repository apply in all its directories (tested with 2.1.332).
pub(super) fn settings_of_project(directory: &Path) -> Vec<PathBuf> {
    let file = |directory: &Path, name: &str| directory.join(".claude").join(name);
    let root = directory.ancestors().find(|ancestor| ancestor.join(".git").exists());
    let mut files = vec![file(directory, "settings.json")];
    files.extend(
        root.filter(|root| *root != directory).map(|root| file(root, "settings.local.json")),
    );
    files.push(file(directory, "settings.local.json"));
    files
}
