//! `crewboard` alone: the board.

use crate::commands::install::profile::{Installed, Profile};
use crate::commands::install::{InstallArguments, run_install};
use crate::commands::rendezvous;
use crate::configuration::Configured;
use crate::environment::Environment;
use crate::failure::Failure;
use crate::going::{Gone, Here, open_again, to_pane};
use crate::hook::Variables;
use crate::render::Style;
use crewboard_board::model::Hooks;
use crewboard_board::{DescribeVersion, Errand, Host, Options, Went};
use crewboard_client::Rendezvous;
use crewboard_core::Session;
use crewboard_integrations::agents::{Lookup as _, describe_version};
use crewboard_integrations::terminals::{Inside, Ring, ring};
use std::io;
use std::os::fd::{AsFd as _, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::process::ExitCode;
use std::sync::mpsc::{Receiver, channel};
use std::thread;

/// Opens the board on the terminal.
pub(crate) fn run(once: bool) -> Result<ExitCode, Failure> {
    let surroundings = crewboard_config::Environment::of_process();
    let (configured, options) = Configured::open(surroundings, Style::of_stdout().unicode);
    let environment = Environment::of_process();
    let mut surface = Surface { environment, configured, once, errand: None, here: None };
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
        Hooks::Needless
    }

    fn describe_version(&self) -> DescribeVersion {
        describe_version
    }

    fn change(&mut self) -> Result<String, String> {
        Err("this is a recording".to_owned())
    }

    fn install(&mut self) -> Result<String, String> {
        self.change()
    }

    fn set_out(&mut self, _errand: Errand, _row: &Session) -> Result<(), String> {
        Err("This is a recording: there is no pane to show.".to_owned())
    }
}

/// What the board knows nothing of: agents and their hooks, and files.
struct Surface {
    environment: Environment,
    configured: Configured,
    /// Whoever was taken to a session is done with the board.
    once: bool,
    errand: Option<Underway>,
    /// What is to be run on this terminal.
    here: Option<Here>,
}

/// An errand on its way: terminals may take seconds to answer, and the board does not wait for them.
struct Underway {
    result: Receiver<Result<Gone, Failure>>,
    /// At its end when there is a result, or never will be.
    over: UnixStream,
}

impl Underway {
    fn start(errand: impl FnOnce() -> Result<Gone, Failure> + Send + 'static) -> io::Result<Self> {
        let (over, end) = UnixStream::pair()?;
        let (sender, result) = channel();
        thread::Builder::new().spawn(move || {
            // Nobody is left to be told where the board has gone.
            let _ = sender.send(errand());
            drop(end);
        })?;
        Ok(Self { result, over })
    }
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

/// The warnings of what the install said, in a line: with them the hooks may be in place and yet not run.
fn warnings(said: &str) -> String {
    let mut warnings: Vec<String> = Vec::new();
    let mut is_warning = false;
    for line in said.lines() {
        let warning = line.strip_prefix("warning: ");
        let continues = is_warning && line.starts_with("  ");
        is_warning = warning.is_some() || continues;
        if is_warning {
            let line = warning.unwrap_or(line).trim().to_owned();
            // Install warns before and after it makes the change.
            if !warnings.contains(&line) {
                warnings.push(line);
            }
        }
    }
    warnings.join("; ")
}

impl Host for Surface {
    fn hooks(&mut self) -> Hooks {
        let profile = Profile::default_of(&self.environment);
        match profile.and_then(|profile| profile.installed(None)) {
            Ok(Installed::Yes { .. }) => Hooks::Installed,
            _ => Hooks::Missing,
        }
    }

    fn usual_profile(&self) -> Option<String> {
        let profile = Profile::default_of(&self.environment).ok()?;
        profile.directory.into_os_string().into_string().ok()
    }

    fn describe_version(&self) -> DescribeVersion {
        describe_version
    }

    fn change(&mut self) -> Result<String, String> {
        self.install_with(&InstallArguments { dry_run: true, ..InstallArguments::default() })
    }

    fn install(&mut self) -> Result<String, String> {
        let arguments = InstallArguments { yes: true, ..InstallArguments::default() };
        let warnings = warnings(&self.install_with(&arguments)?);
        if !warnings.is_empty() {
            return Ok(warnings);
        }
        Ok("The hooks are installed. Running sessions use them from their next event on."
            .to_owned())
    }

    fn set_out(&mut self, errand: Errand, row: &Session) -> Result<(), String> {
        let (row, environment) = (row.clone(), self.environment.clone());
        let underway = Underway::start(move || match errand {
            Errand::Jump => to_pane(&row),
            Errand::Open => open_again(&row, &environment),
        });
        self.errand = Some(underway.map_err(|error| error.to_string())?);
        Ok(())
    }

    fn errand_watch(&self) -> Option<BorrowedFd<'_>> {
        self.errand.as_ref().map(|errand| errand.over.as_fd())
    }

    fn errand_over(&mut self) -> Went {
        let result = self.errand.take().and_then(|errand| errand.result.recv().ok());
        match result {
            Some(Ok(Gone::There(said))) => Went::Well(said),
            Some(Ok(Gone::Here(here))) => {
                self.here = Some(here);
                Went::Here
            }
            Some(Err(failure)) => Went::Wrong(failure.in_a_line()),
            None => Went::Wrong("going there broke off".to_owned()),
        }
    }

    fn run_here(&mut self) -> Result<(), String> {
        let Some(here) = self.here.take() else { return Ok(()) };
        let program = here.command.words.first().cloned().unwrap_or_default();
        match here.process().status() {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => Err(format!("{program}: {status}")),
            Err(error) => Err(format!("{program}: {error}")),
        }
    }

    fn is_for_one_errand(&self) -> bool {
        self.once
    }

    fn options_watch(&self) -> Option<BorrowedFd<'_>> {
        self.configured.watch()
    }

    fn ring(&mut self, title: &str, text: &str) -> Vec<u8> {
        let way = match self.configured.ring().as_str() {
            "osc9" => Ring::Osc9,
            "osc777" => Ring::Osc777,
            "bell" => Ring::Bell,
            _ => return Vec::new(),
        };
        let inside = match (Variables.get("TMUX"), Variables.get("STY")) {
            (Some(_), _) => Inside::Tmux,
            (None, Some(_)) => Inside::Screen,
            (None, None) => Inside::Nothing,
        };
        ring(way, inside, title, text)
    }

    fn changed_options(&mut self) -> Option<Options> {
        self.configured.changed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_what_the_install_said_the_warnings_are_shown() {
        let said = "warning: Claude Code ignores all of /s.json, hooks included\n  \
                    line 1: a comment. It takes plain JSON only: correct that line.\n\
                    Installed 19 hooks in /s.json.\n  The file as it was: /s.json.bak\n\
                    warning: Claude Code ignores all of /s.json, hooks included\n";
        let expected = "Claude Code ignores all of /s.json, hooks included; \
                        line 1: a comment. It takes plain JSON only: correct that line.";
        assert_eq!(warnings(said), expected);
        assert_eq!(warnings("Installed 19 hooks in /s.json.\n  The file as it was: /b\n"), "");
    }
}
