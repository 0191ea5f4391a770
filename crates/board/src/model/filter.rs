//! The filter: which rows a text matches.

use crewboard_core::Session;

/// The least length of a key's or id's beginning: a shorter text matches many of them by chance.
const MIN_ID_LENGTH: usize = 3;

/// The word for rows that need the user, as in `is:needs-you`.
pub(crate) const NEEDS_YOU: &str = "needs-you";

/// The word for rows that are hidden.
pub(crate) const HIDDEN: &str = "hidden";

/// The text in front of a status.
pub(crate) const IS: &str = "is:";

/// Decides which rows match a text: all its words must match. `!word` leaves out the rows that match `word`.
pub(crate) struct Matcher<'a> {
    words: Vec<Word<'a>>,
}

struct Word<'a> {
    /// As the user typed it.
    typed: &'a str,
    lower: String,
    is_negated: bool,
}

impl<'a> Matcher<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        let words = text.split_whitespace().filter(|word| *word != "!").map(|word| {
            let rest = word.strip_prefix('!');
            let typed = rest.unwrap_or(word);
            Word { typed, lower: typed.to_lowercase(), is_negated: rest.is_some() }
        });
        Self { words: words.collect() }
    }

    pub(crate) fn matches(&self, row: &Session) -> bool {
        if self.words.is_empty() {
            return true;
        }
        let names = names(row);
        let texts: Vec<String> = texts(row).map(str::to_lowercase).collect();
        self.words.iter().all(|word| word.is_in(row, &names, &texts) != word.is_negated)
    }
}

impl Word<'_> {
    /// Returns true if the row has the word. A word with `!` in front must occur as a whole: a few letters in any order
    /// would leave out rows by chance.
    fn is_in(&self, row: &Session, names: &str, texts: &[String]) -> bool {
        let Self { typed, lower, is_negated } = self;
        if let Some(status) = lower.strip_prefix(IS) {
            let is_needing = row.needs_you && !row.dismissed && NEEDS_YOU.starts_with(status);
            let is_hidden = row.dismissed && !status.is_empty() && HIDDEN.starts_with(status);
            return is_needing || is_hidden || row.status.word().starts_with(status);
        }
        let is_id = |id: &str| lower.len() >= MIN_ID_LENGTH && id.starts_with(lower.as_str());
        let is_named = if *is_negated {
            names.to_lowercase().contains(lower.as_str())
        } else {
            has_letters(names, typed)
        };
        is_named
            || texts.iter().any(|text| text.contains(lower.as_str()))
            || [row.id.as_str(), row.key.as_str()].into_iter().any(is_id)
    }
}

/// Returns true if `text` has the letters of `word` in their order, with any letters between them. Ignores case unless
/// `word` has a capital letter.
pub(crate) fn has_letters(text: &str, word: &str) -> bool {
    let has_capital = word.chars().any(char::is_uppercase);
    let is_same = |one: char, other: char| {
        one == other || !has_capital && one.to_lowercase().eq(other.to_lowercase())
    };
    let mut rest = text.chars();
    word.chars().all(|letter| rest.any(|other| is_same(letter, other)))
}

/// Returns the texts in which the filter may leave out letters.
fn names(row: &Session) -> String {
    let mut names = format!("{} {} {}", row.name, row.status, row.agent);
    for name in [&row.branch, &row.place.pane, &row.place.target].into_iter().flatten() {
        names.push(' ');
        names.push_str(name);
    }
    names
}

/// Returns the texts in which each word must occur as a whole: in a long text, a few letters match by chance.
fn texts(row: &Session) -> impl Iterator<Item = &str> {
    let texts = [&row.activity, &row.title, &row.user_prompt, &row.model, &row.cwd];
    texts.into_iter().flatten().map(String::as_str)
}
