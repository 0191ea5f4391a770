use crate::reply::ErrorCode;
use crate::request::{EventLine, HelloRequest, Request};
use crate::{DropReason, MAX_REQUEST_LINE, PROTOCOL};
use crewboard_core::Report;
use serde::Deserialize;
use serde_json::{Value, json};
use std::borrow::Cow;

/// The first bytes of a line that a hook sends, also a newer hook.
const EVENT_PREFIX: &[u8] = br#"{"type":"event"#;

/// The first bytes of a line that a hook of this version sends.
const OWN_EVENT_PREFIX: &[u8] = br#"{"type":"event","#;

/// The reason why a line is not a request.
#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    #[error("a line must be at most {MAX_REQUEST_LINE} bytes")]
    TooLong,
    #[error("not a JSON object with a \"type\": {0}")]
    NotARequest(serde_json::Error),
    #[error("unknown request \"{0}\"")]
    Unknown(String),
    #[error("this daemon speaks protocol {PROTOCOL}, not {0}")]
    FutureVersion(u32),
    #[error("bad \"{kind}\" request: {error}")]
    Bad { kind: &'static str, error: serde_json::Error },
}

impl RequestError {
    /// Returns the reason for a dropped event if the refused `line` may be an event. A hook does not learn that the
    /// daemon refused it.
    pub fn drop_reason(&self, line: &[u8]) -> Option<DropReason> {
        // Hooks write the type first.
        let is_event = || line.trim_ascii_start().starts_with(EVENT_PREFIX);
        match self {
            Self::Bad { kind: "event", .. } => Some(DropReason::Refused),
            Self::TooLong | Self::NotARequest(_) => is_event().then_some(DropReason::Refused),
            // A request of a newer client is not an event.
            Self::Unknown(_) => is_event().then_some(DropReason::NotUnderstood),
            Self::FutureVersion(_) | Self::Bad { .. } => None,
        }
    }

    /// Returns the code of the error reply.
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::TooLong => ErrorCode::TooLong,
            Self::NotARequest(_) | Self::Bad { .. } => ErrorCode::BadRequest,
            Self::Unknown(_) => ErrorCode::UnknownRequest,
            Self::FutureVersion(_) => ErrorCode::UnsupportedVersion,
        }
    }
}

/// The type of a line. The rest is read in a second pass, so that an error names the field and nothing is buffered.
#[derive(Deserialize)]
struct Head<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    #[serde(default)]
    protocol: Option<u32>,
}

/// An event with its head, so that one pass reads both.
#[derive(Deserialize)]
struct HeadedEvent<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    /// It is read only so that a wrong type is an error.
    #[serde(default, rename = "protocol")]
    _protocol: Option<u32>,
    #[serde(default)]
    hook_pid: u32,
    report: Box<Report>,
}

impl Request {
    /// Decodes a line, with or without its newline. Ignores unknown fields.
    pub fn decode(line: &[u8]) -> Result<Self, RequestError> {
        if line.len() > MAX_REQUEST_LINE {
            return Err(RequestError::TooLong);
        }
        // Nearly every line is an event. If one pass cannot read it, the passes below find out why.
        if line.starts_with(OWN_EVENT_PREFIX)
            && let Ok(HeadedEvent { kind, hook_pid, report, .. }) = serde_json::from_slice(line)
            && kind == "event"
        {
            return Ok(Self::Event(EventLine { hook_pid, report }));
        }
        // serde would accept a list as the fields of an object in their order.
        if line.trim_ascii_start().starts_with(b"[") {
            let error = serde::de::Error::custom("the line is a list");
            return Err(RequestError::NotARequest(error));
        }
        let head: Head<'_> = serde_json::from_slice(line).map_err(RequestError::NotARequest)?;
        let newer = head.protocol.filter(|protocol| *protocol > PROTOCOL);
        if let Some(protocol) = newer
            && head.kind != "event"
        {
            return Err(RequestError::FutureVersion(protocol));
        }
        Ok(match head.kind.as_ref() {
            "event" => Self::Event(decode_event(line, newer.is_some())?),
            "observe" => Self::Observe(payload("observe", line)?),
            "subscribe" => Self::Subscribe(payload("subscribe", line)?),
            "list" => Self::List,
            "wait" => Self::Wait(payload("wait", line)?),
            "explain" => Self::Explain(payload("explain", line)?),
            "mark" => Self::Mark(payload("mark", line)?),
            "forget" => Self::Forget(payload("forget", line)?),
            "restore" => Self::Restore(payload("restore", line)?),
            "restore_limits" => Self::RestoreLimits(payload("restore_limits", line)?),
            "look" => Self::Look(payload("look", line)?),
            "dropped_events_seen" => Self::DroppedEventsSeen(payload("dropped_events_seen", line)?),
            "accept_notifications" => {
                Self::AcceptNotifications(payload("accept_notifications", line)?)
            }
            "notification_shown" => Self::NotificationShown(payload("notification_shown", line)?),
            "notify" => Self::Notify(payload("notify", line)?),
            "add_notifications" => Self::AddNotifications(payload("add_notifications", line)?),
            "notifications" => Self::Notifications,
            "record" => Self::Record,
            "hello" => Self::Hello(HelloRequest { protocol: head.protocol.unwrap_or(PROTOCOL) }),
            "stop" => Self::Stop,
            other => return Err(RequestError::Unknown(crewboard_core::clean(other, 40, false))),
        })
    }
}

/// Decodes an event. A hook does not learn that the daemon refused its event, so the known fields of a newer event are
/// used, at least the session and its place.
fn decode_event(line: &[u8], is_newer: bool) -> Result<EventLine, RequestError> {
    match payload("event", line) {
        Err(error) if is_newer => decode_unknown_event(line).ok_or(error),
        result => result,
    }
}

/// Decodes an event with an unknown kind.
fn decode_unknown_event(line: &[u8]) -> Option<EventLine> {
    let mut value: Value = serde_json::from_slice(line).ok()?;
    *value.get_mut("report")?.get_mut("event")? = json!({ "kind": "unknown" });
    serde_json::from_value(value).ok()
}

fn payload<'a, T: Deserialize<'a>>(kind: &'static str, line: &'a [u8]) -> Result<T, RequestError> {
    serde_json::from_slice(line).map_err(|error| RequestError::Bad { kind, error })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refused_request_has_a_code_and_a_message() {
        for (line, code, message) in [
            (
                "",
                ErrorCode::BadRequest,
                "not a JSON object with a \"type\": EOF while parsing a value at line 1 column 0",
            ),
            (
                "garbage",
                ErrorCode::BadRequest,
                "not a JSON object with a \"type\": expected value at line 1 column 1",
            ),
            (
                "{}",
                ErrorCode::BadRequest,
                "not a JSON object with a \"type\": missing field `type` at line 1 column 2",
            ),
            (
                r#" ["list"]"#,
                ErrorCode::BadRequest,
                "not a JSON object with a \"type\": the line is a list",
            ),
            (r#"{"type":"dance"}"#, ErrorCode::UnknownRequest, "unknown request \"dance\""),
            (
                r#"{"type":"list","protocol":7}"#,
                ErrorCode::UnsupportedVersion,
                "this daemon speaks protocol 1, not 7",
            ),
            (
                r#"{"type":"explain"}"#,
                ErrorCode::BadRequest,
                "bad \"explain\" request: missing field `row` at line 1 column 18",
            ),
        ] {
            let error = Request::decode(line.as_bytes()).unwrap_err();
            assert_eq!((error.code(), error.to_string().as_str()), (code, message), "{line}");
        }
        let long = vec![b' '; MAX_REQUEST_LINE + 1];
        assert_eq!(Request::decode(&long).unwrap_err().code(), ErrorCode::TooLong);
    }

    #[test]
    fn unknown_fields_and_events_are_accepted() {
        let line = br#"{"type":"event","hook_pid":7,"later":1,"report":{"agent":"claude","session":"s",
            "source":"hook:New","stamp":{"boot":1,"micros":2},"event":{"kind":"from_the_future","x":1}}}"#;
        let Request::Event(event) = Request::decode(line).unwrap() else { panic!("not an event") };
        assert_eq!(event.report.event, crewboard_core::Event::Unknown);
    }

    #[test]
    fn event_of_a_newer_hook_keeps_the_known_fields() {
        let line = |protocol: &str, event: &str| {
            let line = format!(
                r#"{{"type":"event"{protocol},"hook_pid":7,"report":{{"agent":"claude","session":"s",
                "source":"hook:New","stamp":{{"boot":1,"micros":2}},"event":{event}}}}}"#
            );
            Request::decode(line.as_bytes())
        };
        let idle = r#"{"kind":"idle_reported"}"#;
        let paused = r#"{"kind":"status_reported","status":"paused"}"#;
        let newer = r#","protocol":2"#;
        for (protocol, event, expected) in [
            (newer, idle, Some(crewboard_core::Event::IdleReported)),
            (newer, paused, Some(crewboard_core::Event::Unknown)),
            (
                newer,
                r#"{"kind":"idle_reported","extra":[1]}"#,
                Some(crewboard_core::Event::IdleReported),
            ),
            (newer, r#"{"what":"new"}"#, Some(crewboard_core::Event::Unknown)),
            (newer, r#""new""#, Some(crewboard_core::Event::Unknown)),
            ("", paused, None),
        ] {
            match (line(protocol, event), expected) {
                (Ok(Request::Event(line)), Some(expected)) => {
                    assert_eq!(line.report.event, expected, "{event}");
                    assert_eq!(line.report.session.as_str(), "s");
                }
                (Err(error), None) => {
                    assert_eq!(error.drop_reason(b"{"), Some(DropReason::Refused), "{error}");
                }
                (result, _) => panic!("{protocol} {event}: {result:?}"),
            }
        }
        // Other requests of a newer version are refused.
        let error = Request::decode(br#"{"type":"list","protocol":2}"#).unwrap_err();
        assert_eq!(error.drop_reason(b"{"), None);
        assert_eq!(error.code(), ErrorCode::UnsupportedVersion);
    }

    #[test]
    fn refused_line_that_may_be_an_event_is_counted() {
        let long = format!(r#"{{"type":"event","report":"{}"}}"#, "x".repeat(MAX_REQUEST_LINE));
        for (line, reason) in [
            (long.as_str(), Some(DropReason::Refused)),
            (r#"{"type":"event","report":{"#, Some(DropReason::Refused)),
            (r#"{"type":"event"}"#, Some(DropReason::Refused)),
            (r#"{"type":"events"}"#, Some(DropReason::NotUnderstood)),
            (r#"{"type":"follow"}"#, None),
            (r#"{"type":"mark"}"#, None),
            ("GET / HTTP/1.1", None),
        ] {
            let error = Request::decode(line.as_bytes()).unwrap_err();
            assert_eq!(error.drop_reason(line.as_bytes()), reason, "{error}");
        }
    }

    #[test]
    fn event_is_the_same_in_any_order_of_its_fields() {
        let report = r#""report":{"agent":"claude","session":"s","source":"hook:Stop",
            "stamp":{"boot":1,"micros":2},"event":{"kind":"idle_reported"}}"#;
        let decode = |line: String| match Request::decode(line.as_bytes()) {
            Ok(Request::Event(event)) => (event.hook_pid, event.report),
            other => panic!("{other:?}"),
        };
        let first = decode(format!(r#"{{"type":"event","hook_pid":7,{report}}}"#));
        assert_eq!(first, decode(format!(r#"{{"hook_pid":7,{report},"type":"event"}}"#)));
        assert_eq!((0, first.1), decode(format!(r#"{{"type":"event",{report}}}"#)));
        // Each pass refuses the same lines.
        for fields in [r#""type":"list""#, r#""protocol":"x""#, r#""hook_pid":-1"#] {
            let line = format!(r#"{{"type":"event",{fields},{report}}}"#);
            assert!(Request::decode(line.as_bytes()).is_err(), "{line}");
        }
    }

    #[test]
    fn deep_nesting_never_overflows_the_stack() {
        let deep =
            format!("{{\"type\":\"list\",\"x\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
        assert!(matches!(Request::decode(deep.as_bytes()), Ok(Request::List)));
    }
}
