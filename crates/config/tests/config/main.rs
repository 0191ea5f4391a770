//! The configuration as its users meet it: files in, settings and messages out.
#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod messages;
mod precedence;
#[cfg(target_os = "linux")]
mod watching;
mod written;

use crewboard_config::{Action, Known, Schema};

/// A schema with words that are not the board's: nothing here may depend on those.
fn schema() -> Schema {
    let action = |name, keys: &[&str], needed| Action {
        name,
        keys: keys.iter().map(|key| (*key).to_owned()).collect(),
        help: "what it does",
        needed,
    };
    Schema::new(Known {
        themes: vec!["terminal", "dark", "light", "plain"],
        colourless: "plain",
        actions: vec![
            action("jump", &["enter"], false),
            action("seen", &["space", "s"], false),
            action("timeline", &["t"], false),
            action("quit", &["q", "ctrl-c"], true),
        ],
        needing: vec!["permission", "done"],
        occasions: vec!["needs-you", "permission", "working", "done"],
        key_words: "a letter, enter or space, with ctrl- in front",
        key: |word| {
            let bare = word.trim_start_matches("ctrl-");
            if bare.chars().count() == 1 || ["enter", "space"].contains(&bare) {
                Ok(word.replace("space", " "))
            } else {
                Err(format!("{word:?} is no key"))
            }
        },
    })
}
