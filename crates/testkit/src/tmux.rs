//! A private tmux server: real terminals, whose screens a test can read.

use crate::wait::TIMEOUT;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// The time between two polls of a screen, whose changes no event announces.
const POLL_INTERVAL: Duration = Duration::from_millis(15);

/// A tmux server that ends, with all of its panes, when it is dropped.
#[derive(Debug)]
pub struct Tmux {
    directory: PathBuf,
    variables: Vec<(String, String)>,
}

impl Tmux {
    /// Returns a server with its files in `directory`, whose panes have only these variables. Skips the test and
    /// returns `None` if there is no tmux.
    pub fn new(directory: &Path, variables: &[(&str, &str)]) -> Option<Self> {
        let mut probe = Command::new("tmux");
        probe.arg("-V").stdout(Stdio::null()).stderr(Stdio::null());
        if !probe.status().is_ok_and(|status| status.success()) {
            crate::skip("tmux is not installed");
            return None;
        }
        // A screen shows exactly one pane, and keeps the last output of a program that ended.
        fs::write(
            directory.join("tmux.conf"),
            "set -g status off\nset -g escape-time 0\nset -g default-terminal tmux-256color\n\
             set -g remain-on-exit on\n",
        )
        .unwrap();
        let variables = variables.iter().map(|(name, value)| ((*name).into(), (*value).into()));
        Some(Self { directory: directory.to_owned(), variables: variables.collect() })
    }

    fn command<W: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = W>) -> Command {
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
            .args(arguments)
            .current_dir(&self.directory)
            .stdin(Stdio::null());
        command
    }

    /// Returns the path of its socket.
    pub fn socket(&self) -> PathBuf {
        let user = rustix::process::getuid().as_raw();
        self.directory.join(format!("tmux-{user}")).join("test")
    }

    /// Returns a command that attaches the terminal in which it runs to a session. The terminal may be a pane of
    /// another server.
    pub fn attach_command(&self, session: &str) -> Vec<String> {
        let socket = self.socket();
        let words = ["env", "-u", "TMUX", "-u", "TMUX_PANE", "tmux", "-S"];
        let words = words.into_iter().map(str::to_owned).chain([socket.display().to_string()]);
        words.chain(["attach-session", "-t", session].map(str::to_owned)).collect()
    }

    /// Runs a tmux command. Returns its output.
    #[track_caller]
    pub fn run<W: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = W>) -> String {
        let output = self.command(arguments).output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "tmux: {errors}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Opens a pane of this size in which `program` runs.
    pub fn open<W: AsRef<str>>(
        &self,
        name: &str,
        (width, height): (u16, u16),
        program: &[W],
    ) -> Pane<'_> {
        let (width, height) = (width.to_string(), height.to_string());
        let mut words = vec!["new-session", "-d", "-s", name, "-x", &width, "-y", &height, "--"];
        words.extend(program.iter().map(AsRef::as_ref));
        self.run(words);
        Pane { tmux: self, name: name.to_owned() }
    }

    /// Ends the server and the programs in its panes.
    pub fn end(&self) {
        let _ = self.command(["kill-server"]).stderr(Stdio::null()).status();
    }
}

impl Drop for Tmux {
    fn drop(&mut self) {
        self.end();
    }
}

/// A pane of a private tmux server.
#[derive(Debug)]
pub struct Pane<'a> {
    tmux: &'a Tmux,
    name: String,
}

impl Pane<'_> {
    /// Presses keys, by their tmux names (`C-z`, `Space`, `Enter`, `q`).
    pub fn press(&self, keys: &[&str]) {
        let words = ["send-keys", "-t", &self.name].into_iter().chain(keys.iter().copied());
        self.tmux.run(words);
    }

    /// Types a line literally, and presses Enter.
    pub fn type_line(&self, line: &str) {
        self.tmux.run(["send-keys", "-t", &self.name, "-l", line]);
        self.press(&["Enter"]);
    }

    pub fn resize(&self, width: u16, height: u16) {
        let (width, height) = (width.to_string(), height.to_string());
        self.tmux.run(["resize-window", "-t", &self.name, "-x", &width, "-y", &height]);
    }

    /// Resizes the pane and presses a key at the same time.
    pub fn resize_with_key(&self, width: u16, key: &str) {
        let (width, name) = (width.to_string(), &self.name);
        let words = ["resize-window", "-t", name, "-x", &width, ";", "send-keys", "-t", name, key];
        self.tmux.run(words);
    }

    /// Returns the screen as it is now.
    pub fn screen(&self) -> String {
        self.tmux.run(["capture-pane", "-p", "-t", &self.name])
    }

    /// Expands a tmux format for the pane, such as `#{alternate_on}`.
    pub fn expand(&self, format: &str) -> String {
        let output = self.tmux.run(["display-message", "-p", "-t", &self.name, format]);
        output.trim_end().to_owned()
    }

    /// Returns the pid of the program that was started in the pane.
    pub fn pid(&self) -> u32 {
        self.expand("#{pane_pid}").parse().unwrap()
    }

    /// Waits until `is_wanted` accepts the screen. Returns the screen.
    #[track_caller]
    pub fn wait_for(&self, what: &str, is_wanted: impl Fn(&str) -> bool) -> String {
        let deadline = Instant::now() + TIMEOUT;
        loop {
            let screen = self.screen();
            if is_wanted(&screen) {
                return screen;
            }
            assert!(Instant::now() < deadline, "waited for {what}; the screen is:\n{screen}");
            std::thread::sleep(POLL_INTERVAL);
        }
    }

    /// Waits for a text on the screen. Returns the screen.
    #[track_caller]
    pub fn wait_for_text(&self, text: &str) -> String {
        self.wait_for(text, |screen| screen.contains(text))
    }

    /// Waits until a program has restored the terminal for a shell: the main screen, with a cursor and without
    /// mouse reports.
    #[track_caller]
    pub fn wait_for_release(&self) {
        let flags = "alternate #{alternate_on} cursor #{cursor_flag} mouse #{mouse_any_flag}";
        self.wait_for("the restored terminal", |_| {
            self.expand(flags) == "alternate 0 cursor 1 mouse 0"
        });
    }
}
