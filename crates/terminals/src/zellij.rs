//! zellij. Seen on 0.45.1; what is asked of it is there since 0.44.1 (`CliAction` of zellij-utils).
//!
//! A session is named with `--session`: a client that takes a name it does not find from its variables waits for
//! ever. For one named like this it lists those that there are, and succeeds, and `switch-session` makes a new one;
//! so whoever is to be told something is looked up first. What is asked from outside is done for the
//! client at which somebody typed last, or else for none, and succeeds too.

use super::contact::{contact, directory_above};
use super::focus::{Found, Target};
use super::new_pane::NewPane;
use super::system::{Caller, Command, CommandError, Server, System, TerminalError};
use crewboard_core::Pane;
use serde::Deserialize;

#[derive(Debug, Deserialize)]
struct Listed {
    id: u32,
    is_plugin: bool,
}

pub(super) fn focus(
    pane: &Pane,
    target: Target<'_>,
    asker: Caller<'_>,
    system: &mut dyn System,
) -> Result<Found, TerminalError> {
    let Pane { server: Some(session), pane: Some(id), .. } = pane else {
        return Err(TerminalError::new("its variables name a pane of zellij, but no session"));
    };
    if session.starts_with('-') {
        return Err(TerminalError::new(format!("{session:?} is no session of zellij")));
    }
    if id.is_empty() || !id.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(TerminalError::new(format!("{id:?} is no pane of zellij")));
    }
    let own = asker.environment.get("ZELLIJ_SESSION_NAME");
    let directory = if own.as_ref() == Some(session) {
        None
    } else {
        let server = Server::Session(session);
        let socket = contact(("zellij", session), server, target.pid, asker, system)?;
        // The sockets are in a folder for the version.
        directory_above(&socket, 2)
    };
    let action = |session: &str| action(session, directory.as_deref());
    let listed = list(session, &action, system)?;
    if !listed.iter().any(|listed| !listed.is_plugin && listed.id.to_string() == *id) {
        return Err(TerminalError::gone("zellij", "pane", id, false));
    }
    let other = own.filter(|own| own != session);
    if let Some(own) = other.filter(|own| !shown(&own_action(own), system).is_empty()) {
        let to = format!("--pane-id=terminal_{id}");
        let switch = own_action(&own).and(["switch-session", &to, "--", session]);
        system.run(&switch).map_err(refused)?;
        return Ok(Found::Shown);
    }
    if shown(&action(session), system).is_empty() {
        // Nothing brings a new client to a pane of our choice.
        let attach = Command::new(["zellij", "attach", session]);
        return Ok(Found::Detached(match &directory {
            Some(directory) => attach.with("ZELLIJ_SOCKET_DIR", directory),
            None => attach,
        }));
    }
    let id = format!("terminal_{id}");
    match system.run(&action(session).and(["focus-pane-id", &id])) {
        Err(CommandError::Failed(said)) if said.contains("is already focused") => {}
        answer => _ = answer.map_err(refused)?,
    }
    if !shown(&action(session), system).contains(&id) {
        return Err(TerminalError::new("zellij did not show it")
            .hint(format!("press a key in a terminal that shows the session {session}")));
    }
    Ok(Found::Shown)
}

/// `None` where the variables are left over from elsewhere.
pub(super) fn open(
    opening: &NewPane<'_>,
    pane: &Pane,
    system: &mut dyn System,
) -> Option<Result<(), TerminalError>> {
    let directory = format!("--cwd={}", opening.directory);
    let command = own_action(pane.server.as_deref()?).and(["new-pane", &directory, "--"]);
    let command = command.and(opening.words.iter().cloned());
    match system.run(&command) {
        Ok(said) if said.trim().is_empty() || said.starts_with("terminal_") => Some(Ok(())),
        // The sessions that there are.
        Ok(_) => None,
        Err(refusal) => Some(Err(TerminalError::of("zellij", refusal))),
    }
}

/// The panes of a session.
fn list(
    session: &str,
    action: &dyn Fn(&str) -> Command,
    system: &mut dyn System,
) -> Result<Vec<Listed>, TerminalError> {
    let gone = || {
        TerminalError::new(format!("zellij has no session {session} any more"))
            .hint("what ran in a session when it was renamed knows only its former name")
    };
    let list = system.run(&action(session).and(["list-panes", "--json"]));
    let list = list.map_err(|refusal| match refusal {
        CommandError::Failed(said) if said.contains("no active session") => gone(),
        refusal => refused(refusal),
    })?;
    serde_json::from_str(&list).map_err(|_| gone())
}

/// The panes that have the keys of the terminals that show a session. One that is not there is on none.
fn shown(action: &Command, system: &mut dyn System) -> Vec<String> {
    let clients = system.run(&action.clone().and(["list-clients"])).unwrap_or_default();
    let mut lines = clients.lines();
    if !lines.next().is_some_and(|heading| heading.starts_with("CLIENT_ID")) {
        return Vec::new();
    }
    lines.filter_map(|line| line.split_whitespace().nth(1)).map(str::to_owned).collect()
}

fn refused(refusal: CommandError) -> TerminalError {
    let is_unknown = |said: &str| {
        ["list-panes", "focus-pane-id", "--pane-id"].iter().any(|word| said.contains(word))
    };
    match refusal {
        CommandError::Failed(said) if is_unknown(&said) => {
            TerminalError::new("this zellij cannot show a pane by its number")
                .hint("zellij can since version 0.44.1")
        }
        refusal => TerminalError::of("zellij", refusal),
    }
}

/// A command for the session in which the asker runs.
fn own_action(session: &str) -> Command {
    action(session, None)
}

/// A command for a session whose socket is below `directory`, or where zellij looks by itself.
fn action(session: &str, directory: Option<&str>) -> Command {
    let command = Command::new(["zellij", &format!("--session={session}"), "action"]);
    match directory {
        Some(directory) => command.with("ZELLIJ_SOCKET_DIR", directory),
        None => command,
    }
}

#[cfg(test)]
mod tests {
    use super::super::system::CommandError;
    use super::super::test_system::{Table, TestSystem};
    use super::super::tests::{NOWHERE, place, told};
    use insta::assert_snapshot;

    #[test]
    fn a_session_of_zellij_is_looked_up_before_it_is_told_anything() {
        const IN_ZELLIJ: Table = &[("ZELLIJ_SESSION_NAME", "own"), ("ZELLIJ_PANE_ID", "1")];
        let panes = r#"[{"id":4,"is_plugin":false},{"id":5,"is_plugin":true}]"#;
        let shown =
            "CLIENT_ID ZELLIJ_PANE_ID RUNNING_COMMAND\n1 terminal_0 N/A\n2 terminal_4 cat\n";
        let elsewhere = "CLIENT_ID ZELLIJ_PANE_ID RUNNING_COMMAND\n1 terminal_0 N/A\n";
        let detached = "CLIENT_ID ZELLIJ_PANE_ID RUNNING_COMMAND\n";
        // What it says of a session that is not there.
        let others = "\x1b[32;1mbeta\x1b[m [Created 2m 22s ago]\n";
        let none = Err(CommandError::Failed("There is no active session!".to_owned()));
        let system = |panes, own, clients| {
            TestSystem::answering(&[
                ("list-panes", panes),
                ("--session=own action list-clients", Ok(own)),
                ("list-clients", Ok(clients)),
            ])
        };
        let focusing = |answer: &str| {
            let answer = Err(CommandError::Failed(answer.to_owned()));
            let answers =
                [("list-panes", Ok(panes)), ("list-clients", Ok(shown)), ("focus", answer)];
            TestSystem::answering(&answers)
        };
        let told = [
            ("$(touch x)", "4", NOWHERE, system(Ok(panes), others, shown)),
            ("work", "4", IN_ZELLIJ, system(Ok(panes), shown, shown)),
            ("own", "4", IN_ZELLIJ, system(Ok(panes), shown, shown)),
            // Left over: nobody looks at the asker's session, or it has another name by now.
            ("work", "4", IN_ZELLIJ, system(Ok(panes), others, shown)),
            ("work", "4", NOWHERE, system(Ok(panes), others, detached)),
            // Nobody has typed there yet.
            ("work", "4", NOWHERE, system(Ok(panes), others, elsewhere)),
            ("work", "5", NOWHERE, system(Ok(panes), others, shown)),
            ("work", "4", NOWHERE, system(Ok(others), others, others)),
            ("work", "4", NOWHERE, system(none, others, others)),
            ("work", "4", NOWHERE, focusing("error: unrecognized subcommand 'focus-pane-id'")),
            ("work", "4", NOWHERE, focusing("Pane Terminal(4) is already focused")),
            ("work", "-x", NOWHERE, system(Ok(panes), others, shown)),
            ("-x", "4", NOWHERE, system(Ok(panes), others, shown)),
        ]
        .map(|(session, pane, variables, system)| {
            let told = told(&place("zellij", session, pane, ""), variables, system);
            let lines: Vec<&str> = told.lines().filter(|line| !line.contains("list-")).collect();
            lines.join("\n")
        });
        assert_snapshot!(told.join("\n"), @r#"
        ZELLIJ_SOCKET_DIR=/run/sockets zellij '--session=$(touch x)' action focus-pane-id terminal_4
        -> shown
        zellij --session=own action switch-session --pane-id=terminal_4 -- work
        -> shown
        zellij --session=own action focus-pane-id terminal_4
        -> shown
        ZELLIJ_SOCKET_DIR=/run/sockets zellij --session=work action focus-pane-id terminal_4
        -> shown
        -> attach with ZELLIJ_SOCKET_DIR=/run/sockets zellij attach work
        ZELLIJ_SOCKET_DIR=/run/sockets zellij --session=work action focus-pane-id terminal_4
        -> not: zellij did not show it; press a key in a terminal that shows the session work
        -> not: its pane 5 is gone from zellij
        -> not: zellij has no session work any more; what ran in a session when it was renamed knows only its former name
        -> not: zellij has no session work any more; what ran in a session when it was renamed knows only its former name
        ZELLIJ_SOCKET_DIR=/run/sockets zellij --session=work action focus-pane-id terminal_4
        -> not: this zellij cannot show a pane by its number; zellij can since version 0.44.1
        ZELLIJ_SOCKET_DIR=/run/sockets zellij --session=work action focus-pane-id terminal_4
        -> shown

        -> not: "-x" is no pane of zellij

        -> not: "-x" is no session of zellij
        "#);
    }
}
