use crate::MAX_PROMPT_TEXT;
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
        Exact { max: MAX_PROMPT_TEXT, multiline: true, prose }
    }

    pub(crate) fn expose(self, text: &str) -> String {
        expose(text, self.exact())
    }

    pub(crate) fn expose_line(self, text: &str, max: usize) -> String {
        expose(text, Exact { max, multiline: false, ..self.exact() })
    }
}

/// The name of the field with the agent's own description, as it stands in the text of a permission.
const DESCRIPTION: &str = "+description:";

/// A permission, question or plan that waits for the user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prompt {
    /// The kind of the prompt.
    pub kind: PromptKind,
    /// The tool, as the agent spells it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool: Option<String>,
    /// The whole question, plan or input of the tool (shown by [`crate::reveal`], bounded by [`crate::MAX_PROMPT_TEXT`]).
    pub text: String,
    /// The subagent, if the prompt is a subagent's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subagent: Option<SubagentId>,
}

impl Prompt {
    /// Returns the first line of the agent's own description of the tool call. It is the last field of the text.
    ///
    /// Another field can imitate it. That hides nothing: the text has the same words, and they are the agent's too.
    pub fn description(&self) -> Option<&str> {
        let lines: Vec<&str> = self.text.lines().collect();
        let last = lines.iter().rposition(|line| line.starts_with(DESCRIPTION))?;
        // A description of several lines begins below its name.
        let mut lines = lines.get(last..)?.iter().map(|line| line.trim());
        let named = lines.next()?.strip_prefix(DESCRIPTION).map(str::trim);
        named.filter(|text| !text.is_empty()).or_else(|| lines.find(|line| !line.is_empty()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn description_is_the_last_field_of_the_text() {
        for (text, expected) in [
            ("make deploy\n+timeout = 5\n+description: Deploy it", Some("Deploy it")),
            ("echo\n+description: false\n+description: Deploy it", Some("Deploy it")),
            ("make\n+description:\nDeploy it\nnow", Some("Deploy it")),
            ("+description: Deploy it", Some("Deploy it")),
            ("make\n+description: ", None),
            ("echo +description: x", None),
            ("", None),
        ] {
            let text = text.to_owned();
            let prompt = Prompt { kind: PromptKind::Permission, tool: None, text, subagent: None };
            assert_eq!(prompt.description(), expected, "{:?}", prompt.text);
        }
    }
}
