//! `install` and `uninstall`: the hooks in the agents' user settings.
//!
//! All profiles are read and all changes worked out before the first byte is written, so that one
//! broken file leaves every file as it was.

mod attributes;
mod backup;
mod claude_version;
mod error;
mod held_signals;
mod made_directories;
mod owners;
pub(crate) mod profile;
mod program_path;
mod replace;
mod settings_file;
mod status_line;
#[cfg(test)]
mod tests;
mod warnings;

use std::io::{self, BufRead, Write};
use std::thread;
use std::time::Duration;

use crewboard_agents::claude::registration::Version;
use crewboard_agents::claude::{self, registration};
use similar::TextDiff;

use crate::arguments::InstallArguments;
use crate::environment::Environment;
pub(crate) use error::InstallError;
use held_signals::HeldSignals;
use profile::{After, Change, ChangeKind, Profile};
use program_path::ProgramPath;
use replace::{AtStep, Flush};
use warnings::{Warning, warnings};

/// Claude Code watches its settings files, so nothing needs to be restarted.
const RUNNING_SESSIONS: &str = "Sessions that already run report with their next event.";

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
    print_untried(version, out)?;
    let mut changes: Vec<Change> = Vec::new();
    for profile in &profiles {
        let change = Change::of_install(profile, &entries, environment.pause)?;
        print_warnings(&warnings(profile, change.after_text(), environment), out)?;
        if change.after.is_some() {
            push_once(&mut changes, change);
        } else {
            writeln!(out, "{}: the hooks are in place.", change.name)?;
        }
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
        ProgramPath::Passing { from, to, place } if !program_path::is_copy(from, to) => {
            Some((from, to, place))
        }
        _ => None,
    };
    if let Some((from, to, place)) = copy {
        let replaced = if to.exists() { ", in place of the one there" } else { "" };
        let (from, to) = (from.display(), to.display());
        writeln!(out, "{from} is in {place}; it will be copied to {to}{replaced}.")?;
    }
    if changes.is_empty() && copy.is_none() {
        return Ok(());
    }
    if !arguments.dry_run
        && let Some((_, to, _)) = copy
    {
        program_path::check_owner(to, environment)?;
    }
    if !agreed(&changes, arguments, environment, out, input)? {
        return Ok(());
    }
    let _held = HeldSignals::hold();
    if let Some((from, to, _)) = copy {
        program_path::copy_program(from, to)?;
        writeln!(out, "Copied this program to {}.", to.display())?;
        let directory = to.parent();
        if !environment.path.iter().any(|entry| Some(entry.as_path()) == directory) {
            writeln!(out, "warning: that directory is not on your PATH")?;
            writeln!(out, "  The hooks work all the same; to type `crewboard`, add it.")?;
        }
    }
    let mut all_run = true;
    let mut installed = Vec::new();
    for change in changes {
        let profile = change.profile.clone();
        let again = || Change::of_install(&profile, &entries, environment.pause);
        let name = change.name.to_string();
        let made = carry_out(change, again, environment.pause, &mut |_| {})?;
        let Some((change, kept)) = made else {
            writeln!(out, "{name}: another process has just put the hooks in.")?;
            continue;
        };
        writeln!(out, "Installed {} hooks in {}.", entries.len(), change.name)?;
        if change.wraps_status_line() {
            writeln!(
                out,
                "  Your status line looks as before, and tells context, cost and limits."
            )?;
        }
        match kept {
            ChangeKind::Original(path) => {
                writeln!(out, "  The file as it was: {}", path.display())?;
            }
            ChangeKind::Older(path) => {
                writeln!(out, "  The file was empty. An older copy of it: {}", path.display())?;
            }
            ChangeKind::Nothing => writeln!(out, "  There was no such file before.")?,
        }
        let warnings = warnings(&profile, change.after_text(), environment);
        all_run &= warnings.is_empty();
        print_warnings(&warnings, out)?;
        installed.push(change);
    }
    if !installed.is_empty() && all_run {
        writeln!(out, "{RUNNING_SESSIONS}")?;
    }
    for change in &installed {
        let settings = &change.name.path;
        let project = environment.directory.as_deref();
        status_line::say_what_is_missing(settings, change.after_text(), project, out)?;
    }
    Ok(())
}

/// How often a change is tried while other programs change the file too. A program that writes a thousand times a second
/// leaves a gap that is long enough in one of a few tries.
const MAX_TRIES: u32 = 60;

/// So often a new file is first made to outlive a power cut, which takes milliseconds, and then takes the name.
const PATIENT_TRIES: u32 = 5;

/// The pause between two tries is this part of the pause for a program that is writing.
const TRIES_IN_A_PAUSE: u32 = 20;

/// Makes a change to what the file holds by then. Where another program has written the file since, the change is worked
/// out once more from its text. Returns the change that was made, and nothing where another process has made it.
fn carry_out(
    mut change: Change,
    again: impl Fn() -> Result<Change, InstallError>,
    pause: Duration,
    at: AtStep<'_>,
) -> Result<Option<(Change, ChangeKind)>, InstallError> {
    for tries in 0..MAX_TRIES {
        let flush = if tries < PATIENT_TRIES { Flush::Before } else { Flush::After };
        let kept = match change.apply(pause, flush, at) {
            Ok(kept) => Some(kept),
            Err(InstallError::Changed(_)) => {
                thread::sleep(pause / TRIES_IN_A_PAUSE);
                None
            }
            Err(error) => return Err(error),
        };
        let next = again()?;
        if next.after.is_none() {
            next.drop_stale_mark();
            return Ok(kept.map(|kept| (change, kept)));
        }
        change = next;
    }
    Err(InstallError::Changed(change.name.path))
}

/// Prints a note where Claude Code is newer than every version that Crewboard was tried with.
fn print_untried(version: Option<Version>, out: &mut dyn Write) -> io::Result<()> {
    let Some(version) = version.filter(|version| claude::is_untried(*version)) else {
        return Ok(());
    };
    let tried = claude::NEWEST_TRIED;
    writeln!(
        out,
        "Claude Code {version} is newer than {tried}, the newest version that Crewboard was tried with. \
         Its hooks are registered as for {tried}."
    )
}

fn print_warnings(warnings: &[Warning], out: &mut dyn Write) -> io::Result<()> {
    for warning in warnings {
        for (index, line) in warning.iter().enumerate() {
            let start = if index == 0 { "warning: " } else { "  " };
            writeln!(out, "{start}{line}")?;
        }
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
        let change = Change::of_uninstall(&profile, environment.pause)?;
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
    let _held = HeldSignals::hold();
    for change in changes {
        let profile = change.profile.clone();
        let again = || Change::of_uninstall(&profile, environment.pause);
        let name = change.name.to_string();
        let made = carry_out(change, again, environment.pause, &mut |_| {})?;
        let Some((change, kept)) = made else {
            writeln!(out, "{name}: another process has just taken the hooks out.")?;
            continue;
        };
        match &change.after {
            Some(After::Original(_)) => writeln!(out, "{name} is again as it was before install.")?,
            Some(After::Removed) => writeln!(out, "Removed {name}: install had made it.")?,
            Some(After::Edited(_)) | None => {
                writeln!(out, "Took the hooks out of {name}; what else changed in it was kept.")?;
            }
        }
        status_line::say_what_becomes(change.before(), change.after_text(), out)?;
        if let ChangeKind::Original(kept) = kept {
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
        changes.iter().try_for_each(|change| change.check(environment))?;
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
