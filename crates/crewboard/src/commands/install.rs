//! `crewboard install` and `uninstall`: install and remove the hooks in the agents' user settings.
//!
//! Reads all profiles and computes all changes before writing the first byte, so that a broken file leaves every file
//! unchanged.

mod agent_version;
mod attributes;
pub(crate) mod backup;
mod error;
mod ignored_signals;
mod new_directories;
pub(crate) mod owners;
pub(crate) mod profile;
pub(crate) mod program_path;
pub(crate) mod replace;
mod settings_file;
mod status_line;
mod summary;
#[cfg(test)]
mod tests;
mod warnings;

use std::collections::BTreeMap;
use std::io::{self, BufRead, Write};
use std::path::Path;
use std::thread;
use std::time::Duration;

use crewboard_agents::settings_edit::Entry;
use crewboard_agents::{Agent, Version};

use crate::arguments::InstallArguments;
use crate::confirmation;
use crate::environment::Environment;
pub(crate) use error::InstallError;
use ignored_signals::IgnoredSignals;
use profile::{BackupKind, Change, NewContent, Profile};
use program_path::ProgramPath;
use replace::{Flush, OnStep};
use warnings::{Warning, warnings};

/// An agent that asks for no permission watches its settings files, so nothing needs to be restarted.
const RUNNING_SESSIONS: &str = "Running sessions appear at their next event.";

/// Installs the hooks in the settings of every profile.
pub(crate) fn run_install(
    arguments: &InstallArguments,
    environment: &Environment,
    out: &mut dyn Write,
    input: &mut dyn BufRead,
) -> Result<(), InstallError> {
    let out = &mut IgnoreClosed(out);
    let profiles = Profile::select(&arguments.agents, &arguments.config_dir, environment)?;
    let program = ProgramPath::find(environment)?;
    let registered = program.registered()?;
    let mut plans: BTreeMap<&str, HookPlan> = BTreeMap::new();
    let mut changes: Vec<Change> = Vec::new();
    for profile in &profiles {
        let agent = profile.agent;
        if !plans.contains_key(agent.name) {
            let plan = HookPlan::of(agent, registered, environment)?;
            print_untested(agent, plan.version, out)?;
            plans.insert(agent.name, plan);
        }
        let Some(HookPlan { version, entries }) = plans.get(agent.name) else { continue };
        let change = Change::of_install(profile, entries, environment.pause)?;
        print_warnings(&warnings(profile, change.after_text(), environment), out)?;
        if change.after.is_some() {
            print_unknown(agent, *version, out)?;
            push_unless_same_file(&mut changes, change);
        } else {
            writeln!(out, "{}: the hooks are already installed.", change.name)?;
        }
    }
    if let ProgramPath::Versioned(path) = &program {
        let path = path.display();
        writeln!(out, "warning: {path} is in a directory that an upgrade of its package replaces")?;
        writeln!(out, "  Run `crewboard install` again after each upgrade.")?;
    }
    let copy = match &program {
        ProgramPath::Temporary { from, to, place } if !program_path::is_copy(from, to) => {
            Some((from, to, place))
        }
        _ => None,
    };
    if let Some((from, to, place)) = copy {
        let replaced = if to.exists() { ", replacing the file there" } else { "" };
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
    if let Some((_, to, _)) = copy
        && changes.is_empty()
        && !arguments.yes
        && !arguments.dry_run
        && !environment.interactive
    {
        return Err(InstallError::CannotAskToCopy { to: to.clone(), replaces: to.exists() });
    }
    if !confirm(&changes, arguments, environment, summary::print_install, out, input)? {
        return Ok(());
    }
    let _ignored = IgnoredSignals::ignore();
    if let Some((from, to, _)) = copy {
        copy_program(from, to, environment, out)?;
    }
    let mut all_hooks_run = true;
    let mut installed = Vec::new();
    for change in changes {
        let profile = change.profile.clone();
        let Some(HookPlan { entries, .. }) = plans.get(profile.agent.name) else { continue };
        let recompute = || Change::of_install(&profile, entries, environment.pause);
        let name = change.name.to_string();
        let applied = apply_change(change, recompute, environment.pause, &mut |_| {})?;
        let Some((change, backup)) = applied else {
            writeln!(out, "{name}: another process has just installed the hooks.")?;
            continue;
        };
        writeln!(out, "Installed {} hooks in {}.", entries.len(), change.name)?;
        print_kept_parts(&change, &backup, out)?;
        let warnings = warnings(&profile, change.after_text(), environment);
        all_hooks_run &= warnings.is_empty();
        print_warnings(&warnings, out)?;
        for line in profile.agent.hooks.trust {
            writeln!(out, "  {line}")?;
        }
        installed.push(change);
    }
    let typed = program_path::typed(Path::new(registered), environment);
    if !installed.is_empty() && all_hooks_run {
        if installed.iter().any(|change| change.profile.agent.hooks.trust.is_empty()) {
            writeln!(out, "{RUNNING_SESSIONS} New ones appear when they start.")?;
        }
        writeln!(out, "Run `{typed}` to open the board.")?;
    }
    for change in installed.iter().filter(|change| change.profile.agent.hooks.is_settings_file) {
        let settings = &change.name.path;
        let project = environment.directory.as_deref();
        status_line::print_missing_usage(settings, change.after_text(), project, &typed, out)?;
    }
    Ok(())
}

/// The version of an agent, and the hooks that are registered with it.
struct HookPlan {
    version: Option<Version>,
    entries: Vec<Entry>,
}

impl HookPlan {
    fn of(agent: &Agent, program: &str, environment: &Environment) -> Result<Self, InstallError> {
        let version = agent_version::find(agent, environment);
        let entries = (agent.hooks.entries)(program, version);
        match version {
            Some(version) if entries.is_empty() => {
                Err(InstallError::NoHooks { agent: agent.title, version })
            }
            _ => Ok(Self { version, entries }),
        }
    }
}

/// The end of the note about a directory that is not in `$PATH`.
pub(crate) const NOT_ON_PATH: &str = " is not on your PATH";

/// Copies the program, and says if its directory is not on the path.
fn copy_program(
    from: &Path,
    to: &Path,
    environment: &Environment,
    out: &mut dyn Write,
) -> Result<(), InstallError> {
    program_path::copy_program(from, to)?;
    writeln!(out, "Copied this program to {}.", to.display())?;
    let directory = to.parent().unwrap_or(to);
    if !environment.path.iter().any(|entry| entry == directory) {
        writeln!(out, "note: {}{NOT_ON_PATH}", directory.display())?;
        writeln!(out, "  The hooks work. Add the directory to run `crewboard` by name.")?;
    }
    Ok(())
}

/// Prints what became of the status line and of the text before an install.
fn print_kept_parts(change: &Change, backup: &BackupKind, out: &mut dyn Write) -> io::Result<()> {
    if change.wraps_status_line() {
        writeln!(
            out,
            "  Your status line looks the same, and now also reports context, cost and rate limits."
        )?;
    }
    match backup {
        BackupKind::Original(path) => writeln!(out, "  Backup of the file: {}", path.display()),
        BackupKind::Older(path) => {
            writeln!(out, "  The file was empty. Backup of an older version: {}", path.display())
        }
        BackupKind::None => writeln!(out, "  The file is new."),
    }
}

/// Attempts to apply a change while other programs change the file. A program that writes a thousand times a second
/// leaves a gap that is long enough in one of a few attempts.
const MAX_ATTEMPTS: u32 = 60;

/// Attempts that flush the new file to disk (a few milliseconds) before it takes the name. Later attempts flush it
/// after.
const ATTEMPTS_WITH_FLUSH: u32 = 5;

/// The pause between two attempts is this fraction of the pause for a program that is writing.
const ATTEMPTS_PER_PAUSE: u32 = 20;

/// Applies a change. If another program has written the file since, computes the change again from the new text.
/// Returns the change that was applied, or `None` if another process has made it.
fn apply_change(
    mut change: Change,
    recompute: impl Fn() -> Result<Change, InstallError>,
    pause: Duration,
    on_step: OnStep<'_>,
) -> Result<Option<(Change, BackupKind)>, InstallError> {
    for attempt in 0..MAX_ATTEMPTS {
        let flush = if attempt < ATTEMPTS_WITH_FLUSH { Flush::Before } else { Flush::After };
        let backup = match change.apply(pause, flush, on_step) {
            Ok(backup) => Some(backup),
            Err(InstallError::Changed(_)) => {
                thread::sleep(pause / ATTEMPTS_PER_PAUSE);
                None
            }
            Err(error) => return Err(error),
        };
        let next = recompute()?;
        if next.after.is_none() {
            next.remove_stale_mark();
            return Ok(backup.map(|backup| (change, backup)));
        }
        change = next;
    }
    Err(InstallError::Changed(change.name.path))
}

/// Prints a note if the version of an agent is not known.
fn print_unknown(agent: &Agent, version: Option<Version>, out: &mut dyn Write) -> io::Result<()> {
    let title = agent.title;
    match version {
        Some(_) => Ok(()),
        None => {
            writeln!(out, "{title} was not found or did not answer; assuming the latest version.")
        }
    }
}

/// Prints a note if an agent is newer than every version that Crewboard was tested with.
fn print_untested(agent: &Agent, version: Option<Version>, out: &mut dyn Write) -> io::Result<()> {
    let (title, tried) = (agent.title, agent.newest_tested);
    let Some(version) = version.filter(|version| *version > tried) else { return Ok(()) };
    writeln!(
        out,
        "{title} {version} is newer than {tried}, the newest version that Crewboard was tested with. \
         The hooks are registered as for {tried}."
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

/// Removes the hooks from the settings of every profile.
pub(crate) fn run_uninstall(
    arguments: &InstallArguments,
    environment: &Environment,
    out: &mut dyn Write,
    input: &mut dyn BufRead,
) -> Result<(), InstallError> {
    let out = &mut IgnoreClosed(out);
    let mut changes: Vec<Change> = Vec::new();
    for profile in Profile::select(&arguments.agents, &arguments.config_dir, environment)? {
        let change = Change::of_uninstall(&profile, environment.pause)?;
        if change.after.is_some() {
            push_unless_same_file(&mut changes, change);
        } else {
            writeln!(out, "{}: no Crewboard hooks found.", change.name)?;
            status_line::print_uninstalled_status_line(change.before(), change.after_text(), out)?;
        }
    }
    if changes.is_empty()
        || !confirm(&changes, arguments, environment, summary::print_uninstall, out, input)?
    {
        return Ok(());
    }
    let _ignored = IgnoredSignals::ignore();
    for change in changes {
        let profile = change.profile.clone();
        let recompute = || Change::of_uninstall(&profile, environment.pause);
        let name = change.name.to_string();
        let applied = apply_change(change, recompute, environment.pause, &mut |_| {})?;
        let Some((change, backup)) = applied else {
            writeln!(out, "{name}: another process has just removed the hooks.")?;
            continue;
        };
        match &change.after {
            Some(NewContent::Original(_)) => writeln!(out, "Restored {name}.")?,
            Some(NewContent::Removed) => {
                writeln!(out, "Removed {name}: it was created by install.")?;
            }
            Some(NewContent::Edited(_)) | None => {
                writeln!(out, "Removed the hooks from {name}; other changes were kept.")?;
            }
        }
        status_line::print_uninstalled_status_line(change.before(), change.after_text(), out)?;
        if let BackupKind::Original(path) = backup {
            writeln!(out, "  Backup of the file before install: {}", path.display())?;
        }
    }
    Ok(())
}

/// Ignores a closed output, so that the install is still completed.
struct IgnoreClosed<'a>(&'a mut dyn Write);

impl Write for IgnoreClosed<'_> {
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

/// Adds a change, unless another profile links to the same file.
fn push_unless_same_file(changes: &mut Vec<Change>, change: Change) {
    if !changes.iter().any(|other| other.writes_same_file(&change)) {
        changes.push(change);
    }
}

/// The longest diff that leaves the summary above it on the screen of a small terminal.
const MAX_LINES_IN_VIEW: usize = 15;

/// Shows the changes and asks the user. Repeats the summary below a long diff. Returns false in a dry run.
fn confirm(
    changes: &[Change],
    arguments: &InstallArguments,
    environment: &Environment,
    print_summary: fn(&Change, &mut dyn Write) -> io::Result<()>,
    out: &mut dyn Write,
    input: &mut dyn BufRead,
) -> Result<bool, InstallError> {
    if !arguments.yes && !arguments.dry_run && !environment.interactive {
        return Err(InstallError::CannotAsk);
    }
    if !arguments.dry_run {
        changes.iter().try_for_each(|change| change.check(environment))?;
    }
    let mut lines = 0;
    if arguments.dry_run || !arguments.yes {
        changes.iter().try_for_each(|change| print_summary(change, out))?;
        for change in changes {
            let name = change.name.to_string();
            writeln!(out)?;
            let diff = confirmation::diff(&name, change.before(), change.after_text());
            lines += diff.lines().count();
            out.write_all(diff.as_bytes())?;
        }
    }
    if arguments.dry_run || arguments.yes {
        return Ok(!arguments.dry_run);
    }
    if lines > MAX_LINES_IN_VIEW {
        writeln!(out)?;
        changes.iter().try_for_each(|change| print_summary(change, out))?;
    }
    let is_confirmed = confirmation::ask("Make this change?", out, input)?;
    if is_confirmed { Ok(true) } else { Err(InstallError::Declined) }
}
