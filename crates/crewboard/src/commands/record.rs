//! `crewboard record`: records daemon events for a bug report.

use crate::daemon_client::{REPLY_TIMEOUT, connect, daemon_locator, unexpected_reply, warn};
use crate::failure::Failure;
use crate::recording::file::{Entry, EntryContent, header};
use crate::recording::interrupt::Interrupt;
use crate::recording::redact::Redactor;
use crewboard_client::{Connection, ConnectionError, DaemonLocator};
use crewboard_core::{Event, Process, Stamp, Timestamp};
use crewboard_platform::Clock;
use crewboard_protocol::{Reply, Request};
use serde_json::json;
use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::process::ExitCode;

/// Records until a signal arrives or the output is closed.
pub(crate) fn run(out: Option<&Path>, keep_text: bool) -> Result<ExitCode, Failure> {
    let interrupt = Interrupt::catch()?;
    match out {
        Some(path) => {
            let opened = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
            let file: File = opened.map_err(|error| match error.kind() {
                io::ErrorKind::AlreadyExists => {
                    Failure::new(format!("{} already exists", path.display()))
                        .hint("choose another file; a recording never replaces one")
                }
                _ => Failure::new(format!("cannot create {}: {error}", path.display())),
            })?;
            Recorder::new(file, keep_text).run(&interrupt)
        }
        None => Recorder::new(io::stdout(), keep_text).run(&interrupt),
    }
}

/// Connects and asks the daemon to send every event it receives.
fn start_recording(daemon_locator: &DaemonLocator) -> Result<Connection, Failure> {
    let mut connection = connect(daemon_locator)?;
    match connection.ask(&Request::Record, REPLY_TIMEOUT) {
        Ok(Reply::Recording) => Ok(connection),
        // The daemon is of an older release.
        Ok(_) | Err(ConnectionError::Refused { .. }) => Err(unexpected_reply()),
        Err(error) => Err(error.into()),
    }
}

/// Writes the events to a recording.
struct Recorder<W> {
    out: W,
    clock: Clock,
    start: Stamp,
    /// Removes the user's text, unless it is kept.
    redactor: Option<Redactor>,
    processes: HashMap<Process, String>,
    events: u64,
}

impl<W: Write + AsFd> Recorder<W> {
    fn new(out: W, keep_text: bool) -> Self {
        let clock = Clock::new();
        Self {
            out,
            clock,
            start: clock.stamp(),
            redactor: (!keep_text).then(Redactor::default),
            processes: HashMap::new(),
            events: 0,
        }
    }

    fn run(mut self, interrupt: &Interrupt) -> Result<ExitCode, Failure> {
        let daemon_locator = daemon_locator()?;
        let mut connection = start_recording(&daemon_locator)?;
        self.write_line(&header())?;
        warn("recording daemon events; press Ctrl-C to end the recording");
        loop {
            match connection.receive_ready() {
                Ok(Some(reply)) => self.record(reply)?,
                Ok(None) if interrupt.readable(connection.stream(), &self.out)? => {}
                Ok(None) => break,
                Err(ConnectionError::Closed) => {
                    warn("the daemon exited; starting a new one");
                    connection = start_recording(&daemon_locator)?;
                }
                Err(error) => return Err(error.into()),
            }
        }
        let plural = if self.events == 1 { "" } else { "s" };
        warn(&format!("recorded {} event{plural}", self.events));
        Ok(ExitCode::SUCCESS)
    }

    fn record(&mut self, reply: Reply) -> Result<(), Failure> {
        let (at, content, skipped) = match reply {
            Reply::Recorded { mut report, skipped } => {
                self.events += 1;
                let at = self.milliseconds(report.stamp);
                let process = report.process.map(|process| self.name_of(process));
                if let Event::UsageReport(usage) = &mut report.event {
                    let then = self.clock.now().wall_of(report.stamp);
                    usage.resets().for_each(|at| *at = Timestamp(at.since(then)));
                }
                if let Some(redactor) = &mut self.redactor {
                    redactor.redact_report(&mut report);
                }
                (at, EntryContent::Reported { report, process }, skipped)
            }
            Reply::Observed { mut observation, skipped } => {
                let seen = observation.seen;
                if let Some(moment) = observation.finding.moment() {
                    let age = if moment.boot == seen.boot {
                        seen.micros.saturating_sub(moment.micros)
                    } else {
                        0
                    };
                    *moment = Stamp { boot: 0, micros: age };
                }
                let process = self.name_of(observation.process);
                if let Some(redactor) = &mut self.redactor {
                    redactor.redact_observation(&mut observation);
                }
                (self.milliseconds(seen), EntryContent::Observed { observation, process }, skipped)
            }
            Reply::Exited { process, stamp, skipped } => {
                let process = self.name_of(process);
                (self.milliseconds(stamp), EntryContent::Exited { process }, skipped)
            }
            _ => return Ok(()),
        };
        if skipped > 0 {
            self.write_line(&json!({ "at": at, "skipped": skipped }).to_string())?;
        }
        let line = Entry { at, content }.encode().map_err(io::Error::from)?;
        Ok(self.write_line(&line)?)
    }

    fn write_line(&mut self, line: &str) -> io::Result<()> {
        writeln!(self.out, "{line}")?;
        self.out.flush()
    }

    /// Returns milliseconds since the start. Uses the current time for a stamp of another boot.
    fn milliseconds(&self, stamp: Stamp) -> i64 {
        let is_ours = stamp.boot == self.start.boot;
        let micros = if is_ours { stamp.micros } else { self.clock.stamp().micros };
        let apart = i64::try_from(micros.abs_diff(self.start.micros) / 1000).unwrap_or(i64::MAX);
        if micros < self.start.micros { -apart } else { apart }
    }

    fn name_of(&mut self, process: Process) -> String {
        let next = self.processes.len() + 1;
        self.processes.entry(process).or_insert_with(|| format!("p{next}")).clone()
    }
}
