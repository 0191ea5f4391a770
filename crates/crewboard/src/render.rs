//! Formats sessions as lines of text.

use crewboard_board::format::display_width::columns;
use crewboard_board::format::text::{activity, age, cut, fit, quiet_since};
use crewboard_board::theme::{TERMINAL, Theme};
use crewboard_core::{End, PullRequest, RowKey, Session, Status, Timestamp, labels};
use serde::Serialize;
use std::collections::HashMap;
use std::env;
use std::fmt::Write as _;
use std::io::{self, IsTerminal};
use unicode_width::UnicodeWidthStr;

/// The style of text on an output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Style {
    pub(crate) colour: bool,
    /// The locale can show more than ASCII.
    pub(crate) unicode: bool,
    /// The width in columns; 0 without a limit.
    pub(crate) width: usize,
}

impl Style {
    /// Returns the style for standard output.
    pub(crate) fn of_stdout() -> Self {
        let stdout = io::stdout();
        let is_terminal = stdout.is_terminal();
        let no_colour = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let width = if is_terminal {
            // A terminal that does not know its width reports 0.
            let columns = rustix::termios::tcgetwinsize(&stdout).map_or(0, |size| size.ws_col);
            if columns == 0 { 80 } else { usize::from(columns).max(20) }
        } else {
            0
        };
        let colour = is_terminal && !no_colour && why_no_screen().is_none();
        Self { colour, unicode: locale_is_utf8(), width }
    }
}

/// Writes a value as indented JSON.
pub(crate) fn write_json(out: &mut impl io::Write, value: &impl Serialize) -> io::Result<()> {
    writeln!(out, "{}", serde_json::to_string_pretty(value)?)
}

/// Returns why escape sequences must not be written to this terminal, or `None` if they may.
pub(crate) fn why_no_screen() -> Option<String> {
    let term = env::var_os("TERM").unwrap_or_default();
    let term = term.to_string_lossy();
    if term.is_empty() {
        return Some("TERM is not set".to_owned());
    }
    has_no_screen(&term).then(|| format!("TERM is {term}"))
}

/// Returns true if a terminal of this type has no screen. Shells in Emacs are `dumb`, `dumb-emacs-ansi` or `emacs`;
/// the other types are terminfo's names for lines without a known terminal.
fn has_no_screen(term: &str) -> bool {
    let kind = term.split('-').next().unwrap_or_default();
    matches!(kind, "dumb" | "unknown" | "emacs" | "network" | "dialup" | "lpr" | "printer")
}

/// Returns true if the locale can show more than ASCII.
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

/// The least width that shows the context column.
const CONTEXT_MIN_WIDTH: usize = 100;

/// The least width of the activity: a narrower one would be a syllable, and the time and the pane are dropped for it.
const MIN_TEXT_WIDTH: usize = 8;

/// The names of the listed sessions, and the width of their column.
pub(crate) struct Names {
    labels: HashMap<RowKey, String>,
    width: usize,
}

impl Names {
    /// The least width of the column, so that lines that are printed one after the other are aligned.
    const MIN_WIDTH: usize = 16;

    /// Returns the names that tell `rows` apart.
    pub(crate) fn of<'a>(rows: impl IntoIterator<Item = &'a Session>, style: Style) -> Self {
        let labels = labels(rows);
        let max_width = match style.width {
            0 => 40,
            CONTEXT_MIN_WIDTH.. => 32,
            _ => 22,
        };
        let labels_in_lines = labels.iter().map(|(key, label)| columns(without_key(label, key)));
        let widest = labels_in_lines.max().unwrap_or(0);
        Self { labels, width: widest.clamp(Self::MIN_WIDTH, max_width) }
    }

    /// Returns the name of a session for a line that also has the session's key.
    fn name_without_key<'a>(&'a self, row: &'a Session) -> &'a str {
        without_key(self.name(row), &row.key)
    }

    /// Returns the name of a session.
    pub(crate) fn name<'a>(&'a self, row: &'a Session) -> &'a str {
        self.labels.get(&row.key).unwrap_or(&row.name)
    }
}

/// Returns a label without the key that may be at its end.
fn without_key<'a>(label: &'a str, key: &RowKey) -> &'a str {
    let front = label.strip_suffix(')').and_then(|label| label.strip_suffix(key.as_str()));
    front.and_then(|label| label.strip_suffix(" (")).unwrap_or(label)
}

/// Formats a session as a line of the list at this time.
pub(crate) fn list_line_at(row: &Session, names: &Names, now: Timestamp, style: Style) -> String {
    let quiet = quiet_since(row, now).map(|since| format!("quiet {}", age(since, now)));
    list_line(row, names, &age(row.since, now), &quiet.unwrap_or_default(), style)
}

/// Formats a session as a line of the list. `age` is the time since its status began, and `quiet` a mark that says since
/// when a working session has been quiet, or empty.
pub(crate) fn list_line(
    row: &Session,
    names: &Names,
    age: &str,
    quiet: &str,
    style: Style,
) -> String {
    let theme = Theme { palette: &TERMINAL, unicode: style.unicode };
    let mut text = activity(row, style.unicode).into_owned();
    if row.background > 0 {
        let _ = write!(text, "  ({} in background)", row.background);
    }
    // A narrow window uses its width for the activity.
    let is_wide = style.width == 0 || style.width >= CONTEXT_MIN_WIDTH;
    let pull_request = row.pull_request.as_ref().filter(|_| is_wide).map(PullRequest::short_name);
    let pull_request = pull_request.unwrap_or_default();
    let marks = [
        (row.pinned, "pinned"),
        (row.snoozed_until.is_some(), "snoozed"),
        (row.dismissed, "hidden"),
        (row.end == Some(End::Killed), "killed"),
        (row.end == Some(End::Lost), "lost"),
        (row.stopped, "suspended"),
        (!row.confirmed, "unconfirmed"),
        (!quiet.is_empty(), quiet),
        (!pull_request.is_empty(), &pull_request),
    ];
    let marks: Vec<&str> =
        marks.into_iter().filter(|(is_set, _)| *is_set).map(|(_, mark)| mark).collect();
    if !marks.is_empty() {
        // At the front, because a narrow window cuts off the end.
        text.insert_str(0, &format!("({}) ", marks.join(", ")));
    }
    let place = row.place.target.as_ref().or(row.place.pane.as_ref());
    let place = place.or(row.place.terminal.as_ref()).map_or("", String::as_str);
    let place = fit(place, 8, style.unicode);
    let context = row.usage.as_ref().and_then(|usage| usage.context_percent);
    let context = context.map(|percent| format!("{percent:.0}%")).unwrap_or_default();
    let head = format!("{} {:<10} ", theme.shape(row.status), row.status.word());
    let name = fit(names.name_without_key(row), names.width, style.unicode);
    if style.width == 0 {
        // In a pipe, the long text comes last, so that the other columns are aligned.
        let text = cut(&text, usize::MAX, style.unicode);
        let line = format!("{head}{name} {age:>6} {context:>4}  {place} {}  {text}", row.key);
        return line.trim_end().to_owned();
    }
    let context = if is_wide { format!(" {context:>4}") } else { String::new() };
    let tail = format!("  {age:>6}{context}  {place} {}", row.key);
    let fixed_width = head.width() + names.width + 1 + tail.width();
    let remaining_width = style.width.saturating_sub(fixed_width);
    if remaining_width < MIN_TEXT_WIDTH {
        // Too narrow for all columns: show the most important ones, and the activity if there is room.
        let head = format!("{} {} ", theme.shape(row.status), row.status);
        let key = format!(" {}", row.key);
        let room = style.width.saturating_sub(head.width() + key.width());
        let name = fit(names.name_without_key(row), room.min(names.width), style.unicode);
        let text = match room.checked_sub(names.width + 1) {
            Some(room) => format!(" {}", fit(&text, room, style.unicode)),
            None => String::new(),
        };
        return cut(&format!("{head}{name}{text}{key}"), style.width, style.unicode);
    }
    let text = fit(&text, remaining_width, style.unicode);
    let painted =
        if style.colour { format!("\x1b[{}m{head}\x1b[0m", colour(row.status)) } else { head };
    format!("{painted}{name} {text}{tail}").trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crewboard_core::{Place, RowKey, Usage};

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
    fn terminal_types_without_a_screen_are_known() {
        for term in ["dumb", "dumb-emacs-ansi", "unknown", "emacs", "dialup"] {
            assert!(has_no_screen(term), "{term}");
        }
        for term in ["xterm-256color", "tmux", "linux", "vt100", "eterm-color", "dumber"] {
            assert!(!has_no_screen(term), "{term}");
        }
    }

    fn line(row: &Session, age: &str, style: Style) -> String {
        list_line(row, &Names::of([row], style), age, "", style)
    }

    #[test]
    fn list_line_fits_its_width() {
        insta::assert_snapshot!(line(&row(), "4m12", PLAIN), @"! permission shop             Bash rm -rf node_modules      4m12  %0       kaaaa");
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
        insta::assert_snapshot!(line(&other, "3s", ascii), @"+ done       ??               (pinned, unconfirmed) Rea~      3s  %0       kaaaa");
        insta::assert_snapshot!(line(&row(), "3s", Style { width: 0, ..PLAIN }), @r###"! permission shop                 3s       %0       kaaaa  Bash rm -rf node_modules"###);
        let usage = Some(Usage { context_percent: Some(41.0), cost_usd: None, at: Timestamp(0) });
        let used = Session { usage, ..row() };
        insta::assert_snapshot!(line(&used, "4m12", Style { width: 100, ..PLAIN }), @r###"! permission shop             Bash rm -rf node_modules                     4m12  41%  %0       kaaaa"###);
        insta::assert_snapshot!(line(&used, "4m12", PLAIN), @r###"! permission shop             Bash rm -rf node_modules      4m12  %0       kaaaa"###);
        insta::assert_snapshot!(line(&used, "3s", Style { width: 0, ..PLAIN }), @r###"! permission shop                 3s  41%  %0       kaaaa  Bash rm -rf node_modules"###);
        let cut = Session { activity: Some("“Ready” …".into()), ..row() };
        let piped = Style { width: 0, unicode: false, ..PLAIN };
        insta::assert_snapshot!(line(&cut, "3s", piped), @r###"! permission shop                 3s       %0       kaaaa  "Ready" ..."###);
        insta::assert_snapshot!(line(&row(), "3s", Style { width: 24, ..PLAIN }), @"! permission shop  kaaaa");
        insta::assert_snapshot!(line(&row(), "3s", Style { width: 51, ..PLAIN }), @"! permission shop             Bash rm -rf no… kaaaa");
    }

    #[test]
    fn sessions_with_the_same_name_have_different_labels() {
        let rows = ["work", "play"].map(|parent| Session {
            key: RowKey::new(parent),
            name: "shop-frontend".into(),
            cwd: Some(format!("/home/dev/{parent}/shop-frontend")),
            ..row()
        });
        let names = Names::of(&rows, PLAIN);
        let lines = rows.each_ref().map(|row| list_line(row, &names, "3s", "", PLAIN));
        insta::assert_snapshot!(lines.join("\n"), @r"
        ! permission work/shop-frontend Bash rm -rf node_modules       3s  %0       work
        ! permission play/shop-frontend Bash rm -rf node_modules       3s  %0       play
        ");
    }

    #[test]
    fn label_in_a_line_leaves_its_key_to_the_column() {
        let rows = ["kaaaa", "kbbbb"].map(|key| Session {
            key: RowKey::new(key),
            user_prompt: Some("rewrite the parser".into()),
            ..row()
        });
        for width in [40, 54, 60, 80, 120, 0] {
            let style = Style { width, ..PLAIN };
            let names = Names::of(&rows, style);
            assert_eq!(names.name(&rows[0]), "shop: rewrite the parser (kaaaa)");
            let lines = rows.each_ref().map(|row| list_line(row, &names, "3s", "", style));
            for (line, key) in lines.iter().zip(["kaaaa", "kbbbb"]) {
                assert_eq!(line.matches(key).count(), 1, "{width}: {line}");
                assert!(line.contains("shop: rewrite"), "{width}: {line}");
            }
        }
    }

    #[test]
    fn list_line_has_quiet_and_the_pull_request() {
        let pull_request = PullRequest { number: 7, ..PullRequest::default() };
        let row = Session {
            status: Status::Working,
            activity: Some("Bash make".into()),
            pull_request: Some(pull_request),
            ..row()
        };
        let names = Names::of([&row], PLAIN);
        let line = |style| list_line(&row, &names, "12m", "quiet 11m", style);
        insta::assert_snapshot!(line(PLAIN), @"● working    shop             (quiet 11m) Bash make          12m  %0       kaaaa");
        insta::assert_snapshot!(line(Style { width: 100, ..PLAIN }), @"● working    shop             (quiet 11m, #7) Bash make                     12m       %0       kaaaa");
        insta::assert_snapshot!(line(Style { width: 0, ..PLAIN }), @"● working    shop                12m       %0       kaaaa  (quiet 11m, #7) Bash make");
    }
}
