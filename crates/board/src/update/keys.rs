//! What keys, clicks and pasted text do.

use crate::keymap::{Action, Key};
use crate::layout::{row_at, visible_rows};
use crate::model::navigation::Navigation;
use crate::model::{ConnectionState, HookState, Model, Overlay, Screen};
use crate::update::effect::Effect;
use crate::update::navigation::start_navigation;
use crate::view::overlay;
use crewboard_core::{Mark, RowKey, Session};

/// Bytes of a filter that is pasted.
const MAX_FILTER: usize = 200;

/// Two clicks on a row within this time are one double click.
const DOUBLE_CLICK_MS: u64 = 400;

/// Pasted text is no key: only a filter that is typed takes it.
pub(crate) fn pasted(model: &mut Model, text: &str) {
    if model.filtering && model.overlay.is_none() {
        let room = MAX_FILTER.saturating_sub(model.rows.filter().len());
        model.rows.edit_filter(|filter| filter.push_str(&crewboard_core::clean(text, room, false)));
    }
}

/// Moves the selection, or what lies over the screen, by so many lines.
pub(crate) fn step(model: &mut Model, by: isize) {
    if let Some(overlay) = &mut model.overlay {
        let above = overlay.scroll_mut();
        *above = above.saturating_add_signed(by);
        return;
    }
    let last = model.rows.order().len().saturating_sub(1);
    let index = model.selected_index().unwrap_or(0).saturating_add_signed(by).min(last);
    select(model, model.rows.order().get(index).cloned());
}

/// Selects a row because somebody wants it: no filter that is left gives another back.
fn select(model: &mut Model, row: Option<RowKey>) {
    if row.is_some() {
        model.selection_before_filter = None;
    }
    model.selected = row;
}

pub(crate) fn on_click(model: &mut Model, column: u16, line: u16) -> Vec<Effect> {
    if model.overlay.is_some() {
        return Vec::new();
    }
    let Some(key) = row_at(model, column, line) else { return Vec::new() };
    let again = model
        .last_click
        .take()
        .is_some_and(|(clicked, at)| clicked == key && model.now.since(at) <= DOUBLE_CLICK_MS);
    select(model, Some(key.clone()));
    if again {
        return start_navigation(model, Navigation::Jump);
    }
    model.last_click = Some((key, model.now));
    Vec::new()
}

pub(crate) fn on_key(model: &mut Model, key: Key) -> Vec<Effect> {
    let action = model.keymap.action(key);
    if model.overlay.is_some() {
        return on_overlay_key(model, key, action);
    }
    if model.filtering {
        return on_filter_key(model, key, action);
    }
    action.map_or_else(Vec::new, |action| act(model, action))
}

/// What lies over the screen hides the rows: no key may do anything to one of them meanwhile.
fn on_overlay_key(model: &mut Model, key: Key, action: Option<Action>) -> Vec<Effect> {
    if let Some(Overlay::Install { .. }) = model.overlay {
        match key.typed() {
            // Nobody says yes to what cannot be seen.
            Some('y' | 'Y') if model.height < crate::layout::FULL => {}
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
    let is_whole = matches!(model.overlay, Some(Overlay::Details { .. }));
    let page = isize::try_from(overlay::height(model).saturating_sub(1).max(1));
    let page = page.unwrap_or(1);
    let all = isize::try_from(overlay::lines_in_all(model)).unwrap_or(isize::MAX);
    match action {
        Some(Action::Up) => step(model, -1),
        Some(Action::Down) => step(model, 1),
        Some(Action::PageUp) => step(model, -page),
        // Paging down with the space bar, as in every pager.
        Some(Action::PageDown | Action::Seen) => step(model, page),
        Some(Action::First) => step(model, -all),
        Some(Action::Last) => step(model, all),
        Some(Action::Jump) if is_whole => {
            model.overlay = None;
            return start_navigation(model, Navigation::Jump);
        }
        // A letter that quits leaves the page, not the board; Ctrl-C leaves both.
        Some(Action::Quit) if key.typed().is_none() => return vec![Effect::Quit],
        Some(Action::Back | Action::Help | Action::Whole | Action::Problems | Action::Quit) => {
            model.overlay = None;
        }
        Some(Action::Redraw) => return vec![Effect::Redraw],
        Some(Action::Suspend) => return vec![Effect::Suspend],
        _ => {}
    }
    Vec::new()
}

fn on_filter_key(model: &mut Model, key: Key, action: Option<Action>) -> Vec<Effect> {
    match (key.typed(), action) {
        (Some(character), _) => model.rows.edit_filter(|filter| filter.push(character)),
        _ if key.is_backspace() => {
            // With nothing left to take back, out of it.
            model.filtering = model.rows.edit_filter(String::pop).is_some();
        }
        _ if key.is_control('u') => model.rows.edit_filter(String::clear),
        _ if key.is_control('w') => {
            let kept = model.rows.filter().trim_end().rfind(' ').map_or(0, |blank| blank + 1);
            model.rows.edit_filter(|filter| filter.truncate(kept));
        }
        (None, Some(Action::Jump)) => model.filtering = false,
        (None, Some(Action::Back)) => {
            model.filtering = false;
            model.rows.edit_filter(String::clear);
        }
        (None, Some(action)) => return act(model, action),
        (None, None) => {}
    }
    Vec::new()
}

fn act(model: &mut Model, action: Action) -> Vec<Effect> {
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
        Action::NextNeedsYou => next_that_needs_you(model, true),
        Action::PreviousNeedsYou => next_that_needs_you(model, false),
        Action::Filter => {
            model.screen = Screen::List;
            model.filtering = true;
        }
        Action::Seen => return mark(model, |row| Mark::Seen { revision: row.revision }),
        Action::Pin => return mark(model, |row| Mark::Pinned { on: !row.pinned }),
        Action::Snooze => {
            return mark(model, |row| Mark::Snoozed { on: row.snoozed_until.is_none() });
        }
        Action::Dismiss => return dismiss(model),
        Action::ShowDismissed => model.rows.set_show_dismissed(!model.rows.shows_dismissed()),
        Action::OpenAgain => return start_navigation(model, Navigation::Open),
        Action::Detail => model.detail = !model.detail,
        Action::Whole if model.selected.is_some() => {
            model.overlay = Some(Overlay::Details { scroll: 0 });
        }
        Action::Whole => {}
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
            model.notify("This is a recording; press it on a board of your own sessions.");
        }
        Action::Install => model.notify("The hooks are in your agents' settings already."),
        Action::Problems if model.problems.is_empty() => {
            model.notify("The configuration is fine.");
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

/// Leaves what lies on top.
fn back(model: &mut Model) {
    if model.screen == Screen::Timeline {
        model.screen = Screen::List;
    } else if model.problems.is_empty() {
        model.rows.edit_filter(String::clear);
    } else {
        // They stand where the filter would.
        model.problems.clear();
    }
}

fn mark(model: &mut Model, mark: impl Fn(&Session) -> Mark) -> Vec<Effect> {
    if model.connection != ConnectionState::Connected {
        model.notify("The daemon is not there to be told; try again in a moment.");
        return Vec::new();
    }
    let Some(row) = model.selected_row() else { return Vec::new() };
    let effect = Effect::Mark { row: row.key.clone(), mark: mark(row) };
    select(model, model.selected.clone());
    vec![effect]
}

/// Hides a row or shows it again, and says where what has gone can be found: it may be one that waits.
fn dismiss(model: &mut Model) -> Vec<Effect> {
    let effects = mark(model, |row| Mark::Dismissed { on: !row.dismissed, revision: row.revision });
    let goes = |row: &&Session| !row.dismissed && !effects.is_empty();
    if let Some(row) = model.selected_row().filter(goes) {
        let key = model.keymap.key(Action::ShowDismissed).filter(|_| !model.rows.shows_dismissed());
        let shows = key.map(|key| format!("; {key} shows it")).unwrap_or_default();
        let text = format!("{} is hidden until it next needs you{shows}", row.name);
        model.notify(text);
    }
    effects
}

/// Selects the nearest row that needs somebody, forwards or backwards, round the ends.
fn next_that_needs_you(model: &mut Model, forwards: bool) {
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
        None => model.notify("Nobody needs you."),
    }
}
