//! Removes the user's text from events, but keeps everything from which statuses are derived. Equal words get equal
//! placeholders, so that references between events stay intact.

use crewboard_core::{
    AgentName, BackgroundTask, ConversationId, Event, FileFinding, FileMetadata, InputDigest,
    Observation, Pane, Place, PullRequest, Report, SubagentId, ToolUseId, TurnEnd, TurnId,
};
use std::collections::HashMap;

/// Length limit of a placeholder in bytes. A placeholder is about as long as its text, up to this limit.
const MAX_LENGTH: usize = 1024;

/// Replaces the user's text, and remembers the placeholder of each word.
#[derive(Debug, Default)]
pub(crate) struct Redactor {
    words: HashMap<String, String>,
    counts: HashMap<&'static str, u32>,
    inputs: HashMap<InputDigest, InputDigest>,
}

impl Redactor {
    /// Replaces every text of a report that could identify the user, and every name that the user chose.
    pub(crate) fn redact_report(&mut self, report: &mut Report) {
        // List every field, so that a new field does not compile without a decision here.
        let Report {
            agent,
            session,
            source,
            stamp: _,
            process: _,
            subagent,
            subagent_type,
            turn,
            cwd,
            branch,
            repository,
            pull_request,
            repository_root,
            project,
            profile,
            transcript,
            mode,
            model,
            headless: _,
            resident: _,
            teammate,
            job,
            place,
            elsewhere: _,
            event,
        } = report;
        if crewboard_agents::agent(agent.as_str()).is_none() {
            *agent = AgentName::new(&self.placeholder("agent", agent.as_str()));
        }
        *session = ConversationId::new(&self.placeholder("session", session.as_str()));
        if !is_word(source.strip_prefix("hook:").unwrap_or(source)) {
            *source = self.placeholder("source", source);
        }
        if let Some(subagent) = subagent {
            *subagent = SubagentId::new(&self.placeholder("task", subagent.as_str()));
        }
        self.redact_optional("type", subagent_type);
        if let Some(teammate) = teammate {
            // The lead refers to a teammate by this name, as it refers to a subagent by its id.
            teammate.name = self.placeholder("task", &teammate.name);
            teammate.lead =
                ConversationId::new(&self.placeholder("session", teammate.lead.as_str()));
        }
        if let Some(turn) = turn {
            *turn = TurnId::new(&self.placeholder("turn", turn.as_str()));
        }
        for path in [cwd, repository_root, project, profile, transcript, job].into_iter().flatten()
        {
            *path = self.placeholder_path(path);
        }
        if let Some(branch) = branch {
            *branch = self.placeholder("branch", branch);
        }
        self.redact_optional("repository", repository);
        if let Some(PullRequest { number: _, url, review, merge_request: _ }) = pull_request {
            self.redact_optional("address", url);
            if let Some(review) = review {
                self.redact_word("word", review);
            }
        }
        for word in [mode, model].into_iter().flatten() {
            self.redact_word("word", word);
        }
        self.redact_place(place);
        self.redact_event(event);
    }

    /// Replaces the same texts in an observation of an agent's files.
    pub(crate) fn redact_observation(&mut self, observation: &mut Observation) {
        let Observation { agent: _, process: _, source, seen: _, finding, about } = observation;
        if !is_word(source.strip_prefix("file:").unwrap_or(source)) {
            *source = self.placeholder("source", source);
        }
        if let FileFinding::TurnEnd { how, at: _ } = finding {
            match how {
                TurnEnd::Finished { message } => {
                    *message = self.placeholder_text("message", message);
                }
                TurnEnd::Failed { error, detail } => {
                    self.redact_word("error", error);
                    *detail = self.placeholder_text("detail", detail);
                }
                TurnEnd::PlanOffered { plan } => *plan = self.placeholder_text("plan", plan),
                TurnEnd::Interrupted => {}
            }
        }
        let FileMetadata { agent_version, session, cwd, title, headless: _, job, profile, place } =
            about;
        // A version is public, but the file may have any text in this field.
        if let Some(version) = agent_version {
            self.redact_word("version", version);
        }
        *session = ConversationId::new(&self.placeholder("session", session.as_str()));
        for path in [cwd, job, profile].into_iter().flatten() {
            *path = self.placeholder_path(path);
        }
        self.redact_optional("title", title);
        self.redact_place(place);
    }

    fn redact_place(&mut self, place: &mut Place) {
        let Place { host, terminal, server, pane, target, tty, others } = place;
        *host = self.placeholder("host", host);
        self.redact_optional("target", target);
        let mut servers = vec![server];
        let mut words: Vec<&mut String> = [terminal, pane, tty].into_iter().flatten().collect();
        for Pane { terminal, server, pane } in others {
            servers.push(server);
            words.push(terminal);
            words.extend(pane);
        }
        for server in servers.into_iter().flatten() {
            *server = self.placeholder_path(server);
        }
        for word in words {
            let bare = word.strip_prefix("/dev/").unwrap_or(word).replace(['%', '/'], "");
            if !is_word(&bare) {
                *word = self.placeholder("place", word);
            }
        }
    }

    fn redact_event(&mut self, event: &mut Event) {
        match event {
            Event::PromptSubmitted { prompt, automatic: _, ended_task } => {
                *prompt = self.placeholder_text("prompt", prompt);
                self.redact_optional("task", ended_task);
            }
            Event::ToolStarted { tool: _, text, tool_use, input, asks: _ } => {
                *text = self.placeholder_text("command", text);
                self.redact_tool(tool_use, input);
            }
            Event::ToolEnded { tool: _, tool_use, input }
            | Event::PromptClosed { tool: _, tool_use, input } => {
                self.redact_tool(tool_use, input);
            }
            Event::PromptOpened { prompt_kind, tool: _, text, line, input } => {
                *text = self.placeholder_text(prompt_kind.status().word(), text);
                *line = self.placeholder_text("line", line);
                self.redact_tool(&mut None, input);
            }
            Event::AttentionRequested { prompt_kind: _, text } => {
                *text = self.placeholder_text("attention", text);
            }
            Event::TurnEnded { message, background, scheduled: _ } => {
                *message = self.placeholder_text("message", message);
                for BackgroundTask { id, kind } in background {
                    *id = self.placeholder("task", id);
                    self.redact_word("type", kind);
                }
            }
            Event::TurnFailed { error, detail } => {
                self.redact_word("error", error);
                *detail = self.placeholder_text("detail", detail);
            }
            Event::StatusReported { status: _, activity, text } => {
                *activity = self.placeholder_text("activity", activity);
                *text = self.placeholder_text("text", text);
            }
            Event::ProgramReported(record) => {
                // The state, the reason and the progress are not the user's text.
                if !record.id.is_empty() {
                    record.id = self.placeholder("record", &record.id);
                }
                self.redact_optional("app", &mut record.app);
                self.redact_optional("title", &mut record.title);
                self.redact_optional("message", &mut record.message);
            }
            Event::ProgramStarted
            | Event::ProgramExited(_)
            | Event::SessionStarted { .. }
            | Event::SessionEnded { .. }
            | Event::ToolsEnded
            | Event::IdleReported
            | Event::TurnInterrupted
            | Event::UsageReport(_)
            | Event::BranchRead
            | Event::SubagentStarted
            | Event::SubagentEnded
            | Event::Unknown => {}
        }
    }

    /// Replaces the id and the input digest of a tool call. A digest would allow guessing the input.
    fn redact_tool(&mut self, tool_use: &mut Option<ToolUseId>, input: &mut InputDigest) {
        if let Some(id) = tool_use {
            *id = ToolUseId::new(&self.placeholder("call", id.as_str()));
        }
        let number = u128::try_from(self.inputs.len()).unwrap_or(u128::MAX).saturating_add(1);
        let next = InputDigest::new(number.to_be_bytes());
        *input = *self.inputs.entry(*input).or_insert(next);
    }

    /// Replaces a word that may be text of the user.
    fn redact_word(&mut self, kind: &'static str, word: &mut String) {
        if !is_word(word) {
            *word = self.placeholder(kind, word);
        }
    }

    fn redact_optional(&mut self, kind: &'static str, word: &mut Option<String>) {
        if let Some(word) = word {
            *word = self.placeholder(kind, word);
        }
    }

    fn placeholder_path(&mut self, path: &str) -> String {
        if path.is_empty() { String::new() } else { format!("/{}", self.placeholder("path", path)) }
    }

    /// Returns the placeholder of a word. An empty word stays empty.
    fn placeholder(&mut self, kind: &'static str, word: &str) -> String {
        if word.is_empty() {
            return String::new();
        }
        let Self { words, counts, .. } = self;
        let make = || {
            let count = counts.entry(kind).or_default();
            *count += 1;
            format!("{kind}-{count}")
        };
        words.entry(word.to_owned()).or_insert_with(make).clone()
    }

    /// Returns the placeholder of a displayed text. It is about as long, so that it is cut and wrapped in the same way.
    fn placeholder_text(&mut self, kind: &'static str, text: &str) -> String {
        let mut placeholder = self.placeholder(kind, text);
        let length = text.len().next_power_of_two().min(MAX_LENGTH);
        if text.contains('\n') {
            placeholder.push('\n');
        }
        while length > 16 && placeholder.len() + 6 < length {
            placeholder.push_str(" .....");
        }
        placeholder
    }
}

/// Returns true if the text is a short word of an agent, which cannot contain text of the user.
fn is_word(text: &str) -> bool {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "_-.".contains(letter);
    text.len() <= 40 && text.chars().all(is_plain)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crewboard_agents::{ProcessArguments, Surroundings, read_event};
    use crewboard_core::{Input, Now, Process, PromptKind, SessionStore, Stamp, Status, Timestamp};
    use crewboard_testkit::recording::{CLIENTS, HookLine, Recording};
    use serde_json::json;

    fn report(event: &serde_json::Value) -> Report {
        serde_json::from_value(json!({
            "agent": "SECRET bot", "session": "SECRET-1", "source": "hook:SECRET hook",
            "stamp": {"boot": 1, "micros": 2}, "subagent": "SECRET-2",
            "subagent_type": "SECRET-reviewer", "turn": "SECRET-3", "cwd": "/home/SECRET/shop",
            "branch": "SECRET/branch", "repository_root": "/home/SECRET", "project": "/home/SECRET/shop", "profile": "/home/SECRET",
            "transcript": "/home/SECRET/t", "mode": "my SECRET mode", "model": "my SECRET model",
            "job": "/SECRET",
            "place": {"host": "SECRET-laptop", "terminal": "SECRET term", "server": "/tmp/SECRET",
                "pane": "the SECRET pane", "target": "SECRET:1.1", "tty": "/SECRET tty"},
            "event": event,
        }))
        .unwrap()
    }

    #[test]
    fn redaction_removes_every_text_of_the_user() {
        let long = format!("{}\nSECRET", "SECRET ".repeat(50));
        for event in [
            json!({"kind": "prompt_submitted", "prompt": long, "ended_task": "SECRET-4"}),
            json!({"kind": "tool_started", "tool": "Bash", "text": "rm SECRET",
                "tool_use": "SECRET-5", "input": "77777777777777777777777777777777"}),
            json!({"kind": "tool_ended", "tool": "Bash", "tool_use": "SECRET-5",
                "input": "77777777777777777777777777777777"}),
            json!({"kind": "prompt_opened", "prompt_kind": "question", "tool": "Bash",
                "text": "SECRET?", "line": "SECRET", "input": "77777777777777777777777777777777"}),
            json!({"kind": "prompt_closed", "tool": "Bash", "tool_use": "SECRET-5",
                "input": "77777777777777777777777777777777"}),
            json!({"kind": "attention_requested", "prompt_kind": "permission", "text": "SECRET"}),
            json!({"kind": "turn_ended", "message": "SECRET", "background":
                [{"id": "SECRET-4", "kind": "SECRET kind"}]}),
            json!({"kind": "turn_failed", "error": "the SECRET", "detail": "SECRET"}),
            json!({"kind": "status_reported", "status": "done", "activity": "SECRET",
                "text": "SECRET"}),
        ] {
            let mut report = report(&event);
            Redactor::default().redact_report(&mut report);
            let text = serde_json::to_string(&report).unwrap();
            assert!(!text.contains("SECRET") && !text.contains("77777777"), "{text}");
        }
    }

    #[test]
    fn redaction_keeps_references_and_words_of_agents() {
        let mut redactor = Redactor::default();
        let mut started = report(&json!({"kind": "tool_started", "tool": "Bash", "text": "x",
            "tool_use": "t1", "input": "00000000000000000000000000000005"}));
        started.agent = AgentName::new("claude");
        started.source = "hook:PreToolUse".to_owned();
        started.branch = Some(String::new());
        let mut asked = report(&json!({"kind": "prompt_opened", "prompt_kind": "permission",
            "tool": "Bash", "text": "x", "input": "00000000000000000000000000000005"}));
        redactor.redact_report(&mut started);
        redactor.redact_report(&mut asked);
        assert_eq!(started.session, asked.session);
        assert_eq!(started.cwd, asked.project);
        assert_eq!(
            (started.agent.as_str(), started.source.as_str()),
            ("claude", "hook:PreToolUse")
        );
        assert_eq!(started.branch.as_deref(), Some(""), "an empty branch has a meaning");
        let Event::ToolStarted { tool, input: first, .. } = started.event else { panic!() };
        let Event::PromptOpened { input: second, prompt_kind, .. } = asked.event else { panic!() };
        assert_eq!((tool.as_str(), first, prompt_kind), ("Bash", second, PromptKind::Permission));
    }

    #[test]
    fn redaction_keeps_an_agent_version_and_no_other_text() {
        for (version, stays) in [("2.1.400", true), ("2.1.400-beta.1", true), ("my SECRET", false)]
        {
            let mut observation: Observation = serde_json::from_value(json!({
                "agent": "claude", "process": {"pid": 1, "start": 2}, "source": "file:idle",
                "seen": {"boot": 1, "micros": 2}, "finding": {"kind": "removed"},
                "about": {"agent_version": version},
            }))
            .unwrap();
            Redactor::default().redact_observation(&mut observation);
            let kept = observation.about.agent_version.unwrap();
            assert_eq!(kept == version, stays, "{kept}");
            assert!(!kept.contains("SECRET"), "{kept}");
        }
    }

    /// Returns the reports of the hooks in a recording of the real agent, in their order.
    fn reports(scenario: &str) -> Vec<Report> {
        let read = |hook: &HookLine| {
            hook.event()?;
            let surroundings = Surroundings {
                stamp: Stamp { boot: 1, micros: u64::try_from(hook.mono_ns / 1000).ok()? },
                host: "box".to_owned(),
                process: Some(Process { pid: hook.client()?, start: 1 }),
                tty: hook.tty.clone(),
                environment: &hook.env,
                arguments: ProcessArguments::Known(hook.client_argv.clone()),
                find_programs: &|_| Vec::new(),
            };
            read_event("claude", hook.stdin.get().as_bytes(), &surroundings)
        };
        Recording::load(CLIENTS[0], scenario).unwrap().hooks.iter().filter_map(read).collect()
    }

    /// Returns each status that follows from the reports, with its process, background tasks and subagents.
    fn statuses(reports: Vec<Report>) -> Vec<(Option<u32>, Status, u32, usize)> {
        let mut sessions = SessionStore::new("test".to_owned());
        let mut seen = Vec::new();
        for report in reports {
            let stamp = report.stamp;
            let now = Now { wall: Timestamp(stamp.micros / 1000), stamp };
            sessions.apply(Input::Tick, now);
            for change in sessions.apply(Input::Reported(Box::new(report)), now).changes {
                if let Some(row) = sessions.get(&change.key) {
                    seen.push((row.pid, row.status, row.background, row.subagents.len()));
                }
            }
        }
        seen
    }

    #[test]
    fn redaction_does_not_change_statuses() {
        let mut compared = 0;
        for scenario in Recording::scenarios(CLIENTS[0]).unwrap() {
            let plain = reports(&scenario);
            let mut redacted = plain.clone();
            let mut redactor = Redactor::default();
            for report in &mut redacted {
                redactor.redact_report(report);
            }
            let real = statuses(plain);
            compared += real.len();
            assert_eq!(statuses(redacted), real, "{scenario}");
        }
        assert!(compared > 300, "only {compared}");
    }

    #[test]
    fn placeholder_is_about_as_long_as_its_text() {
        let mut redactor = Redactor::default();
        for length in [1, 10, 100, 700] {
            let placeholder = redactor.placeholder_text("prompt", &"x".repeat(length));
            let about = length / 2..=(2 * length).max(16);
            assert!(about.contains(&placeholder.len()), "{length} became {}", placeholder.len());
        }
    }
}
