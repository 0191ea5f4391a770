//! Errors of install and uninstall: what happened, and what to do.

use crate::failure::{Failure, without_error_number};
use std::io;
use std::path::PathBuf;

use crewboard_agents::Version;
use crewboard_agents::settings_edit::EditError;

/// An error: the message, and below it a hint that says what to do. Unless the text says otherwise, nothing was
/// changed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum InstallError {
    #[error(
        "HOME is not set, so your settings cannot be found\nname the configuration directory with --config-dir"
    )]
    NoHome,
    #[error("{} is not a directory\ncheck the path given with --config-dir", .0.display())]
    NoSuchDirectory(PathBuf),
    #[error(
        "{}: {source}\ncorrect the file, then run this again; it was not changed",
        path.display()
    )]
    Settings { path: PathBuf, source: EditError },
    #[error("{} is not text in UTF-8\ncorrect the file, then run this again; it was not changed", .0.display())]
    NotText(PathBuf),
    #[error("{} is larger than 4 MiB, which is too large for a settings file\nmake the file smaller, then run this again; it was not changed", .0.display())]
    TooLarge(PathBuf),
    #[error(
        "with the hooks, {} would be larger than 2 MiB, and the agent would ignore the whole file\n\
         make the file smaller, then run this again",
        .0.display()
    )]
    WouldBeTooLarge(PathBuf),
    #[error("{} is not a regular file\nmove it away, then run this again", .0.display())]
    NotAFile(PathBuf),
    #[error(
        "{} belongs to another user (uid {uid})\nrun this as that user, or change the owner of the file; \
         if a tool generates the file, add the output of --dry-run there",
        path.display()
    )]
    NotYours { path: PathBuf, uid: u32 },
    #[error(
        "{} belongs to another user (uid {uid}), and that user could not use files that you create there\n\
         run this as that user; if `sudo` kept HOME, use `sudo -H`",
        path.display()
    )]
    ForeignDirectory { path: PathBuf, uid: u32 },
    #[error(
        "{} cannot be changed: {why}\nif a tool generates the file (home-manager, a container), \
         add the output of --dry-run there; the file was not changed",
        path.display()
    )]
    ReadOnly { path: PathBuf, why: String },
    #[error(
        "other programs kept changing {}\nrun this again when they have finished; their changes were kept",
        .0.display()
    )]
    Changed(PathBuf),
    #[error("cannot {action} {}: {}\n{advice}", path.display(), without_error_number(source))]
    Io { action: &'static str, path: PathBuf, source: io::Error, advice: &'static str },
    #[error(
        "this would change your settings, but there is no terminal to ask for confirmation\n\
         pass --yes to confirm, or --dry-run to see the change first"
    )]
    CannotAsk,
    #[error(
        "this would copy the program to {}{}, and leave your settings as they are, but there is no terminal to ask \
         for confirmation\npass --yes to confirm",
        to.display(),
        if *replaces { ", replacing the file there" } else { "" }
    )]
    CannotAskToCopy { to: PathBuf, replaces: bool },
    #[error("nothing was changed")]
    Declined,
    #[error("cannot find the file of this program\nrun it by its full path")]
    NoExecutable,
    #[error("the path {} is not text in UTF-8, which settings need\nmove the program to another directory", .0.display())]
    ProgramNotText(PathBuf),
    #[error("{agent} {version} has no hooks\nupdate it, then run this again")]
    NoHooks { agent: &'static str, version: Version },
    #[error("a configuration directory belongs to one agent\nname one agent with --config-dir")]
    SeveralAgents,
    #[error("cannot write the output: {}", without_error_number(.0))]
    Output(#[from] io::Error),
}

impl InstallError {
    /// Returns 1 for a failure and 2 for wrong usage.
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::CannotAsk
            | Self::CannotAskToCopy { .. }
            | Self::NoSuchDirectory(_)
            | Self::SeveralAgents
            | Self::NoHome => 2,
            _ => 1,
        }
    }
}

impl From<InstallError> for Failure {
    fn from(error: InstallError) -> Self {
        let text = error.to_string();
        let failure = match text.split_once('\n') {
            Some((message, advice)) => Self::new(message).hint(advice),
            None => Self::new(text.as_str()),
        };
        failure.code(error.exit_code())
    }
}
