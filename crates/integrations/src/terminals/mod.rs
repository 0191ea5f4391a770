//! The terminals and multiplexers, and where their variables say a process runs.

use crate::agents::Lookup;
use crewboard_core::Place;

/// A terminal as its variables show it.
struct Terminal {
    name: &'static str,
    /// Set in every pane of it, and naming the pane where it can be named.
    pane: &'static str,
    /// Which of its servers or sessions.
    server: Option<&'static str>,
}

/// Innermost first: a multiplexer's pane is where a person looks, whatever window shows it.
/// Sources: `tmux(1)`, zellij's and kitty's and `WezTerm`'s documentation of their environment.
const TERMINALS: [Terminal; 7] = [
    Terminal { name: "tmux", pane: "TMUX_PANE", server: Some("TMUX") },
    Terminal { name: "zellij", pane: "ZELLIJ_PANE_ID", server: Some("ZELLIJ_SESSION_NAME") },
    Terminal { name: "screen", pane: "WINDOW", server: Some("STY") },
    Terminal { name: "wezterm", pane: "WEZTERM_PANE", server: Some("WEZTERM_UNIX_SOCKET") },
    Terminal { name: "kitty", pane: "KITTY_WINDOW_ID", server: Some("KITTY_LISTEN_ON") },
    Terminal { name: "iterm2", pane: "ITERM_SESSION_ID", server: None },
    Terminal { name: "terminal", pane: "TERM_SESSION_ID", server: None },
];

/// Where the variables say their process runs. The host and the tty are not theirs to say.
pub fn place_of(environment: &dyn Lookup) -> Place {
    for terminal in &TERMINALS {
        let Some(pane) = environment.get(terminal.pane) else { continue };
        let server = terminal.server.and_then(|variable| environment.get(variable));
        // screen's WINDOW is too common a name to believe without its session.
        if terminal.name == "screen" && server.is_none() {
            continue;
        }
        // TMUX is socket,pid,session: only the socket names the server.
        let server = server.map(|server| match terminal.name {
            "tmux" => server.split(',').next().unwrap_or_default().to_owned(),
            _ => server,
        });
        return Place {
            terminal: Some(terminal.name.to_owned()),
            server,
            pane: Some(pane),
            ..Place::default()
        };
    }
    let program = environment.get("TERM_PROGRAM").map(|program| program.to_lowercase());
    Place { terminal: program, ..Place::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Variables(&'static [(&'static str, &'static str)]);

    impl Lookup for Variables {
        fn get(&self, name: &str) -> Option<String> {
            let found = self.0.iter().find(|(variable, _)| *variable == name);
            found.map(|(_, value)| (*value).to_owned())
        }
    }

    #[test]
    fn the_innermost_multiplexer_wins() {
        for (variables, terminal, server, pane) in [
            (
                &[
                    ("TMUX", "/tmp/tmux-1000/default,27123,0"),
                    ("TMUX_PANE", "%7"),
                    ("KITTY_WINDOW_ID", "3"),
                ][..],
                Some("tmux"),
                Some("/tmp/tmux-1000/default"),
                Some("%7"),
            ),
            (
                &[("ZELLIJ", "0"), ("ZELLIJ_SESSION_NAME", "work"), ("ZELLIJ_PANE_ID", "4")],
                Some("zellij"),
                Some("work"),
                Some("4"),
            ),
            (&[("WINDOW", "1")], None, None, None),
            (
                &[("WINDOW", "1"), ("STY", "12.pts-0.box")],
                Some("screen"),
                Some("12.pts-0.box"),
                Some("1"),
            ),
            (&[("TERM_PROGRAM", "vscode")], Some("vscode"), None, None),
            (&[], None, None, None),
        ] {
            let place = place_of(&Variables(variables));
            assert_eq!(
                (place.terminal.as_deref(), place.server.as_deref(), place.pane.as_deref()),
                (terminal, server, pane)
            );
        }
    }
}
