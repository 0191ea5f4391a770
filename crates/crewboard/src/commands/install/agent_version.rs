//! Finds the version of an agent.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crewboard_agents::{Agent, Version};
use crewboard_platform::{Deadline, OutputLimits, run_within};

use crate::environment::Environment;

/// Time limit of `claude --version` and similar calls. After it, install assumes the latest version.
const VERSION_TIMEOUT: Duration = Duration::from_secs(2);

/// Bytes read of the output.
const MAX_OUTPUT: usize = 1024;

/// Runs the agent with `--version`, from the path or from a directory of its own installers.
pub(crate) fn find(agent: &Agent, environment: &Environment) -> Option<Version> {
    let program = find_program(agent, environment)?;
    run_program(&program, VERSION_TIMEOUT)
}

/// Finds the program of an agent.
pub(crate) fn find_program(agent: &Agent, environment: &Environment) -> Option<PathBuf> {
    let home = environment.home.iter();
    let further: Vec<_> = home
        .flat_map(|home| {
            [home.join(".local/bin"), home.join(agent.profile.directory).join("local")]
        })
        .collect();
    environment.find_program(agent.name, &further)
}

fn run_program(program: &Path, timeout: Duration) -> Option<Version> {
    let mut command = Command::new(program);
    command.arg("--version").current_dir("/");
    let limits = OutputLimits { stdout: MAX_OUTPUT, stderr: 0 };
    let output = run_within(&mut command, limits, Deadline::after(timeout)).ok()?;
    String::from_utf8(output.stdout).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use std::time::Instant;

    fn version_of(script: &str, timeout: Duration) -> Option<Version> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("claude");
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        run_program(&path, timeout)
    }

    #[test]
    fn version_is_read_or_unknown() {
        let expected = Some(Version(2, 1, 330));
        assert_eq!(version_of("echo '2.1.330 (Claude Code)'", VERSION_TIMEOUT), expected);
        assert_eq!(version_of("echo oops; exit 1", VERSION_TIMEOUT), None);
        // A process that it leaves behind causes no delay.
        assert_eq!(version_of("sleep 5 & echo 2.1.330", VERSION_TIMEOUT), expected);
    }

    #[test]
    fn program_that_hangs_is_killed() {
        let started = Instant::now();
        assert_eq!(version_of("exec sleep 60", Duration::from_millis(50)), None);
        assert!(started.elapsed() < Duration::from_secs(10));
    }
}
