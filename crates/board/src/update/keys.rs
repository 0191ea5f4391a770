//! Handles keys and pasted text.

use crate::keymap::{Action, Key};
use crate::layout::{has_footer, is_strip, layout, visible_rows};
use crate::model::navigation::Navigation;
use crate::model::notice::Scope;
use crate::model::{HookState, Model, Overlay, Screen};
use crate::update::effect::Effect;
use crate::update::marks;
use crate::update::navigation::start_navigation;
use crate::update::overlay_keys::{on_overlay_key, on_overlay_paste};
use crate::update::peek;
use crate::update::selection::{select, select_match, select_needing, step};
use crate::update::timeline;

/// The greatest length of a filter with pasted text, in bytes.
const MAX_FILTER_BYTES: usize = 200;

/// Adds pasted text to the filter while the user edits it. Elsewhere it is ignored, so that it runs no actions.
pub(crate) fn on_paste(model: &mut Model, text: &str) {
    let clean =
        |length: usize| crewboard_core::clean(text, MAX_FILTER_BYTES.saturating_sub(length), false);
    if let Some(overlay) = &mut model.overlay {
        on_overlay_paste(overlay, clean);
    } else if model.filtering {
        let text = clean(model.rows.filter().len());
        model.rows.edit_filter(|filter| filter.push_str(&text));
    }
}

/// Runs the action of a key, or gives the key to the overlay, the open question or the filter.
pub(crate) fn on_key(model: &mut Model, key: Key) -> Vec<Effect> {
    // The user has read the last notice, or does not want to.
    model.notice = None;
    let action = model.keymap.action(key);
    if model.overlay.is_some() {
        let chosen = on_overlay_key(model, key, action);
        return chosen.unwrap_or_else(|action| run_action(model, action));
    }
    if model.choice.is_some()
        && let Some(effects) = marks::answer(model, key)
    {
        return effects;
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
    if let Some(action) = action {
        return run_action(model, action);
    }
    let help = model.keymap.key(Action::Help);
    let hint = help.map(|help| format!("; {help} lists the keys")).unwrap_or_default();
    model.notify(format!("{key} does nothing here{hint}"));
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
            clear_filter(model);
        }
        (None, Some(action)) => return run_action(model, action),
        (None, None) => {}
    }
    Vec::new()
}

/// Clears the filter, and remembers it for the next match.
pub(crate) fn clear_filter(model: &mut Model) {
    if !model.rows.filter().is_empty() {
        model.rows.filter().clone_into(&mut model.last_filter);
        model.rows.edit_filter(String::clear);
    }
}

pub(crate) fn run_action(model: &mut Model, action: Action) -> Vec<Effect> {
    let page = isize::try_from(visible_rows(model).saturating_sub(1).max(1)).unwrap_or(1);
    let half = (page / 2).max(1);
    let all = isize::try_from(model.rows.order().len()).unwrap_or(isize::MAX);
    match action {
        Action::Up => step(model, -1),
        Action::Down => step(model, 1),
        Action::PageUp => step(model, -page),
        Action::PageDown => step(model, page),
        Action::HalfPageUp => step(model, -half),
        Action::HalfPageDown => step(model, half),
        Action::First => step(model, -all),
        Action::Last => step(model, all),
        Action::Jump => return start_navigation(model, Navigation::Jump),
        Action::NextNeedsYou => select_needing(model, true),
        Action::PreviousNeedsYou => select_needing(model, false),
        Action::Filter => {
            model.screen = Screen::List;
            model.filtering = true;
        }
        Action::NextMatch => select_match(model, true),
        Action::PreviousMatch => select_match(model, false),
        Action::Seen => return marks::seen(model),
        Action::Pin => return marks::pin(model),
        Action::Snooze => return marks::snooze(model),
        Action::Dismiss => return marks::dismiss(model),
        Action::Undo => return marks::undo(model),
        Action::Copy => return marks::copy(model),
        Action::ShowDismissed if model.rows.totals().dismissed == 0 => {
            model.rows.set_show_dismissed(false);
            model.notify("No session is hidden.");
        }
        Action::ShowDismissed => model.rows.set_show_dismissed(!model.rows.shows_dismissed()),
        Action::Order => {
            let order = model.rows.sort().next();
            model.rows.set_sort(order);
            let verb = if order.has_groups() { "Grouped" } else { "Sorted" };
            model.notify(format!("{verb} by {}.", order.word()));
        }
        Action::Open => return start_navigation(model, Navigation::Open),
        Action::Detail => {
            model.detail = !model.detail;
            explain_missing_details(model);
        }
        Action::MoreDetails if model.screen == Screen::List && layout(model).detail.is_empty() => {
            model.detail = true;
            if layout(model).detail.is_empty() {
                open_details(model);
            }
        }
        Action::Peek => peek::toggle(model),
        Action::MoreDetails | Action::FullDetails => open_details(model),
        Action::LessDetails if model.screen == Screen::Timeline => model.screen = Screen::List,
        Action::LessDetails if layout(model).detail.is_empty() => {
            model.notify("The details are hidden already.");
        }
        Action::LessDetails => model.detail = false,
        Action::Timeline => {
            model.screen = match model.screen {
                Screen::List => Screen::Timeline,
                Screen::Timeline => Screen::List,
            }
        }
        Action::ZoomIn => timeline::zoom(model, true),
        Action::ZoomOut => timeline::zoom(model, false),
        Action::Install if model.hooks == HookState::Missing => {
            return vec![Effect::PreviewInstall];
        }
        Action::Install if model.hooks == HookState::NotApplicable => {
            model.notify("Not available in a demo or recording.");
        }
        Action::Install => model.notify("The hooks are already installed."),
        Action::Problems if model.problems.is_empty() => {
            model.notify_while(Scope::NoProblems, "The configuration has no problems.");
        }
        Action::Problems => model.overlay = Some(Overlay::Problems { scroll: 0 }),
        Action::Help => {
            model.overlay =
                Some(Overlay::Help { scroll: 0, filter: String::new(), filtering: false });
        }
        Action::Palette => {
            model.filtering = false;
            model.overlay = Some(Overlay::Palette { scroll: 0, query: String::new(), index: 0 });
        }
        Action::Back => back(model),
        Action::Redraw => return vec![Effect::Redraw],
        Action::Suspend => return vec![Effect::Suspend],
        Action::Quit => return vec![Effect::Quit],
    }
    Vec::new()
}

/// Opens the full details of the selected row. The selection stays on this row.
fn open_details(model: &mut Model) {
    if let Some(row) = marks::selected(model) {
        select(model, Some(row.key));
        model.overlay = Some(Overlay::Details { scroll: 0 });
    }
}

/// Says why the details do not appear, if they do not fit.
fn explain_missing_details(model: &mut Model) {
    let has_room = !layout(model).detail.is_empty() || model.rows.order().is_empty();
    if !model.detail || has_room || model.screen == Screen::Timeline {
        return;
    }
    let key = model.keymap.key(Action::FullDetails);
    let hint = key.map(|key| format!("; {key} shows them in full")).unwrap_or_default();
    model.notify(format!("No room for the details here{hint}"));
}

/// Closes the timeline, the problems or the filter.
fn back(model: &mut Model) {
    if model.screen == Screen::Timeline {
        model.screen = Screen::List;
    } else if !model.problems.is_empty() && has_footer(model) {
        // The problems are shown next to the filter, so they are hidden first.
        model.problems.clear();
    } else if model.rows.filter().is_empty() {
        let quit = model.keymap.key(Action::Quit);
        let hint = quit.map(|key| format!("; {key} quits")).unwrap_or_default();
        model.notify(format!("Nothing to close{hint}."));
    } else {
        clear_filter(model);
    }
}
