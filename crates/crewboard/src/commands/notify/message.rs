//! The title and text of a notification.

use crewboard_core::{MAX_LINE, Session, Status, excerpt};
use std::fmt::Write as _;

/// A notification.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Message {
    pub(super) title: String,
    pub(super) text: String,
}

/// Returns the message for these sessions and `more` others. Includes the prompt or last message if `content` is set.
pub(super) fn message(rows: &[Session], more: usize, content: bool) -> Option<Message> {
    let named = |row: &Session| format!("{}: {}", excerpt(&row.name, 60), row.status);
    if let ([row], 0) = (rows, more) {
        let text = if content { content_of(row) } else { None };
        let text = text.unwrap_or_else(|| status_sentence(row.status).to_owned());
        return Some(Message { title: named(row), text });
    }
    if rows.is_empty() {
        return None;
    }
    let mut text = rows.iter().map(named).collect::<Vec<_>>().join(", ");
    if more > 0 {
        let _ = write!(text, ", and {more} more");
    }
    Some(Message {
        title: format!("{} sessions need you", rows.len() + more),
        text: excerpt(&text, MAX_LINE),
    })
}

/// Returns the prompt or the last message.
fn content_of(row: &Session) -> Option<String> {
    // The activity has the whole prompt, or a mark where it is cut.
    let text = row.activity.as_deref()?;
    Some(excerpt(text, MAX_LINE)).filter(|text| !text.is_empty())
}

fn status_sentence(status: Status) -> &'static str {
    match status {
        Status::Permission => "It is waiting for your permission to use a tool.",
        Status::Question => "It has a question for you.",
        Status::Plan => "Its plan is waiting for your approval.",
        Status::Failed => "Its turn ended with an error.",
        Status::Done => "It has finished.",
        Status::Working | Status::Idle | Status::Closed => "It needs you.",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crewboard_core::{Prompt, PromptKind};
    use std::slice::from_ref;

    fn row(name: &str, status: Status) -> Session {
        Session { name: name.to_owned(), status, needs_you: true, ..Session::default() }
    }

    fn text_of(rows: &[Session], more: usize, content: bool) -> String {
        message(rows, more, content)
            .map_or_else(String::new, |message| format!("{} | {}", message.title, message.text))
    }

    #[test]
    fn message_has_content_only_if_configured() {
        let prompt = Prompt {
            kind: PromptKind::Permission,
            tool: Some("Bash".to_owned()),
            text: "rm -rf build\nmake".to_owned(),
            subagent: None,
        };
        let activity = Some("Bash rm -rf build⏎make".to_owned());
        let asks =
            Session { open_prompt: Some(prompt), activity, ..row("shop", Status::Permission) };
        assert_eq!(
            text_of(from_ref(&asks), 0, false),
            "shop: permission | It is waiting for your permission to use a tool."
        );
        assert_eq!(text_of(from_ref(&asks), 0, true), "shop: permission | Bash rm -rf build⏎make");
        let done =
            Session { activity: Some("All tests pass.".to_owned()), ..row("api", Status::Done) };
        assert_eq!(text_of(from_ref(&done), 0, true), "api: done | All tests pass.");
        assert_eq!(text_of(&[row("api", Status::Done)], 0, true), "api: done | It has finished.");
        assert_eq!(
            text_of(&[asks, done], 0, true),
            "2 sessions need you | shop: permission, api: done"
        );
        assert_eq!(text_of(&[], 0, true), "");
    }

    #[test]
    fn message_length_is_bounded() {
        let rows = vec![row(&"n".repeat(300), Status::Done); 16];
        let message = message(&rows, 5, true).unwrap();
        assert_eq!(message.title, "21 sessions need you");
        assert!(message.text.len() <= MAX_LINE);
    }
}
