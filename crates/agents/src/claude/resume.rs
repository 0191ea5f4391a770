//! Commands of Claude Code that resume a conversation or attach to a background session, with their profile.
//!
//! `claude --resume ID` must be started in the directory of the conversation (before 2.1.223), works from then on in the
//! directory in which it is started, and finds only conversations of its profile. `CLAUDE_CONFIG_DIR` names only a profile
//! that is not the default one: with the variable set, even to `~/.claude`, Claude Code looks for `.claude.json` inside it.

use super::shell_words::shell_quoted;
use super::transcript::{directory_in, folder_of};
use crewboard_core::Session;
use std::path::{Path, PathBuf};

/// The variable that names the profile.
const PROFILE_VARIABLE: &str = "CLAUDE_CONFIG_DIR";

/// Returns the arguments that resume a conversation, or `None` if the id cannot be one of Claude Code.
pub fn resume_arguments(id: &str) -> Option<Vec<String>> {
    is_id(id).then(|| vec!["--resume".to_owned(), id.to_owned()])
}

/// Returns the command that runs Claude Code with exactly this profile, whatever the environment has. `None` is the
/// default profile.
pub fn command_with_profile(
    program: &str,
    profile: Option<&Path>,
    arguments: &[String],
) -> Vec<String> {
    let mut command = vec!["env".to_owned()];
    match profile {
        Some(profile) => command.push(format!("{PROFILE_VARIABLE}={}", profile.display())),
        None => command.extend(["-u", PROFILE_VARIABLE].map(str::to_owned)),
    }
    if program.contains('=') {
        // `env` would read the program as a variable.
        command.extend(["sh", "-c", "exec \"$0\" \"$@\""].map(str::to_owned));
    }
    command.push(program.to_owned());
    command.extend_from_slice(arguments);
    command
}

/// Returns the variables that a user sets in a shell to select a profile. `None` is the default profile.
pub fn profile_variables(profile: Option<&str>) -> Vec<(String, String)> {
    profile.map(|profile| (PROFILE_VARIABLE.to_owned(), profile.to_owned())).into_iter().collect()
}

/// Returns the shell command that resumes a conversation. It names the profile unless that is the default one, and says
/// so if only the events claim the profile. Returns `None` if the id cannot be one of Claude Code: users paste the
/// command into a shell.
pub fn resume_command(session: &Session, default_profile: Option<&str>) -> Option<String> {
    let id = Some(session.id.as_str()).filter(|id| is_id(id))?;
    let profile = session.profile.as_deref().filter(|profile| Some(*profile) != default_profile);
    let Some(profile) = profile else { return Some(format!("claude --resume {id}")) };
    let quoted = shell_quoted(profile);
    let claim = if session.origin.is_none() { " # a profile that events claim" } else { "" };
    Some(format!("{PROFILE_VARIABLE}={quoted} claude --resume {id}{claim}"))
}

/// Returns the directory in which a conversation began. `present` is its current directory, which a `cd` of the Bash tool
/// changes; `folder` is the name of the folder with its transcript, and `head` the first lines of the transcript.
///
/// The folder has the name of that directory, and `cd` and `--resume` do not change it (2.1.330: seen in the harness, `cd`
/// and `open-again`).
pub fn resume_directory(present: &Path, folder: Option<&str>, head: &[u8]) -> PathBuf {
    let began_in = |directory: &&Path| directory.to_str().map(folder_of).as_deref() == folder;
    let above = folder.and_then(|_| present.ancestors().find(began_in)).map(Path::to_owned);
    above.or_else(|| directory_in(head, folder)).unwrap_or_else(|| present.to_owned())
}

/// Returns the arguments that attach to a background session, from the directory of its job. `claude attach` takes the
/// name of that directory (2.1.330: tested with `claude --bg`, whose hooks have `CLAUDE_JOB_DIR`).
pub fn attach_arguments(job: &str) -> Option<Vec<String>> {
    let name = Path::new(job).file_name()?.to_str()?;
    is_id(name).then(|| vec!["attach".to_owned(), name.to_owned()])
}

/// Returns true if the text is an id: never an option, a path or a shell expression.
fn is_id(id: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    id.bytes().all(is_plain) && !id.is_empty() && !id.starts_with('-')
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
    fn command_selects_the_profile_and_quotes_the_program() {
        let arguments = resume_arguments("6cf7").unwrap();
        for (program, profile, expected) in [
            ("/bin/claude", None, "env -u CLAUDE_CONFIG_DIR /bin/claude --resume 6cf7"),
            ("/bin/claude", Some("/work"), "env CLAUDE_CONFIG_DIR=/work /bin/claude --resume 6cf7"),
            (
                "/a=b/claude",
                None,
                "env -u CLAUDE_CONFIG_DIR sh -c exec \"$0\" \"$@\" /a=b/claude --resume 6cf7",
            ),
        ] {
            let command = command_with_profile(program, profile.map(Path::new), &arguments);
            assert_eq!(command.join(" "), expected);
        }
    }

    #[test]
    fn resume_command_names_every_profile_but_the_default() {
        let session = |profile: &str, is_checked: bool| Session {
            id: crewboard_core::ConversationId::new("6cf7"),
            profile: Some(profile.to_owned()),
            origin: is_checked.then(crewboard_core::Origin::default),
            ..Session::default()
        };
        for (profile, is_checked, expected) in [
            ("/home/dev/.claude", true, "claude --resume 6cf7"),
            ("/data/.claude", true, "CLAUDE_CONFIG_DIR='/data/.claude' claude --resume 6cf7"),
            (
                "/data/it's",
                false,
                r"CLAUDE_CONFIG_DIR='/data/it'\''s' claude --resume 6cf7 # a profile that events claim",
            ),
        ] {
            let command = resume_command(&session(profile, is_checked), Some("/home/dev/.claude"));
            assert_eq!(command.as_deref(), Some(expected));
        }
    }

    #[test]
    fn only_ids_become_arguments() {
        for (id, words) in [
            ("6cf7f83b-72a2-41ac-8a3d-3ba3a14f6a29", true),
            ("", false),
            ("-p", false),
            ("--dangerously-skip-permissions", false),
            ("$(touch x)", false),
            ("a b", false),
        ] {
            assert_eq!(resume_arguments(id).is_some(), words, "{id}");
            let id = crewboard_core::ConversationId::new(id);
            let session = Session { id, ..Session::default() };
            let command = resume_command(&session, None);
            assert_eq!(command.is_some(), words, "{command:?}");
        }
        let words = attach_arguments("/home/dev/.claude/jobs/387c1190");
        assert_eq!(words, Some(vec!["attach".to_owned(), "387c1190".to_owned()]));
        assert_eq!(attach_arguments("/home/dev/.claude/jobs/-p"), None);
        assert_eq!(attach_arguments("/"), None);
    }
}
