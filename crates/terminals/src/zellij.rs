//! zellij. Tested with 0.45.1. The actions exist since 0.44.1 (`CliAction` of zellij-utils).
//!
//! The session is given with `--session`. A client that has the name of a missing session in its variables waits for
//! ever. With `--session` and a missing session, an action lists the existing sessions and succeeds, and
//! `switch-session` creates a new session. So the session is looked up first. An action from outside a session applies
//! to the client with the last key press. Without such a client it does nothing, and succeeds too.

use crate::contact::{directory_above, verify_address};
use crate::new_pane::NewPane;
use crate::system::{Command, CommandError, Server, TerminalError};
use crate::target::{Context, PaneOutcome};
use crewboard_core::Pane;
use serde::Deserialize;

#[derive(Debug, Deserialize)]
struct ListedPane {
    id: u32,
    is_plugin: bool,
}

pub(crate) fn focus(pane: &Pane, context: &mut Context<'_>) -> Result<PaneOutcome, TerminalError> {
    let ZellijPane { session, id, directory } = &find(pane, context)?;
    let own = context.caller.environment.get("ZELLIJ_SESSION_NAME").filter(|own| own != session);
    let own = own.and_then(|own| {
        let directory = directory_of(&own, context).ok()?;
        Some(action(&own, directory.as_deref()))
    });
    let action = |session: &str| action(session, directory.as_deref());
    if let Some(own) = own.filter(|own| !focused_panes(own, context).is_empty()) {
        let to = format!("--pane-id=terminal_{id}");
        let switch = own.and(["switch-session", &to, "--", session]);
        context.system.run(&switch).map_err(command_error)?;
        return Ok(PaneOutcome::Shown);
    }
    if focused_panes(&action(session), context).is_empty() {
        // zellij cannot attach a client to a given pane.
        let attach = Command::new(["zellij", "attach", session]);
        return Ok(PaneOutcome::Detached(attach.with("ZELLIJ_SOCKET_DIR", directory.as_deref())));
    }
    let id = format!("terminal_{id}");
    match context.system.run(&action(session).and(["focus-pane-id", &id])) {
        Err(CommandError::Failed(output)) if output.contains("is already focused") => {}
        result => _ = result.map_err(command_error)?,
    }
    if !focused_panes(&action(session), context).contains(&id) {
        return Err(TerminalError::new("zellij did not show the pane").hint(format!(
            "press a key in a terminal that shows the session {session}, and try again"
        )));
    }
    Ok(PaneOutcome::Shown)
}

/// Returns true if a client of the session shows the pane. A caller in another session has that session in front of it.
pub(crate) fn is_in_front(pane: &Pane, context: &mut Context<'_>) -> Result<bool, TerminalError> {
    let (Some(session), Some(id)) = (&pane.server, &pane.pane) else { return Ok(false) };
    let own = context.caller.environment.get("ZELLIJ_SESSION_NAME");
    if own.is_some_and(|own| own != *session) {
        return Ok(false);
    }
    let directory = directory_of(session, context)?;
    let focused = focused_panes(&action(session, directory.as_deref()), context);
    Ok(focused.contains(&format!("terminal_{id}")))
}

/// Returns the text of the pane (`dump-screen --pane-id` prints it since 0.44.1, `CliAction` of zellij-utils).
pub(crate) fn read(pane: &Pane, context: &mut Context<'_>) -> Result<String, TerminalError> {
    let ZellijPane { session, id, directory } = find(pane, context)?;
    let id = format!("terminal_{id}");
    let dump = action(&session, directory.as_deref()).and(["dump-screen", "--pane-id", &id]);
    context.system.run(&dump).map_err(command_error)
}

/// A pane of a checked session.
struct ZellijPane {
    session: String,
    id: String,
    /// The directory of the session's socket. `None` stands for zellij's own directory.
    directory: Option<String>,
}

/// Finds the target's pane in its session.
fn find(pane: &Pane, context: &mut Context<'_>) -> Result<ZellijPane, TerminalError> {
    let Pane { server: Some(session), pane: Some(id), .. } = pane else {
        return Err(TerminalError::new("its variables name a zellij pane, but no session"));
    };
    if session.starts_with('-') {
        return Err(TerminalError::new(format!("{session:?} is not a zellij session")));
    }
    if id.is_empty() || !id.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(TerminalError::new(format!("{id:?} is not a zellij pane")));
    }
    let directory = directory_of(session, context)?;
    let action = |session: &str| action(session, directory.as_deref());
    let listed = list_panes(session, &action, context)?;
    if !listed.iter().any(|listed| !listed.is_plugin && listed.id.to_string() == *id) {
        return Err(TerminalError::missing_pane("zellij", "pane", id, false));
    }
    Ok(ZellijPane { session: session.clone(), id: id.clone(), directory })
}

/// Returns the directory of the sockets of a session, after a check of its server. zellij has a directory below it for
/// each version. Only Linux reports the sockets of a process: elsewhere a caller trusts its own variables, and gets `None`.
fn directory_of(session: &str, context: &mut Context<'_>) -> Result<Option<String>, TerminalError> {
    let own = context.caller.environment.get("ZELLIJ_SESSION_NAME");
    if cfg!(not(target_os = "linux")) && own.as_deref() == Some(session) {
        return Ok(None);
    }
    let socket = verify_address(("zellij", session), Server::Session(session), context)?;
    Ok(directory_above(&socket, 2))
}

/// Opens a new pane. Returns false if the variables are inherited from another terminal.
pub(crate) fn open(
    new_pane: &NewPane<'_>,
    pane: &Pane,
    context: &mut Context<'_>,
) -> Result<bool, TerminalError> {
    let Some(session) = &pane.server else { return Ok(false) };
    let Ok(sockets) = directory_of(session, context) else { return Ok(false) };
    let directory = format!("--cwd={}", new_pane.directory);
    let command = action(session, sockets.as_deref()).and(["new-pane", &directory, "--"]);
    let command = command.and(new_pane.words.iter().cloned());
    let output = context.run("zellij", &command)?;
    // If the session does not exist, zellij lists the existing ones.
    Ok(output.trim().is_empty() || output.starts_with("terminal_"))
}

/// Lists the panes of a session.
fn list_panes(
    session: &str,
    action: &dyn Fn(&str) -> Command,
    context: &mut Context<'_>,
) -> Result<Vec<ListedPane>, TerminalError> {
    let gone = || {
        TerminalError::new(format!("zellij has no session {session} any more"))
            .hint("a program that ran when its session was renamed has only the old name")
    };
    let list = context.system.run(&action(session).and(["list-panes", "--json"]));
    let list = list.map_err(|error| match error {
        CommandError::Failed(output) if output.contains("no active session") => gone(),
        error => command_error(error),
    })?;
    serde_json::from_str(&list).map_err(|_| gone())
}

/// Returns the panes that have the focus in the clients of a session. A missing session has no clients.
fn focused_panes(action: &Command, context: &mut Context<'_>) -> Vec<String> {
    let clients = context.system.run(&action.clone().and(["list-clients"])).unwrap_or_default();
    let mut lines = clients.lines();
    if !lines.next().is_some_and(|heading| heading.starts_with("CLIENT_ID")) {
        return Vec::new();
    }
    lines.filter_map(|line| line.split_whitespace().nth(1)).map(str::to_owned).collect()
}

fn command_error(error: CommandError) -> TerminalError {
    let is_unknown = |output: &str| {
        ["list-panes", "focus-pane-id", "--pane-id"].iter().any(|word| output.contains(word))
    };
    match error {
        CommandError::Failed(output) if is_unknown(&output) => {
            TerminalError::new("this version of zellij cannot show a pane by its id")
                .hint("update zellij to 0.44.1 or later")
        }
        error => TerminalError::from_command("zellij", error),
    }
}

/// Returns an action for a session whose socket is below `directory`, or in zellij's own directory.
fn action(session: &str, directory: Option<&str>) -> Command {
    Command::new(["zellij", &format!("--session={session}"), "action"])
        .with("ZELLIJ_SOCKET_DIR", directory)
}

#[cfg(test)]
mod tests {
    use crate::system::CommandError;
    use crate::test_system::{Table, TestSystem};
    use crate::tests::{NO_VARIABLES, focus_pane, place};
    use insta::assert_snapshot;

    #[test]
    fn zellij_session_is_looked_up_before_an_action() {
        const IN_ZELLIJ: Table = &[("ZELLIJ_SESSION_NAME", "own"), ("ZELLIJ_PANE_ID", "1")];
        let panes = r#"[{"id":4,"is_plugin":false},{"id":5,"is_plugin":true}]"#;
        let shown =
            "CLIENT_ID ZELLIJ_PANE_ID RUNNING_COMMAND\n1 terminal_0 N/A\n2 terminal_4 cat\n";
        let elsewhere = "CLIENT_ID ZELLIJ_PANE_ID RUNNING_COMMAND\n1 terminal_0 N/A\n";
        let detached = "CLIENT_ID ZELLIJ_PANE_ID RUNNING_COMMAND\n";
        // zellij prints this for a missing session.
        let others = "\x1b[32;1mbeta\x1b[m [Created 2m 22s ago]\n";
        let none = Err(CommandError::Failed("There is no active session!".to_owned()));
        let system = |panes, own, clients| {
            TestSystem::with_answers(&[
                ("list-panes", panes),
                ("--session=own action list-clients", Ok(own)),
                ("list-clients", Ok(clients)),
            ])
        };
        let failing_focus = |answer: &str| {
            let answer = Err(CommandError::Failed(answer.to_owned()));
            let answers =
                [("list-panes", Ok(panes)), ("list-clients", Ok(shown)), ("focus", answer)];
            TestSystem::with_answers(&answers)
        };
        let outcomes = [
            ("$(touch x)", "4", NO_VARIABLES, system(Ok(panes), others, shown)),
            ("work", "4", IN_ZELLIJ, system(Ok(panes), shown, shown)),
            ("own", "4", IN_ZELLIJ, system(Ok(panes), shown, shown)),
            // The variables are old: the caller's session has no client, or has been renamed.
            ("work", "4", IN_ZELLIJ, system(Ok(panes), others, shown)),
            ("work", "4", NO_VARIABLES, system(Ok(panes), others, detached)),
            // No client has had a key press yet.
            ("work", "4", NO_VARIABLES, system(Ok(panes), others, elsewhere)),
            ("work", "5", NO_VARIABLES, system(Ok(panes), others, shown)),
            ("work", "4", NO_VARIABLES, system(Ok(others), others, others)),
            ("work", "4", NO_VARIABLES, system(none, others, others)),
            (
                "work",
                "4",
                NO_VARIABLES,
                failing_focus("error: unrecognized subcommand 'focus-pane-id'"),
            ),
            ("work", "4", NO_VARIABLES, failing_focus("Pane Terminal(4) is already focused")),
            ("work", "-x", NO_VARIABLES, system(Ok(panes), others, shown)),
            ("-x", "4", NO_VARIABLES, system(Ok(panes), others, shown)),
        ]
        .map(|(session, pane, variables, system)| {
            let outcome = focus_pane(&place("zellij", session, pane, ""), variables, system);
            let lines: Vec<&str> = outcome.lines().filter(|line| !line.contains("list-")).collect();
            lines.join("\n")
        });
        assert_snapshot!(outcomes.join("\n"), @r#"
        ZELLIJ_SOCKET_DIR=/run/sockets zellij '--session=$(touch x)' action focus-pane-id terminal_4
        -> shown
        ZELLIJ_SOCKET_DIR=/run/sockets zellij --session=own action switch-session --pane-id=terminal_4 -- work
        -> shown
        ZELLIJ_SOCKET_DIR=/run/sockets zellij --session=own action focus-pane-id terminal_4
        -> shown
        ZELLIJ_SOCKET_DIR=/run/sockets zellij --session=work action focus-pane-id terminal_4
        -> shown
        -> attach with ZELLIJ_SOCKET_DIR=/run/sockets zellij attach work
        ZELLIJ_SOCKET_DIR=/run/sockets zellij --session=work action focus-pane-id terminal_4
        -> not: zellij did not show the pane; press a key in a terminal that shows the session work, and try again
        -> not: its pane 5 is gone from zellij
        -> not: zellij has no session work any more; a program that ran when its session was renamed has only the old name
        -> not: zellij has no session work any more; a program that ran when its session was renamed has only the old name
        ZELLIJ_SOCKET_DIR=/run/sockets zellij --session=work action focus-pane-id terminal_4
        -> not: this version of zellij cannot show a pane by its id; update zellij to 0.44.1 or later
        ZELLIJ_SOCKET_DIR=/run/sockets zellij --session=work action focus-pane-id terminal_4
        -> shown

        -> not: "-x" is not a zellij pane

        -> not: "-x" is not a zellij session
        "#);
    }
}
