//! Fits texts into columns, and formats times.

use crate::format::display_width::{columns, is_portable, portable};
use crate::format::summary::{plan_summary, without_markdown};
use crewboard_core::{LINE_BREAK, PromptKind, Session, Status, TAB, Timestamp, escape};
use std::borrow::Cow;
use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

/// Returns `text` in exactly `width` columns: cut with a mark, or filled with blanks. Cuts are between grapheme
/// clusters. In an ASCII locale all other characters become `?`.
pub fn fit(text: &str, width: usize, unicode: bool) -> String {
    if text.is_ascii() && text.len() <= width {
        // Each byte is a column.
        return format!("{text:<width$}");
    }
    let mut fitted = cut(text, width, unicode);
    let rest = width.saturating_sub(columns(&fitted));
    fitted.extend(std::iter::repeat_n(' ', rest));
    fitted
}

/// Returns the beginning of `text` in at most `width` columns, with a mark if it was cut.
pub fn cut(text: &str, width: usize, unicode: bool) -> String {
    let shown = displayable(text, unicode);
    // No character has more columns than bytes.
    if shown.len() <= width || columns(&shown) <= width {
        return shown.into_owned();
    }
    let mark = if unicode { "…" } else { "~" };
    if shown.is_ascii() {
        // Each byte is a column: no search for clusters.
        let start = shown.get(..width.saturating_sub(1)).unwrap_or_default();
        return if width == 0 { String::new() } else { [start, mark].concat() };
    }
    let mut fitted = String::new();
    let mut used = 0;
    for cluster in shown.graphemes(true) {
        let cluster_width = cluster.width();
        if used + cluster_width + 1 > width {
            break;
        }
        used += cluster_width;
        fitted.push_str(cluster);
    }
    if used < width {
        fitted.push_str(mark);
    }
    fitted
}

/// Returns the end of `text` in at most `width` columns, with a mark if it was cut.
pub fn cut_start(text: &str, width: usize, unicode: bool) -> String {
    let shown = displayable(text, unicode);
    let mut rest: &str = &shown;
    while columns(rest) > width.saturating_sub(usize::from(rest.len() < shown.len())) {
        rest = rest.graphemes(true).next().and_then(|first| rest.get(first.len()..)).unwrap_or("");
    }
    let mark = match (rest.len() < shown.len() && width > 0, unicode) {
        (false, _) => "",
        (true, true) => "…",
        (true, false) => "~",
    };
    format!("{mark}{rest}")
}

/// Returns `text` in the form in which all terminals can show it. In an ASCII locale, characters without a similar
/// ASCII character become `?`.
fn displayable(text: &str, unicode: bool) -> Cow<'_, str> {
    let portable = portable(text);
    if unicode || portable.is_ascii() {
        return portable;
    }
    let mut ascii = String::with_capacity(portable.len());
    for cluster in portable.graphemes(true) {
        match cluster {
            "…" => ascii.push_str("..."),
            "–" | "—" | "‐" | "‑" | "−" => ascii.push('-'),
            "“" | "”" | "„" | "«" | "»" => ascii.push('"'),
            "‘" | "’" => ascii.push('\''),
            "→" => ascii.push_str("->"),
            "•" | "·" => ascii.push('*'),
            "\u{a0}" => ascii.push(' '),
            _ if cluster.is_ascii() => ascii.push_str(cluster),
            _ => ascii.push('?'),
        }
    }
    Cow::Owned(ascii)
}

/// Returns the activity of a session in one line: the current work, the open prompt or the last message. The line of a
/// prompt shows every character or its escape.
pub fn activity(row: &Session, unicode: bool) -> Cow<'_, str> {
    let activity = row.activity.as_deref().unwrap_or_default();
    match row.open_prompt.as_ref().map(|prompt| prompt.kind) {
        Some(PromptKind::Permission) => exact(activity, unicode),
        Some(PromptKind::Plan) => {
            let plan = row.open_prompt.as_ref().map_or(activity, |prompt| &prompt.text);
            Cow::Owned(exact(&plan_summary(plan), true).into_owned())
        }
        // In a question a similar ASCII character is good enough.
        Some(_) => exact(activity, true),
        None if row.status == Status::Working => Cow::Borrowed(activity),
        None => without_markdown(activity),
    }
}

/// Returns a text that the user approves, with an escape for each character that terminals draw differently or not at
/// all. [`wrap`] and [`cut`] then replace no other character.
pub fn exact(text: &str, unicode: bool) -> Cow<'_, str> {
    let is_shown = |character: char| is_portable(character) && (unicode || character.is_ascii());
    if text.chars().all(is_shown) {
        return Cow::Borrowed(text);
    }
    let mut exact = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            _ if is_shown(character) => exact.push(character),
            LINE_BREAK => exact.push_str(&escape('\n')),
            TAB => exact.push_str(&escape('\t')),
            '…' => exact.push_str("..."),
            _ => exact.push_str(&escape(character)),
        }
    }
    Cow::Owned(exact)
}

/// Wraps `text` into lines of at most `width` columns, between words if possible. Returns at most `lines` lines; the
/// last has a mark if there are more.
pub fn wrap(text: &str, width: usize, lines: usize, unicode: bool) -> Vec<String> {
    let text = displayable(text, unicode);
    let text_lines = text.lines().map(str::trim_end);
    wrap_lines(text_lines, width, lines, unicode, false)
}

/// Wraps a text that the user approves: like [`wrap`], but keeps the blanks at the end of a line.
pub fn wrap_exact(text: &str, width: usize, lines: usize, unicode: bool) -> Vec<String> {
    wrap_lines(exact(text, unicode).split('\n'), width, lines, unicode, true)
}

fn wrap_lines<'a>(
    text: impl Iterator<Item = &'a str>,
    width: usize,
    lines: usize,
    unicode: bool,
    keeps_blanks: bool,
) -> Vec<String> {
    let mut wrapped: Vec<String> = Vec::new();
    if width == 0 || lines == 0 {
        return wrapped;
    }
    let mut is_complete = true;
    'all: for line in text {
        let mut rest = line;
        loop {
            if wrapped.len() == lines {
                is_complete = false;
                break 'all;
            }
            let (head, tail) = break_at(rest, width);
            let head = if keeps_blanks { head } else { head.trim_end() };
            wrapped.push(cut(head, width, unicode));
            rest = if keeps_blanks { tail } else { tail.trim_start() };
            if rest.is_empty() {
                break;
            }
        }
    }
    if !is_complete && let Some(last) = wrapped.last_mut() {
        let mark = if unicode { "…" } else { "~" };
        if columns(last) + 2 <= width {
            last.push(' ');
            last.push_str(mark);
        } else {
            *last = cut(&format!("{last}   "), width, unicode);
        }
    }
    wrapped
}

/// Splits `text` after at most `width` columns: at the last space among them, or else after the last slash in their
/// second half, as in a long path.
fn break_at(text: &str, width: usize) -> (&str, &str) {
    let mut used = 0;
    let mut last_blank = None;
    let mut last_slash = None;
    for (index, cluster) in text.grapheme_indices(true) {
        used += cluster.width();
        if used > width {
            // A blank right after the line is a good place to split.
            let blank = if cluster == " " { Some(index) } else { last_blank };
            let place = blank.or(last_slash);
            // A character that is wider than the line gets its own line, and is cut.
            let end = place.unwrap_or(if index == 0 { cluster.len() } else { index });
            return text.split_at(end);
        }
        // A split in the indent would leave a line of blanks.
        if cluster == " " && !text.get(..index).unwrap_or_default().trim_start().is_empty() {
            last_blank = Some(index + 1);
        }
        if cluster == "/" && used * 2 >= width {
            last_slash = Some(index + 1);
        }
    }
    (text, "")
}

const SECOND: u64 = 1000;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// A longer time is shown without minutes.
const MAX_AGE_WITH_MINUTES: u64 = 10 * HOUR;

/// The greatest width of an age.
pub(crate) const AGE_WIDTH: usize = 6;

/// Rounds a time down to a multiple of `step`. All ages on the screen are counted up to the last whole minute, so
/// that they change together: a board wakes up once a minute, for any number of rows.
pub fn round_down(now: Timestamp, step: u64) -> Timestamp {
    Timestamp(now.0 - now.0 % step)
}

/// Returns the milliseconds of a shown age, and the step in which it changes.
fn shown_age(since: Timestamp, now: Timestamp) -> (u64, u64) {
    let elapsed = round_down(now, MINUTE).since(since);
    let step = match elapsed {
        DAY.. => DAY,
        MAX_AGE_WITH_MINUTES.. => HOUR,
        _ => MINUTE,
    };
    (elapsed, step)
}

/// Returns an age in at most `AGE_WIDTH` columns: `<1m`, `9m`, `1h 3m`, `20h`, `3d`. It never looks like a time of day.
pub fn age(since: Timestamp, now: Timestamp) -> String {
    match shown_age(since, now).0 {
        0..MINUTE => "<1m".to_owned(),
        elapsed @ DAY.. => format!("{}d", (elapsed / DAY).min(9999)),
        elapsed => span(elapsed),
    }
}

/// Returns the milliseconds until [`age`] returns a new text.
pub fn age_changes_in(since: Timestamp, now: Timestamp) -> u64 {
    let (elapsed, step) = shown_age(since, now);
    let change = since.0.saturating_add((elapsed / step + 1).saturating_mul(step));
    // The first whole minute at or after the change.
    change.div_ceil(MINUTE).saturating_mul(MINUTE).saturating_sub(now.0).max(1)
}

/// Returns since when a session has been quiet, if that is unusually long. It changes with whole minutes.
pub fn quiet_since(row: &Session, now: Timestamp) -> Option<Timestamp> {
    row.quiet_since(round_down(now, MINUTE))
}

/// Returns the milliseconds until [`quiet_since`] or its age changes, or less.
pub(crate) fn quiet_changes_in(row: &Session, now: Timestamp) -> Option<u64> {
    let last = row.evidence_at.filter(|_| row.status == Status::Working)?;
    Some(age_changes_in(last.max(row.since), now))
}

/// Returns a duration as text: `12s`, `4m`, `1h 3m`, `20h`.
pub fn span(milliseconds: u64) -> String {
    let (hours, minutes) = (milliseconds / HOUR, milliseconds % HOUR / MINUTE);
    match milliseconds {
        0..MINUTE => format!("{}s", milliseconds / SECOND),
        MINUTE..HOUR => format!("{minutes}m"),
        HOUR..MAX_AGE_WITH_MINUTES if minutes > 0 => format!("{hours}h {minutes}m"),
        _ => format!("{hours}h"),
    }
}

/// Returns the time until `at`. If that is a day or more, returns its weekday and local time.
pub fn until(at: Timestamp, now: Timestamp) -> String {
    let rest = round_down(at, MINUTE).since(round_down(now, MINUTE));
    if rest < DAY { span(rest.max(MINUTE)) } else { local(at, "%a %H:%M") }
}

/// Returns the milliseconds until [`until`] returns a new text.
pub fn until_changes_in(at: Timestamp, now: Timestamp) -> u64 {
    let rest = round_down(at, MINUTE).since(round_down(now, MINUTE));
    let next_minute = MINUTE - now.0 % MINUTE;
    match rest {
        DAY.. => rest - DAY + next_minute,
        MAX_AGE_WITH_MINUTES.. => rest % HOUR + next_minute,
        _ => next_minute,
    }
}

/// Returns the local time of day.
pub fn clock_time(at: Timestamp) -> String {
    local(at, "%H:%M:%S")
}

fn local(at: Timestamp, format: &str) -> String {
    let milliseconds = i64::try_from(at.0).unwrap_or(0);
    let timestamp = jiff::Timestamp::from_millisecond(milliseconds).unwrap_or_default();
    timestamp.to_zoned(jiff::tz::TimeZone::system()).strftime(format).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crewboard_core::Prompt;

    #[test]
    fn fit_returns_exactly_the_width() {
        for (text, width, expected) in [
            ("abc", 5, "abc  "),
            ("abcdef", 5, "abcd…"),
            ("日本語", 5, "日本…"),
            ("日本語", 4, "日… "),
            ("", 2, "  "),
            ("ab", 1, "…"),
            ("ab", 0, ""),
            ("e\u{301}e\u{301}e\u{301}", 2, "e\u{301}…"),
            ("👩‍👩‍👧👩‍👩‍👧", 3, "👩…"),
            ("لالالا", 4, "لال…"),
        ] {
            assert_eq!(fit(text, width, true), expected, "{text} in {width}");
            assert_eq!(columns(&fit(text, width, true)), width, "{text} in {width}");
        }
        assert_eq!(fit("日本 a", 3, false), "??~");
        assert_eq!(cut("“it’s done” – 👩‍👩‍👧 → …", 40, false), "\"it's done\" - ? -> ...");
    }

    #[test]
    fn cut_start_keeps_the_end_with_a_mark() {
        for (text, width, expected) in [
            ("abc", 3, "abc"),
            ("abcd", 3, "…cd"),
            ("日本語", 4, "…語"),
            ("日本語", 5, "…本語"),
            ("abc", 1, "…"),
            ("abc", 0, ""),
            ("", 3, ""),
        ] {
            assert_eq!(cut_start(text, width, true), expected, "{text} in {width}");
        }
    }

    #[test]
    fn exact_escapes_characters_that_terminals_hide() {
        let text = "a\u{200b}b 🇷🇲 ❤\u{fe0f} ப\u{bbe}\n日⏎⇥…";
        assert_eq!(
            exact(text, true),
            "a\\u{200b}b \\u{1f1f7}\\u{1f1f2} ❤\\u{fe0f} ப\\u{bbe}\n日⏎⇥…"
        );
        assert_eq!(exact("日⏎⇥…é", false), "\\u{65e5}\\x0a\\x09...\\xe9");
        for (text, expected) in [
            ("one   two", vec!["one  ", " two"]),
            ("a\n\n  b ", vec!["a", "", "  b "]),
            ("abcdefgh", vec!["abcde", "fgh"]),
        ] {
            assert_eq!(wrap_exact(text, 5, 9, true), expected, "{text}");
        }
        assert_eq!(wrap_exact("one two", 5, 1, true), ["one …"]);
        let row = |prompt| Session {
            open_prompt: prompt,
            activity: Some("a\u{200b}".into()),
            ..Session::default()
        };
        assert_eq!(activity(&row(None), true), "a\u{200b}");
        let prompt = Prompt {
            kind: PromptKind::Permission,
            tool: None,
            text: String::new(),
            subagent: None,
        };
        assert_eq!(activity(&row(Some(prompt)), true), "a\\u{200b}");
    }

    #[test]
    fn wrap_breaks_between_words_and_marks_a_cut() {
        for (text, width, lines, expected) in [
            ("one two three", 7, 9, vec!["one two", "three"]),
            ("one two three", 7, 1, vec!["one tw…"]),
            ("one two three", 9, 1, vec!["one two …"]),
            ("abcdefgh", 3, 9, vec!["abc", "def", "gh"]),
            ("a\n\nb", 5, 9, vec!["a", "", "b"]),
            ("    indented-word", 10, 9, vec!["    indent", "ed-word"]),
            ("日本語", 1, 2, vec!["…", "…"]),
            ("try `/usr/lib/it demo`", 10, 9, vec!["try", "`/usr/lib/", "it demo`"]),
            // A split near the start would waste the line.
            ("/abcdefghij", 6, 9, vec!["/abcde", "fghij"]),
            ("x", 0, 2, vec![]),
        ] {
            assert_eq!(wrap(text, width, lines, true), expected, "{text} in {width}×{lines}");
        }
    }

    #[test]
    fn age_and_its_next_change_are_right() {
        // 30.25 s after a whole minute.
        let since = Timestamp(1_700_000_040_000 + 30_250);
        for (elapsed, expected, next) in [
            (0, "<1m", 89_750),
            (59_400, "<1m", 30_350),
            (89_749, "<1m", 1),
            (89_750, "1m", 60_000),
            (540_000, "8m", 29_750),
            (601_000, "9m", 28_750),
            (3_790_000, "1h 2m", 19_750),
            (7_260_000, "2h", 29_750),
            (72_000_000, "19h", 29_750),
            (300_000_000, "3d", 45_629_750),
        ] {
            let now = Timestamp(since.0 + elapsed);
            assert_eq!(age(since, now), expected, "{elapsed}");
            assert_eq!(age_changes_in(since, now), next, "{elapsed}");
        }
        assert_eq!(age(Timestamp(500_000), Timestamp(1000)), "<1m");
    }

    #[test]
    fn until_stays_until_its_next_change() {
        let now = Timestamp(1_795_331_980_546);
        let until_in = |minutes: u64| until(Timestamp(now.0 + minutes * MINUTE), now);
        assert_eq!([0, 1, 72, 1439].map(until_in), ["1m", "1m", "1h 12m", "23h"]);
        assert!(until_in(1440).contains(' '), "a day and a time");
        let at = Timestamp(now.0 + 2 * DAY + 1_234);
        let mut now = now;
        for _ in 0..200 {
            let (next, text) = (until_changes_in(at, now), until(at, now));
            assert_eq!(until(at, Timestamp(now.0 + next - 1)), text);
            now.0 += next;
            assert_ne!(until(at, now), text);
        }
    }

    #[test]
    fn age_stays_until_its_next_change() {
        let mut now = Timestamp(1_700_000_000_123);
        for since in [now.0, now.0 - 61_000, now.0 + 90_000, now.0 - 599_999] {
            let since = Timestamp(since);
            for _ in 0..2000 {
                let next = age_changes_in(since, now);
                let text = age(since, now);
                assert_eq!(age(since, Timestamp(now.0 + next - 1)), text);
                now.0 += next;
                assert_ne!(age(since, now), text);
            }
        }
    }
}
