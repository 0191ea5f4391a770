//! What each word of each source makes of a session, as data: the page of the documentation is printed
//! from it, and the tests hold the state machine to it.

use crate::Status;
use crate::Status::{Closed, Done, Failed, Idle, Permission, Plan, Question, Working};
use std::fmt::Write;

/// What a session may be in when something is told of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StartingStatus {
    /// At its prompt, nothing owed.
    AtPrompt,
    /// A turn runs.
    InTurn,
    /// A dialog asks whether a tool may run.
    Asked,
    /// The turn is over.
    TurnEnd,
    /// The turn is over, and a subagent works in the background.
    TurnOverSubagentWorks,
    /// The API failed.
    TurnFailed,
    /// It said goodbye; its process may live for a moment.
    Ended,
}

impl StartingStatus {
    /// All of them, in the order of the table's columns.
    pub const ALL: [Self; 7] = [
        Self::AtPrompt,
        Self::InTurn,
        Self::Asked,
        Self::TurnEnd,
        Self::TurnOverSubagentWorks,
        Self::TurnFailed,
        Self::Ended,
    ];

    /// For the head of a column.
    pub const fn title(self) -> &'static str {
        match self {
            Self::AtPrompt => "at its prompt",
            Self::InTurn => "in a turn",
            Self::Asked => "a tool asks",
            Self::TurnEnd => "turn over",
            Self::TurnOverSubagentWorks => "turn over, a subagent works",
            Self::TurnFailed => "turn failed",
            Self::Ended => "said goodbye",
        }
    }
}

/// Something told of a session, newer than all that was told before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EvidenceKind {
    Prompt,
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
    Rests,
    Compacts,
    SwitchesConversation,
    Goodbye,
    FileBusy,
    FileResting,
    FileAsks,
    FileDialog,
    FileParked,
    FileRemoved,
    ProcessEnds,
}

/// What one word does in each situation.
#[derive(Debug, Clone, Copy)]
pub struct TransitionRule {
    /// The word.
    pub told: EvidenceKind,
    /// Who says so, as `explain` names it for Claude Code.
    pub source: &'static str,
    /// The status that follows, in each of [`StartingStatus::ALL`], once nothing more is told for a while.
    pub becomes: [Status; 7],
    /// Why it is so.
    pub why: &'static str,
}

const fn rule(
    told: EvidenceKind,
    source: &'static str,
    becomes: [Status; 7],
    why: &'static str,
) -> TransitionRule {
    TransitionRule { told, source, becomes, why }
}

/// All rules.
pub const TRANSITIONS: [TransitionRule; 24] = [
    rule(
        EvidenceKind::Prompt,
        "hook:UserPromptSubmit",
        [Working, Working, Working, Working, Working, Working, Working],
        "a prompt begins a turn; typed during a turn it waits for that to end",
    ),
    rule(
        EvidenceKind::ToolStarts,
        "hook:PreToolUse",
        [Working, Working, Permission, Working, Working, Working, Working],
        "a tool runs in a turn; another tool's start answers no dialog",
    ),
    rule(
        EvidenceKind::ToolEnds,
        "hook:PostToolUse",
        [Working, Working, Working, Working, Working, Working, Working],
        "the tool that was asked about ran, so it was granted",
    ),
    rule(
        EvidenceKind::ToolsEnd,
        "hook:PostToolBatch",
        [Working, Working, Working, Working, Working, Working, Working],
        "all calls of an answer are over, the refused ones too, and the model goes on",
    ),
    rule(
        EvidenceKind::AsksPermission,
        "hook:PermissionRequest",
        [Permission, Permission, Permission, Permission, Permission, Permission, Permission],
        "the dialog opens at once",
    ),
    rule(
        EvidenceKind::AsksQuestion,
        "hook:PermissionRequest (AskUserQuestion), hook:Elicitation",
        [Question, Question, Permission, Question, Question, Question, Question],
        "agents show one dialog at a time, the oldest first",
    ),
    rule(
        EvidenceKind::AsksPlan,
        "hook:PermissionRequest (ExitPlanMode)",
        [Plan, Plan, Permission, Plan, Plan, Plan, Plan],
        "as a question",
    ),
    rule(
        EvidenceKind::SubagentAsks,
        "hook:PermissionRequest (agent_id)",
        [Permission, Permission, Permission, Permission, Permission, Permission, Permission],
        "whoever asks, a person has to answer",
    ),
    rule(
        EvidenceKind::SubagentEnds,
        "hook:SubagentStop",
        [Idle, Working, Permission, Done, Done, Failed, Closed],
        "the session's own turn goes on, or is over already",
    ),
    rule(
        EvidenceKind::StillWaits,
        "hook:Notification permission_prompt",
        [Permission, Permission, Permission, Permission, Permission, Permission, Permission],
        "a dialog that no hook announced",
    ),
    rule(
        EvidenceKind::TurnEnds,
        "hook:Stop",
        [Done, Done, Done, Done, Done, Done, Done],
        "the agent had its last word, if its file does not stay busy",
    ),
    rule(
        EvidenceKind::TurnEndsSubagentWorks,
        "hook:Stop background_tasks",
        [Done, Done, Done, Done, Done, Done, Done],
        "done, with what goes on beside it",
    ),
    rule(
        EvidenceKind::TurnFails,
        "hook:StopFailure",
        [Failed, Failed, Failed, Failed, Failed, Failed, Failed],
        "the retries are over",
    ),
    rule(
        EvidenceKind::Rests,
        "hook:Notification idle_prompt",
        [Idle, Idle, Idle, Done, Done, Failed, Closed],
        "at its prompt for a minute: whatever ended the turn, it is over",
    ),
    rule(
        EvidenceKind::Compacts,
        "hook:SessionStart compact",
        [Idle, Working, Permission, Idle, Idle, Idle, Idle],
        "within a turn it goes on; one that was asked for owes nothing",
    ),
    rule(
        EvidenceKind::SwitchesConversation,
        "hook:SessionEnd clear, hook:SessionEnd resume",
        [Idle, Idle, Idle, Idle, Idle, Idle, Closed],
        "another conversation, at its prompt",
    ),
    rule(
        EvidenceKind::Goodbye,
        "hook:SessionEnd",
        [Closed, Closed, Closed, Closed, Closed, Closed, Closed],
        "it leaves",
    ),
    rule(
        EvidenceKind::FileBusy,
        "file:busy",
        [Working, Working, Working, Working, Done, Working, Closed],
        "granted, or a turn that no hook announced; a subagent at work keeps the file busy too",
    ),
    rule(
        EvidenceKind::FileResting,
        "file:idle, file:shell",
        [Idle, Idle, Idle, Done, Done, Failed, Closed],
        "interrupted or refused, where no hook told of another end",
    ),
    rule(
        EvidenceKind::FileAsks,
        "file:waiting",
        [Permission, Permission, Permission, Permission, Permission, Permission, Closed],
        "a dialog whose hook was lost",
    ),
    rule(
        EvidenceKind::FileDialog,
        "file:waiting dialog open",
        [Question, Question, Permission, Done, Done, Failed, Closed],
        "one that stands for 5 s before the first prompt, or for 2 s in a turn; others are of the person's own making",
    ),
    rule(
        EvidenceKind::FileParked,
        "file:parked",
        [Idle, Idle, Idle, Idle, Idle, Idle, Closed],
        "its conversation was moved to the background, where it has a row of its own",
    ),
    rule(
        EvidenceKind::FileRemoved,
        "file:removed",
        [Closed, Closed, Closed, Closed, Closed, Closed, Closed],
        "it takes its file away when it leaves; one that lives on 10 s later has lost it",
    ),
    rule(
        EvidenceKind::ProcessEnds,
        "process:exited",
        [Closed, Closed, Closed, Closed, Closed, Closed, Closed],
        "the kernel's word",
    ),
];

/// The table as Markdown.
pub fn page() -> String {
    let mut text = String::from(
        "# What makes a status\n\nPrinted by `cargo xtask transitions` from the table in `crates/core/src/transitions.rs`, to which \
         a test holds the program.\nA row is what is told, newer than all that was told before; a column what the session was in. The \
         cell is the status\nthat follows once nothing more is told for a while. Bold is a change. Late and repeated words change nothing.\n\n| told by |",
    );
    let start = [Idle, Working, Permission, Done, Done, Failed, Closed];
    for situation in StartingStatus::ALL {
        let _ = write!(text, " {} |", situation.title());
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
    text
}
