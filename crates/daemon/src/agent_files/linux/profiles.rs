//! Configuration directories, and what is watched until they are whole.

use super::{AgentFiles, Profile, Watched};
use crewboard_core::{AgentName, Now, Observation};
use crewboard_integrations::agents::files::conditions_folder;
use crewboard_platform::local_directory;
use inotify::{WatchDescriptor, WatchMask};
use std::path::Path;

/// Configuration directories watched at once.
const MAX_PROFILES: usize = 32;

impl AgentFiles {
    /// The profile of that name, watched and read if it is new; `None` where we may not look.
    pub(super) fn profile(
        &mut self,
        agent: &AgentName,
        named: &Path,
        now: Now,
        observations: &mut Vec<Observation>,
    ) -> Option<usize> {
        let same = |known: &Profile| known.named == named && known.agent == *agent;
        if let Some(position) = self.profiles.iter().position(same) {
            return Some(position);
        }
        if self.profiles.len() == MAX_PROFILES {
            return None;
        }
        let real = local_directory(named)?;
        self.profiles.push(Profile { agent: agent.clone(), named: named.to_owned(), real });
        self.arm(self.profiles.len() - 1, now, observations);
        Some(self.profiles.len() - 1)
    }

    /// Watches a profile's folder, or the nearest directory above it that is there.
    pub(super) fn arm(&mut self, profile: usize, now: Now, observations: &mut Vec<Observation>) {
        let Some(Profile { agent, real, .. }) = self.profiles.get(profile) else { return };
        let Some(folder) = conditions_folder(agent.as_str()) else { return };
        let folder = real.join(folder);
        let files = WatchMask::CLOSE_WRITE
            | WatchMask::MOVED_TO
            | WatchMask::MOVED_FROM
            | WatchMask::DELETE
            | WatchMask::DELETE_SELF
            | WatchMask::MOVE_SELF
            | WatchMask::ONLYDIR
            | WatchMask::DONT_FOLLOW;
        if let Ok(descriptor) = self.watches.add(&folder, files) {
            self.watched.entry(descriptor).or_default().push(Watched::Conditions(profile));
            return self.scan(profile, now, observations);
        }
        let appears = WatchMask::CREATE
            | WatchMask::MOVED_TO
            | WatchMask::DELETE_SELF
            | WatchMask::MOVE_SELF
            | WatchMask::ONLYDIR
            | WatchMask::DONT_FOLLOW;
        let mut missing = folder.as_path();
        while let (Some(above), Some(next)) = (missing.parent(), missing.file_name()) {
            if let Ok(descriptor) = self.watches.add(above, appears) {
                if std::fs::symlink_metadata(missing).is_ok_and(|found| found.is_dir()) {
                    // It came in that very moment.
                    let _ = self.watches.remove(descriptor);
                    return self.arm(profile, now, observations);
                }
                let reason = Watched::Missing { profile, next: next.to_owned() };
                self.watched.entry(descriptor).or_default().push(reason);
                return;
            }
            missing = above;
        }
    }

    /// A profile waits for nothing in that directory any more.
    pub(super) fn no_longer_missing(&mut self, descriptor: &WatchDescriptor, arrived: usize) {
        let Some(reasons) = self.watched.get_mut(descriptor) else { return };
        reasons.retain(
            |reason| !matches!(reason, Watched::Missing { profile, .. } if *profile == arrived),
        );
        if reasons.is_empty() {
            self.unwatch(descriptor);
        }
    }

    pub(super) fn unwatch(&mut self, descriptor: &WatchDescriptor) {
        self.watched.remove(descriptor);
        let _ = self.watches.remove(descriptor.clone());
    }
}
