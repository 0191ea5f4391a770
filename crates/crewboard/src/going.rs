//! From a row to its pane, or to its conversation taken up again: what the commands and the board share.

use crate::environment::Environment;
use crate::failure::Failure;
use crate::hook::Variables;
use crate::machine::{Machine, process_for};
use crewboard_core::{Session, Status};
use crewboard_integrations::agents::files::transcript_below;
use crewboard_integrations::agents::{Lookup as _, claude};
use crewboard_integrations::terminals::{
    Asker, Command, Opened, Opening, Reached, Target, Trouble, focus, open,
};
use crewboard_platform::{
    Part, folder_holding, host_name, local_directory, process_of, read_below, settled_directory,
};
use std::io;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process;

/// Folders of transcripts that are searched for one that is not where it was expected.
const MAX_FOLDERS: usize = 4096;
/// Bytes read of a transcript's beginning: the line that names the directory holds the whole first prompt.
const MAX_HEAD: u64 = 1024 * 1024;

/// Where somebody got.
#[derive(Debug)]
pub(crate) enum Gone {
    /// There; what is to be said of it.
    There(String),
    /// To a command that shows it on the terminal on which it is run.
    Here(Here),
}

/// A command for the terminal of whoever asks.
#[derive(Debug)]
pub(crate) struct Here {
    pub(crate) command: Command,
    /// Where it is to be run.
    pub(crate) directory: Option<PathBuf>,
    /// Holds what the command names.
    machine: Machine,
}

impl Here {
    /// What is to be run.
    pub(crate) fn process(&self) -> process::Command {
        let mut process = process_for(&self.command);
        if let Some(directory) = &self.directory {
            process.current_dir(directory);
        }
        process
    }

    /// Becomes the command. Returns only if that fails.
    pub(crate) fn become_it(&self) -> io::Error {
        match self.machine.hand_on() {
            Ok(()) => self.process().exec(),
            Err(error) => error,
        }
    }
}

/// Shows the pane of a row.
pub(crate) fn to_pane(row: &Session) -> Result<Gone, Failure> {
    let name = &row.name;
    let place = &row.place;
    if row.status == Status::Closed {
        return Err(Failure::new(format!("{name} is closed"))
            .hint(format!("`crewboard open {}` takes it up again", row.key)));
    }
    is_here(row)?;
    if let Some(job) = &row.job {
        let how = claude::attach_words(job).map(|words| format!(" (claude {})", words.join(" ")));
        return Err(Failure::new(format!("{name} is a background session, in no pane"))
            .hint(format!("`crewboard open {}` comes to it{}", row.key, how.unwrap_or_default())));
    }
    if let (None, Some(parent)) = (&place.terminal, &row.parent) {
        return Err(Failure::new(format!("{name} is run by another agent and has no pane"))
            .hint(format!("`crewboard jump {parent}` shows that one's")));
    }
    if place.terminal.is_none() && place.tty.is_none() && row.headless {
        return Err(Failure::new(format!("{name} runs without a terminal (headless)")));
    }
    let mut machine = Machine::patient();
    match focus(target_of(row), asker(), &mut machine) {
        Ok(Reached::Shown { note: Some(note) }) => Ok(Gone::There(format!("{name}: {note}"))),
        Ok(Reached::Shown { note: None }) => Ok(Gone::There(String::new())),
        Ok(Reached::Attach(command)) => {
            let why = format!("{name} is in a multiplexer that is on no terminal");
            here(&why, Here { command, directory: None, machine })
        }
        Err(trouble) => Err(failure(name, trouble)),
    }
}

/// Takes a closed row's conversation up again, or comes to a background session.
pub(crate) fn open_again(row: &Session, environment: &Environment) -> Result<Gone, Failure> {
    let (command, directory) = how_to_open(row, environment)?;
    let name = &row.name;
    let directory_text = directory.display().to_string();
    let opening = Opening { words: &command, directory: &directory_text };
    let mut machine = Machine::patient();
    match open(&opening, asker(), &mut machine) {
        Ok(Opened::In(terminal)) => {
            Ok(Gone::There(format!("{name} is in a new pane of {terminal}.")))
        }
        Ok(Opened::Here(command)) => {
            let directory = Some(directory);
            here(&format!("{name} needs a terminal"), Here { command, directory, machine })
        }
        Err(trouble) => Err(failure(name, trouble)),
    }
}

/// Returns the words of a command that opens a row, and the directory in which it is to run.
///
/// Acts only on how the daemon saw the row's process start and on what Claude Code itself wrote into the user's
/// profile. The directory and the profile that events name may be a trap: the settings in them start programs.
fn how_to_open(
    row: &Session,
    environment: &Environment,
) -> Result<(Vec<String>, PathBuf), Failure> {
    let usual = environment.home.as_ref().map(|home| settled_directory(&home.join(".claude")));
    let claimed = row.profile.as_ref().map(PathBuf::from);
    let profile = match &row.origin {
        Some(origin) => Some(origin.profile.as_ref().map(PathBuf::from)),
        None => (claimed.is_none() || claimed == usual).then_some(None),
    };
    let is_unusual = |profile: &PathBuf| Some(profile) != usual.as_ref();
    let profile = profile.map(|profile| profile.filter(is_unusual));
    let transcripts = profile.as_ref().and_then(|profile| profile.as_ref().or(usual.as_ref()));
    let transcript = transcripts.and_then(|profile| transcript_of(row, profile));
    // A closed session has no process to go by, but its conversation is here or is not.
    if row.status != Status::Closed || transcript.is_none() {
        is_here(row)?;
    }
    let name = &row.name;
    let is_there = |job: &&str| local_directory(Path::new(job)).is_some_and(|job| job.is_dir());
    let job = row.job.as_deref().filter(is_there);
    if row.status != Status::Closed && job.is_none() {
        return Err(Failure::new(format!("{name} is open"))
            .hint(format!("`crewboard jump {}` shows its pane", row.key)));
    }
    if row.agent.as_str() != claude::NAME {
        return Err(Failure::new(format!(
            "how {} takes a session up again is not known",
            row.agent
        )));
    }
    let words = match job {
        Some(job) => claude::attach_words(job),
        None => claude::resume_words(row.id.as_str()),
    };
    let words = words.ok_or_else(|| Failure::new(format!("{name} has no id of Claude Code's")))?;
    let profile = profile.ok_or_else(|| only_claimed(row, "profile", &words))?;
    let transcript = transcript.filter(|_| job.is_none());
    if job.is_none() && row.transcript.is_some() && transcript.is_none() {
        // Claude Code writes none before the first prompt (seen on 2.1.330).
        if row.prompt.is_none() && row.activity.is_none() {
            return Err(Failure::new(format!(
                "there is no transcript of {name}, so there is nothing to take up"
            )));
        }
        return Err(Failure::new(format!("what was said in {name} is gone (its transcript)")));
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
        // A background session has its own.
        _ if job.is_some() => {
            environment.home.clone().ok_or_else(|| Failure::new("there is no HOME"))?
        }
        Some(directory) => {
            let what = match directory.try_exists() {
                Ok(true) => "is no directory any more".to_owned(),
                Ok(false) => "is gone".to_owned(),
                Err(error) => format!("cannot be reached: {error}"),
            };
            return Err(Failure::new(format!("{} {what}", directory.display()))
                .hint("a session is taken up again in the directory in which it ran"));
        }
        None if row.cwd.is_some() => return Err(only_claimed(row, "directory", &words)),
        None => return Err(Failure::new(format!("where {name} ran is not known"))),
    };
    let program = environment.find_program("claude", &[]).ok_or_else(|| {
        Failure::new("there is no claude to be found").hint("it must be on the PATH")
    })?;
    let mut command = vec!["env".to_owned()];
    command.extend(profile_words(profile.as_deref()));
    let program = program.display().to_string();
    if program.contains('=') {
        // For `env` that would be one more variable.
        command.extend(["sh", "-c", "exec \"$0\" \"$@\""].map(str::to_owned));
    }
    command.push(program);
    command.extend(words);
    Ok((command, directory))
}

/// What tells where a conversation began.
#[derive(Debug)]
struct Transcript {
    /// The name of its folder.
    folder: Option<String>,
    /// Its first lines.
    head: Vec<u8>,
}

/// Finds the transcript of a conversation whose id is one of Claude Code's: where a hook named it below the
/// profile, else in any folder of that, for the folder's name need not follow from the session's directory.
fn transcript_of(row: &Session, profile: &Path) -> Option<Transcript> {
    let (agent, id) = (row.agent.as_str(), row.id.as_str());
    if id.contains('/') {
        return None;
    }
    let read = |[projects, folder, file]: [String; 3]| {
        let names = [&*projects, &*folder, &*file];
        let head = read_below(profile, &names, Part::Head { max: MAX_HEAD }).ok()?;
        Some(Transcript { folder: Some(folder), head })
    };
    let path = row.transcript.as_deref();
    let named = path.and_then(|path| transcript_below(agent, id, Some(path), None));
    let elsewhere = || {
        let file = format!("{id}.jsonl");
        let folder = folder_holding(&profile.join("projects"), &file, MAX_FOLDERS)?;
        read(["projects".to_owned(), folder, file])
    };
    named.and_then(read).or_else(elsewhere)
}

/// Refuses to act on what only events say of a row, and shows what a user may do who knows better.
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
    Failure::new(format!("the {what} of {} is only a claim of its events", row.name))
        .hint(format!("if you know that it is right: {line}"))
}

/// Words of `env` that choose the configuration directory: none is the usual one.
fn profile_words(profile: Option<&Path>) -> Vec<String> {
    match profile {
        Some(profile) => vec![format!("CLAUDE_CONFIG_DIR={}", profile.display())],
        None => vec!["-u".to_owned(), "CLAUDE_CONFIG_DIR".to_owned()],
    }
}

/// Fails where a row is of another machine, and says of which.
///
/// The name alone proves nothing: a machine can get another one while sessions run. A process that lives here
/// with that start time is the session's own.
fn is_here(row: &Session) -> Result<(), Failure> {
    let (own, host) = (host_name(), &row.place.host);
    if host.is_empty() || *host == own || target_of(row).pid.is_some() {
        return Ok(());
    }
    let (verb, what) = match row.status {
        Status::Closed => ("ran", "conversation"),
        _ => ("runs", "terminal"),
    };
    Err(Failure::new(format!("{} {verb} on {host}, and this is {own}", row.name))
        .hint(format!("its {what} is on that machine, or in that container")))
}

/// A command for this terminal, if there is one that may take it: multiplexers refuse to run in
/// one another, and a script has none.
fn here(why: &str, here: Here) -> Result<Gone, Failure> {
    let is_inside = ["TMUX", "STY", "ZELLIJ"].iter().any(|name| Variables.get(name).is_some());
    let program = here.command.words.first().map(String::as_str);
    let multiplexes = matches!(program, Some("tmux" | "screen" | "zellij"));
    if Environment::of_process().interactive && !(is_inside && multiplexes) {
        return Ok(Gone::Here(here));
    }
    let directory = here.directory.as_ref();
    let directory = directory.map(|path| format!("cd {} && ", Command::quoted(path)));
    let line =
        format!("{}{}", directory.unwrap_or_default(), here.machine.to_be_typed(&here.command));
    Err(Failure::new(why).hint(format!("in a terminal of its own: {line}")))
}

/// Returns a row's place and its process, if that still lives.
pub(crate) fn target_of(row: &Session) -> Target<'_> {
    let process = row.process().filter(|process| process_of(process.pid) == Some(*process));
    Target { place: &row.place, pid: process.map(|process| process.pid) }
}

pub(crate) fn asker() -> Asker<'static> {
    Asker { pid: std::process::id(), environment: &Variables }
}

fn failure(name: &str, trouble: Trouble) -> Failure {
    let failure = Failure::new(format!("{name} cannot be shown: {}", trouble.why));
    match trouble.hint {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crewboard_core::{AgentName, Origin, Place, RowKey, SessionId};

    fn row(change: impl FnOnce(&mut Session)) -> Session {
        let place = Place { host: host_name(), ..Place::default() };
        let (key, name) = (RowKey::new("kaaaa"), "shop".to_owned());
        let agent = AgentName::new("claude");
        let mut row = Session { key, name, agent, place, ..Session::default() };
        change(&mut row);
        row
    }

    fn said(gone: Result<Gone, Failure>) -> String {
        match gone {
            Ok(gone) => format!("{gone:?}"),
            Err(failure) => failure.in_a_line(),
        }
    }

    fn opened(row: &Session, environment: &Environment) -> String {
        match how_to_open(row, environment) {
            Ok((words, directory)) => format!("{} in {}", words.join(" "), directory.display()),
            Err(failure) => failure.in_a_line(),
        }
    }

    #[test]
    fn a_row_that_cannot_be_shown_says_why() {
        let job = Some("/home/dev/.claude/jobs/387c1190".to_owned());
        let rows = [
            row(|row| row.place.host = "far".to_owned()),
            row(|row| {
                row.place.host = "far".to_owned();
                row.pid = Some(std::process::id());
                row.pid_start = Some(1);
            }),
            row(|row| {
                // The name that this machine had before.
                row.place.host = "far".to_owned();
                let own = process_of(std::process::id()).unwrap();
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
        let said = rows.map(|row| said(to_pane(&row)).replace(&host_name(), "HOST")).join("\n");
        insta::assert_snapshot!(said, @"
        shop runs on far, and this is HOST; its terminal is on that machine, or in that container
        shop runs on far, and this is HOST; its terminal is on that machine, or in that container
        shop cannot be shown: it runs in no terminal that is known
        shop is closed; `crewboard open kaaaa` takes it up again
        shop is a background session, in no pane; `crewboard open kaaaa` comes to it (claude attach 387c1190)
        shop is run by another agent and has no pane; `crewboard jump kbbbb` shows that one's
        shop runs without a terminal (headless)
        shop cannot be shown: it runs in a terminal that takes no commands: look for /dev/pts/300; `tty` in a shell says which one it is
        shop cannot be shown: it runs in vscode, which has no command to show a tab
        shop cannot be shown: it runs in no terminal that is known
        ");
    }

    #[test]
    fn a_row_that_cannot_be_opened_says_why() {
        let home = tempfile::tempdir().unwrap();
        let cwd = home.path().display().to_string();
        let started_in = |cwd: &str| Some(Origin { cwd: Some(cwd.to_owned()), profile: None });
        let closed = |change: &dyn Fn(&mut Session)| {
            row(|row| {
                row.status = Status::Closed;
                row.id = SessionId::new("6cf7f83b");
                row.cwd = Some(cwd.clone());
                row.origin = started_in(&cwd);
                change(row);
            })
        };
        let rows = [
            row(|_| ()),
            closed(&|row| row.agent = AgentName::new("mybot")),
            closed(&|row| row.id = SessionId::new("--dangerously-skip-permissions")),
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
        let said = rows.map(|row| opened(&row, &environment)).join("\n");
        let said = said.replace(&cwd, "DIRECTORY").replace(&host_name(), "HOST");
        insta::assert_snapshot!(said, @"
        shop is open; `crewboard jump kaaaa` shows its pane
        how mybot takes a session up again is not known
        shop has no id of Claude Code's
        there is no transcript of shop, so there is nothing to take up
        what was said in shop is gone (its transcript)
        shop ran on far, and this is HOST; its conversation is on that machine, or in that container
        /nowhere is gone; a session is taken up again in the directory in which it ran
        /dev/null is no directory any more; a session is taken up again in the directory in which it ran
        where shop ran is not known
        the directory of shop is only a claim of its events; if you know that it is right: cd '/tmp/a b' && claude --resume 6cf7f83b
        the profile of shop is only a claim of its events; if you know that it is right: cd DIRECTORY && CLAUDE_CONFIG_DIR=/tmp/ws/trap claude --resume 6cf7f83b
        there is no claude to be found; it must be on the PATH
        ");
    }

    #[test]
    fn a_conversation_opens_where_it_began_whatever_its_folder() {
        let home = tempfile::tempdir().unwrap();
        let directory = home.path().join("shop");
        std::fs::create_dir(&directory).unwrap();
        let line = format!(r#"{{"type":"user","cwd":"{}"}}"#, directory.display());
        let profile = home.path().join(".claude");
        let environment = Environment { home: Some(home.path().into()), ..Environment::default() };
        for folder in ["named-by-the-user", "-an-older-clients-name-that-is-cut-an0ld"] {
            let folder = profile.join("projects").join(folder);
            std::fs::create_dir_all(&folder).unwrap();
            let transcript = folder.join("6cf7f83b.jsonl");
            std::fs::write(&transcript, &line).unwrap();
            for named in [Some(transcript.clone()), Some("/nowhere/6cf7f83b.jsonl".into()), None] {
                let closed = row(|row| {
                    row.status = Status::Closed;
                    row.id = SessionId::new("6cf7f83b");
                    // A Bash tool's `cd` led elsewhere.
                    row.cwd = Some("/nowhere/deep".to_owned());
                    // The name that this machine had before.
                    row.place.host = "far".to_owned();
                    row.transcript = named.map(|path| path.display().to_string());
                });
                let said = opened(&closed, &environment);
                assert_eq!(said, "there is no claude to be found; it must be on the PATH");
            }
            std::fs::remove_dir_all(&folder).unwrap();
        }
    }

    #[test]
    fn only_the_profile_of_the_process_is_used() {
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
                row.id = SessionId::new("6cf7f83b");
                (row.cwd, row.profile) = (at("trap"), claimed);
                row.origin = Some(Origin { profile: origin, cwd: at("work") });
            });
            let said = opened(&closed, &environment).replace(&at("").unwrap(), "HOME/");
            assert_eq!(said, format!("{words} --resume 6cf7f83b in HOME/work"));
        }
    }
}
