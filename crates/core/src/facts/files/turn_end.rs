//! How a turn ended, where only the transcript can tell.

use super::Wanted;
use crate::facts::{Facts, Ignored, Turn, TurnState};
use crate::observation::TurnOver;
use crate::time::Stamp;

impl Facts {
    pub(super) fn take_turn_over(
        &mut self,
        how: &TurnOver,
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
            TurnOver::Interrupted => {
                self.forget_own(at);
                self.requests.close(|_| true);
                self.turn = Turn { since: at, ends: self.turn.ends, ..Turn::default() };
            }
            TurnOver::Finished { message } => {
                self.end_turn(TurnState::Done, None, at, message.clone());
            }
            TurnOver::Failed { error, detail } => {
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
            self.files.looks.push(wanted.map_or(Wanted::NoTurnEnd, Wanted::TurnEndToCome));
        }
    }
}
