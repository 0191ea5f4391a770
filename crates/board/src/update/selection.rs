//! The selection: the row that the keys act on.

use crate::model::Model;
use crate::model::filter::Matcher;
use crate::model::notice::Scope;
use crewboard_core::{RowKey, Session};

/// Selects a row for the user. From then on the selection stays where the user has put it.
pub(crate) fn select(model: &mut Model, row: Option<RowKey>) {
    if row.is_some() {
        // The row from before the filter does not come back then.
        model.selection_before_filter = None;
    }
    model.follows_urgent = false;
    model.select_when_listed = None;
    model.selected = row;
}

/// Moves the selection by `by` rows.
pub(crate) fn step(model: &mut Model, by: isize) {
    let last = model.rows.order().len().saturating_sub(1);
    let index = model.selected_index().unwrap_or(0).saturating_add_signed(by).min(last);
    select(model, model.rows.order().get(index).cloned());
}

/// Selects the nearest row that needs the user, and wraps around.
pub(crate) fn select_needing(model: &mut Model, forwards: bool) {
    match find(model, forwards, |row| row.needs_you) {
        Some(key) => select(model, Some(key)),
        None => model.notify_while(Scope::NothingNeedsYou, "No session needs you."),
    }
}

/// Selects the nearest row that matches the filter, or the last filter if there is none, and wraps around.
pub(crate) fn select_match(model: &mut Model, forwards: bool) {
    let filter = model.rows.filter();
    let text = if filter.is_empty() { &model.last_filter } else { filter }.to_owned();
    if text.is_empty() {
        let key = model.keymap.key(crate::keymap::Action::Filter);
        let hint = key.map(|key| format!("; {key} starts one")).unwrap_or_default();
        return model.notify(format!("No filter to repeat{hint}."));
    }
    let matcher = Matcher::new(&text);
    match find(model, forwards, |row| matcher.matches(row)) {
        Some(key) => select(model, Some(key)),
        None => model.notify(format!("No session matches /{text}")),
    }
}

/// Finds the nearest listed row that `matches`. The selected row is the last one tried.
fn find(model: &Model, forwards: bool, matches: impl Fn(&Session) -> bool) -> Option<RowKey> {
    let here = model.selected_index().unwrap_or(0);
    let (before, after) = model.rows.order().split_at(here.min(model.rows.order().len()));
    let is_match = |key: &&RowKey| model.rows.get(key).is_some_and(&matches);
    let found = if forwards {
        after.iter().skip(1).chain(before).chain(after.first()).find(is_match)
    } else {
        before.iter().rev().chain(after.iter().rev()).find(is_match)
    };
    found.cloned()
}

/// Selects the most urgent row, until the user has moved the selection or works on something else.
pub(crate) fn follow_urgent(model: &mut Model) {
    let is_free = model.follows_urgent
        && model.overlay.is_none()
        && model.choice.is_none()
        && model.pending_navigation.is_none()
        && !model.filtering
        && model.rows.filter().is_empty();
    if is_free {
        let urgent = model.rows.most_urgent().map(|row| row.key.clone());
        let listed = urgent.filter(|key| model.rows.index_of(key).is_some());
        model.selected = listed.or_else(|| model.rows.order().first().cloned());
    }
}
