//! Real tmux servers with agents in their panes.

use super::{BoardWorld, PROGRAM};
use crewboard_testkit::{Pane, Tmux};
use serde_json::{Value, json};
use std::fs::{self, OpenOptions};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;

pub(crate) const SIZE: (u16, u16) = (90, 20);

/// Returns a command that prints its name, runs the hook as an agent for `event`, and then stays.
pub(crate) fn agent_command(name: &str, event: &str) -> Vec<String> {
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

/// An interactive shell.
pub(crate) const SHELL: [&str; 2] = ["sh", "-i"];

/// Opens a shell in a pane, without the variables of tmux.
pub(crate) fn shell_without_variables<'a>(server: &'a Tmux, name: &str) -> Pane<'a> {
    let words = ["env", "-u", "TMUX", "-u", "TMUX_PANE", "sh", "-i"];
    let shell = server.open(name, SIZE, &words);
    shell.wait_for_text("$");
    shell
}

/// Opens a shell in a plain terminal: without the variables of a multiplexer, and as no descendant of tmux, which only
/// draws its screen.
pub(crate) fn plain_shell<'a>(screen: &'a Tmux, name: &str) -> Pane<'a> {
    let pane = screen.open(name, SIZE, &["sleep", "infinity"]);
    let tty = OpenOptions::new().read(true).write(true).open(pane.expand("#{pane_tty}")).unwrap();
    let end = || Stdio::from(tty.try_clone().unwrap());
    let variables = fs::read(format!("/proc/{}/environ", pane.pid())).unwrap();
    let variables = variables.split(|byte| *byte == 0).filter_map(|variable| {
        let (name, value) = std::str::from_utf8(variable).unwrap().split_once('=')?;
        (!name.starts_with("TMUX")).then_some((name, value))
    });
    // The shell has a session of its own, because the terminal belongs to that of `sleep`.
    let mut shell = Command::new("setsid");
    shell.args(["sh", "-i"]).env_clear().envs(variables);
    let mut shell = shell.stdin(end()).stdout(end()).stderr(end()).spawn().unwrap();
    // It ends with its terminal.
    thread::spawn(move || shell.wait());
    pane.wait_for_text("$");
    pane
}

/// Runs `crewboard` with these words in the shell of a pane. Returns its exit code and the screen.
pub(crate) fn run_in_pane(pane: &Pane<'_>, words: &str) -> (i32, String) {
    let code = |screen: &str| screen.lines().find_map(|line| line.strip_prefix("= ")?.parse().ok());
    pane.type_line("clear");
    pane.wait_for("no exit code on the screen", |screen| code(screen).is_none());
    pane.type_line(&format!("clear; {PROGRAM} {words}; echo \"= $?\""));
    let screen = pane.wait_for("the exit code", |screen| code(screen).is_some());
    (code(&screen).unwrap(), screen)
}

/// Returns the line that [`agent_command`] prints.
pub(crate) fn greeting(name: &str) -> String {
    format!("agent {name} is here")
}

/// Two tmux servers. `near` has the sessions `desk` (a shell), `shop` (two agents in one window, one in another)
/// and `spare` (a shell). `far` has the session `far` (a shell, and an agent in another window).
pub(crate) struct TwoServers {
    pub(crate) near: Tmux,
    pub(crate) far: Tmux,
    pub(crate) world: BoardWorld,
}

impl TwoServers {
    pub(crate) fn new() -> Option<Self> {
        let world = BoardWorld::new()?;
        let (near, far) = (world.server("near"), world.server("far"));
        near.open("desk", SIZE, &SHELL);
        near.open("spare", SIZE, &SHELL);
        near.open("shop", SIZE, &agent_command("till", "UserPromptSubmit"));
        let split = ["split-window", "-t", "=shop:", "--"].map(str::to_owned).to_vec();
        near.run([split, agent_command("shelf", "Stop")].concat());
        let window = ["new-window", "-d", "-t", "=shop:", "--"].map(str::to_owned).to_vec();
        near.run([window, agent_command("cellar", "Stop")].concat());
        far.open("far", SIZE, &SHELL);
        let window = ["new-window", "-d", "-t", "=far:", "--"].map(str::to_owned).to_vec();
        far.run([window, agent_command("abroad", "UserPromptSubmit")].concat());
        let servers = Self { near, far, world };
        for name in ["till", "shelf", "cellar", "abroad"] {
            servers.world.wait_for_row(name, "in its pane", |row| row["place"]["tty"].is_string());
        }
        Some(servers)
    }

    /// Opens a client of one of the servers, attached to `session`.
    pub(crate) fn client(&self, server: &Tmux, session: &str) -> Pane<'_> {
        let client =
            self.world.tmux.open(session, SIZE, &server.attach_command(&format!("={session}")));
        client.wait_for_text("$");
        client
    }

    pub(crate) fn row_is_seen(&self, name: &str) {
        self.world.wait_for_row(name, "seen", |row| row["seen"] == true);
    }

    /// Returns the pane of an agent, as its row has it.
    pub(crate) fn pane_of(&self, name: &str) -> String {
        let rows = self.world.list();
        let row = rows.iter().find(|row| row["id"] == name).unwrap();
        row["place"]["pane"].as_str().unwrap().to_owned()
    }
}

/// A pane of an agent in a tmux server, and a client of this server that shows another pane.
pub(crate) struct HiddenPane<'a> {
    world: &'a BoardWorld,
    server: &'a Tmux,
    pane: Pane<'a>,
    client: Pane<'a>,
    pub(crate) id: String,
    /// The pane that the client shows first.
    pub(crate) other_id: String,
}

impl<'a> HiddenPane<'a> {
    pub(crate) fn open(world: &'a BoardWorld, server: &'a Tmux) -> Self {
        let [pane, other] = ["shop", "docs"].map(|name| server.open(name, SIZE, &["cat"]));
        let client = world.tmux.open("client", SIZE, &server.attach_command("=docs"));
        let [id, other_id] = [&pane, &other].map(|pane| pane.expand("#{pane_id}"));
        let hidden = Self { world, server, pane, client, id, other_id };
        hidden.wait_until_shown(&hidden.other_id);
        hidden
    }

    /// Runs the hook of the agent in the pane.
    pub(crate) fn send_event(&self, session: &str, event: &str, more: &Value) {
        let socket = format!("{},1,0", self.server.socket().display());
        let variables = [("TMUX", socket.as_str()), ("TMUX_PANE", &self.id)];
        self.world.send_event_from(self.pane.pid(), session, &variables, event, more);
    }

    /// Returns the pane that the client shows.
    pub(crate) fn shown(&self) -> String {
        self.server.run(["list-clients", "-F", "#{pane_id}"]).trim().to_owned()
    }

    #[track_caller]
    pub(crate) fn wait_until_shown(&self, id: &str) {
        self.client.wait_for("the pane", |_| self.shown() == id);
    }
}

/// Returns all files named `x` below a directory.
pub(crate) fn files_named_x(directory: &Path) -> Vec<PathBuf> {
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
