//! What the board knows. Plain data: [`crate::update`] alone changes it.

pub(crate) mod agent_text;
pub(crate) mod navigation;
pub(crate) mod options;
pub mod row_list;

use crate::format::cells;
use crate::keymap::Keymap;
use crate::model::agent_text::AgentText;
use crate::model::navigation::PendingNavigation;
use crate::model::row_list::RowList;
use crate::theme::Theme;
use crewboard_core::{RateLimits, RowKey, Session, Timestamp};
use crewboard_protocol::Losses;
use std::borrow::Cow;

/// Everything that is on the screen, or could be.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
pub struct Model {
    pub rows: RowList,
    /// The accounts' limits.
    pub limits: Vec<RateLimits>,
    /// The lost events that no client has shown the user yet, and since when they are on the screen.
    pub losses: Losses,
    pub losses_since: Timestamp,
    pub selected: Option<RowKey>,
    /// The row that was selected before the filter took it off the list.
    pub selection_before_filter: Option<RowKey>,
    /// The number of listed rows above the window.
    pub scroll: usize,
    pub screen: Screen,
    pub overlay: Option<Overlay>,
    /// Keys go into the filter.
    pub filtering: bool,
    pub detail: bool,
    pub connection: ConnectionState,
    pub hooks: HookState,
    /// The profile that an agent uses here unless told otherwise.
    pub default_profile: Option<String>,
    pub(crate) agent_text: AgentText,
    pub notice: Option<Notice>,
    /// What is wrong with the daemon's version and with the options, the worst first, until it is mended or the user
    /// hides it.
    pub problems: Vec<String>,
    /// Of those, what is wrong with the configuration, and about the daemon's version.
    pub configuration_problems: Vec<String>,
    pub version_problem: Option<String>,
    pub now: Timestamp,
    pub width: u16,
    pub height: u16,
    pub theme: Theme,
    pub keymap: Keymap,
    /// What the options last said of the details.
    pub(crate) configured_detail: bool,
    pub(crate) last_click: Option<(RowKey, Timestamp)>,
    /// The row to which somebody is being taken, as it was when they set out.
    pub(crate) pending_navigation: Option<PendingNavigation>,
    /// The board leaves when somebody was taken to a row.
    pub quit_after_jump: bool,
    /// Something on the screen may be another than was drawn.
    pub needs_redraw: bool,
}

/// Which of the two main screens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Screen {
    List,
    Timeline,
}

/// What lies over the screen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Overlay {
    Help {
        scroll: usize,
    },
    /// The selected row's details, however long.
    Details {
        scroll: usize,
    },
    /// What is wrong with the options, in full.
    Problems {
        scroll: usize,
    },
    /// What installing the hooks would change; waits for yes or no.
    Install {
        change: String,
        scroll: usize,
    },
}

impl Overlay {
    /// How many of its lines are scrolled away.
    pub fn scroll(&self) -> usize {
        match self {
            Self::Help { scroll }
            | Self::Details { scroll }
            | Self::Problems { scroll }
            | Self::Install { scroll, .. } => *scroll,
        }
    }

    pub(crate) fn scroll_mut(&mut self) -> &mut usize {
        match self {
            Self::Help { scroll }
            | Self::Details { scroll }
            | Self::Problems { scroll }
            | Self::Install { scroll, .. } => scroll,
        }
    }
}

/// How it stands with the daemon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConnectionState {
    Connecting,
    Connected,
    /// It is there, and has not answered since: the picture may be old.
    Unresponsive {
        since: Timestamp,
    },
    /// The picture is old: since when, and why.
    Disconnected {
        why: String,
        since: Timestamp,
    },
}

/// Whether the agents tell us anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HookState {
    Installed,
    Missing,
    /// What is shown is a recording, to which no agent tells anything.
    NotApplicable,
}

/// A sentence for a few seconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    pub text: String,
    pub until: Timestamp,
}

impl Model {
    pub fn new(theme: Theme, keymap: Keymap, hooks: HookState, now: Timestamp) -> Self {
        Self {
            rows: RowList::new(AgentText::PLAIN),
            limits: Vec::new(),
            losses: Losses::default(),
            losses_since: now,
            selected: None,
            selection_before_filter: None,
            scroll: 0,
            screen: Screen::List,
            overlay: None,
            filtering: false,
            detail: true,
            connection: ConnectionState::Connecting,
            hooks,
            default_profile: None,
            agent_text: AgentText::PLAIN,
            notice: None,
            problems: Vec::new(),
            configuration_problems: Vec::new(),
            version_problem: None,
            now,
            width: 0,
            height: 0,
            theme,
            keymap,
            configured_detail: true,
            last_click: None,
            pending_navigation: None,
            quit_after_jump: false,
            needs_redraw: true,
        }
    }

    /// Sets the functions that write an agent's texts.
    pub fn set_agent_text(&mut self, agent_text: AgentText) {
        self.agent_text = agent_text;
        self.rows.set_agent_text(agent_text);
    }

    /// Shows a notice for a few seconds.
    pub(crate) fn notify(&mut self, text: impl Into<String>) {
        self.notice = Some(Notice { text: text.into(), until: Timestamp(self.now.0 + NOTICE_MS) });
    }

    /// Returns a session's name, with its branch if several sessions have the same name.
    pub(crate) fn display_name<'a>(&self, row: &'a Session) -> Cow<'a, str> {
        cells::display_name(row, self.rows.totals().is_shared(&row.name), self.theme.unicode)
    }

    pub fn selected_row(&self) -> Option<&Session> {
        self.rows.get(self.selected.as_ref()?)
    }

    /// Where the selected row stands in the list.
    pub fn selected_index(&self) -> Option<usize> {
        self.rows.index_of(self.selected.as_ref()?)
    }

    /// The time of the picture: a daemon that is gone tells no more news, and ages that went on would
    /// claim to know that nothing happened.
    pub fn display_time(&self) -> Timestamp {
        match &self.connection {
            ConnectionState::Disconnected { since, .. }
            | ConnectionState::Unresponsive { since } => *since,
            ConnectionState::Connecting | ConnectionState::Connected => self.now,
        }
    }

    /// What is to be said of a daemon that tells nothing, once it is worth a word: most are back at once.
    pub fn connection_problem(&self) -> Option<String> {
        match &self.connection {
            ConnectionState::Disconnected { why, since }
                if self.now.since(*since) >= DISCONNECT_GRACE_MS =>
            {
                Some(format!("no daemon: {why}; trying again"))
            }
            ConnectionState::Unresponsive { .. } => {
                Some("the daemon does not answer; what is shown may be old".to_owned())
            }
            _ => None,
        }
    }
}

/// A daemon that is replaced is away for less than this.
pub(crate) const DISCONNECT_GRACE_MS: u64 = 400;

/// A notice is shown for this time.
const NOTICE_MS: u64 = 5000;
