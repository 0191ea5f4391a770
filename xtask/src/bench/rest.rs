//! Measures the idle daemon: memory, threads and wake-ups.

use super::Daemon;
use crate::wire::Connection;
use anyhow::{Context, Result, bail};
use std::fmt::Write;
use std::path::Path;
use std::time::{Duration, Instant};

const ROWS: usize = 1000;

/// The time after the last event until the daemon counts as idle.
const SETTLE: Duration = Duration::from_millis(1500);

pub(super) fn measure(program: &Path, seconds: u64) -> Result<String> {
    let daemon = Daemon::start(program)?;
    let mut text = format!(
        "## The daemon at rest\n\n\
         Wake-ups are voluntary and involuntary context switches of all its threads over {seconds} s.\n\n\
         | state | resident KiB | of it anonymous KiB | threads | wake-ups |\n|---|---|---|---|---|\n"
    );
    let mut row = |state: &str| -> Result<()> {
        // The measurement itself: nothing happens meanwhile.
        std::thread::sleep(SETTLE);
        let before = wake_ups(daemon.pid)?;
        std::thread::sleep(Duration::from_secs(seconds));
        let woken = wake_ups(daemon.pid)? - before;
        let status = std::fs::read_to_string(format!("/proc/{}/status", daemon.pid))?;
        let [resident, anonymous] = [number(&status, "VmRSS:")?, number(&status, "RssAnon:")?];
        let threads = number(&status, "Threads:")?;
        let _ = writeln!(text, "| {state} | {resident} | {anonymous} | {threads} | {woken} |");
        Ok(())
    };
    row("no row, no subscriber")?;
    fill(&mut daemon.connect()?, &daemon)?;
    row("1,000 rows")?;
    let subscribers: Vec<_> = (0..10).map(|_| daemon.subscribe()).collect::<Result<_>>()?;
    row("1,000 rows, 10 subscribers")?;
    drop(subscribers);
    Ok(text)
}

/// Sends a prompt of each session and waits until the daemon has all rows.
fn fill(writer: &mut Connection, daemon: &Daemon) -> Result<()> {
    for number in 0..ROWS {
        let event = serde_json::json!({
            "type": "event",
            "hook_pid": std::process::id(),
            "report": {
                "agent": "bench",
                "session": format!("{number:08x}-1111-4222-8333-0123456789ab"),
                "source": "hook:UserPromptSubmit",
                "stamp": {"boot": 1, "micros": number + 1},
                "cwd": format!("/home/dev/projects/repository-{number}"),
                "event": {
                    "kind": "prompt_submitted",
                    "prompt": "fix the failing checkout test and run the whole suite again",
                },
            },
        });
        writer.send(&event.to_string())?;
    }
    let start = Instant::now();
    loop {
        let hello = daemon.connect()?.request(r#"{"type":"hello"}"#, "hello")?;
        let rows = hello["rows"].as_u64().context("hello has no row count")?;
        if rows >= u64::try_from(ROWS)? {
            return Ok(());
        }
        if start.elapsed() > Duration::from_secs(10) {
            bail!("the daemon shows {rows} rows, not {ROWS}");
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
