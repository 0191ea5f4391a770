//! How a conversation is taken up again, and how a background session is come to.
//!
//! `claude --resume ID` wants the directory in which it ran (before 2.1.223), works from then on in the one in which it
//! is started, and finds only what its configuration directory holds. That is named only where it is not the usual one: with
//! `CLAUDE_CONFIG_DIR` set, even to `~/.claude`, Claude Code looks for its other file inside it.

use super::transcript::folder_of;
use std::path::Path;

/// The words that take up conversation `id`, without the program; `None` if it is no id of Claude Code's.
pub fn resume_words(id: &str) -> Option<Vec<String>> {
    is_id(id).then(|| vec!["--resume".to_owned(), id.to_owned()])
}

/// The directory in which a conversation began, from the one in which it is now (a Bash tool's `cd` changes that) and
/// its transcript, whose folder is named after it and stays, whatever `cd` and `--resume` do (2.1.330: seen
/// in the harness, `cd` and `open-again`).
pub fn resume_directory<'a>(present: &'a Path, transcript: Option<&Path>) -> &'a Path {
    let folder = transcript.and_then(|transcript| transcript.parent()?.file_name()?.to_str());
    let began_in = |directory: &&Path| directory.to_str().map(folder_of).as_deref() == folder;
    present.ancestors().find(began_in).unwrap_or(present)
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
    fn a_conversation_is_taken_up_where_it_began() {
        let transcript = "/home/dev/.claude/projects/-home-dev-my-shop/6cf7f83b.jsonl";
        for (present, transcript, began_in) in [
            ("/home/dev/my shop", Some(transcript), "/home/dev/my shop"),
            ("/home/dev/my shop/web/src", Some(transcript), "/home/dev/my shop"),
            ("/home/dev/other", Some(transcript), "/home/dev/other"),
            ("/home/dev/my shop/web", Some("t.jsonl"), "/home/dev/my shop/web"),
            ("/home/dev/my shop/web", None, "/home/dev/my shop/web"),
        ] {
            let found = resume_directory(Path::new(present), transcript.map(Path::new));
            assert_eq!(found, Path::new(began_in));
        }
    }

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
