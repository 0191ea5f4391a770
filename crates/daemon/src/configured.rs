//! What of the configuration is the daemon's, read again when the file is another.

use crate::process_watch::readable_descriptor;
use crewboard_config::{BACK, Config, Environment, FileWatch, Loaded, Location, Schema, locate};
use crewboard_core::{Goal, Interest, Status};
use crewboard_platform::may_wait;
use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;
use tokio::io::unix::AsyncFd;
use tokio::time::{Instant, sleep_until};

/// The configuration in force.
#[derive(Debug)]
pub(crate) struct Configured {
    schema: Schema,
    environment: Environment,
    watch: Option<(FileWatch, AsyncFd<OwnedFd>)>,
    /// The file stirred: when to read it.
    due: Option<Instant>,
}

impl Configured {
    /// Watches the configuration of `environment`; without a watch, where that cannot be, it is read once.
    pub(crate) fn new(schema: Schema, environment: Environment) -> Self {
        let watch = match locate(&environment) {
            Location::At(path) if may_wait(&path) => None,
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

    /// Waits until the configuration may be another one.
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
                        // Some editors move the old one away first.
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

/// Returns `environment`, without its configuration if a look at the file may take for ever: a daemon that waits for
/// a file system serves no client.
pub fn answering_configuration(environment: Environment) -> Environment {
    if unread_configuration(&environment).is_none() {
        return environment;
    }
    Environment { config: Some(PathBuf::from("/dev/null")), ..environment }
}

/// Returns the configuration file if a look at it may take for ever.
fn unread_configuration(environment: &Environment) -> Option<PathBuf> {
    match locate(environment) {
        Location::At(path) if may_wait(&path) => Some(path),
        Location::At(_) | Location::Nowhere | Location::Relative(_) => None,
    }
}

/// Whom to tell of what, with this configuration.
pub(crate) fn interest(config: &Config) -> Interest {
    let statuses = |words: &[String]| -> Vec<Status> {
        words.iter().filter_map(|word| Status::from_word(word)).collect()
    };
    let reaches = config.notify.desktop || config.notify.terminal != "off";
    let on: Vec<String> = config.on.iter().flat_map(|rule| rule.statuses.clone()).collect();
    Interest {
        person: if reaches { statuses(&config.notify.statuses) } else { Vec::new() },
        commands: Goal {
            statuses: statuses(&on),
            needs_you: on.iter().any(|word| word == "needs-you"),
        },
    }
}
