use crate::schema;
use crewboard_config::{Environment, Severity};
use insta::assert_snapshot;
use std::path::Path;

/// Returns the problems of a file, one per line.
fn problems(text: &str) -> String {
    let path = Path::new("/etc/config.toml");
    let loaded = schema().resolve(Some(path), Some(text), &Environment::default());
    let line = |problem: &crewboard_config::Problem| match problem.severity {
        Severity::Error => format!("error: {problem}"),
        Severity::Warning => format!("warning: {problem}"),
    };
    loaded.problems.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn valid_files_have_no_problems() {
    for text in [
        "",
        "# nothing\n",
        "\u{feff}[board]\ntheme = 'dark'\n",
        "[board]\ntheme = \"dark\"\ndetail = false\n[keys]\njump = \"enter\"\nquit = [\"Q\"]\n",
        "board.theme = \"plain\"\r\nboard.detail = true\r\n",
        "keys = { jump = [], seen = [\"enter\"] }",
        "[daemon]\nidle_exit = \"90s\"",
        "[notify]\nstatuses = [\"done\"]\ndesktop = false\nterminal = \"osc9\"\ncontent = true",
        "[notify]\nstatuses = []",
        "[[on]]\nstatus = \"done\"\nrun = \"true\"\n[[on]]\nstatus = [\"needs-you\", \"working\"]\nrun = '''a\nb'''",
        "on = []",
        // Each action has the default key of the other.
        "[keys]\njump = \"t\"\ntimeline = \"enter\"",
    ] {
        assert_eq!(problems(text), "", "{text}");
    }
}

#[test]
fn unknown_names_are_warnings_with_a_suggestion() {
    assert_snapshot!(problems("[baord]\nx = 1\n[notifications]\n[boards]"), @r###"
    warning: /etc/config.toml:1:2: unknown section baord; did you mean board?
    warning: /etc/config.toml:3:2: unknown section notifications; use one of board, keys, notify, jump, open, daemon, on
    warning: /etc/config.toml:4:2: unknown section boards; did you mean board?
    "###);
    assert_snapshot!(problems("theme = \"dark\"\ncolour = 1"), @r###"
    warning: /etc/config.toml:1:1: unknown option theme; it belongs in [board]
    warning: /etc/config.toml:2:1: unknown option colour; use one of board, keys, notify, jump, open, daemon, on
    "###);
    assert_snapshot!(problems("[board]\ntehme = \"dark\"\nidle_exit = \"1h\"\nfont = 3"), @"
    warning: /etc/config.toml:2:1: unknown option board.tehme; did you mean theme?
    warning: /etc/config.toml:3:1: unknown option board.idle_exit; it belongs in [daemon]
    warning: /etc/config.toml:4:1: unknown option board.font; use one of theme, detail, layout, order, headings, title, report_status
    ");
    assert_snapshot!(problems("[keys]\n  jmup = \"x\"\n  explode = \"y\""), @"
    warning: /etc/config.toml:2:3: unknown option keys.jmup; did you mean jump?
    warning: /etc/config.toml:3:3: unknown option keys.explode; `crewboard config show` lists all actions
    ");
    assert_snapshot!(problems("[daemon]\nidle-exit = \"1h\""), @"warning: /etc/config.toml:2:1: unknown option daemon.idle-exit; did you mean idle_exit?");
}

#[test]
fn wrong_values_name_what_is_allowed() {
    assert_snapshot!(problems("[board]\ntheme = \"drak\"\ndetail = \"yes\""), @r#"
    error: /etc/config.toml:2:9: board.theme is "drak"; it must be one of terminal, dark, light, plain; did you mean dark?
    error: /etc/config.toml:3:10: board.detail must be true or false, not a string
    "#);
    assert_snapshot!(problems("[board]\ntheme = \"solarized\"\n[daemon]\nidle_exit = 60"), @r#"
    error: /etc/config.toml:2:9: board.theme is "solarized"; it must be one of terminal, dark, light, plain
    error: /etc/config.toml:4:13: daemon.idle_exit must be a time such as "90s" or "2h", not a number
    "#);
    assert_snapshot!(problems("[board]\ntheme = 1\ndetail = 1\n[daemon]\nidle_exit = \"1d\""), @r#"
    error: /etc/config.toml:2:9: board.theme must be one of terminal, dark, light, plain, not a number
    error: /etc/config.toml:3:10: board.detail must be true or false, not a number
    error: /etc/config.toml:5:13: daemon.idle_exit is "1d"; it must end in ms, s, m or h
    "#);
    assert_snapshot!(problems("board = true\n[keys]\njump = 1\nseen = [\"a\", 2]\nquit = { a = 1 }"), @"
    error: /etc/config.toml:1:9: board must be a section, not true or false
    error: /etc/config.toml:3:8: keys.jump must be a key or a list of keys, not a number
    error: /etc/config.toml:4:14: keys.seen must be a list of keys, not of a number
    error: /etc/config.toml:5:8: keys.quit must be a key or a list of keys, not a table
    ");
    assert_snapshot!(problems("# ü\n[board]\n# é\n  'theme' = \"ü\""), @r#"error: /etc/config.toml:4:13: board.theme is "ü"; it must be one of terminal, dark, light, plain"#);
}

#[test]
fn rules_have_a_status_and_a_command() {
    assert_snapshot!(problems("[on]\nstatus = \"done\""), @r###"error: /etc/config.toml:1:1: each rule must be a section [[on]], not a table"###);
    assert_snapshot!(problems("on = [1]"), @r###"error: /etc/config.toml:1:7: an [[on]] rule must be a table, not a number"###);
    assert_snapshot!(problems("[[on]]\nstatus = \"permision\"\nrun = \" \"\n[[on]]\nrun = [\"a\"]\nstatus = [1, \"x\"]"), @r###"
    error: /etc/config.toml:2:10: on.status is "permision"; it must be one of needs-you, permission, working, done; did you mean permission?
    error: /etc/config.toml:3:7: on.run is empty
    error: /etc/config.toml:5:7: on.run must be a shell command, not a list
    error: /etc/config.toml:6:11: on.status must be a list of needs-you, permission, working, done, not a number
    error: /etc/config.toml:6:14: on.status is "x"; it must be one of needs-you, permission, working, done
    "###);
    assert_snapshot!(problems("[[on]]\nstatus = \"done\"\nrnu = \"x\"\nshell = \"sh\"\n\n[[on]]\nrun = \"x\""), @r###"
    error: /etc/config.toml:1:1: this [[on]] rule has no run
    warning: /etc/config.toml:3:1: unknown option on.rnu; did you mean run?
    warning: /etc/config.toml:4:1: unknown option on.shell; use status or run
    error: /etc/config.toml:6:1: this [[on]] rule has no status
    "###);
    assert_snapshot!(problems("[notify]\nstatuses = [\"working\"]\nterminal = \"beep\"\ndesktop = \"yes\""), @r###"
    error: /etc/config.toml:2:13: notify.statuses is "working"; it must be one of permission, done
    error: /etc/config.toml:3:12: notify.terminal is "beep"; it must be one of bell, osc9, osc777, off
    error: /etc/config.toml:4:11: notify.desktop must be true or false, not a string
    "###);
}

#[test]
fn key_belongs_to_one_action() {
    assert_snapshot!(problems("[keys]\njump = [\"x\", \"hyper-x\", \"\"]"), @r#"
    error: /etc/config.toml:2:14: keys.jump: "hyper-x" is not a key
    error: /etc/config.toml:2:25: keys.jump: "" is not a key
    "#);
    assert_snapshot!(problems("[keys]\njump = \"x\"\nseen = [\"y\", \"x\"]"), @r#"error: /etc/config.toml:3:14: keys.seen: keys.jump already has the key "x" (line 2)"#);
    assert_snapshot!(problems("[keys]\nseen = [\"space\", \" \"]"), @r#"error: /etc/config.toml:2:18: keys.seen: keys.seen already has the key " " (line 2)"#);
    assert_snapshot!(problems("[keys]\nquit = []"), @"error: /etc/config.toml:2:1: keys.quit must keep at least one key");
    assert_snapshot!(problems("[keys]\njump = \"q\"\nseen = [\"s\", \"ctrl-c\"]"), @"error: /etc/config.toml:3:14: keys.quit must keep at least one key");
    assert_snapshot!(problems("[keys]\njump = \"q\""), @"");
}

#[test]
fn syntax_error_has_a_position() {
    assert_snapshot!(problems("[board]\ntheme = dark\n"), @"error: /etc/config.toml:2:9: string values must be quoted, expected literal string");
    assert_snapshot!(problems("[board\ntheme = \"dark\"\n"), @"error: /etc/config.toml:1:7: unclosed table, expected `]`");
    assert_snapshot!(problems("[board]\ndetail = true\ndetail = false\n"), @"error: /etc/config.toml:3:1: duplicate key");
    assert_snapshot!(problems("[keys]\njump = [\"x\"\n"), @"error: /etc/config.toml:2:12: unclosed array, expected `]`");
    assert_snapshot!(problems("[board]\n[board]\n"), @"error: /etc/config.toml:2:2: duplicate key");
}

#[test]
fn first_fifty_problems_are_reported() {
    let lines = |text: &str| problems(text).lines().map(str::to_owned).collect::<Vec<_>>();
    let more = "error: /etc/config.toml: there are more problems; correct these first";
    let numbered = |count: usize, line: &str| {
        let lines = (0..count).map(|number| line.replace('#', &number.to_string()));
        lines.collect::<Vec<_>>().concat()
    };
    let list = |count| vec!["\"x\""; count].join(", ");
    for text in [
        "[[on]]\nstatus = \"d\"\nrunn = \"N".repeat(1000),
        "[[on]]\nstatus = \"d\"\nrunn = \"N\"\n".repeat(60),
        format!("[[on]]\nrun = \"x\"\nstatus = [{}]", list(1000)),
        format!("[[on]]\n{}", numbered(1000, "a# = 1\n")),
        format!("[board]\n{}", numbered(1000, "a# = 1\n")),
        numbered(1000, "[a#]\n"),
        format!("[keys]\njump = [{}]", list(1000)),
    ] {
        let lines = lines(&text);
        assert_eq!((lines.len(), lines.last().unwrap().as_str()), (51, more), "{text}");
    }
    // Exactly fifty problems are all reported.
    let fifty = numbered(50, "[a#]\n");
    assert!(lines(&fifty).iter().all(|line| line.starts_with("warning: ")));
    assert_eq!(lines(&fifty).len(), 50);
}

#[test]
fn more_than_a_hundred_rules_are_an_error() {
    let rules = |count| "[[on]]\nstatus = \"done\"\nrun = \"true\"\n".repeat(count);
    assert_eq!(problems(&rules(100)), "");
    assert_snapshot!(problems(&rules(102)), @"error: /etc/config.toml:301:1: there are more than 100 [[on]] rules");
}

#[test]
fn long_unknown_name_has_no_suggestion() {
    let name = "x".repeat(60_000);
    assert!(problems(&format!("[keys]\n{name} = 1")).ends_with("lists all actions"));
}
