//! Applies what `crewboard run` reports about its program: the start, the records of the Program Status Protocol, the end.
//!
//! These events have a source of their own, the program's terminal. If hooks or a session file report the session too, the rules
//! of `program_rules` say which record counts.

use super::program_rules::{OtherSources, ReportKind, prompt_kind, rule};
use super::session_file::{Inference, LookupRequest};
use super::tools::RunningTool;
use super::turn::{TurnEvidence, TurnState};
use super::{Ended, Ignored, RowState, SubagentState};
use crate::MAX_SUBAGENTS;
use crate::evidence::event::{Event, Report};
use crate::evidence::program::{ProgramEnd, ProgramRecord, ProgramState};
use crate::session::End;
use crate::session::identity::{InputDigest, SubagentId};
use crate::time::Stamp;

/// The activity of a program that has not reported a status.
const RUNNING: &str = "running";

/// The evidence of the program's terminal.
#[derive(Debug, Clone, Default)]
pub(crate) struct ProgramEvidence {
    /// The status that the program has reported, and has not removed.
    status: Option<ProgramState>,
    /// The stamp of the last record.
    latest: Stamp,
    /// The stamp at which the program last reported that it works.
    worked: Stamp,
    /// The parts that work or wait for the user.
    parts: Vec<SubagentState>,
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

    /// Returns the evidence of the program's terminal.
    pub(crate) fn program_evidence(&self) -> Option<ProgramEvidence> {
        self.program.clone()
    }

    /// Sets the evidence of the terminal of the program that started the agent.
    pub(crate) fn set_program_evidence(&mut self, evidence: Option<ProgramEvidence>) {
        self.program = evidence;
    }

    /// Returns true if the status of the program is not known.
    pub(super) fn is_silent_program(&self) -> bool {
        self.is_only_a_program() && self.program_status().is_none()
    }

    /// Returns the status that the program has reported.
    pub(super) fn program_status(&self) -> Option<ProgramState> {
        self.program.as_ref()?.status
    }

    /// Returns the parts of the program, unless its hooks report them.
    pub(super) fn program_parts(&self) -> &[SubagentState] {
        let parts = self.program.as_ref().map_or(&[][..], |program| &program.parts);
        if rule(ReportKind::Part, self.other_sources()).counts { parts } else { &[] }
    }

    /// Removes the parts of the program.
    pub(super) fn clear_program_parts(&mut self) {
        if let Some(program) = &mut self.program {
            program.parts.clear();
        }
    }

    fn has_other_evidence(&self) -> bool {
        self.other_sources() != OtherSources::Nothing
    }

    fn other_sources(&self) -> OtherSources {
        match (self.has_no_event(), self.files.has_status()) {
            (true, false) => OtherSources::Nothing,
            (true, true) => OtherSources::File,
            (false, false) => OtherSources::Hooks,
            (false, true) => OtherSources::HooksAndFile,
        }
    }

    /// Shows the program as running, unless something else is known of it.
    fn show_running(&mut self, stamp: Stamp) {
        if self.is_silent_program() {
            self.begin_unannounced_turn(TurnEvidence::Assumed, None, stamp);
            self.start_tool(RunningTool::from_text(RUNNING, stamp));
        }
    }

    fn apply_record(&mut self, report: &Report, record: &ProgramRecord) -> Result<(), Ignored> {
        let stamp = report.stamp;
        let program = self.program.get_or_insert_default();
        if stamp.is_before(program.latest) {
            return Err("older than the last report of the program");
        }
        program.latest = stamp;
        if record.id.is_empty() {
            program.status = Some(record.state).filter(|state| *state != ProgramState::Cleared);
            if record.state == ProgramState::Working {
                program.worked = stamp;
            }
        }
        let others = self.other_sources();
        // Parts end though their hooks report them, so that none is left when the hooks fall silent.
        if record.state == ProgramState::Cleared {
            self.remove_parts(record, stamp);
        }
        let rule = rule(ReportKind::of(record), others);
        if !rule.counts {
            return Err(rule.why);
        }
        if self.files.is_moved_to_background() {
            return Err("its conversation moved to another process, which reports its own status");
        }
        if record.state == ProgramState::Blocked && self.shows_prompt(record) {
            return Err("the prompt is known");
        }
        match others {
            _ if !record.id.is_empty() => self.apply_part(report, record),
            OtherSources::Nothing => self.apply_program_status(report, record),
            OtherSources::File => self.apply_status_with_file(report, record),
            OtherSources::Hooks | OtherSources::HooksAndFile => {
                self.apply_status_with_hooks(record.state, stamp);
                Ok(())
            }
        }
    }

    fn apply_program_status(
        &mut self,
        report: &Report,
        record: &ProgramRecord,
    ) -> Result<(), Ignored> {
        let stamp = report.stamp;
        let text = record.text();
        if record.state == ProgramState::Idle && self.turn.end_status().is_some() {
            return Err("the end of its turn is shown until the next turn");
        }
        self.clear_own_before(stamp);
        match record.state {
            ProgramState::Idle => self.turn.reset(stamp),
            ProgramState::Cleared => self.show_running(stamp),
            ProgramState::Working => {
                self.begin_turn(None, stamp);
                self.show_work(&text, stamp);
            }
            ProgramState::Blocked => {
                self.begin_turn(None, stamp);
                return self.open_program_prompt(report, record);
            }
            ProgramState::Done => self.finish_turn(None, stamp, text),
            ProgramState::Error => self.fail_turn(None, stamp, &text, ""),
        }
        Ok(())
    }

    /// Applies a status of a program whose session file shows when a turn begins.
    fn apply_status_with_file(
        &mut self,
        report: &Report,
        record: &ProgramRecord,
    ) -> Result<(), Ignored> {
        let stamp = report.stamp;
        let text = record.text();
        match record.state {
            ProgramState::Working => {
                self.clear_own_before(stamp);
                if self.turn.is_working() {
                    self.show_work(&text, stamp);
                }
            }
            ProgramState::Blocked => {
                self.prompts.close_before(stamp, |subagent| subagent.is_none());
                if !self.turn.is_working() {
                    self.begin_turn(None, stamp);
                }
                return self.open_program_prompt(report, record);
            }
            ProgramState::Done | ProgramState::Error if self.turn.end_status().is_some() => {
                return Err("the end of its turn is known");
            }
            ProgramState::Done => {
                let began = self.turn.since;
                self.finish_turn(None, stamp, text);
                // Claude Code (2.1.332) reports no message.
                if self.turn.message.is_empty() {
                    self.files.lookups.push(LookupRequest::TurnEnd(began));
                }
            }
            ProgramState::Error => self.fail_turn(None, stamp, &text, ""),
            ProgramState::Idle | ProgramState::Cleared => {}
        }
        Ok(())
    }

    /// Shows the text of a program that works, if it has one.
    fn show_work(&mut self, text: &str, stamp: Stamp) {
        if !text.is_empty() {
            self.start_tool(RunningTool::from_text(text, stamp));
        }
    }

    /// Opens the prompt of a blocked record.
    fn open_program_prompt(
        &mut self,
        report: &Report,
        record: &ProgramRecord,
    ) -> Result<(), Ignored> {
        let (kind, text) = (prompt_kind(record), record.text());
        self.open_prompt(report, kind, "", (&text, ""), InputDigest::default())
    }

    /// Applies what hooks do not report: the user has answered a prompt, or has interrupted the turn.
    fn apply_status_with_hooks(&mut self, status: ProgramState, stamp: Stamp) {
        self.prompts.close_before(stamp, |subagent| subagent.is_none());
        if status == ProgramState::Idle && self.turn.is_working() {
            self.clear_own_before(stamp);
            self.turn.reset(stamp);
        }
    }

    /// Returns true if the program has reported the end of its turn without a message.
    pub(super) fn needs_message(&self) -> bool {
        self.program_status() == Some(ProgramState::Done)
            && self.has_no_event()
            && matches!(self.turn.state, TurnState::Done { .. })
            && self.turn.message.is_empty()
    }

    /// Returns true if the program has reported since `stamp` that it is not blocked.
    pub(super) fn is_unblocked_since(&self, stamp: Stamp) -> bool {
        self.program.as_ref().is_some_and(|program| {
            program.status.is_some_and(|status| status != ProgramState::Blocked)
                && stamp.is_before(program.latest)
        })
    }

    /// Begins the turn that a record is about, if the session file was not read while the turn ran.
    pub(super) fn begin_missed_turn(&mut self, report: &Report) -> Option<Inference> {
        let Event::ProgramReported(record) = &report.event else { return None };
        let is_of_turn = match ReportKind::of(record) {
            ReportKind::Prompt | ReportKind::Done | ReportKind::Error => record.id.is_empty(),
            _ => false,
        };
        let is_over = matches!(self.turn.state, TurnState::AtPrompt)
            && !self.files.is_moved_to_background()
            || self.turn.end_status().is_some_and(|_| !self.awaits_confirmation());
        if !is_of_turn || !is_over || self.other_sources() != OtherSources::File {
            return None;
        }
        let ProgramEvidence { worked, latest, .. } = self.program.as_ref()?;
        if report.stamp.is_before(*latest) {
            return None;
        }
        let at = if self.turn.since.is_before(*worked) {
            *worked
        } else if self.turn.end_status().is_none() {
            // A turn that was too short for the file was too short for a report too (tried: dialog-resume).
            report.stamp
        } else {
            return None;
        };
        self.begin_turn(None, at);
        let summary = "worked on a turn that its file did not show";
        Some(Inference { source: report.source.clone(), summary, at })
    }

    /// Applies the record of a part of the program. A part that works or waits for the user is shown.
    fn apply_part(&mut self, report: &Report, record: &ProgramRecord) -> Result<(), Ignored> {
        let stamp = report.stamp;
        let id = SubagentId::new(&record.id);
        self.prompts.close_before(stamp, |subagent| subagent == Some(&id));
        let parts = &mut self.program.get_or_insert_default().parts;
        if !matches!(record.state, ProgramState::Working | ProgramState::Blocked) {
            parts.retain(|known| known.id != id);
            return Ok(());
        }
        let kind = record.title.clone().or_else(|| record.app.clone());
        if let Some(known) = parts.iter_mut().find(|known| known.id == id) {
            known.kind = kind;
        } else if parts.len() < MAX_SUBAGENTS {
            parts.push(SubagentState { id: id.clone(), kind, since: stamp });
        }
        if record.state == ProgramState::Blocked {
            let of_part = Report { subagent: Some(id), ..report.clone() };
            self.open_program_prompt(&of_part, record)?;
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
        if let Some(program) = &mut self.program {
            program.parts.retain(|known| !record.contains(known.id.as_str()));
        }
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
