//! Which row a word on the command line means.

use crate::failure::Failure;
use crewboard_core::{Session, Status};

/// The one row that `word` names: by key, by the beginning of an id, by name, or by pane.
///
/// Where several match, a living one is meant rather than closed ones, and of closed ones the last.
pub(crate) fn row<'a>(rows: &'a [Session], word: &str) -> Result<&'a Session, Failure> {
    let ways: [fn(&Session, &str) -> bool; 4] = [
        |row, word| row.key.as_str() == word,
        |row, word| row.name == word,
        |row, word| {
            row.place.pane.as_deref() == Some(word) || row.place.target.as_deref() == Some(word)
        },
        |row, word| !word.is_empty() && row.id.as_str().starts_with(word),
    ];
    for matches in ways {
        let found: Vec<&Session> = rows.iter().filter(|row| matches(row, word)).collect();
        let living: Vec<&Session> =
            found.iter().copied().filter(|row| row.status != Status::Closed).collect();
        match (found.as_slice(), living.as_slice()) {
            ([], _) => {}
            ([only], _) | (_, [only]) => return Ok(only),
            // All are closed: the last one is meant.
            (closed, []) => {
                if let Some(last) = closed.iter().max_by_key(|row| row.since) {
                    return Ok(last);
                }
            }
            (_, several) => {
                let keys: Vec<String> = several
                    .iter()
                    .map(|row| format!("{} ({}, {})", row.key, row.name, row.status))
                    .collect();
                return Err(Failure::new(format!("{word:?} could be any of {}", keys.join(", ")))
                    .hint("name one by its key"));
            }
        }
    }
    Err(Failure::new(format!("there is no session {word:?}"))
        .hint("`crewboard list` shows those there are"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crewboard_core::{Place, RowKey, SessionId};

    fn rows() -> Vec<Session> {
        [
            ("kaaaa", "6cf7f83b", "shop", "%0", Status::Working),
            ("kbbbb", "6cf80000", "shop", "%1", Status::Closed),
            ("kcccc", "71100000", "docs", "%2", Status::Idle),
            ("kdddd", "71200000", "docs", "%3", Status::Idle),
        ]
        .map(|(key, id, name, pane, status)| Session {
            key: RowKey::new(key),
            id: SessionId::new(id),
            name: name.to_owned(),
            place: Place { pane: Some(pane.to_owned()), ..Place::default() },
            status,
            ..Session::default()
        })
        .to_vec()
    }

    #[test]
    fn a_word_means_one_row_or_says_why_not() {
        let rows = rows();
        for (word, expected) in [
            ("kbbbb", Some("kbbbb")),
            ("shop", Some("kaaaa")),
            ("%2", Some("kcccc")),
            ("6cf80", Some("kbbbb")),
            ("711", Some("kcccc")),
            ("docs", None),
            ("71", None),
            ("nobody", None),
            ("", None),
        ] {
            let found = row(&rows, word).ok().map(|row| row.key.as_str());
            assert_eq!(found, expected, "{word}");
        }
    }
}
