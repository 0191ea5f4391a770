//! Texts that the user approves, such as the command of a permission. Nothing in them is dropped or hidden
//! without a mark, and two different texts never look the same.
//!
//! A character that cannot be seen, or that a terminal obeys, is shown as `\xHH` or `\u{HHHH}`; a run of
//! one is counted, `\u{200b*17}`. A line break in a one-line form is `⏎` and a tab is `⇥`. What is too
//! long is cut, and the cut says how much is missing: `… 3,214 more characters`.

mod marks;

use marks::is_mark;
use std::fmt::Write as _;

/// How a text is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exact {
    /// Bytes at most.
    pub max: usize,
    /// Line breaks stay line breaks. Otherwise all of it is one line.
    pub multiline: bool,
    /// It is prose for a person, not a command that runs: spaces, joiners and variants of symbols that
    /// people write in some languages stay as they are.
    pub prose: bool,
}

/// Stands for a line break in a one-line form.
pub const LINE_BREAK: char = '⏎';
/// Stands for a tab.
pub const TAB: char = '⇥';

/// Marks drawn over one character: no script needs more.
const MAX_MARKS: usize = 4;
/// From how many on a run of one hidden character is counted.
const MIN_HIDDEN_RUN: usize = 4;
/// Bytes kept free for the mark of a cut.
const CUT_MARK: usize = 48;

/// Shows `text` so that no other text looks the same, up to the cut.
///
/// What looks like one of our own marks is escaped too, so this must be done once: where the text comes
/// from, and not again where it is received.
pub fn reveal(text: &str, how: Exact) -> String {
    show(text, 0, how, true)
}

/// The same of the beginning of a text, of which `more` characters are not looked at.
pub fn reveal_beginning(text: &str, more: usize, how: Exact) -> String {
    show(text, more, how, true)
}

/// Shows `text` with nothing hidden. A text that was shown by [`reveal`] or by this stays as it is.
pub fn expose(text: &str, how: Exact) -> String {
    show(text, 0, how, false)
}

/// `text`, already shown by [`expose`] or [`reveal`] in several lines, as one line of at most `max` bytes.
pub fn one_line(text: &str, max: usize) -> String {
    let how = Exact { max: usize::MAX, multiline: false, prose: true };
    let mut line = expose(text.trim_end_matches('\n'), how);
    if line.len() > max {
        // How much is missing is said where the whole text is.
        let end = max.saturating_sub('…'.len_utf8());
        let end = (0..=end).rev().find(|end| line.is_char_boundary(*end)).unwrap_or(0);
        line.truncate(end);
        line.push('…');
    }
    line
}

/// How `character` is written where it cannot be shown itself.
pub fn escape(character: char) -> String {
    match u32::from(character) {
        code @ 0..=0xff => format!("\\x{code:02x}"),
        code => format!("\\u{{{code:x}}}"),
    }
}

fn show(text: &str, more: usize, how: Exact, protect: bool) -> String {
    let mut shown = String::with_capacity(text.len().min(how.max));
    let mut rest = text.chars();
    // Characters taken in, and where the text is cut if not all of it fits.
    let (mut taken, mut cut) = (0_usize, (0_usize, 0_usize));
    let room =
        how.max.saturating_sub(if how.says_how_much() { CUT_MARK } else { '…'.len_utf8() });
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
    if how.says_how_much() {
        let missing = taken + rest.count() - before + more;
        let _ = write!(shown, "… {} more characters", with_commas(missing));
    } else if how.max >= '…'.len_utf8() {
        shown.push('…');
    }
    shown
}

/// `3214` as `3,214`.
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

/// What came before a character.
#[derive(Debug)]
struct Context {
    /// The two characters before it, oldest first; where there are none, as at the start of a line.
    before: [char; 2],
    /// Marks since the last character that carries them; `None` where nothing could carry one.
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
    /// Whether there is room to say how much is missing.
    fn says_how_much(self) -> bool {
        self.max >= 2 * CUT_MARK
    }

    /// From which length on a run of `character` is shown as a number, so that padding hides nothing.
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
            _ if protect && self.is_ours(character, rest, context) => {
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

    /// Whether it would look like one of our own marks, before `rest`.
    fn is_ours(self, character: char, rest: &str, context: &Context) -> bool {
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

    /// Whether a reader might not see it, or a terminal might obey it, or take it for another.
    fn hides(self, character: char) -> bool {
        match character {
            ' '..='~' | '\n' | '\t' => false,
            // Spaces of languages and typography, what picks the look of a letter or an emoji, and what only
            // some fonts have a picture for.
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
                    // The last two of each plane are no characters.
                    || u32::from(character) & 0xfffe == 0xfffe
                    || is_invisible(character)
            }
        }
    }
}

/// Characters that have no look: formats, fillers, blanks, variation selectors, tags, private planes.
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
