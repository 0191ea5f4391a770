//! From a row to its pane, in real terminals: clients of real tmux servers in panes of another.

use crate::board_world::{Agent, BoardWorld};
use crate::skip;
use crewboard_testkit::{Pane, Tmux, eventually};
use serde_json::json;
use std::fs::Permissions;
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::{SystemTime, UNIX_EPOCH};

const PROGRAM: &str = env!("CARGO_BIN_EXE_crewboard");

pub(crate) const SIZE: (u16, u16) = (90, 20);

/// Words of a shell that says what it is, tells of itself as an agent with an event, and stays.
pub(crate) fn agent(name: &str, event: &str) -> Vec<String> {
    let payload = json!({
        "session_id": name,
        "hook_event_name": event,
        "prompt": "go on",
        "cwd": format!("/srv/{name}"),
    });
    let line =
        "echo \"agent $1 is here\"; printf %s \"$2\" | CLAUDE_PID=$$ \"$3\" hook claude; exec cat";
    ["sh", "-c", line, "sh", name, &payload.to_string(), PROGRAM].map(str::to_owned).to_vec()
}

/// A shell in a terminal.
const SHELL: [&str; 2] = ["sh", "-i"];

/// A terminal that no multiplexer knows of, with a shell in it.
pub(crate) fn plain_shell<'a>(screen: &'a Tmux, name: &str) -> Pane<'a> {
    let words = ["env", "-u", "TMUX", "-u", "TMUX_PANE", "sh", "-i"];
    let shell = screen.open(name, SIZE, &words);
    shell.shows("$");
    shell
}

/// Runs `crewboard` with these words in the shell of a pane: its exit code, and the screen then.
pub(crate) fn run(pane: &Pane<'_>, words: &str) -> (i32, String) {
    let code = |screen: &str| screen.lines().find_map(|line| line.strip_prefix("= ")?.parse().ok());
    pane.type_line("clear");
    pane.wait_for("no code of another", |screen| code(screen).is_none());
    pane.type_line(&format!("clear; {PROGRAM} {words}; echo \"= $?\""));
    let screen = pane.wait_for("its end", |screen| code(screen).is_some());
    (code(&screen).unwrap(), screen)
}

/// Waits until what is typed from now on is later than all that was typed before: tmux says the second.
fn wait_for_another_second(server: &Tmux) {
    let clients = server.ask(["list-clients", "-F", "#{client_activity}"]);
    let last: u64 = clients.lines().map(|line| line.parse().unwrap()).max().unwrap();
    let now = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    eventually("another second", || now() > last);
}

/// The pane that has the keys of a client.
fn active(server: &Tmux, client: &Pane<'_>) -> String {
    let tty = client.fact("#{pane_tty}");
    let clients = server.ask(["list-clients", "-F", "#{client_tty} #{pane_id}"]);
    let line = clients.lines().find_map(|line| line.strip_prefix(&format!("{tty} ")));
    line.unwrap().to_owned()
}

pub(crate) fn here(name: &str) -> String {
    format!("agent {name} is here")
}

/// Two servers. One has the sessions `desk` (a shell), `shop` (two agents in one window, another in a second)
/// and `spare` (a shell); the other has `far` (a shell, and an agent in a second window). Three terminals show
/// `desk`, `spare` and `far`.
struct Office {
    near: Tmux,
    far: Tmux,
    world: BoardWorld,
}

impl Office {
    fn new() -> Option<Self> {
        let world = BoardWorld::new()?;
        let (near, far) = (world.server("near"), world.server("far"));
        near.open("desk", SIZE, &SHELL);
        near.open("spare", SIZE, &SHELL);
        near.open("shop", SIZE, &agent("till", "UserPromptSubmit"));
        let split = ["split-window", "-t", "=shop:", "--"].map(str::to_owned).to_vec();
        near.ask([split, agent("shelf", "Stop")].concat());
        let window = ["new-window", "-d", "-t", "=shop:", "--"].map(str::to_owned).to_vec();
        near.ask([window, agent("cellar", "Stop")].concat());
        far.open("far", SIZE, &SHELL);
        let window = ["new-window", "-d", "-t", "=far:", "--"].map(str::to_owned).to_vec();
        far.ask([window, agent("abroad", "UserPromptSubmit")].concat());
        let office = Self { near, far, world };
        for name in ["till", "shelf", "cellar", "abroad"] {
            office.world.row_where(name, "in its pane", |row| row["place"]["tty"].is_string());
        }
        Some(office)
    }

    /// A terminal that shows a session of one of the servers.
    fn client(&self, server: &Tmux, session: &str) -> Pane<'_> {
        let client = self.world.tmux.open(session, SIZE, &server.attaching(&format!("={session}")));
        client.shows("$");
        client
    }

    fn row_is_seen(&self, name: &str) {
        self.world.row_where(name, "seen", |row| row["seen"] == true);
    }

    /// The pane in which an agent said that it is.
    fn pane_of(&self, name: &str) -> String {
        let rows = self.world.list();
        let row = rows.iter().find(|row| row["id"] == name).unwrap();
        row["place"]["pane"].as_str().unwrap().to_owned()
    }
}

#[test]
fn a_jump_lands_in_the_right_pane_of_the_right_client() {
    let Some(office) = Office::new() else { return };
    let near = &office.near;
    let desk = office.client(near, "desk");
    let spare = office.client(near, "spare");
    let far = office.client(&office.far, "far");
    let plain = plain_shell(&office.world.tmux, "plain");
    let back = |client: &Pane<'_>, session: &str| {
        near.ask([
            "switch-client",
            "-c",
            &client.fact("#{pane_tty}"),
            "-t",
            &format!("={session}:"),
        ]);
        client.wait_for("a shell", |screen| !screen.contains("agent"));
    };

    // In the client of whoever asks, though another was typed at last.
    for (client, other, session, name) in [
        (&desk, &spare, "desk", "shelf"),
        (&spare, &desk, "spare", "till"),
        (&desk, &spare, "desk", "cellar"),
    ] {
        let typed = format!("clear; {PROGRAM} jump {name}");
        near.ask(["send-keys", "-t", &format!("={session}:"), &typed, "Enter"]);
        client.shows(&here(name));
        assert_eq!(active(near, client), office.pane_of(name), "{name}");
        office.row_is_seen(name);
        assert!(!other.screen().contains("agent"), "{}", other.screen());
        back(client, session);
    }

    // In the other server it is that server's client, and nobody else's.
    let (code, _) = run(&desk, "jump abroad");
    assert_eq!(code, 0);
    far.shows(&here("abroad"));
    assert!(!spare.screen().contains("agent"), "{}", spare.screen());

    // From a terminal that is no tmux's, the client that was typed at last.
    for (client, session) in [(&spare, "spare"), (&desk, "desk"), (&spare, "spare")] {
        wait_for_another_second(near);
        client.type_line("clear");
        let (code, screen) = run(&plain, "jump shelf");
        assert_eq!((code, screen.contains("crewboard:")), (0, false), "{screen}");
        client.shows(&here("shelf"));
        back(client, session);
    }
}

#[test]
fn from_a_popup_it_is_the_client_over_which_that_is() {
    let Some(office) = Office::new() else { return };
    let near = &office.near;
    near.ask(["bind-key", "g", "display-popup", "-E", &format!("{PROGRAM} --once")]);
    near.ask(["bind-key", "n", "run-shell", &format!("{PROGRAM} next 2>&1 || true")]);
    // Two clients on one session, and one on another.
    let desk = office.client(near, "desk");
    let beside = office.world.tmux.open("beside", SIZE, &near.attaching("=desk"));
    let spare = office.client(near, "spare");
    beside.shows("$");
    for client in [&desk, &beside, &spare] {
        let others =
            [&desk, &beside, &spare].into_iter().filter(|other| other.pid() != client.pid());
        let before: Vec<String> = others.clone().map(|other| active(near, other)).collect();
        client.press(&["C-b", "g"]);
        client.shows("Enter jump");
        // What needs somebody comes first, and is selected.
        let screen = client.shows("done");
        assert!(!screen.contains("cannot be shown"), "{screen}");
        client.press(&["/"]);
        client.press(&["c", "e", "l", "l", "a", "r", "Enter"]);
        client.shows("1 of 4");
        client.press(&["Enter"]);
        client.shows(&here("cellar"));
        client.wait_for("no popup", |screen| !screen.contains("crewboard"));
        assert_eq!(active(near, client), office.pane_of("cellar"));
        let after: Vec<String> = others.map(|other| active(near, other)).collect();
        assert_eq!(before, after);
        office.row_is_seen("cellar");
    }
    // The other one that is done and not seen.
    desk.press(&["C-b", "n"]);
    desk.shows(&here("shelf"));
    office.row_is_seen("shelf");
    desk.press(&["C-b", "n"]);
    desk.shows("nobody needs you");
}

#[test]
fn a_pane_is_followed_and_one_that_is_gone_is_said_to_be() {
    let Some(office) = Office::new() else { return };
    let (near, world) = (&office.near, &office.world);
    let desk = office.client(near, "desk");
    let shelf = office.pane_of("shelf");
    // To a window of its own, and to another session.
    for to in ["break-pane -d -t =shop: -s", "join-pane -d -t =spare: -s"] {
        near.ask(to.split(' ').chain([shelf.as_str()]));
        near.ask(["send-keys", "-t", "=desk:", &format!("clear; {PROGRAM} jump shelf"), "Enter"]);
        desk.shows(&here("shelf"));
        assert_eq!(active(near, &desk), shelf);
        near.ask(["switch-client", "-c", &desk.fact("#{pane_tty}"), "-t", "=desk:"]);
        desk.wait_for("the shell", |screen| !screen.contains("agent"));
    }
    // Agents whose variables are left over from a pane of this server: one that is gone, one that is there.
    let socket = near.socket().display().to_string();
    for (name, pane, says) in [
        ("gone", "%99", "its pane %99 is gone from tmux"),
        ("stale", &*shelf, "its variables name pane"),
    ] {
        let process = Agent::new(name);
        let variables = [("TMUX", &*format!("{socket},1,0")), ("TMUX_PANE", pane)];
        world.hook_with(&variables, &process, "UserPromptSubmit", &json!({ "prompt": "go on" }));
        let (code, screen) = run(&desk, &format!("jump {name}"));
        assert!(code == 1 && screen.replace('\n', "").contains(says), "{screen}");
        assert_eq!(
            active(near, &desk),
            near.ask(["list-panes", "-t", "=desk:", "-F", "#{pane_id}"]).trim()
        );
        // A board that is there for one jump stays, and says why.
        desk.type_line(&format!("{PROGRAM} --once"));
        desk.shows("Enter jump");
        desk.press(&["/"]);
        desk.press(
            &name
                .chars()
                .map(String::from)
                .collect::<Vec<_>>()
                .iter()
                .map(String::as_str)
                .collect::<Vec<_>>(),
        );
        desk.press(&["Enter", "Enter"]);
        desk.shows(says);
        desk.press(&["q"]);
        desk.shows("= 1");
    }
}

#[test]
fn a_session_on_no_terminal_is_shown_on_the_one_that_asks() {
    let Some(office) = Office::new() else { return };
    let world = &office.world;
    let plain = plain_shell(&world.tmux, "plain");
    let inside = world.tmux.open("inside", SIZE, &SHELL);
    inside.shows("$");
    // In another tmux it would be one in the other.
    let (code, screen) = run(&inside, "jump abroad");
    let screen = screen.replace('\n', "");
    assert_eq!(code, 1, "{screen}");
    assert!(
        screen.contains("is on no terminal") && screen.contains("attach-session -t"),
        "{screen}"
    );
    plain.type_line(&format!("{PROGRAM} jump abroad"));
    plain.shows(&here("abroad"));
    plain.press(&["C-b", "d"]);
    plain.shows("[detached");
    // From the board it is the same, and then the board again.
    plain.type_line(PROGRAM);
    plain.shows("Enter jump");
    plain.press(&["/"]);
    plain.press(&["t", "i", "l", "l", "Enter", "Enter"]);
    plain.shows(&here("till"));
    plain.press(&["C-b", "d"]);
    plain.shows("1 of 4");
    plain.press(&["q"]);
    plain.is_given_back();
}

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

#[test]
fn a_pane_that_is_looked_at_is_seen() {
    let Some(office) = Office::new() else { return };
    let near = &office.near;
    // As docs/jump.md says it.
    let line = format!("run-shell -b \"{PROGRAM} seen '#{{pane_id}}' >/dev/null 2>&1 || true\"");
    near.ask(["set-option", "-g", "focus-events", "on"]);
    near.ask(["set-hook", "-g", "pane-focus-in", &line]);
    let desk = office.client(near, "desk");
    near.ask(["switch-client", "-c", &desk.fact("#{pane_tty}"), "-t", &office.pane_of("cellar")]);
    office.row_is_seen("cellar");
    let rows = office.world.list();
    assert!(rows.iter().any(|row| row["id"] == "shelf" && row["seen"] == false), "{rows:#?}");
}

#[test]
fn a_window_of_screen_is_shown_or_its_session_attached() {
    let Some(world) = BoardWorld::new() else { return };
    let (directory, sockets) = (world.path(), world.path().join("screens"));
    let _ = std::fs::DirBuilder::new().mode(0o700).create(&sockets);
    let screen = |words: &[&str]| {
        let mut command = Command::new("screen");
        command.env("SCREENDIR", &sockets).current_dir(directory).args(words);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status()
    };
    if screen(&["-v"]).is_err() {
        return skip("there is no screen here");
    }
    let _ended = ScreenEnd(&screen);
    let variable = format!("SCREENDIR={}", sockets.display());
    let words = ["env", "-u", "TMUX", "-u", "TMUX_PANE", &variable];
    let shell = [&words[..], &["screen", "-c", "/dev/null", "-S", "work", "sh", "-i"]].concat();
    let client = world.tmux.open("client", SIZE, &shell);
    client.shows("$");
    let started = agent("till", "UserPromptSubmit");
    let started: Vec<&str> = started.iter().map(String::as_str).collect();
    // Another window is before it.
    let line = started[2].replace('$', "\\$");
    let words = [&["-S", "work", "-X", "screen", "sh", "-c", &*line], &started[3..]].concat();
    screen(&words).unwrap();
    world.row_where("till", "in its window", |row| row["place"]["terminal"] == "screen");
    client.shows(&here("till"));
    screen(&["-S", "work", "-X", "select", "0"]).unwrap();
    client.wait_for("the shell", |screen| !screen.contains("agent"));
    client.type_line(&format!("clear; {PROGRAM} jump till"));
    client.shows(&here("till"));
    screen(&["-d", "work"]).unwrap();
    // Its last words may be cleared away with its screen.
    client.wait_for("its end", |screen| {
        screen.contains("detached") || client.fact("#{pane_dead}") == "1"
    });
    let words = ["env", "-u", "TMUX", "-u", "TMUX_PANE", &variable, "sh", "-i"];
    let plain = world.tmux.open("plain", SIZE, &words);
    plain.shows("$");
    plain.type_line(&format!("{PROGRAM} jump till"));
    plain.shows(&here("till"));
}

/// Ends the session, however the test ends.
struct ScreenEnd<'a>(&'a dyn Fn(&[&str]) -> io::Result<ExitStatus>);

impl Drop for ScreenEnd<'_> {
    fn drop(&mut self) {
        let _ = (self.0)(&["-S", "work", "-X", "quit"]);
    }
}

/// Names that a shell, a terminal or tmux would obey.
const HOSTILE: [&str; 5] =
    ["$(touch x)", "#(touch x)", "-n", "a\nb;touch x", "\u{1b}]0;x\u{7}\u{202e}`touch x`"];

#[test]
fn names_that_would_be_obeyed_do_nothing() {
    let Some(office) = Office::new() else { return };
    let (near, world) = (&office.near, &office.world);
    let desk = office.client(near, "desk");
    for (index, name) in HOSTILE.into_iter().enumerate() {
        // tmux refuses some of them as names of sessions.
        let id = format!("hostile-{index}");
        let words = agent(&id, "UserPromptSubmit");
        let created = near.ask(
            ["new-session", "-d", "-P", "-F", "#{session_id}", "--"]
                .map(str::to_owned)
                .into_iter()
                .chain(words),
        );
        let session = created.trim().to_owned();
        // Each of these expands its name once.
        let name = &*name.replace('#', "##");
        near.ask(["rename-session", "-t", &session, "--", name]);
        near.ask(["rename-window", "-t", &format!("{session}:"), "--", name]);
        near.ask(["select-pane", "-t", &format!("{session}:"), "-T", name]);
        world.row_where(&id, "there", |row| row["place"]["tty"].is_string());
        near.ask(["send-keys", "-t", "=desk:", &format!("clear; {PROGRAM} jump {id}"), "Enter"]);
        desk.shows(&here(&id));
        assert_eq!(active(near, &desk), office.pane_of(&id));
        near.ask(["switch-client", "-c", &desk.fact("#{pane_tty}"), "-t", "=desk:"]);
        desk.wait_for("the shell", |screen| !screen.contains("agent"));
    }
    assert_eq!(files_named_x(world.path()), Vec::<PathBuf>::new());
}

/// Files called `x` below a directory, which is where all tmux servers of this test run.
fn files_named_x(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut directories = vec![directory.to_owned()];
    while let Some(directory) = directories.pop() {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.file_name().is_some_and(|name| name == "x") {
                found.push(path);
            } else if path.is_dir() {
                directories.push(path);
            }
        }
    }
    found
}
