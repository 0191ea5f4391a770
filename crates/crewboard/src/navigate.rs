//! Jumps to a session's pane, resumes a closed session, and attaches to a background session. The commands and
//! the board share this.

use crate::command_runner::{CommandRunner, process_for};
use crate::environment::Environment;
use crate::failure::Failure;
use crate::hook::ProcessVariables;
use crewboard_agents::files::transcript_below;
use crewboard_agents::{Variables as _, claude};
use crewboard_core::{Session, Status};
use crewboard_platform::{
    Part, canonical_directory, directory_containing, find_process, host_name, local_directory,
    read_beneath,
};
use crewboard_terminals::{
    Caller, Command, FocusOutcome, NewPane, OpenOutcome, Target, TerminalError, focus, open,
};
use std::io;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process;

/// Folders searched for a transcript that is not at its expected path.
const MAX_FOLDERS: usize = 4096;
/// Bytes read from the beginning of a transcript: the line with the directory also holds the whole first prompt.
const MAX_HEAD: u64 = 1024 * 1024;

/// The place that shows a session after a jump, resume or attach.
#[derive(Debug)]
pub(crate) enum Destination {
    /// A pane, which is shown now. The text is a note for the user, or empty.
    Pane(String),
    /// The user's terminal, once it runs this command.
    ThisTerminal(TerminalCommand),
}

/// A command for the user's terminal.
#[derive(Debug)]
pub(crate) struct TerminalCommand {
    pub(crate) command: Command,
    /// The directory to run it in.
    pub(crate) directory: Option<PathBuf>,
    /// Keeps open the sockets that the command names.
    runner: CommandRunner,
}

impl TerminalCommand {
    /// Returns the process to spawn.
    pub(crate) fn process(&self) -> process::Command {
        let mut process = process_for(&self.command);
        if let Some(directory) = &self.directory {
            process.current_dir(directory);
        }
        process
    }

    /// Replaces this process with the command. Returns only if that fails.
    pub(crate) fn exec(&self) -> io::Error {
        match self.runner.keep_sockets_open() {
            Ok(()) => self.process().exec(),
            Err(error) => error,
        }
    }
}

/// Shows the pane of a session.
pub(crate) fn jump_to_pane(row: &Session) -> Result<Destination, Failure> {
    let name = &row.name;
    let place = &row.place;
    if row.status == Status::Closed {
        return Err(Failure::new(format!("{name} is closed"))
            .hint(format!("run `crewboard open {}` to resume it", row.key)));
    }
    check_is_on_this_host(row)?;
    if let Some(job) = &row.job {
        let command =
            claude::attach_words(job).map(|words| format!(" (claude {})", words.join(" ")));
        return Err(Failure::new(format!("{name} is a background session and has no pane")).hint(
            format!(
                "run `crewboard open {}` to attach to it{}",
                row.key,
                command.unwrap_or_default()
            ),
        ));
    }
    if let (None, Some(parent)) = (&place.terminal, &row.parent) {
        return Err(Failure::new(format!("{name} is run by another agent and has no pane"))
            .hint(format!("run `crewboard jump {parent}` to see the other agent")));
    }
    if place.terminal.is_none() && place.tty.is_none() && row.headless {
        return Err(Failure::new(format!("{name} runs without a terminal (headless)")));
    }
    let mut runner = CommandRunner::for_user();
    match focus(target_of(row), asker(), &mut runner) {
        Ok(FocusOutcome::Shown { note: Some(note) }) => {
            Ok(Destination::Pane(format!("{name}: {note}")))
        }
        Ok(FocusOutcome::Shown { note: None }) => Ok(Destination::Pane(String::new())),
        Ok(FocusOutcome::Attach(command)) => {
            let why = format!("no terminal is attached to the multiplexer of {name}");
            run_here(&why, TerminalCommand { command, directory: None, runner })
        }
        Err(trouble) => Err(failure(name, trouble)),
    }
}

/// Resumes a closed session, or attaches to a background session.
pub(crate) fn open_session(
    row: &Session,
    environment: &Environment,
) -> Result<Destination, Failure> {
    let (command, directory) = plan_open(row, environment)?;
    let name = &row.name;
    let directory_text = directory.display().to_string();
    let opening = NewPane { words: &command, directory: &directory_text };
    let mut runner = CommandRunner::for_user();
    match open(&opening, asker(), &mut runner) {
        Ok(OpenOutcome::InPane(terminal)) => {
            Ok(Destination::Pane(format!("{name} opened in a new pane of {terminal}")))
        }
        Ok(OpenOutcome::RunHere(command)) => {
            let directory = Some(directory);
            run_here(
                &format!("opening {name} needs a terminal"),
                TerminalCommand { command, directory, runner },
            )
        }
        Err(trouble) => Err(failure(name, trouble)),
    }
}

/// Returns the command that opens a session, and its directory.
///
/// Uses only evidence: how the daemon saw the process start, and the files that Claude Code wrote into the user's
/// profile. The directory and the profile in events are claims: they could be a trap, because settings in them start
/// programs.
fn plan_open(row: &Session, environment: &Environment) -> Result<(Vec<String>, PathBuf), Failure> {
    let default_profile =
        environment.home.as_ref().map(|home| canonical_directory(&home.join(".claude")));
    let claimed = row.profile.as_ref().map(PathBuf::from);
    let profile = match &row.origin {
        Some(origin) => Some(origin.profile.as_ref().map(PathBuf::from)),
        None => (claimed.is_none() || claimed == default_profile).then_some(None),
    };
    let is_not_default = |profile: &PathBuf| Some(profile) != default_profile.as_ref();
    let profile = profile.map(|profile| profile.filter(is_not_default));
    let transcripts =
        profile.as_ref().and_then(|profile| profile.as_ref().or(default_profile.as_ref()));
    let transcript = transcripts.and_then(|profile| transcript_of(row, profile));
    // A closed session has no process that shows its machine, but its transcript does.
    if row.status != Status::Closed || transcript.is_none() {
        check_is_on_this_host(row)?;
    }
    let name = &row.name;
    let exists = |job: &&str| local_directory(Path::new(job)).is_some_and(|job| job.is_dir());
    let job = row.job.as_deref().filter(exists);
    if row.status != Status::Closed && job.is_none() {
        return Err(Failure::new(format!("{name} is open"))
            .hint(format!("run `crewboard jump {}` to show its pane", row.key)));
    }
    if row.agent.as_str() != claude::NAME {
        return Err(Failure::new(format!("resuming {} sessions is not supported", row.agent)));
    }
    let words = match job {
        Some(job) => claude::attach_words(job),
        None => claude::resume_words(row.id.as_str()),
    };
    let words =
        words.ok_or_else(|| Failure::new(format!("{name} has no Claude Code session id")))?;
    let profile = profile.ok_or_else(|| only_claimed(row, "profile", &words))?;
    let transcript = transcript.filter(|_| job.is_none());
    if job.is_none() && row.transcript.is_some() && transcript.is_none() {
        // Claude Code writes no transcript before the first prompt (seen on 2.1.330).
        if row.prompt.is_none() && row.activity.is_none() {
            return Err(Failure::new(format!(
                "{name} has no transcript, so there is nothing to resume"
            )));
        }
        return Err(Failure::new(format!("cannot resume {name}: its transcript is missing")));
    }
    let started_in = row.origin.as_ref().and_then(|origin| origin.cwd.as_deref()).map(Path::new);
    let (folder, head) = match &transcript {
        Some(Transcript { folder, head }) => (folder.as_deref(), &**head),
        None => (None, &b""[..]),
    };
    let began_in = match started_in {
        Some(directory) => Some(claude::resume_directory(directory, folder, head)),
        None => claude::directory_in(head, folder),
    };
    let directory = match began_in {
        Some(directory) if directory.is_dir() => directory,
        // A background session keeps its own directory.
        _ if job.is_some() => {
            environment.home.clone().ok_or_else(|| Failure::new("HOME is not set"))?
        }
        Some(directory) => {
            let what = match directory.try_exists() {
                Ok(true) => "is no longer a directory".to_owned(),
                Ok(false) => "no longer exists".to_owned(),
                Err(error) => format!("cannot be reached: {error}"),
            };
            return Err(Failure::new(format!("{} {what}", directory.display()))
                .hint("a session is resumed in the directory in which it ran"));
        }
        None if row.cwd.is_some() => return Err(only_claimed(row, "directory", &words)),
        None => return Err(Failure::new(format!("the directory of {name} is unknown"))),
    };
    let program = environment.find_program("claude", &[]).ok_or_else(|| {
        Failure::new("cannot find `claude`").hint("add its directory to your PATH")
    })?;
    let mut command = vec!["env".to_owned()];
    command.extend(profile_words(profile.as_deref()));
    let program = program.display().to_string();
    if program.contains('=') {
        // `env` would read the program as one more variable.
        command.extend(["sh", "-c", "exec \"$0\" \"$@\""].map(str::to_owned));
    }
    command.push(program);
    command.extend(words);
    Ok((command, directory))
}

/// The parts of a transcript that show where the conversation began.
#[derive(Debug)]
struct Transcript {
    /// The name of the folder with the transcript.
    folder: Option<String>,
    /// Its first lines.
    head: Vec<u8>,
}

/// Finds the transcript of a session below the profile: at the path that a hook reported, else in any folder,
/// because the folder's name need not match the session's directory.
fn transcript_of(row: &Session, profile: &Path) -> Option<Transcript> {
    let (agent, id) = (row.agent.as_str(), row.id.as_str());
    if id.contains('/') {
        return None;
    }
    let read = |[projects, folder, file]: [String; 3]| {
        let names = [&*projects, &*folder, &*file];
        let head = read_beneath(profile, &names, Part::Head { max: MAX_HEAD }).ok()?;
        Some(Transcript { folder: Some(folder), head })
    };
    let path = row.transcript.as_deref();
    let named = path.and_then(|path| transcript_below(agent, id, Some(path), None));
    let in_other_folder = || {
        let file = format!("{id}.jsonl");
        let folder = directory_containing(&profile.join("projects"), &file, MAX_FOLDERS)?;
        read(["projects".to_owned(), folder, file])
    };
    named.and_then(read).or_else(in_other_folder)
}

/// Returns the failure for a session whose `what` is only a claim, with the command for a user who trusts it.
fn only_claimed(row: &Session, what: &str, words: &[String]) -> Failure {
    let profile = profile_words(row.profile.as_deref().map(Path::new));
    let variables = profile.iter().filter(|word| word.contains('='));
    let variables = variables.filter_map(|word| word.split_once('='));
    let command = Command {
        words: std::iter::once("claude".to_owned()).chain(words.iter().cloned()).collect(),
        variables: variables.map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
    };
    let directory =
        row.cwd.as_ref().map(|cwd| format!("cd {} && ", Command::quoted(Path::new(cwd))));
    let line = format!("{}{command}", directory.unwrap_or_default());
    Failure::new(format!("the {what} of {} is only a claim in its events", row.name))
        .hint(format!("if you trust it, run: {line}"))
}

/// Returns the arguments of `env` that select the profile; `None` selects the default one.
fn profile_words(profile: Option<&Path>) -> Vec<String> {
    match profile {
        Some(profile) => vec![format!("CLAUDE_CONFIG_DIR={}", profile.display())],
        None => vec!["-u".to_owned(), "CLAUDE_CONFIG_DIR".to_owned()],
    }
}

/// Fails if a session is on another machine, and names it.
///
/// The host name alone is no proof, because it can change while sessions run. A live process with the session's
/// process id and start time is the session's own.
fn check_is_on_this_host(row: &Session) -> Result<(), Failure> {
    let (own, host) = (host_name(), &row.place.host);
    if host.is_empty() || *host == own || target_of(row).pid.is_some() {
        return Ok(());
    }
    let (verb, what) = match row.status {
        Status::Closed => ("ran", "conversation"),
        _ => ("runs", "terminal"),
    };
    Err(Failure::new(format!("{} {verb} on {host}, but this is {own}", row.name))
        .hint(format!("its {what} is on that machine or in that container")))
}

/// Returns a command for the user's terminal. Fails without a terminal, and for a multiplexer inside another one,
/// which multiplexers refuse.
fn run_here(why: &str, terminal_command: TerminalCommand) -> Result<Destination, Failure> {
    let is_inside =
        ["TMUX", "STY", "ZELLIJ"].iter().any(|name| ProcessVariables.get(name).is_some());
    let program = terminal_command.command.words.first().map(String::as_str);
    let is_multiplexer = matches!(program, Some("tmux" | "screen" | "zellij"));
    if Environment::of_process().interactive && !(is_inside && is_multiplexer) {
        return Ok(Destination::ThisTerminal(terminal_command));
    }
    let directory = terminal_command.directory.as_ref();
    let directory = directory.map(|path| format!("cd {} && ", Command::quoted(path)));
    let line = format!(
        "{}{}",
        directory.unwrap_or_default(),
        terminal_command.runner.as_typed_by_user(&terminal_command.command)
    );
    Err(Failure::new(why).hint(format!("run in another terminal: {line}")))
}

/// Returns a session's place and its process, if that is still alive.
pub(crate) fn target_of(row: &Session) -> Target<'_> {
    let process = row.process().filter(|process| find_process(process.pid) == Some(*process));
    Target { place: &row.place, pid: process.map(|process| process.pid) }
}

/// Returns this process as the asker, for questions to terminals.
pub(crate) fn asker() -> Caller<'static> {
    Caller { pid: std::process::id(), environment: &ProcessVariables }
}

fn failure(name: &str, trouble: TerminalError) -> Failure {
    let failure = Failure::new(format!("cannot show {name}: {}", trouble.why));
    match trouble.hint {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crewboard_core::{AgentName, ConversationId, Origin, Place, RowKey};

    fn row(change: impl FnOnce(&mut Session)) -> Session {
        let place = Place { host: host_name(), ..Place::default() };
        let (key, name) = (RowKey::new("kaaaa"), "shop".to_owned());
        let agent = AgentName::new("claude");
        let mut row = Session { key, name, agent, place, ..Session::default() };
        change(&mut row);
        row
    }

    fn text_of(result: Result<Destination, Failure>) -> String {
        match result {
            Ok(outcome) => format!("{outcome:?}"),
            Err(failure) => failure.in_a_line(),
        }
    }

    fn opened(row: &Session, environment: &Environment) -> String {
        match plan_open(row, environment) {
            Ok((words, directory)) => format!("{} in {}", words.join(" "), directory.display()),
            Err(failure) => failure.in_a_line(),
        }
    }

    #[test]
    fn jump_explains_why_it_cannot_show_a_session() {
        let job = Some("/home/dev/.claude/jobs/387c1190".to_owned());
        let rows = [
            row(|row| row.place.host = "far".to_owned()),
            row(|row| {
                row.place.host = "far".to_owned();
                row.pid = Some(std::process::id());
                row.pid_start = Some(1);
            }),
            row(|row| {
                // An earlier name of this machine.
                row.place.host = "far".to_owned();
                let own = find_process(std::process::id()).unwrap();
                (row.pid, row.pid_start) = (Some(own.pid), Some(own.start));
            }),
            row(|row| row.status = Status::Closed),
            row(|row| row.job = job),
            row(|row| row.parent = Some(RowKey::new("kbbbb"))),
            row(|row| row.headless = true),
            row(|row| row.place.tty = Some("/dev/pts/300".to_owned())),
            row(|row| row.place.terminal = Some("vscode".to_owned())),
            row(|_| ()),
        ];
        let text =
            rows.map(|row| text_of(jump_to_pane(&row)).replace(&host_name(), "HOST")).join("\n");
        insta::assert_snapshot!(text, @"
        shop runs on far, but this is HOST; its terminal is on that machine or in that container
        shop runs on far, but this is HOST; its terminal is on that machine or in that container
        cannot show shop: it runs in no terminal that is known
        shop is closed; run `crewboard open kaaaa` to resume it
        shop is a background session and has no pane; run `crewboard open kaaaa` to attach to it (claude attach 387c1190)
        shop is run by another agent and has no pane; run `crewboard jump kbbbb` to see the other agent
        shop runs without a terminal (headless)
        cannot show shop: it runs in a terminal that takes no commands: look for /dev/pts/300; `tty` in a shell says which one it is
        cannot show shop: it runs in vscode, which has no command to show a tab
        cannot show shop: it runs in no terminal that is known
        ");
    }

    #[test]
    fn open_explains_why_it_cannot_open_a_session() {
        let home = tempfile::tempdir().unwrap();
        let cwd = home.path().display().to_string();
        let started_in = |cwd: &str| Some(Origin { cwd: Some(cwd.to_owned()), profile: None });
        let closed = |change: &dyn Fn(&mut Session)| {
            row(|row| {
                row.status = Status::Closed;
                row.id = ConversationId::new("6cf7f83b");
                row.cwd = Some(cwd.clone());
                row.origin = started_in(&cwd);
                change(row);
            })
        };
        let rows = [
            row(|_| ()),
            closed(&|row| row.agent = AgentName::new("mybot")),
            closed(&|row| row.id = ConversationId::new("--dangerously-skip-permissions")),
            closed(&|row| row.transcript = Some("/nowhere/t.jsonl".to_owned())),
            closed(&|row| {
                row.transcript = Some("/nowhere/t.jsonl".to_owned());
                row.prompt = Some("add the orders migration".to_owned());
            }),
            closed(&|row| row.place.host = "far".to_owned()),
            closed(&|row| row.origin = started_in("/nowhere")),
            closed(&|row| row.origin = started_in("/dev/null")),
            closed(&|row| (row.cwd, row.origin) = (None, None)),
            closed(&|row| (row.cwd, row.origin) = (Some("/tmp/a b".to_owned()), None)),
            closed(&|row| (row.profile, row.origin) = (Some("/tmp/ws/trap".to_owned()), None)),
            closed(&|_| ()),
        ];
        let environment = Environment::default();
        let text = rows.map(|row| opened(&row, &environment)).join("\n");
        let text = text.replace(&cwd, "DIRECTORY").replace(&host_name(), "HOST");
        insta::assert_snapshot!(text, @"
        shop is open; run `crewboard jump kaaaa` to show its pane
        resuming mybot sessions is not supported
        shop has no Claude Code session id
        shop has no transcript, so there is nothing to resume
        cannot resume shop: its transcript is missing
        shop ran on far, but this is HOST; its conversation is on that machine or in that container
        /nowhere no longer exists; a session is resumed in the directory in which it ran
        /dev/null is no longer a directory; a session is resumed in the directory in which it ran
        the directory of shop is unknown
        the directory of shop is only a claim in its events; if you trust it, run: cd '/tmp/a b' && claude --resume 6cf7f83b
        the profile of shop is only a claim in its events; if you trust it, run: cd DIRECTORY && CLAUDE_CONFIG_DIR=/tmp/ws/trap claude --resume 6cf7f83b
        cannot find `claude`; add its directory to your PATH
        ");
    }

    #[test]
    fn open_finds_the_transcript_in_any_folder() {
        let home = tempfile::tempdir().unwrap();
        let directory = home.path().join("shop");
        std::fs::create_dir(&directory).unwrap();
        let line = format!(r#"{{"type":"user","cwd":"{}"}}"#, directory.display());
        let profile = home.path().join(".claude");
        let environment = Environment { home: Some(home.path().into()), ..Environment::default() };
        for folder in ["chosen-by-the-user", "-an-older-clients-name-that-is-cut-an0ld"] {
            let folder = profile.join("projects").join(folder);
            std::fs::create_dir_all(&folder).unwrap();
            let transcript = folder.join("6cf7f83b.jsonl");
            std::fs::write(&transcript, &line).unwrap();
            for named in [Some(transcript.clone()), Some("/nowhere/6cf7f83b.jsonl".into()), None] {
                let closed = row(|row| {
                    row.status = Status::Closed;
                    row.id = ConversationId::new("6cf7f83b");
                    // A Bash tool changed the directory.
                    row.cwd = Some("/nowhere/deep".to_owned());
                    // An earlier name of this machine.
                    row.place.host = "far".to_owned();
                    row.transcript = named.map(|path| path.display().to_string());
                });
                let text = opened(&closed, &environment);
                assert_eq!(text, "cannot find `claude`; add its directory to your PATH");
            }
            std::fs::remove_dir_all(&folder).unwrap();
        }
    }

    #[test]
    fn open_uses_only_the_profile_of_the_process() {
        let home = tempfile::tempdir().unwrap();
        let bin = home.path().join("bin");
        let work = home.path().join("work");
        for directory in [&bin, &work, &home.path().join(".claude")] {
            std::fs::create_dir(directory).unwrap();
        }
        let at = |name: &str| Some(home.path().join(name).display().to_string());
        std::fs::write(bin.join("claude"), "").unwrap();
        let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(bin.join("claude"), executable).unwrap();
        let environment = Environment {
            home: Some(home.path().into()),
            path: vec![bin],
            ..Environment::default()
        };
        for (claimed, origin, words) in [
            (at("trap"), at(".claude"), "env -u CLAUDE_CONFIG_DIR HOME/bin/claude"),
            (at("trap"), None, "env -u CLAUDE_CONFIG_DIR HOME/bin/claude"),
            (
                at("trap"),
                at(".claude-work"),
                "env CLAUDE_CONFIG_DIR=HOME/.claude-work HOME/bin/claude",
            ),
        ] {
            let closed = row(|row| {
                row.status = Status::Closed;
                row.id = ConversationId::new("6cf7f83b");
                (row.cwd, row.profile) = (at("trap"), claimed);
                row.origin = Some(Origin { profile: origin, cwd: at("work") });
            });
            let text = opened(&closed, &environment).replace(&at("").unwrap(), "HOME/");
            assert_eq!(text, format!("{words} --resume 6cf7f83b in HOME/work"));
        }
    }
}
