//! How a conversation is taken up again, and how a background session is come to.
//!
//! `claude --resume ID` wants the directory in which it ran (before 2.1.223), and finds only what its
//! configuration directory holds. That is named only where it is not the usual one: with
//! `CLAUDE_CONFIG_DIR` set, even to `~/.claude`, Claude Code looks for its other file inside it.

use std::path::Path;

/// The words that take up conversation `id`, without the program; `None` if it is no id of Claude Code's.
pub fn resume_words(id: &str) -> Option<Vec<String>> {
    is_id(id).then(|| vec!["--resume".to_owned(), id.to_owned()])
}

/// The words that come to a background session by its job's directory. The job's name is what
/// `claude attach` takes (2.1.330: tried with `claude --bg`, whose hooks say `CLAUDE_JOB_DIR`).
pub fn attach_words(job: &str) -> Option<Vec<String>> {
    let name = Path::new(job).file_name()?.to_str()?;
    is_id(name).then(|| vec!["attach".to_owned(), name.to_owned()])
}

/// Never an option, nor anything that could be taken for more than a name.
fn is_id(id: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    id.bytes().all(is_plain) && !id.is_empty() && !id.starts_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_ids_become_words() {
        for (id, words) in [
            ("6cf7f83b-72a2-41ac-8a3d-3ba3a14f6a29", true),
            ("", false),
            ("-p", false),
            ("--dangerously-skip-permissions", false),
            ("$(touch x)", false),
            ("a b", false),
        ] {
            assert_eq!(resume_words(id).is_some(), words, "{id}");
        }
        let words = attach_words("/home/dev/.claude/jobs/387c1190");
        assert_eq!(words, Some(vec!["attach".to_owned(), "387c1190".to_owned()]));
        assert_eq!(attach_words("/home/dev/.claude/jobs/-p"), None);
        assert_eq!(attach_words("/"), None);
    }
}
