//! Applies what `crewboard run` reports about its program: the start, the records of the Program Status Protocol, the end.
//!
//! These events have a source of their own, the program's terminal. If hooks or a session file report the session too,
//! they decide its status, and the program's records change nothing.

use super::tools::RunningTool;
use super::turn::TurnEvidence;
use super::{Ended, Ignored, RowState, SubagentState};
use crate::MAX_SUBAGENTS;
use crate::evidence::event::{Event, Report};
use crate::evidence::program::{BlockedReason, ProgramEnd, ProgramRecord, ProgramState};
use crate::session::End;
use crate::session::identity::{InputDigest, SubagentId};
use crate::session::prompt::PromptKind;
use crate::time::Stamp;

/// The activity of a program that has not reported a status.
const RUNNING: &str = "running";

/// The evidence of the program's terminal.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct ProgramEvidence {
    /// The program has reported a status, and has not removed it.
    has_status: bool,
    /// The stamp of the last record.
    latest: Stamp,
}

impl RowState {
    /// Applies an event of `crewboard run`. Returns `None` for any other event.
    pub(super) fn apply_program_event(&mut self, report: &Report) -> Option<Result<(), Ignored>> {
        let result = match &report.event {
            Event::ProgramExited(end) => {
                self.apply_program_end(*end, report.stamp);
                Ok(())
            }
            Event::ProgramStarted | Event::ProgramReported(_) if self.ended.is_some() => {
                Err("the session has ended")
            }
            Event::ProgramStarted => {
                self.program.get_or_insert_default();
                self.show_running(report.stamp);
                Ok(())
            }
            Event::ProgramReported(record) => self.apply_record(report, record),
            _ => return None,
        };
        Some(result)
    }

    /// Returns true if only the program's terminal has reported the session.
    pub(crate) fn is_only_a_program(&self) -> bool {
        self.program.is_some() && !self.has_other_evidence()
    }

    /// Returns true if the status of the program is not known.
    pub(super) fn is_silent_program(&self) -> bool {
        self.is_only_a_program() && self.program.is_some_and(|program| !program.has_status)
    }

    fn has_other_evidence(&self) -> bool {
        !self.has_no_event() || self.files.has_status()
    }

    /// Shows the program as running, unless something else is known of it.
    fn show_running(&mut self, stamp: Stamp) {
        if self.is_silent_program() {
            self.begin_unannounced_turn(TurnEvidence::Assumed, None, stamp);
            self.start_tool(RunningTool::from_text(RUNNING, stamp));
        }
    }

    fn apply_record(&mut self, report: &Report, record: &ProgramRecord) -> Result<(), Ignored> {
        let program = self.program.get_or_insert_default();
        if report.stamp.is_before(program.latest) {
            return Err("older than the last report of the program");
        }
        program.latest = report.stamp;
        if record.id.is_empty() {
            program.has_status = record.state != ProgramState::Cleared;
        }
        if self.has_other_evidence() {
            return Err("its hooks or its session file report the session");
        }
        if record.state == ProgramState::Blocked && self.shows_prompt(record) {
            return Err("the prompt is known");
        }
        if record.state == ProgramState::Cleared {
            self.remove_parts(record, report.stamp);
        }
        if record.id.is_empty() {
            self.apply_program_status(report, record)
        } else {
            self.apply_part(report, record)
        }
    }

    fn apply_program_status(
        &mut self,
        report: &Report,
        record: &ProgramRecord,
    ) -> Result<(), Ignored> {
        let stamp = report.stamp;
        let text = record.text();
        self.clear_own_before(stamp);
        match record.state {
            ProgramState::Idle => self.turn.reset(stamp),
            ProgramState::Cleared => self.show_running(stamp),
            ProgramState::Working => {
                self.begin_turn(None, stamp);
                if !text.is_empty() {
                    self.start_tool(RunningTool::from_text(&text, stamp));
                }
            }
            ProgramState::Blocked => {
                self.begin_turn(None, stamp);
                let kind = prompt_kind(record);
                return self.open_prompt(report, kind, "", (&text, ""), InputDigest::default());
            }
            ProgramState::Done => self.finish_turn(None, stamp, text),
            ProgramState::Error => self.fail_turn(None, stamp, &text, ""),
        }
        Ok(())
    }

    /// Applies the record of a part of the program. A part that works or waits for the user is a subagent.
    fn apply_part(&mut self, report: &Report, record: &ProgramRecord) -> Result<(), Ignored> {
        let stamp = report.stamp;
        let id = SubagentId::new(&record.id);
        self.prompts.close_before(stamp, |subagent| subagent == Some(&id));
        if !matches!(record.state, ProgramState::Working | ProgramState::Blocked) {
            self.subagents.retain(|known| known.id != id);
            return Ok(());
        }
        let kind = record.title.clone().or_else(|| record.app.clone());
        if let Some(known) = self.subagents.iter_mut().find(|known| known.id == id) {
            known.kind = kind;
        } else if self.subagents.len() < MAX_SUBAGENTS {
            self.subagents.push(SubagentState { id: id.clone(), kind, since: stamp });
        }
        if record.state == ProgramState::Blocked {
            let of_part = Report { subagent: Some(id), ..report.clone() };
            let (kind, text) = (prompt_kind(record), record.text());
            self.open_prompt(&of_part, kind, "", (&text, ""), InputDigest::default())?;
        }
        Ok(())
    }

    /// Returns true if the prompt of a blocked record is open already. Repeating the report opens no second prompt.
    fn shows_prompt(&self, record: &ProgramRecord) -> bool {
        let subagent = (!record.id.is_empty()).then(|| SubagentId::new(&record.id));
        self.prompts.has(prompt_kind(record), &record.text(), subagent.as_ref())
    }

    /// Removes the parts that a `clear` names.
    fn remove_parts(&mut self, record: &ProgramRecord, stamp: Stamp) {
        self.subagents.retain(|known| !record.contains(known.id.as_str()));
        self.prompts.close_before(stamp, |subagent| {
            subagent.is_some_and(|subagent| record.contains(subagent.as_str()))
        });
    }

    /// Closes the session. If the kernel has reported the end already, only adds how the process ended.
    fn apply_program_end(&mut self, end: ProgramEnd, stamp: Stamp) {
        let is_only_a_program = self.is_only_a_program();
        let how = if end.code.is_some() { End::Exit } else { End::Killed };
        let known = self.ended.take().filter(|known| known.dead);
        self.ended = Some(match known {
            Some(known) if known.how == End::Killed => Ended { how, ..known },
            Some(known) => known,
            None => Ended { how, stamp, dead: false },
        });
        self.clear_open_work();
        // The last message of an agent is worth more than its exit code.
        if is_only_a_program {
            self.turn.message = end.to_string();
        }
    }
}

/// Returns the kind of prompt that a blocked program shows.
fn prompt_kind(record: &ProgramRecord) -> PromptKind {
    match record.reason {
        Some(BlockedReason::Permission) => PromptKind::Permission,
        _ => PromptKind::Question,
    }
}
