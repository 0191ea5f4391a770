//! What each message changes, and what is to be done about it.

use crate::errand::{self, Errand, Went, set_out};
use crate::keymap::{Action, Key};
use crate::layout::{row_at, visible_rows};
use crate::listing;
use crate::model::{Hooks, LOSS_MS, Link, Model, Notice, Overlay, Screen};
use crate::shell::Options;
use crewboard_core::{Limits, Mark, RowKey, Session, Timestamp};

/// Everything that can happen to the board.
#[derive(Debug, Clone)]
pub enum Msg {
    Key(Key),
    /// Text that was pasted, which is no key.
    Pasted(String),
    Clicked {
        column: u16,
        line: u16,
    },
    WheelUp,
    WheelDown,
    Resized {
        width: u16,
        height: u16,
    },
    /// The clock says another time than was drawn.
    Clock,
    /// All rows, as they are now.
    Rows(Vec<Session>),
    Row(Box<Session>),
    Removed(RowKey),
    /// The accounts' limits, all of them.
    Limits(Vec<Limits>),
    /// The daemon is gone.
    Lost(String),
    /// The daemon was asked something, and has not answered in time.
    Silent,
    /// It has said something.
    Heard,
    /// What installing would change, or why it cannot.
    Change(Result<String, String>),
    /// What the install said.
    Installed(Result<String, String>),
    Say(String),
    /// What came of an errand.
    Went(Went),
    /// The options are these now.
    Configured(Box<Options>),
}

/// What the shell is to do.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    Mark {
        row: RowKey,
        mark: Mark,
    },
    /// Take somebody to a row.
    SetOut {
        errand: Errand,
        row: Box<Session>,
    },
    /// Run on this terminal what an errand left to be run.
    RunHere,
    /// Find out what installing the hooks would change.
    AskForChange,
    Install,
    Redraw,
    Suspend,
    Quit,
}

/// Bytes of a filter that is pasted.
const MAX_FILTER: usize = 200;

/// How long a notice stays.
const NOTICE_MS: u64 = 5000;

/// Two clicks on a row within this time are one double click.
const DOUBLE_CLICK_MS: u64 = 400;

/// What of the list a message may have changed.
enum Changed {
    Nothing,
    /// Which rows are listed, though they are the same.
    Filter,
    Rows,
}

/// Takes in a message at the time `now`.
pub fn update(model: &mut Model, message: Msg, now: Timestamp) -> Vec<Effect> {
    if is_known(model, &message) {
        return Vec::new();
    }
    model.now = now;
    model.dirty = true;
    if model.notice.as_ref().is_some_and(|notice| notice.until <= now) {
        model.notice = None;
    }
    let filter = (model.filter.clone(), model.show_dismissed);
    let stood_at = model.selected_index();
    let mut effects = Vec::new();
    let mut changed = Changed::Nothing;
    match message {
        Msg::Key(key) => effects = on_key(model, key),
        Msg::Pasted(text) => {
            if model.filtering && model.overlay.is_none() {
                let room = MAX_FILTER.saturating_sub(model.filter.len());
                model.filter.push_str(&crewboard_core::clean(&text, room, false));
            }
        }
        Msg::Clicked { column, line } => effects = on_click(model, column, line),
        Msg::WheelUp => step(model, -1),
        Msg::WheelDown => step(model, 1),
        Msg::Resized { width, height } => (model.width, model.height) = (width, height),
        Msg::Clock => {}
        Msg::Rows(rows) => {
            model.link = Link::Live;
            model.rows = rows.into_iter().map(|row| (row.key.clone(), row)).collect();
            changed = Changed::Rows;
        }
        Msg::Row(row) => listing::replace(model, &row.key.clone(), Some(*row)),
        Msg::Removed(key) => listing::replace(model, &key, None),
        Msg::Limits(limits) => model.limits = limits,
        Msg::Lost(why) => {
            // Gone since it was first found gone, however often it is looked for.
            let since = match model.link {
                Link::Lost { since, .. } => since,
                Link::Live | Link::Connecting | Link::Silent { .. } => now,
            };
            model.link = Link::Lost { why, since };
        }
        Msg::Silent => model.link = Link::Silent { since: now },
        Msg::Heard => model.link = Link::Live,
        Msg::Change(Ok(change)) => model.overlay = Some(Overlay::Install { change, above: 0 }),
        Msg::Change(Err(why)) | Msg::Installed(Err(why)) => say(model, why),
        Msg::Installed(Ok(said)) => {
            model.hooks = Hooks::Installed;
            say(model, said);
        }
        Msg::Say(text) => say(model, text),
        Msg::Went(went) => effects = errand::over(model, went),
        Msg::Configured(options) => configure(model, *options),
    }
    if filter != (model.filter.clone(), model.show_dismissed) {
        changed = Changed::Filter;
    }
    arrange(model, &changed, stood_at);
    effects
}

/// Whether a message says what is on the screen already: then nothing is to be drawn.
fn is_known(model: &Model, message: &Msg) -> bool {
    match message {
        Msg::Row(row) => model.rows.get(&row.key) == Some(row),
        Msg::Limits(limits) => model.limits == *limits,
        Msg::Removed(key) => !model.rows.contains_key(key),
        Msg::Lost(why) => {
            matches!(&model.link, Link::Lost { why: known, .. } if known == why)
        }
        Msg::Resized { width, height } => (model.width, model.height) == (*width, *height),
        Msg::Silent => matches!(model.link, Link::Silent { .. }),
        Msg::Heard => !matches!(model.link, Link::Silent { .. }),
        _ => false,
    }
}

pub(crate) fn say(model: &mut Model, text: impl Into<String>) {
    model.notice = Some(Notice { text: text.into(), until: Timestamp(model.now.0 + NOTICE_MS) });
}

fn configure(model: &mut Model, options: Options) {
    if options.detail != model.configured_detail {
        // Only a change of the option: the user's key may have said otherwise since.
        model.configured_detail = options.detail;
        model.detail = options.detail;
    }
    model.look = options.look;
    model.keymap = options.keymap;
    model.problems = options.problems;
    if model.problems.is_empty() && matches!(model.overlay, Some(Overlay::Problems { .. })) {
        model.overlay = None;
    }
    if let Some(notice) = options.notice {
        say(model, notice);
    }
}

/// Puts the list in order, keeps the selection on its row, and the row in the window.
fn arrange(model: &mut Model, changed: &Changed, stood_at: Option<usize>) {
    match changed {
        Changed::Nothing => {}
        Changed::Filter => listing::arrange_filter(model),
        Changed::Rows => listing::arrange_all(model),
    }
    let is_listed = |key: &RowKey| listing::index_of(model, key).is_some();
    let may_return = matches!(changed, Changed::Filter) || model.selected_index().is_none();
    if may_return && model.unlisted.as_ref().is_some_and(is_listed) {
        model.selected = model.unlisted.take();
    }
    if model.selected_index().is_none() {
        let former = model.selected.take();
        if matches!(changed, Changed::Filter) || model.order.is_empty() {
            // A filter must not cost the place in the list.
            model.unlisted = model.unlisted.take().or(former);
        }
        // What stands in its place now, or the last.
        let index = stood_at.unwrap_or(0).min(model.order.len().saturating_sub(1));
        model.selected = model.order.get(index).cloned();
        if matches!(model.overlay, Some(Overlay::Whole { .. })) {
            // It was about that row, and must not become another's under somebody's eyes.
            model.overlay = None;
        }
    }
    let height = visible_rows(model).max(1);
    let index = model.selected_index().unwrap_or(0);
    model.above = model
        .above
        .min(index)
        .max((index + 1).saturating_sub(height))
        .min(model.order.len().saturating_sub(height));
    let last = crate::view::overlay_lines(model).saturating_sub(crate::view::overlay_height(model));
    if let Some(overlay) = &mut model.overlay {
        *overlay.above_mut() = overlay.above().min(last);
    }
}

fn step(model: &mut Model, by: isize) {
    if let Some(overlay) = &mut model.overlay {
        let above = overlay.above_mut();
        *above = above.saturating_add_signed(by);
        return;
    }
    let last = model.order.len().saturating_sub(1);
    let index = model.selected_index().unwrap_or(0).saturating_add_signed(by).min(last);
    select(model, model.order.get(index).cloned());
}

/// Selects a row because somebody wants it: no filter that is left gives another back.
fn select(model: &mut Model, row: Option<RowKey>) {
    if row.is_some() {
        model.unlisted = None;
    }
    model.selected = row;
}

fn on_click(model: &mut Model, column: u16, line: u16) -> Vec<Effect> {
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
        return set_out(model, Errand::Jump);
    }
    model.last_click = Some((key, model.now));
    Vec::new()
}

fn on_key(model: &mut Model, key: Key) -> Vec<Effect> {
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
    let is_whole = matches!(model.overlay, Some(Overlay::Whole { .. }));
    let page = isize::try_from(crate::view::overlay_height(model).saturating_sub(1).max(1));
    let page = page.unwrap_or(1);
    let all = isize::try_from(crate::view::overlay_lines(model)).unwrap_or(isize::MAX);
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
            return set_out(model, Errand::Jump);
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
        (Some(character), _) => model.filter.push(character),
        _ if key.is_backspace() => {
            // With nothing left to take back, out of it.
            model.filtering = model.filter.pop().is_some();
        }
        _ if key.is_control('u') => model.filter.clear(),
        _ if key.is_control('w') => {
            let kept = model.filter.trim_end().rfind(' ').map_or(0, |blank| blank + 1);
            model.filter.truncate(kept);
        }
        (None, Some(Action::Jump)) => model.filtering = false,
        (None, Some(Action::Back)) => {
            model.filtering = false;
            model.filter.clear();
        }
        (None, Some(action)) => return act(model, action),
        (None, None) => {}
    }
    Vec::new()
}

fn act(model: &mut Model, action: Action) -> Vec<Effect> {
    let page = isize::try_from(visible_rows(model).saturating_sub(1).max(1)).unwrap_or(1);
    let all = isize::try_from(model.order.len()).unwrap_or(isize::MAX);
    match action {
        Action::Up => step(model, -1),
        Action::Down => step(model, 1),
        Action::PageUp => step(model, -page),
        Action::PageDown => step(model, page),
        Action::First => step(model, -all),
        Action::Last => step(model, all),
        Action::Jump => return set_out(model, Errand::Jump),
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
        Action::Dismiss => {
            return mark(model, |row| Mark::Dismissed {
                on: !row.dismissed,
                revision: row.revision,
            });
        }
        Action::ShowDismissed => model.show_dismissed = !model.show_dismissed,
        Action::OpenAgain => return set_out(model, Errand::Open),
        Action::Detail => model.detail = !model.detail,
        Action::Whole if model.selected.is_some() => {
            model.overlay = Some(Overlay::Whole { above: 0 });
        }
        Action::Whole => {}
        Action::Timeline => {
            model.screen = match model.screen {
                Screen::List => Screen::Timeline,
                Screen::Timeline => Screen::List,
            }
        }
        Action::Install if model.hooks == Hooks::Missing => return vec![Effect::AskForChange],
        Action::Install => say(model, "The hooks are in your agents' settings already."),
        Action::Problems if model.problems.is_empty() => {
            say(model, "Nothing is wrong with the configuration.");
        }
        Action::Problems => model.overlay = Some(Overlay::Problems { above: 0 }),
        Action::Help => model.overlay = Some(Overlay::Help { above: 0 }),
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
        model.filter.clear();
    } else {
        // They stand where the filter would.
        model.problems.clear();
    }
}

fn mark(model: &mut Model, mark: impl Fn(&Session) -> Mark) -> Vec<Effect> {
    if model.link != Link::Live {
        say(model, "The daemon is not there to be told; try again in a moment.");
        return Vec::new();
    }
    let Some(row) = model.selected_row() else { return Vec::new() };
    let effect = Effect::Mark { row: row.key.clone(), mark: mark(row) };
    select(model, model.selected.clone());
    vec![effect]
}

/// Selects the nearest row that needs somebody, forwards or backwards, round the ends.
fn next_that_needs_you(model: &mut Model, forwards: bool) {
    let here = model.selected_index().unwrap_or(0);
    let (before, after) = model.order.split_at(here.min(model.order.len()));
    let needs_you = |key: &&RowKey| model.rows.get(*key).is_some_and(|row| row.needs_you);
    let found = if forwards {
        after.iter().skip(1).chain(before).chain(after.first()).find(needs_you)
    } else {
        before.iter().rev().chain(after.iter().rev()).find(needs_you)
    };
    match found.cloned() {
        Some(key) => select(model, Some(key)),
        None => say(model, "Nobody needs you."),
    }
}

/// Milliseconds until something on the screen is another with no message but the time, if ever.
pub fn next_clock(model: &Model) -> Option<u64> {
    let notice = model.notice.as_ref().map(|notice| notice.until.since(model.now));
    // The picture of a daemon that is gone stands still, but for the word that it is gone.
    let (clocks, loss) = match &model.link {
        Link::Lost { since, .. } => (Vec::new(), LOSS_MS.checked_sub(model.now.since(*since))),
        Link::Silent { .. } => (Vec::new(), None),
        Link::Live | Link::Connecting => (crate::view::clocks(model), None),
    };
    let next = clocks.into_iter().chain(notice).chain(loss.filter(|rest| *rest > 0)).min();
    next.map(|milliseconds| milliseconds.max(1))
}
