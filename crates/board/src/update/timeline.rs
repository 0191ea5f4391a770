//! Zooms the timeline.

use crate::keymap::Action;
use crate::model::{Model, Screen};
use crate::view::timeline::shown_hours;

/// The hours that the user can choose.
const ZOOMS: [u64; 4] = [1, 4, 12, 24];

/// Shows fewer or more hours.
pub(crate) fn zoom(model: &mut Model, closer: bool) {
    if model.screen != Screen::Timeline {
        let key = model.keymap.key(Action::Timeline);
        let hint = key.map(|key| format!("; {key} shows it")).unwrap_or_default();
        model.notify(format!("Only the timeline can be zoomed{hint}."));
        return;
    }
    let shown = shown_hours(model);
    let next = if closer {
        ZOOMS.into_iter().rev().find(|hours| *hours < shown)
    } else {
        ZOOMS.into_iter().find(|hours| *hours > shown)
    };
    match next {
        Some(hours) => model.timeline_hours = Some(hours),
        None if closer => model.notify("The timeline shows at least an hour."),
        None => model.notify("The timeline shows at most a day."),
    }
}
