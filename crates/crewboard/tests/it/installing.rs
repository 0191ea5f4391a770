//! `install` and `uninstall` as a user runs them, on mounts and under signals.

use crate::private_namespace::in_private_namespace;
use crate::world;
use crewboard_testkit::{World, skip};
use rustix::process::{Pid, Signal, kill_process};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

const SETTINGS: &str = "{\n  \"model\": \"opus\"\n}\n";

/// A world with settings in `~/.claude`.
fn with_settings() -> World {
    let world = world();
    fs::create_dir(world.home().join(".claude")).unwrap();
    fs::write(settings(&world), SETTINGS).unwrap();
    world
}

fn settings(world: &World) -> PathBuf {
    world.home().join(".claude/settings.json")
}

fn backup(world: &World) -> PathBuf {
    world.home().join(".claude/settings.json.crewboard-backup")
}

fn run(world: &World, command: &str) -> Output {
    world.command([command, "--yes"]).stdin(Stdio::null()).output().unwrap()
}

fn complaint(output: &Output) -> String {
    assert!(!output.status.success(), "{output:?}");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap().map(Result::unwrap);
    let mut names: Vec<String> =
        entries.map(|entry| entry.file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn mount(arguments: &[&str], paths: &[&Path]) {
    let status = Command::new("mount").args(arguments).args(paths).status().unwrap();
    assert!(status.success(), "mount {arguments:?} {paths:?}");
}

#[test]
fn a_mount_of_a_single_file_is_written_in_place() {
    in_private_namespace("installing::a_mount_of_a_single_file_is_written_in_place", || {
        let world = with_settings();
        let outside = world.path().join("outside.json");
        fs::write(&outside, SETTINGS).unwrap();
        // What a container does with `--volume outside.json:~/.claude/settings.json`.
        mount(&["--bind"], &[&outside, &settings(&world)]);
        let output = run(&world, "install");
        assert!(output.status.success(), "{output:?}");
        assert!(fs::read_to_string(&outside).unwrap().contains("crewboard"));
        assert_eq!(fs::read_to_string(backup(&world)).unwrap(), SETTINGS);
        let output = run(&world, "uninstall");
        assert!(output.status.success(), "{output:?}");
        assert_eq!(fs::read_to_string(&outside).unwrap(), SETTINGS);
        assert_eq!(names(&world.home().join(".claude")), ["settings.json"]);
    });
}

#[test]
fn a_read_only_file_system_is_named_and_nothing_is_left() {
    in_private_namespace(
        "installing::a_read_only_file_system_is_named_and_nothing_is_left",
        || {
            let store = Path::new("/run/store");
            fs::create_dir(store).unwrap();
            mount(&["-t", "tmpfs", "tmpfs"], &[store]);
            fs::write(store.join("settings.json"), SETTINGS).unwrap();
            mount(&["-o", "remount,ro"], &[store]);
            // A link to there; the file itself mounted; the whole directory mounted.
            for layout in ["link", "file", "directory"] {
                let world = with_settings();
                let directory = world.home().join(".claude");
                match layout {
                    "link" => {
                        fs::remove_file(settings(&world)).unwrap();
                        symlink(store.join("settings.json"), settings(&world)).unwrap();
                    }
                    "file" => {
                        mount(&["--bind"], &[&store.join("settings.json"), &settings(&world)]);
                    }
                    _ => mount(&["--bind"], &[store, &directory]),
                }
                let complaint = complaint(&run(&world, "install"));
                assert!(complaint.to_lowercase().contains("read-only file system"), "{complaint}");
                assert_eq!(names(&directory), ["settings.json"], "{layout}");
                assert_eq!(fs::read_to_string(settings(&world)).unwrap(), SETTINGS);
            }
        },
    );
}

#[test]
fn a_writable_file_in_a_read_only_directory_is_written_in_place() {
    in_private_namespace(
        "installing::a_writable_file_in_a_read_only_directory_is_written_in_place",
        || {
            let world = with_settings();
            let dotfiles = world.path().join("dotfiles");
            fs::create_dir(&dotfiles).unwrap();
            let real = dotfiles.join("claude.json");
            fs::rename(settings(&world), &real).unwrap();
            symlink(&real, settings(&world)).unwrap();
            // A root file system that is read-only, with one file on it that is not.
            let writable = world.path().join("writable.json");
            fs::copy(&real, &writable).unwrap();
            mount(&["--bind"], &[&dotfiles, &dotfiles]);
            mount(&["--bind"], &[&writable, &real]);
            mount(&["-o", "remount,bind,ro"], &[&dotfiles]);
            let output = run(&world, "install");
            assert!(output.status.success(), "{output:?}");
            assert!(fs::read_to_string(&writable).unwrap().contains("crewboard"));
            assert!(run(&world, "uninstall").status.success());
            assert_eq!(fs::read_to_string(&writable).unwrap(), SETTINGS);
            assert_eq!(names(&world.home().join(".claude")), ["settings.json"]);
        },
    );
}

#[test]
fn a_program_on_a_file_system_in_memory_is_copied() {
    in_private_namespace("installing::a_program_on_a_file_system_in_memory_is_copied", || {
        let world = with_settings();
        mount(&["-t", "tmpfs", "tmpfs"], &[Path::new("/mnt")]);
        let program = Path::new("/mnt/crewboard");
        fs::copy(env!("CARGO_BIN_EXE_crewboard"), program).unwrap();
        let output = Command::new(program)
            .args(["install", "--yes"])
            .env_clear()
            .env("HOME", world.home())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(
            said.contains("/mnt/crewboard is in a file system that does not outlive a restart"),
            "{output:?}"
        );
        let installed = world.home().join(".local/bin/crewboard");
        let command = format!("\"command\": \"{}\"", installed.display());
        assert!(fs::read_to_string(settings(&world)).unwrap().contains(&command));
        assert!(installed.is_file());
    });
}

#[test]
fn a_signal_in_the_middle_leaves_a_whole_change() {
    for signal in [Signal::INT, Signal::TERM, Signal::HUP] {
        let world = with_settings();
        with_program(&world);
        let mut install = world
            .command(["install", "--yes"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        // From the backup on, files are in the making.
        while !backup(&world).exists() {
            assert!(install.try_wait().unwrap().is_none(), "it ended without a backup");
            std::thread::yield_now();
        }
        kill_process(Pid::from_child(&install), signal).unwrap();
        let output = install.wait_with_output().unwrap();
        assert!(output.status.success(), "{signal:?}: {output:?}");
        assert!(fs::read_to_string(settings(&world)).unwrap().contains("crewboard"));
        let expected = ["settings.json", "settings.json.crewboard-backup"];
        assert_eq!(names(&world.home().join(".claude")), expected);
    }
}

/// Installs and takes out again once, so that the program is where it stays.
fn with_program(world: &World) -> PathBuf {
    assert!(run(world, "install").status.success());
    assert!(run(world, "uninstall").status.success());
    world.home().join(".local/bin/crewboard")
}

#[test]
fn a_limit_of_a_files_size_leaves_nothing_behind() {
    // Written by a rename, and in place.
    for links in [1, 2] {
        let world = with_settings();
        let program = with_program(&world);
        if links == 2 {
            fs::hard_link(settings(&world), world.path().join("other.json")).unwrap();
        }
        // The settings with the hooks are larger than a kilobyte.
        let output = Command::new("bash")
            .args(["-c", "ulimit -f 1; exec \"$0\" install --yes"])
            .arg(&program)
            .env_clear()
            .env("HOME", world.home())
            .output()
            .unwrap();
        let complaint = complaint(&output);
        assert!(complaint.contains("File too large"), "{complaint}");
        assert_eq!(fs::read_to_string(settings(&world)).unwrap(), SETTINGS);
        assert_eq!(names(&world.home().join(".claude")), ["settings.json"]);
    }
}

#[test]
fn a_file_system_that_cannot_exchange_files_is_written_all_the_same() {
    let world = with_settings();
    let program = with_program(&world);
    let traced = |command: &str| {
        Command::new("strace")
            .args(["-f", "-qq", "-e", "trace=renameat2", "-e", "inject=renameat2:error=EINVAL"])
            .args(["-o", "/dev/null"])
            .arg(&program)
            .args([command, "--yes"])
            .env_clear()
            .env("HOME", world.home())
            .output()
    };
    match traced("install") {
        Ok(output) if output.status.success() => {}
        Ok(output) if !String::from_utf8_lossy(&output.stderr).contains("strace") => {
            panic!("{output:?}")
        }
        _ => return skip("`strace` cannot trace here"),
    }
    assert!(fs::read_to_string(settings(&world)).unwrap().contains("crewboard"));
    assert_eq!(fs::read_to_string(backup(&world)).unwrap(), SETTINGS);
    assert!(traced("uninstall").unwrap().status.success());
    assert_eq!(fs::read_to_string(settings(&world)).unwrap(), SETTINGS);
    // And where there is no file yet.
    fs::remove_dir_all(world.home().join(".claude")).unwrap();
    let output = traced("install").unwrap();
    assert!(output.status.success(), "{output:?}");
    let expected = ["settings.json", "settings.json.crewboard-made"];
    assert_eq!(names(&world.home().join(".claude")), expected);
    assert!(traced("uninstall").unwrap().status.success());
    assert!(names(&world.home().join(".claude")).is_empty());
}
