//! Recordings of the real agent: the input of its hooks, the acts of the driver, its files and its screen.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

/// The clients whose recordings are kept, oldest first.
pub const CLIENTS: [&str; 2] = ["claude-code-2.1.330", "claude-code-2.1.332"];

/// The recordings of Codex that are kept: with its service, and without it.
pub const CODEX_CLIENTS: [&str; 2] = ["codex-0.171.0", "codex-0.171.0-inprocess"];

/// Returns the folder of the harness in this checkout.
pub fn harness_dir() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../harness"))
}

/// The recording of one scenario.
#[derive(Debug)]
pub struct Recording {
    /// The input of each hook and status-line process, in the order in which they started.
    pub hooks: Vec<HookLine>,
    /// The acts of the driver and the answers of the scripted model.
    pub marks: Vec<Mark>,
    /// The files and the screen of the client.
    pub files: Vec<FileLine>,
}

/// One process that the client started for an event or for its status line.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HookLine {
    pub wall_ns: i64,
    pub mono_ns: i64,
    pub pid: u32,
    pub ppid: u32,
    /// The chain of parents, nearest first: pid and name.
    pub parents: Vec<(u32, Option<String>)>,
    pub tty: Option<String>,
    pub argv: Vec<String>,
    /// The arguments of the client, if the recorder kept them.
    #[serde(default)]
    pub client_argv: Vec<String>,
    pub cwd: String,
    /// The part of its environment that names agent, terminal and session.
    pub env: BTreeMap<String, String>,
    pub transcript_bytes: Option<u64>,
    /// Its standard input, as JSON text.
    pub stdin: Box<RawValue>,
}

impl HookLine {
    /// Returns the name of the event, or `None` for the status line.
    pub fn event(&self) -> Option<&str> {
        match self.argv.get(1).map(String::as_str) {
            Some("hook") => self.argv.get(2).map(String::as_str),
            _ => None,
        }
    }

    /// Returns the pid of the client, which is the nearest parent named `claude`.
    pub fn client(&self) -> Option<u32> {
        let is_client = |name: &Option<String>| name.as_deref() == Some("claude");
        self.parents.iter().find(|(_, name)| is_client(name)).map(|(pid, _)| *pid)
    }
}

/// One act of the driver, or one answer of the scripted model.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Mark {
    pub wall_ns: i64,
    pub mono_ns: i64,
    /// The act: `start`, `prompt`, `keys`, `kill -9`, … `None` for an answer of the model.
    pub mark: Option<String>,
    pub text: Option<String>,
    pub keys: Vec<String>,
    pub why: Option<String>,
    pub pid: Option<u32>,
}

/// One observation of a file, a process or the screen. Only the fields of its source are set.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct FileLine {
    pub wall_ns: i64,
    pub mono_ns: i64,
    /// `sessions`, `transcript`, `jobs`, `process` or `screen`.
    pub src: String,
    pub file: Option<String>,
    pub json: Option<serde_json::Value>,
    /// The inotify events of a file: `create`, `modify`, `close_write`, `delete`, …
    pub ops: Vec<String>,
    /// For a line of a transcript: its type, subtype, time, shortened text, and stop reason.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    pub subtype: Option<String>,
    pub ts: Option<String>,
    pub sum: Option<String>,
    pub stop_reason: Option<String>,
    #[serde(rename = "isApiErrorMessage")]
    pub is_api_error: bool,
    pub error: Option<String>,
    /// For a line of a transcript of Codex: its content.
    pub payload: Option<serde_json::Value>,
    /// For a process: the arguments with which it was started.
    pub cmd: Vec<String>,
    /// For a process: `start`, `stopped`, `continued`, `exit`.
    pub op: Option<String>,
    pub pid: Option<u32>,
    pub pane: Option<String>,
    pub dialog: Option<String>,
    pub spinner: bool,
    pub errors: u32,
    pub bg: u32,
    /// The fields of the screen that differ from the line before.
    pub changed: Vec<String>,
}

impl Recording {
    /// Returns the scenarios that were recorded with a client, in alphabetical order.
    pub fn scenarios(client: &str) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in std::fs::read_dir(folder(client))? {
            let name = entry?.file_name().to_string_lossy().into_owned();
            if let Some(name) = name.strip_suffix(".marks.jsonl") {
                names.push(name.to_owned());
            }
        }
        names.sort();
        Ok(names)
    }

    /// Returns every client with every scenario that was recorded with it.
    pub fn all() -> io::Result<Vec<(&'static str, String)>> {
        let mut all = Vec::new();
        for client in CLIENTS {
            all.extend(Self::scenarios(client)?.into_iter().map(|scenario| (client, scenario)));
        }
        Ok(all)
    }

    /// Reads the recording of a scenario with a client.
    pub fn load(client: &str, scenario: &str) -> io::Result<Self> {
        let path = |suffix: &str| folder(client).join(format!("{scenario}{suffix}.jsonl"));
        Ok(Self {
            hooks: read_lines(&path(""))?,
            marks: read_lines(&path(".marks"))?,
            files: read_lines(&path(".files"))?,
        })
    }

    /// Returns the client processes that hold a session of their own, in order of appearance.
    ///
    /// A process that is kept ready for the next background session has no session before its first
    /// prompt. A process that only lists background sessions fires nothing but an end.
    pub fn client_pids(&self) -> Vec<u32> {
        let mut pids = Vec::new();
        let hook_pids = self.hooks.iter().filter_map(HookLine::client);
        for pid in hook_pids.filter(|pid| !self.has_no_session(*pid)) {
            if !pids.contains(&pid) {
                pids.push(pid);
            }
        }
        if !self.hooks.is_empty() {
            return pids;
        }
        // The hooks were switched off, so only the session files show the processes.
        let files = self.files.iter().filter(|line| line.src == "sessions");
        for pid in files.filter_map(|line| line.json.as_ref()?["pid"].as_u64()) {
            let pid = u32::try_from(pid).unwrap_or(0);
            if !pids.contains(&pid) {
                pids.push(pid);
            }
        }
        pids
    }

    /// Returns true if the process is kept ready for a session, or lists sessions only.
    fn has_no_session(&self, pid: u32) -> bool {
        let mut own = self.hooks.iter().filter(|hook| hook.client() == Some(pid));
        own.all(|hook| match hook.event() {
            Some("UserPromptSubmit") => false,
            Some("SessionStart") => hook.env.contains_key("CLAUDE_JOB_DIR"),
            _ => true,
        })
    }

    /// Returns the wall clock at the driver's first act, from which the truth counts.
    pub fn start_ns(&self) -> Option<i64> {
        first_act_ns(&self.marks)
    }
}

/// Returns the wall clock at the driver's first act.
pub fn first_act_ns(marks: &[Mark]) -> Option<i64> {
    marks.iter().filter(|mark| mark.mark.is_some()).map(|mark| mark.wall_ns).min()
}

/// Reads a file of JSON lines, such as a run folder's `marks.jsonl`.
pub fn read_lines<T: DeserializeOwned>(path: &Path) -> io::Result<Vec<T>> {
    let at = |line: usize, error: &dyn std::fmt::Display| {
        io::Error::other(format!("{}:{line}: {error}", path.display()))
    };
    let text = std::fs::read_to_string(path).map_err(|error| at(0, &error))?;
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    lines
        .map(|(index, line)| serde_json::from_str(line).map_err(|error| at(index + 1, &error)))
        .collect()
}

fn folder(client: &str) -> PathBuf {
    harness_dir().join("recordings").join(client)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::truth::Truth;

    #[test]
    fn every_recording_parses() {
        for (client, name) in Recording::all().unwrap() {
            let recording = Recording::load(client, &name).unwrap();
            assert!(recording.start_ns().is_some(), "{client} {name}");
            assert!(recording.files.iter().any(|line| line.src == "sessions"), "{client} {name}");
            for hook in &recording.hooks {
                let is_status_line = hook.argv[1] == "statusline";
                assert_eq!(hook.event().is_none(), is_status_line, "{client} {name}");
            }
        }
    }

    #[test]
    fn client_processes_match_the_rows_of_the_truth() {
        let truth = Truth::load().unwrap();
        for (client, name) in Recording::all().unwrap() {
            let recording = Recording::load(client, &name).unwrap();
            let pids = recording.client_pids();
            let rows = truth.rows(client, &name, &recording);
            let expected: Vec<_> = rows.iter().map(|row| row.pid).collect();
            assert_eq!(pids, expected, "{client} {name}");
            assert_eq!(rows.len(), truth.get(&name).unwrap().rows.len(), "{client} {name}");
        }
    }

    #[test]
    fn hook_standard_input_is_kept_as_it_was() {
        let recording = Recording::load(CLIENTS[0], "permission-approve").unwrap();
        let request =
            recording.hooks.iter().find(|hook| hook.event() == Some("PermissionRequest")).unwrap();
        let text = request.stdin.get();
        assert!(text.starts_with(r#"{"session_id": ""#), "{text}");
        let acts: Vec<_> = recording.marks.iter().filter_map(|mark| mark.mark.as_deref()).collect();
        assert_eq!(acts[..3], ["start", "prompt", "prompt is on screen"]);
    }
}
