//! `crewboard counts`: the number of sessions in each status, as a line for a status bar.

#[cfg(test)]
mod contrast_tests;
mod program_status;
mod style;
mod windows;

use crate::arguments::CountsFormat;
use crate::daemon_client::{
    REPLY_TIMEOUT, Snapshot, connect_if_running, daemon_locator, fetch_snapshot, retry_once,
};
use crate::failure::Failure;
use crate::render::Style;
use crewboard_board::outside;
use crewboard_board::theme::{TERMINAL, Theme};
use crewboard_client::{Subscription, SubscriptionEvent};
use crewboard_core::{Costs, CountCategory, Counts, RateLimits, Session};
use program_status::ClearAtEnd;
use serde_json::json;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, IsTerminal as _, Write as _};
use std::process::ExitCode;
use std::thread;
use std::time::Duration;
use style::{coloured, plain, uncoloured};
use windows::WindowGlyphs;

/// Pause between two lines for tmux. tmux (3.3a, measured) draws the output of a `#()` at most once per second of the
/// clock, including the second of its start; a further line in the same second waits for the next `status-interval`,
/// 15 s later. So the first line is printed twice, and lines are this far apart. (`refresh-client -S` does not help: it
/// restarts every `#()`.)
const TMUX_LINE_PAUSE: Duration = Duration::from_secs(1);

/// Session names in waybar's tooltip; further sessions are counted.
const MAX_NAMES: usize = 20;

/// Prints the counts, once or at each change.
pub(crate) fn run(format: CountsFormat, follow: bool, windows: bool) -> Result<ExitCode, Failure> {
    let theme = Theme { palette: &TERMINAL, unicode: Style::of_stdout().unicode };
    if follow {
        let windows = windows.then(WindowGlyphs::of_this_tmux).transpose()?;
        return follow_changes(format, windows, theme);
    }
    let daemon_locator = daemon_locator()?;
    // A shell prompt or status bar runs this often, so it must not start a daemon.
    let snapshot = retry_once(|| match connect_if_running(&daemon_locator)? {
        Some(mut connection) => fetch_snapshot(&mut connection, REPLY_TIMEOUT),
        None => Ok(Snapshot::default()),
    })?;
    let rows: Vec<&Session> = snapshot.rows.iter().collect();
    print(&line(&rows, &snapshot.limits, format, theme), format)?;
    Ok(ExitCode::SUCCESS)
}

fn follow_changes(
    format: CountsFormat,
    mut windows: Option<WindowGlyphs>,
    theme: Theme,
) -> Result<ExitCode, Failure> {
    let daemon_locator = daemon_locator()?;
    let mut subscription = Subscription::new(&daemon_locator);
    let _clear = (format == CountsFormat::Osc7501).then(ClearAtEnd::register).transpose()?;
    while !matches!(subscription.next(&io::stdout())?, SubscriptionEvent::Synced) {}
    let is_tmux = matches!(format, CountsFormat::Tmux | CountsFormat::TmuxColour);
    let mut printed: Option<String> = None;
    let mut repeats_first_line = false;
    loop {
        let rows = current_rows(&subscription);
        if let Some(windows) = &mut windows {
            windows.update(&rows, theme);
        }
        let line = line(&rows, subscription.limits(), format, theme);
        if repeats_first_line || printed.as_ref() != Some(&line) {
            repeats_first_line = is_tmux && printed.is_none();
            print(&line, format)?;
            printed = Some(line);
            if is_tmux {
                thread::sleep(TMUX_LINE_PAUSE);
                subscription.ready()?;
                continue;
            }
        }
        subscription.next(&io::stdout())?;
    }
}

fn current_rows<'a>(subscription: &'a Subscription<'_>) -> Vec<&'a Session> {
    let mut rows: Vec<&Session> = subscription.rows().values().collect();
    rows.sort_by(|one, other| one.compare_for_list(other));
    rows
}

/// Prints a line. A sequence for the terminal itself gets no newline there, which would scroll the screen.
fn print(line: &str, format: CountsFormat) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(line.as_bytes())?;
    if format != CountsFormat::Osc7501 || !out.is_terminal() {
        out.write_all(b"\n")?;
    }
    out.flush()
}

/// Returns the line. `rows` are in the order of `crewboard list`.
fn line(rows: &[&Session], limits: &[RateLimits], format: CountsFormat, theme: Theme) -> String {
    let counts = Counts::of(rows.iter().copied());
    match format {
        CountsFormat::Tmux => uncoloured(&counts, theme),
        CountsFormat::TmuxColour => coloured(&counts, theme),
        // The format that the plugin zjstatus reads from `zellij pipe` (its src/pipe.rs).
        CountsFormat::Zellij => {
            format!("zjstatus::pipe::pipe_crewboard::{}", coloured(&counts, theme))
        }
        CountsFormat::Starship | CountsFormat::Plain => plain(&counts, theme),
        CountsFormat::Title => outside::title(&counts),
        CountsFormat::Osc7501 => outside::program_status(&counts),
        CountsFormat::Waybar => waybar(rows, &counts, theme),
        CountsFormat::Json => {
            let mut value = json!(counts);
            value["limits"] = json!(limits);
            let costs = Costs::of_conversations(rows.iter().copied());
            value["cost_usd"] = json!(dollars(costs.cents));
            value["cost_by_project"] = json!(dollars_by_project(&costs));
            let today = Costs::of_today(rows.iter().copied());
            value["cost_today_usd"] = json!(dollars(today.cents));
            value["cost_today_by_project"] = json!(dollars_by_project(&today));
            value.to_string()
        }
    }
}

/// Returns an amount of cents in US dollars.
#[expect(clippy::cast_precision_loss, reason = "exact below 2^53 cents")]
fn dollars(cents: u64) -> f64 {
    cents as f64 / 100.0
}

fn dollars_by_project(costs: &Costs) -> BTreeMap<&str, f64> {
    costs.by_project.iter().map(|(name, cents)| (name.as_str(), dollars(*cents))).collect()
}

/// Returns the JSON object of a custom module of waybar. Its text and tooltip are Pango markup.
fn waybar(rows: &[&Session], counts: &Counts, theme: Theme) -> String {
    let needs = |row: &&&Session| matches!(row.counted(), CountCategory::Needs(_));
    let named: Vec<String> = rows
        .iter()
        .filter(needs)
        .take(MAX_NAMES)
        .map(|row| escaped(&format!("{} {}: {}", theme.shape(row.status), row.name, row.status)))
        .collect();
    let mut tooltip = named.join("\n");
    if counts.needs_you > MAX_NAMES {
        let _ = write!(tooltip, "\n{} more", counts.needs_you - MAX_NAMES);
    }
    let urgent = counts.by_status().first().map_or("none", |(status, _)| status.word());
    let class = if counts.needs_you > 0 { json!(["needs-you", urgent]) } else { json!([urgent]) };
    json!({ "text": plain(counts, theme), "alt": urgent, "class": class, "tooltip": tooltip })
        .to_string()
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::ValueEnum as _;
    use crewboard_core::{DayCost, Status, Timestamp, Usage};

    fn lines(rows: &[(&str, Status, bool)], unicode: bool) -> String {
        let rows: Vec<Session> = rows
            .iter()
            .map(|(name, status, needs_you)| Session {
                name: (*name).to_owned(),
                status: *status,
                needs_you: *needs_you,
                ..Session::default()
            })
            .collect();
        let rows: Vec<&Session> = rows.iter().collect();
        let theme = Theme { palette: &TERMINAL, unicode };
        let formats = ["tmux", "tmux-colour", "zellij", "waybar", "starship", "json"];
        formats
            .map(|name| {
                let format = CountsFormat::from_str(name, false).unwrap();
                format!("{name}: {}", line(&rows, &[], format, theme))
            })
            .join("\n")
    }

    #[test]
    fn line_matches_the_format_of_each_bar() {
        use Status::{Done, Idle, Permission, Plan, Working};
        let rows = [
            ("a<b>&#(touch x)", Permission, true),
            ("docs", Plan, true),
            ("api", Done, true),
            ("web", Working, false),
            ("seen", Done, false),
            ("notes", Idle, false),
        ];
        insta::assert_snapshot!(lines(&rows, true), @r###"
        tmux: #[reverse,underscore]!1#[noreverse,nounderscore] #[reverse,underscore]≡1#[noreverse,nounderscore] #[reverse]√1#[noreverse] ●1 ◯1
        tmux-colour: #[fg=#000000,bg=#ffaf00]!1#[default] #[fg=#000000,bg=#87d7ff]≡1#[default] #[fg=#000000,bg=#87d787]√1#[default] ●1 ◯1
        zellij: zjstatus::pipe::pipe_crewboard::#[fg=#000000,bg=#ffaf00]!1#[default] #[fg=#000000,bg=#87d7ff]≡1#[default] #[fg=#000000,bg=#87d787]√1#[default] ●1 ◯1
        waybar: {"alt":"permission","class":["needs-you","permission"],"text":"!1 ≡1 √1 ●1 ◯1","tooltip":"! a&lt;b&gt;&amp;#(touch x): permission\n≡ docs: plan\n√ api: done"}
        starship: !1 ≡1 √1 ●1 ◯1
        json: {"cost_by_project":{},"cost_today_by_project":{},"cost_today_usd":0.0,"cost_usd":0.0,"done":1,"failed":0,"idle":1,"limits":[],"needs_you":3,"permission":1,"plan":1,"question":0,"working":1}
        "###);
        insta::assert_snapshot!(lines(&rows[4..], false), @r###"
        tmux: o1
        tmux-colour: o1
        zellij: zjstatus::pipe::pipe_crewboard::o1
        waybar: {"alt":"idle","class":["idle"],"text":"o1","tooltip":""}
        starship: o1
        json: {"cost_by_project":{},"cost_today_by_project":{},"cost_today_usd":0.0,"cost_usd":0.0,"done":0,"failed":0,"idle":1,"limits":[],"needs_you":0,"permission":0,"plan":0,"question":0,"working":0}
        "###);
        insta::assert_snapshot!(lines(&[], true), @r###"
        tmux: 
        tmux-colour: 
        zellij: zjstatus::pipe::pipe_crewboard::
        waybar: {"alt":"none","class":["none"],"text":"","tooltip":""}
        starship: 
        json: {"cost_by_project":{},"cost_today_by_project":{},"cost_today_usd":0.0,"cost_usd":0.0,"done":0,"failed":0,"idle":0,"limits":[],"needs_you":0,"permission":0,"plan":0,"question":0,"working":0}
        "###);
    }

    #[test]
    fn json_has_the_costs_in_all_and_by_project() {
        let row = |name: &str, cost_usd, today: Option<f64>| Session {
            name: name.to_owned(),
            usage: Some(Usage { context_percent: None, cost_usd, at: Timestamp(0) }),
            cost_today: today.map(|usd| DayCost { usd, since: Timestamp(1) }),
            ..Session::default()
        };
        let rows = [
            row("shop", Some(0.1), Some(0.04)),
            row("shop", Some(0.2), None),
            row("docs", Some(1.0), Some(0.5)),
            row("new", None, None),
        ];
        let theme = Theme { palette: &TERMINAL, unicode: true };
        let rows: Vec<&Session> = rows.iter().collect();
        let line = line(&rows, &[], CountsFormat::Json, theme);
        let value: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(value["cost_usd"], json!(1.3));
        assert_eq!(value["cost_by_project"], json!({ "docs": 1.0, "shop": 0.3 }));
        assert_eq!(value["cost_today_usd"], json!(0.54));
        assert_eq!(value["cost_today_by_project"], json!({ "docs": 0.5, "shop": 0.04 }));
    }

    #[test]
    fn tooltip_lists_a_bounded_number_of_names() {
        let rows = vec![("one", Status::Done, true); 25];
        let lines = lines(&rows, true);
        assert!(lines.contains(r"\n5 more"), "{lines}");
    }
}
