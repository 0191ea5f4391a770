//! The list of sessions.

use super::canvas::put;
use crate::format::cells::{cost, cut_name, place, pull_request, whole, work};
use crate::format::text::{AGE_WIDTH, activity, age, cut, fit, quiet_since, wrap};
use crate::keymap::Action;
use crate::layout::lines::{ListLine, visible_lines};
use crate::layout::{Columns, GAP, SHAPE_WIDTH, columns, layout};
use crate::model::group::Group;
use crate::model::{ConnectionState, HookState, Model};
use crate::theme::Theme;
use crewboard_core::{End, LINE_BREAK, Prompt, Session, Status, Timestamp};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Style};
use std::borrow::Cow;
use unicode_width::UnicodeWidthStr;

/// The least width with headings over the columns.
const MIN_HEADINGS_WIDTH: u16 = 60;

pub(super) fn draw(model: &Model, area: Rect, buffer: &mut Buffer) {
    if area.height == 0 {
        return;
    }
    if model.rows.order().is_empty() {
        return draw_empty(model, area, buffer);
    }
    let columns = columns(model, usize::from(area.width));
    if area.y > layout(model).header.bottom() && area.width >= MIN_HEADINGS_WIDTH && model.headings
    {
        // The line between the header and the list is blank otherwise.
        draw_headings(model, &columns, Rect { y: area.y - 1, height: 1, ..area }, buffer);
    }
    let lines = visible_lines(model, usize::from(area.height));
    for (y, line) in (area.y..).zip(lines) {
        let area = Rect { y, height: 1, ..area };
        match line {
            ListLine::Heading(group) => {
                if let Some(group) = model.rows.groups().get(group) {
                    draw_group(model, group, area, buffer);
                }
            }
            ListLine::Row(index) => {
                if let Some(row) = model.rows.order().get(index).and_then(|key| model.rows.get(key))
                {
                    draw_row(model, row, &columns, area, buffer);
                }
            }
        }
    }
}

/// Draws the headings of the columns.
fn draw_headings(model: &Model, columns: &Columns, area: Rect, buffer: &mut Buffer) {
    let head = SHAPE_WIDTH + 1;
    let shown = |width: usize, heading: &'static str| if width == 0 { "" } else { heading };
    let right = |width: usize, heading: &str| {
        format!("{heading:>width$}", width = width.saturating_sub(GAP))
    };
    let texts = [
        (
            columns.status,
            format!("{:head$}{}", "", if columns.status > head { "status" } else { "" }),
        ),
        (columns.name, "session".to_owned()),
        (columns.text, shown(columns.text, "activity").to_owned()),
        (columns.work, format!("{:GAP$}{}", "", shown(columns.work, "tasks"))),
        (columns.age, format!("{:GAP$}{}", "", right(columns.age, "for"))),
        (columns.context, format!("{:GAP$}{}", "", right(columns.context, "ctx"))),
        (columns.cost, format!("{:GAP$}{}", "", right(columns.cost, "cost"))),
        (columns.model, format!("{:GAP$}model", "")),
        (columns.agent, format!("{:GAP$}agent", "")),
        (columns.place, format!("{:GAP$}pane", "")),
        (columns.host, format!("{:GAP$}host", "")),
        (columns.pull_request, format!("{:GAP$}PR", "")),
        (columns.repository, format!("{:GAP$}repository", "")),
    ];
    let mut x = area.x;
    for (width, text) in texts.into_iter().filter(|(width, _)| *width > 0) {
        let text = cut(text.trim_end(), width, model.theme.unicode);
        put(buffer, area, x, area.y, &text, model.theme.dim());
        x += u16::try_from(width).unwrap_or(u16::MAX);
    }
}

/// Draws the heading of a group: its name, and as many of its counts as fit.
fn draw_group(model: &Model, group: &Group, area: Rect, buffer: &mut Buffer) {
    let theme = model.theme;
    let width = usize::from(area.width);
    let name = cut(&group.name, width.saturating_sub(2), theme.unicode);
    let mut x = put(buffer, area, area.x + 1, area.y, &name, Theme::strong());
    let counts = group.counts;
    let need = if counts.needs_you == 1 { "needs you" } else { "need you" };
    let parts = [(counts.needs_you, need), (counts.working, "working"), (counts.idle, "idle")];
    let mut gap = "  ";
    for (count, word) in parts.into_iter().filter(|(count, _)| *count > 0) {
        let text = format!("{gap}{count} {word}");
        if usize::from(x - area.x) + text.width() > width {
            break;
        }
        x = put(buffer, area, x, area.y, &text, theme.dim());
        gap = theme.separator();
    }
}

fn draw_row(model: &Model, row: &Session, columns: &Columns, area: Rect, buffer: &mut Buffer) {
    let theme = model.theme;
    let unicode = theme.unicode;
    let is_selected = model.selected.as_ref() == Some(&row.key);
    let is_stale = model.connection_problem().is_some();
    let is_muted = row.status == Status::Closed
        || row.dismissed
        || row.snoozed_until.is_some()
        || row.seen && row.status.needs_you_until_seen();
    let base = if is_stale || is_muted { theme.dim() } else { Style::new() };
    let status = if is_stale || is_muted { base } else { theme.status(row.status) };
    let strong = if row.needs_you && !is_stale && !is_muted { Theme::strong() } else { base };
    let mut x = area.x;
    let (marker, pin) = (theme.marker(is_selected), theme.pin(row.pinned));
    let word = if columns.status > 3 { row.status.word() } else { "" };
    let head = format!("{marker}{}{pin} {word}", theme.shape(row.status));
    let head = if word.is_empty() { head.trim_end() } else { &head };
    // `put` cuts this without a mark, so that even the narrowest line shows the marker and the shape.
    put(buffer, area, x, area.y, head, status);
    x += u16::try_from(columns.status).unwrap_or(u16::MAX);
    let mut cell = |text: &str, width: usize, style: Style| {
        if width > 0 {
            put(buffer, area, x, area.y, &cut(text, width, unicode), style);
            x += u16::try_from(width).unwrap_or(u16::MAX);
        }
    };
    let indent = if row.parent.is_some() { "- " } else { "" };
    // The gap of the name is behind it. Every other column has its gap in front.
    let width = columns.name.saturating_sub(GAP + indent.len());
    let name = format!("{indent}{}", cut_name(model.display_name(row), row, width, unicode));
    cell(&cut(&name, columns.name.saturating_sub(GAP), unicode), columns.name, strong);
    cell(&row_text(row, columns, model.display_time(), unicode), columns.text, base);
    let mut next_cell = |text: &str, width: usize, style: Style| {
        cell("", width.min(GAP), style);
        cell(text, width.saturating_sub(GAP), style);
    };
    next_cell(&work(row), columns.work, base);
    let age = age(row.since, model.display_time());
    next_cell(&format!("{age:>AGE_WIDTH$}"), columns.age, base);
    let context = row.usage.and_then(|usage| usage.context_percent);
    let context = context.map(|percent| format!("{:>3}%", whole(percent.min(999.0))));
    next_cell(&context.unwrap_or_default(), columns.context, base);
    let cost_width = columns.cost.saturating_sub(GAP);
    next_cell(&format!("{:>cost_width$}", cost(row)), columns.cost, theme.dim());
    next_cell(model.rows.short_model(row), columns.model, theme.dim());
    next_cell(row.agent.as_str(), columns.agent, theme.dim());
    next_cell(place(row), columns.place, theme.dim());
    next_cell(&row.place.host, columns.host, theme.dim());
    next_cell(&pull_request(row), columns.pull_request, theme.dim());
    next_cell(row.short_repository(), columns.repository, theme.dim());
    if is_selected {
        select(theme, area, buffer);
    }
}

/// Highlights the selected row: makes each cell bold, and sets the background if the theme has one.
fn select(theme: Theme, area: Rect, buffer: &mut Buffer) {
    for position in area.intersection(buffer.area).positions() {
        let Some(cell) = buffer.cell_mut(position) else { continue };
        if cell.fg == Color::Reset {
            cell.set_fg(theme.selected_text());
        }
        cell.set_style(theme.selected());
    }
}

/// Returns what a session does, asks or last wrote, with its marks in front.
fn row_text(row: &Session, columns: &Columns, now: Timestamp, unicode: bool) -> String {
    let activity = activity(row, unicode);
    let mut text = match (row.status, Some(activity).filter(|activity| !activity.is_empty())) {
        (_, Some(activity)) => activity.into_owned(),
        // Without an activity the title or the prompt identifies the session.
        (_, None) => row.title.as_ref().or(row.user_prompt.as_ref()).cloned().unwrap_or_default(),
    };
    if hides_lines(row) {
        text.push_str(if unicode { " …" } else { " ~" });
    }
    let work = if columns.work == 0 { work(row) } else { String::new() };
    if !work.is_empty() && columns.text > 16 {
        text = format!("({work}) {text}");
    }
    let marks = [
        (!row.confirmed && row.status != Status::Closed, "unconfirmed"),
        (row.stopped, "suspended"),
        (row.dismissed, "hidden"),
        (row.end == Some(End::Killed), "killed"),
        (row.end == Some(End::Lost), "lost"),
    ];
    let quiet = quiet_since(row, now);
    let quiet = quiet.map(|since| format!("quiet {}", age(since, now)));
    let marks = marks.into_iter().filter(|(is_set, _)| *is_set).map(|(_, mark)| mark.to_owned());
    let marks = marks.chain(quiet).collect::<Vec<_>>().join(", ");
    let text = match (marks.is_empty(), text.is_empty()) {
        (true, _) => text,
        (false, true) => marks,
        (false, false) => format!("{marks}: {text}"),
    };
    if row.snoozed_until.is_some() { format!("zz {text}") } else { text }
}

/// Returns true if the prompt has further lines, and the activity does not show them or a mark.
fn hides_lines(row: &Session) -> bool {
    let shown = row.activity.as_deref().unwrap_or_default();
    let shows_lines = shown.contains(LINE_BREAK) || shown.contains("  +") || shown.ends_with('…');
    let has_more = |prompt: &Prompt| {
        let mut more = prompt.text.trim().lines().skip(1);
        // Nearly every prompt has a description, which changes nothing.
        more.any(|line| !line.starts_with("+description: "))
    };
    !shows_lines && row.open_prompt.as_ref().is_some_and(has_more)
}

/// Draws a message in place of an empty list: the reason, and what to do.
fn draw_empty(model: &Model, area: Rect, buffer: &mut Buffer) {
    let key = |action| model.keymap.key(action).unwrap_or_default();
    let paragraphs: Vec<Cow<'_, str>> = if !model.rows.filter().is_empty() && !model.rows.is_empty()
    {
        let back = key(Action::Back);
        vec![
            format!("No session matches “{}”.", model.rows.filter()).into(),
            format!("Press {back} to show all sessions.").into(),
        ]
    } else if model.connection_problem().is_some() {
        vec!["The daemon is not reachable.".into(), "Sessions appear here as soon as it is.".into()]
    } else if model.connection != ConnectionState::Connected {
        vec!["Connecting to the daemon.".into()]
    } else if model.rows.totals().dismissed > 0 {
        let sessions = match model.rows.totals().dismissed {
            1 => "The only session is hidden.".to_owned(),
            count => format!("All {count} sessions are hidden."),
        };
        let show = key(Action::ShowDismissed);
        vec![sessions.into(), format!("Press {show} to show hidden sessions.").into()]
    } else if model.hooks == HookState::Missing {
        let install = key(Action::Install);
        vec![
            "Claude Code is not connected yet.".into(),
            format!(
                "Press {install} to install the hooks (you will see the change first), or try \
                 `{} demo`.",
                model.program
            )
            .into(),
        ]
    } else {
        vec![
            "No sessions yet.".into(),
            "Start Claude Code in any pane. Running sessions appear at once; sessions of another \
             configuration directory appear at their next event."
                .into(),
        ]
    };
    let width = usize::from(area.width.saturating_sub(4)).min(72);
    let mut y = area.y;
    for (index, paragraph) in paragraphs.iter().enumerate() {
        let style = if index == 0 { Theme::strong() } else { Style::new() };
        for line in wrap(paragraph, width, usize::from(area.height), model.theme.unicode) {
            if y < area.bottom() {
                put(buffer, area, area.x + 2, y, &fit(&line, width, model.theme.unicode), style);
            }
            y += 1;
        }
        y += u16::from(area.height > 6);
    }
}
