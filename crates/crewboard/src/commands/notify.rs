//! `crewboard notify`: sends a notification to the user and runs the user's `[[on]]` commands. The daemon starts it
//! for each notification; the user starts it with `--test`.

mod click;
mod message;
mod outcome;
mod rules;
mod seen;
mod sound;

use crate::command_runner::CommandRunner;
use crate::configuration::schema;
use crate::daemon_client::{REPLY_TIMEOUT, connect_if_running, daemon_locator, unexpected_reply};
use crate::failure::Failure;
use click::Clickable;
use crewboard_client::Connection;
use crewboard_config::{Config, Environment, Rule};
use crewboard_core::{Notification, RowKey, Session, Status, Timestamp};
use crewboard_daemon::{NotificationJob, WAITS_FOR_CLICK};
use crewboard_platform::Clock;
use crewboard_protocol::{NotifyRequest, Reply, Request, Suppressed};
use crewboard_terminals::desktop::notifier;
use crewboard_terminals::{Command, CommandError, System as _, TerminalError};
use message::{Message, message};
use outcome::Outcome;
use rustix::fs::Mode;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::io::{self, IsTerminal as _, Read as _, Write as _};
use std::process::ExitCode;
use std::time::Duration;

/// Bytes read of a notification, which names 32 sessions at most.
const MAX_NOTIFICATION: u64 = 8 << 20;

/// Time limit for the daemon to receive what was sent to the user.
const RECEIVE_TIMEOUT: Duration = Duration::from_secs(1);

/// Time limit for the boards to show a notification. The daemon asks four of them in turn, and gives each a second.
const BOARD_TIMEOUT: Duration = Duration::from_secs(5);

/// Sends the notification on standard input, or a test notification.
pub(crate) fn run(test: bool) -> Result<ExitCode, Failure> {
    let environment = Environment::of_process();
    if test {
        let loaded = schema().load(&environment);
        for problem in loaded.errors() {
            writeln!(io::stderr(), "crewboard: {problem}; using the defaults")?;
        }
        return test_all(&loaded.config(), &environment);
    }
    let wrong_usage = |problem: String| {
        Failure::usage(problem).hint("run `crewboard notify --test` to test notifications")
    };
    let mut line = Vec::new();
    if !io::stdin().is_terminal() {
        io::stdin().take(MAX_NOTIFICATION).read_to_end(&mut line)?;
    }
    if line.trim_ascii().is_empty() {
        let purpose = "the daemon runs `crewboard notify` with a notification on standard input";
        return Err(wrong_usage(purpose.to_owned()));
    }
    let job: NotificationJob = serde_json::from_slice(&line).map_err(|error| {
        wrong_usage(format!("standard input is not a notification of the daemon: {error}"))
    })?;
    restore_limits(&job);
    Ok(if send(job, &environment) { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Restores the umask and the descriptor limit that the daemon had changed for itself.
fn restore_limits(job: &NotificationJob) {
    rustix::process::umask(Mode::from_raw_mode(job.umask));
    let limit = getrlimit(Resource::Nofile);
    let _ = setrlimit(Resource::Nofile, Rlimit { current: job.descriptors, ..limit });
}

/// Runs the rules' commands and notifies the user. Returns false if a configured notification failed. The daemon
/// notes only that; `--test` shows the reasons.
fn send(job: NotificationJob, environment: &Environment) -> bool {
    let NotificationJob { notification, notify, rules, may_wait_for_click, .. } = job;
    let Notification { mut for_user, more, for_rules, unseen } = notification;
    rules::finish(rules::start(&rules, &for_rules));
    let looked_at = seen::find_looked_at(for_user.iter().chain(&unseen));
    let seen = unseen.iter().filter(|row| looked_at.contains(&row.key));
    // A failure leaves the sessions unseen, and is no failure of a notification.
    let _ = seen::mark_seen(seen);
    let in_front = for_user.extract_if(.., |row| looked_at.contains(&row.key)).collect::<Vec<_>>();
    let mut reports = Outcome::suppressed(Suppressed::InFront).reports(&in_front, notify.content);
    let Some(message) = message(&for_user, more, notify.content) else {
        outcome::record(reports, None);
        return true;
    };
    if sound::is_quiet(&notify) {
        let quiet = Outcome::suppressed(Suppressed::QuietHours);
        reports.extend(quiet.reports(&for_user, notify.content));
        outcome::record(reports, None);
        return true;
    }
    let sound = sound::play(&for_user, &notify, environment);
    // Notify the desktop without waiting for the boards.
    let announced = (notify.terminal != "off").then(|| to_board(&message));
    let desktop = notify.desktop.then(|| {
        if may_wait_for_click {
            click::show(&message, environment)
        } else {
            to_desktop(&message, environment).map(|()| None)
        }
    });
    let mut outcome = Outcome::default();
    outcome.note_desktop(desktop.as_ref());
    let mut connection = announced.and_then(Result::ok).flatten();
    if let Some(connection) = &mut connection {
        // The daemon checks this process, which must run until then. The reply shows that the check is done.
        outcome.note_boards(&connection.receive(Some(BOARD_TIMEOUT)));
    }
    reports.extend(outcome.reports(&for_user, notify.content));
    outcome::record(reports, connection);
    // The notification has been delivered, even if its sound fails.
    if let Some(sound) = sound {
        sound.finish();
    }
    if let (Some(Ok(Some(clickable))), Some(row)) = (desktop, for_user.first()) {
        jump_on_click(clickable, row);
    }
    outcome.is_delivered()
}

/// Waits for a click on the notification, and then shows the pane of the session.
fn jump_on_click(clickable: Clickable, row: &Session) {
    let mut out = io::stdout();
    let is_reported = out.write_all(WAITS_FOR_CLICK).and_then(|()| out.flush()).is_ok();
    if is_reported && clickable.wait_for_click() {
        click::jump(row);
    }
}

/// Sends the notification to the boards. Returns `None` if no daemon runs, and starts none.
fn to_board(message: &Message) -> Result<Option<Connection>, Failure> {
    let Some(connection) = connect_if_running(&daemon_locator()?)? else { return Ok(None) };
    let Message { title, text } = message.clone();
    connection.send(&Request::Notify(NotifyRequest { title, text }))?;
    Ok(Some(connection))
}

/// Sends a test notification to the boards, which write `way` to their terminals. Returns the result as a text.
fn try_board(message: &Message, way: &str) -> Result<String, Failure> {
    // A missing board is not an error of the configuration.
    let Some(mut connection) = to_board(message)? else {
        return Ok(format!("no board is open; an open board writes {way} to its terminal"));
    };
    match connection.receive(Some(REPLY_TIMEOUT))? {
        Reply::NotifyResult { delivered: true, .. } => {
            Ok(format!("a board wrote {way} to its terminal"))
        }
        Reply::NotifyResult { subscribers: 0, .. } => {
            Ok(format!("no board is open; an open board writes {way} to its terminal"))
        }
        Reply::NotifyResult { .. } => Err(Failure::new("a board is open but does not respond")
            .hint("resume or close a board that is suspended or hung")),
        _ => Err(unexpected_reply()),
    }
}

fn to_desktop(message: &Message, environment: &Environment) -> Result<(), CommandError> {
    let mut command = notifier(&message.title, &message.text);
    command.variables.extend(bus_variable(environment));
    CommandRunner::for_background().run(&command).map(|_| ())
}

/// Returns the variable with the address of the desktop's bus, if it is missing here: the hook that started the daemon
/// may have had a minimal environment.
fn bus_variable(environment: &Environment) -> Option<(String, String)> {
    const ADDRESS: &str = "DBUS_SESSION_BUS_ADDRESS";
    let is_set = std::env::var_os(ADDRESS).is_some_and(|address| !address.is_empty());
    if is_set || environment.runtime_dir.is_some() {
        return None;
    }
    let bus = environment.run_user.join(environment.uid.to_string()).join("bus");
    bus.exists().then(|| (ADDRESS.to_owned(), format!("unix:path={}", bus.display())))
}

/// Tests every notification and prints the result of each.
fn test_all(config: &Config, environment: &Environment) -> Result<ExitCode, Failure> {
    let mut failed = false;
    let mut print = |way: &str, outcome: Result<String, String>| {
        failed |= outcome.is_err();
        let (mark, text) = match outcome {
            Ok(text) => ("ok", text),
            Err(text) => ("failed", text),
        };
        writeln!(io::stdout(), "{way:<10} {mark:<7} {text}")
    };
    let row = sample(Clock::new().now().wall);
    let rows = std::slice::from_ref(&row);
    let Some(message) = message(rows, 0, config.notify.content) else {
        return Err(unexpected_reply());
    };
    if config.notify.desktop {
        print(
            "desktop",
            match to_desktop(&message, environment) {
                Ok(()) => Ok(format!("sent to the desktop: {}", message.title)),
                Err(error) => Err(describe_error(&notifier("", ""), error)),
            },
        )?;
    } else {
        print("desktop", Ok("off (notify.desktop)".to_owned()))?;
    }
    if config.notify.terminal == "off" {
        print("terminal", Ok("off (notify.terminal)".to_owned()))?;
    } else {
        let way = &config.notify.terminal;
        print("terminal", try_board(&message, way).map_err(Failure::in_one_line))?;
    }
    for (status, path) in &config.notify.sounds {
        print(
            "sound",
            match sound::start(path, environment).map(sound::Sound::finish) {
                Some(true) => Ok(format!("played {path} for {status}")),
                Some(false) => Err(format!("cannot play {path} for {status}")),
                None => Err("cannot find pw-play, paplay or aplay on the PATH".to_owned()),
            },
        )?;
    }
    if let Some(hours) = config.notify.quiet {
        print("quiet", Ok(format!("no notification from {hours}; this test ignores that")))?;
    }
    if config.on.is_empty() {
        print("[[on]]", Ok("no rules in the configuration".to_owned()))?;
    }
    for rule in &config.on {
        // Run each rule once, for any status.
        let tried = Rule { statuses: vec!["needs-you".to_owned()], ..rule.clone() };
        let ended = rules::finish(rules::start(&[tried], rows));
        let outcome = ended.into_iter().next().unwrap_or_else(|| Err("it did not run".to_owned()));
        print(
            "[[on]]",
            outcome.map(|()| rule.run.clone()).map_err(|why| format!("{}: {why}", rule.run)),
        )?;
    }
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Returns why a command failed, with a hint.
fn describe_error(command: &Command, error: CommandError) -> String {
    let program = command.words.first().map_or("", String::as_str);
    let TerminalError { reason, hint } = TerminalError::from_command(program, error);
    match hint {
        Some(hint) => format!("{reason} ({hint})"),
        None => reason,
    }
}

/// Returns a made-up session for the test.
fn sample(now: Timestamp) -> Session {
    Session {
        key: RowKey::new("test"),
        name: "crewboard".to_owned(),
        status: Status::Permission,
        needs_you: true,
        since: now,
        activity: Some("this is a test".to_owned()),
        ..Session::default()
    }
}
