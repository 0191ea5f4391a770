//! The loop of the daemon, which carries out the decisions of the actor.

use crate::actor::Actor;
use crate::log::Log;
use crate::messages::{Input, Output};
use crate::net::connection::Outgoing;
use crate::net::connections::Connections;
use crate::net::listeners::{Leaving, Listeners};
use crate::notify::queue::NotificationQueue;
use crate::options::{Inherited, Options};
use crate::origin::origin_of;
use crate::watch::configuration::{ConfigWatch, notification_settings};
use crate::watch::file_watches::{Changes, FileWatches};
use crate::watch::processes::{Watching, is_gone, watch};
use crate::watch::session_files::SessionFiles;
use crate::watch::sockets::SocketWatch;
use crewboard_config::Environment;
use crewboard_core::{Observation, Process, ProcessToWatch, Timestamp};
use crewboard_platform::{Clock, ancestors_of, process_info};
use crewboard_protocol::Reply;
use std::collections::{BTreeMap, HashSet};
use std::io;
use std::path::PathBuf;
use std::time::Duration;
use tokio::net::UnixStream;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use tokio::time::Instant;

/// Inputs that may wait for the actor. A sender waits when the queue is full.
const QUEUE: usize = 1024;

/// Inputs that are handled before batches are sent. A flood of inputs must not delay the subscribers.
const MAX_TURN: usize = 256;

/// How long an exiting daemon waits until the last lines are written to the kernel. Clients need not read them.
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
    /// The user's home directory, which has the profiles of the agents.
    home: Option<PathBuf>,
    log: Log,
    /// The senses that the system does not provide.
    degraded: BTreeMap<Sense, String>,
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
    losses_changed: bool,
}

impl Server {
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
        // A user may have used up the kernel's instances (fs.inotify.max_user_instances).
        let mut degraded = BTreeMap::new();
        let mut note_missing = |log: &mut Log, sense: Sense, why: &dyn std::fmt::Display| {
            let line = format!("{} ({why}): {}", sense.name(), sense.consequence());
            log.line(now.wall, &format!("degraded: {line}"));
            degraded.entry(sense).or_insert(line);
        };
        let mut watches = FileWatches::new().unwrap_or_else(|error| {
            note_missing(&mut log, Sense::Sockets, &error);
            note_missing(&mut log, Sense::Files, &error);
            FileWatches::unavailable()
        });
        let mut socket_watch = SocketWatch::default();
        for directory in listeners.directories() {
            if let Err(error) = socket_watch.add_directory(&mut watches, &directory) {
                note_missing(
                    &mut log,
                    Sense::Sockets,
                    &format_args!("{}: {error}", directory.display()),
                );
            }
        }
        SocketWatch::add_locks(&mut watches, &listeners.locks());
        // The watch begins before the first read, so no change is missed.
        let config_watch =
            ConfigWatch::new(options.schema.clone(), environment.clone(), &mut watches);
        if let Some(path) = config_watch.unread() {
            let why = format_args!("{} is on a file system that may not answer", path.display());
            note_missing(&mut log, Sense::Configuration, &why);
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
            home: environment.home.clone(),
            log,
            degraded,
            watched: HashSet::new(),
            inputs,
            queue,
            connections: Connections::new(environment.uid, descriptors),
            idle_exit: options.idle_exit.unwrap_or(config.daemon.idle_exit),
            overrides_idle_exit: options.idle_exit.is_some(),
            idle_since: None,
            stopping: false,
            losses_changed: true,
        }
    }

    pub(crate) async fn serve(mut self) -> io::Result<()> {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        // The sockets were not watched between their creation and now.
        self.check_sockets().await;
        if let Some(home) = &self.home {
            let now = self.clock.now();
            let found = self.session_files.watch_usual_profile(home, &mut self.watches, now);
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
        if self.actor.needs_process_check(&input) {
            self.check_processes();
        }
        for output in self.actor.handle(input, now) {
            self.carry_out(output);
        }
    }

    /// Checks what nothing reports, because a client asks: suspended processes, and processes and files without a watch.
    fn check_processes(&mut self) {
        for process in self.actor.processes() {
            let info = process_info(process.pid).filter(|info| info.process == process);
            if let Some(info) = info {
                self.handle(Input::Suspended { process, on: info.suspended });
            } else if !self.watched.contains(&process) && is_gone(process) == Some(true) {
                self.handle(Input::ProcessExited(process));
            }
        }
        let found = self.session_files.read_unwatched(self.clock.now());
        self.handle_observations(found);
    }

    /// Notes once that the system does not provide a sense.
    fn note_missing(&mut self, sense: Sense, why: &str) {
        if !self.degraded.contains_key(&sense) {
            let line = format!("{} ({why}): {}", sense.name(), sense.consequence());
            self.note(Some(format!("degraded: {line}")));
            self.degraded.insert(sense, line);
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

    fn carry_out(&mut self, output: Output) {
        match output {
            Output::Send { connection, line } => {
                self.connections.send(connection, Outgoing::Reply(line));
            }
            Output::SayHello(connection) => {
                let mut info = self.actor.info();
                info.started = self.started.0;
                (info.lost, _) = self.listeners.losses();
                info.dropped = info.lost.total();
                info.sockets = self
                    .listeners
                    .sockets()
                    .iter()
                    .map(|path| path.display().to_string())
                    .collect();
                info.degraded = self.degraded.values().cloned().collect();
                self.connections
                    .send(connection, Outgoing::Reply(Reply::Hello(info).encode().into()));
            }
            Output::ProcessToWatch(wanted) => self.watch(&wanted),
            Output::FileLookup(lookup) => {
                let now = self.clock.now();
                let found = self.session_files.look_up(lookup, &mut self.watches, now);
                self.handle_observations(found.into_iter().collect());
            }
            Output::Forget(process) => {
                self.watched.remove(&process);
                self.session_files.remove_process(process, &mut self.watches);
            }
            Output::Notify(notification) => {
                let log = self.notifications.push(*notification);
                self.note(log);
            }
            Output::NoteLoss(loss) => {
                self.listeners.note_loss(loss);
                self.losses_changed = true;
            }
            Output::LossesSeen(count) => {
                // Events that were dropped since remain to be shown.
                if self.listeners.losses().1.total() == count {
                    self.listeners.mark_losses_seen();
                    self.losses_changed = true;
                }
            }
            Output::Stop => self.stop("stopped by a client"),
        }
    }

    /// Reads the configuration again. A wrong file changes nothing.
    fn configure(&mut self) {
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

    fn note(&mut self, lines: impl IntoIterator<Item = String>) {
        let now = self.clock.now();
        for line in lines {
            self.log.line(now.wall, &line);
        }
    }

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
                self.note_missing(Sense::Processes, &why);
                // The session file can still be read.
                self.watch_files(wanted);
            }
        }
    }

    fn watch_files(&mut self, wanted: &ProcessToWatch) {
        let now = self.clock.now();
        let found = self.session_files.watch_process(wanted, &mut self.watches, now);
        self.handle_observations(found);
    }

    fn flush(&mut self) {
        if let Some(why) = self.session_files.take_failure() {
            self.note_missing(Sense::Files, &why);
        }
        if std::mem::take(&mut self.losses_changed) {
            self.actor.set_unseen_losses(self.listeners.losses().1);
        }
        for batch in self.actor.flush() {
            let outgoing = Outgoing::Batch { lines: batch.lines, answers: batch.answers };
            self.connections.send(batch.connection, outgoing);
        }
    }

    fn add_connections(&mut self, streams: Vec<UnixStream>) {
        for stream in streams {
            let log = self.connections.add(stream, &self.inputs);
            self.note(log);
        }
    }

    async fn check_sockets(&mut self) {
        // A hook may have counted a dropped event.
        self.losses_changed = true;
        let mended = self.listeners.mend_modes();
        self.note(mended);
        let lost = self.listeners.verify().await;
        if let Some(path) = self.listeners.log()
            && !self.log.is_at(&path)
        {
            self.log = Log::open(&path);
        }
        let Some(waiting) = lost else { return };
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

    async fn deadline_passed(&mut self) {
        let now = Instant::now();
        self.connections.deadline_passed(now);
        let log = self.notifications.retry_due(now);
        self.note(log);
        let domain_now = self.clock.now();
        let found = self.session_files.run_due_lookups(&mut self.watches, domain_now);
        self.handle_observations(found);
        self.handle(Input::Tick);
        if self.idle_since.is_some_and(|since| since + self.idle_exit <= now) {
            self.try_to_exit().await;
        }
    }

    /// Exits unless a client connects in that very moment.
    async fn try_to_exit(&mut self) {
        match self.listeners.leave().await {
            Leaving::Left => {
                self.stop("unused");
            }
            Leaving::Stayed(came) => {
                self.add_connections(came);
                self.idle_since = None;
            }
            Leaving::Busy => self.idle_since = Some(Instant::now()),
        }
    }

    fn stop(&mut self, why: &str) {
        self.stopping = true;
        let now = self.clock.now();
        let events = self.actor.events();
        self.log.line(now.wall, &format!("left: {why}; served {events} events"));
    }

    fn note_idleness(&mut self) {
        let is_used = !self.connections.is_empty()
            || self.actor.has_live_rows()
            || self.notifications.is_busy();
        if is_used {
            self.idle_since = None;
        } else if self.idle_since.is_none() {
            self.idle_since = Some(Instant::now());
        }
    }

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

/// A sense of the daemon: changes that the system reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Sense {
    Processes,
    Files,
    Sockets,
    Configuration,
}

impl Sense {
    fn name(self) -> &'static str {
        match self {
            Self::Processes => "process watch unavailable",
            Self::Files => "file watch unavailable",
            Self::Sockets => "socket watch unavailable",
            Self::Configuration => "configuration not read",
        }
    }

    /// Describes the consequence for the user.
    fn consequence(self) -> &'static str {
        match self {
            Self::Processes => "a killed agent is noticed when a view asks",
            Self::Files => "what no hook tells is noticed when a view asks",
            Self::Sockets => "the sockets are looked at once a second",
            Self::Configuration => {
                "the defaults hold for the daemon; CREWBOARD_CONFIG can name a local file"
            }
        }
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

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}
