//! Which Claude Code is there.

use std::io::{self, Read as _, Seek as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crewboard_agents::claude::registration::Version;

use crate::environment::Environment;

/// How long `claude --version` may take; after that the newest is assumed.
const PATIENCE: Duration = Duration::from_secs(2);

const PAUSE: Duration = Duration::from_millis(5);

/// Asks the `claude` on the path, or in the places its own installers use.
pub(crate) fn ask(environment: &Environment) -> Option<Version> {
    let home = environment.home.iter();
    let besides: Vec<_> =
        home.flat_map(|home| [home.join(".local/bin"), home.join(".claude/local")]).collect();
    let program = environment.find_program("claude", &besides)?;
    ask_program(&program, PATIENCE)
}

fn ask_program(program: &Path, patience: Duration) -> Option<Version> {
    // A file, not a pipe: a grandchild that keeps a pipe open would hold us past the bound.
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
            // Its updater is just writing it.
            Err(error)
                if error.kind() == io::ErrorKind::ExecutableFileBusy
                    && started.elapsed() < patience =>
            {
                thread::sleep(PAUSE);
            }
            Err(_) => return None,
        }
    };
    if !ended_before(&mut child, started + patience) {
        // It may have ended just now; either way it is reaped.
        let _ = child.kill();
        let _ = child.wait();
        return None;
    }
    let mut text = String::new();
    output.rewind().ok()?;
    output.take(1024).read_to_string(&mut text).ok()?;
    text.parse().ok()
}

fn ended_before(child: &mut Child, deadline: Instant) -> bool {
    while Instant::now() < deadline {
        match child.try_wait() {
            Ok(Some(_)) => return true,
            Ok(None) => thread::sleep(PAUSE),
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

    fn answer(script: &str, patience: Duration) -> Option<Version> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("claude");
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        ask_program(&path, patience)
    }

    #[test]
    fn the_version_is_read_or_unknown() {
        let expected = Some(Version(2, 1, 330));
        assert_eq!(answer("echo '2.1.330 (Claude Code)'", PATIENCE), expected);
        assert_eq!(answer("echo oops; exit 1", PATIENCE), None);
        // A process it leaves behind does not hold us up.
        assert_eq!(answer("sleep 5 & echo 2.1.330", PATIENCE), expected);
    }

    #[test]
    fn one_that_hangs_is_given_up() {
        let started = Instant::now();
        assert_eq!(answer("exec sleep 60", Duration::from_millis(50)), None);
        assert!(started.elapsed() < Duration::from_secs(10));
    }
}
