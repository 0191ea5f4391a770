//! Lines that hooks send, and the processes of their sessions.

use anyhow::{Context, Result};
use serde_json::{Value, json};
use std::process::{Child, Command, Stdio};

/// Sessions whose processes run until this value is dropped.
#[derive(Debug)]
pub(super) struct Sessions {
    processes: Vec<(Child, Value)>,
    /// The number of lines so far, which is their time.
    lines: u64,
}

impl Sessions {
    /// Starts a process for each of `count` sessions.
    pub(super) fn start(count: usize) -> Result<Self> {
        let mut sessions = Self { processes: Vec::new(), lines: 0 };
        for _ in 0..count {
            let null = Stdio::null;
            let child = Command::new("sleep").arg("3600").stdin(null()).stdout(null()).spawn()?;
            let process = json!({"pid": child.id(), "start": start_of(child.id())?});
            sessions.processes.push((child, process));
        }
        Ok(sessions)
    }

    /// Returns the line of a user prompt, or of a turn's end. A number without a process is a session without one.
    pub(super) fn line(&mut self, number: usize, is_prompt: bool, text: &str) -> String {
        self.lines += 1;
        let (source, event) = if is_prompt {
            ("hook:UserPromptSubmit", json!({"kind": "prompt_submitted", "prompt": text}))
        } else {
            ("hook:Stop", json!({"kind": "turn_ended", "message": text}))
        };
        let mut line = json!({
            "type": "event",
            "hook_pid": std::process::id(),
            "report": {
                "agent": "bench",
                "session": format!("{number:08x}-1111-4222-8333-0123456789ab"),
                "source": source,
                "stamp": {"boot": 1, "micros": self.lines},
                "cwd": format!("/home/dev/projects/repository-{number}"),
                "event": event,
            },
        });
        if let Some((_, process)) = self.processes.get(number) {
            line["report"]["process"] = process.clone();
        }
        line.to_string()
    }
}

impl Drop for Sessions {
    fn drop(&mut self) {
        for (child, _) in &mut self.processes {
            let _ = child.kill();
        }
        for (child, _) in &mut self.processes {
            let _ = child.wait();
        }
    }
}

/// Returns the start time of a process, in the kernel's hundredths of a second.
fn start_of(pid: u32) -> Result<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let fields = stat.rsplit_once(')').context("no name in stat")?.1;
    fields.split_whitespace().nth(19).context("no start in stat")?.parse().context("a bad start")
}
