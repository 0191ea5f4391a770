//! Reads the body of a sequence of the Program Status Protocol. docs/decisions/0029 has the rules and their sources.

use crate::base64;
use crewboard_core::{BlockedReason, ProgramRecord, ProgramState};

/// Maximum bytes of a key.
const MAX_KEY: usize = 16;
/// Maximum bytes of `app` and of a segment of `id`.
const MAX_NAME: usize = 32;
/// Maximum bytes and segments of `id`.
const MAX_RECORD_ID: usize = 128;
const MAX_DEPTH: usize = 8;
/// Maximum bytes of a text, encoded and decoded.
const MAX_TITLE: (usize, usize) = (256, 192);
const MAX_MESSAGE: (usize, usize) = (2732, 2048);

/// The content of a sequence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sequence {
    /// The program asks if its terminal knows the protocol. A terminal's answer has the same form.
    Query,
    /// The program reports a record.
    Record(ProgramRecord),
}

/// The values that were found in a body.
#[derive(Default)]
struct Values<'a> {
    state: Option<&'a str>,
    id: Option<&'a str>,
    kind: Option<&'a str>,
    progress: Option<&'a str>,
    app: Option<&'a str>,
    title: Option<&'a str>,
    message: Option<&'a str>,
}

/// Parses a body. Returns `None` if the protocol ignores or discards it.
pub fn parse(body: &[u8]) -> Option<Sequence> {
    let body = std::str::from_utf8(body).ok()?.trim();
    if body.starts_with('?') {
        return Some(Sequence::Query);
    }
    let values = read_values(body)?;
    let id = values.id.unwrap_or_default();
    // A bad id never stands for the program itself.
    if values.id.is_some() && !is_id(id) {
        return None;
    }
    if values.app.is_some_and(|app| app.len() > MAX_NAME) {
        return None;
    }
    let title = decode_text(values.title, MAX_TITLE)?;
    let message = decode_text(values.message, MAX_MESSAGE)?;
    let state = match values.state? {
        "idle" => ProgramState::Idle,
        "working" => ProgramState::Working,
        "blocked" => ProgramState::Blocked,
        "done" => ProgramState::Done,
        "error" => ProgramState::Error,
        "clear" => ProgramState::Cleared,
        _ => return None,
    };
    if state == ProgramState::Cleared {
        let id = id.to_owned();
        return Some(Sequence::Record(ProgramRecord { id, state, ..ProgramRecord::default() }));
    }
    let kind = values.kind.filter(|_| state == ProgramState::Blocked);
    let has_progress = matches!(state, ProgramState::Working | ProgramState::Blocked);
    let progress = values.progress.filter(|_| has_progress).and_then(|text| text.parse().ok());
    Some(Sequence::Record(ProgramRecord {
        id: id.to_owned(),
        state,
        reason: kind.and_then(reason),
        app: values.app.filter(|app| is_name(app)).map(str::to_owned),
        title,
        message,
        progress: progress.filter(|progress| *progress <= 100),
    }))
}

/// Reads the pairs. Skips malformed ones and unknown keys; the last of two equal keys counts. Returns `None` if a key is
/// too long.
fn read_values(body: &str) -> Option<Values<'_>> {
    let mut values = Values::default();
    for pair in body.split(':') {
        let Some((key, value)) = pair.split_once('=') else { continue };
        let (key, value) = (key.trim(), value.trim());
        if key.len() > MAX_KEY {
            return None;
        }
        let slot = match key {
            "state" => &mut values.state,
            "id" => &mut values.id,
            "kind" => &mut values.kind,
            "progress" => &mut values.progress,
            "app" => &mut values.app,
            "title" => &mut values.title,
            "msg" => &mut values.message,
            _ => continue,
        };
        *slot = Some(value);
    }
    Some(values)
}

fn reason(kind: &str) -> Option<BlockedReason> {
    match kind {
        "permission" => Some(BlockedReason::Permission),
        "question" => Some(BlockedReason::Question),
        "auth" => Some(BlockedReason::Authentication),
        _ => None,
    }
}

fn is_name(text: &str) -> bool {
    let is_known = |byte: u8| byte.is_ascii_alphanumeric() || b"_.+-".contains(&byte);
    (1..=MAX_NAME).contains(&text.len()) && text.bytes().all(is_known)
}

fn is_id(text: &str) -> bool {
    text.len() <= MAX_RECORD_ID
        && text.split('/').count() <= MAX_DEPTH
        && text.split('/').all(is_name)
}

/// Decodes a text. The outer `None` discards the report; an empty text is no text.
#[expect(clippy::option_option, reason = "a bad text discards the report, a missing one does not")]
fn decode_text(value: Option<&str>, (encoded, decoded): (usize, usize)) -> Option<Option<String>> {
    let Some(value) = value else { return Some(None) };
    if value.len() > encoded {
        return None;
    }
    let bytes = base64::decode(value).filter(|bytes| bytes.len() <= decoded)?;
    let text = String::from_utf8(bytes).ok()?;
    if text.chars().any(char::is_control) {
        return None;
    }
    Some((!text.is_empty()).then_some(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(body: &str) -> Option<ProgramRecord> {
        match parse(body.as_bytes())? {
            Sequence::Record(record) => Some(record),
            Sequence::Query => panic!("{body} is a query"),
        }
    }

    #[test]
    fn whole_report_is_read() {
        let body = "state=blocked:kind=permission:progress=40:app=claude-code:id=task/a1\
                    :title=UGxhbg:msg=QWxsb3cgQmFzaD8=";
        let expected = ProgramRecord {
            id: "task/a1".to_owned(),
            state: ProgramState::Blocked,
            reason: Some(BlockedReason::Permission),
            app: Some("claude-code".to_owned()),
            title: Some("Plan".to_owned()),
            message: Some("Allow Bash?".to_owned()),
            progress: Some(40),
        };
        assert_eq!(record(body), Some(expected));
        for query in ["?", " ? ", "?:later=1"] {
            assert_eq!(parse(query.as_bytes()), Some(Sequence::Query));
        }
    }

    #[test]
    fn unknown_and_malformed_pairs_are_skipped() {
        let body = " state = idle : junk : =x : Bad=1 : later=a,b : state=working : app=pi ";
        let expected = ProgramRecord {
            state: ProgramState::Working,
            app: Some("pi".to_owned()),
            ..ProgramRecord::default()
        };
        assert_eq!(record(body), Some(expected));
        for (body, field) in [
            ("state=idle:kind=question", None),
            ("state=blocked:kind=later", None),
            ("state=blocked:kind=auth", Some(BlockedReason::Authentication)),
        ] {
            assert_eq!(record(body).unwrap().reason, field, "{body}");
        }
        for (body, progress) in [
            ("state=working:progress=0", Some(0)),
            ("state=working:progress=101", None),
            ("state=working:progress=half", None),
            ("state=done:progress=50", None),
        ] {
            assert_eq!(record(body).unwrap().progress, progress, "{body}");
        }
        assert_eq!(record("state=idle:app=a b").unwrap().app, None);
    }

    #[test]
    fn bad_report_is_discarded_as_a_whole() {
        let long = |key: &str, groups: usize| format!("state=idle:{key}={}", "QUFB".repeat(groups));
        for body in [
            "",
            "app=x",
            "state=",
            "state=paused",
            "state=idle:id=",
            "state=idle:id=a//b",
            "state=idle:id=a b",
            "state=idle:id=a/b/c/d/e/f/g/h/i",
            "state=idle:msg=not*base64",
            // A line break, a bell, and no UTF-8.
            "state=idle:msg=YQpi",
            "state=idle:title=Bw==",
            "state=idle:msg=//4=",
            "state=clear:msg=!",
            &long("app", 9),
            &long("id", 9),
            &long("title", 65),
            &long("msg", 684),
            &format!("state=idle:{}=1", "k".repeat(17)),
        ] {
            assert_eq!(record(body), None, "{body}");
        }
        for longest in [long("app", 8), long("id", 8), long("title", 64), long("msg", 682)] {
            assert!(record(&longest).is_some(), "{longest}");
        }
        assert_eq!(parse(b"state=idle:app=\xff"), None);
    }

    #[test]
    fn clear_keeps_only_its_id() {
        for (body, id) in [("state=clear", ""), ("state=clear:id=a/b:app=x", "a/b")] {
            let (id, state) = (id.to_owned(), ProgramState::Cleared);
            let expected = ProgramRecord { id, state, ..ProgramRecord::default() };
            assert_eq!(record(body), Some(expected));
        }
    }
}
