use crate::schema;
use crewboard_config::{Environment, Loaded, Origin, Setting};
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

fn setting<'a>(loaded: &'a Loaded, section: &str, name: &str) -> &'a Setting {
    let found = loaded.settings.iter().find(|one| one.section == section && one.name == name);
    found.unwrap()
}

#[test]
fn the_daemons_variable_wins_over_the_file_and_the_file_over_no_color() {
    let file = |text: &'static str| Some(text);
    let both = file("[board]\ntheme = \"dark\"\n[daemon]\nidle_exit = \"2h\"");
    let no_color = Origin::Environment("NO_COLOR");
    let variable = Origin::Environment("CREWBOARD_IDLE_EXIT");
    let line = |line| Origin::File { line };
    for (text, no_colour, idle_exit, theme, time) in [
        (None, false, None, ("\"terminal\"", Origin::Default), ("\"1h\"", Origin::Default)),
        (both, false, None, ("\"dark\"", line(2)), ("\"2h\"", line(4))),
        (None, true, Some("5m"), ("\"plain\"", no_color), ("\"5m\"", variable)),
        (both, true, Some("5m"), ("\"dark\"", line(2)), ("\"5m\"", variable)),
        // A file with an error counts for nothing, whatever else is in it.
        (
            file("[board]\ntheme = \"dark\"\ndetail = 1"),
            false,
            None,
            ("\"terminal\"", Origin::Default),
            ("\"1h\"", Origin::Default),
        ),
        // A warning changes nothing.
        (
            file("[board]\ntheme = \"dark\"\nfont = 1"),
            false,
            None,
            ("\"dark\"", line(2)),
            ("\"1h\"", Origin::Default),
        ),
    ] {
        let environment = Environment {
            no_colour,
            idle_exit: idle_exit.map(str::to_owned),
            ..Environment::default()
        };
        let loaded = schema().resolve(None, text, &environment);
        for ((section, name), (value, origin)) in
            [(("board", "theme"), theme), (("daemon", "idle_exit"), time)]
        {
            let found = setting(&loaded, section, name);
            assert_eq!((found.value.to_string().as_str(), found.origin), (value, origin));
        }
    }
}

#[test]
fn a_variable_that_cannot_be_read_is_a_warning_and_ignored() {
    let environment = Environment { idle_exit: Some("soon".to_owned()), ..Environment::default() };
    let text = Some("[daemon]\nidle_exit = \"2h\"");
    let loaded = schema().resolve(None, text, &environment);
    let said: Vec<String> = loaded.warnings().map(ToString::to_string).collect();
    assert_eq!(said, ["CREWBOARD_IDLE_EXIT is \"soon\"; it must be such as 90s, 30m or 2h"]);
    assert_eq!(loaded.config().daemon.idle_exit, Duration::from_secs(7200));
}

#[test]
fn a_key_that_was_taken_is_its_former_actions_no_more() {
    let text = Some("[keys]\njump = [\"space\", \"x\"]\ntimeline = []");
    let loaded = schema().resolve(None, text, &Environment::default());
    let keys = loaded.config().keys;
    let shown: Vec<String> =
        keys.iter().map(|(name, keys)| format!("{name} {}", keys.join(" "))).collect();
    assert_eq!(shown, ["jump space x", "seen s", "timeline ", "quit q ctrl-c"]);
    assert_eq!(setting(&loaded, "keys", "seen").origin, Origin::Default);
}

#[test]
fn a_missing_file_is_no_error_and_an_unreadable_one_is_said() {
    let world = tempfile::tempdir().unwrap();
    let at = |path: PathBuf| Environment { config: Some(path), ..Environment::default() };
    let missing = schema().load(&at(world.path().join("no/config.toml")));
    assert!(!missing.exists && missing.problems.is_empty());
    let nowhere = schema().load(&Environment::default());
    assert!(nowhere.path.is_none() && nowhere.problems.is_empty());
    assert_eq!(missing.config(), nowhere.config());

    let directory = schema().load(&at(world.path().to_owned()));
    let said: Vec<String> = directory.errors().map(ToString::to_string).collect();
    let expected = format!("{}: cannot be read: ", world.path().display());
    assert!(said.len() == 1 && said[0].starts_with(&expected), "{said:?}");
    assert_eq!(directory.config(), nowhere.config());

    let relative = schema().load(&at("config.toml".into()));
    let said: Vec<String> = relative.errors().map(ToString::to_string).collect();
    assert_eq!(said, ["CREWBOARD_CONFIG is config.toml; it must be an absolute path"]);

    let path = world.path().join("config.toml");
    fs::write(&path, "[board]\ntheme = \"light\"").unwrap();
    let found = schema().load(&at(path.clone()));
    assert!(found.exists && found.path == Some(path));
    assert_eq!(found.config().board.theme, "light");
}
