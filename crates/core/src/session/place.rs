use crate::text::clean_in_place;
use crate::{MAX_LINE, MAX_OTHERS, MAX_PATH};
use serde::{Deserialize, Serialize};

/// The place in which an agent runs. Only the host is always known.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Place {
    /// The machine's name.
    pub host: String,
    /// The innermost multiplexer, or else the terminal: `tmux`, `zellij`, `kitty`, …
    #[serde(skip_serializing_if = "Option::is_none")]
    pub terminal: Option<String>,
    /// The server of that multiplexer: a socket path or a session name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server: Option<String>,
    /// The pane, as that terminal spells it (tmux: `%7`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pane: Option<String>,
    /// The pane as the user would write it (zellij: `main:2`). Few terminals have one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// The terminal device's path (`/dev/pts/3`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tty: Option<String>,
    /// The other terminals whose variables are set, the likeliest first. The agent runs in one of them if the
    /// variables for `terminal` and `pane` are left over from another terminal.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub others: Vec<Pane>,
}

/// A pane, as a terminal's variables name it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Pane {
    /// The terminal: `tmux`, `kitty`, …
    pub terminal: String,
    /// The terminal's server: a socket path or a session name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server: Option<String>,
    /// The pane, as that terminal spells it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pane: Option<String>,
}

impl Place {
    /// Returns every pane that the environment variables name, the innermost first.
    pub fn panes(&self) -> Vec<Pane> {
        let first = self.terminal.clone().map(|terminal| Pane {
            terminal,
            server: self.server.clone(),
            pane: self.pane.clone(),
        });
        first.into_iter().chain(self.others.iter().cloned()).collect()
    }

    /// Returns the same host and terminal device without a pane. A nested agent never claims its parent's pane.
    #[must_use]
    pub fn without_pane(self) -> Self {
        Self { terminal: None, server: None, pane: None, target: None, others: Vec::new(), ..self }
    }

    pub(crate) fn sanitise(&mut self) {
        clean_in_place(&mut self.host, MAX_LINE, false);
        for field in [&mut self.terminal, &mut self.pane, &mut self.target, &mut self.tty] {
            sanitise_optional(field, MAX_LINE, false);
        }
        sanitise_optional(&mut self.server, MAX_PATH, false);
        self.others.truncate(MAX_OTHERS);
        for other in &mut self.others {
            clean_in_place(&mut other.terminal, MAX_LINE, false);
            sanitise_optional(&mut other.server, MAX_PATH, false);
            sanitise_optional(&mut other.pane, MAX_LINE, false);
        }
    }
}

/// Cleans and bounds an optional text in place. An empty text becomes `None`.
pub(crate) fn sanitise_optional(field: &mut Option<String>, max: usize, multiline: bool) {
    if let Some(text) = field {
        clean_in_place(text, max, multiline);
        if text.is_empty() {
            *field = None;
        }
    }
}

/// Cleans and bounds the path of a directory in place and normalises it, so that one directory does not count as
/// two. A `..` stays, because its target depends on links.
pub(crate) fn sanitise_directory(field: &mut Option<String>) {
    sanitise_optional(field, MAX_PATH, false);
    if let Some(path) = field {
        *path = normalise_path(path);
    }
}

/// Returns an absolute path without doubled slashes, trailing slashes and `.`.
pub(crate) fn normalise_path(path: &str) -> String {
    if !path.starts_with('/') {
        return path.to_owned();
    }
    let parts = path.split('/').filter(|part| !matches!(*part, "" | "."));
    let spelled: String = parts.flat_map(|part| ["/", part]).collect();
    if spelled.is_empty() { "/".to_owned() } else { spelled }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directory_has_one_spelling() {
        for (path, spelled) in [
            ("/home/dev/.w", "/home/dev/.w"),
            ("/home/dev/.w/", "/home/dev/.w"),
            ("//home//dev/./.w//", "/home/dev/.w"),
            ("/home/dev/x/../.w", "/home/dev/x/../.w"),
            ("/", "/"),
            ("//.", "/"),
            ("relative/", "relative/"),
        ] {
            assert_eq!(normalise_path(path), spelled, "{path}");
        }
    }
}
