//! A recording as JSON lines: a first line that says so, then events and ends of processes, each with
//! its time in milliseconds from the start.

use crewboard_core::{MAX_LINE, Observation, Report, clean};
use serde_json::{Map, Value, json};

/// The version this program writes.
const VERSION: u64 = 1;

/// One line.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Entry {
    /// Milliseconds from the start; what was before it is negative.
    pub(crate) at: i64,
    pub(crate) what: What,
}

/// What happened then.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum What {
    /// An event; its stamp and process say nothing, `process` names the one it is of. A limit's `resets_at` is
    /// how many milliseconds after the event it is.
    Reported { report: Box<Report>, process: Option<String> },
    /// What was seen in an agent's files; of its stamps that of the look says nothing, and that of what was
    /// seen how many microseconds before the look it was. `process` names the one it is of.
    Observed { observation: Box<Observation>, process: String },
    /// The process of that name ended.
    Exited { process: String },
}

/// A recording as read: what could be, in the order of time, and what is wrong with the rest.
#[derive(Debug, Default)]
pub(crate) struct Recording {
    pub(crate) entries: Vec<Entry>,
    pub(crate) problems: Vec<String>,
}

/// The first line.
pub(crate) fn header() -> String {
    json!({ "crewboard": "record", "version": VERSION }).to_string()
}

impl Entry {
    /// The line, without its newline.
    pub(crate) fn encode(&self) -> Result<String, serde_json::Error> {
        let line = match &self.what {
            What::Reported { report, process } => {
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
            What::Observed { observation, process } => {
                let mut observed = serde_json::to_value(observation)?;
                if let Value::Object(fields) = &mut observed {
                    fields.remove("seen");
                    fields.insert("process".to_owned(), json!(process));
                }
                json!({ "at": self.at, "observed": observed })
            }
            What::Exited { process } => json!({ "at": self.at, "exited": process }),
        };
        Ok(line.to_string())
    }
}

/// Reads a recording. An error says why it is none.
pub(crate) fn read(text: &str) -> Result<Recording, String> {
    let mut lines = text
        .lines()
        .enumerate()
        .map(|(index, line)| (index + 1, line.trim()))
        .filter(|(_, line)| !line.is_empty());
    let head = lines.next().and_then(|(_, line)| serde_json::from_str::<Value>(line).ok());
    let head = head.filter(|head| head["crewboard"] == "record");
    let head = head.ok_or("it is no recording: its first line does not say so")?;
    if head["version"].as_u64().is_none_or(|version| version > VERSION) {
        return Err(format!("it is of version {}, this program reads {VERSION}", head["version"]));
    }
    let mut recording = Recording::default();
    for (number, line) in lines {
        match entry(line) {
            Ok(entry) => recording.entries.extend(entry),
            Err(why) => {
                // It may quote the line.
                recording.problems.push(format!("line {number}: {}", clean(&why, MAX_LINE, false)));
            }
        }
    }
    recording.entries.sort_by_key(|entry| entry.at);
    Ok(recording)
}

/// What a line says; nothing where a newer program says what this one does not know.
fn entry(line: &str) -> Result<Option<Entry>, String> {
    let mut line: Map<String, Value> =
        serde_json::from_str(line).map_err(|error| error.to_string())?;
    let at = line.get("at").and_then(Value::as_i64);
    let at = || at.ok_or("\"at\" must be a whole number of milliseconds");
    if let Some(observed) = line.remove("observed") {
        return Ok(Some(Entry { at: at()?, what: observed_in(observed)? }));
    }
    let what = match (line.remove("report"), line.remove("exited")) {
        (Some(report), _) => reported(report)?,
        (None, Some(Value::String(process))) => What::Exited { process },
        (None, Some(_)) => return Err("\"exited\" must name a process".to_owned()),
        (None, None) => return Ok(None),
    };
    Ok(Some(Entry { at: at()?, what }))
}

fn reported(mut report: Value) -> Result<What, String> {
    let mut process = None;
    if let Value::Object(fields) = &mut report {
        process = fields.remove("process").and_then(|name| name.as_str().map(str::to_owned));
        fields.insert("stamp".to_owned(), json!({ "boot": 0, "micros": 0 }));
    }
    let mut report: Box<Report> =
        serde_json::from_value(report).map_err(|error| error.to_string())?;
    report.sanitise();
    Ok(What::Reported { report, process })
}

fn observed_in(mut observed: Value) -> Result<What, String> {
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
    Ok(What::Observed { observation, process })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINES: &str = r#"{"crewboard":"record","version":1,"later":true}

{"at":20,"exited":"p1"}
{"at":-5,"report":{"agent":"claude","session":"s","source":"hook:Stop","process":"p1","new":1,"event":{"kind":"turn_ended","message":"Done."}}}
{"at":7,"weather":"rain"}
{"at":9,"observed":{"agent":"claude","process":"p1","source":"file:idle","finding":{"kind":"condition","condition":{"kind":"resting","shells":false},"since":{"boot":0,"micros":31000}},"about":{"session":"s"}}}
garbage
{"at":8,"report":{"agent":"claude"}}
{"exited":"p1"}
"#;

    #[test]
    fn what_is_known_is_read_and_what_is_wrong_is_told() {
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
    fn what_is_written_is_read_again() {
        let entries = read(LINES).unwrap().entries;
        let mut text = header();
        for entry in &entries {
            text = format!("{text}\n{}", entry.encode().unwrap());
        }
        assert_eq!(read(&text).unwrap().entries, entries);
    }

    #[test]
    fn what_is_no_recording_or_a_newer_one_is_refused() {
        for text in ["", "{}", "x", r#"{"crewboard":"record","version":2}"#] {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
