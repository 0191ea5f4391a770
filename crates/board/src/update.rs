//! What each message changes, and what is to be done about it.

pub(crate) mod keys;
pub(crate) mod navigation;

use crate::keymap::Key;
use crate::layout::{FULL, visible_rows};
use crate::model::row_list;
use crate::model::{HookState, LOSS_MS, Link, Model, Notice, Overlay};
use crate::runtime::host::Options;
use crate::update::navigation::{Navigation, NavigationOutcome};
use crewboard_core::{Mark, RateLimits, RowKey, Session, Status, Timestamp};
use crewboard_protocol::Losses;

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
    RateLimits(Vec<RateLimits>),
    /// The lost events that no client has shown the user yet.
    Losses(Losses),
    /// The daemon is gone.
    Lost(String),
    /// What is wrong about the daemon's version; `None` where nothing is.
    Version(Option<String>),
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
    Navigated(NavigationOutcome),
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
        errand: Navigation,
        row: Box<Session>,
    },
    /// Run on this terminal what an errand left to be run.
    RunHere,
    /// Tell the daemon that the user has seen that so many events were lost.
    LossesSeen(u64),
    /// Find out what installing the hooks would change.
    AskForChange,
    Install,
    Redraw,
    Suspend,
    Quit,
}

/// How long lost events are on the screen before a key or a click says that the user has seen them.
const LOSSES_READ_MS: u64 = 1000;

/// How long a notice stays.
const NOTICE_MS: u64 = 5000;

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
    let is_input = matches!(message, Msg::Key(_) | Msg::Clicked { .. });
    match message {
        Msg::Key(key) => effects = keys::on_key(model, key),
        Msg::Pasted(text) => keys::pasted(model, &text),
        Msg::Clicked { column, line } => effects = keys::on_click(model, column, line),
        Msg::WheelUp => keys::step(model, -1),
        Msg::WheelDown => keys::step(model, 1),
        Msg::Resized { width, height } => (model.width, model.height) = (width, height),
        Msg::Clock => {}
        Msg::Rows(rows) => {
            model.link = Link::Live;
            model.rows = rows.into_iter().map(|row| (row.key.clone(), row)).collect();
            changed = Changed::Rows;
        }
        Msg::Row(row) => {
            let closes = closes_under_the_selection(model, &row);
            row_list::replace(model, &row.key.clone(), Some(*row));
            if closes {
                model.selected = None;
            }
        }
        Msg::Removed(key) => row_list::replace(model, &key, None),
        Msg::RateLimits(limits) => model.limits = limits,
        Msg::Losses(losses) => (model.losses, model.losses_since) = (losses, now),
        Msg::Version(problem) => {
            model.version_problem = problem;
            show_problems(model);
        }
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
            model.hooks = HookState::Installed;
            say(model, said);
        }
        Msg::Say(text) => say(model, text),
        Msg::Navigated(went) => effects = navigation::over(model, went),
        Msg::Configured(options) => configure(model, *options),
    }
    if filter != (model.filter.clone(), model.show_dismissed) {
        changed = Changed::Filter;
    }
    if is_input && !model.losses.is_empty() && now.since(model.losses_since) >= LOSSES_READ_MS {
        effects.push(Effect::LossesSeen(model.losses.total()));
    }
    arrange(model, &changed, stood_at);
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
fn is_known(model: &Model, message: &Msg) -> bool {
    match message {
        Msg::Row(row) => model.rows.get(&row.key) == Some(row),
        Msg::RateLimits(limits) => model.limits == *limits,
        Msg::Losses(losses) => model.losses == *losses,
        Msg::Version(problem) => model.version_problem == *problem,
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
    model.theme = options.theme;
    model.keymap = options.keymap;
    model.configuration_problems = options.problems;
    show_problems(model);
    if let Some(notice) = options.notice {
        say(model, notice);
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
fn arrange(model: &mut Model, changed: &Changed, stood_at: Option<usize>) {
    match changed {
        Changed::Nothing => {}
        Changed::Filter => row_list::arrange_filter(model),
        Changed::Rows => row_list::arrange_all(model),
    }
    let is_listed = |key: &RowKey| row_list::index_of(model, key).is_some();
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
