//! The status that a program reports to its terminal (OSC 7501, the Program Status Protocol).

use crate::session::place::sanitise_optional;
use crate::session::prompt::PromptKind;
use crate::text::clean;
use crate::{MAX_ID, MAX_LINE, MAX_USER_PROMPT};
use serde::{Deserialize, Serialize};
use std::fmt;

/// A record of the Program Status Protocol, as a program reported it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ProgramRecord {
    /// The id of the record. It is empty for the program itself, and a path such as `deploy/us-east` for a part of it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub id: String,
    /// The state.
    pub state: ProgramState,
    /// The reason why the program is blocked.
    #[serde(rename = "blocked_by", default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<BlockedReason>,
    /// The name of the program, as it calls itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app: Option<String>,
    /// The title of the record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Describes the work, the prompt or the result in one line.
    #[serde(rename = "msg", default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// The progress, 0 to 100 per cent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progress: Option<u8>,
}

/// The state of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProgramState {
    /// The program waits for the next instruction.
    #[default]
    Idle,
    /// The program works.
    Working,
    /// The program cannot continue until the user does something.
    Blocked,
    /// The program has finished a piece of work.
    Done,
    /// The program has failed.
    Error,
    /// The record and all records below it are removed. Without an id, all records are.
    #[serde(rename = "clear")]
    Cleared,
}

impl fmt::Display for ProgramState {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Idle => "idle",
            Self::Working => "working",
            Self::Blocked => "blocked",
            Self::Done => "done",
            Self::Error => "error",
            Self::Cleared => "clear",
        })
    }
}

/// The reason why a program is blocked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BlockedReason {
    /// The user has to approve something.
    Permission,
    /// The user has to answer a question.
    Question,
    /// The user has to log in.
    #[serde(rename = "auth")]
    Authentication,
    /// A reason of a later version of the protocol.
    #[serde(other)]
    Unknown,
}

/// The end of a program. Exactly one of the two is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ProgramEnd {
    /// The exit code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<i32>,
    /// The number of the signal that killed the program.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signal: Option<i32>,
}

impl fmt::Display for ProgramEnd {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.code, self.signal) {
            (Some(code), _) => write!(formatter, "exited with code {code}"),
            (None, Some(signal)) => write!(formatter, "signal {signal}"),
            (None, None) => formatter.write_str("ended"),
        }
    }
}

impl ProgramRecord {
    /// Returns true if `other` is this record or one below it.
    pub fn contains(&self, other: &str) -> bool {
        let below = other.strip_prefix(self.id.as_str());
        self.id.is_empty() || below.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    /// Returns the message with the progress, or the title.
    pub(crate) fn text(&self) -> String {
        let message = self.message.as_deref().or(self.title.as_deref()).unwrap_or_default();
        match self.progress {
            Some(progress) => format!("{message} {progress}%").trim().to_owned(),
            None => message.to_owned(),
        }
    }

    /// Cleans and bounds every text.
    pub(crate) fn sanitise(&mut self) {
        self.id = clean(&self.id, MAX_ID, false);
        sanitise_optional(&mut self.app, MAX_ID, false);
        sanitise_optional(&mut self.title, MAX_LINE, false);
        if self.state == ProgramState::Blocked {
            // The user may approve this text, so nothing of it is hidden.
            let message = self.message.take();
            self.message = message.map(|message| PromptKind::Permission.expose(&message));
        } else {
            sanitise_optional(&mut self.message, MAX_USER_PROMPT, false);
        }
        self.progress = self.progress.map(|progress| progress.min(100));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn record_contains_itself_and_the_records_below_it() {
        for (id, other, expected) in [
            ("", "", true),
            ("", "a/b", true),
            ("a", "a", true),
            ("a", "a/b", true),
            ("a", "ab", false),
            ("a/b", "a", false),
        ] {
            let record = ProgramRecord { id: id.to_owned(), ..ProgramRecord::default() };
            assert_eq!(record.contains(other), expected, "{id} {other}");
        }
    }
}
