//! zellij. `focus-pane-id` and `switch-session --pane-id` are there since 0.44 (`CliAction` of
//! zellij-utils 0.44.1 and 0.45.0); read there, not tried.

use super::focus::Found;
use super::opening::Opening;
use super::system::{Asker, Command, Refusal, System, Trouble};
use crewboard_core::Pane;

pub(super) fn focus(
    pane: &Pane,
    asker: Asker<'_>,
    system: &mut dyn System,
) -> Result<Found, Trouble> {
    let Pane { server: Some(session), pane: Some(id), .. } = pane else {
        return Err(Trouble::new("its variables name a pane of zellij, but no session"));
    };
    if id.is_empty() || !id.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Trouble::new(format!("{id:?} is no pane of zellij")));
    }
    let id = format!("terminal_{id}");
    let own = asker.environment.get("ZELLIJ_SESSION_NAME");
    let command = match own {
        Some(own) if own != *session => {
            let to = format!("--pane-id={id}");
            action(&own).and(["switch-session", &to, "--", session])
        }
        _ => action(session).and(["focus-pane-id", &id]),
    };
    system.run(&command).map(|_| Found::Shown).map_err(|refusal| match refusal {
        Refusal::Failed(said) if said.contains("focus-pane-id") || said.contains("--pane-id") => {
            Trouble::new("this zellij cannot show a pane by its number")
                .hint("zellij can since version 0.44")
        }
        refusal => Trouble::of("zellij", refusal),
    })
}

pub(super) fn open(
    opening: &Opening<'_>,
    pane: &Pane,
    system: &mut dyn System,
) -> Result<(), Trouble> {
    let session = pane.server.as_deref().unwrap_or_default();
    let directory = format!("--cwd={}", opening.directory);
    let command = action(session).and(["new-pane", &directory, "--"]);
    let command = command.and(opening.words.iter().cloned());
    system.run(&command).map(|_| ()).map_err(|refusal| Trouble::of("zellij", refusal))
}

fn action(session: &str) -> Command {
    Command::new(["zellij", &format!("--session={session}"), "action"])
}
