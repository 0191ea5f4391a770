use crate::reply::ErrorCode;
use crate::request::{After, EventLine, ObservationLine, Request, WaitRequest};
use crate::{Loss, MAX_REQUEST_LINE, PROTOCOL};
use crewboard_core::{Limits, Mark, RowKey, Session};
use serde::Deserialize;
use serde_json::{Value, json};
use std::borrow::Cow;

/// The first bytes of the line of a hook, and of those that a newer hook may send.
const EVENT_BEGINS: &[u8] = br#"{"type":"event"#;

/// Why a line is no request.
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
    /// Returns why an event is lost with the refused `line`, if the line may be one: a hook does not hear that it
    /// was refused.
    pub fn loss(&self, line: &[u8]) -> Option<Loss> {
        // Hooks write the type first.
        let is_event = || line.trim_ascii_start().starts_with(EVENT_BEGINS);
        match self {
            Self::Bad { kind: "event", .. } => Some(Loss::Refused),
            Self::TooLong | Self::NotARequest(_) => is_event().then_some(Loss::Refused),
            // A request of a newer view is no event.
            Self::Unknown(_) => is_event().then_some(Loss::NotUnderstood),
            Self::FutureVersion(_) | Self::Bad { .. } => None,
        }
    }

    /// The code of the reply that tells it.
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::TooLong => ErrorCode::TooLong,
            Self::NotARequest(_) | Self::Bad { .. } => ErrorCode::BadRequest,
            Self::Unknown(_) => ErrorCode::UnknownRequest,
            Self::FutureVersion(_) => ErrorCode::UnsupportedVersion,
        }
    }
}

/// The first look at a line: what it is. A second one reads the rest, so that an error names the
/// field and nothing is buffered.
#[derive(Deserialize)]
struct Head<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    #[serde(default)]
    protocol: Option<u32>,
}

#[derive(Deserialize)]
struct Subscribe {
    #[serde(default)]
    after: Option<After>,
}

#[derive(Deserialize)]
struct Explain {
    row: RowKey,
}

#[derive(Deserialize)]
struct MarkRow {
    row: RowKey,
    mark: Mark,
}

#[derive(Deserialize)]
struct Restore {
    row: Box<Session>,
}

#[derive(Deserialize)]
struct Attend {
    on: bool,
}

#[derive(Deserialize)]
struct Told {
    id: u64,
}

#[derive(Deserialize)]
struct LossesSeen {
    count: u64,
}

#[derive(Deserialize)]
struct Announce {
    title: String,
    text: String,
}

#[derive(Deserialize)]
struct RestoreLimits {
    limits: Vec<Limits>,
}

impl Request {
    /// Reads a line (with or without its newline). Unknown fields are ignored.
    pub fn decode(line: &[u8]) -> Result<Self, RequestError> {
        if line.len() > MAX_REQUEST_LINE {
            return Err(RequestError::TooLong);
        }
        // serde would take a list for an object's fields in their order.
        if line.trim_ascii_start().starts_with(b"[") {
            let error = serde::de::Error::custom("it is a list");
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
            "event" => Self::Event(event(line, newer.is_some())?),
            "observe" => Self::Observe(rest::<ObservationLine>("observe", line)?),
            "subscribe" => Self::Subscribe { after: rest::<Subscribe>("subscribe", line)?.after },
            "list" => Self::List,
            "wait" => Self::Wait(rest::<WaitRequest>("wait", line)?),
            "explain" => Self::Explain { row: rest::<Explain>("explain", line)?.row },
            "mark" => {
                let MarkRow { row, mark } = rest::<MarkRow>("mark", line)?;
                Self::Mark { row, mark }
            }
            "restore" => Self::Restore { row: rest::<Restore>("restore", line)?.row },
            "restore_limits" => {
                let RestoreLimits { limits } = rest::<RestoreLimits>("restore_limits", line)?;
                Self::RestoreLimits { limits }
            }
            "look" => Self::Look,
            "losses_seen" => {
                Self::LossesSeen { count: rest::<LossesSeen>("losses_seen", line)?.count }
            }
            "attend" => Self::Attend { on: rest::<Attend>("attend", line)?.on },
            "told" => Self::Told { id: rest::<Told>("told", line)?.id },
            "announce" => {
                let Announce { title, text } = rest::<Announce>("announce", line)?;
                Self::Announce { title, text }
            }
            "record" => Self::Record,
            "hello" => Self::Hello { protocol: head.protocol.unwrap_or(PROTOCOL) },
            "stop" => Self::Stop,
            other => return Err(RequestError::Unknown(crewboard_core::clean(other, 40, false))),
        })
    }
}

/// Reads an event. No hook hears a refusal, so an event of a newer hook is taken as far as it is understood: at
/// least who it is of, and where.
fn event(line: &[u8], is_newer: bool) -> Result<EventLine, RequestError> {
    match rest::<EventLine>("event", line) {
        Err(error) if is_newer => without_what_happened(line).ok_or(error),
        result => result,
    }
}

/// Reads an event as one of an unknown kind.
fn without_what_happened(line: &[u8]) -> Option<EventLine> {
    let mut value: Value = serde_json::from_slice(line).ok()?;
    *value.get_mut("report")?.get_mut("event")? = json!({ "kind": "unknown" });
    serde_json::from_value(value).ok()
}

fn rest<'a, T: Deserialize<'a>>(kind: &'static str, line: &'a [u8]) -> Result<T, RequestError> {
    serde_json::from_slice(line).map_err(|error| RequestError::Bad { kind, error })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_request_says_why() {
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
                "not a JSON object with a \"type\": it is a list",
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
    fn unknown_fields_and_events_are_tolerated() {
        let line = br#"{"type":"event","hook_pid":7,"later":1,"report":{"agent":"claude","session":"s",
            "source":"hook:New","stamp":{"boot":1,"micros":2},"event":{"kind":"from_the_future","x":1}}}"#;
        let Request::Event(event) = Request::decode(line).unwrap() else { panic!("not an event") };
        assert_eq!(event.report.event, crewboard_core::Event::Unknown);
    }

    #[test]
    fn an_event_of_a_newer_hook_is_taken_as_far_as_it_is_understood() {
        let line = |protocol: &str, event: &str| {
            let line = format!(
                r#"{{"type":"event"{protocol},"hook_pid":7,"report":{{"agent":"claude","session":"s",
                "source":"hook:New","stamp":{{"boot":1,"micros":2}},"event":{event}}}}}"#
            );
            Request::decode(line.as_bytes())
        };
        let rested = r#"{"kind":"rested"}"#;
        let paused = r#"{"kind":"status_reported","status":"paused"}"#;
        let newer = r#","protocol":2"#;
        for (protocol, event, expected) in [
            (newer, rested, Some(crewboard_core::Event::Rested)),
            (newer, paused, Some(crewboard_core::Event::Unknown)),
            (newer, r#"{"kind":"rested","extra":[1]}"#, Some(crewboard_core::Event::Rested)),
            (newer, r#"{"what":"new"}"#, Some(crewboard_core::Event::Unknown)),
            (newer, r#""new""#, Some(crewboard_core::Event::Unknown)),
            ("", paused, None),
        ] {
            match (line(protocol, event), expected) {
                (Ok(Request::Event(line)), Some(expected)) => {
                    assert_eq!(line.report.event, expected, "{event}");
                    assert_eq!(line.report.session.as_str(), "s");
                }
                (Err(error), None) => assert_eq!(error.loss(b"{"), Some(Loss::Refused), "{error}"),
                (result, _) => panic!("{protocol} {event}: {result:?}"),
            }
        }
        // Of nothing else is a newer version guessed at.
        let error = Request::decode(br#"{"type":"list","protocol":2}"#).unwrap_err();
        assert_eq!(error.loss(b"{"), None);
        assert_eq!(error.code(), ErrorCode::UnsupportedVersion);
    }

    #[test]
    fn refused_lines_that_may_be_events_are_losses() {
        let long = format!(r#"{{"type":"event","report":"{}"}}"#, "x".repeat(MAX_REQUEST_LINE));
        for (line, loss) in [
            (long.as_str(), Some(Loss::Refused)),
            (r#"{"type":"event","report":{"#, Some(Loss::Refused)),
            (r#"{"type":"event"}"#, Some(Loss::Refused)),
            (r#"{"type":"events"}"#, Some(Loss::NotUnderstood)),
            (r#"{"type":"follow"}"#, None),
            (r#"{"type":"mark"}"#, None),
            ("GET / HTTP/1.1", None),
        ] {
            let error = Request::decode(line.as_bytes()).unwrap_err();
            assert_eq!(error.loss(line.as_bytes()), loss, "{error}");
        }
    }

    #[test]
    fn deep_nesting_is_skipped_or_refused_but_never_overflows() {
        let deep =
            format!("{{\"type\":\"list\",\"x\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
        assert!(matches!(Request::decode(deep.as_bytes()), Ok(Request::List)));
    }
}
