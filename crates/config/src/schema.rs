//! The table of options, with their allowed values, defaults and help.
//!
//! The parser, the commented file and the documentation use this table.

use crate::duration::duration_word;
use crate::hours::Hours;
use std::fmt;
use std::time::Duration;

/// The names that the board and core define, for the schema.
#[derive(Debug, Clone)]
pub struct Known {
    /// The themes, the default first.
    pub themes: Vec<&'static str>,
    /// The orders of the list, the default first.
    pub orders: Vec<&'static str>,
    /// The theme without colours, for `NO_COLOR`.
    pub colourless: &'static str,
    pub actions: Vec<Action>,
    /// The statuses that may notify the user.
    pub notify_statuses: Vec<&'static str>,
    /// The statuses that an `[[on]]` rule may have.
    pub rule_statuses: Vec<&'static str>,
    /// A description of the keys, for the documentation.
    pub key_words: &'static str,
    /// Returns the canonical spelling of a key, or an error.
    pub parse_key: fn(&str) -> Result<String, String>,
}

/// An action of the board to which keys are bound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Action {
    pub name: &'static str,
    pub keys: Vec<String>,
    pub help: &'static str,
    /// True if the action must keep a key.
    pub required: bool,
}

/// The value of an option.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// One of the option's allowed words.
    Word(String),
    /// A list of the option's allowed words.
    Words(Vec<String>),
    /// Any text.
    Text(String),
    Switch(bool),
    Time(Duration),
    /// Hours of the day, or none.
    Hours(Option<Hours>),
    /// The path of a file, or an empty text.
    Path(String),
    Keys(Vec<String>),
}

/// Writes the value as TOML.
impl fmt::Display for Value {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Word(word) | Self::Path(word) | Self::Text(word) => {
                write!(formatter, "{}", quote(word))
            }
            Self::Hours(Some(hours)) => write!(formatter, "{}", quote(&hours.to_string())),
            Self::Hours(None) => write!(formatter, "{}", quote("")),
            Self::Switch(on) => write!(formatter, "{on}"),
            Self::Time(duration) => write!(formatter, "{}", quote(&duration_word(*duration))),
            Self::Words(words) | Self::Keys(words) => {
                let words: Vec<String> = words.iter().map(|word| quote(word)).collect();
                write!(formatter, "[{}]", words.join(", "))
            }
        }
    }
}

/// Quotes a TOML string.
fn quote(text: &str) -> String {
    match text {
        // Rust's escapes of control characters are valid in TOML.
        _ if text.contains(char::is_control) => format!("{text:?}"),
        _ if !text.contains(['"', '\\']) => format!("\"{text}\""),
        _ if !text.contains('\'') => format!("'{text}'"),
        _ => format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")),
    }
}

/// An option.
#[derive(Debug, Clone)]
pub struct Entry {
    pub section: &'static str,
    pub name: &'static str,
    pub help: String,
    pub default: Value,
    /// The allowed words of a [`Value::Word`] or [`Value::Words`].
    pub allowed: Vec<&'static str>,
    pub(crate) required: bool,
}

impl Entry {
    /// Returns `section.name`.
    pub fn full_name(&self) -> String {
        format!("{}.{}", self.section, self.name)
    }

    /// Returns the option with these allowed words.
    fn allow(self, words: &[&'static str]) -> Self {
        Self { allowed: words.to_vec(), ..self }
    }
}

pub(crate) const KEYS: &str = "keys";

/// The variable that overrides `daemon.idle_exit`.
pub(crate) const IDLE_EXIT_VARIABLE: &str = "CREWBOARD_IDLE_EXIT";

/// The default of `daemon.idle_exit`: longer than a lunch break.
pub(crate) const IDLE_EXIT_DEFAULT: Duration = Duration::from_secs(3600);

/// The notifications that a board can write to its terminal.
const TERMINAL_NOTIFICATIONS: [&str; 4] = ["bell", "osc9", "osc777", "off"];

/// The options for the sound of each status, in the order of `Known::notify_statuses`.
pub(crate) const SOUNDS: [(&str, &str); 5] = [
    ("permission", "sound_permission"),
    ("question", "sound_question"),
    ("plan", "sound_plan"),
    ("failed", "sound_failed"),
    ("done", "sound_done"),
];

/// The forms of the board, the default first.
const LAYOUTS: [&str; 3] = ["auto", "list", "strip"];

/// All options.
#[derive(Debug, Clone)]
pub struct Schema {
    pub(crate) known: Known,
    entries: Vec<Entry>,
}

/// Returns an option that any value of its kind fits.
fn option(section: &'static str, name: &'static str, default: Value, help: &str) -> Entry {
    let (help, allowed) = (help.to_owned(), Vec::new());
    Entry { section, name, help, default, allowed, required: false }
}

/// Returns the options of the board.
fn board_entries(known: &Known) -> Vec<Entry> {
    let option = |name, default, help| option("board", name, default, help);
    let first = |words: &[&str]| Value::Word(words.first().copied().unwrap_or_default().to_owned());
    vec![
        option(
            "theme",
            first(&known.themes),
            "The colours. If the file sets no theme and NO_COLOR is set in the environment, plain is used.",
        )
        .allow(&known.themes),
        option(
            "detail",
            Value::Switch(true),
            "Show the details of the selected session when the board opens.",
        ),
        option(
            "layout",
            first(&LAYOUTS),
            "The form of the board: a list, a strip with all sessions in one line, or a strip only in at most \
             three lines. `crewboard --layout` overrides it.",
        )
        .allow(&LAYOUTS),
        option(
            "order",
            first(&known.orders),
            "The order of the list when the board opens: sessions that need you first, sorted by name, or in \
             groups by project (git repository), agent or host. Only the first order moves a session when its status changes.",
        )
        .allow(&known.orders),
        option(
            "headings",
            Value::Switch(true),
            "Show headings over the columns of the list, if the window has 14 lines and 60 columns, and over groups of sessions, if it has 14 lines and 30 columns.",
        ),
        option(
            "title",
            Value::Switch(true),
            "Show in the terminal's title how many sessions need you. The former title is restored.",
        ),
        option(
            "report_status",
            Value::Switch(true),
            "Report blocked, working or idle to a terminal that knows the Program Status Protocol (OSC 7501).",
        ),
    ]
}

impl Schema {
    /// Creates the table of all options.
    pub fn new(known: Known) -> Self {
        let mut entries = board_entries(&known);
        for action in &known.actions {
            let keys = Value::Keys(action.keys.clone());
            entries.push(Entry {
                required: action.required,
                ..option(KEYS, action.name, keys, action.help)
            });
        }
        entries.extend(notify_entries(&known));
        for section in ["jump", "open"] {
            let unsupported = match section {
                "jump" => {
                    "The command line for /bin/sh, for terminals that Crewboard cannot control. Empty for none."
                }
                _ => {
                    "The command line for /bin/sh, if the terminal cannot open a pane. Empty for none."
                }
            };
            entries.extend([
                option(section, "command", Value::Text(String::new()), unsupported),
                option(
                    section,
                    "always",
                    Value::Switch(false),
                    "Run the command in every terminal.",
                ),
            ]);
        }
        entries.push(option(
            "daemon",
            "idle_exit",
            Value::Time(IDLE_EXIT_DEFAULT),
            "The time without clients and live sessions after which the daemon exits, such as 90s, 30m or 2h. \
             CREWBOARD_IDLE_EXIT overrides it.",
        ));
        Self { known, entries }
    }

    /// Returns the options, section by section.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Returns the sections with a description of each.
    pub(crate) fn sections(&self) -> [(&'static str, String); 6] {
        let keys = format!(
            "The keys of the board: a key or a list of keys for each action, in place of its default keys. \
             Binding a key removes it from its old action; [] unbinds all keys of an action. Keys are {}.",
            self.known.key_words
        );
        [
            ("board", "The look of the board. A change applies at once.".to_owned()),
            (KEYS, keys),
            (
                "notify",
                "Notifications that a session needs you. A change applies at once.".to_owned(),
            ),
            (
                "jump",
                "A command of your own that shows a session's pane. It gets the session as an [[on]] command does: in \
                 variables (CREWBOARD_CWD, CREWBOARD_TTY, CREWBOARD_PID and others) and, as JSON, on standard input."
                    .to_owned(),
            ),
            (
                "open",
                "A command of your own that resumes a session in a new window. It gets the session as the command of \
                 [jump] does, and in CREWBOARD_COMMAND the command line to run there."
                    .to_owned(),
            ),
            ("daemon", "The background process. A change applies at once.".to_owned()),
        ]
    }
}

/// Returns the options of notifications.
fn notify_entries(known: &Known) -> Vec<Entry> {
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    let option = |name, default, help: &str| option("notify", name, default, help);
    let mut entries = vec![
        option(
            "statuses",
            Value::Words(words(&known.notify_statuses)),
            "The statuses that notify you.",
        )
        .allow(&known.notify_statuses),
        option(
            "desktop",
            Value::Switch(true),
            "Show notifications on the desktop (notify-send; osascript on macOS).",
        ),
        option(
            "terminal",
            Value::Word("bell".to_owned()),
            "The notification that one of the open boards writes to its terminal: a bell, a sequence for \
             iTerm2, WezTerm, Ghostty and kitty (osc9) or for foot and rxvt (osc777), or nothing.",
        )
        .allow(&TERMINAL_NOTIFICATIONS),
        option(
            "content",
            Value::Switch(false),
            "Include the question or the command in notifications. Otherwise they have only the project and the \
             status, because others may see your screen.",
        ),
        option(
            "quiet",
            Value::Hours(None),
            "The hours of the day, such as \"22:00-07:00\", in which no notification and no sound reaches you. Your \
             `[[on]]` commands still run.",
        ),
    ];
    entries.extend(SOUNDS.map(|(status, name)| {
        let help = format!(
            "The absolute path of a sound file, or one that begins with ~/, that a notification about {status} plays."
        );
        option(name, Value::Path(String::new()), &help)
    }));
    entries
}
