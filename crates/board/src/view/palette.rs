//! The palette: every action by its name, with its keys.

use super::detail::Line;
use crate::format::text::{cut, fit};
use crate::keymap::{Entry, TABLE};
use crate::model::Model;
use crate::model::filter::has_letters;
use crate::theme::Theme;
use ratatui::style::Style;

/// The width of the names and of the keys.
const NAME_WIDTH: usize = 18;
const KEYS_WIDTH: usize = 15;

/// Returns the actions whose name or help matches all words of `query`.
pub(crate) fn entries(query: &str) -> Vec<&'static Entry> {
    let query = query.to_lowercase();
    let words: Vec<&str> = query.split_whitespace().collect();
    let matches = |entry: &&Entry| {
        words
            .iter()
            .all(|word| has_letters(entry.name, word) || entry.help.to_lowercase().contains(word))
    };
    let mut found: Vec<&Entry> = TABLE.iter().filter(matches).collect();
    // Names that begin with the query come first, then names that contain it.
    found.sort_by_key(|entry| (!entry.name.starts_with(&query), !entry.name.contains(&query)));
    found
}

/// Returns a line for each action.
pub(super) fn lines(model: &Model, query: &str, index: usize, width: usize) -> Vec<Line> {
    let unicode = model.theme.unicode;
    let found = entries(query);
    if found.is_empty() {
        return vec![vec![("No action matches.".to_owned(), model.theme.dim())]];
    }
    let line = |(position, entry): (usize, &&Entry)| {
        let is_selected = position == index;
        let marker = match (is_selected, unicode) {
            (true, true) => "▌ ",
            (true, false) => "> ",
            (false, _) => "  ",
        };
        let keys: Vec<String> =
            model.keymap.keys(entry.action).iter().map(ToString::to_string).collect();
        let style = if is_selected { Theme::strong() } else { Style::new() };
        let rest = width.saturating_sub(NAME_WIDTH + KEYS_WIDTH + 5);
        vec![
            (marker.to_owned(), style),
            (fit(entry.name, NAME_WIDTH, unicode), style),
            (fit(&keys.join(" "), KEYS_WIDTH, unicode), Theme::strong()),
            (format!(" {}", cut(entry.help, rest, unicode)), model.theme.dim()),
        ]
    };
    found.iter().enumerate().map(line).collect()
}
