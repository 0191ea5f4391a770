//! Candidates of the socket: hooks and clients with different environments find the same daemon.

use crate::support::{in_private_namespace, prompt_payload, rounds, with_private_limits, world};
use crewboard_testkit::{
    FakeAgent, LineClient, World, file_names, run_with_input, skip, wait_until,
};
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::Command;

/// Creates a world without `CREWBOARD_SOCKET`, so that the usual candidates apply.
fn open_world() -> World {
    let mut world = world();
    world.unset("CREWBOARD_SOCKET");
    create_private("/run/user");
    create_private("/run/user/0");
    world
}

/// Creates a directory that only its owner can use.
fn create_private(path: impl AsRef<Path>) {
    fs::create_dir_all(&path).unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o700)).unwrap();
}

/// Returns the ids of all sessions, sorted.
fn session_ids(world: &World) -> Vec<String> {
    let output = world.run(["list", "--json"]);
    assert!(output.status.success(), "{output:?}");
    let rows: serde_json::Value = serde_json::from_str(&output.stdout).unwrap();
    let ids = rows.as_array().unwrap().iter().map(|row| row["id"].as_str().unwrap().to_owned());
    let mut ids: Vec<String> = ids.collect();
    ids.sort();
    ids
}

#[test]
fn hook_and_list_meet_with_different_runtime_directories() {
    in_private_namespace(|| {
        let agents = [FakeAgent::new(), FakeAgent::new(), FakeAgent::new()];
        let own = |world: &World| world.path().join("own");
        // The first hook starts the daemon, and the others find it.
        for starts_with_own in [true, false] {
            let mut world = open_world();
            create_private(own(&world));
            for (index, agent) in agents.iter().enumerate() {
                if (index % 2 == 0) == starts_with_own {
                    world.set("XDG_RUNTIME_DIR", own(&world));
                } else {
                    world.unset("XDG_RUNTIME_DIR");
                }
                world.run_hook(agent, &prompt_payload(&format!("s{index}"), "go"));
            }
            for runtime in [None, Some(own(&world)), Some("/run/user/0".into()), Some("/no".into())]
            {
                match runtime {
                    Some(path) => world.set("XDG_RUNTIME_DIR", path),
                    None => world.unset("XDG_RUNTIME_DIR"),
                }
                wait_until("all rows appear", || session_ids(&world) == ["s0", "s1", "s2"]);
            }
            let _the_only_one = world.daemon();
            world.kill_daemon();
        }
    });
}

/// Sandboxes often have an empty `/run` or `/tmp` and share the other directory with the user.
#[test]
fn hooks_that_see_only_run_or_only_tmp_find_one_daemon() {
    in_private_namespace(|| {
        let world = open_world();
        let agents = [FakeAgent::new(), FakeAgent::new(), FakeAgent::new()];
        world.run_hook(&agents[0], &prompt_payload("s0", "go"));
        // The daemon that the first hook starts listens at its second candidate a moment later.
        wait_until("the daemon listens", || session_ids(&world) == ["s0"]);
        for (agent, (id, hidden)) in agents[1..].iter().zip([("s1", "/tmp"), ("s2", "/run")]) {
            let hook = with_hidden(hidden, &world.hook_command(agent));
            run_with_input(hook, prompt_payload(id, "go").as_bytes()).assert_silent();
        }
        wait_until("all rows appear", || session_ids(&world) == ["s0", "s1", "s2"]);
        let _the_only_one = world.daemon();
    });
}

/// Returns a command that runs `command` with an empty file system mounted over `directory`.
fn with_hidden(directory: &str, command: &Command) -> Command {
    let mut hidden = Command::new("unshare");
    hidden.args(["--mount", "sh", "-c", r#"mount -t tmpfs tmpfs "$0" && exec "$@""#, directory]);
    hidden.arg(command.get_program()).args(command.get_args());
    hidden.env_clear();
    hidden.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    hidden
}

#[test]
fn hooks_with_different_candidates_start_one_daemon() {
    in_private_namespace(|| {
        let agents: Vec<FakeAgent> = (0..8).map(|_| FakeAgent::new()).collect();
        for round in 0..rounds(10) {
            let world = open_world();
            let own = world.path().join("own");
            create_private(&own);
            let payloads: Vec<String> =
                (0..agents.len()).map(|index| prompt_payload(&format!("s{index}"), "go")).collect();
            std::thread::scope(|scope| {
                for (index, agent) in agents.iter().enumerate() {
                    let (world, own, payloads) = (&world, &own, &payloads);
                    scope.spawn(move || {
                        let mut command = world.hook_command(agent);
                        if index % 2 == 0 {
                            command.env("XDG_RUNTIME_DIR", own);
                        }
                        run_with_input(command, payloads[index].as_bytes()).assert_silent();
                    });
                }
            });
            let _the_only_one = world.daemon();
            wait_until("all rows appear", || session_ids(&world).len() == agents.len());
            world.kill_daemon();
            assert_eq!(world.daemons().len(), 0, "round {round}");
            fs::remove_dir_all("/run/user/0/crewboard").unwrap();
            fs::remove_dir_all("/tmp/crewboard-0").unwrap();
        }
    });
}

#[test]
fn daemon_keeps_its_rows_when_its_directory_is_removed() {
    in_private_namespace(|| {
        let world = open_world();
        let agent = FakeAgent::new();
        world.run_hook(&agent, &prompt_payload("s", "go"));
        wait_until("the row appears", || session_ids(&world) == ["s"]);
        let daemon = world.daemon();
        // First each directory is removed alone, and then both.
        for removed in
            [&["/run/user"][..], &["/tmp/crewboard-0"], &["/run/user", "/tmp/crewboard-0"]]
        {
            for path in removed {
                let _ = fs::remove_dir_all(path);
            }
            wait_until("the daemon listens at /tmp", || {
                is_served("/tmp/crewboard-0/crewboard.sock")
            });
            assert_eq!(session_ids(&world), ["s"], "after the removal of {removed:?}");
            assert_eq!(world.daemon(), daemon);
            create_private("/run/user/0");
        }
        // The daemon writes a new log at the first candidate.
        let places = ["/run/user/0/crewboard", "/tmp/crewboard-0"];
        let logs = places.map(|place| {
            fs::read_to_string(format!("{place}/crewboard.sock.log")).unwrap_or_default()
        });
        assert!(logs.concat().contains("moved: listens on"), "{logs:?}");
    });
}

/// Returns true if a daemon serves the socket at a path.
fn is_served(socket: &str) -> bool {
    std::os::unix::net::UnixStream::connect(socket)
        .is_ok_and(|stream| LineClient::new(stream).hello()["type"] == "hello")
}

#[test]
fn removed_socket_and_lock_are_recreated() {
    let world = world();
    let agent = FakeAgent::new();
    world.run_hook(&agent, &prompt_payload("s", "go"));
    let daemon = world.daemon();
    for round in 0..rounds(5) {
        for removed in [&["s"][..], &["s.lock"], &["s", "s.lock", "s.start", "s.log"]] {
            for name in removed {
                let _ = fs::remove_file(world.socket_directory().join(name));
            }
            wait_until("socket and lock are back", || {
                world.socket_directory().join("s.lock").exists()
                    && world.try_connect().is_some()
                    && crewboard_platform::Lock::is_held(&world.socket_directory().join("s.lock"))
            });
            assert_eq!(
                session_ids(&world),
                ["s"],
                "round {round}, after the removal of {removed:?}"
            );
            assert_eq!(world.daemon(), daemon);
        }
    }
    for round in 0..rounds(5) {
        if round % 2 == 0 {
            fs::rename(world.socket_directory(), world.path().join(format!("former-{round}")))
                .unwrap();
        } else {
            // The removal may fail because the daemon recreates files meanwhile.
            let _ = fs::remove_dir_all(world.socket_directory());
        }
        wait_until("the whole directory is back", || world.try_connect().is_some());
        assert_eq!(session_ids(&world), ["s"]);
        assert_eq!(world.daemon(), daemon);
    }
}

/// Creates a file at a path.
type CreateFile = fn(&Path);

#[test]
fn replaced_socket_is_bound_again() {
    let world = world();
    let agent = FakeAgent::new();
    world.run_hook(&agent, &prompt_payload("s", "go"));
    let daemon = world.daemon();
    let (socket, other) = (world.socket(), world.path().join("other"));
    let replacements: [(&str, CreateFile); 6] = [
        ("a file", |path| fs::write(path, "mine").unwrap()),
        ("a dead socket", |path| drop(UnixListener::bind(path).unwrap())),
        ("a link to nothing", |path| symlink("/nowhere", path).unwrap()),
        ("a link to a file", |path| symlink("/etc/passwd", path).unwrap()),
        ("an empty directory", |path| fs::create_dir(path).unwrap()),
        ("a full directory", |path| fs::create_dir_all(path.join("kept")).unwrap()),
    ];
    for (what, create) in replacements {
        create(&other);
        if other.symlink_metadata().unwrap().is_dir() {
            fs::remove_file(&socket).unwrap();
            // The daemon may recreate its socket first.
            while fs::rename(&other, &socket).is_err() {
                let _ = fs::remove_file(&socket);
            }
        } else {
            fs::rename(&other, &socket).unwrap();
        }
        wait_until(what, || world.try_connect().is_some());
        assert_eq!(session_ids(&world), ["s"], "{what}");
        assert_eq!(world.daemon(), daemon, "{what}");
    }
    // The daemon renames what was at the path, and keeps it.
    assert_eq!(fs::read(world.socket_directory().join("s.moved-1")).unwrap(), b"mine");
    let moved = |number: usize| world.socket_directory().join(format!("s.moved-{number}"));
    assert!(
        (1..=9).any(|number| moved(number).join("kept").is_dir()),
        "{:?}",
        world.socket_files()
    );
}

#[test]
fn daemon_repairs_modes_that_clients_refuse() {
    in_private_namespace(|| {
        let world = open_world();
        let agent = FakeAgent::new();
        world.run_hook(&agent, &prompt_payload("s", "go"));
        wait_until("the row appears", || session_ids(&world) == ["s"]);
        let daemon = world.daemon();
        let mode = |path: &str| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        for directory in ["/run/user/0/crewboard", "/tmp/crewboard-0"] {
            for wrong in [0o755, 0o777, 0o000, 0o711] {
                fs::set_permissions(directory, Permissions::from_mode(wrong)).unwrap();
                wait_until("the directory is private again", || mode(directory) == 0o700);
            }
            for name in ["crewboard.sock", "crewboard.sock.lock"] {
                let path = format!("{directory}/{name}");
                fs::set_permissions(&path, Permissions::from_mode(0o000)).unwrap();
                wait_until("the file can be used again", || mode(&path) == 0o600);
            }
        }
        assert_eq!(session_ids(&world), ["s"]);
        assert_eq!(world.daemon(), daemon);
    });
}

#[test]
fn directory_named_by_the_user_keeps_its_mode() {
    let world = world();
    let agent = FakeAgent::new();
    world.run_hook(&agent, &prompt_payload("s", "go"));
    fs::set_permissions(world.socket_directory(), Permissions::from_mode(0o777)).unwrap();
    wait_until("the log has the reason", || world.log().contains("clients refuse the socket"));
    let output = world.run(["list"]);
    assert!(output.stderr.contains("is open to others (mode 777)"), "{output:?}");
    assert_eq!(fs::metadata(world.socket_directory()).unwrap().permissions().mode() & 0o777, 0o777);
    fs::set_permissions(world.socket_directory(), Permissions::from_mode(0o700)).unwrap();
    assert_eq!(session_ids(&world), ["s"]);
}

#[test]
fn removed_socket_is_recreated_without_inotify() {
    with_private_limits(|| {
        if fs::write("/proc/sys/user/max_inotify_instances", "0").is_err() {
            return skip("the limits of this user namespace cannot be set");
        }
        let world = world();
        let agent = FakeAgent::new();
        world.run_hook(&agent, &prompt_payload("s", "go"));
        wait_until("the log names the degradation", || world.log().contains("degraded: "));
        let daemon = world.daemon();
        fs::remove_file(world.socket()).unwrap();
        wait_until("the socket is back", || world.try_connect().is_some());
        assert_eq!(world.daemon(), daemon);
    });
}

#[test]
fn candidate_too_long_for_a_socket_is_skipped() {
    in_private_namespace(|| {
        let mut world = open_world();
        let agent = FakeAgent::new();
        let long = world.path().join("x".repeat(100));
        create_private(&long);
        world.set("XDG_RUNTIME_DIR", &long);
        world.run_hook(&agent, &prompt_payload("s", "go"));
        wait_until("the row appears", || session_ids(&world) == ["s"]);
        assert!(file_names(&long).is_empty());
        world.unset("XDG_RUNTIME_DIR");
        assert_eq!(session_ids(&world), ["s"]);
    });
}

#[test]
fn candidate_open_to_other_users_is_never_used() {
    in_private_namespace(|| {
        let world = open_world();
        let agent = FakeAgent::new();
        let shared = Path::new("/tmp/crewboard-0");
        create_private(shared);
        if chown(shared, Some(65_534), None).is_err() {
            return skip("this namespace has only one user");
        }
        world.run_hook(&agent, &prompt_payload("s", "go"));
        wait_until("the row appears", || session_ids(&world) == ["s"]);
        assert!(file_names(shared).is_empty());
        world.kill_daemon();

        // Without another candidate, commands fail with the reason.
        fs::remove_dir_all("/run/user").unwrap();
        world.run_hook(&agent, &prompt_payload("s", "go"));
        let output = world.run(["list"]);
        assert_eq!(output.code(), Some(1));
        assert!(output.stderr.contains("/tmp/crewboard-0 belongs to user 65534"), "{output:?}");

        chown(shared, Some(0), None).unwrap();
        for mode in [0o777, 0o750, 0o701] {
            fs::set_permissions(shared, Permissions::from_mode(mode)).unwrap();
            world.run_hook(&agent, &prompt_payload("s", "go"));
            assert_eq!(world.run(["list"]).code(), Some(1), "{mode:o}");
        }
        // The hook counts dropped events there only while no other user may write.
        fs::remove_dir_all(shared).unwrap();
        std::os::unix::fs::symlink("/root", shared).unwrap();
        assert_eq!(world.run(["list"]).code(), Some(1));
        assert!(world.daemons().is_empty());
    });
}

#[test]
fn unusable_crewboard_socket_is_an_error() {
    let mut world = world();
    let (notes, long) = (world.path().join("notes"), world.path().join("x".repeat(120)));
    fs::write(&notes, "mine").unwrap();
    for socket in [Path::new("run/s"), &notes, &long] {
        world.set("CREWBOARD_SOCKET", socket);
        for words in [
            &["list"][..],
            &["watch"],
            &["counts"],
            &["wait", "--any", "--new", "--until", "done"],
            &["report", "--agent", "a", "--session", "s", "--status", "done"],
            &["daemon", "status"],
            &["daemon", "stop"],
            &["daemon", "run"],
        ] {
            let output = world.run(words);
            assert_eq!(
                (output.code(), output.stdout.as_str()),
                (Some(2), ""),
                "{words:?} {output:?}"
            );
            assert!(output.stderr.contains("cannot use CREWBOARD_SOCKET: "), "{output:?}");
            assert!(output.stderr.contains("or unset the variable"), "{output:?}");
        }
        assert!(world.daemons().is_empty());
    }
    // A hook is silent and leaves the file unchanged.
    world.set("CREWBOARD_SOCKET", &notes);
    world.run_hook(&FakeAgent::new(), &prompt_payload("s", "go"));
    assert_eq!(fs::read_to_string(&notes).unwrap(), "mine");
}
