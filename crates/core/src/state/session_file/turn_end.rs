//! Applies the end of a turn that only the transcript shows.

use super::LookupRequest;
use crate::evidence::observation::TurnEnd;
use crate::session::prompt::PromptKind;
use crate::session::status::Status;
use crate::state::{Ignored, RowState};
use crate::time::Stamp;

impl RowState {
    /// Applies the end of the turn, unless a hook has reported it since. `awaited_turn` is the start of the turn that
    /// the daemon watched.
    pub(super) fn apply_transcript_end(
        &mut self,
        how: &TurnEnd,
        at: Stamp,
        awaited_turn: Option<Stamp>,
    ) -> Result<(), Ignored> {
        if let TurnEnd::PlanOffered { plan } = how
            && self.turn.end_status() == Some(Status::Done)
            && self.prompts.first().is_none()
        {
            // A hook reported the end, and the transcript shows the plan.
            self.prompts.open_by_file(PromptKind::Plan, None, plan.clone(), None, at);
            return Ok(());
        }
        let is_of_this_turn =
            self.turn.is_end_unknown() || awaited_turn.is_some() && self.turn.is_working();
        if let TurnEnd::Finished { message } = how
            && self.needs_message()
        {
            self.turn.message.clone_from(message);
            return Ok(());
        }
        if !is_of_this_turn {
            return Err("a hook has reported it since");
        }
        let at = self.turn.since.latest(at);
        let id = self.turn.id.clone();
        match how {
            TurnEnd::Interrupted => {
                self.clear_own_before(at);
                self.prompts.close(|_| true);
                self.turn.reset(at);
            }
            TurnEnd::Finished { message } => {
                self.finish_turn(id, at, message.clone());
            }
            TurnEnd::PlanOffered { plan } => {
                self.finish_turn(id, at, String::new());
                self.prompts.open_by_file(PromptKind::Plan, None, plan.clone(), None, at);
            }
            TurnEnd::Failed { error, detail } => {
                self.fail_turn(id, at, error, detail);
            }
        }
        Ok(())
    }

    /// Requests the turn's end from the transcript for as long as the turn runs, if the file does not show it.
    pub(crate) fn await_turn_end(&mut self) {
        let is_hidden =
            self.files.unreadable || self.files.transcript_only || self.teammates_keep_file_busy();
        let runs = is_hidden && self.ended.is_none() && self.turn.is_working();
        let wanted = runs.then_some(self.turn.since);
        if self.files.awaited_turn != wanted {
            self.files.awaited_turn = wanted;
            self.files
                .lookups
                .push(wanted.map_or(LookupRequest::CancelNextTurnEnd, LookupRequest::NextTurnEnd));
        }
    }
}
