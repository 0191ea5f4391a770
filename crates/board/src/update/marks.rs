//! Marks of the selected row, their undo, and the text that is copied from it.

use crate::format::shell_word::shell_word;
use crate::keymap::{Action, Key};
use crate::model::choice::{Answer, Choice, CopyText};
use crate::model::notice::Scope;
use crate::model::undo::UndoStep;
use crate::model::{ConnectionState, Model};
use crate::update::effect::Effect;
use crate::update::selection::select;
use crewboard_core::{Mark, Session, is_plain};

/// The number of marks that can be undone.
const MAX_UNDO: usize = 20;

/// The longest text that is copied, in bytes. Every terminal that has OSC 52 takes it.
const MAX_COPY_BYTES: usize = 4096;

/// Returns effects that mark a row, and remembers how to take the mark back.
fn mark(
    model: &mut Model,
    row: &Session,
    word: &'static str,
    mark: Mark,
    back: Vec<Mark>,
) -> Vec<Effect> {
    if !is_connected(model) {
        return Vec::new();
    }
    if model.undo.len() == MAX_UNDO {
        model.undo.remove(0);
    }
    let step = UndoStep { row: row.key.clone(), word, since: row.since, marks: back };
    model.undo.push(step);
    select(model, model.selected.clone());
    vec![Effect::Mark { row: row.key.clone(), mark }]
}

/// Returns true if the daemon can get a mark. If not, a notice says so.
fn is_connected(model: &mut Model) -> bool {
    let is_connected = model.connection == ConnectionState::Connected;
    if !is_connected {
        model.notify_while(Scope::Disconnected, "Daemon not reachable; try again.");
    }
    is_connected
}

/// Returns the selected row. If there is none, a notice says so.
pub(crate) fn selected(model: &mut Model) -> Option<Session> {
    let row = model.selected_row().cloned();
    if row.is_none() {
        model.notify("No session is selected.");
    }
    row
}

/// Shows why a key does nothing for this row.
fn refuse(model: &mut Model, row: &Session, text: String) -> Vec<Effect> {
    model.notify_while(Scope::Row(row.key.clone(), row.since), text);
    Vec::new()
}

pub(crate) fn seen(model: &mut Model) -> Vec<Effect> {
    let Some(row) = selected(model) else { return Vec::new() };
    let name = model.display_name(&row).to_owned();
    if row.status.is_prompt() && row.needs_you {
        let jump = model.keymap.key(Action::Jump);
        let hint = jump.map(|key| format!("; {key} jumps to it")).unwrap_or_default();
        return refuse(model, &row, format!("{name} waits for your answer{hint}"));
    }
    if !row.status.needs_you_until_seen() {
        return refuse(model, &row, format!("{name} is {}: nothing to mark as seen", row.status));
    }
    if row.seen {
        return refuse(model, &row, format!("{name} is seen already"));
    }
    let revision = row.revision;
    mark(model, &row, "seen", Mark::Seen { revision }, vec![Mark::Unseen { revision }])
}

pub(crate) fn pin(model: &mut Model) -> Vec<Effect> {
    let Some(row) = selected(model) else { return Vec::new() };
    let on = !row.pinned;
    mark(model, &row, "pin", Mark::Pinned { on }, vec![Mark::Pinned { on: !on }])
}

/// Asks for how long to snooze the row, or wakes it.
pub(crate) fn snooze(model: &mut Model) -> Vec<Effect> {
    let Some(row) = selected(model) else { return Vec::new() };
    if let Some(until) = row.snoozed_until {
        let back = Mark::Snoozed { on: true, for_ms: Some(until.since(model.now)) };
        return mark(model, &row, "snooze", Mark::Snoozed { on: false, for_ms: None }, vec![back]);
    }
    if !row.needs_you {
        let text = format!("{} does not need you: nothing to snooze", model.display_name(&row));
        return refuse(model, &row, text);
    }
    if is_connected(model) {
        model.choice = Some(Choice::Snooze(row.key));
    }
    Vec::new()
}

/// Hides a row or shows it again. A row that needs the user is hidden only after a second press.
pub(crate) fn dismiss(model: &mut Model) -> Vec<Effect> {
    let Some(row) = selected(model) else { return Vec::new() };
    if row.dismissed {
        let (revision, back) = (row.revision, true);
        let back = Mark::Dismissed { on: back, revision };
        return mark(model, &row, "show", Mark::Dismissed { on: false, revision }, vec![back]);
    }
    if row.needs_you {
        if is_connected(model) {
            model.choice = Some(Choice::Dismiss(row.key));
        }
        return Vec::new();
    }
    hide(model, &row)
}

/// Hides a row. The notice names the key that shows hidden rows.
fn hide(model: &mut Model, row: &Session) -> Vec<Effect> {
    let revision = row.revision;
    let mut back = vec![Mark::Dismissed { on: false, revision }];
    // A hidden row is seen, too.
    back.extend((!row.seen).then_some(Mark::Unseen { revision }));
    let effects = mark(model, row, "hide", Mark::Dismissed { on: true, revision }, back);
    if !effects.is_empty() {
        let hint = |action, text: &str| {
            let key = model.keymap.key(action);
            key.map(|key| format!("; {key} {text}")).unwrap_or_default()
        };
        let show = if model.rows.shows_dismissed() {
            String::new()
        } else {
            hint(Action::ShowDismissed, "shows hidden sessions")
        };
        let undo = hint(Action::Undo, "undoes it");
        let name = model.display_name(row);
        let text = format!("{name} is hidden until it needs you again{show}{undo}");
        model.notify_while(Scope::Hidden(row.key.clone()), text);
    }
    effects
}

/// Takes the last mark back.
pub(crate) fn undo(model: &mut Model) -> Vec<Effect> {
    if model.undo.is_empty() {
        model.notify("Nothing to undo.");
        return Vec::new();
    }
    if !is_connected(model) {
        return Vec::new();
    }
    let Some(step) = model.undo.pop() else { return Vec::new() };
    let word = step.word;
    let Some(row) = model.rows.get(&step.row) else {
        model.notify(format!("The session of the last mark ({word}) is gone."));
        return Vec::new();
    };
    let name = model.display_name(row).to_owned();
    let is_obsolete = row.since != step.since;
    let marks = step.marks.into_iter().filter(|mark| {
        !is_obsolete || matches!(mark, Mark::Pinned { .. } | Mark::Dismissed { on: false, .. })
    });
    let effects: Vec<Effect> =
        marks.map(|mark| Effect::Mark { row: step.row.clone(), mark }).collect();
    if effects.is_empty() {
        model.notify(format!("{name} has changed since: its mark ({word}) is gone already"));
        return effects;
    }
    select(model, model.selected.clone());
    model.select_when_listed = Some(step.row);
    model.notify(format!("Undone: {word} {name}"));
    effects
}

/// Asks which text of the row to copy.
pub(crate) fn copy(model: &mut Model) -> Vec<Effect> {
    if let Some(row) = selected(model) {
        select(model, Some(row.key.clone()));
        model.choice = Some(Choice::Copy(row.key));
    }
    Vec::new()
}

/// Applies the answer of a key to the open question. Returns `None` if the key is no answer; the question is over then.
pub(crate) fn answer(model: &mut Model, key: Key) -> Option<Vec<Effect>> {
    let choice = model.choice.take()?;
    if let Some(answer) = choice.answer(key, &model.keymap) {
        let row = model.rows.get(choice.row())?.clone();
        return Some(apply(model, &row, answer));
    }
    // Esc answers no, and does nothing else.
    (model.keymap.action(key) == Some(Action::Back)).then(Vec::new)
}

fn apply(model: &mut Model, row: &Session, answer: Answer) -> Vec<Effect> {
    match answer {
        Answer::SnoozeFor(time) => {
            let back = Mark::Snoozed { on: false, for_ms: None };
            let on = Mark::Snoozed { on: true, for_ms: Some(time) };
            mark(model, row, "snooze", on, vec![back])
        }
        Answer::Dismiss => hide(model, row),
        Answer::Copy(text) => copy_text(model, row, text),
    }
}

fn copy_text(model: &mut Model, row: &Session, what: CopyText) -> Vec<Effect> {
    let resume = model.agent_text.resume_command;
    let (word, text) = match what {
        CopyText::SessionId => ("session id", shell_word(row.id.as_str())),
        CopyText::ResumeCommand => {
            ("resume command", resume(row, model.default_profile.as_deref()))
        }
        CopyText::Path => ("path", row.cwd.as_deref().and_then(shell_word)),
    };
    let is_copied = |text: &String| text.len() <= MAX_COPY_BYTES && is_plain(text);
    match text.filter(is_copied) {
        Some(text) => vec![Effect::Copy { word, text }],
        None => refuse(model, row, format!("{} has no {word} that can be copied", row.name)),
    }
}
