//! The domain of Crewboard: what a session is, what it may be doing, and how each event changes it.
//!
//! Never: I/O, a clock, the environment, async, locks. Time is an argument ([`Now`]).
//! Start at [`Sessions::apply`]; the rules of a single row are in `facts`.
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test may fail by panicking"))]

mod announcements;
mod counts;
mod describe;
mod event;
mod exact;
mod facts;
mod identity;
mod limits;
mod marks;
mod observation;
mod place;
mod requests;
mod restore;
mod session;
mod sessions;
mod status;
mod text;
mod time;
mod tracked;
mod trail;
mod transitions;
mod usage;
mod wait;

pub use announcements::{Announcement, Announcements, Interest};
pub use counts::{Counted, Counts};
pub use event::{BackgroundTask, EndReason, Event, Report, StartOrigin, Teammate};
pub use exact::{
    Exact, LINE_BREAK, TAB, escape, expose, one_line, reveal, reveal_beginning, with_commas,
};
pub use identity::{
    AgentName, InputDigest, Process, RowKey, SessionId, SubagentId, ToolUseId, TurnId,
};
pub use limits::*;
pub use marks::Mark;
pub use observation::{
    About, Condition, Conversation, Finding, Look, Observation, Subject, TurnOver,
};
pub use place::{Pane, Place};
pub use requests::{Request, RequestKind};
pub use session::{End, Origin, Session, Subagent, Transition, Usage};
pub use sessions::{Change, Dump, Input, Kept, Outcome, Sessions, Watch};
pub use status::Status;
pub use text::{clean, excerpt, is_plain};
pub use time::{Now, Stamp, Timestamp};
pub use trail::{Effect, TrailEntry};
pub use transitions::{Rule, Situation, TRANSITIONS, Told, page as transitions_page};
pub use usage::{Limits, UsageTold, Window, WindowTold};
pub use wait::{Goal, Reach, Wait, WaitOutcome, WaitScope};
