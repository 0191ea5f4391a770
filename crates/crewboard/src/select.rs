//! Finds the session that an argument names.

use crate::failure::Failure;
use crate::hook::ProcessVariables;
use crewboard_config::closest;
use crewboard_core::{Session, Status, labels};
use crewboard_terminals::tmux_server;

/// Returns the session that `word` names: by key, by name, by title or label, by pane, or by the beginning of its id.
///
/// If several match, prefers an open session to closed ones, and the last of closed ones.
///
/// Every tmux server has a pane `%0`. Inside tmux, a pane name means a pane of that server only.
pub(crate) fn row<'a>(rows: &'a [Session], word: &str) -> Result<&'a Session, Failure> {
    find(rows, word, tmux_server(&ProcessVariables).as_deref())
}

fn find<'a>(rows: &'a [Session], word: &str, tmux: Option<&str>) -> Result<&'a Session, Failure> {
    let is_pane_of_session = |row: &Session| {
        let place = &row.place;
        let is_on_other_server = word.starts_with('%')
            && tmux.zip(place.server.as_deref()).is_some_and(|(own, server)| own != server);
        [&place.pane, &place.target].iter().any(|name| name.as_deref() == Some(word))
            && !is_on_other_server
    };
    // `%1` always means the tmux pane, even if a directory has this name.
    let is_tmux_pane = word.strip_prefix('%').is_some_and(|number| number.parse::<u64>().is_ok());
    let labels = labels(rows);
    let is_label = |row: &Session| {
        row.title.as_deref() == Some(word)
            || labels.get(&row.key).is_some_and(|label| label == word)
    };
    let matchers: [&dyn Fn(&Session) -> bool; 5] = [
        &|row| row.key.as_str() == word,
        &|row| row.name == word && !is_tmux_pane,
        &|row| !word.is_empty() && !is_tmux_pane && is_label(row),
        &is_pane_of_session,
        &|row| !word.is_empty() && row.id.as_str().starts_with(word),
    ];
    for matches in matchers {
        let found: Vec<&Session> = rows.iter().filter(|row| matches(row)).collect();
        let open: Vec<&Session> =
            found.iter().copied().filter(|row| row.status != Status::Closed).collect();
        match (found.as_slice(), open.as_slice()) {
            ([], _) => {}
            ([only], _) | (_, [only]) => return Ok(only),
            // All matches are closed: take the last one.
            (closed, []) => {
                if let Some(last) = closed.iter().max_by_key(|row| row.since) {
                    return Ok(last);
                }
            }
            (_, several) => {
                let keys: Vec<String> = several
                    .iter()
                    .map(|row| {
                        let label = labels.get(&row.key).unwrap_or(&row.name);
                        format!("{} ({label}, {})", row.key, row.status)
                    })
                    .collect();
                return Err(Failure::new(format!("{word:?} is ambiguous: {}", keys.join(", ")))
                    .hint("use a key"));
            }
        }
    }
    Err(match likely_name(rows, word) {
        Some(name) => Failure::new(format!("there is no session {word:?}"))
            .hint(format!("did you mean {name:?}? `crewboard list` shows all sessions")),
        None => no_such_session(word),
    })
}

/// Returns the name that the user most likely means: one that begins with `word`, or else the closest one.
fn likely_name<'a>(rows: &'a [Session], word: &str) -> Option<&'a str> {
    let names = rows.iter().map(|row| row.name.as_str());
    let names: Vec<&str> = names.filter(|name| !name.is_empty()).collect();
    let by_prefix = names.iter().copied().find(|name| !word.is_empty() && name.starts_with(word));
    by_prefix.or_else(|| closest(word, &names))
}

/// Returns the failure for a word that names no session.
pub(crate) fn no_such_session(word: &str) -> Failure {
    Failure::new(format!("there is no session {word:?}"))
        .hint("`crewboard list` shows all sessions")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crewboard_core::{ConversationId, Place, RowKey};

    #[test]
    fn tmux_pane_name_never_means_a_directory() {
        let mut rows = rows();
        rows[0].name = "%2".to_owned();
        rows[1].name = "%9".to_owned();
        assert_eq!(find(&rows, "%2", None).unwrap().key.as_str(), "kcccc");
        find(&rows, "%9", None).unwrap_err();
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
            id: ConversationId::new(id),
            name: name.to_owned(),
            place: Place { pane: Some(pane.to_owned()), ..Place::default() },
            status,
            ..Session::default()
        })
        .to_vec()
    }

    #[test]
    fn word_names_exactly_one_session() {
        let rows = rows();
        for (word, expected) in [
            ("kbbbb", Some("kbbbb")),
            ("shop", Some("kaaaa")),
            ("%2", Some("kcccc")),
            ("6cf80", Some("kbbbb")),
            ("711", Some("kcccc")),
            ("docs", None),
            ("71", None),
            ("billing", None),
            ("", None),
        ] {
            let found = find(&rows, word, None).ok().map(|row| row.key.as_str());
            assert_eq!(found, expected, "{word}");
        }
    }

    #[test]
    fn title_or_label_names_a_session() {
        let mut rows = rows();
        rows[2].title = Some("Release notes".to_owned());
        rows[3].user_prompt = Some("fix it".to_owned());
        for (word, expected) in [("Release notes", "kcccc"), ("docs: fix it", "kdddd")] {
            assert_eq!(find(&rows, word, None).unwrap().key.as_str(), expected, "{word}");
        }
    }

    #[test]
    fn unknown_word_gets_the_closest_name() {
        let mut rows = rows();
        rows[3].name.clear();
        for (word, expected) in [
            ("sh", "did you mean \"shop\"?"),
            ("dosc", "did you mean \"docs\"?"),
            ("Shop", "did you mean \"shop\"?"),
            ("billing", "`crewboard list` shows"),
            ("x", "`crewboard list` shows"),
        ] {
            let text = find(&rows, word, None).unwrap_err().in_one_line();
            assert!(text.contains(&format!("there is no session {word:?}")), "{text}");
            let hint = text.split_once("; ").map_or("", |(_, hint)| hint);
            assert!(hint.starts_with(expected), "{text}");
        }
    }

    #[test]
    fn pane_name_means_the_current_tmux_server() {
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
            let found = find(&rows, word, tmux).ok().map(|row| row.key.as_str());
            assert_eq!(found, expected, "{word} {tmux:?}");
        }
    }
}
