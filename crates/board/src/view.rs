//! Drawing. Reads the model and the layout, writes cells and nothing else.

mod detail;
mod footer;
mod header;
mod limits;
mod list;
mod overlay;
mod timeline;

use crate::format::text::{Grain, age_changes_in};
use crate::layout::layout;
use crate::model::{Model, Screen};
use crewboard_core::{Session, Status};
use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use std::borrow::Cow;

pub(crate) use overlay::{height as overlay_height, lines_in_all as overlay_lines};

/// A text in one style.
type Piece = (String, Style);

const MINUTE: u64 = 60_000;

/// Draws the whole screen.
pub fn view(model: &Model, frame: &mut Frame<'_>) {
    draw(model, frame.buffer_mut());
}

/// Draws the whole screen into `buffer`.
pub fn draw(model: &Model, buffer: &mut Buffer) {
    let areas = layout(model);
    header::draw(model, areas.top, buffer);
    if model.overlay.is_none() {
        match model.screen {
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

/// Writes one line of text from `(x, y)`, at most to the area's right edge. Never outside the buffer:
/// the terminal may be smaller already than the model has heard.
fn put(buffer: &mut Buffer, area: Rect, x: u16, y: u16, text: &str, style: Style) -> u16 {
    let area = area.intersection(buffer.area);
    if y >= area.bottom() || x >= area.right() {
        return x;
    }
    let (end, _) = buffer.set_stringn(x, y, text, usize::from(area.right() - x), style);
    end
}

/// Columns from `x` to the right edge.
fn room(area: Rect, x: u16) -> usize {
    usize::from(area.right().saturating_sub(x))
}

/// How finely a row's age is told: by the second while somebody waits.
fn grain(row: &Session) -> Grain {
    match row.status {
        Status::Permission | Status::Question | Status::Plan | Status::Working => Grain::Seconds,
        Status::Failed | Status::Done | Status::Idle | Status::Closed => Grain::Minutes,
    }
}

/// Milliseconds until each time on the screen changes.
pub(crate) fn clocks(model: &Model) -> Vec<u64> {
    let areas = layout(model);
    let now = model.picture();
    let of_row = |row: &Session| age_changes_in(row.since, now, grain(row));
    let mut clocks = header::clocks(model);
    if let Some(urgent) = model.most_urgent().filter(|_| model.height == 1) {
        clocks.push(of_row(urgent));
    }
    let shows_detail = overlay::shows_detail(model);
    if model.overlay.is_none() {
        if model.screen == Screen::List {
            let shown = model.listed().skip(model.above).take(usize::from(areas.list.height));
            clocks.extend(shown.map(of_row));
        } else if !model.order.is_empty() {
            clocks.push(MINUTE - now.0 % MINUTE);
        }
    }
    if (areas.detail.height > 1 && model.overlay.is_none() || shows_detail)
        && let Some(row) = model.selected_row()
    {
        clocks.push(of_row(row));
        // The bar, and all else there, is told in whole minutes.
        clocks.push(MINUTE - now.0 % MINUTE);
    }
    clocks
}

/// A row's name, with what tells it from others of the same name.
pub(crate) fn display_name<'a>(model: &Model, row: &'a Session) -> Cow<'a, str> {
    let sign = if model.theme.unicode { "⎇ " } else { "@" };
    match &row.branch {
        Some(branch) if model.listing.is_shared(&row.name) => {
            Cow::Owned(format!("{} {sign}{branch}", row.name))
        }
        _ => Cow::Borrowed(&row.name),
    }
}

/// What a session has cost, in at most six columns up to a hundred thousand dollars.
pub(crate) fn cost(row: &Session) -> String {
    let cost = row.usage.and_then(|usage| usage.cost_usd);
    cost.map(|cost| if cost < 100.0 { format!("${cost:.2}") } else { format!("${cost:.0}") })
        .unwrap_or_default()
}

/// What goes on beside the session's own turn.
pub(crate) fn work(row: &Session, unicode: bool) -> String {
    let subagents = row.subagents.len();
    if row.background > 0 && row.status != Status::Working {
        format!("{} bg", row.background)
    } else if subagents > 0 {
        format!("{}{subagents}", if unicode { "⋔" } else { "+" })
    } else {
        String::new()
    }
}

/// Where a row runs, as short as can be: one that is in no pane must not widen the column for all that are.
pub(crate) fn place(row: &Session) -> &str {
    if row.job.is_some() {
        return "bg";
    }
    let place = row.place.target.as_ref().or(row.place.pane.as_ref());
    match place.or(row.place.terminal.as_ref()) {
        Some(place) => place,
        None if row.headless => "-p",
        None => "",
    }
}

/// A model's name without its maker's.
pub(crate) fn short_model(model: &str) -> &str {
    model.strip_prefix("claude-").unwrap_or(model)
}

/// Returns the command that takes a conversation up again; it names the agent's profile where that is not the
/// usual one.
pub(crate) fn resume_command(row: &Session, usual_profile: Option<&str>) -> String {
    let profile = row.profile.as_deref().filter(|profile| Some(*profile) != usual_profile);
    match (row.agent.as_str(), profile) {
        ("claude", None) => format!("claude --resume {}", row.id),
        ("claude", Some(profile)) => {
            // As a shell takes it.
            let profile = profile.replace('\'', r"'\''");
            let claim = if row.origin.is_none() { " # a profile that events claim" } else { "" };
            format!("CLAUDE_CONFIG_DIR='{profile}' claude --resume {}{claim}", row.id)
        }
        (agent, _) => format!("{agent}, session {}", row.id),
    }
}
