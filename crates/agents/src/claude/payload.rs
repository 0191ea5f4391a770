//! Reading a hook's payload: borrowed, big fields skipped, as far as it goes.
//!
//! A payload may be cut off (it is read with a bound), hold text that is no Unicode, or fields of
//! versions to come. What was read before the trouble counts.

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;

/// A JSON string as text, whatever bytes or half surrogate pairs it holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Text<'a>(pub(super) Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextVisitor;
        impl<'de> Visitor<'de> for TextVisitor {
            type Value = Text<'de>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a string")
            }

            fn visit_borrowed_bytes<E: Error>(self, bytes: &'de [u8]) -> Result<Text<'de>, E> {
                Ok(Text(String::from_utf8_lossy(bytes)))
            }

            fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Owned(String::from_utf8_lossy(bytes).into_owned())))
            }
        }
        // As bytes, because as a string half a surrogate pair is an error, and agents that cut
        // their own output in the middle of an emoji do send one.
        deserializer.deserialize_bytes(TextVisitor)
    }
}

/// What we look at of a payload.
#[derive(Debug, Default)]
pub(super) struct Payload<'a> {
    pub(super) event: Option<Text<'a>>,
    pub(super) session: Option<Text<'a>>,
    pub(super) transcript: Option<Text<'a>>,
    pub(super) cwd: Option<Text<'a>>,
    pub(super) turn: Option<Text<'a>>,
    pub(super) mode: Option<Text<'a>>,
    pub(super) model: Option<Text<'a>>,
    pub(super) agent_id: Option<Text<'a>>,
    pub(super) agent_type: Option<Text<'a>>,
    pub(super) source: Option<Text<'a>>,
    pub(super) reason: Option<Text<'a>>,
    pub(super) prompt: Option<Text<'a>>,
    pub(super) tool: Option<Text<'a>>,
    pub(super) tool_use: Option<Text<'a>>,
    pub(super) tool_input: Option<&'a RawValue>,
    pub(super) notification: Option<Text<'a>>,
    pub(super) message: Option<Text<'a>>,
    pub(super) last_message: Option<Text<'a>>,
    pub(super) error: Option<Text<'a>>,
    pub(super) error_details: Option<Text<'a>>,
    pub(super) server: Option<Text<'a>>,
    pub(super) elicitation: Option<Text<'a>>,
    pub(super) background: Vec<BackgroundTask<'a>>,
    pub(super) scheduled: u32,
}

/// A task that goes on after the turn.
#[derive(Debug, Default, Deserialize)]
pub(super) struct BackgroundTask<'a> {
    #[serde(borrow, default)]
    pub(super) id: Option<Text<'a>>,
    #[serde(borrow, default, rename = "type")]
    pub(super) kind: Option<Text<'a>>,
    #[serde(borrow, default)]
    pub(super) status: Option<Text<'a>>,
}

impl<'a> Payload<'a> {
    /// Reads as much of `text` as can be read.
    pub(super) fn read(text: &'a str) -> Self {
        let mut payload = Self::default();
        let mut deserializer = serde_json::Deserializer::from_str(text);
        // What was read before an error stands, so the error itself says nothing more.
        let _ = Fill(&mut payload).deserialize(&mut deserializer);
        payload
    }
}

/// Fills a payload field by field, so that what is read survives what cannot be.
struct Fill<'p, 'a>(&'p mut Payload<'a>);

impl<'de> DeserializeSeed<'de> for Fill<'_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Fill<'_, 'de> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let payload = self.0;
        while let Some(key) = map.next_key::<Text<'de>>()? {
            let field = match key.0.as_ref() {
                "hook_event_name" => &mut payload.event,
                "session_id" => &mut payload.session,
                "transcript_path" => &mut payload.transcript,
                "cwd" => &mut payload.cwd,
                "prompt_id" => &mut payload.turn,
                "permission_mode" => &mut payload.mode,
                "model" => &mut payload.model,
                "agent_id" => &mut payload.agent_id,
                "agent_type" => &mut payload.agent_type,
                "source" => &mut payload.source,
                "reason" => &mut payload.reason,
                "prompt" => &mut payload.prompt,
                "tool_name" => &mut payload.tool,
                "tool_use_id" => &mut payload.tool_use,
                "notification_type" => &mut payload.notification,
                "message" => &mut payload.message,
                "last_assistant_message" => &mut payload.last_message,
                "error" => &mut payload.error,
                "error_details" => &mut payload.error_details,
                "mcp_server_name" => &mut payload.server,
                "elicitation_id" => &mut payload.elicitation,
                "tool_input" => {
                    payload.tool_input = map.next_value()?;
                    continue;
                }
                // Of another type than it was: passed over, and the rest still read.
                "background_tasks" => {
                    let raw: &RawValue = map.next_value()?;
                    let mut list = serde_json::Deserializer::from_str(raw.get());
                    let _ = FillList(&mut payload.background).deserialize(&mut list);
                    continue;
                }
                "session_crons" => {
                    let raw: &RawValue = map.next_value()?;
                    let crons: Vec<IgnoredAny> =
                        serde_json::from_str(raw.get()).unwrap_or_default();
                    payload.scheduled = u32::try_from(crons.len()).unwrap_or(u32::MAX);
                    continue;
                }
                _ => {
                    map.next_value::<IgnoredAny>()?;
                    continue;
                }
            };
            let raw: &RawValue = map.next_value()?;
            *field = serde_json::from_str(raw.get()).unwrap_or_default();
        }
        Ok(())
    }
}

/// Fills a bounded list; `null` is an empty one.
struct FillList<'p, 'a>(&'p mut Vec<BackgroundTask<'a>>);

impl<'de> DeserializeSeed<'de> for FillList<'_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for FillList<'_, 'de> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a list")
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while self.0.len() < crewboard_core::MAX_BACKGROUND {
            match list.next_element()? {
                Some(task) => self.0.push(task),
                None => return Ok(()),
            }
        }
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session(text: &str) -> Option<String> {
        Payload::read(text).session.map(|text| text.0.into_owned())
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
    fn lists_are_bounded() {
        let tasks = vec![r#"{"id":"t","type":"shell","status":"running"}"#; 1000].join(",");
        let text = format!(r#"{{"background_tasks":[{tasks}],"session_crons":[{{}},{{}}]}}"#);
        let payload = Payload::read(&text);
        assert_eq!(payload.background.len(), crewboard_core::MAX_BACKGROUND);
        assert_eq!(payload.scheduled, 2);
    }
}
