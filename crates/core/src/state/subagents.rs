//! What subagents say. Their events bear the session's id and their own, and come between the
//! session's own in any order.

use super::{Ignored, RowState, SubagentState, TurnState};
use crate::MAX_SUBAGENTS;
use crate::evidence::event::{BackgroundTask, Event, Report};
use crate::session::identity::SubagentId;

impl RowState {
    /// Takes in an event of a subagent.
    pub(super) fn take_subagent(
        &mut self,
        subagent: &SubagentId,
        report: &Report,
    ) -> Result<(), Ignored> {
        let stamp = report.stamp;
        if self.shown.is_none() && self.turn.state == TurnState::None {
            // The first we hear of the session is its subagent: something works.
            self.begin_turn(None, stamp);
            self.turn.inferred = true;
        }
        let ended = self
            .ended_subagents
            .iter()
            .rev()
            .find(|(id, _)| id == subagent)
            .is_some_and(|(_, at)| !at.is_before(stamp));
        match &report.event {
            Event::SubagentEnded => {
                let before = (self.subagents.len(), self.background.len(), self.requests.len());
                self.subagents
                    .retain(|known| known.id != *subagent || stamp.is_before(known.since));
                self.end_background(subagent);
                self.tools.retain(|tool| tool.subagent.as_ref() != Some(subagent));
                self.requests.close_before(stamp, |whose| whose == Some(subagent));
                if self.ended_subagents.len() == MAX_SUBAGENTS {
                    self.ended_subagents.pop_front();
                }
                self.ended_subagents.push_back((subagent.clone(), stamp));
                let after = (self.subagents.len(), self.background.len(), self.requests.len());
                // Compaction ends a helper that never began (harness: compact).
                return if before == after {
                    Err("the end of a subagent that never began")
                } else {
                    self.subagents_rest = self.subagents_rest.latest(stamp);
                    Ok(())
                };
            }
            _ if ended => return Err("its subagent has ended"),
            Event::SubagentStarted => self.know_subagent(subagent, report),
            Event::ToolStarted { .. } | Event::ToolEnded { .. } => {
                self.know_subagent(subagent, report);
                self.take_tool(report);
            }
            Event::ToolsEnded => {
                self.tools.retain(|tool| {
                    tool.subagent.as_ref() != Some(subagent) || stamp.is_before(tool.stamp)
                });
                self.requests.close_before(stamp, |whose| whose == Some(subagent));
            }
            Event::RequestOpened { request, tool, text, line, input } => {
                let of_mate = self.call_of_mate(subagent, tool).map(str::to_owned);
                self.know_subagent(subagent, report);
                let shown = match &of_mate {
                    Some(call) => (call.as_str(), ""),
                    None => (text.as_str(), line.as_str()),
                };
                self.open_request(report, *request, tool, shown, *input)?;
            }
            _ => {}
        }
        Ok(())
    }

    /// A subagent in the background is over; of a row given back its task has lost its name.
    fn end_background(&mut self, subagent: &SubagentId) {
        let is_it = |task: &BackgroundTask| task.id == subagent.as_str();
        let position = self.background.iter().position(is_it);
        let position =
            position.or_else(|| self.background.iter().position(|task| task.id.is_empty()));
        if let Some(position) = position {
            self.background.remove(position);
        }
    }

    fn know_subagent(&mut self, subagent: &SubagentId, report: &Report) {
        if self.is_mate(subagent) {
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
