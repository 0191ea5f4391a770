//! Agents that write session files and transcripts.

use super::prompt_payload;
use crewboard_core::Process;
use crewboard_platform::Clock;
use crewboard_testkit::{FakeAgent, World};
use serde_json::{Value, json};
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// An agent with a session file.
pub(crate) struct AgentWithFile {
    pub(crate) process: FakeAgent,
    pub(crate) session: &'static str,
    pub(crate) path: PathBuf,
}

impl AgentWithFile {
    pub(crate) fn new(world: &World, session: &'static str) -> Self {
        let agent = FakeAgent::with_home(&world.home());
        Self::of(agent, session, &world.home().join(".claude"))
    }

    /// Starts an agent with this configuration directory.
    pub(crate) fn in_profile(profile: &Path, session: &'static str) -> Self {
        Self::of(FakeAgent::with_profile(profile), session, profile)
    }

    fn of(process: FakeAgent, session: &'static str, profile: &Path) -> Self {
        let path = profile.join("sessions").join(format!("{}.json", process.pid()));
        Self { process, session, path }
    }

    /// Returns the text of its session file, as Claude Code 2.1.330 writes it.
    pub(crate) fn text(&self, status: &str, waiting_for: &str) -> Value {
        Self::text_of(self.process.process(), self.session, status, waiting_for)
    }

    /// Returns the text of the session file of a process, as Claude Code 2.1.330 writes it.
    pub(crate) fn text_of(
        process: Process,
        session: &str,
        status: &str,
        waiting_for: &str,
    ) -> Value {
        let namespace = fs::read_link("/proc/self/ns/pid").unwrap();
        json!({
            "pid": process.pid,
            "sessionId": session,
            "cwd": "/srv/shop",
            "procStart": process.start.to_string(),
            "kind": "interactive",
            "entrypoint": "cli",
            "pidDomain": format!("linux:0000:{}", namespace.display()),
            "status": status,
            "waitingFor": waiting_for,
            "statusUpdatedAt": Clock::new().now().wall.0,
        })
    }

    /// Writes the session file with this status.
    pub(crate) fn write_status(&self, status: &str, waiting_for: &str) {
        self.write_file(&self.text(status, waiting_for));
    }

    /// Writes the session file in place, as the agent does: over the former text, and then truncated.
    pub(crate) fn write_file(&self, text: &Value) {
        fs::create_dir_all(self.path.parent().unwrap()).unwrap();
        let text = text.to_string();
        let mut options = OpenOptions::new();
        let mut file = options.write(true).create(true).truncate(false).open(&self.path).unwrap();
        file.write_all(text.as_bytes()).unwrap();
        file.set_len(text.len() as u64).unwrap();
    }

    /// Runs the hook of a user prompt and writes the session file of a busy agent.
    pub(crate) fn send_prompt(&self, world: &World) {
        world.run_hook(&self.process, &prompt_payload(self.session, "go"));
        self.write_status("busy", "");
    }
}

/// An agent with a transcript and without a session file.
pub(crate) struct AgentWithTranscript {
    pub(crate) process: FakeAgent,
    session: &'static str,
    pub(crate) path: PathBuf,
}

impl AgentWithTranscript {
    pub(crate) fn new(world: &World, session: &'static str) -> Self {
        let folder = world.home().join(".claude/projects/-srv-shop");
        fs::create_dir_all(&folder).unwrap();
        let path = folder.join(format!("{session}.jsonl"));
        Self { process: FakeAgent::with_home(&world.home()), session, path }
    }

    /// Runs the hook of a user prompt, which names the transcript.
    pub(crate) fn send_prompt(&self, world: &World, text: &str) {
        let mut prompt: Value = serde_json::from_str(&prompt_payload(self.session, text)).unwrap();
        prompt["transcript_path"] = json!(self.path);
        world.run_hook(&self.process, &prompt.to_string());
    }

    /// Adds a line of the user to the transcript.
    pub(crate) fn write_user_line(&self, text: &str) {
        let time = transcript_time();
        let content = json!([{"type": "text", "text": text}]);
        let line = json!({"type": "user", "timestamp": time, "message": {"content": content}});
        writeln!(self.open(), "{line}").unwrap();
    }

    pub(crate) fn write_interrupt(&self) {
        self.write_user_line("[Request interrupted by user for tool use]");
    }

    pub(crate) fn open(&self) -> File {
        OpenOptions::new().append(true).create(true).open(&self.path).unwrap()
    }
}

/// Returns the time as a transcript has it.
pub(crate) fn transcript_time() -> String {
    jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

/// Returns true if the daemon has an inotify watch on that file or directory.
pub(crate) fn is_watched(daemon: u32, path: &Path) -> bool {
    let Ok(file) = path.metadata() else { return false };
    let watch = format!(" ino:{:x} ", file.ino());
    let descriptors = fs::read_dir(format!("/proc/{daemon}/fdinfo")).unwrap().flatten();
    let infos = descriptors.map(|entry| fs::read_to_string(entry.path()).unwrap_or_default());
    infos.into_iter().any(|infos| {
        infos.lines().any(|line| line.starts_with("inotify wd:") && line.contains(&watch))
    })
}
