//! Agents in a container, of another user, or on a hung file system.

use crate::support::{
    AgentWithFile, in_private_namespace, own_uid, payload, prompt_payload, world,
};
use crewboard_testkit::{FakeAgent, Subscription, run_with_input, skip, wrap_command};
use serde_json::json;
use std::fs::{self, OpenOptions, Permissions};
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

/// The pids of another namespace may be those of other processes here.
#[test]
fn agent_in_a_pid_namespace_is_unconfirmed() {
    in_private_namespace(|| {
        let world = world();
        let mut subscription = Subscription::new(world.start_daemon());
        let ours = AgentWithFile::new(&world, "ours");
        ours.send_prompt(&world);
        let inside = |event: &str| {
            let outer = ["unshare", "--pid", "--fork", "--mount-proc"];
            let command = wrap_command(&outer, &world.hook_command(&ours.process));
            let text = payload(event, "container", &json!({ "prompt": "go" }));
            run_with_input(command, text.as_bytes()).assert_silent();
        };
        inside("UserPromptSubmit");
        let row = subscription.wait_for_row("container", |row| row["status"] == "working");
        assert_eq!((&row["pid"], &row["confirmed"]), (&json!(null), &json!(false)), "{row}");
        let row = subscription.wait_for_row("ours", |row| row["confirmed"] == true);
        assert_eq!((&row["status"], &row["pid"]), (&json!("working"), &json!(ours.process.pid())));
        inside("Stop");
        subscription
            .wait_for_row("container", |row| row["status"] == "done" && row["confirmed"] == false);
    });
}

/// In a time namespace, processes have other start times, and the clock that orders events is ahead.
#[test]
fn agent_in_a_time_namespace_is_one_row() {
    let mut outer = vec!["unshare", "--time", "--boottime", "86400", "--fork", "--kill-child"];
    outer.extend((own_uid() != 0).then_some("--map-root-user"));
    let in_another_time = |command: &Command| wrap_command(&outer, command);
    let tried = in_another_time(&Command::new("true")).stderr(Stdio::null()).status();
    if !tried.is_ok_and(|status| status.success()) {
        return skip("`unshare` of util-linux cannot create time namespaces here");
    }
    let world = world();
    let mut subscription = Subscription::new(world.start_daemon());
    let mut agent = in_another_time(&Command::new("sh"))
        .args(["-c", "echo $$; cut -d ' ' -f 22 /proc/$$/stat; exec cat"])
        .env("PATH", "/usr/bin:/bin")
        .env("HOME", world.home())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(agent.stdout.take().unwrap()).lines();
    let mut number = || lines.next().unwrap().unwrap().trim().to_owned();
    let (pid, start) = (number(), number());
    let hook = world.command(["hook", "claude"]);
    let run_hook = |text: String| {
        let mut command = in_another_time(&hook);
        command.env("CLAUDE_PID", &pid);
        run_with_input(command, text.as_bytes()).assert_silent();
    };
    run_hook(prompt_payload("s", "go"));
    subscription.wait_for_row("s", |row| row["status"] == "working");
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
    // The daemon reads another start time in its own /proc, and still accepts the file.
    subscription.wait_for_row("s", |row| row["confirmed"] == true);
    run_hook(payload("Stop", "s", &json!({})));
    writes("idle");
    let row = subscription.wait_for_row("s", |row| row["status"] == "done");
    assert_eq!(subscription.rows.len(), 1, "{:?}", subscription.rows);
    let age =
        crewboard_platform::Clock::new().now().wall.0.abs_diff(row["since"].as_u64().unwrap());
    assert!(age < 3_600_000, "the row is {age} ms old");
    drop(agent.stdin.take());
    agent.wait().unwrap();
    subscription.wait_for_row("s", |row| row["status"] == "closed");
}

/// The hooks of another user report to a daemon of that user.
#[test]
fn agent_of_another_user_has_no_row() {
    if !rustix::process::geteuid().is_root() {
        return skip("only root can run as another user");
    }
    in_private_namespace(|| {
        let world = world();
        let mut subscription = Subscription::new(world.start_daemon());
        fs::set_permissions(world.path(), Permissions::from_mode(0o755)).unwrap();
        for (doors, mode) in [(0o700, 0o600), (0o755, 0o666)] {
            fs::set_permissions(world.socket_directory(), Permissions::from_mode(doors)).unwrap();
            fs::set_permissions(world.socket(), Permissions::from_mode(mode)).unwrap();
            let agent = FakeAgent::new();
            let mut hook = world.hook_command(&agent);
            hook.uid(65_534).current_dir("/");
            run_with_input(hook, prompt_payload("theirs", "go").as_bytes()).assert_silent();
        }
        let agent = FakeAgent::new();
        world.run_hook(&agent, &prompt_payload("ours", "go"));
        subscription.wait_for_row("ours", |row| row["status"] == "working");
        assert_eq!(subscription.rows.len(), 1, "{:?}", subscription.rows);
    });
}

/// An access to a file system whose server never answers blocks without end.
#[test]
fn hung_profile_directory_does_not_stall_the_daemon() {
    in_private_namespace(|| {
        let world = world();
        let share = world.home().join("share");
        fs::create_dir(&share).unwrap();
        // The test is the server, and does not answer.
        let Ok(server) = OpenOptions::new().read(true).write(true).open("/dev/fuse") else {
            return skip("there is no /dev/fuse");
        };
        let mut mount = Command::new("mount");
        mount
            .args(["-i", "-t", "fuse", "-o", "fd=0,rootmode=40000,user_id=0,group_id=0", "x"])
            .arg(&share)
            .stdin(server.try_clone().unwrap());
        if !mount.status().unwrap().success() {
            return skip("FUSE file systems cannot be mounted here");
        }
        let mut subscription = Subscription::new(world.start_daemon());
        let remote = FakeAgent::with_profile(&share.join("settings"));
        let cwd = json!({ "cwd": share.join("shop"), "prompt": "go" });
        world.run_hook(&remote, &payload("UserPromptSubmit", "remote", &cwd));
        let local = AgentWithFile::new(&world, "local");
        local.send_prompt(&world);
        subscription.wait_for_row("local", |row| row["confirmed"] == true);
        let row = subscription.wait_for_row("remote", |row| row["status"] == "working");
        assert_eq!((&row["confirmed"], &row["branch"]), (&json!(false), &json!(null)), "{row}");
        world.run_hook(&remote, &payload("Stop", "remote", &cwd));
        subscription
            .wait_for_row("remote", |row| row["status"] == "done" && row["confirmed"] == false);
        local.write_status("idle", "");
        subscription.wait_for_row("local", |row| row["status"] == "idle");
        drop(remote);
        subscription.wait_for_row("remote", |row| row["status"] == "closed");
        // The world cannot be removed while it is mounted.
        let unmounted = Command::new("umount").arg("-l").arg(&share).status().unwrap();
        assert!(unmounted.success());
    });
}
