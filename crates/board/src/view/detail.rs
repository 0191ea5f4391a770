//! The selected session, whole.

use super::canvas::{MINUTE, put, room};
use super::timeline::{Scale, bar, history, waited};
use crate::format::text::{Grain, age, cut, exact, span, wrap, wrap_exact};
use crate::keymap::Action;
use crate::model::Model;
use crate::theme::Theme;
use crewboard_core::{End, PromptKind, Session, Status};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use unicode_width::UnicodeWidthStr;

/// Columns of the labels.
const LABEL: usize = 11;
/// Narrower than this, what is asked starts at the left edge.
const LABELLED: usize = 44;
/// Columns of the bar at most: a minute each.
const BAR: u16 = 60;

/// A line, as pieces of one style each.
pub(super) type Line = Vec<(String, Style)>;

pub(super) fn draw(model: &Model, area: Rect, buffer: &mut Buffer) {
    let Some(row) = model.selected_row().filter(|_| area.height > 1) else { return };
    let lines = usize::from(area.height - 1);
    let details = Details::of(model, row, usize::from(area.width), false);
    let (head, rest) = (details.head.len(), details.rest.len());
    // What a person has to answer comes first, but not at the cost of all else.
    let head_lines = head.min(lines.saturating_sub(rest).max(lines / 2));
    let is_cut = details.is_cut || head > head_lines || head_lines + rest > lines;
    draw_heading(model, row, is_cut, area, buffer);
    let mut shown: Vec<Line> = details.head.into_iter().take(head_lines).collect();
    if head > head_lines
        && let Some((text, _)) = shown.last_mut().and_then(|line| line.last_mut())
    {
        let mark = if model.theme.unicode { " …" } else { " ~" };
        let width = usize::from(area.width).saturating_sub(LABEL + 2);
        if text.width() + 2 <= width {
            text.push_str(mark);
        } else {
            *text = cut(&format!("{text}  "), text.width(), model.theme.unicode);
        }
    }
    for (y, line) in (area.y + 1..area.bottom()).zip(shown.iter().chain(&details.rest)) {
        draw_line(line, area, y, buffer);
    }
}

pub(super) fn draw_line(line: &Line, area: Rect, y: u16, buffer: &mut Buffer) {
    let mut x = area.x + 1;
    for (text, style) in line {
        x = put(buffer, area, x, y, text, *style);
    }
}

/// All of the lines, for the whole screen.
pub(super) fn whole(model: &Model, row: &Session, width: usize) -> Vec<Line> {
    let mut details = Details::of(model, row, width, true);
    if !details.head.is_empty() {
        details.head.push(Line::new());
    }
    details.head.append(&mut details.rest);
    details.head
}

/// Who and what it is.
pub(super) fn heading(model: &Model, row: &Session) -> String {
    let mut parts = vec![model.display_name(row).into_owned(), row.agent.to_string()];
    parts.extend(row.model.is_some().then(|| model.rows.short_model(row).to_owned()));
    parts.extend(row.mode.clone().filter(|mode| mode != "default"));
    parts.extend(row.headless.then(|| "headless".to_owned()));
    let usage = row.usage.as_ref();
    let percent = usage.and_then(|usage| usage.context_percent);
    parts.extend(percent.map(|percent| format!("{percent:.0}%")));
    parts.extend(usage.and_then(|usage| usage.cost_usd).map(|cost| format!("${cost:.2}")));
    // What commands ask for where several have the same name.
    parts.push(row.key.to_string());
    parts.extend(row.title.clone());
    if model.connection_problem().is_some() {
        parts.push("as last seen".to_owned());
    }
    parts.join(model.theme.separator())
}

fn draw_heading(model: &Model, row: &Session, is_cut: bool, area: Rect, buffer: &mut Buffer) {
    let theme = model.theme;
    let key = model.keymap.keys(Action::Whole).first().filter(|_| is_cut);
    let hint = key.map(|key| format!(" {key} shows all ")).unwrap_or_default();
    let all = usize::from(area.width.saturating_sub(2));
    let text =
        cut(&heading(model, row), all.saturating_sub(hint.width() + 4).max(8), theme.unicode);
    let end = put(buffer, area, area.x + 1, area.y, &text, Theme::strong());
    let rule = if theme.unicode { "─" } else { "-" };
    let rest = room(area, end + 1);
    put(buffer, area, end + 1, area.y, &rule.repeat(rest), theme.dim());
    if rest > hint.width() + 2 {
        let start = area.right() - 2 - u16::try_from(hint.width()).unwrap_or(0);
        put(buffer, area, start, area.y, &hint, theme.dim());
    }
}

/// What is to be said of a row.
struct Details<'a> {
    model: &'a Model,
    width: usize,
    /// However long a text is, it is shown to its end.
    is_whole: bool,
    /// One of them was not.
    is_cut: bool,
    /// What it asks, does or said.
    head: Vec<Line>,
    rest: Vec<Line>,
}

impl<'a> Details<'a> {
    fn of(model: &'a Model, row: &Session, width: usize, is_whole: bool) -> Self {
        let (head, rest) = (Vec::new(), Vec::new());
        let mut details = Self { model, width, is_whole, is_cut: false, head, rest };
        details.add_head(row);
        details.add_work(row);
        details.add_times(row);
        details.add_facts(row);
        details
    }

    /// A text of at most `lines` lines behind its label.
    fn text(&self, label: &str, text: &str, lines: usize, style: Style) -> Vec<Line> {
        let unicode = self.model.theme.unicode;
        self.labelled(label, lines, style, |width| wrap(text, width, lines, unicode))
    }

    /// Text that `wrapped` breaks into lines of that width, behind its label.
    fn labelled(
        &self,
        label: &str,
        lines: usize,
        style: Style,
        wrapped: impl FnOnce(usize) -> Vec<String>,
    ) -> Vec<Line> {
        let (label, indent) =
            if self.width < LABELLED && lines > 2 { ("", 0) } else { (label, LABEL - 1) };
        let width = self.width.saturating_sub(indent + 2);
        let wrapped = wrapped(width).into_iter().enumerate();
        wrapped
            .map(|(index, line)| {
                let label = if index == 0 { label } else { "" };
                vec![(format!("{label:<indent$}"), self.model.theme.dim()), (line, style)]
            })
            .collect()
    }

    fn add(&mut self, label: &str, text: &str, lines: usize, style: Style) {
        let lines = if self.is_whole { usize::MAX } else { lines };
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
            Status::Done => ("said", Style::new()),
            Status::Working => ("does", Style::new()),
            Status::Idle | Status::Closed => ("last", Style::new()),
        };
        self.head = match &row.request {
            Some(request) if request.kind == PromptKind::Permission => {
                let tool = request.tool.as_deref().map(|tool| format!("{tool} "));
                let text = tool.unwrap_or_default() + &request.text;
                self.labelled(label, usize::MAX, style, |width| {
                    wrap_exact(&text, width, usize::MAX, self.model.theme.unicode)
                })
            }
            Some(request) => {
                let text = exact(request.text.trim(), true);
                self.text(label, &text, usize::MAX, style)
            }
            None => {
                let text = row.activity.as_deref().unwrap_or_default();
                self.text(label, text.trim(), usize::MAX, style)
            }
        };
        let asker = row.request.as_ref().and_then(|request| request.subagent.as_ref());
        if let Some(asker) = asker {
            let known = row.subagents.iter().find(|subagent| subagent.id == *asker);
            let kind = known.and_then(|subagent| subagent.kind.as_deref()).unwrap_or("one");
            self.add("for", &format!("its subagent {kind}"), 1, Style::new());
        }
        if let Some(prompt) = &row.prompt {
            self.add("prompt", prompt, 2, Style::new());
        }
    }

    fn add_work(&mut self, row: &Session) {
        let separator = self.model.theme.separator();
        let now = self.model.display_time();
        let subagents = row.subagents.iter().map(|subagent| {
            let kind = subagent.kind.as_deref().unwrap_or("subagent");
            format!("{kind} {} {}", subagent.status, age(subagent.since, now, Grain::Minutes))
        });
        let subagents: Vec<String> = subagents.collect();
        self.add("subagents", &subagents.join(separator), 2, Style::new());
        let mut beside = Vec::new();
        if row.background > 0 {
            beside.push(format!("{} in the background", row.background));
        }
        if row.scheduled > 0 {
            beside.push(format!("{} scheduled", row.scheduled));
        }
        self.add("beside", &beside.join(separator), 1, Style::new());
    }

    fn add_times(&mut self, row: &Session) {
        let (theme, now) = (self.model.theme, self.model.display_time());
        let width = self.width.saturating_sub(LABEL + 1);
        let bar_width = u16::try_from(width).unwrap_or(u16::MAX).min(BAR);
        if let Some(scale) = Scale::hour(now, bar_width).filter(|_| bar_width >= 10) {
            let label = format!("{:<width$}", "last hour", width = LABEL - 1);
            let mut line = vec![(label, theme.dim())];
            let pieces = bar(theme, row, scale);
            let drawn: usize = pieces.iter().map(|(text, _)| text.width()).sum();
            line.extend(pieces);
            let waited = waited(row, now, scale);
            let text = format!("  waited for you {}", span(waited));
            if waited >= MINUTE && drawn + text.width() <= width {
                line.push((text, Style::new()));
            }
            self.rest.push(line);
        }
        self.add("history", &history(row, now, width, theme.unicode), 1, Style::new());
    }

    fn add_facts(&mut self, row: &Session) {
        let theme = self.model.theme;
        let separator = theme.separator();
        let now = self.model.display_time();
        let mut kept: Vec<String> = Vec::new();
        kept.extend(row.pinned.then(|| "pinned".to_owned()));
        kept.extend(row.dismissed.then(|| "hidden until it needs you".to_owned()));
        if let Some(until) = row.snoozed_until {
            // In whole minutes, and never none while it lasts.
            let rest = until.since(crate::format::text::at_last(now, MINUTE));
            let rest = span(rest.max(MINUTE));
            kept.push(format!("quiet for {rest}, or until its status changes"));
        }
        self.add("marks", &kept.join(separator), 1, Style::new());
        if row.status == Status::Closed {
            let how = match row.end {
                Some(End::Exit) => "it said goodbye",
                Some(End::Killed) => "its process died without a word",
                Some(End::Lost) => "it cannot be watched and was silent for a day",
                None => "",
            };
            self.add("ended", how, 1, Style::new());
            // Where nothing was said its agent knows of no conversation.
            if row.prompt.is_some() || row.activity.is_some() {
                self.add(
                    "again",
                    &(self.model.agent_text.resume_command)(
                        row,
                        self.model.default_profile.as_deref(),
                    ),
                    1,
                    Style::new(),
                );
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
        let told = match &row.unconfirmed {
            _ if row.confirmed => "by".to_owned(),
            Some(why) => format!("unconfirmed ({why}), by"),
            None => "unconfirmed, by".to_owned(),
        };
        let facts = [row.id.to_string(), format!("{told} {}", row.source)];
        self.add("session", &facts.join(separator), 1, theme.dim());
        if let Some(version) = &row.agent_version {
            let agent = (self.model.agent_text.describe_version)(row.agent.as_str(), version);
            self.add("agent", &agent, 1, theme.dim());
        }
    }
}
