//! The monitor: leads the session of the pseudo-terminal, starts the program, and reports what happens to it.

use crate::monitor_message::Message;
use nix::sys::signal::{SigSet, Signal as NixSignal};
use rustix::process::{
    Pid, Signal, WaitOptions, getpid, ioctl_tiocsctty, kill_process_group, setsid, waitpid,
};
use rustix::termios::tcsetpgrp;
use std::ffi::OsString;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::process::CommandExt as _;
use std::process::{Command, ExitCode, Stdio};

/// Runs `words`, a program and its arguments, until it ends. Standard input is the pseudo-terminal, and standard output
/// the pipe to the relay.
pub fn run_monitor(words: &[OsString]) -> ExitCode {
    let (terminal, pipe) = (io::stdin(), io::stdout());
    let (terminal, pipe) = (terminal.as_fd(), pipe.as_fd());
    let program = match start(words, terminal) {
        Ok(program) => program,
        Err(error) => {
            let number = error.raw_os_error().unwrap_or(rustix::io::Errno::INVAL.raw_os_error());
            Message::Failed(number).send(pipe);
            return ExitCode::FAILURE;
        }
    };
    Message::Started(program.as_raw_nonzero().get()).send(pipe);
    loop {
        match waitpid(Some(program), WaitOptions::UNTRACED) {
            Ok(Some((_, status))) => {
                if status.stopped() {
                    Message::Stopped.send(pipe);
                } else if let Some(code) = status.exit_status() {
                    finish(terminal, Message::Exited(code), pipe);
                    break;
                } else if let Some(signal) = status.terminating_signal() {
                    finish(terminal, Message::Killed(signal), pipe);
                    break;
                }
            }
            Ok(None) | Err(rustix::io::Errno::INTR) => {}
            Err(_) => break,
        }
    }
    ExitCode::SUCCESS
}

/// Starts the program in the foreground of the pseudo-terminal.
fn start(words: &[OsString], terminal: BorrowedFd<'_>) -> io::Result<Pid> {
    let Some((program, arguments)) = words.split_first() else {
        return Err(io::ErrorKind::InvalidInput.into());
    };
    setsid()?;
    ioctl_tiocsctty(terminal)?;
    let child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::inherit())
        .stdout(Stdio::from(terminal.try_clone_to_owned()?))
        .process_group(0)
        .spawn()?;
    let program = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    let program = program.ok_or(io::ErrorKind::InvalidData)?;
    // A program that has ended already has no group.
    let _ = tcsetpgrp(terminal, program);
    // The program may have used the terminal before it was in the foreground, and was suspended.
    let _ = kill_process_group(program, Signal::CONT);
    Ok(program)
}

/// Moves to the foreground before the end of the session, so that the kernel sends SIGHUP to no process that the program
/// has left in the background, and reports the end of the program.
fn finish(terminal: BorrowedFd<'_>, message: Message, pipe: BorrowedFd<'_>) {
    // A process in the background may do that only while it blocks this signal.
    let mut blocked = SigSet::empty();
    blocked.add(NixSignal::SIGTTOU);
    if blocked.thread_block().is_ok() {
        let _ = tcsetpgrp(terminal, getpid());
    }
    message.send(pipe);
}
