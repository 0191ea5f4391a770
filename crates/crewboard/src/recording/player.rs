//! Sends a recording to a daemon through its socket, as hooks would, at the recorded times.

use crate::daemon_client::{REPLY_TIMEOUT, connect};
use crate::failure::Failure;
use crate::recording::file::{Entry, EntryContent};
use crate::recording::interrupt::Interrupt;
use crewboard_client::{Connection, ConnectionError, DaemonLocator};
use crewboard_core::{Event, Process, Report, Stamp};
use crewboard_platform::{Clock, Deadline, find_process};
use crewboard_protocol::{EventLine, ObservationLine, Reply, Request};
use std::collections::HashMap;
use std::env;
use std::io;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Time limit for the daemon to notice the end of a process.
const EXIT_TIMEOUT: Duration = Duration::from_secs(2);

/// Placeholder processes at once, so that a hostile file cannot fill the process table. Further recorded processes
/// get no placeholder and cannot be watched.
const MAX_PLACEHOLDERS: usize = 256;

/// The speed of a player, and the moment at which it starts.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    /// The playback speed.
    pub(crate) speed: f64,
    /// The moment, in milliseconds of the recording, at which playing starts. Earlier entries are sent at once.
    pub(crate) from: i64,
    /// Pauses at that moment.
    pub(crate) pauses: bool,
}

/// A process that represents a recorded one. It runs until it is killed or this program exits.
#[derive(Debug)]
struct Placeholder {
    child: Child,
    process: Process,
}

impl Placeholder {
    fn start() -> io::Result<Self> {
        let mut child = Command::new(env::current_exe()?)
            .arg("placeholder")
            .env_clear()
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let Some(process) = find_process(child.id()) else {
            let _ = child.kill();
            let _ = child.wait();
            return Err(io::Error::other("a placeholder process exited at once"));
        };
        Ok(Self { child, process })
    }

    fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Placeholder {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Plays one recording.
#[derive(Debug)]
pub(crate) struct Player {
    entries: std::vec::IntoIter<Entry>,
    next: Option<Entry>,
    pace: Pace,
    clock: Clock,
    /// The times of the moment `pace.from`.
    started: (Instant, Stamp),
    latest: u64,
    sender: Connection,
    /// Receives what the daemon records.
    recorder: Connection,
    placeholders: HashMap<String, Placeholder>,
}

impl Player {
    /// Connects to the daemon and sends the entries before `pace.from`.
    pub(crate) fn start(
        daemon_locator: &DaemonLocator,
        entries: Vec<Entry>,
        pace: Pace,
    ) -> Result<Self, Failure> {
        let sender = connect(daemon_locator)?;
        let mut recorder = connect(daemon_locator)?;
        recorder.ask(&Request::Record, REPLY_TIMEOUT)?;
        let clock = Clock::new();
        if pace.pauses {
            // Boards show ages in whole seconds of the wall clock. Starting on a whole second makes a paused
            // recording look the same every time.
            std::thread::sleep(Duration::from_millis(1000 - clock.now().wall.0 % 1000));
        }
        let started = (Instant::now(), clock.stamp());
        let mut entries = entries.into_iter();
        let next = entries.next();
        let placeholders = HashMap::new();
        let mut player =
            Self { entries, next, pace, clock, started, latest: 0, sender, recorder, placeholders };
        while let Some(entry) = player.next.take_if(|entry| entry.at <= pace.from) {
            player.send_entry(entry)?;
            player.next = player.entries.next();
        }
        player.wait_for_daemon()?;
        Ok(player)
    }

    /// Sends the remaining entries at their times. Returns false if it is interrupted.
    pub(crate) fn play(&mut self, interrupt: &Interrupt) -> Result<bool, Failure> {
        while !self.pace.pauses
            && let Some(entry) = self.next.take()
        {
            let ahead = Duration::from_millis(entry.at.abs_diff(self.pace.from));
            let due = self.started.0 + ahead.div_f64(self.pace.speed);
            if !interrupt.sleep_until(Some(due))? {
                return Ok(false);
            }
            self.send_entry(entry)?;
            self.next = self.entries.next();
        }
        self.wait_for_daemon()?;
        Ok(true)
    }

    fn send_entry(&mut self, entry: Entry) -> Result<(), Failure> {
        match entry.content {
            EntryContent::Reported { mut report, process } => {
                report.stamp = self.stamp(entry.at);
                report.process = process.map(|name| self.process(name)).transpose()?.flatten();
                if let Event::UsageReport(usage) = &mut report.event {
                    let then = self.clock.now().wall_of(report.stamp);
                    usage.resets().for_each(|at| at.0 = at.0.saturating_add(then.0));
                }
                self.send_report(report)?;
            }
            EntryContent::Observed { mut observation, process } => {
                observation.seen = self.stamp(entry.at);
                let seen = observation.seen;
                if let Some(moment) = observation.finding.moment() {
                    let micros = seen.micros.saturating_sub(moment.micros);
                    *moment = Stamp { micros, ..seen };
                }
                // Without a placeholder, there is no process to observe.
                if let Some(process) = self.process(process)? {
                    observation.process = process;
                    let hook_pid = std::process::id();
                    let line = ObservationLine { hook_pid, observation };
                    self.sender.send(&Request::Observe(line))?;
                }
            }
            EntryContent::Exited { process } => self.end_process(&process)?,
        }
        // The daemon queues what this program does not read.
        while self.recorder.receive_ready()?.is_some() {}
        Ok(())
    }

    fn send_report(&self, report: Box<Report>) -> Result<(), ConnectionError> {
        // The daemon rejects a process id that comes from another pid namespace.
        self.sender.send(&Request::Event(EventLine { hook_pid: std::process::id(), report }))
    }

    /// Returns the stamp for a moment of the recording. Every stamp is later than the one before, to keep the order.
    fn stamp(&mut self, at: i64) -> Stamp {
        let now = self.started.1;
        let micros = if at > self.pace.from {
            self.clock.stamp().micros
        } else {
            now.micros.saturating_sub(at.abs_diff(self.pace.from).saturating_mul(1000))
        };
        self.latest = micros.max(self.latest + 1);
        Stamp { boot: now.boot, micros: self.latest }
    }

    /// Returns the placeholder process for a recorded process.
    fn process(&mut self, name: String) -> Result<Option<Process>, Failure> {
        if let Some(placeholder) = self.placeholders.get(&name) {
            return Ok(Some(placeholder.process));
        }
        if self.placeholders.len() == MAX_PLACEHOLDERS {
            return Ok(None);
        }
        let placeholder = Placeholder::start().map_err(|error| {
            Failure::new(format!("cannot start a process for the recording: {error}"))
        })?;
        let process = placeholder.process;
        self.placeholders.insert(name, placeholder);
        Ok(Some(process))
    }

    /// Ends a process and waits until the daemon has noticed, so that later entries arrive later.
    fn end_process(&mut self, name: &str) -> Result<(), Failure> {
        self.wait_for_daemon()?;
        // The daemon does not know a process that no event named.
        let Some(placeholder) = self.placeholders.get_mut(name) else { return Ok(()) };
        placeholder.kill();
        let deadline = Deadline::after(EXIT_TIMEOUT);
        while !deadline.has_passed() {
            match self.recorder.receive(Some(deadline.remaining().max(Duration::from_millis(1)))) {
                Ok(Reply::Exited { process, .. }) if process == placeholder.process => break,
                Ok(_) | Err(ConnectionError::TimedOut(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Waits until the daemon has handled everything that was sent.
    fn wait_for_daemon(&mut self) -> Result<(), ConnectionError> {
        self.sender.ask(&Request::HELLO, REPLY_TIMEOUT).map(drop)
    }
}
