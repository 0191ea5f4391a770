//! Draws the model: reads it and its layout, and writes only cells.

mod canvas;
pub(crate) mod clicks;
pub(crate) mod detail;
mod footer;
mod header;
mod help;
mod hints;
mod limits;
mod list;
pub(crate) mod overlay;
pub(crate) mod palette;
mod peek;
mod strip;
pub(crate) mod timeline;

use crate::format::text::{age_changes_in, quiet_changes_in};
use crate::layout::{is_strip, layout, visible_rows};
use crate::model::{Model, Screen};
use canvas::MINUTE;
use crewboard_core::Session;
use ratatui::Frame;
use ratatui::buffer::Buffer;

/// Draws the whole screen.
pub fn view(model: &Model, frame: &mut Frame<'_>) {
    draw(model, frame.buffer_mut());
}

/// Draws the whole screen into `buffer`.
pub fn draw(model: &Model, buffer: &mut Buffer) {
    let areas = layout(model);
    header::draw(model, areas.header, buffer);
    if model.overlay.is_none() {
        match model.screen {
            Screen::List if is_strip(model) => strip::draw(model, &areas, buffer),
            Screen::List => {
                list::draw(model, areas.list, buffer);
                detail::draw(model, areas.detail, buffer);
            }
            Screen::Timeline => timeline::draw(model, &areas, buffer),
        }
    }
    overlay::draw(model, buffer);
    footer::draw(model, areas.footer, buffer);
}

/// Returns the milliseconds until each time on the screen changes.
pub(crate) fn clocks(model: &Model) -> Vec<u64> {
    let areas = layout(model);
    let now = model.display_time();
    let row_clock = |row: &Session| {
        let age = age_changes_in(row.since, now);
        quiet_changes_in(row, now).map_or(age, |quiet| quiet.min(age))
    };
    let mut clocks = if areas.header.is_empty() { Vec::new() } else { header::clocks(model) };
    let shows_details = overlay::shows_details(model);
    if model.overlay.is_none() {
        if is_strip(model) {
            clocks.extend(strip::clocks(model, &areas));
        } else if model.screen == Screen::List {
            let shown = model.rows.listed().skip(model.scroll).take(visible_rows(model));
            clocks.extend(shown.map(row_clock));
        } else if !model.rows.order().is_empty() {
            clocks.push(MINUTE - now.0 % MINUTE);
        }
    }
    if (areas.detail.height > 1 && model.overlay.is_none() || shows_details)
        && let Some(row) = model.selected_row()
    {
        clocks.push(row_clock(row));
        // The bar and the other times of the details change with whole minutes.
        clocks.push(MINUTE - now.0 % MINUTE);
    }
    clocks
}
