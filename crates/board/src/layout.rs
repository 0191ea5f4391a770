//! Where everything is. Drawing and mouse read the same answer.

use crate::model::{Model, Screen};
use crewboard_core::RowKey;
use ratatui::layout::Rect;

/// The fewest lines of details that are worth a part of the screen.
const DETAIL: u16 = 7;
/// Lines the list keeps when the details are shown.
const LIST: u16 = 4;
/// The most that they take from rows: enough for all but a long plan or prompt, which a key shows whole.
const USUAL: u16 = 10;
/// Rows by which the list grows.
const STEP: u16 = 2;
/// Narrower details would be cut in every line.
const DETAIL_WIDTH: u16 = 30;

/// From this height on there is a line for keys, and for what is to be said.
pub(crate) const FULL: u16 = 8;

/// The parts of the screen; a part there is no room for is empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Areas {
    pub header: Rect,
    /// Above the rows: the timeline's hours.
    pub hours: Rect,
    /// A line for each row.
    pub list: Rect,
    pub detail: Rect,
    /// Below the rows: the timeline's sum.
    pub total: Rect,
    pub footer: Rect,
}

impl Areas {
    /// All of them, from the first line to the last.
    pub fn all(&self) -> [Rect; 6] {
        [self.header, self.hours, self.list, self.detail, self.total, self.footer]
    }

    /// What lies between the top line and the footer.
    pub fn body(&self) -> Rect {
        let parts = [self.hours, self.list, self.detail, self.total];
        parts.into_iter().filter(|part| !part.is_empty()).reduce(Rect::union).unwrap_or_default()
    }
}

/// Divides the screen.
pub fn layout(model: &Model) -> Areas {
    let (width, height) = (model.width, model.height);
    let line = |y: u16, lines: u16| Rect { x: 0, y, width, height: lines };
    if width == 0 || height == 0 {
        return Areas::default();
    }
    let header = line(0, 1);
    // A strip: the line that says what matters, and what rows there is room for.
    if height <= 3 {
        return Areas { header, list: line(1, height - 1), ..Areas::default() };
    }
    let footer_lines = u16::from(height >= FULL);
    let footer = line(height - footer_lines, footer_lines);
    // A blank line under the top one, where it costs nobody a row.
    let start = if height >= 14 { 2 } else { 1 };
    let body = height - start - footer_lines;
    if model.screen == Screen::Timeline {
        let extra = u16::from(body >= 4);
        return Areas {
            header,
            hours: line(start, extra),
            list: line(start + extra, body - 2 * extra),
            detail: Rect::default(),
            total: line(start + body - extra, extra),
            footer,
        };
    }
    let has_details = model.detail && !model.rows.order().is_empty();
    let has_room = width >= DETAIL_WIDTH && body >= LIST + DETAIL;
    let detail_lines = if has_details && has_room { detail_lines(model, body) } else { 0 };
    Areas {
        header,
        hours: Rect::default(),
        list: line(start, body - detail_lines),
        detail: line(start + body - detail_lines, detail_lines),
        total: Rect::default(),
        footer,
    }
}

/// How many of the lines between the top line and the footer the details take: what the rows leave, or, where
/// those would fill the screen, what most have to say. In steps, and whatever is selected: not with every session
/// that comes or goes, and never under a click, are the lines of the screen to move.
fn detail_lines(model: &Model, body: u16) -> u16 {
    let most = (body * 9 / 20).clamp(DETAIL, USUAL);
    let rows =
        u16::try_from(model.rows.order().len()).unwrap_or(u16::MAX).saturating_add(1).max(LIST);
    let left = body.saturating_sub(rows.checked_next_multiple_of(STEP).unwrap_or(u16::MAX));
    left.max(most)
}

/// How many rows the list shows at once.
pub fn visible_rows(model: &Model) -> usize {
    usize::from(layout(model).list.height)
}

/// The row at a place on the screen.
pub fn row_at(model: &Model, column: u16, line: u16) -> Option<RowKey> {
    let list = layout(model).list;
    let is_inside = line >= list.y && line < list.bottom() && column < list.right();
    let index = model.scroll + usize::from(line.checked_sub(list.y)?);
    is_inside.then(|| model.rows.order().get(index).cloned()).flatten()
}

/// Widths of the list's columns with the gap that belongs to each; zero where there is no room for
/// one, or nothing to say in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Columns {
    pub status: usize,
    pub name: usize,
    pub says: usize,
    pub work: usize,
    pub age: usize,
    pub context: usize,
    pub cost: usize,
    pub model: usize,
    pub agent: usize,
    pub place: usize,
    pub host: usize,
}

/// Blanks between two columns.
pub(crate) const GAP: usize = 2;

/// Columns of the status as a shape alone, behind the marker of the selection.
const SHAPE: usize = 3;

/// Shares out `width` columns: what a row says gets what the others leave, and the less important
/// ones go first.
pub fn columns(model: &Model, width: usize) -> Columns {
    let widest = model.rows.widths();
    let column = |widest: usize, most: usize| if widest == 0 { 0 } else { widest.min(most) + GAP };
    let mut columns = Columns {
        // Marker, shape, blank, word, blank.
        status: 14,
        name: widest.name.clamp(4, if width >= 120 { 28 } else { 18 }) + GAP,
        says: 0,
        work: column(widest.work, 7),
        age: 5 + GAP,
        context: column(widest.context, 4),
        cost: column(widest.cost, 6),
        model: column(widest.model, 16),
        agent: column(widest.agent, 10),
        place: column(widest.place, 14),
        host: column(widest.host, 12),
    };
    let taken = |columns: &Columns| {
        let Columns { status, name, says: _, work, age, context, cost, model, agent, place, host } =
            *columns;
        status + name + work + age + context + cost + model + agent + place + host
    };
    let least = (width * 2 / 5).clamp(4, 60);
    // In this order, until there is room for what the rows say.
    let give_up: [fn(&mut Columns); 11] = [
        |columns| columns.cost = 0,
        |columns| columns.model = 0,
        |columns| columns.context = 0,
        |columns| columns.agent = 0,
        |columns| columns.host = 0,
        |columns| columns.place = 0,
        |columns| columns.work = 0,
        |columns| columns.name = columns.name.min(14),
        |columns| columns.status = SHAPE,
        |columns| columns.name = columns.name.min(10),
        |columns| columns.age = 0,
    ];
    for give_up in give_up {
        if taken(&columns) + least <= width {
            break;
        }
        give_up(&mut columns);
    }
    if taken(&columns) > width {
        let status = SHAPE.min(width);
        columns = Columns { status, name: width - status, ..Columns::default() };
    }
    columns.says = width - taken(&columns);
    columns
}
