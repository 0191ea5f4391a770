//! Checks whether the user looks at a pane.

use crate::system::{Caller, System};
use crate::target::{Context, Target};
use crate::{kitty, tmux, wezterm, zellij};
use crewboard_core::Timestamp;

/// The time of a status that the user may have seen, and the present time.
#[derive(Debug, Clone, Copy)]
pub struct StatusTime {
    pub since: Timestamp,
    pub now: Timestamp,
}

/// Returns true if the terminal reports that the user looks at the target's pane: it has the focus, or a key was
/// pressed in it since the status began. Returns false if the terminal does not report it.
///
/// Each client of tmux has a flag while its terminal has the focus (seen on 3.3a). The flag is correct only if the
/// option `focus-events` is on; otherwise it is always set, and only a key press counts. kitty reports the focus, and
/// `WezTerm` the last key press. zellij reports neither.
pub fn has_focus(
    target: Target<'_>,
    time: StatusTime,
    caller: Caller<'_>,
    system: &mut dyn System,
) -> bool {
    // The innermost terminal decides. A window that has the focus may show another pane of its multiplexer.
    let panes = target.place.panes();
    let Some(pane) = panes.first() else { return false };
    let context = &mut Context { target, caller, system };
    let has_focus = match pane.terminal.as_str() {
        "tmux" => tmux::has_focus(pane, time.since, context),
        "kitty" => kitty::has_focus(pane, context),
        "wezterm" => wezterm::idle_seconds(pane, context).map(|clients| {
            clients.into_iter().any(|idle| {
                // The time is cut to seconds, so the key press may be a second older.
                time.now.0.saturating_sub(idle.saturating_add(1).saturating_mul(1000))
                    > time.since.0
            })
        }),
        _ => Ok(false),
    };
    has_focus.unwrap_or(false)
}

/// Returns true if a jump to the target's pane would change nothing: the user's terminal shows it already. Returns false
/// if the terminal does not report it.
pub fn is_in_front(target: Target<'_>, caller: Caller<'_>, system: &mut dyn System) -> bool {
    let panes = target.place.panes();
    let Some(pane) = panes.first() else { return false };
    let context = &mut Context { target, caller, system };
    let is_in_front = match pane.terminal.as_str() {
        "tmux" => tmux::is_in_front(pane, context),
        "zellij" => zellij::is_in_front(pane, context),
        "kitty" => kitty::has_focus(pane, context),
        "wezterm" => wezterm::idle_seconds(pane, context).map(|clients| !clients.is_empty()),
        _ => Ok(false),
    };
    is_in_front.unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_system::{Table, TestSystem, environment};
    use crewboard_core::Place;

    /// A status that began at 100.9 s, seen at 110 s.
    const TIME: StatusTime = StatusTime { since: Timestamp(100_900), now: Timestamp(110_000) };

    fn place(terminal: &str, server: &str, pane: &str) -> Place {
        Place {
            terminal: Some(terminal.to_owned()),
            server: Some(server.to_owned()),
            pane: Some(pane.to_owned()),
            tty: Some("/dev/pts/7".to_owned()),
            ..Place::default()
        }
    }

    fn has_focus_at(place: &Place, system: &mut TestSystem, variables: Table) -> bool {
        system.add_environment(500, variables);
        let target = Target { place, pid: Some(500) };
        let caller = Caller { pid: 900, environment: &environment(&[]) };
        has_focus(target, TIME, caller, system)
    }

    #[test]
    fn tmux_pane_has_focus_if_a_focused_client_shows_it() {
        let here = place("tmux", "/tmp/t", "%4");
        let elsewhere = Place { tty: Some("/dev/pts/9".to_owned()), ..here.clone() };
        for (clients, place, expected) in [
            (
                "%1 1 /dev/pts/3 99 attached,focused\n%4 1 /dev/pts/7 99 attached,focused,UTF-8",
                &here,
                true,
            ),
            ("%4 1 /dev/pts/7 109 attached,UTF-8", &here, false),
            ("%1 1 /dev/pts/3 109 attached,focused", &here, false),
            ("%4 1 /dev/pts/7 109 attached,focused", &elsewhere, false),
            // Without `focus-events` every client has the flag, and a key press counts.
            ("%4 0 /dev/pts/7 100 attached,focused,UTF-8", &here, false),
            ("%4 0 /dev/pts/7 101 attached,focused,UTF-8", &here, true),
            ("%1 0 /dev/pts/3 101 attached,focused,UTF-8", &here, false),
            ("%4 0 /dev/pts/7 101 attached,focused,UTF-8", &elsewhere, false),
            ("%4 0 /dev/pts/7  attached", &here, false),
            ("%4 1 ", &here, false),
            ("", &here, false),
        ] {
            let mut system = TestSystem::with_answers(&[("list-clients", Ok(clients))]);
            let variables = &[("TMUX", "/tmp/t,1,0"), ("TMUX_PANE", "%4")];
            assert_eq!(has_focus_at(place, &mut system, variables), expected, "{clients}");
        }
    }

    #[test]
    fn kitty_window_has_focus_if_kitty_reports_it() {
        let list = |tab: bool, window: bool| -> &'static str {
            let text = format!(
                r#"[{{"id":1,"is_focused":true,"tabs":[{{"is_focused":{tab},"windows":[
                {{"id":3,"pid":600,"is_focused":{window}}},{{"id":4,"pid":601}}]}}]}}]"#
            );
            Box::leak(text.into_boxed_str())
        };
        let variables = &[("KITTY_LISTEN_ON", "unix:/tmp/k"), ("KITTY_WINDOW_ID", "3")];
        for (tab, window, pane, expected) in [
            (true, true, "3", true),
            (true, false, "3", false),
            (false, true, "3", false),
            (true, true, "4", false),
        ] {
            let mut system = TestSystem::with_answers(&[(" ls", Ok(list(tab, window)))]);
            system.ttys = vec![(600, "/dev/pts/7")];
            let place = place("kitty", "unix:/tmp/k", pane);
            let found = has_focus_at(&place, &mut system, variables);
            assert_eq!(found, expected, "{tab} {window} {pane}");
        }
        // Another process has that window now.
        let mut system = TestSystem::with_answers(&[(" ls", Ok(list(true, true)))]);
        system.ttys = vec![(600, "/dev/pts/9")];
        system.ancestors = vec![];
        assert!(!has_focus_at(&place("kitty", "unix:/tmp/k", "3"), &mut system, variables));
    }

    #[test]
    fn wezterm_pane_has_focus_after_a_key_press() {
        // The status is 9.1 s old.
        for (pane, idle, expected) in
            [(7, 7, true), (7, 9, false), (7, 90, false), (7, u64::MAX, false), (8, 7, false)]
        {
            let text = format!(
                r#"[{{"username":"dev","focused_pane_id":null,"idle_time":{{"secs":0,"nanos":1}}}},
                {{"focused_pane_id":{pane},"idle_time":{{"secs":{idle},"nanos":5}}}}]"#
            );
            let text: &'static str = Box::leak(text.into_boxed_str());
            let mut system = TestSystem::with_answers(&[("list-clients", Ok(text))]);
            let variables = &[("WEZTERM_UNIX_SOCKET", "/tmp/w"), ("WEZTERM_PANE", "7")];
            let found = has_focus_at(&place("wezterm", "/tmp/w", "7"), &mut system, variables);
            assert_eq!(found, expected, "{pane} {idle}");
        }
    }

    #[test]
    fn unchecked_server_and_zellij_are_not_asked() {
        let mut system = TestSystem::default();
        assert!(!has_focus_at(&place("zellij", "main", "3"), &mut system, &[]));
        assert!(!has_focus_at(&place("tmux", "/tmp/t", "%4"), &mut system, &[]));
        assert!(!has_focus_at(&place("kitty", "unix:/tmp/k", "3"), &mut system, &[]));
        assert_eq!(system.command_lines(), "");
    }
}
