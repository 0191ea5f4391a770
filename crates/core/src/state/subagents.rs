//! Applies the events of subagents. They carry the session's id and the subagent's own, and come between the
//! session's own events in any order.

use super::turn::{TurnEvidence, TurnState};
use super::{Ignored, RowState, SubagentState};
use crate::MAX_SUBAGENTS;
use crate::evidence::event::{BackgroundTask, Event, Report};
use crate::session::identity::SubagentId;

impl RowState {
    /// Applies an event of a subagent.
    pub(super) fn apply_subagent_event(
        &mut self,
        subagent: &SubagentId,
        report: &Report,
    ) -> Result<(), Ignored> {
        let stamp = report.stamp;
        if self.last_status.is_none() && self.turn.state == TurnState::AtPrompt {
            // The first event of the session is a subagent's, so a turn runs.
            self.begin_unannounced_turn(TurnEvidence::Assumed, None, stamp);
        }
        let ended = self
            .ended_subagents
            .iter()
            .rev()
            .find(|(id, _)| id == subagent)
            .is_some_and(|(_, at)| !at.is_before(stamp));
        match &report.event {
            Event::SubagentEnded => {
                let before = (self.subagents.len(), self.background.len(), self.prompts.len());
                self.subagents
                    .retain(|known| known.id != *subagent || stamp.is_before(known.since));
                self.remove_background_task(subagent);
                self.tools.retain(|tool| tool.subagent.as_ref() != Some(subagent));
                self.prompts.close_before(stamp, |owner| owner == Some(subagent));
                if self.ended_subagents.len() == MAX_SUBAGENTS {
                    self.ended_subagents.pop_front();
                }
                self.ended_subagents.push_back((subagent.clone(), stamp));
                let after = (self.subagents.len(), self.background.len(), self.prompts.len());
                // Compaction ends a subagent that never began (harness: compact).
                return if before == after {
                    Err("the end of a subagent that never began")
                } else {
                    self.last_subagent_end = self.last_subagent_end.latest(stamp);
                    Ok(())
                };
            }
            _ if ended => return Err("its subagent has ended"),
            Event::SubagentStarted => self.add_subagent(subagent, report),
            Event::ToolStarted { .. } | Event::ToolEnded { .. } => {
                self.add_subagent(subagent, report);
                self.apply_tool_event(report);
            }
            Event::ToolsEnded => {
                self.tools.retain(|tool| {
                    tool.subagent.as_ref() != Some(subagent) || stamp.is_before(tool.stamp)
                });
                self.prompts.close_before(stamp, |owner| owner == Some(subagent));
            }
            Event::PromptOpened { prompt_kind, tool, text, line, input } => {
                let teammate_text = self.teammate_tool_text(subagent, tool).map(str::to_owned);
                self.add_subagent(subagent, report);
                let shown = match &teammate_text {
                    Some(call) => (call.as_str(), ""),
                    None => (text.as_str(), line.as_str()),
                };
                self.open_prompt(report, *prompt_kind, tool, shown, *input)?;
            }
            _ => {}
        }
        Ok(())
    }

    /// Removes the background task of a subagent that has ended. The tasks of a restored session have no ids.
    fn remove_background_task(&mut self, subagent: &SubagentId) {
        let is_same = |task: &BackgroundTask| task.id == subagent.as_str();
        let position = self.background.iter().position(is_same);
        let position =
            position.or_else(|| self.background.iter().position(|task| task.id.is_empty()));
        if let Some(position) = position {
            self.background.remove(position);
        }
    }

    fn add_subagent(&mut self, subagent: &SubagentId, report: &Report) {
        if self.is_teammate(subagent) {
            return;
        }
        if let Some(known) = self.subagents.iter_mut().find(|known| known.id == *subagent) {
            if known.kind.is_none() {
                known.kind.clone_from(&report.subagent_type);
            }
        } else if self.subagents.len() < MAX_SUBAGENTS {
            self.subagents.push(SubagentState {
                id: subagent.clone(),
                kind: report.subagent_type.clone(),
                since: report.stamp,
            });
        }
    }
}
