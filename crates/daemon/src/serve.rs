//! The loop of the daemon, which carries out the decisions of the actor.

mod outputs;
mod sockets;

use crate::actor::Actor;
use crate::local_day::local_day;
use crate::log::Log;
use crate::messages::{Input, ProcessCheck};
use crate::net::connections::Connections;
use crate::net::listeners::Listeners;
use crate::notify::queue::NotificationQueue;
use crate::options::{Inherited, Options};
use crate::senses::{MissingSenses, Sense};
use crate::timer::until;
use crate::watch::configuration::{ConfigWatch, notification_settings};
use crate::watch::file_watches::{Changes, FileWatches};
use crate::watch::session_files::SessionFiles;
use crate::watch::sockets::SocketWatch;
use crewboard_config::Environment;
use crewboard_core::{Notification, Observation, Process, Timestamp};
use crewboard_platform::Clock;
use std::collections::HashSet;
use std::io;
use std::path::PathBuf;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use tokio::time::Instant;

/// Inputs that may wait for the actor. A sender waits when the queue is full.
const QUEUE: usize = 1024;

/// Inputs that are handled before batches are sent. A flood of inputs must not delay the subscribers.
const MAX_TURN: usize = 256;

/// Time that an exiting daemon waits until the last lines are written to the kernel. Clients need not read them.
const CLOSE_WITHIN: Duration = Duration::from_millis(100);

/// The loop and everything that it owns.
#[derive(Debug)]
pub(crate) struct Server {
    actor: Actor,
    clock: Clock,
    started: Timestamp,
    listeners: Listeners,
    watches: FileWatches,
    socket_watch: SocketWatch,
    session_files: SessionFiles,
    config_watch: ConfigWatch,
    notifications: NotificationQueue,
    /// Notifications of this turn. They start at its end, because a subscriber must not wait for the start of a process.
    new_notifications: Vec<Notification>,
    /// The user's home directory, which has the profiles of the agents.
    home: Option<PathBuf>,
    log: Log,
    missing_senses: MissingSenses,
    /// Processes whose end the kernel will report.
    watched: HashSet<Process>,
    inputs: mpsc::Sender<Input>,
    queue: mpsc::Receiver<Input>,
    connections: Connections,
    idle_exit: Duration,
    /// The command line overrides the configured `idle_exit`.
    overrides_idle_exit: bool,
    /// The time since which the daemon has been unused.
    idle_since: Option<Instant>,
    stopping: bool,
    /// The lock files may count dropped events that the subscriptions do not know.
    dropped_events_changed: bool,
}

impl Server {
    /// Begins to watch and reads the configuration. `descriptors` is the number of files that the process may open.
    pub(crate) fn new(
        listeners: Listeners,
        environment: &Environment,
        descriptors: u64,
        inherited: Inherited,
        options: &Options,
    ) -> Self {
        let clock = Clock::new();
        let now = clock.now();
        let (inputs, queue) = mpsc::channel(QUEUE);
        let mut log = listeners
            .log()
            .map_or_else(|| Log::open("/dev/null".as_ref()), |path| Log::open(&path));
        log.line(
            now.wall,
            &format!(
                "crewboard {} listens on {}",
                env!("CARGO_PKG_VERSION"),
                show(&listeners.sockets())
            ),
        );
        for note in &options.notes {
            log.line(now.wall, note);
        }
        let mut missing_senses = MissingSenses::default();
        let mut note_missing = |sense: Sense, why: &dyn std::fmt::Display| {
            if let Some(line) = missing_senses.note(sense, why) {
                log.line(now.wall, &line);
            }
        };
        // The user may have used up the kernel's instances (fs.inotify.max_user_instances).
        let mut watches = FileWatches::new().unwrap_or_else(|error| {
            note_missing(Sense::Sockets, &error);
            note_missing(Sense::Files, &error);
            FileWatches::unavailable()
        });
        let mut socket_watch = SocketWatch::default();
        for directory in listeners.directories() {
            if let Err(error) = socket_watch.add_directory(&mut watches, &directory) {
                note_missing(Sense::Sockets, &format_args!("{}: {error}", directory.display()));
            }
        }
        SocketWatch::add_locks(&mut watches, &listeners.locks());
        // The watch begins before the first read, so no change is missed.
        let config_watch =
            ConfigWatch::new(options.schema.clone(), environment.clone(), &mut watches);
        if let Some(path) = config_watch.unread() {
            let why = format_args!("{} is on a file system that may not answer", path.display());
            note_missing(Sense::Configuration, &why);
        }
        let mut actor = Actor::new(epoch_of(now.stamp.micros));
        let config = config_watch.load().config();
        actor.set_notification_settings(notification_settings(&config));
        Self {
            actor,
            clock,
            started: now.wall,
            listeners,
            watches,
            socket_watch,
            session_files: SessionFiles::new(),
            config_watch,
            notifications: NotificationQueue::new(inherited, config.clone()),
            new_notifications: Vec::new(),
            home: environment.home.clone(),
            log,
            missing_senses,
            watched: HashSet::new(),
            inputs,
            queue,
            connections: Connections::new(environment.uid, descriptors),
            idle_exit: options.idle_exit.unwrap_or(config.daemon.idle_exit),
            overrides_idle_exit: options.idle_exit.is_some(),
            idle_since: None,
            stopping: false,
            dropped_events_changed: true,
        }
    }

    /// Runs the loop until the daemon is unused or is to stop.
    pub(crate) async fn serve(mut self) -> io::Result<()> {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        // The sockets were not watched between their creation and now.
        self.check_sockets().await;
        if let Some(home) = &self.home {
            let now = self.clock.now();
            let found = self.session_files.watch_usual_profiles(home, &mut self.watches, now);
            // An earlier daemon may have notified the user of these prompts.
            self.actor.mute_notifications(true);
            self.handle_observations(found);
            self.actor.mute_notifications(false);
        }
        while !self.stopping {
            let deadline = self.next_deadline();
            let may_accept = self.connections.may_accept(|id| self.actor.serves(id));
            tokio::select! {
                biased;
                Some(input) = self.queue.recv() => self.handle_turn(input),
                accepted = self.listeners.accept(), if may_accept => {
                    self.connections.make_room(|id| self.actor.serves(id));
                    let log = self.connections.add_accepted(accepted, &self.inputs);
                    self.note(log);
                }
                changes = self.watches.changed() => self.handle_changes(changes).await,
                () = self.socket_watch.check_is_due() => self.check_sockets().await,
                () = self.config_watch.read_is_due() => self.configure(),
                log = self.notifications.next_finished() => self.note(log),
                () = until(deadline) => self.deadline_passed().await,
                _ = terminate.recv() => self.stop("stopped by a signal"),
                _ = interrupt.recv() => self.stop("stopped by a signal"),
            }
            self.flush();
            self.start_notifications();
            self.note_idleness();
        }
        self.listeners.close();
        self.close().await;
        Ok(())
    }

    /// Ends all connections. Clients that read still get the last lines.
    async fn close(mut self) {
        let mut open = self.connections.close();
        let timeout = tokio::time::sleep(CLOSE_WITHIN);
        tokio::pin!(timeout);
        while !open.is_empty() {
            tokio::select! {
                biased;
                () = &mut timeout => break,
                Some(input) = self.queue.recv() => if let Input::Closed(id) = input {
                    open.remove(&id);
                },
            }
        }
    }

    /// Handles an input and those that wait behind it.
    fn handle_turn(&mut self, first: Input) {
        self.handle(first);
        for _ in 1..MAX_TURN {
            match self.queue.try_recv() {
                Ok(input) => self.handle(input),
                Err(_) => break,
            }
        }
    }

    /// Passes an input to the actor, and carries out its actions.
    fn handle(&mut self, input: Input) {
        match &input {
            Input::Closed(connection) => self.connections.remove(*connection),
            Input::Silent(connection) => self.connections.note_silent(*connection),
            Input::Request { connection, .. } => self.connections.note_request(*connection),
            _ => {}
        }
        let now = self.clock.now();
        if let Input::ProcessExited(process) = input
            && let Some(removed) = self.session_files.process_exited(process, now)
        {
            self.handle_observations(vec![removed]);
        }
        match self.actor.processes_to_check(&input, now) {
            ProcessCheck::All(processes) => {
                self.check_processes(processes);
                let found = self.session_files.read_unwatched(self.clock.now());
                self.handle_observations(found);
            }
            ProcessCheck::Of(processes) => self.check_processes(processes),
            ProcessCheck::None => {}
        }
        if self.actor.needs_day(&input, now) {
            self.handle(Input::DayFound(local_day(now.wall)));
        }
        for output in self.actor.handle(input, now) {
            self.carry_out(output);
        }
    }

    /// Handles changes of files and directories.
    async fn handle_changes(&mut self, changes: Changes) {
        let Changes { sockets, session_files, configuration } = changes;
        if !session_files.is_empty() {
            let now = self.clock.now();
            let found = self.session_files.read_changes(session_files, &mut self.watches, now);
            self.handle_observations(found);
        }
        if !sockets.is_empty() {
            self.check_sockets().await;
        }
        if !configuration.is_empty() {
            self.config_watch.note(&configuration, &mut self.watches);
        }
    }

    fn handle_observations(&mut self, observations: Vec<Observation>) {
        for observation in observations {
            self.handle(Input::Observed(Box::new(observation)));
        }
    }

    /// Writes lines to the log.
    fn note(&mut self, lines: impl IntoIterator<Item = String>) {
        let now = self.clock.now();
        for line in lines {
            self.log.line(now.wall, &line);
        }
    }

    /// Sends the batches of this turn.
    fn flush(&mut self) {
        if let Some(why) = self.session_files.take_failure() {
            let log = self.missing_senses.note(Sense::Files, &why);
            self.note(log);
        }
        if std::mem::take(&mut self.dropped_events_changed) {
            self.actor.set_unseen_dropped_events(self.listeners.dropped_events().1);
        }
        self.connections.begin_batches();
        let mut is_complete = false;
        while !is_complete {
            is_complete = true;
            for batch in self.actor.flush() {
                let connection = batch.connection;
                if self.connections.send_batch(batch) {
                    // Nothing else would cause the next batch.
                    is_complete &= !self.actor.batch_written(connection);
                }
            }
        }
    }

    /// Starts the processes that notify the user, run commands or ask the terminals.
    fn start_notifications(&mut self) {
        for notification in std::mem::take(&mut self.new_notifications) {
            let log = self.notifications.push(notification);
            self.note(log);
        }
    }

    /// Does what is due.
    async fn deadline_passed(&mut self) {
        let now = Instant::now();
        self.connections.deadline_passed(now);
        let log = self.notifications.retry_due(now);
        self.note(log);
        let found = self.session_files.run_due_lookups(&mut self.watches, self.clock.now());
        self.handle_observations(found);
        self.handle(Input::Tick);
        if self.idle_since.is_some_and(|since| since + self.idle_exit <= now) {
            self.try_to_exit().await;
        }
    }

    /// Returns the time at which something is due, if nothing happens before.
    fn next_deadline(&self) -> Option<Instant> {
        let domain = self.actor.next_deadline(self.clock.now());
        let domain = domain.map(|wait| Instant::now() + Duration::from_millis(wait));
        let idle = self.idle_since.map(|since| since + self.idle_exit);
        let notifications = self.notifications.retry_at();
        [
            domain,
            idle,
            notifications,
            self.connections.accept_from(),
            self.session_files.next_lookup(),
        ]
        .into_iter()
        .flatten()
        .min()
    }
}

/// Returns the name of this run of the daemon. It differs from that of any run that a client may remember.
fn epoch_of(micros: u64) -> String {
    format!("{:x}", micros ^ u64::from(std::process::id()) << 40)
}

fn show(paths: &[PathBuf]) -> String {
    let shown: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
    shown.join(", ")
}
