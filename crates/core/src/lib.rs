//! The domain of Crewboard: what a session is, which statuses it has, and how each event changes it.
//!
//! Never: I/O, a clock, the environment, async, locks. Time is an argument ([`Now`]).
//! Start at [`SessionStore::apply`]. The rules of a single session are in `state`.
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test may fail by panicking"))]

mod bounds;
mod evidence;
mod exact;
mod policy;
mod session;
mod state;
mod store;
mod text;
mod time;

pub use bounds::*;
pub use evidence::event::{BackgroundTask, EndReason, Event, Report, StartOrigin, Teammate};
pub use evidence::observation::{
    FileFinding, FileLookup, FileMetadata, FileStatus, LookupTarget, Observation, TranscriptQuery,
    TurnEnd,
};
pub use evidence::program::{BlockedReason, ProgramEnd, ProgramRecord, ProgramState};
pub use exact::{
    Exact, LINE_BREAK, TAB, escape, expose, one_line, reveal, reveal_beginning, with_commas,
};
pub use policy::counts::{CountCategory, Counts};
pub use policy::notifications::{Notification, NotificationPolicy, NotificationSettings};
pub use policy::wait::{Wait, WaitGoal, WaitOutcome, WaitProgress, WaitScope};
pub use session::day_cost::{Costs, Day, DayCost};
pub use session::identity::{
    AgentName, ConversationId, InputDigest, Process, RowKey, SubagentId, ToolUseId, TurnId,
};
pub use session::labels::{directory_labels, labels};
pub use session::past::{Entries, PastStatuses};
pub use session::place::{Pane, Place};
pub use session::prompt::{Prompt, PromptKind};
pub use session::pull_request::PullRequest;
pub use session::status::Status;
pub use session::usage::{RateLimits, RateWindow, UsageReport, WindowReport};
pub use session::{End, Origin, Session, Subagent, TimeSpent, Transition, Usage};
pub use state::marks::Mark;
pub use state::trail::{Effect, TrailEntry};
pub use state::transition_table::{
    EvidenceKind, StartingStatus, TRANSITIONS, TransitionRule, page as transitions_page,
};
pub use store::{Change, ChangeKind, Input, Outcome, ProcessToWatch, SessionStore};
pub use text::{clean, excerpt, is_plain};
pub use time::{Now, Stamp, Timestamp};
