//! What each message changes, and what is to be done about it.

pub(crate) mod effect;
pub(crate) mod keys;
pub(crate) mod navigation;

pub use effect::Effect;

use crate::keymap::Key;
use crate::layout::{FULL, visible_rows};
use crate::model::navigation::NavigationOutcome;
use crate::model::options::Options;
use crate::model::{ConnectionState, DISCONNECT_GRACE_MS, HookState, Model, Overlay};
use crate::view::{clocks, overlay};
use crewboard_core::{RateLimits, RowKey, Session, Status, Timestamp};
use crewboard_protocol::Losses;

/// Everything that can happen to the board.
#[derive(Debug, Clone)]
pub enum Message {
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
    ClockTick,
    /// All rows, as they are now.
    Rows(Vec<Session>),
    Row(Box<Session>),
    Removed(RowKey),
    /// The accounts' limits, all of them.
    RateLimits(Vec<RateLimits>),
    /// The lost events that no client has shown the user yet.
    Losses(Losses),
    /// The daemon is gone.
    Disconnected(String),
    /// What is wrong about the daemon's version; `None` where nothing is.
    Version(Option<String>),
    /// The daemon was asked something, and has not answered in time.
    Unresponsive,
    /// It has said something.
    Answered,
    /// What installing would change, or why it cannot.
    InstallPreview(Result<String, String>),
    /// What the install said.
    Installed(Result<String, String>),
    Notice(String),
    /// What came of an errand.
    Navigated(NavigationOutcome),
    /// The options are these now.
    Configured(Box<Options>),
}

/// How long lost events are on the screen before a key or a click says that the user has seen them.
const LOSSES_READ_MS: u64 = 1000;

/// Takes in a message at the time `now`.
pub fn update(model: &mut Model, message: Message, now: Timestamp) -> Vec<Effect> {
    if is_known(model, &message) {
        return Vec::new();
    }
    model.now = now;
    model.needs_redraw = true;
    if model.notice.as_ref().is_some_and(|notice| notice.until <= now) {
        model.notice = None;
    }
    let filter = (model.rows.filter().to_owned(), model.rows.shows_dismissed());
    let stood_at = model.selected_index();
    let mut effects = Vec::new();
    let is_input = matches!(message, Message::Key(_) | Message::Clicked { .. });
    match message {
        Message::Key(key) => effects = keys::on_key(model, key),
        Message::Pasted(text) => keys::pasted(model, &text),
        Message::Clicked { column, line } => effects = keys::on_click(model, column, line),
        Message::WheelUp => keys::step(model, -1),
        Message::WheelDown => keys::step(model, 1),
        Message::Resized { width, height } => (model.width, model.height) = (width, height),
        Message::ClockTick => {}
        Message::Rows(rows) => {
            model.connection = ConnectionState::Connected;
            model.rows.replace_all(rows);
        }
        Message::Row(row) => {
            let closes = closes_under_the_selection(model, &row);
            model.rows.insert(*row);
            if closes {
                model.selected = None;
            }
        }
        Message::Removed(key) => model.rows.remove(&key),
        Message::RateLimits(limits) => model.limits = limits,
        Message::Losses(losses) => (model.losses, model.losses_since) = (losses, now),
        Message::Version(problem) => {
            model.version_problem = problem;
            show_problems(model);
        }
        Message::Disconnected(why) => {
            // Gone since it was first found gone, however often it is looked for.
            let since = match model.connection {
                ConnectionState::Disconnected { since, .. } => since,
                ConnectionState::Connected
                | ConnectionState::Connecting
                | ConnectionState::Unresponsive { .. } => now,
            };
            model.connection = ConnectionState::Disconnected { why, since };
        }
        Message::Unresponsive => model.connection = ConnectionState::Unresponsive { since: now },
        Message::Answered => model.connection = ConnectionState::Connected,
        Message::InstallPreview(Ok(change)) => {
            model.overlay = Some(Overlay::Install { change, scroll: 0 });
        }
        Message::InstallPreview(Err(why)) | Message::Installed(Err(why)) => model.notify(why),
        Message::Installed(Ok(said)) => {
            model.hooks = HookState::Installed;
            model.notify(said);
        }
        Message::Notice(text) => model.notify(text),
        Message::Navigated(went) => effects = navigation::finish_navigation(model, went),
        Message::Configured(options) => configure(model, *options),
    }
    let is_filter_changed =
        filter != (model.rows.filter().to_owned(), model.rows.shows_dismissed());
    if is_input && !model.losses.is_empty() && now.since(model.losses_since) >= LOSSES_READ_MS {
        effects.push(Effect::LossesSeen(model.losses.total()));
    }
    keep_selection(model, is_filter_changed, stood_at);
    effects
}

/// Whether the selected row is over with this news, on a strip that shows nothing but a few rows. It goes down to the
/// other closed ones, and must not drag the window there, away from those that wait: what stands in its place is
/// selected. Where there is room to act on a row and to read of it, the selection stays with it.
fn closes_under_the_selection(model: &Model, news: &Session) -> bool {
    let is_open = |row: &Session| row.key == news.key && row.status != Status::Closed;
    news.status == Status::Closed
        && model.height < FULL
        && !news.pinned
        && model.overlay.is_none()
        && model.selected_row().is_some_and(is_open)
}

/// Whether a message says what is on the screen already: then nothing is to be drawn.
fn is_known(model: &Model, message: &Message) -> bool {
    match message {
        Message::Row(row) => model.rows.get(&row.key) == Some(row),
        Message::RateLimits(limits) => model.limits == *limits,
        Message::Losses(losses) => model.losses == *losses,
        Message::Version(problem) => model.version_problem == *problem,
        Message::Removed(key) => model.rows.get(key).is_none(),
        Message::Disconnected(why) => {
            matches!(&model.connection, ConnectionState::Disconnected { why: known, .. } if known == why)
        }
        Message::Resized { width, height } => (model.width, model.height) == (*width, *height),
        Message::Unresponsive => matches!(model.connection, ConnectionState::Unresponsive { .. }),
        Message::Answered => !matches!(model.connection, ConnectionState::Unresponsive { .. }),
        _ => false,
    }
}

fn configure(model: &mut Model, options: Options) {
    if options.detail != model.configured_detail {
        // Only a change of the option: the user's key may have said otherwise since.
        model.configured_detail = options.detail;
        model.detail = options.detail;
    }
    model.theme = options.theme;
    model.keymap = options.keymap;
    model.configuration_problems = options.problems;
    show_problems(model);
    if let Some(notice) = options.notice {
        model.notify(notice);
    }
}

/// Shows what is wrong, also what was hidden before.
fn show_problems(model: &mut Model) {
    let version = model.version_problem.iter();
    model.problems = version.chain(&model.configuration_problems).cloned().collect();
    if model.problems.is_empty() && matches!(model.overlay, Some(Overlay::Problems { .. })) {
        model.overlay = None;
    }
}

/// Puts the list in order, keeps the selection on its row, and the row in the window.
fn keep_selection(model: &mut Model, is_filter_changed: bool, stood_at: Option<usize>) {
    let is_listed = |key: &RowKey| model.rows.index_of(key).is_some();
    let may_return = is_filter_changed || model.selected_index().is_none();
    if may_return && model.selection_before_filter.as_ref().is_some_and(is_listed) {
        model.selected = model.selection_before_filter.take();
    }
    if model.selected_index().is_none() {
        let former = model.selected.take();
        if is_filter_changed || model.rows.order().is_empty() {
            // A filter must not cost the place in the list.
            model.selection_before_filter = model.selection_before_filter.take().or(former);
        }
        // What stands in its place now, or the last.
        let index = stood_at.unwrap_or(0).min(model.rows.order().len().saturating_sub(1));
        model.selected = model.rows.order().get(index).cloned();
        if matches!(model.overlay, Some(Overlay::Details { .. })) {
            // It was about that row, and must not become another's under somebody's eyes.
            model.overlay = None;
        }
    }
    let height = visible_rows(model).max(1);
    let index = model.selected_index().unwrap_or(0);
    model.scroll = model
        .scroll
        .min(index)
        .max((index + 1).saturating_sub(height))
        .min(model.rows.order().len().saturating_sub(height));
    let last = overlay::lines_in_all(model).saturating_sub(overlay::height(model));
    if let Some(overlay) = &mut model.overlay {
        *overlay.scroll_mut() = overlay.scroll().min(last);
    }
}

/// Milliseconds until something on the screen is another with no message but the time, if ever.
pub fn next_clock(model: &Model) -> Option<u64> {
    let notice = model.notice.as_ref().map(|notice| notice.until.since(model.now));
    // The picture of a daemon that is gone stands still, but for the word that it is gone.
    let (clocks, loss) = match &model.connection {
        ConnectionState::Disconnected { since, .. } => {
            (Vec::new(), DISCONNECT_GRACE_MS.checked_sub(model.now.since(*since)))
        }
        ConnectionState::Unresponsive { .. } => (Vec::new(), None),
        ConnectionState::Connected | ConnectionState::Connecting => (clocks(model), None),
    };
    let next = clocks.into_iter().chain(notice).chain(loss.filter(|rest| *rest > 0)).min();
    next.map(|milliseconds| milliseconds.max(1))
}
