//! A payload in Crewboard's own terms.

use super::arguments;
use super::payload::{BackgroundTask as PayloadTask, Payload, Text};
use super::profile::profile_of;
use super::scan::{members, split_near};
use super::tool::{self, ASK, EXIT_PLAN, Input};
use crate::Surroundings;
use crewboard_core::{
    AgentName, BackgroundTask, ConversationId, EndReason, Event, InputDigest, Place, PromptKind,
    Report, StartOrigin, SubagentId, ToolUseId, TurnId,
};
use crewboard_terminals as terminals;
use serde_json::value::RawValue;

/// How the prompt begins that tells the model of background work's end; nobody types it.
const TASK_NOTIFICATION: &str = "<task-notification>";

/// Bytes of a payload that are looked at: what is drained in time is not read in time, and an agent says who and what
/// it is first. The slowest text that was tried takes 25 ms a mebibyte.
const MAX_READ: usize = 1 << 20;

/// Turns a hook's payload into an event; `None` where it says nothing of use, or is no payload.
pub fn read_event(payload: &[u8], surroundings: &Surroundings<'_>) -> Option<Report> {
    let text = String::from_utf8_lossy(payload.get(..MAX_READ).unwrap_or(payload));
    let read = Payload::read(&text);
    if let Some(json) = read.tool_input.map(RawValue::get) {
        return report(&read, &Input::new(json), surroundings);
    }
    let event = read.event.as_ref().map(|event| event.0.as_ref());
    match event.is_none_or(has_input).then(|| String::from_utf8_lossy(payload)) {
        Some(text) => report_of_long(&text, surroundings),
        None => report(&read, &Input::default(), surroundings),
    }
}

/// As much of `text` as is looked at.
fn head(text: &str) -> &str {
    split_near(text, MAX_READ).0
}

/// Whether an event of that name comes with the input of a tool.
fn has_input(event: &str) -> bool {
    event.contains("ToolUse") || event.starts_with("Permission")
}

/// Reads a payload whose input is too long to be looked at whole, or cut off. What comes behind the input is read
/// all the same, and its digest is of all of it.
fn report_of_long(text: &str, surroundings: &Surroundings<'_>) -> Option<Report> {
    let mut all = members(text)?;
    let input = all.find(|member| member.name == "\"tool_input\"");
    let Some(json) = input.map(|input| input.value) else {
        return report(&Payload::read(head(text)), &Input::default(), surroundings);
    };
    let behind = all.rest();
    let (before, _) = text.split_at_checked(text.len() - behind.len() - json.len())?;
    let short = format!("{}null{}", head(before), head(behind));
    report(&Payload::read(&short), &Input::new(json), surroundings)
}

fn report(
    payload: &Payload<'_>,
    input: &Input<'_>,
    surroundings: &Surroundings<'_>,
) -> Option<Report> {
    let session = payload.session.as_ref().filter(|session| !session.0.is_empty())?;
    let name = payload.event.as_ref()?;
    let job = surroundings.environment.get("CLAUDE_JOB_DIR");
    let asking = asking_teammate(&name.0, payload);
    let event = match &asking {
        Some(asking) => asking.event(),
        None => event_of(&name.0, payload, input, job.is_some())?,
    };
    let asking = asking.map(|asking| asking.name);
    let entrypoint = surroundings.environment.get("CLAUDE_CODE_ENTRYPOINT");
    let transcript = owned(payload.transcript.as_ref());
    let place = if job.is_some() {
        // A background session inherits the variables of whichever pane started its service.
        Place { host: surroundings.host.clone(), ..Place::default() }
    } else {
        Place {
            host: surroundings.host.clone(),
            tty: surroundings.tty.clone(),
            ..terminals::locate(surroundings.environment)
        }
    };
    Some(Report {
        agent: AgentName::new(super::NAME),
        session: ConversationId::new(&session.0),
        source: format!("hook:{}", name.0),
        stamp: surroundings.stamp,
        process: surroundings.process,
        subagent: payload.agent_id.as_ref().map(|id| id.0.as_ref()).or(asking).map(SubagentId::new),
        subagent_type: asking
            .map(str::to_owned)
            .or_else(|| payload.agent_id.as_ref().and(owned(payload.agent_type.as_ref()))),
        turn: payload.turn.as_ref().map(|turn| TurnId::new(&turn.0)),
        cwd: owned(payload.cwd.as_ref()),
        branch: None,
        project: surroundings.environment.get("CLAUDE_PROJECT_DIR"),
        profile: profile_of(surroundings.environment, transcript.as_deref())
            .and_then(|profile| profile.into_os_string().into_string().ok()),
        transcript,
        mode: owned(payload.mode.as_ref()),
        model: owned(payload.model.as_ref()),
        headless: entrypoint.is_some_and(|entrypoint| entrypoint.starts_with("sdk")),
        resident: arguments::is_resident(&surroundings.arguments),
        teammate: arguments::teammate(&surroundings.arguments),
        job,
        place,
        elsewhere: false,
        event,
    })
}

fn event_of(name: &str, payload: &Payload<'_>, input: &Input<'_>, is_job: bool) -> Option<Event> {
    Some(match name {
        "SessionStart" => {
            // The background service keeps a spare client ready, which is nobody's session until it
            // is given a prompt (tried: left-arrow).
            let is_spare = is_job && text(payload.agent_type.as_ref()) == "claude";
            if is_spare {
                return None;
            }
            Event::SessionStarted { origin: origin_of(text(payload.source.as_ref())) }
        }
        "SessionEnd" => Event::SessionEnded {
            reason: match text(payload.reason.as_ref()) {
                "clear" | "resume" => EndReason::Switch,
                _ => EndReason::Exit,
            },
        },
        "UserPromptSubmit" => {
            let prompt = text(payload.prompt.as_ref());
            let automatic = prompt.starts_with(TASK_NOTIFICATION);
            Event::PromptSubmitted {
                prompt: if automatic { String::new() } else { prompt.to_owned() },
                automatic,
                ended_task: if automatic { task_of(prompt) } else { None },
            }
        }
        "PreToolUse" => Event::ToolStarted {
            tool: tool_name(payload),
            text: tool_line(payload, input),
            tool_use: tool_use(payload),
            input: input.digest,
            asks: Some(request_of(payload)).filter(|kind| *kind != PromptKind::Permission),
        },
        "PostToolUse" | "PostToolUseFailure" => Event::ToolEnded {
            tool: tool_name(payload),
            tool_use: tool_use(payload),
            input: input.digest,
        },
        "PostToolBatch" => Event::ToolsEnded,
        "PermissionRequest" => Event::RequestOpened {
            request: request_of(payload),
            tool: tool_name(payload),
            text: tool::whole(text(payload.tool.as_ref()), request_of(payload), input),
            line: match request_of(payload) {
                PromptKind::Permission => tool_line(payload, input),
                PromptKind::Question | PromptKind::Plan => String::new(),
            },
            input: input.digest,
        },
        "PermissionDenied" => Event::RequestClosed {
            tool: tool_name(payload),
            tool_use: tool_use(payload),
            input: input.digest,
        },
        "Elicitation" => Event::RequestOpened {
            request: PromptKind::Question,
            tool: text(payload.server.as_ref()).to_owned(),
            text: text(payload.message.as_ref()).to_owned(),
            line: String::new(),
            input: tool::digest(text(payload.elicitation.as_ref()).as_bytes()),
        },
        "ElicitationResult" => Event::RequestClosed {
            tool: text(payload.server.as_ref()).to_owned(),
            tool_use: None,
            input: tool::digest(text(payload.elicitation.as_ref()).as_bytes()),
        },
        "Notification" => return notification(payload),
        "Stop" => Event::TurnEnded {
            message: text(payload.last_message.as_ref()).to_owned(),
            background: payload.background.iter().filter_map(background_task).collect(),
            scheduled: payload.scheduled,
        },
        "StopFailure" => Event::TurnFailed {
            error: text(payload.error.as_ref()).to_owned(),
            detail: text(payload.last_message.as_ref().or(payload.error_details.as_ref()))
                .to_owned(),
        },
        "SubagentStart" => Event::SubagentStarted,
        "SubagentStop" => Event::SubagentEnded,
        _ => return None,
    })
}

/// What a dialog of the tool asks for.
fn request_of(payload: &Payload<'_>) -> PromptKind {
    match text(payload.tool.as_ref()) {
        ASK => PromptKind::Question,
        EXIT_PLAN => PromptKind::Plan,
        _ => PromptKind::Permission,
    }
}

/// A teammate in a pane of its own that asks for a permission. Its lead's client shows the dialog, and no other
/// event of either client tells of it (seen in 2.1.332).
#[derive(Debug)]
struct AskingTeammate<'a> {
    name: &'a str,
    tool: &'a str,
    message: &'a str,
}

impl AskingTeammate<'_> {
    fn event(&self) -> Event {
        Event::RequestOpened {
            request: PromptKind::Permission,
            tool: self.tool.to_owned(),
            text: self.message.to_owned(),
            line: String::new(),
            input: InputDigest::default(),
        }
    }
}

fn asking_teammate<'a>(event: &str, payload: &'a Payload<'_>) -> Option<AskingTeammate<'a>> {
    let is_asking = event == "Notification"
        && text(payload.notification.as_ref()) == "worker_permission_prompt";
    if !is_asking {
        return None;
    }
    let message = text(payload.message.as_ref());
    let asks_for_tool = message.split_once(" needs permission for ");
    let asks_for_network = || Some((message.split_once(" needs network access to ")?.0, ""));
    let (name, tool) = asks_for_tool.or_else(asks_for_network)?;
    (!name.is_empty()).then_some(AskingTeammate { name, tool, message })
}

/// Returns whether a notification is of another session's dialog. The list of sessions (`claude agents`) tells of all
/// (seen in 2.1.332: `LABEL needs your input: approve Bash: make`, under an id that is no session's). No dialog of the
/// session's own is told of in these words but one.
fn is_of_another_session(message: &str) -> bool {
    const NEEDS: &str = " needs your input";
    const OWN: &str = "Teammate setup needs your input";
    message != OWN && (message.ends_with(NEEDS) || message.contains(" needs your input: "))
}

fn notification(payload: &Payload<'_>) -> Option<Event> {
    let message = text(payload.message.as_ref());
    let request = match text(payload.notification.as_ref()) {
        "idle_prompt" => return Some(Event::Rested),
        "permission_prompt" if message.contains("plan") => PromptKind::Plan,
        "permission_prompt" => PromptKind::Permission,
        "agent_needs_input" if is_of_another_session(message) => return None,
        // The last: auto mode's own dialog (harness: auto-dialog).
        "elicitation_dialog" | "elicitation_url_dialog" | "agent_needs_input" => {
            PromptKind::Question
        }
        _ => return None,
    };
    Some(Event::AttentionCalled { request, text: message.to_owned() })
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
    let is_over =
        matches!(text(task.status.as_ref()), "completed" | "failed" | "killed" | "stopped");
    (!is_over).then(|| BackgroundTask {
        id: text(task.id.as_ref()).to_owned(),
        kind: text(task.kind.as_ref()).to_owned(),
    })
}

/// The task that a `<task-notification>` prompt tells the end of.
fn task_of(prompt: &str) -> Option<String> {
    let (_, after) = prompt.split_once("<task-id>")?;
    let (id, _) = after.split_once("</task-id>")?;
    Some(id.trim().to_owned())
}

fn tool_name(payload: &Payload<'_>) -> String {
    text(payload.tool.as_ref()).to_owned()
}

fn tool_line(payload: &Payload<'_>, input: &Input<'_>) -> String {
    let cwd = payload.cwd.as_ref().map(|cwd| cwd.0.as_ref());
    tool::line(text(payload.tool.as_ref()), input, cwd)
}

fn tool_use(payload: &Payload<'_>) -> Option<ToolUseId> {
    payload.tool_use.as_ref().map(|id| ToolUseId::new(&id.0))
}

fn text<'a>(field: Option<&'a Text<'_>>) -> &'a str {
    field.map_or("", |text| &text.0)
}

fn owned(field: Option<&Text<'_>>) -> Option<String> {
    field.map(|text| text.0.clone().into_owned()).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
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
            arguments: Vec::new(),
        };
        read_event(payload.to_string().as_bytes(), &surroundings)
    }

    #[test]
    fn event_of_a_newer_client_is_ignored() {
        for name in ["PreSkillShellCommand", "SkillDreamt", "stop", ""] {
            assert_eq!(read_payload(&payload(name)), None, "{name}");
        }
        // A known event with fields that are not known says what it said before.
        let mut stop = payload("Stop");
        let former = read_payload(&stop).unwrap();
        stop["dreams"] = serde_json::json!([{ "of": "sheep" }]);
        stop["command_source"] = serde_json::json!("skill");
        assert_eq!(read_payload(&stop), Some(former));
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
            let own =
                Event::AttentionCalled { request: PromptKind::Question, text: message.to_owned() };
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
            let told = report.as_ref().map(|report| {
                let Event::RequestOpened { request, tool, text, .. } = &report.event else {
                    panic!("{report:?}")
                };
                assert_eq!((*request, text.as_str()), (PromptKind::Permission, message));
                let name = report.subagent.as_ref().unwrap().as_str();
                assert_eq!(report.subagent_type.as_deref(), Some(name));
                (name, tool.as_str())
            });
            assert_eq!(told, expected, "{message}");
        }
    }
}
