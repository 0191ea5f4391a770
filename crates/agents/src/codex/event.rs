//! Translates a hook's payload into a report.

use super::owner::{Owner, is_headless, is_service, owner_of};
use crate::fields::{Field, Text, for_each_field};
use crate::profile::profile_of;
use crate::scan::{members, split_near};
use crate::tool::{self, Input};
use crate::{ProgramProcess, Surroundings};
use crewboard_core::{
    AgentName, ConversationId, EndReason, Event, InputDigest, Place, Process, PromptKind, Report,
    StartOrigin, SubagentId, ToolUseId, TurnId,
};
use crewboard_terminals as terminals;
use serde_json::value::RawValue;

/// The tool that asks the user questions.
const ASK: &str = "request_user_input";

/// The field that Codex adds to the input of a permission prompt only.
const DESCRIPTION: &str = "\"description\"";

/// The bytes of a payload that are parsed, so that a hook meets its deadline. The agent writes the session and the event
/// before the input of a tool.
const MAX_READ: usize = 1 << 20;

/// The fields of a payload that Crewboard reads.
#[derive(Debug, Default)]
struct Payload<'a> {
    event: Field<Text<'a>>,
    session: Field<Text<'a>>,
    turn: Field<Text<'a>>,
    transcript: Field<Text<'a>>,
    cwd: Field<Text<'a>>,
    mode: Field<Text<'a>>,
    model: Field<Text<'a>>,
    agent_id: Field<Text<'a>>,
    agent_type: Field<Text<'a>>,
    source: Field<Text<'a>>,
    reason: Field<Text<'a>>,
    prompt: Field<Text<'a>>,
    tool: Field<Text<'a>>,
    tool_use: Field<Text<'a>>,
    last_message: Field<Text<'a>>,
}

impl<'a> Payload<'a> {
    /// Reads a payload up to the first error.
    fn read(json: &'a str) -> Self {
        let mut payload = Self::default();
        for_each_field(json, |name, json| payload.read_field(name, json));
        payload
    }

    fn read_field(&mut self, name: &str, json: &'a RawValue) {
        let field = match name {
            "hook_event_name" => &mut self.event,
            "session_id" => &mut self.session,
            "turn_id" => &mut self.turn,
            "transcript_path" => &mut self.transcript,
            "cwd" => &mut self.cwd,
            "permission_mode" => &mut self.mode,
            "model" => &mut self.model,
            "agent_id" => &mut self.agent_id,
            "agent_type" => &mut self.agent_type,
            "source" => &mut self.source,
            "reason" => &mut self.reason,
            "prompt" => &mut self.prompt,
            "tool_name" => &mut self.tool,
            "tool_use_id" => &mut self.tool_use,
            "last_assistant_message" => &mut self.last_message,
            _ => return,
        };
        *field = Field::read(json);
    }
}

/// Translates a hook's payload into a report; `None` if the payload is invalid or of no use.
pub(super) fn read_event(payload: &[u8], surroundings: &Surroundings<'_>) -> Option<Report> {
    let text = String::from_utf8_lossy(payload);
    let fields = Payload::read(split_near(&text, MAX_READ).0);
    let json = if has_input(fields.event.text()) { tool_input(&text) } else { "" };
    report(&fields, json, surroundings)
}

/// Returns true if the payload of this event has the input of a tool.
fn has_input(event: &str) -> bool {
    event.ends_with("ToolUse") || event == "PermissionRequest"
}

/// Returns the input of a tool, which may be long or truncated.
fn tool_input(payload: &str) -> &str {
    let input = members(payload).and_then(|mut all| all.find(|m| m.name == "\"tool_input\""));
    input.map_or("", |input| input.value)
}

fn report(payload: &Payload<'_>, input: &str, surroundings: &Surroundings<'_>) -> Option<Report> {
    let session = payload.session.get()?;
    let name = payload.event.get()?;
    let subagent = payload.agent_id.get();
    let event = event_of(name, payload, input)?;
    let arguments = surroundings.arguments.read();
    let transcript = payload.transcript.to_text();
    let profile = profile_of(&super::AGENT, surroundings.environment, transcript.as_deref());
    let seat = if is_service(&arguments) {
        seat_in_service(&event, payload, profile.as_deref(), surroundings)?
    } else {
        Seat {
            process: surroundings.process,
            place: Place {
                tty: surroundings.tty.clone(),
                ..terminals::locate(surroundings.environment)
            },
        }
    };
    Some(Report {
        agent: AgentName::new(super::NAME),
        session: ConversationId::new(session),
        source: format!("hook:{name}"),
        stamp: surroundings.stamp,
        process: seat.process,
        subagent: subagent.map(SubagentId::new),
        subagent_type: subagent.and(payload.agent_type.to_text()),
        // A prompt that the user typed during a turn is announced when the turn takes it, with the turn's id.
        turn: match event {
            Event::PromptSubmitted { .. } => None,
            _ => payload.turn.get().map(TurnId::new),
        },
        cwd: payload.cwd.to_text(),
        branch: None,
        repository: None,
        repository_root: None,
        pull_request: None,
        project: None,
        profile: profile.and_then(|profile| profile.into_os_string().into_string().ok()),
        transcript,
        mode: payload.mode.to_text(),
        model: payload.model.to_text(),
        headless: is_headless(&arguments),
        resident: false,
        teammate: None,
        job: None,
        place: Place { host: surroundings.host.clone(), ..seat.place },
        elsewhere: false,
        event,
    })
}

/// The process and the place of a session.
#[derive(Debug, Default)]
struct Seat {
    process: Option<Process>,
    place: Place,
}

/// Returns the seat of a session in the service, or `None` if its event means nothing there. Only a start, a prompt and an
/// end look for the window, because that reads all processes.
fn seat_in_service(
    event: &Event,
    payload: &Payload<'_>,
    profile: Option<&std::path::Path>,
    surroundings: &Surroundings<'_>,
) -> Option<Seat> {
    let is_own = payload.agent_id.get().is_none();
    let is_resumed = match event {
        Event::SessionStarted { origin } if is_own => *origin == StartOrigin::Resume,
        Event::PromptSubmitted { .. } | Event::SessionEnded { .. } if is_own => false,
        _ => return Some(Seat::default()),
    };
    let mut windows = (surroundings.find_programs)(super::NAME);
    // The service works for the windows of one profile.
    windows.retain(|window| window_profile(window).as_deref() == profile);
    match owner_of(&windows, payload.session.text(), payload.cwd.get(), is_resumed) {
        // The service lets go of a session that its window has replaced, or that another window continues.
        Owner::One(_) | Owner::Several if matches!(event, Event::SessionEnded { .. }) => None,
        Owner::One(window) => Some(Seat {
            process: Some(window.process),
            place: Place { tty: window.tty.clone(), ..terminals::locate(&window.environment) },
        }),
        Owner::Several | Owner::None => Some(Seat::default()),
    }
}

fn window_profile(window: &ProgramProcess) -> Option<std::path::PathBuf> {
    let spelled = profile_of(&super::AGENT, &window.environment, None)?;
    Some(window.cwd.as_ref().map_or_else(|| spelled.clone(), |cwd| cwd.join(&spelled)))
}

fn event_of(name: &str, payload: &Payload<'_>, input: &str) -> Option<Event> {
    Some(match name {
        "SessionStart" => Event::SessionStarted { origin: origin_of(payload.source.text()) },
        "SessionEnd" => Event::SessionEnded {
            reason: match payload.reason.text() {
                "clear" | "resume" => EndReason::Switch,
                _ => EndReason::Exit,
            },
        },
        "UserPromptSubmit" => Event::PromptSubmitted {
            prompt: payload.prompt.text().to_owned(),
            automatic: false,
            ended_task: None,
        },
        // The tool is the question. No other event opens it.
        "PreToolUse" if payload.tool.text() == ASK => {
            prompt_opened(PromptKind::Question, payload, input)
        }
        "PreToolUse" => Event::ToolStarted {
            tool: tool_name(payload),
            text: tool_line(payload, input),
            tool_use: tool_use(payload),
            input: digest_of(input),
            asks: None,
        },
        "PostToolUse" => Event::ToolEnded {
            tool: tool_name(payload),
            tool_use: tool_use(payload),
            input: digest_of(input),
        },
        "PermissionRequest" => prompt_opened(PromptKind::Permission, payload, input),
        "Stop" => Event::TurnEnded {
            message: payload.last_message.text().to_owned(),
            background: Vec::new(),
            scheduled: 0,
        },
        "Interrupt" => Event::TurnInterrupted,
        "SubagentStart" => Event::SubagentStarted,
        "SubagentStop" => Event::SubagentEnded,
        _ => return None,
    })
}

fn prompt_opened(prompt_kind: PromptKind, payload: &Payload<'_>, input: &str) -> Event {
    Event::PromptOpened {
        prompt_kind,
        tool: tool_name(payload),
        text: tool::render_text(payload.tool.text(), prompt_kind, &Input::new(input)),
        line: match prompt_kind {
            PromptKind::Permission => tool_line(payload, input),
            PromptKind::Question | PromptKind::Plan => String::new(),
        },
        input: digest_of(input),
    }
}

fn origin_of(source: &str) -> StartOrigin {
    match source {
        "startup" => StartOrigin::Startup,
        "resume" => StartOrigin::Resume,
        "clear" => StartOrigin::Clear,
        "compact" => StartOrigin::Compact,
        _ => StartOrigin::Unknown,
    }
}

/// Returns the digest of a tool's whole input without the description, which the other events of the call do not have.
fn digest_of(input: &str) -> InputDigest {
    let Some(all) = members(input) else { return tool::digest(input.as_bytes()) };
    let mut whole = String::with_capacity(input.len());
    for member in all.filter(|member| member.name != DESCRIPTION) {
        whole.extend([member.name, ":", member.value, ","]);
    }
    tool::digest(whole.as_bytes())
}

fn tool_name(payload: &Payload<'_>) -> String {
    payload.tool.text().to_owned()
}

fn tool_line(payload: &Payload<'_>, input: &str) -> String {
    tool::render_line(payload.tool.text(), &Input::new(input), payload.cwd.get())
}

fn tool_use(payload: &Payload<'_>) -> Option<ToolUseId> {
    payload.tool_use.get().map(ToolUseId::new)
}
