//! Warns of settings that keep installed hooks from running.
//!
//! Claude Code merges several settings files. For each key, the first file in this order takes precedence: the managed
//! settings, `--settings`, the project's local settings, the project's settings, the user's settings (tested with
//! 2.1.332). A file that it skips has no effect.

use std::fs;
use std::path::{Path, PathBuf};

use crewboard_agents::claude::settings;
use crewboard_core::{MAX_PATH, clean};

use super::profile::Profile;
use super::settings_file::SettingsFile;
use super::status_line::settings_of_project;
use crate::environment::Environment;

/// Problems in one warning. Claude Code itself lists all.
const MAX_PROBLEMS: usize = 5;

/// The lines of a warning.
pub(super) type Warning = Vec<String>;

/// Returns warnings about settings that keep the hooks of a profile from running, if its settings have this text.
pub(super) fn warnings(profile: &Profile, text: &str, environment: &Environment) -> Vec<Warning> {
    let mut warnings = Vec::new();
    if !profile.agent.hooks.is_settings_file {
        return warnings;
    }
    warnings.extend(skipped_file(profile, text));
    let managed = managed_files(&environment.claude_managed);
    let sets = |path: &Path, key| settings::managed_switch(&text_of(path), key) == Some(true);
    if let Some(path) = managed.iter().find(|path| sets(path, "disableAllHooks")) {
        warnings.push(vec![
            format!("{} sets disableAllHooks, so no hook runs", shown(path)),
            "Ask the administrator of this machine to remove that setting.".to_owned(),
        ]);
    } else {
        warnings.extend(switched_off(profile, text, environment));
    }
    let only_managed =
        |path: &Path| sets(path, "allowManagedHooksOnly") || settings::locks_hooks(&text_of(path));
    if let Some(path) = managed.iter().find(|path| only_managed(path)) {
        warnings.push(vec![
            format!("{} allows only managed hooks, so your hooks do not run", shown(path)),
            "Ask the administrator of this machine to add Crewboard's hooks there.".to_owned(),
        ]);
    }
    warnings
}

fn skipped_file(profile: &Profile, text: &str) -> Option<Warning> {
    let problems = settings::problems(text);
    if problems.is_empty() {
        return None;
    }
    let path = shown(&profile.settings());
    let mut lines = vec![format!("Claude Code ignores all of {path}, hooks included")];
    // A key of the file may have any name, so clean it.
    let shown = |problem: &settings::Problem| clean(&problem.to_string(), MAX_PATH, false);
    lines.extend(problems.iter().take(MAX_PROBLEMS).map(shown));
    if let Some(more) = problems.len().checked_sub(MAX_PROBLEMS).filter(|more| *more > 0) {
        lines.push(format!("and {more} more"));
    }
    lines.push("The hooks run once the file is corrected.".to_owned());
    Some(lines)
}

/// Returns a warning if `disableAllHooks` is set for the current project, or for all other projects.
fn switched_off(profile: &Profile, text: &str, environment: &Environment) -> Option<Warning> {
    let own_path = profile.settings();
    let own = settings::switch(text, "disableAllHooks");
    let own_target = SettingsFile::target_of(&own_path);
    let project = environment.directory.as_deref().map(settings_of_project).unwrap_or_default();
    let deciding_file = project
        .into_iter()
        .rev()
        // In the home directory, the user's settings have the path of project settings.
        .filter(|path| SettingsFile::target_of(path) != own_target)
        .find_map(|path| switch_in_file(&path, "disableAllHooks").map(|value| (path, value)));
    match (deciding_file, own) {
        (Some((path, true)), _) => Some(vec![
            format!("{} sets disableAllHooks, so no hook runs in this project", shown(&path)),
            "Set it to false to let Crewboard see the sessions of this project.".to_owned(),
        ]),
        (Some((path, false)), Some(true)) => Some(vec![
            format!(
                "{} sets disableAllHooks, so no hook runs outside this project",
                shown(&own_path)
            ),
            format!("Here {} sets it to false. Set it to false in both.", shown(&path)),
        ]),
        (None, Some(true)) => Some(vec![
            format!("{} sets disableAllHooks, so no hook runs", shown(&own_path)),
            "Set it to false to let Crewboard see these sessions.".to_owned(),
        ]),
        (_, _) => None,
    }
}

/// Returns the administrator's settings files, in the order in which Claude Code reads them.
fn managed_files(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory.join("managed-settings.d")).into_iter().flatten();
    let mut files: Vec<PathBuf> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            name.ends_with(".json") && !name.starts_with('.')
        })
        .collect();
    files.sort();
    files.insert(0, directory.join("managed-settings.json"));
    files
}

/// Returns the value of a switch in a settings file, or `None` if the file cannot be read.
fn switch_in_file(path: &Path, key: &str) -> Option<bool> {
    settings::switch(&text_of(path), key)
}

fn text_of(path: &Path) -> String {
    SettingsFile::read(path).ok().and_then(|file| file.text).unwrap_or_default()
}

/// The directory of a project may have any name.
fn shown(path: &Path) -> String {
    clean(&path.to_string_lossy(), MAX_PATH, false)
}
