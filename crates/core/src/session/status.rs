use serde::{Deserialize, Serialize};
use std::fmt;

/// The status of a session.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// A tool waits until the user approves or denies it.
    Permission,
    /// The agent asks the user a question.
    Question,
    /// A plan waits until the user approves or denies it.
    Plan,
    /// The turn ended with an API error.
    Failed,
    /// The agent finished its turn.
    Done,
    /// The model or a tool runs.
    Working,
    /// The agent is at its prompt.
    #[default]
    Idle,
    /// The session has ended.
    Closed,
}

impl Status {
    /// All statuses, in the order of the list.
    pub const ALL: [Self; 8] = [
        Self::Permission,
        Self::Question,
        Self::Plan,
        Self::Failed,
        Self::Done,
        Self::Working,
        Self::Idle,
        Self::Closed,
    ];

    /// Returns the word for the status in JSON, in commands and on the screen.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Permission => "permission",
            Self::Question => "question",
            Self::Plan => "plan",
            Self::Failed => "failed",
            Self::Done => "done",
            Self::Working => "working",
            Self::Idle => "idle",
            Self::Closed => "closed",
        }
    }

    /// Returns the status for a word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.word() == word)
    }

    /// Returns true if the agent cannot go on until the user answers.
    pub const fn is_prompt(self) -> bool {
        matches!(self, Self::Permission | Self::Question | Self::Plan)
    }

    /// Returns true if a session of this status needs the user until the user has seen it.
    pub const fn needs_you_until_seen(self) -> bool {
        matches!(self, Self::Failed | Self::Done)
    }
}

impl fmt::Display for Status {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.word())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn status_words_are_unique_and_used_in_json() {
        for status in Status::ALL {
            assert_eq!(Status::from_word(status.word()), Some(status));
            assert_eq!(serde_json::to_string(&status).unwrap(), format!("\"{status}\""));
        }
        assert_eq!(Status::from_word("Working"), None);
    }
}
