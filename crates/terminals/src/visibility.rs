//! Whether somebody looks at a pane now.

use super::contact::contact;
use super::focus::Target;
use super::system::{Caller, Command, Server, System};

/// Whether somebody is known to look at the pane of a target: not where a terminal does not tell.
///
/// Only tmux tells (seen on 3.3a): each client has a flag while its terminal has the focus, which is kept
/// up to date only where its option `focus-events` is on, and is always set elsewhere.
pub fn has_focus(target: Target<'_>, asker: Caller<'_>, system: &mut dyn System) -> bool {
    let place = target.place;
    let (Some("tmux"), Some(server), Some(pane)) =
        (place.terminal.as_deref(), &place.server, &place.pane)
    else {
        return false;
    };
    let Ok(address) = contact(("tmux", server), Server::Socket(server), target.pid, asker, system)
    else {
        return false;
    };
    // One left over from elsewhere may have the same number: the terminal device is the pane's own.
    let format = "#{pane_id} #{focus-events} #{pane_tty} #{client_flags}";
    let clients = Command::new(["tmux", "-S", &address, "list-clients", "-F", format]);
    let Ok(clients) = system.run(&clients) else { return false };
    clients.lines().any(|client| {
        let fields: Vec<&str> = client.split(' ').collect();
        let [id, "1", tty, flags] = fields[..] else { return false };
        let is_its = id == pane && place.tty.as_deref().is_none_or(|own| own == tty);
        is_its && flags.split(',').any(|flag| flag == "focused")
    })
}

#[cfg(test)]
mod tests {
    use super::super::test_system::{TestSystem, environment};
    use super::*;
    use crewboard_core::Place;

    #[test]
    fn only_a_focused_client_that_shows_the_pane_looks_at_it() {
        let place = |terminal: &str, tty: &str| Place {
            terminal: Some(terminal.to_owned()),
            server: Some("/tmp/t".to_owned()),
            pane: Some("%4".to_owned()),
            tty: Some(tty.to_owned()),
            ..Place::default()
        };
        let here = place("tmux", "/dev/pts/7");
        for (clients, place, expected) in [
            (
                "%1 1 /dev/pts/3 attached,focused\n%4 1 /dev/pts/7 attached,focused,UTF-8",
                &here,
                true,
            ),
            ("%4 1 /dev/pts/7 attached,UTF-8", &here, false),
            // Without the option every client has the flag.
            ("%4 0 /dev/pts/7 attached,focused,UTF-8", &here, false),
            ("%1 1 /dev/pts/3 attached,focused", &here, false),
            ("%4 1 /dev/pts/7 attached,focused", &place("tmux", "/dev/pts/9"), false),
            ("%4 1 /dev/pts/7 attached,focused", &place("kitty", "/dev/pts/7"), false),
            ("%4 1 ", &here, false),
            ("", &here, false),
        ] {
            let mut system = TestSystem::answering(&[("list-clients", Ok(clients))]);
            system.started_with(500, &[("TMUX", "/tmp/t,1,0"), ("TMUX_PANE", "%4")]);
            let target = Target { place, pid: Some(500) };
            let asker = Caller { pid: 900, environment: &environment(&[]) };
            assert_eq!(has_focus(target, asker, &mut system), expected, "{clients}");
        }
    }
}
