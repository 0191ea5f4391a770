//! `install` and `uninstall`: the hooks in the agents' user settings.
//!
//! All profiles are read and all changes worked out before the first byte is written, so that one
//! broken file leaves every file as it was.

mod claude_version;
mod error;
pub(crate) mod profile;
mod program_path;
mod settings_file;
mod status_line;
#[cfg(test)]
mod tests;

use std::io::{self, BufRead, Write};
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use crewboard_integrations::agents::claude::registration;
use similar::TextDiff;

use crate::environment::Environment;
pub(crate) use error::InstallError;
use profile::{After, Change, Profile};
use program_path::ProgramPath;

/// Claude Code watches its settings files, so nothing needs to be restarted.
const RUNNING_SESSIONS: &str = "Sessions already running pick the hooks up with their next event.";

/// An agent whose hooks can be installed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Agent {
    /// Claude Code
    Claude,
}

/// What `install` and `uninstall` take.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct InstallArguments {
    /// The agents [default: all]
    #[arg(value_enum, value_name = "AGENT")]
    pub(crate) agents: Vec<Agent>,
    /// The agent's configuration directory; may be given several times
    /// [default: `$CLAUDE_CONFIG_DIR` or ~/.claude]
    #[arg(long, value_name = "DIR")]
    pub(crate) config_dir: Vec<PathBuf>,
    /// Shows the change and makes none
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Does not ask
    #[arg(long, short)]
    pub(crate) yes: bool,
}

/// Puts the hooks into the settings of every profile.
pub(crate) fn run_install(
    arguments: &InstallArguments,
    environment: &Environment,
    out: &mut dyn Write,
    input: &mut dyn BufRead,
) -> Result<(), InstallError> {
    let out = &mut UntilClosed(out);
    let profiles = Profile::chosen(&arguments.config_dir, environment)?;
    let program = ProgramPath::find(environment)?;
    let version = claude_version::ask(environment);
    let entries = registration::entries(program.registered()?, version);
    if let (Some(version), true) = (version, entries.is_empty()) {
        return Err(InstallError::NoHooks(version));
    }
    let mut changes: Vec<Change> = Vec::new();
    let mut all_run = true;
    for profile in &profiles {
        let change = Change::of_install(profile, &entries)?;
        if change.after.is_some() {
            push_once(&mut changes, change);
        } else {
            writeln!(out, "{}: the hooks are in place.", change.name)?;
        }
        all_run &= !profile.warn(environment, out)?;
    }
    if !changes.is_empty() && version.is_none() {
        writeln!(out, "`claude --version` gave no answer; assuming the newest Claude Code.")?;
    }
    if let ProgramPath::Versioned(path) = &program {
        let path = path.display();
        writeln!(out, "warning: {path} is in a directory that an upgrade of its package replaces")?;
        writeln!(out, "  Run `crewboard install` again after each upgrade.")?;
    }
    let copy = match &program {
        ProgramPath::Build { from, to } if !program_path::is_copy(from, to) => Some((from, to)),
        _ => None,
    };
    if let Some((from, to)) = copy {
        let replaced = if to.exists() { ", in place of the one there" } else { "" };
        let (from, to) = (from.display(), to.display());
        writeln!(out, "{from} is in a build directory; it will be copied to {to}{replaced}.")?;
    }
    if changes.is_empty() && copy.is_none() {
        return Ok(());
    }
    if !agreed(&changes, arguments, environment, out, input)? {
        return Ok(());
    }
    if let Some((from, to)) = copy {
        program_path::copy_program(from, to)?;
        writeln!(out, "Copied this program to {}.", to.display())?;
        let directory = to.parent();
        if !environment.path.iter().any(|entry| Some(entry.as_path()) == directory) {
            writeln!(out, "warning: that directory is not on your PATH")?;
            writeln!(out, "  The hooks work all the same; to type `crewboard`, add it.")?;
        }
    }
    for change in &changes {
        let backup = change.apply()?;
        writeln!(out, "Installed {} hooks in {}.", entries.len(), change.name)?;
        if change.wraps_status_line() {
            writeln!(
                out,
                "  Your status line looks as before, and tells context, cost and limits."
            )?;
        }
        match backup {
            Some(backup) => writeln!(out, "  The file as it was: {}", backup.display())?,
            None => writeln!(out, "  There was no such file before.")?,
        }
    }
    if !changes.is_empty() && all_run {
        writeln!(out, "{RUNNING_SESSIONS}")?;
    }
    for change in &changes {
        let settings = &change.name.path;
        let project = environment.directory.as_deref();
        status_line::say_what_is_missing(settings, change.after_text(), project, out)?;
    }
    Ok(())
}

/// Takes the hooks out of the settings of every profile.
pub(crate) fn run_uninstall(
    arguments: &InstallArguments,
    environment: &Environment,
    out: &mut dyn Write,
    input: &mut dyn BufRead,
) -> Result<(), InstallError> {
    let out = &mut UntilClosed(out);
    let mut changes: Vec<Change> = Vec::new();
    for profile in Profile::chosen(&arguments.config_dir, environment)? {
        let change = Change::of_uninstall(&profile)?;
        if change.after.is_some() {
            push_once(&mut changes, change);
        } else {
            writeln!(out, "{}: no hooks of Crewboard's.", change.name)?;
            status_line::say_what_becomes(change.before(), change.after_text(), out)?;
        }
    }
    if changes.is_empty() || !agreed(&changes, arguments, environment, out, input)? {
        return Ok(());
    }
    for change in &changes {
        let kept = change.apply()?;
        let name = &change.name;
        match &change.after {
            Some(After::Original(_)) => writeln!(out, "{name} is again as it was before install.")?,
            Some(After::Removed) => writeln!(out, "Removed {name}: install had made it.")?,
            Some(After::Edited(_)) | None => {
                writeln!(out, "Took the hooks out of {name}; what else changed in it was kept.")?;
            }
        }
        status_line::say_what_becomes(change.before(), change.after_text(), out)?;
        if let Some(kept) = kept {
            writeln!(out, "  The file as it was before install: {}", kept.display())?;
        }
    }
    Ok(())
}

/// Keeps whatever else is in the file from reaching the terminal as a command.
fn printable(diff: &str) -> String {
    let line_ends = diff.replace("\r\n", "\n");
    let shown = |character: char| {
        let harmless = !character.is_control() || ['\n', '\t'].contains(&character);
        if harmless { character } else { char::REPLACEMENT_CHARACTER }
    };
    line_ends.chars().map(shown).collect()
}

/// Goes on in silence when the reader has gone: half an install helps nobody.
struct UntilClosed<'a>(&'a mut dyn Write);

impl Write for UntilClosed<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.0.write(bytes) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(bytes.len()),
            result => result,
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self.0.flush() {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            result => result,
        }
    }
}

/// Adds a change unless another profile shares the file by a link.
fn push_once(changes: &mut Vec<Change>, change: Change) {
    if !changes.iter().any(|other| other.same_file(&change)) {
        changes.push(change);
    }
}

/// Shows the changes and asks; `false` is a dry run.
fn agreed(
    changes: &[Change],
    arguments: &InstallArguments,
    environment: &Environment,
    out: &mut dyn Write,
    input: &mut dyn BufRead,
) -> Result<bool, InstallError> {
    if !arguments.yes && !arguments.dry_run && !environment.interactive {
        return Err(InstallError::CannotAsk);
    }
    if !arguments.dry_run {
        changes.iter().try_for_each(Change::check_owner)?;
    }
    if arguments.dry_run || !arguments.yes {
        for change in changes {
            let name = change.name.to_string();
            let diff = TextDiff::from_lines(change.before(), change.after_text());
            let diff = diff.unified_diff().header(&name, &name).to_string();
            out.write_all(printable(&diff).as_bytes())?;
        }
    }
    if arguments.dry_run || arguments.yes {
        return Ok(!arguments.dry_run);
    }
    write!(out, "Make this change? [y/N] ")?;
    out.flush()?;
    let mut answer = String::new();
    input.read_line(&mut answer)?;
    match answer.trim().to_lowercase().as_str() {
        "y" | "yes" => Ok(true),
        _ => Err(InstallError::Declined),
    }
}
