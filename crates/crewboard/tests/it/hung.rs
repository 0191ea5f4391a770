//! File systems that never answer keep neither a hook nor its event.

use crate::private_namespace::in_private_namespace;
use crate::{note, payload, skip, world};
use crewboard_testkit::{FakeAgent, World, eventually, finish};
use serde_json::json;
use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// Far more than a hook may take; whatever waits for such a file system waits for ever.
const LONG: Duration = Duration::from_secs(2);

/// A mounted file system whose program never answers. It goes with this value.
struct Hung {
    at: PathBuf,
    keeper: Child,
}

impl Hung {
    /// `None` where the system does not let us.
    fn mount(at: PathBuf) -> Option<Self> {
        fs::create_dir(&at).unwrap();
        let script = r#"exec 5<>/dev/fuse && \
            mount -i -t fuse -o fd=5,rootmode=040000,user_id=0,group_id=0 hung "$1" && \
            echo mounted && exec cat"#;
        let mut keeper = Command::new("sh");
        keeper.args(["-c", script, "sh"]).arg(&at);
        let mut keeper = keeper.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(keeper.stdout.take().unwrap()).read_line(&mut line).unwrap();
        (line == "mounted\n").then_some(Self { at, keeper })
    }
}

impl Drop for Hung {
    fn drop(&mut self) {
        // With the last descriptor of it, everything that waits for the file system fails.
        let _ = self.keeper.kill();
        let _ = self.keeper.wait();
        let _ = Command::new("umount").arg("-l").arg(&self.at).status();
    }
}

/// A hook of a new agent at the beginning of a session in `cwd`: its agent, and how long it took.
fn begin(world: &World, id: &str, cwd: &Path) -> FakeAgent {
    let agent = FakeAgent::new();
    let start = payload("SessionStart", id, &json!({"source": "startup", "cwd": cwd}));
    let said = finish(world.hook_command(&agent), start.as_bytes());
    said.assert_silent();
    note(&format!("hook, {id}: {:?}", said.took));
    assert!(said.took < LONG, "{id}: {:?}", said.took);
    agent
}

#[test]
fn a_file_system_that_hangs_costs_a_hook_only_the_branch() {
    in_private_namespace("hung::a_file_system_that_hangs_costs_a_hook_only_the_branch", || {
        let mut world = world();
        let Some(hung) = Hung::mount(world.path().join("hung")) else {
            return skip("no FUSE for us here");
        };
        let there = |name: &str| hung.at.join(name);
        let new = |name: &str| {
            let directory = world.path().join(name);
            fs::create_dir(&directory).unwrap();
            directory
        };
        symlink(there("x"), world.path().join("link")).unwrap();
        let [pointer, linked, head, common, outer] =
            ["pointer", "linked", "head", "common", "outer"].map(new);
        fs::write(pointer.join(".git"), format!("gitdir: {}\n", there("x").display())).unwrap();
        symlink(there("x"), linked.join(".git")).unwrap();
        fs::create_dir(head.join(".git")).unwrap();
        symlink(there("x"), head.join(".git/HEAD")).unwrap();
        for repository in [&common, &outer] {
            fs::create_dir(repository.join(".git")).unwrap();
            fs::write(repository.join(".git/HEAD"), "ref: refs/heads/main\n").unwrap();
        }
        fs::write(common.join(".git/commondir"), there("x").to_str().unwrap()).unwrap();
        let inner = outer.join("inner");
        fs::create_dir(&inner).unwrap();
        symlink(there("x"), inner.join(".git")).unwrap();
        let agents: Vec<FakeAgent> = [
            ("cwd", there("x")),
            ("the mount itself", hung.at.clone()),
            ("a link to it", world.path().join("link")),
            ("a pointer to it", pointer),
            ("a linked git directory", linked),
            ("a linked HEAD", head),
            ("a common directory", common),
            ("below another repository", inner),
        ]
        .map(|(id, cwd)| begin(&world, id, &cwd))
        .into();
        let mut client = world.connect();
        eventually("all events arrive", || client.list().len() == agents.len());
        for row in client.list().values() {
            assert!(row["branch"].is_null(), "{row}");
        }
        // The branch of an ordinary repository, by the same hook.
        let _agent = begin(&world, "ordinary", &outer);
        eventually("the branch arrives", || {
            client.list().values().any(|row| row["id"] == "ordinary" && row["branch"] == "main")
        });
        let profile = there("profile");
        world.set("CLAUDE_CONFIG_DIR", &profile);
        let _agent = begin(&world, "profile", world.path());
        eventually("it arrives", || client.list().values().any(|row| row["id"] == "profile"));
        world.unset("CLAUDE_CONFIG_DIR");

        // There is nobody to deliver to, and the hook leaves all the same.
        world.set("CREWBOARD_SOCKET", there("s"));
        let _agent = begin(&world, "socket", world.path());
    });
}

#[test]
fn a_home_that_hangs_keeps_no_daemon_and_no_hook() {
    in_private_namespace("hung::a_home_that_hangs_keeps_no_daemon_and_no_hook", || {
        let mut world = world();
        let Some(hung) = Hung::mount(world.path().join("hung")) else {
            return skip("no FUSE for us here");
        };
        let link = world.path().join("link");
        symlink(&hung.at, &link).unwrap();
        for home in [hung.at.clone(), hung.at.join("dev"), link] {
            world.set("HOME", &home);
            let id = home.display().to_string();
            let _agent = begin(&world, &id, world.path());
            let mut client = world.connect();
            eventually("the event arrives", || {
                client.list().values().any(|row| row["id"] == id.as_str())
            });
            let degraded = client.hello()["degraded"].to_string();
            assert!(degraded.contains("configuration not read"), "{degraded}");
            let said = world.say([
                "report",
                "--agent",
                "own",
                "--session",
                &id,
                "--status",
                "working",
                "--cwd",
                &id,
            ]);
            assert!(said.status.success() && said.took < LONG, "{said:?}");
            world.kill_daemon();
        }
        // Only the configuration is there.
        world.set("HOME", world.home());
        world.set("CREWBOARD_CONFIG", hung.at.join("config.toml"));
        let _agent = begin(&world, "configured", world.path());
        let mut client = world.connect();
        eventually("the event arrives", || {
            client.list().values().any(|row| row["id"] == "configured")
        });
    });
}

#[test]
fn a_runtime_directory_that_hangs_is_left_out() {
    in_private_namespace("hung::a_runtime_directory_that_hangs_is_left_out", || {
        let mut world = world();
        let Some(hung) = Hung::mount(world.path().join("hung")) else {
            return skip("no FUSE for us here");
        };
        world.unset("CREWBOARD_SOCKET");
        let link = world.path().join("link");
        symlink(&hung.at, &link).unwrap();
        let mut agents = Vec::new();
        for runtime in [hung.at.clone(), hung.at.join("run"), link] {
            world.set("XDG_RUNTIME_DIR", &runtime);
            agents.push(begin(&world, &runtime.display().to_string(), world.path()));
            let said = world.say(["list", "--json"]);
            let rows: serde_json::Value = serde_json::from_str(&said.stdout).unwrap();
            assert_eq!(rows.as_array().unwrap().len(), agents.len(), "{said:?}");
        }
        // The directory of a login is no better.
        world.kill_daemon();
        world.unset("XDG_RUNTIME_DIR");
        fs::create_dir_all("/run/user").unwrap();
        let _login = Hung::mount("/run/user/0".into()).unwrap();
        let _agent = begin(&world, "login", world.path());
        let shared = fs::metadata("/tmp/crewboard-0").unwrap();
        assert_eq!(shared.permissions().mode() & 0o777, 0o700);
        let said = world.say(["list", "--json"]);
        assert!(said.stdout.contains("\"login\""), "{said:?}");
    });
}
