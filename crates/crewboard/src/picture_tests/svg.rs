//! Screens as SVG: selectable text, a place for every run of cells, and classes for colours.

use ratatui::buffer::{Buffer, Cell};
use ratatui::style::{Color, Modifier};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

/// The size of a cell. A font of 15 pixels is 9 pixels wide in most terminals' fonts.
const CELL_WIDTH: u16 = 9;
const LINE_HEIGHT: u16 = 19;
const PADDING: u16 = 14;

/// The distance of the base line of text from the top of its line.
const BASE_LINE: u16 = 14;

/// The tenths of a second for which an animated picture shows a screen.
const TENTHS: usize = 25;

/// The colours of the terminal.
#[derive(Debug, Clone, Copy)]
pub(super) struct Look {
    pub(super) theme: &'static str,
    text: &'static str,
    background: &'static str,
    border: &'static str,
}

impl Look {
    pub(super) const DARK: Self =
        Self { theme: "dark", text: "#d6dbe2", background: "#11151c", border: "#30363d" };
    pub(super) const LIGHT: Self =
        Self { theme: "light", text: "#1f2328", background: "#ffffff", border: "#d0d7de" };
}

/// The colours and the weight of a cell. A colour is `None` if it is that of the terminal.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Style {
    text: Option<String>,
    background: Option<String>,
    is_bold: bool,
    is_dim: bool,
}

/// A run of cells of a line that are drawn together. The background comes before the text.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Run {
    Background { line: u16, column: u16, count: u16, colour: String },
    Text { line: u16, column: u16, style: Style, characters: String },
}

/// The screens that show a run, a bit each.
type Screens = u8;

/// Returns screens as a picture: one screen as it is, several one after the other. Each run is drawn once.
pub(super) fn svg(screens: &[Buffer], title: &str, look: Look) -> String {
    let mut runs: BTreeMap<Run, Screens> = BTreeMap::new();
    for (index, screen) in screens.iter().enumerate() {
        for run in runs_of(screen, look) {
            *runs.entry(run).or_default() |= 1 << index;
        }
    }
    let always: Screens = (0..screens.len()).fold(0, |all, index| all | 1 << index);
    // Backgrounds come first.
    let mut groups: BTreeMap<(bool, Screens), Vec<&Run>> = BTreeMap::new();
    for (run, shown) in &runs {
        let is_text = matches!(run, Run::Text { .. });
        groups.entry((is_text, *shown)).or_default().push(run);
    }
    let (mut body, mut rules) = (String::new(), BTreeSet::new());
    let mut classes = Classes::default();
    for ((_, shown), group) in &groups {
        let elements = draw(group, &mut classes);
        if *shown == always {
            body.push_str(&elements);
        } else {
            let _ = writeln!(body, "<g class=\"s{shown}\">\n{elements}</g>");
            rules.insert(animation(*shown, screens.len()));
        }
    }
    let mut rules: String = rules.into_iter().collect();
    if !rules.is_empty() {
        rules.push_str("@media (prefers-reduced-motion) { g { animation: none !important } }\n");
    }
    let area = screens[0].area;
    let width = area.width * CELL_WIDTH + 2 * PADDING;
    let height = area.height * LINE_HEIGHT + 2 * PADDING;
    let Look { text, background, border, .. } = look;
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" \
         width=\"{width}\" height=\"{height}\" role=\"img\">\n<title>{title}</title>\n<style>\n\
         text {{ font: 15px ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace; \
         fill: {text} }}\n.b {{ font-weight: 700 }}\n.d {{ opacity: .65 }}\n{}{rules}</style>\n\
         <rect x=\".5\" y=\".5\" width=\"{}\" height=\"{}\" rx=\"8\" fill=\"{background}\" \
         stroke=\"{border}\"/>\n{body}</svg>\n",
        classes.rules(),
        width - 1,
        height - 1,
    )
}

/// Returns the rules for what some of the screens show. A user who wants no motion sees the first screen, as does a
/// program that supports no animations.
fn animation(shown: Screens, count: usize) -> String {
    let is_shown = |index: usize| shown & (1 << index) != 0;
    let word = |is_shown| if is_shown { "visible" } else { "hidden" };
    let mut frames = String::new();
    for index in 0..count {
        if index == 0 || is_shown(index) != is_shown(index - 1) {
            let _ = write!(
                frames,
                " {}% {{ visibility: {} }}",
                index * 100 / count,
                word(is_shown(index))
            );
        }
    }
    let (seconds, tenths) = (count * TENTHS / 10, count * TENTHS % 10);
    format!(
        "@keyframes s{shown} {{{frames} }}\n.s{shown} {{ visibility: {}; \
         animation: s{shown} {seconds}.{tenths}s step-end infinite }}\n",
        word(is_shown(0)),
    )
}

/// The classes of the colours that a picture uses.
#[derive(Debug, Default)]
struct Classes(BTreeMap<String, usize>);

impl Classes {
    /// Returns the attribute for a style.
    fn of(&mut self, style: &Style) -> String {
        let mut names = Vec::new();
        names.extend(style.is_bold.then(|| "b".to_owned()));
        names.extend(style.is_dim.then(|| "d".to_owned()));
        if let Some(colour) = &style.text {
            let next = self.0.len();
            names.push(format!("c{}", self.0.entry(colour.clone()).or_insert(next)));
        }
        if names.is_empty() { String::new() } else { format!(" class=\"{}\"", names.join(" ")) }
    }

    fn rules(&self) -> String {
        let rules = self.0.iter();
        rules.fold(String::new(), |rules, (colour, number)| {
            rules + &format!(".c{number} {{ fill: {colour} }}\n")
        })
    }
}

/// Draws runs of one kind in order of their lines. The text of a line is one element.
fn draw(runs: &[&Run], classes: &mut Classes) -> String {
    let mut elements = String::new();
    let mut open_line = None;
    for run in runs {
        match run {
            Run::Background { line, column, count, colour } => {
                let (x, y) = (PADDING + column * CELL_WIDTH, PADDING + line * LINE_HEIGHT);
                let width = count * CELL_WIDTH;
                let _ = writeln!(
                    elements,
                    "<rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{LINE_HEIGHT}\" fill=\"{colour}\"/>"
                );
            }
            Run::Text { line, column, style, characters } => {
                if open_line != Some(line) {
                    let end = if open_line.is_some() { "</text>\n" } else { "" };
                    let y = PADDING + line * LINE_HEIGHT + BASE_LINE;
                    let _ = write!(elements, "{end}<text y=\"{y}\">");
                    open_line = Some(line);
                }
                let x = PADDING + column * CELL_WIDTH;
                let count = characters.chars().count();
                // The length keeps the columns aligned in every font.
                let length = match count {
                    1 => String::new(),
                    _ => format!(" textLength=\"{}\"", count * usize::from(CELL_WIDTH)),
                };
                let class = classes.of(style);
                let characters = characters.replace('&', "&amp;").replace('<', "&lt;");
                let _ = write!(elements, "<tspan x=\"{x}\"{class}{length}>{characters}</tspan>");
            }
        }
    }
    if open_line.is_some() {
        elements.push_str("</text>\n");
    }
    elements
}

/// Returns the runs of a screen.
fn runs_of(screen: &Buffer, look: Look) -> Vec<Run> {
    let mut runs = Vec::new();
    for line in 0..screen.area.height {
        let cells: Vec<(&str, Style)> = (0..screen.area.width)
            .map(|column| &screen[(column, line)])
            .map(|cell| (cell.symbol(), style_of(cell, look)))
            .collect();
        for (start, end) in groups(&cells, |one, other| one.1.background == other.1.background) {
            if let Some(colour) = &cells[start].1.background {
                let (column, count) = (number(start), number(end - start));
                runs.push(Run::Background { line, column, count, colour: colour.clone() });
            }
        }
        for (start, end) in groups(&cells, is_one_run) {
            let text: String = cells[start..end].iter().map(|(symbol, _)| *symbol).collect();
            // A viewer draws several blanks as one.
            let mut offset = 0;
            for part in text.split("  ") {
                let characters = part.trim_start();
                let column = number(start + offset + part.len() - characters.len());
                let characters = characters.trim_end().to_owned();
                offset += part.chars().count() + 2;
                if !characters.is_empty() {
                    let style = Style { background: None, ..cells[start].1.clone() };
                    runs.push(Run::Text { line, column, style, characters });
                }
            }
        }
    }
    runs
}

fn number(count: usize) -> u16 {
    u16::try_from(count).unwrap()
}

/// Returns true if two neighbours are drawn together: ASCII text of one style. Other characters have widths of their
/// own in many fonts, except that a repeated one is a line.
fn is_one_run((one, style): &(&str, Style), (other, other_style): &(&str, Style)) -> bool {
    style == other_style && (one.is_ascii() && other.is_ascii() || one == other)
}

/// Returns the beginnings and ends of runs of neighbours that belong together.
fn groups<T>(cells: &[T], belong: impl Fn(&T, &T) -> bool) -> Vec<(usize, usize)> {
    let mut groups = Vec::new();
    let mut start = 0;
    for end in 1..=cells.len() {
        if end == cells.len() || !belong(&cells[end - 1], &cells[end]) {
            groups.push((start, end));
            start = end;
        }
    }
    groups
}

/// Returns the style in which a cell is drawn. A reversed cell has its colours exchanged.
fn style_of(cell: &Cell, look: Look) -> Style {
    let (mut text, mut background) = (colour(cell.fg), colour(cell.bg));
    if cell.modifier.contains(Modifier::REVERSED) {
        let terminal = |colour: &str| Some(colour.to_owned());
        (text, background) = (
            background.or_else(|| terminal(look.background)),
            text.or_else(|| terminal(look.text)),
        );
    }
    Style {
        text,
        background,
        is_bold: cell.modifier.contains(Modifier::BOLD),
        is_dim: cell.modifier.contains(Modifier::DIM),
    }
}

/// Returns a colour of xterm's palette of 256. Panics at one of the first 16, which differ between terminals.
fn colour(colour: Color) -> Option<String> {
    const LEVELS: [u8; 6] = [0, 0x5f, 0x87, 0xaf, 0xd7, 0xff];
    let [red, green, blue] = match colour {
        Color::Reset => return None,
        Color::Indexed(index @ 232..) => [(index - 232) * 10 + 8; 3],
        Color::Indexed(index @ 16..) => {
            let place = index - 16;
            [place / 36, place / 6 % 6, place % 6].map(|level| LEVELS[usize::from(level)])
        }
        _ => panic!("the theme of a picture has {colour:?}, which depends on the terminal"),
    };
    Some(format!("#{red:02x}{green:02x}{blue:02x}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ratatui::style::Style as Drawn;

    fn screen(lines: &[&str]) -> Buffer {
        Buffer::with_lines(lines.iter().copied())
    }

    #[test]
    fn picture_has_each_text_at_its_place_and_in_its_colour() {
        let mut screen = screen(&["a foo  <", "x       "]);
        screen.set_style(
            ratatui::layout::Rect::new(2, 0, 3, 1),
            Drawn::new().fg(Color::Indexed(214)).bold(),
        );
        screen.set_style(ratatui::layout::Rect::new(0, 1, 1, 1), Drawn::new().reversed());
        let picture = svg(&[screen], "t", Look::DARK);
        for part in [
            "<tspan x=\"14\">a</tspan><tspan x=\"32\" class=\"b c0\" textLength=\"27\">foo</tspan>",
            "<tspan x=\"77\">&lt;</tspan>",
            ".c0 { fill: #ffaf00 }",
            "<rect x=\"14\" y=\"33\" width=\"9\" height=\"19\" fill=\"#d6dbe2\"/>",
        ] {
            assert!(picture.contains(part), "{part}: {picture}");
        }
        assert!(!picture.contains("@keyframes"), "{picture}");
    }

    #[test]
    fn animated_picture_draws_each_text_once() {
        let screens =
            [screen(&["same", "one "]), screen(&["same", "two "]), screen(&["same", "one "])];
        let picture = svg(&screens, "t", Look::LIGHT);
        for text in [">same<", ">one<", ">two<"] {
            assert_eq!(picture.matches(text).count(), 1, "{picture}");
        }
        let frames = "@keyframes s5 { 0% { visibility: visible } 33% { visibility: hidden } 66% { visibility: visible } }";
        assert!(picture.contains(frames) && picture.contains("<g class=\"s2\">"), "{picture}");
    }
}
