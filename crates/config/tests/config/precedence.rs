use crate::schema;
use crewboard_config::{Environment, Loaded, Origin, Setting};
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

fn setting<'a>(loaded: &'a Loaded, section: &str, name: &str) -> &'a Setting {
    let mut settings = loaded.settings.iter();
    settings.find(|setting| setting.section == section && setting.name == name).unwrap()
}

#[test]
fn idle_exit_overrides_the_file_and_no_color_does_not() {
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
        // A file with an error is ignored as a whole.
        (
            file("[board]\ntheme = \"dark\"\ndetail = 1"),
            false,
            None,
            ("\"terminal\"", Origin::Default),
            ("\"1h\"", Origin::Default),
        ),
        // A file with a warning is used.
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
fn invalid_variable_is_ignored_with_a_warning() {
    let environment = Environment { idle_exit: Some("soon".to_owned()), ..Environment::default() };
    let text = Some("[daemon]\nidle_exit = \"2h\"");
    let loaded = schema().resolve(None, text, &environment);
    let warnings: Vec<String> = loaded.warnings().map(ToString::to_string).collect();
    let expected = "CREWBOARD_IDLE_EXIT is \"soon\"; use a duration such as 90s, 30m or 2h";
    assert_eq!(warnings, [expected]);
    assert_eq!(loaded.config().daemon.idle_exit, Duration::from_secs(7200));
}

#[test]
fn bound_key_is_removed_from_its_default_action() {
    let text = Some("[keys]\njump = [\"space\", \"x\"]\ntimeline = []");
    let loaded = schema().resolve(None, text, &Environment::default());
    let keys = loaded.config().keys;
    let shown: Vec<String> =
        keys.iter().map(|(name, keys)| format!("{name} {}", keys.join(" "))).collect();
    assert_eq!(shown, ["jump space x", "seen s", "timeline ", "quit q ctrl-c"]);
    assert_eq!(setting(&loaded, "keys", "seen").origin, Origin::Default);
}

#[test]
fn unreadable_configuration_uses_the_defaults() {
    let world = tempfile::tempdir().unwrap();
    let at = |path: PathBuf| Environment { config: Some(path), ..Environment::default() };
    let missing = schema().load(&at(world.path().join("no/config.toml")));
    assert!(!missing.exists && missing.problems.is_empty());
    let nowhere = schema().load(&Environment::default());
    assert!(nowhere.path.is_none() && nowhere.problems.is_empty());
    assert_eq!(missing.config(), nowhere.config());

    let directory = schema().load(&at(world.path().to_owned()));
    let errors: Vec<String> = directory.errors().map(ToString::to_string).collect();
    let expected = format!("{}: cannot read the file: ", world.path().display());
    assert!(errors.len() == 1 && errors[0].starts_with(&expected), "{errors:?}");
    assert_eq!(directory.config(), nowhere.config());

    let relative = schema().load(&at("config.toml".into()));
    let errors: Vec<String> = relative.errors().map(ToString::to_string).collect();
    assert_eq!(errors, ["CREWBOARD_CONFIG is config.toml; it must be an absolute path"]);

    let path = world.path().join("config.toml");
    fs::write(&path, "[board]\ntheme = \"light\"").unwrap();
    let found = schema().load(&at(path.clone()));
    assert!(found.exists && found.path == Some(path));
    assert_eq!(found.config().board.theme, "light");
}
