//! How a daemon is made to leave: it is asked, and one that does not hear is ended.

use crate::failure::Failure;
use crewboard_client::{ConnectError, Conversation, Rendezvous, TalkError};
use crewboard_platform::{Deadline, Holder};
use crewboard_protocol::Request;
use std::time::Duration;

/// How long a daemon may take to leave when it is asked. It has next to nothing to do.
const LEAVES_WITHIN: Duration = Duration::from_secs(5);

/// How long one that did not answer may take to obey a signal, and then to die of one.
const ENDS_WITHIN: Duration = Duration::from_secs(2);

/// What became of asking a daemon to leave.
#[derive(Debug)]
pub(crate) enum Leaving {
    /// None ran.
    NoDaemon,
    /// It has left: its process is over.
    Left,
    /// It lives and does not answer.
    Hung,
}

/// Asks the daemon to leave and waits until its process is over.
pub(crate) fn ask_to_leave(rendezvous: &Rendezvous) -> Result<Leaving, Failure> {
    let deadline = Deadline::after(LEAVES_WITHIN);
    let stream = match rendezvous.connect() {
        Ok(stream) => stream,
        Err(ConnectError::NoDaemon) => return Ok(Leaving::NoDaemon),
        Err(ConnectError::Unresponsive) => return Ok(Leaving::Hung),
        Err(error) => return Err(error.into()),
    };
    // Looked up while it is there: by the time it has left, another may have taken its place.
    let holder = rendezvous.holder();
    let mut conversation = Conversation::new(stream)?;
    match say_goodbye(&mut conversation, deadline) {
        TalkError::Gone => {}
        TalkError::Silent(_) => return Ok(Leaving::Hung),
        error => return Err(error.into()),
    }
    // Its end of the connection is closed before it has let go of everything else.
    let has_left = match holder {
        Some(holder) => holder.has_ended_by(deadline),
        None => rendezvous.is_free_by(deadline),
    };
    if has_left {
        return Ok(Leaving::Left);
    }
    Err(Failure::new("the daemon said goodbye, but one still runs")
        .hint("an open view may have started another: `crewboard daemon status`"))
}

/// Asks to leave, and reads until the end of the connection or of our patience: which it was.
fn say_goodbye(conversation: &mut Conversation, deadline: Deadline) -> TalkError {
    if let Err(error) = conversation.send(&Request::Stop) {
        return error;
    }
    loop {
        if let Err(error) = conversation.receive(Some(deadline.remaining())) {
            return error;
        }
    }
}

/// Ends a daemon that does not answer; says which it was.
pub(crate) fn end(rendezvous: &Rendezvous) -> Result<String, Failure> {
    let Some(holder) = rendezvous.holder() else {
        return Err(hung(rendezvous));
    };
    let which = describe(&holder);
    holder.terminate();
    if !holder.has_ended_by(Deadline::after(ENDS_WITHIN)) {
        holder.kill();
        if !holder.has_ended_by(Deadline::after(ENDS_WITHIN)) {
            return Err(Failure::new(format!("{which} does not end, though it was killed"))
                .hint("the kernel keeps it, perhaps for a file system that hangs"));
        }
    }
    Ok(format!("{which} did not answer and was ended"))
}

/// That the daemon does not answer, which process it is, and what to do.
pub(crate) fn hung(rendezvous: &Rendezvous) -> Failure {
    match rendezvous.holder() {
        Some(holder) => Failure::new(format!("{} does not answer", describe(&holder)))
            .hint("`crewboard daemon restart` ends it and starts another"),
        None => Failure::new(
            "the daemon does not answer, and the system does not tell which process it is",
        )
        .hint(
            "the log beside its socket names the process: end it, and the next hook starts another",
        ),
    }
}

fn describe(holder: &Holder) -> String {
    let program = holder.program().map(|program| program.display().to_string());
    let program = program.unwrap_or_else(|| "of a program unknown".to_owned());
    let suspended = if holder.is_suspended() { ", suspended" } else { "" };
    format!("the daemon (process {}, {program}{suspended})", holder.pid())
}
