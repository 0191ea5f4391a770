use crate::exact::{Exact, expose};
use crate::session::identity::{InputDigest, SubagentId, ToolUseId};
use crate::session::status::Status;
use crate::time::Stamp;
use crate::{MAX_REQUEST_TEXT, MAX_REQUESTS};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// What a person is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PromptKind {
    /// May this tool run?
    Permission,
    /// The agent asks something.
    Question,
    /// May this plan be carried out?
    Plan,
}

impl PromptKind {
    /// The status of a session that waits for this.
    pub const fn status(self) -> Status {
        match self {
            Self::Permission => Status::Permission,
            Self::Question => Status::Question,
            Self::Plan => Status::Plan,
        }
    }

    /// How the text of such a request is shown: nothing in it is hidden.
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

/// What a session waits for, as views see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prompt {
    /// What kind of answer is asked for.
    pub kind: PromptKind,
    /// The tool that asks, in the agent's own word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool: Option<String>,
    /// The whole question, plan or input of the tool (shown by [`crate::reveal`], bounded by [`crate::MAX_REQUEST_TEXT`]).
    pub text: String,
    /// The subagent that asks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subagent: Option<SubagentId>,
}

/// A request that nobody has answered yet, as far as we know.
#[derive(Debug, Clone)]
pub(crate) struct OpenPrompt {
    pub(crate) request: Prompt,
    /// What it asks in a line, where it came with one.
    pub(crate) line: String,
    pub(crate) input: InputDigest,
    /// The call it belongs to, once its tool is known: the request itself bears no id.
    pub(crate) tool_use: Option<ToolUseId>,
    pub(crate) stamp: Stamp,
    /// Tells one request from the next of the same words.
    pub(crate) serial: u64,
    /// A view gave it back, and with it neither its input nor its call.
    restored: bool,
    /// The agent's file told of it, and no hook did.
    pub(crate) by_file: bool,
    /// The agent went on: a person has answered this one, or another of those that stand in line.
    released: bool,
}

/// What an event says of the request it ends.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Answer<'a> {
    pub(crate) subagent: Option<&'a SubagentId>,
    pub(crate) tool: &'a str,
    pub(crate) tool_use: Option<&'a ToolUseId>,
    pub(crate) input: InputDigest,
    pub(crate) stamp: Stamp,
}

/// The requests of one row: those open, and those lately answered (a late twin must not reopen one).
#[derive(Debug, Clone, Default)]
pub(crate) struct Prompts {
    open: Vec<OpenPrompt>,
    answered: VecDeque<Answered>,
    serial: u64,
}

#[derive(Debug, Clone)]
struct Answered {
    subagent: Option<SubagentId>,
    tool: String,
    input: InputDigest,
    stamp: Stamp,
}

impl Prompts {
    /// The one a person sees first: agents show one dialog at a time, the oldest.
    pub(crate) fn first(&self) -> Option<&OpenPrompt> {
        self.open.iter().find(|open| !open.released)
    }

    pub(crate) fn len(&self) -> usize {
        self.open.len()
    }

    /// Whether a request, answered or not, is of a moment that `picks` picks.
    pub(crate) fn any(&self, picks: impl Fn(Stamp) -> bool) -> bool {
        self.open.iter().any(|open| picks(open.stamp))
    }

    /// Opens a request. False if it is a twin of one open or answered already.
    pub(crate) fn open(
        &mut self,
        request: Prompt,
        line: &str,
        input: InputDigest,
        tool_use: Option<ToolUseId>,
        stamp: Stamp,
    ) -> bool {
        let tool = request.tool.as_deref().unwrap_or_default();
        let answered = self.answered.iter().any(|answered| {
            answered.subagent == request.subagent
                && answered.tool == tool
                && (answered.input == input || request.kind != PromptKind::Permission)
                && !answered.stamp.is_before(stamp)
        });
        let twin = self.open.iter().any(|open| {
            open.request.subagent == request.subagent
                && open.request.tool == request.tool
                && open.input == input
        });
        if answered || twin {
            return false;
        }
        // What the file told of is this request.
        let known = self.open.iter().position(|open| open.by_file);
        let known = known.map(|position| self.open.remove(position));
        if self.open.len() == MAX_REQUESTS {
            self.open.remove(0);
        }
        let serial = match known {
            Some(known) if known.request.kind == request.kind => known.serial,
            _ => {
                self.serial += 1;
                self.serial
            }
        };
        let position = self.open.partition_point(|open| !stamp.is_before(open.stamp));
        self.open.insert(
            position,
            OpenPrompt {
                request,
                line: line.to_owned(),
                input,
                tool_use,
                stamp,
                serial,
                restored: false,
                by_file: false,
                released: false,
            },
        );
        true
    }

    /// Opens a request that only the agent's file tells of.
    pub(crate) fn open_by_file(
        &mut self,
        kind: PromptKind,
        tool: Option<String>,
        text: String,
        subagent: Option<SubagentId>,
        stamp: Stamp,
    ) {
        if self.open.len() == MAX_REQUESTS {
            self.open.remove(0);
        }
        self.serial += 1;
        self.open.push(OpenPrompt {
            request: Prompt { kind, tool, text, subagent },
            line: String::new(),
            input: InputDigest::default(),
            tool_use: None,
            stamp,
            serial: self.serial,
            restored: false,
            by_file: true,
            released: false,
        });
    }

    /// The agent goes on: none of those that `is_over` picks is on its screen any more. Which of them
    /// was answered is not told, so they are kept until their tools' ends.
    pub(crate) fn release(&mut self, is_over: impl Fn(Stamp) -> bool) {
        self.open.retain(|open| !(open.by_file && is_over(open.stamp)));
        for open in self.open.iter_mut().filter(|open| is_over(open.stamp)) {
            open.released = true;
        }
    }

    /// A dialog is on the screen that no event told of: one of those that stood in line behind the one
    /// that was answered. False if none did.
    pub(crate) fn take_up(&mut self) -> bool {
        let mut waiting = self.open.iter_mut().filter(|open| open.released).skip(1).peekable();
        let any = waiting.peek().is_some();
        for open in waiting {
            open.released = false;
        }
        any
    }

    /// A dialog of which only the file told gets the words that came later.
    pub(crate) fn word(&mut self, text: &str, stamp: Stamp) {
        let first = self.open.iter_mut().find(|open| !open.released);
        let unnamed = first.filter(|open| open.by_file && open.request.tool.is_none());
        if let Some(open) = unnamed.filter(|open| !text.is_empty() && !stamp.is_before(open.stamp))
        {
            text.clone_into(&mut open.request.text);
        }
    }

    /// Ends every request of a moment that `is_over` picks.
    pub(crate) fn close(&mut self, is_over: impl Fn(Stamp) -> bool) {
        self.open.retain(|open| !is_over(open.stamp));
    }

    /// Ends every request that `picks` picks, with the moment when it was opened.
    pub(crate) fn close_answered(&mut self, picks: impl Fn(&Prompt, Stamp) -> bool) {
        self.open.retain(|open| !picks(&open.request, open.stamp));
    }

    /// Opens a request that a view gave back.
    pub(crate) fn open_restored(&mut self, request: Prompt) {
        if self.open(request, "", InputDigest::default(), None, Stamp::default())
            && let Some(open) = self.open.last_mut()
        {
            open.restored = true;
        }
    }

    /// What a subagent waits for.
    pub(crate) fn of(&self, subagent: &SubagentId) -> Option<&OpenPrompt> {
        self.open
            .iter()
            .find(|open| !open.released && open.request.subagent.as_ref() == Some(subagent))
    }

    /// Tells a request which call it belongs to, when the tool's event came after the request's.
    pub(crate) fn pair(
        &mut self,
        subagent: Option<&SubagentId>,
        tool: &str,
        input: InputDigest,
        tool_use: &ToolUseId,
    ) {
        if let Some(open) = self.open.iter_mut().find(|open| {
            open.tool_use.is_none()
                && open.request.subagent.as_ref() == subagent
                && open.request.tool.as_deref() == Some(tool)
                && open.input == input
        }) {
            open.tool_use = Some(tool_use.clone());
        }
    }

    /// Ends the request that `answer` answers, and remembers the answer. True if one was open.
    pub(crate) fn answer(&mut self, answer: Answer<'_>) -> bool {
        // The same event twice must not end the next request of the same tool.
        let is_twin = self.answered.iter().any(|answered| {
            answered.subagent.as_ref() == answer.subagent
                && answered.tool == answer.tool
                && answered.stamp == answer.stamp
        });
        if is_twin {
            return false;
        }
        let position = self.open.iter().position(|open| {
            if open.request.subagent.as_ref() != answer.subagent
                || answer.stamp.is_before(open.stamp)
            {
                return false;
            }
            if let (Some(mine), Some(its)) = (&open.tool_use, answer.tool_use) {
                return mine == its;
            }
            // An answered question's or plan's input differs from the asked one's (the answers are
            // in it), so the tool's name has to do.
            open.request.tool.as_deref() == Some(answer.tool)
                && (open.input == answer.input
                    || open.restored
                    || open.request.kind != PromptKind::Permission)
        });
        let input = position.map_or(answer.input, |position| self.open[position].input);
        if self.answered.len() == MAX_REQUESTS {
            self.answered.pop_front();
        }
        self.answered.push_back(Answered {
            subagent: answer.subagent.cloned(),
            tool: answer.tool.to_owned(),
            input,
            stamp: answer.stamp,
        });
        position.map(|position| self.open.remove(position)).is_some()
    }

    /// Ends every request older than `stamp` that `whose` picks.
    pub(crate) fn close_before(
        &mut self,
        stamp: Stamp,
        whose: impl Fn(Option<&SubagentId>) -> bool,
    ) {
        self.open
            .retain(|open| stamp.is_before(open.stamp) || !whose(open.request.subagent.as_ref()));
    }

    pub(crate) fn clear(&mut self) {
        self.open.clear();
    }
}
