//! The words of the command line, and nothing else.

use crate::commands::install::InstallArguments;
use crate::completing;
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
#[command(version, about, max_term_width = 100, after_help = EXIT_CODES, args_conflicts_with_subcommands = true)]
pub(crate) struct Arguments {
    /// Leaves the board after a jump, as for a popup of tmux
    #[arg(long)]
    pub(crate) once: bool,
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

const EXIT_CODES: &str = "\
Without a command, on a terminal: the board (press ? for its keys), which offers to install the hooks \
where there are none. ROW is a key, the beginning of a session id, a name, or a pane such as %7.

Exit codes: 0 success, 1 failure, 2 wrong usage; `wait` and `next` have more of their own.";

/// What names a session.
const ROW: &str =
    "The session: its key, its name, its pane (such as %7), or the beginning of its id";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Takes one event from an agent on standard input (this is what agents run)
    Hook {
        /// Which agent
        agent: String,
    },
    /// Is Claude Code's status line: tells the daemon what it is told, and runs your own command
    Statusline {
        /// What to run in its place: one word is a command line for the shell, several a program and its
        /// arguments (default: prints model, context, cost and limits)
        #[arg(last = true)]
        command: Vec<OsString>,
    },
    /// Shows all sessions, in the order in which they need you
    List {
        /// Prints a JSON array
        #[arg(long)]
        json: bool,
    },
    /// Follows the sessions, a line for each change
    Watch {
        /// Prints a JSON object a line
        #[arg(long)]
        json: bool,
    },
    /// Counts the sessions, as a line for a status bar
    Counts {
        /// For which status bar
        #[arg(long, value_enum, default_value_t = CountsFormat::Plain)]
        format: CountsFormat,
        /// Goes on, with a line for each change
        #[arg(long)]
        follow: bool,
    },
    /// Waits until sessions reach a status
    #[command(after_help = WAIT_CODES)]
    Wait(WaitArguments),
    /// Tells why a session has the status it has
    Explain {
        #[arg(help = ROW, add = ArgValueCandidates::new(completing::rows))]
        row: String,
        /// Prints JSON
        #[arg(long)]
        json: bool,
    },
    /// Shows a session's pane
    Jump {
        #[arg(help = ROW, add = ArgValueCandidates::new(completing::rows))]
        row: String,
    },
    /// Shows the pane of the session that has needed you longest
    #[command(after_help = "Exit codes: 0 success, 1 failure, 2 wrong usage, 5 nobody needs you.")]
    Next,
    /// Takes a closed session up again in a new pane, or here; comes to a background session
    Open {
        #[arg(help = ROW, add = ArgValueCandidates::new(completing::rows_to_open))]
        row: String,
    },
    /// Marks a session as seen: it no longer needs you for what it showed
    Seen {
        #[arg(help = ROW, add = ArgValueCandidates::new(completing::rows))]
        row: String,
    },
    /// Keeps a session on top of its like
    Pin {
        #[arg(help = ROW, add = ArgValueCandidates::new(completing::rows))]
        row: String,
        /// Takes the mark off again
        #[arg(long)]
        off: bool,
    },
    /// Quiets a session until its status changes, or for an hour
    Snooze {
        #[arg(help = ROW, add = ArgValueCandidates::new(completing::rows))]
        row: String,
        /// Takes the mark off again
        #[arg(long)]
        off: bool,
    },
    /// Hides a session until it next needs you
    Dismiss {
        #[arg(help = ROW, add = ArgValueCandidates::new(completing::rows))]
        row: String,
        /// Takes the mark off again
        #[arg(long)]
        off: bool,
    },
    /// Reports the status of an agent of your own
    Report(ReportArguments),
    /// Shows the board on a made-up hour of work; nothing of yours is touched
    Demo {
        #[command(flatten)]
        pace: PaceArguments,
    },
    /// Writes down what the daemon is told until Ctrl-C, without your words, for a bug report
    Record {
        /// Writes a new file (default: standard output)
        #[arg(long)]
        out: Option<PathBuf>,
        /// Keeps prompts, commands, messages, paths and names as they are
        #[arg(long)]
        keep_text: bool,
    },
    /// Plays a recording on a board of its own
    Replay {
        /// What `crewboard record` wrote
        file: PathBuf,
        #[command(flatten)]
        pace: PaceArguments,
    },
    /// Tries each way of telling you that a session needs you
    Notify {
        /// Tries them (without, the daemon's announcement is read from standard input)
        #[arg(long)]
        test: bool,
    },
    /// Stands for a recorded process
    #[command(hide = true)]
    Placeholder,
    /// Puts the hooks into the agents' user settings
    Install(InstallArguments),
    /// Takes the hooks out again
    Uninstall(InstallArguments),
    /// Starts, stops or describes the daemon (rarely needed: it comes and goes by itself)
    Daemon {
        #[command(subcommand)]
        action: Option<DaemonAction>,
    },
    /// Shows, writes and checks the configuration
    Config {
        #[command(subcommand)]
        action: Option<ConfigAction>,
    },
    /// Prints the manual page, for `man -l -`
    Man,
    /// Prints the completions for a shell
    Completions {
        /// For which shell
        shell: Shell,
    },
}

/// For which status bar.
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

/// How a recording is played.
#[derive(Debug, Args)]
pub(crate) struct PaceArguments {
    /// Plays this many times as fast
    #[arg(long, default_value_t = 1.0, value_parser = speed)]
    pub(crate) speed: f64,
    /// Opens no board; prints the rows at the end as a JSON array
    #[arg(long)]
    pub(crate) json: bool,
    /// Shows this moment (milliseconds from the start) and stays there
    #[arg(long, hide = true, allow_negative_numbers = true)]
    pub(crate) at: Option<i64>,
}

const WAIT_CODES: &str = "\
Exit codes: 0 reached, 1 no such row or failure, 2 wrong usage, 3 blocked on you instead (permission, \
question, plan, failed), 4 closed instead, 124 timed out.";

#[derive(Debug, Args)]
#[group(id = "which", required = true, multiple = false)]
pub(crate) struct WaitRows {
    #[arg(help = ROW, add = ArgValueCandidates::new(completing::rows))]
    pub(crate) row: Option<String>,
    /// Waits for the first session that reaches it
    #[arg(long)]
    pub(crate) any: bool,
    /// Waits for all sessions; the first that is blocked or closed ends it
    #[arg(long)]
    pub(crate) all: bool,
}

#[derive(Debug, Args)]
pub(crate) struct WaitArguments {
    #[command(flatten)]
    pub(crate) rows: WaitRows,
    /// Statuses, separated by commas, or needs-you
    #[arg(long, required = true, value_name = "STATUSES", value_delimiter = ',', value_parser = until)]
    #[arg(add = ArgValueCandidates::new(completing::goals))]
    pub(crate) until: Vec<Until>,
    /// Counts sessions that come later too
    #[arg(long)]
    pub(crate) new: bool,
    /// Gives up after this time, such as 90s, 30m or 2h
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub(crate) timeout: Option<Duration>,
}

/// What to wait for.
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
    /// An id of the session, unlike that of any other
    #[arg(long)]
    pub(crate) session: String,
    /// What it is in
    #[arg(long, value_enum)]
    pub(crate) status: ReportedStatus,
    /// What it does or asks for, in a line
    #[arg(long, default_value = "", hide_default_value = true)]
    pub(crate) activity: String,
    /// The whole question, plan or command, beside --activity or alone; or instead of it the error
    /// or last words
    #[arg(long, default_value = "", hide_default_value = true)]
    pub(crate) text: String,
    /// The process that is the session, one for each: its end closes the session. A script that
    /// reports several leaves it out, or names each job's own
    #[arg(long)]
    pub(crate) pid: Option<u32>,
    /// The directory it works in (default: this one)
    #[arg(long)]
    pub(crate) cwd: Option<PathBuf>,
}

/// The statuses, as words of the command line.
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
    /// Starts it, if it does not run
    Start,
    /// Stops it; open views start it again
    Stop,
    /// Stops it and starts it again
    Restart,
    /// Says whether it runs, and what it serves
    Status {
        /// Prints JSON
        #[arg(long)]
        json: bool,
    },
    /// Runs it here, in the foreground
    Run {
        /// Leaves after this time with nobody to serve (default: `CREWBOARD_IDLE_EXIT`, else what
        /// the configuration says)
        #[arg(long, value_name = "TIME", value_parser = duration)]
        idle_exit: Option<Duration>,
        /// The socket whose listener is standard input
        #[arg(long, hide = true)]
        adopt: Option<PathBuf>,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigAction {
    /// Prints where the configuration is looked for
    Path,
    /// Prints each value in force, and where it came from
    Show {
        /// Prints JSON
        #[arg(long)]
        json: bool,
    },
    /// Writes a file with every option and its default, all commented out; never over another
    Init,
    /// Lists all that is wrong with the configuration, or with another file
    Check {
        /// The other file
        file: Option<PathBuf>,
    },
}

/// Reads the process's words.
pub(crate) fn parse() -> Result<Arguments, clap::Error> {
    let colour = if why_no_screen().is_some() { ColorChoice::Never } else { ColorChoice::Auto };
    let matches = Arguments::command().color(colour).try_get_matches()?;
    Arguments::from_arg_matches(&matches).map_err(|error| error.format(&mut Arguments::command()))
}

/// The command line as data, for completions.
pub(crate) fn command() -> clap::Command {
    with_plain_paths(Arguments::command())
}

/// Lets every argument that is a path complete to plain paths only, whatever clap would offer.
fn with_plain_paths(command: clap::Command) -> clap::Command {
    let plain = |argument: clap::Arg| match argument.get_value_hint() {
        ValueHint::AnyPath | ValueHint::FilePath | ValueHint::DirPath => {
            argument.add(ArgValueCompleter::new(completing::PlainPaths))
        }
        _ => argument,
    };
    command.mut_args(plain).mut_subcommands(with_plain_paths)
}

fn speed(word: &str) -> Result<f64, String> {
    let speed = word.parse().ok().filter(|speed| (0.01..=1e6).contains(speed));
    speed.ok_or_else(|| "it must be a number from 0.01 to 1000000".to_owned())
}

fn until(word: &str) -> Result<Until, String> {
    if word == "needs-you" {
        return Ok(Until::NeedsYou);
    }
    Status::from_word(word).map(Until::Status).ok_or_else(|| {
        let words: Vec<&str> = Status::ALL.iter().map(|status| status.word()).collect();
        format!("it must be needs-you or one of {}", words.join(", "))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        command().debug_assert();
    }

    #[test]
    fn the_readme_names_every_command() {
        let readme = include_str!("../../../README.md");
        for command in command().get_subcommands().filter(|command| !command.is_hide_set()) {
            let name = command.get_name();
            assert!(readme.contains(&format!("| `crewboard {name}")), "{name}");
        }
    }
}
