//! What terminals are told, as data.

use super::test_system::{Table, TestSystem, environment};
use super::*;
use crewboard_core::{Pane, Place};
use insta::assert_snapshot;
use std::collections::BTreeMap;

const SOCKET: &str = "/tmp/tmux-1000/default";
const AGENT: u32 = 500;
const ASKER: u32 = 900;
const TMUX: u32 = 27123;

pub(super) const NOWHERE: Table = &[];
/// A pane of tmux, and what runs over one.
const IN_TMUX: Table = &[("TMUX", "/tmp/tmux-1000/default,27123,1"), ("TMUX_PANE", "%1")];
const IN_POPUP: Table = &[("TMUX", "/tmp/tmux-1000/default,27123,1")];

const PANES: &str = "%0 /dev/pts/3 400 $0 @0\n%1 /dev/pts/4 401 $1 @1\n%7 /dev/pts/5 402 $2 @2\n";
const CLIENTS: &str = "\
10 70 $0 /dev/pts/20 /dev/pts/20
20 71 $1 /dev/pts/21 /dev/pts/21
30 72 $2 /dev/pts/22 /dev/pts/22
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

/// A tmux with three panes and three clients, in which whoever has its variables runs.
fn tmux_system() -> TestSystem {
    TestSystem {
        families: vec![(ASKER, TMUX)],
        ..TestSystem::answering(&[
            ("list-panes", Ok(PANES)),
            ("list-clients", Ok(CLIENTS)),
            ("display-message", Ok("/dev/pts/21 $1\n")),
        ])
    }
}

/// The variables by which a process is in this place; `None` where they name no server.
fn variables_that_say(place: &Place) -> Option<BTreeMap<String, String>> {
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

/// What was asked, and what came of it.
pub(super) fn told(place: &Place, variables: Table, mut system: TestSystem) -> String {
    if system.environment_of(AGENT).is_none() {
        system.variables.extend(variables_that_say(place).map(|variables| (AGENT, variables)));
    }
    let target = Target { place, pid: Some(AGENT) };
    let asker = Caller { pid: ASKER, environment: &environment(variables) };
    let reached = focus(target, asker, &mut system);
    let outcome = match reached {
        Ok(FocusOutcome::Shown { note: None }) => "shown".to_owned(),
        Ok(FocusOutcome::Shown { note: Some(note) }) => format!("shown; {note}"),
        Ok(FocusOutcome::Attach(command)) => format!("attach with {command}"),
        Err(TerminalError { why, hint: None }) => format!("not: {why}"),
        Err(TerminalError { why, hint: Some(hint) }) => format!("not: {why}; {hint}"),
    };
    format!("{}\n-> {outcome}", system.asked())
}

#[test]
fn tmux_switches_the_askers_own_client() {
    let pane = place("tmux", SOCKET, "%0", "/dev/pts/3");
    assert_snapshot!(told(&pane, IN_TMUX, tmux_system()), @"
    tmux -S /tmp/tmux-1000/default list-panes -a -F '#{pane_id} #{pane_tty} #{pane_pid} #{session_id} #{window_id}'
    tmux -S /tmp/tmux-1000/default list-clients -F '#{client_activity} #{client_pid} #{session_id} #{client_name} #{client_tty}'
    tmux -S /tmp/tmux-1000/default display-message -p -t %1 '#{client_name} #{session_id}'
    tmux -S /tmp/tmux-1000/default switch-client -c /dev/pts/21 -t '$0:@0.%0'
    -> shown
    ");
    assert_snapshot!(told(&pane, IN_POPUP, tmux_system()), @"
    tmux -S /tmp/tmux-1000/default list-panes -a -F '#{pane_id} #{pane_tty} #{pane_pid} #{session_id} #{window_id}'
    tmux -S /tmp/tmux-1000/default list-clients -F '#{client_activity} #{client_pid} #{session_id} #{client_name} #{client_tty}'
    tmux -S /tmp/tmux-1000/default display-message -p -t '$1:' '#{client_name} #{session_id}'
    tmux -S /tmp/tmux-1000/default switch-client -c /dev/pts/21 -t '$0:@0.%0'
    -> shown
    ");
}

#[test]
fn from_outside_tmux_switches_the_client_typed_at_last_and_raises_its_window() {
    let pane = place("tmux", SOCKET, "%0", "/dev/pts/3");
    let mut system = tmux_system();
    system.ttys.push((600, "/dev/pts/22"));
    system.started_with(72, &[("KITTY_WINDOW_ID", "4"), ("KITTY_LISTEN_ON", "unix:/tmp/k")]);
    let windows = r#"[{"tabs":[{"windows":[{"id":3,"pid":599},{"id":4,"pid":600}]}]}]"#;
    system.answers.push((" ls", Ok(windows)));
    assert_snapshot!(told(&pane, NOWHERE, system), @"
    tmux -S /tmp/tmux-1000/default list-panes -a -F '#{pane_id} #{pane_tty} #{pane_pid} #{session_id} #{window_id}'
    tmux -S /tmp/tmux-1000/default list-clients -F '#{client_activity} #{client_pid} #{session_id} #{client_name} #{client_tty}'
    tmux -S /tmp/tmux-1000/default switch-client -c /dev/pts/22 -t '$0:@0.%0'
    kitty @ --to unix:/tmp/k ls
    kitty @ --to unix:/tmp/k focus-window --match id:4
    -> shown
    ");
    // Variables left over from tmux do not make an asker one of its.
    let mut system = tmux_system();
    system.families.clear();
    assert_snapshot!(told(&pane, IN_TMUX, system), @"
    tmux -S /tmp/tmux-1000/default list-panes -a -F '#{pane_id} #{pane_tty} #{pane_pid} #{session_id} #{window_id}'
    tmux -S /tmp/tmux-1000/default list-clients -F '#{client_activity} #{client_pid} #{session_id} #{client_name} #{client_tty}'
    tmux -S /tmp/tmux-1000/default switch-client -c /dev/pts/22 -t '$0:@0.%0'
    -> shown; it is shown on /dev/pts/22, whose window cannot be raised from here
    ");
}

#[test]
fn where_nobody_told_its_variables_they_are_read() {
    for place in [place("tmux", "", "%0", "/dev/pts/3"), place("", "", "", "/dev/pts/3")] {
        let mut system = tmux_system();
        system.started_with(AGENT, IN_TMUX);
        assert!(told(&place, IN_TMUX, system).ends_with("-> shown"));
        let told = told(&place, IN_TMUX, tmux_system());
        assert!(told.contains("-> not: "), "{told}");
    }
}

#[test]
fn a_session_on_no_terminal_is_attached() {
    let pane = place("tmux", SOCKET, "%0", "/dev/pts/3");
    let mut system = tmux_system();
    system.answers[1].1 = Ok("");
    assert_snapshot!(told(&pane, NOWHERE, system), @"
    tmux -S /tmp/tmux-1000/default list-panes -a -F '#{pane_id} #{pane_tty} #{pane_pid} #{session_id} #{window_id}'
    tmux -S /tmp/tmux-1000/default list-clients -F '#{client_activity} #{client_pid} #{session_id} #{client_name} #{client_tty}'
    -> attach with tmux -S /tmp/tmux-1000/default attach-session -t '$0:@0.%0'
    ");
}

#[test]
fn a_pane_of_tmux_is_known_by_its_terminal_device() {
    let cases = [
        ("is where its variables say", place("tmux", SOCKET, "%0", "/dev/pts/3")),
        ("is in another pane", place("tmux", SOCKET, "%0", "/dev/pts/5")),
        ("is gone", place("tmux", SOCKET, "%9", "/dev/pts/9")),
        ("has variables left over", place("tmux", SOCKET, "%0", "/dev/pts/9")),
        ("has no device that is known and another parent", place("tmux", SOCKET, "%7", "")),
    ];
    let told = cases.map(|(case, place)| {
        let told = told(&place, IN_TMUX, tmux_system());
        let last: Vec<&str> = told.lines().rev().take(2).collect();
        format!("{case}: {} {}", last[1], last[0])
    });
    assert_snapshot!(told.join("\n"), @"
    is where its variables say: tmux -S /tmp/tmux-1000/default switch-client -c /dev/pts/21 -t '$0:@0.%0' -> shown
    is in another pane: tmux -S /tmp/tmux-1000/default switch-client -c /dev/pts/21 -t '$2:@2.%7' -> shown
    is gone: tmux -S /tmp/tmux-1000/default list-panes -a -F '#{pane_id} #{pane_tty} #{pane_pid} #{session_id} #{window_id}' -> not: its pane %9 is gone from tmux
    has variables left over: tmux -S /tmp/tmux-1000/default list-panes -a -F '#{pane_id} #{pane_tty} #{pane_pid} #{session_id} #{window_id}' -> not: its variables name pane %0 of tmux, but it does not run in that
    has no device that is known and another parent: tmux -S /tmp/tmux-1000/default list-panes -a -F '#{pane_id} #{pane_tty} #{pane_pid} #{session_id} #{window_id}' -> not: its variables name pane %7 of tmux, but it does not run in that
    ");
}

#[test]
fn what_runs_in_a_terminal_within_the_pane_is_in_the_pane_unless_that_is_a_multiplexer() {
    let mut pane = place("tmux", SOCKET, "%0", "/dev/pts/9");
    let system = || TestSystem { families: vec![(AGENT, 400), (ASKER, TMUX)], ..tmux_system() };
    assert!(told(&pane, IN_TMUX, system()).ends_with("-> shown"));
    pane.others = vec![other("screen", "77.pts-0.box", "2")];
    let mut system = system();
    system.families.push((AGENT, 77));
    system.answers.push(("screen -ls", Ok("There is a screen on:\n\t77.pts-0.box\t(Attached)\n")));
    assert_snapshot!(told(&pane, IN_TMUX, system), @"
    tmux -S /tmp/tmux-1000/default list-panes -a -F '#{pane_id} #{pane_tty} #{pane_pid} #{session_id} #{window_id}'
    SCREENDIR=/run/sockets/1 screen -ls 77.pts-0.box
    SCREENDIR=/run/sockets/1 screen -S 77.pts-0.box -X select 2
    -> shown
    ");
}

#[test]
fn a_tmux_that_does_not_do_it_says_why() {
    let pane = place("tmux", SOCKET, "%0", "/dev/pts/3");
    let refusals = [
        CommandError::NotFound,
        CommandError::TimedOut,
        CommandError::Failed("no server running on /tmp/tmux-1000/default".to_owned()),
        CommandError::Failed(String::new()),
    ];
    let told = refusals.map(|refusal| {
        let mut system = tmux_system();
        system.answers[0].1 = Err(refusal);
        told(&pane, IN_TMUX, system).lines().last().unwrap_or_default().to_owned()
    });
    assert_snapshot!(told.join("\n"), @"
    -> not: there is no tmux to be found; tmux must be on the PATH of whoever asks
    -> not: its tmux server does not answer (/tmp/tmux-1000/default)
    -> not: no tmux server answers at /tmp/tmux-1000/default
    -> not: tmux refused without a word
    ");
}

#[test]
fn each_terminal_is_told_in_its_own_words() {
    let answers = TestSystem::answering;
    let kitty = r#"[{"tabs":[{"windows":[{"id":3,"pid":599}]}]}]"#;
    let wezterm =
        r#"[{"pane_id":0,"tty_name":"/dev/pts/3"},{"pane_id":5,"tty_name":"/dev/pts/9"}]"#;
    let in_kitty =
        || TestSystem { ttys: vec![(599, "/dev/pts/3")], ..answers(&[(" ls", Ok(kitty))]) };
    let cases = [
        (
            place("wezterm", "/run/wez", "0", "/dev/pts/9"),
            NOWHERE,
            answers(&[("list", Ok(wezterm))]),
        ),
        (place("wezterm", "/run/wez", "7", ""), NOWHERE, answers(&[("list", Ok(wezterm))])),
        (place("kitty", "unix:/tmp/k", "3", "/dev/pts/3"), NOWHERE, in_kitty()),
        (place("kitty", "unix:/tmp/k", "3", "/dev/pts/4"), NOWHERE, in_kitty()),
        (place("kitty", "unix:/tmp/k", "4", "/dev/pts/4"), NOWHERE, in_kitty()),
        (place("kitty", "", "3", ""), NOWHERE, answers(&[])),
        (
            place("iterm2", "", "w0t1p0:2F1C-77", ""),
            NOWHERE,
            answers(&[("osascript", Ok("shown\n"))]),
        ),
        (
            place("terminal", "", "", "/dev/ttys003"),
            NOWHERE,
            answers(&[("osascript", Ok("shown\n"))]),
        ),
        (place("ghostty", "", "", "/dev/ttys003"), NOWHERE, answers(&[("osascript", Ok("\n"))])),
        (
            place("ghostty", "", "", "/dev/pts/3"),
            NOWHERE,
            answers(&[("osascript", Err(CommandError::NotFound))]),
        ),
        (place("vscode", "", "", "/dev/pts/3"), NOWHERE, answers(&[])),
        (place("", "", "", "/dev/pts/3"), NOWHERE, answers(&[])),
        (place("", "", "", ""), NOWHERE, answers(&[])),
    ];
    let told = cases.map(|(place, variables, system)| {
        let told = told(&place, variables, system);
        // The scripts for macOS are constants.
        let lines =
            told.lines().filter(|line| !line.starts_with("  ") && !line.starts_with("osascript"));
        lines.collect::<Vec<_>>().join("\n")
    });
    assert_snapshot!(told.join("\n"), @r#"
    WEZTERM_UNIX_SOCKET=/run/wez wezterm cli --no-auto-start list --format json
    WEZTERM_UNIX_SOCKET=/run/wez wezterm cli --no-auto-start activate-pane --pane-id 5
    -> shown
    WEZTERM_UNIX_SOCKET=/run/wez wezterm cli --no-auto-start list --format json
    -> not: its pane 7 is gone from WezTerm
    kitty @ --to unix:/tmp/k ls
    kitty @ --to unix:/tmp/k focus-window --match id:3
    -> shown
    kitty @ --to unix:/tmp/k ls
    -> not: its variables name window 3 of kitty, but it does not run in that
    kitty @ --to unix:/tmp/k ls
    -> not: its window 4 is gone from kitty

    -> not: kitty, in whose window 3 it runs, takes no commands; set `allow_remote_control` and `listen_on` in kitty.conf and start kitty anew
    end run' 2F1C-77
    -> shown
    end run' /dev/ttys003
    -> shown
    end run' /dev/ttys003
    -> not: no window of its terminal has /dev/ttys003
    end run' /dev/pts/3
    -> not: its terminal takes no commands here: look for /dev/pts/3

    -> not: it runs in vscode, which has no command to show a tab: look for /dev/pts/3; `tty` in a shell says which one it is

    -> not: it runs in a terminal that takes no commands: look for /dev/pts/3; `tty` in a shell says which one it is

    -> not: it runs in no terminal that is known
    "#);
}

/// What was asked to run two words in a directory.
fn opened(variables: Table, mut system: TestSystem) -> String {
    let words = ["/usr/bin/env".to_owned(), "#(touch x);".to_owned()];
    let opening = NewPane { words: &words, directory: "/srv/#(touch x);" };
    let asker = Caller { pid: ASKER, environment: &environment(variables) };
    let outcome = match open(&opening, asker, &mut system) {
        Ok(OpenOutcome::InPane(terminal)) => format!("in {terminal}"),
        Ok(OpenOutcome::RunHere(command)) => format!("here: {command}"),
        Err(trouble) => format!("not: {}", trouble.why),
    };
    format!("{}\n-> {outcome}", system.asked().lines().last().unwrap_or_default())
}

#[test]
fn a_program_is_run_in_a_new_pane_of_the_askers_terminal() {
    let screen = TestSystem { families: vec![(ASKER, 77)], ..TestSystem::default() };
    let told = [
        opened(IN_TMUX, tmux_system()),
        opened(IN_POPUP, tmux_system()),
        opened(IN_TMUX, TestSystem::default()),
        opened(
            &[("ZELLIJ_SESSION_NAME", "work"), ("ZELLIJ_PANE_ID", "1")],
            TestSystem::answering(&[("new-pane", Ok("terminal_7\n"))]),
        ),
        opened(
            &[("ZELLIJ_SESSION_NAME", "gone"), ("ZELLIJ_PANE_ID", "1")],
            TestSystem::answering(&[("new-pane", Ok("\x1b[32;1mbeta\x1b[m [Created 2m ago]\n"))]),
        ),
        opened(&[("STY", "77.pts-0.box"), ("WINDOW", "1")], screen),
        opened(
            &[("WEZTERM_PANE", "3"), ("WEZTERM_UNIX_SOCKET", "/run/wez")],
            TestSystem::default(),
        ),
        opened(
            &[("KITTY_WINDOW_ID", "3"), ("KITTY_LISTEN_ON", "unix:/tmp/k")],
            TestSystem::default(),
        ),
        opened(&[("KITTY_WINDOW_ID", "3")], TestSystem::default()),
    ];
    assert_snapshot!(told.join("\n"), @r###"
    tmux -S /tmp/tmux-1000/default new-window -t '$1:' -- sh -c 'cd -- "$1" && shift && exec "$@"' sh '/srv/#(touch x)\;' /usr/bin/env '#(touch x)\;'
    -> in tmux
    tmux -S /tmp/tmux-1000/default new-window -t '$1:' -- sh -c 'cd -- "$1" && shift && exec "$@"' sh '/srv/#(touch x)\;' /usr/bin/env '#(touch x)\;'
    -> in tmux

    -> here: /usr/bin/env '#(touch x);'
    zellij --session=work action new-pane '--cwd=/srv/#(touch x);' -- /usr/bin/env '#(touch x);'
    -> in zellij
    zellij --session=gone action new-pane '--cwd=/srv/#(touch x);' -- /usr/bin/env '#(touch x);'
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
fn a_server_that_nothing_but_a_claim_names_is_never_contacted() {
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
            system.families.push((AGENT, 500));
            system.started_with(AGENT, variables);
            let told = told(&claim, IN_TMUX, system);
            assert!(told.starts_with("\n-> not: "), "{claim:?}: {told}");
            let mut system = tmux_system();
            system.started_with(AGENT, variables);
            let asker = Caller { pid: ASKER, environment: &environment(IN_TMUX) };
            let target = Target { place: &claim, pid: Some(AGENT) };
            assert!(!has_focus(target, asker, &mut system));
            assert_eq!((system.asked(), system.proofs), (String::new(), Vec::new()));
        }
    }
}

#[test]
fn a_server_is_proven_by_whoever_has_it_in_its_variables() {
    let pane = place("tmux", SOCKET, "%0", "/dev/pts/3");
    let other = &[("TMUX", "/tmp/tmux-1000/other,1,1"), ("TMUX_PANE", "%1")];
    let server = format!("Socket({SOCKET:?})");
    for (own, its, proof) in [
        (IN_TMUX, Some(IN_TMUX), Some((Some(AGENT), Some(ASKER)))),
        (IN_POPUP, Some(other), Some((None, Some(ASKER)))),
        (other, Some(IN_TMUX), Some((Some(AGENT), None))),
        (NOWHERE, Some(other), None),
        (NOWHERE, None, None),
    ] {
        let mut system = tmux_system();
        if let Some(its) = its {
            system.started_with(AGENT, its);
        }
        let target = Target { place: &pane, pid: Some(AGENT) };
        let asker = Caller { pid: ASKER, environment: &environment(own) };
        let reached = focus(target, asker, &mut system);
        assert_eq!(reached.is_ok(), proof.is_some());
        let expected: Vec<_> =
            proof.map(|(its, own)| (server.clone(), its, own)).into_iter().collect();
        assert_eq!(system.proofs, expected);
    }
}

#[test]
fn a_server_that_is_not_proven_is_told_nothing() {
    let told = [Unverified::Gone, Unverified::Mismatch].map(|unverified| {
        let system = TestSystem { unverified: Some(unverified), ..tmux_system() };
        told(&place("tmux", SOCKET, "%0", "/dev/pts/3"), IN_TMUX, system)
    });
    assert_snapshot!(told.join(""), @"

    -> not: no tmux listens at /tmp/tmux-1000/default any more
    -> not: its events name the tmux server /tmp/tmux-1000/default, and nothing shows that it runs there; a server is contacted where it runs the session's terminal, or the one you are in
    ");
}

/// The tmux that runs the terminal of a process, by the kernel's word.
fn above(address: Result<String, Unverified>) -> EnclosingTmux {
    EnclosingTmux { pid: 31, socket: "/tmp/o".to_owned(), address }
}

#[test]
fn a_client_in_a_pane_of_another_tmux_is_shown_there() {
    // Client 72 of the inner server is in a pane of the outer one, with or without its variables.
    let panes = "%4 /dev/pts/8 300 $4 @4\n%5 /dev/pts/22 301 $4 @5\n";
    for variables in [None, Some(NOWHERE), Some(&[("TERM", "xterm")])] {
        let mut system = tmux_system();
        system.families.push((ASKER, 31));
        system.above.push((72, above(Ok("/tmp/o".to_owned()))));
        system.answers.insert(0, ("/tmp/o list-panes", Ok(panes)));
        system.answers.insert(0, ("/tmp/o list-clients", Ok("9 80 $4 /dev/pts/1 /dev/pts/1")));
        system.answers.insert(0, ("/tmp/o display-message", Ok("/dev/pts/1 $4")));
        if let Some(variables) = variables {
            system.started_with(72, variables);
        }
        let in_outer = &[("TMUX", "/tmp/o,31,4"), ("TMUX_PANE", "%4")];
        let told = told(&place("tmux", SOCKET, "%0", "/dev/pts/3"), in_outer, system);
        let told: Vec<&str> =
            told.lines().filter(|line| line.contains("switch") || line.contains("->")).collect();
        assert_eq!(
            told,
            [
                "tmux -S /tmp/tmux-1000/default switch-client -c /dev/pts/22 -t '$0:@0.%0'",
                "tmux -S /tmp/o switch-client -c /dev/pts/1 -t '$4:@5.%5'",
                "-> shown",
            ]
        );
    }
}

#[test]
fn a_pane_that_no_variable_names_is_found_by_its_terminal() {
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
        system.above.push((AGENT, above(address)));
        let told = told(&place("", "", "", tty), NOWHERE, system);
        let found = told.lines().last().unwrap_or_default();
        assert!(found.starts_with(last), "{told}");
    }
}
