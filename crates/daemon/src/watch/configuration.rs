//! The configuration of the daemon, which is read again when the file changes.

use crate::watch::processes::readable_descriptor;
use crewboard_config::{BACK, Config, Environment, FileWatch, Loaded, Location, Schema, locate};
use crewboard_core::{NotificationSettings, Status, WaitGoal};
use crewboard_platform::may_block;
use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;
use tokio::io::unix::AsyncFd;
use tokio::time::{Instant, sleep_until};

/// Watches and reads the configuration.
#[derive(Debug)]
pub(crate) struct ConfigWatch {
    schema: Schema,
    environment: Environment,
    watch: Option<(FileWatch, AsyncFd<OwnedFd>)>,
    /// The file has changed and is read at this time.
    due: Option<Instant>,
}

impl ConfigWatch {
    /// Watches the configuration of `environment`. If it cannot be watched, it is read once.
    pub(crate) fn new(schema: Schema, environment: Environment) -> Self {
        let watch = match locate(&environment) {
            Location::At(path) if may_block(&path) => None,
            Location::At(path) => FileWatch::new(&path).and_then(|file| {
                let descriptor = file.as_fd().try_clone_to_owned().ok()?;
                Some((file, readable_descriptor(descriptor).ok()?))
            }),
            Location::Nowhere | Location::Relative(_) => None,
        };
        Self { schema, environment, watch, due: None }
    }

    /// Returns the configuration, or the defaults if its file may not answer.
    pub(crate) fn load(&self) -> Loaded {
        self.schema.load(&answering_configuration(self.environment.clone()))
    }

    /// Returns the file if it is not read because it may not answer.
    pub(crate) fn unread(&self) -> Option<PathBuf> {
        unread_configuration(&self.environment)
    }

    /// Waits until the configuration may have changed.
    pub(crate) async fn changed(&mut self) {
        let Some((file, descriptor)) = &mut self.watch else {
            return std::future::pending().await;
        };
        loop {
            let due = self.due.unwrap_or_else(Instant::now);
            tokio::select! {
                ready = descriptor.readable() => {
                    let Ok(mut ready) = ready else { return std::future::pending().await };
                    ready.clear_ready();
                    if file.stirred() {
                        // Some editors move the old file away first.
                        self.due = Some(Instant::now() + BACK);
                    }
                }
                () = sleep_until(due), if self.due.is_some() => {
                    self.due = None;
                    return;
                }
            }
        }
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
        person: if reaches { statuses(&config.notify.statuses) } else { Vec::new() },
        commands: WaitGoal {
            statuses: statuses(&on),
            needs_you: on.iter().any(|word| word == "needs-you"),
        },
    }
}
