//! Translates a hook's payload into a report.

use super::arguments;
use super::payload::{BackgroundTask as PayloadTask, Payload};
use crate::Surroundings;
use crate::profile::profile_of;
use crate::scan::{members, split_near};
use crate::tool::{self, Input};
use crewboard_core::{
    AgentName, BackgroundTask, ConversationId, EndReason, Event, InputDigest, Place, PromptKind,
    Report, StartOrigin, SubagentId, ToolUseId, TurnId,
};
use crewboard_terminals as terminals;
use serde_json::value::RawValue;

/// The tool that asks the user a question.
const ASK: &str = "AskUserQuestion";
/// The tool that shows a plan.
const EXIT_PLAN: &str = "ExitPlanMode";

/// The beginning of the prompt with which the client reports the end of background work to the model.
const TASK_NOTIFICATION: &str = "<task-notification>";

/// The bytes of a payload that are parsed, so that a hook meets its deadline. The agent writes the session and the event
/// first. The slowest measured text takes 25 ms per MiB.
const MAX_READ: usize = 1 << 20;

/// Translates a hook's payload into a report; `None` if the payload is invalid or of no use.
pub(super) fn read_event(payload: &[u8], surroundings: &Surroundings<'_>) -> Option<Report> {
    let text = String::from_utf8_lossy(payload.get(..MAX_READ).unwrap_or(payload));
    let read = Payload::read(&text);
    if let Some(json) = read.tool_input.map(RawValue::get) {
        return report(&read, &Input::new(json), surroundings);
    }
    if read.event.get().is_none_or(has_input) {
        report_of_long(&String::from_utf8_lossy(payload), surroundings)
    } else {
        report(&read, &Input::default(), surroundings)
    }
}

/// Returns the beginning of `text` that is parsed.
fn head(text: &str) -> &str {
    split_near(text, MAX_READ).0
}

/// Returns true if the payload of this event has the input of a tool.
fn has_input(event: &str) -> bool {
    event.contains("ToolUse") || event.starts_with("Permission")
}

/// Reads a payload whose input is truncated, or too long to be parsed. The fields after the input are still read, and
/// the digest covers the whole input.
fn report_of_long(text: &str, surroundings: &Surroundings<'_>) -> Option<Report> {
    let mut all = members(text)?;
    let input = all.find(|member| member.name == "\"tool_input\"");
    let Some(json) = input.map(|input| input.value) else {
        return report(&Payload::read(head(text)), &Input::default(), surroundings);
    };
    let after = all.rest();
    let (before, _) = text.split_at_checked(text.len() - after.len() - json.len())?;
    let short = format!("{}null{}", head(before), head(after));
    report(&Payload::read(&short), &Input::new(json), surroundings)
}

fn report(
    payload: &Payload<'_>,
    input: &Input<'_>,
    surroundings: &Surroundings<'_>,
) -> Option<Report> {
    let session = payload.session.get()?;
    let name = payload.event.get()?;
    let job = surroundings.environment.get("CLAUDE_JOB_DIR");
    let teammate = read_teammate_prompt(name, payload);
    let event = match &teammate {
        Some(prompt) => prompt.event(),
        None => event_of(name, payload, input, job.is_some())?,
    };
    let teammate = teammate.map(|prompt| prompt.name);
    let subagent = payload.agent_id.get();
    let entrypoint = surroundings.environment.get("CLAUDE_CODE_ENTRYPOINT");
    let transcript = payload.transcript.to_text();
    let place = if job.is_some() {
        // A background session inherits the variables of the pane that started the background service.
        Place { host: surroundings.host.clone(), ..Place::default() }
    } else {
        Place {
            host: surroundings.host.clone(),
            tty: surroundings.tty.clone(),
            ..terminals::locate(surroundings.environment)
        }
    };
    // Nearly all events are those of tools. The session has reported its arguments before them.
    let arguments = if is_of_a_tool(name) { Vec::new() } else { surroundings.arguments.read() };
    Some(Report {
        agent: AgentName::new(super::NAME),
        session: ConversationId::new(session),
        source: format!("hook:{name}"),
        stamp: surroundings.stamp,
        process: surroundings.process,
        subagent: subagent.or(teammate).map(SubagentId::new),
        subagent_type: teammate
            .map(str::to_owned)
            .or_else(|| subagent.and(payload.agent_type.to_text())),
        turn: payload.turn.get().map(TurnId::new),
        cwd: payload.cwd.to_text(),
        branch: None,
        repository: None,
        pull_request: None,
        repository_root: None,
        project: surroundings.environment.get("CLAUDE_PROJECT_DIR"),
        profile: profile_of(&super::AGENT, surroundings.environment, transcript.as_deref())
            .and_then(|profile| profile.into_os_string().into_string().ok()),
        transcript,
        mode: payload.mode.to_text(),
        model: payload.model.to_text(),
        headless: entrypoint.is_some_and(|entrypoint| entrypoint.starts_with("sdk")),
        resident: arguments::is_resident(&arguments),
        teammate: arguments::teammate(&arguments),
        job,
        place,
        elsewhere: false,
        event,
    })
}

/// Returns true for the events that report that tools start and end.
fn is_of_a_tool(event: &str) -> bool {
    matches!(event, "PreToolUse" | "PostToolUse" | "PostToolUseFailure" | "PostToolBatch")
}

fn event_of(name: &str, payload: &Payload<'_>, input: &Input<'_>, is_job: bool) -> Option<Event> {
    Some(match name {
        "SessionStart" => {
            // The background service keeps a spare client ready. It has no session until it gets a prompt (recording
            // left-arrow).
            let is_spare = is_job && payload.agent_type.text() == "claude";
            if is_spare {
                return None;
            }
            Event::SessionStarted { origin: origin_of(payload.source.text()) }
        }
        "SessionEnd" => Event::SessionEnded {
            reason: match payload.reason.text() {
                "clear" | "resume" => EndReason::Switch,
                _ => EndReason::Exit,
            },
        },
        "UserPromptSubmit" => {
            let prompt = payload.prompt.text();
            let automatic = prompt.starts_with(TASK_NOTIFICATION);
            Event::PromptSubmitted {
                prompt: if automatic { String::new() } else { prompt.to_owned() },
                automatic,
                ended_task: if automatic { ended_task(prompt) } else { None },
            }
        }
        "PreToolUse" => Event::ToolStarted {
            tool: tool_name(payload),
            text: tool_line(payload, input),
            tool_use: tool_use(payload),
            input: input.digest,
            asks: Some(prompt_kind(payload)).filter(|kind| *kind != PromptKind::Permission),
        },
        "PostToolUse" | "PostToolUseFailure" => Event::ToolEnded {
            tool: tool_name(payload),
            tool_use: tool_use(payload),
            input: input.digest,
        },
        "PostToolBatch" => Event::ToolsEnded,
        "PermissionRequest" => Event::PromptOpened {
            prompt_kind: prompt_kind(payload),
            tool: tool_name(payload),
            text: tool::render_text(payload.tool.text(), prompt_kind(payload), input),
            line: match prompt_kind(payload) {
                PromptKind::Permission => tool_line(payload, input),
                PromptKind::Question | PromptKind::Plan => String::new(),
            },
            input: input.digest,
        },
        "PermissionDenied" => Event::PromptClosed {
            tool: tool_name(payload),
            tool_use: tool_use(payload),
            input: input.digest,
        },
        "Elicitation" => Event::PromptOpened {
            prompt_kind: PromptKind::Question,
            tool: payload.server.text().to_owned(),
            text: payload.message.text().to_owned(),
            line: String::new(),
            input: tool::digest(payload.elicitation.text().as_bytes()),
        },
        "ElicitationResult" => Event::PromptClosed {
            tool: payload.server.text().to_owned(),
            tool_use: None,
            input: tool::digest(payload.elicitation.text().as_bytes()),
        },
        "Notification" => return read_notification(payload),
        "Stop" => Event::TurnEnded {
            message: payload.last_message.text().to_owned(),
            background: payload.background.iter().filter_map(background_task).collect(),
            scheduled: payload.scheduled,
        },
        "StopFailure" => Event::TurnFailed {
            error: payload.error.text().to_owned(),
            detail: payload
                .last_message
                .to_text()
                .or_else(|| payload.error_details.to_text())
                .unwrap_or_default(),
        },
        "SubagentStart" => Event::SubagentStarted,
        "SubagentStop" => Event::SubagentEnded,
        _ => return None,
    })
}

/// Returns the kind of prompt that the tool opens.
fn prompt_kind(payload: &Payload<'_>) -> PromptKind {
    match payload.tool.text() {
        ASK => PromptKind::Question,
        EXIT_PLAN => PromptKind::Plan,
        _ => PromptKind::Permission,
    }
}

/// A permission prompt of a teammate in a pane of its own. The client of its lead shows the dialog, and no other event
/// of either client reports it (seen in 2.1.332).
#[derive(Debug)]
struct TeammatePrompt<'a> {
    name: &'a str,
    tool: &'a str,
    message: &'a str,
}

impl TeammatePrompt<'_> {
    fn event(&self) -> Event {
        Event::PromptOpened {
            prompt_kind: PromptKind::Permission,
            tool: self.tool.to_owned(),
            text: self.message.to_owned(),
            line: String::new(),
            input: InputDigest::default(),
        }
    }
}

fn read_teammate_prompt<'a>(event: &str, payload: &'a Payload<'_>) -> Option<TeammatePrompt<'a>> {
    let is_prompt =
        event == "Notification" && payload.notification.text() == "worker_permission_prompt";
    if !is_prompt {
        return None;
    }
    let message = payload.message.text();
    let for_tool = message.split_once(" needs permission for ");
    let for_network = || Some((message.split_once(" needs network access to ")?.0, ""));
    let (name, tool) = for_tool.or_else(for_network)?;
    (!name.is_empty()).then_some(TeammatePrompt { name, tool, message })
}

/// Returns true if a notification reports the prompt of another session. The list of sessions (`claude agents`) reports
/// the prompts of all sessions (seen in 2.1.332: `LABEL needs your input: approve Bash: make`, under an id that belongs
/// to no session). Of a session's own dialogs only one uses these words.
fn is_of_another_session(message: &str) -> bool {
    const NEEDS: &str = " needs your input";
    const OWN: &str = "Teammate setup needs your input";
    message != OWN && (message.ends_with(NEEDS) || message.contains(" needs your input: "))
}

fn read_notification(payload: &Payload<'_>) -> Option<Event> {
    let message = payload.message.text();
    let prompt_kind = match payload.notification.text() {
        "idle_prompt" => return Some(Event::IdleReported),
        "permission_prompt" if message.contains("plan") => PromptKind::Plan,
        "permission_prompt" => PromptKind::Permission,
        "agent_needs_input" if is_of_another_session(message) => return None,
        // Auto mode's own dialog is an `agent_needs_input` (recording auto-dialog).
        "elicitation_dialog" | "elicitation_url_dialog" | "agent_needs_input" => {
            PromptKind::Question
        }
        _ => return None,
    };
    Some(Event::AttentionRequested { prompt_kind, text: message.to_owned() })
}

fn origin_of(source: &str) -> StartOrigin {
    match source {
        "startup" => StartOrigin::Startup,
        "resume" => StartOrigin::Resume,
        "fork" => StartOrigin::Fork,
        "clear" => StartOrigin::Clear,
        "compact" => StartOrigin::Compact,
        _ => StartOrigin::Unknown,
    }
}

fn background_task(task: &PayloadTask<'_>) -> Option<BackgroundTask> {
    let is_over = matches!(task.status.text(), "completed" | "failed" | "killed" | "stopped");
    (!is_over).then(|| BackgroundTask {
        id: task.id.text().to_owned(),
        kind: task.kind.text().to_owned(),
    })
}

/// Returns the id of the task whose end a `<task-notification>` prompt reports.
fn ended_task(prompt: &str) -> Option<String> {
    let (_, after) = prompt.split_once("<task-id>")?;
    let (id, _) = after.split_once("</task-id>")?;
    Some(id.trim().to_owned())
}

fn tool_name(payload: &Payload<'_>) -> String {
    payload.tool.text().to_owned()
}

fn tool_line(payload: &Payload<'_>, input: &Input<'_>) -> String {
    tool::render_line(payload.tool.text(), input, payload.cwd.get())
}

fn tool_use(payload: &Payload<'_>) -> Option<ToolUseId> {
    payload.tool_use.get().map(ToolUseId::new)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ProcessArguments;
    use std::collections::BTreeMap;

    fn read(kind: &str, message: &str) -> Option<Report> {
        let mut payload = payload("Notification");
        payload["notification_type"] = kind.into();
        payload["message"] = message.into();
        read_payload(&payload)
    }

    fn payload(event: &str) -> serde_json::Value {
        serde_json::json!({
            "session_id": "s", "hook_event_name": event,
            "tool_name": "Bash", "tool_input": { "command": "make" },
        })
    }

    fn read_payload(payload: &serde_json::Value) -> Option<Report> {
        let surroundings = Surroundings {
            stamp: crewboard_core::Stamp::default(),
            host: "box".to_owned(),
            process: None,
            tty: None,
            environment: &BTreeMap::new(),
            arguments: ProcessArguments::Known(Vec::new()),
            find_programs: &|_| Vec::new(),
        };
        read_event(payload.to_string().as_bytes(), &surroundings)
    }

    #[test]
    fn event_of_a_newer_client_is_ignored() {
        for name in ["PreSkillShellCommand", "SkillDreamt", "stop", ""] {
            assert_eq!(read_payload(&payload(name)), None, "{name}");
        }
        // Unknown fields do not change the report of a known event.
        let mut stop = payload("Stop");
        let expected = read_payload(&stop).unwrap();
        stop["dreams"] = serde_json::json!([{ "of": "sheep" }]);
        stop["command_source"] = serde_json::json!("skill");
        assert_eq!(read_payload(&stop), Some(expected));
    }

    #[test]
    fn notification_of_another_sessions_prompt_is_ignored() {
        for (message, is_own) in [
            ("ok needs your input: approve Bash: touch made-by-bash", false),
            ("fix the tests needs your input", false),
            ("Auto mode can't check actions in this session and needs your choice", true),
            ("Auto mode has a classifier billing notice to acknowledge", true),
            ("Claude wants to use your computer", true),
            ("Your cloud session needs an answer before it can start", true),
            ("Teammate setup needs your input", true),
        ] {
            let event = read("agent_needs_input", message).map(|report| report.event);
            let own = Event::AttentionRequested {
                prompt_kind: PromptKind::Question,
                text: message.to_owned(),
            };
            assert_eq!(event, is_own.then_some(own), "{message}");
        }
        assert_eq!(read("agent_completed", "ok finished"), None);
    }

    #[test]
    fn lead_reports_the_prompt_of_its_teammate() {
        for (message, expected) in [
            ("tester needs permission for Bash", Some(("tester", "Bash"))),
            (
                "the writer needs permission for (unnamed tool)",
                Some(("the writer", "(unnamed tool)")),
            ),
            ("tester needs network access to example.org", Some(("tester", ""))),
            ("something else", None),
            (" needs permission for Bash", None),
        ] {
            let report = read("worker_permission_prompt", message);
            let found = report.as_ref().map(|report| {
                let Event::PromptOpened { prompt_kind, tool, text, .. } = &report.event else {
                    panic!("{report:?}")
                };
                assert_eq!((*prompt_kind, text.as_str()), (PromptKind::Permission, message));
                let name = report.subagent.as_ref().unwrap().as_str();
                assert_eq!(report.subagent_type.as_deref(), Some(name));
                (name, tool.as_str())
            });
            assert_eq!(found, expected, "{message}");
        }
    }
}
