pub(crate) mod day_cost;
pub(crate) mod identity;
pub(crate) mod labels;
pub(crate) mod past;
pub(crate) mod place;
pub(crate) mod project;
pub(crate) mod prompt;
pub(crate) mod pull_request;
pub(crate) mod status;
pub(crate) mod usage;

use crate::QUIET_AFTER_MS;
use crate::session::day_cost::DayCost;
use crate::session::identity::{AgentName, ConversationId, Process, RowKey, SubagentId};
use crate::session::past::PastStatuses;
use crate::session::place::Place;
use crate::session::prompt::Prompt;
use crate::session::pull_request::PullRequest;
use crate::session::status::Status;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::cmp::{Ordering, Reverse};

/// A session: one agent process with its present conversation. `list --json` prints it as JSON.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a field of its own in the JSON")]
pub struct Session {
    /// The key, constant for the session's life. Subscriptions and waits use it.
    pub key: RowKey,
    /// The agent that runs here.
    pub agent: AgentName,
    /// The version of the agent's program, as the agent spells it.
    pub agent_version: Option<String>,
    /// The present conversation. The former ones are in `lineage`.
    pub id: ConversationId,
    /// The status.
    pub status: Status,
    /// The time at which the status was entered.
    pub since: Timestamp,
    /// The source of the status: `hook:Stop`, `process:exited`, `report`, …
    pub source: String,
    /// False if no hook, file or kernel event would report the end of the status.
    pub confirmed: bool,
    /// The reason why the status is not confirmed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unconfirmed: Option<String>,
    /// The process was suspended (Ctrl-Z) when the daemon last checked.
    pub stopped: bool,
    /// The session waits for the user, or it is failed or done and the user has not seen that. False while it is
    /// snoozed or dismissed.
    pub needs_you: bool,
    /// The user has seen this status. The next status is unseen again.
    pub seen: bool,
    /// The session stays at the top of its group on the board.
    pub pinned: bool,
    /// The session needs no user until then, or until its status changes.
    pub snoozed_until: Option<Timestamp>,
    /// The user has hidden the session. The next status that needs the user shows it again.
    pub dismissed: bool,
    /// One line: the running tool, the prompt or the last message.
    pub activity: Option<String>,
    /// The open prompt, if the status is one of a prompt.
    #[serde(rename = "request")]
    pub open_prompt: Option<Prompt>,
    /// The number of background tasks that run.
    pub background: u32,
    /// The number of wake-ups that the agent has planned.
    pub scheduled: u32,
    /// The running subagents, in the order of their first events.
    pub subagents: Vec<Subagent>,
    /// A short name for the user: the project's folder.
    pub name: String,
    /// The working directory.
    pub cwd: Option<String>,
    /// The git branch of that directory.
    pub branch: Option<String>,
    /// The repository of that directory at its forge, such as `github.com/acme/shop`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repository: Option<String>,
    /// The open pull request of the branch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pull_request: Option<PullRequest>,
    /// The top directory of the git repository of that directory. Linked worktrees have that of their repository.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repository_root: Option<String>,
    /// The conversation's title.
    pub title: Option<String>,
    /// The last user prompt.
    #[serde(rename = "prompt")]
    pub user_prompt: Option<String>,
    /// The model, as the agent spells it.
    pub model: Option<String>,
    /// The agent's permission mode, as the agent spells it.
    pub mode: Option<String>,
    /// The session is headless: it never needs the user.
    pub headless: bool,
    /// The session whose agent started this one.
    pub parent: Option<RowKey>,
    /// The name that the lead gave this teammate. The lead is the session `parent`: it gets the teammate's results
    /// and shows its prompts.
    pub teammate: Option<String>,
    /// The job directory of a background session, which has no pane.
    pub job: Option<String>,
    /// The agent's configuration directory: that of `origin` if it is known, else the claim of an event.
    pub profile: Option<String>,
    /// The path of the transcript. It is shown and never opened.
    pub transcript: Option<String>,
    /// The start of the process, as the kernel reported it. Absent if only events report it, because events can claim
    /// anything.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
    /// The process id.
    pub pid: Option<u32>,
    /// The process's start time (see [`Process::start`]).
    pub pid_start: Option<u64>,
    /// The place in which the session runs.
    pub place: Place,
    /// The usage of the conversation, if it is known.
    pub usage: Option<Usage>,
    /// The cost of the session today, if it has cost anything. Former conversations of the session count.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost_today: Option<DayCost>,
    /// The time of the session's first event.
    pub started: Timestamp,
    /// The time at which the session last changed. `usage` and what its report brought with it do not count.
    pub updated: Timestamp,
    /// The time at which the last event happened, or the session file last changed; `None` if neither is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub evidence_at: Option<Timestamp>,
    /// The former conversations of this session, oldest first.
    pub lineage: Vec<ConversationId>,
    /// The kind of the session's end, if it has ended.
    pub end: Option<End>,
    /// The epoch of `revision`.
    pub epoch: String,
    /// The number of the session's last change. All sessions share one counter.
    pub revision: u64,
    /// The last statuses, oldest first. A change leaves them out, so that it does not grow with age.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub history: Vec<Transition>,
    /// The statuses of the last day before `history`. A change leaves them out too.
    #[serde(skip_serializing_if = "PastStatuses::is_empty")]
    pub past: PastStatuses,
}

/// The start of an agent's process, as the kernel reported it when the daemon began to watch the process.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Origin {
    /// The agent's configuration directory, from the environment of the process.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// The working directory of the process.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cwd: Option<String>,
}

/// The kind of a session's end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum End {
    /// The agent ended in good order.
    Exit,
    /// The process ended without a report.
    Killed,
    /// The process cannot be watched, and the session sent no event for a day.
    Lost,
}

/// A running subagent of a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subagent {
    /// The agent's own id of the subagent.
    pub id: SubagentId,
    /// The kind of subagent, as the agent spells it.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// `working`, or the status of its open prompt.
    pub status: Status,
    /// The time at which the subagent started, or when its prompt opened.
    pub since: Timestamp,
}

/// The entry into a status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transition {
    /// The status.
    pub status: Status,
    /// The time at which it was entered.
    pub at: Timestamp,
}

/// The time that a session spent in its statuses, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TimeSpent {
    pub worked: u64,
    /// A prompt waited for the user.
    pub waited: u64,
    /// The session was done, failed or at its prompt.
    pub idle: u64,
}

/// The usage of a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Usage {
    /// The share of the model's context that is used, 0 to 100 per cent.
    pub context_percent: Option<f64>,
    /// The cost of the conversation, in US dollars.
    pub cost_usd: Option<f64>,
    /// The time at which the agent reported this, to the minute.
    pub at: Timestamp,
}

impl Session {
    /// Returns the agent's process, if it is known.
    pub fn process(&self) -> Option<Process> {
        Some(Process { pid: self.pid?, start: self.pid_start? })
    }

    /// Returns all known statuses, oldest first.
    pub fn statuses(&self) -> impl Iterator<Item = Transition> + Clone + '_ {
        self.past.iter().chain(self.history.iter().copied())
    }

    /// Returns the milliseconds between `from` and `now` in which the session worked, waited for the user, and did
    /// neither.
    pub fn time_spent(&self, from: Timestamp, now: Timestamp) -> TimeSpent {
        let mut spent = TimeSpent::default();
        let ends = self.statuses().skip(1).map(|entered| entered.at).chain([now]);
        for (entered, end) in self.statuses().zip(ends) {
            let time = end.min(now).since(entered.at.max(from));
            match entered.status {
                Status::Working => spent.worked += time,
                status if status.is_prompt() => spent.waited += time,
                Status::Closed => {}
                _ => spent.idle += time,
            }
        }
        spent
    }

    /// Returns since when the session works without an event or a change of its file, if that is unusually long.
    pub fn quiet_since(&self, now: Timestamp) -> Option<Timestamp> {
        let last = self.last_sign_of_work()?;
        (now.since(last) >= QUIET_AFTER_MS).then_some(last)
    }

    /// Returns the time at which a session that works becomes quiet if no further event comes.
    pub fn quiet_at(&self) -> Option<Timestamp> {
        self.last_sign_of_work().map(|last| Timestamp(last.0.saturating_add(QUIET_AFTER_MS)))
    }

    fn last_sign_of_work(&self) -> Option<Timestamp> {
        let last = self.evidence_at?.max(self.since);
        (self.status == Status::Working).then_some(last)
    }

    /// Returns true if the session would need the user if it were not dismissed.
    pub fn hides_need(&self) -> bool {
        // The lead shows the prompts of a teammate that it knows.
        let is_relayed = self.teammate.is_some() && self.parent.is_some();
        let is_asked = self.status.is_prompt()
            && !self.headless
            && !is_relayed
            && self.snoozed_until.is_none();
        self.dismissed && (self.needs_you || is_asked)
    }

    /// Compares two sessions in the order of the list: sessions whose prompt waits for the user, then failed and done
    /// ones that the user has not seen, each longest wait first; then working, done and seen, idle, closed. Pinned
    /// sessions come first in each group, then the oldest session (of the closed ones the latest), so that rows do not
    /// trade places while they work.
    pub fn compare_for_list(&self, other: &Self) -> Ordering {
        let waiting = |session: &Self| if session.needs_you { session.since.0 } else { 0 };
        let closed = |session: &Self| {
            Reverse(if session.status == Status::Closed { session.since.0 } else { 0 })
        };
        (self.list_group(), !self.pinned, waiting(self), closed(self), self.started, &self.key).cmp(
            &(
                other.list_group(),
                !other.pinned,
                waiting(other),
                closed(other),
                other.started,
                &other.key,
            ),
        )
    }

    fn list_group(&self) -> u8 {
        match self.status {
            _ if self.needs_you && self.status.is_prompt() => 0,
            _ if self.needs_you => 1,
            Status::Permission | Status::Question | Status::Plan | Status::Working => 2,
            Status::Failed | Status::Done => 3,
            Status::Idle => 4,
            Status::Closed => 5,
        }
    }
}
