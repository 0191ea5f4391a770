//! Writes text pictures of the board and the list into README.md: the demo at a fixed moment in a private terminal.

use crate::workspace::{cargo, output, root, run as run_checked, target_dir};
use anyhow::{Context, Result};
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

/// The time of the picture, in milliseconds from the demo's start.
const MOMENT: &str = "5500";

/// Columns and lines of the terminal.
const SIZE: (&str, &str) = ("110", "28");

/// The pid that replaces a placeholder's pid.
const PID: u32 = 1574;

/// The timeout for the board to draw.
const DRAWN_WITHIN: Duration = Duration::from_secs(10);

/// Columns of the terminal for the list.
const LIST_WIDTH: &str = "100";

/// Takes the pictures and writes them into README.md.
pub(crate) fn run() -> Result<()> {
    run_checked(cargo().args(["build", "--package", "crewboard"]))?;
    let program = target_dir()?.join("debug/crewboard");
    let path = root().join("README.md");
    let mut page = fs::read_to_string(&path)?;
    let board = capture(&program, SIZE, "", "load-test")?;
    let list = capture(&program, (LIST_WIDTH, SIZE.1), "</dev/null; exec sleep 60", "load-test")?;
    let list = format!("$ crewboard list\n{}", with_fixed_keys(&list));
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

/// Replaces the keys of the list, which depend on the processes' numbers, by fixed ones.
fn with_fixed_keys(list: &str) -> String {
    let named = |(index, line): (usize, &str)| match line.rsplit_once(' ') {
        Some((before, _)) => format!("{before} {}", KEYS[index % KEYS.len()]),
        None => line.to_owned(),
    };
    list.lines().enumerate().map(named).collect::<Vec<_>>().join("\n")
}

/// The fixed keys.
const KEYS: [&str; 12] = [
    "p32bj", "s5b7e", "eptv9", "ywehe", "c7k2m", "h4xqa", "n8d3r", "w6tzk", "b9mfc", "q2vgy",
    "j5rhs", "k3nup",
];

/// Returns what a terminal shows of the demo at the moment, as soon as it shows `sign`. If the input is no
/// terminal, the demo prints a list.
fn capture(
    program: &Path,
    (width, height): (&str, &str),
    input: &str,
    sign: &str,
) -> Result<String> {
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
    run_checked(&mut start)?;
    let begun = Instant::now();
    let picture = loop {
        let shown = output(tmux().args(["capture-pane", "-p", "-t", "picture"]));
        match shown {
            Ok(shown) if shown.contains(sign) => break Ok(shown),
            Ok(_) if begun.elapsed() < DRAWN_WITHIN => {
                // No event announces a changed screen.
                std::thread::sleep(Duration::from_millis(20));
            }
            Ok(shown) => break Err(anyhow::anyhow!("the board did not appear:\n{shown}")),
            Err(error) => break Err(error),
        }
    };
    // The board quits at `q` and cleans up.
    let _ = tmux().args(["send-keys", "-t", "picture", "q"]).status();
    while input.is_empty()
        && begun.elapsed() < 2 * DRAWN_WITHIN
        && tmux().args(["has-session", "-t", "picture"]).output()?.status.success()
    {
        // No event announces the end of a program in a pane.
        std::thread::sleep(Duration::from_millis(20));
    }
    let _ = tmux().arg("kill-server").output();
    let picture = picture?;
    let lines: Vec<String> = picture.lines().map(|line| with_fixed_ids(line.trim_end())).collect();
    Ok(lines.join("\n").trim_end().to_owned())
}

/// Replaces the parts of a line that differ between runs: the pid at its end, and the key at the end of the
/// details' heading.
fn with_fixed_ids(line: &str) -> String {
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
