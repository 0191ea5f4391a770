//! Reads the end of a conversation's transcript, `projects/FOLDER/SESSION.jsonl`, to derive how a turn ended.
//!
//! The format is internal. Seen in 2.1.330:
//!
//! * A finished turn has a `system` line of subtype `turn_duration` after its last `assistant` line.
//! * An interrupted turn has a `user` line `[Request interrupted by user…]`. An interrupt before the first byte of the
//!   answer leaves no line.
//! * A turn that failed with an API error has an `assistant` line with `isApiErrorMessage` and the kind in `error`.
//! * Lines reach the disk 160 ms after their own timestamp in the median, and half a second at worst.

use crate::evidence::LastTurn;
use crate::fields::{Field, Text};
use crate::timestamp::milliseconds_of;
use crewboard_core::TurnEnd;
use serde::Deserialize;
use serde_json::value::RawValue;

use std::path::{Path, PathBuf};

/// The characters of a folder's name that come from the directory's path. A longer path is truncated.
const MAX_FOLDER: usize = 200;

/// Returns the name of the folder of a directory's conversations: the path, with `-` for each UTF-16 unit that is not a
/// letter or digit. A path that is too long is truncated and gets a hash (2.1.224 and newer; tried on 2.1.332).
///
/// A folder may have another name: `CLAUDE_CODE_PROJECT_DIR_NAME` sets one, and older clients truncate and hash in
/// another way.
pub(crate) fn folder_of(directory: &str) -> String {
    let plain = |unit: u16| char::from(u8::try_from(unit).unwrap_or(b'-'));
    let letter = |unit| Some(plain(unit)).filter(char::is_ascii_alphanumeric).unwrap_or('-');
    let mut name: String = directory.encode_utf16().map(letter).collect();
    if name.len() > MAX_FOLDER {
        name.truncate(MAX_FOLDER);
        name.push('-');
        name.push_str(&hash_of(directory));
    }
    name
}

/// Returns the hash that the client appends to a truncated folder name, in base 36.
fn hash_of(directory: &str) -> String {
    let add = |hash: i32, unit: u16| hash.wrapping_mul(31).wrapping_add(i32::from(unit));
    let mut rest = directory.encode_utf16().fold(0, add).unsigned_abs();
    let mut digits = Vec::new();
    loop {
        digits.extend(char::from_digit(rest % 36, 36));
        rest /= 36;
        if rest == 0 {
            return digits.into_iter().rev().collect();
        }
    }
}

/// Returns the directory in which a conversation began. Its transcript's first lines name directories: the result is the
/// one that gives the folder its name, or else the first one.
pub(crate) fn directory_in(head: &[u8], folder: Option<&str>) -> Option<PathBuf> {
    #[derive(Deserialize)]
    struct Located<'a> {
        #[serde(borrow)]
        cwd: Field<Text<'a>>,
    }
    let mut first = None;
    // The last line may be truncated.
    for line in head.split(|byte| *byte == b'\n') {
        let Ok(Located { cwd }) = serde_json::from_slice(line) else { continue };
        let cwd = cwd.text();
        if !cwd.starts_with('/') {
            continue;
        }
        if folder == Some(folder_of(cwd).as_str()) {
            return Some(PathBuf::from(cwd));
        }
        first = first.or_else(|| Some(PathBuf::from(cwd)));
    }
    first
}

/// Returns the path of a conversation's transcript below its profile.
///
/// The path in an event counts if it ends as the path of this conversation's transcript does; its beginning may spell the
/// profile in another way. If the event has no path, the result is derived from the working directory.
pub(crate) fn transcript_below(
    session: &str,
    path: Option<&str>,
    cwd: Option<&str>,
) -> Option<Vec<String>> {
    if session.contains('/') {
        return None;
    }
    let file = format!("{session}.jsonl");
    let Some(path) = path else {
        return Some(vec!["projects".to_owned(), folder_of(cwd?), file]);
    };
    let mut parts = path.rsplit('/');
    let (name, project, folder) = (parts.next()?, parts.next()?, parts.next()?);
    let is_there = folder == "projects" && !matches!(project, "" | "." | "..") && name == file;
    is_there.then(|| vec![folder.to_owned(), project.to_owned(), file])
}

/// Returns the configuration directory above a transcript: `PROFILE/projects/FOLDER/SESSION.jsonl`.
pub(crate) fn profile_above(transcript: &Path) -> Option<PathBuf> {
    let folders = transcript.parent()?.parent()?;
    let profile = folders.parent()?;
    let is_below = folders.file_name()? == "projects" && !profile.as_os_str().is_empty();
    is_below.then(|| profile.to_owned())
}

/// The beginning of the line that reports an interrupt by the user.
const INTERRUPTED: &str = "[Request interrupted by user";

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default, bound(deserialize = "'de: 'a"))]
struct Line<'a> {
    #[serde(rename = "type")]
    kind: Field<Text<'a>>,
    subtype: Field<Text<'a>>,
    timestamp: Field<Text<'a>>,
    is_sidechain: Field<bool>,
    is_api_error_message: Field<bool>,
    is_aborted_mid_stream: Field<bool>,
    error: Field<Text<'a>>,
    message: Field<Message<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Message<'a> {
    stop_reason: Field<Text<'a>>,
    content: Option<&'a RawValue>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Part<'a> {
    #[serde(rename = "type")]
    kind: Field<Text<'a>>,
    text: Field<Text<'a>>,
}

impl Line<'_> {
    /// Returns the text of the message: all of it, or the first text of its list of parts.
    fn text(&self) -> Option<String> {
        let content = self.message.0.as_ref()?.content?;
        if let Some(Text(text)) = Field::read(content).0 {
            return Some(text.into_owned());
        }
        let parts: Vec<Field<Part<'_>>> = Field::read(content).0?;
        let mut parts = parts.into_iter().filter_map(|part| part.0);
        parts.find(|part| part.kind.text() == "text")?.text.to_text()
    }
}

/// Derives how the turn ended that began after `since` (Unix milliseconds). The first and the last line of `tail` may be
/// truncated.
pub(crate) fn last_turn(tail: &[u8], since: u64) -> LastTurn {
    let text = String::from_utf8_lossy(tail);
    let mut last = LastTurn::Unknown;
    let mut answer = None;
    for line in text.lines() {
        let Ok(line) = serde_json::from_str::<Line<'_>>(line) else { continue };
        let at = line.timestamp.get().and_then(milliseconds_of);
        let is_main = !line.is_sidechain.is_true();
        let Some(at) = at.filter(|at| *at >= since && is_main) else { continue };
        let over = |how| LastTurn::Over { how, at };
        last = match line.kind.text() {
            "assistant" if line.is_api_error_message.is_true() => over(TurnEnd::Failed {
                error: line.error.get().unwrap_or("unknown").to_owned(),
                detail: line.text().unwrap_or_default(),
            }),
            "assistant" if line.is_aborted_mid_stream.is_true() => over(TurnEnd::Interrupted),
            "assistant" => {
                answer = line.text().or(answer);
                let message = line.message.0.as_ref();
                match message.map(|message| message.stop_reason.text()) {
                    // In a `-p` session this is the last line. In other sessions the turn's duration follows, or the
                    // turn continues because a hook demands it.
                    Some("end_turn") => {
                        LastTurn::Answered { message: answer.clone().unwrap_or_default() }
                    }
                    _ => LastTurn::Running,
                }
            }
            "user" if line.text().is_some_and(|text| text.starts_with(INTERRUPTED)) => {
                over(TurnEnd::Interrupted)
            }
            "user" => LastTurn::Running,
            // The duration also follows an error while a background agent still runs (recording error-background).
            "system" if matches!(last, LastTurn::Over { how: TurnEnd::Failed { .. }, .. }) => {
                continue;
            }
            "system" if line.subtype.text() == "turn_duration" => {
                over(TurnEnd::Finished { message: answer.take().unwrap_or_default() })
            }
            _ => continue,
        };
    }
    last
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROMPT: &str = r#"{"type":"user","timestamp":"2026-11-25T11:00:01.000Z","message":{"role":"user","content":"go"}}"#;
    const ANSWER: &str = r#"{"type":"assistant","timestamp":"2026-11-25T11:00:02.000Z","message":{"content":[{"type":"thinking"},{"type":"text","text":"All done."}],"stop_reason":"end_turn"}}"#;
    const DURATION: &str =
        r#"{"type":"system","subtype":"turn_duration","timestamp":"2026-11-25T11:00:02.500Z"}"#;
    const COST: &str = r#"{"type":"cost-state","cost":1}"#;
    const BROKEN: &str = r#"{"type":"user","timestamp":"2026-11-25T11:00:03.000Z","message":{"content":[{"type":"text","text":"[Request interrupted by user for tool use]"}]}}"#;
    const RESULT: &str = r#"{"type":"user","timestamp":"2026-11-25T11:00:02.900Z","message":{"content":[{"type":"tool_result","content":"no"}]}}"#;
    const FAILED: &str = r#"{"type":"assistant","timestamp":"2026-11-25T11:00:03.000Z","isApiErrorMessage":true,"error":"rate_limit","message":{"content":[{"type":"text","text":"API Error: 429"}]}}"#;
    const ABORTED: &str = r#"{"type":"assistant","timestamp":"2026-11-25T11:00:03.000Z","isAbortedMidStream":true,"message":{"content":[]}}"#;
    const HELPER: &str = r#"{"type":"user","isSidechain":true,"timestamp":"2026-11-25T11:00:09.000Z","message":{"content":"x"}}"#;

    #[test]
    fn folder_is_named_as_the_client_names_it() {
        let parts = |count, part: &str| -> String {
            (1..=count).flat_map(|number: u32| [part.to_owned(), number.to_string()]).collect()
        };
        let deep = parts(20, "/abcdefghij-é");
        let plain = parts(13, "-abcdefghij--");
        for (directory, folder) in [
            ("/home/dev/my shop".to_owned(), "-home-dev-my-shop".to_owned()),
            ("/home/dev/é".to_owned(), "-home-dev--".to_owned()),
            // Version 2.1.332 created this name for the directory.
            (format!("/home/dev{deep}"), format!("-home-dev{plain}-abcd-k3keew")),
            (format!("/{}", "x".repeat(199)), format!("-{}", "x".repeat(199))),
            // The crab is two UTF-16 units.
            ("/home/dev/🦀".to_owned(), "-home-dev---".to_owned()),
        ] {
            assert_eq!(folder_of(&directory), folder, "{directory}");
        }
    }

    #[test]
    fn transcript_names_the_directory_where_it_began() {
        let head = [
            r#"{"type":"queue-operation","content":"go"}"#,
            r#"{"cwd":"relative","type":"user"}"#,
            r#"{"type":"user","cwd":"/home/dev/a \"b\""}"#,
            r#"{"type":"user","cwd":"/home/dev/shop"}"#,
            r#"{"type":"user","cwd":"/home/dev/cut o"#,
        ];
        for (lines, folder, expected) in [
            (&head[..], Some("-home-dev-shop"), Some("/home/dev/shop")),
            (&head, Some("named-by-the-user"), Some("/home/dev/a \"b\"")),
            (&head[..2], Some("-home-dev-shop"), None),
        ] {
            let found = directory_in(lines.join("\n").as_bytes(), folder);
            assert_eq!(found, expected.map(PathBuf::from), "{folder:?}");
        }
    }

    #[test]
    fn last_relevant_line_decides_how_the_turn_ended() {
        let finished = |message: &str| TurnEnd::Finished { message: message.to_owned() };
        let failed =
            TurnEnd::Failed { error: "rate_limit".into(), detail: "API Error: 429".into() };
        for (lines, expected) in [
            (vec![PROMPT, ANSWER, DURATION, COST], Some(finished("All done."))),
            (vec!["cut off\"}", PROMPT, ANSWER, DURATION], Some(finished("All done."))),
            (vec![PROMPT, ANSWER, RESULT, BROKEN, COST], Some(TurnEnd::Interrupted)),
            (vec![PROMPT, FAILED, DURATION], Some(failed)),
            (vec![PROMPT, ABORTED], Some(TurnEnd::Interrupted)),
            (vec![PROMPT], None),
            (vec![PROMPT, ANSWER, DURATION, HELPER], Some(finished("All done."))),
        ] {
            let found = last_turn(lines.join("\n").as_bytes(), 0);
            let how = match found {
                LastTurn::Over { how, .. } => Some(how),
                LastTurn::Running => None,
                LastTurn::Answered { .. } | LastTurn::Unknown => panic!("{lines:?}: {found:?}"),
            };
            assert_eq!(how, expected, "{lines:?}");
        }
    }

    #[test]
    fn unexpected_types_do_not_hide_a_line() {
        let odd = r#"{"type":"user","timestamp":"2026-11-25T11:00:03.000Z","subtype":7,"isSidechain":"no","error":{},"message":{"stop_reason":[],"content":[7,{"type":"text","text":"[Request interrupted by user]"}]}}"#;
        let lines = [PROMPT, odd].join("\n");
        let at = milliseconds_of("2026-11-25T11:00:03.000Z").unwrap();
        let expected = LastTurn::Over { how: TurnEnd::Interrupted, at };
        assert_eq!(last_turn(lines.as_bytes(), 0), expected);
    }

    #[test]
    fn lines_before_the_turn_are_ignored() {
        let lines = [PROMPT, ANSWER, DURATION].join("\n");
        let end = milliseconds_of("2026-11-25T11:00:02.500Z").unwrap();
        let over = LastTurn::Over { how: TurnEnd::Finished { message: String::new() }, at: end };
        assert_eq!(last_turn(lines.as_bytes(), end), over);
        assert_eq!(last_turn(lines.as_bytes(), end + 1), LastTurn::Unknown);
        assert_eq!(last_turn(b"\xff\xfe{}\n[]", 0), LastTurn::Unknown);
        let answered = LastTurn::Answered { message: "All done.".to_owned() };
        assert_eq!(last_turn([PROMPT, ANSWER].join("\n").as_bytes(), 0), answered);
    }

    #[test]
    fn transcript_path_must_end_like_a_transcripts() {
        let below = |path| transcript_below("s1", Some(path), None);
        let expected = ["projects", "-home-dev", "s1.jsonl"].map(str::to_owned).to_vec();
        for profile in
            ["/home/dev/.claude", "/data/projects/dev/.claude", "/link/to//it/", "relative"]
        {
            let path = format!("{profile}/projects/-home-dev/s1.jsonl");
            let found = transcript_below("s1", Some(&path), None);
            assert_eq!(found, Some(expected.clone()), "{path}");
        }
        let by_directory = transcript_below("s1", None, Some("/home/dev"));
        assert_eq!(by_directory, Some(expected));
        assert_eq!(transcript_below("../s1", None, Some("/home")), None);
        for path in [
            "/home/dev/.claude/projects/-home-dev/s2.jsonl",
            "/home/dev/.claude/projects/../s1.jsonl",
            "/home/dev/.claude/sessions/x/s1.jsonl",
            "/home/dev/.claude/projects/a/b/s1.jsonl",
            "/home/dev/.claudeprojects/a/s1.jsonl",
            "/etc/passwd",
            "s1.jsonl",
        ] {
            assert_eq!(below(path), None, "{path}");
        }
    }
}
