//! Everything that knows Codex. Its hooks and files were measured on 0.171.0 (see `docs/agents/codex.md`).
//!
//! A plain `codex` keeps its sessions ("threads") in one service for all its windows, `codex app-server`. The hooks are
//! children of that service, so their parent, their environment and their pane are not those of the session.
//! [`owner`] finds the window of a session. `codex exec` and some flags run without the service.

mod event;
mod owner;
mod registration;
mod rollout;

use crate::Version;
use crate::descriptor::{Agent, Files, Hooks, ProfileLocation, Resume};
use crate::id::is_id;

const NAME: &str = "codex";

/// Codex, as the other rooms see it.
pub(crate) static AGENT: Agent = Agent {
    name: NAME,
    title: "Codex",
    newest_tested: Version(0, 171, 0),
    model_prefix: "",
    profile: ProfileLocation { variable: "CODEX_HOME", directory: ".codex" },
    hooks: Hooks {
        file: "hooks.json",
        events: &registration::EVENTS,
        entries: registration::entries,
        our_program: registration::our_program,
        is_ours: registration::is_ours,
        is_settings_file: false,
        trust: &[
            "Codex runs a hook only after you have allowed it, because a hook runs a program as you.",
            "At its next start it asks once: choose \"Trust all and continue\", or review the hooks first (also with /hooks).",
            "Until then Crewboard sees no Codex session.",
        ],
    },
    pid_variable: None,
    read_event: event::read_event,
    files: Files {
        profile_above: rollout::profile_above,
        status: None,
        transcript_below: rollout::transcript_below,
        last_turn: rollout::last_turn,
    },
    resume: Resume {
        arguments: |id| is_id(id).then(|| vec!["resume".to_owned(), id.to_owned()]),
        // Codex has no background sessions.
        attach_arguments: |_| None,
        directory: |present, _, head| {
            rollout::directory_in(head).or_else(|| present.map(std::path::Path::to_owned))
        },
    },
    unknown: &[
        (
            "that a permission was granted",
            "the permission, unconfirmed, until the tool has run or the turn is over",
        ),
        (
            "the window of a session, if several windows run in its directory",
            "the session without a process and a pane, unconfirmed",
        ),
        ("a session before its first prompt", "no session"),
        (
            "that a session was replaced with /new or /clear, before the next prompt",
            "the former session",
        ),
        ("that an offered plan was declined", "the plan, unconfirmed, until the next turn"),
        ("whether a window that ended in a turn was killed or quit", "killed"),
    ],
};

#[cfg(test)]
mod tests {
    use super::*;
    use crewboard_testkit::recording::CODEX_CLIENTS;

    #[test]
    fn page_has_what_codex_does_not_report() {
        let page = include_str!("../../../docs/agents/codex.md").replace('`', "");
        let mut sections = page.split("\n## ");
        let section = sections.find(|section| section.starts_with("What cannot be known")).unwrap();
        let rows: Vec<&str> = section.lines().filter(|line| line.starts_with('|')).collect();
        let expected: Vec<String> =
            AGENT.unknown.iter().map(|(fact, shown)| format!("| {fact} | {shown} |")).collect();
        assert_eq!(rows[2..], expected);
    }

    #[test]
    fn newest_tried_is_the_newest_recorded_client() {
        let recorded = CODEX_CLIENTS.map(|client| {
            let version = client.strip_prefix("codex-").unwrap().split('-').next().unwrap();
            version.parse::<Version>().unwrap()
        });
        assert_eq!(recorded.into_iter().max(), Some(AGENT.newest_tested));
    }
}
