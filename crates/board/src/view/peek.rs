//! The peek: the screen of a session's pane, or its last words and the reason why there is no screen.

use super::detail::Line;
use crate::format::text::{cut, wrap};
use crate::model::Model;
use crate::theme::Theme;
use crewboard_core::Session;
use ratatui::style::Style;

/// Returns the lines of the peek at a row.
pub(super) fn lines(model: &Model, row: &Session, width: usize) -> Vec<Line> {
    let unicode = model.theme.unicode;
    let width = width.saturating_sub(2);
    let is_of_row = model.peek.row.as_ref() == Some(&row.key);
    match model.peek.screen.as_ref().filter(|_| is_of_row) {
        None => vec![vec![("Reading the pane.".to_owned(), model.theme.dim())]],
        Some(Ok(lines)) if lines.is_empty() => {
            vec![vec![("The pane is empty.".to_owned(), model.theme.dim())]]
        }
        Some(Ok(lines)) => {
            let shown = lines.iter().map(|line| vec![(cut(line, width, unicode), Style::new())]);
            shown.collect()
        }
        Some(Err(why)) => {
            let paragraph = |text: &str, style: Style| {
                let lines = wrap(text, width, usize::MAX, unicode).into_iter();
                lines.map(move |line| vec![(line, style)]).collect::<Vec<Line>>()
            };
            let mut lines = paragraph(why, model.theme.dim());
            let label = if row.open_prompt.is_some() { "It asks:" } else { "Its last words:" };
            let prompt = row.open_prompt.as_ref().map(|prompt| prompt.text.trim());
            let last = prompt.or(row.activity.as_deref()).unwrap_or_default();
            if !last.is_empty() {
                lines.push(Line::new());
                lines.extend(paragraph(label, Theme::strong()));
                for line in last.lines() {
                    lines.extend(paragraph(line, Style::new()));
                }
            }
            lines
        }
    }
}
