//! Telling people takes other programs, and those take time: each announcement is given to a process of
//! our own program, which asks who looks where, runs what the user configured, and leaves.

use crate::start::Inherited;
use crewboard_config::{Config, Notify, Rule};
use crewboard_core::Announcement;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::process::{Child, Command};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

/// What the process that tells people reads from its standard input, as JSON.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Telling {
    pub announcement: Announcement,
    /// What of the configuration is in force, also while the file is wrong.
    pub notify: Notify,
    pub rules: Vec<Rule>,
    /// The soft limit of open files that the daemon was started with.
    pub descriptors: Option<u64>,
    /// The file mode creation mask that the daemon was started with.
    pub umask: u32,
}

/// Announcements for people that are being told at once, and that wait for those.
const PEOPLE: (usize, usize) = (4, 16);

/// The same for the user's commands, each in a process of ours: they may be slow and must not hold up what a
/// person is to be told.
const COMMANDS: (usize, usize) = (16, 256);

/// How long one may take: the user's commands in it have a minute each, at the same time. It ends itself.
const OVER_WITHIN: Duration = Duration::from_secs(90);

/// How long after a process could not be started to try again, where no other's end makes room.
const TRY_AGAIN: Duration = Duration::from_secs(1);

/// Starts what tells people, a few at a time.
#[derive(Debug)]
pub(crate) struct Announcer {
    program: PathBuf,
    inherited: Inherited,
    notify: Notify,
    rules: Vec<Rule>,
    people: Lane,
    commands: Lane,
}

impl Announcer {
    pub(crate) fn new(inherited: Inherited, config: Config) -> Self {
        // The very program that runs, also where its file has been replaced by a newer one.
        let running = PathBuf::from("/proc/self/exe");
        let program = if running.exists() {
            running
        } else {
            std::env::current_exe().unwrap_or_else(|_| PathBuf::from("crewboard"))
        };
        let Config { notify, on: rules, .. } = config;
        let (people, commands) = (Lane::new(PEOPLE), Lane::new(COMMANDS));
        Self { program, inherited, notify, rules, people, commands }
    }

    /// Goes by this configuration from now on.
    pub(crate) fn configure(&mut self, config: Config) {
        (self.notify, self.rules) = (config.notify, config.on);
    }

    /// Tells `announcement`, as soon as there is room; what is to be said of it in the log.
    pub(crate) fn announce(&mut self, announcement: Announcement) -> Vec<String> {
        let Announcement { person, more, commands } = announcement;
        let telling = |announcement, rules| Telling {
            announcement,
            notify: self.notify.clone(),
            rules,
            descriptors: self.inherited.descriptors,
            umask: self.inherited.umask,
        };
        let mut said = Vec::new();
        if !person.is_empty() {
            let told = Announcement { person, more, commands: Vec::new() };
            said.extend(self.people.take(telling(told, Vec::new()), &self.program));
        }
        for row in commands {
            let status = row.status.word();
            for rule in self.rules.iter().filter(|rule| rule.is_for(status, row.needs_you)) {
                let told = Announcement { commands: vec![row.clone()], ..Announcement::default() };
                let told = telling(told, vec![rule.clone()]);
                said.extend(self.commands.take(told, &self.program));
            }
        }
        said
    }

    /// Whether anything is being told.
    pub(crate) fn is_busy(&self) -> bool {
        !self.people.running.is_empty() || !self.commands.running.is_empty()
    }

    /// When to try again to start what could not be started.
    pub(crate) fn try_at(&self) -> Option<Instant> {
        [&self.people, &self.commands].into_iter().filter_map(Lane::try_at).min()
    }

    /// Tries again, if it is time; what is to be said of it in the log.
    pub(crate) fn deadline_passed(&mut self, now: Instant) -> Vec<String> {
        let due = [&mut self.people, &mut self.commands].into_iter();
        let due = due.filter(|lane| lane.try_at().is_some_and(|at| at <= now));
        due.flat_map(|lane| lane.start(&self.program)).collect()
    }

    /// Waits until one is over; what is to be said of it in the log. Never returns while none runs.
    pub(crate) async fn over(&mut self) -> Vec<String> {
        let (lane, ended) = tokio::select! {
            Some(ended) = self.people.running.join_next() => (&mut self.people, ended),
            Some(ended) = self.commands.running.join_next() => (&mut self.commands, ended),
            else => std::future::pending().await,
        };
        let complaint = match ended {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(format!("announcing: {error}")),
            Err(error) => Some(format!("announcing: {error}")),
        };
        let mut said: Vec<String> = lane.complain(complaint).into_iter().collect();
        said.extend(lane.start(&self.program));
        said
    }
}

/// Announcements of one kind, in their order.
#[derive(Debug)]
struct Lane {
    running: JoinSet<io::Result<()>>,
    waiting: VecDeque<Telling>,
    max_running: usize,
    max_waiting: usize,
    /// What was wrong with the last one.
    complaint: Option<String>,
    /// How many were left out since none waited.
    left_out: usize,
    /// When to try again, should none run.
    try_at: Instant,
}

impl Lane {
    fn new((max_running, max_waiting): (usize, usize)) -> Self {
        let (running, waiting) = (JoinSet::new(), VecDeque::new());
        Self {
            running,
            waiting,
            max_running,
            max_waiting,
            complaint: None,
            left_out: 0,
            try_at: Instant::now(),
        }
    }

    /// What of a complaint is to be said: what stays wrong, as on a machine without a desktop, is said once.
    fn complain(&mut self, complaint: Option<String>) -> Option<String> {
        let is_news = self.complaint != complaint;
        self.complaint.clone_from(&complaint);
        complaint.filter(|_| is_news)
    }

    /// When to try again to start one. While any runs, its end is the time.
    fn try_at(&self) -> Option<Instant> {
        (self.running.is_empty() && !self.waiting.is_empty()).then_some(self.try_at)
    }

    fn take(&mut self, telling: Telling, program: &Path) -> Vec<String> {
        self.waiting.push_back(telling);
        let mut said = self.start(program);
        if self.waiting.len() > self.max_waiting {
            // Of what nobody has heard of, the oldest is worth least.
            self.waiting.pop_front();
            self.left_out += 1;
            if self.left_out == 1 {
                said.push("too much to announce at once: the oldest is left out".to_owned());
            }
        }
        said
    }

    fn start(&mut self, program: &Path) -> Vec<String> {
        while self.running.len() < self.max_running
            && let Some(telling) = self.waiting.pop_front()
        {
            // It has its own bounds. Were it killed with us, commands that it runs would be nobody's.
            let child = Command::new(program)
                .arg("notify")
                .stdin(Stdio::piped())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn();
            match child {
                Ok(child) => {
                    self.running.spawn(async move { tell(child, &telling).await });
                }
                Err(error) => {
                    // There may be room again soon.
                    self.waiting.push_front(telling);
                    self.try_at = Instant::now() + TRY_AGAIN;
                    let complaint = format!("cannot start what announces: {error}");
                    return self.complain(Some(complaint)).into_iter().collect();
                }
            }
        }
        let left_out = if self.waiting.is_empty() { std::mem::take(&mut self.left_out) } else { 0 };
        (left_out > 0)
            .then(|| format!("too much to announce at once: {left_out} were left out"))
            .into_iter()
            .collect()
    }
}

/// Gives the announcement to the process and waits for its end.
async fn tell(mut child: Child, telling: &Telling) -> io::Result<()> {
    let line = serde_json::to_vec(telling)?;
    let told = timeout(OVER_WITHIN, async {
        if let Some(mut stdin) = child.stdin.take() {
            stdin.write_all(&line).await?;
        }
        child.wait().await
    });
    match told.await {
        Ok(Ok(status)) if !status.success() => {
            Err(io::Error::other(format!("{status}; `crewboard notify --test` says why")))
        }
        Ok(ended) => ended.map(|_| ()),
        Err(_) => Err(io::Error::new(io::ErrorKind::TimedOut, "it does not end")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crewboard_core::{Session, Status};

    /// One that is told apart by its umask.
    fn telling(number: u32) -> Telling {
        Telling {
            announcement: Announcement::default(),
            notify: Notify {
                statuses: Vec::new(),
                desktop: false,
                terminal: "off".to_owned(),
                content: false,
            },
            rules: Vec::new(),
            descriptors: None,
            umask: number,
        }
    }

    fn waiting(lane: &Lane) -> Vec<u32> {
        lane.waiting.iter().map(|telling| telling.umask).collect()
    }

    #[tokio::test]
    async fn each_command_of_each_session_is_counted() {
        let rule =
            |status: &str| Rule { statuses: vec![status.to_owned()], run: String::new(), line: 1 };
        let mut announcer = Announcer {
            program: "/bin/true".into(),
            inherited: Inherited { descriptors: None, umask: 0 },
            notify: telling(0).notify,
            rules: vec![rule("working"), rule("done"), rule("needs-you"), rule("working")],
            people: Lane::new(PEOPLE),
            commands: Lane::new(COMMANDS),
        };
        let works = Session { status: Status::Working, ..Session::default() };
        let asks = Session { status: Status::Permission, needs_you: true, ..Session::default() };
        let mut commands = vec![works; 15];
        commands.push(asks);
        announcer.announce(Announcement { commands, ..Announcement::default() });
        assert_eq!((announcer.commands.running.len(), announcer.commands.waiting.len()), (16, 15));
        let one = &announcer.commands.waiting[0];
        assert_eq!((one.announcement.commands.len(), one.rules.len()), (1, 1));
    }

    #[tokio::test]
    async fn what_cannot_be_started_is_tried_again_and_the_oldest_is_left_out() {
        let (nothing, program) = (Path::new("/nonexistent"), Path::new("/bin/true"));
        let mut lane = Lane::new((1, 2));
        assert_eq!(lane.try_at(), None);
        let said = lane.take(telling(0), nothing);
        assert!(said[0].starts_with("cannot start what announces: "), "{said:?}");
        assert!(lane.try_at().is_some_and(|at| at > Instant::now()));
        // It is said once, and the newest are kept.
        assert_eq!(lane.take(telling(1), nothing), [""; 0]);
        let said = lane.take(telling(2), nothing);
        assert_eq!(said, ["too much to announce at once: the oldest is left out"]);
        assert_eq!(lane.take(telling(3), nothing), [""; 0]);
        assert_eq!(waiting(&lane), [2, 3]);
        // Full, and there is room again.
        assert_eq!(lane.take(telling(4), program), [""; 0]);
        assert_eq!((lane.running.len(), waiting(&lane)), (1, vec![3, 4]));
        assert_eq!(lane.try_at(), None);
        lane.running.join_next().await;
        assert_eq!(lane.start(program), [""; 0]);
        lane.running.join_next().await;
        let said = lane.start(program);
        assert_eq!(said, ["too much to announce at once: 2 were left out"]);
        assert_eq!((lane.running.len(), lane.try_at()), (1, None));
    }

    #[test]
    fn what_stays_wrong_is_said_once() {
        let mut lane = Lane::new(PEOPLE);
        let wrong = || Some("no bus".to_owned());
        let mut said = |complaint| lane.complain(complaint);
        assert_eq!(said(wrong()), wrong());
        assert_eq!(said(wrong()), None);
        assert_eq!(said(None), None);
        assert_eq!(said(wrong()), wrong());
    }
}
