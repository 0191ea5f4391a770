//! Plays a recording into a daemon through its socket, as hooks would, at the times it says.

use crate::commands::{ANSWER_WITHIN, connect};
use crate::failure::Failure;
use crate::recording::file::{Entry, What};
use crate::recording::interrupt::Interrupt;
use crewboard_client::{Conversation, Rendezvous, TalkError};
use crewboard_core::{Event, Process, Report, Stamp};
use crewboard_platform::{Clock, Deadline, process_of};
use crewboard_protocol::{EventLine, ObservationLine, PROTOCOL, Reply, Request};
use std::collections::HashMap;
use std::env;
use std::io;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long the daemon may take to hear that a process has ended.
const END_WITHIN: Duration = Duration::from_secs(2);

/// Placeholders at once: a made-up file must not fill the process table. What is of further processes
/// has none, and cannot be watched.
const MAX_PLACEHOLDERS: usize = 256;

/// How a recording is to be played.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    /// How many times as fast as it happened.
    pub(crate) speed: f64,
    /// The moment, in milliseconds of the recording, that is now: what was before comes at once.
    pub(crate) from: i64,
    /// That moment is also the last.
    pub(crate) holds: bool,
}

/// A process that stands for a recorded one: it lives until it is killed or we are gone.
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
        let Some(process) = process_of(child.id()) else {
            let _ = child.kill();
            let _ = child.wait();
            return Err(io::ErrorKind::NotFound.into());
        };
        Ok(Self { child, process })
    }

    fn end(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Placeholder {
    fn drop(&mut self) {
        self.end();
    }
}

/// Plays one recording.
#[derive(Debug)]
pub(crate) struct Player {
    entries: std::vec::IntoIter<Entry>,
    next: Option<Entry>,
    pace: Pace,
    clock: Clock,
    /// The moment `pace.from`.
    began: (Instant, Stamp),
    latest: u64,
    tells: Conversation,
    /// Hears what the daemon makes of it.
    hears: Conversation,
    placeholders: HashMap<String, Placeholder>,
}

impl Player {
    /// Connects to the daemon and plays what was before the present moment.
    pub(crate) fn begin(
        rendezvous: &Rendezvous,
        entries: Vec<Entry>,
        pace: Pace,
    ) -> Result<Self, Failure> {
        let tells = connect(rendezvous)?;
        let mut hears = connect(rendezvous)?;
        hears.ask(&Request::Record, ANSWER_WITHIN)?;
        let clock = Clock::new();
        if pace.holds {
            // Views tell ages by whole seconds of the wall clock: begun on one, a moment that is held
            // looks the same each time.
            std::thread::sleep(Duration::from_millis(1000 - clock.now().wall.0 % 1000));
        }
        let began = (Instant::now(), clock.stamp());
        let mut entries = entries.into_iter();
        let next = entries.next();
        let placeholders = HashMap::new();
        let mut player =
            Self { entries, next, pace, clock, began, latest: 0, tells, hears, placeholders };
        while let Some(entry) = player.next.take_if(|entry| entry.at <= pace.from) {
            player.act(entry)?;
            player.next = player.entries.next();
        }
        player.settle()?;
        Ok(player)
    }

    /// Plays the rest, each at its time; false if interrupted.
    pub(crate) fn go_on(&mut self, interrupt: &Interrupt) -> Result<bool, Failure> {
        while !self.pace.holds
            && let Some(entry) = self.next.take()
        {
            let ahead = Duration::from_millis(entry.at.abs_diff(self.pace.from));
            let due = self.began.0 + ahead.div_f64(self.pace.speed);
            if !interrupt.sleep_until(Some(due))? {
                return Ok(false);
            }
            self.act(entry)?;
            self.next = self.entries.next();
        }
        self.settle()?;
        Ok(true)
    }

    fn act(&mut self, entry: Entry) -> Result<(), Failure> {
        match entry.what {
            What::Reported { mut report, process } => {
                report.stamp = self.stamp(entry.at);
                report.process = process.map(|name| self.process(name)).transpose()?.flatten();
                if let Event::UsageTold(told) = &mut report.event {
                    let then = self.clock.now().wall_of(report.stamp);
                    told.resets().for_each(|at| at.0 = at.0.saturating_add(then.0));
                }
                self.report(report)?;
            }
            What::Observed { mut observation, process } => {
                observation.seen = self.stamp(entry.at);
                let seen = observation.seen;
                if let Some(moment) = observation.finding.moment() {
                    let micros = seen.micros.saturating_sub(moment.micros);
                    *moment = Stamp { micros, ..seen };
                }
                // One that no placeholder stands for cannot be told of.
                if let Some(process) = self.process(process)? {
                    observation.process = process;
                    let hook_pid = std::process::id();
                    let line = ObservationLine { hook_pid, observation };
                    self.tells.send(&Request::Observe(line))?;
                }
            }
            What::Exited { process } => self.end(&process)?,
        }
        // What is not read would be held for us.
        while self.hears.receive_ready()?.is_some() {}
        Ok(())
    }

    fn report(&self, report: Box<Report>) -> Result<(), TalkError> {
        // Our own number: the daemon believes no process that another pid namespace names.
        self.tells.send(&Request::Event(EventLine { hook_pid: std::process::id(), report }))
    }

    /// When the daemon is to think that it was. Never the same twice, for the order is in it.
    fn stamp(&mut self, at: i64) -> Stamp {
        let now = self.began.1;
        let micros = if at > self.pace.from {
            self.clock.stamp().micros
        } else {
            now.micros.saturating_sub(at.abs_diff(self.pace.from).saturating_mul(1000))
        };
        self.latest = micros.max(self.latest + 1);
        Stamp { boot: now.boot, micros: self.latest }
    }

    /// The process that stands for the one of that name.
    fn process(&mut self, name: String) -> io::Result<Option<Process>> {
        if let Some(placeholder) = self.placeholders.get(&name) {
            return Ok(Some(placeholder.process));
        }
        if self.placeholders.len() == MAX_PLACEHOLDERS {
            return Ok(None);
        }
        let placeholder = Placeholder::start()?;
        let process = placeholder.process;
        self.placeholders.insert(name, placeholder);
        Ok(Some(process))
    }

    /// Ends a process and waits until the daemon knows, so that what comes next comes after.
    fn end(&mut self, name: &str) -> Result<(), Failure> {
        self.settle()?;
        // Of one that no event named the daemon knows nothing.
        let Some(placeholder) = self.placeholders.get_mut(name) else { return Ok(()) };
        placeholder.end();
        let deadline = Deadline::after(END_WITHIN);
        while !deadline.has_passed() {
            match self.hears.receive(Some(deadline.remaining().max(Duration::from_millis(1)))) {
                Ok(Reply::Exited { process, .. }) if process == placeholder.process => break,
                Ok(_) | Err(TalkError::Silent(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Waits until the daemon has taken in all it was told.
    fn settle(&mut self) -> Result<(), TalkError> {
        self.tells.ask(&Request::Hello { protocol: PROTOCOL }, ANSWER_WITHIN).map(|_| ())
    }
}
