//! The state of the board. It is plain data, and only [`crate::update`] changes it.

pub(crate) mod agent_text;
pub mod choice;
pub(crate) mod filter;
pub mod group;
pub(crate) mod navigation;
pub(crate) mod notice;
pub(crate) mod options;
pub mod order;
pub(crate) mod peek;
pub(crate) mod row_counts;
pub mod row_list;
pub(crate) mod totals;
pub(crate) mod undo;

use crate::colour::Rgb;
use crate::keymap::Keymap;
use crate::model::agent_text::AgentText;
use crate::model::choice::Choice;
use crate::model::navigation::PendingNavigation;
use crate::model::notice::Notice;
use crate::model::options::LayoutMode;
use crate::model::order::RowOrder;
use crate::model::peek::Peek;
use crate::model::row_list::RowList;
use crate::model::undo::UndoStep;
use crate::theme::Theme;
use crewboard_core::{RateLimits, RowKey, Session, Timestamp};
use crewboard_protocol::DroppedEvents;

/// Everything that the board can show.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "the flags are independent")]
pub struct Model {
    pub rows: RowList,
    /// The rate limits of all accounts.
    pub limits: Vec<RateLimits>,
    /// The dropped events that the user has not seen yet.
    pub dropped_events: DroppedEvents,
    /// The time at which they appeared on the screen.
    pub dropped_events_since: Timestamp,
    pub selected: Option<RowKey>,
    /// The row that was selected before the filter excluded it.
    pub selection_before_filter: Option<RowKey>,
    /// The number of listed rows above the visible part.
    pub scroll: usize,
    /// The number of lines of the details above their visible part.
    pub(crate) detail_scroll: usize,
    /// The selection follows the most urgent row, because the user has not moved it yet.
    pub follows_urgent: bool,
    /// A row to select as soon as it is listed.
    pub(crate) select_when_listed: Option<RowKey>,
    pub screen: Screen,
    pub overlay: Option<Overlay>,
    /// Keys edit the filter.
    pub filtering: bool,
    /// The last filter, for the next match.
    pub(crate) last_filter: String,
    /// A question about a row that the next key answers.
    pub choice: Option<Choice>,
    /// The marks that can be undone, the last one last.
    pub(crate) undo: Vec<UndoStep>,
    pub detail: bool,
    /// The form of the main screen: a list or a strip.
    pub layout_mode: LayoutMode,
    /// The hours that the timeline shows, if the user has chosen them.
    pub(crate) timeline_hours: Option<u64>,
    /// The last value of the option `order`.
    pub(crate) configured_order: RowOrder,
    /// Shows headings over the columns of the list and over its groups.
    pub headings: bool,
    /// The terminal's title shows how many sessions need the user.
    pub(crate) title: bool,
    /// The terminal gets the status by the Program Status Protocol, if it knows it.
    pub(crate) report_status: bool,
    pub connection: ConnectionState,
    pub hooks: HookState,
    /// The profile that an agent uses by default.
    pub default_profile: Option<String>,
    /// The words with which a shell runs this program.
    pub program: String,
    pub(crate) agent_text: AgentText,
    pub notice: Option<Notice>,
    /// The problems of the daemon's version and of the configuration, the worst first. Empty after the user has hidden
    /// them.
    pub problems: Vec<String>,
    /// The problems of the configuration, also while they are hidden.
    pub configuration_problems: Vec<String>,
    /// The problem of the daemon's version, also while it is hidden.
    pub version_problem: Option<String>,
    pub now: Timestamp,
    pub width: u16,
    pub height: u16,
    /// The colours and characters in use.
    pub theme: Theme,
    /// The theme of the options. `auto` depends on the background.
    pub(crate) configured_theme: Theme,
    /// The terminal's background, if it is known.
    pub(crate) background: Option<Rgb>,
    pub keymap: Keymap,
    /// The last value of the option `detail`.
    pub(crate) configured_detail: bool,
    pub(crate) last_click: Option<(RowKey, Timestamp)>,
    /// The navigation that has not ended yet.
    pub(crate) pending_navigation: Option<PendingNavigation>,
    pub(crate) peek: Peek,
    /// The board quits after a jump.
    pub quit_after_jump: bool,
    /// The screen may differ from the last frame.
    pub needs_redraw: bool,
}

/// The two main screens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Screen {
    List,
    Timeline,
}

/// A page that covers the main screen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Overlay {
    /// The keys, statuses and signs. The filter leaves the lines that have its words.
    Help { scroll: usize, filter: String, filtering: bool },
    /// All actions by name. The query leaves those that match.
    Palette { scroll: usize, query: String, index: usize },
    /// The full details of the selected row.
    Details { scroll: usize },
    /// The full text of all problems.
    Problems { scroll: usize },
    /// The change that an install of the hooks would make. It waits for `y` or `n`.
    Install { change: String, scroll: usize },
    /// The screen of the selected row's pane.
    Peek { scroll: usize },
}

impl Overlay {
    /// Returns the number of lines above the visible part.
    pub fn scroll(&self) -> usize {
        match self {
            Self::Help { scroll, .. }
            | Self::Palette { scroll, .. }
            | Self::Details { scroll }
            | Self::Problems { scroll }
            | Self::Peek { scroll }
            | Self::Install { scroll, .. } => *scroll,
        }
    }

    pub(crate) fn scroll_mut(&mut self) -> &mut usize {
        match self {
            Self::Help { scroll, .. }
            | Self::Palette { scroll, .. }
            | Self::Details { scroll }
            | Self::Problems { scroll }
            | Self::Peek { scroll }
            | Self::Install { scroll, .. } => scroll,
        }
    }
}

/// The state of the connection to the daemon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConnectionState {
    Connecting,
    Connected,
    /// The daemon has not replied since this time, so the rows may be old.
    Unresponsive {
        since: Timestamp,
    },
    /// The connection was lost, so the rows are old.
    Disconnected {
        why: String,
        since: Timestamp,
    },
}

/// The state of the agents' hooks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HookState {
    Installed,
    Missing,
    /// The board shows a recording, which no hook can change.
    NotApplicable,
}

impl Model {
    pub fn new(theme: Theme, keymap: Keymap, hooks: HookState, now: Timestamp) -> Self {
        Self {
            rows: RowList::new(AgentText::PLAIN),
            limits: Vec::new(),
            dropped_events: DroppedEvents::default(),
            dropped_events_since: now,
            selected: None,
            selection_before_filter: None,
            scroll: 0,
            detail_scroll: 0,
            follows_urgent: true,
            select_when_listed: None,
            screen: Screen::List,
            overlay: None,
            filtering: false,
            last_filter: String::new(),
            choice: None,
            undo: Vec::new(),
            detail: true,
            layout_mode: LayoutMode::Auto,
            timeline_hours: None,
            configured_order: RowOrder::default(),
            headings: true,
            title: false,
            report_status: false,
            connection: ConnectionState::Connecting,
            hooks,
            default_profile: None,
            program: "crewboard".to_owned(),
            agent_text: AgentText::PLAIN,
            notice: None,
            problems: Vec::new(),
            configuration_problems: Vec::new(),
            version_problem: None,
            now,
            width: 0,
            height: 0,
            theme: theme.on(None),
            configured_theme: theme,
            background: None,
            keymap,
            configured_detail: true,
            last_click: None,
            pending_navigation: None,
            peek: Peek::default(),
            quit_after_jump: false,
            needs_redraw: true,
        }
    }

    /// Sets the functions that write an agent's texts.
    pub fn set_agent_text(&mut self, agent_text: AgentText) {
        self.agent_text = agent_text;
        self.rows.set_agent_text(agent_text);
    }

    /// Returns a row's name, or the label that tells it apart from rows with the same name.
    pub(crate) fn display_name<'a>(&'a self, row: &'a Session) -> &'a str {
        self.rows.totals().display_name(row)
    }

    /// Returns true if the user edits the filter, has to answer a question, or has not read a notice yet.
    pub(crate) fn has_message(&self) -> bool {
        self.filtering || self.choice.is_some() || self.notice.is_some()
    }

    pub fn selected_row(&self) -> Option<&Session> {
        self.rows.get(self.selected.as_ref()?)
    }

    /// Returns the index of the selected row in the list.
    pub fn selected_index(&self) -> Option<usize> {
        self.rows.index_of(self.selected.as_ref()?)
    }

    /// Returns the time to which ages are shown. It stands still without the daemon: ages that grew would claim that
    /// nothing has happened since.
    pub fn display_time(&self) -> Timestamp {
        match &self.connection {
            ConnectionState::Disconnected { since, .. }
            | ConnectionState::Unresponsive { since } => *since,
            ConnectionState::Connecting | ConnectionState::Connected => self.now,
        }
    }

    /// Returns a message if the daemon cannot be reached. A short loss gives none, because a daemon that restarts is
    /// back at once.
    pub fn connection_problem(&self) -> Option<String> {
        match &self.connection {
            ConnectionState::Disconnected { why, since }
                if self.now.since(*since) >= DISCONNECT_GRACE_MS =>
            {
                Some(format!("disconnected: {why}; retrying"))
            }
            ConnectionState::Unresponsive { .. } => {
                Some("the daemon does not answer; the board may be out of date".to_owned())
            }
            _ => None,
        }
    }
}

/// A loss of the connection is shown after this time: a daemon that is replaced is back sooner.
pub(crate) const DISCONNECT_GRACE_MS: u64 = 400;
