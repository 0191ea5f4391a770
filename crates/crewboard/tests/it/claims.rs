//! Servers of terminals that an event names, and who may contact them.

use crate::board_world::{Agent, BoardWorld, signal};
use crate::jump::{SIZE, agent, here, plain_shell, run};
use crate::notify::{lines, pretended_notifier};
use crate::skip;
use crewboard_testkit::{Tmux, eventually};
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

const PROGRAM: &str = env!("CARGO_BIN_EXE_crewboard");

/// A server that answers nothing, and keeps what it gets.
struct FakeServer {
    path: PathBuf,
    got: Receiver<u8>,
}

impl FakeServer {
    fn new(path: PathBuf) -> Self {
        let listener = UnixListener::bind(&path).unwrap();
        let (sender, got) = channel();
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
        Self { path, got }
    }

    #[track_caller]
    fn got_nothing(&self) {
        let got: Vec<u8> = self.got.try_iter().collect();
        assert!(got.is_empty(), "the server got {:?}", String::from_utf8_lossy(&got));
    }
}

/// Says that a process waits for permission, and has every program that could contact its terminal try to.
fn try_to_contact(world: &BoardWorld, pid: u32, variables: &[(&str, &str)], says: &str) {
    let told = world.home().join("told");
    let _ = fs::remove_file(&told);
    let id = format!("6cf7f83b-{pid}");
    let asks = json!({ "tool_name": "Bash", "tool_input": { "command": "ls" } });
    world.hook_of(pid, &id, variables, "UserPromptSubmit", &json!({ "prompt": "go" }));
    world.hook_of(pid, &id, variables, "PermissionRequest", &asks);
    eventually("the desktop is told", || lines(&told).len() >= 4);
    let is_refused = |said: &str| {
        let said = said.replace('\n', "");
        assert!(said.contains("cannot show") && said.contains(says), "{said}");
    };
    for words in [&["jump", &*id][..], &["next"]] {
        let output = world.command(words).stderr(Stdio::piped()).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{words:?}");
        is_refused(&String::from_utf8(output.stderr).unwrap());
    }
    let output = world.command(&["open", &id]).stderr(Stdio::piped()).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let board = world.board(&id, (160, 24));
    board.shows("permission");
    board.press(&["Enter"]);
    is_refused(&board.shows("cannot show"));
    world.hook_of(pid, &id, variables, "SessionEnd", &json!({ "reason": "exit" }));
    world.row_where(&id, "closed", |row| row["status"] == "closed");
    board.press(&["q"]);
}

/// A world whose daemon has a notifier that writes down what it is told.
fn world_with_notifier() -> Option<BoardWorld> {
    let world = BoardWorld::new()?;
    let (directory, _) = pretended_notifier(&world);
    let path = format!("{}:/usr/bin:/bin", directory.display());
    assert!(world.command(&["daemon", "start"]).env("PATH", path).status().unwrap().success());
    Some(world)
}

#[test]
fn a_server_that_an_event_names_gets_not_one_byte() {
    let Some(world) = world_with_notifier() else { return };
    let server = FakeServer::new(world.path().join("evil"));
    let path = server.path.display().to_string();
    let (tmux, kitty) = (format!("{path},{},0", std::process::id()), format!("unix:{path}"));
    let says = "nothing shows that it runs there";
    for (variables, says) in [
        ([("TMUX", tmux.as_str()), ("TMUX_PANE", "%0")], says),
        ([("KITTY_LISTEN_ON", kitty.as_str()), ("KITTY_WINDOW_ID", "1")], says),
        ([("WEZTERM_UNIX_SOCKET", path.as_str()), ("WEZTERM_PANE", "1")], says),
        ([("KITTY_LISTEN_ON", "tcp:localhost:1"), ("KITTY_WINDOW_ID", "1")], "cannot be checked"),
    ] {
        // Only the event names it; and the process itself does, which the server has started.
        for own in [&[][..], &variables] {
            let process = Agent::started_in(Path::new("/"), own, "fake");
            try_to_contact(&world, process.pid(), &variables, says);
            server.got_nothing();
        }
    }
}

/// Ends a tmux server, however the test ends.
struct ServerEnd<'a>(&'a Path);

impl Drop for ServerEnd<'_> {
    fn drop(&mut self) {
        let mut command = Command::new("tmux");
        let _ = command.arg("-S").arg(self.0).arg("kill-server").stderr(Stdio::null()).status();
    }
}

/// A terminal's server in a sandbox, which the words make: a real tmux, with a process in a pane.
fn a_server_in_a_sandbox_is_not_contacted(sandbox: &[&str]) {
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
    try_to_contact(&world, pid, &variables, "nothing shows that it runs there");
    assert_eq!(lines(&asked), Vec::<String>::new());
    // The same server, once it is asked.
    tmux(&["tmux", "-S", path, "list-clients"]);
    eventually("its hook runs", || lines(&asked) == ["after-list-clients"]);
}

#[test]
fn a_server_without_new_privileges_is_not_contacted() {
    a_server_in_a_sandbox_is_not_contacted(&["setpriv", "--no-new-privs"]);
}

#[test]
fn a_server_in_a_mount_namespace_is_not_contacted() {
    let works = Command::new("bwrap").args(["--dev-bind", "/", "/", "true"]).status();
    if !works.is_ok_and(|status| status.success()) {
        return skip("bwrap does not work here");
    }
    a_server_in_a_sandbox_is_not_contacted(&["bwrap", "--dev-bind", "/", "/"]);
}

#[test]
fn the_server_that_was_checked_is_the_one_that_is_contacted() {
    let Some(world) = BoardWorld::new() else { return };
    let far: Tmux = world.server("far");
    far.open("far", SIZE, &agent("abroad", "UserPromptSubmit"));
    world.row_where("abroad", "in its pane", |row| row["place"]["tty"].is_string());
    let client = world.tmux.open("client", SIZE, &far.attaching("=far"));
    client.shows(&here("abroad"));
    let pid = far.ask(["display-message", "-p", "#{pid}"]).trim().parse().unwrap();
    // Whenever tmux is run, another server has just taken the place of the one that was checked.
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
    let output = world.command(&["jump", "abroad"]).env("PATH", path).output().unwrap();
    // Nothing else ends it: its name leads to the other server.
    signal(pid, Signal::KILL);
    fs::remove_file(far.socket()).unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(!lines(&ran).is_empty() && !server.path.exists());
    server.got_nothing();
}

#[test]
fn a_session_on_no_terminal_is_attached_by_the_socket_that_was_checked() {
    let Some(world) = BoardWorld::new() else { return };
    let far = world.server("a b");
    far.open("far", SIZE, &agent("abroad", "UserPromptSubmit"));
    world.row_where("abroad", "in its pane", |row| row["place"]["tty"].is_string());
    // The name that a person could type is the socket's.
    let inside = world.tmux.open("inside", (200, 20), &["sh", "-i"]);
    let (code, screen) = run(&inside, "jump abroad");
    let typed = format!("tmux -S '{}' attach-session -t", far.socket().display());
    assert!(code == 1 && screen.contains(&typed), "{screen}");
    let plain = plain_shell(&world.tmux, "plain");
    plain.type_line(&format!("{PROGRAM} jump abroad"));
    plain.shows(&here("abroad"));
    far.end();
}
