//! Agents that we cannot see into: in a container, of another user, on a file system that may not answer.

use super::filing::Filing;
use crate::private_namespace::in_private_namespace;
use crate::{payload, prompt_payload, skip, world};
use crewboard_testkit::{FakeAgent, View, finish};
use serde_json::json;
use std::fs::{self, OpenOptions, Permissions};
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

/// Its numbers are not ours: they may be those of other processes.
#[test]
fn an_agent_of_another_pid_namespace_is_unconfirmed() {
    in_private_namespace(
        "agent_files::elsewhere::an_agent_of_another_pid_namespace_is_unconfirmed",
        || {
            let world = world();
            let mut view = View::new(world.start());
            let ours = Filing::new(&world, "ours");
            ours.prompts(&world);
            let inside = |event: &str| {
                let hook = world.command(["hook", "claude"]);
                let mut command = Command::new("unshare");
                command
                    .args(["--pid", "--fork", "--mount-proc"])
                    .arg(hook.get_program())
                    .args(hook.get_args())
                    .env_clear()
                    .envs(hook.get_envs().filter_map(|(name, value)| Some((name, value?))))
                    .env("CLAUDE_PID", ours.agent.pid().to_string());
                let text = payload(event, "container", &json!({ "prompt": "go" }));
                finish(command, text.as_bytes()).assert_silent();
            };
            inside("UserPromptSubmit");
            let row = view.until_row("container", |row| row["status"] == "working");
            assert_eq!((&row["pid"], &row["confirmed"]), (&json!(null), &json!(false)), "{row}");
            let row = view.until_row("ours", |row| row["confirmed"] == true);
            assert_eq!(
                (&row["status"], &row["pid"]),
                (&json!("working"), &json!(ours.agent.pid()))
            );
            inside("Stop");
            view.until_row("container", |row| row["status"] == "done" && row["confirmed"] == false);
        },
    );
}

/// There the same process has another start time, and the clock that orders events is ahead.
#[test]
fn an_agent_in_a_time_namespace_is_one_row() {
    let in_another_time = |program: &str| {
        let mut command = Command::new("unshare");
        if !rustix::process::geteuid().is_root() {
            command.arg("--map-root-user");
        }
        command.args(["--time", "--boottime", "86400", "--fork", "--kill-child", program]);
        command
    };
    let tried = in_another_time("true").stderr(Stdio::null()).status();
    if !tried.is_ok_and(|status| status.success()) {
        return skip("no time namespaces for us here (`unshare` of util-linux)");
    }
    let world = world();
    let mut view = View::new(world.start());
    let mut agent = in_another_time("sh")
        .args(["-c", "echo $$; cut -d ' ' -f 22 /proc/$$/stat; exec cat"])
        .env_remove("CLAUDE_CONFIG_DIR")
        .env("HOME", world.home())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(agent.stdout.take().unwrap()).lines();
    let mut number = || lines.next().unwrap().unwrap().trim().to_owned();
    let (pid, start) = (number(), number());
    let hook = world.command(["hook", "claude"]);
    let tell = |text: String| {
        let mut command = in_another_time(hook.get_program().to_str().unwrap());
        command.args(hook.get_args()).env_clear();
        command.envs(hook.get_envs().filter_map(|(name, value)| Some((name, value?))));
        command.env("CLAUDE_PID", &pid);
        finish(command, text.as_bytes()).assert_silent();
    };
    tell(prompt_payload("s", "go"));
    view.until_row("s", |row| row["status"] == "working");
    let namespace = fs::read_link("/proc/self/ns/pid").unwrap();
    let sessions = world.home().join(".claude/sessions");
    fs::create_dir_all(&sessions).unwrap();
    let writes = |status: &str| {
        let file = json!({
            "pid": pid.parse::<u32>().unwrap(), "sessionId": "s", "cwd": "/srv/shop",
            "procStart": start, "kind": "interactive", "entrypoint": "cli", "status": status,
            "pidDomain": format!("linux:0000:{}", namespace.display()),
        });
        fs::write(sessions.join(format!("{pid}.json")), file.to_string()).unwrap();
    };
    writes("busy");
    // The daemon reads another start time in its own /proc, and believes the file.
    view.until_row("s", |row| row["confirmed"] == true);
    tell(payload("Stop", "s", &json!({})));
    writes("idle");
    let row = view.until_row("s", |row| row["status"] == "done");
    assert_eq!(view.rows.len(), 1, "{:?}", view.rows);
    let age =
        crewboard_platform::Clock::new().now().wall.0.abs_diff(row["since"].as_u64().unwrap());
    assert!(age < 3_600_000, "the row is of {age} ms ago");
    drop(agent.stdin.take());
    agent.wait().unwrap();
    view.until_row("s", |row| row["status"] == "closed");
}

/// Its hooks tell a daemon of that user's own, if they tell any.
#[test]
fn an_agent_of_another_user_is_nobodys_row_here() {
    if !rustix::process::geteuid().is_root() {
        return skip("only root can be somebody else");
    }
    in_private_namespace(
        "agent_files::elsewhere::an_agent_of_another_user_is_nobodys_row_here",
        || {
            let world = world();
            let mut view = View::new(world.start());
            fs::set_permissions(world.path(), Permissions::from_mode(0o755)).unwrap();
            for (doors, mode) in [(0o700, 0o600), (0o755, 0o666)] {
                fs::set_permissions(world.run(), Permissions::from_mode(doors)).unwrap();
                fs::set_permissions(world.socket(), Permissions::from_mode(mode)).unwrap();
                let agent = FakeAgent::new();
                let mut hook = world.hook_command(&agent);
                hook.uid(65_534).current_dir("/");
                finish(hook, prompt_payload("theirs", "go").as_bytes()).assert_silent();
            }
            let agent = FakeAgent::new();
            world.hook(&agent, &prompt_payload("ours", "go"));
            view.until_row("ours", |row| row["status"] == "working");
            assert_eq!(view.rows.len(), 1, "{:?}", view.rows);
        },
    );
}

/// A file system whose server never answers: whoever looks at it waits for ever.
#[test]
fn a_file_system_that_does_not_answer_stalls_nobody() {
    in_private_namespace(
        "agent_files::elsewhere::a_file_system_that_does_not_answer_stalls_nobody",
        || {
            let world = world();
            let share = world.home().join("share");
            fs::create_dir(&share).unwrap();
            // The server is us, and we say nothing.
            let Ok(server) = OpenOptions::new().read(true).write(true).open("/dev/fuse") else {
                return skip("no /dev/fuse here");
            };
            let mut mount = Command::new("mount");
            mount
                .args(["-i", "-t", "fuse", "-o", "fd=0,rootmode=40000,user_id=0,group_id=0", "x"])
                .arg(&share)
                .stdin(server.try_clone().unwrap());
            if !mount.status().unwrap().success() {
                return skip("no file systems of our own here");
            }
            let mut view = View::new(world.start());
            let remote = FakeAgent::in_profile(&share.join("settings"));
            let cwd = json!({ "cwd": share.join("shop"), "prompt": "go" });
            world.hook(&remote, &payload("UserPromptSubmit", "remote", &cwd));
            let local = Filing::new(&world, "local");
            local.prompts(&world);
            view.until_row("local", |row| row["confirmed"] == true);
            let row = view.until_row("remote", |row| row["status"] == "working");
            assert_eq!((&row["confirmed"], &row["branch"]), (&json!(false), &json!(null)), "{row}");
            world.hook(&remote, &payload("Stop", "remote", &cwd));
            view.until_row("remote", |row| row["status"] == "done" && row["confirmed"] == false);
            local.says("idle", "");
            view.until_row("local", |row| row["status"] == "idle");
            drop(remote);
            view.until_row("remote", |row| row["status"] == "closed");
            // So that the world can be removed.
            let unmounted = Command::new("umount").arg("-l").arg(&share).status().unwrap();
            assert!(unmounted.success());
        },
    );
}
