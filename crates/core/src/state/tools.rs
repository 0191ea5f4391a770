//! The running tools of a session and its subagents.

use super::RowState;
use crate::MAX_TOOLS;
use crate::evidence::event::{Event, Report};
use crate::session::identity::{InputDigest, SubagentId, ToolUseId};
use crate::session::prompt::PromptKind;
use crate::state::prompts::Answer;
use crate::time::Stamp;

#[derive(Debug, Clone, Default)]
pub(super) struct RunningTool {
    pub(super) id: Option<ToolUseId>,
    pub(super) tool: String,
    pub(super) text: String,
    pub(super) input: InputDigest,
    /// The kind of prompt that the tool itself shows, if that is its purpose.
    pub(super) asks: Option<PromptKind>,
    pub(super) subagent: Option<SubagentId>,
    pub(super) stamp: Stamp,
}

impl RunningTool {
    /// Creates a tool from the text of a reporter.
    pub(super) fn from_text(text: &str, stamp: Stamp) -> Self {
        Self { text: text.to_owned(), stamp, ..Self::default() }
    }
}

impl RowState {
    /// Applies the start or the end of a tool of the session or of a subagent.
    pub(super) fn apply_tool_event(&mut self, report: &Report) {
        let (subagent, stamp) = (report.subagent.as_ref(), report.stamp);
        match &report.event {
            Event::ToolStarted { tool, text, tool_use, input, asks } => {
                self.start_tool(RunningTool {
                    id: tool_use.clone(),
                    tool: tool.clone(),
                    text: text.clone(),
                    input: *input,
                    asks: *asks,
                    subagent: subagent.cloned(),
                    stamp,
                });
            }
            Event::ToolEnded { tool, tool_use, input } => {
                self.end_tool(subagent, tool, tool_use.as_ref(), *input, stamp);
            }
            _ => {}
        }
    }

    pub(super) fn start_tool(&mut self, tool: RunningTool) {
        if tool.id.is_some() && self.tools.iter().any(|open| open.id == tool.id) {
            return;
        }
        if tool.id.as_ref().is_some_and(|id| self.ended_tools.contains(&id.hash())) {
            return;
        }
        if let Some(id) = &tool.id {
            self.prompts.set_tool_use(tool.subagent.as_ref(), &tool.tool, tool.input, id);
        }
        if self.tools.len() == MAX_TOOLS {
            self.tools.remove(0);
        }
        // Most sessions run one tool at a time.
        self.tools.reserve_exact(1);
        self.tools.push(tool);
    }

    fn end_tool(
        &mut self,
        subagent: Option<&SubagentId>,
        tool: &str,
        tool_use: Option<&ToolUseId>,
        input: InputDigest,
        stamp: Stamp,
    ) {
        self.prompts.answer(Answer { subagent, tool, tool_use, input, stamp });
        if let Some(id) = tool_use {
            if self.ended_tools.len() == MAX_TOOLS {
                self.ended_tools.pop_front();
            }
            self.ended_tools.push_back(id.hash());
        }
        self.tools.retain(|open| {
            let is_same = if tool_use.is_some() && open.id.is_some() {
                open.id.as_ref() == tool_use
            } else {
                open.tool == tool && open.input == input
            };
            open.subagent.as_ref() != subagent || !is_same
        });
    }
}
