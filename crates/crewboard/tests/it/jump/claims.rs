//! Terminal servers that only an event names are claims, and Crewboard does not contact them.

use crate::support::{
    Agent, BoardWorld, PROGRAM, SIZE, agent_command, greeting, lines, plain_shell, run_in_pane,
    start_daemon_with_notifier,
};
use crewboard_testkit::{Tmux, signal, skip, wait_until, wrap_command};
use rustix::process::Signal;
use serde_json::json;
use std::fs::{self, Permissions};
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;

/// A server that records all bytes and sends no reply.
struct FakeServer {
    path: PathBuf,
    received: Receiver<u8>,
}

impl FakeServer {
    fn new(path: PathBuf) -> Self {
        let listener = UnixListener::bind(&path).unwrap();
        let (sender, received) = channel();
        thread::spawn(move || {
            for mut stream in listener.incoming().map_while(Result::ok) {
                let sender = sender.clone();
                thread::spawn(move || {
                    let mut byte = [0];
                    while stream.read(&mut byte).is_ok_and(|count| count == 1) {
                        let _ = sender.send(byte[0]);
                    }
                });
            }
        });
        Self { path, received }
    }

    #[track_caller]
    fn assert_received_nothing(&self) {
        let bytes: Vec<u8> = self.received.try_iter().collect();
        assert!(bytes.is_empty(), "the server received {:?}", String::from_utf8_lossy(&bytes));
    }
}

/// Reports a permission of a process, and runs each command that could contact its terminal server.
fn assert_no_contact_by_commands(
    world: &BoardWorld,
    pid: u32,
    variables: &[(&str, &str)],
    reason: &str,
) {
    let received = world.home().join("received");
    let _ = fs::remove_file(&received);
    let id = format!("6cf7f83b-{pid}");
    let asks = json!({ "tool_name": "Bash", "tool_input": { "command": "ls" } });
    world.send_event_from(pid, &id, variables, "UserPromptSubmit", &json!({ "prompt": "go" }));
    world.send_event_from(pid, &id, variables, "PermissionRequest", &asks);
    wait_until("the notifier has run", || lines(&received).len() >= 4);
    let assert_refused = |message: &str| {
        let message = message.replace('\n', "");
        assert!(message.contains("cannot show") && message.contains(reason), "{message}");
    };
    for words in [&["jump", &*id][..], &["next"]] {
        let output = world.run(words);
        assert_eq!(output.code(), Some(1), "{words:?}");
        assert_refused(&output.stderr);
    }
    assert_eq!(world.run(["open", &id]).code(), Some(1));
    let board = world.board(&id, (160, 24));
    board.wait_for_text("permission");
    board.press(&["Enter"]);
    assert_refused(&board.wait_for_text("cannot show"));
    board.press(&["P"]);
    let screen = board.wait_for_text("cannot read the pane");
    assert!(screen.replace('\n', "").contains(reason), "{screen}");
    board.press(&["Escape"]);
    board.wait_for("the list", |screen| !screen.contains("cannot read the pane"));
    world.send_event_from(pid, &id, variables, "SessionEnd", &json!({ "reason": "exit" }));
    world.wait_for_row(&id, "closed", |row| row["status"] == "closed");
    board.press(&["q"]);
}

/// Creates a world whose daemon has a notifier that records its arguments.
fn world_with_notifier() -> Option<BoardWorld> {
    let world = BoardWorld::new()?;
    start_daemon_with_notifier(&world);
    Some(world)
}

#[test]
fn claimed_terminal_server_receives_no_byte() {
    let Some(world) = world_with_notifier() else { return };
    let server = FakeServer::new(world.path().join("evil"));
    let path = server.path.display().to_string();
    let (tmux, kitty) = (format!("{path},{},0", std::process::id()), format!("unix:{path}"));
    let reason = "nothing shows that it runs there";
    for (variables, reason) in [
        ([("TMUX", tmux.as_str()), ("TMUX_PANE", "%0")], reason),
        ([("KITTY_LISTEN_ON", kitty.as_str()), ("KITTY_WINDOW_ID", "1")], reason),
        ([("WEZTERM_UNIX_SOCKET", path.as_str()), ("WEZTERM_PANE", "1")], reason),
        (
            [("KITTY_LISTEN_ON", "tcp:localhost:1"), ("KITTY_WINDOW_ID", "1")],
            "cannot check which process",
        ),
    ] {
        // First only the event names the server, then also the variables of the process.
        for own in [&[][..], &variables] {
            let process = Agent::started_in(Path::new("/"), own, "fake");
            assert_no_contact_by_commands(&world, process.pid(), &variables, reason);
            server.assert_received_nothing();
        }
    }
}

#[test]
fn counts_contact_no_tmux_server_outside_their_own() {
    let Some(world) = BoardWorld::new() else { return };
    let server = FakeServer::new(world.path().join("evil"));
    let printed = world.home().join("printed");
    // The shell exits, so that this process, which runs the server, is not an ancestor.
    let script = "\"$@\" >\"$PRINTED\" 2>&1 & echo $!";
    let mut counts = world.command(["counts", "--format", "tmux", "--follow", "--windows"]);
    counts.env("TMUX", format!("{},1,0", server.path.display())).env("PRINTED", &printed);
    let output = wrap_command(&["sh", "-c", script, "sh"], &counts).output().unwrap();
    let pid = String::from_utf8(output.stdout).unwrap().trim().parse().unwrap();
    // The line is printed after the attempt to set the glyphs.
    wait_until("the first line", || !lines(&printed).is_empty());
    signal(pid, Signal::KILL);
    server.assert_received_nothing();
}

/// Ends a tmux server when it is dropped.
struct ServerEnd<'a>(&'a Path);

impl Drop for ServerEnd<'_> {
    fn drop(&mut self) {
        let mut command = Command::new("tmux");
        let _ = command.arg("-S").arg(self.0).arg("kill-server").stderr(Stdio::null()).status();
    }
}

/// Starts a real tmux server by the command `sandbox`, with a process in a pane, and asserts that it is not
/// contacted.
fn assert_sandboxed_server_is_not_contacted(sandbox: &[&str]) {
    let Some(world) = world_with_notifier() else { return };
    let directory = world.path().join("jail");
    fs::create_dir(&directory).unwrap();
    let socket = directory.join("s");
    let tmux = |words: &[&str]| {
        let mut command = Command::new(words[0]);
        command.args(&words[1..]).env_remove("TMUX").stdin(Stdio::null());
        command.output().unwrap()
    };
    let path = socket.to_str().unwrap();
    let _ended = ServerEnd(&socket);
    let start = ["tmux", "-S", path, "-f", "/dev/null", "new-session", "-d", "cat"];
    let started = tmux(&[sandbox, &start].concat());
    assert!(started.status.success(), "{started:?}");
    let ask = ["tmux", "-S", path, "display-message", "-p", "#{pane_pid}"];
    let pid: u32 = String::from_utf8(tmux(&ask).stdout).unwrap().trim().parse().unwrap();
    let asked = world.path().join("asked");
    for hook in ["after-list-panes", "after-list-clients"] {
        let line = format!("run-shell 'echo {hook} >>{}'", asked.display());
        tmux(&["tmux", "-S", path, "set-hook", "-g", hook, &line]);
    }
    let variables = [("TMUX", &*format!("{path},1,0")), ("TMUX_PANE", "%0")];
    assert_no_contact_by_commands(&world, pid, &variables, "nothing shows that it runs there");
    assert_eq!(lines(&asked), Vec::<String>::new());
    // The hook runs when the server is asked, so it would have run above.
    tmux(&["tmux", "-S", path, "list-clients"]);
    wait_until("the hook of the server runs", || lines(&asked) == ["after-list-clients"]);
}

#[test]
fn server_with_no_new_privileges_is_not_contacted() {
    assert_sandboxed_server_is_not_contacted(&["setpriv", "--no-new-privs"]);
}

#[test]
fn server_in_a_mount_namespace_is_not_contacted() {
    let works = Command::new("bwrap").args(["--dev-bind", "/", "/", "true"]).status();
    if !works.is_ok_and(|status| status.success()) {
        return skip("bwrap does not work here");
    }
    assert_sandboxed_server_is_not_contacted(&["bwrap", "--dev-bind", "/", "/"]);
}

#[test]
fn jump_contacts_the_server_that_it_checked() {
    let Some(world) = BoardWorld::new() else { return };
    let far: Tmux = world.server("far");
    far.open("far", SIZE, &agent_command("abroad", "UserPromptSubmit"));
    world.wait_for_row("abroad", "in its pane", |row| row["place"]["tty"].is_string());
    let client = world.tmux.open("client", SIZE, &far.attach_command("=far"));
    client.wait_for_text(&greeting("abroad"));
    let pid = far.run(["display-message", "-p", "#{pid}"]).trim().parse().unwrap();
    // This `tmux` replaces the server that was checked by another before it runs.
    let server = FakeServer::new(world.path().join("evil"));
    let (bin, ran) = (world.path().join("bin"), world.path().join("ran"));
    fs::create_dir(&bin).unwrap();
    let script = format!(
        "#!/bin/sh\nmv '{}' '{}' 2>/dev/null; echo x >>'{}'; exec /usr/bin/tmux \"$@\"\n",
        server.path.display(),
        far.socket().display(),
        ran.display()
    );
    fs::write(bin.join("tmux"), script).unwrap();
    fs::set_permissions(bin.join("tmux"), Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:/usr/bin:/bin", bin.display());
    let output = world.command(["jump", "abroad"]).env("PATH", path).output().unwrap();
    // The test must end the server by its pid, because its socket path leads to the other server.
    signal(pid, Signal::KILL);
    fs::remove_file(far.socket()).unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(!lines(&ran).is_empty() && !server.path.exists());
    server.assert_received_nothing();
}

#[test]
fn jump_attaches_by_the_socket_that_it_checked() {
    let Some(world) = BoardWorld::new() else { return };
    let far = world.server("a b");
    far.open("far", SIZE, &agent_command("abroad", "UserPromptSubmit"));
    world.wait_for_row("abroad", "in its pane", |row| row["place"]["tty"].is_string());
    // The message names the socket path, which the user could type.
    let inside = world.tmux.open("inside", (200, 20), &["sh", "-i"]);
    let (code, screen) = run_in_pane(&inside, "jump abroad");
    let typed = format!("tmux -S '{}' attach-session -t", far.socket().display());
    assert!(code == 1 && screen.contains(&typed), "{screen}");
    let plain = plain_shell(&world.tmux, "plain");
    plain.type_line(&format!("{PROGRAM} jump abroad"));
    plain.wait_for_text(&greeting("abroad"));
    far.end();
}
