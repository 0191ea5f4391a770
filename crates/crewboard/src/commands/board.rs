//! `crewboard` alone: the board.

use crate::arguments::InstallArguments;
use crate::commands::install::profile::{Installed, Profile};
use crate::commands::install::run_install;
use crate::configuration::BoardConfig;
use crate::daemon_client::daemon_locator;
use crate::environment::Environment;
use crate::failure::Failure;
use crate::hook::ProcessVariables;
use crate::navigate::{Destination, TerminalCommand, jump_to_pane, open_session};
use crate::render::Style;
use crewboard_agents::{Variables as _, describe_version};
use crewboard_board::model::HookState;
use crewboard_board::{DescribeVersion, Host, Navigation, NavigationOutcome, Options};
use crewboard_client::DaemonLocator;
use crewboard_core::Session;
use crewboard_terminals::{BellKind, Multiplexer, bell_bytes};
use std::io;
use std::os::fd::{AsFd as _, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::process::ExitCode;
use std::sync::mpsc::{Receiver, channel};
use std::thread;

/// Opens the board on the terminal.
pub(crate) fn run(once: bool) -> Result<ExitCode, Failure> {
    let surroundings = crewboard_config::Environment::of_process();
    let (configured, options) = BoardConfig::open(surroundings, Style::of_stdout().unicode);
    let environment = Environment::of_process();
    let mut surface = Surface { environment, configured, once, errand: None, here: None };
    crewboard_board::run(&daemon_locator()?, &mut surface, options)
        .map_err(|error| Failure::new(error.to_string()))?;
    Ok(ExitCode::SUCCESS)
}

/// Opens the board on a recording that is being played.
pub(crate) fn run_on_sandbox(
    daemon_locator: &DaemonLocator,
    notice: Option<String>,
) -> Result<ExitCode, Failure> {
    let surroundings = crewboard_config::Environment::of_process();
    let (_, options) = BoardConfig::open(surroundings, Style::of_stdout().unicode);
    let options = Options { notice: notice.or(options.notice), ..options };
    crewboard_board::run(daemon_locator, &mut Nothing, options)
        .map_err(|error| Failure::new(error.to_string()))?;
    Ok(ExitCode::SUCCESS)
}

/// Round a recording there is nothing: no agent of the user's is asked or changed.
struct Nothing;

impl Host for Nothing {
    fn hooks(&mut self) -> HookState {
        HookState::NotApplicable
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

    fn set_out(&mut self, _errand: Navigation, _row: &Session) -> Result<(), String> {
        Err("This is a recording: there is no pane to show.".to_owned())
    }
}

/// What the board knows nothing of: agents and their hooks, and files.
struct Surface {
    environment: Environment,
    configured: BoardConfig,
    /// Whoever was taken to a session is done with the board.
    once: bool,
    errand: Option<Underway>,
    /// What is to be run on this terminal.
    here: Option<TerminalCommand>,
}

/// An errand on its way: terminals may take seconds to answer, and the board does not wait for them.
struct Underway {
    result: Receiver<Result<Destination, Failure>>,
    /// At its end when there is a result, or never will be.
    over: UnixStream,
}

impl Underway {
    fn start(
        errand: impl FnOnce() -> Result<Destination, Failure> + Send + 'static,
    ) -> io::Result<Self> {
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
    fn hooks(&mut self) -> HookState {
        let profile = Profile::default_of(&self.environment);
        match profile.and_then(|profile| profile.installed(None)) {
            Ok(Installed::Yes { .. }) => HookState::Installed,
            _ => HookState::Missing,
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

    fn set_out(&mut self, errand: Navigation, row: &Session) -> Result<(), String> {
        let (row, environment) = (row.clone(), self.environment.clone());
        let underway = Underway::start(move || match errand {
            Navigation::Jump => jump_to_pane(&row),
            Navigation::Open => open_session(&row, &environment),
        });
        self.errand = Some(underway.map_err(|error| error.to_string())?);
        Ok(())
    }

    fn errand_watch(&self) -> Option<BorrowedFd<'_>> {
        self.errand.as_ref().map(|errand| errand.over.as_fd())
    }

    fn errand_over(&mut self) -> NavigationOutcome {
        let result = self.errand.take().and_then(|errand| errand.result.recv().ok());
        match result {
            Some(Ok(Destination::Pane(note))) => NavigationOutcome::Shown(note),
            Some(Ok(Destination::ThisTerminal(here))) => {
                self.here = Some(here);
                NavigationOutcome::RunHere
            }
            Some(Err(failure)) => NavigationOutcome::Failed(failure.in_a_line()),
            None => NavigationOutcome::Failed("the jump was interrupted; try again".to_owned()),
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
            "osc9" => BellKind::Osc9,
            "osc777" => BellKind::Osc777,
            "bell" => BellKind::Bell,
            _ => return Vec::new(),
        };
        let inside = match (ProcessVariables.get("TMUX"), ProcessVariables.get("STY")) {
            (Some(_), _) => Multiplexer::Tmux,
            (None, Some(_)) => Multiplexer::Screen,
            (None, None) => Multiplexer::None,
        };
        bell_bytes(way, inside, title, text)
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
