//! Reads session files: `sessions/PID.json` in Claude Code's configuration directory.
//!
//! The format is internal. Seen in 2.1.330 (`harness/findings-files.md`):
//!
//! * Each process has one file, in interactive, `-p` and background sessions.
//! * The client creates the file at its start, without a `status` for up to 0.6 s. It rewrites the file in place at each
//!   change, so the file may be half written until it is closed. It removes the file when it exits, before `SessionEnd`.
//!   After `kill -9` the file stays.
//! * `status` is `busy`, `idle`, `waiting` or `shell`. `statusUpdatedAt` is the client's own clock.
//! * `procStart` is field 22 of `/proc/PID/stat`, as a string. `pidDomain` ends with the pid namespace, as
//!   `pid:[4026531836]`.
//! * The job of a background session is the directory `jobs/JOBID`. Claude Code keeps a background client ready for
//!   the next session: its file has `spare` until it gets a prompt.
//! * A client whose conversation was moved to the background (left-arrow) keeps running to show this or another
//!   conversation. Its file then has `parkedJobId`.

use crate::evidence::SessionFile;
use crate::fields::{Field, Text};
use crewboard_core::{ConversationId, FileMetadata, FileStatus, Place, Process, PromptKind};
use serde::Deserialize;

/// The fields that Crewboard reads. Each may be missing in other versions.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default, bound(deserialize = "'de: 'a"))]
struct Fields<'a> {
    pid: Field<u32>,
    version: Field<Text<'a>>,
    session_id: Field<Text<'a>>,
    proc_start: Field<Text<'a>>,
    pid_domain: Field<Text<'a>>,
    kind: Field<Text<'a>>,
    entrypoint: Field<Text<'a>>,
    status: Field<Text<'a>>,
    waiting_for: Field<Text<'a>>,
    status_updated_at: Field<u64>,
    updated_at: Field<u64>,
    cwd: Field<Text<'a>>,
    name: Field<Text<'a>>,
    name_source: Field<Text<'a>>,
    job_id: Field<Text<'a>>,
    spare: Field<bool>,
    parked_job_id: Field<Text<'a>>,
    tmux: Field<Text<'a>>,
}

/// Returns the pid in the name of a session file.
pub(crate) fn pid_of(name: &str) -> Option<u32> {
    let digits = name.strip_suffix(".json")?;
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| digits.parse().ok()).flatten()
}

/// Returns the pid in the name of a key file, such as `9096.1f0c.key`.
///
/// Claude Code (2.1.330, 2.1.332) creates the key file about 0.7 s after its start, before the dialogs that precede the
/// session (trust, settings errors). It creates the session file after them.
pub(crate) fn pid_of_key(name: &str) -> Option<u32> {
    let (digits, rest) = name.split_once('.')?;
    let is_key =
        rest.strip_suffix(".key").is_some_and(|hash| !hash.is_empty() && !hash.contains('.'));
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    (is_key && is_number).then(|| digits.parse().ok()).flatten()
}

/// Reads a session file. Returns `None` if the file belongs to no session, or is half written.
pub(crate) fn read(text: &[u8]) -> Option<SessionFile> {
    let file: Fields<'_> = serde_json::from_slice(text).ok()?;
    // The service behind background sessions has files of its own, which belong to no session.
    let is_session = matches!(file.kind.text(), "interactive" | "bg" | "");
    let pid = file.pid.0.filter(|pid| *pid != 0)?;
    if !is_session || file.spare.is_true() || file.session_id.text().is_empty() {
        return None;
    }
    let word = match file.status.text() {
        _ if file.parked_job_id.get().is_some() => "parked",
        "" => "started",
        word => word,
    };
    let status = match (word, file.waiting_for.text()) {
        ("parked", _) => FileStatus::MovedToBackground,
        ("busy", _) => FileStatus::Busy,
        ("idle", _) => FileStatus::Idle { shells: false },
        ("shell", _) => FileStatus::Idle { shells: true },
        // Claude Code writes "permission prompt" for a plan as well.
        ("waiting", "permission prompt" | "sandbox request" | "worker request") => {
            FileStatus::Prompt { prompt_kind: PromptKind::Permission }
        }
        ("waiting", "input needed" | "goal proposal") => {
            FileStatus::Prompt { prompt_kind: PromptKind::Question }
        }
        ("waiting", _) => FileStatus::Dialog,
        _ => FileStatus::Unknown,
    };
    let is_named = file.name_source.text() != "derived";
    Some(SessionFile {
        process: Process { pid, start: file.proc_start.text().parse().ok()? },
        source: format!("file:{word}"),
        status,
        // A parked session keeps the `statusUpdatedAt` of its last status.
        since: if status == FileStatus::MovedToBackground {
            file.updated_at.0
        } else {
            file.status_updated_at.0
        },
        pid_namespace: namespace_of(file.pid_domain.text()).map(str::to_owned),
        about: FileMetadata {
            agent_version: file.version.to_text(),
            session: ConversationId::new(file.session_id.text()),
            cwd: file.cwd.to_text(),
            title: if is_named { file.name.to_text() } else { None },
            headless: file.entrypoint.text().starts_with("sdk"),
            job: if file.kind.text() == "bg" {
                file.job_id.to_text().map(|id| format!("jobs/{id}"))
            } else {
                None
            },
            profile: None,
            place: place_of(file.tmux.text()),
        },
    })
}

/// Returns the kernel's name of the pid namespace, which is the end of `pidDomain`.
fn namespace_of(domain: &str) -> Option<&str> {
    domain.rfind("pid:[").and_then(|start| domain.get(start..))
}

/// Reads the tmux session, window and pane, such as `main:@0.%0`.
fn place_of(tmux: &str) -> Place {
    let pane = tmux.rsplit_once('.').map(|(_, pane)| pane).filter(|pane| pane.starts_with('%'));
    match pane {
        Some(pane) => Place {
            terminal: Some("tmux".to_owned()),
            pane: Some(pane.to_owned()),
            ..Place::default()
        },
        None => Place::default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads a session file with these fields, and renders its status.
    fn status(fields: &str) -> String {
        let text = format!(r#"{{"pid":9096,"sessionId":"s"{fields}}}"#);
        let text = match fields {
            fields if fields.contains("procStart") => text,
            _ => text.replacen('{', r#"{"procStart":"519941","#, 1),
        };
        match read(text.as_bytes()) {
            Some(file) => format!("{} {:?} {:?}", file.source, file.status, file.since),
            None => "nothing".to_owned(),
        }
    }

    #[test]
    fn status_is_read_from_known_and_unknown_words() {
        for (fields, expected) in [
            ("", "file:started Unknown None"),
            (r#","status":"busy","statusUpdatedAt":5"#, "file:busy Busy Some(5)"),
            (r#","status":"idle""#, "file:idle Idle { shells: false } None"),
            (r#","status":"shell""#, "file:shell Idle { shells: true } None"),
            (
                r#","status":"waiting","waitingFor":"permission prompt""#,
                "file:waiting Prompt { prompt_kind: Permission } None",
            ),
            (
                r#","status":"waiting","waitingFor":"input needed""#,
                "file:waiting Prompt { prompt_kind: Question } None",
            ),
            (r#","status":"waiting","waitingFor":"dialog open""#, "file:waiting Dialog None"),
            (r#","status":"waiting""#, "file:waiting Dialog None"),
            (r#","status":"dreaming","x":[{}]"#, "file:dreaming Unknown None"),
            (r#","kind":"daemon-worker""#, "nothing"),
            (r#","kind":"bg","spare":true,"status":"idle""#, "nothing"),
            (r#","kind":"bg","spare":false,"status":"busy""#, "file:busy Busy None"),
            (r#","kind":"interactive","status":"idle""#, "file:idle Idle { shells: false } None"),
            (
                r#","status":"idle","statusUpdatedAt":5,"updatedAt":7,"parkedJobId":"00746c6e""#,
                "file:parked MovedToBackground Some(7)",
            ),
            (r#","procStart":"soon""#, "nothing"),
            (r#","status":"idle"}08}76,"waitingFor":"dialog open""#, "nothing"),
        ] {
            assert_eq!(status(fields), expected, "{fields}");
        }
        for text in ["", "null", "[]", "{}", r#"{"pid":1}"#, "\u{0}"] {
            assert!(read(text.as_bytes()).is_none(), "{text}");
        }
    }

    #[test]
    fn session_file_names_process_place_and_namespace() {
        let text = r#"{"pid":9096,"sessionId":"21f5","cwd":"/home/dev/project","procStart":"519941",
            "version":"2.1.330","kind":"bg","jobId":"j1","entrypoint":"sdk-cli","name":"Fix it","nameSource":"auto",
            "pidDomain":"linux:00000000:pid:[4026531836]","tmux":"main:@0.%7","status":"idle"}"#;
        let file = read(text.as_bytes()).unwrap();
        assert_eq!(file.process, Process { pid: 9096, start: 519_941 });
        assert_eq!(file.pid_namespace.as_deref(), Some("pid:[4026531836]"));
        assert_eq!(file.about.agent_version.as_deref(), Some("2.1.330"));
        assert_eq!(file.about.title.as_deref(), Some("Fix it"));
        assert_eq!(file.about.job.as_deref(), Some("jobs/j1"));
        assert_eq!(file.about.place.pane.as_deref(), Some("%7"));
        assert!(file.about.headless);
        let derived = text.replace("auto", "derived");
        assert_eq!(read(derived.as_bytes()).unwrap().about.title, None);
    }

    #[test]
    fn unknown_fields_do_not_hide_known_ones() {
        for news in [
            r#""dreams":[{"of":"sheep"}],"spare":null"#,
            r#""version":{"major":3}"#,
            r#""version":null,"name":7,"nameSource":["auto"],"tmux":{"pane":0}"#,
            r#""statusUpdatedAt":"yesterday","updatedAt":1.5,"jobId":false"#,
            r#""kind":null,"entrypoint":[],"waitingFor":{},"cwd":3,"pidDomain":4,"parkedJobId":5"#,
        ] {
            let text = format!(
                r#"{{"pid":9096,"sessionId":"s","procStart":"519941","status":"busy",{news}}}"#
            );
            let file = read(text.as_bytes()).unwrap_or_else(|| panic!("{news}"));
            assert_eq!((file.source.as_str(), file.status), ("file:busy", FileStatus::Busy));
            assert_eq!(file.about.agent_version, None, "{news}");
        }
        for unusable in [r#""pid":"9096""#, r#""pid":1e12"#, r#""pid":0"#] {
            let text = format!(r#"{{{unusable},"sessionId":"s","procStart":"519941"}}"#);
            assert!(read(text.as_bytes()).is_none(), "{unusable}");
        }
    }

    #[test]
    fn session_file_name_is_a_pid() {
        for (name, pid) in [
            ("9096.json", Some(9096)),
            ("9096.abc.key", None),
            (".json", None),
            ("+5.json", None),
            ("99999999999.json", None),
            ("../1.json", None),
        ] {
            assert_eq!(pid_of(name), pid, "{name}");
        }
    }

    #[test]
    fn key_file_names_its_process() {
        for (name, pid) in [
            ("9096.1f0c.key", Some(9096)),
            ("9096.1f0c.key.tmp.ab12", None),
            ("9096.key", None),
            ("9096..key", None),
            ("+5.a.key", None),
            ("9096.json", None),
            ("99999999999.a.key", None),
        ] {
            assert_eq!(pid_of_key(name), pid, "{name}");
        }
    }
}
