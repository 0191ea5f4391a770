//! Measures the whole life of a hook process, from before its start until its end.

use super::daemon::{Daemon, in_agent};
use super::floor::Floor;
use super::goals::Part;
use super::sample::Sample;
use anyhow::{Context, Result, bail};
use std::fmt::Write as _;
use std::io::{Read, Write as _};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// The first rounds, which are not counted because they read the programs from disk.
const WARM_UP: usize = 5;

/// The seed of the order of the commands. Any number would do.
const SEED: u64 = 1;

/// The capacity of a pipe. A larger payload must be written while the hook reads it.
const PIPE: usize = 60_000;

/// A command with a name for the table.
pub(super) struct Candidate {
    pub(super) name: &'static str,
    command: Command,
    pub(super) sample: Sample,
}

impl Candidate {
    /// Returns the row of a table with the name, the quantiles and the ratio to a yardstick.
    pub(super) fn table_row(&self, yardstick: &Self) -> String {
        let quantiles = self.sample.table_cells();
        let ratio = self.sample.ratio_to(&yardstick.sample);
        format!("| {} | {quantiles} | {ratio:.2} |", self.name)
    }
}

/// Measures the hook with payloads of several sizes.
pub(super) fn measure(program: &Path, floor: &Floor, rounds: usize) -> Result<Part> {
    let daemon = Daemon::start(program)?;
    let sink = sink(daemon.folder())?;
    let mut part = Part::new(String::from(
        "## A hook\n\n\
         The whole process, from before its start until its end, with the input in a pipe, as an agent passes \
         it. The yardstick of each payload is `/bin/true` in the same shuffled round.\n\n\
         | payload | command | p50 µs | p90 µs | p99 µs | × /bin/true |\n|---|---|---|---|---|---|\n",
    ));
    for size in [600, 20_000, 200_000] {
        let payload = payload(size);
        // A large payload is rare; a fifth of the rounds is enough.
        let rounds = if size > PIPE { rounds / 5 } else { rounds };
        let mut shell = daemon.command_of("/bin/sh");
        shell.arg("-c").arg(format!("exec '{}' hook claude", program.display()));
        in_agent(&mut shell);
        let mut stream = Command::new(&floor.hook_stream);
        stream.arg(&sink);
        let mut candidates = [
            candidate("/bin/true", Command::new("/bin/true")),
            candidate("floor: read the input", Command::new(&floor.stdin_only)),
            candidate("floor: read, connect, write", stream),
            candidate("**crewboard hook**", daemon.hook()),
            candidate("crewboard hook through `sh -c 'exec …'`", shell),
        ];
        run_rounds(&mut candidates, payload.as_bytes(), rounds)?;
        for candidate in &candidates {
            let row = candidate.table_row(&candidates[0]);
            let _ = writeln!(part.text, "| {} B {row}", payload.len());
        }
        let ratio = |yardstick: usize| candidates[3].sample.ratio_to(&candidates[yardstick].sample);
        match size {
            600 => part.add("hook, 600 B ÷ `/bin/true`", ratio(0), 1.05, "×"),
            20_000 => part.add("hook, 20 KB ÷ `/bin/true`", ratio(0), 1.10, "×"),
            _ => part.add("hook, 200 KB ÷ a program that only reads it", ratio(1), 1.25, "×"),
        }
    }
    Ok(part)
}

pub(super) fn candidate(name: &'static str, mut command: Command) -> Candidate {
    command.stdout(Stdio::null()).stderr(Stdio::null());
    Candidate { name, command, sample: Sample::default() }
}

/// Runs every command once in each round, in a new random order.
pub(super) fn run_rounds(
    candidates: &mut [Candidate],
    payload: &[u8],
    rounds: usize,
) -> Result<()> {
    // Each run shuffles in the same way, so that the order favours no command.
    let mut random = fastrand::Rng::with_seed(SEED);
    let mut order: Vec<usize> = (0..candidates.len()).collect();
    for round in 0..rounds + WARM_UP {
        random.shuffle(&mut order);
        for &index in &order {
            let candidate = &mut candidates[index];
            let wall = run(&mut candidate.command, payload)
                .with_context(|| format!("cannot run {}", candidate.name))?;
            if round >= WARM_UP {
                candidate.sample.push(wall);
            }
        }
    }
    Ok(())
}

/// Runs a command with a payload in a pipe. Returns the time from its start to its end.
fn run(command: &mut Command, payload: &[u8]) -> Result<Duration> {
    let (reader, mut writer) = std::io::pipe()?;
    let fits = payload.len() <= PIPE;
    if fits {
        writer.write_all(payload)?;
    }
    command.stdin(reader);
    let feeder = |mut writer: std::io::PipeWriter| {
        // A program that does not read its input closes the pipe.
        let _ = writer.write_all(payload);
    };
    let (start, status) = if fits {
        drop(writer);
        let start = Instant::now();
        (start, command.spawn()?.wait()?)
    } else {
        let start = Instant::now();
        let mut child = command.spawn()?;
        // Close this end of the pipe, or a program that exits early would block the feeder.
        command.stdin(Stdio::null());
        std::thread::scope(|scope| {
            scope.spawn(move || feeder(writer));
            anyhow::Ok((start, child.wait()?))
        })?
    };
    let wall = start.elapsed();
    if !status.success() {
        bail!("{status}");
    }
    Ok(wall)
}

/// Creates a socket that reads each connection to its end, for the minimal programs.
fn sink(folder: &Path) -> Result<std::path::PathBuf> {
    let path = folder.join("sink");
    let listener = UnixListener::bind(&path)?;
    // The thread ends with the process.
    std::thread::spawn(move || {
        let mut buffer = vec![0; 65536];
        for mut stream in listener.incoming().flatten() {
            while stream.read(&mut buffer).is_ok_and(|count| count > 0) {}
        }
    });
    Ok(path)
}

/// Returns a tool result as Claude Code passes it to its hooks, of at least `size` bytes.
fn payload(size: usize) -> String {
    let line = "test daemon::store::tests::concurrent::case ... ok  \"q\" \\ path\t/home/dev\n";
    let mut body = String::new();
    loop {
        let payload = serde_json::json!({
            "session_id": "0b0e7a52-1111-4222-8333-0123456789ab",
            "transcript_path": "/home/dev/.claude/projects/-home-dev-project/0b0e7a52-1111-4222-8333-0123456789ab.jsonl",
            "cwd": "/home/dev/project",
            "permission_mode": "default",
            "hook_event_name": "PostToolUse",
            "tool_name": "Bash",
            "tool_input": {
                "command": "cargo test --workspace --all-features -- --nocapture 2>&1 | tail -40",
                "description": "Run the tests",
                "timeout": 120_000,
            },
            "tool_response": {"stdout": body, "stderr": "", "interrupted": false, "isImage": false},
            "tool_use_id": "toolu_01ABCDEFGHJKLMNPQRSTUVWX",
        })
        .to_string();
        if payload.len() >= size {
            return payload;
        }
        body.push_str(&line.repeat((size - payload.len()) / (line.len() + 8) + 1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn payload_has_about_the_requested_size() {
        for size in [600, 20_000, 200_000] {
            let payload = payload(size);
            assert!((size..size + 400).contains(&payload.len()), "{size}: {}", payload.len());
            assert!(!payload.contains('\n'));
        }
    }

    #[test]
    fn large_payload_does_not_block_on_a_program_that_does_not_read() {
        let large = vec![b'x'; 1_000_000];
        run(&mut Command::new("true"), &large).unwrap();
        assert!(run(&mut Command::new("false"), b"x").is_err());
    }
}
