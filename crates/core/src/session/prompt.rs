use crate::MAX_REQUEST_TEXT;
use crate::exact::{Exact, expose};
use crate::session::identity::SubagentId;
use crate::session::status::Status;
use serde::{Deserialize, Serialize};

/// The kind of a prompt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PromptKind {
    /// The user approves or denies a tool.
    Permission,
    /// The user answers a question.
    Question,
    /// The user approves or denies a plan.
    Plan,
}

impl PromptKind {
    /// Returns the kind of prompt that a session of this status shows.
    pub const fn of_status(status: Status) -> Option<Self> {
        match status {
            Status::Permission => Some(Self::Permission),
            Status::Question => Some(Self::Question),
            Status::Plan => Some(Self::Plan),
            _ => None,
        }
    }

    /// Returns the status of a session that shows such a prompt.
    pub const fn status(self) -> Status {
        match self {
            Self::Permission => Status::Permission,
            Self::Question => Status::Question,
            Self::Plan => Status::Plan,
        }
    }

    /// Returns the form in which the text of such a prompt is shown. It hides nothing.
    pub const fn exact(self) -> Exact {
        let prose = !matches!(self, Self::Permission);
        Exact { max: MAX_REQUEST_TEXT, multiline: true, prose }
    }

    pub(crate) fn expose(self, text: &str) -> String {
        expose(text, self.exact())
    }

    pub(crate) fn expose_line(self, text: &str, max: usize) -> String {
        expose(text, Exact { max, multiline: false, ..self.exact() })
    }
}

/// A permission, question or plan that waits for the user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prompt {
    /// The kind of the prompt.
    pub kind: PromptKind,
    /// The tool, as the agent spells it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool: Option<String>,
    /// The whole question, plan or input of the tool (shown by [`crate::reveal`], bounded by [`crate::MAX_REQUEST_TEXT`]).
    pub text: String,
    /// The subagent, if the prompt is a subagent's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subagent: Option<SubagentId>,
}
