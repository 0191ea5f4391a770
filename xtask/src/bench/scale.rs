//! `cargo xtask scale`: many sessions, events and subscribers at once, and nothing may be lost.

use super::daemon::Daemon;
use super::event::Sessions;
use super::rest::{memory, wait_for_rows};
use crate::dist;
use crate::wire::Connection;
use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

const ROWS: usize = 1000;
const SUBSCRIBERS: usize = 100;
const EVENTS_A_SECOND: u32 = 500;

/// The part of the anonymous memory, in percent, that may be added between the tenth part of the run and its end.
const MAX_GROWTH: u64 = 5;

/// The text of the last event, which ends the subscribers.
const LAST: &str = "the last event";

/// The arguments of `cargo xtask scale`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Seconds of the run
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..))]
    seconds: u32,
    /// Measure this program instead of a new build
    #[arg(long)]
    program: Option<PathBuf>,
}

/// The rows that a subscriber knows at the end, and the delays of the changes in microseconds.
struct View {
    rows: BTreeMap<String, Value>,
    delays: Vec<u32>,
}

/// Runs the load. Fails if an event is lost, if a view differs from the list, or if memory grows.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let program = match &arguments.program {
        Some(program) => program.canonicalize()?,
        None => dist::run()?.program,
    };
    let daemon = Daemon::start(&program)?;
    let mut sessions = Sessions::start(ROWS)?;
    let mut writer = daemon.connect()?;
    for number in 0..ROWS {
        writer.send(&sessions.line(number, true, "begin"))?;
    }
    wait_for_rows(&daemon, ROWS)?;
    let start = Instant::now();
    let views: Vec<JoinHandle<Result<View>>> = (0..SUBSCRIBERS)
        .map(|_| {
            let connection = daemon.connect()?;
            Ok(std::thread::spawn(move || follow(connection, start)))
        })
        .collect::<Result<_>>()?;
    let (mut early, mut slipped) = (0, Duration::ZERO);
    let events = arguments.seconds * EVENTS_A_SECOND;
    let begin = Instant::now();
    for number in 0..events {
        let due = begin + Duration::from_secs(1) * number / EVENTS_A_SECOND;
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        slipped = slipped.max(due.elapsed());
        let row = usize::try_from(number)? % ROWS;
        let round = usize::try_from(number)? / ROWS;
        let text = format!("t{} of the run", start.elapsed().as_micros());
        // Each event comes on a connection of its own, as from a hook.
        daemon.connect()?.send(&sessions.line(row, round % 2 == 1, &text))?;
        if number == events / 10 {
            early = memory(daemon.pid)?;
        }
    }
    let took = begin.elapsed();
    daemon.connect()?.send(&sessions.line(ROWS, true, LAST))?;
    let mut delays = Vec::new();
    let mut rows = Vec::new();
    for view in views {
        let view = view.join().ok().context("a subscriber panicked")??;
        delays.extend(view.delays);
        rows.push(view.rows);
    }
    let late = memory(daemon.pid)?;
    let listed = list(daemon.connect()?)?;
    let differing = rows.iter().filter(|rows| **rows != listed).count();
    let hello = daemon.connect()?.request(r#"{"type":"hello"}"#, "hello")?;
    let expected = u64::try_from(ROWS)? + u64::from(events) + 1;
    delays.sort_unstable();
    ensure!(!delays.is_empty(), "no subscriber received a change");
    let quantile = |per_mille: usize| delays[delays.len() * per_mille / 1000];
    println!(
        "{} rows, {SUBSCRIBERS} subscribers, {events} events in {:.1} s (the writer was at most {} ms late)\n\
         events: {} of {expected} received, {} dropped\n\
         views that differ from the list: {differing} of {SUBSCRIBERS}\n\
         delays of {} changes from an event to a subscriber, µs: p50 {}, p99 {}, most {}\n\
         anonymous memory: {early} KiB after a tenth of the run, {late} KiB at its end",
        listed.len(),
        took.as_secs_f64(),
        slipped.as_millis(),
        hello["events"],
        hello["dropped"],
        delays.len(),
        quantile(500),
        quantile(990),
        delays[delays.len() - 1],
    );
    if hello["events"] != expected || hello["dropped"] != 0 || differing > 0 {
        bail!("an event or a change was lost");
    }
    if late > early + early * MAX_GROWTH / 100 {
        bail!("the memory of the daemon grew by more than {MAX_GROWTH} %");
    }
    Ok(())
}

/// Subscribes, and follows all changes up to the last event.
fn follow(mut connection: Connection, start: Instant) -> Result<View> {
    connection.send(r#"{"type":"subscribe"}"#)?;
    // The lines are only decoded at the end: decoding them all would take more time than the daemon does.
    let mut lines: BTreeMap<String, String> = BTreeMap::new();
    let mut delays = Vec::new();
    let mut is_last = false;
    while !is_last {
        let line = connection.read_line()?;
        if let Some(key) = line.strip_prefix(r#"{"type":"removed","key":""#) {
            lines.remove(key.split('"').next().unwrap_or_default());
        }
        let Some(row) = line.find(r#""row":{"key":""#).and_then(|at| line.get(at + 14..)) else {
            continue;
        };
        if let Some(micros) = row.split_once(r#""activity":"t"#)
            && let Some(micros) =
                micros.1.split(' ').next().and_then(|text| text.parse::<u128>().ok())
        {
            delays.push(u32::try_from(start.elapsed().as_micros().saturating_sub(micros))?);
        }
        is_last = row.contains(LAST);
        lines.insert(row.split('"').next().unwrap_or_default().to_owned(), line);
    }
    let rows = lines.into_iter().map(|(key, line)| Ok((key, row_of(&line)?)));
    Ok(View { rows: rows.collect::<Result<_>>()?, delays })
}

/// Returns the rows of a list.
fn list(mut connection: Connection) -> Result<BTreeMap<String, Value>> {
    connection.send(r#"{"type":"list"}"#)?;
    let mut rows = BTreeMap::new();
    loop {
        let line = connection.read_line()?;
        let reply: Value = serde_json::from_str(&line)?;
        match reply["type"].as_str() {
            Some("row") => {
                let key = reply["row"]["key"].as_str().context("a row has no key")?.to_owned();
                rows.insert(key, row_of(&line)?);
            }
            Some("synced") => return Ok(rows),
            _ => {}
        }
    }
}

/// Returns the row of a line, without the history that changes leave out.
fn row_of(line: &str) -> Result<Value> {
    let mut row = serde_json::from_str::<Value>(line)?["row"].take();
    let fields = row.as_object_mut().context("a row is not an object")?;
    fields.remove("history");
    fields.remove("past");
    Ok(row)
}
