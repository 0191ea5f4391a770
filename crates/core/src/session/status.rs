use crate::state::prompts::PromptKind;
use serde::{Deserialize, Serialize};
use std::fmt;

/// What a session is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Blocked until a person approves or denies a tool.
    Permission,
    /// The agent asked a person something.
    Question,
    /// A plan waits for approval.
    Plan,
    /// The turn ended in an error of the API.
    Failed,
    /// The agent finished its turn.
    Done,
    /// The model or a tool runs.
    Working,
    /// At its prompt, nothing owed.
    Idle,
    /// Ended.
    Closed,
}

impl Status {
    /// All of them, in the order in which the list shows them.
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

    /// The word in JSON, in commands and on screen.
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

    /// The status of that word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.word() == word)
    }

    /// What a session of this status waits for.
    pub const fn request(self) -> Option<PromptKind> {
        match self {
            Self::Permission => Some(PromptKind::Permission),
            Self::Question => Some(PromptKind::Question),
            Self::Plan => Some(PromptKind::Plan),
            _ => None,
        }
    }

    /// Whether the agent cannot go on until a person answers.
    pub const fn is_prompt(self) -> bool {
        matches!(self, Self::Permission | Self::Question | Self::Plan)
    }

    /// Whether the status calls for a person until it has been seen.
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
    fn a_word_names_one_status_and_json_uses_it() {
        for status in Status::ALL {
            assert_eq!(Status::from_word(status.word()), Some(status));
            assert_eq!(serde_json::to_string(&status).unwrap(), format!("\"{status}\""));
        }
        assert_eq!(Status::from_word("Working"), None);
    }
}
