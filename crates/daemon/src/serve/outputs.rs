//! Carries out the actions of the actor: replies, watches, lookups and notifications.

use super::Server;
use crate::messages::{Input, Output};
use crate::net::connection::Outgoing;
use crate::origin::origin_of;
use crate::senses::Sense;
use crate::watch::configuration::notification_settings;
use crate::watch::processes::{Watching, is_gone, watch};
use crewboard_core::{Process, ProcessToWatch};
use crewboard_platform::{ancestors_of, process_info};
use crewboard_protocol::{DaemonInfo, Reply};

impl Server {
    /// Checks what nothing reports, because a client asks: whether these processes are suspended, and whether one without a
    /// watch has ended.
    pub(super) fn check_processes(&mut self, processes: impl IntoIterator<Item = Process>) {
        for process in processes {
            let info = process_info(process.pid).filter(|info| info.process == process);
            if let Some(info) = info {
                let on = info.suspended;
                if self.actor.has_other_suspension(process, on) {
                    self.handle(Input::Suspended { process, on });
                }
            } else if !self.watched.contains(&process) && is_gone(process) == Some(true) {
                self.handle(Input::ProcessExited(process));
            }
        }
    }

    /// Carries out an action of the actor.
    pub(super) fn carry_out(&mut self, output: Output) {
        match output {
            Output::Send { connection, line } => {
                self.connections.send(connection, Outgoing::Reply(line));
            }
            Output::SendHello(connection) => {
                let reply = Reply::Hello(self.info());
                self.connections.send(connection, Outgoing::Reply(reply.encode().into()));
            }
            Output::WatchProcess(wanted) => self.watch(&wanted),
            Output::LookUpFile(lookup) => {
                let now = self.clock.now();
                let found = self.session_files.look_up(lookup, &mut self.watches, now);
                self.handle_observations(found.into_iter().collect());
            }
            Output::StopWatching(process) => {
                self.watched.remove(&process);
                self.session_files.remove_process(process, &mut self.watches);
            }
            Output::Notify(notification) => {
                self.new_notifications.push(*notification);
            }
            Output::CountDroppedEvent(reason) => {
                self.listeners.count_dropped_event(reason);
                self.dropped_events_changed = true;
            }
            Output::MarkDroppedEventsSeen(count) => {
                // Events that were dropped since remain to be shown.
                if self.listeners.dropped_events().1.total() == count {
                    self.listeners.mark_dropped_events_seen();
                    self.dropped_events_changed = true;
                }
            }
            Output::Stop => self.stop("stopped by a client"),
        }
    }

    /// Describes the daemon to a client.
    fn info(&self) -> DaemonInfo {
        let (dropped, _) = self.listeners.dropped_events();
        let sockets = self.listeners.sockets();
        DaemonInfo {
            started: self.started.0,
            dropped: dropped.total(),
            dropped_by_reason: dropped,
            sockets: sockets.iter().map(|path| path.display().to_string()).collect(),
            degraded: self.missing_senses.lines(),
            ..self.actor.info()
        }
    }

    /// Watches a process and its agent's files.
    fn watch(&mut self, wanted: &ProcessToWatch) {
        let process = wanted.process;
        // One watch is enough for all the rows of a process.
        let watching = if self.watched.contains(&process) {
            Watching::Begun { ancestors: ancestors_of(process) }
        } else {
            watch(process, self.inputs.clone())
        };
        match watching {
            Watching::Begun { ancestors } => {
                self.watched.insert(process);
                if let Some(origin) = origin_of(wanted) {
                    self.handle(Input::OriginFound { process, origin });
                }
                self.handle(Input::ProcessWatched { process, ancestors });
                self.watch_files(wanted);
            }
            Watching::Gone => {
                // Events of the process may wait in the queue. Its end comes after them.
                let inputs = self.inputs.clone();
                tokio::spawn(async move { inputs.send(Input::ProcessExited(process)).await });
            }
            Watching::Impossible(why) => {
                let log = self.missing_senses.note(Sense::Processes, &why);
                self.note(log);
                // The session file can still be read.
                self.watch_files(wanted);
            }
        }
    }

    /// Watches the files of an agent, and passes their present statuses to the actor.
    fn watch_files(&mut self, wanted: &ProcessToWatch) {
        let now = self.clock.now();
        let found = self.session_files.watch_process(wanted, &mut self.watches, now);
        self.handle_observations(found);
    }

    /// Reads the configuration again. A wrong file changes nothing.
    pub(super) fn configure(&mut self) {
        let loaded = self.config_watch.load();
        for problem in &loaded.problems {
            self.note(Some(format!("configuration: {problem}")));
        }
        if loaded.errors().next().is_some() {
            return;
        }
        let config = loaded.config();
        self.actor.set_notification_settings(notification_settings(&config));
        self.notifications.configure(config.clone());
        if !self.overrides_idle_exit {
            self.idle_exit = config.daemon.idle_exit;
        }
    }
}
