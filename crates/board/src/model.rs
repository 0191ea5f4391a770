//! What the board knows. Plain data: [`crate::update`] alone changes it.

pub(crate) mod row_list;

use crate::keymap::Keymap;
use crate::model::row_list::Listing;
use crate::runtime::host::{DescribeVersion, plain_version};
use crate::theme::Theme;
use crate::update::navigation::Underway;
use crewboard_core::{RateLimits, RowKey, Session, Timestamp};
use crewboard_protocol::Losses;
use std::collections::HashMap;

/// Everything that is on the screen, or could be.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
pub struct Model {
    pub rows: HashMap<RowKey, Session>,
    /// The accounts' limits.
    pub limits: Vec<RateLimits>,
    /// The lost events that no client has shown the user yet, and since when they are on the screen.
    pub losses: Losses,
    pub losses_since: Timestamp,
    /// The rows that are listed, first to last.
    pub order: Vec<RowKey>,
    /// What is true of the rows together.
    pub listing: Listing,
    pub selected: Option<RowKey>,
    /// The row that was selected before the filter took it off the list.
    pub unlisted: Option<RowKey>,
    /// How many listed rows are above the window.
    pub above: usize,
    pub screen: Screen,
    pub overlay: Option<Overlay>,
    pub filter: String,
    /// Keys go into the filter.
    pub filtering: bool,
    pub detail: bool,
    pub show_dismissed: bool,
    pub link: Link,
    pub hooks: HookState,
    /// The profile that an agent uses here unless told otherwise.
    pub usual_profile: Option<String>,
    /// Writes an agent's name and version for people.
    pub describe_version: DescribeVersion,
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
    pub(crate) underway: Option<Underway>,
    /// The board leaves when somebody was taken to a row.
    pub once: bool,
    /// Something on the screen may be another than was drawn.
    pub dirty: bool,
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
        above: usize,
    },
    /// The selected row's details, however long.
    Whole {
        above: usize,
    },
    /// What is wrong with the options, in full.
    Problems {
        above: usize,
    },
    /// What installing the hooks would change; waits for yes or no.
    Install {
        change: String,
        above: usize,
    },
}

impl Overlay {
    /// How many of its lines are scrolled away.
    pub fn above(&self) -> usize {
        match self {
            Self::Help { above }
            | Self::Whole { above }
            | Self::Problems { above }
            | Self::Install { above, .. } => *above,
        }
    }

    pub(crate) fn above_mut(&mut self) -> &mut usize {
        match self {
            Self::Help { above }
            | Self::Whole { above }
            | Self::Problems { above }
            | Self::Install { above, .. } => above,
        }
    }
}

/// How it stands with the daemon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Link {
    Connecting,
    Live,
    /// It is there, and has not answered since: the picture may be old.
    Silent {
        since: Timestamp,
    },
    /// The picture is old: since when, and why.
    Lost {
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
            rows: HashMap::new(),
            limits: Vec::new(),
            losses: Losses::default(),
            losses_since: now,
            order: Vec::new(),
            listing: Listing::default(),
            selected: None,
            unlisted: None,
            above: 0,
            screen: Screen::List,
            overlay: None,
            filter: String::new(),
            filtering: false,
            detail: true,
            show_dismissed: false,
            link: Link::Connecting,
            hooks,
            usual_profile: None,
            describe_version: plain_version,
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
            underway: None,
            once: false,
            dirty: true,
        }
    }

    /// The listed rows, first to last.
    pub fn listed(&self) -> impl Iterator<Item = &Session> {
        self.order.iter().filter_map(|key| self.rows.get(key))
    }

    pub fn selected_row(&self) -> Option<&Session> {
        self.rows.get(self.selected.as_ref()?)
    }

    /// Where the selected row stands in the list.
    pub fn selected_index(&self) -> Option<usize> {
        row_list::index_of(self, self.selected.as_ref()?)
    }

    /// The row that has needed somebody longest.
    pub fn most_urgent(&self) -> Option<&Session> {
        self.rows.get(self.listing.urgent.as_ref()?)
    }

    /// The time of the picture: a daemon that is gone tells no more news, and ages that went on would
    /// claim to know that nothing happened.
    pub fn picture(&self) -> Timestamp {
        match &self.link {
            Link::Lost { since, .. } | Link::Silent { since } => *since,
            Link::Connecting | Link::Live => self.now,
        }
    }

    /// What is to be said of a daemon that tells nothing, once it is worth a word: most are back at once.
    pub fn loss(&self) -> Option<String> {
        match &self.link {
            Link::Lost { why, since } if self.now.since(*since) >= LOSS_MS => {
                Some(format!("no daemon: {why}; trying again"))
            }
            Link::Silent { .. } => {
                Some("the daemon does not answer; what is shown may be old".to_owned())
            }
            _ => None,
        }
    }
}

/// A daemon that is replaced is away for less than this.
pub(crate) const LOSS_MS: u64 = 400;
