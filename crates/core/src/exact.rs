//! Texts that the user approves, such as the command of a permission. Nothing in them is dropped or hidden
//! without a mark, and two different texts never look the same.
//!
//! A character that cannot be seen, or that a terminal obeys, is shown as `\xHH` or `\u{HHHH}`; a run of
//! one is counted, `\u{200b*17}`. A line break in a one-line form is `⏎` and a tab is `⇥`. A text that is too
//! long is cut, and the cut shows how much is missing: `… 3,214 more characters`.

mod marks;

use crate::text::is_printable_ascii;
use marks::is_mark;
use std::fmt::Write as _;

/// The form in which a text is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exact {
    /// The greatest length in bytes.
    pub max: usize,
    /// Keeps line breaks. Otherwise the result is one line.
    pub multiline: bool,
    /// Treats the text as prose for the user and not as a command: it keeps the spaces, joiners and variants of
    /// symbols that some languages need.
    pub prose: bool,
}

/// Represents a line break in a one-line form.
pub const LINE_BREAK: char = '⏎';
/// Represents a tab.
pub const TAB: char = '⇥';

/// The greatest number of combining marks on one character. No script needs more.
const MAX_MARKS: usize = 4;
/// The length from which a run of one hidden character is shown as a count.
const MIN_HIDDEN_RUN: usize = 4;
/// The shortest runs that may be shown as a count, for [`Exact::keeps`].
const SHORTEST_RUN_OF_SPACES: &str = "                ";
const SHORTEST_RUN_OF_BREAKS: &str = "\n\n\n\n\n\n\n\n";
/// The bytes reserved for the mark of a cut.
const CUT_MARK: usize = 48;

/// Shows `text` so that no other text looks the same, up to the cut.
///
/// Text that looks like one of the marks is escaped too. So the sender calls this once, and the receiver does not
/// call it again.
pub fn reveal(text: &str, how: Exact) -> String {
    show(text, 0, how, true)
}

/// Shows the beginning of a text like [`reveal`]. `more` counts the characters that follow `text`.
pub fn reveal_beginning(text: &str, more: usize, how: Exact) -> String {
    show(text, more, how, true)
}

/// Shows `text` with nothing hidden. Leaves the output of [`reveal`] and of itself unchanged.
pub fn expose(text: &str, how: Exact) -> String {
    if how.keeps(text) {
        return text.to_owned();
    }
    show(text, 0, how, false)
}

/// Turns the output of [`expose`] or [`reveal`] into one line of at most `max` bytes.
pub fn one_line(text: &str, max: usize) -> String {
    let how = Exact { max: usize::MAX, multiline: false, prose: true };
    let mut line = expose(text.trim_end_matches('\n'), how);
    if line.len() > max {
        // The view of the whole text shows how much is missing.
        let end = max.saturating_sub('…'.len_utf8());
        let end = (0..=end).rev().find(|end| line.is_char_boundary(*end)).unwrap_or(0);
        line.truncate(end);
        line.push('…');
    }
    line
}

/// Returns the escape for `character`.
pub fn escape(character: char) -> String {
    match u32::from(character) {
        code @ 0..=0xff => format!("\\x{code:02x}"),
        code => format!("\\u{{{code:x}}}"),
    }
}

fn show(text: &str, more: usize, how: Exact, protect: bool) -> String {
    let mut shown = String::with_capacity(text.len().min(how.max));
    let mut rest = text.chars();
    // The characters read, and the position of the cut if the text does not fit.
    let (mut taken, mut cut) = (0_usize, (0_usize, 0_usize));
    let room =
        how.max.saturating_sub(if how.shows_missing_count() { CUT_MARK } else { '…'.len_utf8() });
    let mut context = Context::default();
    while let Some(character) = rest.next() {
        let run = match how.least_run(character) {
            Some(least) => {
                let run = 1 + rest.clone().take_while(|next| *next == character).count();
                if run >= least { run } else { 1 }
            }
            None => 1,
        };
        for _ in 1..run {
            rest.next();
        }
        if run > 1 {
            let edge = if how.multiline && character == '\n' { "\n" } else { "" };
            let counted = run - 2 * edge.len();
            let _ = write!(shown, "{edge}\\u{{{:x}*{counted}}}{edge}", u32::from(character));
            context.escaped(character);
        } else {
            how.push(&mut shown, character, rest.as_str(), protect, &mut context);
        }
        taken += run;
        if shown.len() <= room {
            cut = (shown.len(), taken);
        }
        if shown.len() > how.max {
            break;
        }
    }
    if shown.len() <= how.max && more == 0 {
        return shown;
    }
    let (length, before) = cut;
    shown.truncate(length);
    if how.shows_missing_count() {
        let missing = taken + rest.count() - before + more;
        let _ = write!(shown, "… {} more characters", with_commas(missing));
    } else if how.max >= '…'.len_utf8() {
        shown.push('…');
    }
    shown
}

/// Formats `3214` as `3,214`.
pub fn with_commas(number: usize) -> String {
    let digits = number.to_string();
    let mut shown = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            shown.push(',');
        }
        shown.push(digit);
    }
    shown
}

/// The text before a character.
#[derive(Debug)]
struct Context {
    /// The two characters before it, oldest first. The start of the text counts as the start of a line.
    before: [char; 2],
    /// The combining marks on the last base character, or `None` if there is no base character.
    marks: Option<usize>,
}

impl Default for Context {
    fn default() -> Self {
        Self { before: ['\n', '\n'], marks: None }
    }
}

impl Context {
    fn escaped(&mut self, character: char) {
        self.before = [self.before[1], character];
        self.marks = if is_mark(character) { self.marks.map(|marks| marks + 1) } else { None };
    }
}

impl Exact {
    /// Returns true if [`expose`] certainly leaves the text unchanged, as it does with nearly every text.
    fn keeps(self, text: &str) -> bool {
        is_printable_ascii(text, self.multiline)
            && text.len() <= self.max
            && !text.contains(SHORTEST_RUN_OF_SPACES)
            && !(self.multiline && text.contains(SHORTEST_RUN_OF_BREAKS))
    }

    /// Returns true if there is room to show how much is missing.
    fn shows_missing_count(self) -> bool {
        self.max >= 2 * CUT_MARK
    }

    /// Returns the length from which a run of `character` is shown as a count, so that padding hides nothing.
    fn least_run(self, character: char) -> Option<usize> {
        match character {
            '\n' if self.multiline => Some(8),
            '\n' => Some(MIN_HIDDEN_RUN),
            ' ' | '\t' if self.multiline => Some(80),
            ' ' | '\t' => Some(16),
            _ => self.hides(character).then_some(MIN_HIDDEN_RUN),
        }
    }

    fn push(
        self,
        shown: &mut String,
        character: char,
        rest: &str,
        protect: bool,
        context: &mut Context,
    ) {
        let is_too_much =
            is_mark(character) && context.marks.is_none_or(|marks| marks >= MAX_MARKS);
        match character {
            '\n' if self.multiline => shown.push('\n'),
            '\n' => shown.push(LINE_BREAK),
            '\t' => shown.push(TAB),
            _ if is_too_much || self.hides(character) => {
                shown.push_str(&escape(character));
                return context.escaped(character);
            }
            _ if protect && self.looks_like_a_mark(character, rest, context) => {
                shown.push_str(&escape(character));
                return context.escaped(character);
            }
            _ => shown.push(character),
        }
        context.before = [context.before[1], character];
        context.marks = match context.marks {
            Some(marks) if is_mark(character) => Some(marks + 1),
            _ if character.is_whitespace() => None,
            _ => Some(0),
        };
    }

    /// Returns true if the character, followed by `rest`, would look like one of the marks.
    fn looks_like_a_mark(self, character: char, rest: &str, context: &Context) -> bool {
        match character {
            LINE_BREAK | TAB => true,
            '\\' => {
                let mut hex = rest.strip_prefix('x').unwrap_or_default().chars();
                let is_hex = |digit: Option<char>| digit.is_some_and(|d| d.is_ascii_hexdigit());
                rest.starts_with("u{") || is_hex(hex.next()) && is_hex(hex.next())
            }
            '…' => rest
                .strip_prefix(' ')
                .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit())),
            // The name of a field begins like this.
            '+' if rest
                .starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '_' | '"')) =>
            {
                match context.before {
                    [_, '\n'] => true,
                    [before, ' '] => !self.multiline && matches!(before, ' ' | '\n'),
                    _ => false,
                }
            }
            _ => false,
        }
    }

    /// Returns true if a reader might not see the character or confuse it, or if a terminal might obey it.
    fn hides(self, character: char) -> bool {
        match character {
            ' '..='~' | '\n' | '\t' => false,
            // Spaces of languages and typography, joiners, variation selectors, and characters that only some
            // fonts can draw.
            '\u{a0}'
            | '\u{2002}'..='\u{200a}'
            | '\u{200c}'
            | '\u{200d}'
            | '\u{202f}'
            | '\u{3000}'
            | '\u{e000}'..='\u{f8ff}'
            | '\u{fe0e}'
            | '\u{fe0f}' => !self.prose,
            _ => {
                character.is_control()
                    || character.is_whitespace()
                    // The last two code points of each plane are not characters.
                    || u32::from(character) & 0xfffe == 0xfffe
                    || is_invisible(character)
            }
        }
    }
}

/// Returns true for invisible characters: formats, fillers, blanks, variation selectors, tags, private planes.
fn is_invisible(character: char) -> bool {
    matches!(character,
        '\u{ad}' | '\u{34f}' | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{6dd}' | '\u{70f}'
        | '\u{890}' | '\u{891}' | '\u{8e2}' | '\u{115f}' | '\u{1160}' | '\u{1680}'
        | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}' | '\u{205f}'..='\u{206f}' | '\u{2800}' | '\u{3164}'
        | '\u{fdd0}'..='\u{fdef}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}'
        | '\u{fff0}'..='\u{fffb}' | '\u{110bd}' | '\u{110cd}' | '\u{13430}'..='\u{1343f}'
        | '\u{16fe4}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d159}' | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{10ffff}')
}

#[cfg(test)]
mod tests;
