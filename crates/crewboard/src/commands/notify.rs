//! `crewboard notify`: tells a person that sessions need them, and runs the user's own commands. The daemon
//! starts it for each announcement; with `--test` a person does.

mod rules;
mod words;

use crate::commands::{ANSWER_WITHIN, rendezvous, unexpected};
use crate::configuration::schema;
use crate::failure::Failure;
use crate::going::{asker, target_of};
use crate::machine::Machine;
use crewboard_client::{ConnectError, Conversation};
use crewboard_config::{Config, Environment, Rule};
use crewboard_core::{Announcement, RowKey, Session, Status, Timestamp};
use crewboard_daemon::Telling;
use crewboard_integrations::desktop::notifier;
use crewboard_integrations::terminals::{Command, Refusal, System as _, Trouble, is_looked_at};
use crewboard_platform::{Clock, Deadline};
use crewboard_protocol::{PROTOCOL, Reply, Request};
use rustix::fs::Mode;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::io::{self, IsTerminal as _, Read as _, Write as _};
use std::process::ExitCode;
use std::time::Duration;
use words::{Words, words};

/// Bytes read of an announcement: it names 32 sessions at most.
const MAX_ANNOUNCEMENT: u64 = 8 << 20;

/// How long the daemon may take to take in an announcement.
const TAKEN_IN_WITHIN: Duration = Duration::from_secs(1);

/// How long terminals may be asked who looks where; after that nobody looks.
const ASK_WITHIN: Duration = Duration::from_secs(2);

/// Tells what standard input holds; or tries each way of telling.
pub(crate) fn run(test: bool) -> Result<ExitCode, Failure> {
    let environment = Environment::of_process();
    if test {
        let loaded = schema().load(&environment);
        for problem in loaded.errors() {
            writeln!(io::stderr(), "crewboard: {problem}; the defaults hold")?;
        }
        return try_each(&loaded.config(), &environment);
    }
    let not_by_hand = |problem: String| {
        Failure::usage(problem).hint("`crewboard notify --test` tries each way of telling you")
    };
    let mut line = Vec::new();
    if !io::stdin().is_terminal() {
        io::stdin().take(MAX_ANNOUNCEMENT).read_to_end(&mut line)?;
    }
    if line.trim_ascii().is_empty() {
        let purpose = "the daemon runs this, with what it announces on standard input";
        return Err(not_by_hand(purpose.to_owned()));
    }
    let telling: Telling = serde_json::from_slice(&line).map_err(|error| {
        not_by_hand(format!("standard input holds no announcement of the daemon's: {error}"))
    })?;
    give_back(&telling);
    Ok(if tell(telling, &environment) { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What the daemon changed for itself is no business of what runs from here.
fn give_back(telling: &Telling) {
    rustix::process::umask(Mode::from_raw_mode(telling.umask));
    let limit = getrlimit(Resource::Nofile);
    let _ = setrlimit(Resource::Nofile, Rlimit { current: telling.descriptors, ..limit });
}

/// Does all of it; whether a person was told as configured. The daemon notes no more than that; `--test` says
/// what is wrong.
fn tell(telling: Telling, environment: &Environment) -> bool {
    let Telling { announcement, notify, rules, .. } = telling;
    let Announcement { mut person, more, commands } = announcement;
    rules::finish(rules::start(&rules, &commands));
    let deadline = Deadline::after(ASK_WITHIN);
    // Of a container's, which may name any socket, nothing is asked: its process is not known.
    person.retain(|row| {
        row.process().is_none()
            || deadline.has_passed()
            || !is_looked_at(target_of(row), asker(), &mut Machine::prompt())
    });
    let Some(words) = words(&person, more, notify.content) else { return true };
    // The desktop need not wait until a board has told it.
    let announced = (notify.terminal != "off").then(|| to_board(&words));
    // Where there is no notifier there is no desktop, and nothing is wrong.
    let is_told = !notify.desktop
        || matches!(to_desktop(&words, environment), Ok(()) | Err(Refusal::NoProgram));
    if let Some(Ok(Some(mut conversation))) = announced {
        // The daemon looks at the process that asks. Any reply says that it has looked.
        let _ = conversation.ask(&Request::Hello { protocol: PROTOCOL }, TAKEN_IN_WITHIN);
    }
    is_told
}

/// Hands it to a board that can tell; none where no daemon runs. Starts none.
fn to_board(words: &Words) -> Result<Option<Conversation>, Failure> {
    let stream = match rendezvous()?.connect() {
        Ok(stream) => stream,
        Err(ConnectError::NoDaemon) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let Words { title, text } = words.clone();
    let conversation = Conversation::new(stream)?;
    conversation.send(&Request::Announce { title, text })?;
    Ok(Some(conversation))
}

/// What became of it at the boards, which write `way` to their terminals.
fn try_board(words: &Words, way: &str) -> Result<String, Failure> {
    // No board is no fault of the configuration.
    let Some(mut conversation) = to_board(words)? else {
        return Ok(format!("no daemon runs, and so no board; one writes {way} to its terminal"));
    };
    match conversation.receive(Some(ANSWER_WITHIN))? {
        Reply::Announced { delivered: true, .. } => {
            Ok(format!("a board wrote {way} to its terminal"))
        }
        Reply::Announced { asked: 0, .. } => {
            Ok(format!("no board is open; one that is writes {way} to its terminal"))
        }
        Reply::Announced { .. } => Err(Failure::new("a board is open, but does not answer")
            .hint("one that is stopped (`kill -STOP`) or hung is to be continued or ended")),
        _ => Err(unexpected()),
    }
}

fn to_desktop(words: &Words, environment: &Environment) -> Result<(), Refusal> {
    let mut command = notifier(&words.title, &words.text);
    command.variables.extend(bus(environment));
    Machine::prompt().run(&command).map(|_| ())
}

/// Where the desktop's bus is, if nothing in our environment says so: an agent's hook may have started the
/// daemon with a poor one.
fn bus(environment: &Environment) -> Option<(String, String)> {
    const ADDRESS: &str = "DBUS_SESSION_BUS_ADDRESS";
    let is_told = std::env::var_os(ADDRESS).is_some_and(|address| !address.is_empty());
    if is_told || environment.runtime_dir.is_some() {
        return None;
    }
    let bus = environment.run_user.join(environment.uid.to_string()).join("bus");
    bus.exists().then(|| (ADDRESS.to_owned(), format!("unix:path={}", bus.display())))
}

/// Tries each way, and says of each what became of it.
fn try_each(config: &Config, environment: &Environment) -> Result<ExitCode, Failure> {
    let mut failed = false;
    let mut say = |way: &str, outcome: Result<String, String>| {
        failed |= outcome.is_err();
        let (mark, said) = match outcome {
            Ok(said) => ("ok", said),
            Err(said) => ("failed", said),
        };
        writeln!(io::stdout(), "{way:<10} {mark:<7} {said}")
    };
    let row = sample(Clock::new().now().wall);
    let rows = std::slice::from_ref(&row);
    let Some(words) = words(rows, 0, config.notify.content) else { return Err(unexpected()) };
    if config.notify.desktop {
        say(
            "desktop",
            match to_desktop(&words, environment) {
                Ok(()) => Ok(format!("told the desktop: {}", words.title)),
                Err(refusal) => Err(trouble(&notifier("", ""), refusal)),
            },
        )?;
    } else {
        say("desktop", Ok("off (notify.desktop)".to_owned()))?;
    }
    if config.notify.terminal == "off" {
        say("terminal", Ok("off (notify.terminal)".to_owned()))?;
    } else {
        let way = &config.notify.terminal;
        say("terminal", try_board(&words, way).map_err(Failure::in_a_line))?;
    }
    if config.on.is_empty() {
        say("[[on]]", Ok("no rule in the configuration".to_owned()))?;
    }
    for rule in &config.on {
        // Whatever status it is for, it is tried once.
        let tried = Rule { statuses: vec!["needs-you".to_owned()], ..rule.clone() };
        let ended = rules::finish(rules::start(&[tried], rows));
        let outcome = ended.into_iter().next().unwrap_or_else(|| Err("it was not run".to_owned()));
        say(
            "[[on]]",
            outcome.map(|()| rule.run.clone()).map_err(|why| format!("{}: {why}", rule.run)),
        )?;
    }
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn trouble(command: &Command, refusal: Refusal) -> String {
    let program = command.words.first().map_or("", String::as_str);
    let Trouble { why, hint } = Trouble::of(program, refusal);
    match hint {
        Some(hint) => format!("{why} ({hint})"),
        None => why,
    }
}

/// A session that is none.
fn sample(now: Timestamp) -> Session {
    Session {
        key: RowKey::new("test"),
        name: "crewboard".to_owned(),
        status: Status::Permission,
        needs_you: true,
        since: now,
        activity: Some("a test, nothing waits".to_owned()),
        ..Session::default()
    }
}
