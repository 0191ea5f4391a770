//! `crewboard` without a command: the board.

use crate::arguments::InstallArguments;
use crate::commands::install::profile::{InstallState, Profile};
use crate::commands::install::program_path::{PROGRAM, typed};
use crate::commands::install::{NOT_ON_PATH, run_install};
use crate::configuration::BoardConfig;
use crate::daemon_client::daemon_locator;
use crate::environment::Environment;
use crate::failure::{Failure, without_error_number};
use crate::hook::ProcessVariables;
use crate::navigate::{Destination, TerminalCommand, jump_to_pane, open_session, read_screen};
use crate::render::Style;
use crewboard_agents::{
    AGENTS, Agent, Variables as _, describe_version, resume_command, short_model,
};
use crewboard_board::model::HookState;
use crewboard_board::{AgentText, Host, LayoutMode, Navigation, NavigationOutcome, Options};
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
pub(crate) fn run(
    quits_after_jump: bool,
    layout_mode: Option<LayoutMode>,
) -> Result<ExitCode, Failure> {
    let surroundings = crewboard_config::Environment::of_process();
    let (board_config, options) =
        BoardConfig::open(surroundings, Style::of_stdout().unicode, layout_mode);
    let environment = Environment::of_process();
    let mut host = LiveHost {
        environment,
        board_config,
        quits_after_jump,
        navigation: None,
        peek: None,
        terminal_command: None,
    };
    crewboard_board::run(&daemon_locator()?, &mut host, options)
        .map_err(|error| Failure::new(error.to_string()))?;
    Ok(ExitCode::SUCCESS)
}

/// Opens the board on a recording that is being played.
pub(crate) fn run_on_sandbox(
    daemon_locator: &DaemonLocator,
    notice: Option<String>,
) -> Result<ExitCode, Failure> {
    let surroundings = crewboard_config::Environment::of_process();
    let (_, options) = BoardConfig::open(surroundings, Style::of_stdout().unicode, None);
    let options = Options { notice: notice.or(options.notice), ..options };
    crewboard_board::run(daemon_locator, &mut RecordingHost, options)
        .map_err(|error| Failure::new(error.to_string()))?;
    Ok(ExitCode::SUCCESS)
}

/// The host of a board that shows a recording. It never reads or changes the user's agents.
struct RecordingHost;

impl Host for RecordingHost {
    fn hook_state(&mut self) -> HookState {
        HookState::NotApplicable
    }

    fn agent_text(&self) -> AgentText {
        AGENT_TEXT
    }

    fn preview_install(&mut self) -> Result<String, String> {
        Err("Not available in a demo or recording.".to_owned())
    }

    fn install(&mut self) -> Result<String, String> {
        self.preview_install()
    }

    fn start_peek(&mut self, _row: &Session) -> Result<(), String> {
        Err("This is a recording: there is no pane.".to_owned())
    }

    fn start_navigation(&mut self, _navigation: Navigation, _row: &Session) -> Result<(), String> {
        Err("This is a recording: there is no pane to show.".to_owned())
    }
}

pub(crate) const AGENT_TEXT: AgentText =
    AgentText { describe_version, short_model, resume_command };

/// The host of a board that shows live sessions.
struct LiveHost {
    environment: Environment,
    board_config: BoardConfig,
    quits_after_jump: bool,
    navigation: Option<Background<Destination>>,
    peek: Option<Background<Vec<String>>>,
    /// The command that [`NavigationOutcome::RunHere`] stands for.
    terminal_command: Option<TerminalCommand>,
}

/// Work with terminals on a thread of its own: they may take seconds to answer, and the board does not wait for them.
struct Background<T> {
    result: Receiver<Result<T, Failure>>,
    /// Reaches its end when the thread has ended.
    end: UnixStream,
}

impl<T: Send + 'static> Background<T> {
    fn start(work: impl FnOnce() -> Result<T, Failure> + Send + 'static) -> io::Result<Self> {
        let (end, thread_end) = UnixStream::pair()?;
        let (sender, result) = channel();
        thread::Builder::new().spawn(move || {
            // Fails if the board has quit.
            let _ = sender.send(work());
            drop(thread_end);
        })?;
        Ok(Self { result, end })
    }
}

impl LiveHost {
    /// Runs the install, and returns its output.
    fn install_with(&self, arguments: &InstallArguments) -> Result<String, String> {
        let mut output = Vec::new();
        let mut no_input = io::empty();
        let result = run_install(arguments, &self.environment, &mut output, &mut no_input);
        let output = String::from_utf8_lossy(&output).into_owned();
        result.map(|()| output).map_err(|error| Failure::from(error).in_one_line())
    }
}

/// Returns the result of an install in one line, from its output.
fn install_result(output: &str) -> String {
    let warnings = warnings(output);
    if !warnings.is_empty() {
        return format!("Hooks installed, but: {warnings}");
    }
    let missing = output.lines().find_map(|line| {
        line.strip_prefix("note: ").and_then(|note| note.strip_suffix(NOT_ON_PATH))
    });
    match missing {
        Some(directory) => {
            format!(
                "Hooks installed: sessions report each change from now on. Add {directory} to your PATH."
            )
        }
        None => "Hooks installed: sessions report each change from now on.".to_owned(),
    }
}

/// Returns the warnings in the output of an install, on one line. Despite installed hooks they can mean that no hook
/// runs.
fn warnings(output: &str) -> String {
    let mut warnings: Vec<String> = Vec::new();
    let mut is_warning = false;
    for line in output.lines() {
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

impl Host for LiveHost {
    fn hook_state(&mut self) -> HookState {
        let is_installed = |agent: &&'static Agent| {
            let profile = Profile::default_of(agent, &self.environment);
            let state = profile.and_then(|profile| profile.install_state(None));
            matches!(state, Ok(InstallState::Yes { .. }))
        };
        if AGENTS.iter().any(is_installed) { HookState::Installed } else { HookState::Missing }
    }

    fn program(&self) -> String {
        let program = self.environment.executable.as_deref();
        program.map_or_else(|| PROGRAM.to_owned(), |program| typed(program, &self.environment))
    }

    fn default_profile(&self) -> Option<String> {
        let profile = Profile::default_of(AGENTS[0], &self.environment).ok()?;
        profile.directory.into_os_string().into_string().ok()
    }

    fn agent_text(&self) -> AgentText {
        AGENT_TEXT
    }

    fn preview_install(&mut self) -> Result<String, String> {
        self.install_with(&InstallArguments { dry_run: true, ..InstallArguments::default() })
    }

    fn install(&mut self) -> Result<String, String> {
        let arguments = InstallArguments { yes: true, ..InstallArguments::default() };
        Ok(install_result(&self.install_with(&arguments)?))
    }

    fn start_navigation(&mut self, navigation: Navigation, row: &Session) -> Result<(), String> {
        let (row, environment) = (row.clone(), self.environment.clone());
        let running = Background::start(move || match navigation {
            Navigation::Jump => jump_to_pane(&row),
            Navigation::Open => open_session(&row, &environment),
        });
        self.navigation = Some(running.map_err(|error| without_error_number(&error))?);
        Ok(())
    }

    fn start_peek(&mut self, row: &Session) -> Result<(), String> {
        let row = row.clone();
        let running = Background::start(move || read_screen(&row));
        self.peek = Some(running.map_err(|error| without_error_number(&error))?);
        Ok(())
    }

    fn peek_watch(&self) -> Option<BorrowedFd<'_>> {
        self.peek.as_ref().map(|peek| peek.end.as_fd())
    }

    fn peek_outcome(&mut self) -> Result<Vec<String>, String> {
        match self.peek.take().and_then(|peek| peek.result.recv().ok()) {
            Some(result) => result.map_err(Failure::in_one_line),
            None => Err("Peek interrupted.".to_owned()),
        }
    }

    fn navigation_watch(&self) -> Option<BorrowedFd<'_>> {
        self.navigation.as_ref().map(|navigation| navigation.end.as_fd())
    }

    fn navigation_outcome(&mut self) -> NavigationOutcome {
        let result = self.navigation.take().and_then(|navigation| navigation.result.recv().ok());
        match result {
            Some(Ok(Destination::Pane(note))) => NavigationOutcome::Shown(note),
            Some(Ok(Destination::ThisTerminal(command))) => {
                self.terminal_command = Some(command);
                NavigationOutcome::RunHere
            }
            Some(Err(failure)) => NavigationOutcome::Failed(failure.in_one_line()),
            None => NavigationOutcome::Failed("Jump interrupted.".to_owned()),
        }
    }

    fn run_here(&mut self) -> Result<(), String> {
        let Some(terminal_command) = self.terminal_command.take() else { return Ok(()) };
        let program = terminal_command.command.words.first().cloned().unwrap_or_default();
        match terminal_command.process().status() {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => Err(format!("{program} failed: {status}")),
            Err(error) => Err(format!("cannot run {program}: {}", without_error_number(&error))),
        }
    }

    fn clipboard_hint(&self) -> &'static str {
        // tmux ignores the clipboard sequence of programs with its default, `external`.
        let is_tmux = ProcessVariables.get("TMUX").is_some();
        if is_tmux { " (tmux needs: set -g set-clipboard on)" } else { "" }
    }

    fn quits_after_jump(&self) -> bool {
        self.quits_after_jump
    }

    fn options_watch(&self) -> Option<BorrowedFd<'_>> {
        self.board_config.watch()
    }

    fn notification_bytes(&mut self, title: &str, text: &str) -> Vec<u8> {
        let bell = match self.board_config.ring().as_str() {
            "osc9" => BellKind::Osc9,
            "osc777" => BellKind::Osc777,
            "bell" => BellKind::Bell,
            _ => return Vec::new(),
        };
        let multiplexer = match (ProcessVariables.get("TMUX"), ProcessVariables.get("STY")) {
            (Some(_), _) => Multiplexer::Tmux,
            (None, Some(_)) => Multiplexer::Screen,
            (None, None) => Multiplexer::None,
        };
        bell_bytes(bell, multiplexer, title, text)
    }

    fn changed_options(&mut self) -> Option<Options> {
        self.board_config.changed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warnings_of_the_install_are_shown_once() {
        let output = "warning: Claude Code ignores all of /s.json, hooks included\n  \
                    line 1: a comment. It takes plain JSON only: correct that line.\n\
                    Installed 19 hooks in /s.json.\n  Backup of the file: /s.json.bak\n\
                    warning: Claude Code ignores all of /s.json, hooks included\n";
        let expected = "Claude Code ignores all of /s.json, hooks included; \
                        line 1: a comment. It takes plain JSON only: correct that line.";
        assert_eq!(warnings(output), expected);
        assert_eq!(install_result(output), format!("Hooks installed, but: {expected}"));
        let note = "note: /h/.local/bin is not on your PATH\n  The hooks work.\n";
        let installed = "Hooks installed: sessions report each change from now on.";
        let path = " Add /h/.local/bin to your PATH.";
        assert_eq!(install_result(note), format!("{installed}{path}"));
        assert_eq!(install_result("Installed 19 hooks in /s.json.\n"), installed);
        assert_eq!(warnings("Installed 19 hooks in /s.json.\n  Backup of the file: /b\n"), "");
    }
}
