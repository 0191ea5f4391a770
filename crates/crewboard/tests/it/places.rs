//! Where the socket is: whatever each side knows of its surroundings, they meet.

use crate::private_namespace::{in_private_namespace, with_limits_of_its_own};
use crate::{prompt_payload, skip, world};
use crewboard_testkit::{FakeAgent, LineClient, World, eventually, finish};
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;

/// A world whose daemon is found where a user's is.
fn open_world() -> World {
    let mut world = world();
    world.unset("CREWBOARD_SOCKET");
    private("/run/user");
    private("/run/user/0");
    world
}

fn private(path: impl AsRef<Path>) {
    fs::create_dir_all(&path).unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o700)).unwrap();
}

fn names(world: &World) -> Vec<String> {
    let said = world.say(["list", "--json"]);
    assert!(said.status.success(), "{said:?}");
    let rows: serde_json::Value = serde_json::from_str(&said.stdout).unwrap();
    let ids = rows.as_array().unwrap().iter().map(|row| row["id"].as_str().unwrap().to_owned());
    let mut ids: Vec<String> = ids.collect();
    ids.sort();
    ids
}

#[test]
fn hook_and_list_agree_whatever_each_knows() {
    in_private_namespace("places::hook_and_list_agree_whatever_each_knows", || {
        let agents = [FakeAgent::new(), FakeAgent::new(), FakeAgent::new()];
        let own = |world: &World| world.path().join("own");
        // Who starts the daemon, and who only finds it.
        for starts_with_own in [true, false] {
            let mut world = open_world();
            private(own(&world));
            for (index, agent) in agents.iter().enumerate() {
                if (index % 2 == 0) == starts_with_own {
                    world.set("XDG_RUNTIME_DIR", own(&world));
                } else {
                    world.unset("XDG_RUNTIME_DIR");
                }
                world.hook(agent, &prompt_payload(&format!("s{index}"), "go"));
            }
            for runtime in [None, Some(own(&world)), Some("/run/user/0".into()), Some("/no".into())]
            {
                match runtime {
                    Some(path) => world.set("XDG_RUNTIME_DIR", path),
                    None => world.unset("XDG_RUNTIME_DIR"),
                }
                eventually("all rows are there", || names(&world) == ["s0", "s1", "s2"]);
            }
            let _the_only_one = world.daemon();
            world.kill_daemon();
        }
    });
}

#[test]
fn hooks_that_know_different_places_start_one_daemon() {
    in_private_namespace("places::hooks_that_know_different_places_start_one_daemon", || {
        let agents: Vec<FakeAgent> = (0..8).map(|_| FakeAgent::new()).collect();
        for round in 0..crate::rounds(10) {
            let world = open_world();
            let own = world.path().join("own");
            private(&own);
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
                        finish(command, payloads[index].as_bytes()).assert_silent();
                    });
                }
            });
            let _the_only_one = world.daemon();
            eventually("all rows are there", || names(&world).len() == agents.len());
            world.kill_daemon();
            assert_eq!(world.daemons().len(), 0, "round {round}");
            fs::remove_dir_all("/run/user/0/crewboard").unwrap();
            fs::remove_dir_all("/tmp/crewboard-0").unwrap();
        }
    });
}

#[test]
fn a_daemon_whose_directory_vanishes_is_found_again_with_its_rows() {
    in_private_namespace(
        "places::a_daemon_whose_directory_vanishes_is_found_again_with_its_rows",
        || {
            let world = open_world();
            let agent = FakeAgent::new();
            world.hook(&agent, &prompt_payload("s", "go"));
            eventually("the row is there", || names(&world) == ["s"]);
            let daemon = world.daemon();
            // One place after the other goes, with all that is above it; then all at once.
            for gone in
                [&["/run/user"][..], &["/tmp/crewboard-0"], &["/run/user", "/tmp/crewboard-0"]]
            {
                for path in gone {
                    let _ = fs::remove_dir_all(path);
                }
                eventually("it listens at /tmp", || {
                    LineClientAt("/tmp/crewboard-0/crewboard.sock").lives()
                });
                assert_eq!(names(&world), ["s"], "after {gone:?} went");
                assert_eq!(world.daemon(), daemon);
                private("/run/user/0");
            }
            // A log that was taken away is written anew, at the first place there is.
            let places = ["/run/user/0/crewboard", "/tmp/crewboard-0"];
            let logs = places.map(|place| {
                fs::read_to_string(format!("{place}/crewboard.sock.log")).unwrap_or_default()
            });
            assert!(logs.concat().contains("moved: listens on"), "{logs:?}");
        },
    );
}

struct LineClientAt(&'static str);

impl LineClientAt {
    fn lives(&self) -> bool {
        std::os::unix::net::UnixStream::connect(self.0)
            .is_ok_and(|stream| LineClient::new(stream).hello()["type"] == "hello")
    }
}

#[test]
fn a_socket_or_lock_that_is_taken_away_is_put_back() {
    let world = world();
    let agent = FakeAgent::new();
    world.hook(&agent, &prompt_payload("s", "go"));
    let daemon = world.daemon();
    for round in 0..crate::rounds(5) {
        for gone in [&["s"][..], &["s.lock"], &["s", "s.lock", "s.start", "s.log"]] {
            for name in gone {
                let _ = fs::remove_file(world.run().join(name));
            }
            eventually("socket and lock are back", || {
                world.run().join("s.lock").exists()
                    && world.try_connect().is_some()
                    && crewboard_platform::Lock::is_held(&world.run().join("s.lock"))
            });
            assert_eq!(names(&world), ["s"], "round {round}, after {gone:?}");
            assert_eq!(world.daemon(), daemon);
        }
    }
    for round in 0..crate::rounds(5) {
        if round % 2 == 0 {
            fs::rename(world.run(), world.path().join(format!("former-{round}"))).unwrap();
        } else {
            // What comes back while it goes may keep it from going.
            let _ = fs::remove_dir_all(world.run());
        }
        eventually("the whole directory is back", || world.try_connect().is_some());
        assert_eq!(names(&world), ["s"]);
        assert_eq!(world.daemon(), daemon);
    }
}

/// Makes something at a path.
type Make = fn(&Path);

#[test]
fn a_socket_that_something_else_replaces_is_bound_again() {
    let world = world();
    let agent = FakeAgent::new();
    world.hook(&agent, &prompt_payload("s", "go"));
    let daemon = world.daemon();
    let (socket, other) = (world.socket(), world.path().join("other"));
    let replacements: [(&str, Make); 6] = [
        ("a file", |path| fs::write(path, "mine").unwrap()),
        ("a dead socket", |path| drop(UnixListener::bind(path).unwrap())),
        ("a link to nothing", |path| symlink("/nowhere", path).unwrap()),
        ("a link to a file", |path| symlink("/etc/passwd", path).unwrap()),
        ("an empty directory", |path| fs::create_dir(path).unwrap()),
        ("a full directory", |path| fs::create_dir_all(path.join("kept")).unwrap()),
    ];
    for (what, make) in replacements {
        make(&other);
        if other.symlink_metadata().unwrap().is_dir() {
            fs::remove_file(&socket).unwrap();
            // The daemon may be faster with a new socket.
            while fs::rename(&other, &socket).is_err() {
                let _ = fs::remove_file(&socket);
            }
        } else {
            fs::rename(&other, &socket).unwrap();
        }
        eventually(what, || world.try_connect().is_some());
        assert_eq!(names(&world), ["s"], "{what}");
        assert_eq!(world.daemon(), daemon, "{what}");
    }
    // What was there is kept under another name.
    assert_eq!(fs::read(world.run().join("s.moved-1")).unwrap(), b"mine");
    let moved = |number: usize| world.run().join(format!("s.moved-{number}"));
    assert!((1..=9).any(|number| moved(number).join("kept").is_dir()), "{:?}", world.run_files());
}

#[test]
fn modes_that_clients_refuse_are_mended() {
    in_private_namespace("places::modes_that_clients_refuse_are_mended", || {
        let world = open_world();
        let agent = FakeAgent::new();
        world.hook(&agent, &prompt_payload("s", "go"));
        eventually("the row is there", || names(&world) == ["s"]);
        let daemon = world.daemon();
        let mode = |path: &str| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        for directory in ["/run/user/0/crewboard", "/tmp/crewboard-0"] {
            for wrong in [0o755, 0o777, 0o000, 0o711] {
                fs::set_permissions(directory, Permissions::from_mode(wrong)).unwrap();
                eventually("the directory is private again", || mode(directory) == 0o700);
            }
            for name in ["crewboard.sock", "crewboard.sock.lock"] {
                let path = format!("{directory}/{name}");
                fs::set_permissions(&path, Permissions::from_mode(0o000)).unwrap();
                eventually("the file can be used again", || mode(&path) == 0o600);
            }
        }
        assert_eq!(names(&world), ["s"]);
        assert_eq!(world.daemon(), daemon);
    });
}

#[test]
fn a_directory_that_the_user_named_keeps_its_mode() {
    let world = world();
    let agent = FakeAgent::new();
    world.hook(&agent, &prompt_payload("s", "go"));
    fs::set_permissions(world.run(), Permissions::from_mode(0o777)).unwrap();
    eventually("the log says it", || world.log().contains("clients refuse the socket"));
    let said = world.say(["list"]);
    assert!(said.stderr.contains("is open to others (mode 777)"), "{said:?}");
    assert_eq!(fs::metadata(world.run()).unwrap().permissions().mode() & 0o777, 0o777);
    fs::set_permissions(world.run(), Permissions::from_mode(0o700)).unwrap();
    assert_eq!(names(&world), ["s"]);
}

#[test]
fn without_a_watch_a_removed_socket_comes_back_all_the_same() {
    with_limits_of_its_own(
        "places::without_a_watch_a_removed_socket_comes_back_all_the_same",
        || {
            if fs::write("/proc/sys/user/max_inotify_instances", "0").is_err() {
                return skip("the limits of this user namespace cannot be set");
            }
            let world = world();
            let agent = FakeAgent::new();
            world.hook(&agent, &prompt_payload("s", "go"));
            eventually("it says so", || world.log().contains("degraded: "));
            let daemon = world.daemon();
            fs::remove_file(world.socket()).unwrap();
            eventually("the socket is back", || world.try_connect().is_some());
            assert_eq!(world.daemon(), daemon);
        },
    );
}

#[test]
fn a_path_too_long_for_a_socket_is_passed_over() {
    in_private_namespace("places::a_path_too_long_for_a_socket_is_passed_over", || {
        let mut world = open_world();
        let agent = FakeAgent::new();
        let long = world.path().join("x".repeat(100));
        private(&long);
        world.set("XDG_RUNTIME_DIR", &long);
        world.hook(&agent, &prompt_payload("s", "go"));
        eventually("the row is there", || names(&world) == ["s"]);
        assert!(crewboard_testkit::names_in(&long).is_empty());
        world.unset("XDG_RUNTIME_DIR");
        assert_eq!(names(&world), ["s"]);
    });
}

#[test]
fn a_place_of_a_stranger_or_open_to_strangers_is_never_touched() {
    in_private_namespace(
        "places::a_place_of_a_stranger_or_open_to_strangers_is_never_touched",
        || {
            let world = open_world();
            let agent = FakeAgent::new();
            let shared = Path::new("/tmp/crewboard-0");
            private(shared);
            if chown(shared, Some(65_534), None).is_err() {
                return skip("one user only in this namespace");
            }
            world.hook(&agent, &prompt_payload("s", "go"));
            eventually("the row is there", || names(&world) == ["s"]);
            assert!(crewboard_testkit::names_in(shared).is_empty());
            world.kill_daemon();

            // With no other place there is none, and commands say so.
            fs::remove_dir_all("/run/user").unwrap();
            world.hook(&agent, &prompt_payload("s", "go"));
            let said = world.say(["list"]);
            assert_eq!(said.code(), Some(1));
            assert!(said.stderr.contains("/tmp/crewboard-0 belongs to user 65534"), "{said:?}");

            chown(shared, Some(0), None).unwrap();
            for mode in [0o777, 0o750, 0o701] {
                fs::set_permissions(shared, Permissions::from_mode(mode)).unwrap();
                world.hook(&agent, &prompt_payload("s", "go"));
                assert_eq!(world.say(["list"]).code(), Some(1), "{mode:o}");
            }
            // The losses are counted there, and only while no other user may write.
            fs::remove_dir_all(shared).unwrap();
            std::os::unix::fs::symlink("/root", shared).unwrap();
            assert_eq!(world.say(["list"]).code(), Some(1));
            assert!(world.daemons().is_empty());
        },
    );
}

#[test]
fn a_named_socket_that_cannot_be_used_is_refused() {
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
            let said = world.say(words);
            assert_eq!((said.code(), said.stdout.as_str()), (Some(2), ""), "{words:?} {said:?}");
            assert!(said.stderr.contains("CREWBOARD_SOCKET cannot be used: "), "{said:?}");
            assert!(said.stderr.contains("or unset the variable"), "{said:?}");
        }
        assert!(world.daemons().is_empty());
    }
    // A hook says nothing, and spoils nothing.
    world.set("CREWBOARD_SOCKET", &notes);
    world.hook(&FakeAgent::new(), &prompt_payload("s", "go"));
    assert_eq!(fs::read_to_string(&notes).unwrap(), "mine");
}
