use super::*;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use tempfile::TempDir;

/// Returns the output and the failure of the command, with `~` in place of the path of the world.
fn run_in(world: &TempDir, action: &ConfigAction) -> String {
    let environment = Environment { home: Some(world.path().to_owned()), ..Environment::default() };
    let mut output = Vec::new();
    let end = match run(action, &environment, &mut output) {
        Ok(code) if code == ExitCode::SUCCESS => String::new(),
        Ok(_) => "(failed)".to_owned(),
        Err(failure) => format!("({failure:?})"),
    };
    let text = format!("{}{end}", String::from_utf8(output).unwrap());
    text.replace(world.path().to_str().unwrap(), "~")
}

fn write(world: &TempDir, text: &str) {
    let directory = world.path().join(".config/crewboard");
    fs::create_dir_all(&directory).unwrap();
    fs::write(directory.join("config.toml"), text).unwrap();
}

const SHOW: ConfigAction = ConfigAction::Show { json: false };
const CHECK: ConfigAction = ConfigAction::Check { file: None };

#[test]
fn init_writes_a_valid_file_once() {
    let world = tempfile::tempdir().unwrap();
    insta::assert_snapshot!(run_in(&world, &ConfigAction::Path), @"~/.config/crewboard/config.toml");
    insta::assert_snapshot!(run_in(&world, &CHECK), @"~/.config/crewboard/config.toml does not exist: every option has its default");
    let before = run_in(&world, &SHOW);
    insta::assert_snapshot!(run_in(&world, &ConfigAction::Init), @"wrote ~/.config/crewboard/config.toml");
    let path = world.path().join(".config/crewboard/config.toml");
    assert_eq!(fs::metadata(path.parent().unwrap()).unwrap().permissions().mode() & 0o777, 0o700);
    insta::assert_snapshot!(run_in(&world, &CHECK), @"~/.config/crewboard/config.toml is valid");
    assert_eq!(run_in(&world, &SHOW), before.replace(" (does not exist)", ""));
    write(&world, "mine");
    insta::assert_snapshot!(run_in(&world, &ConfigAction::Init), @r#"(Failure { message: "~/.config/crewboard/config.toml already exists", hint: Some("run `crewboard config show` to see every option with its value"), code: 1, is_disconnect: false })"#);
    assert_eq!(fs::read_to_string(path).unwrap(), "mine");
}

#[test]
fn show_prints_the_origin_of_each_value() {
    let world = tempfile::tempdir().unwrap();
    write(&world, "[board]\ntheme = \"dark\"\n\n[keys]\njump = [\"enter\", \"q\"]\npin = []\n");
    insta::assert_snapshot!(run_in(&world, &SHOW), @r###"
    # ~/.config/crewboard/config.toml

    [board]
    theme = "dark"        # config.toml:2
    detail = true         # default
    layout = "auto"       # default
    order = "needs-you"   # default
    headings = true       # default
    title = true          # default
    report_status = true  # default

    [keys]
    up = ["up", "k", "ctrl-p"]          # default
    down = ["down", "j", "ctrl-n"]      # default
    page-up = ["pageup", "ctrl-b"]      # default
    page-down = ["pagedown", "ctrl-f"]  # default
    half-page-up = ["ctrl-u"]           # default
    half-page-down = ["ctrl-d"]         # default
    first = ["g", "home"]               # default
    last = ["G", "end"]                 # default
    jump = ["enter", "q"]               # config.toml:5
    next = ["tab"]                      # default
    previous = ["shift-tab"]            # default
    seen = ["space"]                    # default
    pin = []                            # config.toml:6
    snooze = ["z"]                      # default
    dismiss = ["x"]                     # default
    undo = ["u"]                        # default
    copy = ["y"]                        # default
    show-dismissed = ["X"]              # default
    order = ["s"]                       # default
    open = ["o"]                        # default
    filter = ["/"]                      # default
    next-match = ["n"]                  # default
    previous-match = ["N"]              # default
    detail = ["d"]                      # default
    whole = ["v"]                       # default
    more-details = ["l", "right"]       # default
    less-details = ["h", "left"]        # default
    peek = ["P"]                        # default
    timeline = ["t"]                    # default
    zoom-in = ["+", "="]                # default
    zoom-out = ["-"]                    # default
    install = ["i"]                     # default
    problems = ["e"]                    # default
    palette = [":", "ctrl-k"]           # default
    help = ["?", "f1"]                  # default
    back = ["esc"]                      # default
    redraw = ["ctrl-l"]                 # default
    suspend = ["ctrl-z"]                # default
    quit = ["ctrl-c"]                   # default

    [notify]
    statuses = ["permission", "question", "plan", "failed", "done"]  # default
    desktop = true                                                   # default
    terminal = "bell"                                                # default
    content = false                                                  # default
    quiet = ""                                                       # default
    sound_permission = ""                                            # default
    sound_question = ""                                              # default
    sound_plan = ""                                                  # default
    sound_failed = ""                                                # default
    sound_done = ""                                                  # default

    [jump]
    command = ""    # default
    always = false  # default

    [open]
    command = ""    # default
    always = false  # default

    [daemon]
    idle_exit = "1h"  # default
    "###);
    // The output of `show` is a configuration with the same values.
    let shown = run_in(&world, &SHOW);
    write(&world, &shown);
    let without_origin = |text: &str| -> Vec<String> {
        text.lines().map(|line| line.split("  #").next().unwrap().trim_end().to_owned()).collect()
    };
    assert_eq!(without_origin(&run_in(&world, &SHOW)), without_origin(&shown));

    let all: serde_json::Value =
        serde_json::from_str(&run_in(&world, &ConfigAction::Show { json: true })).unwrap();
    let option = |name: &str| {
        let options = all["options"].as_array().unwrap();
        options.iter().find(|option| option["option"] == name).unwrap().to_string()
    };
    insta::assert_snapshot!(option("board.theme"), @r#"{"line":4,"option":"board.theme","origin":"file","value":"dark","variable":null}"#);
    assert!(option("daemon.idle_exit").contains(r#""value":"1h""#));
}

#[test]
fn check_lists_every_problem() {
    let world = tempfile::tempdir().unwrap();
    write(&world, "[board]\ntheme = \"drak\"\nfont = 1\n[keys]\njump = \"x\"\npin = \"x\"\n");
    insta::assert_snapshot!(run_in(&world, &CHECK), @r#"
    error: ~/.config/crewboard/config.toml:2:9: board.theme is "drak"; it must be one of auto, terminal, dark, light, plain; did you mean dark?
    warning: ~/.config/crewboard/config.toml:3:1: unknown option board.font; use one of theme, detail, layout, order, headings, title, report_status
    error: ~/.config/crewboard/config.toml:6:7: keys.pin: keys.jump already has the key "x" (line 5)
    (failed)
    "#);
    let shown = run_in(&world, &SHOW);
    let lines: Vec<&str> = shown.lines().take(7).chain(shown.lines().last()).collect();
    insta::assert_snapshot!(lines.join("\n"), @r#"
    # ~/.config/crewboard/config.toml
    # error: ~/.config/crewboard/config.toml:2:9: board.theme is "drak"; it must be one of auto, terminal, dark, light, plain; did you mean dark?
    # warning: ~/.config/crewboard/config.toml:3:1: unknown option board.font; use one of theme, detail, layout, order, headings, title, report_status
    # error: ~/.config/crewboard/config.toml:6:7: keys.pin: keys.jump already has the key "x" (line 5)

    [board]
    theme = "auto"        # default
    (Failure { message: "the configuration is ignored because it has 2 errors", hint: Some("run `crewboard config check` to list every problem"), code: 1, is_disconnect: false })
    "#);
    write(&world, "[board]\nfont = 1\n");
    insta::assert_snapshot!(run_in(&world, &CHECK), @"warning: ~/.config/crewboard/config.toml:2:1: unknown option board.font; use one of theme, detail, layout, order, headings, title, report_status");
    let other = ConfigAction::Check { file: Some(world.path().join("other.toml")) };
    insta::assert_snapshot!(run_in(&world, &other), @r#"(Failure { message: "~/other.toml does not exist", hint: None, code: 1, is_disconnect: false })"#);
}

/// Compares the page with the options. With `UPDATE_DOCS` set, writes the page first.
#[test]
fn documentation_matches_the_options() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/configuration.md");
    let page = schema().page();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, &page).unwrap();
    }
    let found = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        found == page,
        "docs/configuration.md is out of date: run UPDATE_DOCS=1 cargo test -p crewboard documentation"
    );
}
