//! The table of options: what may stand in the file, what holds without it, and what it means.
//!
//! Reading, the commented file and the documentation all go by it.

use crate::duration::duration_word;
use std::fmt;
use std::time::Duration;

/// What the configuration is told of the board, whose words these are.
#[derive(Debug, Clone)]
pub struct Known {
    /// The themes, the default first.
    pub themes: Vec<&'static str>,
    /// The theme without colours, for `NO_COLOR`.
    pub colourless: &'static str,
    pub actions: Vec<Action>,
    /// The statuses that may need somebody.
    pub needing: Vec<&'static str>,
    /// What `[[on]]` may be for.
    pub occasions: Vec<&'static str>,
    /// Which keys there are, for the documentation.
    pub key_words: &'static str,
    /// A key's one spelling, or what is wrong with the word.
    pub key: fn(&str) -> Result<String, String>,
}

/// Something that keys do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Action {
    pub name: &'static str,
    pub keys: Vec<String>,
    pub help: &'static str,
    /// Without a key for it the user would be stuck.
    pub needed: bool,
}

/// What an option is set to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// One of the option's allowed words.
    Word(String),
    /// Any of them.
    Words(Vec<String>),
    Switch(bool),
    Time(Duration),
    Keys(Vec<String>),
}

/// As it is written in the file.
impl fmt::Display for Value {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Word(word) => write!(formatter, "{}", quoted(word)),
            Self::Switch(on) => write!(formatter, "{on}"),
            Self::Time(duration) => write!(formatter, "{}", quoted(&duration_word(*duration))),
            Self::Words(words) | Self::Keys(words) => {
                let words: Vec<String> = words.iter().map(|word| quoted(word)).collect();
                write!(formatter, "[{}]", words.join(", "))
            }
        }
    }
}

/// A TOML string.
fn quoted(text: &str) -> String {
    match text {
        // Of several lines. Its escapes are TOML's too.
        _ if text.contains(char::is_control) => format!("{text:?}"),
        _ if !text.contains(['"', '\\']) => format!("\"{text}\""),
        _ if !text.contains('\'') => format!("'{text}'"),
        _ => format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")),
    }
}

/// One option.
#[derive(Debug, Clone)]
pub struct Entry {
    pub section: &'static str,
    pub name: &'static str,
    pub help: String,
    pub default: Value,
    /// The allowed words of a [`Value::Word`] or [`Value::Words`].
    pub allowed: Vec<&'static str>,
    pub(crate) needed: bool,
}

impl Entry {
    /// `section.name`.
    pub fn full_name(&self) -> String {
        format!("{}.{}", self.section, self.name)
    }
}

pub(crate) const BOARD: &str = "board";
pub(crate) const KEYS: &str = "keys";
pub(crate) const NOTIFY: &str = "notify";
pub(crate) const DAEMON: &str = "daemon";
pub(crate) const DESKTOP: &str = "desktop";
pub(crate) const TERMINAL: &str = "terminal";
pub(crate) const STATUSES: &str = "statuses";
pub(crate) const CONTENT: &str = "content";
pub(crate) const THEME: &str = "theme";
pub(crate) const DETAIL: &str = "detail";
pub(crate) const IDLE_EXIT: &str = "idle_exit";

/// The variable that wins over `daemon.idle_exit`.
pub(crate) const IDLE_EXIT_VARIABLE: &str = "CREWBOARD_IDLE_EXIT";

/// How long the daemon stays with nobody to serve: long enough to outlast a lunch.
pub(crate) const IDLE_EXIT_DEFAULT: Duration = Duration::from_secs(3600);

/// What a board can do to be noticed.
const RINGS: [&str; 4] = ["bell", "osc9", "osc777", "off"];

/// All options.
#[derive(Debug, Clone)]
pub struct Schema {
    pub(crate) known: Known,
    entries: Vec<Entry>,
}

impl Schema {
    pub fn new(known: Known) -> Self {
        let option = |section, name, default, help: &str| Entry {
            section,
            name,
            help: help.to_owned(),
            default,
            allowed: Vec::new(),
            needed: false,
        };
        let theme = Value::Word(known.themes.first().copied().unwrap_or_default().to_owned());
        let mut entries = vec![
            Entry {
                allowed: known.themes.clone(),
                ..option(
                    BOARD,
                    THEME,
                    theme,
                    "The colours. Where none is set here and NO_COLOR is set in the environment, plain.",
                )
            },
            option(
                BOARD,
                DETAIL,
                Value::Switch(true),
                "Whether the board opens with the details of the selected session.",
            ),
        ];
        for action in &known.actions {
            let keys = Value::Keys(action.keys.clone());
            entries.push(Entry {
                needed: action.needed,
                ..option(KEYS, action.name, keys, action.help)
            });
        }
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        entries.extend([
            Entry {
                allowed: known.needing.clone(),
                ..option(
                    NOTIFY,
                    STATUSES,
                    Value::Words(words(&known.needing)),
                    "Of which statuses you are told, where a session needs you.",
                )
            },
            option(
                NOTIFY,
                DESKTOP,
                Value::Switch(true),
                "Whether the desktop's own notifier tells you (notify-send; on macOS osascript), where there is one.",
            ),
            Entry {
                allowed: RINGS.to_vec(),
                ..option(
                    NOTIFY,
                    TERMINAL,
                    Value::Word("bell".to_owned()),
                    "What one of the open boards writes to its terminal: a bell, a notification as iTerm2, WezTerm, \
                     Ghostty and kitty (osc9) or foot and rxvt (osc777) take it, or nothing.",
                )
            },
            option(
                NOTIFY,
                CONTENT,
                Value::Switch(false),
                "Whether the question or the command is told too. Else only the project and the status are: others \
                 may see your screen.",
            ),
        ]);
        entries.push(option(
            DAEMON,
            IDLE_EXIT,
            Value::Time(IDLE_EXIT_DEFAULT),
            "How long the daemon stays with nobody to serve, such as 90s, 30m or 2h. \
             CREWBOARD_IDLE_EXIT wins over it.",
        ));
        Self { known, entries }
    }

    /// The options, section by section.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The sections with what is to be said of each.
    pub(crate) fn sections(&self) -> [(&'static str, String); 4] {
        let keys = format!(
            "What the board's keys do: a key or a list of keys for each action, instead of its \
             own. A key taken from another action is that one's no more; [] leaves an action \
             without a key. Keys are {}.",
            self.known.key_words
        );
        [
            (BOARD, "How the board looks. A change shows at once.".to_owned()),
            (KEYS, keys),
            (
                NOTIFY,
                "How you are told that a session needs you. A change counts at once.".to_owned(),
            ),
            (DAEMON, "What keeps the rows. A change counts at once.".to_owned()),
        ]
    }
}
