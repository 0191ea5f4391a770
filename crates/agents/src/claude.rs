//! Everything that knows Claude Code. Its hooks were measured on 2.1.330 (see `harness/findings.md`).

mod arguments;
mod event;
pub mod handlers;
mod payload;
mod profile;
pub mod registration;
mod resume;
mod scan;
pub(super) mod session_file;
pub mod settings;
mod shell_words;
pub mod status_line;
mod tool;
pub(super) mod transcript;
mod version;

pub(crate) use arguments::never_has_session_file;
pub use event::read_event;
pub(crate) use profile::profile_of;
pub use resume::{
    attach_arguments, command_with_profile, profile_variables, resume_arguments, resume_command,
    resume_directory,
};
pub use transcript::directory_in;
pub use version::Version;

/// The name in `crewboard hook claude`.
pub const NAME: &str = "claude";

/// The newest version that Crewboard was tested with. A newer client gets the same settings as this version.
pub const NEWEST_TESTED_VERSION: Version = Version(2, 1, 332);

/// Returns true if a version is newer than every version that Crewboard was tested with.
pub fn is_untried(version: Version) -> bool {
    version > NEWEST_TESTED_VERSION
}

#[cfg(test)]
mod tests {
    use super::*;
    use crewboard_testkit::recording::CLIENTS;

    #[test]
    fn newest_tried_is_the_newest_recorded_client() {
        let recorded = CLIENTS
            .map(|client| client.strip_prefix("claude-code-").unwrap().parse::<Version>().unwrap());
        assert_eq!(recorded.into_iter().max(), Some(NEWEST_TESTED_VERSION));
    }

    #[test]
    fn only_a_version_above_the_newest_tried_is_untried() {
        let Version(major, minor, patch) = NEWEST_TESTED_VERSION;
        for (version, expected) in [
            (NEWEST_TESTED_VERSION, false),
            (Version(major, minor, patch - 1), false),
            (Version(major - 1, minor + 9, patch + 9), false),
            (Version(major, minor, patch + 1), true),
            (Version(major, minor + 1, 0), true),
            (Version(major + 1, 0, 0), true),
        ] {
            assert_eq!(is_untried(version), expected, "{version}");
        }
    }
}
