//! A profile (a configuration directory of an agent) and the change to its hooks.
//!
//! Uninstall restores the original bytes if it can prove that they are right: if the backup plus Crewboard's entries
//! equals the current file, then the current file is what install wrote. No other record could contradict the backup.

use std::path::PathBuf;
use std::time::Duration;
use std::{fmt, fs, io, thread};

use crewboard_agents::settings_edit::{self, EditError, Entry};
use crewboard_agents::{AGENTS, Agent, Version};
use crewboard_platform::canonical_directory;

use super::agent_version::find_program;
use super::backup::{Backup, is_regular};
use super::error::InstallError;
use super::new_directories::NewDirectories;
use super::owners::{check_directory, check_home};
use super::replace::{self, Flush, OnStep, Step};
use super::settings_file::{MAX_BYTES, MAX_INSTALLED, SettingsFile, check_room_for_backup};
use super::status_line::{crewboard_line, is_installed, restored_command, wrap_status_line};
use crate::environment::{Environment, is_executable};

/// A configuration directory, such as `~/.claude`.
#[derive(Debug, Clone)]
pub(crate) struct Profile {
    pub(crate) agent: &'static Agent,
    pub(crate) directory: PathBuf,
}

/// The state of Crewboard's hooks in a profile.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum InstallState {
    No,
    Yes { program: PathBuf },
    Outdated { program: PathBuf, reason: OutdatedReason },
}

/// A reason to run `install` again.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum OutdatedReason {
    /// The registered program no longer exists.
    ProgramMissing,
    /// These events are not registered.
    EventsMissing(Vec<String>),
}

impl Profile {
    /// Returns the profiles named on the command line, or the default profile of each agent named there, or of each agent
    /// that is here.
    pub(crate) fn select(
        agents: &[&'static Agent],
        named: &[PathBuf],
        environment: &Environment,
    ) -> Result<Vec<Self>, InstallError> {
        if named.is_empty() {
            let agents =
                if agents.is_empty() { present_agents(environment) } else { agents.to_vec() };
            return agents.iter().map(|agent| Self::default_of(agent, environment)).collect();
        }
        let agent = match agents {
            [] => AGENTS[0],
            [agent] => *agent,
            _ => return Err(InstallError::SeveralAgents),
        };
        let mut profiles: Vec<Self> = Vec::new();
        for directory in named {
            // A wrong path would otherwise become a new, unused profile.
            let Ok(directory) = directory.canonicalize().and_then(directory_only) else {
                return Err(InstallError::NoSuchDirectory(directory.clone()));
            };
            if profiles.iter().all(|profile| profile.directory != directory) {
                profiles.push(Self { agent, directory });
            }
        }
        Ok(profiles)
    }

    /// Returns the profile that the agent itself would use.
    pub(crate) fn default_of(
        agent: &'static Agent,
        environment: &Environment,
    ) -> Result<Self, InstallError> {
        let is_named =
            |(variable, _): &&(&'static str, PathBuf)| *variable == agent.profile.variable;
        let directory = match (environment.profiles.iter().find(is_named), &environment.home) {
            (Some((_, directory)), _) => directory.clone(),
            (None, Some(home)) => home.join(agent.profile.directory),
            (None, None) => return Err(InstallError::NoHome),
        };
        let directory = std::path::absolute(&directory).unwrap_or(directory);
        Ok(Self { agent, directory: canonical_directory(&directory) })
    }

    /// Returns the path of the file with the hooks.
    pub(crate) fn settings(&self) -> PathBuf {
        self.directory.join(self.agent.hooks.file)
    }

    /// Returns the path of the backup. It is next to the settings' name, not next to the target of a link, which may be
    /// a repository of dotfiles.
    pub(crate) fn backup(&self) -> PathBuf {
        self.directory.join(format!("{}.crewboard-backup", self.agent.hooks.file))
    }

    /// Returns the path of an empty file that marks settings created by install, which uninstall may remove. Without
    /// the mark, they would look the same as settings that were empty before.
    pub(crate) fn created_mark(&self) -> PathBuf {
        self.directory.join(format!("{}.crewboard-made", self.agent.hooks.file))
    }

    /// Returns the state of the hooks for this version of the agent.
    pub(crate) fn install_state(
        &self,
        version: Option<Version>,
    ) -> Result<InstallState, InstallError> {
        let file = SettingsFile::read(&self.settings())?;
        let text = file.text.as_deref().unwrap_or_default();
        let hooks = &self.agent.hooks;
        let ours = settings_edit::find(text, hooks.is_ours).map_err(|error| self.broken(error))?;
        let Some(program) = ours.iter().find_map(|entry| (hooks.our_program)(&entry.handler))
        else {
            return Ok(InstallState::No);
        };
        let missing: Vec<String> = (hooks.entries)(&program, version)
            .into_iter()
            .map(|entry| entry.event)
            .filter(|event| ours.iter().all(|entry| entry.event != *event))
            .collect();
        let program = PathBuf::from(program);
        Ok(if program.is_absolute() && !is_executable(&program) {
            InstallState::Outdated { program, reason: OutdatedReason::ProgramMissing }
        } else if !missing.is_empty() {
            InstallState::Outdated { program, reason: OutdatedReason::EventsMissing(missing) }
        } else {
            InstallState::Yes { program }
        })
    }

    /// Refuses to create files in another user's home.
    pub(super) fn check_owner(&self, environment: &Environment) -> Result<(), InstallError> {
        if environment.home.as_deref().is_some_and(|home| self.directory.starts_with(home)) {
            check_home(environment)?;
        }
        check_directory(&self.directory)
    }

    fn broken(&self, source: EditError) -> InstallError {
        InstallError::Settings { path: self.settings(), source }
    }
}

/// Returns the agents whose program or configuration directory is here, or the first agent if none is.
pub(crate) fn present_agents(environment: &Environment) -> Vec<&'static Agent> {
    let is_here = |agent: &&'static Agent| {
        find_program(agent, environment).is_some()
            || Profile::default_of(agent, environment)
                .is_ok_and(|profile| profile.directory.is_dir())
    };
    let here: Vec<&'static Agent> = AGENTS.into_iter().filter(is_here).collect();
    if here.is_empty() { vec![AGENTS[0]] } else { here }
}

fn directory_only(path: PathBuf) -> io::Result<PathBuf> {
    if path.is_dir() { Ok(path) } else { Err(io::ErrorKind::NotADirectory.into()) }
}

/// The displayed name of a settings file: its path, and the target of a link.
#[derive(Debug)]
pub(crate) struct Name {
    pub(crate) path: PathBuf,
    target: PathBuf,
}

impl fmt::Display for Name {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.path.display())?;
        let is_link = fs::symlink_metadata(&self.path).is_ok_and(|file| file.is_symlink());
        if is_link { write!(formatter, " (a link to {})", self.target.display()) } else { Ok(()) }
    }
}

/// The new content of a settings file.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum NewContent {
    /// The same text with entries added or removed.
    Edited(String),
    /// The text of the backup, which is then removed.
    Original(String),
    /// No file, as before install.
    Removed,
}

/// A change of a profile's settings.
#[derive(Debug)]
pub(crate) struct Change {
    pub(crate) name: Name,
    /// `None` if there is nothing to change.
    pub(crate) after: Option<NewContent>,
    pub(super) profile: Profile,
    file: SettingsFile,
    /// True if the current text becomes the backup.
    keep_original: bool,
    /// True if the mark of a created file is removed.
    drops_mark: bool,
}

impl Change {
    fn of(profile: &Profile, file: SettingsFile, after: Option<NewContent>) -> Self {
        let name = Name { path: profile.settings(), target: file.target.clone() };
        let profile = profile.clone();
        Self { name, after, file, profile, keep_original: false, drops_mark: false }
    }

    /// Computes the change that adds these entries.
    pub(crate) fn of_install(
        profile: &Profile,
        entries: &[Entry],
        pause: Duration,
    ) -> Result<Self, InstallError> {
        let install = |file| Self::of_installed_file(profile, entries, file);
        SettingsFile::read_settled(&profile.settings(), || thread::sleep(pause), install)
    }

    /// Computes the change that adds these entries to a file that was read.
    pub(super) fn of_installed_file(
        profile: &Profile,
        entries: &[Entry],
        file: SettingsFile,
    ) -> Result<Self, InstallError> {
        let broken = |error| profile.broken(error);
        let before = file.text.as_deref().unwrap_or_default();
        let hooks = &profile.agent.hooks;
        let is_ours = hooks.is_ours;
        let mut after = settings_edit::add(before, entries, is_ours).map_err(broken)?;
        let program = entries.first().and_then(|entry| (hooks.our_program)(&entry.handler));
        if let Some(program) = program.filter(|_| hooks.is_settings_file) {
            after = wrap_status_line(&after, &program).map_err(broken)?;
        }
        if before.len() > MAX_BYTES && after != before {
            return Err(InstallError::TooLarge(file.target));
        }
        if after.len() > MAX_INSTALLED && before.len() <= MAX_INSTALLED {
            return Err(InstallError::WouldBeTooLarge(file.target));
        }
        let has_ours = !settings_edit::find(before, is_ours).map_err(broken)?.is_empty();
        // A file with Crewboard entries is not an original. An older backup or mark then describes the original.
        let is_known = is_regular(&profile.backup()) || is_regular(&profile.created_mark());
        // An empty text never replaces a backup.
        let would_lose_backup = before.trim().is_empty() && is_regular(&profile.backup());
        let keep_original = file.text.is_some() && !(has_ours && is_known) && !would_lose_backup;
        let after = (after != before).then_some(NewContent::Edited(after));
        let drops_mark = keep_original;
        Ok(Self { keep_original, drops_mark, ..Self::of(profile, file, after) })
    }

    /// Computes the change that removes Crewboard's entries.
    pub(crate) fn of_uninstall(profile: &Profile, pause: Duration) -> Result<Self, InstallError> {
        let uninstall = |file| Self::of_uninstalled_file(profile, file);
        SettingsFile::read_settled(&profile.settings(), || thread::sleep(pause), uninstall)
    }

    fn of_uninstalled_file(profile: &Profile, file: SettingsFile) -> Result<Self, InstallError> {
        let broken = |error| profile.broken(error);
        let before = file.text.as_deref().unwrap_or_default();
        let is_ours = profile.agent.hooks.is_ours;
        let ours = settings_edit::find(before, is_ours).map_err(broken)?;
        let line = crewboard_line(before).map_err(broken)?;
        // A status line that the user added is removed with the hooks. Without hooks, leave it alone.
        if ours.is_empty() && !is_installed(before).map_err(broken)? {
            return Ok(Self::of(profile, file, None));
        }
        let backup = is_regular(&profile.backup());
        // A backup that cannot be read proves nothing, and stays.
        let backup = backup.then(|| SettingsFile::read(&profile.backup()).ok()).flatten();
        let is_original = |text: &str| {
            settings_edit::find(text, is_ours).is_ok_and(|entries| entries.is_empty())
                && is_installed(text).is_ok_and(|installed| !installed)
        };
        let add_ours = |original: &str| {
            let text = settings_edit::add(original, &ours, is_ours)?;
            match &line {
                Some((program, _)) => wrap_status_line(&text, program),
                None => Ok(text),
            }
        };
        let is_result_of_install = |original: &str| {
            is_original(original) && add_ours(original).is_ok_and(|text| text == before)
        };
        let after = match backup.and_then(|backup| backup.text) {
            Some(original) if is_result_of_install(&original) => NewContent::Original(original),
            None if is_regular(&profile.created_mark()) && is_result_of_install("") => {
                NewContent::Removed
            }
            original => {
                // A backup with Crewboard entries, or an unreadable one, is not the user's text.
                let original = original.filter(|text| is_original(text)).unwrap_or_default();
                let mut text = settings_edit::remove(before, is_ours, &original).map_err(broken)?;
                if let Some(line) = line {
                    let own = restored_command(before, &original, line).map_err(broken)?;
                    text = settings_edit::set_status_line(&text, own.as_deref()).map_err(broken)?;
                }
                NewContent::Edited(text)
            }
        };
        Ok(Self { drops_mark: true, ..Self::of(profile, file, Some(after)) })
    }

    /// Returns true if this change makes Crewboard the status line.
    pub(crate) fn wraps_status_line(&self) -> bool {
        let is_ours = |text| crewboard_line(text).is_ok_and(|line| line.is_some());
        is_ours(self.after_text()) && !is_ours(self.before())
    }

    /// Returns true if the file exists.
    pub(super) fn has_file(&self) -> bool {
        self.file.text.is_some()
    }

    /// Returns true if the current text becomes the backup.
    pub(super) fn keeps_original(&self) -> bool {
        self.keep_original
    }

    /// Returns true if both changes write the same file, as with linked profiles.
    pub(crate) fn writes_same_file(&self, other: &Self) -> bool {
        self.file.target == other.file.target
    }

    /// Fails if the change cannot be written. Called before anything is written.
    pub(crate) fn check(&self, environment: &Environment) -> Result<(), InstallError> {
        self.profile.check_owner(environment)?;
        self.file.write_method()?;
        if self.keep_original {
            check_room_for_backup(&self.file, &self.profile.directory)?;
        }
        Ok(())
    }

    pub(crate) fn before(&self) -> &str {
        self.file.text.as_deref().unwrap_or_default()
    }

    pub(crate) fn after_text(&self) -> &str {
        match &self.after {
            Some(NewContent::Edited(text) | NewContent::Original(text)) => text,
            Some(NewContent::Removed) => "",
            None => self.before(),
        }
    }

    /// Removes the mark of a created file if another program has created the file again since.
    pub(crate) fn remove_stale_mark(&self) {
        let is_ours = self.profile.agent.hooks.is_ours;
        let has_ours = |text| settings_edit::find(text, is_ours).is_ok_and(|ours| !ours.is_empty());
        let mark = self.profile.created_mark();
        if !self.file.text.as_deref().is_some_and(has_ours) && is_regular(&mark) {
            // The empty mark no longer has a meaning.
            let _ = fs::remove_file(mark);
        }
    }

    /// Applies the change once. If another program changes the file at the same time, keeps its text and undoes this
    /// change.
    pub(crate) fn apply(
        &self,
        pause: Duration,
        flush: Flush,
        on_step: OnStep<'_>,
    ) -> Result<BackupKind, InstallError> {
        let new_directories = match &self.file.text {
            Some(_) => NewDirectories::default(),
            None => NewDirectories::create(&self.profile.directory, 0o700).map_err(|source| {
                InstallError::Io {
                    action: "create the directory",
                    path: self.profile.directory.clone(),
                    source,
                    advice: "start the agent once, or create the directory yourself",
                }
            })?,
        };
        let backup_path = self.profile.backup();
        let backup = self
            .keep_original
            .then(|| Backup::create(&self.file, &backup_path, flush))
            .transpose()?;
        let displaced = match &self.after {
            Some(NewContent::Edited(text) | NewContent::Original(text)) => {
                replace::write(&self.file, text, flush, on_step)?
            }
            Some(NewContent::Removed) => {
                replace::delete(&self.file, on_step)?;
                None
            }
            None => None,
        };
        on_step(Step::Written);
        // A program that had the file open writes to the displaced file.
        thread::sleep(pause);
        if let Some(displaced) = displaced {
            let restored = displaced.restore_if_changed(on_step);
            let is_changed = restored.map_err(|source| {
                let path = self.file.target.clone();
                InstallError::Io { action: "check", path, source, advice: replace::CHECK_DIRECTORY }
            })?;
            if is_changed {
                return Err(InstallError::Changed(self.file.target.clone()));
            }
        }
        new_directories.keep();
        let has_new_backup = backup.is_some();
        if let Some(backup) = backup {
            backup.keep();
        }
        let mark = self.profile.created_mark();
        if let Some(NewContent::Original(_)) = &self.after {
            // The backup equals the settings now; if it cannot be removed, it does no harm.
            let _ = fs::remove_file(&backup_path);
        }
        if self.file.text.is_none() {
            // Without the mark, uninstall leaves an empty file, so a failure here is ignored.
            if let Ok(mark) = Backup::create(&self.file, &mark, Flush::Before) {
                mark.keep();
            }
        } else if self.drops_mark {
            let _ = fs::remove_file(&mark);
        }
        Ok(if !is_regular(&backup_path) {
            BackupKind::None
        } else if has_new_backup || !self.before().trim().is_empty() {
            BackupKind::Original(backup_path)
        } else {
            BackupKind::Older(backup_path)
        })
    }
}

/// The backup that exists after a change.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum BackupKind {
    None,
    /// The text before install.
    Original(PathBuf),
    /// An older text, because the file was empty.
    Older(PathBuf),
}
