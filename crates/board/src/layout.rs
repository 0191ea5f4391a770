//! Divides the screen, for drawing and for the mouse.

pub(crate) mod lines;
pub(crate) mod strip;

use crate::format::text::AGE_WIDTH;
use crate::layout::lines::ListLine;
use crate::model::options::LayoutMode;
use crate::model::{Model, Screen};
use crewboard_core::{RowKey, Session, Status};
use crewboard_protocol::MAX_LOOK_ROWS;
use ratatui::layout::Rect;

/// The least height of the details: fewer lines are not worth a part of the screen.
const MIN_DETAIL_HEIGHT: u16 = 7;
/// The least height of the list while the details are shown.
const MIN_LIST_HEIGHT: u16 = 4;
/// The most lines that the details take from the rows: enough for all but a long plan or prompt, which a key shows in
/// full.
const MAX_SHARED_HEIGHT: u16 = 10;
/// The height of the list is a multiple of this number of lines.
const LIST_STEP: u16 = 2;
/// The least width of the details: narrower details would be cut in every line.
const MIN_DETAIL_WIDTH: u16 = 30;

/// The least width with the details next to the list, where they use the lines below the rows too.
const MIN_SIDE_WIDTH: u16 = 160;
/// The widths of the details next to the list: enough for a bar of an hour, and a line that is easy to read.
const SIDE_DETAIL_WIDTH: std::ops::RangeInclusive<u16> = 64..=100;

/// The least height with a footer, which shows keys and messages.
pub(crate) const FOOTER_HEIGHT: u16 = 8;

/// A screen of at most this height shows a strip, because it has room for one or two rows only.
const MAX_STRIP_HEIGHT: u16 = 3;

/// The parts of the screen. A part without room is empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Areas {
    pub header: Rect,
    /// The hours of the timeline, above the rows.
    pub hours: Rect,
    /// One line for each row.
    pub list: Rect,
    pub detail: Rect,
    /// The total of the timeline, below the rows.
    pub total: Rect,
    pub footer: Rect,
}

impl Areas {
    /// Returns all parts, from the first line to the last.
    pub fn all(&self) -> [Rect; 6] {
        [self.header, self.hours, self.list, self.detail, self.total, self.footer]
    }

    /// Returns the part between the header and the footer.
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
    if is_strip(model) {
        if height == 1 && !needs_header(model) {
            return Areas { list: header, ..Areas::default() };
        }
        let (list, detail) = (line(1, 1.min(height - 1)), line(2, height.saturating_sub(2)));
        return Areas { header, list, detail, ..Areas::default() };
    }
    if height <= 3 {
        return Areas { header, list: line(1, height - 1), ..Areas::default() };
    }
    let footer_lines = u16::from(has_footer(model));
    let footer = line(height - footer_lines, footer_lines);
    // A high screen has a blank line below the header.
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
    let has_room = width >= MIN_DETAIL_WIDTH && body >= MIN_LIST_HEIGHT + MIN_DETAIL_HEIGHT;
    if has_details && has_room && width >= MIN_SIDE_WIDTH {
        let detail_width =
            (width * 2 / 5).clamp(*SIDE_DETAIL_WIDTH.start(), *SIDE_DETAIL_WIDTH.end());
        // A blank column is between them.
        let list = Rect { width: width - detail_width - 1, ..line(start, body) };
        let detail = Rect { x: list.width + 1, width: detail_width, ..line(start, body) };
        return Areas { header, list, detail, footer, ..Areas::default() };
    }
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

/// Returns true if the main screen is a strip: one line with a chip for each session.
pub(crate) fn is_strip(model: &Model) -> bool {
    let is_strip = match model.layout_mode {
        LayoutMode::Auto => model.height <= MAX_STRIP_HEIGHT,
        LayoutMode::Strip => true,
        LayoutMode::List => false,
    };
    // A page that covers the main screen needs its own keys.
    let is_covered = model.overlay.is_some() && model.height > MAX_STRIP_HEIGHT;
    is_strip && model.screen == Screen::List && !is_covered
}

/// Returns true if a screen of one line has something to show that is more important than the chips.
fn needs_header(model: &Model) -> bool {
    model.rows.order().is_empty() || model.has_message() || model.connection_problem().is_some()
}

/// Returns true if the screen has a footer, which shows keys and messages. Elsewhere the header shows messages.
pub(crate) fn has_footer(model: &Model) -> bool {
    model.height >= FOOTER_HEIGHT && !is_strip(model)
}

/// Returns the height of the details: what the rows leave, or the height of usual details if the rows would fill the
/// screen. It changes in steps and does not depend on the selected row, so that the screen does not shift with each
/// session that comes or goes, and never under a click.
fn detail_lines(model: &Model, body: u16) -> u16 {
    let shared = (body * 9 / 20).clamp(MIN_DETAIL_HEIGHT, MAX_SHARED_HEIGHT);
    let rows = u16::try_from(lines::line_count(model))
        .unwrap_or(u16::MAX)
        .saturating_add(1)
        .max(MIN_LIST_HEIGHT);
    let left = body.saturating_sub(rows.checked_next_multiple_of(LIST_STEP).unwrap_or(u16::MAX));
    left.max(shared)
}

/// Returns the number of rows that the list shows at once.
pub fn visible_rows(model: &Model) -> usize {
    let list = layout(model).list;
    if is_strip(model) {
        return strip::divide(model, list, model.scroll).chips.len();
    }
    let lines = lines::visible_lines(model, usize::from(list.height));
    lines.iter().filter(|line| matches!(line, ListLine::Row(_))).count()
}

/// Returns the visible rows whose processes may be suspended now. Returns none if no visible row works.
pub fn rows_to_check(model: &Model) -> Vec<RowKey> {
    let below = model.rows.order().get(model.scroll..).unwrap_or_default();
    let visible = below.iter().take(visible_rows(model)).filter_map(|key| model.rows.get(key));
    let running = visible.filter(|row| row.pid.is_some() && row.status != Status::Closed);
    let running: Vec<&Session> = running.take(MAX_LOOK_ROWS).collect();
    if running.iter().any(|row| row.status == Status::Working) {
        running.into_iter().map(|row| row.key.clone()).collect()
    } else {
        Vec::new()
    }
}

/// Returns the row at a position on the screen.
pub fn row_at(model: &Model, column: u16, line: u16) -> Option<RowKey> {
    let list = layout(model).list;
    let is_inside = line >= list.y && line < list.bottom() && column < list.right();
    if is_inside && is_strip(model) {
        return strip::row_at(model, list, column);
    }
    let lines = lines::visible_lines(model, usize::from(list.height));
    match lines.get(usize::from(line.checked_sub(list.y)?)).filter(|_| is_inside)? {
        ListLine::Row(index) => model.rows.order().get(*index).cloned(),
        ListLine::Heading(_) => None,
    }
}

/// The widths of the list's columns, each with its gap. A column without room or without texts has the width zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Columns {
    pub status: usize,
    pub name: usize,
    /// The text of a row: what the session does, asks or last wrote.
    pub text: usize,
    pub work: usize,
    pub age: usize,
    pub context: usize,
    pub cost: usize,
    pub model: usize,
    pub agent: usize,
    pub place: usize,
    pub host: usize,
    /// The number of the open pull request.
    pub pull_request: usize,
    /// The repository, without its host.
    pub repository: usize,
}

/// The number of blanks between two columns.
pub(crate) const GAP: usize = 2;

/// The width of a status without its word: marker, shape and pin.
pub(crate) const SHAPE_WIDTH: usize = 3;

/// Divides `width` columns of the screen. The text of a row gets what the other columns leave; the less important
/// columns are dropped first.
pub fn columns(model: &Model, width: usize) -> Columns {
    let widest = model.rows.widths();
    // At least as wide as the heading.
    let column = |widest: usize, heading: usize, max: usize| {
        if widest == 0 { 0 } else { widest.clamp(heading, max) + GAP }
    };
    let mut columns = Columns {
        // Marker, shape, pin, a blank, the word and the gap.
        status: SHAPE_WIDTH + 1 + 10 + GAP,
        name: widest
            .name
            .clamp(if width >= 60 { 7 } else { 4 }, if width >= 110 { 28 } else { 18 })
            + GAP,
        text: 0,
        work: column(widest.work, 5, 7),
        age: AGE_WIDTH + GAP,
        context: column(widest.context, 4, 4),
        cost: column(widest.cost, 4, 6),
        model: column(widest.model, 5, 16),
        agent: column(widest.agent, 5, 10),
        place: column(widest.place, 4, 14),
        host: column(widest.host, 4, 12),
        pull_request: column(widest.pull_request, 2, 7),
        repository: column(widest.repository, 10, 24),
    };
    let used = |columns: &Columns| {
        let Columns { status, name, text: _, work, age, context, cost, .. } = *columns;
        let Columns { model, agent, place, host, pull_request, repository, .. } = *columns;
        let facts = model + agent + place + host + pull_request + repository;
        status + name + work + age + context + cost + facts
    };
    let min_text = (width * 3 / 8).clamp(4, 60);
    // In this order, until there is room for the text.
    let reductions: [fn(&mut Columns); 13] = [
        |columns| columns.repository = 0,
        |columns| columns.cost = 0,
        |columns| columns.model = 0,
        |columns| columns.context = 0,
        |columns| columns.agent = 0,
        |columns| columns.host = 0,
        |columns| columns.pull_request = 0,
        |columns| columns.place = 0,
        |columns| columns.work = 0,
        |columns| columns.name = columns.name.min(14),
        |columns| columns.status = SHAPE_WIDTH,
        |columns| columns.name = columns.name.min(10),
        |columns| columns.age = 0,
    ];
    for reduce in reductions {
        if used(&columns) + min_text <= width {
            break;
        }
        reduce(&mut columns);
    }
    if used(&columns) > width {
        let status = SHAPE_WIDTH.min(width);
        columns = Columns { status, name: width - status, ..Columns::default() };
    }
    columns.text = width - used(&columns);
    columns
}
