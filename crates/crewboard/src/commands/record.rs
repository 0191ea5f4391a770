//! `crewboard record`: what the daemon is told, for a bug report.

use crate::commands::{ANSWER_WITHIN, connect, rendezvous, unexpected};
use crate::failure::Failure;
use crate::recording::file::{Entry, What, header};
use crate::recording::interrupt::Interrupt;
use crate::recording::redact::Redactor;
use crewboard_client::{Conversation, Rendezvous, TalkError};
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

/// Records until told to leave, or until nobody reads.
pub(crate) fn run(out: Option<&Path>, keep_text: bool) -> Result<ExitCode, Failure> {
    let interrupt = Interrupt::catch()?;
    match out {
        Some(path) => {
            let opened = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
            let file: File =
                opened.map_err(|error| Failure::new(format!("{}: {error}", path.display())))?;
            Recorder::new(file, keep_text).run(&interrupt)
        }
        None => Recorder::new(io::stdout(), keep_text).run(&interrupt),
    }
}

/// Asks for all that is taken in.
fn begin(rendezvous: &Rendezvous) -> Result<Conversation, Failure> {
    let mut conversation = connect(rendezvous)?;
    match conversation.ask(&Request::Record, ANSWER_WITHIN) {
        Ok(Reply::Recording) => Ok(conversation),
        // A daemon of an older release.
        Ok(_) | Err(TalkError::Refused { .. }) => Err(unexpected()),
        Err(error) => Err(error.into()),
    }
}

/// Writes down what comes.
struct Recorder<W> {
    out: W,
    clock: Clock,
    start: Stamp,
    /// What replaces the user's words, unless they are kept.
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
        let rendezvous = rendezvous()?;
        let mut conversation = begin(&rendezvous)?;
        self.line(&header())?;
        loop {
            match conversation.receive_ready() {
                Ok(Some(reply)) => self.take(reply)?,
                Ok(None) if interrupt.readable(conversation.stream(), &self.out)? => {}
                Ok(None) => break,
                Err(TalkError::Gone) => {
                    let _ =
                        writeln!(io::stderr(), "crewboard: the daemon went away; starting another");
                    conversation = begin(&rendezvous)?;
                }
                Err(error) => return Err(error.into()),
            }
        }
        let plural = if self.events == 1 { "" } else { "s" };
        let _ = writeln!(io::stderr(), "crewboard: recorded {} event{plural}", self.events);
        Ok(ExitCode::SUCCESS)
    }

    fn take(&mut self, reply: Reply) -> Result<(), Failure> {
        let (at, what, skipped) = match reply {
            Reply::Recorded { mut report, skipped } => {
                self.events += 1;
                let at = self.milliseconds(report.stamp);
                let process = report.process.map(|process| self.name(process));
                if let Event::UsageTold(told) = &mut report.event {
                    let then = self.clock.now().wall_of(report.stamp);
                    told.resets().for_each(|at| *at = Timestamp(at.since(then)));
                }
                if let Some(redactor) = &mut self.redactor {
                    redactor.report(&mut report);
                }
                (at, What::Reported { report, process }, skipped)
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
                let process = self.name(observation.process);
                if let Some(redactor) = &mut self.redactor {
                    redactor.observation(&mut observation);
                }
                (self.milliseconds(seen), What::Observed { observation, process }, skipped)
            }
            Reply::Exited { process, stamp, skipped } => {
                let process = self.name(process);
                (self.milliseconds(stamp), What::Exited { process }, skipped)
            }
            _ => return Ok(()),
        };
        if skipped > 0 {
            self.line(&json!({ "at": at, "skipped": skipped }).to_string())?;
        }
        let line = Entry { at, what }.encode().map_err(io::Error::from)?;
        Ok(self.line(&line)?)
    }

    fn line(&mut self, line: &str) -> io::Result<()> {
        writeln!(self.out, "{line}")?;
        self.out.flush()
    }

    /// Milliseconds from the start; the present ones for a stamp of another boot.
    fn milliseconds(&self, stamp: Stamp) -> i64 {
        let is_ours = stamp.boot == self.start.boot;
        let micros = if is_ours { stamp.micros } else { self.clock.stamp().micros };
        let apart = i64::try_from(micros.abs_diff(self.start.micros) / 1000).unwrap_or(i64::MAX);
        if micros < self.start.micros { -apart } else { apart }
    }

    fn name(&mut self, process: Process) -> String {
        let next = self.processes.len() + 1;
        self.processes.entry(process).or_insert_with(|| format!("p{next}")).clone()
    }
}
