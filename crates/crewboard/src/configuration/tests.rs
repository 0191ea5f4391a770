use super::*;
use crewboard_config::{Severity, Value};

fn environment(path: &std::path::Path) -> Environment {
    Environment { config: Some(path.to_owned()), ..Environment::default() }
}

#[test]
fn board_uses_its_defaults_without_a_file() {
    let (_, options) = BoardConfig::open(Environment::default(), true, None);
    assert_eq!(options.theme, Theme { palette: &AUTO, unicode: true });
    assert!(options.detail && options.notice.is_none() && options.problems.is_empty());
    for entry in TABLE {
        assert_eq!(options.keymap.keys(entry.action), Keymap::default().keys(entry.action));
    }
}

#[test]
fn schema_accepts_every_theme_key_and_action() {
    let every = schema().template().replace("\n#", "\n").replace("\n ", "\n# ");
    let loaded = schema().resolve(None, Some(&every), &Environment::default());
    assert_eq!(loaded.problems, []);
    for theme in PALETTES {
        let text = format!("[board]\ntheme = {}", Value::Word(theme.name.to_owned()));
        let loaded = schema().resolve(None, Some(&text), &Environment::default());
        assert_eq!(loaded.config().board.theme, theme.name);
    }
    let wrong = "[keys]\npin = \"hyper-x\"\nquit = \"alt-ctrl-q\"\njump = \"ctrl-alt-q\"";
    let loaded = schema().resolve(None, Some(wrong), &Environment::default());
    let problems: Vec<String> =
        loaded.problems.iter().map(|problem| problem.text.clone()).collect();
    insta::assert_snapshot!(problems.join("\n"), @r#"
    keys.pin: "hyper-x" is not a key; keys are a character, enter, tab, shift-tab, space, esc, up, down, left, right, home, end, pageup, pagedown, backspace, delete, f1 to f12, with ctrl- or alt- in front
    keys.jump: keys.quit already has the key "ctrl-alt-q" (line 3)
    "#);
    assert!(loaded.problems.iter().all(|problem| problem.severity == Severity::Error));
}

#[cfg(target_os = "linux")]
#[test]
fn valid_change_is_applied_and_wrong_one_is_reported() {
    use std::fs;
    let world = tempfile::tempdir().unwrap();
    let path = world.path().join("crewboard/config.toml");
    let (mut board_config, options) = BoardConfig::open(environment(&path), false, None);
    assert_eq!(options.theme.palette.name, "auto");
    let mut lines = Vec::new();
    fs::create_dir(path.parent().unwrap()).unwrap();
    assert!(board_config.changed().is_none(), "nothing has changed");
    for text in [
        "[board]\ntheme = \"dark\"\n[keys]\nquit = \"Q\"\n",
        "[board]\ntheme = \"dark\"\n[keys]\nquit = \"Q\" # a comment\n",
        "[board]\ntheme = \"drak\"\ndetail = 1\n",
        "[board]\ntheme = \"dark\"\n[keys]\nquit = \"Q\"\n",
        "[board]\ntheme = \"light\"\ncolour = 1\n",
        "",
    ] {
        // Editors replace the file in this way.
        let other = path.with_extension("new");
        fs::write(&other, text).unwrap();
        fs::rename(&other, &path).unwrap();
        let line = board_config.changed().map(|options| {
            let quit: Vec<String> =
                options.keymap.keys(Action::Quit).iter().map(ToString::to_string).collect();
            let notice = options.notice.unwrap_or_default();
            let problems = options.problems.join("; ");
            format!("{} {} | {notice}{problems}", options.theme.palette.name, quit.join(" "))
        });
        lines.push(line.unwrap_or_else(|| "nothing".to_owned()));
    }
    fs::remove_file(&path).unwrap();
    assert!(board_config.changed().is_none(), "a missing file equals an empty one");
    insta::assert_snapshot!(lines.join("\n"), @r#"
    dark Q | The configuration was reloaded.
    nothing
    dark Q | config.toml:2:9: board.theme is "drak"; it must be one of auto, terminal, dark, light, plain; did you mean dark?; config.toml:3:10: board.detail must be true or false, not a number
    dark Q | The configuration was reloaded.
    light q Ctrl-c | config.toml:3:1: unknown option board.colour; use one of theme, detail, layout, order, headings, title, report_status
    auto q Ctrl-c | The configuration was reloaded.
    "#);
}

#[test]
fn problems_of_the_first_read_are_reported() {
    let world = tempfile::tempdir().unwrap();
    let path = world.path().join("config.toml");
    std::fs::write(&path, "[board]\ntheme = dark").unwrap();
    let (_, options) = BoardConfig::open(environment(&path), true, None);
    assert_eq!(options.theme.palette.name, "auto");
    insta::assert_snapshot!(options.problems.join("; "), @"config.toml:2:9: string values must be quoted, expected literal string");
}
