//! The status that follows from each kind of evidence, as data. The documentation prints the table, and a test compares
//! the state machine with it.

use crate::Status;
use crate::Status::{Closed, Done, Failed, Idle, Permission, Plan, Question, Working};
use std::fmt::Write;

/// The state of a session before the evidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StartingStatus {
    /// The agent is at its prompt.
    AtPrompt,
    /// A turn runs.
    InTurn,
    /// A permission prompt is open.
    Asked,
    /// The turn is over.
    TurnEnd,
    /// The turn is over, and a subagent works in the background.
    TurnOverSubagentWorks,
    /// The turn ended with an API error.
    TurnFailed,
    /// The session has ended, and its process may still run for a moment.
    Ended,
}

impl StartingStatus {
    /// All states, in the order of the table's columns.
    pub const ALL: [Self; 7] = [
        Self::AtPrompt,
        Self::InTurn,
        Self::Asked,
        Self::TurnEnd,
        Self::TurnOverSubagentWorks,
        Self::TurnFailed,
        Self::Ended,
    ];

    /// Returns the title of the column.
    pub const fn title(self) -> &'static str {
        match self {
            Self::AtPrompt => "at its prompt",
            Self::InTurn => "in a turn",
            Self::Asked => "permission",
            Self::TurnEnd => "turn over",
            Self::TurnOverSubagentWorks => "turn over, a subagent works",
            Self::TurnFailed => "turn failed",
            Self::Ended => "ended",
        }
    }
}

/// A kind of evidence. It is newer than all evidence before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EvidenceKind {
    UserPrompt,
    ToolStarts,
    ToolEnds,
    ToolsEnd,
    AsksPermission,
    AsksQuestion,
    AsksPlan,
    SubagentAsks,
    SubagentEnds,
    StillWaits,
    TurnEnds,
    TurnEndsSubagentWorks,
    TurnFails,
    Idles,
    TurnInterrupted,
    Compacts,
    SwitchesConversation,
    Exits,
    FileBusy,
    FileIdle,
    FilePrompt,
    FileDialog,
    FileMovedToBackground,
    FileRemoved,
    ProcessEnds,
}

/// The statuses that follow from one kind of evidence.
#[derive(Debug, Clone, Copy)]
pub struct TransitionRule {
    /// The evidence.
    pub evidence: EvidenceKind,
    /// The source, as `explain` names it for Claude Code.
    pub source: &'static str,
    /// The status that follows for each of [`StartingStatus::ALL`], after some time without further evidence.
    pub becomes: [Status; 7],
    /// The reason.
    pub why: &'static str,
}

const fn rule(
    evidence: EvidenceKind,
    source: &'static str,
    becomes: [Status; 7],
    why: &'static str,
) -> TransitionRule {
    TransitionRule { evidence, source, becomes, why }
}

/// All rules.
pub const TRANSITIONS: [TransitionRule; 25] = [
    rule(
        EvidenceKind::UserPrompt,
        "hook:UserPromptSubmit",
        [Working, Working, Working, Working, Working, Working, Working],
        "a user prompt begins a turn; during a turn it is queued",
    ),
    rule(
        EvidenceKind::ToolStarts,
        "hook:PreToolUse",
        [Working, Working, Permission, Working, Working, Working, Working],
        "a tool runs in a turn; another tool's start does not answer the prompt",
    ),
    rule(
        EvidenceKind::ToolEnds,
        "hook:PostToolUse",
        [Working, Working, Working, Working, Working, Working, Working],
        "the tool of the prompt has run, so the user approved it",
    ),
    rule(
        EvidenceKind::ToolsEnd,
        "hook:PostToolBatch",
        [Working, Working, Working, Working, Working, Working, Working],
        "all tools of an answer have ended, also the denied ones, and the model continues",
    ),
    rule(
        EvidenceKind::AsksPermission,
        "hook:PermissionRequest",
        [Permission, Permission, Permission, Permission, Permission, Permission, Permission],
        "the prompt opens at once",
    ),
    rule(
        EvidenceKind::AsksQuestion,
        "hook:PermissionRequest (AskUserQuestion), hook:Elicitation",
        [Question, Question, Permission, Question, Question, Question, Question],
        "agents show one prompt at a time, the oldest first",
    ),
    rule(
        EvidenceKind::AsksPlan,
        "hook:PermissionRequest (ExitPlanMode)",
        [Plan, Plan, Permission, Plan, Plan, Plan, Plan],
        "like a question",
    ),
    rule(
        EvidenceKind::SubagentAsks,
        "hook:PermissionRequest (agent_id)",
        [Permission, Permission, Permission, Permission, Permission, Permission, Permission],
        "the user has to answer a subagent's prompt too",
    ),
    rule(
        EvidenceKind::SubagentEnds,
        "hook:SubagentStop",
        [Idle, Working, Permission, Done, Done, Failed, Closed],
        "the session's own turn continues, or is over already",
    ),
    rule(
        EvidenceKind::StillWaits,
        "hook:Notification permission_prompt",
        [Permission, Permission, Permission, Permission, Permission, Permission, Permission],
        "a prompt that no hook announced",
    ),
    rule(
        EvidenceKind::TurnEnds,
        "hook:Stop",
        [Done, Done, Done, Done, Done, Done, Done],
        "the agent has finished, if its file does not stay busy",
    ),
    rule(
        EvidenceKind::TurnEndsSubagentWorks,
        "hook:Stop background_tasks",
        [Done, Done, Done, Done, Done, Done, Done],
        "done, with background work",
    ),
    rule(
        EvidenceKind::TurnFails,
        "hook:StopFailure",
        [Failed, Failed, Failed, Failed, Failed, Failed, Failed],
        "the retries are over",
    ),
    rule(
        EvidenceKind::Idles,
        "hook:Notification idle_prompt",
        [Idle, Idle, Idle, Done, Done, Failed, Closed],
        "at its prompt for a minute, so the turn is over",
    ),
    rule(
        EvidenceKind::TurnInterrupted,
        "hook:Interrupt",
        [Idle, Idle, Idle, Done, Done, Failed, Closed],
        "the user interrupted the turn or refused a call (Codex reports it)",
    ),
    rule(
        EvidenceKind::Compacts,
        "hook:SessionStart compact",
        [Idle, Working, Permission, Idle, Idle, Idle, Idle],
        "within a turn the turn continues; after a compaction that the user started the session is idle",
    ),
    rule(
        EvidenceKind::SwitchesConversation,
        "hook:SessionEnd clear, hook:SessionEnd resume",
        [Idle, Idle, Idle, Idle, Idle, Idle, Closed],
        "another conversation, at its prompt",
    ),
    rule(
        EvidenceKind::Exits,
        "hook:SessionEnd",
        [Closed, Closed, Closed, Closed, Closed, Closed, Closed],
        "the agent exits",
    ),
    rule(
        EvidenceKind::FileBusy,
        "file:busy",
        [Working, Working, Working, Working, Done, Working, Closed],
        "approved, or a turn that no hook announced; a working subagent keeps the file busy too",
    ),
    rule(
        EvidenceKind::FileIdle,
        "file:idle, file:shell",
        [Idle, Idle, Idle, Done, Done, Failed, Closed],
        "interrupted or denied, if no hook reported another end",
    ),
    rule(
        EvidenceKind::FilePrompt,
        "file:waiting",
        [Permission, Permission, Permission, Permission, Permission, Permission, Closed],
        "a prompt whose event was dropped",
    ),
    rule(
        EvidenceKind::FileDialog,
        "file:waiting dialog open",
        [Question, Question, Permission, Done, Done, Failed, Closed],
        "a dialog that is open for 5 s before the first user prompt, or for 2 s in a turn; the user opened any other",
    ),
    rule(
        EvidenceKind::FileMovedToBackground,
        "file:parked",
        [Idle, Idle, Idle, Idle, Idle, Idle, Closed],
        "its conversation moved to the background, where it has a session of its own",
    ),
    rule(
        EvidenceKind::FileRemoved,
        "file:removed",
        [Closed, Closed, Closed, Closed, Closed, Closed, Closed],
        "an agent removes its file when it exits; if its process still runs 10 s later, something else removed the file",
    ),
    rule(
        EvidenceKind::ProcessEnds,
        "process:exited",
        [Closed, Closed, Closed, Closed, Closed, Closed, Closed],
        "the kernel reports the end of the process",
    ),
];

/// Returns the table as Markdown.
pub fn page() -> String {
    let mut text = String::from(
        "# What makes a status\n\n`cargo xtask transitions` prints this page from the table in \
         `crates/core/src/state/transition_table.rs`, and a test compares\nthe program with it. A row is a kind of evidence, \
         newer than all evidence before. A column is the state of the session before it.\nA cell is the status that follows \
         after some time without further evidence. Bold is a change. Late and repeated evidence\nchanges nothing.\n\n| evidence |",
    );
    let start = [Idle, Working, Permission, Done, Done, Failed, Closed];
    for start in StartingStatus::ALL {
        let _ = write!(text, " {} |", start.title());
    }
    text.push_str(" because |\n|---|");
    text.push_str(&"---|".repeat(StartingStatus::ALL.len() + 1));
    text.push('\n');
    for rule in &TRANSITIONS {
        let _ = write!(text, "| `{}` |", rule.source.replace(", ", "`, `"));
        for (becomes, before) in rule.becomes.iter().zip(start) {
            let cell =
                if *becomes == before { format!("{becomes}") } else { format!("**{becomes}**") };
            let _ = write!(text, " {cell} |");
        }
        let _ = writeln!(text, " {} |", rule.why);
    }
    text.push_str(&super::program_rules::page());
    text
}
