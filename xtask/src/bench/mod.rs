//! `cargo xtask bench`: measures the shipped program and compares it with a minimal program.
//!
//! The figures hold for one machine and one hour; only the ratios within a run can be compared. A result never
//! fails a build, because the timing of a shared machine varies.

mod board;
mod daemon;
mod event;
mod floor;
mod goals;
mod hook;
mod list;
mod machine;
mod push;
mod rest;
mod sample;
pub(crate) mod scale;
mod statusline;

use crate::{dist, workspace};
use anyhow::Result;
use daemon::Daemon;
use goals::Part;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The arguments of `cargo xtask bench`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Also write docs/benchmarks.md
    #[arg(long)]
    write: bool,
    /// Rounds of each comparison
    #[arg(long, default_value_t = 300, value_parser = clap::value_parser!(u32).range(20..))]
    rounds: u32,
    /// Seconds for which the idle daemon and the idle board are measured
    #[arg(long, default_value_t = 20)]
    rest: u64,
    /// Measure this program instead of a new build
    #[arg(long)]
    program: Option<PathBuf>,
}

/// Measures everything and prints the page.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let program = match &arguments.program {
        Some(program) => program.canonicalize()?,
        None => dist::run()?.program,
    };
    let floor = floor::build()?;
    let rounds = usize::try_from(arguments.rounds)?;
    let mut page = heading(&program)?;
    let mut size = Part::default();
    let bytes = u32::try_from(std::fs::metadata(&program)?.len())?;
    size.add("the program", f64::from(bytes) / f64::from(1 << 20), 4.0, "MiB");
    let parts = [
        size,
        hook::measure(&program, &floor, rounds)?,
        Part::new(statusline::measure(&program, rounds)?),
        push::measure(&program, rounds)?,
        list::measure(&program, rounds / 3)?,
        rest::measure(&program, arguments.rest)?,
        board::measure(&program, arguments.rest)?,
    ];
    let _ = write!(page, "\n{}", goals::table(&parts));
    for part in parts.iter().filter(|part| !part.text.is_empty()) {
        let _ = write!(page, "\n{}", part.text);
    }
    println!("{page}");
    if arguments.write {
        let path = workspace::root().join("docs").join("benchmarks.md");
        std::fs::write(&path, page)?;
        println!("wrote {}", path.display());
    }
    Ok(())
}

fn heading(program: &Path) -> Result<String> {
    let version = workspace::output(Command::new(program).arg("--version"))?;
    let size = std::fs::metadata(program)?.len();
    Ok(format!(
        "# Benchmarks\n\n\
         Written by `cargo xtask bench`. Times depend on the machine and its load. Compare the ratios: both \
         times of a ratio are measured in the same round.\n\n\
         {}, {} KiB. {}\n",
        version.trim(),
        size / 1024,
        machine::facts()?
    ))
}
