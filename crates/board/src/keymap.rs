//! The keys: one table for what they do, the footer, the help and the user's own.

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use std::fmt;
use std::str::FromStr;

/// What a key does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    Up,
    Down,
    PageUp,
    PageDown,
    First,
    Last,
    Jump,
    NextNeedsYou,
    PreviousNeedsYou,
    Filter,
    Seen,
    Pin,
    Snooze,
    Dismiss,
    ShowDismissed,
    OpenAgain,
    Detail,
    Whole,
    Timeline,
    Install,
    Problems,
    Help,
    Back,
    Redraw,
    Suspend,
    Quit,
}

/// One line of the table.
#[derive(Debug, Clone, Copy)]
pub struct Entry {
    pub action: Action,
    /// The word in the configuration file.
    pub name: &'static str,
    /// The keys, in the configuration's spelling.
    pub keys: &'static [&'static str],
    /// What the help says.
    pub help: &'static str,
    /// What the footer says, if it says it.
    pub footer: Option<&'static str>,
}

/// The table.
pub const TABLE: &[Entry] = &[
    entry(Action::Up, "up", &["up", "k"], "previous session", None),
    entry(Action::Down, "down", &["down", "j"], "next session", None),
    entry(Action::PageUp, "page-up", &["pageup", "ctrl-b"], "a page up", None),
    entry(Action::PageDown, "page-down", &["pagedown", "ctrl-f"], "a page down", None),
    entry(Action::First, "first", &["g", "home"], "first session", None),
    entry(Action::Last, "last", &["G", "end"], "last session", None),
    entry(Action::Jump, "jump", &["enter"], "go to the session's pane", Some("jump")),
    entry(Action::NextNeedsYou, "next", &["tab"], "next session that needs you", Some("next")),
    entry(
        Action::PreviousNeedsYou,
        "previous",
        &["shift-tab"],
        "previous session that needs you",
        None,
    ),
    entry(Action::Seen, "seen", &["space"], "I have seen it", Some("seen")),
    entry(Action::Pin, "pin", &["p"], "pin it to the top of its like, or unpin it", None),
    entry(Action::Snooze, "snooze", &["z"], "quiet for an hour, or until its status changes", None),
    entry(Action::Dismiss, "dismiss", &["x"], "hide it until it next needs you", None),
    entry(Action::ShowDismissed, "show-dismissed", &["X"], "show or hide the hidden ones", None),
    entry(Action::OpenAgain, "open", &["o"], "take a closed session up again", None),
    entry(Action::Filter, "filter", &["/"], "show only what matches", Some("filter")),
    entry(Action::Detail, "detail", &["d"], "show or hide the details", None),
    entry(Action::Whole, "whole", &["v"], "the details in full, on the whole screen", None),
    entry(Action::Timeline, "timeline", &["t"], "the last hours of every session", None),
    entry(Action::Install, "install", &["i"], "put the hooks into your agents' settings", None),
    entry(Action::Problems, "problems", &["e"], "what is wrong with the configuration", None),
    entry(Action::Help, "help", &["?", "f1"], "this page", Some("help")),
    entry(Action::Back, "back", &["esc"], "leave the filter, the help or the timeline", None),
    entry(Action::Redraw, "redraw", &["ctrl-l"], "draw everything anew", None),
    entry(Action::Suspend, "suspend", &["ctrl-z"], "stop, until the shell's fg", None),
    entry(Action::Quit, "quit", &["q", "ctrl-c"], "quit", Some("quit")),
];

const fn entry(
    action: Action,
    name: &'static str,
    keys: &'static [&'static str],
    help: &'static str,
    footer: Option<&'static str>,
) -> Entry {
    Entry { action, name, keys, help, footer }
}

/// A key with what is held down beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Key {
    code: KeyCode,
    control: bool,
    alt: bool,
}

/// The keys there are.
pub const KEY_WORDS: &str = "a character, enter, tab, shift-tab, space, esc, up, down, left, right, home, end, pageup, pagedown, \
     backspace, delete, f1 to f12, with ctrl- or alt- in front";

/// How key names differ from their words.
const SHOWN: [(KeyCode, &str); 3] =
    [(KeyCode::PageUp, "PgUp"), (KeyCode::PageDown, "PgDn"), (KeyCode::BackTab, "Shift-Tab")];

/// A word that names no key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no key; keys are {words}", words = KEY_WORDS)]
pub struct NoSuchKey(pub String);

const NAMED: [(&str, KeyCode); 15] = [
    ("enter", KeyCode::Enter),
    ("tab", KeyCode::Tab),
    ("shift-tab", KeyCode::BackTab),
    ("space", KeyCode::Char(' ')),
    ("esc", KeyCode::Esc),
    ("up", KeyCode::Up),
    ("down", KeyCode::Down),
    ("left", KeyCode::Left),
    ("right", KeyCode::Right),
    ("home", KeyCode::Home),
    ("end", KeyCode::End),
    ("pageup", KeyCode::PageUp),
    ("pagedown", KeyCode::PageDown),
    ("backspace", KeyCode::Backspace),
    ("delete", KeyCode::Delete),
];

impl FromStr for Key {
    type Err = NoSuchKey;

    fn from_str(word: &str) -> Result<Self, NoSuchKey> {
        let no_such_key = || NoSuchKey(word.to_owned());
        let (mut control, mut alt) = (false, false);
        let mut rest = word;
        loop {
            if let Some(after) = rest.strip_prefix("ctrl-") {
                (control, rest) = (true, after);
            } else if let Some(after) = rest.strip_prefix("alt-") {
                (alt, rest) = (true, after);
            } else {
                break;
            }
        }
        let named = NAMED.iter().find(|(name, _)| *name == rest).map(|(_, code)| *code);
        let function = || {
            let number = rest.strip_prefix('f')?.parse().ok()?;
            (1..=12).contains(&number).then_some(KeyCode::F(number))
        };
        let single = || {
            let mut characters = rest.chars();
            let first = characters.next()?;
            characters.next().is_none().then_some(KeyCode::Char(first))
        };
        let code = named.or_else(function).or_else(single).ok_or_else(no_such_key)?;
        Ok(Self { code, control, alt })
    }
}

impl From<KeyEvent> for Key {
    fn from(event: KeyEvent) -> Self {
        Self {
            code: event.code,
            control: event.modifiers.contains(KeyModifiers::CONTROL),
            alt: event.modifiers.contains(KeyModifiers::ALT),
        }
    }
}

impl Key {
    /// The character it types, if it types one.
    pub fn typed(self) -> Option<char> {
        match self.code {
            KeyCode::Char(character) if !self.control && !self.alt => Some(character),
            _ => None,
        }
    }

    pub fn is_backspace(self) -> bool {
        self.code == KeyCode::Backspace
    }

    /// Whether it is `character` with Ctrl held down.
    pub fn is_control(self, character: char) -> bool {
        self.control && self.code == KeyCode::Char(character)
    }
}

/// Names are shown as people write them on keycaps.
impl fmt::Display for Key {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.control {
            formatter.write_str("Ctrl-")?;
        }
        if self.alt {
            formatter.write_str("Alt-")?;
        }
        match self.code {
            KeyCode::Char(' ') => formatter.write_str("Space"),
            KeyCode::Char(character) => write!(formatter, "{character}"),
            KeyCode::F(number) => write!(formatter, "F{number}"),
            code => {
                if let Some((_, name)) = SHOWN.iter().find(|(shown, _)| *shown == code) {
                    return formatter.write_str(name);
                }
                let name =
                    NAMED.iter().find(|(_, named)| *named == code).map_or("?", |(name, _)| name);
                let mut letters = name.chars();
                let first = letters.next().unwrap_or('?').to_ascii_uppercase();
                write!(formatter, "{first}{}", letters.as_str())
            }
        }
    }
}

/// The keys in force: the table's, or the user's own for an action.
#[derive(Debug, Clone)]
pub struct Keymap {
    bindings: Vec<(Action, Vec<Key>)>,
}

impl Default for Keymap {
    fn default() -> Self {
        let keys = |entry: &Entry| entry.keys.iter().filter_map(|word| word.parse().ok()).collect();
        Self { bindings: TABLE.iter().map(|entry| (entry.action, keys(entry))).collect() }
    }
}

impl Keymap {
    /// Gives `action` these keys instead of its own. A key taken from another action is its no more.
    pub fn rebind(&mut self, action: Action, keys: &[Key]) {
        for (other, its) in &mut self.bindings {
            if *other == action {
                *its = keys.to_vec();
            } else {
                its.retain(|key| !keys.contains(key));
            }
        }
    }

    /// What `key` does.
    pub fn action(&self, key: Key) -> Option<Action> {
        let found = self.bindings.iter().find(|(_, keys)| keys.contains(&key));
        found.map(|(action, _)| *action)
    }

    /// The first key of `action`, as it is shown.
    pub fn key(&self, action: Action) -> Option<String> {
        self.keys(action).first().map(ToString::to_string)
    }

    /// The keys of `action`.
    pub fn keys(&self, action: Action) -> &[Key] {
        let found = self.bindings.iter().find(|(bound, _)| *bound == action);
        found.map_or(&[], |(_, keys)| keys)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_of_the_table_is_one_and_does_one_thing() {
        let mut seen = Vec::new();
        for entry in TABLE {
            for word in entry.keys {
                let key: Key = word.parse().unwrap();
                assert!(!seen.contains(&key), "{word} twice");
                seen.push(key);
                assert_eq!(Keymap::default().action(key), Some(entry.action), "{word}");
            }
            assert_eq!(TABLE.iter().filter(|other| other.name == entry.name).count(), 1);
        }
    }

    #[test]
    fn keys_are_read_and_shown() {
        for (word, shown) in [
            ("q", Some("q")),
            ("G", Some("G")),
            ("ctrl-c", Some("Ctrl-c")),
            ("space", Some("Space")),
            ("pageup", Some("PgUp")),
            ("shift-tab", Some("Shift-Tab")),
            ("alt-f3", Some("Alt-F3")),
            ("up", Some("Up")),
            ("-", Some("-")),
            ("", None),
            ("hyper-x", None),
            ("f13", None),
            ("ctrl-", None),
        ] {
            let key: Result<Key, _> = word.parse();
            assert_eq!(key.ok().map(|key| key.to_string()).as_deref(), shown, "{word}");
        }
    }

    #[test]
    fn a_key_of_the_users_own_is_taken_from_others() {
        let mut keymap = Keymap::default();
        let key: Key = "x".parse().unwrap();
        keymap.rebind(Action::Quit, &[key]);
        assert_eq!(keymap.action(key), Some(Action::Quit));
        assert_eq!(keymap.keys(Action::Dismiss), []);
        assert_eq!(keymap.action("q".parse().unwrap()), None);
    }
}
