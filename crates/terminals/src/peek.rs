//! Reads the text of a pane.

use crate::focus::{known_place, no_command};
use crate::system::{Caller, System, TerminalError};
use crate::target::{Context, Target};
use crate::{kitty, tmux, wezterm, zellij};
use crewboard_core::{Pane, clean};

/// The greatest number of lines of a screen.
const MAX_LINES: usize = 300;
/// The greatest length of a line, in bytes.
const MAX_LINE_BYTES: usize = 4000;

/// Returns the lines on the screen of the target's pane, cleaned and without blank lines at the end. Contacts only the
/// terminal servers that [`crate::focus()`] would contact.
pub fn peek(
    target: Target<'_>,
    caller: Caller<'_>,
    system: &mut dyn System,
) -> Result<Vec<String>, TerminalError> {
    let place = known_place(target, system);
    let target = Target { place: &place, ..target };
    let context = &mut Context { target, caller, system };
    let mut first_error = None;
    for pane in place.panes() {
        match read_pane(&pane, context) {
            Ok(text) => return Ok(lines(&text)),
            Err(error) => first_error = first_error.or(Some(error)),
        }
    }
    let text = tmux::read_enclosing(context)?;
    let error = || first_error.unwrap_or_else(|| no_command(&place));
    text.map(|text| lines(&text)).ok_or_else(error)
}

fn read_pane(pane: &Pane, context: &mut Context<'_>) -> Result<String, TerminalError> {
    match pane.terminal.as_str() {
        "tmux" => tmux::read(pane, context),
        "zellij" => zellij::read(pane, context),
        "wezterm" => wezterm::read(pane, context),
        "kitty" => kitty::read(pane, context),
        terminal => Err(TerminalError::new(format!(
            "it runs in {terminal}, which has no command that prints its screen"
        ))),
    }
}

/// Returns the last lines of a screen, cleaned.
fn lines(text: &str) -> Vec<String> {
    let lines: Vec<&str> = text.trim_end().lines().collect();
    let last = lines.into_iter().rev().take(MAX_LINES).collect::<Vec<_>>();
    last.into_iter().rev().map(|line| clean(line.trim_end(), MAX_LINE_BYTES, false)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::system::Unverified;
    use crate::test_system::{TestSystem, environment};
    use crewboard_core::Place;
    use insta::assert_snapshot;

    /// Returns the commands and the outcome of a peek at a pane that its process's variables name too.
    fn peek_at(terminal: &str, server: &str, mut system: TestSystem) -> String {
        let place = Place {
            terminal: Some(terminal.to_owned()),
            server: Some(server.to_owned()),
            pane: Some(if terminal == "tmux" { "%4" } else { "4" }.to_owned()),
            ..Place::default()
        };
        let names = match terminal {
            "tmux" => ("TMUX", "TMUX_PANE"),
            "zellij" => ("ZELLIJ_SESSION_NAME", "ZELLIJ_PANE_ID"),
            "wezterm" => ("WEZTERM_UNIX_SOCKET", "WEZTERM_PANE"),
            "kitty" => ("KITTY_LISTEN_ON", "KITTY_WINDOW_ID"),
            _ => ("STY", "WINDOW"),
        };
        let value = if terminal == "tmux" { format!("{server},1,0") } else { server.to_owned() };
        system.add_environment(500, &[(names.0, &value), (names.1, "4")]);
        let target = Target { place: &place, pid: Some(500) };
        let caller = Caller { pid: 900, environment: &environment(&[]) };
        let outcome = match peek(target, caller, &mut system) {
            Ok(lines) => format!("{lines:?}"),
            Err(error) => format!("not: {}", error.reason),
        };
        format!("{}\n-> {outcome}", system.command_lines())
    }

    #[test]
    fn pane_is_read_by_the_command_of_its_terminal() {
        let tmux = "%0 /dev/pts/3 400 $0 @0\n%4 /dev/pts/5 402 $2 @2\n";
        let kitty = r#"[{"tabs": [{"windows": [{"id": 4, "pid": 402}]}]}]"#;
        let answers = [
            ("tmux", "/tmp/t", "list-panes", tmux, "capture-pane"),
            ("kitty", "unix:/tmp/k", "ls", kitty, "get-text"),
            ("wezterm", "/tmp/w", "list", r#"[{"pane_id": 4}]"#, "get-text"),
            ("zellij", "work", "list-panes", r#"[{"id": 4, "is_plugin": false}]"#, "dump-screen"),
            ("screen", "77.work", "-ls", "", "hardcopy"),
        ];
        let outcomes = answers.map(|(terminal, server, list, listed, read)| {
            let screen = "  \u{1b}[31mDo you want\u{1b}[0m to  \n\n 1. Yes\u{202e}\n\n\n";
            let answers = [(read, Ok(screen)), (list, Ok(listed))];
            let ancestors = vec![(500, 402)];
            let system = TestSystem { ancestors, ..TestSystem::with_answers(&answers) };
            peek_at(terminal, server, system)
        });
        assert_snapshot!(outcomes.join("\n"), @r#"
        tmux -S /tmp/t list-panes -a -F '#{pane_id} #{pane_tty} #{pane_pid} #{session_id} #{window_id}'
        tmux -S /tmp/t capture-pane -p -t %4
        -> ["  Do you want to", "", " 1. Yes"]
        kitty @ --to unix:/tmp/k ls
        kitty @ --to unix:/tmp/k get-text --match id:4
        -> ["  Do you want to", "", " 1. Yes"]
        WEZTERM_UNIX_SOCKET=/tmp/w wezterm cli --no-auto-start list --format json
        WEZTERM_UNIX_SOCKET=/tmp/w wezterm cli --no-auto-start get-text --pane-id 4
        -> ["  Do you want to", "", " 1. Yes"]
        ZELLIJ_SOCKET_DIR=/run/sockets zellij --session=work action list-panes --json
        ZELLIJ_SOCKET_DIR=/run/sockets zellij --session=work action dump-screen --pane-id terminal_4
        -> ["  Do you want to", "", " 1. Yes"]

        -> not: it runs in screen, which has no command that prints its screen
        "#);
    }

    #[test]
    fn claimed_server_is_not_contacted() {
        let servers =
            [("tmux", "/tmp/t"), ("kitty", "unix:/tmp/k"), ("wezterm", "/tmp/w"), ("zellij", "w")];
        for (terminal, server) in servers {
            let unverified = Some(Unverified::Mismatch);
            let outcome =
                peek_at(terminal, server, TestSystem { unverified, ..TestSystem::default() });
            assert!(outcome.starts_with("\n-> not: its events name the"), "{outcome}");
        }
    }

    #[test]
    fn screen_is_bounded_and_keeps_its_end() {
        let text = (0..1000).map(|line| line.to_string()).collect::<Vec<_>>().join("\n");
        let lines = lines(&text);
        assert_eq!((lines.len(), lines.last().map(String::as_str)), (MAX_LINES, Some("999")));
        assert!(super::lines(&"x".repeat(100_000)).concat().len() <= MAX_LINE_BYTES);
    }
}
