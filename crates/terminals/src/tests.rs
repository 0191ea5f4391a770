//! The commands for each terminal.

use super::test_system::{Table, TestSystem, environment};
use super::*;
use crewboard_core::{Pane, Place, Timestamp};
use insta::assert_snapshot;
use std::collections::BTreeMap;

const SOCKET: &str = "/tmp/tmux-1000/default";
const AGENT: u32 = 500;
const CALLER: u32 = 900;
const TMUX: u32 = 27123;

pub(super) const NO_VARIABLES: Table = &[];
/// The variables of a tmux pane, and of a tmux popup.
const IN_TMUX: Table = &[("TMUX", "/tmp/tmux-1000/default,27123,1"), ("TMUX_PANE", "%1")];
const IN_POPUP: Table = &[("TMUX", "/tmp/tmux-1000/default,27123,1")];

const PANES: &str = "%0 /dev/pts/3 400 $0 @0\n%1 /dev/pts/4 401 $1 @1\n%7 /dev/pts/5 402 $2 @2\n";
const CLIENTS: &str = "\
10 70 $0 %0 /dev/pts/20 /dev/pts/20
20 71 $1 %1 /dev/pts/21 /dev/pts/21
30 72 $2 %7 /dev/pts/22 /dev/pts/22
";

pub(super) fn place(terminal: &str, server: &str, pane: &str, tty: &str) -> Place {
    let known = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    Place {
        host: "box".to_owned(),
        terminal: known(terminal),
        server: known(server),
        pane: known(pane),
        tty: known(tty),
        ..Place::default()
    }
}

fn other(terminal: &str, server: &str, pane: &str) -> Pane {
    let Place { terminal, server, pane, .. } = place(terminal, server, pane, "");
    Pane { terminal: terminal.unwrap_or_default(), server, pane }
}

/// Returns a system with a tmux of three panes and three clients. The caller runs in it.
fn tmux_system() -> TestSystem {
    TestSystem {
        ancestors: vec![(CALLER, TMUX)],
        ..TestSystem::with_answers(&[
            ("list-panes", Ok(PANES)),
            ("list-clients", Ok(CLIENTS)),
            ("display-message", Ok("/dev/pts/21 $1\n")),
        ])
    }
}

/// Returns the variables of a process in this place, or `None` if they name no server.
fn variables_of(place: &Place) -> Option<BTreeMap<String, String>> {
    place.server.as_ref()?;
    let panes = place.panes();
    let variables = panes.iter().flat_map(|pane| {
        let (server, id) = match pane.terminal.as_str() {
            "tmux" => ("TMUX", "TMUX_PANE"),
            "zellij" => ("ZELLIJ_SESSION_NAME", "ZELLIJ_PANE_ID"),
            "screen" => ("STY", "WINDOW"),
            "wezterm" => ("WEZTERM_UNIX_SOCKET", "WEZTERM_PANE"),
            _ => ("KITTY_LISTEN_ON", "KITTY_WINDOW_ID"),
        };
        let more = if server == "TMUX" { ",27123,1" } else { "" };
        let of_server = pane.server.iter().map(move |value| (server, format!("{value}{more}")));
        of_server.chain(pane.pane.iter().map(move |value| (id, value.clone())))
    });
    Some(variables.map(|(name, value)| (name.to_owned(), value)).collect())
}

/// Focuses a pane. Returns the commands and the outcome.
pub(super) fn focus_pane(place: &Place, variables: Table, mut system: TestSystem) -> String {
    if system.environment_of(AGENT).is_none() {
        system.variables.extend(variables_of(place).map(|variables| (AGENT, variables)));
    }
    let target = Target { place, pid: Some(AGENT) };
    let caller = Caller { pid: CALLER, environment: &environment(variables) };
    let outcome = match focus(target, caller, &mut system) {
        Ok(FocusOutcome::Shown { note: None }) => "shown".to_owned(),
        Ok(FocusOutcome::Shown { note: Some(note) }) => format!("shown; {note}"),
        Ok(FocusOutcome::Attach(command)) => format!("attach with {command}"),
        Err(TerminalError { reason, hint: None }) => format!("not: {reason}"),
        Err(TerminalError { reason, hint: Some(hint) }) => format!("not: {reason}; {hint}"),
    };
    format!("{}\n-> {outcome}", system.command_lines())
}

#[test]
fn tmux_switches_the_callers_own_client() {
    let pane = place("tmux", SOCKET, "%0", "/dev/pts/3");
    assert_snapshot!(focus_pane(&pane, IN_TMUX, tmux_system()), @"
    tmux -S /tmp/tmux-1000/default list-panes -a -F '#{pane_id} #{pane_tty} #{pane_pid} #{session_id} #{window_id}'
    tmux -S /tmp/tmux-1000/default list-clients -F '#{client_activity} #{client_pid} #{session_id} #{pane_id} #{client_name} #{client_tty}'
    tmux -S /tmp/tmux-1000/default display-message -p -t %1 '#{client_name} #{session_id}'
    tmux -S /tmp/tmux-1000/default switch-client -c /dev/pts/21 -t '$0:@0.%0'
    -> shown
    ");
    assert_snapshot!(focus_pane(&pane, IN_POPUP, tmux_system()), @"
    tmux -S /tmp/tmux-1000/default list-panes -a -F '#{pane_id} #{pane_tty} #{pane_pid} #{session_id} #{window_id}'
    tmux -S /tmp/tmux-1000/default list-clients -F '#{client_activity} #{client_pid} #{session_id} #{pane_id} #{client_name} #{client_tty}'
    tmux -S /tmp/tmux-1000/default display-message -p -t '$1:' '#{client_name} #{session_id}'
    tmux -S /tmp/tmux-1000/default switch-client -c /dev/pts/21 -t '$0:@0.%0'
    -> shown
    ");
}

#[test]
fn tmux_switches_the_last_used_client_from_outside() {
    let pane = place("tmux", SOCKET, "%0", "/dev/pts/3");
    let mut system = tmux_system();
    system.ttys.push((600, "/dev/pts/22"));
    system.add_environment(72, &[("KITTY_WINDOW_ID", "4"), ("KITTY_LISTEN_ON", "unix:/tmp/k")]);
    let windows = r#"[{"tabs":[{"windows":[{"id":3,"pid":599},{"id":4,"pid":600}]}]}]"#;
    system.answers.push((" ls", Ok(windows)));
    assert_snapshot!(focus_pane(&pane, NO_VARIABLES, system), @"
    tmux -S /tmp/tmux-1000/default list-panes -a -F '#{pane_id} #{pane_tty} #{pane_pid} #{session_id} #{window_id}'
    tmux -S /tmp/tmux-1000/default list-clients -F '#{client_activity} #{client_pid} #{session_id} #{pane_id} #{client_name} #{client_tty}'
    tmux -S /tmp/tmux-1000/default switch-client -c /dev/pts/22 -t '$0:@0.%0'
    kitty @ --to unix:/tmp/k ls
    kitty @ --to unix:/tmp/k focus-window --match id:4
    -> shown
    ");
    // Inherited variables of tmux do not count for a caller outside tmux.
    let mut system = tmux_system();
    system.ancestors.clear();
    assert_snapshot!(focus_pane(&pane, IN_TMUX, system), @"
    tmux -S /tmp/tmux-1000/default list-panes -a -F '#{pane_id} #{pane_tty} #{pane_pid} #{session_id} #{window_id}'
    tmux -S /tmp/tmux-1000/default list-clients -F '#{client_activity} #{client_pid} #{session_id} #{pane_id} #{client_name} #{client_tty}'
    tmux -S /tmp/tmux-1000/default switch-client -c /dev/pts/22 -t '$0:@0.%0'
    -> shown; it is shown on /dev/pts/22, whose window Crewboard cannot raise
    ");
}

#[test]
fn unreported_variables_are_read_from_the_process() {
    for place in [place("tmux", "", "%0", "/dev/pts/3"), place("", "", "", "/dev/pts/3")] {
        let mut system = tmux_system();
        system.add_environment(AGENT, IN_TMUX);
        assert!(focus_pane(&place, IN_TMUX, system).ends_with("-> shown"));
        let outcome = focus_pane(&place, IN_TMUX, tmux_system());
        assert!(outcome.contains("-> not: "), "{outcome}");
    }
}

#[test]
fn detached_session_gives_an_attach_command() {
    let pane = place("tmux", SOCKET, "%0", "/dev/pts/3");
    let mut system = tmux_system();
    system.answers[1].1 = Ok("");
    assert_snapshot!(focus_pane(&pane, NO_VARIABLES, system), @"
    tmux -S /tmp/tmux-1000/default list-panes -a -F '#{pane_id} #{pane_tty} #{pane_pid} #{session_id} #{window_id}'
    tmux -S /tmp/tmux-1000/default list-clients -F '#{client_activity} #{client_pid} #{session_id} #{pane_id} #{client_name} #{client_tty}'
    -> attach with tmux -S /tmp/tmux-1000/default attach-session -t '$0:@0.%0'
    ");
}

#[test]
fn tmux_pane_is_found_by_its_terminal_device() {
    let cases = [
        ("is where its variables say", place("tmux", SOCKET, "%0", "/dev/pts/3")),
        ("is in another pane", place("tmux", SOCKET, "%0", "/dev/pts/5")),
        ("is gone", place("tmux", SOCKET, "%9", "/dev/pts/9")),
        ("has inherited variables", place("tmux", SOCKET, "%0", "/dev/pts/9")),
        ("has an unknown device and another parent", place("tmux", SOCKET, "%7", "")),
    ];
    let outcomes = cases.map(|(case, place)| {
        let outcome = focus_pane(&place, IN_TMUX, tmux_system());
        let last: Vec<&str> = outcome.lines().rev().take(2).collect();
        format!("{case}: {} {}", last[1], last[0])
    });
    assert_snapshot!(outcomes.join("\n"), @"
    is where its variables say: tmux -S /tmp/tmux-1000/default switch-client -c /dev/pts/21 -t '$0:@0.%0' -> shown
    is in another pane: tmux -S /tmp/tmux-1000/default switch-client -c /dev/pts/21 -t '$2:@2.%7' -> shown
    is gone: tmux -S /tmp/tmux-1000/default list-panes -a -F '#{pane_id} #{pane_tty} #{pane_pid} #{session_id} #{window_id}' -> not: its pane %9 is gone from tmux
    has inherited variables: tmux -S /tmp/tmux-1000/default list-panes -a -F '#{pane_id} #{pane_tty} #{pane_pid} #{session_id} #{window_id}' -> not: its variables name pane %0 of tmux, but it does not run there
    has an unknown device and another parent: tmux -S /tmp/tmux-1000/default list-panes -a -F '#{pane_id} #{pane_tty} #{pane_pid} #{session_id} #{window_id}' -> not: its variables name pane %7 of tmux, but it does not run there
    ");
}

#[test]
fn nested_terminal_is_in_its_pane_unless_it_is_a_multiplexer() {
    let mut pane = place("tmux", SOCKET, "%0", "/dev/pts/9");
    let system = || TestSystem { ancestors: vec![(AGENT, 400), (CALLER, TMUX)], ..tmux_system() };
    assert!(focus_pane(&pane, IN_TMUX, system()).ends_with("-> shown"));
    pane.others = vec![other("screen", "77.pts-0.box", "2")];
    let mut system = system();
    system.ancestors.push((AGENT, 77));
    system.answers.push(("screen -ls", Ok("There is a screen on:\n\t77.pts-0.box\t(Attached)\n")));
    assert_snapshot!(focus_pane(&pane, IN_TMUX, system), @"
    tmux -S /tmp/tmux-1000/default list-panes -a -F '#{pane_id} #{pane_tty} #{pane_pid} #{session_id} #{window_id}'
    SCREENDIR=/run/sockets/1 screen -ls 77.pts-0.box
    SCREENDIR=/run/sockets/1 screen -S 77.pts-0.box -X select 2
    -> shown
    ");
}

#[test]
fn tmux_failure_has_a_reason() {
    let pane = place("tmux", SOCKET, "%0", "/dev/pts/3");
    let errors = [
        CommandError::NotFound,
        CommandError::TimedOut,
        CommandError::Failed("no server running on /tmp/tmux-1000/default".to_owned()),
        CommandError::Failed(String::new()),
    ];
    let outcomes = errors.map(|error| {
        let mut system = tmux_system();
        system.answers[0].1 = Err(error);
        focus_pane(&pane, IN_TMUX, system).lines().last().unwrap_or_default().to_owned()
    });
    assert_snapshot!(outcomes.join("\n"), @"
    -> not: cannot find tmux on the PATH; install it, or add its directory to PATH
    -> not: its tmux server does not answer (/tmp/tmux-1000/default)
    -> not: no tmux server answers at /tmp/tmux-1000/default
    -> not: tmux failed without a message
    ");
}

#[test]
fn each_terminal_gets_its_own_commands() {
    let answers = TestSystem::with_answers;
    let kitty = r#"[{"tabs":[{"windows":[{"id":3,"pid":599}]}]}]"#;
    let wezterm =
        r#"[{"pane_id":0,"tty_name":"/dev/pts/3"},{"pane_id":5,"tty_name":"/dev/pts/9"}]"#;
    let in_kitty =
        || TestSystem { ttys: vec![(599, "/dev/pts/3")], ..answers(&[(" ls", Ok(kitty))]) };
    let cases = [
        (
            place("wezterm", "/run/wez", "0", "/dev/pts/9"),
            NO_VARIABLES,
            answers(&[("list", Ok(wezterm))]),
        ),
        (place("wezterm", "/run/wez", "7", ""), NO_VARIABLES, answers(&[("list", Ok(wezterm))])),
        (place("kitty", "unix:/tmp/k", "3", "/dev/pts/3"), NO_VARIABLES, in_kitty()),
        (place("kitty", "unix:/tmp/k", "3", "/dev/pts/4"), NO_VARIABLES, in_kitty()),
        (place("kitty", "unix:/tmp/k", "4", "/dev/pts/4"), NO_VARIABLES, in_kitty()),
        (place("kitty", "", "3", ""), NO_VARIABLES, answers(&[])),
        (
            place("iterm2", "", "w0t1p0:2F1C-77", ""),
            NO_VARIABLES,
            answers(&[("osascript", Ok("shown\n"))]),
        ),
        (
            place("terminal", "", "", "/dev/ttys003"),
            NO_VARIABLES,
            answers(&[("osascript", Ok("shown\n"))]),
        ),
        (
            place("ghostty", "", "", "/dev/ttys003"),
            NO_VARIABLES,
            answers(&[("osascript", Ok("\n"))]),
        ),
        (
            place("ghostty", "", "", "/dev/pts/3"),
            NO_VARIABLES,
            answers(&[("osascript", Err(CommandError::NotFound))]),
        ),
        (place("vscode", "", "", "/dev/pts/3"), NO_VARIABLES, answers(&[])),
        (place("", "", "", "/dev/pts/3"), NO_VARIABLES, answers(&[])),
        (place("", "", "", ""), NO_VARIABLES, answers(&[])),
    ];
    let outcomes = cases.map(|(place, variables, system)| {
        let outcome = focus_pane(&place, variables, system);
        // The scripts for macOS are constants.
        let lines = outcome
            .lines()
            .filter(|line| !line.starts_with("  ") && !line.starts_with("osascript"));
        lines.collect::<Vec<_>>().join("\n")
    });
    assert_snapshot!(outcomes.join("\n"), @r#"
    WEZTERM_UNIX_SOCKET=/run/wez wezterm cli --no-auto-start list --format json
    WEZTERM_UNIX_SOCKET=/run/wez wezterm cli --no-auto-start activate-pane --pane-id 5
    -> shown
    WEZTERM_UNIX_SOCKET=/run/wez wezterm cli --no-auto-start list --format json
    -> not: its pane 7 is gone from WezTerm
    kitty @ --to unix:/tmp/k ls
    kitty @ --to unix:/tmp/k focus-window --match id:3
    -> shown
    kitty @ --to unix:/tmp/k ls
    -> not: its variables name window 3 of kitty, but it does not run there
    kitty @ --to unix:/tmp/k ls
    -> not: its window 4 is gone from kitty

    -> not: it runs in window 3 of a kitty that accepts no commands; set `allow_remote_control` and `listen_on` in kitty.conf, and restart kitty
    end run' 2F1C-77
    -> shown
    end run' /dev/ttys003
    -> shown
    end run' /dev/ttys003
    -> not: its terminal has no window with /dev/ttys003
    end run' /dev/pts/3
    -> not: its terminal accepts no commands on this system; look for /dev/pts/3

    -> not: it runs in vscode, which has no command to show a tab; look for /dev/pts/3 (`tty` in a shell prints its device)

    -> not: its terminal accepts no commands; look for /dev/pts/3 (`tty` in a shell prints its device)

    -> not: its terminal is unknown
    "#);
}

#[test]
fn new_pane_opens_only_in_a_server_above_the_caller() {
    let tables: [Table; 3] = [
        &[("ZELLIJ_SESSION_NAME", "work"), ("ZELLIJ_PANE_ID", "1")],
        &[("WEZTERM_PANE", "3"), ("WEZTERM_UNIX_SOCKET", "/run/wez")],
        &[("KITTY_WINDOW_ID", "3"), ("KITTY_LISTEN_ON", "unix:/tmp/k")],
    ];
    for table in tables {
        for unverified in [Unverified::Mismatch, Unverified::Gone] {
            let system = TestSystem { unverified: Some(unverified), ..TestSystem::default() };
            let outcome = open_pane(table, system);
            assert!(outcome.starts_with("\n-> here: "), "{outcome}");
        }
    }
    // A kitty that listens on the network cannot be checked.
    let network = &[("KITTY_WINDOW_ID", "3"), ("KITTY_LISTEN_ON", "tcp:localhost:1234")];
    assert!(open_pane(network, TestSystem::default()).starts_with("\n-> here: "));
}

/// Opens a program in a new pane. Returns the last command and the outcome.
fn open_pane(variables: Table, mut system: TestSystem) -> String {
    let words = ["/usr/bin/env".to_owned(), "#(touch x);".to_owned()];
    let new_pane = NewPane { words: &words, directory: "/srv/#(touch x);" };
    let caller = Caller { pid: CALLER, environment: &environment(variables) };
    let outcome = match open(&new_pane, caller, &mut system) {
        Ok(OpenOutcome::InPane(terminal)) => format!("in {terminal}"),
        Ok(OpenOutcome::RunHere(command)) => format!("here: {command}"),
        Err(error) => format!("not: {}", error.reason),
    };
    format!("{}\n-> {outcome}", system.command_lines().lines().last().unwrap_or_default())
}

#[test]
fn new_pane_opens_in_the_callers_terminal() {
    let screen = TestSystem { ancestors: vec![(CALLER, 77)], ..TestSystem::default() };
    let outcomes = [
        open_pane(IN_TMUX, tmux_system()),
        open_pane(IN_POPUP, tmux_system()),
        open_pane(IN_TMUX, TestSystem::default()),
        open_pane(
            &[("ZELLIJ_SESSION_NAME", "work"), ("ZELLIJ_PANE_ID", "1")],
            TestSystem::with_answers(&[("new-pane", Ok("terminal_7\n"))]),
        ),
        open_pane(
            &[("ZELLIJ_SESSION_NAME", "gone"), ("ZELLIJ_PANE_ID", "1")],
            TestSystem::with_answers(&[(
                "new-pane",
                Ok("\x1b[32;1mbeta\x1b[m [Created 2m ago]\n"),
            )]),
        ),
        open_pane(&[("STY", "77.pts-0.box"), ("WINDOW", "1")], screen),
        open_pane(
            &[("WEZTERM_PANE", "3"), ("WEZTERM_UNIX_SOCKET", "/run/wez")],
            TestSystem::default(),
        ),
        open_pane(
            &[("KITTY_WINDOW_ID", "3"), ("KITTY_LISTEN_ON", "unix:/tmp/k")],
            TestSystem::default(),
        ),
        open_pane(&[("KITTY_WINDOW_ID", "3")], TestSystem::default()),
    ];
    assert_snapshot!(outcomes.join("\n"), @r###"
    tmux -S /tmp/tmux-1000/default new-window -t '$1:' -- sh -c 'cd -- "$1" && shift && exec "$@"' sh '/srv/#(touch x)\;' /usr/bin/env '#(touch x)\;'
    -> in tmux
    tmux -S /tmp/tmux-1000/default new-window -t '$1:' -- sh -c 'cd -- "$1" && shift && exec "$@"' sh '/srv/#(touch x)\;' /usr/bin/env '#(touch x)\;'
    -> in tmux

    -> here: /usr/bin/env '#(touch x);'
    ZELLIJ_SOCKET_DIR=/run/sockets zellij --session=work action new-pane '--cwd=/srv/#(touch x);' -- /usr/bin/env '#(touch x);'
    -> in zellij
    ZELLIJ_SOCKET_DIR=/run/sockets zellij --session=gone action new-pane '--cwd=/srv/#(touch x);' -- /usr/bin/env '#(touch x);'
    -> here: /usr/bin/env '#(touch x);'
    screen -S 77.pts-0.box -X screen sh -c 'cd -- "\$1" && shift && exec "\$@"' sh '/srv/#(touch x);' /usr/bin/env '#(touch x);'
    -> in screen
    WEZTERM_UNIX_SOCKET=/run/wez wezterm cli --no-auto-start spawn --cwd '/srv/#(touch x);' --pane-id 3 -- /usr/bin/env '#(touch x);'
    -> in WezTerm
    kitty @ --to unix:/tmp/k launch --type=tab '--cwd=/srv/#(touch x);' /usr/bin/env '#(touch x);'
    -> in kitty

    -> here: /usr/bin/env '#(touch x);'
    "###);
}

#[test]
fn server_named_only_by_a_claim_is_never_contacted() {
    let claims = [
        place("tmux", "/tmp/ws/evil.sock", "%0", "/dev/pts/3"),
        place("zellij", "evil", "0", ""),
        place("screen", "500.evil", "0", ""),
        place("wezterm", "/tmp/ws/evil.sock", "0", ""),
        place("kitty", "unix:/tmp/ws/evil.sock", "3", ""),
        place("kitty", "unix:@evil", "3", ""),
        place("kitty", "tcp:evil.example:1", "3", ""),
    ];
    for claim in claims {
        for variables in [&[][..], IN_TMUX, &[("STY", "77.pts-0.box"), ("WINDOW", "1")]] {
            let mut system = tmux_system();
            system.ancestors.push((AGENT, 500));
            system.add_environment(AGENT, variables);
            let outcome = focus_pane(&claim, IN_TMUX, system);
            assert!(outcome.starts_with("\n-> not: "), "{claim:?}: {outcome}");
            let mut system = tmux_system();
            system.add_environment(AGENT, variables);
            let caller = Caller { pid: CALLER, environment: &environment(IN_TMUX) };
            let target = Target { place: &claim, pid: Some(AGENT) };
            let time = StatusTime { since: Timestamp(0), now: Timestamp(9000) };
            assert!(!has_focus(target, time, caller, &mut system));
            assert_eq!((system.command_lines(), system.verifications), (String::new(), Vec::new()));
        }
    }
}

#[test]
fn pane_is_in_front_if_a_jump_would_change_nothing() {
    const IN_OTHER: Table = &[("TMUX", "/tmp/tmux-1000/other,27123,1"), ("TMUX_PANE", "%1")];
    const IN_ZELLIJ: Table = &[("ZELLIJ_SESSION_NAME", "own"), ("ZELLIJ_PANE_ID", "1")];
    let panes = "CLIENT_ID ZELLIJ_PANE_ID RUNNING_COMMAND\n1 terminal_4 cat\n";
    let zellij = || TestSystem::with_answers(&[("list-clients", Ok(panes))]);
    let kitty = || {
        let windows = r#"[{"tabs":[{"is_focused":true,"windows":[
            {"id":3,"pid":600,"is_focused":true},{"id":4,"pid":601}]}]}]"#;
        let system = TestSystem::with_answers(&[(" ls", Ok(windows))]);
        TestSystem { ancestors: vec![(AGENT, 600)], ..system }
    };
    let tmux = |pane, tty| place("tmux", SOCKET, pane, tty);
    for (place, variables, mut system, expected) in [
        // The caller's own client shows the pane, or another one.
        (tmux("%1", "/dev/pts/4"), IN_TMUX, tmux_system(), true),
        (tmux("%7", "/dev/pts/5"), IN_TMUX, tmux_system(), false),
        (tmux("%1", "/dev/pts/4"), IN_POPUP, tmux_system(), true),
        // From outside, the client with the last key press counts.
        (tmux("%7", "/dev/pts/5"), NO_VARIABLES, tmux_system(), true),
        (tmux("%1", "/dev/pts/4"), NO_VARIABLES, tmux_system(), false),
        (tmux("%7", "/dev/pts/5"), IN_OTHER, tmux_system(), false),
        (place("zellij", "own", "4", ""), IN_ZELLIJ, zellij(), true),
        (place("zellij", "own", "5", ""), IN_ZELLIJ, zellij(), false),
        (place("zellij", "work", "4", ""), IN_ZELLIJ, zellij(), false),
        (place("zellij", "work", "4", ""), NO_VARIABLES, zellij(), true),
        (place("kitty", "unix:/tmp/k", "3", ""), NO_VARIABLES, kitty(), true),
        (place("kitty", "unix:/tmp/k", "4", ""), NO_VARIABLES, kitty(), false),
        (place("iterm2", "", "w0t0p0", ""), NO_VARIABLES, TestSystem::default(), false),
    ] {
        if let Some(variables) = variables_of(&place) {
            system.variables.push((AGENT, variables));
        }
        let target = Target { place: &place, pid: Some(AGENT) };
        let caller = Caller { pid: CALLER, environment: &environment(variables) };
        assert_eq!(is_in_front(target, caller, &mut system), expected, "{place:?} {variables:?}");
    }
}

#[test]
fn server_is_verified_by_the_processes_that_name_it() {
    let pane = place("tmux", SOCKET, "%0", "/dev/pts/3");
    let other = &[("TMUX", "/tmp/tmux-1000/other,1,1"), ("TMUX_PANE", "%1")];
    let server = format!("Socket({SOCKET:?})");
    for (own, its, verification) in [
        (IN_TMUX, Some(IN_TMUX), Some((Some(AGENT), Some(CALLER)))),
        (IN_POPUP, Some(other), Some((None, Some(CALLER)))),
        (other, Some(IN_TMUX), Some((Some(AGENT), None))),
        (NO_VARIABLES, Some(other), None),
        (NO_VARIABLES, None, None),
    ] {
        let mut system = tmux_system();
        if let Some(its) = its {
            system.add_environment(AGENT, its);
        }
        let target = Target { place: &pane, pid: Some(AGENT) };
        let caller = Caller { pid: CALLER, environment: &environment(own) };
        let outcome = focus(target, caller, &mut system);
        assert_eq!(outcome.is_ok(), verification.is_some());
        let expected: Vec<_> =
            verification.map(|(its, own)| (server.clone(), its, own)).into_iter().collect();
        assert_eq!(system.verifications, expected);
    }
}

#[test]
fn unverified_server_gets_no_command() {
    let outcomes = [Unverified::Gone, Unverified::Mismatch].map(|unverified| {
        let system = TestSystem { unverified: Some(unverified), ..tmux_system() };
        focus_pane(&place("tmux", SOCKET, "%0", "/dev/pts/3"), IN_TMUX, system)
    });
    assert_snapshot!(outcomes.join(""), @"

    -> not: no tmux server listens at /tmp/tmux-1000/default
    -> not: its events name the tmux server /tmp/tmux-1000/default, and nothing shows that it runs there; Crewboard contacts only a server that runs the session's terminal or your own
    ");
}

/// Returns the tmux server that runs the terminal of a process, according to the kernel.
fn enclosing(address: Result<String, Unverified>) -> EnclosingTmux {
    EnclosingTmux { pid: 31, socket: "/tmp/o".to_owned(), address }
}

#[test]
fn client_in_a_pane_of_another_tmux_is_shown_there() {
    // Client 72 of the inner server is in a pane of the outer one, with or without its variables.
    let panes = "%4 /dev/pts/8 300 $4 @4\n%5 /dev/pts/22 301 $4 @5\n";
    for variables in [None, Some(NO_VARIABLES), Some(&[("TERM", "xterm")])] {
        let mut system = tmux_system();
        system.ancestors.push((CALLER, 31));
        system.enclosing.push((72, enclosing(Ok("/tmp/o".to_owned()))));
        system.answers.insert(0, ("/tmp/o list-panes", Ok(panes)));
        system.answers.insert(0, ("/tmp/o list-clients", Ok("9 80 $4 %5 /dev/pts/1 /dev/pts/1")));
        system.answers.insert(0, ("/tmp/o display-message", Ok("/dev/pts/1 $4")));
        if let Some(variables) = variables {
            system.add_environment(72, variables);
        }
        let in_outer = &[("TMUX", "/tmp/o,31,4"), ("TMUX_PANE", "%4")];
        let outcome = focus_pane(&place("tmux", SOCKET, "%0", "/dev/pts/3"), in_outer, system);
        let lines: Vec<&str> =
            outcome.lines().filter(|line| line.contains("switch") || line.contains("->")).collect();
        assert_eq!(
            lines,
            [
                "tmux -S /tmp/tmux-1000/default switch-client -c /dev/pts/22 -t '$0:@0.%0'",
                "tmux -S /tmp/o switch-client -c /dev/pts/1 -t '$4:@5.%5'",
                "-> shown",
            ]
        );
    }
}

#[test]
fn pane_without_variables_is_found_by_its_terminal() {
    for (tty, address, last) in [
        ("/dev/pts/3", Ok(SOCKET.to_owned()), "-> shown; it is shown on /dev/pts/22"),
        ("/dev/pts/99", Ok(SOCKET.to_owned()), "-> not: it runs in a popup of tmux, which has no"),
        (
            "/dev/pts/3",
            Err(Unverified::Gone),
            "-> not: the socket of its tmux server is gone (/tmp/o)",
        ),
        (
            "/dev/pts/3",
            Err(Unverified::Mismatch),
            "-> not: its tmux server is process 31, and another",
        ),
    ] {
        let mut system = tmux_system();
        system.enclosing.push((AGENT, enclosing(address)));
        let outcome = focus_pane(&place("", "", "", tty), NO_VARIABLES, system);
        let found = outcome.lines().last().unwrap_or_default();
        assert!(found.starts_with(last), "{outcome}");
    }
}
