//! Reports the program to the daemon, and never waits for it.

use crate::buffer::Buffer;
use crate::outbox::Outbox;
use crate::retry_delay::RetryDelay;
use crewboard_client::DaemonLocator;
use crewboard_core::{Event, Process, ProgramEnd, ProgramRecord, Report, Stamp};
use crewboard_platform::{Clock, Deadline, find_process};
use crewboard_protocol::{EventLine, Request};
use rustix::event::PollFlags;
use rustix::io::Errno;
use rustix::net::{RecvFlags, recv};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

/// Reports that are sent without a pause, and the time for one more. A program may report as often as it likes.
const MAX_BURST: u32 = 64;
const REPORT_INTERVAL: Duration = Duration::from_millis(50);

/// Bytes of an encoded report with the longest texts.
const LINE_BYTES: usize = 16 * 1024;

/// The connection to the daemon, and what it has to get.
#[derive(Debug)]
pub(crate) struct Reporter {
    /// `None` if there is no place for a daemon. The program runs without one.
    locator: Option<DaemonLocator>,
    clock: Clock,
    /// The report without an event: the agent, the directory and the place.
    template: Report,
    /// The start of the program.
    started: Option<(Process, Stamp)>,
    is_start_sent: bool,
    outbox: Outbox,
    end: Option<(ProgramEnd, Stamp)>,
    stream: Option<UnixStream>,
    outgoing: Buffer,
    next_attempt: Option<Instant>,
    retry_delay: RetryDelay,
    burst: u32,
    /// The time up to which `burst` has grown.
    grown: Instant,
}

impl Reporter {
    pub(crate) fn new(locator: Option<DaemonLocator>, template: Report) -> Self {
        Self {
            locator,
            clock: Clock::new(),
            template,
            started: None,
            is_start_sent: false,
            outbox: Outbox::default(),
            end: None,
            stream: None,
            outgoing: Buffer::default(),
            next_attempt: None,
            retry_delay: RetryDelay::default(),
            burst: MAX_BURST,
            grown: Instant::now(),
        }
    }

    /// Reports that the program has started.
    pub(crate) fn start(&mut self, pid: u32) {
        // A program that has ended already is not worth a session.
        let Some(process) = find_process(pid) else { return };
        self.started = Some((process, self.clock.stamp()));
        self.connect(Instant::now());
    }

    /// Reports a record of the program.
    pub(crate) fn add(&mut self, record: ProgramRecord) {
        self.outbox.add(record, self.clock.stamp());
    }

    /// Reports that a shell shows its prompt, so that no program of it runs.
    pub(crate) fn end_at_prompt(&mut self) {
        self.outbox.end_at_prompt(self.clock.stamp());
    }

    /// Reports that the terminal was reset.
    pub(crate) fn reset(&mut self) {
        self.outbox.reset(self.clock.stamp());
    }

    /// Reports the end of the program. Sends everything that the daemon takes at once.
    pub(crate) fn finish(&mut self, end: ProgramEnd) {
        self.end = Some((end, self.clock.stamp()));
        self.burst = MAX_BURST;
        self.send(Instant::now());
    }

    /// Returns the connection, and what to wait for.
    pub(crate) fn interest(&self) -> Option<(&UnixStream, PollFlags)> {
        let stream = self.stream.as_ref()?;
        let wants_to_write = !self.outgoing.is_empty();
        let write = if wants_to_write { PollFlags::OUT } else { PollFlags::empty() };
        Some((stream, PollFlags::IN | write))
    }

    /// Returns how long the reporter can wait.
    pub(crate) fn timeout(&self, now: Instant) -> Option<Duration> {
        if self.stream.is_none() {
            return Some(self.next_attempt?.saturating_duration_since(now));
        }
        let waits = self.outgoing.is_empty() && self.outbox.is_pending();
        waits.then(|| (self.grown + REPORT_INTERVAL).saturating_duration_since(now))
    }

    /// Does what can be done now. `is_ready` means that the connection is.
    pub(crate) fn serve(&mut self, is_ready: bool, now: Instant) {
        if is_ready {
            self.discard_replies(now);
        }
        if self.stream.is_none() && self.next_attempt.is_some_and(|at| at <= now) {
            self.connect(now);
        }
        self.send(now);
    }

    /// Connects, and starts a daemon if there is something to report and none runs.
    fn connect(&mut self, now: Instant) {
        let Some(locator) = &self.locator else { return };
        let has_news = !self.is_start_sent || self.outbox.is_pending();
        let result = if has_news {
            // The deadline ends waiting, and not the attempts that do not wait.
            locator.connect_or_start(Deadline::after(Duration::ZERO))
        } else {
            locator.connect()
        };
        match result {
            Ok(stream) if stream.set_nonblocking(true).is_ok() => {
                self.stream = Some(stream);
                self.next_attempt = None;
                self.retry_delay.note_connection(now);
                self.is_start_sent = false;
                self.outbox.send_again();
                self.send(now);
            }
            _ => self.next_attempt = Some(self.retry_delay.next_attempt(now)),
        }
    }

    /// The daemon replies nothing to events, but an error may come, and the end of the connection.
    fn discard_replies(&mut self, now: Instant) {
        let Some(stream) = &self.stream else { return };
        let mut buffer = [0; 512];
        loop {
            match recv(stream, &mut buffer, RecvFlags::DONTWAIT) {
                Ok((_, count)) if count > 0 => {}
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return,
                _ => break,
            }
        }
        self.stream = None;
        self.outgoing.clear();
        self.next_attempt = Some(self.retry_delay.next_attempt(now));
    }

    /// Sends what the daemon has to get, as far as its socket takes it.
    fn send(&mut self, now: Instant) {
        while self.burst < MAX_BURST && self.grown + REPORT_INTERVAL <= now {
            self.burst += 1;
            self.grown += REPORT_INTERVAL;
        }
        if self.burst == MAX_BURST {
            self.grown = now;
        }
        while let Some(stream) = &self.stream {
            self.outgoing.write_to(stream);
            if !self.outgoing.is_empty() || self.burst == 0 {
                return;
            }
            let Some((event, stamp)) = self.next_event() else { return };
            let Some((process, _)) = self.started else { return };
            let report = Report { stamp, process: Some(process), event, ..self.template.clone() };
            let report = Box::new(report);
            let line = Request::Event(EventLine { hook_pid: std::process::id(), report }).encode();
            debug_assert!(line.len() <= LINE_BYTES, "{} bytes", line.len());
            self.outgoing.push(&line);
            self.burst -= 1;
        }
    }

    /// Returns the next event for the daemon.
    fn next_event(&mut self) -> Option<(Event, Stamp)> {
        let (_, started) = self.started?;
        if !self.is_start_sent {
            self.is_start_sent = true;
            return Some((Event::ProgramStarted, started));
        }
        if let Some(entry) = self.outbox.take() {
            return Some((Event::ProgramReported(entry.record), entry.stamp));
        }
        let (end, stamp) = self.end.take()?;
        Some((Event::ProgramExited(end), stamp))
    }
}
