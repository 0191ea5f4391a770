//! Runs a shell script that controls two real agents with `crewboard wait`, and checks every exit code.

use super::report::{CheckResult, Grade};
use super::world::{Driven, Subject, World};
use anyhow::Result;
use std::time::{Duration, Instant};

/// The scenario of the first agent: a tool that asks and is approved after twelve seconds, and a client that exits.
const SCENARIO: &str = "permission-approve";

const SCRIPT: &str = include_str!("pipeline.sh");

/// The expected output of the script.
const EXPECTED: &str = "\
no such session: 1
no such status: 2
the first asks: 0
the first, done: 3
any, done within a second: 124
the second works: 0
the second, idle: 4
the second is over: 0
the first is done: 0
all, working again: 4
";

/// The timeout for the script after the first agent's end, with which its last wait ends.
const SCRIPT_TIMEOUT: Duration = Duration::from_secs(10);

/// Runs the check.
pub(crate) fn run(subject: &Subject) -> Result<CheckResult> {
    let world = World::new(subject)?;
    let (script, output) = (world.file("pipeline.sh"), world.file("pipeline.out"));
    std::fs::write(&script, SCRIPT)?;
    // The script must not keep the output of its parent open.
    let begin = format!(
        "CREWBOARD='{}' setsid sh '{}' >'{}' 2>&1 </dev/null &",
        world.program().display(),
        script.display(),
        output.display()
    );
    let driven = world.harness(SCENARIO, &begin)?;
    let end = Instant::now() + SCRIPT_TIMEOUT;
    let mut text = std::fs::read_to_string(&output)?;
    while text.lines().count() < EXPECTED.lines().count() && Instant::now() < end {
        // The script is not a child of this process, so there is no event for its end.
        std::thread::sleep(Duration::from_millis(50));
        text = std::fs::read_to_string(&output)?;
    }
    world.stop_daemon()?;
    if let Driven::Failed(reason) = driven {
        return Ok((Grade::HarnessFailed, reason));
    }
    let wrong: Vec<String> = (EXPECTED.lines().enumerate())
        .filter(|(index, expected)| text.lines().nth(*index) != Some(expected))
        .map(|(index, expected)| {
            format!("{} (should be {expected})", text.lines().nth(index).unwrap_or("nothing"))
        })
        .collect();
    Ok(if wrong.is_empty() {
        (Grade::Right, EXPECTED.lines().collect::<Vec<_>>().join(", "))
    } else {
        (Grade::Wrong, format!("{}\n{text}", wrong.join(", ")))
    })
}
