//! A shell script that leads two real agents by `crewboard wait`, and every exit code of that.

use super::board::Sight;
use super::report::Grade;
use super::world::{Driven, Subject, World};
use anyhow::Result;
use std::time::{Duration, Instant};

/// The scenario beside it: a tool that asks, is granted after twelve seconds, and a client that leaves.
const SCENARIO: &str = "permission-approve";

const SCRIPT: &str = include_str!("pipeline.sh");

/// What the script says when all is right.
const RIGHT: &str = "\
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

/// How long after the first agent's end the script may go on: its last wait ends with that.
const OVER_WITHIN: Duration = Duration::from_secs(10);

/// Runs it.
pub(crate) fn lead(subject: &Subject) -> Sight {
    const TITLE: &str = "a pipeline of two";
    try_lead(subject, TITLE)
        .unwrap_or_else(|error| Sight::new(TITLE, Grade::Wrong, format!("{error:#}")))
}

fn try_lead(subject: &Subject, title: &'static str) -> Result<Sight> {
    let world = World::new(subject)?;
    let (script, said) = (world.beside("pipeline.sh"), world.beside("pipeline.out"));
    std::fs::write(&script, SCRIPT)?;
    // Nothing of ours must hold the output of what starts it.
    let begin = format!(
        "CREWBOARD='{}' setsid sh '{}' >'{}' 2>&1 </dev/null &",
        world.program().display(),
        script.display(),
        said.display()
    );
    let driven = world.harness(SCENARIO, &begin)?;
    let end = Instant::now() + OVER_WITHIN;
    let mut text = std::fs::read_to_string(&said)?;
    while text.lines().count() < RIGHT.lines().count() && Instant::now() < end {
        // Nothing announces that a script of somebody else's is over.
        std::thread::sleep(Duration::from_millis(50));
        text = std::fs::read_to_string(&said)?;
    }
    world.stop_daemon()?;
    if let Driven::Failed(why) = driven {
        return Ok(Sight::new(title, Grade::HarnessFailed, why));
    }
    let wrong: Vec<String> = (RIGHT.lines().enumerate())
        .filter(|(index, right)| text.lines().nth(*index) != Some(right))
        .map(|(index, right)| {
            format!("{} (should be {right})", text.lines().nth(index).unwrap_or("nothing"))
        })
        .collect();
    Ok(if wrong.is_empty() {
        Sight::new(title, Grade::Right, RIGHT.lines().collect::<Vec<_>>().join(", "))
    } else {
        Sight::new(title, Grade::Wrong, format!("{}\n{text}", wrong.join(", ")))
    })
}
