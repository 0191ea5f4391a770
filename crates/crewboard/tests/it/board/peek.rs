//! The peek at the pane of a session, in real tmux.

use crate::support::{BoardWorld, SIZE, agent_command, greeting};

#[test]
fn peek_shows_the_pane_of_another_tmux_server() {
    let Some(world) = BoardWorld::new() else { return };
    let far = world.server("far");
    let agent = far.open("far", SIZE, &agent_command("abroad", "UserPromptSubmit"));
    world.wait_for_row("abroad", "in its pane", |row| row["place"]["tty"].is_string());
    let board = world.board("board", (100, 24));
    board.wait_for_text("working");
    board.press(&["P"]);
    board.wait_for_text(&greeting("abroad"));
    // The pane changes, and no event reports it.
    agent.type_line("Do you want to proceed?");
    board.wait_for_text("Do you want to proceed?");
    assert_eq!(world.run(["list"]).code(), Some(0));
    board.press(&["Escape"]);
    board.wait_for("the list", |screen| {
        !screen.contains("Do you want") && screen.contains("working")
    });
    // A pane that is gone cannot be read.
    far.end();
    board.press(&["P"]);
    board.wait_for("the reason", |screen| {
        screen.contains("cannot read the pane") || screen.contains("is closed")
    });
}
