//! Rows as lines of text.

use crewboard_board::look::{Look, TERMINAL};
use crewboard_board::text::{activity, cut, fit};
use crewboard_core::{End, Session, Status};
use std::env;
use std::fmt::Write as _;
use std::io::{self, IsTerminal};
use unicode_width::UnicodeWidthStr;

/// How text is to look where it goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Style {
    pub(crate) colour: bool,
    /// The locale can show more than ASCII.
    pub(crate) unicode: bool,
    /// Columns; 0 where lines may be as long as they like.
    pub(crate) width: usize,
}

impl Style {
    /// The style for standard output.
    pub(crate) fn of_stdout() -> Self {
        let stdout = io::stdout();
        let is_terminal = stdout.is_terminal();
        let no_colour = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let width = if is_terminal {
            // A terminal that does not know its width says 0.
            let told = rustix::termios::tcgetwinsize(&stdout).map_or(0, |size| size.ws_col);
            if told == 0 { 80 } else { usize::from(told).max(20) }
        } else {
            0
        };
        let colour = is_terminal && !no_colour && why_no_screen().is_none();
        Self { colour, unicode: locale_is_utf8(), width }
    }
}

/// Returns why escape sequences must not be written to this terminal; `None` where they may be.
pub(crate) fn why_no_screen() -> Option<String> {
    let term = env::var_os("TERM").unwrap_or_default();
    let term = term.to_string_lossy();
    if term.is_empty() {
        return Some("TERM is not set".to_owned());
    }
    draws_nothing(&term).then(|| format!("TERM is {term}"))
}

/// Returns whether a terminal of that type knows no screen. Emacs' shells are `dumb`, `dumb-emacs-ansi` or
/// `emacs`; the others are terminfo's types for a line whose terminal is not known.
fn draws_nothing(term: &str) -> bool {
    let kind = term.split('-').next().unwrap_or_default();
    matches!(kind, "dumb" | "unknown" | "emacs" | "network" | "dialup" | "lpr" | "printer")
}

pub(crate) fn locale_is_utf8() -> bool {
    let value = ["LC_ALL", "LC_CTYPE", "LANG"]
        .iter()
        .find_map(|name| env::var(name).ok().filter(|value| !value.is_empty()))
        .unwrap_or_default()
        .to_lowercase();
    value.contains("utf-8") || value.contains("utf8")
}

fn colour(status: Status) -> &'static str {
    match status {
        Status::Permission | Status::Question | Status::Plan => "33",
        Status::Failed => "31",
        Status::Done => "32",
        Status::Working => "36",
        Status::Idle => "0",
        Status::Closed => "2",
    }
}

/// Columns from which on there is room for how full the context is.
const WIDE: usize = 100;

/// A row as a line of the list; `age` is how the time of its status is to be told.
pub(crate) fn list_line(row: &Session, age: &str, style: Style) -> String {
    let look = Look { theme: &TERMINAL, unicode: style.unicode };
    let mut says = activity(row, style.unicode).into_owned();
    if row.background > 0 {
        let _ = write!(says, "  ({} in background)", row.background);
    }
    let marks = [
        (row.pinned, "pinned"),
        (row.snoozed_until.is_some(), "snoozed"),
        (row.dismissed, "hidden"),
        (row.end == Some(End::Killed), "killed"),
        (row.end == Some(End::Lost), "lost"),
        (row.stopped, "suspended"),
        (!row.confirmed, "unconfirmed"),
    ];
    let marks: Vec<&str> =
        marks.into_iter().filter(|(is_so, _)| *is_so).map(|(_, mark)| mark).collect();
    if !marks.is_empty() {
        // In front, where no narrow window cuts it off.
        says.insert_str(0, &format!("({}) ", marks.join(", ")));
    }
    let place = row.place.target.as_ref().or(row.place.pane.as_ref());
    let place = place.or(row.place.terminal.as_ref()).map_or("", String::as_str);
    let place = fit(place, 8, style.unicode);
    let context = row.usage.as_ref().and_then(|usage| usage.context_percent);
    let context = context.map(|percent| format!("{percent:.0}%")).unwrap_or_default();
    let head = format!("{} {:<10} ", look.shape(row.status), row.status.word());
    let name = fit(&row.name, 16, style.unicode);
    if style.width == 0 {
        // For a pipe: what may be long comes last, so that the rest stands in columns.
        let says = cut(&says, usize::MAX, style.unicode);
        let line = format!("{head}{name} {age:>6} {context:>4}  {place} {}  {says}", row.key);
        return line.trim_end().to_owned();
    }
    // A narrow window keeps its room for what the agent says.
    let context = if style.width < WIDE { String::new() } else { format!(" {context:>4}") };
    let tail = format!("  {age:>6}{context}  {place} {}", row.key);
    let room = style.width.saturating_sub(head.width() + 17 + tail.width());
    let says = fit(&says, room, style.unicode);
    let painted =
        if style.colour { format!("\x1b[{}m{head}\x1b[0m", colour(row.status)) } else { head };
    let line = format!("{painted}{name} {says}{tail}");
    if room == 0 {
        // Too narrow for all of it: what matters comes first.
        return fit(
            &format!("{} {} {}", look.shape(row.status), row.status, row.name),
            style.width,
            style.unicode,
        );
    }
    line.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crewboard_core::{Place, RowKey, Timestamp, Usage};

    const PLAIN: Style = Style { colour: false, unicode: true, width: 80 };

    fn row() -> Session {
        Session {
            key: RowKey::new("kaaaa"),
            status: Status::Permission,
            name: "shop".into(),
            activity: Some("Bash rm -rf node_modules".into()),
            confirmed: true,
            place: Place { pane: Some("%0".into()), ..Place::default() },
            ..Session::default()
        }
    }

    #[test]
    fn terminals_without_a_screen_are_known_by_their_type() {
        for term in ["dumb", "dumb-emacs-ansi", "unknown", "emacs", "dialup"] {
            assert!(draws_nothing(term), "{term}");
        }
        for term in ["xterm-256color", "tmux", "linux", "vt100", "eterm-color", "dumber"] {
            assert!(!draws_nothing(term), "{term}");
        }
    }

    #[test]
    fn lines_of_the_list() {
        insta::assert_snapshot!(list_line(&row(), "4m12", PLAIN), @"! permission shop             Bash rm -rf node_modules      4m12  %0       kaaaa");
        let ascii = Style { unicode: false, ..PLAIN };
        let other = Session {
            status: Status::Done,
            name: "日本".into(),
            activity: Some("Ready.".into()),
            background: 2,
            confirmed: false,
            pinned: true,
            ..row()
        };
        insta::assert_snapshot!(list_line(&other, "3s", ascii), @"+ done       ??               (pinned, unconfirmed) Rea~      3s  %0       kaaaa");
        insta::assert_snapshot!(list_line(&row(), "3s", Style { width: 0, ..PLAIN }), @r###"! permission shop                 3s       %0       kaaaa  Bash rm -rf node_modules"###);
        let usage = Some(Usage { context_percent: Some(41.0), cost_usd: None, at: Timestamp(0) });
        let used = Session { usage, ..row() };
        insta::assert_snapshot!(list_line(&used, "4m12", Style { width: 100, ..PLAIN }), @r###"! permission shop             Bash rm -rf node_modules                     4m12  41%  %0       kaaaa"###);
        insta::assert_snapshot!(list_line(&used, "4m12", PLAIN), @r###"! permission shop             Bash rm -rf node_modules      4m12  %0       kaaaa"###);
        insta::assert_snapshot!(list_line(&used, "3s", Style { width: 0, ..PLAIN }), @r###"! permission shop                 3s  41%  %0       kaaaa  Bash rm -rf node_modules"###);
        let cut = Session { activity: Some("“Ready” …".into()), ..row() };
        let piped = Style { width: 0, unicode: false, ..PLAIN };
        insta::assert_snapshot!(list_line(&cut, "3s", piped), @r###"! permission shop                 3s       %0       kaaaa  "Ready" ..."###);
        insta::assert_snapshot!(list_line(&row(), "3s", Style { width: 24, ..PLAIN }), @"! permission shop");
    }
}
