//! The senses of the daemon, and those that the system does not provide.

use std::collections::BTreeMap;
use std::fmt::Display;

/// A sense of the daemon: changes that the system reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Sense {
    Processes,
    Files,
    Sockets,
    Configuration,
}

impl Sense {
    /// Names the sense that is missing.
    fn name(self) -> &'static str {
        match self {
            Self::Processes => "process watch unavailable",
            Self::Files => "file watch unavailable",
            Self::Sockets => "socket watch unavailable",
            Self::Configuration => "configuration not read",
        }
    }

    /// Describes the consequence for the user.
    fn consequence(self) -> &'static str {
        match self {
            Self::Processes => "a killed agent is noticed when a client asks",
            Self::Files => "a status that no hook reports is noticed when a client asks",
            Self::Sockets => "the sockets are checked once a second",
            Self::Configuration => {
                "the defaults apply to the daemon; CREWBOARD_CONFIG can name a local file"
            }
        }
    }
}

/// The senses that the system does not provide.
#[derive(Debug, Default)]
pub(crate) struct MissingSenses {
    lines: BTreeMap<Sense, String>,
}

impl MissingSenses {
    /// Notes that a sense is missing. Returns the line for the log the first time.
    pub(crate) fn note(&mut self, sense: Sense, why: &dyn Display) -> Option<String> {
        if self.lines.contains_key(&sense) {
            return None;
        }
        let line = format!("{} ({why}): {}", sense.name(), sense.consequence());
        self.lines.insert(sense, line.clone());
        Some(format!("degraded: {line}"))
    }

    /// Returns a line for each missing sense.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.lines.values().cloned().collect()
    }
}
