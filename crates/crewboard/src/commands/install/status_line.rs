//! The status line: Claude Code tells context, cost and limits to that, and to nothing else.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crewboard_agents::claude::registration::{self, our_status_line};
use crewboard_agents::settings_edit::{self, EditError};
use crewboard_core::{MAX_PATH, clean};

use super::settings_file::SettingsFile;

/// The program and the user's own command of a status line of ours.
pub(super) fn line_of_ours(text: &str) -> Result<Option<(String, Option<String>)>, EditError> {
    Ok(settings_edit::status_line(text)?.and_then(|command| our_status_line(&command)))
}

/// Returns whether the status line is to the letter what install writes. Any other one of ours was written by hand.
pub(super) fn is_installed(text: &str) -> Result<bool, EditError> {
    Ok(settings_edit::status_line(text)?.is_some_and(|command| {
        our_status_line(&command).is_some_and(|(program, own)| {
            own.is_some_and(|own| registration::status_line(&program, &own) == command)
        })
    }))
}

/// Returns the command that uninstall gives back for a status line of ours, and `None` where there is to be none:
/// the one in `original`, the text before install, if nobody has changed it since, and else the argument of ours.
pub(super) fn given_back(
    text: &str,
    original: &str,
    (program, own): (String, Option<String>),
) -> Result<Option<String>, EditError> {
    let by_install = settings_edit::status_line(&wrapped(original, &program)?)?;
    let is_left = by_install == settings_edit::status_line(text)?;
    if is_left { settings_edit::status_line(original) } else { Ok(own) }
}

/// Says what uninstall makes of a status line of ours.
pub(super) fn say_what_becomes(before: &str, after: &str, out: &mut dyn Write) -> io::Result<()> {
    // What cannot be read has been told of before.
    let command = |text| settings_edit::status_line(text).unwrap_or_default();
    let is_ours = |command: &String| our_status_line(command).is_some();
    let shown = |command: &str| clean(command, MAX_PATH, false);
    match (command(before).filter(is_ours), command(after)) {
        (Some(_), Some(kept)) if is_ours(&kept) => {
            writeln!(out, "note: a status line that install did not write runs: {}", shown(&kept))?;
            writeln!(out, "  It is yours, and stays; take it out before you remove the program.")
        }
        (Some(_), Some(own)) => writeln!(out, "  The status line is again: {}", shown(&own)),
        (Some(ours), None) => {
            writeln!(out, "  The status line went with the hooks: {}", shown(&ours))
        }
        (None, _) => Ok(()),
    }
}

/// Returns the text with the user's own status line run by us. Where there is none, none is added: even one
/// that prints nothing takes a row of the screen.
pub(super) fn wrapped(text: &str, program: &str) -> Result<String, EditError> {
    let Some(command) = settings_edit::status_line(text)? else { return Ok(text.to_owned()) };
    let own = match our_status_line(&command) {
        // One that the user wrote, to see our own line.
        Some((_, None)) => return Ok(text.to_owned()),
        Some((_, Some(own))) => own,
        None => command,
    };
    settings_edit::set_status_line(text, Some(&registration::status_line(program, &own)))
}

/// Says of installed settings what keeps context, cost and limits from being told.
///
/// A status line in a project's settings takes the place of the user's there (seen on Claude Code 2.1.330), and is
/// the project's to change.
pub(super) fn say_what_is_missing(
    settings: &Path,
    text: &str,
    project: Option<&Path>,
    out: &mut dyn Write,
) -> io::Result<()> {
    // What cannot be read was told of before, or is not ours to judge.
    if settings_edit::status_line(text).is_ok_and(|command| command.is_none()) {
        writeln!(
            out,
            "note: no status line runs, and Claude Code tells context, cost and limits to nothing else"
        )?;
        writeln!(out, "  To see them, have this in {}:", settings.display())?;
        writeln!(
            out,
            r#"  "statusLine": {{ "type": "command", "command": "crewboard statusline" }}"#
        )?;
    }
    for path in project.map(settings_of_project).into_iter().flatten() {
        let is_the_users = SettingsFile::read(settings).is_ok_and(|file| file.target == path);
        let text = SettingsFile::read(&path).ok().and_then(|file| file.text).unwrap_or_default();
        let command = settings_edit::status_line(&text).unwrap_or_default();
        if is_the_users || command.is_none_or(|command| our_status_line(&command).is_some()) {
            continue;
        }
        // A directory that came with a project may be called anything.
        let path = clean(&path.to_string_lossy(), MAX_PATH, false);
        writeln!(out, "note: {path} has a status line of its own")?;
        writeln!(out, "  Sessions in that project report no context, cost and limits, unless its")?;
        writeln!(out, "  command becomes: crewboard statusline -- '<the command>'")?;
    }
    Ok(())
}

/// Returns the files that hold a project's settings, the one that counts most last.
///
/// Of a Git repository the local settings at its root count in every directory of it (tried on 2.1.332).
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
