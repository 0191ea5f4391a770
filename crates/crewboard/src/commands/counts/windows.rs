//! The option `@crewboard` of each tmux window: the shape of the most urgent session in it.

use crate::command_runner::CommandRunner;
use crate::failure::Failure;
use crate::hook::ProcessVariables;
use crewboard_board::theme::Theme;
use crewboard_core::{CountCategory, Session, Status};
use crewboard_terminals::{Command, Server, System as _, tmux_server};
use std::collections::{BTreeMap, HashMap};

const OPTION: &str = "@crewboard";

/// The windows of the tmux server in which this process runs.
#[derive(Debug)]
pub(super) struct WindowGlyphs {
    socket: String,
}

impl WindowGlyphs {
    /// Returns the windows of the server that `TMUX` names, as in `#()` of its status line.
    pub(super) fn of_this_tmux() -> Result<Self, Failure> {
        let socket = tmux_server(&ProcessVariables);
        let outside = || {
            Failure::usage("--windows needs tmux")
                .hint("use it in `#()` of tmux's status line, as `crewboard tmux print` shows")
        };
        Ok(Self { socket: socket.ok_or_else(outside)? })
    }

    /// Sets the option of each window whose glyph has changed. `rows` are the most urgent first. A server that does not
    /// answer gets the glyphs at the next change.
    pub(super) fn update(&mut self, rows: &[&Session], theme: Theme) {
        let mut runner = CommandRunner::for_background();
        // Another program may have put a socket of its own at this path.
        let server = Server::Socket(&self.socket);
        let own = Some(std::process::id());
        let Ok(address) = runner.verify_server(server, None, own) else { return };
        let format = format!("#{{pane_id}} #{{window_id}} #{{{OPTION}}}");
        let words = ["tmux", "-S", &address, "list-panes", "-a", "-F", &format];
        let Ok(listed) = runner.run(&Command::new(words)) else { return };
        let changes = changes(&listed, &glyphs(rows, &self.socket, theme));
        if !changes.is_empty() {
            let words = ["tmux", "-S", &address].into_iter();
            let words = words.chain(changes.iter().map(String::as_str));
            let _ = runner.run(&Command::new(words));
        }
    }
}

/// Returns each session of this server that counts, by its pane, and its shape.
fn glyphs<'a>(rows: &[&'a Session], socket: &str, theme: Theme) -> Vec<(&'a str, &'static str)> {
    let in_pane = |row: &&'a Session| {
        let place = &row.place;
        let is_here =
            place.terminal.as_deref() == Some("tmux") && place.server.as_deref() == Some(socket);
        let status = match row.counted() {
            CountCategory::Needs(status) => status,
            CountCategory::Working => Status::Working,
            CountCategory::Idle => Status::Idle,
            CountCategory::NotCounted => return None,
        };
        place.pane.as_deref().filter(|_| is_here).map(|pane| (pane, theme.shape(status)))
    };
    rows.iter().filter_map(in_pane).collect()
}

/// Returns the tmux commands that set the option of each window whose glyph differs, separated by `;`. `listed` has a
/// line for each pane: the pane, its window and the present value of the option.
fn changes(listed: &str, glyphs: &[(&str, &str)]) -> Vec<String> {
    let mut panes = HashMap::new();
    let mut windows = BTreeMap::new();
    for line in listed.lines() {
        let mut fields = line.splitn(3, ' ');
        let (Some(pane), Some(window)) = (fields.next(), fields.next()) else { continue };
        panes.insert(pane, window);
        windows.insert(window, fields.next().unwrap_or_default());
    }
    let mut wanted = HashMap::new();
    for (pane, glyph) in glyphs {
        if let Some(window) = panes.get(pane) {
            // The first session is the most urgent one.
            wanted.entry(*window).or_insert(*glyph);
        }
    }
    let mut words: Vec<String> = Vec::new();
    for (window, present) in windows {
        let wanted = wanted.get(window).copied().unwrap_or_default();
        if wanted == present {
            continue;
        }
        if !words.is_empty() {
            words.push(";".to_owned());
        }
        let change: &[&str] = match wanted {
            "" => &["set-option", "-w", "-u", "-t", window, OPTION],
            glyph => &["set-option", "-w", "-t", window, OPTION, glyph],
        };
        words.extend(change.iter().map(|word| (*word).to_owned()));
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use crewboard_board::theme::TERMINAL;
    use crewboard_core::Place;

    #[test]
    fn window_gets_the_shape_of_its_most_urgent_session() {
        let row = |pane: &str, server: &str, status, needs_you| Session {
            status,
            needs_you,
            place: Place {
                terminal: Some("tmux".to_owned()),
                server: Some(server.to_owned()),
                pane: Some(pane.to_owned()),
                ..Place::default()
            },
            ..Session::default()
        };
        let rows = [
            row("%1", "/t", Status::Permission, true),
            row("%9", "/other", Status::Question, true),
            row("%2", "/t", Status::Working, false),
            row("%3", "/t", Status::Working, false),
            row("%4", "/t", Status::Done, false),
            row("%7", "/t", Status::Working, false),
        ];
        let rows: Vec<&Session> = rows.iter().collect();
        let glyphs = glyphs(&rows, "/t", Theme { palette: &TERMINAL, unicode: false });
        assert_eq!(glyphs, [("%1", "!"), ("%2", "*"), ("%3", "*"), ("%7", "*")]);
        // The window @1 has two sessions, @2 shows its glyph already, and @3 has an old one.
        let listed = "%1 @1 *\n%2 @1 *\n%3 @2 *\n%4 @3 x\n%5 @4 \n%9 @5 ";
        assert_eq!(
            changes(listed, &glyphs).join(" "),
            "set-option -w -t @1 @crewboard ! ; set-option -w -u -t @3 @crewboard"
        );
        assert!(changes("%3 @2 *\n%5 @4 ", &glyphs).is_empty());
    }
}
