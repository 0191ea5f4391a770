//! Servers of terminals that an event names, and who may contact them.

use crate::board_world::{Agent, BoardWorld, signal};
use crate::jump::{SIZE, agent, fake_claude, here, plain_shell, run};
use crate::notify::{lines, pretended_notifier};
use crate::skip;
use crewboard_testkit::{Tmux, eventually};
use rustix::process::Signal;
use serde_json::json;
use std::fs::{self, Permissions};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::{UnixListener, UnixStream};
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
        assert!(said.contains("cannot be shown") && said.contains(says), "{said}");
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
    is_refused(&board.shows("cannot be shown"));
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

/// What a trap would be: a profile and a directory that a program in a sandbox can write.
struct Trap {
    profile: String,
    directory: PathBuf,
}

impl Trap {
    fn new(world: &BoardWorld) -> Self {
        let directory = world.path().join("trap");
        fs::create_dir(&directory).unwrap();
        Self { profile: directory.join("profile").display().to_string(), directory }
    }

    fn variables(&self) -> [(&str, &str); 1] {
        [("CLAUDE_CONFIG_DIR", &self.profile)]
    }
}

/// What `crewboard open` says of a session: exit code and words. It must not have run.
fn refused_to_open(world: &BoardWorld, id: &str) -> String {
    let path = format!("{}:/usr/bin:/bin", world.path().join("bin").display());
    let mut command = world.command(&["open", id]);
    let output = command.env("PATH", path).stderr(Stdio::piped()).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap().replace('\n', "");
    assert!(output.stdout.is_empty() && output.status.code() == Some(1), "{said}");
    said
}

#[test]
fn a_session_opens_where_its_process_was_started_whatever_events_claim() {
    let Some(world) = BoardWorld::new() else { return };
    let path = format!("PATH={}:$PATH", fake_claude(&world).display());
    let (trap, work) = (Trap::new(&world), world.path().join("work"));
    fs::create_dir(&work).unwrap();
    let profile = world.path().join("own-profile").display().to_string();
    let own = [("CLAUDE_CONFIG_DIR", &*profile)];
    let mut process = Agent::started_in(&work, &own, "6cf7f83b-72a2");
    let claims = json!({ "prompt": "go", "cwd": trap.directory });
    for _ in 0..2 {
        world.hook_with(&trap.variables(), &process, "UserPromptSubmit", &claims);
    }
    world.row_where(&process.id, "looked at", |row| row["origin"].is_object());
    process.kill();
    world.row_where(&process.id, "closed", |row| row["status"] == "closed");
    let rows = world.list();
    assert_eq!(rows[0]["origin"], json!({ "profile": profile, "cwd": work }));
    assert_eq!((&rows[0]["profile"], &rows[0]["cwd"]), (&json!(profile), &json!(trap.directory)));
    let is_there = |screen: &str| {
        let screen = screen.replace('\n', "");
        screen.contains(&format!("in {}", work.display()))
            && screen.contains(&format!("profile {profile}"))
    };
    let plain = plain_shell(&world.tmux, "plain");
    plain.type_line(&format!("{path} {PROGRAM} open 6cf7"));
    plain.wait_for("Claude Code where the process was started", is_there);
    let board = plain_shell(&world.tmux, "board");
    board.type_line(&format!("{path} {PROGRAM} --once"));
    board.shows("Enter jump");
    board.press(&["G", "o"]);
    board.wait_for("Claude Code where the process was started", is_there);
}

#[test]
fn a_session_of_a_sandbox_is_not_opened_by_its_own_word() {
    let Some(world) = BoardWorld::new() else { return };
    fake_claude(&world);
    let trap = Trap::new(&world);
    // Its own variables and directory are the trap's too.
    let mut confined = Command::new("setpriv");
    confined.args(["--no-new-privs", "cat"]).current_dir(&trap.directory);
    let mut confined = confined.envs(trap.variables()).stdin(Stdio::piped()).spawn().unwrap();
    let status = format!("/proc/{}/status", confined.id());
    eventually("it is confined", || {
        fs::read_to_string(&status).unwrap().contains("NoNewPrivs:\t1")
    });
    let prompt = json!({ "prompt": "go", "cwd": trap.directory });
    let id = "6cf7f83b-72a2";
    world.hook_of(confined.id(), id, &trap.variables(), "UserPromptSubmit", &prompt);
    world.row_where(id, "looked at", |row| row["pid"] == confined.id());
    confined.kill().unwrap();
    confined.wait().unwrap();
    world.row_where(id, "closed", |row| row["status"] == "closed" && row["origin"].is_null());
    let said = refused_to_open(&world, id);
    assert!(said.contains("the profile of trap is only a claim of its events"), "{said}");
    assert!(
        said.contains(&format!("CLAUDE_CONFIG_DIR={} claude --resume", trap.profile)),
        "{said}"
    );
}

#[test]
fn a_row_given_back_proves_nothing_until_its_process_is_seen() {
    let Some(world) = BoardWorld::new() else { return };
    fake_claude(&world);
    assert!(world.command(&["daemon", "start"]).status().unwrap().success());
    let (trap, work) = (Trap::new(&world), world.path().join("work"));
    fs::create_dir(&work).unwrap();
    let process = Agent::started_in(&work, &[("CLAUDE_CONFIG_DIR", "/nowhere")], "alive");
    let start = crewboard_platform::process_of(process.pid()).unwrap().start;
    let claims = json!({ "profile": trap.profile, "cwd": trap.directory });
    let host = crewboard_platform::host_name();
    let row = |key: &str, id: &str, status: &str| {
        let mut row = json!({
            "key": key, "agent": "claude", "id": id, "status": status, "name": id, "epoch": "e",
            "revision": 1, "updated": 1, "prompt": "go", "place": { "host": host }, "origin": claims,
        });
        for field in ["profile", "cwd"] {
            row[field] = claims[field].clone();
        }
        row
    };
    let mut alive = row("kaaaa", "alive", "working");
    (alive["pid"], alive["pid_start"]) = (json!(process.pid()), json!(start));
    for row in [row("kbbbb", "6cf7f83b-72a2", "closed"), alive] {
        let line = json!({ "type": "restore", "row": row }).to_string() + "\n";
        let mut stream = UnixStream::connect(world.path().join("s")).unwrap();
        stream.write_all(line.as_bytes()).unwrap();
        // The daemon looks at its client, which must be there still.
        stream.write_all(b"{\"type\":\"hello\"}\n").unwrap();
        BufReader::new(stream).read_line(&mut String::new()).unwrap();
    }
    let own = json!({ "profile": "/nowhere", "cwd": work });
    world.row_where("alive", "seen", |row| row["origin"] == own && row["profile"] == "/nowhere");
    world.row_where("6cf7f83b-72a2", "a claim", |row| row["origin"].is_null());
    let said = refused_to_open(&world, "6cf7f83b-72a2");
    assert!(said.contains("is only a claim of its events"), "{said}");
}
