//! A [`World`] with a tmux server, whose panes show boards and agents.

use super::{PROGRAM, world};
use crewboard_testkit::{FakeAgent, Pane, Tmux, World, children, run_with_input};
use serde_json::{Value, json};
use std::ops::{Deref, DerefMut};
use std::path::Path;

/// A process in place of an agent, with the id of its conversation.
pub(crate) struct Agent {
    process: FakeAgent,
    pub(crate) id: String,
}

impl Agent {
    pub(crate) fn new(id: &str) -> Self {
        Self::started_in(Path::new("/"), &[], id)
    }

    /// Starts an agent in `directory`, with these variables.
    pub(crate) fn started_in(directory: &Path, variables: &[(&str, &str)], id: &str) -> Self {
        Self { process: FakeAgent::start(directory, variables), id: id.to_owned() }
    }
}

impl Deref for Agent {
    type Target = FakeAgent;

    fn deref(&self) -> &FakeAgent {
        &self.process
    }
}

impl DerefMut for Agent {
    fn deref_mut(&mut self) -> &mut FakeAgent {
        &mut self.process
    }
}

pub(crate) struct BoardWorld {
    // Dropped before the world, because a board that is open starts another daemon.
    pub(crate) tmux: Tmux,
    world: World,
}

impl Deref for BoardWorld {
    type Target = World;

    fn deref(&self) -> &World {
        &self.world
    }
}

impl BoardWorld {
    /// Creates a world. Skips the test and returns `None` if there is no tmux.
    pub(crate) fn new() -> Option<Self> {
        let world = world();
        let tmux = tmux(&world, world.path())?;
        Some(Self { tmux, world })
    }

    /// Returns another tmux server, whose panes belong to this world.
    pub(crate) fn server(&self, name: &str) -> Tmux {
        let directory = self.path().join(name);
        std::fs::create_dir(&directory).unwrap();
        tmux(self, &directory).unwrap()
    }

    /// Returns the notifications as `crewboard notifications` prints them.
    pub(crate) fn notifications(&self) -> Vec<Value> {
        serde_json::from_str(&self.run(["notifications", "--json"]).stdout).unwrap()
    }

    /// Opens a board in a pane.
    pub(crate) fn board(&self, name: &str, size: (u16, u16)) -> Pane<'_> {
        self.tmux.open(name, size, &[PROGRAM])
    }

    /// Opens a board as the child of a shell. Returns its pane and its pid.
    pub(crate) fn board_in_shell(&self, name: &str, size: (u16, u16)) -> (Pane<'_>, u32) {
        let pane = self.tmux.open(name, size, &["/bin/sh", "-c", &format!("{PROGRAM}; true")]);
        pane.wait_for("the board's own screen", |_| pane.expand("#{alternate_on}") == "1");
        let pid = children(pane.pid())[0];
        (pane, pid)
    }

    /// Opens the demo in a pane, at `moment` of its time.
    pub(crate) fn demo(&self, name: &str, moment: &str) -> Pane<'_> {
        self.tmux.open(name, (110, 28), &[PROGRAM, "demo", "--at", moment])
    }

    /// Opens an interactive shell in a pane and starts the board from it.
    pub(crate) fn shell_with_board(&self, name: &str, size: (u16, u16)) -> Pane<'_> {
        let pane = self.tmux.open(name, size, &["/bin/sh", "-i"]);
        pane.wait_for_text("$");
        pane.type_line(PROGRAM);
        pane.wait_for_text("crewboard");
        pane.wait_for("the board's own screen", |_| pane.expand("#{alternate_on}") == "1");
        pane
    }

    /// Runs the hook of `agent` for an event of Claude Code, with `more` fields in the payload.
    pub(crate) fn send_event(&self, agent: &Agent, event: &str, more: &Value) {
        self.send_event_with(&[], agent, event, more);
    }

    /// Runs the hook as [`Self::send_event`] does, with variables of the agent.
    pub(crate) fn send_event_with(
        &self,
        variables: &[(&str, &str)],
        agent: &Agent,
        event: &str,
        more: &Value,
    ) {
        self.send_event_from(agent.pid(), &agent.id, variables, event, more);
    }

    /// Runs the hook for a process that is no child of the test.
    pub(crate) fn send_event_from(
        &self,
        pid: u32,
        id: &str,
        variables: &[(&str, &str)],
        event: &str,
        more: &Value,
    ) {
        let mut payload = json!({
            "session_id": id,
            "hook_event_name": event,
            "cwd": format!("/srv/{id}"),
        });
        for (name, value) in more.as_object().into_iter().flatten() {
            payload[name] = value.clone();
        }
        let mut hook = self.hook_command_for(pid);
        hook.envs(variables.iter().copied());
        run_with_input(hook, payload.to_string().as_bytes()).assert_silent();
    }

    pub(crate) fn send_prompt(&self, agent: &Agent, text: &str) {
        self.send_event(agent, "UserPromptSubmit", &json!({ "prompt": text }));
    }

    pub(crate) fn request_permission(&self, agent: &Agent, command: &str) {
        let tool = json!({ "tool_name": "Bash", "tool_input": { "command": command } });
        self.send_event(agent, "PermissionRequest", &tool);
    }
}

fn tmux(world: &World, directory: &Path) -> Option<Tmux> {
    let (home, socket) = (world.home(), world.socket());
    let variables = [
        ("HOME", home.to_str().unwrap()),
        ("CREWBOARD_SOCKET", socket.to_str().unwrap()),
        ("PS1", "$ "),
    ];
    Tmux::new(directory, &variables)
}
