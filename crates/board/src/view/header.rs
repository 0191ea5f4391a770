//! The first line: the number of sessions in each status, and the rate limits.

use super::canvas::{Piece, put, room};
use super::limits::{self, Detail, Extent};
use crate::format::text::cut;
use crate::model::{ConnectionState, Model, Screen};
use crate::theme::Theme;
use crewboard_core::Status;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use unicode_width::UnicodeWidthStr;

const BRAND: &str = "crewboard  ";
/// The least width with the brand.
const BRAND_WIDTH: u16 = 80;

/// The least number of blanks between the counts and the limits.
const GAP: usize = 3;

/// The form of the line in windows of at least a width.
struct Form {
    width: u16,
    counts: CountsForm,
    limits: Option<Detail>,
}

/// The forms while rate limits are known, the widest first. Only the width chooses the form: a line that changes its form
/// with each count must be read again each time.
const WITH_LIMITS: [Form; 7] = [
    Form { width: 200, counts: CountsForm::Words, limits: Some(Detail::Pace) },
    Form { width: 160, counts: CountsForm::Shapes, limits: Some(Detail::Pace) },
    Form { width: 140, counts: CountsForm::Shapes, limits: Some(Detail::Resets) },
    Form { width: 120, counts: CountsForm::Compact, limits: Some(Detail::Resets) },
    Form { width: 100, counts: CountsForm::Compact, limits: Some(Detail::Bars) },
    Form { width: 65, counts: CountsForm::Compact, limits: Some(Detail::Percentages) },
    Form { width: 0, counts: CountsForm::Compact, limits: None },
];

/// The forms without rate limits, the widest first.
const WITHOUT_LIMITS: [Form; 3] = [
    Form { width: 120, counts: CountsForm::Words, limits: None },
    Form { width: 80, counts: CountsForm::Shapes, limits: None },
    Form { width: 0, counts: CountsForm::Compact, limits: None },
];

fn form(model: &Model) -> &'static Form {
    let forms: &[Form] = if model.limits.is_empty() { &WITHOUT_LIMITS } else { &WITH_LIMITS };
    let form = forms.iter().find(|form| form.width <= model.width);
    form.unwrap_or(&WITHOUT_LIMITS[2])
}

pub(super) fn draw(model: &Model, area: Rect, buffer: &mut Buffer) {
    if area.height == 0 {
        return;
    }
    let theme = model.theme;
    let mut x = area.x;
    if has_brand(model) {
        x = put(buffer, area, x + 1, area.y, BRAND, Theme::strong());
    }
    if let Some(problem) = model.connection_problem() {
        let text = cut(&problem, room(area, x), theme.unicode);
        put(buffer, area, x, area.y, &text, theme.status(Status::Failed));
        return;
    }
    if super::hints::is_in_header(model) {
        for (text, style) in brief(model) {
            x = put(buffer, area, x, area.y, &text, style);
        }
        super::hints::draw(model, area, line_start(model), buffer);
        return;
    }
    let right = right(model);
    let dropped_events = dropped_events(model, space(model, room(area, x)));
    if !dropped_events.is_empty() {
        x = put(buffer, area, x, area.y, &dropped_events, theme.status(Status::Failed));
    }
    let space = space(model, room(area, x));
    let extent = extent(model, space);
    let taken = extent.map_or(0, |extent| GAP + width(&limits::pieces(model, extent)) + 1);
    let pieces = counts(model, space.saturating_sub(taken));
    for (text, style) in pieces {
        x = put(buffer, area, x, area.y, &text, style);
    }
    if model.rows.is_empty() && model.height <= 3 && right.is_empty() {
        put(buffer, area, x, area.y, "no sessions", theme.dim());
    }
    let start = area.right().saturating_sub(u16::try_from(right.width()).unwrap_or(0));
    if !right.is_empty() && start > x {
        put(buffer, area, start, area.y, right, theme.dim());
    }
    if let Some(extent) = extent {
        let pieces = limits::pieces(model, extent);
        let mut x = start.saturating_sub(u16::try_from(width(&pieces) + 1).unwrap_or(0));
        for (text, style) in pieces {
            x = put(buffer, area, x, area.y, &text, style);
        }
    }
}

/// Returns the number of dropped events that the user has not seen yet, with as much detail as fits in `space` columns
/// with the counts. Empty if there are none.
fn dropped_events(model: &Model, space: usize) -> String {
    if model.dropped_events.is_empty() {
        return String::new();
    }
    let separator = model.theme.separator();
    let total = model.dropped_events.total();
    let needed = if model.rows.is_empty() { 0 } else { width(&needs(model, CountsForm::Total)) };
    let texts = [
        format!("{}{separator}", model.dropped_events),
        format!("{total} event{} dropped{separator}", if total == 1 { "" } else { "s" }),
    ];
    let found = texts.into_iter().find(|text| text.width() + needed <= space);
    found.unwrap_or_else(|| format!("{total} dropped "))
}

/// Returns the word at the right end of the line.
fn right(model: &Model) -> &'static str {
    match (&model.connection, model.screen) {
        (ConnectionState::Connecting, _) => "connecting ",
        (_, Screen::Timeline) => "timeline ",
        _ => "",
    }
}

/// Returns how many of `room` columns are left for the counts and the limits.
fn space(model: &Model, room: usize) -> usize {
    let right = right(model);
    room.saturating_sub(right.width() + usize::from(!right.is_empty()))
}

/// Returns the milliseconds until each time in the line changes.
pub(super) fn clocks(model: &Model) -> Vec<u64> {
    if model.connection_problem().is_some() {
        return Vec::new();
    }
    let room = usize::from(model.width).saturating_sub(start(model));
    let room = room.saturating_sub(dropped_events(model, space(model, room)).width());
    extent(model, space(model, room)).map_or_else(Vec::new, |extent| limits::clocks(model, extent))
}

fn width(pieces: &[Piece]) -> usize {
    pieces.iter().map(|(text, _)| text.width()).sum()
}

/// Returns the number of hidden rows that need the user, in words and in short. `None` if there are none.
fn hidden(model: &Model) -> Option<[String; 2]> {
    let count = model.rows.totals().hidden_needs;
    let is_shown = count > 0 && !model.rows.shows_dismissed();
    is_shown.then(|| [format!("{}{count} hidden", model.theme.separator()), format!(" (+{count})")])
}

/// Returns the count in front of the line for the user, where that is in the header.
fn brief(model: &Model) -> Vec<Piece> {
    let needs = model.rows.totals().needs();
    let Some((first, _)) = needs.first() else { return Vec::new() };
    let count: usize = needs.iter().map(|(_, count)| count).sum();
    let verb = if count == 1 { "needs" } else { "need" };
    let text =
        if model.width < 60 { format!("{count}  ") } else { format!("{count} {verb} you  ") };
    let [_, short] = hidden(model).unwrap_or_default();
    let text = text.replacen("  ", &format!("{short}  "), 1);
    vec![(text, model.theme.status(*first))]
}

/// Returns the column at which the line for the user begins, where that is in the header.
pub(super) fn line_start(model: &Model) -> u16 {
    let text = start(model) + width(&brief(model));
    u16::try_from(text).unwrap_or(u16::MAX)
}

/// Returns the width of the name of the program, if it is shown.
fn start(model: &Model) -> usize {
    if has_brand(model) { BRAND.width() + 1 } else { 0 }
}

/// Returns true if the line begins with the name of the program.
fn has_brand(model: &Model) -> bool {
    model.height > 3 && model.width >= BRAND_WIDTH
}

/// Returns the extent of the limits that fits in `space` columns with the widest counts of the form, so that it does
/// not depend on the counts. The percentages of a further account are more important than bars and reset times.
fn extent(model: &Model, space: usize) -> Option<Extent> {
    let form = form(model);
    let most = form.limits?;
    let sets = limits::count(model);
    let details = Detail::ALL.into_iter().filter(|detail| *detail <= most);
    let all_sets = details.map(|detail| Extent { sets, detail });
    let fewer = (1..sets).rev().map(|sets| Extent { sets, detail: Detail::Percentages });
    let mut candidates = all_sets.chain(fewer).filter(|extent| extent.sets > 0);
    candidates.find(|extent| {
        let limits = width(&limits::pieces(model, *extent));
        form.counts.reserved_width() + GAP + limits < space
    })
}

/// Returns the counts in the form of this width. Only hundreds of sessions or dropped events make the form shorter.
fn counts(model: &Model, space: usize) -> Vec<Piece> {
    if model.rows.is_empty() {
        // Nothing is known yet.
        return Vec::new();
    }
    let most = form(model).counts;
    let [long, short] = hidden(model).unwrap_or_default();
    for form in CountsForm::ALL.into_iter().filter(|form| *form <= most) {
        let hidden = if form == CountsForm::Total { &short } else { &long };
        let mut pieces = needs(model, form);
        pieces.extend(other_counts(model, form));
        pieces.push((hidden.clone(), model.theme.dim()));
        if width(&pieces) <= space {
            return pieces;
        }
    }
    if short.is_empty() {
        return needs(model, CountsForm::Total);
    }
    // Not even the shortest counts fit with it.
    let count = model.rows.totals().needs().iter().map(|(_, count)| count).sum::<usize>();
    vec![(format!("{count}{short}"), model.theme.dim())]
}

/// The form of the counts, from the shortest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum CountsForm {
    /// `5 need you`
    Total,
    /// `5 need you !1 ?4 ●3`
    Compact,
    /// `5 need you !1 ?4 · 3 working`
    Shapes,
    /// `5 need you: 1 permission, 4 questions · 3 working`
    Words,
}

impl CountsForm {
    /// All forms, from the longest.
    const ALL: [Self; 4] = [Self::Words, Self::Shapes, Self::Compact, Self::Total];

    /// Returns the columns of the counts of usual numbers of sessions in all statuses, with hidden ones.
    fn reserved_width(self) -> usize {
        match self {
            Self::Words => 106,
            Self::Shapes => 66,
            Self::Compact => 46,
            Self::Total => 11,
        }
    }
}

/// Returns the number of rows that need the user, and their statuses.
fn needs(model: &Model, form: CountsForm) -> Vec<Piece> {
    let theme = model.theme;
    let needs = model.rows.totals().needs();
    let count: usize = needs.iter().map(|(_, count)| count).sum();
    let Some((first, _)) = needs.first() else {
        return vec![("no session needs you".to_owned(), theme.dim())];
    };
    let verb = if count == 1 { "needs" } else { "need" };
    let mut pieces = vec![(format!("{count} {verb} you"), theme.status(*first))];
    for (index, (status, count)) in needs.iter().enumerate() {
        let before = if index == 0 { ": " } else { ", " };
        let text = match form {
            CountsForm::Total => break,
            CountsForm::Shapes | CountsForm::Compact => format!(" {}{count}", theme.shape(*status)),
            CountsForm::Words => {
                let is_plural = *count > 1 && status.is_prompt();
                let plural = if is_plural { "s" } else { "" };
                let number = if needs.len() == 1 { String::new() } else { format!("{count} ") };
                format!("{before}{number}{status}{plural}")
            }
        };
        pieces.push((text, theme.status(*status)));
    }
    pieces
}

/// Returns the number of rows that work or are idle.
fn other_counts(model: &Model, form: CountsForm) -> impl Iterator<Item = Piece> {
    let theme = model.theme;
    let totals = model.rows.totals();
    [(totals.working, Status::Working), (totals.idle, Status::Idle)]
        .into_iter()
        .filter(move |(count, _)| *count > 0 && form != CountsForm::Total)
        .map(move |(count, status)| match form {
            CountsForm::Compact => (format!(" {}{count}", theme.shape(status)), Style::new()),
            _ => (format!("{}{count} {status}", theme.separator()), Style::new()),
        })
}
