//! A question about a row that the next key answers.

use crate::keymap::{Action, Key, Keymap};
use crewboard_core::RowKey;

/// A question that the footer shows until the next key. Any key that is no answer takes it back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Choice {
    /// Asks for how long to snooze the row.
    Snooze(RowKey),
    /// Confirms that a row that needs the user is to be hidden.
    Dismiss(RowKey),
    /// Asks which text of the row to copy.
    Copy(RowKey),
}

/// A text that can be copied to the clipboard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CopyText {
    SessionId,
    ResumeCommand,
    Path,
}

/// An answer to a [`Choice`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    SnoozeFor(u64),
    Dismiss,
    Copy(CopyText),
}

/// An answer with its key and the word for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ChoiceOption {
    pub(crate) key: Key,
    pub(crate) word: &'static str,
    pub(crate) answer: Answer,
}

const MINUTE_MS: u64 = 60_000;

/// The times for which a row can be snoozed.
const TIMES: [(char, &str, u64); 4] = [
    ('5', "5m", 5 * MINUTE_MS),
    ('3', "30m", 30 * MINUTE_MS),
    ('1', "1h", 60 * MINUTE_MS),
    ('2', "2h", 120 * MINUTE_MS),
];

/// The time for which the snooze key itself snoozes.
const DEFAULT_TIME_MS: u64 = 60 * MINUTE_MS;

/// The texts that can be copied. The first is also the answer of the copy key itself.
const TEXTS: [(char, &str, CopyText); 3] = [
    ('i', "session id", CopyText::SessionId),
    ('r', "resume command", CopyText::ResumeCommand),
    ('p', "path", CopyText::Path),
];

impl Choice {
    /// Returns the row that the question is about.
    pub fn row(&self) -> &RowKey {
        match self {
            Self::Snooze(row) | Self::Dismiss(row) | Self::Copy(row) => row,
        }
    }

    /// Returns the action whose key asked the question.
    fn action(&self) -> Action {
        match self {
            Self::Snooze(_) => Action::Snooze,
            Self::Dismiss(_) => Action::Dismiss,
            Self::Copy(_) => Action::Copy,
        }
    }

    /// Returns the answers in the order of the footer.
    pub(crate) fn options(&self, keymap: &Keymap) -> Vec<ChoiceOption> {
        match self {
            Self::Snooze(_) => TIMES
                .iter()
                .map(|(key, word, time)| ChoiceOption {
                    key: Key::of(*key),
                    word,
                    answer: Answer::SnoozeFor(*time),
                })
                .collect(),
            Self::Copy(_) => TEXTS
                .iter()
                .map(|(key, word, text)| ChoiceOption {
                    key: Key::of(*key),
                    word,
                    answer: Answer::Copy(*text),
                })
                .collect(),
            Self::Dismiss(_) => {
                let key = keymap.keys(Action::Dismiss).first();
                key.map(|key| ChoiceOption { key: *key, word: "hide it", answer: Answer::Dismiss })
                    .into_iter()
                    .collect()
            }
        }
    }

    /// Returns the answer of a key. A second press of the key that asked gives the default answer.
    pub(crate) fn answer(&self, key: Key, keymap: &Keymap) -> Option<Answer> {
        let options = self.options(keymap);
        let found = options.iter().find(|option| option.key == key);
        let default = || match self {
            Self::Snooze(_) => Some(Answer::SnoozeFor(DEFAULT_TIME_MS)),
            Self::Dismiss(_) | Self::Copy(_) => options.first().map(|option| option.answer),
        };
        let is_second_press = || keymap.action(key) == Some(self.action());
        found.map(|option| option.answer).or_else(|| is_second_press().then(default).flatten())
    }
}
