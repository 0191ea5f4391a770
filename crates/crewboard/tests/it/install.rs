//! `crewboard install` and `crewboard uninstall`, on special file systems and under signals.

use crate::support::{PROGRAM, in_private_namespace, world};
use crewboard_testkit::{World, file_names, skip};
use rustix::process::{Pid, Signal, kill_process};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

const SETTINGS: &str = "{\n  \"model\": \"opus\"\n}\n";

/// Creates a world with settings in `~/.claude`.
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

fn error_message(output: &Output) -> String {
    assert!(!output.status.success(), "{output:?}");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn mount(arguments: &[&str], paths: &[&Path]) {
    let status = Command::new("mount").args(arguments).args(paths).status().unwrap();
    assert!(status.success(), "mount {arguments:?} {paths:?}");
}

#[test]
fn install_writes_a_mounted_file_in_place() {
    in_private_namespace(|| {
        let world = with_settings();
        let outside = world.path().join("outside.json");
        fs::write(&outside, SETTINGS).unwrap();
        // A container mounts a file like this with `--volume outside.json:~/.claude/settings.json`.
        mount(&["--bind"], &[&outside, &settings(&world)]);
        let output = run(&world, "install");
        assert!(output.status.success(), "{output:?}");
        assert!(fs::read_to_string(&outside).unwrap().contains("crewboard"));
        assert_eq!(fs::read_to_string(backup(&world)).unwrap(), SETTINGS);
        let output = run(&world, "uninstall");
        assert!(output.status.success(), "{output:?}");
        assert_eq!(fs::read_to_string(&outside).unwrap(), SETTINGS);
        assert_eq!(file_names(&world.home().join(".claude")), ["settings.json"]);
    });
}

#[test]
fn install_on_a_read_only_file_system_changes_nothing() {
    in_private_namespace(|| {
        let store = Path::new("/run/store");
        fs::create_dir(store).unwrap();
        mount(&["-t", "tmpfs", "tmpfs"], &[store]);
        fs::write(store.join("settings.json"), SETTINGS).unwrap();
        mount(&["-o", "remount,ro"], &[store]);
        // The settings are a link to the file system, a mounted file, or in a mounted directory.
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
            let message = error_message(&run(&world, "install"));
            assert!(message.to_lowercase().contains("read-only file system"), "{message}");
            assert_eq!(file_names(&directory), ["settings.json"], "{layout}");
            assert_eq!(fs::read_to_string(settings(&world)).unwrap(), SETTINGS);
        }
    });
}

#[test]
fn install_writes_in_place_in_a_read_only_directory() {
    in_private_namespace(|| {
        let world = with_settings();
        let dotfiles = world.path().join("dotfiles");
        fs::create_dir(&dotfiles).unwrap();
        let real = dotfiles.join("claude.json");
        fs::rename(settings(&world), &real).unwrap();
        symlink(&real, settings(&world)).unwrap();
        // The directory is on a read-only file system, and one file in it is writable.
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
        assert_eq!(file_names(&world.home().join(".claude")), ["settings.json"]);
    });
}

#[test]
fn install_copies_a_program_from_a_tmpfs() {
    in_private_namespace(|| {
        let world = with_settings();
        mount(&["-t", "tmpfs", "tmpfs"], &[Path::new("/mnt")]);
        let program = Path::new("/mnt/crewboard");
        fs::copy(PROGRAM, program).unwrap();
        let output = Command::new(program)
            .args(["install", "--yes"])
            .env_clear()
            .env("HOME", world.home())
            .output()
            .unwrap();
        let printed = String::from_utf8_lossy(&output.stdout);
        assert!(printed.contains("/mnt/crewboard is in a file system in memory"), "{output:?}");
        let installed = world.home().join(".local/bin/crewboard");
        let command = format!("\"command\": \"{}\"", installed.display());
        assert!(fs::read_to_string(settings(&world)).unwrap().contains(&command));
        assert!(installed.is_file());
    });
}

#[test]
fn install_completes_its_change_after_a_signal() {
    for signal in [Signal::INT, Signal::TERM, Signal::HUP] {
        let world = with_settings();
        with_program(&world);
        let mut install = world
            .command(["install", "--yes"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        // The installation writes files once the backup exists.
        while !backup(&world).exists() {
            assert!(install.try_wait().unwrap().is_none(), "it ended without a backup");
            std::thread::yield_now();
        }
        kill_process(Pid::from_child(&install), signal).unwrap();
        let output = install.wait_with_output().unwrap();
        assert!(output.status.success(), "{signal:?}: {output:?}");
        assert!(fs::read_to_string(settings(&world)).unwrap().contains("crewboard"));
        let expected = ["settings.json", "settings.json.crewboard-backup"];
        assert_eq!(file_names(&world.home().join(".claude")), expected);
    }
}

/// Installs and uninstalls once, so that the program is in its final place. Returns its path.
fn with_program(world: &World) -> PathBuf {
    assert!(run(world, "install").status.success());
    assert!(run(world, "uninstall").status.success());
    world.home().join(".local/bin/crewboard")
}

#[test]
fn install_leaves_nothing_behind_at_a_file_size_limit() {
    // The settings are replaced by a rename, or written in place if they have two links.
    for links in [1, 2] {
        let world = with_settings();
        let program = with_program(&world);
        if links == 2 {
            fs::hard_link(settings(&world), world.path().join("other.json")).unwrap();
        }
        // The settings with the hooks are larger than the limit of 1 KiB.
        let output = Command::new("bash")
            .args(["-c", "ulimit -f 1; exec \"$0\" install --yes"])
            .arg(&program)
            .env_clear()
            .env("HOME", world.home())
            .output()
            .unwrap();
        let message = error_message(&output);
        assert!(message.contains("File too large"), "{message}");
        assert_eq!(fs::read_to_string(settings(&world)).unwrap(), SETTINGS);
        assert_eq!(file_names(&world.home().join(".claude")), ["settings.json"]);
    }
}

#[test]
fn install_works_without_renameat2_exchange() {
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
        _ => return skip("strace cannot trace here"),
    }
    assert!(fs::read_to_string(settings(&world)).unwrap().contains("crewboard"));
    assert_eq!(fs::read_to_string(backup(&world)).unwrap(), SETTINGS);
    assert!(traced("uninstall").unwrap().status.success());
    assert_eq!(fs::read_to_string(settings(&world)).unwrap(), SETTINGS);
    // The profile has no settings yet.
    fs::remove_dir_all(world.home().join(".claude")).unwrap();
    let output = traced("install").unwrap();
    assert!(output.status.success(), "{output:?}");
    let expected = ["settings.json", "settings.json.crewboard-made"];
    assert_eq!(file_names(&world.home().join(".claude")), expected);
    assert!(traced("uninstall").unwrap().status.success());
    assert!(file_names(&world.home().join(".claude")).is_empty());
}

#[test]
fn uninstall_stops_the_daemon_and_removes_its_files() {
    let world = with_settings();
    assert!(run(&world, "install").status.success());
    world.report("a", "working");
    let output = world.run(["uninstall", "--dry-run"]);
    let socket = world.socket().display().to_string();
    assert!(output.stdout.contains(&format!("\n  {socket}\n")), "{output:?}");
    let _the_daemon_still_runs = world.daemon();
    let output = run(&world, "uninstall");
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success() && printed.contains("Stopped the daemon"), "{output:?}");
    assert!(world.daemons().is_empty());
    assert!(world.socket_files().is_empty(), "{:?}", world.socket_files());
    // Another profile may still use the daemon.
    world.start_daemon();
    let profile = world.home().join(".claude");
    let output = world.run(["uninstall", "--yes", "--config-dir", profile.to_str().unwrap()]);
    assert!(output.status.success(), "{output:?}");
    let _the_daemon_still_runs = world.daemon();
}
