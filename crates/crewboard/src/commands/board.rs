//! `crewboard` alone: the board.

use crate::commands::install::profile::{Installed, Profile};
use crate::commands::install::{InstallArguments, run_install};
use crate::commands::rendezvous;
use crate::configuration::Configured;
use crate::environment::Environment;
use crate::failure::Failure;
use crate::render::Style;
use crewboard_board::model::Hooks;
use crewboard_board::{Host, Options};
use crewboard_client::Rendezvous;
use std::io;
use std::os::fd::BorrowedFd;
use std::process::ExitCode;

/// Opens the board on the terminal.
pub(crate) fn run() -> Result<ExitCode, Failure> {
    let surroundings = crewboard_config::Environment::of_process();
    let (configured, options) = Configured::open(surroundings, Style::of_stdout().unicode);
    let mut surface = Surface { environment: Environment::of_process(), configured };
    crewboard_board::run(&rendezvous()?, &mut surface, options)
        .map_err(|error| Failure::new(error.to_string()))?;
    Ok(ExitCode::SUCCESS)
}

/// Opens the board on a recording that is being played.
pub(crate) fn run_on_stage(
    rendezvous: &Rendezvous,
    notice: Option<String>,
) -> Result<ExitCode, Failure> {
    let surroundings = crewboard_config::Environment::of_process();
    let (_, options) = Configured::open(surroundings, Style::of_stdout().unicode);
    let options = Options { notice: notice.or(options.notice), ..options };
    crewboard_board::run(rendezvous, &mut Nothing, options)
        .map_err(|error| Failure::new(error.to_string()))?;
    Ok(ExitCode::SUCCESS)
}

/// Round a recording there is nothing: no agent of the user's is asked or changed.
struct Nothing;

impl Host for Nothing {
    fn hooks(&mut self) -> Hooks {
        Hooks::Installed
    }

    fn change(&mut self) -> Result<String, String> {
        Err("this is a recording".to_owned())
    }

    fn install(&mut self) -> Result<String, String> {
        self.change()
    }
}

/// What the board knows nothing of: agents and their hooks, and files.
struct Surface {
    environment: Environment,
    configured: Configured,
}

impl Surface {
    /// Runs the install; what it said.
    fn install_with(&self, arguments: &InstallArguments) -> Result<String, String> {
        let mut said = Vec::new();
        let mut nobody = io::empty();
        let result = run_install(arguments, &self.environment, &mut said, &mut nobody);
        let said = String::from_utf8_lossy(&said).into_owned();
        result.map(|()| said).map_err(|error| error.to_string())
    }
}

impl Host for Surface {
    fn hooks(&mut self) -> Hooks {
        let profile = Profile::default_of(&self.environment);
        match profile.and_then(|profile| profile.installed(None)) {
            Ok(Installed::Yes { .. }) => Hooks::Installed,
            _ => Hooks::Missing,
        }
    }

    fn change(&mut self) -> Result<String, String> {
        self.install_with(&InstallArguments { dry_run: true, ..InstallArguments::default() })
    }

    fn install(&mut self) -> Result<String, String> {
        self.install_with(&InstallArguments { yes: true, ..InstallArguments::default() })?;
        Ok("The hooks are in place. Agents that run already show up with their next event."
            .to_owned())
    }

    fn options_watch(&self) -> Option<BorrowedFd<'_>> {
        self.configured.watch()
    }

    fn changed_options(&mut self) -> Option<Options> {
        self.configured.changed()
    }
}
