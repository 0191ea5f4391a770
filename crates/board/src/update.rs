//! Applies messages to the model, and returns the effects that they need.

pub(crate) mod effect;
pub(crate) mod keys;
pub(crate) mod marks;
pub(crate) mod mouse;
pub(crate) mod navigation;
pub(crate) mod notices;
pub(crate) mod overlay_keys;
pub(crate) mod peek;
pub(crate) mod selection;
pub(crate) mod timeline;

pub use effect::Effect;

use crate::colour::Rgb;
use crate::keymap::Key;
use crate::layout::{has_footer, is_strip, layout, lines, strip};
use crate::model::navigation::NavigationOutcome;
use crate::model::options::Options;
use crate::model::{ConnectionState, DISCONNECT_GRACE_MS, HookState, Model, Overlay};
use crate::view::{clocks, detail, overlay};
use crewboard_core::{RateLimits, RowKey, Session, Status, Timestamp};
use crewboard_protocol::DroppedEvents;

/// Everything that can happen to the board.
#[derive(Debug, Clone)]
pub enum Message {
    Key(Key),
    /// Text that the user pasted. It runs no actions.
    Pasted(String),
    Clicked {
        column: u16,
        line: u16,
    },
    /// The wheel was turned by one step over this position.
    Wheel {
        column: u16,
        line: u16,
        down: bool,
    },
    Resized {
        width: u16,
        height: u16,
    },
    /// A time on the screen may have changed.
    ClockTick,
    /// All rows.
    Rows(Vec<Session>),
    Row(Box<Session>),
    Removed(RowKey),
    /// The rate limits of all accounts.
    RateLimits(Vec<RateLimits>),
    /// The dropped events that the user has not seen yet.
    DroppedEvents(DroppedEvents),
    /// The connection was lost, or an attempt to connect failed; the text says why.
    Disconnected(String),
    /// The problem of the daemon's version. `None` if there is none.
    Version(Option<String>),
    /// The daemon did not reply in time.
    Unresponsive,
    /// The daemon sent something.
    Responsive,
    /// The change that an install would make, or an error.
    InstallPreview(Result<String, String>),
    /// The output of an install, or an error.
    Installed(Result<String, String>),
    /// The terminal has this background.
    Background(Rgb),
    Notice(String),
    /// The outcome of a navigation.
    Navigated(NavigationOutcome),
    /// The screen of the pane that the last [`Effect::Peek`] asked for, or the reason why there is none.
    Peeked(Result<Vec<String>, String>),
    /// The options, after a start or a change of the configuration.
    Configured(Box<Options>),
}

/// A key or a click means that the user has seen the dropped events, if they have been on the screen for this time.
const DROPPED_EVENTS_VISIBLE_MS: u64 = 1000;

/// Applies a message that arrived at the time `now`.
pub fn update(model: &mut Model, message: Message, now: Timestamp) -> Vec<Effect> {
    if is_unchanged(model, &message) {
        return Vec::new();
    }
    model.now = now;
    model.needs_redraw = true;
    model.expire_notice();
    let filter = (model.rows.filter().to_owned(), model.rows.shows_dismissed());
    let former_index = model.selected_index();
    let mut effects = Vec::new();
    let is_input = matches!(message, Message::Key(_) | Message::Clicked { .. });
    // The event loop ignores the effects of the daemon's messages. The next tick comes at once if a request is due.
    let may_request = is_input || matches!(message, Message::ClockTick | Message::Peeked(_));
    match message {
        Message::Key(key) => effects = keys::on_key(model, key),
        Message::Pasted(text) => keys::on_paste(model, &text),
        Message::Clicked { column, line } => effects = mouse::on_click(model, column, line),
        Message::Wheel { column, line, down } => mouse::on_wheel(model, column, line, down),
        Message::Resized { width, height } => {
            peek::keep_end(model, |model| (model.width, model.height) = (width, height));
        }
        Message::ClockTick => {}
        Message::Rows(rows) => {
            model.connection = ConnectionState::Connected;
            model.rows.replace_all(rows);
        }
        Message::Row(row) => {
            let closes = closes_selected_row(model, &row);
            peek::note_change(model, &row);
            model.rows.insert(*row);
            if closes {
                model.selected = None;
            }
        }
        Message::Removed(key) => model.rows.remove(&key),
        Message::RateLimits(limits) => model.limits = limits,
        Message::DroppedEvents(dropped_events) => {
            (model.dropped_events, model.dropped_events_since) = (dropped_events, now);
        }
        Message::Version(problem) => {
            model.version_problem = problem;
            show_problems(model);
        }
        Message::Disconnected(why) => {
            // Further failed attempts do not change the time of the loss.
            let since = match model.connection {
                ConnectionState::Disconnected { since, .. } => since,
                ConnectionState::Connected
                | ConnectionState::Connecting
                | ConnectionState::Unresponsive { .. } => now,
            };
            model.connection = ConnectionState::Disconnected { why, since };
        }
        Message::Unresponsive => model.connection = ConnectionState::Unresponsive { since: now },
        Message::Responsive => model.connection = ConnectionState::Connected,
        Message::InstallPreview(Ok(change)) => {
            model.overlay = Some(Overlay::Install { change, scroll: 0 });
        }
        Message::InstallPreview(Err(why)) | Message::Installed(Err(why)) => model.notify(why),
        Message::Installed(Ok(output)) => {
            model.hooks = HookState::Installed;
            model.notify(output);
        }
        Message::Background(background) => {
            model.background = Some(background);
            model.theme = model.configured_theme.on(model.background);
        }
        Message::Notice(text) => model.notify(text),
        Message::Navigated(outcome) => effects = navigation::finish_navigation(model, outcome),
        Message::Peeked(screen) => peek::apply_reply(model, screen),
        Message::Configured(options) => configure(model, *options),
    }
    let is_filter_changed =
        filter != (model.rows.filter().to_owned(), model.rows.shows_dismissed());
    if is_input
        && !model.dropped_events.is_empty()
        && now.since(model.dropped_events_since) >= DROPPED_EVENTS_VISIBLE_MS
    {
        effects.push(Effect::DroppedEventsSeen(model.dropped_events.total()));
    }
    if !model.filtering && !model.rows.filter().is_empty() {
        model.rows.filter().clone_into(&mut model.last_filter);
    }
    if model.choice.as_ref().is_some_and(|choice| model.rows.get(choice.row()).is_none()) {
        model.choice = None;
    }
    keep_selection(model, is_filter_changed, former_index);
    model.expire_notice();
    if may_request {
        effects.extend(peek::request_if_due(model));
    }
    effects
}

/// Returns true if `new` closes the selected row on a strip, which shows only a few rows. The row moves down to the
/// other closed rows. If it stayed selected, the strip would scroll away from the rows that need the user, so the next
/// row in its place is selected instead. On a larger screen the selection stays on the row.
fn closes_selected_row(model: &Model, new: &Session) -> bool {
    let is_open = |row: &Session| row.key == new.key && row.status != Status::Closed;
    new.status == Status::Closed
        && !has_footer(model)
        && !new.pinned
        && model.overlay.is_none()
        && model.selected_row().is_some_and(is_open)
}

/// Returns true if a message changes nothing on the screen, so that no frame is needed.
fn is_unchanged(model: &Model, message: &Message) -> bool {
    match message {
        Message::Row(row) => model.rows.get(&row.key) == Some(row),
        Message::RateLimits(limits) => model.limits == *limits,
        Message::DroppedEvents(dropped_events) => model.dropped_events == *dropped_events,
        Message::Version(problem) => model.version_problem == *problem,
        Message::Removed(key) => model.rows.get(key).is_none(),
        Message::Disconnected(why) => {
            matches!(&model.connection, ConnectionState::Disconnected { why: known, .. } if known == why)
        }
        Message::Resized { width, height } => (model.width, model.height) == (*width, *height),
        Message::Unresponsive => matches!(model.connection, ConnectionState::Unresponsive { .. }),
        Message::Responsive => !matches!(model.connection, ConnectionState::Unresponsive { .. }),
        _ => false,
    }
}

/// Applies the options.
fn configure(model: &mut Model, options: Options) {
    if options.detail != model.configured_detail {
        // Only a change of the option counts: the user may have pressed the key since.
        model.configured_detail = options.detail;
        model.detail = options.detail;
    }
    model.layout_mode = options.layout_mode;
    if options.order != model.configured_order {
        model.configured_order = options.order;
        model.rows.set_sort(options.order);
    }
    model.headings = options.headings;
    model.configured_theme = options.theme;
    model.theme = options.theme.on(model.background);
    (model.title, model.report_status) = (options.title, options.report_status);
    model.keymap = options.keymap;
    model.configuration_problems = options.problems;
    show_problems(model);
    if let Some(notice) = options.notice {
        model.notify(notice);
    }
}

/// Shows all problems, including those that the user has hidden.
fn show_problems(model: &mut Model) {
    let version = model.version_problem.iter();
    model.problems = version.chain(&model.configuration_problems).cloned().collect();
    if model.problems.is_empty() && matches!(model.overlay, Some(Overlay::Problems { .. })) {
        model.overlay = None;
    }
}

/// Keeps the selection on its row, and the row in the visible part of the list.
fn keep_selection(model: &mut Model, is_filter_changed: bool, former_index: Option<usize>) {
    let former = model.selected.clone();
    selection::follow_urgent(model);
    let is_listed = |key: &RowKey| model.rows.index_of(key).is_some();
    if model.select_when_listed.as_ref().is_some_and(is_listed) {
        model.selected = model.select_when_listed.take();
    }
    let may_return = is_filter_changed || model.selected_index().is_none();
    if may_return && model.selection_before_filter.as_ref().is_some_and(is_listed) {
        model.selected = model.selection_before_filter.take();
    }
    if model.selected_index().is_none() {
        let former = model.selected.take();
        if is_filter_changed || model.rows.order().is_empty() {
            // The selection returns to this row when the filter is cleared.
            model.selection_before_filter = model.selection_before_filter.take().or(former);
        }
        // The row that is now in its place, or the last row.
        let index = former_index.unwrap_or(0).min(model.rows.order().len().saturating_sub(1));
        model.selected = model.rows.order().get(index).cloned();
        if matches!(model.overlay, Some(Overlay::Details { .. } | Overlay::Peek { .. })) {
            // The page must not change to another row while the user reads it.
            model.overlay = None;
        }
    }
    if model.selected != former {
        model.detail_scroll = 0;
    }
    model.detail_scroll = model.detail_scroll.min(detail::max_scroll(model));
    let index = model.selected_index().unwrap_or(0);
    model.scroll = if is_strip(model) {
        strip::first_chip(model, layout(model).list)
    } else {
        let height = usize::from(layout(model).list.height).max(1);
        let last = model.rows.order().len().saturating_sub(1);
        let first_with = |index| lines::first_row_if_last(model, index, height);
        model.scroll.min(index).max(first_with(index)).min(first_with(last))
    };
    let last = overlay::line_count(model).saturating_sub(overlay::height(model));
    let lines = overlay::height(model).max(1);
    if let Some(overlay) = &mut model.overlay {
        if let Overlay::Palette { scroll, index, .. } = overlay {
            *scroll = (*scroll).min(*index).max((*index + 1).saturating_sub(lines));
        }
        *overlay.scroll_mut() = overlay.scroll().min(last);
    }
}

/// Returns the milliseconds until a time on the screen changes. `None` if none will change.
pub fn next_clock(model: &Model) -> Option<u64> {
    let notice = model.notice.as_ref().map(|notice| notice.until.since(model.now));
    // Without the daemon the screen stands still, except that it shows the loss after a moment.
    let (clocks, loss) = match &model.connection {
        ConnectionState::Disconnected { since, .. } => {
            (Vec::new(), DISCONNECT_GRACE_MS.checked_sub(model.now.since(*since)))
        }
        ConnectionState::Unresponsive { .. } => (Vec::new(), None),
        ConnectionState::Connected | ConnectionState::Connecting => (clocks(model), None),
    };
    let peek = peek::next_request(model);
    let next =
        clocks.into_iter().chain(notice).chain(peek).chain(loss.filter(|rest| *rest > 0)).min();
    next.map(|milliseconds| milliseconds.max(1))
}
