//! Configuration directories, and what is watched until they are whole.

use super::{AgentFiles, Profile, Watched};
use crewboard_agents::files::session_files_directory;
use crewboard_core::{AgentName, Now, Observation};
use crewboard_platform::{canonical_directory, local_directory};
use inotify::{WatchDescriptor, WatchMask};
use rustix::io::Errno;
use std::path::Path;

/// Configuration directories watched at once.
const MAX_PROFILES: usize = 32;
/// How often a folder is tried again that came while the directory above it was being watched.
const MAX_RACES: usize = 4;

impl AgentFiles {
    /// Returns the profile of that name, however it is spelled, watched and read if it is new; `None` where
    /// there is no room for it.
    pub(super) fn profile(
        &mut self,
        agent: &AgentName,
        named: &Path,
        now: Now,
        observations: &mut Vec<Observation>,
    ) -> Option<usize> {
        let settled = canonical_directory(named);
        let same = |known: &Profile| {
            known.agent == *agent && (known.named == named || known.settled == settled)
        };
        let position = if let Some(position) = self.profiles.iter().position(same) {
            position
        } else {
            let new = Profile {
                agent: agent.clone(),
                named: named.to_owned(),
                settled,
                real: None,
                is_watched: false,
            };
            self.make_room(new)?
        };
        if self.profiles.get(position).is_some_and(|profile| !profile.is_watched) {
            self.arm(position, now, observations);
        }
        Some(position)
    }

    /// Puts a profile where there is room, or in place of one whose agents have all ended.
    fn make_room(&mut self, new: Profile) -> Option<usize> {
        if self.profiles.len() < MAX_PROFILES {
            self.profiles.push(new);
            return Some(self.profiles.len() - 1);
        }
        // The first is the user's own, where agents may start that no hook tells of.
        let is_unused = |index: &usize| !self.followed.values().any(|used| used == index);
        let index = (1..MAX_PROFILES).find(is_unused)?;
        self.known.retain(|(of, _), _| *of != index);
        self.unwatch_for(|reason| reason.profile() == Some(index));
        *self.profiles.get_mut(index)? = new;
        Some(index)
    }

    /// Watches a profile's folder, or the nearest directory above it that is there, and reads what is
    /// in it.
    pub(super) fn arm(&mut self, profile: usize, now: Now, observations: &mut Vec<Observation>) {
        let Some(Profile { agent, named, .. }) = self.profiles.get(profile) else { return };
        let Some(folder) = session_files_directory(agent.as_str()) else { return };
        let named = named.clone();
        let mut real = None;
        let mut is_watched = false;
        for _ in 0..MAX_RACES {
            self.unwatch_for(|reason| reason.profile() == Some(profile));
            // Anew each time: what came in that very moment may be a link to somewhere else.
            real = local_directory(&named);
            let Some(real) = &real else { break };
            is_watched = self.watch_profile(profile, real, &real.join(folder));
            if is_watched || !self.watch_above(profile, &real.join(folder)) {
                break;
            }
        }
        if let Some(profile) = self.profiles.get_mut(profile) {
            profile.is_watched = is_watched;
            profile.settled = canonical_directory(&named);
            profile.real = real;
        }
        self.scan(profile, now, observations);
    }

    /// Watches the folder itself; the kernel does not tell it when the directory above it is moved.
    fn watch_profile(&mut self, profile: usize, real: &Path, folder: &Path) -> bool {
        let files = WatchMask::CLOSE_WRITE
            | WatchMask::MOVED_TO
            | WatchMask::MOVED_FROM
            | WatchMask::DELETE
            | WatchMask::DELETE_SELF
            | WatchMask::MOVE_SELF;
        let moves = WatchMask::DELETE_SELF | WatchMask::MOVE_SELF;
        self.watch_directory(real, moves, Watched::Profile(profile)).is_some()
            && self.watch_directory(folder, files, Watched::Conditions(profile)).is_some()
    }

    /// Watches the nearest directory above a folder that cannot be watched. Whether the next part of the
    /// way came in that very moment.
    fn watch_above(&mut self, profile: usize, folder: &Path) -> bool {
        // A directory that we may not read may become ours.
        let appears = WatchMask::CREATE
            | WatchMask::MOVED_TO
            | WatchMask::ATTRIB
            | WatchMask::DELETE_SELF
            | WatchMask::MOVE_SELF;
        let mut missing = folder;
        while let (Some(above), Some(next)) = (missing.parent(), missing.file_name()) {
            let reason = Watched::Missing { profile, next: next.to_owned() };
            if self.watch_directory(above, appears, reason.clone()).is_some() {
                return missing.symlink_metadata().is_ok();
            }
            missing = above;
        }
        false
    }

    fn watch_directory(
        &mut self,
        directory: &Path,
        mask: WatchMask,
        reason: Watched,
    ) -> Option<WatchDescriptor> {
        // Several reasons share one watch.
        let how = WatchMask::ONLYDIR | WatchMask::DONT_FOLLOW | WatchMask::MASK_ADD;
        let descriptor = self.watch(directory, mask | how)?;
        self.watched.entry(descriptor.clone()).or_default().push(reason);
        Some(descriptor)
    }

    pub(super) fn watch(&mut self, path: &Path, mask: WatchMask) -> Option<WatchDescriptor> {
        match self.watches.as_mut()?.add(path, mask) {
            Ok(descriptor) => Some(descriptor),
            Err(error) => {
                // Others say that it is not there, or is no directory yet.
                let has_no_room = [Errno::NOSPC, Errno::NOMEM, Errno::MFILE, Errno::NOSYS]
                    .iter()
                    .any(|errno| error.raw_os_error() == Some(errno.raw_os_error()));
                if has_no_room {
                    self.failure = Some(error.to_string());
                }
                None
            }
        }
    }

    /// Drops the reasons that are over, and the watches for which there is none left.
    pub(super) fn unwatch_for(&mut self, is_over: impl Fn(&Watched) -> bool) {
        let mut idle = Vec::new();
        for (descriptor, reasons) in &mut self.watched {
            reasons.retain(|reason| !is_over(reason));
            if reasons.is_empty() {
                idle.push(descriptor.clone());
            }
        }
        for descriptor in idle {
            self.unwatch(&descriptor);
        }
    }

    /// Why that was watched; it is no longer.
    pub(super) fn unwatch(&mut self, descriptor: &WatchDescriptor) -> Vec<Watched> {
        if let Some(watches) = &mut self.watches {
            // The kernel may have ended it.
            let _ = watches.remove(descriptor.clone());
        }
        self.watched.remove(descriptor).unwrap_or_default()
    }
}
