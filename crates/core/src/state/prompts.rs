//! The open prompts of one session.

use crate::MAX_OPEN_PROMPTS;
use crate::session::identity::{InputDigest, SubagentId, ToolUseId};
use crate::session::prompt::{Prompt, PromptKind};
use crate::time::Stamp;
use std::collections::VecDeque;

/// A prompt to which no answer is known yet.
#[derive(Debug, Clone)]
pub(crate) struct OpenPrompt {
    pub(crate) prompt: Prompt,
    /// The prompt in one line, if the event had one.
    pub(crate) line: String,
    pub(crate) input: InputDigest,
    /// The tool call, once it is known. The prompt's own event has no id.
    pub(crate) tool_use: Option<ToolUseId>,
    pub(crate) stamp: Stamp,
    /// Distinguishes two prompts with the same text.
    pub(crate) serial: u64,
    /// A client restored the prompt, without its input and its tool call.
    restored: bool,
    /// Only the session file shows the prompt.
    pub(crate) by_file: bool,
    /// The agent has continued, so that the user has answered this prompt or another one of the queue.
    released: bool,
}

/// The event that closes a prompt.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Answer<'a> {
    pub(crate) subagent: Option<&'a SubagentId>,
    pub(crate) tool: &'a str,
    pub(crate) tool_use: Option<&'a ToolUseId>,
    pub(crate) input: InputDigest,
    pub(crate) stamp: Stamp,
}

/// The prompts of one session: the open ones, and those answered recently, which a late duplicate must not reopen.
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
    /// Returns the prompt that the user sees. Agents show one prompt at a time, the oldest.
    pub(crate) fn first(&self) -> Option<&OpenPrompt> {
        self.open.iter().find(|open| !open.released)
    }

    pub(crate) fn len(&self) -> usize {
        self.open.len()
    }

    /// Returns true if `is_match` accepts the stamp of an open prompt.
    pub(crate) fn any(&self, is_match: impl Fn(Stamp) -> bool) -> bool {
        self.open.iter().any(|open| is_match(open.stamp))
    }

    /// Returns true if a prompt of this kind, text and subagent is open.
    pub(crate) fn has(&self, kind: PromptKind, text: &str, subagent: Option<&SubagentId>) -> bool {
        self.open.iter().any(|open| {
            let prompt = &open.prompt;
            prompt.kind == kind && prompt.text == text && prompt.subagent.as_ref() == subagent
        })
    }

    /// Returns true if `is_match` accepts the stamp of an open prompt that was not released.
    pub(crate) fn any_shown(&self, is_match: impl Fn(Stamp) -> bool) -> bool {
        self.open.iter().any(|open| !open.released && is_match(open.stamp))
    }

    /// Opens a prompt. Returns false if it duplicates a prompt that is open or answered.
    pub(crate) fn open(
        &mut self,
        prompt: Prompt,
        line: &str,
        input: InputDigest,
        tool_use: Option<ToolUseId>,
        stamp: Stamp,
    ) -> bool {
        let tool = prompt.tool.as_deref().unwrap_or_default();
        let is_answered = self.answered.iter().any(|answered| {
            answered.subagent == prompt.subagent
                && answered.tool == tool
                && (answered.input == input || prompt.kind != PromptKind::Permission)
                && !answered.stamp.is_before(stamp)
        });
        let is_open = self.open.iter().any(|open| {
            open.prompt.subagent == prompt.subagent
                && open.prompt.tool == prompt.tool
                && open.input == input
        });
        if is_answered || is_open {
            return false;
        }
        // This is the prompt that the session file showed already.
        let known = self.open.iter().position(|open| open.by_file);
        let known = known.map(|position| self.open.remove(position));
        if self.open.len() == MAX_OPEN_PROMPTS {
            self.open.remove(0);
        }
        let serial = match known {
            Some(known) if known.prompt.kind == prompt.kind => known.serial,
            _ => {
                self.serial += 1;
                self.serial
            }
        };
        let position = self.open.partition_point(|open| !stamp.is_before(open.stamp));
        self.open.insert(
            position,
            OpenPrompt {
                prompt,
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

    /// Opens a prompt that only the session file shows.
    pub(crate) fn open_by_file(
        &mut self,
        kind: PromptKind,
        tool: Option<String>,
        text: String,
        subagent: Option<SubagentId>,
        stamp: Stamp,
    ) {
        if self.open.len() == MAX_OPEN_PROMPTS {
            self.open.remove(0);
        }
        self.serial += 1;
        self.open.push(OpenPrompt {
            prompt: Prompt { kind, tool, text, subagent },
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

    /// Releases the prompts that `is_over` selects after the agent has continued. It is not known which of them the
    /// user has answered, so they are kept until their tools end.
    pub(crate) fn release(&mut self, is_over: impl Fn(Stamp) -> bool) {
        self.open.retain(|open| !(open.by_file && is_over(open.stamp)));
        for open in self.open.iter_mut().filter(|open| is_over(open.stamp)) {
            open.released = true;
        }
    }

    /// Shows the released prompts again that were queued behind the answered one, because a dialog is open that no
    /// event announced. Returns false if there are none.
    pub(crate) fn reopen_queued(&mut self) -> bool {
        let mut waiting = self.open.iter_mut().filter(|open| open.released).skip(1).peekable();
        let any = waiting.peek().is_some();
        for open in waiting {
            open.released = false;
        }
        any
    }

    /// Sets the text of a dialog that only the session file had shown.
    pub(crate) fn set_dialog_text(&mut self, text: &str, stamp: Stamp) {
        let first = self.open.iter_mut().find(|open| !open.released);
        let unnamed = first.filter(|open| open.by_file && open.prompt.tool.is_none());
        if let Some(open) = unnamed.filter(|open| !text.is_empty() && !stamp.is_before(open.stamp))
        {
            text.clone_into(&mut open.prompt.text);
        }
    }

    /// Closes every prompt whose stamp `is_over` selects.
    pub(crate) fn close(&mut self, is_over: impl Fn(Stamp) -> bool) {
        self.open.retain(|open| !is_over(open.stamp));
    }

    /// Closes every prompt that `is_answered` selects by the prompt and the stamp of its opening.
    pub(crate) fn close_answered(&mut self, is_answered: impl Fn(&Prompt, Stamp) -> bool) {
        self.open.retain(|open| !is_answered(&open.prompt, open.stamp));
    }

    /// Opens a prompt that a client restored.
    pub(crate) fn open_restored(&mut self, prompt: Prompt) {
        if self.open(prompt, "", InputDigest::default(), None, Stamp::default())
            && let Some(open) = self.open.last_mut()
        {
            open.restored = true;
        }
    }

    /// Returns the open prompt of a subagent.
    pub(crate) fn of_subagent(&self, subagent: &SubagentId) -> Option<&OpenPrompt> {
        self.open
            .iter()
            .find(|open| !open.released && open.prompt.subagent.as_ref() == Some(subagent))
    }

    /// Sets the tool call of a prompt whose event came before the tool's.
    pub(crate) fn set_tool_use(
        &mut self,
        subagent: Option<&SubagentId>,
        tool: &str,
        input: InputDigest,
        tool_use: &ToolUseId,
    ) {
        if let Some(open) = self.open.iter_mut().find(|open| {
            open.tool_use.is_none()
                && open.prompt.subagent.as_ref() == subagent
                && open.prompt.tool.as_deref() == Some(tool)
                && open.input == input
        }) {
            open.tool_use = Some(tool_use.clone());
        }
    }

    /// Closes the prompt that `answer` answers, and remembers the answer. Returns true if a prompt was open.
    pub(crate) fn answer(&mut self, answer: Answer<'_>) -> bool {
        // A duplicate event must not close the next prompt of the same tool.
        let is_duplicate = self.answered.iter().any(|answered| {
            answered.subagent.as_ref() == answer.subagent
                && answered.tool == answer.tool
                && answered.stamp == answer.stamp
        });
        if is_duplicate {
            return false;
        }
        let position = self.open.iter().position(|open| {
            if open.prompt.subagent.as_ref() != answer.subagent
                || answer.stamp.is_before(open.stamp)
            {
                return false;
            }
            if let (Some(opened), Some(answered)) = (&open.tool_use, answer.tool_use) {
                return opened == answered;
            }
            // The input of an answered question or plan contains the answers and differs from the input of the
            // prompt, so only the tool's name is compared.
            open.prompt.tool.as_deref() == Some(answer.tool)
                && (open.input == answer.input
                    || open.restored
                    || open.prompt.kind != PromptKind::Permission)
        });
        let input = position.map_or(answer.input, |position| self.open[position].input);
        if self.answered.len() == MAX_OPEN_PROMPTS {
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

    /// Closes every prompt older than `stamp` whose subagent, or lack of one, `is_closed` selects.
    pub(crate) fn close_before(
        &mut self,
        stamp: Stamp,
        is_closed: impl Fn(Option<&SubagentId>) -> bool,
    ) {
        let is_closed = |open: &OpenPrompt| is_closed(open.prompt.subagent.as_ref());
        self.open.retain(|open| stamp.is_before(open.stamp) || !is_closed(open));
    }

    pub(crate) fn clear(&mut self) {
        self.open.clear();
    }
}
