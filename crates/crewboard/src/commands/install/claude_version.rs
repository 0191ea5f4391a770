//! Finds the version of Claude Code.

use std::io::{self, Read as _, Seek as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crewboard_agents::claude::Version;

use crate::environment::Environment;

/// Time limit of `claude --version`. After it, install assumes the latest version.
const VERSION_TIMEOUT: Duration = Duration::from_secs(2);

/// Pause between two checks for the exit of the program.
const POLL_INTERVAL: Duration = Duration::from_millis(5);

/// Runs `claude --version`, with the `claude` on the path or in a directory of its own installers.
pub(crate) fn find(environment: &Environment) -> Option<Version> {
    let home = environment.home.iter();
    let further: Vec<_> =
        home.flat_map(|home| [home.join(".local/bin"), home.join(".claude/local")]).collect();
    let program = environment.find_program("claude", &further)?;
    run_program(&program, VERSION_TIMEOUT)
}

fn run_program(program: &Path, timeout: Duration) -> Option<Version> {
    // Use a file: a grandchild that keeps a pipe open would delay the read past the time limit.
    let mut output = tempfile::tempfile().ok()?;
    let started = Instant::now();
    let mut child = loop {
        let spawned = Command::new(program)
            .arg("--version")
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(output.try_clone().ok()?)
            .stderr(Stdio::null())
            .spawn();
        match spawned {
            Ok(child) => break child,
            // An update is writing the program.
            Err(error)
                if error.kind() == io::ErrorKind::ExecutableFileBusy
                    && started.elapsed() < timeout =>
            {
                thread::sleep(POLL_INTERVAL);
            }
            Err(_) => return None,
        }
    };
    if !exits_before(&mut child, started + timeout) {
        // Kill and reap it; it may have exited just now.
        let _ = child.kill();
        let _ = child.wait();
        return None;
    }
    let mut text = String::new();
    output.rewind().ok()?;
    output.take(1024).read_to_string(&mut text).ok()?;
    text.parse().ok()
}

fn exits_before(child: &mut Child, deadline: Instant) -> bool {
    while Instant::now() < deadline {
        match child.try_wait() {
            Ok(Some(_)) => return true,
            Ok(None) => thread::sleep(POLL_INTERVAL),
            Err(_) => return false,
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

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
