//! Why an install or an uninstall did not happen, and what to do.

use crate::failure::Failure;
use std::io;
use std::path::PathBuf;

use crewboard_agents::claude::registration::Version;
use crewboard_agents::settings_edit::EditError;

/// Every way to fail. Unless it says otherwise, nothing was changed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum InstallError {
    #[error(
        "HOME is not set, so your settings cannot be found\nName the directory: --config-dir DIR"
    )]
    NoHome,
    #[error("there is no directory {}\nCheck the path given with --config-dir.", .0.display())]
    NoSuchDirectory(PathBuf),
    #[error(
        "{}: {source}\nThe file was left as it is. Correct it there, then run this again.",
        path.display()
    )]
    Settings { path: PathBuf, source: EditError },
    #[error("{} is not text in UTF-8\nThe file was left as it is.", .0.display())]
    NotText(PathBuf),
    #[error("{} is larger than 4 MiB, which no settings file is\nThe file was left as it is.", .0.display())]
    TooLarge(PathBuf),
    #[error(
        "with the hooks {} would be larger than 2 MiB, and Claude Code would ignore all of it\n\
         Make it smaller, then run this again.",
        .0.display()
    )]
    WouldBeTooLarge(PathBuf),
    #[error("{} is not a regular file\nMove it away, then run this again.", .0.display())]
    NotAFile(PathBuf),
    #[error(
        "{} belongs to another user (uid {uid})\nRun this as that user, or make the file yours. If a tool generates \
         it, add there what --dry-run shows.",
        path.display()
    )]
    NotYours { path: PathBuf, uid: u32 },
    #[error(
        "{} belongs to another user (uid {uid}), and what you make there would not be theirs\n\
         Run this as that user. If `sudo` kept HOME: `sudo -H` sets yours.",
        path.display()
    )]
    ForeignDirectory { path: PathBuf, uid: u32 },
    #[error(
        "{} cannot be changed: {why}\nThe file was left as it is. If a tool generates the file (home-manager, a container), \
         add there what --dry-run shows.",
        path.display()
    )]
    ReadOnly { path: PathBuf, why: String },
    #[error(
        "other programs kept changing {}\nTheir changes were kept. Run this again when they rest.",
        .0.display()
    )]
    Changed(PathBuf),
    #[error("cannot {action} {}: {source}\n{advice}", path.display())]
    Io { action: &'static str, path: PathBuf, source: io::Error, advice: &'static str },
    #[error(
        "this would change your settings, and there is no terminal to ask on\n\
         Pass --yes to do it, or --dry-run to see the change first."
    )]
    CannotAsk,
    #[error("nothing was changed")]
    Declined,
    #[error("cannot find out where this program's own file is\nRun it by its full path.")]
    NoExecutable,
    #[error("the path {} is not text in UTF-8, which settings need\nPut the program elsewhere.", .0.display())]
    ProgramNotText(PathBuf),
    #[error("Claude Code {0} has no hooks\nUpdate it (`claude update`), then run this again.")]
    NoHooks(Version),
    #[error("cannot print: {0}")]
    Output(#[from] io::Error),
}

impl InstallError {
    /// 1: it failed; 2: it was called in a way that cannot work.
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::CannotAsk | Self::NoSuchDirectory(_) | Self::NoHome => 2,
            _ => 1,
        }
    }
}

impl From<InstallError> for Failure {
    fn from(error: InstallError) -> Self {
        Self::new(error.to_string()).code(error.exit_code())
    }
}
