//! `crewboard seen`.

use crate::support::{PROGRAM, TwoServers};

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
