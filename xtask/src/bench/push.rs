//! Measures the time from an agent's event to a subscriber.

use super::Daemon;
use super::event::Sessions;
use super::goals::Part;
use super::sample::Sample;
use crate::wire::Connection;
use anyhow::Result;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

const WARM_UP: usize = 20;

/// The pause between two events, so that all processes sleep again, as in normal use.
const GAP: Duration = Duration::from_millis(5);

/// Measures `rounds` events of the program.
pub(super) fn measure(program: &Path, rounds: usize) -> Result<Part> {
    let (mut whole, mut hooks, mut echoes) =
        (Sample::default(), Sample::default(), Sample::default());
    let (mut kept, mut single) = (Sample::default(), Sample::default());
    let daemon = Daemon::start(program)?;
    let mut subscriber = daemon.subscribe()?;
    let mut echo = Echo::start()?;
    let mut sessions = Sessions::start(1)?;
    let mut sender = daemon.connect()?;
    for round in 0..rounds + WARM_UP {
        let (event, status) = if round % 2 == 0 {
            (
                r#""hook_event_name":"UserPromptSubmit","prompt":"fix the failing checkout test""#,
                "working",
            )
        } else {
            (
                r#""hook_event_name":"Stop","stop_hook_active":false,"last_assistant_message":"Fixed.""#,
                "done",
            )
        };
        let payload = format!(
            r#"{{"session_id":"0b0e7a52-1111-4222-8333-0123456789ab","cwd":"/home/dev/project","permission_mode":"default",{event}}}"#
        );
        let wanted = format!(r#""status":"{status}""#);
        let (reader, mut writer) = std::io::pipe()?;
        writer.write_all(payload.as_bytes())?;
        drop(writer);
        let mut hook = daemon.hook();
        hook.stdin(reader).stdout(Stdio::null()).stderr(Stdio::null());
        let start = Instant::now();
        let mut child = hook.spawn()?;
        while !subscriber.read_line()?.contains(&wanted) {}
        let pushed = start.elapsed();
        child.wait()?;
        let ended = start.elapsed();
        let reply_time = echo.round_trip(payload.as_bytes())?;
        let mut push = |sender: Option<&mut Connection>, is_prompt: bool| -> Result<Duration> {
            let line = sessions.line(0, is_prompt, &format!("round {round}"));
            std::thread::sleep(GAP);
            let start = Instant::now();
            match sender {
                Some(sender) => sender.send(&line)?,
                None => daemon.connect()?.send(&line)?,
            }
            while !subscriber.read_line()?.contains("-1111-4222-8333-0123456789ab") {}
            Ok(start.elapsed())
        };
        let by_kept = push(Some(&mut sender), true)?;
        let by_single = push(None, false)?;
        if round >= WARM_UP {
            kept.push(by_kept);
            single.push(by_single);
            whole.push(pushed);
            hooks.push(ended);
            echoes.push(reply_time);
        }
        std::thread::sleep(GAP);
    }
    let row = |name: &str, sample: &Sample| format!("| {name} | {} |\n", sample.table_cells());
    let mut part = Part::default();
    part.add("push on a kept connection ÷ echo, p50", kept.ratio_to(&echoes), 1.5, "×");
    part.add("push, a connection for each event ÷ echo, p50", single.ratio_to(&echoes), 2.6, "×");
    let tail =
        |sample: &Sample| sample.quantile(990).as_secs_f64() / echoes.quantile(990).as_secs_f64();
    part.add("push on a kept connection ÷ echo, p99", tail(&kept), 2.0, "×");
    part.text = format!(
        "## From an event to a dashboard\n\n\
         One subscriber, {} events 5 ms apart, alternately a prompt and a turn's end. The time runs \
         from before the hook is started until the subscriber has read the change; the median is {:.2} of the \
         hook's own life. The echo is a bare socket round trip between two threads in the same rounds.\n\n\
         | what | p50 µs | p90 µs | p99 µs |\n|---|---|---|---|\n{}{}{}{}{}",
        whole.len(),
        whole.ratio_to(&hooks),
        row("**hook started → subscriber has the change**", &whole),
        row("hook started → hook has ended", &hooks),
        row("line on a kept connection → subscriber has the change", &kept),
        row("line on a new connection → subscriber has the change", &single),
        row("echo", &echoes),
    );
    Ok(part)
}

/// A thread that returns its input.
struct Echo(UnixStream);

impl Echo {
    fn start() -> Result<Self> {
        let (near, mut far) = UnixStream::pair()?;
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(count @ 1..) = far.read(&mut buffer) {
                if far.write_all(&buffer[..count]).is_err() {
                    break;
                }
            }
        });
        Ok(Self(near))
    }

    fn round_trip(&mut self, payload: &[u8]) -> Result<Duration> {
        let mut reply = vec![0; payload.len()];
        let start = Instant::now();
        self.0.write_all(payload)?;
        self.0.read_exact(&mut reply)?;
        Ok(start.elapsed())
    }
}
