//! Queue of the processes that notify the user and run the user's commands. Both may take long, so the daemon
//! starts its own program for each notification and does not wait for it.

use crate::options::Inherited;
use crewboard_config::{Config, Notify, Rule};
use crewboard_core::Notification;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, Command};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

/// The JSON that `crewboard notify` reads from its standard input.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct NotificationJob {
    pub notification: Notification,
    /// The configuration in force. The file may be broken by now.
    pub notify: Notify,
    pub rules: Vec<Rule>,
    /// The soft limit of open files that the daemon was started with.
    pub descriptors: Option<u64>,
    /// The file mode creation mask that the daemon was started with.
    pub umask: u32,
    /// The process may wait for a click after it has notified the user. It then writes [`WAITS_FOR_CLICK`] to its standard
    /// output.
    pub may_wait_for_click: bool,
}

/// The line of a process that has notified the user and now waits for a click on the notification.
pub const WAITS_FOR_CLICK: &[u8] = b"waits\n";

/// Processes that notify the user at once, and jobs that wait for one.
const USER_BOUNDS: (usize, usize) = (4, 16);

/// The same bounds for the user's commands. They have a queue of their own, because a slow command must not delay a
/// notification.
const COMMAND_BOUNDS: (usize, usize) = (16, 256);

/// The same bounds for processes that only ask the terminals what the user looks at. They have a queue of their own,
/// because many turns that end at once must not drop a notification.
const LOOK_BOUNDS: (usize, usize) = (4, 16);

/// Processes that wait for a click at once. A further notification cannot be clicked.
const MAX_CLICKS: usize = 8;

/// Time limit of the daemon's wait for a process. The process ends itself earlier: it gives its commands a minute.
const FINISH_WITHIN: Duration = Duration::from_secs(90);

/// Pause before the next attempt to start a process, if none runs whose end would make room.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Starts the processes that notify the user, a few at a time. Most methods return lines for the log.
#[derive(Debug)]
pub(crate) struct NotificationQueue {
    program: PathBuf,
    inherited: Inherited,
    notify: Notify,
    rules: Vec<Rule>,
    user: JobQueue,
    looks: JobQueue,
    commands: JobQueue,
    /// Processes that have notified the user and wait for a click. They delay nothing, not even the exit of the daemon.
    clicks: JoinSet<()>,
}

impl NotificationQueue {
    /// Creates a queue that uses this configuration.
    pub(crate) fn new(inherited: Inherited, config: Config) -> Self {
        // This is the running program, even if its file has been replaced by a newer one.
        let running = PathBuf::from("/proc/self/exe");
        let program = if running.exists() {
            running
        } else {
            std::env::current_exe().unwrap_or_else(|_| PathBuf::from("crewboard"))
        };
        let Config { notify, on: rules, .. } = config;
        let (user, looks) = (JobQueue::new(USER_BOUNDS), JobQueue::new(LOOK_BOUNDS));
        let commands = JobQueue::new(COMMAND_BOUNDS);
        let clicks = JoinSet::new();
        Self { program, inherited, notify, rules, user, looks, commands, clicks }
    }

    /// Uses this configuration from now on.
    pub(crate) fn configure(&mut self, config: Config) {
        (self.notify, self.rules) = (config.notify, config.on);
    }

    /// Adds a job that notifies the user or asks the terminals, and one for each command. Starts them if there is room.
    pub(crate) fn push(&mut self, notification: Notification) -> Vec<String> {
        let Notification { for_user, more, for_rules, unseen } = notification;
        let waiting = self.clicks.len() + self.user.running.len() + self.user.waiting.len();
        let may_wait_for_click = !for_user.is_empty() && waiting < MAX_CLICKS;
        let job = |notification, rules| NotificationJob {
            notification,
            notify: self.notify.clone(),
            rules,
            descriptors: self.inherited.descriptors,
            umask: self.inherited.umask,
            may_wait_for_click,
        };
        let mut log = Vec::new();
        let queue = if for_user.is_empty() { &mut self.looks } else { &mut self.user };
        if !for_user.is_empty() || !unseen.is_empty() {
            let notification = Notification { for_user, more, for_rules: Vec::new(), unseen };
            log.extend(queue.push(job(notification, Vec::new()), &self.program));
        }
        for row in for_rules {
            let status = row.status.word();
            for rule in self.rules.iter().filter(|rule| rule.is_for(status, row.needs_you)) {
                let for_rules = vec![row.clone()];
                let notification = Notification { for_rules, ..Notification::default() };
                let job = NotificationJob {
                    may_wait_for_click: false,
                    ..job(notification, vec![rule.clone()])
                };
                log.extend(self.commands.push(job, &self.program));
            }
        }
        log
    }

    /// Returns true while a process runs.
    pub(crate) fn is_busy(&self) -> bool {
        [&self.user, &self.looks, &self.commands].iter().any(|queue| !queue.running.is_empty())
    }

    /// Returns the time of the next attempt to start a process, if an attempt failed.
    pub(crate) fn retry_at(&self) -> Option<Instant> {
        [&self.user, &self.looks, &self.commands].into_iter().filter_map(JobQueue::retry_at).min()
    }

    /// Retries to start processes if it is time.
    pub(crate) fn retry_due(&mut self, now: Instant) -> Vec<String> {
        let queues = [&mut self.user, &mut self.looks, &mut self.commands].into_iter();
        let due = queues.filter(|queue| queue.retry_at().is_some_and(|at| at <= now));
        due.flat_map(|queue| queue.start(&self.program)).collect()
    }

    /// Waits until a process has ended or waits for a click, and starts the next. Never returns while no process runs.
    pub(crate) async fn next_finished(&mut self) -> Vec<String> {
        let (queue, result) = tokio::select! {
            Some(_) = self.clicks.join_next() => return Vec::new(),
            Some(result) = self.user.running.join_next() => (&mut self.user, result),
            Some(result) = self.looks.running.join_next() => (&mut self.looks, result),
            Some(result) = self.commands.running.join_next() => (&mut self.commands, result),
            else => std::future::pending().await,
        };
        let problem = match result {
            Ok(Ok(Ended::Exited)) => None,
            Ok(Ok(Ended::WaitsForClick(mut child))) => {
                self.clicks.spawn(async move {
                    let _ = child.wait().await;
                });
                None
            }
            Ok(Err(error)) => Some(format!("notification failed: {error}")),
            Err(error) => Some(format!("notification failed: {error}")),
        };
        let mut log: Vec<String> = queue.report(problem).into_iter().collect();
        log.extend(queue.start(&self.program));
        log
    }
}

/// Jobs of one kind, in their order.
#[derive(Debug)]
struct JobQueue {
    running: JoinSet<io::Result<Ended>>,
    waiting: VecDeque<NotificationJob>,
    max_running: usize,
    max_waiting: usize,
    /// The problem of the last job.
    problem: Option<String>,
    /// Jobs dropped since the queue was last empty.
    dropped: usize,
    /// The time of the next attempt, if none runs.
    retry_at: Instant,
}

impl JobQueue {
    fn new((max_running, max_waiting): (usize, usize)) -> Self {
        let (running, waiting) = (JoinSet::new(), VecDeque::new());
        Self {
            running,
            waiting,
            max_running,
            max_waiting,
            problem: None,
            dropped: 0,
            retry_at: Instant::now(),
        }
    }

    /// Returns `problem` if it differs from the last one. A lasting problem, such as a missing desktop, is logged once.
    fn report(&mut self, problem: Option<String>) -> Option<String> {
        let is_new = self.problem != problem;
        self.problem.clone_from(&problem);
        problem.filter(|_| is_new)
    }

    /// Returns the time of the next attempt. While a process runs, its end starts the next one.
    fn retry_at(&self) -> Option<Instant> {
        (self.running.is_empty() && !self.waiting.is_empty()).then_some(self.retry_at)
    }

    /// Adds a job and starts it if there is room. Drops the oldest waiting job if too many wait.
    fn push(&mut self, job: NotificationJob, program: &Path) -> Vec<String> {
        self.waiting.push_back(job);
        let mut log = self.start(program);
        if self.waiting.len() > self.max_waiting {
            // The oldest is least useful to the user.
            self.waiting.pop_front();
            self.dropped += 1;
            if self.dropped == 1 {
                log.push("too many notifications: the oldest is dropped".to_owned());
            }
        }
        log
    }

    /// Starts waiting jobs while there is room.
    fn start(&mut self, program: &Path) -> Vec<String> {
        while self.running.len() < self.max_running
            && let Some(job) = self.waiting.pop_front()
        {
            // The process has a deadline of its own. If it were killed with the daemon, its commands would become
            // orphans.
            let child = Command::new(program)
                .arg("notify")
                .stdin(Stdio::piped())
                .stdout(if job.may_wait_for_click { Stdio::piped() } else { Stdio::null() })
                .stderr(Stdio::null())
                .spawn();
            match child {
                Ok(child) => {
                    self.running.spawn(async move { run(child, &job).await });
                }
                Err(error) => {
                    self.waiting.push_front(job);
                    self.retry_at = Instant::now() + RETRY_AFTER;
                    let problem = format!("cannot start `crewboard notify`: {error}");
                    return self.report(Some(problem)).into_iter().collect();
                }
            }
        }
        let dropped = if self.waiting.is_empty() { std::mem::take(&mut self.dropped) } else { 0 };
        (dropped > 0)
            .then(|| format!("too many notifications: {dropped} were dropped"))
            .into_iter()
            .collect()
    }
}

/// The end of a job.
#[derive(Debug)]
enum Ended {
    Exited,
    /// The process has notified the user and waits for a click. It exits by itself, at the latest at its time limit.
    WaitsForClick(Child),
}

/// Writes the job to the process. Waits until the process ends or waits for a click.
async fn run(mut child: Child, job: &NotificationJob) -> io::Result<Ended> {
    let line = serde_json::to_vec(job)?;
    let finished = timeout(FINISH_WITHIN, async {
        if let Some(mut stdin) = child.stdin.take() {
            stdin.write_all(&line).await?;
        }
        if let Some(mut stdout) = child.stdout.take() {
            let mut first = [0; 1];
            if stdout.read(&mut first).await? > 0 {
                return Ok(None);
            }
        }
        child.wait().await.map(Some)
    });
    match finished.await {
        Ok(Ok(Some(status))) if !status.success() => {
            Err(io::Error::other(format!("{status}; run `crewboard notify --test` to see why")))
        }
        Ok(Ok(Some(_))) => Ok(Ended::Exited),
        Ok(Ok(None)) => Ok(Ended::WaitsForClick(child)),
        Ok(Err(error)) => Err(error),
        Err(_) => Err(io::Error::new(io::ErrorKind::TimedOut, "the process does not exit")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crewboard_core::{Session, Status};

    /// Makes a job whose umask identifies it.
    fn job(number: u32) -> NotificationJob {
        NotificationJob {
            notification: Notification::default(),
            notify: Notify {
                statuses: Vec::new(),
                desktop: false,
                terminal: "off".to_owned(),
                content: false,
                quiet: None,
                sounds: Vec::new(),
            },
            rules: Vec::new(),
            descriptors: None,
            umask: number,
            may_wait_for_click: false,
        }
    }

    fn waiting(queue: &JobQueue) -> Vec<u32> {
        queue.waiting.iter().map(|job| job.umask).collect()
    }

    #[tokio::test]
    async fn each_command_of_each_session_is_a_job() {
        let rule =
            |status: &str| Rule { statuses: vec![status.to_owned()], run: String::new(), line: 1 };
        let mut queue = NotificationQueue {
            program: "/bin/true".into(),
            inherited: Inherited { descriptors: None, umask: 0 },
            notify: job(0).notify,
            rules: vec![rule("working"), rule("done"), rule("needs-you"), rule("working")],
            user: JobQueue::new(USER_BOUNDS),
            looks: JobQueue::new(LOOK_BOUNDS),
            commands: JobQueue::new(COMMAND_BOUNDS),
            clicks: JoinSet::new(),
        };
        let working = Session { status: Status::Working, ..Session::default() };
        let prompting =
            Session { status: Status::Permission, needs_you: true, ..Session::default() };
        let mut for_rules = vec![working; 15];
        for_rules.push(prompting);
        queue.push(Notification { for_rules, ..Notification::default() });
        assert_eq!((queue.commands.running.len(), queue.commands.waiting.len()), (16, 15));
        let job = &queue.commands.waiting[0];
        assert_eq!((job.notification.for_rules.len(), job.rules.len()), (1, 1));
    }

    #[tokio::test]
    async fn only_a_few_notifications_wait_for_a_click() {
        let mut queue = NotificationQueue {
            program: "/bin/true".into(),
            inherited: Inherited { descriptors: None, umask: 0 },
            notify: job(0).notify,
            rules: Vec::new(),
            user: JobQueue::new((0, 16)),
            looks: JobQueue::new((0, 16)),
            commands: JobQueue::new(COMMAND_BOUNDS),
            clicks: JoinSet::new(),
        };
        let row = || vec![Session::default()];
        queue.push(Notification { unseen: row(), ..Notification::default() });
        queue.push(Notification { for_user: row(), ..Notification::default() });
        for _ in 1..MAX_CLICKS {
            queue.clicks.spawn(std::future::pending());
        }
        queue.push(Notification { for_user: row(), ..Notification::default() });
        let may_wait = |queue: &JobQueue| {
            queue.waiting.iter().map(|job| job.may_wait_for_click).collect::<Vec<_>>()
        };
        assert_eq!(
            (may_wait(&queue.user), may_wait(&queue.looks)),
            (vec![true, false], vec![false])
        );
        // They do not keep the daemon from exiting.
        assert!(!queue.is_busy());
    }

    #[tokio::test]
    async fn process_that_waits_for_a_click_makes_room() {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", "echo waits; exec sleep 60"]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        match run(command.spawn().unwrap(), &job(0)).await.unwrap() {
            Ended::WaitsForClick(mut child) => child.kill().await.unwrap(),
            Ended::Exited => panic!("the process still runs"),
        }
    }

    #[tokio::test]
    async fn failed_start_is_retried_and_the_oldest_job_dropped() {
        let (missing, program) = (Path::new("/nonexistent"), Path::new("/bin/true"));
        let mut queue = JobQueue::new((1, 2));
        assert_eq!(queue.retry_at(), None);
        let log = queue.push(job(0), missing);
        assert!(log[0].starts_with("cannot start `crewboard notify`: "), "{log:?}");
        assert!(queue.retry_at().is_some_and(|at| at > Instant::now()));
        // The problem is logged once, and the newest jobs are kept.
        assert_eq!(queue.push(job(1), missing), [""; 0]);
        let log = queue.push(job(2), missing);
        assert_eq!(log, ["too many notifications: the oldest is dropped"]);
        assert_eq!(queue.push(job(3), missing), [""; 0]);
        assert_eq!(waiting(&queue), [2, 3]);
        // The queue is full, and the program can be started again.
        assert_eq!(queue.push(job(4), program), [""; 0]);
        assert_eq!((queue.running.len(), waiting(&queue)), (1, vec![3, 4]));
        assert_eq!(queue.retry_at(), None);
        queue.running.join_next().await;
        assert_eq!(queue.start(program), [""; 0]);
        queue.running.join_next().await;
        let log = queue.start(program);
        assert_eq!(log, ["too many notifications: 2 were dropped"]);
        assert_eq!((queue.running.len(), queue.retry_at()), (1, None));
    }

    #[test]
    fn lasting_problem_is_logged_once() {
        let mut queue = JobQueue::new(USER_BOUNDS);
        let problem = || Some("no bus".to_owned());
        assert_eq!(queue.report(problem()), problem());
        assert_eq!(queue.report(problem()), None);
        assert_eq!(queue.report(None), None);
        assert_eq!(queue.report(problem()), problem());
    }
}
