//! `crewboard counts`: how many sessions are what, as a line for a status bar.

use crate::arguments::CountsFormat;
use crate::commands::{ANSWER_WITHIN, rendezvous, rows_and_limits};
use crate::failure::Failure;
use crate::render::Style;
use crewboard_board::look::{Look, TERMINAL};
use crewboard_client::{ConnectError, Conversation, Follow, News};
use crewboard_core::{Counted, Counts, Limits, Session, Status};
use serde_json::json;
use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

/// tmux (3.3a, tried) draws what a `#()` says at most once in each second of the clock, the second in which it
/// was started included; what else comes in that second it draws with its next `status-interval`, 15 s later. So
/// the first line for it is said twice, and all are this far apart. (`refresh-client -S` is no way out: it starts
/// every `#()` anew.)
const TMUX_PACE: Duration = Duration::from_secs(1);

/// Names in waybar's tooltip; what is more is counted.
const MAX_NAMES: usize = 20;

/// Prints the counts, once or at each change.
pub(crate) fn run(format: CountsFormat, follow: bool) -> Result<ExitCode, Failure> {
    let look = Look { theme: &TERMINAL, unicode: Style::of_stdout().unicode };
    if follow {
        return run_on(format, look);
    }
    let (rows, limits) = match rendezvous()?.connect() {
        Ok(stream) => rows_and_limits(&mut Conversation::new(stream)?, ANSWER_WITHIN)?,
        // A prompt or a bar that asks all the time is no reason to start one.
        Err(ConnectError::NoDaemon) => Default::default(),
        Err(error) => return Err(error.into()),
    };
    print(&line(&rows.iter().collect::<Vec<_>>(), &limits, format, look))?;
    Ok(ExitCode::SUCCESS)
}

fn run_on(format: CountsFormat, look: Look) -> Result<ExitCode, Failure> {
    let rendezvous = rendezvous()?;
    let mut follow = Follow::new(&rendezvous);
    while !matches!(follow.next(&io::stdout())?, News::Synced) {}
    let is_tmux = format == CountsFormat::Tmux;
    let mut printed: Option<String> = None;
    let mut again = false;
    loop {
        let line = now(&follow, format, look);
        if again || printed.as_ref() != Some(&line) {
            again = is_tmux && printed.is_none();
            print(&line)?;
            printed = Some(line);
            if is_tmux {
                thread::sleep(TMUX_PACE);
                follow.ready()?;
                continue;
            }
        }
        follow.next(&io::stdout())?;
    }
}

fn now(follow: &Follow<'_>, format: CountsFormat, look: Look) -> String {
    let mut rows: Vec<&Session> = follow.rows().values().collect();
    rows.sort_by(|one, other| one.compare_for_list(other));
    line(&rows, follow.limits(), format, look)
}

fn print(line: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()
}

/// The line; `rows` are in the list's order.
fn line(rows: &[&Session], limits: &[Limits], format: CountsFormat, look: Look) -> String {
    let counts = Counts::of(rows.iter().copied());
    match format {
        CountsFormat::Tmux => painted(&counts, look),
        // What the plugin zjstatus takes from `zellij pipe` (its src/pipe.rs).
        CountsFormat::Zellij => {
            format!("zjstatus::pipe::pipe_crewboard::{}", painted(&counts, look))
        }
        CountsFormat::Starship | CountsFormat::Plain => plain(&counts, look),
        CountsFormat::Waybar => waybar(rows, &counts, look),
        CountsFormat::Json => {
            let mut value = json!(counts);
            value["limits"] = json!(limits);
            value.to_string()
        }
    }
}

fn plain(counts: &Counts, look: Look) -> String {
    let shown = |(status, count): &(Status, usize)| format!("{}{count}", look.shape(*status));
    let shown: Vec<String> = counts.by_status().iter().map(shown).collect();
    shown.join(" ")
}

/// In the words of tmux, which zjstatus knows too (and passes over `nobold`, since with it each begins
/// anew). Nothing in it is an agent's.
fn painted(counts: &Counts, look: Look) -> String {
    let mut line = String::new();
    for (status, count) in counts.by_status() {
        let style = match status {
            Status::Permission => "fg=yellow,bold",
            Status::Question => "fg=magenta,bold",
            Status::Plan => "fg=blue,bold",
            Status::Failed => "fg=red,bold",
            Status::Done => "fg=green,nobold",
            Status::Working => "fg=cyan,nobold",
            Status::Idle | Status::Closed => "fg=default,nobold",
        };
        let space = if line.is_empty() { "" } else { " " };
        let _ = write!(line, "{space}#[{style}]{}{count}", look.shape(status));
    }
    if !line.is_empty() {
        line.push_str("#[default]");
    }
    line
}

/// An object as waybar's custom modules take it: its text and its tooltip are Pango markup.
fn waybar(rows: &[&Session], counts: &Counts, look: Look) -> String {
    let needs = |row: &&&Session| matches!(row.counted(), Counted::Needs(_));
    let named: Vec<String> = rows
        .iter()
        .filter(needs)
        .take(MAX_NAMES)
        .map(|row| escaped(&format!("{} {}: {}", look.shape(row.status), row.name, row.status)))
        .collect();
    let mut tooltip = named.join("\n");
    if counts.needs_you > MAX_NAMES {
        let _ = write!(tooltip, "\n{} more", counts.needs_you - MAX_NAMES);
    }
    let urgent = counts.by_status().first().map_or("none", |(status, _)| status.word());
    let class = if counts.needs_you > 0 { json!(["needs-you", urgent]) } else { json!([urgent]) };
    json!({ "text": plain(counts, look), "alt": urgent, "class": class, "tooltip": tooltip })
        .to_string()
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::ValueEnum as _;

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
        let look = Look { theme: &TERMINAL, unicode };
        let formats = ["tmux", "zellij", "waybar", "starship", "json"];
        formats
            .map(|name| {
                let format = CountsFormat::from_str(name, false).unwrap();
                format!("{name}: {}", line(&rows, &[], format, look))
            })
            .join("\n")
    }

    #[test]
    fn a_line_for_each_bar() {
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
        tmux: #[fg=yellow,bold]!1 #[fg=blue,bold]≡1 #[fg=green,nobold]✓1 #[fg=cyan,nobold]●1 #[fg=default,nobold]○1#[default]
        zellij: zjstatus::pipe::pipe_crewboard::#[fg=yellow,bold]!1 #[fg=blue,bold]≡1 #[fg=green,nobold]✓1 #[fg=cyan,nobold]●1 #[fg=default,nobold]○1#[default]
        waybar: {"alt":"permission","class":["needs-you","permission"],"text":"!1 ≡1 ✓1 ●1 ○1","tooltip":"! a&lt;b&gt;&amp;#(touch x): permission\n≡ docs: plan\n✓ api: done"}
        starship: !1 ≡1 ✓1 ●1 ○1
        json: {"done":1,"failed":0,"idle":1,"limits":[],"needs_you":3,"permission":1,"plan":1,"question":0,"working":1}
        "###);
        insta::assert_snapshot!(lines(&rows[4..], false), @r###"
        tmux: #[fg=default,nobold]o1#[default]
        zellij: zjstatus::pipe::pipe_crewboard::#[fg=default,nobold]o1#[default]
        waybar: {"alt":"idle","class":["idle"],"text":"o1","tooltip":""}
        starship: o1
        json: {"done":0,"failed":0,"idle":1,"limits":[],"needs_you":0,"permission":0,"plan":0,"question":0,"working":0}
        "###);
        insta::assert_snapshot!(lines(&[], true), @r###"
        tmux: 
        zellij: zjstatus::pipe::pipe_crewboard::
        waybar: {"alt":"none","class":["none"],"text":"","tooltip":""}
        starship: 
        json: {"done":0,"failed":0,"idle":0,"limits":[],"needs_you":0,"permission":0,"plan":0,"question":0,"working":0}
        "###);
    }

    #[test]
    fn a_tooltip_has_a_bound() {
        let rows = vec![("one", Status::Done, true); 25];
        let lines = lines(&rows, true);
        assert!(lines.contains(r"\n5 more"), "{lines}");
    }
}
