//! A tmux server of a test's own: a real terminal, whose screen can be read.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// How long a screen may take to show what it must.
const PATIENCE: Duration = Duration::from_secs(20);

/// Between two looks at a screen: nothing announces that it changed.
const LOOK_AGAIN: Duration = Duration::from_millis(15);

/// A server that ends, with everything in it, when this goes.
#[derive(Debug)]
pub struct Tmux {
    directory: PathBuf,
    variables: Vec<(String, String)>,
}

impl Tmux {
    /// A server that keeps its files in `directory`, and whose panes have these variables and no
    /// others. Skips the test and returns `None` if there is no tmux.
    pub fn new(directory: &Path, variables: &[(&str, &str)]) -> Option<Self> {
        let mut probe = Command::new("tmux");
        probe.arg("-V").stdout(Stdio::null()).stderr(Stdio::null());
        if !probe.status().is_ok_and(|status| status.success()) {
            crate::skip("there is no tmux here");
            return None;
        }
        // One screen is exactly one pane, and a program's end leaves its last picture.
        fs::write(
            directory.join("tmux.conf"),
            "set -g status off\nset -g escape-time 0\nset -g default-terminal tmux-256color\n\
             set -g remain-on-exit on\n",
        )
        .unwrap();
        let variables = variables.iter().map(|(name, value)| ((*name).into(), (*value).into()));
        Some(Self { directory: directory.to_owned(), variables: variables.collect() })
    }

    fn command<W: AsRef<OsStr>>(&self, words: impl IntoIterator<Item = W>) -> Command {
        let mut command = Command::new("tmux");
        command
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("LANG", "C.UTF-8")
            .env("SHELL", "/bin/sh")
            .env("TMUX_TMPDIR", &self.directory)
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .args(["-L", "test", "-f"])
            .arg(self.directory.join("tmux.conf"))
            .args(words)
            .current_dir(&self.directory)
            .stdin(Stdio::null());
        command
    }

    /// The socket by which it is found.
    pub fn socket(&self) -> PathBuf {
        let user = rustix::process::getuid().as_raw();
        self.directory.join(format!("tmux-{user}")).join("test")
    }

    /// Words that show one of its sessions on the terminal in which they are run, which may be
    /// another server's pane.
    pub fn attaching(&self, session: &str) -> Vec<String> {
        let socket = self.socket();
        let words = ["env", "-u", "TMUX", "-u", "TMUX_PANE", "tmux", "-S"];
        let words = words.into_iter().map(str::to_owned).chain([socket.display().to_string()]);
        words.chain(["attach-session", "-t", session].map(str::to_owned)).collect()
    }

    /// Runs one of tmux's commands: what it printed.
    #[track_caller]
    pub fn ask<W: AsRef<OsStr>>(&self, words: impl IntoIterator<Item = W>) -> String {
        let output = self.command(words).output().unwrap();
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "tmux: {complaint}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// A terminal of this size in which `program` runs.
    pub fn open<W: AsRef<str>>(
        &self,
        name: &str,
        (width, height): (u16, u16),
        program: &[W],
    ) -> Pane<'_> {
        let (width, height) = (width.to_string(), height.to_string());
        let mut words = vec!["new-session", "-d", "-s", name, "-x", &width, "-y", &height, "--"];
        words.extend(program.iter().map(AsRef::as_ref));
        self.ask(words);
        Pane { tmux: self, name: name.to_owned() }
    }

    /// Ends the server, and with it everything that runs in its terminals.
    pub fn end(&self) {
        let _ = self.command(["kill-server"]).stderr(Stdio::null()).status();
    }
}

impl Drop for Tmux {
    fn drop(&mut self) {
        self.end();
    }
}

/// One of its terminals.
#[derive(Debug)]
pub struct Pane<'a> {
    tmux: &'a Tmux,
    name: String,
}

impl Pane<'_> {
    /// Presses keys, in tmux's words (`C-z`, `Space`, `Enter`, `q`).
    pub fn press(&self, keys: &[&str]) {
        let words = ["send-keys", "-t", &self.name].into_iter().chain(keys.iter().copied());
        self.tmux.ask(words);
    }

    /// Types a line, as it is.
    pub fn type_line(&self, line: &str) {
        self.tmux.ask(["send-keys", "-t", &self.name, "-l", line]);
        self.press(&["Enter"]);
    }

    pub fn resize(&self, width: u16, height: u16) {
        let (width, height) = (width.to_string(), height.to_string());
        self.tmux.ask(["resize-window", "-t", &self.name, "-x", &width, "-y", &height]);
    }

    /// Another width and a key in the same moment.
    pub fn resize_with_key(&self, width: u16, key: &str) {
        let (width, name) = (width.to_string(), &self.name);
        let words = ["resize-window", "-t", name, "-x", &width, ";", "send-keys", "-t", name, key];
        self.tmux.ask(words);
    }

    /// What is on the screen now.
    pub fn screen(&self) -> String {
        self.tmux.ask(["capture-pane", "-p", "-t", &self.name])
    }

    /// What tmux knows of the pane, such as `#{alternate_on}`.
    pub fn fact(&self, format: &str) -> String {
        let answer = self.tmux.ask(["display-message", "-p", "-t", &self.name, format]);
        answer.trim_end().to_owned()
    }

    /// The process that was started in it.
    pub fn pid(&self) -> u32 {
        self.fact("#{pane_pid}").parse().unwrap()
    }

    /// Waits for a screen on which `is_there`, and gives it.
    #[track_caller]
    pub fn wait_for(&self, what: &str, is_there: impl Fn(&str) -> bool) -> String {
        let end = Instant::now() + PATIENCE;
        loop {
            let screen = self.screen();
            if is_there(&screen) {
                return screen;
            }
            assert!(Instant::now() < end, "waited for {what}; the screen is:\n{screen}");
            std::thread::sleep(LOOK_AGAIN);
        }
    }

    /// Waits for a text on the screen.
    #[track_caller]
    pub fn shows(&self, text: &str) -> String {
        self.wait_for(text, |screen| screen.contains(text))
    }

    /// Waits until a program has given the terminal back as a shell needs it: its own screen, with
    /// a cursor, without the mouse.
    #[track_caller]
    pub fn is_given_back(&self) {
        let facts = "alternate #{alternate_on} cursor #{cursor_flag} mouse #{mouse_any_flag}";
        self.wait_for("the terminal given back", |_| {
            self.fact(facts) == "alternate 0 cursor 1 mouse 0"
        });
    }
}
