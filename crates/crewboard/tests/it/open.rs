//! `crewboard open`.

use crate::support::{
    Agent, BoardWorld, PROGRAM, TwoServers, closed_session, files_named_x, install_fake_claude,
    plain_shell, run_in_pane,
};
use crewboard_testkit::{run_with_input, wait_until};
use serde_json::json;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Command, Stdio};

#[test]
fn open_resumes_a_session_in_the_terminal_of_the_user() {
    let Some(servers) = TwoServers::new() else { return };
    let (near, world) = (&servers.near, &servers.world);
    let path = format!("PATH={}:$PATH", install_fake_claude(world).display());
    // tmux would execute `#(…)`, and end its command at the semicolon.
    let directory = world.path().join("#(touch x)$(touch x)#[fg=red]x;");
    std::fs::create_dir(&directory).unwrap();
    let (closed, _) = closed_session(world, &directory);
    let profile = world.list().into_iter().find(|row| row["id"] == *closed.id).unwrap();
    let profile = format!("profile {}", profile["profile"].as_str().unwrap_or("usual"));
    let shows_claude = |screen: &str| {
        let screen = screen.replace('\n', "");
        screen.contains("ran claude --resume 6cf7f83b-72a2")
            && screen.contains(&format!("in {}", directory.display()))
            && screen.contains(&profile)
    };

    // The board resumes it in a new window of the client's session.
    let desk = servers.client(near, "desk");
    desk.type_line(&format!("{path} {PROGRAM} --once"));
    desk.wait_for_text("Enter jump");
    desk.press(&["G", "o"]);
    desk.wait_for("Claude Code in a new window", shows_claude);
    assert_eq!(near.run(["list-windows", "-t", "=desk:", "-F", "#{window_id}"]).lines().count(), 2);
    // `open` refuses a session that is open.
    let (code, screen) = run_in_pane(&servers.client(near, "spare"), "open till");
    assert!(code == 1 && screen.contains("till is open"), "{screen}");
    // Without a multiplexer, the command resumes it in its own terminal.
    let plain = plain_shell(&world.tmux, "plain");
    plain.type_line(&format!("{path} {PROGRAM} open 6cf7"));
    plain.wait_for("Claude Code in this terminal", shows_claude);
    assert_eq!(files_named_x(world.path()), Vec::<PathBuf>::new());
}

/// A profile and a directory that a program in a sandbox can write to.
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

/// Asserts that `crewboard open` refuses a session without running anything. Returns its message.
fn assert_open_refuses(world: &BoardWorld, id: &str) -> String {
    let path = format!("{}:/usr/bin:/bin", world.path().join("bin").display());
    let mut command = world.command(["open", id]);
    command.env("PATH", path);
    let output = run_with_input(command, b"");
    let message = output.stderr.replace('\n', "");
    assert!(output.stdout.is_empty() && output.code() == Some(1), "{message}");
    message
}

#[test]
fn open_uses_the_origin_of_the_process_not_of_events() {
    let Some(world) = BoardWorld::new() else { return };
    let path = format!("PATH={}:$PATH", install_fake_claude(&world).display());
    let (trap, work) = (Trap::new(&world), world.path().join("work"));
    fs::create_dir(&work).unwrap();
    let profile = world.path().join("own-profile").display().to_string();
    let own = [("CLAUDE_CONFIG_DIR", &*profile)];
    let mut process = Agent::started_in(&work, &own, "6cf7f83b-72a2");
    let claims = json!({ "prompt": "go", "cwd": trap.directory });
    for _ in 0..2 {
        world.send_event_with(&trap.variables(), &process, "UserPromptSubmit", &claims);
    }
    world.wait_for_row(&process.id, "with its origin", |row| row["origin"].is_object());
    process.kill();
    world.wait_for_row(&process.id, "closed", |row| row["status"] == "closed");
    let rows = world.list();
    assert_eq!(rows[0]["origin"], json!({ "profile": profile, "cwd": work }));
    assert_eq!((&rows[0]["profile"], &rows[0]["cwd"]), (&json!(profile), &json!(trap.directory)));
    let shows_claude = |screen: &str| {
        let screen = screen.replace('\n', "");
        screen.contains(&format!("in {}", work.display()))
            && screen.contains(&format!("profile {profile}"))
    };
    let plain = plain_shell(&world.tmux, "plain");
    plain.type_line(&format!("{path} {PROGRAM} open 6cf7"));
    plain.wait_for("Claude Code where the process was started", shows_claude);
    let board = plain_shell(&world.tmux, "board");
    board.type_line(&format!("{path} {PROGRAM} --once"));
    board.wait_for_text("o resume");
    board.press(&["G", "o"]);
    board.wait_for("Claude Code where the process was started", shows_claude);
}

#[test]
fn open_refuses_a_session_from_a_sandbox() {
    let Some(world) = BoardWorld::new() else { return };
    install_fake_claude(&world);
    let trap = Trap::new(&world);
    // The process itself has the variables and the directory of the trap.
    let mut confined = Command::new("setpriv");
    confined.args(["--no-new-privs", "cat"]).current_dir(&trap.directory);
    let mut confined = confined.envs(trap.variables()).stdin(Stdio::piped()).spawn().unwrap();
    let status = format!("/proc/{}/status", confined.id());
    wait_until("the process is confined", || {
        fs::read_to_string(&status).unwrap().contains("NoNewPrivs:\t1")
    });
    let prompt = json!({ "prompt": "go", "cwd": trap.directory });
    let id = "6cf7f83b-72a2";
    world.send_event_from(confined.id(), id, &trap.variables(), "UserPromptSubmit", &prompt);
    world.wait_for_row(id, "with its process", |row| row["pid"] == confined.id());
    confined.kill().unwrap();
    confined.wait().unwrap();
    world.wait_for_row(id, "closed", |row| row["status"] == "closed" && row["origin"].is_null());
    let message = assert_open_refuses(&world, id);
    assert!(message.contains("the profile of trap is only a claim in its events"), "{message}");
    assert!(
        message.contains(&format!("CLAUDE_CONFIG_DIR={} claude --resume", trap.profile)),
        "{message}"
    );
}

#[test]
fn restored_row_is_a_claim_until_its_process_is_seen() {
    let Some(world) = BoardWorld::new() else { return };
    install_fake_claude(&world);
    world.start_daemon();
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
        let mut stream = UnixStream::connect(world.socket()).unwrap();
        stream.write_all(line.as_bytes()).unwrap();
        // The daemon checks the process of its client, so the connection must stay open.
        stream.write_all(b"{\"type\":\"hello\"}\n").unwrap();
        BufReader::new(stream).read_line(&mut String::new()).unwrap();
    }
    let own = json!({ "profile": "/nowhere", "cwd": work });
    world.wait_for_row("alive", "seen", |row| row["origin"] == own && row["profile"] == "/nowhere");
    world.wait_for_row("6cf7f83b-72a2", "a claim", |row| row["origin"].is_null());
    let message = assert_open_refuses(&world, "6cf7f83b-72a2");
    assert!(message.contains("is only a claim in its events"), "{message}");
}
