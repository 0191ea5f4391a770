//! Commands that resume a session of any agent, with its profile.

use crate::descriptor::Agent;
use crate::registry::{self, AGENTS};
use crate::shell_words::shell_quoted;
use crewboard_core::Session;
use std::path::Path;

/// Returns the command that runs an agent with exactly this profile, whatever the environment has. `None` is the
/// default profile.
pub fn command_with_profile(
    agent: &Agent,
    program: &str,
    profile: Option<&Path>,
    arguments: &[String],
) -> Vec<String> {
    let variable = agent.profile.variable;
    let mut command = vec!["env".to_owned()];
    match profile {
        Some(profile) => command.push(format!("{variable}={}", profile.display())),
        None => command.extend(["-u", variable].map(str::to_owned)),
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
pub fn profile_variables(agent: &Agent, profile: Option<&str>) -> Vec<(String, String)> {
    let variable = agent.profile.variable;
    profile.map(|profile| (variable.to_owned(), profile.to_owned())).into_iter().collect()
}

/// Returns the shell command that resumes a session, or `None` if there is none. It names the profile unless that is the
/// default one, and says so if only the events claim the profile. Users paste the command into a shell.
pub fn resume_command(session: &Session, default_profile: Option<&str>) -> Option<String> {
    let agent = registry::agent(session.agent.as_str())?;
    let arguments = (agent.resume.arguments)(session.id.as_str())?.join(" ");
    let command = format!("{} {arguments}", agent.name);
    // The home directory has the default profile of each agent.
    let home = default_profile.map(Path::new).filter(|profile| {
        AGENTS.iter().any(|agent| profile.file_name() == Some(agent.profile.directory.as_ref()))
    });
    let usual = home.and_then(Path::parent).map(|home| home.join(agent.profile.directory));
    let is_default = |profile: &&str| {
        Some(*profile) == default_profile || usual.as_deref() == Some(Path::new(profile))
    };
    let profile = session.profile.as_deref().filter(|profile| !is_default(profile));
    let Some(profile) = profile else { return Some(command) };
    let (variable, quoted) = (agent.profile.variable, shell_quoted(profile));
    let claim = if session.origin.is_none() { " # a profile that events claim" } else { "" };
    Some(format!("{variable}={quoted} {command}{claim}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::claude;

    #[test]
    fn command_selects_the_profile_and_quotes_the_program() {
        let arguments = (claude::AGENT.resume.arguments)("6cf7").unwrap();
        for (program, profile, expected) in [
            ("/bin/claude", None, "env -u CLAUDE_CONFIG_DIR /bin/claude --resume 6cf7"),
            ("/bin/claude", Some("/work"), "env CLAUDE_CONFIG_DIR=/work /bin/claude --resume 6cf7"),
            (
                "/a=b/claude",
                None,
                "env -u CLAUDE_CONFIG_DIR sh -c exec \"$0\" \"$@\" /a=b/claude --resume 6cf7",
            ),
        ] {
            let command =
                command_with_profile(&claude::AGENT, program, profile.map(Path::new), &arguments);
            assert_eq!(command.join(" "), expected);
        }
    }

    #[test]
    fn resume_command_names_every_profile_but_the_default() {
        let session = |agent: &str, profile: &str, is_checked: bool| Session {
            agent: crewboard_core::AgentName::new(agent),
            id: crewboard_core::ConversationId::new("6cf7"),
            profile: Some(profile.to_owned()),
            origin: is_checked.then(crewboard_core::Origin::default),
            ..Session::default()
        };
        for (agent, profile, is_checked, expected) in [
            ("claude", "/home/dev/.claude", true, "claude --resume 6cf7"),
            ("codex", "/home/dev/.codex", true, "codex resume 6cf7"),
            ("codex", "/data/.codex", true, "CODEX_HOME='/data/.codex' codex resume 6cf7"),
            (
                "claude",
                "/data/.claude",
                true,
                "CLAUDE_CONFIG_DIR='/data/.claude' claude --resume 6cf7",
            ),
            (
                "claude",
                "/data/it's",
                false,
                r"CLAUDE_CONFIG_DIR='/data/it'\''s' claude --resume 6cf7 # a profile that events claim",
            ),
        ] {
            let command =
                resume_command(&session(agent, profile, is_checked), Some("/home/dev/.claude"));
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
            for agent in AGENTS {
                assert_eq!((agent.resume.arguments)(id).is_some(), words, "{id}");
                let (agent, id) = (agent.name, crewboard_core::ConversationId::new(id));
                let agent = crewboard_core::AgentName::new(agent);
                let command = resume_command(&Session { agent, id, ..Session::default() }, None);
                assert_eq!(command.is_some(), words, "{command:?}");
            }
        }
    }
}
