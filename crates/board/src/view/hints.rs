//! The line for the user: the filter, then a question, a notice, a problem or the keys of the selected row. It is the
//! footer, or the end of the header where there is no footer.

use super::canvas::{put, room};
use crate::format::text::{cut, cut_start};
use crate::keymap::{Action, Key, TABLE};
use crate::layout::has_footer;
use crate::model::choice::Choice;
use crate::model::{HookState, Model, Overlay, Screen};
use crate::theme::Theme;
use crewboard_core::{Session, Status};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use unicode_width::UnicodeWidthStr;

/// The number of blanks between two keys.
pub(super) const GAP: usize = 3;

/// A key with the word for what it does.
type Hint = (Key, &'static str);

/// A text of the line. A click on it presses the key.
#[derive(Debug)]
struct Part {
    x: u16,
    text: String,
    style: Style,
    key: Option<Key>,
}

/// Builds a line from left to right.
struct Line<'a> {
    model: &'a Model,
    area: Rect,
    x: u16,
    parts: Vec<Part>,
}

impl Line<'_> {
    fn room(&self) -> usize {
        room(self.area, self.x)
    }

    fn push(&mut self, text: &str, style: Style, key: Option<Key>) {
        let text = cut(text, self.room(), self.model.theme.unicode);
        let width = u16::try_from(text.width()).unwrap_or(u16::MAX);
        self.parts.push(Part { x: self.x, text, style, key });
        self.x = self.x.saturating_add(width);
    }

    /// Adds the hints that fit, the first ones first.
    fn push_hints(&mut self, hints: impl IntoIterator<Item = Hint>, mut is_first: bool) {
        for (key, word) in hints {
            let name = key.to_string();
            let gap = if is_first { 0 } else { GAP };
            if gap + name.width() + 1 + word.width() > self.room() {
                continue;
            }
            self.x += u16::try_from(gap).unwrap_or(0);
            self.push(&name, Theme::strong(), Some(key));
            self.push(&format!(" {word}"), self.model.theme.dim(), Some(key));
            is_first = false;
        }
    }
}

/// Returns the width of hints with the gaps in front of them.
fn hints_width(hints: &[Hint]) -> usize {
    hints.iter().map(|(key, word)| GAP + key.to_string().width() + 1 + word.width()).sum()
}

/// Returns true if the header has to show the line, because there is no footer.
pub(super) fn is_in_header(model: &Model) -> bool {
    !has_footer(model)
        && model.overlay.is_none()
        && (model.has_message() || !model.rows.filter().is_empty())
}

/// Draws the line from column `x` of `area`.
pub(super) fn draw(model: &Model, area: Rect, x: u16, buffer: &mut Buffer) {
    for part in parts(model, area, x) {
        put(buffer, area, part.x, area.y, &part.text, part.style);
    }
}

/// Returns the key whose hint is at a column of the line.
pub(super) fn key_at(model: &Model, area: Rect, x: u16, column: u16) -> Option<Key> {
    let parts = parts(model, area, x);
    let is_hit = |part: &&Part| {
        let width = u16::try_from(part.text.width()).unwrap_or(u16::MAX);
        (part.x..part.x.saturating_add(width)).contains(&column)
    };
    parts.iter().find(is_hit).and_then(|part| part.key)
}

fn parts(model: &Model, area: Rect, x: u16) -> Vec<Part> {
    let mut line = Line { model, area, x, parts: Vec::new() };
    if matches!(model.overlay, Some(Overlay::Install { .. })) {
        line.push("Make this change?", Theme::strong(), None);
        line.push_hints([(Key::of('y'), "yes"), (Key::of('n'), "no")], false);
        return line.parts;
    }
    if model.overlay.is_some() {
        line.push_hints(in_table_order(model, area, overlay_actions(model)), true);
        return line.parts;
    }
    let has_filter = model.filtering || !model.rows.filter().is_empty();
    if has_filter {
        push_filter(&mut line);
    }
    let start = line.x;
    if has_filter {
        line.x = line.x.saturating_add(u16::try_from(GAP).unwrap_or(0));
    }
    if model.filtering {
        let keys = [(Action::Jump, "keep"), (Action::Back, "clear")];
        line.x = start;
        line.push_hints(bound(model, keys), false);
    } else if let Some(choice) = &model.choice {
        push_choice(&mut line, choice);
    } else if let Some(notice) = &model.notice {
        line.push(&notice.text.replace('\n', " "), Theme::strong(), None);
    } else if let Some(problem) = model.problems.first() {
        let keys = [(Action::Problems, "show all"), (Action::Back, "hide")];
        let keys: Vec<Hint> = bound(model, keys).collect();
        let space = line.room().saturating_sub(hints_width(&keys) + 1);
        let text = cut(problem, space, model.theme.unicode);
        line.push(&text, model.theme.status(Status::Failed), None);
        line.push_hints(keys, false);
    } else if has_footer(model) {
        line.x = start;
        line.push_hints(in_table_order(model, area, row_actions(model)), !has_filter);
    }
    line.parts
}

/// Adds the filter with the number of matching rows.
fn push_filter(line: &mut Line<'_>) {
    let model = line.model;
    let unicode = model.theme.unicode;
    let cursor = match (model.filtering, unicode) {
        (true, true) => "▏",
        (true, false) => "_",
        (false, _) => "",
    };
    let count = format!("  {} of {}", model.rows.order().len(), model.rows.count());
    let space = line.room().saturating_sub(count.width() + 1);
    // While a message stands next to it, a long filter shows its end.
    let is_shared = !model.filtering && (model.choice.is_some() || model.notice.is_some());
    let space = if is_shared { space.min(line.room() / 3) } else { space };
    let typed = format!("{}{cursor}", model.rows.filter());
    line.push(&format!("/{}", cut_start(&typed, space, unicode)), Theme::strong(), None);
    line.push(&count, model.theme.dim(), None);
}

fn push_choice(line: &mut Line<'_>, choice: &Choice) {
    let model = line.model;
    let Some(row) = model.rows.get(choice.row()) else { return };
    let name = model.display_name(row);
    let question = match choice {
        Choice::Snooze(_) => format!("Snooze {name} for:"),
        Choice::Dismiss(_) => format!("{name} needs you ({}):", row.status),
        Choice::Copy(_) => format!("Copy of {name}:"),
    };
    let mut hints: Vec<Hint> =
        choice.options(&model.keymap).into_iter().map(|option| (option.key, option.word)).collect();
    let is_wide = question.width() + hints_width(&hints) + 14 <= line.room();
    if is_wide {
        hints.extend(bound(model, [(Action::Back, "cancel")]));
    }
    let space = line.room().saturating_sub(hints_width(&hints));
    let question = cut(&question, space, model.theme.unicode);
    line.push(&question, Theme::strong(), None);
    line.push_hints(hints, question.is_empty());
}

/// Returns the hints of the actions that have a key.
fn bound(
    model: &Model,
    actions: impl IntoIterator<Item = (Action, &'static str)>,
) -> impl Iterator<Item = Hint> {
    actions.into_iter().filter_map(|(action, word)| Some((first_key(model, action)?, word)))
}

fn first_key(model: &Model, action: Action) -> Option<Key> {
    model.keymap.keys(action).first().copied()
}

/// Leaves out the last actions until the rest fit, and returns their hints in the order of the help.
fn in_table_order(model: &Model, area: Rect, actions: Vec<(Action, &'static str)>) -> Vec<Hint> {
    let filter = if model.overlay.is_none() && !model.rows.filter().is_empty() {
        model.rows.filter().width() + 14
    } else {
        0
    };
    let mut space = (room(area, area.x + 1) + GAP).saturating_sub(filter);
    let mut shown: Vec<(Action, &'static str)> = Vec::new();
    for (action, word) in actions {
        let Some(key) = first_key(model, action) else { continue };
        let width = hints_width(&[(key, word)]);
        if width <= space {
            space -= width;
            shown.push((action, word));
        }
    }
    let table_index = |action: Action| TABLE.iter().position(|entry| entry.action == action);
    shown.sort_by_key(|(action, _)| table_index(*action));
    bound(model, shown).collect()
}

/// Returns the actions of an overlay, the most important first.
fn overlay_actions(model: &Model) -> Vec<(Action, &'static str)> {
    match &model.overlay {
        Some(Overlay::Palette { .. }) => vec![(Action::Jump, "run"), (Action::Back, "back")],
        Some(Overlay::Help { filtering: true, .. }) => {
            vec![(Action::Jump, "keep"), (Action::Back, "clear")]
        }
        Some(Overlay::Help { filter, .. }) => {
            let back = if filter.is_empty() { "back" } else { "clear" };
            vec![(Action::Back, back), (Action::Filter, "filter")]
        }
        Some(Overlay::Details { .. }) => vec![(Action::Back, "back"), (Action::Jump, "jump")],
        Some(Overlay::Peek { .. }) => {
            vec![(Action::Back, "back"), (Action::Jump, "jump"), (Action::NextNeedsYou, "next")]
        }
        Some(Overlay::Problems { .. }) => vec![(Action::Back, "back")],
        Some(Overlay::Install { .. }) | None => Vec::new(),
    }
}

/// Returns the actions that do something now, the most important first.
fn row_actions(model: &Model) -> Vec<(Action, &'static str)> {
    let mut actions = vec![(Action::Help, "help"), (Action::Quit, "quit")];
    if !model.rows.order().is_empty() {
        actions.push((Action::Filter, "filter"));
    }
    if let Some(row) = model.selected_row() {
        actions.extend(actions_of(row));
    }
    let others = model.rows.listed().filter(|row| Some(&row.key) != model.selected.as_ref());
    if others.into_iter().any(|row| row.needs_you) {
        actions.push((Action::NextNeedsYou, "next"));
    }
    if !model.rows.filter().is_empty() {
        actions.push((Action::Back, "clear"));
    }
    if model.screen == Screen::Timeline {
        actions.push((Action::Timeline, "list"));
        actions.extend([(Action::ZoomIn, "closer"), (Action::ZoomOut, "farther")]);
    }
    if model.hooks == HookState::Missing {
        actions.push((Action::Install, "install hooks"));
    }
    if !model.undo.is_empty() {
        actions.push((Action::Undo, "undo"));
    }
    let rank = |action: &Action| match action {
        Action::Help | Action::Install => 0,
        Action::Timeline | Action::Back => 1,
        Action::Jump | Action::Open => 2,
        Action::NextNeedsYou => 3,
        Action::Quit | Action::ZoomIn | Action::ZoomOut => 4,
        Action::Seen => 5,
        Action::Undo => 6,
        _ => 7,
    };
    actions.sort_by_key(|(action, _)| rank(action));
    actions
}

/// Returns the actions that fit the row as it is now.
fn actions_of(row: &Session) -> Vec<(Action, &'static str)> {
    let mut actions = match row.status {
        // A program in `crewboard run` has no conversation.
        Status::Closed if row.id.as_str().is_empty() => Vec::new(),
        Status::Closed => vec![(Action::Open, "resume")],
        _ if row.job.is_some() => vec![(Action::Open, "attach")],
        _ => vec![(Action::Jump, "jump")],
    };
    if row.status.needs_you_until_seen() && !row.seen {
        actions.push((Action::Seen, "seen"));
    }
    if row.snoozed_until.is_some() {
        actions.push((Action::Snooze, "wake"));
    } else if row.needs_you {
        actions.push((Action::Snooze, "snooze"));
    }
    if row.dismissed {
        actions.push((Action::Dismiss, "show"));
    }
    actions
}
