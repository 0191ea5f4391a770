//! The loop that carries out what the actor decides.

use crate::actor::{Actor, Input, Output};
use crate::agent_files::AgentFiles;
use crate::announcer::Announcer;
use crate::configured::{Configured, interest};
use crate::connection::Outgoing;
use crate::connections::Connections;
use crate::directory_watch::DirectoryWatch;
use crate::listeners::{Leaving, Listeners};
use crate::log::Log;
use crate::origin::origin_of;
use crate::process_watch::{Watching, is_gone, watch};
use crate::start::{Inherited, Options};
use crewboard_config::Environment;
use crewboard_core::{Observation, Process, Timestamp, Watch};
use crewboard_platform::{Clock, ancestors_of, facts_of};
use crewboard_protocol::Reply;
use std::collections::{BTreeMap, HashSet};
use std::io;
use std::path::PathBuf;
use std::time::Duration;
use tokio::net::UnixStream;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use tokio::time::Instant;

/// Inputs that may wait for the actor. Who has one more waits with it.
const QUEUE: usize = 1024;

/// Inputs taken in before what follows from them is sent: a flood must not silence the pushes.
const MAX_TURN: usize = 256;

/// How long a leaving daemon waits for the last lines to be written: they are handed to the kernel,
/// not read.
const LAST_WORDS: Duration = Duration::from_millis(100);

/// The daemon's one loop and all it holds.
#[derive(Debug)]
pub(crate) struct Server {
    actor: Actor,
    clock: Clock,
    started: Timestamp,
    listeners: Listeners,
    directories: DirectoryWatch,
    files: AgentFiles,
    configured: Configured,
    announcer: Announcer,
    /// The user's own, where the agents' own directories are.
    home: Option<PathBuf>,
    log: Log,
    /// What the system does not let us watch.
    degraded: BTreeMap<Sense, String>,
    /// Processes whose ends the kernel will tell.
    watched: HashSet<Process>,
    inputs: mpsc::Sender<Input>,
    queue: mpsc::Receiver<Input>,
    connections: Connections,
    idle_exit: Duration,
    /// The configuration does not change it.
    keeps_idle_exit: bool,
    /// Since when there has been nobody to serve.
    idle_since: Option<Instant>,
    stopping: bool,
    /// The lock files may count other losses than the subscriptions know.
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
        let mut lacks = |log: &mut Log, sense: Sense, why: &dyn std::fmt::Display| {
            let line = format!("{} ({why}): {}", sense.name(), sense.consequence());
            log.line(now.wall, &format!("degraded: {line}"));
            degraded.entry(sense).or_insert(line);
        };
        let mut directories = DirectoryWatch::new().unwrap_or_else(|error| {
            lacks(&mut log, Sense::Sockets, &error);
            DirectoryWatch::deaf()
        });
        for directory in listeners.directories() {
            if let Err(error) = directories.add(&directory) {
                lacks(&mut log, Sense::Sockets, &format_args!("{}: {error}", directory.display()));
            }
        }
        // A lock that cannot be watched is read with the next change of its directory.
        directories.add_files(&listeners.locks());
        let files = AgentFiles::new().unwrap_or_else(|error| {
            lacks(&mut log, Sense::Files, &error);
            AgentFiles::blind()
        });
        // Watched before it is read: no change is missed in between.
        let configured = Configured::new(options.schema.clone(), environment.clone());
        if let Some(path) = configured.unread() {
            let why = format_args!("{} is on a file system that may not answer", path.display());
            lacks(&mut log, Sense::Configuration, &why);
        }
        let mut actor = Actor::new(epoch_of(now.stamp.micros));
        let config = configured.load().config();
        actor.set_interest(interest(&config));
        Self {
            actor,
            clock,
            started: now.wall,
            listeners,
            directories,
            files,
            configured,
            announcer: Announcer::new(inherited, config.clone()),
            home: environment.home.clone(),
            log,
            degraded,
            watched: HashSet::new(),
            inputs,
            queue,
            connections: Connections::new(environment.uid, descriptors),
            idle_exit: options.idle_exit.unwrap_or(config.daemon.idle_exit),
            keeps_idle_exit: options.idle_exit.is_some(),
            idle_since: None,
            stopping: false,
            losses_changed: true,
        }
    }

    pub(crate) async fn serve(mut self) -> io::Result<()> {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        // Nobody was watching from the moment they were bound until now.
        self.look_after_sockets().await;
        if let Some(home) = &self.home {
            let found = self.files.begin(home, self.clock.now());
            // What they wait for was told when it began.
            self.actor.hold_announcements(true);
            self.take_observations(found);
            self.actor.hold_announcements(false);
        }
        while !self.stopping {
            let deadline = self.next_deadline();
            let may_accept = self.connections.may_accept(|id| self.actor.serves(id));
            tokio::select! {
                biased;
                Some(input) = self.queue.recv() => self.turn(input),
                accepted = self.listeners.accept(), if may_accept => {
                    self.connections.make_room(|id| self.actor.serves(id));
                    let said = self.connections.accepted(accepted, &self.inputs);
                    self.note(said);
                }
                changed = self.files.changed() => {
                    let found = self.files.read(changed, self.clock.now());
                    self.take_observations(found);
                }
                () = self.directories.changed() => self.look_after_sockets().await,
                () = self.configured.changed() => self.configure(),
                said = self.announcer.over() => self.note(said),
                () = until(deadline) => self.deadline_passed().await,
                _ = terminate.recv() => self.leave_now("told to by a signal"),
                _ = interrupt.recv() => self.leave_now("told to by a signal"),
            }
            self.flush();
            self.note_idleness();
        }
        self.listeners.close();
        self.let_go().await;
        Ok(())
    }

    /// Ends all connections; what was said last still goes out to whoever reads.
    async fn let_go(mut self) {
        let mut open = self.connections.let_go();
        let patience = tokio::time::sleep(LAST_WORDS);
        tokio::pin!(patience);
        while !open.is_empty() {
            tokio::select! {
                biased;
                () = &mut patience => break,
                Some(input) = self.queue.recv() => if let Input::Closed(id) = input {
                    open.remove(&id);
                },
            }
        }
    }

    /// Takes in an input and those that wait behind it.
    fn turn(&mut self, first: Input) {
        self.take(first);
        for _ in 1..MAX_TURN {
            match self.queue.try_recv() {
                Ok(input) => self.take(input),
                Err(_) => break,
            }
        }
    }

    fn take(&mut self, input: Input) {
        match &input {
            Input::Closed(connection) => self.connections.ended(*connection),
            Input::Silent(connection) => self.connections.is_silent(*connection),
            Input::Request { connection, .. } => self.connections.has_asked(*connection),
            _ => {}
        }
        let now = self.clock.now();
        if let Input::ProcessExited(process) = input
            && let Some(left) = self.files.farewell(process, now)
        {
            self.take_observations(vec![left]);
        }
        if self.actor.wants_look(&input) {
            self.look_around();
        }
        for output in self.actor.handle(input, now) {
            self.carry_out(output);
        }
    }

    /// Looks at what nothing tells of, because a view asks: suspended processes, and what cannot be watched.
    fn look_around(&mut self) {
        for process in self.actor.processes() {
            let facts = facts_of(process.pid).filter(|facts| facts.process == process);
            if let Some(facts) = facts {
                self.take(Input::Suspended { process, on: facts.suspended });
            } else if !self.watched.contains(&process) && is_gone(process) == Some(true) {
                self.take(Input::ProcessExited(process));
            }
        }
        let found = self.files.glimpse(self.clock.now());
        self.take_observations(found);
    }

    /// Notes once that the system does not let us watch something.
    fn lacks(&mut self, sense: Sense, why: &str) {
        if !self.degraded.contains_key(&sense) {
            let line = format!("{} ({why}): {}", sense.name(), sense.consequence());
            self.note(Some(format!("degraded: {line}")));
            self.degraded.insert(sense, line);
        }
    }

    fn take_observations(&mut self, observations: Vec<Observation>) {
        for observation in observations {
            self.take(Input::Observed(Box::new(observation)));
        }
    }

    fn carry_out(&mut self, output: Output) {
        match output {
            Output::Send { connection, line } => {
                self.connections.send(connection, Outgoing::Reply(line));
            }
            Output::SayHello(connection) => {
                let mut facts = self.actor.facts();
                facts.started = self.started.0;
                (facts.lost, _) = self.listeners.losses();
                facts.dropped = facts.lost.total();
                facts.sockets = self
                    .listeners
                    .sockets()
                    .iter()
                    .map(|path| path.display().to_string())
                    .collect();
                facts.degraded = self.degraded.values().cloned().collect();
                self.connections
                    .send(connection, Outgoing::Reply(Reply::Hello(facts).encode().into()));
            }
            Output::Watch(wanted) => self.watch(&wanted),
            Output::Look(look) => {
                let found = self.files.look(look, self.clock.now());
                self.take_observations(found.into_iter().collect());
            }
            Output::Forget(process) => {
                self.watched.remove(&process);
                self.files.forget(process);
            }
            Output::Announce(announcement) => {
                let said = self.announcer.announce(*announcement);
                self.note(said);
            }
            Output::NoteLoss(loss) => {
                self.listeners.note_loss(loss);
                self.losses_changed = true;
            }
            Output::LossesSeen(count) => {
                // Those that were lost since the client was told remain to be shown.
                if self.listeners.losses().1.total() == count {
                    self.listeners.mark_losses_seen();
                    self.losses_changed = true;
                }
            }
            Output::Stop => self.leave_now("told to by a client"),
        }
    }

    /// Takes in a configuration that may be another. A wrong one changes nothing.
    fn configure(&mut self) {
        let loaded = self.configured.load();
        for problem in &loaded.problems {
            self.note(Some(format!("configuration: {problem}")));
        }
        if loaded.errors().next().is_some() {
            return;
        }
        let config = loaded.config();
        self.actor.set_interest(interest(&config));
        self.announcer.configure(config.clone());
        if !self.keeps_idle_exit {
            self.idle_exit = config.daemon.idle_exit;
        }
    }

    fn note(&mut self, said: impl IntoIterator<Item = String>) {
        let now = self.clock.now();
        for line in said {
            self.log.line(now.wall, &line);
        }
    }

    fn watch(&mut self, wanted: &Watch) {
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
                    self.take(Input::OriginFound { process, origin });
                }
                self.take(Input::ProcessWatched { process, ancestors });
                let found = self.files.follow(wanted, self.clock.now());
                self.take_observations(found);
            }
            Watching::Gone => {
                // Its last words may wait in the queue: its end comes after them.
                let inputs = self.inputs.clone();
                tokio::spawn(async move { inputs.send(Input::ProcessExited(process)).await });
            }
            Watching::Impossible(why) => {
                self.lacks(Sense::Processes, &why);
                // What its file says is worth as much as before.
                let found = self.files.follow(wanted, self.clock.now());
                self.take_observations(found);
            }
        }
    }

    fn flush(&mut self) {
        if let Some(why) = self.files.take_failure() {
            self.lacks(Sense::Files, &why);
        }
        if std::mem::take(&mut self.losses_changed) {
            self.actor.set_unseen_losses(self.listeners.losses().1);
        }
        for batch in self.actor.flush() {
            let outgoing = Outgoing::Batch { lines: batch.lines, answers: batch.answers };
            self.connections.send(batch.connection, outgoing);
        }
    }

    fn welcome(&mut self, streams: Vec<UnixStream>) {
        for stream in streams {
            let said = self.connections.welcome(stream, &self.inputs);
            self.note(said);
        }
    }

    async fn look_after_sockets(&mut self) {
        // A hook may have noted a loss.
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
        self.welcome(waiting);
        if self.listeners.sockets().is_empty() {
            return self.leave_now("there is no place left to listen");
        }
        let now = self.clock.now();
        self.log.line(now.wall, &format!("moved: listens on {}", show(&self.listeners.sockets())));
        for directory in self.listeners.directories() {
            if let Err(error) = self.directories.add(&directory) {
                self.note([format!("{} cannot be watched: {error}", directory.display())]);
            }
        }
        self.directories.add_files(&self.listeners.locks());
    }

    async fn deadline_passed(&mut self) {
        let now = Instant::now();
        self.connections.deadline_passed(now);
        let said = self.announcer.deadline_passed(now);
        self.note(said);
        let found = self.files.look_now(self.clock.now());
        self.take_observations(found);
        self.take(Input::Tick);
        if self.idle_since.is_some_and(|since| since + self.idle_exit <= now) {
            self.try_to_leave().await;
        }
    }

    /// Leaves, unless somebody comes in that very moment.
    async fn try_to_leave(&mut self) {
        match self.listeners.leave().await {
            Leaving::Left => {
                self.leave_now("nobody to serve");
            }
            Leaving::Stayed(came) => {
                self.welcome(came);
                self.idle_since = None;
            }
            Leaving::Busy => self.idle_since = Some(Instant::now()),
        }
    }

    fn leave_now(&mut self, why: &str) {
        self.stopping = true;
        let now = self.clock.now();
        let events = self.actor.events();
        self.log.line(now.wall, &format!("left: {why}; served {events} events"));
    }

    fn note_idleness(&mut self) {
        let has_company =
            !self.connections.is_empty() || self.actor.has_live_rows() || self.announcer.is_busy();
        if has_company {
            self.idle_since = None;
        } else if self.idle_since.is_none() {
            self.idle_since = Some(Instant::now());
        }
    }

    fn next_deadline(&self) -> Option<Instant> {
        let domain = self.actor.next_deadline(self.clock.now());
        let domain = domain.map(|wait| Instant::now() + Duration::from_millis(wait));
        let idle = self.idle_since.map(|since| since + self.idle_exit);
        let announcer = self.announcer.try_at();
        [domain, idle, announcer, self.connections.accept_from(), self.files.next_look()]
            .into_iter()
            .flatten()
            .min()
    }
}

/// What the daemon is told of by the system, where that lets it.
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

    /// What follows for the user.
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

/// A name for this run of the daemon: unlike that of any other run a client may remember.
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
