//! Reads a hook's payload. Large fields that Crewboard does not use are skipped.
//!
//! A payload may be truncated (it is read up to a limit), contain invalid Unicode, or have fields of later versions.
//! The fields before an error are kept.

use crate::fields::{Field, Text, for_each_field};
use crewboard_core::MAX_BACKGROUND;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

/// The fields of a payload that Crewboard reads.
#[derive(Debug, Default)]
pub(super) struct Payload<'a> {
    pub(super) event: Field<Text<'a>>,
    pub(super) session: Field<Text<'a>>,
    pub(super) transcript: Field<Text<'a>>,
    pub(super) cwd: Field<Text<'a>>,
    pub(super) turn: Field<Text<'a>>,
    pub(super) mode: Field<Text<'a>>,
    pub(super) model: Field<Text<'a>>,
    pub(super) agent_id: Field<Text<'a>>,
    pub(super) agent_type: Field<Text<'a>>,
    pub(super) source: Field<Text<'a>>,
    pub(super) reason: Field<Text<'a>>,
    pub(super) prompt: Field<Text<'a>>,
    pub(super) tool: Field<Text<'a>>,
    pub(super) tool_use: Field<Text<'a>>,
    pub(super) tool_input: Option<&'a RawValue>,
    pub(super) notification: Field<Text<'a>>,
    pub(super) message: Field<Text<'a>>,
    pub(super) last_message: Field<Text<'a>>,
    pub(super) error: Field<Text<'a>>,
    pub(super) error_details: Field<Text<'a>>,
    pub(super) server: Field<Text<'a>>,
    pub(super) elicitation: Field<Text<'a>>,
    pub(super) background: Vec<BackgroundTask<'a>>,
    pub(super) scheduled: u32,
}

/// A task that still runs after the turn has ended.
#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(super) struct BackgroundTask<'a> {
    pub(super) id: Field<Text<'a>>,
    #[serde(rename = "type")]
    pub(super) kind: Field<Text<'a>>,
    pub(super) status: Field<Text<'a>>,
}

impl<'a> Payload<'a> {
    /// Reads a payload up to the first error.
    pub(super) fn read(json: &'a str) -> Self {
        let mut payload = Self::default();
        for_each_field(json, |name, json| payload.read_field(name, json));
        payload
    }

    fn read_field(&mut self, name: &str, json: &'a RawValue) {
        match name {
            "hook_event_name" => self.event = Field::read(json),
            "session_id" => self.session = Field::read(json),
            "transcript_path" => self.transcript = Field::read(json),
            "cwd" => self.cwd = Field::read(json),
            "prompt_id" => self.turn = Field::read(json),
            "permission_mode" => self.mode = Field::read(json),
            "model" => self.model = Field::read(json),
            "agent_id" => self.agent_id = Field::read(json),
            "agent_type" => self.agent_type = Field::read(json),
            "source" => self.source = Field::read(json),
            "reason" => self.reason = Field::read(json),
            "prompt" => self.prompt = Field::read(json),
            "tool_name" => self.tool = Field::read(json),
            "tool_use_id" => self.tool_use = Field::read(json),
            "notification_type" => self.notification = Field::read(json),
            "message" => self.message = Field::read(json),
            "last_assistant_message" => self.last_message = Field::read(json),
            "error" => self.error = Field::read(json),
            "error_details" => self.error_details = Field::read(json),
            "mcp_server_name" => self.server = Field::read(json),
            "elicitation_id" => self.elicitation = Field::read(json),
            "tool_input" => self.tool_input = Some(json).filter(|json| json.get() != "null"),
            "background_tasks" => {
                let tasks: Vec<&RawValue> = Field::read(json).0.unwrap_or_default();
                let tasks = tasks.into_iter().take(MAX_BACKGROUND);
                self.background = tasks.filter_map(|task| Field::read(task).0).collect();
            }
            "session_crons" => {
                let crons: Vec<IgnoredAny> = Field::read(json).0.unwrap_or_default();
                self.scheduled = u32::try_from(crons.len()).unwrap_or(u32::MAX);
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session(text: &str) -> Option<String> {
        Payload::read(text).session.to_text()
    }

    #[test]
    fn fields_before_an_error_are_kept() {
        for text in [
            r#"{"session_id":"s"}"#,
            r#"{"session_id":"s","tool_input":{"command":"cut of"#,
            r#"{"session_id":"s",,,"#,
            r#"{"session_id":"s","model":{"id":1}}"#,
            r#"{"session_id":"s","cwd":null,"later":[[[]]]} trailing"#,
            "{\"x\":[{}],\"session_id\":\"s\"",
            r#"{"cwd":7,"model":{"id":1},"background_tasks":{},"session_crons":3,"session_id":"s"}"#,
        ] {
            assert_eq!(session(text).as_deref(), Some("s"), "{text}");
        }
        for text in ["", "null", "[]", "7", "\"s\"", "not json", "{", "{\"session_id\":"] {
            assert_eq!(session(text), None, "{text}");
        }
    }

    #[test]
    fn half_a_surrogate_pair_is_read_as_text() {
        assert_eq!(
            session(r#"{"session_id":"a\ud83d"}"#).as_deref(),
            Some("a\u{fffd}\u{fffd}\u{fffd}")
        );
        assert_eq!(session(r#"{"session_id":"a\ud83d\ude00"}"#).as_deref(), Some("a😀"));
    }

    #[test]
    fn deeply_nested_field_is_skipped() {
        let deep = format!(
            r#"{{"tool_response":{}{},"session_id":"s"}}"#,
            "[".repeat(200_000),
            "]".repeat(200_000)
        );
        assert_eq!(session(&deep).as_deref(), Some("s"));
    }

    #[test]
    fn invalid_background_task_hides_no_other() {
        let text = r#"{"background_tasks":[7,{"id":"t1","status":{}},null,{"id":"t2"}]}"#;
        let payload = Payload::read(text);
        let ids: Vec<&str> = payload.background.iter().map(|task| task.id.text()).collect();
        assert_eq!(ids, ["t1", "t2"]);
    }

    #[test]
    fn lists_are_bounded() {
        let tasks = vec![r#"{"id":"t","type":"shell","status":"running"}"#; 1000].join(",");
        let text = format!(r#"{{"background_tasks":[{tasks}],"session_crons":[{{}},{{}}]}}"#);
        let payload = Payload::read(&text);
        assert_eq!(payload.background.len(), MAX_BACKGROUND);
        assert_eq!(payload.scheduled, 2);
    }
}
