//! Screens as SVG: selectable text, a place for every run of cells, and classes for colours.

use std::collections::BTreeMap;
use std::fmt::Write as _;

const CELL_WIDTH: f64 = 8.4;
const LINE_HEIGHT: f64 = 18.0;
const PADDING: f64 = 14.0;

/// The distance of the base line of text from the top of its line.
const BASE_LINE: f64 = 13.5;

/// The seconds for which an animated picture shows a screen.
const SECONDS: f64 = 2.5;

/// The colours of the terminal.
#[derive(Debug, Clone, Copy)]
pub struct Look {
    pub theme: &'static str,
    pub text: &'static str,
    pub background: &'static str,
    pub border: &'static str,
}

impl Look {
    pub const DARK: Self =
        Self { theme: "dark", text: "#d6dbe2", background: "#11151c", border: "#30363d" };
    pub const LIGHT: Self =
        Self { theme: "light", text: "#1f2328", background: "#ffffff", border: "#d0d7de" };
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Style {
    text: Option<String>,
    background: Option<String>,
    is_bold: bool,
    is_dim: bool,
    is_reversed: bool,
}

#[derive(Debug)]
struct Cell {
    character: char,
    style: Style,
}

/// Returns screens as a picture: one screen as it is, several one after the other.
pub fn svg(screens: &[String], title: &str, look: Look, (columns, lines): (u16, u16)) -> String {
    let width = f64::from(columns) * CELL_WIDTH + 2.0 * PADDING;
    let height = f64::from(lines) * LINE_HEIGHT + 2.0 * PADDING;
    let mut classes = Classes::default();
    let mut draw = |screen: &String| -> Vec<String> {
        let lines = screen.lines().zip(0_u16..);
        lines.map(|(line, y)| draw_line(line, y, look, &mut classes)).collect()
    };
    let screens: Vec<Vec<String>> = screens.iter().map(&mut draw).collect();
    let line = |screen: &Vec<String>, y: usize| screen.get(y).cloned().unwrap_or_default();
    let first = screens.first().cloned().unwrap_or_default();
    let is_still = |y: &usize| screens.iter().all(|screen| line(screen, *y) == line(&first, *y));
    let (still, moving): (Vec<usize>, Vec<usize>) = (0..usize::from(lines)).partition(is_still);
    let part = |screen: &Vec<String>, places: &[usize]| {
        places.iter().map(|y| line(screen, *y)).collect::<String>()
    };
    let mut body = part(&first, &still);
    for (index, screen) in screens.iter().enumerate().filter(|_| !moving.is_empty()) {
        let _ = writeln!(body, "<g class=\"s s{index}\">\n{}</g>", part(screen, &moving));
    }
    let animation = if moving.is_empty() { String::new() } else { animation(screens.len()) };
    let Look { text, background, border, .. } = look;
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" \
         width=\"{width:.0}\" height=\"{height:.0}\" role=\"img\">\n<title>{title}</title>\n<style>\n\
         text {{ font: 14px ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace; \
         fill: {text} }}\n.b {{ font-weight: 700 }}\n.d {{ opacity: .65 }}\n{}{animation}</style>\n\
         <rect x=\".5\" y=\".5\" width=\"{:.0}\" height=\"{:.0}\" rx=\"8\" fill=\"{background}\" \
         stroke=\"{border}\"/>\n{body}</svg>\n",
        classes.rules(),
        width - 1.0,
        height - 1.0,
    )
}

/// Returns the rules that show one screen after the other. A user who wants no motion sees the first one, as does a
/// program that knows no animations.
fn animation(count: usize) -> String {
    let screens = u32::try_from(count).map_or(1.0, f64::from);
    let mut rules = format!(
        "@keyframes s {{ 0% {{ visibility: visible }} {:.3}%, to {{ visibility: hidden }} }}\n\
         .s {{ visibility: hidden; animation: s {}s step-end infinite }}\n",
        100.0 / screens,
        screens * SECONDS
    );
    for (index, number) in (0..count).zip(0_u32..) {
        let _ =
            writeln!(rules, ".s{index} {{ animation-delay: {}s }}", f64::from(number) * SECONDS);
    }
    rules.push_str(
        ".s0 { visibility: visible }\n@media (prefers-reduced-motion) { .s { animation: none } }\n",
    );
    rules
}

/// The classes of the colours that a picture uses.
#[derive(Debug, Default)]
struct Classes(BTreeMap<String, usize>);

impl Classes {
    fn of(&mut self, style: &Style) -> String {
        let mut names = Vec::new();
        if style.is_bold {
            names.push("b".to_owned());
        }
        if style.is_dim {
            names.push("d".to_owned());
        }
        if let Some(colour) = &style.text {
            let next = self.0.len();
            names.push(format!("c{}", self.0.entry(colour.clone()).or_insert(next)));
        }
        names.join(" ")
    }

    fn rules(&self) -> String {
        let mut rules = String::new();
        for (colour, number) in &self.0 {
            let _ = writeln!(rules, ".c{number} {{ fill: {colour} }}");
        }
        rules
    }
}

/// Draws a line: its backgrounds, then its text in one element.
fn draw_line(line: &str, y: u16, look: Look, classes: &mut Classes) -> String {
    let cells = cells(line, look);
    let top = PADDING + f64::from(y) * LINE_HEIGHT;
    let x = |column: usize| PADDING + u32::try_from(column).map_or(0.0, f64::from) * CELL_WIDTH;
    let length = |count: usize| u32::try_from(count).map_or(0.0, f64::from) * CELL_WIDTH;
    let (mut backgrounds, mut text) = (String::new(), String::new());
    for (start, end) in runs(&cells, |one, other| one.style.background == other.style.background) {
        if let Some(colour) = &cells[start].style.background {
            let _ = writeln!(
                backgrounds,
                "<rect x=\"{:.1}\" y=\"{top:.1}\" width=\"{:.1}\" height=\"{LINE_HEIGHT}\" fill=\"{colour}\"/>",
                x(start),
                length(end - start)
            );
        }
    }
    for (start, end) in runs(&cells, is_one_run) {
        let characters: String = cells[start..end].iter().map(|cell| cell.character).collect();
        if characters.trim().is_empty() {
            continue;
        }
        let class = classes.of(&cells[start].style);
        let class = if class.is_empty() { class } else { format!(" class=\"{class}\"") };
        let count = end - start;
        // The length keeps the columns aligned in every font.
        let length =
            if count > 1 { format!(" textLength=\"{:.1}\"", length(count)) } else { String::new() };
        let characters = characters.replace('&', "&amp;").replace('<', "&lt;");
        let _ = write!(text, "<tspan x=\"{:.1}\"{class}{length}>{characters}</tspan>", x(start));
    }
    if !text.is_empty() {
        let _ = writeln!(backgrounds, "<text y=\"{:.1}\">{text}</text>", top + BASE_LINE);
    }
    backgrounds
}

/// Returns true if two neighbours are drawn together: words of one style. Other characters than ASCII have widths of
/// their own in many fonts, except that a repeated one is a line.
fn is_one_run(one: &Cell, other: &Cell) -> bool {
    let is_plain = |cell: &Cell| cell.character.is_ascii_graphic();
    one.style == other.style
        && (is_plain(one) && is_plain(other)
            || one.character == other.character && one.character != ' ')
}

/// Returns the beginnings and ends of runs of neighbours that belong together.
fn runs(cells: &[Cell], belong: impl Fn(&Cell, &Cell) -> bool) -> Vec<(usize, usize)> {
    let mut runs = Vec::new();
    let mut start = 0;
    for end in 1..=cells.len() {
        if end == cells.len() || !belong(&cells[end - 1], &cells[end]) {
            runs.push((start, end));
            start = end;
        }
    }
    runs
}

/// Reads a line with the escape sequences that tmux writes for colours and weights.
fn cells(line: &str, look: Look) -> Vec<Cell> {
    let mut cells = Vec::new();
    let mut style = Style::default();
    let mut characters = line.chars();
    while let Some(character) = characters.next() {
        if character != '\u{1b}' {
            cells.push(Cell { character, style: shown(&style, look) });
            continue;
        }
        let sequence: String =
            characters.by_ref().take_while(|end| !end.is_ascii_alphabetic()).collect();
        apply(sequence.trim_start_matches('['), &mut style);
    }
    cells
}

/// Returns the style as it is drawn: a reversed one has its colours exchanged.
fn shown(style: &Style, look: Look) -> Style {
    if !style.is_reversed {
        return style.clone();
    }
    let text = style.background.clone().unwrap_or_else(|| look.background.to_owned());
    let background = style.text.clone().unwrap_or_else(|| look.text.to_owned());
    Style { text: Some(text), background: Some(background), is_reversed: false, ..style.clone() }
}

fn apply(sequence: &str, style: &mut Style) {
    let mut numbers = sequence.split([';', ':']).map(|number| number.parse::<u8>().unwrap_or(0));
    while let Some(number) = numbers.next() {
        match number {
            0 => *style = Style::default(),
            1 => style.is_bold = true,
            2 => style.is_dim = true,
            7 => style.is_reversed = true,
            22 => (style.is_bold, style.is_dim) = (false, false),
            27 => style.is_reversed = false,
            38 | 48 => {
                let is_rgb = numbers.next() == Some(2);
                let mut part = || numbers.next().unwrap_or(0);
                let [red, green, blue] =
                    if is_rgb { [part(), part(), part()] } else { indexed(part()) };
                let colour = Some(format!("#{red:02x}{green:02x}{blue:02x}"));
                if number == 38 { style.text = colour } else { style.background = colour }
            }
            39 => style.text = None,
            49 => style.background = None,
            _ => {}
        }
    }
}

/// Returns a colour of xterm's 256, other than the first 16, which each terminal has its own of.
fn indexed(index: u8) -> [u8; 3] {
    const LEVELS: [u8; 6] = [0, 0x5f, 0x87, 0xaf, 0xd7, 0xff];
    assert!(index >= 16, "the theme of a picture has colours of the terminal");
    if index >= 232 {
        return [(index - 232) * 10 + 8; 3];
    }
    let place = index - 16;
    [place / 36, place / 6 % 6, place % 6].map(|level| LEVELS[usize::from(level)])
}

/// Returns the words of a picture, with one sign in place of each time and of each row of equal signs: the times in the
/// demo follow the clock.
pub fn words(picture: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    for line in picture.lines().filter(|line| line.starts_with("<text ")) {
        for text in line.split('>').filter_map(|part| part.split_once('<')) {
            let word = text.0.replace(|character: char| character.is_ascii_digit(), "");
            let is_time =
                word.len() < text.0.len() && word.chars().all(|unit| "hms".contains(unit));
            let mut word: Vec<char> = if is_time { vec!['T'] } else { word.chars().collect() };
            word.dedup();
            let word: String = word.into_iter().collect();
            if !word.is_empty() && words.last() != Some(&word) {
                words.push(word);
            }
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn picture_has_each_text_at_its_place_and_in_its_colour() {
        let screen = "a \u{1b}[1;38;2;1;2;255mfoo\u{1b}[0m <\n\u{1b}[7mx\u{1b}[27m".to_owned();
        let picture = svg(&[screen], "t", Look::DARK, (10, 2));
        for part in [
            "<tspan x=\"14.0\">a</tspan><tspan x=\"30.8\" class=\"b c0\" textLength=\"25.2\">foo</tspan>",
            ">&lt;</tspan>",
            ".c0 { fill: #0102ff }",
            "<rect x=\"14.0\" y=\"32.0\" width=\"8.4\" height=\"18\" fill=\"#d6dbe2\"/>",
        ] {
            assert!(picture.contains(part), "{part}: {picture}");
        }
        assert!(!picture.contains("@keyframes"), "{picture}");
    }

    #[test]
    fn words_do_not_depend_on_times() {
        let picture = |screen: &str| svg(&[screen.to_owned()], "t", Look::DARK, (20, 1));
        assert_eq!(words(&picture("idle  ━━━  5m 12s 3%")), words(&picture("idle ━━━━━   1h 7%")));
        assert_eq!(words(&picture("idle 5m")), ["idle", "T"]);
    }

    #[test]
    fn animated_picture_draws_a_still_line_once() {
        let screens = ["same\none".to_owned(), "same\ntwo".to_owned()];
        let picture = svg(&screens, "t", Look::LIGHT, (10, 2));
        assert_eq!(picture.matches(">same<").count(), 1, "{picture}");
        assert!(picture.contains("<g class=\"s s1\">") && picture.contains(">two<"), "{picture}");
    }
}
