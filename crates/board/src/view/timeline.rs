//! Draws statuses over time: the bar and the history of a session, and the timeline screen.

use super::canvas::{MINUTE, put, room};
use crate::format::cells::cut_name;
use crate::format::text::{age, cut, fit, round_down, span};
use crate::layout::Areas;
use crate::model::Model;
use crate::theme::Theme;
use crewboard_core::{Session, Status, Timestamp, Transition};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use unicode_width::UnicodeWidthStr;

const SECOND: u64 = 1000;
const HOUR: u64 = 60 * MINUTE;

/// The possible durations of one cell of a bar, in minutes. Each divides an hour or a day, so that cells begin at round
/// times, and a bar moves by a whole cell.
const STEPS: [u64; 13] = [1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30, 60, 120];

/// The possible durations of the timeline, in hours. It uses the shortest that contains all transitions.
const SPANS: [u64; 6] = [1, 2, 4, 8, 12, 24];

/// The time range of a bar. The last cell contains the present.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Scale {
    cells: u64,
    step: u64,
    end: u64,
    /// The columns of a cell: more than one if the shortest step leaves room.
    columns: u64,
}

impl Scale {
    /// Returns a scale for at least the last `shown` milliseconds in at most `width` cells, or `None` if that is
    /// impossible.
    fn new(now: Timestamp, shown: u64, width: u16) -> Option<Self> {
        let width = u64::from(width);
        let steps = STEPS.into_iter().map(|minutes| minutes * MINUTE);
        let step = steps.into_iter().find(|step| step * width >= shown)?;
        // A bar does not use all columns: a round duration is easier to read.
        let cells = shown.div_ceil(step);
        let columns = (width / cells.max(1)).max(1);
        Some(Self { cells, step, end: round_down(now, step).0 + step, columns })
    }

    /// Returns the scale of the last hour.
    pub(super) fn hour(now: Timestamp, width: u16) -> Option<Self> {
        Self::new(now, HOUR, width)
    }

    /// Returns the width of the bar in columns.
    fn width(self) -> u64 {
        self.cells * self.columns
    }

    fn start(self) -> u64 {
        self.end.saturating_sub(self.cells * self.step)
    }
}

/// Returns the statuses of a row with their starts, oldest first. The present status is last.
fn transitions(row: &Session) -> impl Iterator<Item = Transition> + Clone + '_ {
    let is_recorded = row.history.last().is_some_and(|last| last.status == row.status);
    let present = Transition { status: row.status, at: row.since };
    row.statuses().chain((!is_recorded).then_some(present))
}

/// Returns a bar. A cell in which a prompt was open shows the prompt, however short it was. The last cell shows the
/// present status.
pub(super) fn bar(theme: Theme, row: &Session, scale: Scale) -> Vec<(String, Style)> {
    let mut pieces: Vec<(String, Style)> = Vec::new();
    let mut upcoming = transitions(row).peekable();
    let mut status = None;
    for cell in 1..=scale.cells {
        let end = scale.start() + cell * scale.step;
        let is_last = cell == scale.cells;
        let mut prompt = None;
        while let Some(next) = upcoming.next_if(|next| next.at.0 < end || is_last) {
            status = Some(next.status);
            if next.status.is_prompt() && next.at.0 + scale.step >= end {
                prompt = prompt.or(status);
            }
        }
        let (text, style) = match prompt.or(status) {
            Some(status) => (theme.cell(status), theme.status(status)),
            None => (" ", Style::new()),
        };
        let text = &text.repeat(usize::try_from(scale.columns).unwrap_or(1));
        match pieces.last_mut() {
            Some((piece, piece_style)) if *piece_style == style => piece.push_str(text),
            _ => pieces.push((text.clone(), style)),
        }
    }
    pieces
}

/// Returns how many of the bar's milliseconds a session waited for the user, up to the last whole minute.
pub(super) fn waited(row: &Session, now: Timestamp, scale: Scale) -> u64 {
    let (start, now) = (scale.start(), round_down(now, MINUTE).0);
    let ends = transitions(row).skip(1).map(|next| next.at.0).chain([now]);
    transitions(row)
        .zip(ends)
        .filter(|(transition, _)| transition.status.is_prompt())
        .map(|(transition, end)| end.min(now).saturating_sub(transition.at.0.max(start)))
        .sum()
}

/// Returns the statuses and their durations, oldest first. In a narrow window the oldest are left out.
pub(super) fn history(row: &Session, now: Timestamp, width: usize, unicode: bool) -> String {
    let separator = if unicode { " · " } else { ", " };
    let mark = if unicode { "… " } else { "... " };
    let present = age(row.since, now);
    let mut line = match row.status {
        Status::Closed => format!("closed {present} ago"),
        status => format!("{status} {present}"),
    };
    let past = past_statuses(row);
    let count = past.len();
    for (index, (status, duration)) in past.into_iter().enumerate().rev() {
        let longer = format!("{status} {}{separator}{line}", span(duration));
        let columns = longer.width() + if index == 0 { 0 } else { mark.width() };
        if columns > width {
            return if index + 1 == count && line.width() + mark.width() > width {
                line
            } else {
                format!("{mark}{line}")
            };
        }
        line = longer;
    }
    line
}

/// Returns the past statuses and their durations, without those that were too short to be seen.
fn past_statuses(row: &Session) -> Vec<(Status, u64)> {
    let mut past: Vec<(Status, u64)> = Vec::new();
    for (transition, next) in transitions(row).zip(transitions(row).skip(1)) {
        let duration = next.at.since(transition.at);
        match past.last_mut() {
            _ if duration < SECOND => {}
            Some((status, before)) if *status == transition.status => *before += duration,
            _ => past.push((transition.status, duration)),
        }
    }
    past
}

/// The width of the marker, shape and pin in front of a name.
const NAME_X: u16 = 3;

/// The width of the waiting time at the right.
const WAITED_WIDTH: u16 = 8;

/// Returns the hours that the timeline shows: those that the user has chosen, or the least that contain all transitions.
pub(crate) fn shown_hours(model: &Model) -> u64 {
    if let Some(hours) = model.timeline_hours {
        return hours;
    }
    let oldest =
        model.rows.listed().filter_map(|row| transitions(row).next()).map(|first| first.at).min();
    let age = oldest.map_or(0, |oldest| round_down(model.display_time(), MINUTE).since(oldest));
    SPANS.into_iter().find(|hours| hours * HOUR >= age).unwrap_or(24)
}

/// Draws the timeline: the last hours of all sessions.
pub(super) fn draw(model: &Model, areas: &Areas, buffer: &mut Buffer) {
    let area = areas.list;
    let now = model.display_time();
    let widest = u16::try_from(model.rows.widths().name).unwrap_or(u16::MAX);
    let name_width = widest.clamp(4, (area.width / 4).clamp(6, 28));
    let bar_x = area.x + NAME_X + name_width + 2;
    let room_for_bar = area.width.saturating_sub(bar_x + WAITED_WIDTH + 1);
    // A narrow window shows the last hour.
    let scale = Scale::new(now, shown_hours(model) * HOUR, room_for_bar)
        .or_else(|| Scale::new(now, HOUR, room_for_bar));
    let bar_width = scale.map_or(0, |scale| u16::try_from(scale.width()).unwrap_or(u16::MAX));
    if let Some(scale) = scale.filter(|_| !model.rows.order().is_empty()) {
        draw_hours(
            model,
            scale,
            Rect { x: bar_x, width: bar_width + WAITED_WIDTH + 1, ..areas.hours },
            buffer,
        );
    }
    if model.rows.order().is_empty() {
        return super::list::draw(model, area, buffer);
    }
    let rows = model.rows.listed().skip(model.scroll).take(usize::from(area.height));
    for (y, row) in (area.y..).zip(rows) {
        let is_selected = model.selected.as_ref() == Some(&row.key);
        let style = if is_selected {
            model.theme.selected().fg(model.theme.selected_text())
        } else {
            Style::new()
        };
        put(buffer, area, area.x, y, model.theme.marker(is_selected), style);
        let status = model.theme.status(row.status);
        put(buffer, area, area.x + 1, y, model.theme.shape(row.status), status);
        put(buffer, area, area.x + 2, y, model.theme.pin(row.pinned), status);
        let name_x = area.x + NAME_X;
        let width = if scale.is_some() { usize::from(name_width) } else { room(area, name_x) };
        let unicode = model.theme.unicode;
        let name = fit(&cut_name(model.display_name(row), row, width, unicode), width, unicode);
        put(buffer, area, name_x, y, &name, style);
        let Some(scale) = scale else { continue };
        let mut x = bar_x;
        for (text, style) in bar(model.theme, row, scale) {
            x = put(buffer, area, x, y, &text, style);
        }
        let waited = waited(row, now, scale);
        if waited >= MINUTE {
            let text = format!("{:>7}", span(waited));
            put(buffer, area, bar_x + bar_width + 1, y, &text, Style::new());
        }
    }
    if let Some(scale) = scale {
        // Without a filter, hidden sessions count as well: they also waited for the user.
        let is_unfiltered = model.rows.filter().is_empty();
        let rows = model
            .rows
            .all()
            .filter(|row| is_unfiltered && row.dismissed && !model.rows.shows_dismissed());
        let total: u64 = model.rows.listed().chain(rows).map(|row| waited(row, now, scale)).sum();
        let hours = (scale.cells * scale.step).div_ceil(HOUR);
        let shown = if hours == 1 { "hour".to_owned() } else { format!("{hours} hours") };
        let text = match total {
            0 => format!("No session waited for you in the last {shown}."),
            1..MINUTE => format!("Sessions waited less than a minute for you in the last {shown}."),
            _ => format!("Sessions waited {} for you in the last {shown}.", span(total)),
        };
        let short = format!("waited {} in {hours}h", span(total));
        let width = usize::from(areas.total.width.saturating_sub(1));
        let text =
            if text.width() <= width { text } else { cut(&short, width, model.theme.unicode) };
        put(buffer, areas.total, areas.total.x + 1, areas.total.y, &text, model.theme.dim());
    }
}

/// Draws the hours above the bars.
fn draw_hours(model: &Model, scale: Scale, area: Rect, buffer: &mut Buffer) {
    if area.height == 0 {
        return;
    }
    let style = model.theme.dim();
    let columns_of = |minutes: u64| minutes * MINUTE / scale.step * scale.columns;
    let bar_end = area.x + u16::try_from(scale.width()).unwrap_or(u16::MAX);
    // The end of a label is at its time; `now` is at the end of the bar.
    let steps = [15, 30, 60, 120, 240, 360, 720];
    let every = steps.into_iter().find(|minutes| columns_of(*minutes) >= 8).unwrap_or(24 * 60);
    let mut minutes = every;
    while columns_of(minutes) > 0 && columns_of(minutes) + 3 < scale.width() {
        let column = u16::try_from(columns_of(minutes)).unwrap_or(u16::MAX);
        let text = match minutes {
            0..60 => format!("{minutes}m"),
            _ if minutes % 60 == 0 => format!("{}h", minutes / 60),
            // A half hour between two hours needs no label.
            _ => String::new(),
        };
        let start = (bar_end - column).saturating_sub(u16::try_from(text.width()).unwrap_or(0));
        put(buffer, area, start, area.y, &text, style);
        minutes += every;
    }
    put(buffer, area, bar_end.saturating_sub(3), area.y, "now", style);
    put(buffer, area, bar_end + 2, area.y, "waited", style);
}
