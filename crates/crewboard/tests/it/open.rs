//! `crewboard open`.

use crate::board_world::{Agent, BoardWorld, PROGRAM};
use crate::jump::{Office, files_named_x, plain_shell, run};
use crewboard_testkit::eventually;
use serde_json::json;
use std::fs::{self, Permissions};
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A program called `claude` that says how it was run; the directory of it.
pub(crate) fn fake_claude(world: &BoardWorld) -> PathBuf {
    let directory = world.path().join("bin");
    std::fs::create_dir(&directory).unwrap();
    let program = directory.join("claude");
    let line = "#!/bin/sh\necho \"ran claude $*\"; echo \"in $PWD\"; \
                echo \"profile ${CLAUDE_CONFIG_DIR-usual}\"; exec cat\n";
    std::fs::write(&program, line).unwrap();
    std::fs::set_permissions(&program, Permissions::from_mode(0o755)).unwrap();
    directory
}

/// A session that ran in a directory with a profile of its own, and was killed; with that profile.
pub(crate) fn closed_session(world: &BoardWorld, directory: &Path) -> (Agent, String) {
    let profile = world.path().join("profile").display().to_string();
    let own = [("CLAUDE_CONFIG_DIR", &*profile)];
    let mut closed = Agent::started_in(directory, &own, "6cf7f83b-72a2");
    let cwd = json!({ "prompt": "go on", "cwd": directory });
    world.hook_with(&own, &closed, "UserPromptSubmit", &cwd);
    world.row_where(&closed.id, "looked at", |row| row["origin"].is_object());
    closed.kill();
    world.row_where(&closed.id, "closed", |row| row["status"] == "closed");
    (closed, profile)
}

#[test]
fn a_closed_session_is_taken_up_again_where_its_user_is() {
    let Some(office) = Office::new() else { return };
    let (near, world) = (&office.near, &office.world);
    let path = format!("PATH={}:$PATH", fake_claude(world).display());
    // tmux would run what is in brackets, and end its command at the semicolon.
    let directory = world.path().join("#(touch x)$(touch x)#[fg=red]x;");
    std::fs::create_dir(&directory).unwrap();
    let (closed, _) = closed_session(world, &directory);
    let profile = world.list().into_iter().find(|row| row["id"] == *closed.id).unwrap();
    let profile = format!("profile {}", profile["profile"].as_str().unwrap_or("usual"));
    let is_there = |screen: &str| {
        let screen = screen.replace('\n', "");
        screen.contains("ran claude --resume 6cf7f83b-72a2")
            && screen.contains(&format!("in {}", directory.display()))
            && screen.contains(&profile)
    };

    // In a new window of the client's session, by the board and by the command.
    let desk = office.client(near, "desk");
    desk.type_line(&format!("{path} {PROGRAM} --once"));
    desk.shows("Enter jump");
    desk.press(&["G", "o"]);
    desk.wait_for("Claude Code in a new window", is_there);
    assert_eq!(near.ask(["list-windows", "-t", "=desk:", "-F", "#{window_id}"]).lines().count(), 2);
    // It is open, and so is there nothing to open.
    let (code, screen) = run(&office.client(near, "spare"), "open till");
    assert!(code == 1 && screen.contains("till is open"), "{screen}");
    // Where there is no multiplexer, here.
    let plain = plain_shell(&world.tmux, "plain");
    plain.type_line(&format!("{path} {PROGRAM} open 6cf7"));
    plain.wait_for("Claude Code in this terminal", is_there);
    assert_eq!(files_named_x(world.path()), Vec::<PathBuf>::new());
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
    assert!(said.contains("the profile of trap is only a claim in its events"), "{said}");
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
    let start = crewboard_platform::find_process(process.pid()).unwrap().start;
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
    assert!(said.contains("is only a claim in its events"), "{said}");
}
