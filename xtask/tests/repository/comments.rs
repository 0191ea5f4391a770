//! Counts doc comments that begin with a question word instead of a verb. The counts may only fall.
use super::{root, sources};
use std::fs;

/// Question words, and how many doc comments may still begin with each. Lower a number when the count has fallen.
const FIRST_WORDS: &[(&str, usize)] = &[
    ("What", 0),
    ("Whose", 0),
    ("Who", 0),
    ("Whether", 0),
    ("Of", 0),
    ("How", 0),
    ("Where", 0),
    ("When", 0),
    ("Why", 0),
    ("Which", 0),
];

/// Returns the first words of the doc comments in a source, with the numbers of their lines.
fn first_words(source: &str) -> Vec<(&str, usize)> {
    let mut found = Vec::new();
    let mut before = "";
    for (index, line) in source.lines().enumerate() {
        let line = line.trim_start();
        for mark in ["///", "//!"] {
            if let Some(text) = line.strip_prefix(mark)
                && !before.starts_with(mark)
            {
                let word = text
                    .trim_start()
                    .split(|letter: char| !letter.is_alphanumeric())
                    .next()
                    .unwrap_or_default();
                found.push((word, index + 1));
            }
        }
        before = line;
    }
    found
}

#[test]
fn doc_comments_begin_with_a_verb() {
    let sources: Vec<_> = sources()
        .into_iter()
        .map(|path| {
            let source = fs::read_to_string(&path).unwrap();
            (path.strip_prefix(root()).unwrap().display().to_string(), source)
        })
        .collect();
    assert!(sources.len() > 100, "only {} sources", sources.len());
    let mut faults = Vec::new();
    for (word, most) in FIRST_WORDS {
        let mut places = Vec::new();
        for (path, source) in &sources {
            let lines = first_words(source).into_iter().filter(|(first, _)| first == word);
            places.extend(lines.map(|(_, line)| format!("{path}:{line}")));
        }
        if places.len() > *most {
            let count = places.len();
            faults.push(format!("{word}: {count}, allowed {most}:\n  {}", places.join("\n  ")));
        }
    }
    assert!(faults.is_empty(), "begin these doc comments with a verb:\n{}", faults.join("\n"));
}

#[test]
fn first_words_are_read_once_per_comment() {
    let source = "//! Of a file.\n//! What follows.\n\n    /// Whether, or not.\n    /// Who.\n    fn f() {}\n/// Returns.\n";
    assert_eq!(first_words(source), [("Of", 1), ("Whether", 4), ("Returns", 7)]);
}
