//! Counts the words that the glossary replaced. The counts may only fall.
use super::{pages, root, sources};
use std::fs;

/// The words that the glossary does not use, and how often each may still occur in sources and pages. Lower a number
/// when the count has fallen.
const OLD_WORDS: &[(&str, usize)] = &[
    ("told", 3),
    ("said", 0),
    ("whoever", 2),
    ("nobody", 2),
    ("somebody", 1),
    ("anew", 0),
    ("beside", 0),
    ("owed", 0),
    ("of its like", 0),
    ("takes up again", 0),
    ("taken up again", 0),
];

/// Counts `word` in `text`, in any case. Underscores and digits end a word, so names of functions count as well.
fn count(text: &str, word: &str) -> usize {
    let is_letter = |letter: Option<char>| letter.is_some_and(char::is_alphabetic);
    let whole = text.match_indices(word).filter(|(start, _)| {
        let before = text[..*start].chars().next_back();
        let after = text[start + word.len()..].chars().next();
        !is_letter(before) && !is_letter(after)
    });
    whole.count()
}

#[test]
fn old_words_do_not_return() {
    let mut paths = sources();
    paths.extend(pages());
    // The changelog describes old releases in their own words, and this file lists the words.
    paths.retain(|path| !path.ends_with("CHANGELOG.md") && !path.ends_with("repository/words.rs"));
    let texts: Vec<_> =
        paths.iter().map(|path| (path, fs::read_to_string(path).unwrap().to_lowercase())).collect();
    let mut faults = Vec::new();
    for (word, most) in OLD_WORDS {
        let mut found: Vec<_> = texts
            .iter()
            .map(|(path, text)| (count(text, word), path.strip_prefix(root()).unwrap()))
            .filter(|(count, _)| *count > 0)
            .collect();
        found.sort();
        let total: usize = found.iter().map(|(count, _)| count).sum();
        if total > *most {
            let worst: Vec<_> = found.iter().rev().take(5).collect();
            faults.push(format!("{word:?}: {total}, allowed {most}; most in {worst:?}"));
        }
    }
    assert!(faults.is_empty(), "use the words of docs/glossary.md:\n{}", faults.join("\n"));
}

#[test]
fn words_are_counted_whole_and_in_names() {
    assert_eq!(count("a file beside it, besides", "beside"), 1);
    assert_eq!(count("fn what_was_told_twice() // told", "told"), 2);
    assert_eq!(count("untold, retold", "told"), 0);
}
