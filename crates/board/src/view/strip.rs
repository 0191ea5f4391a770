//! A strip: all sessions as chips in one line, and the selected session below them if there is room.

use super::canvas::{put, room};
use super::detail;
use crate::format::cells::cut_name;
use crate::format::text::{activity, age, age_changes_in, cut};
use crate::layout::{Areas, strip};
use crate::model::Model;
use crate::theme::Theme;
use crewboard_core::{Session, Status};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Style};

/// The least number of columns for what the selected session does.
const MIN_TEXT_WIDTH: usize = 12;

pub(super) fn draw(model: &Model, areas: &Areas, buffer: &mut Buffer) {
    let x = draw_chips(model, areas.list, buffer);
    let Some(row) = model.selected_row() else { return };
    if areas.list.height > 0 && areas.header.height == 0 {
        // Without a further line, the rest of this one shows what the selected session does.
        let rest = Rect { x: x + 2, width: areas.list.right().saturating_sub(x + 2), ..areas.list };
        if usize::from(rest.width) >= MIN_TEXT_WIDTH {
            let text =
                cut(&activity(row, model.theme.unicode), room(rest, rest.x), model.theme.unicode);
            put(buffer, rest, rest.x, rest.y, &text, model.theme.dim());
        }
    }
    if areas.detail.height == 1 {
        draw_selected(model, row, areas.detail, buffer);
    } else {
        detail::draw(model, areas.detail, buffer);
    }
}

/// Returns the milliseconds until each time on the strip changes.
pub(super) fn clocks(model: &Model, areas: &Areas) -> Vec<u64> {
    let now = model.display_time();
    let chips = strip::divide(model, areas.list, model.scroll).chips;
    let shown = model.rows.listed().skip(model.scroll).take(chips.len());
    let needing = shown.filter(|row| row.needs_you && !areas.list.is_empty());
    let mut clocks: Vec<u64> = needing.map(|row| age_changes_in(row.since, now)).collect();
    let selected = model.selected_row().filter(|_| areas.detail.height == 1);
    clocks.extend(selected.map(|row| age_changes_in(row.since, now)));
    clocks
}

/// Draws the chips, and returns the column after them.
fn draw_chips(model: &Model, area: Rect, buffer: &mut Buffer) -> u16 {
    let theme = model.theme;
    if area.height == 0 {
        return area.x;
    }
    let strip = strip::divide(model, area, model.scroll);
    let urgent = model.rows.most_urgent().map_or(Style::new(), |row| theme.status(row.status));
    let style = if model.dropped_events.is_empty() { urgent } else { theme.status(Status::Failed) };
    let x = put(buffer, area, area.x, area.y, &strip::prefix(model), style);
    put(buffer, area, x, area.y, &strip::mark(strip.before), theme.dim());
    for chip in &strip.chips {
        let row = model.rows.order().get(chip.index).and_then(|key| model.rows.get(key));
        let Some(row) = row else { continue };
        let is_selected = model.selected.as_ref() == Some(&row.key);
        let status = style_of(model, row);
        let name = if row.needs_you { status.patch(Theme::strong()) } else { status };
        let head = format!("{}{} ", theme.marker(is_selected), theme.shape(row.status));
        let x = put(buffer, area, chip.x, area.y, &head, status);
        put(buffer, area, x, area.y, &chip.text, name);
        if is_selected {
            let whole = Rect { x: chip.x, width: chip.end - chip.x, ..area };
            // The only chip of a narrow strip may be wider than the strip.
            select(theme, whole.intersection(area), buffer);
        }
    }
    let end = strip.chips.last().map_or(x, |chip| chip.end);
    if strip.after > 0 {
        return put(buffer, area, end + 1, area.y, &strip::mark(strip.after), theme.dim());
    }
    end
}

fn style_of(model: &Model, row: &Session) -> Style {
    let is_muted = row.status == Status::Closed
        || row.dismissed
        || row.snoozed_until.is_some()
        || row.seen && row.status.needs_you_until_seen();
    if is_muted || model.connection_problem().is_some() {
        model.theme.dim()
    } else {
        model.theme.status(row.status)
    }
}

/// Shows that a chip is selected, as the list does with a row.
fn select(theme: Theme, area: Rect, buffer: &mut Buffer) {
    for position in area.intersection(buffer.area).positions() {
        let Some(cell) = buffer.cell_mut(position) else { continue };
        if cell.fg == Color::Reset {
            cell.set_fg(theme.selected_text());
        }
        cell.set_style(theme.selected());
    }
}

/// Draws the selected session in one line.
fn draw_selected(model: &Model, row: &Session, area: Rect, buffer: &mut Buffer) {
    let unicode = model.theme.unicode;
    let age = age(row.since, model.display_time());
    let name = cut_name(model.display_name(row), row, usize::from(area.width / 2), unicode);
    let head = format!(" {} {name} {age}  ", row.status);
    let x = put(buffer, area, area.x, area.y, &head, style_of(model, row));
    let text = cut(&activity(row, unicode), room(area, x), unicode);
    put(buffer, area, x, area.y, &text, Style::new());
}
