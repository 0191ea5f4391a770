//! Measures the idle daemon: memory, threads and wake-ups.

use super::Daemon;
use super::event::Sessions;
use super::goals::Part;
use anyhow::{Context, Result, bail};
use std::fmt::Write;
use std::path::Path;
use std::time::{Duration, Instant};

const ROWS: usize = 1000;

/// The time after the last event until the daemon counts as idle.
const SETTLE: Duration = Duration::from_millis(1500);

/// Events after which the history of a row is full.
const EVENTS: usize = 45;

/// Subscribers whose memory is measured.
const SUBSCRIBERS: usize = 100;

pub(super) fn measure(program: &Path, seconds: u64) -> Result<Part> {
    let daemon = Daemon::start(program)?;
    let mut part = Part::new(format!(
        "## The daemon at rest\n\n\
         Wake-ups are voluntary and involuntary context switches of all its threads over {seconds} s. Most of the \
         memory that is not anonymous is the text of the program, which all its processes share.\n\n\
         | state | resident KiB | of it anonymous KiB | threads | wake-ups |\n|---|---|---|---|---|\n"
    ));
    // Returns the anonymous memory.
    let row = |part: &mut Part, state: &str| -> Result<f64> {
        // The measurement itself: nothing happens meanwhile.
        std::thread::sleep(SETTLE);
        let before = wake_ups(daemon.pid)?;
        std::thread::sleep(Duration::from_secs(seconds));
        let woken = wake_ups(daemon.pid)? - before;
        let status = std::fs::read_to_string(format!("/proc/{}/status", daemon.pid))?;
        let [resident, anonymous] = [number(&status, "VmRSS:")?, number(&status, "RssAnon:")?];
        let threads = number(&status, "Threads:")?;
        let _ = writeln!(part.text, "| {state} | {resident} | {anonymous} | {threads} | {woken} |");
        if part.figures.is_empty() {
            part.add("daemon at its start, resident", kibibytes(resident) / 1024.0, 2.5, "MiB");
            part.add("daemon at rest, wake-ups", kibibytes(woken), 0.0, "");
        }
        Ok(kibibytes(anonymous))
    };
    let empty = row(&mut part, "no row, no subscriber")?;
    let mut sessions = Sessions::start(ROWS)?;
    let mut writer = daemon.connect()?;
    for event in 0..EVENTS {
        for number in 0..ROWS {
            writer.send(&sessions.line(number, event % 2 == 0, "fix the failing checkout test"))?;
        }
    }
    wait_for_events(&daemon, EVENTS * ROWS)?;
    let full = row(&mut part, "1,000 rows with a full history")?;
    let mut subscribers: Vec<_> =
        (0..SUBSCRIBERS).map(|_| daemon.subscribe()).collect::<Result<_>>()?;
    let subscribed = row(&mut part, "1,000 rows, 100 subscribers")?;
    subscribers.clear();
    let left = row(&mut part, "1,000 rows, after the subscribers have left")?;
    drop(sessions);
    let ended = row(&mut part, "after the processes have ended")?;
    part.add("row with a full history", (full - empty) / 1000.0, 4.0, "KiB");
    part.add("subscriber with 1,000 rows", (subscribed - full) / 100.0, 16.0, "KiB");
    let kept = |after: f64, grown: f64, before: f64| 100.0 * (after - before) / (grown - before);
    part.add("kept after the subscribers have left", kept(left, subscribed, full), 20.0, "%");
    part.add("kept after the processes have ended", kept(ended, full, empty), 20.0, "%");
    Ok(part)
}

#[expect(clippy::cast_precision_loss, reason = "memory has fewer digits")]
fn kibibytes(number: u64) -> f64 {
    number as f64
}

/// Returns the anonymous memory of a process in KiB.
pub(super) fn memory(pid: u32) -> Result<u64> {
    number(&std::fs::read_to_string(format!("/proc/{pid}/status"))?, "RssAnon:")
}

/// Waits until the daemon has this number of rows.
pub(super) fn wait_for_rows(daemon: &Daemon, count: usize) -> Result<()> {
    wait_for(daemon, "rows", count)
}

/// Waits until the daemon has received this number of events.
fn wait_for_events(daemon: &Daemon, count: usize) -> Result<()> {
    wait_for(daemon, "events", count)
}

fn wait_for(daemon: &Daemon, field: &str, wanted: usize) -> Result<()> {
    let start = Instant::now();
    loop {
        let hello = daemon.connect()?.request(r#"{"type":"hello"}"#, "hello")?;
        let count = hello[field].as_u64().context("hello has no count")?;
        if count >= u64::try_from(wanted)? {
            return Ok(());
        }
        if start.elapsed() > Duration::from_secs(30) {
            bail!("the daemon has {count} {field}, not {wanted}");
        }
        // No event announces that the daemon has applied the events.
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Returns how often the threads of a process have been switched to or from a processor.
fn wake_ups(pid: u32) -> Result<u64> {
    let mut sum = 0;
    for task in std::fs::read_dir(format!("/proc/{pid}/task"))? {
        let text = std::fs::read_to_string(task?.path().join("status"))?;
        sum += number(&text, "voluntary_ctxt_switches:")?;
        sum += number(&text, "nonvoluntary_ctxt_switches:")?;
    }
    Ok(sum)
}

/// Returns the number after a name at the start of a line.
fn number(text: &str, name: &str) -> Result<u64> {
    let value = text.lines().find_map(|line| line.strip_prefix(name));
    let value = value.and_then(|value| value.split_whitespace().next()?.parse().ok());
    value.with_context(|| format!("no {name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn number_is_found_by_its_whole_name() {
        let text = "VmRSS:\t  1300 kB\nThreads:\t1\nvoluntary_ctxt_switches:\t7\nnonvoluntary_ctxt_switches:\t2\n";
        assert_eq!(number(text, "VmRSS:").unwrap(), 1300);
        assert_eq!(number(text, "voluntary_ctxt_switches:").unwrap(), 7);
        assert_eq!(number(text, "nonvoluntary_ctxt_switches:").unwrap(), 2);
        assert!(number(text, "VmHWM:").is_err());
    }
}
