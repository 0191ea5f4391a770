//! What Claude Code tells its `statusLine` command.
//!
//! Seen on 2.1.330 (`harness/findings-statusline.md`): `rate_limits` comes with a subscription only, and
//! only after an answer that bore them; `context_window.used_percentage` is null until the first answer.

use super::NAME;
use super::payload::Text;
use super::profile::profile_of;
use crate::Surroundings;
use crewboard_core::{Event, Report, Timestamp, UsageReport, WindowReport};
use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::fmt;

/// A percentage above this is none; one above 100 is a limit that is overdrawn.
const MAX_PERCENT: f64 = 1000.0;

/// US dollars beyond which a cost is none.
const MAX_COST: f64 = 1e7;

/// Seconds beyond which a Unix time is none: the year 5138.
const MAX_SECONDS: f64 = 1e11;

/// What is of use in a status line's payload.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StatusLine {
    session: String,
    transcript: Option<String>,
    model: Option<String>,
    /// The model's name as people read it.
    pub model_name: Option<String>,
    /// What the session and its account have used.
    pub told: UsageReport,
}

impl StatusLine {
    /// Reads as much of a payload as can be read.
    pub fn read(payload: &[u8]) -> Self {
        let text = String::from_utf8_lossy(payload);
        let mut read = Self::default();
        let mut deserializer = serde_json::Deserializer::from_str(&text);
        // What was read before an error stands, so the error itself says nothing more.
        let _ = Fill(&mut read).deserialize(&mut deserializer);
        read
    }

    /// What is to be told of it; nothing where it names no session.
    pub fn report(&self, surroundings: &Surroundings<'_>) -> Option<Report> {
        if self.session.is_empty() {
            return None;
        }
        let event = Event::UsageReport(self.told);
        let profile = profile_of(surroundings.environment, self.transcript.as_deref());
        Some(Report {
            process: surroundings.process,
            profile: profile.and_then(|profile| profile.into_os_string().into_string().ok()),
            model: self.model.clone(),
            ..Report::new(NAME, &self.session, "statusline", surroundings.stamp, event)
        })
    }
}

/// Fills what is read field by field, so that what is read survives what cannot be.
struct Fill<'p>(&'p mut StatusLine);

impl<'de> DeserializeSeed<'de> for Fill<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Fill<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let read = self.0;
        while let Some(key) = map.next_key::<Text<'de>>()? {
            let key = key.0.as_ref();
            if !matches!(
                key,
                "session_id"
                    | "transcript_path"
                    | "model"
                    | "cost"
                    | "context_window"
                    | "rate_limits"
            ) {
                map.next_value::<IgnoredAny>()?;
                continue;
            }
            let raw: &RawValue = map.next_value()?;
            match key {
                "session_id" => read.session = text(Some(raw)).unwrap_or_default(),
                "transcript_path" => read.transcript = text(Some(raw)),
                "model" => {
                    let model: Model<'_> = part(raw);
                    read.model = text(model.id);
                    read.model_name = text(model.display_name);
                }
                "cost" => read.told.cost_cents = cents(part::<Cost<'_>>(raw).total_cost_usd),
                "context_window" => {
                    read.told.context_percent = percent(part::<Used<'_>>(raw).used_percentage);
                }
                _ => {
                    let limits: RateLimits<'_> = part(raw);
                    read.told.five_hour = window(limits.five_hour);
                    read.told.seven_day = window(limits.seven_day);
                }
            }
        }
        Ok(())
    }
}

#[derive(Default, Deserialize)]
struct Model<'a> {
    #[serde(borrow, default)]
    id: Option<&'a RawValue>,
    #[serde(borrow, default)]
    display_name: Option<&'a RawValue>,
}

#[derive(Default, Deserialize)]
struct Cost<'a> {
    #[serde(borrow, default)]
    total_cost_usd: Option<&'a RawValue>,
}

#[derive(Default, Deserialize)]
struct Used<'a> {
    #[serde(borrow, default)]
    used_percentage: Option<&'a RawValue>,
    #[serde(borrow, default)]
    resets_at: Option<&'a RawValue>,
}

#[derive(Default, Deserialize)]
struct RateLimits<'a> {
    #[serde(borrow, default)]
    five_hour: Option<&'a RawValue>,
    #[serde(borrow, default)]
    seven_day: Option<&'a RawValue>,
}

/// An object whose fields are looked at one by one; an empty one where it is none.
fn part<'a, T: Deserialize<'a> + Default>(raw: &'a RawValue) -> T {
    serde_json::from_str(raw.get()).unwrap_or_default()
}

fn text(raw: Option<&RawValue>) -> Option<String> {
    let text: Text<'_> = serde_json::from_str(raw?.get()).ok()?;
    Some(text.0.into_owned()).filter(|text| !text.is_empty())
}

/// A number from nothing to `most`: what is below or beyond is a mistake, and not known then.
fn number(raw: Option<&RawValue>, most: f64) -> Option<f64> {
    let number: f64 = serde_json::from_str(raw?.get()).ok()?;
    (0.0..=most).contains(&number).then_some(number)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "from 0 to 100 by then"
)]
fn percent(raw: Option<&RawValue>) -> Option<u8> {
    number(raw, MAX_PERCENT).map(|percent| percent.min(100.0).round() as u8)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "from 0 to `MAX_COST` by then"
)]
fn cents(raw: Option<&RawValue>) -> Option<u64> {
    number(raw, MAX_COST).map(|dollars| (dollars * 100.0).round() as u64)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "from 0 to `MAX_SECONDS` by then"
)]
fn window(raw: Option<&RawValue>) -> Option<WindowReport> {
    let window: Used<'_> = part(raw?);
    let seconds = number(window.resets_at, MAX_SECONDS)?;
    let resets_at = Timestamp((seconds * 1000.0) as u64);
    Some(WindowReport { used_percent: percent(window.used_percentage)?, resets_at })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    /// As the real client told it (2.1.330), less what is not looked at.
    const PAYLOAD: &str = r#"{"session_id":"43977576","transcript_path":"/home/dev/.claude/projects/p/43977576.jsonl",
        "cwd":"/home/dev/project","effort":{"level":"medium"},"model":{"id":"claude-opus-5-5","display_name":"Opus 5.5"},
        "cost":{"total_cost_usd":0.84042,"total_duration_ms":7982},
        "context_window":{"total_input_tokens":420000,"context_window_size":1000000,"current_usage":{"input_tokens":420000},"used_percentage":42,"remaining_percentage":58},
        "rate_limits":{"five_hour":{"used_percentage":62,"resets_at":1795619884},"seven_day":{"used_percentage":31.4,"resets_at":1795815564}},
        "thinking":{"enabled":true}}"#;

    #[test]
    fn payload_is_read_into_a_usage_report() {
        let read = StatusLine::read(PAYLOAD.as_bytes());
        assert_eq!(read.model_name.as_deref(), Some("Opus 5.5"));
        let told = UsageReport {
            context_percent: Some(42),
            cost_cents: Some(84),
            five_hour: Some(WindowReport {
                used_percent: 62,
                resets_at: Timestamp(1_795_619_884_000),
            }),
            seven_day: Some(WindowReport {
                used_percent: 31,
                resets_at: Timestamp(1_795_815_564_000),
            }),
        };
        assert_eq!(read.told, told);
        let surroundings = Surroundings {
            stamp: crewboard_core::Stamp::default(),
            host: "box".to_owned(),
            process: None,
            tty: None,
            environment: &BTreeMap::new(),
            arguments: Vec::new(),
        };
        let report = read.report(&surroundings).unwrap();
        assert_eq!(report.event, Event::UsageReport(told));
        assert_eq!(report.session.as_str(), "43977576");
        assert_eq!(report.profile.as_deref(), Some("/home/dev/.claude"));
        assert_eq!(report.model.as_deref(), Some("claude-opus-5-5"));
        assert_eq!(StatusLine::read(b"{}").report(&surroundings), None);
    }

    /// Context, cost, and percentage and end of the two limits, of a payload with these parts.
    fn told(parts: &str) -> String {
        let read = StatusLine::read(format!(r#"{{{parts},"session_id":"s"}}"#).as_bytes());
        assert_eq!(read.session, "s", "{parts}");
        let UsageReport { context_percent, cost_cents, five_hour, seven_day } = read.told;
        let window = |window: Option<WindowReport>| {
            window.map(|window| (window.used_percent, window.resets_at.0 / 1000))
        };
        let values = (context_percent, cost_cents, window(five_hour), window(seven_day));
        format!("{values:?}").replace("Some", "")
    }

    #[test]
    fn invalid_number_is_ignored() {
        let context =
            |value: &str| told(&format!(r#""context_window":{{"used_percentage":{value}}}"#));
        for (value, percent) in [
            ("42", "(42)"),
            ("42.5", "(43)"),
            ("0", "(0)"),
            ("-0.0", "(0)"),
            ("100.4", "(100)"),
            ("103", "(100)"),
            ("1001", "None"),
            ("1e308", "None"),
            ("1e999", "None"),
            ("-1", "None"),
            ("null", "None"),
            ("\"NaN\"", "None"),
            ("\"42\"", "None"),
            ("[42]", "None"),
            ("{}", "None"),
            ("true", "None"),
        ] {
            assert_eq!(context(value), format!("({percent}, None, None, None)"), "{value}");
        }
        for (parts, values) in [
            (r#""cost":{"total_cost_usd":1.005}"#, "(None, (100), None, None)"),
            (r#""cost":{"total_cost_usd":-1}"#, "(None, None, None, None)"),
            (r#""cost":{"total_cost_usd":1e300}"#, "(None, None, None, None)"),
            (r#""cost":7"#, "(None, None, None, None)"),
            (r#""cost":null,"context_window":null,"rate_limits":null"#, "(None, None, None, None)"),
            (r#""model":"opus""#, "(None, None, None, None)"),
            (r#""rate_limits":{"five_hour":{"used_percentage":9}}"#, "(None, None, None, None)"),
            (r#""rate_limits":{"five_hour":{"resets_at":9}}"#, "(None, None, None, None)"),
            (
                r#""rate_limits":{"seven_day":{"used_percentage":9,"resets_at":1795815564},"five_hour":[1]}"#,
                "(None, None, None, ((9, 1795815564)))",
            ),
            (
                r#""rate_limits":{"five_hour":{"used_percentage":9,"resets_at":1e30}}"#,
                "(None, None, None, None)",
            ),
            (
                r#""rate_limits":{"five_hour":{"used_percentage":9,"resets_at":-5}}"#,
                "(None, None, None, None)",
            ),
        ] {
            assert_eq!(told(parts), values, "{parts}");
        }
    }

    #[test]
    fn fields_before_an_error_are_kept() {
        for cut in 0..PAYLOAD.len() {
            StatusLine::read(&PAYLOAD.as_bytes()[..cut]);
        }
        let (whole, _) = PAYLOAD.split_once(r#""rate_limits""#).unwrap();
        let read = StatusLine::read(whole.as_bytes());
        assert_eq!((read.told.context_percent, read.told.cost_cents), (Some(42), Some(84)));
        for nothing in ["", "null", "[]", "7", "not json", "{", "\u{feff}{}"] {
            assert_eq!(StatusLine::read(nothing.as_bytes()), StatusLine::default(), "{nothing}");
        }
        let deep = format!(r#"{{"x":{}{},"session_id":"s"}}"#, "[".repeat(9999), "]".repeat(9999));
        assert_eq!(StatusLine::read(deep.as_bytes()).session, "s");
    }
}
