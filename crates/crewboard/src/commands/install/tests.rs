//! Tests install and uninstall on a real file system.

mod concurrent_writes;
mod output;
mod preserved;
mod restored;

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crewboard_agents::AGENTS;
use crewboard_agents::claude::registration::EVENTS;
use tempfile::TempDir;

use super::profile::{Change, Profile};
use super::*;

/// A home directory with a program, and the answer of the user.
struct World {
    root: TempDir,
    environment: Environment,
    answer: &'static str,
}

const SETTINGS: &str = "{\n  // mine\n  \"model\": \"opus\",\n  \"hooks\": {}\n}\n";

fn yes() -> InstallArguments {
    InstallArguments { yes: true, ..InstallArguments::default() }
}

fn executable(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
    fs::set_permissions(path, Permissions::from_mode(0o755)).unwrap();
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

impl World {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let home = root.path().join("home");
        let program = home.join(".local/bin/crewboard");
        executable(&program, "program");
        let environment = Environment {
            home: Some(home),
            path: vec![root.path().join("home/.local/bin")],
            executable: Some(program),
            claude_managed: root.path().join("managed"),
            ..Environment::default()
        };
        Self { root, environment, answer: "" }
    }

    /// Creates a world with these settings in `~/.claude`.
    fn with(settings: &str) -> Self {
        let world = Self::new();
        fs::create_dir(world.directory()).unwrap();
        fs::write(world.settings(), settings).unwrap();
        world
    }

    fn directory(&self) -> PathBuf {
        self.root.path().join("home/.claude")
    }

    fn settings(&self) -> PathBuf {
        self.directory().join("settings.json")
    }

    fn backup(&self) -> PathBuf {
        self.directory().join("settings.json.crewboard-backup")
    }

    fn text(&self) -> String {
        fs::read_to_string(self.settings()).unwrap()
    }

    fn profile(&self) -> Profile {
        Profile::default_of(AGENTS[0], &self.environment).unwrap()
    }

    fn install(&self, arguments: &InstallArguments) -> Result<String, InstallError> {
        let mut out = Vec::new();
        run_install(arguments, &self.environment, &mut out, &mut self.answer.as_bytes())?;
        Ok(String::from_utf8(out).unwrap())
    }

    fn uninstall(&self, arguments: &InstallArguments) -> Result<String, InstallError> {
        let mut out = Vec::new();
        run_uninstall(arguments, &self.environment, &mut out, &mut self.answer.as_bytes())?;
        Ok(String::from_utf8(out).unwrap())
    }

    /// Returns every file of the profile with its content.
    fn files(&self) -> Vec<(String, String)> {
        let entries = fs::read_dir(self.directory()).unwrap().map(Result::unwrap);
        let mut files: Vec<_> = entries
            .map(|entry| {
                let name = entry.file_name().into_string().unwrap();
                (name, fs::read_to_string(entry.path()).unwrap())
            })
            .collect();
        files.sort();
        files
    }
}

#[test]
fn install_writes_hooks_and_a_backup() {
    let world = World::with(SETTINGS);
    let output = world.install(&yes()).unwrap();
    let settings = world.settings().display().to_string();
    assert!(output.contains(&format!("Installed 16 hooks in {settings}.\n")), "{output}");
    let backup = format!("  Backup of the file: {settings}.crewboard-backup\n");
    assert!(output.contains(&backup), "{output}");
    // The comment keeps hooks from running, so a warning replaces the note.
    assert!(output.contains("hooks included") && !output.contains(RUNNING_SESSIONS), "{output}");
    assert_eq!(fs::read_to_string(world.backup()).unwrap(), SETTINGS);
    let text = world.text();
    assert!(text.starts_with("{\n  // mine\n  \"model\": \"opus\",\n"), "{text}");
    for row in EVENTS {
        assert!(text.contains(&format!("\"{}\": [", row.event)), "{}", row.event);
    }
    // No temporary file remains.
    assert_eq!(world.files().len(), 2);
}

#[test]
fn second_install_changes_nothing_and_asks_nothing() {
    let world = World::with(SETTINGS);
    world.install(&yes()).unwrap();
    let files = world.files();
    let output = world.install(&InstallArguments::default()).unwrap();
    assert!(output.contains("the hooks are already installed.\n"), "{output}");
    assert_eq!(world.files(), files);
}

#[test]
fn install_and_uninstall_keep_the_mode() {
    for bits in [0o600, 0o644, 0o664, 0o400] {
        let world = World::with(SETTINGS);
        fs::set_permissions(world.settings(), Permissions::from_mode(bits)).unwrap();
        world.install(&yes()).unwrap();
        assert_eq!((mode(&world.settings()), mode(&world.backup())), (bits, bits));
        world.uninstall(&yes()).unwrap();
        assert_eq!(mode(&world.settings()), bits);
    }
}

#[test]
fn install_and_uninstall_keep_a_link() {
    let world = World::with("");
    let dotfiles = world.root.path().join("dotfiles");
    fs::create_dir(&dotfiles).unwrap();
    fs::write(dotfiles.join("claude.json"), SETTINGS).unwrap();
    fs::remove_file(world.settings()).unwrap();
    symlink("../../dotfiles/link.json", world.settings()).unwrap();
    symlink("claude.json", dotfiles.join("link.json")).unwrap();
    let output = world.install(&yes()).unwrap();
    assert!(output.contains("(a link to "), "{output}");
    assert!(fs::symlink_metadata(world.settings()).unwrap().is_symlink());
    assert!(fs::read_to_string(dotfiles.join("claude.json")).unwrap().contains("crewboard"));
    // The repository of dotfiles has no new file.
    assert_eq!(fs::read_dir(&dotfiles).unwrap().count(), 2);
    world.uninstall(&yes()).unwrap();
    assert_eq!(fs::read_to_string(dotfiles.join("claude.json")).unwrap(), SETTINGS);
    assert!(fs::symlink_metadata(world.settings()).unwrap().is_symlink());
}

#[test]
fn install_changes_all_profiles_or_none() {
    let world = World::new();
    let directories: Vec<PathBuf> =
        ["a", "b", "c"].iter().map(|name| world.root.path().join(name)).collect();
    for directory in &directories {
        fs::create_dir(directory).unwrap();
        fs::write(directory.join("settings.json"), SETTINGS).unwrap();
    }
    let arguments = InstallArguments { config_dir: directories.clone(), ..yes() };
    let texts = || -> Vec<String> {
        directories.iter().map(|d| fs::read_to_string(d.join("settings.json")).unwrap()).collect()
    };
    fs::write(directories[2].join("settings.json"), "{ broken").unwrap();
    world.install(&arguments).unwrap_err();
    assert_eq!(texts(), [SETTINGS, SETTINGS, "{ broken"]);
    // Two profiles may share one file.
    fs::remove_file(directories[2].join("settings.json")).unwrap();
    symlink("../b/settings.json", directories[2].join("settings.json")).unwrap();
    world.install(&arguments).unwrap();
    assert!(texts().iter().all(|text| text.contains("crewboard")));
    assert!(!world.directory().exists(), "the default profile was not named");
    world.uninstall(&arguments).unwrap();
    assert_eq!(texts(), [SETTINGS; 3]);
}

#[test]
fn profile_comes_from_the_variable_or_the_option() {
    let mut world = World::new();
    let elsewhere = world.root.path().join("elsewhere");
    world.environment.profiles = vec![("CLAUDE_CONFIG_DIR", elsewhere.clone())];
    world.install(&yes()).unwrap();
    assert!(elsewhere.join("settings.json").is_file());
    let typo = world.root.path().join("typo");
    let error = world.install(&InstallArguments { config_dir: vec![typo], ..yes() }).unwrap_err();
    assert_eq!(error.exit_code(), 2);
    world.environment.profiles.clear();
    world.environment.home = None;
    assert_eq!(world.install(&yes()).unwrap_err().exit_code(), 2);
}

#[test]
fn install_does_not_change_a_broken_file() {
    for (settings, message) in [
        ("{\n  \"a\": oops\n}", "line 2, column 8: this is not valid JSON"),
        ("{\"hooks\": []}", "line 1, column 11: \"hooks\" should be an object, but is an array"),
    ] {
        let world = World::with(settings);
        let before = world.files();
        let error = world.install(&yes()).unwrap_err();
        assert!(error.to_string().contains(message), "{error}");
        assert!(error.to_string().contains("not changed"), "{error}");
        assert_eq!(error.exit_code(), 1);
        assert!(world.uninstall(&yes()).is_err());
        assert_eq!(world.files(), before);
    }
    let world = World::with("");
    fs::write(world.settings(), b"{\"a\": \"\xff\"}").unwrap();
    assert!(matches!(world.install(&yes()), Err(InstallError::NotText(_))));
    fs::write(world.settings(), vec![b' '; 4 * 1024 * 1024 + 1]).unwrap();
    assert!(matches!(world.install(&yes()), Err(InstallError::TooLarge(_))));
    fs::remove_file(world.settings()).unwrap();
    fs::create_dir(world.settings()).unwrap();
    assert!(matches!(world.install(&yes()), Err(InstallError::NotAFile(_))));
}

#[test]
fn install_refuses_a_read_only_directory() {
    for (settings, mode, why) in [
        (Some(SETTINGS), 0o644, "a backup cannot be written, because "),
        (Some(SETTINGS), 0o444, "it is read-only (mode 0444), and so is its directory (0555)"),
        (None, 0, "its directory is read-only (mode 0555)"),
    ] {
        let world = World::with(SETTINGS);
        match settings {
            Some(_) => fs::set_permissions(world.settings(), Permissions::from_mode(mode)).unwrap(),
            None => fs::remove_file(world.settings()).unwrap(),
        }
        let before = world.files();
        // Modes do not stop root, but install respects them.
        fs::set_permissions(world.directory(), Permissions::from_mode(0o555)).unwrap();
        let error = world.install(&yes()).unwrap_err().to_string();
        let dry = world.install(&InstallArguments { dry_run: true, ..yes() });
        fs::set_permissions(world.directory(), Permissions::from_mode(0o755)).unwrap();
        assert!(error.contains(why) && error.contains("not changed"), "{error}");
        assert!(dry.unwrap().contains("+    \"SessionStart\": [{"));
        assert_eq!(world.files(), before);
    }
}

#[test]
fn install_refuses_a_file_of_another_user() {
    let world = World::with("");
    // Only root can change the owner of a file.
    if std::os::unix::fs::chown(world.settings(), Some(54_321), None).is_err() {
        return crewboard_testkit::skip("only root can change the owner of a file");
    }
    assert!(matches!(world.install(&yes()), Err(InstallError::NotYours { .. })));
    world.install(&InstallArguments { dry_run: true, ..yes() }).unwrap();
    assert_eq!(world.files(), [("settings.json".to_owned(), String::new())]);
}
