//! Shows the pane of a session.

use super::own_command::{own_commands, run_own_command};
use super::{
    Destination, TerminalCommand, cannot_show, check_is_on_this_host, run_here, target_of,
    this_caller,
};
use crate::command_runner::CommandRunner;
use crate::failure::Failure;
use crewboard_agents::agent;
use crewboard_core::{Session, Status};
use crewboard_terminals::{FocusOutcome, focus, is_in_front};

/// Shows the pane of a session: by the user's own command if it always applies, or if the terminal cannot.
pub(crate) fn jump_to_pane(row: &Session) -> Result<Destination, Failure> {
    let (own, _) = own_commands();
    let Some(line) = own.command else { return show_pane(row) };
    if !own.always {
        check_has_pane(row)?;
        if let Ok(destination) = show_pane(row) {
            return Ok(destination);
        }
    }
    run_own_command("jump", &line, row, None)
}

fn show_pane(row: &Session) -> Result<Destination, Failure> {
    check_has_pane(row)?;
    let name = &row.name;
    let mut runner = CommandRunner::for_user();
    match focus(target_of(row), this_caller(), &mut runner) {
        Ok(FocusOutcome::Shown { note: Some(note) }) => {
            Ok(Destination::Pane(format!("{name}: {note}")))
        }
        Ok(FocusOutcome::Shown { note: None }) => Ok(Destination::Pane(String::new())),
        Ok(FocusOutcome::Attach(command)) => {
            let why = format!("no terminal is attached to the multiplexer of {name}");
            run_here(&why, TerminalCommand { command, directory: None, runner })
        }
        Err(error) => Err(cannot_show(name, error)),
    }
}

/// Fails if a session has no pane on this machine.
pub(super) fn check_has_pane(row: &Session) -> Result<(), Failure> {
    let name = &row.name;
    let place = &row.place;
    if row.status == Status::Closed {
        let failure = Failure::new(format!("{name} is closed"));
        return Err(match agent(row.agent.as_str()) {
            Some(_) => failure.hint(format!("run `crewboard open {}` to resume it", row.key)),
            None => failure,
        });
    }
    check_is_on_this_host(row)?;
    if let Some(job) = &row.job {
        let command = agent(row.agent.as_str()).and_then(|agent| {
            let words = (agent.resume.attach_arguments)(job)?;
            Some(format!(" ({} {})", agent.name, words.join(" ")))
        });
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
    Ok(())
}

/// Returns true if the terminal reports that the session's pane is in front of the user already. Asks no terminal about
/// a session without a known process: a container may name any socket.
pub(crate) fn is_in_front_of_user(row: &Session) -> bool {
    let target = target_of(row);
    target.pid.is_some() && is_in_front(target, this_caller(), &mut CommandRunner::for_background())
}

#[cfg(test)]
mod tests {
    use super::super::row_for_test as row;
    use super::*;
    use crewboard_core::{AgentName, RowKey};
    use crewboard_platform::{find_process, host_name};

    fn text_of(result: Result<Destination, Failure>) -> String {
        match result {
            Ok(outcome) => format!("{outcome:?}"),
            Err(failure) => failure.in_one_line(),
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
            row(|row| (row.status, row.agent) = (Status::Closed, AgentName::new("sh"))),
            row(|row| row.job = job),
            row(|row| row.parent = Some(RowKey::new("kbbbb"))),
            row(|row| row.headless = true),
            row(|row| row.place.tty = Some("/dev/pts/300".to_owned())),
            row(|row| row.place.terminal = Some("vscode".to_owned())),
            row(|_| ()),
        ];
        let text =
            rows.map(|row| text_of(show_pane(&row)).replace(&host_name(), "HOST")).join("\n");
        insta::assert_snapshot!(text, @"
        shop runs on far, but this is HOST; its terminal is on that machine or in that container
        shop runs on far, but this is HOST; its terminal is on that machine or in that container
        cannot show shop: its terminal is unknown
        shop is closed; run `crewboard open kaaaa` to resume it
        shop is closed
        shop is a background session and has no pane; run `crewboard open kaaaa` to attach to it (claude attach 387c1190)
        shop is run by another agent and has no pane; run `crewboard jump kbbbb` to see the other agent
        shop runs without a terminal (headless)
        cannot show shop: its terminal accepts no commands; look for /dev/pts/300 (`tty` in a shell prints its device)
        cannot show shop: it runs in vscode, which has no command to show a tab
        cannot show shop: its terminal is unknown
        ");
    }
}
