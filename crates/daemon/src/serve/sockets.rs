//! The sockets while the daemon runs, and the end of an unused daemon.

use super::{Server, show};
use crate::log::Log;
use crate::net::listeners::LeaveOutcome;
use crate::watch::sockets::SocketWatch;
use tokio::net::UnixStream;
use tokio::time::Instant;

impl Server {
    /// Adds connections that were accepted outside of the loop.
    fn add_connections(&mut self, streams: Vec<UnixStream>) {
        for stream in streams {
            let log = self.connections.add(stream, &self.inputs);
            self.note(log);
        }
    }

    /// Checks the sockets and locks, and listens again in place of those that are lost.
    pub(super) async fn check_sockets(&mut self) {
        // A hook may have counted a dropped event.
        self.dropped_events_changed = true;
        let log = self.listeners.restore_modes();
        self.note(log);
        let waiting = self.listeners.rebind_lost().await;
        if let Some(path) = self.listeners.log()
            && !self.log.is_at(&path)
        {
            self.log = Log::open(&path);
        }
        let Some(waiting) = waiting else { return };
        self.add_connections(waiting);
        if self.listeners.sockets().is_empty() {
            return self.stop("no socket is left");
        }
        let now = self.clock.now();
        self.log.line(now.wall, &format!("moved: listens on {}", show(&self.listeners.sockets())));
        for directory in self.listeners.directories() {
            if let Err(error) = self.socket_watch.add_directory(&mut self.watches, &directory) {
                self.note([format!("{} cannot be watched: {error}", directory.display())]);
            }
        }
        SocketWatch::add_locks(&mut self.watches, &self.listeners.locks());
    }

    /// Exits unless a client connects at the last moment.
    pub(super) async fn try_to_exit(&mut self) {
        match self.listeners.leave().await {
            LeaveOutcome::Left => self.stop("unused"),
            LeaveOutcome::Stayed(connected) => {
                self.add_connections(connected);
                self.idle_since = None;
            }
            LeaveOutcome::Busy => self.idle_since = Some(Instant::now()),
        }
    }

    /// Ends the loop after this turn.
    pub(super) fn stop(&mut self, why: &str) {
        self.stopping = true;
        let now = self.clock.now();
        let events = self.actor.events();
        self.log.line(now.wall, &format!("exited: {why}; served {events} events"));
    }

    /// Notes since when the daemon has been unused.
    pub(super) fn note_idleness(&mut self) {
        let is_used = !self.connections.is_empty()
            || self.actor.has_live_rows()
            || self.notifications.is_busy();
        if is_used {
            self.idle_since = None;
        } else if self.idle_since.is_none() {
            self.idle_since = Some(Instant::now());
        }
    }
}
