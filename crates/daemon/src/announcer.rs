//! Telling people takes other programs, and those take time: each announcement is given to a process of
//! our own program, which asks who looks where, runs what the user configured, and leaves.

use crewboard_core::Announcement;
use std::collections::VecDeque;
use std::io;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::process::{Child, Command};
use tokio::task::JoinSet;
use tokio::time::timeout;

/// Announcements that are being told at once: a slow command of the user's must not hold up a person's.
const MAX_RUNNING: usize = 16;

/// Announcements that may wait for those. What is more is not told.
const MAX_WAITING: usize = 64;

/// How long one may take: the user's commands in it have a minute each, at the same time.
const OVER_WITHIN: Duration = Duration::from_secs(70);

/// Starts what tells people, a few at a time.
#[derive(Debug)]
pub(crate) struct Announcer {
    program: PathBuf,
    running: JoinSet<io::Result<()>>,
    waiting: VecDeque<Announcement>,
}

impl Announcer {
    pub(crate) fn new() -> Self {
        // The very program that runs, also where its file has been replaced by a newer one.
        let running = PathBuf::from("/proc/self/exe");
        let program = if running.exists() {
            running
        } else {
            std::env::current_exe().unwrap_or_else(|_| PathBuf::from("crewboard"))
        };
        Self { program, running: JoinSet::new(), waiting: VecDeque::new() }
    }

    /// Tells `announcement`, as soon as there is room; what is to be said of it in the log.
    pub(crate) fn announce(&mut self, announcement: Announcement) -> Option<String> {
        if self.waiting.len() == MAX_WAITING {
            return Some("too much to announce at once: some of it is left out".to_owned());
        }
        self.waiting.push_back(announcement);
        self.start()
    }

    fn start(&mut self) -> Option<String> {
        while self.running.len() < MAX_RUNNING
            && let Some(announcement) = self.waiting.pop_front()
        {
            let child = Command::new(&self.program)
                .arg("notify")
                .stdin(Stdio::piped())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .kill_on_drop(true)
                .spawn();
            match child {
                Ok(child) => {
                    self.running.spawn(async move { tell(child, &announcement).await });
                }
                Err(error) => return Some(format!("cannot start what announces: {error}")),
            }
        }
        None
    }

    /// Waits until one is over; what is to be said of it in the log. Never returns while none runs.
    pub(crate) async fn over(&mut self) -> Option<String> {
        let said = match self.running.join_next().await {
            None => std::future::pending().await,
            Some(Ok(Ok(()))) => None,
            Some(Ok(Err(error))) => Some(format!("announcing: {error}")),
            Some(Err(error)) => Some(format!("announcing: {error}")),
        };
        said.or(self.start())
    }
}

/// Gives the announcement to the process and waits for its end; one that takes too long is killed.
async fn tell(mut child: Child, announcement: &Announcement) -> io::Result<()> {
    let line = serde_json::to_vec(announcement)?;
    let told = timeout(OVER_WITHIN, async {
        if let Some(mut stdin) = child.stdin.take() {
            stdin.write_all(&line).await?;
        }
        child.wait().await
    });
    match told.await {
        Ok(ended) => ended.map(|_| ()),
        Err(_) => Err(io::Error::new(io::ErrorKind::TimedOut, "it took too long and was ended")),
    }
}
