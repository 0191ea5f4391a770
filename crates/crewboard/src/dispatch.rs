//! Runs the command that the arguments name.

use crate::arguments::{Arguments, Command, ConfigAction, CountsFormat, PrintAction};
use crate::commands::setup::{self, snippets};
use crate::commands::{
    board, completions, config, counts, daemon, explain, install, jump, list, man, mark,
    notifications, notify, record, replay, report, run, uninstall, wait, watch,
};
use crate::environment::Environment;
use crate::failure::Failure;
use crate::render::why_no_screen;
use crate::status_line;
use crewboard_board::LayoutMode;
use crewboard_core::Mark;
use std::io::{self, IsTerminal as _, Write as _};
use std::process::ExitCode;

/// Runs the command and returns the process's exit code.
pub(crate) fn run(arguments: Arguments) -> Result<ExitCode, Failure> {
    let Some(command) = arguments.command else {
        return run_without_command(arguments.once, arguments.layout.map(Into::into));
    };
    match command {
        Command::List { format } => list::run(format.is_json()),
        Command::Watch { format } => watch::run(format.is_json()),
        Command::Counts { format, json, follow, windows } => {
            counts::run(if json { CountsFormat::Json } else { format }, follow, windows)
        }
        Command::Wait(wait) => wait::run(&wait),
        Command::Explain { row, format } => explain::run(&row, format.is_json()),
        Command::Jump { row } => jump::jump(&row),
        Command::Next { previous } => jump::next(previous),
        Command::Open { row } => jump::open(&row),
        Command::Seen { row } => mark::run(&row, |row| Mark::Seen { revision: row.revision }),
        Command::Pin { row, off } => mark::run(&row, |_| Mark::Pinned { on: !off }),
        Command::Snooze { row, time, off } => {
            let for_ms = time.map(|time| u64::try_from(time.as_millis()).unwrap_or(u64::MAX));
            mark::run(&row, |_| Mark::Snoozed { on: !off, for_ms })
        }
        Command::Dismiss { row, off } => {
            mark::run(&row, |row| Mark::Dismissed { on: !off, revision: row.revision })
        }
        Command::Forget { row } => mark::forget(&row),
        Command::Report(report) => report::run(report),
        Command::Run(arguments) => run::run(&arguments),
        Command::Install(install) => {
            let (out, input) = (&mut io::stdout().lock(), &mut io::stdin().lock());
            install::run_install(&install, &Environment::of_process(), out, input)?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Uninstall(install) => uninstall::run(&install),
        Command::Tmux { action } => setup::tmux(&action),
        Command::Zellij { action: PrintAction::Print } => setup::print(snippets::zellij),
        Command::Waybar { action: PrintAction::Print } => setup::print(snippets::waybar),
        Command::Starship { action: PrintAction::Print } => setup::print(snippets::starship),
        Command::Daemon { action } => daemon::run(action),
        Command::Config { action } => {
            let environment = crewboard_config::Environment::of_process();
            let action = action.unwrap_or(ConfigAction::Show { json: false });
            config::run(&action, &environment, &mut io::stdout().lock())
        }
        Command::Completions { shell } => completions::run(shell),
        Command::Demo { pace } => replay::demo(&pace),
        Command::Replay { file, pace } => replay::replay(&file, &pace),
        Command::Record { out, keep_text } => record::run(out.as_deref(), keep_text),
        Command::Man => man::run(),
        Command::Notifications { format } => notifications::run(format.is_json()),
        Command::Notify { test } => notify::run(test),
        Command::Placeholder => Ok(replay::placeholder()),
        Command::Statusline { command } => Ok(status_line::run(&command)),
        // `main` runs the hook before it parses any argument.
        Command::Hook { .. } => Ok(ExitCode::SUCCESS),
    }
}

/// Opens the board, or prints the list if only one side is a terminal, as in `crewboard | cat`. Prints nothing without a
/// terminal on both sides: if an agent starts `crewboard` by mistake, the output would become part of the model's context.
fn run_without_command(once: bool, layout_mode: Option<LayoutMode>) -> Result<ExitCode, Failure> {
    match (io::stdin().is_terminal(), io::stdout().is_terminal()) {
        (false, false) => return Ok(ExitCode::SUCCESS),
        (true, true) => {}
        _ => return list::run(false),
    }
    if let Some(why) = why_no_screen() {
        // The list is printed even if this warning cannot be.
        let _ = writeln!(
            io::stderr(),
            "crewboard: cannot show the board on this terminal ({why}); here is the list:"
        );
        return list::run(false);
    }
    board::run(once, layout_mode)
}
