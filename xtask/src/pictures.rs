//! Pictures of the board and the list, as text, in README.md: the demo at a fixed moment in a terminal of its own.

use crate::workspace::{cargo, output, root, run as must, target_dir};
use anyhow::{Context, Result};
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

/// The moment that is shown, in milliseconds from the demo's start.
const MOMENT: &str = "5500";

/// Columns and lines of the terminal.
const SIZE: (&str, &str) = ("110", "28");

/// The process that is shown in place of a placeholder's.
const PID: u32 = 1574;

/// How long the board may take to be drawn.
const DRAWN_WITHIN: Duration = Duration::from_secs(10);

/// Columns of the terminal that the list is shown in.
const LIST_WIDTH: &str = "100";

/// Takes the pictures and puts them in place.
pub(crate) fn run() -> Result<()> {
    must(cargo().args(["build", "--package", "crewboard"]))?;
    let program = target_dir()?.join("debug/crewboard");
    let path = root().join("README.md");
    let mut page = fs::read_to_string(&path)?;
    let board = take(&program, SIZE, "", "load-test")?;
    let list = take(&program, (LIST_WIDTH, SIZE.1), "</dev/null; exec sleep 60", "load-test")?;
    let list = format!("$ crewboard list\n{}", without_keys(&list));
    for (name, picture) in [("list", &list), ("board", &board)] {
        let begin = format!("<!-- picture:{name} -->");
        let (before, rest) = page.split_once(&begin).with_context(|| format!("no {begin}"))?;
        let (_, after) = rest.split_once("<!-- /picture -->").context("no /picture")?;
        page = format!("{before}{begin}\n```text\n{picture}\n```\n<!-- /picture -->{after}");
        println!("{picture}\n");
    }
    fs::write(&path, page)?;
    Ok(())
}

/// The list with the same keys at each run: they follow from the processes' numbers.
fn without_keys(list: &str) -> String {
    let named = |(index, line): (usize, &str)| match line.rsplit_once(' ') {
        Some((before, _)) => format!("{before} {}", KEYS[index % KEYS.len()]),
        None => line.to_owned(),
    };
    list.lines().enumerate().map(named).collect::<Vec<_>>().join("\n")
}

/// Keys that are shown in place of those of a run.
const KEYS: [&str; 12] = [
    "p32bj", "s5b7e", "eptv9", "ywehe", "c7k2m", "h4xqa", "n8d3r", "w6tzk", "b9mfc", "q2vgy",
    "j5rhs", "k3nup",
];

/// What a terminal shows of the demo at the moment, once it shows `sign`. Where its input is no terminal
/// the demo is a list.
fn take(program: &Path, (width, height): (&str, &str), input: &str, sign: &str) -> Result<String> {
    let folder = tempfile::tempdir()?;
    let socket = folder.path().join("tmux");
    let tmux = || {
        let mut command = Command::new("tmux");
        command
            .env_clear()
            .envs([("PATH", "/usr/local/bin:/usr/bin:/bin"), ("LANG", "C.UTF-8")])
            .env("HOME", folder.path())
            .args(["-f", "/dev/null", "-S"])
            .arg(&socket);
        command
    };
    let mut start = tmux();
    start.args(["new-session", "-d", "-x", width, "-y", height, "-s", "picture"]);
    let words = format!("'{}' demo --at {MOMENT} {input}", program.display());
    start.args(["/bin/sh", "-c", &words]);
    must(&mut start)?;
    let begun = Instant::now();
    let picture = loop {
        let shown = output(tmux().args(["capture-pane", "-p", "-t", "picture"]));
        match shown {
            Ok(shown) if shown.contains(sign) => break Ok(shown),
            Ok(_) if begun.elapsed() < DRAWN_WITHIN => {
                std::thread::sleep(Duration::from_millis(20));
            }
            Ok(shown) => break Err(anyhow::anyhow!("the board did not come up:\n{shown}")),
            Err(error) => break Err(error),
        }
    };
    // The board leaves at `q`, and cleans up after itself.
    let _ = tmux().args(["send-keys", "-t", "picture", "q"]).status();
    while input.is_empty()
        && begun.elapsed() < 2 * DRAWN_WITHIN
        && tmux().args(["has-session", "-t", "picture"]).output()?.status.success()
    {
        std::thread::sleep(Duration::from_millis(20));
    }
    let _ = tmux().arg("kill-server").output();
    let picture = picture?;
    let lines: Vec<String> = picture.lines().map(|line| still(line.trim_end())).collect();
    Ok(lines.join("\n").trim_end().to_owned())
}

/// The line without what differs from run to run: a process's number, which stands at the end, and the key of
/// the session whose details are shown, which ends their heading.
fn still(line: &str) -> String {
    if let Some((heading, rule)) = line.split_once(" ──")
        && let Some((before, _)) = heading.rsplit_once(" · ")
    {
        return format!("{before} · {} ──{rule}", KEYS[0]);
    }
    match line.split_once(" · pid ") {
        Some((before, _)) => format!("{before} · pid {PID}"),
        None => line.to_owned(),
    }
}
