//! Another user gets nothing, even one who can reach the socket.

use crate::private_namespace::in_private_namespace;
use crate::{skip, world};
use crewboard_testkit::{FakeAgent, LineClient, PATIENCE, eventually, finish, signal};
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
fn a_connection_of_another_user_is_refused() {
    if !rustix::process::geteuid().is_root() {
        return skip("a_connection_of_another_user_is_refused: only root can be somebody else");
    }
    let world = world();
    let agent = FakeAgent::new();
    world.hook(&agent, &crate::prompt_payload("s", "sekrit"));
    // The modes let every user in; the daemon checks the user all the same. It would mend the modes, so it is
    // stopped until the connection is made.
    let socket = world.socket();
    eventually("the daemon listens", || world.try_connect().is_some());
    let daemon = world.daemon();
    signal(daemon, Signal::STOP);
    fs::set_permissions(world.path(), Permissions::from_mode(0o755)).unwrap();
    fs::set_permissions(world.run(), Permissions::from_mode(0o755)).unwrap();
    fs::set_permissions(&socket, Permissions::from_mode(0o666)).unwrap();
    let (connected, is_connected) = channel();
    let stranger = std::thread::spawn(move || {
        // This thread alone is another user from here on.
        let nobody = Uid::from_raw(65_534);
        rustix::thread::set_thread_res_uid(nobody, nobody, nobody).unwrap();
        let mut client = LineClient::new(UnixStream::connect(&socket).unwrap());
        client.stream().write_all(b"{\"type\":\"list\"}\n{\"type\":\"stop\"}\n").unwrap();
        connected.send(()).unwrap();
        client.try_line().unwrap_or(None)
    });
    let outcome = is_connected.recv();
    signal(daemon, Signal::CONT);
    outcome.unwrap();
    assert_eq!(stranger.join().unwrap(), None);
    let mut client = world.connect();
    assert_eq!(client.list().len(), 1);
    assert_eq!(client.ask(json!({"type": "hello"}))["rows"], 1);
    assert!(world.log().contains("refused a connection of user 65534"), "{}", world.log());
}

/// Listens at `path` as another user; everything that a client sends comes out of what this returns.
fn listen_as_stranger(path: PathBuf) -> Receiver<Vec<u8>> {
    let (ready, is_ready) = channel();
    let (sender, received) = channel();
    std::thread::spawn(move || {
        let nobody = Uid::from_raw(65_534);
        rustix::thread::set_thread_res_uid(nobody, nobody, nobody).unwrap();
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

/// What every race about a directory comes to: the path was checked, and another user's process answers.
#[test]
fn no_command_sends_a_byte_to_another_users_server() {
    if !rustix::process::geteuid().is_root() {
        return skip("no_command_sends_a_byte: only root can be somebody else");
    }
    let world = world();
    let agent = FakeAgent::new();
    let theirs = world.path().join("theirs");
    fs::create_dir(&theirs).unwrap();
    chown(&theirs, Some(65_534), None).unwrap();
    fs::set_permissions(world.path(), Permissions::from_mode(0o755)).unwrap();
    let payload = crate::prompt_payload("s", "sekrit");
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
        let socket = theirs.join(format!("s{round}"));
        let received = listen_as_stranger(socket.clone());
        fs::rename(&socket, world.socket()).unwrap();
        let mut command = world.command(*words);
        command.env("CLAUDE_PID", agent.pid().to_string());
        finish(command, payload.as_bytes());
        let sent = received.recv_timeout(PATIENCE).expect("the command connected to the server");
        assert_eq!(String::from_utf8_lossy(&sent), "", "{words:?}");
        world.kill_daemon();
    }
}

#[test]
fn a_runtime_directory_of_another_user_is_skipped() {
    in_private_namespace("stranger::a_runtime_directory_of_another_user_is_skipped", || {
        let mut world = world();
        world.unset("CREWBOARD_SOCKET");
        let theirs = Path::new("/run/user/5000");
        fs::create_dir_all(theirs).unwrap();
        if chown(theirs, Some(5000), None).is_err() {
            return skip("one user only in this namespace");
        }
        world.set("XDG_RUNTIME_DIR", theirs);
        let agent = FakeAgent::new();
        for mode in [0o700, 0o755, 0o777, 0o1777] {
            fs::set_permissions(theirs, Permissions::from_mode(mode)).unwrap();
            world.hook(&agent, &crate::prompt_payload("s", "go"));
            for words in [&["list", "--json"][..], &["daemon", "status", "--json"], &["counts"]] {
                let said = world.say(words);
                assert!(said.status.success(), "{mode:o} {said:?}");
                assert!(!said.stdout.contains("/run/user/5000"), "{mode:o} {said:?}");
            }
            eventually("the row is there", || world.say(["list"]).stdout.contains("shop"));
            assert_eq!(crewboard_testkit::names_in(theirs), [""; 0], "{mode:o}");
            world.kill_daemon();
        }
        // A directory of ours that was made there by an earlier version is not used either.
        let ours = theirs.join("crewboard");
        fs::create_dir(&ours).unwrap();
        fs::set_permissions(&ours, Permissions::from_mode(0o700)).unwrap();
        world.hook(&agent, &crate::prompt_payload("s", "go"));
        eventually("the row is there", || world.say(["list"]).stdout.contains("shop"));
        assert_eq!(crewboard_testkit::names_in(&ours), [""; 0]);
        world.kill_daemon();
        // A user who names the socket there is told why it cannot be used.
        world.set("CREWBOARD_SOCKET", ours.join("s"));
        let said = world.say(["list"]);
        assert_eq!(said.code(), Some(2), "{said:?}");
        assert!(said.stderr.contains("/run/user/5000 belongs to user 5000"), "{said:?}");
    });
}
