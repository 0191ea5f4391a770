//! Against a real file system: what the user's files are before and after.

mod given_back;
mod kept;
mod meantime;
mod said;

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crewboard_agents::claude::registration::EVENTS;
use tempfile::TempDir;

use super::profile::{Change, Profile};
use super::*;

/// A home with a program in it and a scripted person.
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

    /// With these settings in `~/.claude`.
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
        Profile::default_of(&self.environment).unwrap()
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

    /// Every file of the profile with its content.
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
fn install_writes_says_what_and_keeps_the_original() {
    let world = World::with(SETTINGS);
    let said = world.install(&yes()).unwrap();
    let settings = world.settings().display().to_string();
    assert!(said.contains(&format!("Installed 16 hooks in {settings}.\n")), "{said}");
    let kept = format!("  The file as it was: {settings}.crewboard-backup\n");
    assert!(said.contains(&kept), "{said}");
    // The comment keeps hooks from running, and that is told instead.
    assert!(said.contains("hooks included") && !said.contains(RUNNING_SESSIONS), "{said}");
    assert_eq!(fs::read_to_string(world.backup()).unwrap(), SETTINGS);
    let text = world.text();
    assert!(text.starts_with("{\n  // mine\n  \"model\": \"opus\",\n"), "{text}");
    for row in EVENTS {
        assert!(text.contains(&format!("\"{}\": [", row.event)), "{}", row.event);
    }
    // No temporary file is left.
    assert_eq!(world.files().len(), 2);
}

#[test]
fn twice_changes_nothing_and_needs_no_answer() {
    let world = World::with(SETTINGS);
    world.install(&yes()).unwrap();
    let files = world.files();
    let said = world.install(&InstallArguments::default()).unwrap();
    assert!(said.contains("the hooks are in place.\n"), "{said}");
    assert_eq!(world.files(), files);
}

#[test]
fn modes_are_kept() {
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
fn a_link_stays_a_link() {
    let world = World::with("");
    let dotfiles = world.root.path().join("dotfiles");
    fs::create_dir(&dotfiles).unwrap();
    fs::write(dotfiles.join("claude.json"), SETTINGS).unwrap();
    fs::remove_file(world.settings()).unwrap();
    symlink("../../dotfiles/link.json", world.settings()).unwrap();
    symlink("claude.json", dotfiles.join("link.json")).unwrap();
    let said = world.install(&yes()).unwrap();
    assert!(said.contains("(a link to "), "{said}");
    assert!(fs::symlink_metadata(world.settings()).unwrap().is_symlink());
    assert!(fs::read_to_string(dotfiles.join("claude.json")).unwrap().contains("crewboard"));
    // The repository of dotfiles gets no new file.
    assert_eq!(fs::read_dir(&dotfiles).unwrap().count(), 2);
    world.uninstall(&yes()).unwrap();
    assert_eq!(fs::read_to_string(dotfiles.join("claude.json")).unwrap(), SETTINGS);
    assert!(fs::symlink_metadata(world.settings()).unwrap().is_symlink());
}

#[test]
fn several_profiles_are_done_together_or_not_at_all() {
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
    assert!(!world.directory().exists(), "the user's own profile was not named");
    world.uninstall(&arguments).unwrap();
    assert_eq!(texts(), [SETTINGS; 3]);
}

#[test]
fn the_variable_moves_the_profile_and_a_wrong_option_is_told() {
    let mut world = World::new();
    let elsewhere = world.root.path().join("elsewhere");
    world.environment.claude_config_dir = Some(elsewhere.clone());
    world.install(&yes()).unwrap();
    assert!(elsewhere.join("settings.json").is_file());
    let typo = world.root.path().join("typo");
    let error = world.install(&InstallArguments { config_dir: vec![typo], ..yes() }).unwrap_err();
    assert_eq!(error.exit_code(), 2);
    world.environment.claude_config_dir = None;
    world.environment.home = None;
    assert_eq!(world.install(&yes()).unwrap_err().exit_code(), 2);
}

#[test]
fn files_that_cannot_be_edited_stay_as_they_are() {
    for (settings, message) in [
        ("{\n  \"a\": oops\n}", "line 2, column 8: this is not valid JSON"),
        ("{\"hooks\": []}", "line 1, column 11: \"hooks\" should be an object, but is an array"),
    ] {
        let world = World::with(settings);
        let before = world.files();
        let error = world.install(&yes()).unwrap_err();
        assert!(error.to_string().contains(message), "{error}");
        assert!(error.to_string().contains("left as it is"), "{error}");
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
fn a_read_only_directory_is_refused_and_gets_no_file() {
    for (settings, mode, why) in [
        (Some(SETTINGS), 0o644, "there is no room for a backup, because "),
        (Some(SETTINGS), 0o444, "it is read-only (mode 0444), and so is its directory (0555)"),
        (None, 0, "its directory is read-only (mode 0555)"),
    ] {
        let world = World::with(SETTINGS);
        match settings {
            Some(_) => fs::set_permissions(world.settings(), Permissions::from_mode(mode)).unwrap(),
            None => fs::remove_file(world.settings()).unwrap(),
        }
        let before = world.files();
        // Modes do not stop root, but they say what the owner wants.
        fs::set_permissions(world.directory(), Permissions::from_mode(0o555)).unwrap();
        let error = world.install(&yes()).unwrap_err().to_string();
        let dry = world.install(&InstallArguments { dry_run: true, ..yes() });
        fs::set_permissions(world.directory(), Permissions::from_mode(0o755)).unwrap();
        assert!(error.contains(why) && error.contains("left as it is"), "{error}");
        assert!(dry.unwrap().contains("+    \"SessionStart\": [{"));
        assert_eq!(world.files(), before);
    }
}

#[test]
fn a_file_of_another_users_is_shown_but_not_taken() {
    let world = World::with("");
    // Only root can give a file away; for others there is nothing to try this with.
    if std::os::unix::fs::chown(world.settings(), Some(54_321), None).is_err() {
        return crewboard_testkit::skip("only root can give a file away");
    }
    assert!(matches!(world.install(&yes()), Err(InstallError::NotYours { .. })));
    world.install(&InstallArguments { dry_run: true, ..yes() }).unwrap();
    assert_eq!(world.files(), [("settings.json".to_owned(), String::new())]);
}
