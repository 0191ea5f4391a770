//! The last line: the filter, a notice, a problem or the most important keys.

use super::canvas::{put, room};
use crate::format::text::{cut, cut_start};
use crate::keymap::{Action, TABLE};
use crate::layout::visible_rows;
use crate::model::{HookState, Model, Overlay, Screen};
use crate::theme::Theme;
use crewboard_core::Status;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use unicode_width::UnicodeWidthStr;

/// The number of blanks between two keys.
const GAP: usize = 3;

pub(super) fn draw(model: &Model, area: Rect, buffer: &mut Buffer) {
    if area.height == 0 {
        return;
    }
    let unicode = model.theme.unicode;
    let left = area.x + 1;
    if model.overlay.is_some() {
        return draw_keys(model, area, buffer);
    }
    // A notice replaces the filter, except while the user edits it.
    if let Some(notice) = model.notice.as_ref().filter(|_| !model.filtering) {
        let text = cut(&notice.text.replace('\n', " "), room(area, left), unicode);
        put(buffer, area, left, area.y, &text, Theme::strong());
        return;
    }
    if let Some(problem) = model.problems.first().filter(|_| !model.filtering) {
        let key = |action| model.keymap.key(action);
        let show =
            key(Action::Problems).map(|key| format!("   {key} show all")).unwrap_or_default();
        let hide = key(Action::Back).map(|key| format!("   {key} hide")).unwrap_or_default();
        let space = room(area, left).saturating_sub(show.width() + hide.width() + 1);
        let text = cut(problem, space, unicode);
        let x = put(buffer, area, left, area.y, &text, model.theme.status(Status::Failed));
        put(buffer, area, x, area.y, &format!("{show}{hide}"), model.theme.dim());
        return;
    }
    if model.filtering || !model.rows.filter().is_empty() {
        let cursor = match (model.filtering, unicode) {
            (true, true) => "▏",
            (true, false) => "_",
            (false, _) => "",
        };
        let count = format!("  {} of {}", model.rows.order().len(), model.rows.count());
        let space = room(area, left).saturating_sub(count.width());
        let typed = format!("{}{cursor}", model.rows.filter());
        let text = format!("/{}", cut_start(&typed, space.saturating_sub(1), unicode));
        let x = put(buffer, area, left, area.y, &text, Theme::strong());
        let x = put(buffer, area, x, area.y, &count, model.theme.dim());
        let keys = if model.filtering { "   Enter keep   Esc clear" } else { "   Esc clear" };
        if room(area, x) > keys.width() {
            put(buffer, area, x, area.y, keys, model.theme.dim());
        }
        return;
    }
    draw_keys(model, area, buffer);
}

/// Returns the actions that the footer shows. In a narrow window the last are left out first.
fn wanted(model: &Model) -> Vec<(Action, &'static str)> {
    match model.overlay {
        Some(Overlay::Install { .. }) => Vec::new(),
        Some(Overlay::Help { .. } | Overlay::Problems { .. }) => vec![(Action::Back, "back")],
        Some(Overlay::Details { .. }) => vec![(Action::Back, "back"), (Action::Jump, "jump")],
        None => {
            let mut wanted: Vec<_> =
                TABLE.iter().filter_map(|entry| Some((entry.action, entry.footer?))).collect();
            if model.rows.order().is_empty() {
                wanted.retain(|(action, _)| matches!(action, Action::Help | Action::Quit));
            }
            if model.screen == Screen::Timeline {
                wanted.push((Action::Timeline, "list"));
            }
            if model.hooks == HookState::Missing {
                wanted.push((Action::Install, "install hooks"));
            }
            let rank = |action: &Action| match action {
                Action::Help | Action::Install => 0,
                Action::Timeline => 1,
                Action::Jump => 2,
                Action::NextNeedsYou => 3,
                Action::Quit => 4,
                _ => 5,
            };
            wanted.sort_by_key(|(action, _)| rank(action));
            wanted
        }
    }
}

/// Draws the keys, and the position in the list or the overlay.
fn draw_keys(model: &Model, area: Rect, buffer: &mut Buffer) {
    let question = "Make this change?  y yes   n no";
    if matches!(model.overlay, Some(Overlay::Install { .. })) {
        put(buffer, area, area.x + 1, area.y, question, Theme::strong());
    }
    let mut space = room(area, area.x + 1);
    let mut position = position(model);
    if matches!(model.overlay, Some(Overlay::Install { .. }))
        && question.width() + position.width() + GAP > space
    {
        // The question is more important than the position.
        position.clear();
    }
    if !position.is_empty() {
        space = space.saturating_sub(position.width() + GAP);
    }
    let mut shown = Vec::new();
    for (action, word) in wanted(model) {
        let Some(key) = model.keymap.keys(action).first() else { continue };
        let width = key.to_string().width() + 1 + word.width();
        if width <= space {
            space = space.saturating_sub(width + GAP);
            shown.push((action, key.to_string(), word));
        }
    }
    let table_index = |action: Action| TABLE.iter().position(|entry| entry.action == action);
    shown.sort_by_key(|(action, ..)| table_index(*action));
    let mut x = area.x + 1;
    for (_, key, word) in shown {
        x = put(buffer, area, x, area.y, &key, Theme::strong());
        x = put(buffer, area, x + 1, area.y, word, model.theme.dim());
        x += 3;
    }
    let start = area.right().saturating_sub(u16::try_from(position.width() + 1).unwrap_or(0));
    if !position.is_empty() && start > area.x {
        put(buffer, area, start, area.y, &position, model.theme.dim());
    }
}

/// Returns which rows or lines are shown, or an empty text if all are.
fn position(model: &Model) -> String {
    let (shown, all) = match &model.overlay {
        Some(overlay) => {
            let height = super::overlay::height(model);
            (overlay.scroll()..overlay.scroll() + height, super::overlay::line_count(model))
        }
        None => (model.scroll..model.scroll + visible_rows(model), model.rows.order().len()),
    };
    if shown.len() >= all || all == 0 {
        return String::new();
    }
    let dash = if model.theme.unicode { "–" } else { "-" };
    format!("{}{dash}{} of {all}", shown.start + 1, shown.end.min(all))
}
