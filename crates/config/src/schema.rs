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
            Self::Keys(keys) => {
                let keys: Vec<String> = keys.iter().map(|key| quoted(key)).collect();
                write!(formatter, "[{}]", keys.join(", "))
            }
        }
    }
}

/// A TOML string. Only a key can be a character that needs care.
fn quoted(text: &str) -> String {
    match text {
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
    /// The allowed words of a [`Value::Word`].
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
pub(crate) const DAEMON: &str = "daemon";
pub(crate) const THEME: &str = "theme";
pub(crate) const DETAIL: &str = "detail";
pub(crate) const IDLE_EXIT: &str = "idle_exit";

/// The variable that wins over `daemon.idle_exit`.
pub(crate) const IDLE_EXIT_VARIABLE: &str = "CREWBOARD_IDLE_EXIT";

/// How long the daemon stays with nobody to serve: long enough to outlast a lunch.
pub(crate) const IDLE_EXIT_DEFAULT: Duration = Duration::from_secs(3600);

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
    pub(crate) fn sections(&self) -> [(&'static str, String); 3] {
        let keys = format!(
            "What the board's keys do: a key or a list of keys for each action, instead of its \
             own. A key taken from another action is that one's no more; [] leaves an action \
             without a key. Keys are {}.",
            self.known.key_words
        );
        [
            (BOARD, "How the board looks. A change shows at once.".to_owned()),
            (KEYS, keys),
            (DAEMON, "Read when the daemon starts.".to_owned()),
        ]
    }
}
