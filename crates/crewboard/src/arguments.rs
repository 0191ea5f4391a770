//! The arguments of the command line. Help texts use the imperative, as clap's own texts do.

mod row_format;
mod wait;

use crate::completions;
use crate::help;
use crate::render::why_no_screen;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::{
    Args, ColorChoice, CommandFactory, FromArgMatches as _, Parser, Subcommand, ValueEnum,
    ValueHint,
};
use clap_complete::{ArgValueCandidates, ArgValueCompleter, Shell};
use crewboard_agents::{AGENTS, Agent, agent};
use crewboard_board::LayoutMode;
use crewboard_config::duration;
use crewboard_core::{MAX_SNOOZE_MS, Status};
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

pub(crate) use row_format::FormatArguments;
use wait::EXIT_CODES;
pub(crate) use wait::{Until, WaitArguments};

/// Show live what your coding agents are doing, and which one needs you
#[derive(Debug, Parser)]
#[command(version, about, max_term_width = 100, after_help = NOTES, args_conflicts_with_subcommands = true)]
pub(crate) struct Arguments {
    /// Quit the board after a jump (for tmux popups)
    #[arg(long)]
    pub(crate) once: bool,
    /// Form of the board [default: auto, or layout in the configuration]
    #[arg(long, value_enum, value_name = "FORM")]
    pub(crate) layout: Option<LayoutArgument>,
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

const NOTES: &str = "\
Run without a command to open the board (press ? for its keys). The board offers to install missing hooks. \
ROW is the key, the name, the title or the pane (such as %7) of a session, or the beginning of its id.

Exit codes: 0 success, 1 failure, 2 wrong usage; `wait` and `next` have further codes.";

const HOOK: &str = "\
`crewboard install` registers this command in the settings of the agent, which runs it at each event with a JSON \
object on standard input. It sends one line to the daemon, prints nothing, and always exits with 0 within 90 ms. To \
report an agent that has no hooks, use `crewboard report`.";

const ROW: &str = "Key, name, title or pane (such as %7) of a session, or the beginning of its id";

/// The commands. [`help`] has their order and groups.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Show the board with an hour of sample work, without your sessions and files
    Demo {
        #[command(flatten)]
        pace: PaceArguments,
    },
    /// List sessions, most urgent first
    List {
        #[command(flatten)]
        format: FormatArguments,
    },
    /// Print a line for each change of a session
    Watch {
        #[command(flatten)]
        format: FormatArguments,
    },
    /// Count sessions by status, as a line for a status bar
    Counts {
        /// Format of the line
        #[arg(long, value_enum, default_value_t = CountsFormat::Plain)]
        format: CountsFormat,
        /// Print JSON, the same as --format json
        #[arg(long, short, conflicts_with = "format")]
        json: bool,
        /// Keep running and print a line at each change
        #[arg(long)]
        follow: bool,
        /// Also set the option @crewboard of each tmux window to the shape of its most urgent session
        #[arg(long, requires = "follow")]
        windows: bool,
    },
    /// Explain why a session has its status
    Explain {
        #[arg(help = ROW, add = ArgValueCandidates::new(completions::rows))]
        row: String,
        #[command(flatten)]
        format: FormatArguments,
    },
    /// Show a session's pane
    Jump {
        #[arg(help = ROW, add = ArgValueCandidates::new(completions::rows))]
        row: String,
    },
    /// Show the pane of the session that has needed you longest, or of the next one
    ///
    /// If the pane in front of you is that of a session that needs you, show the next one. After the last comes the first.
    #[command(
        after_help = "Exit codes: 0 success, 1 failure, 2 wrong usage, 5 no session needs you."
    )]
    Next {
        /// Go back to the previous session that needs you
        #[arg(long)]
        previous: bool,
    },
    /// Resume a closed session in a new pane or here, or attach to a background session
    Open {
        #[arg(help = ROW, add = ArgValueCandidates::new(completions::rows_to_open))]
        row: String,
    },
    /// Mark a session as seen, so that it no longer needs you
    Seen {
        #[arg(help = ROW, add = ArgValueCandidates::new(completions::rows))]
        row: String,
    },
    /// Pin a session to the top of its group
    Pin {
        #[arg(help = ROW, add = ArgValueCandidates::new(completions::rows))]
        row: String,
        /// Remove the mark
        #[arg(long)]
        off: bool,
    },
    /// Snooze a session for a time or until its status changes
    Snooze {
        #[arg(help = ROW, add = ArgValueCandidates::new(completions::rows))]
        row: String,
        /// Time to snooze for, such as 30m or 2h, at most a week [default: 1h]
        #[arg(long = "for", value_name = "TIME", value_parser = snooze_time, conflicts_with = "off")]
        time: Option<Duration>,
        /// Remove the mark
        #[arg(long)]
        off: bool,
    },
    /// Hide a session until it needs you again
    Dismiss {
        #[arg(help = ROW, add = ArgValueCandidates::new(completions::rows))]
        row: String,
        /// Remove the mark
        #[arg(long)]
        off: bool,
    },
    /// Remove a closed or lost session from the list
    Forget {
        #[arg(help = ROW, add = ArgValueCandidates::new(completions::closed_rows))]
        row: String,
    },
    /// Install the hooks in the agents' user settings
    Install(InstallArguments),
    /// Remove the hooks from the agents' user settings, and the daemon's files
    Uninstall(InstallArguments),
    /// Put Crewboard into tmux: its status line, keys and focus
    Tmux {
        #[command(subcommand)]
        action: TmuxAction,
    },
    /// Print Crewboard's lines for zellij
    Zellij {
        #[command(subcommand)]
        action: PrintAction,
    },
    /// Print Crewboard's module for waybar
    Waybar {
        #[command(subcommand)]
        action: PrintAction,
    },
    /// Print Crewboard's module for starship
    Starship {
        #[command(subcommand)]
        action: PrintAction,
    },
    /// Show, create, edit or check the configuration
    Config {
        #[command(subcommand)]
        action: Option<ConfigAction>,
    },
    /// Test notifications
    Notify {
        /// Send a test notification in each configured way
        #[arg(long)]
        test: bool,
    },
    /// Print the last notifications, newest last
    Notifications {
        #[command(flatten)]
        format: FormatArguments,
    },
    /// Wait until sessions reach a status
    #[command(after_help = EXIT_CODES)]
    Wait(WaitArguments),
    /// Report the status of your own agent
    Report(ReportArguments),
    /// Run a program in this terminal, and show the status that it reports to the terminal
    #[command(after_help = RUN_NOTES)]
    Run(RunArguments),
    /// Record daemon events for a bug report, without your text, until Ctrl-C
    Record {
        /// New file to write [default: standard output]
        #[arg(long)]
        out: Option<PathBuf>,
        /// Keep prompts, commands, messages, paths and names
        #[arg(long)]
        keep_text: bool,
    },
    /// Play a recording on a separate board
    Replay {
        /// File written by `crewboard record`
        file: PathBuf,
        #[command(flatten)]
        pace: PaceArguments,
    },
    /// Start, stop or describe the daemon, which normally starts and exits by itself
    Daemon {
        #[command(subcommand)]
        action: Option<DaemonAction>,
    },
    /// Print the completion script of a shell
    Completions {
        /// Name of the shell
        shell: Shell,
    },
    /// Show the manual page on a terminal, or print its source
    Man,
    /// Represent a recorded process
    #[command(hide = true)]
    Placeholder,
    /// Read one event of an agent from standard input (agents run this)
    #[command(after_help = HOOK)]
    Hook {
        /// Name of the agent
        agent: String,
    },
    /// Send usage to the daemon, then run your own status line (Claude Code runs this)
    Statusline {
        /// Your own command: a single word is a shell command line, several words are a program and
        /// its arguments [default: print model, context, cost and limits]
        #[arg(last = true)]
        command: Vec<OsString>,
    },
}

/// Returns the parser of the name of an agent whose hooks can be installed.
fn agent_parser() -> impl TypedValueParser<Value = &'static Agent> {
    let values = AGENTS.iter().map(|agent| PossibleValue::new(agent.name).help(agent.title));
    let parser = PossibleValuesParser::new(values.collect::<Vec<_>>());
    // The parser accepts only names of the registry.
    parser.map(|name| agent(&name).unwrap_or(AGENTS[0]))
}

/// The arguments of `install` and `uninstall`.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct InstallArguments {
    /// Agents [default: all that are here]
    #[arg(value_parser = agent_parser(), value_name = "AGENT")]
    pub(crate) agents: Vec<&'static Agent>,
    /// Configuration directory of the agent; can be repeated [default: the directory that
    /// `$CLAUDE_CONFIG_DIR` or `$CODEX_HOME` names, or ~/.claude or ~/.codex]
    #[arg(long, value_name = "DIR")]
    pub(crate) config_dir: Vec<PathBuf>,
    /// Show the change without applying it
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Skip the confirmation
    #[arg(long, short)]
    pub(crate) yes: bool,
}

/// The form of the board.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LayoutArgument {
    /// A row for each session
    List,
    /// All sessions as chips in one line
    Strip,
    /// A strip in at most three lines, otherwise a list
    Auto,
}

impl From<LayoutArgument> for LayoutMode {
    fn from(argument: LayoutArgument) -> Self {
        match argument {
            LayoutArgument::List => Self::List,
            LayoutArgument::Strip => Self::Strip,
            LayoutArgument::Auto => Self::Auto,
        }
    }
}

/// The actions of `tmux`.
#[derive(Debug, Subcommand)]
pub(crate) enum TmuxAction {
    /// Print the lines
    Print,
    /// Add the lines to `~/.tmux.conf` or to `$XDG_CONFIG_HOME/tmux/tmux.conf`
    Install(ChangeArguments),
    /// Remove the lines
    Uninstall(ChangeArguments),
}

/// The action of `zellij`, `waybar` and `starship`.
#[derive(Debug, Clone, Copy, Subcommand)]
pub(crate) enum PrintAction {
    /// Print the lines
    Print,
}

/// The arguments of a command that changes a file.
#[derive(Debug, Clone, Copy, Default, Args)]
pub(crate) struct ChangeArguments {
    /// Show the change without applying it
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Skip the confirmation
    #[arg(long, short)]
    pub(crate) yes: bool,
}

/// The format of `counts`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum CountsFormat {
    /// `#()` in the status line of tmux, in the colours of the bar
    Tmux,
    /// The same with a colour for each status, for a dark bar
    TmuxColour,
    /// Input of `zellij pipe` for the plugin zjstatus
    Zellij,
    /// Custom module of waybar
    Waybar,
    /// Custom module of starship
    Starship,
    /// Shapes and numbers
    Plain,
    /// Title for a terminal without an open board
    Title,
    /// Status for a terminal that knows the Program Status Protocol
    Osc7501,
    /// JSON object
    Json,
}

/// The arguments of `demo` and `replay`.
#[derive(Debug, Args)]
pub(crate) struct PaceArguments {
    /// Playback speed
    #[arg(long, default_value_t = 1.0, value_parser = speed)]
    pub(crate) speed: f64,
    /// The format of the sessions at the end, which `--json` prints without a board.
    #[command(flatten)]
    pub(crate) format: FormatArguments,
    /// Show the board at this moment (milliseconds from the start) and pause
    #[arg(long, hide = true, allow_negative_numbers = true)]
    pub(crate) at: Option<i64>,
}

#[derive(Debug, Args)]
pub(crate) struct ReportArguments {
    /// Name of the agent
    #[arg(long)]
    pub(crate) agent: String,
    /// Unique id of the session
    #[arg(long)]
    pub(crate) session: String,
    /// Status to report
    #[arg(long, value_parser = reported_status())]
    pub(crate) status: Status,
    /// Current activity, or a summary of the prompt, in one line
    #[arg(long, default_value = "", hide_default_value = true)]
    pub(crate) activity: String,
    /// Full text of the prompt; or, without --activity, the error or the last message
    #[arg(long, default_value = "", hide_default_value = true)]
    pub(crate) text: String,
    /// Process id of the session, which closes when the process exits; omit it if one script
    /// reports several sessions
    #[arg(long, value_parser = process_id)]
    pub(crate) pid: Option<u32>,
    /// Working directory of the session [default: the current directory]
    #[arg(long)]
    pub(crate) cwd: Option<PathBuf>,
}

const RUN_NOTES: &str = "\
The program gets a terminal of its own inside this one. Without a terminal on standard input and output, `run` only \
starts the program. `run` ends as the program ends: with its exit code, or by its signal. Exit code 127 means that the \
program was not found, and 126 that it cannot be started.";

/// The arguments of `run`.
#[derive(Debug, Args)]
pub(crate) struct RunArguments {
    /// Name of the agent [default: the name of the program]
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// Print a shell alias that runs this program with `crewboard run`
    #[arg(long, value_name = "PROGRAM", conflicts_with_all = ["name", "words"])]
    pub(crate) print_alias: Option<String>,
    /// Program and its arguments
    #[arg(
        value_name = "PROGRAM",
        trailing_var_arg = true,
        allow_hyphen_values = true,
        required_unless_present = "print_alias"
    )]
    pub(crate) words: Vec<OsString>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum DaemonAction {
    /// Start the daemon if it is not running
    Start,
    /// Stop the daemon; an open board starts it again
    Stop {
        /// Skip the confirmation, which appears if the sessions would be lost
        #[arg(long, short)]
        yes: bool,
    },
    /// Stop the daemon and start it again
    Restart,
    /// Show if the daemon is running, with its sessions and clients
    Status {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Run the daemon in the foreground
    Run {
        /// Exit after this time without clients [default: `$CREWBOARD_IDLE_EXIT`, else the
        /// configuration]
        #[arg(long, value_name = "TIME", value_parser = duration)]
        idle_exit: Option<Duration>,
        /// Path of the socket that standard input listens on
        #[arg(long, hide = true)]
        adopt: Option<PathBuf>,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigAction {
    /// Print the path of the configuration file
    Path,
    /// Print each option with its value and the origin of the value
    Show {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Create a configuration file with every option commented out; never overwrite a file
    Init,
    /// Open the configuration in $VISUAL or $EDITOR, then check it
    Edit,
    /// List the problems of the configuration, or of another file
    Check {
        /// File to check
        file: Option<PathBuf>,
    },
}

/// Parses the process's arguments.
pub(crate) fn parse() -> Result<Arguments, clap::Error> {
    let colour = if why_no_screen().is_some() { ColorChoice::Never } else { ColorChoice::Auto };
    let command = help::with_groups(Arguments::command()).color(colour);
    let matches = command.try_get_matches()?;
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

/// Returns the parser of the statuses that `report` accepts.
fn reported_status() -> impl TypedValueParser<Value = Status> {
    PossibleValuesParser::new(Status::ALL.map(Status::word))
        .try_map(|word| Status::from_word(&word).ok_or("is not a status"))
}

fn snooze_time(word: &str) -> Result<Duration, String> {
    let time = duration(word)?;
    let most = Duration::from_millis(MAX_SNOOZE_MS);
    let is_valid = !time.is_zero() && time <= most;
    if is_valid { Ok(time) } else { Err("must be more than 0s and at most 168h".to_owned()) }
}

fn speed(word: &str) -> Result<f64, String> {
    let speed = word.parse().ok().filter(|speed| (0.01..=1e6).contains(speed));
    speed.ok_or_else(|| "must be a number from 0.01 to 1000000".to_owned())
}

fn process_id(word: &str) -> Result<u32, String> {
    let id = word.parse().ok().filter(|id| *id > 0);
    id.ok_or_else(|| "must be the number of a process, such as $$ in a shell".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn command_line_definition_is_consistent() {
        command().debug_assert();
    }

    #[test]
    fn commands_page_names_every_command() {
        let page = include_str!("../../../docs/commands.md");
        for command in command().get_subcommands().filter(|command| !command.is_hide_set()) {
            let name = command.get_name();
            assert!(page.contains(&format!("| `crewboard {name}")), "{name}");
        }
    }
}
