//! Commands of Claude Code that resume a conversation or attach to a background session, with their profile.
//!
//! `claude --resume ID` must be started in the directory of the conversation (before 2.1.223), works from then on in the
//! directory in which it is started, and finds only conversations of its profile. `CLAUDE_CONFIG_DIR` names only a profile
//! that is not the default one: with the variable set, even to `~/.claude`, Claude Code looks for `.claude.json` inside it.

use super::transcript::{directory_in, folder_of};
use crate::id::is_id;
use std::path::{Path, PathBuf};

/// Returns the arguments that resume a conversation, or `None` if the id cannot be one of Claude Code.
pub(super) fn resume_arguments(id: &str) -> Option<Vec<String>> {
    is_id(id).then(|| vec!["--resume".to_owned(), id.to_owned()])
}

/// Returns the directory in which a conversation began. `present` is its current directory, which a `cd` of the Bash tool
/// changes; `folder` is the name of the folder with its transcript, and `head` the first lines of the transcript.
///
/// The folder has the name of that directory, and `cd` and `--resume` do not change it (2.1.330: seen in the harness, `cd`
/// and `open-again`).
pub(super) fn resume_directory(present: &Path, folder: Option<&str>, head: &[u8]) -> PathBuf {
    let began_in = |directory: &&Path| directory.to_str().map(folder_of).as_deref() == folder;
    let above = folder.and_then(|_| present.ancestors().find(began_in)).map(Path::to_owned);
    above.or_else(|| directory_in(head, folder)).unwrap_or_else(|| present.to_owned())
}

/// Returns the arguments that attach to a background session, from the directory of its job. `claude attach` takes the
/// name of that directory (2.1.330: tested with `claude --bg`, whose hooks have `CLAUDE_JOB_DIR`).
pub(super) fn attach_arguments(job: &str) -> Option<Vec<String>> {
    let name = Path::new(job).file_name()?.to_str()?;
    is_id(name).then(|| vec!["attach".to_owned(), name.to_owned()])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conversation_is_resumed_where_it_began() {
        let head = br#"{"type":"user","cwd":"/home/dev/my shop"}"#;
        let deep = format!("/home/dev/{}", "deep/".repeat(50));
        let deep = deep.trim_end_matches('/');
        let (named, long) = ("named-by-the-user", folder_of(deep));
        let long_elsewhere = format!("{deep}/src/lib");
        for (present, folder, head, began_in) in [
            ("/home/dev/my shop", Some("-home-dev-my-shop"), &b""[..], "/home/dev/my shop"),
            ("/home/dev/my shop/web/src", Some("-home-dev-my-shop"), b"", "/home/dev/my shop"),
            ("/home/dev/other", Some("-home-dev-my-shop"), head, "/home/dev/my shop"),
            ("/home/dev/other", Some("-home-dev-my-shop"), b"", "/home/dev/other"),
            ("/home/dev/other", Some(named), head, "/home/dev/my shop"),
            ("/home/dev/my shop/web", None, b"", "/home/dev/my shop/web"),
            (&long_elsewhere, Some(&long), b"", deep),
            (deep, Some(&long), b"", deep),
        ] {
            let found = resume_directory(Path::new(present), folder, head);
            assert_eq!(found, Path::new(began_in), "{present} {folder:?}");
        }
    }

    #[test]
    fn only_jobs_of_the_agent_are_attached() {
        let words = attach_arguments("/home/dev/.claude/jobs/387c1190");
        assert_eq!(words, Some(vec!["attach".to_owned(), "387c1190".to_owned()]));
        assert_eq!(attach_arguments("/home/dev/.claude/jobs/-p"), None);
        assert_eq!(attach_arguments("/"), None);
    }
}
