//! Watches the directories of profiles. If a directory does not exist yet, watches the nearest one above it.

use super::{Profile, Reason, SessionFiles};
use crate::watch::file_watches::{FileWatches, WatchPurpose, WatchToken};
use crewboard_agents::files::session_files_directory;
use crewboard_core::{AgentName, Now, Observation};
use crewboard_platform::{canonical_directory, local_directory};
use rustix::io::Errno;
use std::path::Path;

/// Maximum number of profiles that are watched at once.
const MAX_PROFILES: usize = 32;
/// Maximum number of attempts to watch a folder. Another program may create it just when the daemon has begun to watch the
/// directory above it instead.
const MAX_RACES: usize = 4;

impl SessionFiles {
    /// Returns the profile of a path, however the path is spelled. Watches and reads a new one. Returns `None` if there
    /// is no room for it.
    pub(super) fn watch_profile(
        &mut self,
        agent: &AgentName,
        spelled: &Path,
        watches: &mut FileWatches,
        now: Now,
        observations: &mut Vec<Observation>,
    ) -> Option<usize> {
        let canonical = canonical_directory(spelled);
        let is_same = |known: &Profile| {
            known.agent == *agent && (known.spelled == spelled || known.canonical == canonical)
        };
        let position = if let Some(position) = self.profiles.iter().position(is_same) {
            position
        } else {
            let new = Profile {
                agent: agent.clone(),
                spelled: spelled.to_owned(),
                canonical,
                local: None,
                is_watched: false,
            };
            self.add_profile(new, watches)?
        };
        if self.profiles.get(position).is_some_and(|profile| !profile.is_watched) {
            self.update_profile(position, watches, now, observations);
        }
        Some(position)
    }

    /// Adds a profile. If the table is full, replaces a profile whose agents have all exited.
    fn add_profile(&mut self, new: Profile, watches: &mut FileWatches) -> Option<usize> {
        if self.profiles.len() < MAX_PROFILES {
            self.profiles.push(new);
            return Some(self.profiles.len() - 1);
        }
        // The first is the user's usual profile, in which agents may start without hooks.
        let is_unused = |index: &usize| !self.processes.values().any(|used| used == index);
        let index = (1..MAX_PROFILES).find(is_unused)?;
        self.known.retain(|(of, _), _| *of != index);
        self.unwatch_if(watches, |reason| reason.profile() == Some(index));
        *self.profiles.get_mut(index)? = new;
        Some(index)
    }

    /// Resolves the path of a profile, watches its folder or the nearest directory above it that exists, and reads its
    /// files.
    pub(super) fn update_profile(
        &mut self,
        profile: usize,
        watches: &mut FileWatches,
        now: Now,
        observations: &mut Vec<Observation>,
    ) {
        let Some(Profile { agent, spelled, .. }) = self.profiles.get(profile) else { return };
        let spelled = spelled.clone();
        let Some(folder) = session_files_directory(agent.as_str()) else {
            // Only the transcripts of this agent are watched, each while a turn runs.
            if let Some(profile) = self.profiles.get_mut(profile) {
                profile.canonical = canonical_directory(&spelled);
                profile.local = local_directory(&spelled);
            }
            return;
        };
        let mut local = None;
        let mut is_watched = false;
        for _ in 0..MAX_RACES {
            self.unwatch_if(watches, |reason| reason.profile() == Some(profile));
            // The path is resolved in each attempt, because the new name may be a link to another directory.
            local = local_directory(&spelled);
            let Some(local) = &local else { break };
            is_watched = self.watch_folder(profile, local, &local.join(folder), watches);
            if is_watched || !self.watch_above(profile, &local.join(folder), watches) {
                break;
            }
        }
        if let Some(profile) = self.profiles.get_mut(profile) {
            profile.is_watched = is_watched;
            profile.canonical = canonical_directory(&spelled);
            profile.local = local;
        }
        self.read_profile(profile, now, observations);
    }

    /// Watches the profile, and its folder with the session files. The watch of the folder does not report that the profile
    /// was moved, so both are needed. Returns true if both are watched.
    fn watch_folder(
        &mut self,
        profile: usize,
        local: &Path,
        folder: &Path,
        watches: &mut FileWatches,
    ) -> bool {
        let (itself, files) = (Reason::Profile(profile), Reason::SessionFiles(profile));
        self.watch(local, WatchPurpose::Profile, itself, watches)
            && self.watch(folder, WatchPurpose::SessionFiles, files, watches)
    }

    /// Watches the nearest directory above a folder that cannot be watched. Returns true if the next part of the path
    /// has appeared meanwhile.
    fn watch_above(&mut self, profile: usize, folder: &Path, watches: &mut FileWatches) -> bool {
        let mut missing = folder;
        while let (Some(above), Some(name)) = (missing.parent(), missing.file_name()) {
            let reason = Reason::Missing { profile, name: name.to_owned() };
            if self.watch(above, WatchPurpose::MissingProfile, reason, watches) {
                return missing.symlink_metadata().is_ok();
            }
            missing = above;
        }
        false
    }

    /// Watches a path for a reason. Several reasons share one watch. Returns true if the path is watched.
    pub(super) fn watch(
        &mut self,
        path: &Path,
        purpose: WatchPurpose,
        reason: Reason,
        watches: &mut FileWatches,
    ) -> bool {
        match watches.add(purpose, path) {
            Ok(watch) => {
                self.watched.entry(watch).or_default().push(reason);
                true
            }
            Err(error) => {
                // Other errors mean that the path does not exist or is no directory yet.
                let has_no_room = [Errno::NOSPC, Errno::NOMEM, Errno::MFILE, Errno::NOSYS]
                    .iter()
                    .any(|errno| error.raw_os_error() == Some(errno.raw_os_error()));
                if has_no_room {
                    self.failure = Some(error.to_string());
                }
                false
            }
        }
    }

    /// Removes the reasons for which `is_over` returns true, and the watches without a reason.
    pub(super) fn unwatch_if(
        &mut self,
        watches: &mut FileWatches,
        is_over: impl Fn(&Reason) -> bool,
    ) {
        let mut unused: Vec<WatchToken> = Vec::new();
        for (watch, reasons) in &mut self.watched {
            reasons.retain(|reason| !is_over(reason));
            if reasons.is_empty() {
                unused.push(*watch);
            }
        }
        for watch in unused {
            self.unwatch(watch, watches);
        }
    }

    /// Removes a watch. Returns its reasons.
    pub(super) fn unwatch(&mut self, watch: WatchToken, watches: &mut FileWatches) -> Vec<Reason> {
        watches.remove(watch);
        self.watched.remove(&watch).unwrap_or_default()
    }
}
