//! `crewboard seen`, and results that the user has seen by looking at the pane.

use crate::support::{BoardWorld, PROGRAM, TwoServers, lines, start_daemon_with_notifier};
use crewboard_testkit::{Pane, Tmux, wait_until};
use serde_json::{Value, json};

#[test]
fn focused_tmux_pane_is_marked_seen() {
    let Some(servers) = TwoServers::new() else { return };
    let near = &servers.near;
    // The hook of docs/jump.md.
    let line = format!("run-shell -b \"{PROGRAM} seen '#{{pane_id}}' >/dev/null 2>&1 || true\"");
    near.run(["set-option", "-g", "focus-events", "on"]);
    near.run(["set-hook", "-g", "pane-focus-in", &line]);
    let desk = servers.client(near, "desk");
    near.run([
        "switch-client",
        "-c",
        &desk.expand("#{pane_tty}"),
        "-t",
        &servers.pane_of("cellar"),
    ]);
    servers.row_is_seen("cellar");
    let rows = servers.world.list();
    assert!(rows.iter().any(|row| row["id"] == "shelf" && row["seen"] == false), "{rows:#?}");
}

/// A tmux server with two agents, and a client that shows the first.
struct Looked<'a> {
    world: &'a BoardWorld,
    server: &'a Tmux,
    shop: Pane<'a>,
    docs: Pane<'a>,
    client: Pane<'a>,
}

impl<'a> Looked<'a> {
    fn new(world: &'a BoardWorld, server: &'a Tmux, focus_events: &str) -> Self {
        let shop = server.open("shop", (80, 20), &["cat"]);
        let docs = server.open("docs", (80, 20), &["cat"]);
        server.run(["set", "-g", "focus-events", focus_events]);
        let client = world.tmux.open("client", (80, 20), &server.attach_command("=shop"));
        let looked = Self { world, server, shop, docs, client };
        looked.client.wait_for("the client", |_| looked.clients().contains("attached"));
        let line = format!("run-shell 'echo asked >>{}'", world.home().join("asked").display());
        server.run(["set-hook", "-g", "after-list-clients", &line]);
        looked
    }

    fn clients(&self) -> String {
        self.server.run(["list-clients", "-F", "#{client_flags}"])
    }

    fn send(&self, name: &str, event: &str) {
        let pane = if name == "shop" { &self.shop } else { &self.docs };
        let socket = format!("{},1,0", self.server.socket().display());
        let id = pane.expand("#{pane_id}");
        let within = [("TMUX", socket.as_str()), ("TMUX_PANE", id.as_str())];
        self.world.send_event_from(pane.pid(), name, &within, event, &json!({ "prompt": "go" }));
    }

    /// Ends a turn, and waits until tmux has been asked about it.
    fn end_turn(&self, name: &str) {
        let asked = self.world.home().join("asked");
        let before = lines(&asked).len();
        self.send(name, "UserPromptSubmit");
        self.send(name, "Stop");
        wait_until("tmux is asked", || lines(&asked).len() > before);
    }

    fn row(&self, name: &str) -> Value {
        self.world.list().into_iter().find(|row| row["id"] == name).unwrap()
    }
}

#[test]
fn turn_that_ends_in_the_focused_pane_is_seen() {
    let Some(world) = BoardWorld::new() else { return };
    let received = start_daemon_with_notifier(&world);
    let server = world.server("near");
    let looked = Looked::new(&world, &server, "on");
    looked.client.wait_for("the focus", |_| looked.clients().contains("focused"));
    looked.end_turn("shop");
    world.wait_for_row("shop", "seen", |row| row["seen"] == true && row["needs_you"] == false);
    // A pane that the client does not show is not seen, and neither is one of a client without the focus.
    looked.end_turn("docs");
    world.wait_for_row("docs", "done", |row| row["needs_you"] == true && row["seen"] == false);
    looked.client.press(&["-H", "1b", "5b", "4f"]);
    looked.client.wait_for("no focus", |_| !looked.clients().contains("focused"));
    looked.end_turn("shop");
    wait_until("both are notified about", || {
        lines(&received).iter().any(|line| line.contains("shop"))
    });
    assert_eq!(looked.row("shop")["seen"], false);
    // The first turn of the pane in front of the user caused no notification.
    let titles: Vec<String> =
        lines(&received).into_iter().filter(|line| line.ends_with(": done")).collect();
    assert_eq!(titles, ["docs: done", "shop: done"]);
}

#[test]
fn pane_used_after_its_turn_is_seen_without_focus_events() {
    let Some(world) = BoardWorld::new() else { return };
    let server = world.server("near");
    let looked = Looked::new(&world, &server, "off");
    looked.end_turn("shop");
    // The user may have left the terminal before the turn ended.
    assert_eq!(looked.row("shop")["needs_you"], true);
    wait_until("the key press counts", || {
        looked.client.press(&["x"]);
        looked.end_turn("docs");
        looked.row("shop")["seen"] == true
    });
    // The client has never shown this pane.
    assert_eq!(looked.row("docs")["needs_you"], true);
}
