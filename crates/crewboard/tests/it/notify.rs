//! A person is told, and the user's own commands run.

use crate::board_world::{Agent, BoardWorld, signal};
use crate::skip;
use crewboard_testkit::{Pane, eventually};
use rustix::process::Signal;
use serde_json::{Value, json};
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

const PROGRAM: &str = env!("CARGO_BIN_EXE_crewboard");

/// A world with this configuration.
fn world_with(configuration: &str) -> Option<BoardWorld> {
    let world = BoardWorld::new()?;
    configure(&world, configuration);
    Some(world)
}

fn configure(world: &BoardWorld, configuration: &str) {
    let directory = world.home().join(".config/crewboard");
    fs::create_dir_all(&directory).unwrap();
    // As editors write: a whole file takes the other's place.
    let next = directory.join("next");
    fs::write(&next, configuration).unwrap();
    fs::rename(next, directory.join("config.toml")).unwrap();
}

/// Lines of a file that commands write to.
pub(crate) fn lines(path: &PathBuf) -> Vec<String> {
    let text = fs::read_to_string(path).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

#[test]
fn commands_run_with_the_session_beside_them() {
    let Some(world) = world_with(
        r#"
        [notify]
        desktop = false
        [[on]]
        status = "permission"
        run = 'printf "%s|%s|%s|%s\n" "$CREWBOARD_STATUS" "$CREWBOARD_NAME" "$CREWBOARD_TEXT" "$PWD" >>~/told; cat >>~/json; exit 3'
        [[on]]
        status = ["working", "needs-you"]
        run = 'echo "$CREWBOARD_STATUS" >>~/statuses'
        "#,
    ) else {
        return;
    };
    // What an agent says is nothing that a shell would run.
    let agent = Agent::new("$(touch ~/x) `touch ~/x` -n #(touch x)");
    world.prompt(&agent, "go");
    world.asks(&agent, "touch ~/x; $(touch ~/x)");
    let told = world.home().join("told");
    eventually("the command runs", || !lines(&told).is_empty());
    let home = fs::canonicalize(world.home()).unwrap();
    let line = &lines(&told)[0];
    assert!(line.starts_with("permission|") && line.contains("touch ~/x; $(touch ~/x)"), "{line}");
    assert!(line.ends_with(&format!("|{}", home.display())), "{line}");
    let json = world.home().join("json");
    eventually("the session is on standard input", || lines(&json).len() == 1);
    let row: Value = serde_json::from_str(&lines(&json)[0]).unwrap();
    assert_eq!((&row["status"], &row["id"]), (&json!("permission"), &json!(agent.id)));
    assert_eq!(row["request"]["text"], "touch ~/x; $(touch ~/x)");
    let statuses = world.home().join("statuses");
    eventually("each status has run", || lines(&statuses).len() == 2);
    assert!(!world.home().join("x").exists());

    // Another configuration counts at once; a wrong one not at all.
    configure(&world, "[[on]]\nstatus = 1\n");
    world.prompt(&agent, "go on");
    world.asks(&agent, "ls");
    eventually("the former rule runs", || lines(&told).len() == 2);
    let rule = "status = 'working'\nrun = 'echo \"$CREWBOARD_STATUS\" >>~/later'";
    configure(&world, &format!("[notify]\ndesktop = false\n[[on]]\n{rule}\n"));
    let later = world.home().join("later");
    eventually("the new rule runs", || {
        world.hook(&agent, "Stop", &json!({}));
        world.prompt(&agent, "again");
        !lines(&later).is_empty()
    });
    assert_eq!(lines(&told).len(), 2);
}

#[test]
fn slow_commands_hold_nobody_up_and_have_the_daemons_own_limits() {
    let Some(world) = world_with(
        "[notify]\ndesktop = false\n[[on]]\nstatus = 'working'\nrun = 'echo \"$(ulimit -n) $(umask)\" >>~/told; exec sleep 25'\n",
    ) else {
        return;
    };
    let line = "umask 027; ulimit -S -n 500; exec \"$0\" daemon start";
    let mut start = Command::new("sh");
    let own = world.command(&[]);
    let variables = own.get_envs().filter_map(|(name, value)| Some((name, value?)));
    start.args(["-c", line, PROGRAM]).env_clear().envs(variables).stdout(Stdio::null());
    assert!(start.status().unwrap().success());
    let agents: Vec<Agent> = (0..17).map(|index| Agent::new(&format!("agent-{index}"))).collect();
    let board = world.board("board", (80, 30));
    for agent in &agents {
        world.prompt(agent, "go");
    }
    let told = world.home().join("told");
    eventually("as many run as may", || lines(&told).len() == 16);
    assert_eq!(lines(&told)[0], "500 0027");
    world.asks(&agents[0], "ls");
    board.wait_for("the bell", |_| board.fact("#{window_bell_flag}") == "1");
    assert_eq!(lines(&told).len(), 16);
}

#[test]
fn a_board_rings_in_its_terminal() {
    let Some(world) = world_with("[notify]\ndesktop = false\n") else { return };
    let agent = Agent::new("shop");
    world.prompt(&agent, "go");
    let first = world.board("first", (80, 20));
    first.shows("shop");
    let second = world.board("second", (80, 20));
    second.shows("shop");
    let bells = |pane: &Pane<'_>| pane.fact("#{window_bell_flag}");
    assert_eq!((bells(&first), bells(&second)), ("0".to_owned(), "0".to_owned()));
    world.asks(&agent, "ls");
    // One of them, the one that came last.
    second.wait_for("the bell", |_| bells(&second) == "1");
    assert_eq!(bells(&first), "0");
    second.press(&["q"]);
    let other = Agent::new("docs");
    world.prompt(&other, "go");
    first.shows("docs");
    world.asks(&other, "ls");
    first.wait_for("the bell", |_| bells(&first) == "1");
}

/// What `notify --test` says of the boards.
fn tried_on_boards(world: &BoardWorld) -> String {
    let output = world.command(&["notify", "--test"]).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let line = said.lines().find(|line| line.starts_with("terminal")).unwrap().to_owned();
    assert_eq!(output.status.code(), Some(line.contains(" failed ").into()), "{said}");
    line
}

#[test]
fn what_a_stopped_board_does_not_tell_another_does() {
    let Some(world) = world_with("[notify]\ndesktop = false\n") else { return };
    let agent = Agent::new("shop");
    world.prompt(&agent, "go");
    assert!(tried_on_boards(&world).starts_with("terminal   ok      no board is open"));
    let first = world.board("first", (80, 20));
    first.shows("shop");
    let (second, pid) = world.board_in_shell("second", (80, 20));
    second.shows("shop");
    signal(pid, Signal::STOP);
    let bells = |pane: &Pane<'_>| pane.fact("#{window_bell_flag}");
    world.asks(&agent, "ls");
    first.wait_for("the bell", |_| bells(&first) == "1");
    let told = "terminal   ok      a board wrote bell to its terminal";
    assert_eq!(tried_on_boards(&world), told);
    first.press(&["q"]);
    let silent = "terminal   failed  a board is open, but does not answer; ";
    eventually("the other is gone", || tried_on_boards(&world).starts_with(silent));
    assert_eq!(bells(&second), "0");
    signal(pid, Signal::CONT);
    eventually("it answers again", || tried_on_boards(&world) == told);
}

#[test]
fn a_daemon_that_hangs_is_not_taken_for_none() {
    let Some(world) = world_with("[notify]\ndesktop = false\n") else { return };
    assert!(world.command(&["daemon", "start"]).status().unwrap().success());
    let daemon = world.daemon_but(None);
    signal(daemon, Signal::STOP);
    let said = tried_on_boards(&world);
    signal(daemon, Signal::CONT);
    assert!(said.starts_with("terminal   failed  the daemon did not answer in 5 s; "), "{said}");
}

#[test]
fn notify_test_tries_each_way() {
    let Some(world) = world_with(
        "[notify]\ndesktop = false\n[[on]]\nstatus = 'done'\nrun = 'true'\n[[on]]\nstatus = 'done'\nrun = 'exit 7'\n",
    ) else {
        return;
    };
    let output = world.command(&["notify", "--test"]).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    let lines: Vec<&str> = said.lines().collect();
    assert!(lines[0].starts_with("desktop    ok      off"), "{said}");
    assert!(lines[1].starts_with("terminal   ok      no daemon runs"), "{said}");
    assert_eq!(
        lines[2..],
        ["[[on]]     ok      true", "[[on]]     failed  exit 7: exit status: 7"]
    );
}

#[test]
fn a_notification_passes_through_tmux_to_the_terminal() {
    let Some(world) = world_with("[notify]\ndesktop = false\nterminal = 'osc9'\n") else { return };
    let agent = Agent::new("4;1; $(touch x)");
    world.prompt(&agent, "go");
    let server = world.server("near");
    let board = server.open("board", (80, 20), &[PROGRAM]);
    server.ask(["set", "-g", "allow-passthrough", "on"]);
    board.shows("touch x");
    let client = world.tmux.open("client", (80, 20), &server.attaching("=board"));
    client.shows("touch x");
    // All that its terminal is sent.
    let sent = world.home().join("sent");
    world.tmux.ask(["pipe-pane", "-O", "-t", "client", &format!("cat >>'{}'", sent.display())]);
    world.asks(&agent, "ls");
    let expected = "\x1b]9;Crewboard: 4;1; $(touch x): permission. It waits until you allow or refuse a tool.\x07";
    eventually("the terminal has it", || {
        let bytes = fs::read(&sent).unwrap_or_default();
        String::from_utf8_lossy(&bytes).contains(expected)
    });
    assert!(!world.home().join("x").exists());
}

/// A `notify-send` that writes its words down, one a line: the directory it is in, and the file.
pub(crate) fn pretended_notifier(world: &BoardWorld) -> (PathBuf, PathBuf) {
    let (directory, told) = (world.home().join("bin"), world.home().join("told"));
    fs::create_dir(&directory).unwrap();
    let script = format!("#!/bin/sh\nprintf '%s\\n' \"$@\" >>'{}'\n", told.display());
    let program = directory.join("notify-send");
    fs::write(&program, script).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    (directory, told)
}

#[test]
fn nobody_is_told_of_the_pane_they_look_at() {
    let Some(world) = world_with("[notify]\ncontent = true\n") else { return };
    let (directory, told) = pretended_notifier(&world);
    let path = format!("{}:/usr/bin:/bin", directory.display());
    assert!(world.command(&["daemon", "start"]).env("PATH", path).status().unwrap().success());
    let server = world.server("near");
    let pane = server.open("shop", (80, 20), &["cat"]);
    server.ask(["set", "-g", "focus-events", "on"]);
    let client = world.tmux.open("client", (80, 20), &server.attaching("=shop"));
    let flags = || server.ask(["list-clients", "-F", "#{client_flags}"]);
    client.wait_for("the focus", |_| flags().contains("focused"));
    let (socket, id) = (format!("{},1,0", server.socket().display()), pane.fact("#{pane_id}"));
    let within = [("TMUX", socket.as_str()), ("TMUX_PANE", id.as_str())];
    let event = |event: &str, more: &Value| {
        world.hook_of(pane.pid(), "shop", &within, event, more);
    };
    let asked = world.home().join("asked");
    let line = format!("run-shell 'echo asked >>{}'", asked.display());
    server.ask(["set-hook", "-g", "after-list-clients", &line]);
    let asks = |text| json!({ "tool_name": "Bash", "tool_input": { "command": text } });
    event("UserPromptSubmit", &json!({ "prompt": "go" }));
    event("PermissionRequest", &asks("the first"));
    eventually("tmux is asked", || !lines(&asked).is_empty());
    event("Stop", &json!({}));
    client.press(&["-H", "1b", "5b", "4f"]);
    client.wait_for("no focus", |_| !flags().contains("focused"));
    event("UserPromptSubmit", &json!({ "prompt": "go" }));
    event("PermissionRequest", &asks("the second"));
    eventually("the desktop is told", || lines(&told).len() >= 4);
    assert_eq!(lines(&told), ["--app-name=Crewboard", "--", "shop: permission", "Bash the second"]);
}

#[test]
fn a_notifier_that_dies_is_in_the_log() {
    let Some(world) = BoardWorld::new() else { return };
    let (directory, _) = pretended_notifier(&world);
    fs::write(directory.join("notify-send"), "#!/bin/sh\nkill -TRAP $$\n").unwrap();
    let path = format!("{}:/usr/bin:/bin", directory.display());
    assert!(world.command(&["daemon", "start"]).env("PATH", path).status().unwrap().success());
    let agent = Agent::new("shop");
    world.prompt(&agent, "go");
    world.asks(&agent, "ls");
    let complaint = "announcing: exit status: 1; `crewboard notify --test` says why";
    let log = world.path().join("s.log");
    eventually("the log has it", || lines(&log).iter().any(|line| line.ends_with(complaint)));
}

/// A notification server for one notification, which it prints.
const SERVER: &str = r#"
import dbus, dbus.mainloop.glib, dbus.service, json
from gi.repository import GLib
dbus.mainloop.glib.DBusGMainLoop(set_as_default=True)
NAME = "org.freedesktop.Notifications"
loop = GLib.MainLoop()
class Server(dbus.service.Object):
    @dbus.service.method(NAME, in_signature="susssasa{sv}i", out_signature="u")
    def Notify(self, app, replaces, icon, title, text, actions, hints, expires):
        print(json.dumps([app, title, text]), flush=True)
        GLib.idle_add(loop.quit)
        return 1
    @dbus.service.method(NAME, in_signature="", out_signature="as")
    def GetCapabilities(self):
        return ["body", "body-markup"]
    @dbus.service.method(NAME, in_signature="", out_signature="ssss")
    def GetServerInformation(self):
        return ["test", "test", "1", "1.2"]
name = dbus.service.BusName(NAME, dbus.SessionBus())
server = Server(dbus.SessionBus(), "/org/freedesktop/Notifications")
print("ready", flush=True)
loop.run()
"#;

/// A bus and the notification server on it; both end with this.
struct Desktop {
    bus: Child,
    server: Child,
}

impl Drop for Desktop {
    fn drop(&mut self) {
        for child in [&mut self.server, &mut self.bus] {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

#[test]
fn a_real_desktop_is_told_over_its_bus() {
    let Some(world) = world_with("[notify]\ncontent = true\n") else { return };
    let is_there = |program: &str, words: &[&str]| {
        let mut command = Command::new(program);
        command.args(words).stdout(Stdio::null()).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    };
    let is_complete = is_there("notify-send", &["--version"])
        && is_there("dbus-daemon", &["--version"])
        && is_there("/usr/bin/python3", &["-c", "import dbus, gi"]);
    if !is_complete {
        return skip("no dbus-daemon, notify-send or python3-dbus");
    }
    let mut bus = Command::new("dbus-daemon");
    bus.args(["--session", "--nofork", "--print-address=1"]).stdout(Stdio::piped());
    let mut bus = bus.spawn().unwrap();
    let mut address = String::new();
    BufReader::new(bus.stdout.take().unwrap()).read_line(&mut address).unwrap();
    let address = address.trim();
    let mut server = Command::new("/usr/bin/python3");
    server.args(["-c", SERVER]).env("DBUS_SESSION_BUS_ADDRESS", address).stdout(Stdio::piped());
    let mut desktop = Desktop { bus, server: server.spawn().unwrap() };
    let mut told = BufReader::new(desktop.server.stdout.take().unwrap()).lines();
    assert_eq!(told.next().unwrap().unwrap(), "ready");
    let mut start = world.command(&["daemon", "start"]);
    assert!(start.env("DBUS_SESSION_BUS_ADDRESS", address).status().unwrap().success());
    let agent = Agent::new(r"<b>-n \74b\76 $(touch x)");
    world.prompt(&agent, "go");
    world.asks(&agent, r"\74b\76 <i> \n\b\377 \");
    let told: Value = serde_json::from_str(&told.next().unwrap().unwrap()).unwrap();
    let title = r"<b>-n \74b\76 $(touch x): permission";
    assert_eq!(told, json!(["Crewboard", title, r"Bash \74b\76 &lt;i&gt; \n\b\377 \"]));
}
