//! Texts that depend on the agent program.

use crewboard_core::Session;

/// Functions that write such texts. The host supplies them, because only the `agents` crate knows an agent's own terms.
#[derive(Debug, Clone, Copy)]
pub struct AgentText {
    /// Returns an agent's name and version.
    pub describe_version: fn(agent: &str, version: &str) -> String,
    /// Returns a model's name without the prefix that all models of the agent share.
    pub short_model: for<'a> fn(agent: &str, model: &'a str) -> &'a str,
    /// Returns the shell command that resumes a session, or `None` if there is none. The second argument is the
    /// default profile.
    pub resume_command: fn(session: &Session, default_profile: Option<&str>) -> Option<String>,
}

impl AgentText {
    /// Texts that show the agent's own values unchanged.
    pub const PLAIN: Self = Self {
        describe_version: |agent, version| format!("{agent} {version}"),
        short_model: |_, model| model,
        resume_command: |_, _| None,
    };
}
