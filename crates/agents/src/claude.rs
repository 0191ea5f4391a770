//! Everything that knows Claude Code. Its hooks were measured on 2.1.330 (see `harness/findings.md`).

mod arguments;
mod event;
pub mod handlers;
mod payload;
pub mod registration;
mod resume;
pub(super) mod session_file;
pub mod settings;
pub mod status_line;
pub(super) mod transcript;

use crate::Version;
use crate::descriptor::{Agent, Files, Hooks, ProfileLocation, Resume, SessionFiles};

/// The name in `crewboard hook claude`.
pub const NAME: &str = "claude";

/// Claude Code, as the other rooms see it.
pub static AGENT: Agent = Agent {
    name: NAME,
    title: "Claude Code",
    newest_tested: Version(2, 1, 332),
    model_prefix: "claude-",
    profile: ProfileLocation { variable: "CLAUDE_CONFIG_DIR", directory: ".claude" },
    hooks: Hooks {
        file: "settings.json",
        events: &registration::EVENTS,
        entries: registration::entries,
        our_program: handlers::our_program,
        is_ours: handlers::is_ours,
        is_settings_file: true,
        trust: &[],
    },
    pid_variable: Some("CLAUDE_PID"),
    read_event: event::read_event,
    files: Files {
        profile_above: transcript::profile_above,
        status: Some(SessionFiles {
            directory: "sessions",
            pid_of: session_file::pid_of,
            pid_of_key: session_file::pid_of_key,
            never_has_one: arguments::never_has_session_file,
            read: session_file::read,
        }),
        transcript_below: transcript::transcript_below,
        last_turn: transcript::last_turn,
    },
    resume: Resume {
        arguments: resume::resume_arguments,
        attach_arguments: resume::attach_arguments,
        directory: |present, folder, head| match present {
            Some(present) => Some(resume::resume_directory(present, folder, head)),
            None => transcript::directory_in(head, folder),
        },
    },
    unknown: &[],
};

#[cfg(test)]
mod tests {
    use super::*;
    use crewboard_testkit::recording::CLIENTS;

    #[test]
    fn newest_tried_is_the_newest_recorded_client() {
        let recorded = CLIENTS
            .map(|client| client.strip_prefix("claude-code-").unwrap().parse::<Version>().unwrap());
        assert_eq!(recorded.into_iter().max(), Some(AGENT.newest_tested));
    }
}
