//! Which row a word on the command line means.

use crate::failure::Failure;
use crate::hook::Variables;
use crewboard_config::closest;
use crewboard_core::{Session, Status};
use crewboard_integrations::terminals::tmux_server;

/// The one row that `word` names: by key, by the beginning of an id, by name, or by pane.
///
/// Where several match, a living one is meant rather than closed ones, and of closed ones the last.
///
/// Every tmux server has a pane `%0`: in one of them its own is meant, and no other's.
pub(crate) fn row<'a>(rows: &'a [Session], word: &str) -> Result<&'a Session, Failure> {
    named(rows, word, tmux_server(&Variables).as_deref())
}

fn named<'a>(rows: &'a [Session], word: &str, tmux: Option<&str>) -> Result<&'a Session, Failure> {
    let is_its_pane = |row: &Session| {
        let place = &row.place;
        let is_elsewhere = word.starts_with('%')
            && tmux.zip(place.server.as_deref()).is_some_and(|(own, server)| own != server);
        [&place.pane, &place.target].iter().any(|name| name.as_deref() == Some(word))
            && !is_elsewhere
    };
    // A directory may be called anything, as a pane of tmux too: `%1` is that pane and nothing else.
    let is_pane_of_tmux =
        word.strip_prefix('%').is_some_and(|number| number.parse::<u64>().is_ok());
    let ways: [&dyn Fn(&Session) -> bool; 4] = [
        &|row| row.key.as_str() == word,
        &|row| row.name == word && !is_pane_of_tmux,
        &is_its_pane,
        &|row| !word.is_empty() && row.id.as_str().starts_with(word),
    ];
    for matches in ways {
        let found: Vec<&Session> = rows.iter().filter(|row| matches(row)).collect();
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
    Err(match likely(rows, word) {
        Some(name) => Failure::new(format!("there is no session {word:?}"))
            .hint(format!("did you mean {name:?}? `crewboard list` shows those there are")),
        None => none(word),
    })
}

/// The name that is most likely meant by `word`: one that begins so, or else the nearest.
fn likely<'a>(rows: &'a [Session], word: &str) -> Option<&'a str> {
    let names = rows.iter().map(|row| row.name.as_str());
    let names: Vec<&str> = names.filter(|name| !name.is_empty()).collect();
    let begun = names.iter().copied().find(|name| !word.is_empty() && name.starts_with(word));
    begun.or_else(|| closest(word, &names))
}

/// There is no such row.
pub(crate) fn none(word: &str) -> Failure {
    Failure::new(format!("there is no session {word:?}"))
        .hint("`crewboard list` shows those there are")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crewboard_core::{Place, RowKey, SessionId};

    #[test]
    fn a_pane_of_tmux_is_no_directory_that_is_called_so() {
        let mut rows = rows();
        rows[0].name = "%2".to_owned();
        rows[1].name = "%9".to_owned();
        assert_eq!(named(&rows, "%2", None).unwrap().key.as_str(), "kcccc");
        named(&rows, "%9", None).unwrap_err();
    }

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
            let found = named(&rows, word, None).ok().map(|row| row.key.as_str());
            assert_eq!(found, expected, "{word}");
        }
    }

    #[test]
    fn a_wrong_word_is_answered_with_the_name_that_is_near() {
        let mut rows = rows();
        rows[3].name.clear();
        for (word, expected) in [
            ("sh", "did you mean \"shop\"?"),
            ("dosc", "did you mean \"docs\"?"),
            ("Shop", "did you mean \"shop\"?"),
            ("nobody", "`crewboard list` shows"),
            ("x", "`crewboard list` shows"),
        ] {
            let said = named(&rows, word, None).unwrap_err().in_a_line();
            assert!(said.contains(&format!("there is no session {word:?}")), "{said}");
            let hint = said.split_once("; ").map_or("", |(_, hint)| hint);
            assert!(hint.starts_with(expected), "{said}");
        }
    }

    #[test]
    fn a_pane_is_one_of_the_tmux_in_which_it_is_named() {
        let mut rows = rows();
        for (row, server) in rows.iter_mut().zip(["/near", "/far", "/far", "/near"]) {
            row.place.server = Some(server.to_owned());
            row.place.pane = Some("%0".to_owned());
            row.status = Status::Idle;
        }
        rows[2].place.pane = Some("%2".to_owned());
        rows.pop();
        for (word, tmux, expected) in [
            ("%0", None, None),
            ("%0", Some("/near"), Some("kaaaa")),
            ("%0", Some("/far"), Some("kbbbb")),
            ("%2", None, Some("kcccc")),
            ("%2", Some("/near"), None),
        ] {
            let found = named(&rows, word, tmux).ok().map(|row| row.key.as_str());
            assert_eq!(found, expected, "{word} {tmux:?}");
        }
    }
}
