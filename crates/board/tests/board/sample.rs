//! Sample rows, and pictures of the board with them.

use crewboard_board::AgentText;
use crewboard_board::keymap::{Key, Keymap};
use crewboard_board::model::{HookState, Model};
use crewboard_board::theme::{TERMINAL, Theme};
use crewboard_board::update::{Effect, Message, update};
use crewboard_board::view::draw;
use crewboard_core::{
    AgentName, ConversationId, End, Place, Prompt, PromptKind, RowKey, Session, Status, Subagent,
    SubagentId, Timestamp, Transition, Usage,
};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

/// The time of all samples: some seconds past a whole minute.
pub(crate) const NOW: Timestamp = Timestamp(1_795_331_980_546);

pub(crate) const UNICODE: Theme = Theme { palette: &TERMINAL, unicode: true };

/// The agent's texts, as the host would supply them.
pub(crate) const AGENT_TEXT: AgentText = AgentText {
    describe_version: |agent, version| format!("{agent} {version}"),
    short_model: |_, model| model.strip_prefix("claude-").unwrap_or(model),
    resume_command: |row, default_profile| {
        let profile = row.profile.as_deref().filter(|profile| Some(*profile) != default_profile);
        let profile = profile.map(|profile| format!("PROFILE={profile} ")).unwrap_or_default();
        Some(format!("{profile}claude --resume {}", row.id))
    },
};

/// Returns the time this many seconds before [`NOW`].
pub(crate) fn ago(seconds: u64) -> Timestamp {
    Timestamp(NOW.0 - seconds * 1000)
}

/// Returns an ordinary row.
pub(crate) fn row(key: &str, name: &str, status: Status, seconds: u64) -> Session {
    let number = u64::from(key.bytes().last().unwrap_or(0));
    Session {
        key: RowKey::new(key),
        agent: AgentName::new("claude"),
        id: ConversationId::new(&format!("6cf7f83b-1c2d-4e5f-8a9b-0000000000{number:02}")),
        status,
        since: ago(seconds),
        source: "hook:Stop".to_owned(),
        confirmed: true,
        needs_you: status.is_prompt() || status.needs_you_until_seen(),
        name: name.to_owned(),
        cwd: Some(format!("/home/dev/{name}")),
        pid: Some(1500 + u32::try_from(number).unwrap()),
        started: ago(7200 - number),
        updated: ago(seconds),
        revision: number,
        ..Session::default()
    }
}

fn tmux(row: Session, target: &str) -> Session {
    let place = Place {
        host: "box".to_owned(),
        terminal: Some("tmux".to_owned()),
        target: Some(target.to_owned()),
        ..Place::default()
    };
    Session { place, ..row }
}

fn with_usage(row: Session, percent: f64) -> Session {
    Session {
        usage: Some(Usage { context_percent: Some(percent), cost_usd: Some(1.23), at: NOW }),
        model: Some("claude-opus-5-5".to_owned()),
        ..row
    }
}

fn with_activity(row: Session, activity: &str) -> Session {
    Session { activity: Some(activity.to_owned()), ..row }
}

pub(crate) fn asking(row: Session, kind: PromptKind, tool: Option<&str>, text: &str) -> Session {
    let line = text.lines().next().unwrap_or_default();
    let prompt =
        Prompt { kind, tool: tool.map(ToOwned::to_owned), text: text.to_owned(), subagent: None };
    let activity = tool.map_or_else(|| line.to_owned(), |tool| format!("{tool} {line}"));
    Session { open_prompt: Some(prompt), ..with_activity(row, &activity) }
}

pub(crate) fn history(row: Session, statuses: &[(Status, u64)]) -> Session {
    let entered =
        statuses.iter().map(|(status, seconds)| Transition { status: *status, at: ago(*seconds) });
    Session { history: entered.collect(), ..row }
}

pub(crate) fn question() -> Session {
    let row = row("c1", "shop", Status::Question, 252);
    let text = "Which database should the migration target?\n1 Postgres 16\n2 SQLite\n3 both";
    let row = asking(row, PromptKind::Question, None, text);
    let row = history(
        row,
        &[
            (Status::Idle, 5000),
            (Status::Working, 3500),
            (Status::Permission, 2780),
            (Status::Working, 2660),
            (Status::Done, 1700),
            (Status::Working, 1460),
            (Status::Question, 252),
        ],
    );
    Session {
        user_prompt: Some("add the orders migration and run it against staging".to_owned()),
        title: Some("Orders migration".to_owned()),
        ..tmux(with_usage(row, 41.0), "main:2.1")
    }
}

pub(crate) fn permission() -> Session {
    let row = row("c2", "infra", Status::Permission, 38);
    let text = "set -euo pipefail\ncd /srv/terraform/environments/production && \
                terraform init -backend-config=production.hcl && terraform plan -out=tf.plan\n\
                terraform apply -auto-approve tf.plan\nrm -f tf.plan\n+timeout = 600000\n\
                +description: Roll the new node pool out";
    let row = asking(row, PromptKind::Permission, Some("Bash"), text);
    let row = history(row, &[(Status::Working, 1300), (Status::Permission, 38)]);
    Session {
        branch: Some("tf-12".to_owned()),
        mode: Some("acceptEdits".to_owned()),
        source: "hook:PermissionRequest".to_owned(),
        user_prompt: Some("roll the new node pool out".to_owned()),
        ..tmux(with_usage(row, 77.0), "main:3.0")
    }
}

pub(crate) fn plan() -> Session {
    let step =
        |step| format!("{step}. Step {step} of the plan, with enough words in it to be a line\n");
    let steps: String = (1..=30).map(step).collect();
    let text = format!("# Move the sessions to Redis\n\n{steps}");
    let row = row("c3", "auth", Status::Plan, 75);
    tmux(with_usage(asking(row, PromptKind::Plan, None, &text), 12.0), "main:4.0")
}

pub(crate) fn failed() -> Session {
    let row = with_activity(
        row("c4", "billing", Status::Failed, 600),
        "rate_limit: 429 Too Many Requests",
    );
    tmux(history(row, &[(Status::Working, 1900), (Status::Failed, 600)]), "main:5.0")
}

pub(crate) fn done() -> Session {
    let row = with_activity(
        row("c5", "docs", Status::Done, 540),
        "The quick start now covers zellij too.",
    );
    let place = Place { terminal: Some("code".to_owned()), ..Place::default() };
    Session { background: 2, scheduled: 1, place, ..with_usage(row, 12.4) }
}

pub(crate) fn working() -> Session {
    tmux(
        with_usage(with_activity(row("c6", "web", Status::Working, 12), "thinking"), 8.0),
        "main:6.0",
    )
}

pub(crate) fn subagents() -> Session {
    let subagent = |id: &str, kind: &str, status, seconds| Subagent {
        id: SubagentId::new(id),
        kind: Some(kind.to_owned()),
        status,
        since: ago(seconds),
    };
    let row = with_activity(
        row("c7", "api", Status::Working, 64),
        "Bash cargo nextest run --workspace --all-features --no-fail-fast",
    );
    let row = history(row, &[(Status::Idle, 900), (Status::Working, 64)]);
    Session {
        subagents: vec![
            subagent("a1", "Explore", Status::Working, 300),
            subagent("a2", "Plan", Status::Permission, 20),
        ],
        ..tmux(with_usage(row, 22.0), "main:1.0")
    }
}

pub(crate) fn idle() -> Session {
    let row = tmux(with_usage(row("c8", "scratch", Status::Idle, 3720), 3.0), "main:9.0");
    Session { title: Some("Try the new parser".to_owned()), ..row }
}

pub(crate) fn closed() -> Session {
    let row = with_activity(row("c9", "old", Status::Closed, 7300), "All tests pass.");
    let row =
        history(row, &[(Status::Working, 9000), (Status::Done, 8000), (Status::Closed, 7300)]);
    Session { end: Some(End::Killed), source: "process:exited".to_owned(), ..row }
}

/// Returns a row of each status, and one with subagents.
pub(crate) fn day() -> Vec<Session> {
    vec![
        question(),
        permission(),
        plan(),
        failed(),
        done(),
        working(),
        subagents(),
        idle(),
        closed(),
    ]
}

/// Returns a board with installed hooks that has received no rows yet.
pub(crate) fn empty(width: u16, height: u16, theme: Theme) -> Model {
    let mut model = Model::new(theme, Keymap::default(), HookState::Installed, NOW);
    model.default_profile = Some("/home/dev/.claude".to_owned());
    model.set_agent_text(AGENT_TEXT);
    update(&mut model, Message::Resized { width, height }, NOW);
    model
}

/// Returns a board with these rows.
pub(crate) fn board(rows: Vec<Session>, width: u16, height: u16) -> Model {
    let mut model = empty(width, height, UNICODE);
    update(&mut model, Message::Rows(rows), NOW);
    model
}

/// Returns a board that shows one row and its details.
pub(crate) fn board_of(row: Session) -> Model {
    board(vec![row], 80, 24)
}

/// Presses keys. Their names are those of the configuration, with blanks between them.
pub(crate) fn press(model: &mut Model, keys: &str) -> Vec<Effect> {
    let mut effects = Vec::new();
    for word in keys.split_whitespace() {
        let key: Key = word.parse().unwrap();
        effects.extend(update(model, Message::Key(key), model.now));
    }
    effects
}

pub(crate) fn buffer(model: &Model) -> Buffer {
    let mut buffer = Buffer::empty(Rect::new(0, 0, model.width, model.height));
    draw(model, &mut buffer);
    buffer
}

/// Returns the screen as text, without the blanks at the ends of lines.
pub(crate) fn picture(model: &Model) -> String {
    text(&buffer(model))
}

pub(crate) fn text(buffer: &Buffer) -> String {
    let mut lines = Vec::new();
    for y in buffer.area.y..buffer.area.bottom() {
        let mut line = String::new();
        let mut covered = 0;
        for x in buffer.area.x..buffer.area.right() {
            let symbol = buffer[(x, y)].symbol();
            if covered > 0 {
                covered -= 1;
                continue;
            }
            line.push_str(symbol);
            covered = unicode_width::UnicodeWidthStr::width(symbol).saturating_sub(1);
        }
        lines.push(line.trim_end().to_owned());
    }
    lines.join("\n")
}
