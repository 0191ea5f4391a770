//! The theme follows the background of a real terminal.

use crate::support::{Agent, BoardWorld, PROGRAM};
use serde_json::json;

/// The colour of a permission in the palettes for dark and for light backgrounds.
const COLOURS: [(&str, &str); 2] = [("#000000", "38;5;214m"), ("#ffffff", "38;5;94m")];

#[test]
fn theme_follows_the_background_and_keeps_typed_keys() {
    let Some(world) = BoardWorld::new() else { return };
    let agent = Agent::new("shop");
    world.send_prompt(&agent, "go on");
    let input = json!({"tool_name": "Bash", "tool_input": {"command": "make deploy"}});
    world.send_event(&agent, "PermissionRequest", &input);
    for (number, (background, colour)) in COLOURS.into_iter().enumerate() {
        let name = format!("background-{number}");
        let pane = world.tmux.open(&name, (100, 30), &["/bin/sh", "-i"]);
        pane.wait_for_text("$");
        let style = format!("bg={background}");
        world.tmux.run(["set-option", "-p", "-t", &name, "window-style", &style]);
        // `dd` takes the first key. The second is in the terminal before the board asks for the background.
        pane.type_line(&format!("stty raw -echo; dd bs=1 count=1 >/dev/null 2>&1; {PROGRAM}"));
        pane.wait_for("raw mode", |_| pane.expand("#{pane_current_command}") == "dd");
        pane.press(&["x", "?"]);
        pane.wait_for_text("previous session");
        pane.press(&["Escape"]);
        pane.wait_for("the colour of the background", |_| {
            let screen = world.tmux.run(["capture-pane", "-p", "-e", "-t", &name]);
            screen.contains(colour)
        });
        assert!(!pane.screen().contains("rgb:"), "{}", pane.screen());
    }
}
