//! The relay: passes bytes, sizes, signals and suspensions between the user's terminal and the pseudo-terminal.

use crate::buffer::Buffer;
use crate::handshake::Handshake;
use crate::monitor_message::Message;
use crate::outer_terminal::OuterTerminal;
use crate::record::{Sequence, parse};
use crate::reporter::Reporter;
use crate::scanner::{Piece, Scanner};
use crate::signals::Signals;
use crewboard_client::DaemonLocator;
use crewboard_core::{ProgramEnd, Report};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Mode, OFlags, fcntl_setfl, open};
use rustix::io::{Errno, read};
use rustix::process::{Pid, Signal, kill_current_process_group, kill_process_group};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{OptionalActions, tcsetattr, tcsetwinsize};
use signal_hook::consts::{SIGCONT, SIGWINCH};
use std::ffi::OsString;
use std::io::{self, IsTerminal as _};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

/// The hidden command of this program that calls [`run_monitor`](crate::run_monitor).
pub const MONITOR_COMMAND: &str = "run-monitor";

/// Bytes of one read of output. A pseudo-terminal of Linux gives at most 4095 at once.
const OUTPUT_BYTES: usize = 4096;

/// Bytes of a read after which more output is expected. A terminal takes the output of a program in pieces of 2048 bytes.
const MORE_BYTES: usize = 2048;

/// Bytes of one read of input.
const INPUT_BYTES: usize = 4096;

/// Reads of output that are written together.
const READS: usize = 2;

/// Maximum bytes that are read after the end of the program. The kernel holds less, and a process that the program left in
/// the background may write for ever.
const MAX_FINAL_READ: usize = 1 << 20;

/// The end of the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It exited with this code.
    Exited(i32),
    /// This signal killed it.
    Killed(i32),
}

/// The reason why the program did not run.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The program cannot be started.
    #[error("{0}")]
    Program(io::Error),
    /// There is no pseudo-terminal for it. It was not started.
    #[error("cannot open a pseudo-terminal: {0}")]
    Terminal(#[from] io::Error),
    /// The relay cannot go on.
    #[error("cannot wait for the terminal: {0}")]
    Wait(io::Error),
}

/// Returns true if the user's terminal is on standard input and standard output. Elsewhere there is nothing to relay.
pub fn has_terminal() -> bool {
    io::stdin().is_terminal() && io::stdout().is_terminal()
}

/// The program to run, and the daemon that gets its reports.
#[derive(Debug)]
pub struct Run<'a> {
    /// The program and its arguments.
    pub words: &'a [OsString],
    /// Finds the daemon. The program runs without one too.
    pub locator: Option<DaemonLocator>,
    /// The report without an event: the agent, the directory and the place.
    pub template: Report,
}

/// Runs the program on a pseudo-terminal until it ends.
pub fn run(run: Run<'_>) -> Result<Outcome, RunError> {
    let mut relay = Relay::start(run)?;
    let outcome = relay.serve();
    relay.terminal.restore();
    if let Ok(outcome) = outcome {
        relay.reporter.finish(match outcome {
            Outcome::Exited(code) => ProgramEnd { code: Some(code), signal: None },
            Outcome::Killed(signal) => ProgramEnd { code: None, signal: Some(signal) },
        });
    }
    // The monitor has reported the end, and is about to exit.
    let _ = relay.monitor.wait();
    outcome
}

/// A running program with its pseudo-terminal.
struct Relay {
    terminal: OuterTerminal,
    /// The relay's side of the pseudo-terminal. It does not block. `None` after its end.
    pseudo_terminal: Option<OwnedFd>,
    monitor: Child,
    monitor_pipe: OwnedFd,
    signals: Signals,
    reporter: Reporter,
    handshake: Handshake,
    scanner: Scanner,
    to_terminal: Buffer,
    to_program: Buffer,
    chunk: Box<[u8]>,
    /// The program, which leads a process group.
    program: Option<Pid>,
    outcome: Option<Outcome>,
    /// The user's terminal gives no more input.
    input_ended: bool,
}

/// Opens a pseudo-terminal. Returns both sides, the relay's first.
fn open_pseudo_terminal(terminal: &OuterTerminal) -> io::Result<(OwnedFd, OwnedFd)> {
    let relay_side = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)?;
    grantpt(&relay_side)?;
    unlockpt(&relay_side)?;
    let path = ptsname(&relay_side, Vec::new())?;
    let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
    let program_side = open(path, flags, Mode::empty())?;
    if let Ok(modes) = terminal.modes() {
        tcsetattr(&program_side, OptionalActions::Now, &modes)?;
    }
    if let Ok(size) = terminal.size() {
        tcsetwinsize(&relay_side, size)?;
    }
    fcntl_setfl(&relay_side, OFlags::NONBLOCK)?;
    Ok((relay_side, program_side))
}

/// Starts the monitor. Returns it with the pipe that it reports to.
fn start_monitor(words: &[OsString], program_side: OwnedFd) -> io::Result<(Child, OwnedFd)> {
    let (reader, writer) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)?;
    // The program keeps a standard error that is a file.
    let errors = if io::stderr().is_terminal() {
        Stdio::from(program_side.try_clone()?)
    } else {
        Stdio::inherit()
    };
    // This path leads to the running program, even if an update has replaced its file.
    let program =
        if cfg!(target_os = "linux") { "/proc/self/exe".into() } else { std::env::current_exe()? };
    let monitor = Command::new(program)
        .arg0("crewboard")
        .arg(MONITOR_COMMAND)
        .args(words)
        .stdin(Stdio::from(program_side))
        .stdout(Stdio::from(writer))
        .stderr(errors)
        .spawn()?;
    Ok((monitor, reader))
}

impl Relay {
    fn start(run: Run<'_>) -> Result<Self, RunError> {
        let mut terminal = OuterTerminal::open()?;
        let (relay_side, program_side) = open_pseudo_terminal(&terminal)?;
        let (monitor, monitor_pipe) = start_monitor(run.words, program_side)?;
        // The handlers come after the start, so that the program inherits which signals are ignored.
        let signals = Signals::register().map_err(RunError::Wait)?;
        terminal.enter_raw_mode();
        let relay = Self {
            terminal,
            pseudo_terminal: Some(relay_side),
            monitor,
            monitor_pipe,
            signals,
            reporter: Reporter::new(run.locator, run.template),
            handshake: Handshake::default(),
            scanner: Scanner::default(),
            to_terminal: Buffer::with_capacity(READS * OUTPUT_BYTES),
            to_program: Buffer::with_capacity(2 * INPUT_BYTES),
            chunk: vec![0; OUTPUT_BYTES].into(),
            program: None,
            outcome: None,
            input_ended: false,
        };
        relay.adopt_size();
        Ok(relay)
    }

    /// Relays until the program has ended and everything that it wrote is on the user's terminal.
    fn serve(&mut self) -> Result<Outcome, RunError> {
        loop {
            if let Some(outcome) = self.outcome {
                self.finish_output();
                return Ok(outcome);
            }
            let ready = self.wait().map_err(RunError::Wait)?;
            if ready.signals {
                self.handle_signals();
            }
            if ready.output {
                self.read_output();
            }
            if ready.input {
                self.read_input();
            } else if self.handshake.input_timeout().is_some() && ready.is_timeout {
                self.handshake.flush_input(&mut self.to_program);
            }
            self.write();
            self.reporter.serve(ready.daemon, Instant::now());
            // The monitor comes last, because its message ends what came before.
            if ready.monitor {
                self.handle_monitor()?;
            }
        }
    }

    /// Waits until something can be done.
    fn wait(&self) -> io::Result<Ready> {
        let timeouts = [self.handshake.input_timeout(), self.reporter.timeout(Instant::now())];
        let timeout = timeouts.into_iter().flatten().min();
        let timeout = timeout.and_then(|timeout| Timespec::try_from(timeout).ok());
        let (input, output) = (self.terminal.input(), self.terminal.output());
        let nothing = PollFlags::empty();
        let mut polled = [
            PollFd::new(&self.signals, PollFlags::IN),
            PollFd::new(&self.monitor_pipe, PollFlags::IN),
            PollFd::from_borrowed_fd(input, nothing),
            PollFd::from_borrowed_fd(input, nothing),
            PollFd::from_borrowed_fd(input, nothing),
            PollFd::from_borrowed_fd(input, nothing),
        ];
        let mut count = 2;
        let mut add = |descriptor, flags: PollFlags| {
            // A descriptor that nothing is wanted of would still report its end again and again.
            if flags.is_empty() {
                return None;
            }
            let place = polled.get_mut(count)?;
            *place = PollFd::from_borrowed_fd(descriptor, flags);
            count += 1;
            Some(count - 1)
        };
        let wants = |is_wanted: bool, flag: PollFlags| if is_wanted { flag } else { nothing };
        let program = self.pseudo_terminal.as_ref().and_then(|program| {
            let flags = wants(self.to_terminal.is_empty(), PollFlags::IN)
                | wants(!self.to_program.is_empty(), PollFlags::OUT);
            add(program.as_fd(), flags)
        });
        // A key such as Ctrl-Z acts on the foreground, so keys wait until the monitor has moved the program there.
        let takes_keys = self.program.is_some() && self.terminal.is_raw();
        let wants_input = takes_keys && !self.input_ended && self.to_program.is_empty();
        let typed = add(input, wants(wants_input, PollFlags::IN));
        add(output, wants(!self.to_terminal.is_empty(), PollFlags::OUT));
        let daemon = self.reporter.interest();
        let daemon = daemon.and_then(|(stream, flags)| add(stream.as_fd(), flags));
        let polled = polled.get_mut(..count).unwrap_or_default();
        let is_timeout = match poll(polled, timeout.as_ref()) {
            Ok(count) => count == 0,
            Err(Errno::INTR) => return Ok(Ready { signals: true, ..Ready::default() }),
            Err(error) => return Err(error.into()),
        };
        let revents =
            |at: Option<usize>| at.and_then(|at| polled.get(at)).map_or(nothing, PollFd::revents);
        let readable = PollFlags::IN | PollFlags::HUP | PollFlags::ERR;
        Ok(Ready {
            signals: revents(Some(0)).intersects(readable),
            monitor: revents(Some(1)).intersects(readable),
            output: revents(program).intersects(readable) && self.to_terminal.is_empty(),
            input: revents(typed).intersects(readable),
            daemon: !revents(daemon).is_empty(),
            is_timeout,
        })
    }

    /// Reads the available output, and passes on what belongs to the user's terminal.
    /// Returns the number of bytes.
    fn read_output(&mut self) -> usize {
        let mut total = 0;
        for _ in 0..READS {
            let Some(program) = &self.pseudo_terminal else { break };
            match read(program, &mut *self.chunk) {
                Ok(count) if count > 0 => {
                    total += count;
                    let bytes = self.chunk.get(..count).unwrap_or_default();
                    let (handshake, to_terminal) = (&mut self.handshake, &mut self.to_terminal);
                    let (to_program, reporter) = (&mut self.to_program, &mut self.reporter);
                    self.scanner.feed(bytes, &mut |piece| match piece {
                        Piece::Bytes(bytes) => to_terminal.push(bytes),
                        Piece::Status { raw, body } => match parse(body) {
                            Some(Sequence::Query) => {
                                let buffers = (&mut *to_terminal, &mut *to_program);
                                handshake.handle_query(raw, Instant::now(), buffers);
                            }
                            Some(Sequence::Record(record)) => {
                                reporter.add(record);
                                handshake.handle_report(raw, Instant::now(), to_terminal);
                            }
                            None => handshake.handle_report(raw, Instant::now(), to_terminal),
                        },
                        Piece::PromptStart => reporter.end_at_prompt(),
                        Piece::Reset => reporter.reset(),
                    });
                    // Another read would find nothing, and the echo of a key must not wait for it.
                    if count < MORE_BYTES {
                        break;
                    }
                }
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => break,
                // No process has the pseudo-terminal open any more.
                _ => self.pseudo_terminal = None,
            }
        }
        total
    }

    fn read_input(&mut self) {
        let bytes = self.chunk.get_mut(..INPUT_BYTES).unwrap_or_default();
        match read(self.terminal.input(), bytes) {
            Ok(count) if count > 0 => {
                let bytes = self.chunk.get(..count).unwrap_or_default();
                let buffers = (&mut self.to_terminal, &mut self.to_program);
                self.handshake.pass_input(bytes, Instant::now(), buffers);
            }
            Err(Errno::INTR | Errno::AGAIN) => {}
            // The terminal is gone. The kernel sends SIGHUP, which is passed on.
            _ => self.input_ended = true,
        }
    }

    fn write(&mut self) {
        if !self.to_terminal.is_empty() {
            self.to_terminal.write_to(self.terminal.output());
        }
        match &self.pseudo_terminal {
            Some(program) if !self.to_program.is_empty() => self.to_program.write_to(program),
            Some(_) => {}
            None => self.to_program.clear(),
        }
    }

    /// Writes everything that the program wrote before now. Waits for the user's terminal.
    fn finish_output(&mut self) {
        let mut left = MAX_FINAL_READ;
        loop {
            if self.to_terminal.is_empty() {
                let count = if left > 0 { self.read_output() } else { 0 };
                left = left.saturating_sub(count);
                if count > 0 && self.to_terminal.is_empty() {
                    continue;
                }
                if count == 0 {
                    let to_terminal = &mut self.to_terminal;
                    self.scanner.flush(&mut |piece| {
                        if let Piece::Bytes(bytes) = piece {
                            to_terminal.push(bytes);
                        }
                    });
                }
                if self.to_terminal.is_empty() {
                    return;
                }
            }
            self.to_terminal.write_to(self.terminal.output());
            if !self.to_terminal.is_empty() {
                let mut polled = [
                    PollFd::from_borrowed_fd(self.terminal.output(), PollFlags::OUT),
                    PollFd::new(&self.signals, PollFlags::IN),
                ];
                let _ = poll(&mut polled, None);
                let is_caught = polled.get(1).is_some_and(|signals| !signals.revents().is_empty());
                // The user gives up on a terminal that takes nothing.
                if is_caught && self.handle_signals() {
                    self.to_terminal.clear();
                }
            }
        }
    }

    /// Handles the signals that were caught. Returns true if any was passed on to the program.
    fn handle_signals(&mut self) -> bool {
        // The signals stay until the monitor has reported the process id.
        if self.program.is_none() {
            self.signals.collect();
            return false;
        }
        let mut is_passed_on = false;
        for signal in self.signals.take() {
            match signal {
                SIGWINCH => self.adopt_size(),
                SIGCONT => {
                    self.terminal.enter_raw_mode();
                    self.adopt_size();
                }
                signal => {
                    if let Some(signal) = Signal::from_named_raw(signal) {
                        self.signal_program(signal);
                        is_passed_on = true;
                    }
                }
            }
        }
        is_passed_on
    }

    /// Sends a signal to the program's process group, as the kernel and shells do to a job.
    fn signal_program(&self, signal: Signal) {
        if let Some(program) = self.program {
            let _ = kill_process_group(program, signal);
        }
    }

    /// Gives the pseudo-terminal the size of the user's terminal. The kernel tells the program.
    fn adopt_size(&self) {
        if let (Ok(size), Some(program)) = (self.terminal.size(), &self.pseudo_terminal) {
            let _ = tcsetwinsize(program, size);
        }
    }

    fn handle_monitor(&mut self) -> Result<(), RunError> {
        match Message::receive(&self.monitor_pipe) {
            Some(Message::Started(pid)) => {
                self.program = Pid::from_raw(pid);
                self.handle_signals();
                self.reporter.start(pid.unsigned_abs());
            }
            Some(Message::Failed(error)) => {
                return Err(RunError::Program(io::Error::from_raw_os_error(error)));
            }
            Some(Message::Stopped) => self.suspend(),
            Some(Message::Exited(code)) => self.outcome = Some(Outcome::Exited(code)),
            Some(Message::Killed(signal)) => self.outcome = Some(Outcome::Killed(signal)),
            // The monitor was killed, and the kernel ends its session.
            None => self.outcome = Some(Outcome::Killed(Signal::HUP.as_raw())),
        }
        Ok(())
    }

    /// Suspends this job as the program is suspended, and continues the program afterwards.
    fn suspend(&mut self) {
        self.finish_output();
        self.terminal.restore();
        // The whole job, as Ctrl-Z does. This call returns when the job continues, or at once if nothing could continue
        // it: then the kernel suspends no program either.
        let _ = kill_current_process_group(Signal::TSTP);
        self.signals.forget_continued();
        self.terminal.enter_raw_mode();
        self.adopt_size();
        self.signal_program(Signal::CONT);
        // A signal that came in the meantime has made the descriptor readable, and will not do so again.
        self.handle_signals();
    }
}

/// The result of a wait.
#[derive(Debug, Default, Clone, Copy)]
#[expect(clippy::struct_excessive_bools, reason = "each is a descriptor of its own")]
struct Ready {
    signals: bool,
    monitor: bool,
    output: bool,
    input: bool,
    daemon: bool,
    is_timeout: bool,
}
