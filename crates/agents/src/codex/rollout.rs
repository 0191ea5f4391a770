//! Reads a conversation's transcript, the rollout `sessions/YYYY/MM/DD/rollout-TIME-ID.jsonl` in Codex's configuration
//! directory.
//!
//! The format is internal. Seen in 0.171.0:
//!
//! * Codex creates the file with the first prompt, and only appends whole lines, 10 to 60 ms after what they report.
//! * The first line is `session_meta`, with the directory.
//! * Each turn has the `event_msg` lines `task_started` and, at its end, `task_complete` or `turn_aborted`. A turn that
//!   failed with an API error has `error` in its `task_complete`.
//! * A plan that the turn offers is an `item_completed` before that, with an item of the type `Plan`.
//! * A subagent has a file of its own.

use crate::evidence::LastTurn;
use crate::fields::{Field, Text};
use crate::timestamp::milliseconds_of;
use crewboard_core::TurnEnd;
use serde::Deserialize;
use std::path::{Path, PathBuf};

/// The directory of all rollouts.
const SESSIONS: &str = "sessions";

#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Line<'a> {
    #[serde(rename = "type")]
    kind: Field<Text<'a>>,
    timestamp: Field<Text<'a>>,
    payload: Field<Content<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Content<'a> {
    #[serde(rename = "type")]
    kind: Field<Text<'a>>,
    cwd: Field<Text<'a>>,
    last_agent_message: Field<Text<'a>>,
    error: Field<TurnError<'a>>,
    item: Field<Item<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Item<'a> {
    #[serde(rename = "type")]
    kind: Field<Text<'a>>,
    text: Field<Text<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct TurnError<'a> {
    message: Field<Text<'a>>,
}

/// Derives how the turn ended that began after `since` (Unix milliseconds). The first and the last line of `tail` may be
/// truncated.
pub(crate) fn last_turn(tail: &[u8], since: u64) -> LastTurn {
    let text = String::from_utf8_lossy(tail);
    let mut lines = text.lines().rev();
    while let Some(line) = lines.next() {
        let Ok(line) = serde_json::from_str::<Line<'_>>(line) else { continue };
        let Some(content) = line.payload.0.filter(|_| line.kind.text() == "event_msg") else {
            continue;
        };
        let Some(at) = line.timestamp.get().and_then(milliseconds_of) else { continue };
        if at < since {
            break;
        }
        let how = match content.kind.text() {
            "task_started" => return LastTurn::Running,
            "task_complete" => match &content.error.0 {
                Some(error) => TurnEnd::Failed {
                    error: "error".to_owned(),
                    detail: error.message.text().to_owned(),
                },
                None => plan_before(lines).map_or_else(
                    || {
                        let message = content.last_agent_message.text().to_owned();
                        TurnEnd::Finished { message }
                    },
                    |plan| TurnEnd::PlanOffered { plan },
                ),
            },
            "turn_aborted" => TurnEnd::Interrupted,
            _ => continue,
        };
        return LastTurn::Over { how, at };
    }
    LastTurn::Unknown
}

/// Returns the plan of the turn whose lines come before its end, last line first.
fn plan_before<'a>(lines: impl Iterator<Item = &'a str>) -> Option<String> {
    for line in lines {
        let Ok(line) = serde_json::from_str::<Line<'_>>(line) else { continue };
        let Some(content) = line.payload.0.filter(|_| line.kind.text() == "event_msg") else {
            continue;
        };
        match (content.kind.text(), &content.item.0) {
            ("task_started", _) => return None,
            ("item_completed", Some(item)) if item.kind.text() == "Plan" => {
                return Some(item.text.text().to_owned());
            }
            _ => {}
        }
    }
    None
}

/// Returns the directory of a conversation, from the first lines of its transcript.
pub(crate) fn directory_in(head: &[u8]) -> Option<PathBuf> {
    let first = head.split(|byte| *byte == b'\n').next()?;
    let line: Line<'_> = serde_json::from_slice(first).ok()?;
    let content = line.payload.0.filter(|_| line.kind.text() == "session_meta")?;
    content.cwd.get().filter(|cwd| cwd.starts_with('/')).map(PathBuf::from)
}

/// Returns the configuration directory above a transcript.
pub(crate) fn profile_above(transcript: &Path) -> Option<PathBuf> {
    let sessions = transcript.ancestors().nth(4)?;
    let profile = sessions.parent().filter(|profile| !profile.as_os_str().is_empty())?;
    (sessions.file_name()? == SESSIONS).then(|| profile.to_owned())
}

/// Returns the path of a conversation's transcript below its profile. The path in an event counts if it ends as the path
/// of this conversation's transcript does. Without it the transcript cannot be found, because its name has the time.
pub(crate) fn transcript_below(
    session: &str,
    path: Option<&str>,
    _cwd: Option<&str>,
) -> Option<Vec<String>> {
    let mut parts: Vec<&str> = path?.rsplit('/').take(5).collect();
    parts.reverse();
    let [sessions, year, month, day, name] = <[&str; 5]>::try_from(parts).ok()?;
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let is_of_session = !session.is_empty()
        && !session.contains('/')
        && name.starts_with("rollout-")
        && name.strip_suffix(".jsonl").is_some_and(|name| name.ends_with(&format!("-{session}")));
    let is_there = sessions == SESSIONS && [year, month, day].into_iter().all(is_number);
    (is_there && is_of_session)
        .then(|| [sessions, year, month, day, name].map(str::to_owned).to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(second: u32, payload: &str) -> String {
        let time = format!("2026-11-28T05:14:{second:02}.126Z");
        format!(r#"{{"timestamp":"{time}","type":"event_msg","payload":{payload}}}"#)
    }

    #[test]
    fn end_of_the_last_turn_is_read() {
        let start = || line(1, r#"{"type":"task_started","turn_id":"t"}"#);
        let at = milliseconds_of("2026-11-28T05:14:03.126Z").unwrap();
        let over = |how| LastTurn::Over { how, at };
        for (payload, expected) in [
            (
                r#"{"type":"task_complete","last_agent_message":"All done."}"#,
                over(TurnEnd::Finished { message: "All done.".to_owned() }),
            ),
            (
                r#"{"type":"task_complete","error":{"message":"overloaded"}}"#,
                over(TurnEnd::Failed {
                    error: "error".to_owned(),
                    detail: "overloaded".to_owned(),
                }),
            ),
            (r#"{"type":"turn_aborted","reason":"interrupted"}"#, over(TurnEnd::Interrupted)),
            (r#"{"type":"token_count"}"#, LastTurn::Running),
        ] {
            let text = [start(), line(3, payload), "{\"truncat".to_owned()].join("\n");
            assert_eq!(last_turn(text.as_bytes(), 0), expected, "{payload}");
            assert_eq!(last_turn(text.as_bytes(), at + 1), LastTurn::Unknown, "{payload}");
        }
        let plan = line(2, r#"{"type":"item_completed","item":{"type":"Plan","text":"1. Go"}}"#);
        let done = || line(3, r#"{"type":"task_complete"}"#);
        let planned = [start(), plan.clone(), done()].join("\n");
        let expected = over(TurnEnd::PlanOffered { plan: "1. Go".to_owned() });
        assert_eq!(last_turn(planned.as_bytes(), 0), expected);
        let of_former_turn = [plan, start(), done()].join("\n");
        let finished = over(TurnEnd::Finished { message: String::new() });
        assert_eq!(last_turn(of_former_turn.as_bytes(), 0), finished);
        let next = [
            start(),
            line(3, r#"{"type":"task_complete"}"#),
            line(4, r#"{"type":"task_started"}"#),
        ];
        assert_eq!(last_turn(next.join("\n").as_bytes(), 0), LastTurn::Running);
    }

    #[test]
    fn transcript_path_must_end_like_a_rollouts() {
        let id = "01a22093-480b-78e3-93c3-229f3c119fb1";
        let name = format!("rollout-2026-11-28T05-14-13-{id}.jsonl");
        let below = |path: String| transcript_below(id, Some(&path), None);
        let expected = ["sessions", "2026", "11", "28", &name].map(str::to_owned).to_vec();
        assert_eq!(below(format!("/home/dev/.codex/sessions/2026/11/28/{name}")), Some(expected));
        for path in [
            format!("/home/dev/.codex/sessions/2026/../28/{name}"),
            format!("/home/dev/.codex/other/2026/11/28/{name}"),
            format!("/home/dev/.codex/sessions/2026/11/28/{id}.jsonl"),
            "/home/dev/.codex/sessions/2026/11/28/rollout-x.jsonl".to_owned(),
            "/etc/passwd".to_owned(),
        ] {
            assert_eq!(below(path.clone()), None, "{path}");
        }
        let path = format!("/data/.codex/sessions/2026/11/28/{name}");
        assert_eq!(profile_above(Path::new(&path)), Some(PathBuf::from("/data/.codex")));
        assert_eq!(profile_above(Path::new("/sessions/1/2/3/x")), Some(PathBuf::from("/")));
        assert_eq!(profile_above(Path::new("sessions/1/2/3/x")), None);
    }

    #[test]
    fn directory_comes_from_the_first_line() {
        let head = br#"{"type":"session_meta","payload":{"cwd":"/home/dev/shop"}}
{"type":"turn_context","payload":{"cwd":"/tmp"}}"#;
        assert_eq!(directory_in(head), Some(PathBuf::from("/home/dev/shop")));
        assert_eq!(directory_in(b"{\"type\":\"session_meta\""), None);
    }
}
