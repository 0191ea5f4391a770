//! Selects the reports of a program that count if other sources report the session too, as data. The documentation prints the
//! table, and `explain` shows the reason for a report that does not count.

use crate::evidence::program::{BlockedReason, ProgramRecord, ProgramState};
use crate::session::prompt::PromptKind;
use std::fmt::Write;

/// A kind of report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ReportKind {
    Idle,
    Working,
    /// Blocked by a permission or a question.
    Prompt,
    /// Blocked for another reason, or without one.
    Dialog,
    Done,
    Error,
    Cleared,
    /// A report about a part of the program.
    Part,
}

impl ReportKind {
    pub(super) fn of(record: &ProgramRecord) -> Self {
        match record.state {
            ProgramState::Blocked if asks(record) => Self::Prompt,
            _ if !record.id.is_empty() => Self::Part,
            ProgramState::Idle => Self::Idle,
            ProgramState::Working => Self::Working,
            ProgramState::Blocked => Self::Dialog,
            ProgramState::Done => Self::Done,
            ProgramState::Error => Self::Error,
            ProgramState::Cleared => Self::Cleared,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Idle => "`idle`",
            Self::Working => "`working`",
            Self::Prompt => "`blocked` by `permission` or `question`",
            Self::Dialog => "`blocked` otherwise",
            Self::Done => "`done`",
            Self::Error => "`error`",
            Self::Cleared => "`clear`",
            Self::Part => "any, with an `id`",
        }
    }
}

/// Returns true if the program asks the user.
fn asks(record: &ProgramRecord) -> bool {
    matches!(record.reason, Some(BlockedReason::Permission | BlockedReason::Question))
}

/// The other sources that report the session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OtherSources {
    Nothing,
    File,
    Hooks,
    HooksAndFile,
}

impl OtherSources {
    const fn name(self) -> &'static str {
        match self {
            Self::Nothing => "nothing else",
            Self::File => "a session file",
            Self::Hooks => "hooks",
            Self::HooksAndFile => "hooks, a session file",
        }
    }
}

/// A rule: a kind of report counts, or does not count.
#[derive(Debug)]
pub(super) struct ProgramRule {
    reports: &'static [ReportKind],
    others: &'static [OtherSources],
    pub(super) counts: bool,
    pub(super) why: &'static str,
}

use OtherSources::{File, Hooks, HooksAndFile, Nothing};
use ReportKind::{Cleared, Dialog, Done, Error, Idle, Part, Prompt, Working};

const RULES: [ProgramRule; 12] = [
    ProgramRule {
        reports: &[Idle, Working, Prompt, Dialog, Done, Error, Cleared, Part],
        others: &[Nothing],
        counts: true,
        why: "nothing else reports the session",
    },
    ProgramRule {
        reports: &[Idle],
        others: &[File],
        counts: false,
        why: "its session file shows the same, and the transcript how the turn ended",
    },
    ProgramRule {
        reports: &[Working],
        others: &[File],
        counts: true,
        why: "it tells what the program does, and answers a prompt; the file begins the turn, because a background \
              shell keeps the program working",
    },
    ProgramRule {
        reports: &[Prompt],
        others: &[File],
        counts: true,
        why: "it has the text of the prompt, which the session file has not",
    },
    ProgramRule {
        reports: &[Dialog],
        others: &[File],
        counts: false,
        why: "the user may have opened the dialog, and the session file shows how long it is open; a login that failed \
              is the end of a turn",
    },
    ProgramRule {
        reports: &[Done, Error],
        others: &[File],
        counts: true,
        why: "it tells how the turn ended, which the session file does not",
    },
    ProgramRule {
        reports: &[Cleared],
        others: &[File, Hooks, HooksAndFile],
        counts: false,
        why: "the program ends, or hides its status",
    },
    ProgramRule {
        reports: &[Part],
        others: &[File],
        counts: true,
        why: "the session file does not name subagents and background work",
    },
    ProgramRule {
        reports: &[Idle, Working],
        others: &[Hooks],
        counts: true,
        why: "no hook reports an interrupt, an approval or a denial",
    },
    ProgramRule {
        reports: &[Prompt, Dialog, Done, Error, Part],
        others: &[Hooks],
        counts: false,
        why: "its hooks report the same, with the tool and its input",
    },
    ProgramRule {
        reports: &[Idle, Working, Dialog],
        others: &[HooksAndFile],
        counts: false,
        why: "its hooks and its session file report the same",
    },
    ProgramRule {
        reports: &[Prompt, Done, Error, Part],
        others: &[HooksAndFile],
        counts: false,
        why: "its hooks report the same, with more details",
    },
];

/// Returns the rule of a report.
pub(super) fn rule(report: ReportKind, others: OtherSources) -> &'static ProgramRule {
    let applies =
        |rule: &&ProgramRule| rule.reports.contains(&report) && rule.others.contains(&others);
    // A test compares every pair with the table.
    RULES.iter().find(applies).unwrap_or(&RULES[0])
}

/// Prompts whose message says more than their kind: the name of the program, the message, and what it is.
const MESSAGES: [(&str, &str, PromptKind); 2] = [
    // Both were measured with 2.1.332, and both have the kind `permission`.
    ("claude-code", "approve plan", PromptKind::Plan),
    ("claude-code", "trust this folder", PromptKind::Question),
];

/// Returns the kind of prompt that a blocked program shows.
pub(super) fn prompt_kind(record: &ProgramRecord) -> PromptKind {
    let is_known = |(app, message, _): &&(&str, &str, PromptKind)| {
        record.app.as_deref() == Some(*app) && record.message.as_deref() == Some(*message)
    };
    match (MESSAGES.iter().find(is_known), record.reason) {
        (Some((_, _, kind)), _) => *kind,
        (None, Some(BlockedReason::Permission)) => PromptKind::Permission,
        (None, _) => PromptKind::Question,
    }
}

/// Returns the rules as a Markdown table.
pub(crate) fn page() -> String {
    let mut text = String::from(
        "\n## Reports of a program in `crewboard run`\n\nIf other sources report the session too, a report counts only \
         where they do not say it better.\n\n| report | other sources | counts | because |\n|---|---|---|---|\n",
    );
    for rule in &RULES {
        let reports: Vec<_> = rule.reports.iter().map(|report| report.name()).collect();
        let others: Vec<_> = rule.others.iter().map(|sources| sources.name()).collect();
        let (reports, others) = (reports.join(", "), others.join("; or "));
        let counts = if rule.counts { "yes" } else { "no" };
        let _ = writeln!(text, "| {reports} | {others} | {counts} | {} |", rule.why);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_report_has_exactly_one_rule() {
        for report in [Idle, Working, Prompt, Dialog, Done, Error, Cleared, Part] {
            for others in [Nothing, File, Hooks, HooksAndFile] {
                let matches = RULES
                    .iter()
                    .filter(|rule| rule.reports.contains(&report) && rule.others.contains(&others));
                assert_eq!(matches.count(), 1, "{report:?} {others:?}");
            }
        }
    }

    #[test]
    fn plan_of_claude_code_is_a_plan() {
        let record = |app: &str, message: &str| ProgramRecord {
            state: ProgramState::Blocked,
            reason: Some(BlockedReason::Permission),
            app: Some(app.to_owned()),
            message: Some(message.to_owned()),
            ..ProgramRecord::default()
        };
        assert_eq!(prompt_kind(&record("claude-code", "approve plan")), PromptKind::Plan);
        assert_eq!(prompt_kind(&record("other", "approve plan")), PromptKind::Permission);
        assert_eq!(prompt_kind(&record("claude-code", "approve Bash")), PromptKind::Permission);
    }
}
