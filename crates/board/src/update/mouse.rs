//! Handles the mouse.

use crate::layout::{layout, row_at};
use crate::model::filter::{HIDDEN, IS, NEEDS_YOU};
use crate::model::navigation::Navigation;
use crate::model::{Model, Overlay, Screen};
use crate::update::effect::Effect;
use crate::update::keys::{clear_filter, on_key, run_action};
use crate::update::navigation::start_navigation;
use crate::update::overlay_keys::scroll;
use crate::update::selection::{select, step};
use crate::view::clicks::{Count, count_at, key_at};
use crate::view::{overlay, palette};
use crewboard_core::Status;
use ratatui::layout::Position;

/// Two clicks on a row within this time are a double click.
const DOUBLE_CLICK_MS: u64 = 400;

/// Handles a click: on a key of the footer, on a count of the header, or on a row. A double click on a row jumps to it.
pub(crate) fn on_click(model: &mut Model, column: u16, line: u16) -> Vec<Effect> {
    if let Some(key) = key_at(model, column, line) {
        return on_key(model, key);
    }
    if model.overlay.is_some() {
        return on_overlay_click(model, line);
    }
    if layout(model).header.contains(Position { x: column, y: line })
        && let Some(count) = count_at(model, column)
    {
        model.choice = None;
        filter_by(model, count);
        return Vec::new();
    }
    let Some(key) = row_at(model, column, line) else { return Vec::new() };
    model.choice = None;
    let is_double = model
        .last_click
        .take()
        .is_some_and(|(clicked, at)| clicked == key && model.now.since(at) <= DOUBLE_CLICK_MS);
    select(model, Some(key.clone()));
    if is_double {
        return start_navigation(model, Navigation::Jump);
    }
    model.last_click = Some((key, model.now));
    Vec::new()
}

/// Runs the action under a click in the palette.
fn on_overlay_click(model: &mut Model, line: u16) -> Vec<Effect> {
    let Some(Overlay::Palette { scroll, query, .. }) = &model.overlay else { return Vec::new() };
    let top = overlay::page(model).y;
    let index = line.checked_sub(top).map(|line| scroll + usize::from(line));
    let entries = palette::entries(query);
    let Some(entry) = index.and_then(|index| entries.get(index)) else { return Vec::new() };
    model.overlay = None;
    run_action(model, entry.action)
}

/// Filters the list by a count of the header, or clears that filter.
fn filter_by(model: &mut Model, count: Count) {
    model.filtering = false;
    model.screen = Screen::List;
    let filter = match count {
        Count::Hidden => {
            model.rows.set_show_dismissed(true);
            format!("{IS}{HIDDEN}")
        }
        Count::NeedsYou => format!("{IS}{NEEDS_YOU}"),
        Count::Status(status @ (Status::Working | Status::Idle)) => format!("{IS}{status}"),
        // The header counts only those that need the user.
        Count::Status(status) => format!("{IS}{NEEDS_YOU} {IS}{status}"),
    };
    if model.rows.filter() == filter {
        clear_filter(model);
    } else {
        model.rows.edit_filter(|text| *text = filter);
    }
}

/// Scrolls what the mouse is over: the overlay, the details or the list.
pub(crate) fn on_wheel(model: &mut Model, column: u16, line: u16, down: bool) {
    let by = if down { 1 } else { -1 };
    let position = Position { x: column, y: line };
    let areas = layout(model);
    if let Some(Overlay::Palette { index, query, .. }) = &mut model.overlay {
        let last = palette::entries(query).len().saturating_sub(1);
        *index = index.saturating_add_signed(by).min(last);
    } else if model.overlay.is_some() {
        scroll(model, by);
    } else if areas.detail.contains(position) {
        model.detail_scroll = model.detail_scroll.saturating_add_signed(by);
    } else if !areas.header.contains(position) && !areas.footer.contains(position) {
        model.choice = None;
        step(model, by);
    }
}
