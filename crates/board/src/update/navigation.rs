//! Taking somebody from the board to a session.

use crate::keymap::Action;
use crate::model::{Link, Model};
use crate::update::{Effect, say};
use crewboard_core::{Mark, RowKey, Session, Status};

/// What takes somebody from the board to a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Navigation {
    /// Its pane is to be shown.
    Jump,
    /// It is to be taken up again.
    Open,
}

/// What came of an errand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NavigationOutcome {
    /// Done; what is to be said of it.
    Shown(String),
    /// It did not go: why, and what to do.
    Failed(String),
    /// There is no other terminal: a command is to be run on this one.
    RunHere,
}

/// An errand that is not over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Underway {
    pub(crate) errand: Navigation,
    pub(crate) row: RowKey,
    pub(crate) name: String,
    /// What of the row was seen by setting out.
    pub(crate) revision: u64,
}

/// Takes somebody to the selected row, one at a time.
pub(crate) fn set_out(model: &mut Model, errand: Navigation) -> Vec<Effect> {
    let Some(row) = model.selected_row() else { return Vec::new() };
    if let Some(underway) = &model.underway {
        let text = format!("Still on the way to {}.", underway.name);
        say(model, text);
        return Vec::new();
    }
    if let Some(text) = other_key(model, row, errand) {
        say(model, text);
        return Vec::new();
    }
    let row = Box::new(row.clone());
    model.underway = Some(Underway {
        errand,
        row: row.key.clone(),
        name: row.name.clone(),
        revision: row.revision,
    });
    vec![Effect::SetOut { errand, row }]
}

/// Where another key does what is meant: which. What sets out says the command instead, for a shell.
fn other_key(model: &Model, row: &Session, errand: Navigation) -> Option<String> {
    let name = &row.name;
    let is_closed = row.status == Status::Closed;
    match errand {
        Navigation::Jump if is_closed => {
            let open = model.keymap.key(Action::OpenAgain)?;
            Some(format!("{name} is closed; {open} takes it up again"))
        }
        Navigation::Jump if row.job.is_some() => {
            let open = model.keymap.key(Action::OpenAgain)?;
            Some(format!("{name} is a background session, in no pane; {open} comes to it"))
        }
        Navigation::Open if !is_closed && row.job.is_none() => {
            let jump = model.keymap.key(Action::Jump)?;
            Some(format!("{name} is open; {jump} shows its pane"))
        }
        Navigation::Jump | Navigation::Open => None,
    }
}

/// Takes in what came of it.
pub(crate) fn over(model: &mut Model, went: NavigationOutcome) -> Vec<Effect> {
    let said = match went {
        NavigationOutcome::RunHere => return vec![Effect::RunHere],
        NavigationOutcome::Failed(why) => {
            model.underway = None;
            say(model, why);
            return Vec::new();
        }
        NavigationOutcome::Shown(said) => said,
    };
    let Some(underway) = model.underway.take() else { return Vec::new() };
    let mut effects = Vec::new();
    // Whoever was taken there has seen what the row said then. A daemon that is away is not told.
    if underway.errand == Navigation::Jump && model.link == Link::Live {
        let mark = Mark::Seen { revision: underway.revision };
        effects.push(Effect::Mark { row: underway.row, mark });
    }
    if model.once {
        effects.push(Effect::Quit);
    }
    if !said.is_empty() {
        say(model, said);
    }
    effects
}
