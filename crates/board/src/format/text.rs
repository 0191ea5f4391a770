//! Text is not bytes: widths, cuts and times as a person reads them.

use crate::format::display_width::{agreed, columns, is_agreed};
use crewboard_core::{LINE_BREAK, PromptKind, Session, TAB, Timestamp, escape};
use std::borrow::Cow;
use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

/// `text` in exactly `width` columns: cut with a mark, or filled with blanks. Cuts fall between what a
/// person sees as characters. Where the terminal shows ASCII only, the rest becomes `?`.
pub fn fit(text: &str, width: usize, unicode: bool) -> String {
    let mut fitted = cut(text, width, unicode);
    let rest = width.saturating_sub(columns(&fitted));
    fitted.extend(std::iter::repeat_n(' ', rest));
    fitted
}

/// `text` in at most `width` columns, with a mark where it was cut.
pub fn cut(text: &str, width: usize, unicode: bool) -> String {
    let shown = shown(text, unicode);
    if columns(&shown) <= width {
        return shown.into_owned();
    }
    let mark = if unicode { "…" } else { "~" };
    let mut fitted = String::new();
    let mut taken = 0;
    for cluster in shown.graphemes(true) {
        let wide = cluster.width();
        if taken + wide + 1 > width {
            break;
        }
        taken += wide;
        fitted.push_str(cluster);
    }
    if taken < width {
        fitted.push_str(mark);
    }
    fitted
}

/// The last of `text` in at most `width` columns, with a mark where it was cut: what is being typed.
pub fn end_of(text: &str, width: usize, unicode: bool) -> String {
    let shown = shown(text, unicode);
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

/// `text` as every terminal shows it, or in ASCII with `?` for what has no likeness.
fn shown(text: &str, unicode: bool) -> Cow<'_, str> {
    let agreed = agreed(text);
    if unicode || agreed.is_ascii() {
        return agreed;
    }
    let mut ascii = String::with_capacity(agreed.len());
    for cluster in agreed.graphemes(true) {
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

/// What a row does, asks or last said, in one line; of a request nothing is left out but behind a mark.
pub fn activity(row: &Session, unicode: bool) -> Cow<'_, str> {
    let activity = row.activity.as_deref().unwrap_or_default();
    match row.request.as_ref().map(|request| request.kind) {
        Some(PromptKind::Permission) => exact(activity, unicode),
        // In a question a likeness in ASCII is good enough.
        Some(_) => exact(activity, true),
        None => Cow::Borrowed(activity),
    }
}

/// `text`, which the user approves, without what terminals draw differently or not at all: each such character is
/// shown as an escape. [`wrap`] and [`cut`] leave nothing more out of it.
pub fn exact(text: &str, unicode: bool) -> Cow<'_, str> {
    let is_shown = |character: char| is_agreed(character) && (unicode || character.is_ascii());
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

/// `text` in lines of at most `width` columns, broken between words where there are any; at most
/// `lines` of them, the last marked if there is more.
pub fn wrap(text: &str, width: usize, lines: usize, unicode: bool) -> Vec<String> {
    let text = shown(text, unicode);
    let lines_of = text.lines().map(str::trim_end);
    wrap_lines(lines_of, width, lines, unicode, false)
}

/// The same of a text that the user approves: no blank is left out where a line is broken.
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
    let mut is_whole = true;
    'all: for line in text {
        let mut rest = line;
        loop {
            if wrapped.len() == lines {
                is_whole = false;
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
    if !is_whole && let Some(last) = wrapped.last_mut() {
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

/// The first `width` columns of `text`, up to the last blank in them if there is one, and the rest.
fn break_at(text: &str, width: usize) -> (&str, &str) {
    let mut taken = 0;
    let mut last_blank = None;
    for (index, cluster) in text.grapheme_indices(true) {
        taken += cluster.width();
        if taken > width {
            // A blank that would be the first of the next line is where the words part anyway.
            let blank = if cluster == " " { Some(index) } else { last_blank };
            // A character wider than the line stands alone on it, cut.
            let end = blank.unwrap_or(if index == 0 { cluster.len() } else { index });
            return text.split_at(end);
        }
        // Not the indent of the line: what comes after it would be thrown back to its start.
        if cluster == " " && !text.get(..index).unwrap_or_default().trim_start().is_empty() {
            last_blank = Some(index + 1);
        }
    }
    (text, "")
}

/// How finely a time is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grain {
    /// `12s`, `4m12`, `25m`, `1h03`: while somebody waits for it to pass.
    Seconds,
    /// `now`, `9m`, `1h03`: where nothing is under way.
    Minutes,
}

const SECOND: u64 = 1000;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// From here on nobody counts seconds.
const SECONDS_UNTIL: u64 = 10 * MINUTE;

/// Times on the screen are taken at the last whole second or minute of the clock on the wall, so that
/// all of them change together: a board that is told in minutes wakes up once a minute, however many
/// rows it has.
pub fn at_last(now: Timestamp, step: u64) -> Timestamp {
    Timestamp(now.0 - now.0 % step)
}

/// Milliseconds since `since` as they are told, and how long each figure of them stays.
fn told(since: Timestamp, now: Timestamp, grain: Grain) -> (u64, u64) {
    let seconds = at_last(now, SECOND).since(since);
    let minutes = at_last(now, MINUTE).since(since);
    let (elapsed, step) = match grain {
        Grain::Seconds if seconds < SECONDS_UNTIL => (seconds, SECOND),
        Grain::Seconds => (minutes.max(SECONDS_UNTIL), MINUTE),
        Grain::Minutes => (minutes, MINUTE),
    };
    (elapsed, if elapsed < DAY { step } else { DAY })
}

/// How long ago, in at most five columns.
pub fn age(since: Timestamp, now: Timestamp, grain: Grain) -> String {
    let (elapsed, step) = told(since, now, grain);
    let (minutes, hours) = (elapsed / MINUTE, elapsed / HOUR);
    match elapsed {
        0..MINUTE if grain == Grain::Minutes => "now".to_owned(),
        0..MINUTE => format!("{}s", elapsed / SECOND),
        MINUTE..HOUR if step == SECOND => format!("{minutes}m{:02}", elapsed % MINUTE / SECOND),
        MINUTE..HOUR => format!("{minutes}m"),
        HOUR..DAY => format!("{hours}h{:02}", minutes % 60),
        _ => format!("{}d", (elapsed / DAY).min(9999)),
    }
}

/// Milliseconds until [`age`] says something else.
pub fn age_changes_in(since: Timestamp, now: Timestamp, grain: Grain) -> u64 {
    let (elapsed, step) = told(since, now, grain);
    let change = since.0.saturating_add((elapsed / step + 1).saturating_mul(step));
    // The first whole second or minute at which that much has passed.
    let tick = if step == SECOND { SECOND } else { MINUTE };
    change.div_ceil(tick).saturating_mul(tick).saturating_sub(now.0).max(1)
}

/// How long something took, or takes on the whole.
pub fn span(milliseconds: u64) -> String {
    match milliseconds {
        0..MINUTE => format!("{}s", milliseconds / SECOND),
        MINUTE..HOUR => format!("{}m", milliseconds / MINUTE),
        _ => format!("{}h{:02}", milliseconds / HOUR, milliseconds % HOUR / MINUTE),
    }
}

/// When something is to come: how long until then, or, where that is a day or more, on which day.
pub fn until(at: Timestamp, now: Timestamp) -> String {
    let rest = at_last(at, MINUTE).since(at_last(now, MINUTE));
    if rest < DAY { span(rest.max(MINUTE)) } else { local(at, "%a %H:%M") }
}

/// Milliseconds until [`until`] says something else.
pub fn until_changes_in(at: Timestamp, now: Timestamp) -> u64 {
    let rest = at_last(at, MINUTE).since(at_last(now, MINUTE));
    let next_minute = MINUTE - now.0 % MINUTE;
    if rest < DAY { next_minute } else { rest - DAY + next_minute }
}

/// The local time of day.
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
    fn text_fits_exactly() {
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
    fn the_end_of_a_text_says_that_it_is_one() {
        for (text, width, expected) in [
            ("abc", 3, "abc"),
            ("abcd", 3, "…cd"),
            ("日本語", 4, "…語"),
            ("日本語", 5, "…本語"),
            ("abc", 1, "…"),
            ("abc", 0, ""),
            ("", 3, ""),
        ] {
            assert_eq!(end_of(text, width, true), expected, "{text} in {width}");
        }
    }

    #[test]
    fn what_the_user_approves_loses_nothing_to_the_terminal() {
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
        let row =
            |request| Session { request, activity: Some("a\u{200b}".into()), ..Session::default() };
        assert_eq!(activity(&row(None), true), "a\u{200b}");
        let request = Prompt {
            kind: PromptKind::Permission,
            tool: None,
            text: String::new(),
            subagent: None,
        };
        assert_eq!(activity(&row(Some(request)), true), "a\\u{200b}");
    }

    #[test]
    fn text_wraps_between_words_and_says_where_it_stops() {
        for (text, width, lines, expected) in [
            ("one two three", 7, 9, vec!["one two", "three"]),
            ("one two three", 7, 1, vec!["one tw…"]),
            ("one two three", 9, 1, vec!["one two …"]),
            ("abcdefgh", 3, 9, vec!["abc", "def", "gh"]),
            ("a\n\nb", 5, 9, vec!["a", "", "b"]),
            ("    indented-word", 10, 9, vec!["    indent", "ed-word"]),
            ("日本語", 1, 2, vec!["…", "…"]),
            ("x", 0, 2, vec![]),
        ] {
            assert_eq!(wrap(text, width, lines, true), expected, "{text} in {width}×{lines}");
        }
    }

    #[test]
    fn ages_and_when_they_change() {
        use Grain::{Minutes, Seconds};
        // From half a minute and a bit past a whole one.
        let since = Timestamp(1_700_000_040_000 + 30_250);
        for (elapsed, grain, expected, next) in [
            (0, Seconds, "0s", 1750),
            (59_000, Seconds, "58s", 1750 - 1000),
            (252_800, Seconds, "4m12", 950),
            (600_000, Seconds, "9m59", 750),
            (601_000, Seconds, "10m", 88_750),
            (59_400, Minutes, "now", 30_350),
            (540_000, Minutes, "8m", 29_750),
            (3_790_000, Seconds, "1h02", 19_750),
            (300_000_000, Minutes, "3d", 45_629_750),
        ] {
            let now = Timestamp(since.0 + elapsed);
            assert_eq!(age(since, now, grain), expected, "{elapsed}");
            assert_eq!(age_changes_in(since, now, grain), next, "{elapsed}");
        }
        assert_eq!(age(Timestamp(5000), Timestamp(1000), Seconds), "0s");
    }

    #[test]
    fn what_is_to_come_stays_until_it_changes() {
        let now = Timestamp(1_795_331_980_546);
        let until_in = |minutes: u64| until(Timestamp(now.0 + minutes * MINUTE), now);
        assert_eq!([0, 1, 72, 1439].map(until_in), ["1m", "1m", "1h12", "23h59"]);
        assert!(until_in(1440).contains(' '), "a day and a time");
        let at = Timestamp(now.0 + 2 * DAY + 1_234);
        let mut now = now;
        for _ in 0..200 {
            let (next, said) = (until_changes_in(at, now), until(at, now));
            assert_eq!(until(at, Timestamp(now.0 + next - 1)), said);
            now.0 += next;
            assert_ne!(until(at, now), said);
        }
    }

    #[test]
    fn an_age_stays_until_it_changes() {
        for grain in [Grain::Seconds, Grain::Minutes] {
            let mut now = Timestamp(1_700_000_000_123);
            for since in [now.0, now.0 - 61_000, now.0 + 90_000, now.0 - 599_999] {
                let since = Timestamp(since);
                for _ in 0..2000 {
                    let next = age_changes_in(since, now, grain);
                    let said = age(since, now, grain);
                    assert_eq!(age(since, Timestamp(now.0 + next - 1), grain), said);
                    now.0 += next;
                    assert_ne!(age(since, now, grain), said);
                }
            }
        }
    }
}
