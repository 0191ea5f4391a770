//! What a person is told.

use crewboard_core::{MAX_LINE, Session, Status, excerpt};
use std::fmt::Write as _;

/// A notification.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Words {
    pub(super) title: String,
    pub(super) text: String,
}

/// What is to be said of these rows and `more` of their like; with what they ask, if `content` is to be told.
pub(super) fn words(rows: &[Session], more: usize, content: bool) -> Option<Words> {
    let named = |row: &Session| format!("{}: {}", excerpt(&row.name, 60), row.status);
    if let ([row], 0) = (rows, more) {
        let text = if content { asked(row) } else { None };
        let text = text.unwrap_or_else(|| says(row.status).to_owned());
        return Some(Words { title: named(row), text });
    }
    if rows.is_empty() {
        return None;
    }
    let mut text = rows.iter().map(named).collect::<Vec<_>>().join(", ");
    if more > 0 {
        let _ = write!(text, ", and {more} more");
    }
    Some(Words {
        title: format!("{} sessions need you", rows.len() + more),
        text: excerpt(&text, MAX_LINE),
    })
}

/// What it asks, or its last words.
fn asked(row: &Session) -> Option<String> {
    // The line of a request has all of it, or a mark where it is cut.
    let text = row.activity.as_deref()?;
    Some(excerpt(text, MAX_LINE)).filter(|text| !text.is_empty())
}

fn says(status: Status) -> &'static str {
    match status {
        Status::Permission => "It waits until you allow or refuse a tool.",
        Status::Question => "It asked you something.",
        Status::Plan => "A plan waits for your approval.",
        Status::Failed => "Its turn ended in an error.",
        Status::Done => "It has finished.",
        Status::Working | Status::Idle | Status::Closed => "It needs you.",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crewboard_core::{Request, RequestKind};
    use std::slice::from_ref;

    fn row(name: &str, status: Status) -> Session {
        Session { name: name.to_owned(), status, needs_you: true, ..Session::default() }
    }

    fn said(rows: &[Session], more: usize, content: bool) -> String {
        words(rows, more, content)
            .map_or_else(String::new, |said| format!("{} | {}", said.title, said.text))
    }

    #[test]
    fn the_project_and_the_kind_and_no_more_unless_asked_to() {
        let request = Request {
            kind: RequestKind::Permission,
            tool: Some("Bash".to_owned()),
            text: "rm -rf build\nmake".to_owned(),
            subagent: None,
        };
        let activity = Some("Bash rm -rf build⏎make".to_owned());
        let asks = Session { request: Some(request), activity, ..row("shop", Status::Permission) };
        assert_eq!(
            said(from_ref(&asks), 0, false),
            "shop: permission | It waits until you allow or refuse a tool."
        );
        assert_eq!(said(from_ref(&asks), 0, true), "shop: permission | Bash rm -rf build⏎make");
        let done =
            Session { activity: Some("All tests pass.".to_owned()), ..row("api", Status::Done) };
        assert_eq!(said(from_ref(&done), 0, true), "api: done | All tests pass.");
        assert_eq!(said(&[row("api", Status::Done)], 0, true), "api: done | It has finished.");
        assert_eq!(
            said(&[asks, done], 0, true),
            "2 sessions need you | shop: permission, api: done"
        );
        assert_eq!(said(&[], 0, true), "");
    }

    #[test]
    fn it_is_never_long() {
        let rows = vec![row(&"n".repeat(300), Status::Done); 16];
        let words = words(&rows, 5, true).unwrap();
        assert_eq!(words.title, "21 sessions need you");
        assert!(words.text.len() <= MAX_LINE);
    }
}
