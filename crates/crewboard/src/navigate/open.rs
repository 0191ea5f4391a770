//! Resumes a closed session, or attaches to a background session.

use super::own_command::{Opening, own_commands, run_own_command};
use super::transcript::{Transcript, find_transcript};
use super::{
    Destination, TerminalCommand, cannot_show, check_is_on_this_host, run_here, this_caller,
};
use crate::command_runner::CommandRunner;
use crate::environment::Environment;
use crate::failure::{Failure, without_error_number};
use crewboard_agents::{Agent, agent, command_with_profile, profile_variables};
use crewboard_core::{Session, Status};
use crewboard_platform::{canonical_directory, local_directory};
use crewboard_terminals::{Command, NewPane, OpenOutcome, open};
use std::path::{Path, PathBuf};

/// Resumes a closed session, or attaches to a background session.
pub(crate) fn open_session(
    row: &Session,
    environment: &Environment,
) -> Result<Destination, Failure> {
    let OpenPlan { command, directory } = plan_open(row, environment)?;
    let name = &row.name;
    let (_, own) = own_commands();
    let run_own = |line: &str| {
        let line_to_run = Command { words: command.clone(), variables: Vec::new() }.to_string();
        let opening = Opening { line: line_to_run, directory: &directory };
        run_own_command("open", line, row, Some(&opening))
    };
    if let Some(line) = own.command.as_deref().filter(|_| own.always) {
        return run_own(line);
    }
    let directory_text = directory.display().to_string();
    let new_pane = NewPane { words: &command, directory: &directory_text };
    let mut runner = CommandRunner::for_user();
    match open(&new_pane, this_caller(), &mut runner) {
        Ok(OpenOutcome::InPane(terminal)) => {
            Ok(Destination::Pane(format!("{name} opened in a new pane of {terminal}")))
        }
        Ok(OpenOutcome::RunHere(_)) if own.command.is_some() => {
            run_own(own.command.as_deref().unwrap_or_default())
        }
        Ok(OpenOutcome::RunHere(command)) => {
            let directory = Some(directory);
            run_here(
                &format!("opening {name} needs a terminal"),
                TerminalCommand { command, directory, runner },
            )
        }
        Err(error) => Err(cannot_show(name, error)),
    }
}

/// A command that opens a session, and the directory to run it in.
struct OpenPlan {
    command: Vec<String>,
    directory: PathBuf,
}

/// Returns the command that opens a session.
///
/// Uses only evidence: how the daemon saw the process start, and the files that the agent wrote into the user's profile.
/// The directory and the profile in events are claims: they could be a trap, because settings in them start programs.
fn plan_open(row: &Session, environment: &Environment) -> Result<OpenPlan, Failure> {
    let name = &row.name;
    let agent = agent(row.agent.as_str())
        .ok_or_else(|| Failure::new(format!("resuming {} sessions is not supported", row.agent)));
    let directory = agent.as_ref().ok().map(|agent| agent.profile.directory);
    let default_profile = (environment.home.as_ref().zip(directory))
        .map(|(home, directory)| canonical_directory(&home.join(directory)));
    let profile = ProvenProfile::of(row, default_profile.as_deref());
    let transcript = profile
        .as_ref()
        .and_then(|profile| profile.other().or(default_profile.as_deref()))
        .and_then(|profile| find_transcript(row, profile));
    // A closed session has no process that shows its machine, but its transcript does.
    if row.status != Status::Closed || transcript.is_none() {
        check_is_on_this_host(row)?;
    }
    let exists = |job: &&str| local_directory(Path::new(job)).is_some_and(|job| job.is_dir());
    let job = row.job.as_deref().filter(exists);
    if row.status != Status::Closed && job.is_none() {
        return Err(Failure::new(format!("{name} is open"))
            .hint(format!("run `crewboard jump {}` to show its pane", row.key)));
    }
    let agent = agent?;
    let arguments = match job {
        Some(job) => (agent.resume.attach_arguments)(job),
        None => (agent.resume.arguments)(row.id.as_str()),
    };
    let arguments = arguments
        .ok_or_else(|| Failure::new(format!("{name} has no {} session id", agent.title)))?;
    let profile = profile.ok_or_else(|| only_claimed(row, agent, "profile", &arguments))?;
    let transcript = transcript.filter(|_| job.is_none());
    if job.is_none() && row.transcript.is_some() && transcript.is_none() {
        // Agents write no transcript before the first prompt (seen on Claude Code 2.1.330 and Codex 0.171.0).
        if row.user_prompt.is_none() && row.activity.is_none() {
            return Err(Failure::new(format!(
                "{name} has no transcript, so there is nothing to resume"
            )));
        }
        return Err(Failure::new(format!("cannot resume {name}: its transcript is missing")));
    }
    let directory = match first_directory(row, agent, transcript.as_ref()) {
        Some(directory) if directory.is_dir() => directory,
        // A background session keeps its own directory.
        _ if job.is_some() => environment.home.clone().ok_or_else(|| {
            Failure::new("HOME is not set").hint("set it to the path of your home directory")
        })?,
        Some(directory) => return Err(unusable_directory(&directory)),
        None if row.cwd.is_some() => return Err(only_claimed(row, agent, "directory", &arguments)),
        None => return Err(Failure::new(format!("the directory of {name} is unknown"))),
    };
    let program = environment.find_program(agent.name, &[]).ok_or_else(|| {
        Failure::new(format!("cannot find `{}`", agent.name)).hint("add its directory to your PATH")
    })?;
    let program = program.display().to_string();
    let command = command_with_profile(agent, &program, profile.other(), &arguments);
    Ok(OpenPlan { command, directory })
}

/// The profile of a session, shown by evidence.
enum ProvenProfile {
    Default,
    Other(PathBuf),
}

impl ProvenProfile {
    /// Returns the profile of a session, or `None` if only its events claim one.
    fn of(row: &Session, default_profile: Option<&Path>) -> Option<Self> {
        let claimed = row.profile.as_deref().map(Path::new);
        let started_with = match &row.origin {
            Some(origin) => origin.profile.as_deref().map(Path::new),
            // Without an origin, only the default profile needs no proof.
            None if claimed.is_none() || claimed == default_profile => None,
            None => return None,
        };
        let other = started_with.filter(|profile| Some(*profile) != default_profile);
        Some(other.map_or(Self::Default, |profile| Self::Other(profile.to_owned())))
    }

    /// Returns the directory of a profile that is not the default one.
    fn other(&self) -> Option<&Path> {
        match self {
            Self::Default => None,
            Self::Other(directory) => Some(directory),
        }
    }
}

/// Returns the directory in which the conversation began, from the start of its process and its transcript.
fn first_directory(
    row: &Session,
    agent: &Agent,
    transcript: Option<&Transcript>,
) -> Option<PathBuf> {
    let started_in = row.origin.as_ref().and_then(|origin| origin.cwd.as_deref());
    let (folder, head) = match transcript {
        Some(Transcript { folder, head }) => (Some(folder.as_str()), head.as_slice()),
        None => (None, &b""[..]),
    };
    (agent.resume.directory)(started_in.map(Path::new), folder, head)
}

/// Returns the failure for a directory that cannot be the working directory.
fn unusable_directory(directory: &Path) -> Failure {
    let what = match directory.try_exists() {
        Ok(true) => "is no longer a directory".to_owned(),
        Ok(false) => "no longer exists".to_owned(),
        Err(error) => format!("cannot be reached: {}", without_error_number(&error)),
    };
    Failure::new(format!("{} {what}", directory.display()))
        .hint("a session is resumed in the directory in which it ran")
}

/// Returns the failure for a session whose `what` is only a claim, with the command for a user who trusts it.
fn only_claimed(row: &Session, agent: &Agent, what: &str, arguments: &[String]) -> Failure {
    let command = Command {
        words: std::iter::once(agent.name.to_owned()).chain(arguments.iter().cloned()).collect(),
        variables: profile_variables(agent, row.profile.as_deref()),
    };
    let directory =
        row.cwd.as_ref().map(|cwd| format!("cd {} && ", Command::quoted(Path::new(cwd))));
    let line = format!("{}{command}", directory.unwrap_or_default());
    Failure::new(format!("the {what} of {} is only a claim in its events", row.name))
        .hint(format!("if you trust it, run: {line}"))
}

#[cfg(test)]
mod tests {
    use super::super::row_for_test as row;
    use super::*;
    use crewboard_core::{AgentName, ConversationId, Origin};
    use crewboard_platform::host_name;

    fn opened(row: &Session, environment: &Environment) -> String {
        match plan_open(row, environment) {
            Ok(OpenPlan { command, directory }) => {
                format!("{} in {}", command.join(" "), directory.display())
            }
            Err(failure) => failure.in_one_line(),
        }
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
                row.user_prompt = Some("add the orders migration".to_owned());
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
