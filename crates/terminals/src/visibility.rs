//! Checks whether the user sees a pane.

use crate::contact::verify_address;
use crate::system::{Caller, Command, Server, System};
use crate::target::Target;

/// Returns true if the target's pane is known to have the focus. Returns false if the terminal does not report it.
///
/// Only tmux reports it (seen on 3.3a): each client has a flag while its terminal has the focus. The flag is correct only
/// if the option `focus-events` is on; otherwise it is always set.
pub fn has_focus(target: Target<'_>, caller: Caller<'_>, system: &mut dyn System) -> bool {
    let place = target.place;
    let (Some("tmux"), Some(server), Some(pane)) =
        (place.terminal.as_deref(), &place.server, &place.pane)
    else {
        return false;
    };
    let name = Server::Socket(server);
    let Ok(address) = verify_address(("tmux", server), name, target.pid, caller, system) else {
        return false;
    };
    // A pane of an earlier server may have had the same id, so the terminal device is compared too.
    let format = "#{pane_id} #{focus-events} #{pane_tty} #{client_flags}";
    let clients = Command::new(["tmux", "-S", &address, "list-clients", "-F", format]);
    let Ok(clients) = system.run(&clients) else { return false };
    clients.lines().any(|client| {
        let fields: Vec<&str> = client.split(' ').collect();
        let [id, "1", tty, flags] = fields[..] else { return false };
        let is_same = id == pane && place.tty.as_deref().is_none_or(|own| own == tty);
        is_same && flags.split(',').any(|flag| flag == "focused")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_system::{TestSystem, environment};
    use crewboard_core::Place;

    #[test]
    fn pane_has_focus_if_a_focused_client_shows_it() {
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
            // Without `focus-events` every client has the flag.
            ("%4 0 /dev/pts/7 attached,focused,UTF-8", &here, false),
            ("%1 1 /dev/pts/3 attached,focused", &here, false),
            ("%4 1 /dev/pts/7 attached,focused", &place("tmux", "/dev/pts/9"), false),
            ("%4 1 /dev/pts/7 attached,focused", &place("kitty", "/dev/pts/7"), false),
            ("%4 1 ", &here, false),
            ("", &here, false),
        ] {
            let mut system = TestSystem::with_answers(&[("list-clients", Ok(clients))]);
            system.add_environment(500, &[("TMUX", "/tmp/t,1,0"), ("TMUX_PANE", "%4")]);
            let target = Target { place, pid: Some(500) };
            let caller = Caller { pid: 900, environment: &environment(&[]) };
            assert_eq!(has_focus(target, caller, &mut system), expected, "{clients}");
        }
    }
}
