//! Other users get no access, even if they can reach the socket.

use crate::support::{in_private_namespace, prompt_payload, world};
use crewboard_testkit::{
    FakeAgent, LineClient, TIMEOUT, file_names, run_with_input, signal, skip, wait_until,
};
use rustix::process::{Signal, Uid};
use serde_json::json;
use std::fs::{self, Permissions};
use std::io::{Read, Write};
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

#[test]
fn connection_of_another_user_is_refused() {
    if !rustix::process::geteuid().is_root() {
        return skip("only root can run as another user");
    }
    let world = world();
    let agent = FakeAgent::new();
    world.run_hook(&agent, &prompt_payload("s", "sekrit"));
    // The modes let other users connect. The daemon checks the uid of the client as well. It would restore the modes,
    // so the test stops it until the connection is open.
    let socket = world.socket();
    wait_until("the daemon listens", || world.try_connect().is_some());
    let daemon = world.daemon();
    signal(daemon, Signal::STOP);
    fs::set_permissions(world.path(), Permissions::from_mode(0o755)).unwrap();
    fs::set_permissions(world.socket_directory(), Permissions::from_mode(0o755)).unwrap();
    fs::set_permissions(&socket, Permissions::from_mode(0o666)).unwrap();
    let (connected, is_connected) = channel();
    let other = std::thread::spawn(move || {
        // Only this thread changes its user.
        let other_user = Uid::from_raw(65_534);
        rustix::thread::set_thread_res_uid(other_user, other_user, other_user).unwrap();
        let mut client = LineClient::new(UnixStream::connect(&socket).unwrap());
        client.stream().write_all(b"{\"type\":\"list\"}\n{\"type\":\"stop\"}\n").unwrap();
        connected.send(()).unwrap();
        client.try_line().unwrap_or(None)
    });
    let outcome = is_connected.recv();
    signal(daemon, Signal::CONT);
    outcome.unwrap();
    assert_eq!(other.join().unwrap(), None);
    let mut client = world.connect();
    assert_eq!(client.list().len(), 1);
    assert_eq!(client.request(json!({"type": "hello"}))["rows"], 1);
    assert!(world.log().contains("refused a connection of user 65534"), "{}", world.log());
}

/// Listens at `path` as another user. Returns the bytes that each client sends.
fn listen_as_another_user(path: PathBuf) -> Receiver<Vec<u8>> {
    let (ready, is_ready) = channel();
    let (sender, received) = channel();
    std::thread::spawn(move || {
        let other_user = Uid::from_raw(65_534);
        rustix::thread::set_thread_res_uid(other_user, other_user, other_user).unwrap();
        let listener = UnixListener::bind(&path).unwrap();
        ready.send(()).unwrap();
        for stream in listener.incoming().map_while(Result::ok) {
            let mut sent = Vec::new();
            let _ = stream.set_read_timeout(Some(Duration::from_millis(500)));
            let _ = (&stream).read_to_end(&mut sent);
            if sender.send(sent).is_err() {
                return;
            }
        }
    });
    is_ready.recv().unwrap();
    received
}

/// After a lost race about a directory, the path was checked but a process of another user listens.
#[test]
fn no_command_sends_a_byte_to_another_users_server() {
    if !rustix::process::geteuid().is_root() {
        return skip("only root can run as another user");
    }
    let world = world();
    let agent = FakeAgent::new();
    let foreign = world.path().join("foreign");
    fs::create_dir(&foreign).unwrap();
    chown(&foreign, Some(65_534), None).unwrap();
    fs::set_permissions(world.path(), Permissions::from_mode(0o755)).unwrap();
    let payload = prompt_payload("s", "sekrit");
    let words: [&[&str]; 14] = [
        &["hook", "claude"],
        &["statusline"],
        &["list"],
        &["list", "--json"],
        &["counts"],
        &["explain", "shop"],
        &["seen", "shop"],
        &["jump", "shop"],
        &["next"],
        &["open", "shop"],
        &["report", "--agent", "mine", "--session", "sekrit", "--status", "done"],
        &["wait", "shop", "--until", "done", "--timeout", "1s"],
        &["daemon", "status"],
        &["daemon", "stop"],
    ];
    for (round, words) in words.iter().enumerate() {
        let socket = foreign.join(format!("s{round}"));
        let received = listen_as_another_user(socket.clone());
        fs::rename(&socket, world.socket()).unwrap();
        let mut command = world.command(*words);
        command.env("CLAUDE_PID", agent.pid().to_string());
        run_with_input(command, payload.as_bytes());
        let sent =
            received.recv_timeout(TIMEOUT).expect("the command did not connect to the server");
        assert_eq!(String::from_utf8_lossy(&sent), "", "{words:?}");
        world.kill_daemon();
    }
}

#[test]
fn runtime_directory_of_another_user_is_skipped() {
    in_private_namespace(|| {
        let mut world = world();
        world.unset("CREWBOARD_SOCKET");
        let foreign = Path::new("/run/user/5000");
        fs::create_dir_all(foreign).unwrap();
        if chown(foreign, Some(5000), None).is_err() {
            return skip("this namespace has only one user");
        }
        world.set("XDG_RUNTIME_DIR", foreign);
        let agent = FakeAgent::new();
        for mode in [0o700, 0o755, 0o777, 0o1777] {
            fs::set_permissions(foreign, Permissions::from_mode(mode)).unwrap();
            world.run_hook(&agent, &prompt_payload("s", "go"));
            for words in [&["list", "--json"][..], &["daemon", "status", "--json"], &["counts"]] {
                let output = world.run(words);
                assert!(output.status.success(), "{mode:o} {output:?}");
                assert!(!output.stdout.contains("/run/user/5000"), "{mode:o} {output:?}");
            }
            wait_until("the row appears", || world.run(["list"]).stdout.contains("shop"));
            assert_eq!(file_names(foreign), [""; 0], "{mode:o}");
            world.kill_daemon();
        }
        // A directory of this user inside it, made by an earlier version, is not used either.
        let own = foreign.join("crewboard");
        fs::create_dir(&own).unwrap();
        fs::set_permissions(&own, Permissions::from_mode(0o700)).unwrap();
        world.run_hook(&agent, &prompt_payload("s", "go"));
        wait_until("the row appears", || world.run(["list"]).stdout.contains("shop"));
        assert_eq!(file_names(&own), [""; 0]);
        world.kill_daemon();
        // The error says why a socket that the user names there cannot be used.
        world.set("CREWBOARD_SOCKET", own.join("s"));
        let output = world.run(["list"]);
        assert_eq!(output.code(), Some(2), "{output:?}");
        assert!(output.stderr.contains("/run/user/5000 belongs to user 5000"), "{output:?}");
    });
}
