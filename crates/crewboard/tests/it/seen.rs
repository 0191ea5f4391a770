//! `crewboard seen`.

use crate::board_world::PROGRAM;
use crate::jump::Office;

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
