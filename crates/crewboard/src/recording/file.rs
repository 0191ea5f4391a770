//! A recording as JSON lines: a header, then events and process exits, each with its time in milliseconds from
//! the start.

use crewboard_core::{MAX_LINE, Observation, Report, clean};
use serde_json::{Map, Value, json};

/// The version that this program writes.
const VERSION: u64 = 1;

/// One line.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Entry {
    /// Milliseconds from the start; negative for entries before it.
    pub(crate) at: i64,
    pub(crate) content: EntryContent,
}

/// The content of an entry.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum EntryContent {
    /// An event. Its stamp and process id are not recorded; `process` is the recorded name of its process. The
    /// `resets_at` of a rate limit is in milliseconds after the event.
    Reported { report: Box<Report>, process: Option<String> },
    /// An observation of an agent's files. The stamp of the observation is not recorded; the stamp of its finding is
    /// in microseconds before the observation. `process` is the recorded name of its process.
    Observed { observation: Box<Observation>, process: String },
    /// The process with this name exited.
    Exited { process: String },
}

/// A recording that was read: its valid entries in order of time, and the problems of the other lines.
#[derive(Debug, Default)]
pub(crate) struct Recording {
    pub(crate) entries: Vec<Entry>,
    pub(crate) problems: Vec<String>,
}

/// Returns the first line of a recording.
pub(crate) fn header() -> String {
    json!({ "crewboard": "record", "version": VERSION }).to_string()
}

impl Entry {
    /// Returns the entry as a line without its newline.
    pub(crate) fn encode(&self) -> Result<String, serde_json::Error> {
        let line = match &self.content {
            EntryContent::Reported { report, process } => {
                let mut report = serde_json::to_value(report)?;
                if let Value::Object(fields) = &mut report {
                    fields.remove("stamp");
                    match process {
                        Some(process) => fields.insert("process".to_owned(), json!(process)),
                        None => fields.remove("process"),
                    };
                }
                json!({ "at": self.at, "report": report })
            }
            EntryContent::Observed { observation, process } => {
                let mut observed = serde_json::to_value(observation)?;
                if let Value::Object(fields) = &mut observed {
                    fields.remove("seen");
                    fields.insert("process".to_owned(), json!(process));
                }
                json!({ "at": self.at, "observed": observed })
            }
            EntryContent::Exited { process } => json!({ "at": self.at, "exited": process }),
        };
        Ok(line.to_string())
    }
}

/// Reads a recording. Fails if it is not a recording that this version reads.
pub(crate) fn read(text: &str) -> Result<Recording, String> {
    let mut lines = text
        .lines()
        .enumerate()
        .map(|(index, line)| (index + 1, line.trim()))
        .filter(|(_, line)| !line.is_empty());
    let head = lines.next().and_then(|(_, line)| serde_json::from_str::<Value>(line).ok());
    let head = head.filter(|head| head["crewboard"] == "record");
    let head = head.ok_or("it is not a Crewboard recording")?;
    if head["version"].as_u64().is_none_or(|version| version > VERSION) {
        return Err(format!(
            "it has version {}, but this program reads version {VERSION}",
            head["version"]
        ));
    }
    let mut recording = Recording::default();
    for (number, line) in lines {
        match read_entry(line) {
            Ok(entry) => recording.entries.extend(entry),
            Err(why) => {
                // The message may quote the line.
                recording.problems.push(format!("line {number}: {}", clean(&why, MAX_LINE, false)));
            }
        }
    }
    recording.entries.sort_by_key(|entry| entry.at);
    Ok(recording)
}

/// Reads one line. Returns `None` for an entry that only a newer version knows.
fn read_entry(line: &str) -> Result<Option<Entry>, String> {
    let mut line: Map<String, Value> =
        serde_json::from_str(line).map_err(|error| error.to_string())?;
    let at = line.get("at").and_then(Value::as_i64);
    let at = || at.ok_or("\"at\" must be a whole number of milliseconds");
    if let Some(observed) = line.remove("observed") {
        return Ok(Some(Entry { at: at()?, content: read_observation(observed)? }));
    }
    let content = match (line.remove("report"), line.remove("exited")) {
        (Some(report), _) => read_report(report)?,
        (None, Some(Value::String(process))) => EntryContent::Exited { process },
        (None, Some(_)) => return Err("\"exited\" must name a process".to_owned()),
        (None, None) => return Ok(None),
    };
    Ok(Some(Entry { at: at()?, content }))
}

fn read_report(mut report: Value) -> Result<EntryContent, String> {
    let mut process = None;
    if let Value::Object(fields) = &mut report {
        process = fields.remove("process").and_then(|name| name.as_str().map(str::to_owned));
        fields.insert("stamp".to_owned(), json!({ "boot": 0, "micros": 0 }));
    }
    let mut report: Box<Report> =
        serde_json::from_value(report).map_err(|error| error.to_string())?;
    report.sanitise();
    Ok(EntryContent::Reported { report, process })
}

fn read_observation(mut observed: Value) -> Result<EntryContent, String> {
    let Value::Object(fields) = &mut observed else {
        return Err("\"observed\" must be an object".to_owned());
    };
    let process = fields.remove("process").and_then(|name| name.as_str().map(str::to_owned));
    let process = process.ok_or("\"observed\" must name a process")?;
    fields.insert("process".to_owned(), json!({ "pid": 0, "start": 0 }));
    fields.insert("seen".to_owned(), json!({ "boot": 0, "micros": 0 }));
    let mut observation: Box<Observation> =
        serde_json::from_value(observed).map_err(|error| error.to_string())?;
    observation.sanitise();
    Ok(EntryContent::Observed { observation, process })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINES: &str = r#"{"crewboard":"record","version":1,"later":true}

{"at":20,"exited":"p1"}
{"at":-5,"report":{"agent":"claude","session":"s","source":"hook:Stop","process":"p1","new":1,"event":{"kind":"turn_ended","message":"Done."}}}
{"at":7,"weather":"rain"}
{"at":9,"observed":{"agent":"claude","process":"p1","source":"file:idle","finding":{"kind":"status","status":{"kind":"idle","shells":false},"since":{"boot":0,"micros":31000}},"about":{"session":"s"}}}
garbage
{"at":8,"report":{"agent":"claude"}}
{"exited":"p1"}
"#;

    #[test]
    fn read_skips_unknown_lines_and_lists_problems() {
        let recording = read(LINES).unwrap();
        let times: Vec<i64> = recording.entries.iter().map(|entry| entry.at).collect();
        assert_eq!(times, [-5, 9, 20]);
        assert_eq!(
            recording.problems,
            [
                "line 7: expected value at line 1 column 1",
                "line 8: missing field `session`",
                "line 9: \"at\" must be a whole number of milliseconds",
            ]
        );
    }

    #[test]
    fn read_returns_what_encode_wrote() {
        let entries = read(LINES).unwrap().entries;
        let mut text = header();
        for entry in &entries {
            text = format!("{text}\n{}", entry.encode().unwrap());
        }
        assert_eq!(read(&text).unwrap().entries, entries);
    }

    #[test]
    fn read_rejects_other_files_and_newer_versions() {
        for text in ["", "{}", "x", r#"{"crewboard":"record","version":2}"#] {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
