use crate::Variables;
use crewboard_core::{MAX_OTHERS, Pane, Place};

/// The environment variables of a terminal.
struct Terminal {
    name: &'static str,
    /// The variable that is set in every pane, and has the pane's id if it has one.
    pane: &'static str,
    /// The variable with the server or session.
    server: Option<&'static str>,
}

/// The known terminals, innermost first: a multiplexer is inside a window.
/// Sources: `tmux(1)`, and the documentation of the environment of zellij, kitty and `WezTerm`.
const TERMINALS: [Terminal; 6] = [
    Terminal { name: "tmux", pane: "TMUX_PANE", server: Some("TMUX") },
    Terminal { name: "zellij", pane: "ZELLIJ_PANE_ID", server: Some("ZELLIJ_SESSION_NAME") },
    Terminal { name: "screen", pane: "WINDOW", server: Some("STY") },
    Terminal { name: "wezterm", pane: "WEZTERM_PANE", server: Some("WEZTERM_UNIX_SOCKET") },
    Terminal { name: "kitty", pane: "KITTY_WINDOW_ID", server: Some("KITTY_LISTEN_ON") },
    Terminal { name: "iterm2", pane: "ITERM_SESSION_ID", server: None },
];

/// Returns the place that the variables of a process name, without the host and the tty.
pub fn locate(environment: &dyn Variables) -> Place {
    let mut panes = TERMINALS.iter().filter_map(|terminal| {
        let pane = environment.get(terminal.pane)?;
        let server = terminal.server.and_then(|variable| environment.get(variable));
        let server = match terminal.name {
            // Other programs also set WINDOW, so it counts only with a session.
            "screen" => Some(server?),
            // A user who nests tmux removes TMUX and keeps TMUX_PANE, so the pane counts only with a server.
            "tmux" => Some(tmux_server(environment)?),
            _ => server,
        };
        Some(Pane { terminal: terminal.name.to_owned(), server, pane: Some(pane) })
    });
    let Some(Pane { terminal, server, pane }) = panes.next() else {
        let program = environment.get("TERM_PROGRAM").map(|program| match program.as_str() {
            "Apple_Terminal" => "terminal".to_owned(),
            program => program.to_lowercase(),
        });
        return Place { terminal: program, ..Place::default() };
    };
    let others = panes.take(MAX_OTHERS).collect();
    let target = match (&*terminal, &server, &pane) {
        // Each zellij session numbers its own panes.
        ("zellij", Some(session), Some(pane)) => Some(format!("{session}:{pane}")),
        _ => None,
    };
    Place { terminal: Some(terminal), server, pane, target, others, ..Place::default() }
}

/// Returns the socket of the tmux server that started the process with these variables, in a pane or in a popup.
pub fn tmux_server(environment: &dyn Variables) -> Option<String> {
    // TMUX has the socket, the pid of the server and the session. The path may contain commas.
    Some(environment.get("TMUX")?.rsplitn(3, ',').nth(2)?.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_system::environment;

    #[test]
    fn innermost_multiplexer_is_the_place() {
        for (variables, terminal, server, pane, others) in [
            (
                &[
                    ("TMUX", "/tmp/tmux-1000/default,27123,0"),
                    ("TMUX_PANE", "%7"),
                    ("KITTY_WINDOW_ID", "3"),
                    ("KITTY_LISTEN_ON", "unix:/tmp/kitty"),
                ][..],
                Some("tmux"),
                Some("/tmp/tmux-1000/default"),
                Some("%7"),
                "kitty",
            ),
            (
                &[("TMUX", "/tmp/a,b/default,27123,0"), ("TMUX_PANE", "%7")],
                Some("tmux"),
                Some("/tmp/a,b/default"),
                Some("%7"),
                "",
            ),
            (
                &[("ZELLIJ", "0"), ("ZELLIJ_SESSION_NAME", "work"), ("ZELLIJ_PANE_ID", "4")],
                Some("zellij"),
                Some("work"),
                Some("4"),
                "",
            ),
            (&[("WINDOW", "1")], None, None, None, ""),
            (&[("TMUX_PANE", "%1")], None, None, None, ""),
            (
                &[("WINDOW", "1"), ("STY", "12.pts-0.box")],
                Some("screen"),
                Some("12.pts-0.box"),
                Some("1"),
                "",
            ),
            (&[("TERM_PROGRAM", "vscode")], Some("vscode"), None, None, ""),
            (&[("TERM_PROGRAM", "Apple_Terminal")], Some("terminal"), None, None, ""),
            (&[], None, None, None, ""),
        ] {
            let place = locate(&environment(variables));
            assert_eq!(
                (place.terminal.as_deref(), place.server.as_deref(), place.pane.as_deref()),
                (terminal, server, pane)
            );
            let target = (terminal == Some("zellij")).then_some("work:4");
            assert_eq!(place.target.as_deref(), target);
            let names: Vec<&str> =
                place.others.iter().map(|other| other.terminal.as_str()).collect();
            assert_eq!(names.join(" "), others);
        }
    }
}
