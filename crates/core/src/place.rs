use crate::text::clean;
use crate::{MAX_LINE, MAX_PATH};
use serde::{Deserialize, Serialize};

/// Where an agent runs. Every field but the host may be unknown.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Place {
    /// The machine's name.
    pub host: String,
    /// The innermost multiplexer, else the terminal: `tmux`, `zellij`, `kitty`, …
    #[serde(skip_serializing_if = "Option::is_none")]
    pub terminal: Option<String>,
    /// Which server of that multiplexer: a socket path or a session name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server: Option<String>,
    /// The pane, in that terminal's own words (tmux: `%7`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pane: Option<String>,
    /// The pane as a person would write it (tmux: `main:2.1`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// The terminal device's path (`/dev/pts/3`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tty: Option<String>,
}

impl Place {
    /// The same host and terminal device, without a pane: a nested agent never claims its parent's.
    #[must_use]
    pub fn without_pane(self) -> Self {
        Self { terminal: None, server: None, pane: None, target: None, ..self }
    }

    pub(crate) fn sanitise(&mut self) {
        self.host = clean(&self.host, MAX_LINE, false);
        for field in [&mut self.terminal, &mut self.pane, &mut self.target, &mut self.tty] {
            sanitise_optional(field, MAX_LINE, false);
        }
        sanitise_optional(&mut self.server, MAX_PATH, false);
    }
}

/// Cleans and bounds an optional text in place; an empty one becomes unknown.
pub(crate) fn sanitise_optional(field: &mut Option<String>, max: usize, multiline: bool) {
    if let Some(text) = field {
        *text = clean(text, max, multiline);
        if text.is_empty() {
            *field = None;
        }
    }
}
