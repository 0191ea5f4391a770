//! Hung file systems delay neither a hook nor its event.

use crate::support::{in_private_namespace, note, payload, world};
use crewboard_testkit::{FakeAgent, World, run_with_input, skip, wait_until};
use serde_json::json;
use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// Far more time than a hook needs. A process that accesses a hung file system blocks without end.
const LONG: Duration = Duration::from_secs(2);

/// A FUSE mount whose server never answers. It is unmounted when this value is dropped.
struct HungFileSystem {
    at: PathBuf,
    server: Child,
}

impl HungFileSystem {
    /// Returns `None` if FUSE is not available.
    fn mount(at: PathBuf) -> Option<Self> {
        fs::create_dir(&at).unwrap();
        let script = r#"exec 5<>/dev/fuse && \
            mount -i -t fuse -o fd=5,rootmode=040000,user_id=0,group_id=0 hung "$1" && \
            echo mounted && exec cat"#;
        let mut server = Command::new("sh");
        server.args(["-c", script, "sh"]).arg(&at);
        let mut server = server.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(server.stdout.take().unwrap()).read_line(&mut line).unwrap();
        (line == "mounted\n").then_some(Self { at, server })
    }
}

impl Drop for HungFileSystem {
    fn drop(&mut self) {
        // Each blocked access fails when the last descriptor of the server is closed.
        let _ = self.server.kill();
        let _ = self.server.wait();
        let _ = Command::new("umount").arg("-l").arg(&self.at).status();
    }
}

/// Runs the `SessionStart` hook of a new agent in `cwd`, and asserts that the hook is fast. Returns the agent.
fn start_session(world: &World, id: &str, cwd: &Path) -> FakeAgent {
    let agent = FakeAgent::new();
    let start = payload("SessionStart", id, &json!({"source": "startup", "cwd": cwd}));
    let output = run_with_input(world.hook_command(&agent), start.as_bytes());
    output.assert_silent();
    note(&format!("hook, {id}: {:?}", output.elapsed));
    assert!(output.elapsed < LONG, "{id}: {:?}", output.elapsed);
    agent
}

#[test]
fn hung_file_system_costs_a_hook_only_the_branch() {
    in_private_namespace(|| {
        let mut world = world();
        let Some(hung) = HungFileSystem::mount(world.path().join("hung")) else {
            return skip("FUSE does not work here");
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
        .map(|(id, cwd)| start_session(&world, id, &cwd))
        .into();
        let mut client = world.connect();
        wait_until("all events arrive", || client.list().len() == agents.len());
        for row in client.list().values() {
            assert!(row["branch"].is_null(), "{row}");
        }
        // The same hook reads the repository and branch of an ordinary repository, also below its top.
        let (top, below) = (outer.canonicalize().unwrap(), outer.join("below"));
        fs::create_dir(&below).unwrap();
        let _agent = start_session(&world, "ordinary", &below);
        wait_until("the branch arrives", || {
            let mut rows = client.list().into_values().filter(|row| row["id"] == "ordinary");
            rows.any(|row| {
                row["branch"] == "main" && row["repository_root"] == top.to_str().unwrap()
            })
        });
        let profile = there("profile");
        world.set("CLAUDE_CONFIG_DIR", &profile);
        let _agent = start_session(&world, "profile", world.path());
        wait_until("the event arrives", || {
            client.list().values().any(|row| row["id"] == "profile")
        });
        world.unset("CLAUDE_CONFIG_DIR");

        // The hook exits even if no daemon can be reached.
        world.set("CREWBOARD_SOCKET", there("s"));
        let _agent = start_session(&world, "socket", world.path());
    });
}

#[test]
fn hung_home_delays_neither_daemon_nor_hook() {
    in_private_namespace(|| {
        let mut world = world();
        let Some(hung) = HungFileSystem::mount(world.path().join("hung")) else {
            return skip("FUSE does not work here");
        };
        let link = world.path().join("link");
        symlink(&hung.at, &link).unwrap();
        for home in [hung.at.clone(), hung.at.join("dev"), link] {
            world.set("HOME", &home);
            let id = home.display().to_string();
            let _agent = start_session(&world, &id, world.path());
            let mut client = world.connect();
            wait_until("the event arrives", || {
                client.list().values().any(|row| row["id"] == id.as_str())
            });
            let degraded = client.hello()["degraded"].to_string();
            assert!(degraded.contains("configuration not read"), "{degraded}");
            let output = world.run([
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
            assert!(output.status.success() && output.elapsed < LONG, "{output:?}");
            world.kill_daemon();
        }
        // Only the configuration file is on the hung file system.
        world.set("HOME", world.home());
        world.set("CREWBOARD_CONFIG", hung.at.join("config.toml"));
        let _agent = start_session(&world, "configured", world.path());
        let mut client = world.connect();
        wait_until("the event arrives", || {
            client.list().values().any(|row| row["id"] == "configured")
        });
    });
}

#[test]
fn hung_runtime_directory_is_skipped() {
    in_private_namespace(|| {
        let mut world = world();
        let Some(hung) = HungFileSystem::mount(world.path().join("hung")) else {
            return skip("FUSE does not work here");
        };
        world.unset("CREWBOARD_SOCKET");
        let link = world.path().join("link");
        symlink(&hung.at, &link).unwrap();
        let mut agents = Vec::new();
        for runtime in [hung.at.clone(), hung.at.join("run"), link] {
            world.set("XDG_RUNTIME_DIR", &runtime);
            agents.push(start_session(&world, &runtime.display().to_string(), world.path()));
            let output = world.run(["list", "--json"]);
            let rows: serde_json::Value = serde_json::from_str(&output.stdout).unwrap();
            assert_eq!(rows.as_array().unwrap().len(), agents.len(), "{output:?}");
        }
        // The default runtime directory is skipped as well.
        world.kill_daemon();
        world.unset("XDG_RUNTIME_DIR");
        fs::create_dir_all("/run/user").unwrap();
        let _login = HungFileSystem::mount("/run/user/0".into()).unwrap();
        let _agent = start_session(&world, "login", world.path());
        let shared = fs::metadata("/tmp/crewboard-0").unwrap();
        assert_eq!(shared.permissions().mode() & 0o777, 0o700);
        let output = world.run(["list", "--json"]);
        assert!(output.stdout.contains("\"login\""), "{output:?}");
    });
}
