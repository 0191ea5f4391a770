//! Navigation from the board to a session: its start and its end.

use crate::keymap::Action;
use crate::model::navigation::{Navigation, NavigationOutcome, PendingNavigation};
use crate::model::notice::Scope;
use crate::model::{ConnectionState, Model};
use crate::update::effect::Effect;
use crate::update::marks::selected;
use crate::update::selection::select;
use crewboard_core::{Mark, Session, Status};

/// Starts a navigation to the selected row. Only one navigation runs at a time.
pub(crate) fn start_navigation(model: &mut Model, navigation: Navigation) -> Vec<Effect> {
    let Some(row) = selected(model) else { return Vec::new() };
    if let Some(pending) = &model.pending_navigation {
        let text = match pending.navigation {
            Navigation::Jump => format!("Still jumping to {}.", pending.name),
            Navigation::Open => format!("Still opening {}.", pending.name),
        };
        model.notify_while(Scope::Navigating, text);
        return Vec::new();
    }
    if let Some(text) = suggest_other_key(model, &row, navigation) {
        model.notify_while(Scope::Row(row.key.clone(), row.since), text);
        return Vec::new();
    }
    select(model, Some(row.key.clone()));
    let row = Box::new(row);
    model.pending_navigation = Some(PendingNavigation {
        navigation,
        row: row.key.clone(),
        name: row.name.clone(),
        revision: row.revision,
    });
    vec![Effect::Navigate { navigation, row }]
}

/// Returns a notice that names the right key, if `navigation` does not fit the session. If that key is unbound, the
/// navigation starts, and the host's error names the shell command.
fn suggest_other_key(model: &Model, row: &Session, navigation: Navigation) -> Option<String> {
    let name = model.display_name(row);
    let is_closed = row.status == Status::Closed;
    match navigation {
        // A program in `crewboard run` has no id, and nothing to resume.
        Navigation::Jump if is_closed && !row.id.as_str().is_empty() => {
            let open = model.keymap.key(Action::Open)?;
            Some(format!("{name} is closed; press {open} to resume it"))
        }
        Navigation::Jump if row.job.is_some() => {
            let open = model.keymap.key(Action::Open)?;
            Some(format!("{name} runs in the background, in no pane; press {open} to attach to it"))
        }
        Navigation::Open if !is_closed && row.job.is_none() => {
            let jump = model.keymap.key(Action::Jump)?;
            Some(format!("{name} is open; press {jump} to show its pane"))
        }
        Navigation::Jump | Navigation::Open => None,
    }
}

/// Applies the outcome of the pending navigation.
pub(crate) fn finish_navigation(model: &mut Model, outcome: NavigationOutcome) -> Vec<Effect> {
    let note = match outcome {
        NavigationOutcome::RunHere => return vec![Effect::RunHere],
        NavigationOutcome::Failed(why) => {
            model.pending_navigation = None;
            model.notify(why);
            return Vec::new();
        }
        NavigationOutcome::Shown(note) => note,
    };
    let Some(pending) = model.pending_navigation.take() else { return Vec::new() };
    let mut effects = Vec::new();
    // After a jump the user has seen the session as it was at the start. A disconnected daemon gets no mark.
    if pending.navigation == Navigation::Jump && model.connection == ConnectionState::Connected {
        let mark = Mark::Seen { revision: pending.revision };
        effects.push(Effect::Mark { row: pending.row, mark });
    }
    if model.quit_after_jump {
        effects.push(Effect::Quit);
    }
    if !note.is_empty() {
        model.notify(note);
    }
    effects
}
