//! The details of the selected session.

use super::canvas::{MINUTE, put, room};
use super::timeline::{Scale, bar, history, waited};
use crate::format::cells::{dollars, source_name};
use crate::format::text::{age, cut, exact, quiet_since, round_down, span, wrap, wrap_exact};
use crate::keymap::Action;
use crate::layout::layout;
use crate::model::Model;
use crate::theme::Theme;
use crewboard_core::{DayCost, End, PromptKind, Session, Status, Timestamp};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use unicode_width::UnicodeWidthStr;

/// The width of the labels with the blank in front and the gap behind.
const LABEL_WIDTH: usize = 12;
/// In fewer columns, a long text starts at the left edge without a label.
const MIN_LABELLED_WIDTH: usize = 44;
/// The greatest width of the bar: two columns per minute.
const MAX_BAR_WIDTH: u16 = 120;

/// A line of pieces, each in one style.
pub(super) type Line = Vec<(String, Style)>;

pub(super) fn draw(model: &Model, area: Rect, buffer: &mut Buffer) {
    let Some(row) = model.selected_row().filter(|_| area.height > 1) else { return };
    let lines = usize::from(area.height - 1);
    if model.detail_scroll > 0 {
        draw_heading(model, row, true, area, buffer);
        let all = full_details(model, row, usize::from(area.width));
        for (y, line) in (area.y + 1..area.bottom()).zip(all.iter().skip(model.detail_scroll)) {
            draw_line(line, area, y, buffer);
        }
        return;
    }
    if area.x > 0 {
        // Next to the list there is often room for all of it.
        let all = full_details(model, row, usize::from(area.width));
        if all.len() <= lines {
            draw_heading(model, row, false, area, buffer);
            for (y, line) in (area.y + 1..area.bottom()).zip(&all) {
                draw_line(line, area, y, buffer);
            }
            return;
        }
    }
    let details = Details::of(model, row, usize::from(area.width), false);
    let (head, rest) = (details.head.len(), details.rest.len());
    // The prompt that the user has to answer comes first, but leaves room for the other facts.
    let head_lines = head.min(lines.saturating_sub(rest).max(lines / 2));
    let is_cut = details.is_cut || head > head_lines || head_lines + rest > lines;
    draw_heading(model, row, is_cut, area, buffer);
    // The agent's description of its tool call stands above the input only if it hides no part of the input.
    let claims = if is_cut || head + rest + details.claim.len() > lines {
        Vec::new()
    } else {
        details.claim
    };
    let mut shown: Vec<Line> = details.head.into_iter().take(head_lines).collect();
    if head > head_lines
        && let Some((text, _)) = shown.last_mut().and_then(|line| line.last_mut())
    {
        let mark = if model.theme.unicode { " …" } else { " ~" };
        let width = usize::from(area.width).saturating_sub(LABEL_WIDTH + 2);
        if text.width() + 2 <= width {
            text.push_str(mark);
        } else {
            *text = cut(&format!("{text}  "), text.width(), model.theme.unicode);
        }
    }
    let shown = claims.iter().chain(&shown).chain(&details.rest);
    for (y, line) in (area.y + 1..area.bottom()).zip(shown) {
        draw_line(line, area, y, buffer);
    }
}

/// Returns how long the session worked, waited for the user, and was idle, in whole minutes. Returns an empty text if
/// all of them are shorter than a minute.
fn time_by_status(row: &Session, now: Timestamp, separator: &str) -> String {
    let spent = row.time_spent(Timestamp(0), round_down(now, MINUTE));
    let parts = [("worked", spent.worked), ("waited for you", spent.waited), ("idle", spent.idle)];
    let shown = parts.into_iter().filter(|(_, time)| *time >= MINUTE);
    let shown: Vec<String> = shown.map(|(label, time)| format!("{label} {}", span(time))).collect();
    shown.join(separator)
}

/// Returns the greatest number of lines by which the details can be scrolled.
pub(crate) fn max_scroll(model: &Model) -> usize {
    let area = layout(model).detail;
    let Some(row) = model.selected_row().filter(|_| area.height > 1 && model.detail_scroll > 0)
    else {
        return 0;
    };
    let all = full_details(model, row, usize::from(area.width)).len();
    all.saturating_sub(usize::from(area.height - 1))
}

pub(super) fn draw_line(line: &Line, area: Rect, y: u16, buffer: &mut Buffer) {
    let mut x = area.x + 1;
    for (text, style) in line {
        x = put(buffer, area, x, y, text, *style);
    }
}

/// Returns all lines of the details.
pub(super) fn full_details(model: &Model, row: &Session, width: usize) -> Vec<Line> {
    let Details { claim, mut head, mut rest, .. } = Details::of(model, row, width, true);
    if !head.is_empty() {
        head.push(Line::new());
    }
    head.append(&mut rest);
    claim.into_iter().chain(head).collect()
}

/// Returns the heading: the name of the session and its main facts.
pub(super) fn heading(model: &Model, row: &Session) -> String {
    let name = model.display_name(row);
    let mut parts = vec![name.to_owned(), row.agent.to_string()];
    parts.extend(row.model.is_some().then(|| model.rows.short_model(row).to_owned()));
    parts.extend(row.mode.clone().filter(|mode| mode != "default"));
    parts.extend(row.headless.then(|| "headless".to_owned()));
    let usage = row.usage.as_ref();
    let percent = usage.and_then(|usage| usage.context_percent);
    parts.extend(percent.map(|percent| format!("{percent:.0}%")));
    parts.extend(usage.and_then(|usage| usage.cost_usd).map(|cost| format!("${cost:.2}")));
    // Commands need the key if several sessions have the same name. Such a name often ends with it.
    let key = row.key.to_string();
    if !name.ends_with(&format!("({key})")) {
        parts.push(key);
    }
    parts.extend(row.title.clone());
    if model.connection_problem().is_some() {
        parts.push("last known state".to_owned());
    }
    parts.join(model.theme.separator())
}

fn draw_heading(model: &Model, row: &Session, is_cut: bool, area: Rect, buffer: &mut Buffer) {
    let theme = model.theme;
    let key = model.keymap.keys(Action::FullDetails).first().filter(|_| is_cut);
    let hint = key.map(|key| format!(" {key} show all ")).unwrap_or_default();
    let width = usize::from(area.width.saturating_sub(2));
    let text =
        cut(&heading(model, row), width.saturating_sub(hint.width() + 4).max(8), theme.unicode);
    let end = put(buffer, area, area.x + 1, area.y, &text, Theme::strong());
    let rule = if theme.unicode { "─" } else { "-" };
    let rest = room(area, end + 1);
    put(buffer, area, end + 1, area.y, &rule.repeat(rest), theme.dim());
    if rest > hint.width() + 2 {
        let start = area.right() - 2 - u16::try_from(hint.width()).unwrap_or(0);
        put(buffer, area, start, area.y, &hint, theme.dim());
    }
}

/// The lines of the details.
struct Details<'a> {
    model: &'a Model,
    width: usize,
    /// Texts are never cut.
    is_full: bool,
    /// At least one text was cut.
    is_cut: bool,
    /// The agent's own description of the tool call that a permission is for.
    claim: Vec<Line>,
    /// The prompt, the activity or the last message.
    head: Vec<Line>,
    rest: Vec<Line>,
}

impl<'a> Details<'a> {
    fn of(model: &'a Model, row: &Session, width: usize, is_full: bool) -> Self {
        let (claim, head, rest) = (Vec::new(), Vec::new(), Vec::new());
        let mut details = Self { model, width, is_full, is_cut: false, claim, head, rest };
        details.add_head(row);
        details.add_work(row);
        details.add_times(row);
        details.add_cost(row);
        details.add_facts(row);
        details
    }

    /// Returns a text with its label, in at most `lines` lines.
    fn text(&self, label: &str, text: &str, lines: usize, style: Style) -> Vec<Line> {
        let unicode = self.model.theme.unicode;
        self.labelled(label, lines, style, |width| wrap(text, width, lines, unicode))
    }

    /// Returns a text with its label. `wrap_text` breaks the text into lines of the given width.
    fn labelled(
        &self,
        label: &str,
        lines: usize,
        style: Style,
        wrap_text: impl FnOnce(usize) -> Vec<String>,
    ) -> Vec<Line> {
        let (label, indent) = if self.width < MIN_LABELLED_WIDTH && lines > 2 {
            ("", 0)
        } else {
            (label, LABEL_WIDTH - 1)
        };
        let width = self.width.saturating_sub(indent + 2);
        let wrapped = wrap_text(width).into_iter().enumerate();
        wrapped
            .map(|(index, line)| {
                let label = if index == 0 { label } else { "" };
                vec![(format!("{label:<indent$}"), self.model.theme.dim()), (line, style)]
            })
            .collect()
    }

    fn add(&mut self, label: &str, text: &str, lines: usize, style: Style) {
        let lines = if self.is_full { usize::MAX } else { lines };
        let shown = self.text(label, text, lines, style);
        self.is_cut |=
            shown.len() == lines && self.text(label, text, lines + 1, style).len() > lines;
        self.rest.extend(shown);
    }

    fn add_head(&mut self, row: &Session) {
        let (label, style) = match row.status {
            Status::Permission | Status::Question => ("asks", Theme::strong()),
            Status::Plan => ("plan", Style::new()),
            Status::Failed => ("error", self.model.theme.status(Status::Failed)),
            Status::Done => ("message", Style::new()),
            Status::Working => ("doing", Style::new()),
            Status::Idle | Status::Closed => ("last", Style::new()),
        };
        self.head = match &row.open_prompt {
            Some(prompt) if prompt.kind == PromptKind::Permission => {
                let tool = prompt.tool.as_deref().map(|tool| format!("{tool} "));
                let text = tool.unwrap_or_default() + &prompt.text;
                let unicode = self.model.theme.unicode;
                if let Some(description) = prompt.description() {
                    self.claim = self.labelled("agent says", 1, Style::new(), |width| {
                        wrap_exact(description, width, 1, unicode)
                    });
                }
                self.labelled(label, usize::MAX, style, |width| {
                    wrap_exact(&text, width, usize::MAX, unicode)
                })
            }
            Some(prompt) => {
                let text = exact(prompt.text.trim(), true);
                self.text(label, &text, usize::MAX, style)
            }
            None => {
                let text = row.activity.as_deref().unwrap_or_default();
                self.text(label, text.trim(), usize::MAX, style)
            }
        };
        if let Some(id) = row.open_prompt.as_ref().and_then(|prompt| prompt.subagent.as_ref()) {
            let subagent = row.subagents.iter().find(|subagent| subagent.id == *id);
            let text = match subagent.and_then(|subagent| subagent.kind.as_deref()) {
                Some(kind) => format!("subagent {kind}"),
                None => "a subagent".to_owned(),
            };
            self.add("for", &text, 1, Style::new());
        }
        if let Some(prompt) = &row.user_prompt {
            self.add("prompt", prompt, 2, Style::new());
        }
    }

    fn add_work(&mut self, row: &Session) {
        let separator = self.model.theme.separator();
        let now = self.model.display_time();
        let subagents = row.subagents.iter().map(|subagent| {
            let kind = subagent.kind.as_deref().unwrap_or("subagent");
            format!("{kind} {} {}", subagent.status, age(subagent.since, now))
        });
        let subagents: Vec<String> = subagents.collect();
        self.add("subagents", &subagents.join(separator), 2, Style::new());
        if let Some(since) = quiet_since(row, now) {
            let time = age(since, now);
            let text = format!("{time} without an event or a change of its file");
            self.add("quiet", &text, 1, Style::new());
        }
        let mut background = Vec::new();
        if row.background > 0 {
            background.push(format!("{} running", row.background));
        }
        if row.scheduled > 0 {
            background.push(format!("{} scheduled", row.scheduled));
        }
        self.add("background", &background.join(separator), 1, Style::new());
    }

    fn add_times(&mut self, row: &Session) {
        let (theme, now) = (self.model.theme, self.model.display_time());
        let width = self.width.saturating_sub(LABEL_WIDTH + 1);
        let bar_width = u16::try_from(width).unwrap_or(u16::MAX).min(MAX_BAR_WIDTH);
        if let Some(scale) = Scale::hour(now, bar_width).filter(|_| bar_width >= 10) {
            let label = format!("{:<width$}", "last hour", width = LABEL_WIDTH - 1);
            let mut line = vec![(label, theme.dim())];
            let pieces = bar(theme, row, scale);
            let bar_columns: usize = pieces.iter().map(|(text, _)| text.width()).sum();
            line.extend(pieces);
            let waited = waited(row, now, scale);
            let text = format!("  waited for you {}", span(waited));
            if waited >= MINUTE && bar_columns + text.width() <= width {
                line.push((text, Style::new()));
            }
            self.rest.push(line);
        }
        self.add("history", &history(row, now, width, theme.unicode), 1, Style::new());
        if self.is_full {
            self.add("time", &time_by_status(row, now, theme.separator()), 1, Style::new());
        }
    }

    /// Adds what the session, its project and all sessions have cost today. Omits a sum that equals the one before.
    fn add_cost(&mut self, row: &Session) {
        let (all, project) = self.model.rows.totals().costs_today(row);
        let own = row.cost_today.as_ref().map_or(0, DayCost::cents);
        let mut parts = Vec::new();
        if own > 0 {
            parts.push(dollars(own));
        }
        if project > own {
            parts.push(format!("{} {}", row.project_name(), dollars(project)));
        }
        if all > project {
            parts.push(format!("all sessions {}", dollars(all)));
        }
        self.add("cost today", &parts.join(self.model.theme.separator()), 1, Style::new());
    }

    /// Adds the repository and the pull request of the session.
    fn add_repository(&mut self, row: &Session) {
        let mut parts: Vec<String> = row.repository.iter().cloned().collect();
        if let Some(pull_request) = &row.pull_request {
            let review = pull_request.review.as_deref().unwrap_or_default().replace('_', " ");
            parts.push(format!("{} {review}", pull_request.short_name()).trim_end().to_owned());
            parts.extend(pull_request.url.clone().filter(|_| self.is_full));
        }
        let separator = self.model.theme.separator();
        self.add("repository", &parts.join(separator), 1, self.model.theme.dim());
    }

    fn add_facts(&mut self, row: &Session) {
        let theme = self.model.theme;
        let separator = theme.separator();
        let now = self.model.display_time();
        let mut marks: Vec<String> = Vec::new();
        marks.extend(row.pinned.then(|| "pinned".to_owned()));
        marks.extend(row.dismissed.then(|| "hidden until it needs you again".to_owned()));
        if let Some(until) = row.snoozed_until {
            // In whole minutes, and at least one.
            let rest = until.since(crate::format::text::round_down(now, MINUTE));
            let rest = span(rest.max(MINUTE));
            marks.push(format!("snoozed, {rest} left"));
        }
        self.add("marks", &marks.join(separator), 1, Style::new());
        if row.status == Status::Closed {
            let reason = match row.end {
                Some(End::Exit) => "exited",
                Some(End::Killed) => "killed or crashed",
                Some(End::Lost) => "unreachable, silent for a day",
                None => "",
            };
            self.add("ended", reason, 1, Style::new());
            // Without a prompt or a message the agent has not stored the conversation.
            if !row.id.as_str().is_empty() && (row.user_prompt.is_some() || row.activity.is_some())
            {
                let default_profile = self.model.default_profile.as_deref();
                let command = (self.model.agent_text.resume_command)(row, default_profile);
                let text = command.unwrap_or_else(|| format!("{}, session {}", row.agent, row.id));
                self.add("resume", &text, 1, Style::new());
            }
        }
        let mut facts: Vec<String> = Vec::new();
        facts.extend(row.cwd.clone());
        facts.extend(row.branch.as_ref().map(|branch| format!("on {branch}")));
        let pane = row.place.target.as_ref().or(row.place.pane.as_ref());
        facts.extend(match (&row.place.terminal, pane) {
            (Some(terminal), Some(pane)) => Some(format!("{terminal} {pane}")),
            (terminal, pane) => terminal.as_ref().or(pane).or(row.place.tty.as_ref()).cloned(),
        });
        if let Some(parent) = row.parent.as_ref().and_then(|parent| self.model.rows.get(parent)) {
            facts.push(format!("run by {}", parent.name));
        }
        facts.extend(row.pid.map(|pid| format!("pid {pid}")));
        self.add("where", &facts.join(separator), 1, theme.dim());
        self.add_repository(row);
        // A program in `crewboard run` has no id.
        let id = Some(row.id.to_string()).filter(|id| !id.is_empty());
        let mut facts = Vec::from_iter(id);
        match &row.unconfirmed {
            _ if row.confirmed => {}
            Some(why) => facts.push(format!("unconfirmed ({why})")),
            None => facts.push("unconfirmed".to_owned()),
        }
        facts.push(format!("via {}", source_name(&row.source)));
        self.add("session", &facts.join(separator), 1, theme.dim());
        if let Some(version) = &row.agent_version {
            let agent = (self.model.agent_text.describe_version)(row.agent.as_str(), version);
            self.add("agent", &agent, 1, theme.dim());
        }
    }
}
