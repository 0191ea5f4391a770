//! Finds the sessions whose pane the user looks at, and marks their results as seen.

use crate::command_runner::CommandRunner;
use crate::daemon_client::{REPLY_TIMEOUT, connect_if_running, daemon_locator};
use crate::failure::Failure;
use crate::navigate::{target_of, this_caller};
use crewboard_core::{Mark, RowKey, Session};
use crewboard_platform::{Clock, Deadline};
use crewboard_protocol::{MarkRequest, Request};
use crewboard_terminals::{StatusTime, has_focus};
use std::collections::HashSet;
use std::time::Duration;

/// Time limit for asking terminals which panes the user looks at. Later panes count as not looked at.
const LOOK_TIMEOUT: Duration = Duration::from_secs(2);

/// Returns the sessions whose pane the user looks at, as their terminals report it. Asks about each session once.
pub(super) fn find_looked_at<'a>(rows: impl Iterator<Item = &'a Session>) -> HashSet<RowKey> {
    let deadline = Deadline::after(LOOK_TIMEOUT);
    let (mut asked, mut found) = (HashSet::new(), HashSet::new());
    for row in rows {
        // Ask no terminal about a session without a known process: a container may name any socket.
        if row.process().is_none() || deadline.has_passed() || !asked.insert(&row.key) {
            continue;
        }
        let time = StatusTime { since: row.since, now: Clock::new().now().wall };
        let mut runner = CommandRunner::for_background();
        if has_focus(target_of(row), time, this_caller(), &mut runner) {
            found.insert(row.key.clone());
        }
    }
    found
}

/// Marks sessions as seen. The daemon ignores the mark if the status has changed since. Starts no daemon.
pub(super) fn mark_seen<'a>(rows: impl Iterator<Item = &'a Session>) -> Result<(), Failure> {
    let mut rows = rows.peekable();
    if rows.peek().is_none() {
        return Ok(());
    }
    let Some(mut connection) = connect_if_running(&daemon_locator()?)? else { return Ok(()) };
    for row in rows {
        let mark = Mark::Seen { revision: row.revision };
        // The daemon checks this process, which must run until the reply. A session that is gone needs no mark.
        connection
            .ask(&Request::Mark(MarkRequest { row: row.key.clone(), mark }), REPLY_TIMEOUT)?;
    }
    Ok(())
}
