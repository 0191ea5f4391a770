//! One configuration directory of Claude Code's, and what is to change in it.
//!
//! Uninstall gives back identical bytes where it can prove that it may: if the backup, with our
//! entries put in again, *is* the present file, then the present file is what install left. There
//! is no record beside the backup that could disagree with it.

use std::path::PathBuf;
use std::time::Duration;
use std::{fmt, fs, io, thread};

use crewboard_agents::claude::registration::{self, Version, is_ours, our_program};
use crewboard_agents::settings_edit::{self, EditError, Entry};
use crewboard_platform::canonical_directory;

use super::backup::{Backup, is_regular};
use super::error::InstallError;
use super::made_directories::MadeDirectories;
use super::owners::{check_directory, check_home};
use super::replace::{self, AtStep, Flush, Step};
use super::settings_file::{MAX_BYTES, MAX_INSTALLED, SettingsFile, check_room_for_backup};
use super::status_line::{given_back, is_installed, line_of_ours, wrapped};
use crate::environment::{Environment, is_executable};

/// A configuration directory, such as `~/.claude`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Profile {
    pub(crate) directory: PathBuf,
}

/// Whether a profile's hooks are ours, and work.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Installed {
    No,
    Yes { program: PathBuf },
    Outdated { program: PathBuf, reason: Outdated },
}

/// What another `install` would put right.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Outdated {
    /// The registered program is not there any more.
    ProgramGone,
    /// These events are not registered.
    EventsMissing(Vec<String>),
}

impl Profile {
    /// Returns the profiles named on the command line, or else the user's own one.
    pub(crate) fn chosen(
        named: &[PathBuf],
        environment: &Environment,
    ) -> Result<Vec<Self>, InstallError> {
        if named.is_empty() {
            return Ok(vec![Self::default_of(environment)?]);
        }
        let mut profiles: Vec<Self> = Vec::new();
        for directory in named {
            // A wrong path would otherwise become a new, unused profile.
            let Ok(directory) = directory.canonicalize().and_then(directory_only) else {
                return Err(InstallError::NoSuchDirectory(directory.clone()));
            };
            let profile = Self { directory };
            if !profiles.contains(&profile) {
                profiles.push(profile);
            }
        }
        Ok(profiles)
    }

    /// Returns the profile Claude Code itself would use here.
    pub(crate) fn default_of(environment: &Environment) -> Result<Self, InstallError> {
        let directory = match (&environment.claude_config_dir, &environment.home) {
            (Some(directory), _) => directory.clone(),
            (None, Some(home)) => home.join(".claude"),
            (None, None) => return Err(InstallError::NoHome),
        };
        let directory = std::path::absolute(&directory).unwrap_or(directory);
        Ok(Self { directory: canonical_directory(&directory) })
    }

    /// The user settings.
    pub(crate) fn settings(&self) -> PathBuf {
        self.directory.join("settings.json")
    }

    /// The settings as they were before install. Beside the settings' name, not beside what a link
    /// leads to, which may be a repository of dotfiles.
    pub(crate) fn backup(&self) -> PathBuf {
        self.directory.join("settings.json.crewboard-backup")
    }

    /// An empty file that says that install made the settings, so that uninstall may remove them.
    /// Their text alone would be the same had there been an empty file.
    pub(crate) fn made_mark(&self) -> PathBuf {
        self.directory.join("settings.json.crewboard-made")
    }

    /// Returns whether the hooks are installed as this version of Claude Code can have them.
    pub(crate) fn installed(&self, version: Option<Version>) -> Result<Installed, InstallError> {
        let file = SettingsFile::read(&self.settings())?;
        let text = file.text.as_deref().unwrap_or_default();
        let ours = settings_edit::find(text, is_ours).map_err(|error| self.broken(error))?;
        let Some(program) = ours.iter().find_map(|entry| our_program(&entry.handler)) else {
            return Ok(Installed::No);
        };
        let missing: Vec<String> = registration::entries(&program, version)
            .into_iter()
            .map(|entry| entry.event)
            .filter(|event| ours.iter().all(|entry| entry.event != *event))
            .collect();
        let program = PathBuf::from(program);
        Ok(if program.is_absolute() && !is_executable(&program) {
            Installed::Outdated { program, reason: Outdated::ProgramGone }
        } else if !missing.is_empty() {
            Installed::Outdated { program, reason: Outdated::EventsMissing(missing) }
        } else {
            Installed::Yes { program }
        })
    }

    /// Refuses to make anything in another user's home.
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

fn directory_only(path: PathBuf) -> io::Result<PathBuf> {
    if path.is_dir() { Ok(path) } else { Err(io::ErrorKind::NotADirectory.into()) }
}

/// How a settings file is to be called: the name the user knows, and where it leads.
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

/// What a settings file becomes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum After {
    /// The same text with entries put in or taken out.
    Edited(String),
    /// The text of the backup, which has done its duty by that.
    Original(String),
    /// No file, as before install.
    Removed,
}

/// A profile's settings, before and after.
#[derive(Debug)]
pub(crate) struct Change {
    pub(crate) name: Name,
    /// `None` where nothing is to be done.
    pub(crate) after: Option<After>,
    pub(super) profile: Profile,
    file: SettingsFile,
    /// Whether what is there now is to become the backup.
    keep_original: bool,
    /// Whether it no longer matters that install had made the file.
    drops_mark: bool,
}

impl Change {
    fn of(profile: &Profile, file: SettingsFile, after: Option<After>) -> Self {
        let name = Name { path: profile.settings(), target: file.target.clone() };
        let profile = profile.clone();
        Self { name, after, file, profile, keep_original: false, drops_mark: false }
    }

    /// Works out the change that puts these entries in.
    pub(crate) fn of_install(
        profile: &Profile,
        entries: &[Entry],
        pause: Duration,
    ) -> Result<Self, InstallError> {
        let install = |file| Self::of_installed_file(profile, entries, file);
        SettingsFile::read_settled(&profile.settings(), || thread::sleep(pause), install)
    }

    /// The same for a file that was read.
    pub(super) fn of_installed_file(
        profile: &Profile,
        entries: &[Entry],
        file: SettingsFile,
    ) -> Result<Self, InstallError> {
        let broken = |error| profile.broken(error);
        let before = file.text.as_deref().unwrap_or_default();
        let mut after = settings_edit::add(before, entries, is_ours).map_err(broken)?;
        if let Some(program) = entries.first().and_then(|entry| our_program(&entry.handler)) {
            after = wrapped(&after, &program).map_err(broken)?;
        }
        if before.len() > MAX_BYTES && after != before {
            return Err(InstallError::TooLarge(file.target));
        }
        if after.len() > MAX_INSTALLED && before.len() <= MAX_INSTALLED {
            return Err(InstallError::WouldBeTooLarge(file.target));
        }
        let has_ours = !settings_edit::find(before, is_ours).map_err(broken)?.is_empty();
        // With entries of ours in it, the file is no original; an older backup or mark tells of it.
        let is_known = is_regular(&profile.backup()) || is_regular(&profile.made_mark());
        // An empty text takes the place of no other.
        let is_less = before.trim().is_empty() && is_regular(&profile.backup());
        let keep_original = file.text.is_some() && !(has_ours && is_known) && !is_less;
        let after = (after != before).then_some(After::Edited(after));
        let drops_mark = keep_original;
        Ok(Self { keep_original, drops_mark, ..Self::of(profile, file, after) })
    }

    /// Works out the change that takes ours out.
    pub(crate) fn of_uninstall(profile: &Profile, pause: Duration) -> Result<Self, InstallError> {
        let uninstall = |file| Self::of_uninstalled_file(profile, file);
        SettingsFile::read_settled(&profile.settings(), || thread::sleep(pause), uninstall)
    }

    fn of_uninstalled_file(profile: &Profile, file: SettingsFile) -> Result<Self, InstallError> {
        let broken = |error| profile.broken(error);
        let before = file.text.as_deref().unwrap_or_default();
        let ours = settings_edit::find(before, is_ours).map_err(broken)?;
        let line = line_of_ours(before).map_err(broken)?;
        // One that the user wrote goes with our hooks, and without them is none of our business.
        if ours.is_empty() && !is_installed(before).map_err(broken)? {
            return Ok(Self::of(profile, file, None));
        }
        let backup = is_regular(&profile.backup());
        // One that cannot be read proves nothing, and stays.
        let backup = backup.then(|| SettingsFile::read(&profile.backup()).ok()).flatten();
        let is_original = |text: &str| {
            settings_edit::find(text, is_ours).is_ok_and(|entries| entries.is_empty())
                && is_installed(text).is_ok_and(|installed| !installed)
        };
        let put_in = |original: &str| {
            let text = settings_edit::add(original, &ours, is_ours)?;
            match &line {
                Some((program, _)) => wrapped(&text, program),
                None => Ok(text),
            }
        };
        let left_by_install = |original: &str| {
            is_original(original) && put_in(original).is_ok_and(|text| text == before)
        };
        let after = match backup.and_then(|backup| backup.text) {
            Some(original) if left_by_install(&original) => After::Original(original),
            None if is_regular(&profile.made_mark()) && left_by_install("") => After::Removed,
            original => {
                // One with ours in it, or that cannot be read, says nothing of what was the user's.
                let original = original.filter(|text| is_original(text)).unwrap_or_default();
                let mut text = settings_edit::remove(before, is_ours, &original).map_err(broken)?;
                if let Some(line) = line {
                    let own = given_back(before, &original, line).map_err(broken)?;
                    text = settings_edit::set_status_line(&text, own.as_deref()).map_err(broken)?;
                }
                After::Edited(text)
            }
        };
        Ok(Self { drops_mark: true, ..Self::of(profile, file, Some(after)) })
    }

    /// Returns whether it is this change that makes the status line tell us.
    pub(crate) fn wraps_status_line(&self) -> bool {
        let is_ours = |text| line_of_ours(text).is_ok_and(|line| line.is_some());
        is_ours(self.after_text()) && !is_ours(self.before())
    }

    /// Returns whether both would write the same file, as linked profiles do.
    pub(crate) fn same_file(&self, other: &Self) -> bool {
        self.file.target == other.file.target
    }

    /// Refuses what could not be written, before anything is.
    pub(crate) fn check(&self, environment: &Environment) -> Result<(), InstallError> {
        self.profile.check_owner(environment)?;
        self.file.way()?;
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
            Some(After::Edited(text) | After::Original(text)) => text,
            Some(After::Removed) => "",
            None => self.before(),
        }
    }

    /// Takes away what tells that install had made the file, where another program has made it anew since.
    pub(crate) fn drop_stale_mark(&self) {
        let has_ours = |text| settings_edit::find(text, is_ours).is_ok_and(|ours| !ours.is_empty());
        let mark = self.profile.made_mark();
        if !self.file.text.as_deref().is_some_and(has_ours) && is_regular(&mark) {
            // An empty file of ours, which means nothing by now.
            let _ = fs::remove_file(mark);
        }
    }

    /// Makes the change once. Where another program changes the file at the same time, its text stands and nothing is
    /// left of ours.
    pub(crate) fn apply(
        &self,
        pause: Duration,
        flush: Flush,
        at: AtStep<'_>,
    ) -> Result<ChangeKind, InstallError> {
        let made = match &self.file.text {
            Some(_) => MadeDirectories::default(),
            None => MadeDirectories::make(&self.profile.directory, 0o700).map_err(|source| {
                InstallError::Io {
                    action: "make the directory",
                    path: self.profile.directory.clone(),
                    source,
                    advice: "Start the agent once, or make the directory yourself.",
                }
            })?,
        };
        let backup_path = self.profile.backup();
        let backup = self
            .keep_original
            .then(|| Backup::make(&self.file, &backup_path, flush))
            .transpose()?;
        let displaced = match &self.after {
            Some(After::Edited(text) | After::Original(text)) => {
                replace::write(&self.file, text, flush, at)?
            }
            Some(After::Removed) => {
                replace::delete(&self.file, at)?;
                None
            }
            None => None,
        };
        at(Step::Written);
        // A program that had opened the file before writes to the one that was displaced.
        thread::sleep(pause);
        if let Some(displaced) = displaced {
            let put_back = displaced.put_back_if_changed(at);
            let is_changed = put_back.map_err(|source| {
                let path = self.file.target.clone();
                InstallError::Io {
                    action: "look at",
                    path,
                    source,
                    advice: replace::CHECK_DIRECTORY,
                }
            })?;
            if is_changed {
                return Err(InstallError::Changed(self.file.target.clone()));
            }
        }
        made.keep();
        let has_new_backup = backup.is_some();
        if let Some(backup) = backup {
            backup.keep();
        }
        let mark = self.profile.made_mark();
        if let Some(After::Original(_)) = &self.after {
            // It is the same as the settings now; leaving it would do no harm.
            let _ = fs::remove_file(&backup_path);
        }
        if self.file.text.is_none() {
            // Without it, uninstall leaves an empty file: no reason to fail now.
            if let Ok(mark) = Backup::make(&self.file, &mark, Flush::Before) {
                mark.keep();
            }
        } else if self.drops_mark {
            let _ = fs::remove_file(&mark);
        }
        Ok(if !is_regular(&backup_path) {
            ChangeKind::Nothing
        } else if has_new_backup || !self.before().trim().is_empty() {
            ChangeKind::Original(backup_path)
        } else {
            ChangeKind::Older(backup_path)
        })
    }
}

/// The backup that there is after a change.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum ChangeKind {
    Nothing,
    /// The text before install.
    Original(PathBuf),
    /// An older text: the file was empty.
    Older(PathBuf),
}
