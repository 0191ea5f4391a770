//! `crewboard uninstall`: removes the hooks, then stops the daemon and removes its files.

use crate::arguments::InstallArguments;
use crate::commands::install::profile::{InstallState, Profile};
use crate::commands::install::program_path::ProgramPath;
use crate::commands::install::run_uninstall;
use crate::confirmation;
use crate::daemon_client::daemon_locator;
use crate::daemon_stop::{StopResult, ask_to_stop, kill_hung_daemon};
use crate::environment::Environment;
use crate::failure::{Failure, without_error_number};
use crewboard_agents::{AGENTS, Agent};
use crewboard_client::DaemonLocator;
use crewboard_terminals::Command;
use std::io::{self, BufRead, Write};
use std::path::PathBuf;
use std::process::ExitCode;

/// Removes the hooks. Offers to stop the daemon unless the user named profiles, because other profiles may still use it, or
/// unless another agent has hooks.
pub(crate) fn run(arguments: &InstallArguments) -> Result<ExitCode, Failure> {
    let environment = Environment::of_process();
    let (out, input) = (&mut io::stdout().lock(), &mut io::stdin().lock());
    run_uninstall(arguments, &environment, out, input)?;
    if arguments.config_dir.is_empty() && !others_have_hooks(&arguments.agents, &environment) {
        remove_daemon(&daemon_locator()?, arguments, &environment, out, input)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Returns true if only `removed` were named, and the default profile of another agent has hooks of Crewboard.
fn others_have_hooks(removed: &[&'static Agent], environment: &Environment) -> bool {
    let is_other = |agent: &&Agent| removed.iter().all(|removed| removed.name != agent.name);
    !removed.is_empty()
        && AGENTS.into_iter().filter(is_other).any(|agent| {
            let profile = Profile::default_of(agent, environment);
            let state = profile.and_then(|profile| profile.install_state(None));
            state.is_ok_and(|state| state != InstallState::No)
        })
}

fn remove_daemon(
    daemon_locator: &DaemonLocator,
    arguments: &InstallArguments,
    environment: &Environment,
    out: &mut dyn Write,
    input: &mut dyn BufRead,
) -> Result<(), Failure> {
    let files = daemon_locator.files();
    if !files.is_empty() && may_remove(&files, arguments, environment, out, input)? {
        if let StopResult::Hung = ask_to_stop(daemon_locator)? {
            writeln!(out, "{}", kill_hung_daemon(daemon_locator)?)?;
        }
        let removed = daemon_locator.remove_files().map_err(|error| {
            let error = without_error_number(&error);
            Failure::new(format!("cannot remove the files of the daemon: {error}"))
        })?;
        if !removed {
            return Err(Failure::new("a daemon runs again, so its files are kept")
                .hint("close all boards and status bars, then run `crewboard uninstall` again"));
        }
        writeln!(out, "Stopped the daemon and removed its files.")?;
        writeln!(out, "  A board, status bar or key binding that still uses it starts it again.")?;
    }
    if let Some(program) = installed_program(environment).filter(|_| !arguments.dry_run) {
        writeln!(out, "To remove the program: rm {}", Command::quoted(&program))?;
    }
    Ok(())
}

/// Returns the path of the program, or of the copy that install made of it.
fn installed_program(environment: &Environment) -> Option<PathBuf> {
    ProgramPath::find(environment).ok().map(ProgramPath::existing)
}

/// Shows the daemon's files and asks the user. Returns false in a dry run.
fn may_remove(
    files: &[PathBuf],
    arguments: &InstallArguments,
    environment: &Environment,
    out: &mut dyn Write,
    input: &mut dyn BufRead,
) -> Result<bool, Failure> {
    let files: Vec<String> = files.iter().map(|file| file.display().to_string()).collect();
    let files = files.join("\n  ");
    if arguments.dry_run {
        writeln!(out, "Then the daemon is stopped and these files are removed:\n  {files}")?;
        return Ok(false);
    }
    if arguments.yes {
        return Ok(true);
    }
    if !environment.interactive {
        writeln!(out, "Pass --yes to also stop the daemon and remove its files.")?;
        return Ok(false);
    }
    writeln!(out, "The daemon has these files:\n  {files}")?;
    Ok(confirmation::ask("Stop the daemon and remove them?", out, input)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copy_that_install_made_is_named_for_removal() {
        let root = tempfile::tempdir().unwrap();
        let home = root.path().join("home");
        let built = PathBuf::from("/tmp/crewboard");
        let environment = Environment {
            home: Some(home.clone()),
            executable: Some(built.clone()),
            ..Environment::default()
        };
        assert_eq!(installed_program(&environment), Some(built));
        let copy = home.join(".local/bin/crewboard");
        std::fs::create_dir_all(home.join(".local/bin")).unwrap();
        std::fs::write(&copy, "").unwrap();
        assert_eq!(installed_program(&environment), Some(copy));
    }
}
