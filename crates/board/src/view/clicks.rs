//! Finds the key or the count under a click.

use super::{footer, header, hints};
use crate::keymap::Key;
use crate::layout::layout;
use crate::model::Model;
use crewboard_core::Status;
use ratatui::buffer::Buffer;
use ratatui::layout::Position;

/// A count of the header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Count {
    NeedsYou,
    Status(Status),
    Hidden,
}

/// Returns the key whose hint is at a position on the screen.
pub(crate) fn key_at(model: &Model, column: u16, line: u16) -> Option<Key> {
    let areas = layout(model);
    let (area, x) = if hints::is_in_header(model) {
        (areas.header, header::line_start(model))
    } else {
        (footer::hints_area(model, areas.footer), areas.footer.x + 1)
    };
    let is_inside = area.contains(Position { x: column, y: line });
    if is_inside { hints::key_at(model, area, x, column) } else { None }
}

/// Returns the count at a column of the header. It reads the drawn text, so it agrees with every form of the header.
pub(crate) fn count_at(model: &Model, column: u16) -> Option<Count> {
    let area = layout(model).header;
    let mut buffer = Buffer::empty(area);
    header::draw(model, area, &mut buffer);
    let mut words: Vec<(u16, String)> = Vec::new();
    let mut is_inside = false;
    for x in area.x..area.right() {
        let symbol = buffer.cell((x, area.y)).map_or(" ", |cell| cell.symbol());
        let was_inside = std::mem::replace(&mut is_inside, !symbol.trim().is_empty());
        match words.last_mut().filter(|_| was_inside) {
            Some((_, word)) if is_inside => word.push_str(symbol),
            None if is_inside => words.push((x, symbol.to_owned())),
            _ => {}
        }
    }
    let clicked = words.iter().rposition(|(x, _)| *x <= column)?;
    let (start, word) = words.get(clicked)?;
    let length = u16::try_from(word.chars().count()).unwrap_or(u16::MAX);
    if column >= start.saturating_add(length) {
        return None;
    }
    // A number belongs to the word behind it: "2 need you: 1 permission, 1 failed".
    let is_number = word.bytes().all(|byte| byte.is_ascii_digit());
    let next = words.get(clicked + 1).filter(|_| is_number);
    count_of(model, next.map_or(word, |(_, next)| next))
}

/// Returns the count that a word of the header stands for.
fn count_of(model: &Model, word: &str) -> Option<Count> {
    let word = word.trim_end_matches([',', ':']);
    match word {
        "need" | "needs" | "you" => return Some(Count::NeedsYou),
        "hidden" => return Some(Count::Hidden),
        _ if word.starts_with("(+") => return Some(Count::Hidden),
        _ => {}
    }
    let is_named =
        |status: &Status| word == status.word() || word.strip_suffix('s') == Some(status.word());
    let has_shape = |status: &Status| {
        let number = word.strip_prefix(model.theme.shape(*status));
        number.is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_digit()))
    };
    let found = Status::ALL.into_iter().find(|status| is_named(status) || has_shape(status));
    found.map(Count::Status)
}
