//! The configuration of the daemon, which is read again when the file changes.

use crate::timer::until;
use crate::watch::file_watches::{
    FileChangeKind, FileWatches, OwnerChanges, WatchPurpose, WatchToken,
};
use crewboard_config::{
    Config, DirectoryWatcher, Environment, Loaded, Location, REAPPEAR_WITHIN, Schema, WatchedPath,
    locate,
};
use crewboard_core::{NotificationSettings, Status, WaitGoal};
use crewboard_platform::may_block;
use std::path::{Path, PathBuf};
use tokio::time::Instant;

/// Watches and reads the configuration.
#[derive(Debug)]
pub(crate) struct ConfigWatch {
    schema: Schema,
    environment: Environment,
    /// `None` if the configuration is read only once.
    path: Option<WatchedPath<WatchToken>>,
    /// The time at which a changed file is read.
    read_at: Option<Instant>,
}

/// Watches directories for the configuration.
struct Directories<'a>(&'a mut FileWatches);

impl DirectoryWatcher for Directories<'_> {
    type Token = WatchToken;

    fn add(&mut self, directory: &Path, wants_writes: bool) -> Option<WatchToken> {
        let purpose =
            if wants_writes { WatchPurpose::ConfigFile } else { WatchPurpose::ConfigName };
        self.0.add(purpose, directory).ok()
    }

    fn remove(&mut self, token: WatchToken) {
        self.0.remove(token);
    }
}

impl ConfigWatch {
    /// Watches the configuration of `environment`. If it cannot be watched, it is read once.
    pub(crate) fn new(schema: Schema, environment: Environment, watches: &mut FileWatches) -> Self {
        let path = match locate(&environment) {
            Location::At(path) if may_block(&path) => None,
            Location::At(path) => Some(WatchedPath::new(&path, &mut Directories(watches))),
            Location::Nowhere | Location::Relative(_) => None,
        };
        Self { schema, environment, path, read_at: None }
    }

    /// Returns the configuration, or the defaults if its file may not answer.
    pub(crate) fn load(&self) -> Loaded {
        self.schema.load(&answering_configuration(self.environment.clone()))
    }

    /// Returns the file if it is not read because it may not answer.
    pub(crate) fn unread(&self) -> Option<PathBuf> {
        unread_configuration(&self.environment)
    }

    /// Notes that directories of the configuration have changed.
    pub(crate) fn note(&mut self, changes: &OwnerChanges, watches: &mut FileWatches) {
        let Some(path) = &mut self.path else { return };
        let is_affected = changes.files.iter().any(|file| {
            let is_created = file.kind == FileChangeKind::Created;
            path.is_affected(file.watch, file.name.as_deref(), is_created)
        });
        if is_affected || changes.overflow {
            path.update(&mut Directories(watches));
            self.read_at = Some(Instant::now() + REAPPEAR_WITHIN);
        }
    }

    /// Waits until a changed configuration is to be read.
    pub(crate) async fn read_is_due(&mut self) {
        until(self.read_at).await;
        self.read_at = None;
    }
}

/// Returns `environment`, without its configuration if the file system may not answer. A daemon that waits for a file
/// system serves no client.
pub fn answering_configuration(environment: Environment) -> Environment {
    if unread_configuration(&environment).is_none() {
        return environment;
    }
    Environment { config: Some(PathBuf::from("/dev/null")), ..environment }
}

/// Returns the configuration file if its file system may not answer.
fn unread_configuration(environment: &Environment) -> Option<PathBuf> {
    match locate(environment) {
        Location::At(path) if may_block(&path) => Some(path),
        Location::At(_) | Location::Nowhere | Location::Relative(_) => None,
    }
}

/// Returns the statuses that trigger notifications and commands with this configuration.
pub(crate) fn notification_settings(config: &Config) -> NotificationSettings {
    let statuses = |words: &[String]| -> Vec<Status> {
        words.iter().filter_map(|word| Status::from_word(word)).collect()
    };
    let reaches = config.notify.desktop || config.notify.terminal != "off";
    let on: Vec<String> = config.on.iter().flat_map(|rule| rule.statuses.clone()).collect();
    NotificationSettings {
        user_statuses: if reaches { statuses(&config.notify.statuses) } else { Vec::new() },
        rule_statuses: WaitGoal {
            statuses: statuses(&on),
            needs_you: on.iter().any(|word| word == "needs-you"),
        },
    }
}
