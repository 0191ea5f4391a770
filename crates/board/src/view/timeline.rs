//! Statuses over time: bars, histories and the timeline screen.

use super::canvas::{MINUTE, put, room};
use crate::format::cells::grain;
use crate::format::text::{age, at_last, cut, fit, span};
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

/// How much a cell of a bar may stand for: whole minutes that divide every hour or day, so that cells
/// begin where the clock on the wall does and a bar moves by a whole cell, once in a while.
const STEPS: [u64; 13] = [1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30, 60, 120];

/// How much time the timeline shows: the least of these in which all is to be seen.
const SPANS: [u64; 6] = [1, 2, 4, 8, 12, 24];

/// The time that a bar's cells stand for, ending with the cell that the present is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Scale {
    cells: u64,
    step: u64,
    end: u64,
}

impl Scale {
    /// At least the last `shown` milliseconds in at most `width` cells; `None` in too few.
    fn new(now: Timestamp, shown: u64, width: u16) -> Option<Self> {
        let width = u64::from(width);
        let steps = STEPS.into_iter().map(|minutes| minutes * MINUTE);
        let step = steps.into_iter().find(|step| step * width >= shown)?;
        // Not as many as there is room for: nobody thinks in hours and forty-three minutes.
        Some(Self { cells: shown.div_ceil(step), step, end: at_last(now, step).0 + step })
    }

    /// The last hour.
    pub(super) fn hour(now: Timestamp, width: u16) -> Option<Self> {
        Self::new(now, HOUR, width)
    }

    fn start(self) -> u64 {
        self.end.saturating_sub(self.cells * self.step)
    }
}

/// The statuses of a row and when each began, oldest first, the present one last.
fn entered(row: &Session) -> impl DoubleEndedIterator<Item = Transition> + Clone + '_ {
    let is_told = row.history.last().is_some_and(|last| last.status == row.status);
    let present = Transition { status: row.status, at: row.since };
    row.history.iter().copied().chain((!is_told).then_some(present))
}

/// A bar, as pieces of one style each. A cell that held a call for somebody shows it, however short it
/// was; the last shows what is.
pub(super) fn bar(theme: Theme, row: &Session, scale: Scale) -> Vec<(String, Style)> {
    let mut pieces: Vec<(String, Style)> = Vec::new();
    let mut coming = entered(row).peekable();
    let mut status = None;
    for cell in 1..=scale.cells {
        let end = scale.start() + cell * scale.step;
        let is_last = cell == scale.cells;
        let mut urgent = None;
        while let Some(next) = coming.next_if(|next| next.at.0 < end || is_last) {
            status = Some(next.status);
            if next.status.is_prompt() && next.at.0 + scale.step >= end {
                urgent = urgent.or(status);
            }
        }
        let (text, style) = match urgent.or(status) {
            Some(status) => (theme.cell(status), theme.status(status)),
            None => (" ", Style::new()),
        };
        match pieces.last_mut() {
            Some((piece, its)) if *its == style => piece.push_str(text),
            _ => pieces.push((text.to_owned(), style)),
        }
    }
    pieces
}

/// Milliseconds of a bar that a row spent waiting for somebody, up to the last whole minute.
pub(super) fn waited(row: &Session, now: Timestamp, scale: Scale) -> u64 {
    let (start, now) = (scale.start(), at_last(now, MINUTE).0);
    let ends = entered(row).skip(1).map(|next| next.at.0).chain([now]);
    entered(row)
        .zip(ends)
        .filter(|(transition, _)| transition.status.is_prompt())
        .map(|(transition, end)| end.min(now).saturating_sub(transition.at.0.max(start)))
        .sum()
}

/// The last statuses with how long each was held, oldest first as in the bar, as many of the latest
/// as `width` columns hold.
pub(super) fn history(row: &Session, now: Timestamp, width: usize, unicode: bool) -> String {
    let separator = if unicode { " · " } else { ", " };
    let mark = if unicode { "… " } else { "... " };
    let held = age(row.since, now, grain(row));
    let mut line = match (row.status, held.as_str()) {
        (Status::Closed, "now") => "closed just now".to_owned(),
        (Status::Closed, _) => format!("closed {held} ago"),
        (status, _) => format!("{status} {held}"),
    };
    let passed = passed(row);
    let count = passed.len();
    for (index, (status, held)) in passed.into_iter().enumerate().rev() {
        let longer = format!("{status} {}{separator}{line}", span(held));
        let needs = longer.width() + if index == 0 { 0 } else { mark.width() };
        if needs > width {
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

/// The statuses that were left and how long each was held, but for those that nobody could see.
fn passed(row: &Session) -> Vec<(Status, u64)> {
    let mut passed: Vec<(Status, u64)> = Vec::new();
    for (transition, next) in entered(row).zip(entered(row).skip(1)) {
        let held = next.at.since(transition.at);
        match passed.last_mut() {
            _ if held < SECOND => {}
            Some((status, before)) if *status == transition.status => *before += held,
            _ => passed.push((transition.status, held)),
        }
    }
    passed
}

/// Columns in front of a name: marker, shape, pin.
const NAME_X: u16 = 3;

/// Columns of what a row waited, at the right.
const WAITED: u16 = 8;

/// Every session's last hours, side by side.
pub(super) fn draw(model: &Model, areas: &Areas, buffer: &mut Buffer) {
    let area = areas.list;
    let now = model.display_time();
    let widest = u16::try_from(model.rows.widths().name).unwrap_or(u16::MAX);
    let name_width = widest.clamp(4, (area.width / 4).clamp(6, 28));
    let bar_x = area.x + NAME_X + name_width + 2;
    let room_for_bar = area.width.saturating_sub(bar_x + WAITED + 1);
    let oldest =
        model.rows.listed().filter_map(|row| entered(row).next()).map(|first| first.at).min();
    let age = oldest.map_or(0, |oldest| at_last(now, MINUTE).since(oldest));
    let shown = SPANS.into_iter().map(|hours| hours * HOUR).find(|shown| *shown >= age);
    // In a narrow pane, what there is room for.
    let scale = Scale::new(now, shown.unwrap_or(24 * HOUR), room_for_bar)
        .or_else(|| Scale::new(now, HOUR, room_for_bar));
    let bar_width = scale.map_or(0, |scale| u16::try_from(scale.cells).unwrap_or(u16::MAX));
    if let Some(scale) = scale.filter(|_| !model.rows.order().is_empty()) {
        draw_hours(
            model,
            scale,
            Rect { x: bar_x, width: bar_width + WAITED + 1, ..areas.hours },
            buffer,
        );
    }
    if model.rows.order().is_empty() {
        return super::list::draw(model, area, buffer);
    }
    let rows = model.rows.listed().skip(model.scroll).take(usize::from(area.height));
    for (y, row) in (area.y..).zip(rows) {
        let is_selected = model.selected.as_ref() == Some(&row.key);
        let style = if is_selected { model.theme.selected() } else { Style::new() };
        put(buffer, area, area.x, y, model.theme.marker(is_selected), Style::new());
        let status = model.theme.status(row.status);
        put(buffer, area, area.x + 1, y, model.theme.shape(row.status), status);
        put(buffer, area, area.x + 2, y, model.theme.pin(row.pinned), status);
        let name_x = area.x + NAME_X;
        let width = if scale.is_some() { usize::from(name_width) } else { room(area, name_x) };
        let name = fit(&model.display_name(row), width, model.theme.unicode);
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
        // Hidden ones too: they had somebody wait all the same.
        let is_whole = model.rows.filter().is_empty();
        let rows = model
            .rows
            .all()
            .filter(|row| is_whole && row.dismissed && !model.rows.shows_dismissed());
        let total: u64 = model.rows.listed().chain(rows).map(|row| waited(row, now, scale)).sum();
        let hours = (scale.cells * scale.step).div_ceil(HOUR);
        let shown = if hours == 1 { "hour".to_owned() } else { format!("{hours} hours") };
        let text = match total {
            0 => format!("Nobody waited for you in the last {shown}."),
            1..MINUTE => {
                format!("In the last {shown} your agents waited less than a minute for you.")
            }
            _ => format!("In the last {shown} your agents waited {} for you.", span(total)),
        };
        let short = format!("waited {} in {hours}h", span(total));
        let width = usize::from(areas.total.width.saturating_sub(1));
        let text =
            if text.width() <= width { text } else { cut(&short, width, model.theme.unicode) };
        put(buffer, areas.total, areas.total.x + 1, areas.total.y, &text, model.theme.dim());
    }
}

/// The whole hours above the bars.
fn draw_hours(model: &Model, scale: Scale, area: Rect, buffer: &mut Buffer) {
    if area.height == 0 {
        return;
    }
    let style = model.theme.dim();
    let cells_of = |minutes: u64| minutes * MINUTE / scale.step;
    let bar_end = area.x + u16::try_from(scale.cells).unwrap_or(u16::MAX);
    // Labels end where their time is, `now` at the end of the bar.
    let steps = [15, 30, 60, 120, 240, 360, 720];
    let every = steps.into_iter().find(|minutes| cells_of(*minutes) >= 8).unwrap_or(24 * 60);
    let mut minutes = every;
    while cells_of(minutes) > 0 && cells_of(minutes) + 3 < scale.cells {
        let column = u16::try_from(cells_of(minutes)).unwrap_or(u16::MAX);
        let text =
            if minutes % 60 == 0 { format!("{}h", minutes / 60) } else { format!("{minutes}m") };
        let start = (bar_end - column).saturating_sub(u16::try_from(text.width()).unwrap_or(0));
        put(buffer, area, start, area.y, &text, style);
        minutes += every;
    }
    put(buffer, area, bar_end.saturating_sub(3), area.y, "now", style);
    put(buffer, area, bar_end + 2, area.y, "waited", style);
}
