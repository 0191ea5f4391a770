//! Finds the window of a session: the `codex` process on a terminal that shows it. The hooks are children of the service
//! (`codex app-server`), and their payload does not name the window.
//!
//! Measured on 0.171.0: a window and its first session start within 1 to 2.5 s, and the id of a session is a UUID of
//! version 7, which begins with the time of its birth. `/new` and `/clear` make a new session in the same window.

use crate::ProgramProcess;
use std::path::Path;

/// The milliseconds within which the first session of a window is born.
const FIRST_SESSION_MS: u64 = 4000;

/// The subcommands of windows. A process with another one has no window.
const WITHOUT_WINDOW: [&str; 8] =
    ["app-server", "exec", "e", "mcp", "mcp-server", "remote-control", "cloud", "exec-server"];

/// The windows that may show a session.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Owner<'a> {
    /// Exactly one window.
    One(&'a ProgramProcess),
    /// Several windows, and nothing tells which.
    Several,
    /// No window.
    None,
}

/// Finds the window of `session`, which works in `cwd`. `is_resumed` is true if a former session continues.
pub(super) fn owner_of<'a>(
    windows: &'a [ProgramProcess],
    session: &str,
    cwd: Option<&str>,
    is_resumed: bool,
) -> Owner<'a> {
    let windows: Vec<&ProgramProcess> =
        windows.iter().filter(|window| has_window(&window.arguments)).collect();
    let named = windows.iter().filter(|window| resumed_id(&window.arguments) == Some(session));
    if let Some(owner) = only(named.copied()) {
        return Owner::One(owner);
    }
    let is_here = |window: &&&ProgramProcess| {
        window.cwd.as_deref().is_some_and(|directory| Some(directory) == cwd.map(Path::new))
    };
    let here: Vec<&ProgramProcess> = windows.iter().filter(is_here).copied().collect();
    if here.is_empty() {
        return Owner::None;
    }
    if let Some(owner) = only(here.iter().copied()) {
        return Owner::One(owner);
    }
    // The window of a former session is not known by its age.
    let birth = birth_of(session).filter(|_| !is_resumed);
    let starts_it = |window: &&ProgramProcess| {
        birth.is_some_and(|birth| {
            birth.checked_sub(window.started).is_some_and(|age| age <= FIRST_SESSION_MS)
        })
    };
    only(here.into_iter().filter(starts_it)).map_or(Owner::Several, Owner::One)
}

/// Returns true if the arguments are those of the service, whose children are the hooks of all windows.
pub(super) fn is_service(arguments: &[String]) -> bool {
    arguments.iter().skip(1).any(|word| word == "app-server")
}

/// Returns true if the arguments are those of `codex exec`, which no user can answer.
pub(super) fn is_headless(arguments: &[String]) -> bool {
    arguments.iter().skip(1).any(|word| word == "exec" || word == "e")
}

fn has_window(arguments: &[String]) -> bool {
    !arguments.iter().skip(1).any(|word| WITHOUT_WINDOW.contains(&word.as_str()))
}

/// Returns the session that `codex resume ID` names.
fn resumed_id(arguments: &[String]) -> Option<&str> {
    let mut words = arguments.iter().skip_while(|word| *word != "resume").skip(1);
    words.find(|word| birth_of(word).is_some()).map(String::as_str)
}

/// Returns the time in an id, in Unix milliseconds, if the id is a UUID of version 7.
fn birth_of(id: &str) -> Option<u64> {
    let digits: String = id.chars().filter(|character| *character != '-').collect();
    let is_uuid = id.len() == 36 && digits.len() == 32 && digits.get(12..13)? == "7";
    is_uuid.then(|| u64::from_str_radix(digits.get(..12)?, 16).ok()).flatten()
}

fn only<'a>(mut found: impl Iterator<Item = &'a ProgramProcess>) -> Option<&'a ProgramProcess> {
    found.next().filter(|_| found.next().is_none())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crewboard_core::Process;
    use std::collections::BTreeMap;

    /// An id whose birth is 1795842788744.
    const ID: &str = "01a22092-5a88-7ed3-b6b3-af78c4465040";
    const BIRTH: u64 = 0x01a2_2092_5a88;

    fn window(pid: u32, age: u64, line: &str, cwd: &str) -> ProgramProcess {
        ProgramProcess {
            process: Process { pid, start: 1 },
            started: BIRTH - age,
            tty: None,
            cwd: Some(cwd.into()),
            arguments: line.split(' ').map(str::to_owned).collect(),
            environment: BTreeMap::new(),
        }
    }

    fn owner(windows: &[ProgramProcess], is_resumed: bool) -> String {
        match owner_of(windows, ID, Some("/p"), is_resumed) {
            Owner::One(window) => window.process.pid.to_string(),
            Owner::Several => "several".to_owned(),
            Owner::None => "none".to_owned(),
        }
    }

    #[test]
    fn window_is_found_only_without_doubt() {
        let resume = format!("codex resume {ID}");
        let new = |pid| window(pid, 2000, "codex", "/p");
        let old = |pid| window(pid, 90_000, "codex --model x", "/p");
        let exec = || window(9, 1000, "codex exec go", "/p");
        let service = || window(8, 1000, "codex app-server --listen unix://", "/p");
        let elsewhere = || window(7, 1000, "codex", "/q");
        for (windows, is_resumed, expected) in [
            (vec![], false, "none"),
            (vec![exec(), service(), elsewhere()], false, "none"),
            (vec![new(1), exec(), service(), elsewhere()], false, "1"),
            (vec![old(1)], false, "1"),
            (vec![old(1), new(2)], false, "2"),
            (vec![old(1), new(2)], true, "several"),
            (vec![new(1), new(2)], false, "several"),
            (vec![old(1), old(2)], false, "several"),
            (vec![old(1), new(2), window(3, 0, &resume, "/p")], true, "3"),
            (vec![old(1), window(3, 0, &resume, "/q")], true, "3"),
            (vec![window(1, 0, &resume, "/p"), window(2, 0, &resume, "/p")], true, "several"),
        ] {
            assert_eq!(owner(&windows, is_resumed), expected, "{windows:#?}");
        }
        // A window that started after the birth shows another session.
        let later = ProgramProcess { started: BIRTH + 1, ..new(2) };
        assert_eq!(owner(&[new(1), later], false), "1");
    }

    #[test]
    fn birth_is_read_from_an_id_of_version_7() {
        assert_eq!(birth_of(ID), Some(BIRTH));
        for id in ["", "6cf7f83b-72a2-41ac-8a3d-3ba3a14f6a29", "01a22092", "--last", "é"] {
            assert_eq!(birth_of(id), None, "{id}");
        }
    }
}
