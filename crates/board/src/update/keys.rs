//! Handles keys, clicks and pasted text.

use crate::keymap::{Action, Key};
use crate::layout::{is_strip, row_at, visible_rows};
use crate::model::navigation::Navigation;
use crate::model::{ConnectionState, HookState, Model, Overlay, Screen};
use crate::update::effect::Effect;
use crate::update::navigation::start_navigation;
use crate::view::overlay;
use crewboard_core::{Mark, RowKey, Session};

/// The greatest length of a filter with pasted text, in bytes.
const MAX_FILTER_BYTES: usize = 200;

/// Two clicks on a row within this time are a double click.
const DOUBLE_CLICK_MS: u64 = 400;

/// Adds pasted text to the filter while the user edits it. Elsewhere it is ignored, so that it runs no actions.
pub(crate) fn on_paste(model: &mut Model, text: &str) {
    if model.filtering && model.overlay.is_none() {
        let room = MAX_FILTER_BYTES.saturating_sub(model.rows.filter().len());
        model.rows.edit_filter(|filter| filter.push_str(&crewboard_core::clean(text, room, false)));
    }
}

/// Moves the selection by `by` rows, or scrolls the overlay by `by` lines.
pub(crate) fn step(model: &mut Model, by: isize) {
    if let Some(overlay) = &mut model.overlay {
        let scroll = overlay.scroll_mut();
        *scroll = scroll.saturating_add_signed(by);
        return;
    }
    let last = model.rows.order().len().saturating_sub(1);
    let index = model.selected_index().unwrap_or(0).saturating_add_signed(by).min(last);
    select(model, model.rows.order().get(index).cloned());
}

/// Selects a row for the user. The row from before the filter does not come back then.
fn select(model: &mut Model, row: Option<RowKey>) {
    if row.is_some() {
        model.selection_before_filter = None;
    }
    model.selected = row;
}

/// Selects the row under a click. A double click jumps to it.
pub(crate) fn on_click(model: &mut Model, column: u16, line: u16) -> Vec<Effect> {
    if model.overlay.is_some() {
        return Vec::new();
    }
    let Some(key) = row_at(model, column, line) else { return Vec::new() };
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

/// Runs the action of a key, or gives the key to the overlay or the filter.
pub(crate) fn on_key(model: &mut Model, key: Key) -> Vec<Effect> {
    let action = model.keymap.action(key);
    if model.overlay.is_some() {
        return on_overlay_key(model, key, action);
    }
    if model.filtering {
        return on_filter_key(model, key, action);
    }
    if is_strip(model)
        && let Some(by) = key.sideways()
    {
        step(model, by);
        return Vec::new();
    }
    action.map_or_else(Vec::new, |action| run_action(model, action))
}

/// Handles a key while an overlay hides the rows. No key may change a hidden row.
fn on_overlay_key(model: &mut Model, key: Key, action: Option<Action>) -> Vec<Effect> {
    if let Some(Overlay::Install { .. }) = model.overlay {
        match key.typed() {
            // The window is too small to show the change, so the user cannot confirm it.
            Some('y' | 'Y') if model.height < crate::layout::FOOTER_HEIGHT => {}
            Some('y' | 'Y') => {
                model.overlay = None;
                return vec![Effect::Install];
            }
            Some('n' | 'N') => {
                model.overlay = None;
                return Vec::new();
            }
            _ => {}
        }
    }
    let is_details = matches!(model.overlay, Some(Overlay::Details { .. }));
    let page = isize::try_from(overlay::height(model).saturating_sub(1).max(1));
    let page = page.unwrap_or(1);
    let all = isize::try_from(overlay::line_count(model)).unwrap_or(isize::MAX);
    match action {
        Some(Action::Up) => step(model, -1),
        Some(Action::Down) => step(model, 1),
        Some(Action::PageUp) => step(model, -page),
        // The space bar pages down, as in every pager.
        Some(Action::PageDown | Action::Seen) => step(model, page),
        Some(Action::First) => step(model, -all),
        Some(Action::Last) => step(model, all),
        Some(Action::Jump) if is_details => {
            model.overlay = None;
            return start_navigation(model, Navigation::Jump);
        }
        // A letter that quits closes only the overlay here; Ctrl-C quits the board.
        Some(Action::Quit) if key.typed().is_none() => return vec![Effect::Quit],
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

/// Handles a key while the user edits the filter. A key that types nothing runs its action.
fn on_filter_key(model: &mut Model, key: Key, action: Option<Action>) -> Vec<Effect> {
    match (key.typed(), action) {
        (Some(character), _) => model.rows.edit_filter(|filter| filter.push(character)),
        _ if key.is_backspace() => {
            // Backspace in an empty filter ends its editing.
            model.filtering = model.rows.edit_filter(String::pop).is_some();
        }
        _ if key.is_control('u') => model.rows.edit_filter(String::clear),
        _ if key.is_control('w') => {
            let length = model.rows.filter().trim_end().rfind(' ').map_or(0, |blank| blank + 1);
            model.rows.edit_filter(|filter| filter.truncate(length));
        }
        (None, Some(Action::Jump)) => model.filtering = false,
        (None, Some(Action::Back)) => {
            model.filtering = false;
            model.rows.edit_filter(String::clear);
        }
        (None, Some(action)) => return run_action(model, action),
        (None, None) => {}
    }
    Vec::new()
}

fn run_action(model: &mut Model, action: Action) -> Vec<Effect> {
    let page = isize::try_from(visible_rows(model).saturating_sub(1).max(1)).unwrap_or(1);
    let all = isize::try_from(model.rows.order().len()).unwrap_or(isize::MAX);
    match action {
        Action::Up => step(model, -1),
        Action::Down => step(model, 1),
        Action::PageUp => step(model, -page),
        Action::PageDown => step(model, page),
        Action::First => step(model, -all),
        Action::Last => step(model, all),
        Action::Jump => return start_navigation(model, Navigation::Jump),
        Action::NextNeedsYou => select_needing(model, true),
        Action::PreviousNeedsYou => select_needing(model, false),
        Action::Filter => {
            model.screen = Screen::List;
            model.filtering = true;
        }
        Action::Seen => return mark(model, |row| Mark::Seen { revision: row.revision }),
        Action::Pin => return mark(model, |row| Mark::Pinned { on: !row.pinned }),
        Action::Snooze => {
            return mark(model, |row| Mark::Snoozed {
                on: row.snoozed_until.is_none(),
                for_ms: None,
            });
        }
        Action::Dismiss => return dismiss(model),
        Action::ShowDismissed => model.rows.set_show_dismissed(!model.rows.shows_dismissed()),
        Action::Open => return start_navigation(model, Navigation::Open),
        Action::Detail => model.detail = !model.detail,
        Action::FullDetails if model.selected.is_some() => {
            model.overlay = Some(Overlay::Details { scroll: 0 });
        }
        Action::FullDetails => {}
        Action::Timeline => {
            model.screen = match model.screen {
                Screen::List => Screen::Timeline,
                Screen::Timeline => Screen::List,
            }
        }
        Action::Install if model.hooks == HookState::Missing => {
            return vec![Effect::PreviewInstall];
        }
        Action::Install if model.hooks == HookState::NotApplicable => {
            model.notify("Not available in a demo or recording.");
        }
        Action::Install => model.notify("The hooks are already installed."),
        Action::Problems if model.problems.is_empty() => {
            model.notify("The configuration has no problems.");
        }
        Action::Problems => model.overlay = Some(Overlay::Problems { scroll: 0 }),
        Action::Help => model.overlay = Some(Overlay::Help { scroll: 0 }),
        Action::Back => back(model),
        Action::Redraw => return vec![Effect::Redraw],
        Action::Suspend => return vec![Effect::Suspend],
        Action::Quit => return vec![Effect::Quit],
    }
    Vec::new()
}

/// Closes the timeline, the problems or the filter.
fn back(model: &mut Model) {
    if model.screen == Screen::Timeline {
        model.screen = Screen::List;
    } else if model.problems.is_empty() {
        model.rows.edit_filter(String::clear);
    } else {
        // The problems are shown in place of the filter, so they are hidden first.
        model.problems.clear();
    }
}

/// Returns an effect that marks the selected row.
fn mark(model: &mut Model, mark: impl Fn(&Session) -> Mark) -> Vec<Effect> {
    if model.connection != ConnectionState::Connected {
        model.notify("Daemon not reachable; try again.");
        return Vec::new();
    }
    let Some(row) = model.selected_row() else { return Vec::new() };
    let effect = Effect::Mark { row: row.key.clone(), mark: mark(row) };
    select(model, model.selected.clone());
    vec![effect]
}

/// Hides a row or shows it again. The notice names the key that shows hidden rows, because the row may need the user.
fn dismiss(model: &mut Model) -> Vec<Effect> {
    let effects = mark(model, |row| Mark::Dismissed { on: !row.dismissed, revision: row.revision });
    let is_hidden = |row: &&Session| !row.dismissed && !effects.is_empty();
    if let Some(row) = model.selected_row().filter(is_hidden) {
        let key = model.keymap.key(Action::ShowDismissed).filter(|_| !model.rows.shows_dismissed());
        let hint = key.map(|key| format!("; {key} shows hidden sessions")).unwrap_or_default();
        let text = format!("{} is hidden until it needs you again{hint}", row.name);
        model.notify(text);
    }
    effects
}

/// Selects the nearest row that needs the user, forwards or backwards, and wraps around.
fn select_needing(model: &mut Model, forwards: bool) {
    let here = model.selected_index().unwrap_or(0);
    let (before, after) = model.rows.order().split_at(here.min(model.rows.order().len()));
    let needs_you = |key: &&RowKey| model.rows.get(key).is_some_and(|row| row.needs_you);
    let found = if forwards {
        after.iter().skip(1).chain(before).chain(after.first()).find(needs_you)
    } else {
        before.iter().rev().chain(after.iter().rev()).find(needs_you)
    };
    match found.cloned() {
        Some(key) => select(model, Some(key)),
        None => model.notify("No session needs you."),
    }
}
