//! The actions and their keys: one table for the keys, the help and the configuration.

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use std::fmt;
use std::str::FromStr;

/// An action that a key can run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    Up,
    Down,
    PageUp,
    PageDown,
    HalfPageUp,
    HalfPageDown,
    First,
    Last,
    Jump,
    NextNeedsYou,
    PreviousNeedsYou,
    Filter,
    NextMatch,
    PreviousMatch,
    Seen,
    Pin,
    Snooze,
    Dismiss,
    Undo,
    Copy,
    ShowDismissed,
    Order,
    Open,
    Detail,
    FullDetails,
    MoreDetails,
    LessDetails,
    Peek,
    Timeline,
    ZoomIn,
    ZoomOut,
    Install,
    Problems,
    Palette,
    Help,
    Back,
    Redraw,
    Suspend,
    Quit,
}

/// An action with its name, keys and texts.
#[derive(Debug, Clone, Copy)]
pub struct Entry {
    pub action: Action,
    /// The name in the configuration file.
    pub name: &'static str,
    /// The keys, in the configuration's spelling.
    pub keys: &'static [&'static str],
    /// The text in the help.
    pub help: &'static str,
}

/// All actions, in the order of the help.
pub const TABLE: &[Entry] = &[
    entry(Action::Up, "up", &["up", "k", "ctrl-p"], "previous session"),
    entry(Action::Down, "down", &["down", "j", "ctrl-n"], "next session"),
    entry(Action::PageUp, "page-up", &["pageup", "ctrl-b"], "page up"),
    entry(Action::PageDown, "page-down", &["pagedown", "ctrl-f"], "page down"),
    entry(Action::HalfPageUp, "half-page-up", &["ctrl-u"], "half a page up"),
    entry(Action::HalfPageDown, "half-page-down", &["ctrl-d"], "half a page down"),
    entry(Action::First, "first", &["g", "home"], "first session"),
    entry(Action::Last, "last", &["G", "end"], "last session"),
    entry(Action::Jump, "jump", &["enter"], "jump to the session's pane"),
    entry(Action::NextNeedsYou, "next", &["tab"], "next session that needs you"),
    entry(Action::PreviousNeedsYou, "previous", &["shift-tab"], "previous session that needs you"),
    entry(Action::Seen, "seen", &["space"], "mark as seen"),
    entry(Action::Pin, "pin", &["p"], "pin to the top of its group, or unpin"),
    entry(
        Action::Snooze,
        "snooze",
        &["z"],
        "snooze for a time or until its status changes; or wake",
    ),
    entry(Action::Dismiss, "dismiss", &["x"], "hide until it needs you again, or show again"),
    entry(Action::Undo, "undo", &["u"], "undo the last mark: seen, pin, snooze, hide"),
    entry(Action::Copy, "copy", &["y"], "copy the session id, resume command or path"),
    entry(Action::ShowDismissed, "show-dismissed", &["X"], "toggle hidden sessions"),
    entry(
        Action::Order,
        "order",
        &["s"],
        "sort by need or name, or group by project, agent or host",
    ),
    entry(Action::Open, "open", &["o"], "resume a closed session, attach to a background one"),
    entry(Action::Filter, "filter", &["/"], "filter the list: words, !word, is:done, is:needs-you"),
    entry(Action::NextMatch, "next-match", &["n"], "next session that matches the filter"),
    entry(
        Action::PreviousMatch,
        "previous-match",
        &["N"],
        "previous session that matches the filter",
    ),
    entry(Action::Detail, "detail", &["d"], "show or hide the details"),
    entry(Action::FullDetails, "whole", &["v"], "show the full details"),
    entry(Action::MoreDetails, "more-details", &["l", "right"], "more details"),
    entry(Action::LessDetails, "less-details", &["h", "left"], "fewer details"),
    entry(Action::Peek, "peek", &["P"], "show the screen of the session's pane"),
    entry(Action::Timeline, "timeline", &["t"], "toggle the timeline of all sessions"),
    entry(Action::ZoomIn, "zoom-in", &["+", "="], "timeline: fewer hours (1, 4, 12, 24)"),
    entry(Action::ZoomOut, "zoom-out", &["-"], "timeline: more hours"),
    entry(Action::Install, "install", &["i"], "install the hooks"),
    entry(Action::Problems, "problems", &["e"], "show the problems of the configuration"),
    entry(Action::Palette, "palette", &[":", "ctrl-k"], "find an action by its name"),
    entry(Action::Help, "help", &["?", "f1"], "show this help"),
    entry(Action::Back, "back", &["esc"], "close the help, the timeline or the filter"),
    entry(Action::Redraw, "redraw", &["ctrl-l"], "redraw the screen"),
    entry(Action::Suspend, "suspend", &["ctrl-z"], "suspend (fg to return)"),
    entry(Action::Quit, "quit", &["q", "ctrl-c"], "quit"),
];

const fn entry(
    action: Action,
    name: &'static str,
    keys: &'static [&'static str],
    help: &'static str,
) -> Entry {
    Entry { action, name, keys, help }
}

/// A key with its modifiers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Key {
    code: KeyCode,
    control: bool,
    alt: bool,
}

/// The keys that a configuration can name.
pub const KEY_WORDS: &str = "a character, enter, tab, shift-tab, space, esc, up, down, left, right, home, end, pageup, pagedown, \
     backspace, delete, f1 to f12, with ctrl- or alt- in front";

/// The keys whose shown name differs from their name in the configuration.
const SHOWN_NAMES: [(KeyCode, &str); 3] =
    [(KeyCode::PageUp, "PgUp"), (KeyCode::PageDown, "PgDn"), (KeyCode::BackTab, "Shift-Tab")];

/// The error for a word that is not a key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a key; keys are {words}", words = KEY_WORDS)]
pub struct UnknownKey(pub String);

/// The keys with a name.
const KEY_NAMES: [(&str, KeyCode); 15] = [
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
    type Err = UnknownKey;

    fn from_str(word: &str) -> Result<Self, UnknownKey> {
        let unknown_key = || UnknownKey(word.to_owned());
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
        let named = KEY_NAMES.iter().find(|(name, _)| *name == rest).map(|(_, code)| *code);
        let function = || {
            let number = rest.strip_prefix('f')?.parse().ok()?;
            (1..=12).contains(&number).then_some(KeyCode::F(number))
        };
        let single = || {
            let mut characters = rest.chars();
            let first = characters.next()?;
            characters.next().is_none().then_some(KeyCode::Char(first))
        };
        let code = named.or_else(function).or_else(single).ok_or_else(unknown_key)?;
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
    /// Returns the key that types a character.
    pub(crate) fn of(character: char) -> Self {
        Self { code: KeyCode::Char(character), control: false, alt: false }
    }

    /// Returns the character that the key types, if it types one.
    pub fn typed(self) -> Option<char> {
        match self.code {
            KeyCode::Char(character) if !self.control && !self.alt => Some(character),
            _ => None,
        }
    }

    pub fn is_backspace(self) -> bool {
        self.code == KeyCode::Backspace
    }

    /// Returns the step of the keys to the left and to the right.
    pub(crate) fn sideways(self) -> Option<isize> {
        match self.code {
            _ if self.control || self.alt => None,
            KeyCode::Left => Some(-1),
            KeyCode::Right => Some(1),
            _ => None,
        }
    }

    /// Returns true if the key is `character` with Ctrl.
    pub fn is_control(self, character: char) -> bool {
        self.control && self.code == KeyCode::Char(character)
    }
}

/// Writes the name as it stands on a keycap.
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
                if let Some((_, name)) = SHOWN_NAMES.iter().find(|(shown, _)| *shown == code) {
                    return formatter.write_str(name);
                }
                let name = KEY_NAMES
                    .iter()
                    .find(|(_, named)| *named == code)
                    .map_or("?", |(name, _)| name);
                let mut letters = name.chars();
                let first = letters.next().unwrap_or('?').to_ascii_uppercase();
                write!(formatter, "{first}{}", letters.as_str())
            }
        }
    }
}

/// The keys of all actions: those of the table, or those of the configuration.
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
    /// Binds `action` to these keys instead of its own, and removes them from all other actions.
    pub fn rebind(&mut self, action: Action, keys: &[Key]) {
        for (other, bound) in &mut self.bindings {
            if *other == action {
                *bound = keys.to_vec();
            } else {
                bound.retain(|key| !keys.contains(key));
            }
        }
    }

    /// Returns the action of `key`.
    pub fn action(&self, key: Key) -> Option<Action> {
        let found = self.bindings.iter().find(|(_, keys)| keys.contains(&key));
        found.map(|(action, _)| *action)
    }

    /// Returns the shown name of the first key of `action`.
    pub fn key(&self, action: Action) -> Option<String> {
        self.keys(action).first().map(ToString::to_string)
    }

    /// Returns the keys of `action`.
    pub fn keys(&self, action: Action) -> &[Key] {
        let found = self.bindings.iter().find(|(bound, _)| *bound == action);
        found.map_or(&[], |(_, keys)| keys)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table_has_valid_keys_and_uses_each_once() {
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
    fn key_is_parsed_and_shown() {
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
    fn rebind_removes_the_key_from_other_actions() {
        let mut keymap = Keymap::default();
        let key: Key = "x".parse().unwrap();
        keymap.rebind(Action::Quit, &[key]);
        assert_eq!(keymap.action(key), Some(Action::Quit));
        assert_eq!(keymap.keys(Action::Dismiss), []);
        assert_eq!(keymap.action("q".parse().unwrap()), None);
    }
}
