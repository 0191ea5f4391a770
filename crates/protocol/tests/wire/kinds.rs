//! All kinds of messages. A new variant does not compile until it is listed here, and then fails the tests until
//! `PROTOCOL.md` and a golden line show it.

use crewboard_core::{Event, Report};
use crewboard_protocol::{ErrorCode, Reply, Request};
use std::collections::BTreeSet;

/// Defines a function that returns the name of a kind, and a list of all names.
macro_rules! kinds {
    ($names:ident, $name_of:ident, $type:ty: $($pattern:pat => $name:literal,)+) => {
        pub(crate) const $names: &[&str] = &[$($name),+];

        pub(crate) fn $name_of(value: &$type) -> &'static str {
            match value {
                $($pattern => $name,)+
            }
        }
    };
}

kinds! { REQUESTS, request, Request:
    Request::Event(_) => "event",
    Request::Subscribe(_) => "subscribe",
    Request::List => "list",
    Request::Wait(_) => "wait",
    Request::Explain(_) => "explain",
    Request::Mark(_) => "mark",
    Request::Forget(_) => "forget",
    Request::Restore(_) => "restore",
    Request::RestoreLimits(_) => "restore_limits",
    Request::Look(_) => "look",
    Request::Observe(_) => "observe",
    Request::AcceptNotifications(_) => "accept_notifications",
    Request::NotificationShown(_) => "notification_shown",
    Request::DroppedEventsSeen(_) => "dropped_events_seen",
    Request::Notify(_) => "notify",
    Request::AddNotifications(_) => "add_notifications",
    Request::Notifications => "notifications",
    Request::Record => "record",
    Request::Hello(_) => "hello",
    Request::Stop => "stop",
}

kinds! { REPLIES, reply, Reply:
    Reply::Snapshot { .. } => "snapshot",
    Reply::Resumed { .. } => "resumed",
    Reply::Row { .. } => "row",
    Reply::Change { .. } => "change",
    Reply::Removed { .. } => "removed",
    Reply::RateLimits { .. } => "limits",
    Reply::DroppedEvents { .. } => "dropped_events",
    Reply::Synced { .. } => "synced",
    Reply::Waited { .. } => "waited",
    Reply::Explanation(_) => "explanation",
    Reply::Marked { .. } => "marked",
    Reply::Forgotten { .. } => "forgotten",
    Reply::Notification { .. } => "notification",
    Reply::NotifyResult { .. } => "notify_result",
    Reply::Notifications { .. } => "notifications",
    Reply::Recording => "recording",
    Reply::Recorded { .. } => "recorded",
    Reply::Observed { .. } => "observed",
    Reply::Exited { .. } => "exited",
    Reply::Hello(_) => "hello",
    Reply::Stopping => "stopping",
    Reply::Error { .. } => "error",
    Reply::Unknown => "unknown",
}

kinds! { CODES, code, ErrorCode:
    ErrorCode::BadRequest => "bad_request",
    ErrorCode::TooLong => "too_long",
    ErrorCode::UnknownRequest => "unknown_request",
    ErrorCode::UnsupportedVersion => "unsupported_version",
    ErrorCode::NotFound => "not_found",
    ErrorCode::Busy => "busy",
    ErrorCode::Forbidden => "forbidden",
    ErrorCode::RowOpen => "row_open",
    ErrorCode::Other => "unknown",
}

kinds! { EVENTS, event, Event:
    Event::SessionStarted { .. } => "session_started",
    Event::SessionEnded { .. } => "session_ended",
    Event::PromptSubmitted { .. } => "prompt_submitted",
    Event::ToolStarted { .. } => "tool_started",
    Event::ToolEnded { .. } => "tool_ended",
    Event::ToolsEnded => "tools_ended",
    Event::PromptOpened { .. } => "prompt_opened",
    Event::PromptClosed { .. } => "prompt_closed",
    Event::AttentionRequested { .. } => "attention_requested",
    Event::IdleReported => "idle_reported",
    Event::TurnInterrupted => "turn_interrupted",
    Event::TurnEnded { .. } => "turn_ended",
    Event::TurnFailed { .. } => "turn_failed",
    Event::SubagentStarted => "subagent_started",
    Event::SubagentEnded => "subagent_ended",
    Event::UsageReport(_) => "usage_reported",
    Event::BranchRead => "branch_read",
    Event::StatusReported { .. } => "status_reported",
    Event::ProgramStarted => "program_started",
    Event::ProgramReported(_) => "program_reported",
    Event::ProgramExited(_) => "program_exited",
    Event::Unknown => "unknown",
}

/// The kinds that occurred so far.
#[derive(Debug, Default)]
pub(crate) struct SeenKinds {
    requests: BTreeSet<&'static str>,
    replies: BTreeSet<&'static str>,
    codes: BTreeSet<&'static str>,
    events: BTreeSet<&'static str>,
}

impl SeenKinds {
    pub(crate) fn request(&mut self, value: &Request) {
        self.requests.insert(request(value));
        if let Request::Event(line) = value {
            let Report { event, .. } = line.report.as_ref();
            self.event(event);
        }
    }

    pub(crate) fn reply(&mut self, value: &Reply) {
        self.replies.insert(reply(value));
        if let Reply::Error { code: value, .. } = value {
            self.codes.insert(code(value));
        }
    }

    pub(crate) fn event(&mut self, value: &Event) {
        self.events.insert(event(value));
    }

    /// Fails unless every known kind occurred, and no unknown one.
    pub(crate) fn assert_complete(&self) {
        for (seen, all) in [
            (&self.requests, REQUESTS),
            (&self.replies, REPLIES),
            (&self.codes, CODES),
            (&self.events, EVENTS),
        ] {
            let known = all.iter().copied().filter(|name| *name != "unknown").collect();
            assert_eq!(*seen, known);
        }
    }
}
