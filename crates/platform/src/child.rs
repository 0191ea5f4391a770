//! Runs child processes until a deadline.

use crate::deadline::{Deadline, any_ready};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::Duration;

/// The longest single wait for a child. Its delay shows how busy the machine is.
const SLICE: Duration = Duration::from_millis(100);

/// Pause before another attempt to start a program that another process is writing.
const BUSY_RETRY_AFTER: Duration = Duration::from_millis(5);

/// Bytes of one read. A pipe holds at most this many bytes.
const CHUNK: usize = 64 << 10;

/// Maximum number of reads between two checks of the deadline.
const MAX_READS: usize = 4;

/// Maximum bytes of output that [`run_within`] returns. It discards the rest.
#[derive(Debug, Clone, Copy)]
pub struct OutputLimits {
    pub stdout: usize,
    pub stderr: usize,
}

/// The result of a child that has exited.
#[derive(Debug)]
pub struct ChildOutput {
    pub status: ExitStatus,
    pub stdout: Vec<u8>,
    pub stderr: Vec<u8>,
}

/// The reason why a child has no result.
#[derive(Debug)]
pub enum RunError {
    /// The program could not be started, or its exit cannot be read.
    Start(io::Error),
    /// The child did not exit before the deadline, and was killed.
    TimedOut,
}

/// Runs a command without input until it exits. Kills it at the deadline.
///
/// A grandchild that keeps the output open does not delay the result.
pub fn run_within(
    command: &mut Command,
    limits: OutputLimits,
    deadline: Deadline,
) -> Result<ChildOutput, RunError> {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = spawn(command, deadline).map_err(RunError::Start)?;
    let mut stdout = Output::new(child.stdout.take().map(OwnedFd::from), limits.stdout);
    let mut stderr = Output::new(child.stderr.take().map(OwnedFd::from), limits.stderr);
    let exit = exit_descriptor(&child).map_err(|error| {
        kill(&mut child);
        RunError::Start(error)
    })?;
    loop {
        let exited = child.try_wait();
        // The output is read after the check for the exit, so that none is missed.
        stdout.read_available();
        stderr.read_available();
        match exited {
            Ok(Some(status)) => {
                return Ok(ChildOutput { status, stdout: stdout.bytes, stderr: stderr.bytes });
            }
            Ok(None) => {}
            // This process ignores SIGCHLD, so the kernel has discarded the exit status. A wait for it would not end.
            Err(error) => return Err(RunError::Start(error)),
        }
        if deadline.has_passed() {
            kill(&mut child);
            return Err(RunError::TimedOut);
        }
        let open = [&stdout.pipe, &stderr.pipe].into_iter().flatten().chain([&exit]);
        let mut polled: Vec<PollFd<'_>> =
            open.map(|descriptor| PollFd::new(descriptor, PollFlags::IN)).collect();
        let _ = any_ready(&mut polled, SLICE, deadline);
    }
}

fn kill(child: &mut Child) {
    let _ = child.kill();
    let _ = child.wait();
}

/// Waits for the exit of a child. Returns `None` if the deadline passes first.
pub fn wait_within(child: &mut Child, deadline: Deadline) -> io::Result<Option<ExitStatus>> {
    // After this, the pid still belongs to the child, because no other call reads its exit status.
    if let Some(status) = child.try_wait()? {
        return Ok(Some(status));
    }
    let exit = exit_descriptor(child)?;
    any_ready(&mut [PollFd::new(&exit, PollFlags::IN)], SLICE, deadline)?;
    child.try_wait()
}

/// Returns a descriptor that becomes readable when the child exits.
fn exit_descriptor(child: &Child) -> io::Result<OwnedFd> {
    let pid = Pid::from_child(child);
    #[cfg(target_os = "linux")]
    if let Ok(descriptor) = rustix::process::pidfd_open(pid, rustix::process::PidfdFlags::empty()) {
        return Ok(descriptor);
    }
    stream_until_exit(pid)
}

/// Returns a stream that ends when the child exits. A thread waits for the exit, and leaves the exit status to the caller.
fn stream_until_exit(pid: Pid) -> io::Result<OwnedFd> {
    let (stream, end) = UnixStream::pair()?;
    thread::Builder::new().spawn(move || {
        let exited = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        while matches!(waitid(WaitId::Pid(pid), exited), Err(Errno::INTR)) {}
        drop(end);
    })?;
    Ok(stream.into())
}

/// Starts a command. Tries again while another process, such as an update, is writing the program.
fn spawn(command: &mut Command, deadline: Deadline) -> io::Result<Child> {
    loop {
        match command.spawn() {
            Err(error)
                if error.kind() == io::ErrorKind::ExecutableFileBusy
                    && deadline.pause(BUSY_RETRY_AFTER) => {}
            result => return result,
        }
    }
}

/// The standard output or the error output of a child.
struct Output {
    /// The pipe until its end.
    pipe: Option<OwnedFd>,
    bytes: Vec<u8>,
    limit: usize,
}

impl Output {
    fn new(pipe: Option<OwnedFd>, limit: usize) -> Self {
        Self { pipe, bytes: Vec::new(), limit }
    }

    /// Reads the bytes in the pipe without waiting.
    fn read_available(&mut self) {
        let mut chunk = Vec::new();
        for _ in 0..MAX_READS {
            let Some(pipe) = self.pipe.as_ref().filter(|pipe| is_readable(pipe)) else { return };
            chunk.resize(CHUNK, 0);
            match rustix::io::read(pipe, &mut chunk[..]) {
                Ok(0) => self.pipe = None,
                Ok(count) => {
                    let count = count.min(self.limit.saturating_sub(self.bytes.len()));
                    self.bytes.extend_from_slice(&chunk[..count]);
                }
                Err(Errno::INTR | Errno::AGAIN) => {}
                Err(_) => self.pipe = None,
            }
        }
    }
}

fn is_readable(pipe: &OwnedFd) -> bool {
    let now = Timespec { tv_sec: 0, tv_nsec: 0 };
    poll(&mut [PollFd::new(pipe, PollFlags::IN)], Some(&now)).is_ok_and(|count| count > 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    fn run(script: &str, timeout: Duration) -> Result<ChildOutput, RunError> {
        let limits = OutputLimits { stdout: 200_000, stderr: 5 };
        run_within(Command::new("sh").args(["-c", script]), limits, Deadline::after(timeout))
    }

    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn child_output_is_read_up_to_the_limits() {
        let script = "head -c 300000 /dev/zero >&2; head -c 300000 /dev/zero; exit 3";
        let output = run(script, LONG).unwrap();
        assert_eq!(output.status.code(), Some(3));
        assert_eq!((output.stdout.len(), output.stderr.len()), (200_000, 5));
        let output = run("printf out; printf err >&2", LONG).unwrap();
        assert_eq!((&output.stdout[..], &output.stderr[..]), (&b"out"[..], &b"err"[..]));
    }

    #[test]
    fn child_is_killed_at_the_deadline() {
        for script in ["exec sleep 60", "exec sleep 60 >&- 2>&-", "exec yes"] {
            let result = run(script, Duration::from_millis(50));
            assert!(matches!(result, Err(RunError::TimedOut)), "{script}: {result:?}");
        }
    }

    #[test]
    fn grandchild_with_open_output_does_not_delay_the_result() {
        let begin = Instant::now();
        let output = run("sleep 60 & echo $!", LONG).unwrap();
        assert!(begin.elapsed() < Duration::from_secs(30));
        let pid = String::from_utf8(output.stdout).unwrap();
        Command::new("kill").arg(pid.trim()).status().unwrap();
    }

    #[test]
    fn wait_returns_the_status_or_ends_at_the_deadline() {
        let mut child = Command::new("sh").args(["-c", "exit 3"]).spawn().unwrap();
        let status = wait_within(&mut child, Deadline::after(LONG)).unwrap().unwrap();
        assert_eq!(status.code(), Some(3));
        assert_eq!(wait_within(&mut child, Deadline::after(LONG)).unwrap(), Some(status));
        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        let soon = Deadline::after(Duration::from_millis(20));
        assert_eq!(wait_within(&mut child, soon).unwrap(), None);
        kill(&mut child);
    }

    #[test]
    fn stream_ends_when_the_child_exits() {
        let mut child = Command::new("cat").stdin(Stdio::piped()).spawn().unwrap();
        let stream = stream_until_exit(Pid::from_child(&child)).unwrap();
        let mut polled = [PollFd::new(&stream, PollFlags::IN)];
        let soon = Deadline::after(Duration::from_millis(20));
        assert!(!any_ready(&mut polled, SLICE, soon).unwrap());
        drop(child.stdin.take());
        assert!(any_ready(&mut polled, SLICE, Deadline::after(LONG)).unwrap());
        assert!(child.wait().unwrap().success());
    }

    #[test]
    fn missing_program_is_a_start_error() {
        let mut command = Command::new("crewboard-no-such-program");
        let limits = OutputLimits { stdout: 0, stderr: 0 };
        let error = run_within(&mut command, limits, Deadline::after(LONG)).unwrap_err();
        let RunError::Start(error) = error else { panic!("{error:?}") };
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
    }
}
