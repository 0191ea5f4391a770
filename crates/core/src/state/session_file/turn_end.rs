//! How a turn ended, where only the transcript can tell.

use super::LookupRequest;
use crate::evidence::observation::TurnEnd;
use crate::state::{Ignored, RowState, Turn, TurnState};
use crate::time::Stamp;

impl RowState {
    pub(super) fn take_turn_over(
        &mut self,
        how: &TurnEnd,
        at: Stamp,
        awaited: Option<Stamp>,
    ) -> Result<(), Ignored> {
        let is_of_this_turn =
            self.turn.unexplained || awaited.is_some() && self.turn.state == TurnState::Working;
        if !is_of_this_turn {
            return Err("a hook has told since");
        }
        let at = self.turn.since.latest(at);
        match how {
            TurnEnd::Interrupted => {
                self.forget_own(at);
                self.requests.close(|_| true);
                self.turn = Turn { since: at, ends: self.turn.ends, ..Turn::default() };
            }
            TurnEnd::Finished { message } => {
                self.end_turn(TurnState::Done, None, at, message.clone());
            }
            TurnEnd::Failed { error, detail } => {
                self.fail_turn(None, at, error, detail);
            }
        }
        Ok(())
    }

    /// Where no file tells of the turn's end, the transcript may, for as long as the turn runs.
    pub(crate) fn await_turn_end(&mut self) {
        let is_untold = self.files.blind || self.mates_keep_file_busy();
        let runs = is_untold && self.ended.is_none() && self.turn.state == TurnState::Working;
        let wanted = runs.then_some(self.turn.since);
        if self.files.awaited != wanted {
            self.files.awaited = wanted;
            self.files
                .looks
                .push(wanted.map_or(LookupRequest::NoTurnEnd, LookupRequest::TurnEndToCome));
        }
    }
}
