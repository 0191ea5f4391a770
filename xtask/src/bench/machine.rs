//! Describes the machine of the figures.

use crate::workspace;
use anyhow::Result;
use std::process::Command;

/// Returns one sentence with processor, memory, system, compiler, load and date.
pub(crate) fn facts() -> Result<String> {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let field = |text: &str, name: &str| {
        let line = text.lines().find(|line| line.starts_with(name)).unwrap_or_default();
        line.split_once(':').map_or("unknown", |(_, value)| value.trim()).to_owned()
    };
    let processor = field(&read("/proc/cpuinfo"), "model name");
    let cores = std::thread::available_parallelism()?;
    let memory = field(&read("/proc/meminfo"), "MemTotal");
    let kibibytes: u64 = memory.split(' ').next().and_then(|kb| kb.parse().ok()).unwrap_or(0);
    let kernel = read("/proc/sys/kernel/osrelease");
    let load = read("/proc/loadavg");
    let load = load.split(' ').next().unwrap_or("unknown");
    let rustc = workspace::output(Command::new("rustc").arg("-V").current_dir(workspace::root()))?;
    let date = workspace::output(Command::new("date").args(["-u", "+%Y-%m-%d"]))?;
    Ok(format!(
        "{cores} cores of {processor}, {} GiB, Linux {}, {}, load average {load} at the start, {}.",
        kibibytes / (1024 * 1024),
        kernel.trim().split('-').next().unwrap_or_default(),
        rustc.split(" (").next().unwrap_or(&rustc).trim(),
        date.trim(),
    ))
}
