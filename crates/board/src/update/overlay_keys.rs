//! Handles keys while an overlay hides the rows. No key may change a hidden row.

use crate::keymap::{Action, Key};
use crate::layout::FOOTER_HEIGHT;
use crate::model::navigation::Navigation;
use crate::model::{Model, Overlay};
use crate::update::effect::Effect;
use crate::update::navigation::start_navigation;
use crate::update::peek;
use crate::update::selection::select_needing;
use crate::view::overlay;
use crate::view::palette;

/// Returns the effects of a key, or the action that the user has chosen in the palette.
pub(crate) fn on_overlay_key(
    model: &mut Model,
    key: Key,
    action: Option<Action>,
) -> Result<Vec<Effect>, Action> {
    match &mut model.overlay {
        Some(Overlay::Palette { .. }) => return on_palette_key(model, key, action),
        Some(Overlay::Install { .. }) => match key.typed() {
            // The window is too small to show the change, so the user cannot confirm it.
            Some('y' | 'Y') if model.height < FOOTER_HEIGHT => {}
            Some('y' | 'Y') => {
                model.overlay = None;
                return Ok(vec![Effect::Install]);
            }
            Some('n' | 'N') => {
                model.overlay = None;
                return Ok(Vec::new());
            }
            _ => {}
        },
        Some(Overlay::Help { filter, filtering, scroll }) => {
            if *filtering && edit(filter, key) {
                *scroll = 0;
                return Ok(Vec::new());
            }
            match action {
                Some(Action::Jump) if *filtering => *filtering = false,
                Some(Action::Filter) => *filtering = true,
                Some(Action::Back) if *filtering || !filter.is_empty() => {
                    (*filtering, *scroll) = (false, 0);
                    filter.clear();
                }
                _ => return Ok(on_page_key(model, key, action)),
            }
            return Ok(Vec::new());
        }
        _ => {}
    }
    Ok(on_page_key(model, key, action))
}

/// Scrolls or closes a page.
fn on_page_key(model: &mut Model, key: Key, action: Option<Action>) -> Vec<Effect> {
    let is_peek = matches!(model.overlay, Some(Overlay::Peek { .. }));
    let shows_row = is_peek || matches!(model.overlay, Some(Overlay::Details { .. }));
    let page = isize::try_from(overlay::height(model).saturating_sub(1).max(1)).unwrap_or(1);
    let half = (page / 2).max(1);
    let all = isize::try_from(overlay::line_count(model)).unwrap_or(isize::MAX);
    match action {
        Some(Action::Up) => scroll(model, -1),
        Some(Action::Down) => scroll(model, 1),
        Some(Action::PageUp) => scroll(model, -page),
        // The space bar pages down, as in every pager.
        Some(Action::PageDown | Action::Seen) => scroll(model, page),
        Some(Action::HalfPageUp) => scroll(model, -half),
        Some(Action::HalfPageDown) => scroll(model, half),
        Some(Action::First) => scroll(model, -all),
        Some(Action::Last) => scroll(model, all),
        Some(Action::Jump) if shows_row => {
            model.overlay = None;
            return start_navigation(model, Navigation::Jump);
        }
        // A letter that quits closes only the overlay here; Ctrl-C quits the board.
        Some(Action::Quit) if key.typed().is_none() => return vec![Effect::Quit],
        Some(Action::LessDetails) if shows_row => model.overlay = None,
        Some(Action::NextNeedsYou) if is_peek => select_needing(model, true),
        Some(Action::PreviousNeedsYou) if is_peek => select_needing(model, false),
        Some(Action::Peek) if shows_row => peek::toggle(model),
        Some(
            Action::Back | Action::Help | Action::FullDetails | Action::Problems | Action::Quit,
        ) => {
            model.overlay = None;
        }
        Some(Action::Redraw) => return vec![Effect::Redraw],
        Some(Action::Suspend) => return vec![Effect::Suspend],
        _ => {}
    }
    Vec::new()
}

/// Scrolls the overlay by `by` lines.
pub(crate) fn scroll(model: &mut Model, by: isize) {
    if let Some(overlay) = &mut model.overlay {
        let scroll = overlay.scroll_mut();
        *scroll = scroll.saturating_add_signed(by);
    }
}

fn on_palette_key(
    model: &mut Model,
    key: Key,
    action: Option<Action>,
) -> Result<Vec<Effect>, Action> {
    let Some(Overlay::Palette { query, index, .. }) = &mut model.overlay else {
        return Ok(Vec::new());
    };
    if edit(query, key) {
        *index = 0;
        return Ok(Vec::new());
    }
    let last = palette::entries(query).len().saturating_sub(1);
    match action {
        Some(Action::Up | Action::PreviousNeedsYou) => *index = index.saturating_sub(1),
        Some(Action::Down | Action::NextNeedsYou) => *index = (*index + 1).min(last),
        Some(Action::First | Action::PageUp | Action::HalfPageUp) => *index = 0,
        Some(Action::Last | Action::PageDown | Action::HalfPageDown) => *index = last,
        Some(Action::Jump) => {
            let chosen = palette::entries(query).get(*index).map(|entry| entry.action);
            if let Some(chosen) = chosen {
                model.overlay = None;
                return Err(chosen);
            }
        }
        Some(Action::Quit) => return Ok(vec![Effect::Quit]),
        Some(Action::Back | Action::Palette) => model.overlay = None,
        Some(Action::Redraw) => return Ok(vec![Effect::Redraw]),
        Some(Action::Suspend) => return Ok(vec![Effect::Suspend]),
        _ => {}
    }
    Ok(Vec::new())
}

/// Edits a line of text with a key. Returns false if the key does not edit it.
fn edit(text: &mut String, key: Key) -> bool {
    if let Some(character) = key.typed() {
        text.push(character);
    } else if key.is_backspace() {
        text.pop();
    } else if key.is_control('u') {
        text.clear();
    } else {
        return false;
    }
    true
}

/// Adds pasted text to the input line of the overlay, if it has one. `clean` gets the length of the input.
pub(crate) fn on_overlay_paste(overlay: &mut Overlay, clean: impl Fn(usize) -> String) {
    match overlay {
        Overlay::Palette { query, index, .. } => {
            query.push_str(&clean(query.len()));
            *index = 0;
        }
        Overlay::Help { filter, filtering: true, .. } => filter.push_str(&clean(filter.len())),
        _ => {}
    }
}
