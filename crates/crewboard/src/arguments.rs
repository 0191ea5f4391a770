//! The arguments of the command line.

use crate::completions;
use crate::render::why_no_screen;
use clap::{
    Args, ColorChoice, CommandFactory, FromArgMatches as _, Parser, Subcommand, ValueEnum,
    ValueHint,
};
use clap_complete::{ArgValueCandidates, ArgValueCompleter, Shell};
use crewboard_config::duration;
use crewboard_core::Status;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

/// Shows, live, what every coding agent in every terminal pane is doing, and which one needs you
#[derive(Debug, Parser)]
#[command(version, about, max_term_width = 100, after_help = NOTES, args_conflicts_with_subcommands = true)]
pub(crate) struct Arguments {
    /// Quits the board after a jump (for tmux popups)
    #[arg(long)]
    pub(crate) once: bool,
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

const NOTES: &str = "\
Run without a command to open the board (press ? for its keys); if hooks are missing, it offers to install \
them. ROW is a session's key, its name, its pane (such as %7), or the beginning of its id.

Exit codes: 0 success, 1 failure, 2 wrong usage; `wait` and `next` have further codes.";

const ROW: &str =
    "The session: its key, its name, its pane (such as %7), or the beginning of its id";

/// The commands, in the order of `--help`: commands for users first, commands for agents last.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Shows the board with a recorded hour of sample work; leaves your sessions and files alone
    Demo {
        #[command(flatten)]
        pace: PaceArguments,
    },
    /// Lists sessions, most urgent first
    List {
        /// Prints a JSON array
        #[arg(long)]
        json: bool,
    },
    /// Streams changes, one line each
    Watch {
        /// Prints one JSON object per line
        #[arg(long)]
        json: bool,
    },
    /// Counts sessions by status, as a line for a status bar
    Counts {
        /// The status bar to format the line for
        #[arg(long, value_enum, default_value_t = CountsFormat::Plain)]
        format: CountsFormat,
        /// Keeps running and prints a line at each change
        #[arg(long)]
        follow: bool,
    },
    /// Explains why a session has its status
    Explain {
        #[arg(help = ROW, add = ArgValueCandidates::new(completions::rows))]
        row: String,
        /// Prints JSON
        #[arg(long)]
        json: bool,
    },
    /// Shows a session's pane
    Jump {
        #[arg(help = ROW, add = ArgValueCandidates::new(completions::rows))]
        row: String,
    },
    /// Shows the pane of the session that has needed you longest
    #[command(
        after_help = "Exit codes: 0 success, 1 failure, 2 wrong usage, 5 no session needs you."
    )]
    Next,
    /// Resumes a closed session in a new pane or here; attaches to a background session
    Open {
        #[arg(help = ROW, add = ArgValueCandidates::new(completions::rows_to_open))]
        row: String,
    },
    /// Marks a session as seen, so that it no longer needs you
    Seen {
        #[arg(help = ROW, add = ArgValueCandidates::new(completions::rows))]
        row: String,
    },
    /// Pins a session to the top of its group
    Pin {
        #[arg(help = ROW, add = ArgValueCandidates::new(completions::rows))]
        row: String,
        /// Undoes the mark
        #[arg(long)]
        off: bool,
    },
    /// Snoozes a session for an hour or until its status changes
    Snooze {
        #[arg(help = ROW, add = ArgValueCandidates::new(completions::rows))]
        row: String,
        /// Undoes the mark
        #[arg(long)]
        off: bool,
    },
    /// Hides a session until it needs you again
    Dismiss {
        #[arg(help = ROW, add = ArgValueCandidates::new(completions::rows))]
        row: String,
        /// Undoes the mark
        #[arg(long)]
        off: bool,
    },
    /// Installs the hooks in the agents' user settings
    Install(InstallArguments),
    /// Removes the hooks
    Uninstall(InstallArguments),
    /// Shows, creates and checks the configuration
    Config {
        #[command(subcommand)]
        action: Option<ConfigAction>,
    },
    /// Tests notifications
    Notify {
        /// Sends a test notification (without it, reads the daemon's notification from standard input)
        #[arg(long)]
        test: bool,
    },
    /// Waits until sessions reach a status
    #[command(after_help = WAIT_CODES)]
    Wait(WaitArguments),
    /// Reports the status of your own agent
    Report(ReportArguments),
    /// Records daemon events until Ctrl-C, with your text removed, for a bug report
    Record {
        /// The new file to write (default: standard output)
        #[arg(long)]
        out: Option<PathBuf>,
        /// Keeps prompts, commands, messages, paths and names
        #[arg(long)]
        keep_text: bool,
    },
    /// Plays a recording on a separate board
    Replay {
        /// A file written by `crewboard record`
        file: PathBuf,
        #[command(flatten)]
        pace: PaceArguments,
    },
    /// Starts, stops or describes the daemon (rarely needed: it starts and exits by itself)
    Daemon {
        #[command(subcommand)]
        action: Option<DaemonAction>,
    },
    /// Prints the completion script of a shell
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Prints the manual page, for `man -l -`
    Man,
    /// Represents a recorded process
    #[command(hide = true)]
    Placeholder,
    /// Reads one event of an agent from standard input (agents run this)
    Hook {
        /// The agent
        agent: String,
    },
    /// Status-line command for Claude Code: forwards usage to the daemon, then runs yours
    Statusline {
        /// Your own status-line command: a single word is a shell command line, several words are a
        /// program and its arguments (default: prints model, context, cost and limits)
        #[arg(last = true)]
        command: Vec<OsString>,
    },
}

/// An agent whose hooks can be installed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Agent {
    /// Claude Code
    Claude,
}

/// The arguments of `install` and `uninstall`.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct InstallArguments {
    /// The agents [default: all]
    #[arg(value_enum, value_name = "AGENT")]
    pub(crate) agents: Vec<Agent>,
    /// The agent's configuration directory; can be repeated
    /// [default: `$CLAUDE_CONFIG_DIR` or ~/.claude]
    #[arg(long, value_name = "DIR")]
    pub(crate) config_dir: Vec<PathBuf>,
    /// Shows the change without applying it
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Skips the confirmation
    #[arg(long, short)]
    pub(crate) yes: bool,
}

/// The format of `counts`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum CountsFormat {
    /// `#()` in tmux's status line
    Tmux,
    /// Lines for `zellij pipe` and the plugin zjstatus
    Zellij,
    /// A custom module of waybar
    Waybar,
    /// A custom module of starship
    Starship,
    /// Shapes and numbers
    Plain,
    /// A JSON object
    Json,
}

/// How fast a recording is played, and how far.
#[derive(Debug, Args)]
pub(crate) struct PaceArguments {
    /// Playback speed
    #[arg(long, default_value_t = 1.0, value_parser = speed)]
    pub(crate) speed: f64,
    /// Prints the sessions at the end as a JSON array, without a board
    #[arg(long)]
    pub(crate) json: bool,
    /// Shows the board at this moment (milliseconds from the start) and pauses
    #[arg(long, hide = true, allow_negative_numbers = true)]
    pub(crate) at: Option<i64>,
}

const WAIT_CODES: &str = "\
Exit codes: 0 reached, 1 failure or no such session, 2 wrong usage, 3 the session needs you instead \
(permission, question, plan, failed), 4 it closed instead, 124 timed out.";

#[derive(Debug, Args)]
#[group(id = "which", required = true, multiple = false)]
pub(crate) struct WaitRows {
    #[arg(help = ROW, add = ArgValueCandidates::new(completions::rows))]
    pub(crate) row: Option<String>,
    /// Waits for the first session that reaches the status
    #[arg(long)]
    pub(crate) any: bool,
    /// Waits for all sessions; ends early if a session needs you or closes
    #[arg(long)]
    pub(crate) all: bool,
}

#[derive(Debug, Args)]
pub(crate) struct WaitArguments {
    #[command(flatten)]
    pub(crate) rows: WaitRows,
    /// Statuses, separated by commas, or needs-you
    #[arg(long, required = true, value_name = "STATUSES", value_delimiter = ',', value_parser = until)]
    #[arg(add = ArgValueCandidates::new(completions::goals))]
    pub(crate) until: Vec<Until>,
    /// Includes sessions that start later
    #[arg(long)]
    pub(crate) new: bool,
    /// Gives up after this time, such as 90s, 30m or 2h
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub(crate) timeout: Option<Duration>,
}

/// A goal of `wait`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Until {
    Status(Status),
    NeedsYou,
}

#[derive(Debug, Args)]
pub(crate) struct ReportArguments {
    /// The agent's name
    #[arg(long)]
    pub(crate) agent: String,
    /// A unique id of the session
    #[arg(long)]
    pub(crate) session: String,
    /// The status to report
    #[arg(long, value_enum)]
    pub(crate) status: ReportedStatus,
    /// One line: the current activity, or what the agent asks for
    #[arg(long, default_value = "", hide_default_value = true)]
    pub(crate) activity: String,
    /// The full question, plan or command (with or without --activity); or, without --activity, the
    /// error or the last message
    #[arg(long, default_value = "", hide_default_value = true)]
    pub(crate) text: String,
    /// Process ID of the session; the session closes when it exits. Omit it if one script reports
    /// several sessions
    #[arg(long)]
    pub(crate) pid: Option<u32>,
    /// The working directory (default: the current directory)
    #[arg(long)]
    pub(crate) cwd: Option<PathBuf>,
}

/// The statuses that `report` accepts.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum ReportedStatus {
    Working,
    Permission,
    Question,
    Plan,
    Failed,
    Done,
    Idle,
    Closed,
}

impl From<ReportedStatus> for Status {
    fn from(status: ReportedStatus) -> Self {
        match status {
            ReportedStatus::Working => Self::Working,
            ReportedStatus::Permission => Self::Permission,
            ReportedStatus::Question => Self::Question,
            ReportedStatus::Plan => Self::Plan,
            ReportedStatus::Failed => Self::Failed,
            ReportedStatus::Done => Self::Done,
            ReportedStatus::Idle => Self::Idle,
            ReportedStatus::Closed => Self::Closed,
        }
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum DaemonAction {
    /// Starts the daemon if it does not run
    Start,
    /// Stops the daemon; an open board starts it again
    Stop,
    /// Stops the daemon and starts it again
    Restart,
    /// Shows whether the daemon runs, and its sessions and clients
    Status {
        /// Prints JSON
        #[arg(long)]
        json: bool,
    },
    /// Runs the daemon in the foreground
    Run {
        /// Exits after this time without clients (default: `CREWBOARD_IDLE_EXIT`, else the
        /// configuration)
        #[arg(long, value_name = "TIME", value_parser = duration)]
        idle_exit: Option<Duration>,
        /// The path of the socket that standard input listens on
        #[arg(long, hide = true)]
        adopt: Option<PathBuf>,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigAction {
    /// Prints the path of the configuration file
    Path,
    /// Prints each option with its value and the origin of the value
    Show {
        /// Prints JSON
        #[arg(long)]
        json: bool,
    },
    /// Creates a file with every option and its default, all commented out; never overwrites a file
    Init,
    /// Lists the problems of the configuration, or of another file
    Check {
        /// The file to check
        file: Option<PathBuf>,
    },
}

/// Parses the process's arguments.
pub(crate) fn parse() -> Result<Arguments, clap::Error> {
    let colour = if why_no_screen().is_some() { ColorChoice::Never } else { ColorChoice::Auto };
    let matches = Arguments::command().color(colour).try_get_matches()?;
    Arguments::from_arg_matches(&matches).map_err(|error| error.format(&mut Arguments::command()))
}

/// Returns the command line's definition, for completions and the manual page.
pub(crate) fn command() -> clap::Command {
    with_plain_paths(Arguments::command())
}

/// Makes every path argument complete to plain paths only, instead of clap's candidates.
fn with_plain_paths(command: clap::Command) -> clap::Command {
    let plain = |argument: clap::Arg| match argument.get_value_hint() {
        ValueHint::AnyPath | ValueHint::FilePath | ValueHint::DirPath => {
            argument.add(ArgValueCompleter::new(completions::PlainPaths))
        }
        _ => argument,
    };
    command.mut_args(plain).mut_subcommands(with_plain_paths)
}

fn speed(word: &str) -> Result<f64, String> {
    let speed = word.parse().ok().filter(|speed| (0.01..=1e6).contains(speed));
    speed.ok_or_else(|| "must be a number from 0.01 to 1000000".to_owned())
}

fn until(word: &str) -> Result<Until, String> {
    if word == "needs-you" {
        return Ok(Until::NeedsYou);
    }
    Status::from_word(word).map(Until::Status).ok_or_else(|| {
        let words: Vec<&str> = Status::ALL.iter().map(|status| status.word()).collect();
        format!("must be needs-you or one of {}", words.join(", "))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn command_line_definition_is_consistent() {
        command().debug_assert();
    }

    #[test]
    fn help_lists_commands_of_agents_last() {
        let command = command();
        let names: Vec<&str> = command
            .get_subcommands()
            .filter(|command| !command.is_hide_set())
            .map(clap::Command::get_name)
            .collect();
        assert_eq!(names[..3], ["demo", "list", "watch"]);
        assert_eq!(names[names.len() - 2..], ["hook", "statusline"]);
    }

    #[test]
    fn readme_names_every_command() {
        let readme = include_str!("../../../README.md");
        for command in command().get_subcommands().filter(|command| !command.is_hide_set()) {
            let name = command.get_name();
            assert!(readme.contains(&format!("| `crewboard {name}")), "{name}");
        }
    }
}
