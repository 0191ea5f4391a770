//! Reads the payload that Claude Code sends to its `statusLine` command.
//!
//! Seen in 2.1.330 (`harness/findings-statusline.md`): a session has `rate_limits` only with a subscription, and only
//! after an answer with rate limits. `context_window.used_percentage` is null until the first answer. Seen in 2.1.332:
//! `workspace.repo` if the directory's repository has a remote `origin` with the address of a forge.

use super::NAME;
use crate::Surroundings;
use crate::fields::{Field, Text, for_each_field};
use crate::profile::profile_of;
use crewboard_core::{Event, PullRequest, Report, Timestamp, UsageReport, WindowReport};
use serde::Deserialize;
use serde_json::value::RawValue;

/// The largest valid percentage. A percentage above 100 means that a rate limit is exceeded.
const MAX_PERCENT: f64 = 1000.0;

/// The largest valid cost, in US dollars.
const MAX_COST: f64 = 1e7;

/// The largest valid Unix time, in seconds: the year 5138.
const MAX_SECONDS: f64 = 1e11;

/// The fields of a payload that Crewboard reads.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StatusLine {
    session: Option<String>,
    transcript: Option<String>,
    model: Option<String>,
    /// The model's name for the user, such as `Opus 5.5`.
    pub model_name: Option<String>,
    /// The repository of the session's directory: `github.com/acme/shop`.
    repository: Option<String>,
    pull_request: Option<PullRequest>,
    /// The usage of the session and of its account.
    pub usage: UsageReport,
}

impl StatusLine {
    /// Reads a payload up to the first error.
    pub fn read(payload: &[u8]) -> Self {
        let text = String::from_utf8_lossy(payload);
        let mut line = Self::default();
        for_each_field(&text, |name, json| line.read_field(name, json));
        line
    }

    fn read_field(&mut self, name: &str, json: &RawValue) {
        match name {
            "session_id" => self.session = Field::<Text<'_>>::read(json).to_text(),
            "transcript_path" => self.transcript = Field::<Text<'_>>::read(json).to_text(),
            "model" => {
                let model: Model<'_> = Field::read(json).0.unwrap_or_default();
                self.model = model.id.to_text();
                self.model_name = model.display_name.to_text();
            }
            "cost" => {
                let cost: Cost = Field::read(json).0.unwrap_or_default();
                self.usage.cost_cents = cents(&cost.total_cost_usd);
            }
            "context_window" => {
                let context: Used = Field::read(json).0.unwrap_or_default();
                self.usage.context_percent = percent(&context.used_percentage, 100);
            }
            "rate_limits" => {
                let limits: RateLimits = Field::read(json).0.unwrap_or_default();
                self.usage.five_hour = window(&limits.five_hour);
                self.usage.seven_day = window(&limits.seven_day);
            }
            "workspace" => {
                let workspace: Workspace<'_> = Field::read(json).0.unwrap_or_default();
                self.repository = workspace.repo.0.and_then(|repo| repo.to_path());
            }
            "pr" => {
                let pr: Pr<'_> = Field::read(json).0.unwrap_or_default();
                self.pull_request = pr.to_pull_request();
            }
            _ => {}
        }
    }

    /// Returns the usage report for the daemon; `None` if the payload names no session.
    pub fn report(&self, surroundings: &Surroundings<'_>) -> Option<Report> {
        let session = self.session.as_deref()?;
        let event = Event::UsageReport(self.usage);
        let profile =
            profile_of(&super::AGENT, surroundings.environment, self.transcript.as_deref());
        Some(Report {
            process: surroundings.process,
            profile: profile.and_then(|profile| profile.into_os_string().into_string().ok()),
            model: self.model.clone(),
            repository: self.repository.clone(),
            pull_request: self.pull_request.clone(),
            ..Report::new(NAME, session, "statusline", surroundings.stamp, event)
        })
    }
}

#[derive(Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Model<'a> {
    id: Field<Text<'a>>,
    display_name: Field<Text<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Workspace<'a> {
    #[serde(borrow)]
    repo: Field<Repo<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Repo<'a> {
    #[serde(borrow)]
    host: Field<Text<'a>>,
    #[serde(borrow)]
    owner: Field<Text<'a>>,
    #[serde(borrow)]
    name: Field<Text<'a>>,
}

impl Repo<'_> {
    /// Returns the repository as `host/owner/name`.
    fn to_path(&self) -> Option<String> {
        Some([self.host.get()?, self.owner.get()?, self.name.get()?].join("/"))
    }
}

/// The open pull request or merge request of the branch, as the client's own reference of 2.1.332 describes it.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Pr<'a> {
    number: Field<u64>,
    #[serde(borrow)]
    url: Field<Text<'a>>,
    #[serde(borrow)]
    review_state: Field<Text<'a>>,
    #[serde(borrow)]
    kind: Field<Text<'a>>,
}

impl Pr<'_> {
    fn to_pull_request(&self) -> Option<PullRequest> {
        Some(PullRequest {
            number: self.number.0?,
            url: self.url.to_text(),
            review: self.review_state.to_text(),
            merge_request: self.kind.text() == "mr",
        })
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Cost {
    total_cost_usd: Field<f64>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Used {
    used_percentage: Field<f64>,
    resets_at: Field<f64>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct RateLimits {
    five_hour: Field<Used>,
    seven_day: Field<Used>,
}

/// Returns a number from 0 to `max`. A number outside counts as unknown.
fn number(field: &Field<f64>, max: f64) -> Option<f64> {
    field.0.filter(|number| (0.0..=max).contains(number))
}

/// Returns a percentage, at most `max`.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to `max`")]
fn percent(field: &Field<f64>, max: u8) -> Option<u8> {
    number(field, MAX_PERCENT).map(|percent| percent.min(f64::from(max)).round() as u8)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "from 0 to `MAX_COST` in cents"
)]
fn cents(field: &Field<f64>) -> Option<u64> {
    number(field, MAX_COST).map(|dollars| (dollars * 100.0).round() as u64)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "from 0 to `MAX_SECONDS` in milliseconds"
)]
fn window(field: &Field<Used>) -> Option<WindowReport> {
    let window = field.0.as_ref()?;
    let seconds = number(&window.resets_at, MAX_SECONDS)?;
    let resets_at = Timestamp((seconds * 1000.0) as u64);
    Some(WindowReport { used_percent: percent(&window.used_percentage, u8::MAX)?, resets_at })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    /// The payload of the real client (2.1.330), without some of the fields that Crewboard does not read.
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
        let usage = UsageReport {
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
        assert_eq!(read.usage, usage);
        let surroundings = Surroundings {
            stamp: crewboard_core::Stamp::default(),
            host: "box".to_owned(),
            process: None,
            tty: None,
            environment: &BTreeMap::new(),
            arguments: crate::ProcessArguments::Known(Vec::new()),
            find_programs: &|_| Vec::new(),
        };
        let report = read.report(&surroundings).unwrap();
        assert_eq!(report.event, Event::UsageReport(usage));
        assert_eq!(report.session.as_str(), "43977576");
        assert_eq!(report.profile.as_deref(), Some("/home/dev/.claude"));
        assert_eq!(report.model.as_deref(), Some("claude-opus-5-5"));
        assert_eq!(StatusLine::read(b"{}").report(&surroundings), None);
    }

    /// Returns the repository and the pull request in a payload with these parts.
    fn forge(parts: &str) -> (Option<String>, Option<PullRequest>) {
        let read = StatusLine::read(format!(r#"{{{parts},"session_id":"s"}}"#).as_bytes());
        assert_eq!(read.session.as_deref(), Some("s"), "{parts}");
        (read.repository, read.pull_request)
    }

    #[test]
    fn repository_and_pull_request_are_read() {
        // The repository as the real client (2.1.332) sends it, and the pull request of its reference.
        let (repository, pull_request) = forge(
            r#""workspace":{"current_dir":"/d","project_dir":"/d","added_dirs":[],"repo":{"host":"github.com","owner":"acme","name":"shop"}},
            "pr":{"number":7,"url":"https://github.com/acme/shop/pull/7","review_state":"changes_requested"}"#,
        );
        assert_eq!(repository.as_deref(), Some("github.com/acme/shop"));
        let expected = PullRequest {
            number: 7,
            url: Some("https://github.com/acme/shop/pull/7".to_owned()),
            review: Some("changes_requested".to_owned()),
            merge_request: false,
        };
        assert_eq!(pull_request, Some(expected));
        let (_, pull_request) = forge(r#""pr":{"number":7,"kind":"mr"}"#);
        let expected = PullRequest { number: 7, merge_request: true, ..PullRequest::default() };
        assert_eq!(pull_request, Some(expected));
        for parts in [
            r#""workspace":{"repo":null},"pr":null"#,
            r#""workspace":{"repo":{"host":"github.com","owner":"acme"}},"pr":{"url":"https://x"}"#,
            r#""workspace":{"repo":{"host":"","owner":"a","name":"b"}},"pr":{"number":-1}"#,
            r#""workspace":[1],"pr":{"number":"7"}"#,
            r#""workspace":"x","pr":7"#,
            r#""workspace":{"repo":"github.com/a/b"},"pr":{"number":1.5}"#,
        ] {
            assert_eq!(forge(parts), (None, None), "{parts}");
        }
    }

    /// Renders the usage in a payload with these parts: context, cost, and percentage and end of both rate limits.
    fn usage(parts: &str) -> String {
        let read = StatusLine::read(format!(r#"{{{parts},"session_id":"s"}}"#).as_bytes());
        assert_eq!(read.session.as_deref(), Some("s"), "{parts}");
        let UsageReport { context_percent, cost_cents, five_hour, seven_day } = read.usage;
        let window = |window: Option<WindowReport>| {
            window.map(|window| (window.used_percent, window.resets_at.0 / 1000))
        };
        let values = (context_percent, cost_cents, window(five_hour), window(seven_day));
        format!("{values:?}").replace("Some", "")
    }

    #[test]
    fn invalid_number_is_ignored() {
        let context =
            |value: &str| usage(&format!(r#""context_window":{{"used_percentage":{value}}}"#));
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
            (
                r#""rate_limits":{"five_hour":{"used_percentage":104,"resets_at":1795815564},"seven_day":{"used_percentage":999,"resets_at":1795815564}}"#,
                "(None, None, ((104, 1795815564)), ((255, 1795815564)))",
            ),
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
            assert_eq!(usage(parts), values, "{parts}");
        }
    }

    #[test]
    fn fields_before_an_error_are_kept() {
        for cut in 0..PAYLOAD.len() {
            StatusLine::read(&PAYLOAD.as_bytes()[..cut]);
        }
        let (whole, _) = PAYLOAD.split_once(r#""rate_limits""#).unwrap();
        let read = StatusLine::read(whole.as_bytes());
        assert_eq!((read.usage.context_percent, read.usage.cost_cents), (Some(42), Some(84)));
        for nothing in ["", "null", "[]", "7", "not json", "{", "\u{feff}{}"] {
            assert_eq!(StatusLine::read(nothing.as_bytes()), StatusLine::default(), "{nothing}");
        }
        let deep = format!(r#"{{"x":{}{},"session_id":"s"}}"#, "[".repeat(9999), "]".repeat(9999));
        assert_eq!(StatusLine::read(deep.as_bytes()).session.as_deref(), Some("s"));
    }
}
