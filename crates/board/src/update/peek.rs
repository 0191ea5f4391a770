//! Opens and refreshes the peek at a session's pane.

use crate::model::peek::Peek;
use crate::model::{Model, Overlay};
use crate::update::effect::Effect;
use crate::update::marks;
use crate::update::selection::select;
use crewboard_core::{RowKey, Session};

/// Opens the peek at the selected row's pane, or closes it.
pub(crate) fn toggle(model: &mut Model) {
    if is_open(model) {
        model.overlay = None;
        return;
    }
    let Some(row) = marks::selected(model) else { return };
    // The selection stays on this row.
    select(model, Some(row.key));
    model.overlay = Some(Overlay::Peek { scroll: usize::MAX });
    // A screen of an earlier peek is out of date.
    if !model.peek.is_pending {
        model.peek = Peek::default();
    }
}

/// Notes that a row has changed.
pub(crate) fn note_change(model: &mut Model, row: &Session) {
    model.peek.is_row_changed |= model.peek.row.as_ref() == Some(&row.key);
}

/// Returns the request for a new screen, if one is due while the peek is open.
pub(crate) fn request_if_due(model: &mut Model) -> Option<Effect> {
    let row = model.selected_row().filter(|_| is_open(model))?;
    if model.peek.due_in(&row.key, model.now)? > 0 {
        return None;
    }
    let row = Box::new(row.clone());
    let peek = &mut model.peek;
    if peek.row.as_ref() != Some(&row.key) {
        peek.screen = None;
    }
    peek.row = Some(row.key.clone());
    (peek.is_pending, peek.is_row_changed, peek.requested_at) = (true, false, model.now);
    Some(Effect::Peek(row))
}

/// Applies the reply to the last request.
pub(crate) fn apply_reply(model: &mut Model, screen: Result<Vec<String>, String>) {
    keep_end(model, |model| {
        model.peek.is_pending = false;
        model.peek.screen = Some(screen);
    });
}

/// Applies a change, after which the last line of the peek is still visible if it was before.
pub(crate) fn keep_end(model: &mut Model, change: impl FnOnce(&mut Model)) {
    let is_at_end = is_at_end(model);
    change(model);
    if let Some(Overlay::Peek { scroll }) = &mut model.overlay
        && is_at_end
    {
        *scroll = usize::MAX;
    }
}

/// Returns true if the last line is visible, so that it should stay visible.
fn is_at_end(model: &Model) -> bool {
    let overlay = model.overlay.as_ref();
    let scroll = overlay.map_or(0, Overlay::scroll);
    let count = crate::view::overlay::line_count(model);
    scroll.saturating_add(crate::view::overlay::height(model)) >= count
}

fn is_open(model: &Model) -> bool {
    matches!(model.overlay, Some(Overlay::Peek { .. }))
}

/// Returns the milliseconds until the next request.
pub(crate) fn next_request(model: &Model) -> Option<u64> {
    let key: &RowKey = model.selected.as_ref().filter(|_| is_open(model))?;
    model.peek.due_in(key, model.now)
}
