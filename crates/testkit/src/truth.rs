//! `harness/truth.json`: the statuses that a user who watches the screens would name.

use crate::recording::{CLIENTS, harness_dir};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::io;

/// The words of all statuses. Any other word in `truth.json` is an error.
const STATUSES: [&str; 8] =
    ["working", "permission", "question", "plan", "failed", "done", "idle", "closed"];

/// The truth of all scenarios.
#[derive(Debug, Clone, Deserialize)]
#[serde(transparent)]
pub struct Truth {
    scenarios: BTreeMap<String, Scenario>,
}

/// One scenario: a row for each client process, in the order in which they started.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    pub rows: Vec<RowTruth>,
    /// The oldest version of the client that has what the scenario shows. Absent where every client has it.
    #[serde(default)]
    pub since: Option<String>,
}

/// One client process, which stays the same across `/clear` and `/resume`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RowTruth {
    /// The name of the row within its scenario, such as `S0`.
    pub row: String,
    /// The pid in the recording. Each other run has another pid.
    pub pid: u32,
    pub statuses: Vec<Step>,
    pub kind: String,
    /// The conversations it held, in order.
    pub sessions: Vec<String>,
    /// The status at the end of the scenario.
    #[serde(rename = "final")]
    pub last: String,
    /// Other statuses at the end that a user would accept.
    #[serde(default, rename = "final_accept")]
    pub last_accept: Vec<String>,
    #[serde(default)]
    pub background: u32,
    /// The end of the process: `exit`, `terminated` or `killed`.
    pub ended: String,
    #[serde(default)]
    pub ended_accept: Vec<String>,
    pub before_closed: String,
    /// The end of each former conversation of the process.
    #[serde(default)]
    pub ids_ended: BTreeMap<String, String>,
    #[serde(default)]
    pub same_session_as: Option<String>,
    #[serde(default)]
    pub forked_from: Option<String>,
}

/// One status of a row and when the screen showed it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    pub status: String,
    /// Milliseconds from the driver's first mark. `rebase` puts the times of another run here.
    pub at_ms: Option<i64>,
    /// The act or the change of the screen that caused it, such as `prompt: /clear`.
    pub from: String,
    /// The words that a user would accept; `status` is always one of them.
    #[serde(default)]
    pub accept: Vec<String>,
    #[serde(default)]
    pub background: Option<u32>,
    #[serde(default)]
    pub note: Option<String>,
}

impl Truth {
    /// Reads `harness/truth.json` of this checkout.
    pub fn load() -> io::Result<Self> {
        let path = harness_dir().join("truth.json");
        let text = std::fs::read_to_string(&path).map_err(|error| {
            io::Error::new(error.kind(), format!("{}: {error}", path.display()))
        })?;
        Self::parse(&text).map_err(|error| io::Error::other(format!("{}: {error}", path.display())))
    }

    /// Reads the truth of the recordings of a client of Codex, `harness/truth-codex.json`.
    pub fn load_codex(client: &str) -> io::Result<Self> {
        let path = harness_dir().join("truth-codex.json");
        let text = std::fs::read_to_string(&path)?;
        let mut clients: BTreeMap<String, Self> = serde_json::from_str(&text)?;
        let truth = clients.remove(client);
        truth.ok_or_else(|| io::Error::other(format!("{}: {client} is missing", path.display())))
    }

    fn parse(text: &str) -> Result<Self, String> {
        let truth: Self = serde_json::from_str(text).map_err(|error| error.to_string())?;
        for (name, scenario) in &truth.scenarios {
            for row in &scenario.rows {
                if let Some(word) = row.words().find(|word| !STATUSES.contains(word)) {
                    return Err(format!("{name} {}: no status is called `{word}`", row.row));
                }
                if row.statuses.is_empty() || row.statuses.iter().any(|step| step.at_ms.is_none()) {
                    return Err(format!("{name} {}: a status or its time is missing", row.row));
                }
            }
        }
        Ok(truth)
    }

    /// Returns the names of all scenarios, in alphabetical order.
    pub fn scenarios(&self) -> impl Iterator<Item = &str> {
        self.scenarios.keys().map(String::as_str)
    }

    /// Returns the truth of one scenario.
    pub fn get(&self, scenario: &str) -> Option<&Scenario> {
        self.scenarios.get(scenario)
    }
}

impl Scenario {
    /// Returns the client whose recording has the times of this truth.
    pub fn client(&self) -> &'static str {
        let is_first = |client: &&&str| match &self.since {
            Some(version) => client.ends_with(&format!("-{version}")),
            None => true,
        };
        CLIENTS.iter().find(is_first).copied().unwrap_or(CLIENTS[0])
    }

    /// Returns true if a client of the scenario runs in a terminal.
    pub fn has_terminal(&self) -> bool {
        let is_headless =
            |row: &RowTruth| row.statuses.iter().any(|step| step.from.starts_with("claude -p"));
        self.rows.iter().any(|row| row.kind == "interactive" && !is_headless(row))
    }

    /// Returns true if a version of the client, such as `2.1.330`, can be led through the scenario.
    pub fn runs_on(&self, version: &str) -> bool {
        let parts = |version: &str| -> Vec<u32> {
            version.split('.').map(|part| part.parse().unwrap_or(0)).collect()
        };
        self.since.as_ref().is_none_or(|since| parts(since) <= parts(version))
    }
}

impl RowTruth {
    fn words(&self) -> impl Iterator<Item = &str> {
        let steps = self.statuses.iter();
        steps
            .flat_map(|step| std::iter::once(&step.status).chain(&step.accept))
            .chain(&self.last_accept)
            .chain([&self.last, &self.before_closed])
            .map(String::as_str)
    }

    /// Returns true if a user would accept this status at the end of the scenario.
    pub fn accepts_last(&self, word: &str) -> bool {
        self.last == word || self.last_accept.iter().any(|accepted| accepted == word)
    }

    /// Returns true if a user would accept this status just before the row closed.
    pub fn accepts_before_closed(&self, word: &str) -> bool {
        let open = self.statuses.iter().rev().find(|step| step.status != "closed");
        self.before_closed == word || open.is_some_and(|step| step.accepts(word))
    }

    /// Returns true if `end` is Crewboard's word for how the process ended.
    ///
    /// A client that is terminated still runs its last hook, so `terminated` counts as `exit`.
    pub fn accepts_end(&self, end: &str) -> bool {
        std::iter::once(&self.ended).chain(&self.ended_accept).any(|ended| match ended.as_str() {
            "exit" | "terminated" | "stopped" => end == "exit",
            other => end == other,
        })
    }
}

impl Step {
    /// Returns true if a user would accept this status.
    pub fn accepts(&self, word: &str) -> bool {
        self.status == word || self.accept.iter().any(|accepted| accepted == word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recording::Recording;
    use crate::verdict::{Observed, compare};

    #[test]
    fn recordings_and_truths_match_one_to_one() {
        let truth = Truth::load().unwrap();
        assert!(truth.get("plain").is_some());
        assert!(truth.get("no-such").is_none());
        for client in CLIENTS {
            let version = client.trim_start_matches("claude-code-");
            let runs = |name: &&str| truth.get(name).unwrap().runs_on(version);
            let names: Vec<_> = truth.scenarios().filter(runs).collect();
            assert_eq!(names, Recording::scenarios(client).unwrap(), "{client}");
        }
    }

    #[test]
    fn scenario_runs_on_its_first_version_and_later() {
        let scenario = Scenario { rows: Vec::new(), since: Some("2.1.332".to_owned()) };
        let runs = |version: &str| scenario.runs_on(version);
        assert_eq!((runs("2.1.330"), runs("2.1.332"), runs("2.2.0")), (false, true, true));
        assert_eq!(scenario.client(), "claude-code-2.1.332");
    }

    #[test]
    fn truth_compared_with_itself_is_right() {
        let truth = Truth::load().unwrap();
        for name in truth.scenarios() {
            for row in &truth.get(name).unwrap().rows {
                let own: Vec<_> = (row.statuses.iter())
                    .map(|step| Observed::new(&step.status, step.at_ms.unwrap()))
                    .collect();
                let end = if row.ended == "killed" { "killed" } else { "exit" };
                let verdict = compare(row, &own, Some(end));
                assert!(verdict.is_right(), "{name} {}: {verdict}", row.row);
                assert!(verdict.lags().all(|(_, lag)| lag == 0), "{name} {}", row.row);
            }
        }
    }

    #[test]
    fn truth_with_an_unknown_status_is_an_error() {
        let text = r#"{"x": {"rows": [{"row": "S0", "pid": 1, "kind": "interactive", "sessions": [],
            "statuses": [{"status": "bored", "at_ms": 1, "from": "start"}],
            "final": "closed", "ended": "exit", "before_closed": "idle"}]}}"#;
        assert_eq!(Truth::parse(text).unwrap_err(), "x S0: no status is called `bored`");
    }
}
