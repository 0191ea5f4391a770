use super::*;
use crewboard_config::{Severity, Value};

fn environment(path: &std::path::Path) -> Environment {
    Environment { config: Some(path.to_owned()), ..Environment::default() }
}

#[test]
fn without_a_file_the_board_is_as_its_own_table_has_it() {
    let (_, options) = Configured::open(Environment::default(), true);
    assert_eq!(options.look, Look { theme: &TERMINAL, unicode: true });
    assert!(options.detail && options.notice.is_none() && options.problems.is_empty());
    for entry in TABLE {
        assert_eq!(options.keymap.keys(entry.action), Keymap::default().keys(entry.action));
    }
}

#[test]
fn every_word_of_the_board_is_one_of_the_file() {
    let every = schema().template().replace("\n#", "\n").replace("\n ", "\n# ");
    let loaded = schema().resolve(None, Some(&every), &Environment::default());
    assert_eq!(loaded.problems, []);
    for theme in THEMES {
        let text = format!("[board]\ntheme = {}", Value::Word(theme.name.to_owned()));
        let loaded = schema().resolve(None, Some(&text), &Environment::default());
        assert_eq!(loaded.config().board.theme, theme.name);
    }
    let wrong = "[keys]\npin = \"hyper-x\"\nquit = \"alt-ctrl-q\"\njump = \"ctrl-alt-q\"";
    let loaded = schema().resolve(None, Some(wrong), &Environment::default());
    let said: Vec<String> = loaded.problems.iter().map(|problem| problem.text.clone()).collect();
    insta::assert_snapshot!(said.join("\n"), @r#"
    keys.pin: "hyper-x" is no key; keys are a character, enter, tab, shift-tab, space, esc, up, down, left, right, home, end, pageup, pagedown, backspace, delete, f1 to f12, with ctrl- or alt- in front
    keys.jump: keys.quit has the key "ctrl-alt-q" already (line 3)
    "#);
    assert!(loaded.problems.iter().all(|problem| problem.severity == Severity::Error));
}

#[cfg(target_os = "linux")]
#[test]
fn a_change_is_in_force_at_once_and_a_wrong_one_is_only_said() {
    use std::fs;
    let world = tempfile::tempdir().unwrap();
    let path = world.path().join("crewboard/config.toml");
    let (mut configured, options) = Configured::open(environment(&path), false);
    assert_eq!(options.look.theme.name, "terminal");
    let mut seen = Vec::new();
    fs::create_dir(path.parent().unwrap()).unwrap();
    assert!(configured.changed().is_none(), "nothing is other");
    for text in [
        "[board]\ntheme = \"dark\"\n[keys]\nquit = \"Q\"\n",
        "[board]\ntheme = \"dark\"\n[keys]\nquit = \"Q\" # as it was\n",
        "[board]\ntheme = \"drak\"\ndetail = 1\n",
        "[board]\ntheme = \"dark\"\n[keys]\nquit = \"Q\"\n",
        "[board]\ntheme = \"light\"\ncolour = 1\n",
        "",
    ] {
        // As editors do it.
        let other = path.with_extension("new");
        fs::write(&other, text).unwrap();
        fs::rename(&other, &path).unwrap();
        let line = configured.changed().map(|options| {
            let quit: Vec<String> =
                options.keymap.keys(Action::Quit).iter().map(ToString::to_string).collect();
            let notice = options.notice.unwrap_or_default();
            let problems = options.problems.join("; ");
            format!("{} {} | {notice}{problems}", options.look.theme.name, quit.join(" "))
        });
        seen.push(line.unwrap_or_else(|| "nothing".to_owned()));
    }
    fs::remove_file(&path).unwrap();
    assert!(configured.changed().is_none(), "no file is an empty one");
    insta::assert_snapshot!(seen.join("\n"), @r#"
    dark Q | The configuration is in force.
    nothing
    dark Q | config.toml:2:9: board.theme is "drak"; it must be one of terminal, dark, light, plain; did you mean dark?; config.toml:3:10: board.detail must be true or false, not a number
    dark Q | The configuration is in force.
    light q Ctrl-c | config.toml:3:1: unknown option board.colour; known are theme, detail
    terminal q Ctrl-c | The configuration is in force.
    "#);
}

#[test]
fn a_file_that_is_wrong_from_the_start_is_said() {
    let world = tempfile::tempdir().unwrap();
    let path = world.path().join("config.toml");
    std::fs::write(&path, "[board]\ntheme = dark").unwrap();
    let (_, options) = Configured::open(environment(&path), true);
    assert_eq!(options.look.theme.name, "terminal");
    insta::assert_snapshot!(options.problems.join("; "), @"config.toml:2:9: string values must be quoted, expected literal string");
}
