//! Tests the configuration from a file to its settings and messages.
#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod messages;
mod precedence;
#[cfg(target_os = "linux")]
mod watching;
mod written;

use crewboard_config::{Action, Known, Schema};

/// Returns a schema with names of its own. The crate must not depend on the names of the board.
fn schema() -> Schema {
    let action = |name, keys: &[&str], required| Action {
        name,
        keys: keys.iter().map(|key| (*key).to_owned()).collect(),
        help: "the help of the action",
        required,
    };
    Schema::new(Known {
        themes: vec!["terminal", "dark", "light", "plain"],
        orders: vec!["needs-you", "project"],
        colourless: "plain",
        actions: vec![
            action("jump", &["enter"], false),
            action("seen", &["space", "s"], false),
            action("timeline", &["t"], false),
            action("quit", &["q", "ctrl-c"], true),
        ],
        notify_statuses: vec!["permission", "done"],
        rule_statuses: vec!["needs-you", "permission", "working", "done"],
        key_words: "a letter, enter or space, with ctrl- in front",
        parse_key: |word| {
            let bare = word.trim_start_matches("ctrl-");
            if bare.chars().count() == 1 || ["enter", "space"].contains(&bare) {
                Ok(word.replace("space", " "))
            } else {
                Err(format!("{word:?} is not a key"))
            }
        },
    })
}
