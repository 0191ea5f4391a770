use crate::schema;
use crewboard_config::{Environment, Severity};
use insta::assert_snapshot;
use std::path::Path;

/// All that is said of a file.
fn said(text: &str) -> String {
    let path = Path::new("/etc/config.toml");
    let loaded = schema().resolve(Some(path), Some(text), &Environment::default());
    let line = |problem: &crewboard_config::Problem| match problem.severity {
        Severity::Error => format!("error: {problem}"),
        Severity::Warning => format!("warning: {problem}"),
    };
    loaded.problems.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn files_without_a_fault() {
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
        // Each takes the other's key.
        "[keys]\njump = \"t\"\ntimeline = \"enter\"",
    ] {
        assert_eq!(said(text), "", "{text}");
    }
}

#[test]
fn unknown_names_are_warnings_with_advice() {
    assert_snapshot!(said("[baord]\nx = 1\n[notifications]\n[boards]"), @r###"
    warning: /etc/config.toml:1:2: unknown section baord; did you mean board?
    warning: /etc/config.toml:3:2: unknown section notifications; known are board, keys, notify, daemon, on
    warning: /etc/config.toml:4:2: unknown section boards; did you mean board?
    "###);
    assert_snapshot!(said("theme = \"dark\"\ncolour = 1"), @r###"
    warning: /etc/config.toml:1:1: unknown option theme; it belongs into [board]
    warning: /etc/config.toml:2:1: unknown option colour; known are board, keys, notify, daemon, on
    "###);
    assert_snapshot!(said("[board]\ntehme = \"dark\"\nidle_exit = \"1h\"\nfont = 3"), @"
    warning: /etc/config.toml:2:1: unknown option board.tehme; did you mean theme?
    warning: /etc/config.toml:3:1: unknown option board.idle_exit; it belongs into [daemon]
    warning: /etc/config.toml:4:1: unknown option board.font; known are theme, detail
    ");
    assert_snapshot!(said("[keys]\n  jmup = \"x\"\n  explode = \"y\""), @"
    warning: /etc/config.toml:2:3: unknown option keys.jmup; did you mean jump?
    warning: /etc/config.toml:3:3: unknown option keys.explode; `crewboard config show` lists them all
    ");
    assert_snapshot!(said("[daemon]\nidle-exit = \"1h\""), @"warning: /etc/config.toml:2:1: unknown option daemon.idle-exit; did you mean idle_exit?");
}

#[test]
fn wrong_values_name_what_is_allowed() {
    assert_snapshot!(said("[board]\ntheme = \"drak\"\ndetail = \"yes\""), @r#"
    error: /etc/config.toml:2:9: board.theme is "drak"; it must be one of terminal, dark, light, plain; did you mean dark?
    error: /etc/config.toml:3:10: board.detail must be true or false, not a string
    "#);
    assert_snapshot!(said("[board]\ntheme = \"solarized\"\n[daemon]\nidle_exit = 60"), @r#"
    error: /etc/config.toml:2:9: board.theme is "solarized"; it must be one of terminal, dark, light, plain
    error: /etc/config.toml:4:13: daemon.idle_exit must be a time such as "90s" or "2h", not a number
    "#);
    assert_snapshot!(said("[board]\ntheme = 1\ndetail = 1\n[daemon]\nidle_exit = \"1d\""), @r#"
    error: /etc/config.toml:2:9: board.theme must be one of terminal, dark, light, plain, not a number
    error: /etc/config.toml:3:10: board.detail must be true or false, not a number
    error: /etc/config.toml:5:13: daemon.idle_exit is "1d"; it must end in ms, s, m or h
    "#);
    assert_snapshot!(said("board = true\n[keys]\njump = 1\nseen = [\"a\", 2]\nquit = { a = 1 }"), @"
    error: /etc/config.toml:1:9: board must be a section, not true or false
    error: /etc/config.toml:3:8: keys.jump must be a key or a list of keys, not a number
    error: /etc/config.toml:4:14: keys.seen must be a list of keys, not of a number
    error: /etc/config.toml:5:8: keys.quit must be a key or a list of keys, not a table
    ");
    assert_snapshot!(said("# ü\n[board]\n# é\n  'theme' = \"ü\""), @r#"error: /etc/config.toml:4:13: board.theme is "ü"; it must be one of terminal, dark, light, plain"#);
}

#[test]
fn rules_have_a_status_and_a_command() {
    assert_snapshot!(said("[on]\nstatus = \"done\""), @r###"error: /etc/config.toml:1:1: each rule is a section of its own, [[on]], not a table"###);
    assert_snapshot!(said("on = [1]"), @r###"error: /etc/config.toml:1:7: a rule of [[on]] must be a table, not a number"###);
    assert_snapshot!(said("[[on]]\nstatus = \"permision\"\nrun = \" \"\n[[on]]\nrun = [\"a\"]\nstatus = [1, \"x\"]"), @r###"
    error: /etc/config.toml:2:10: on.status is "permision"; it must be one of needs-you, permission, working, done; did you mean permission?
    error: /etc/config.toml:3:7: on.run is empty
    error: /etc/config.toml:5:7: on.run must be a line for the shell, not a list
    error: /etc/config.toml:6:11: on.status must be a list of needs-you, permission, working, done, not a number
    error: /etc/config.toml:6:14: on.status is "x"; it must be one of needs-you, permission, working, done
    "###);
    assert_snapshot!(said("[[on]]\nstatus = \"done\"\nrnu = \"x\"\nshell = \"sh\"\n\n[[on]]\nrun = \"x\""), @r###"
    error: /etc/config.toml:1:1: this rule of [[on]] has no run
    warning: /etc/config.toml:3:1: unknown option on.rnu; did you mean run?
    warning: /etc/config.toml:4:1: unknown option on.shell; known are status, run
    error: /etc/config.toml:6:1: this rule of [[on]] has no status
    "###);
    assert_snapshot!(said("[notify]\nstatuses = [\"working\"]\nterminal = \"beep\"\ndesktop = \"yes\""), @r###"
    error: /etc/config.toml:2:13: notify.statuses is "working"; it must be one of permission, done
    error: /etc/config.toml:3:12: notify.terminal is "beep"; it must be one of bell, osc9, osc777, off
    error: /etc/config.toml:4:11: notify.desktop must be true or false, not a string
    "###);
}

#[test]
fn keys_do_one_thing() {
    assert_snapshot!(said("[keys]\njump = [\"x\", \"hyper-x\", \"\"]"), @r#"
    error: /etc/config.toml:2:14: keys.jump: "hyper-x" is no key
    error: /etc/config.toml:2:25: keys.jump: "" is no key
    "#);
    assert_snapshot!(said("[keys]\njump = \"x\"\nseen = [\"y\", \"x\"]"), @r#"error: /etc/config.toml:3:14: keys.seen: keys.jump has the key "x" already (line 2)"#);
    assert_snapshot!(said("[keys]\nseen = [\"space\", \" \"]"), @r#"error: /etc/config.toml:2:18: keys.seen: keys.seen has the key " " already (line 2)"#);
    assert_snapshot!(said("[keys]\nquit = []"), @"error: /etc/config.toml:2:1: keys.quit must keep a key");
    assert_snapshot!(said("[keys]\njump = \"q\"\nseen = [\"s\", \"ctrl-c\"]"), @"error: /etc/config.toml:3:14: keys.quit must keep a key");
    assert_snapshot!(said("[keys]\njump = \"q\""), @"");
}

#[test]
fn what_is_no_toml_is_told_with_its_place() {
    assert_snapshot!(said("[board]\ntheme = dark\n"), @"error: /etc/config.toml:2:9: string values must be quoted, expected literal string");
    assert_snapshot!(said("[board\ntheme = \"dark\"\n"), @"error: /etc/config.toml:1:7: unclosed table, expected `]`");
    assert_snapshot!(said("[board]\ndetail = true\ndetail = false\n"), @"error: /etc/config.toml:3:1: duplicate key");
    assert_snapshot!(said("[keys]\njump = [\"x\"\n"), @"error: /etc/config.toml:2:12: unclosed array, expected `]`");
    assert_snapshot!(said("[board]\n[board]\n"), @"error: /etc/config.toml:2:2: duplicate key");
}

#[test]
fn of_very_much_that_is_wrong_the_first_is_told() {
    let lines = |text: &str| said(text).lines().map(str::to_owned).collect::<Vec<_>>();
    let more = "error: /etc/config.toml: and more, not looked at; correct these first";
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
        let said = lines(&text);
        assert_eq!((said.len(), said.last().unwrap().as_str()), (51, more), "{text}");
    }
    // As many as are told are all there are.
    let most = numbered(50, "[a#]\n");
    assert!(lines(&most).iter().all(|line| line.starts_with("warning: ")));
    assert_eq!(lines(&most).len(), 50);
}

#[test]
fn nobody_has_so_many_rules() {
    let rules = |count| "[[on]]\nstatus = \"done\"\nrun = \"true\"\n".repeat(count);
    assert_eq!(said(&rules(100)), "");
    assert_snapshot!(said(&rules(102)), @"error: /etc/config.toml:301:1: there are more than 100 rules of [[on]]");
}

#[test]
fn a_long_name_is_nobodys_slip_of_the_pen() {
    let name = "x".repeat(60_000);
    assert!(said(&format!("[keys]\n{name} = 1")).ends_with("lists them all"));
}
