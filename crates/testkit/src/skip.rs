//! Skips tests that cannot run on this machine. A test that does not run must call a function of this module.

use std::env;
use std::io::Write;
use std::path::PathBuf;

/// A variable that is set where every test must run, as in CI.
const NO_SKIP: &str = "CREWBOARD_TEST_NO_SKIP";

/// The programs that may be missing even where every test must run, with the reason.
pub const OPTIONAL_PROGRAMS: [(&str, &str); 1] =
    [("zellij", "no distribution has a package of it, and a build takes longer than all tests")];

/// Prints that a test cannot run here. Fails the test where every test must run.
#[track_caller]
pub fn skip(reason: &str) {
    assert!(env::var_os(NO_SKIP).is_none(), "this test must not be skipped: {reason}");
    print(&format!("skipped: {reason}"));
}

/// Finds one of [`OPTIONAL_PROGRAMS`]. Prints the reason if it is not installed.
#[track_caller]
pub fn optional_program(name: &str) -> Option<PathBuf> {
    let known = OPTIONAL_PROGRAMS.iter().find(|(optional, _)| *optional == name);
    let (_, reason) = known.expect("the program is not in OPTIONAL_PROGRAMS");
    let path = env::var_os("PATH").unwrap_or_default();
    let mut programs = env::split_paths(&path).map(|directory| directory.join(name));
    let found = programs.find(|program| program.is_file());
    if found.is_none() {
        print(&format!("left out: tests with {name}, which is not installed: {reason}"));
    }
    found
}

/// Writes a line to standard error directly, because the test runner hides the output of a test that passes.
fn print(line: &str) {
    let _ = std::io::stderr().write_all(format!("{line}\n").as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    /// Runs a test of this file in another process, with or without the variable. Returns true if it passed, and
    /// its standard error.
    fn run(test: &str, no_skip: bool) -> (bool, String) {
        let mut command = Command::new(env::current_exe().unwrap());
        command.args(["--exact", test, "--ignored"]).env_remove(NO_SKIP);
        if no_skip {
            command.env(NO_SKIP, "1");
        }
        let output = command.output().unwrap();
        (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
    }

    #[test]
    #[ignore = "the test below runs it"]
    fn child_skips() {
        skip("for a reason");
    }

    #[test]
    fn skip_prints_its_reason_and_fails_where_all_tests_must_run() {
        let (passed, output) = run("skip::tests::child_skips", false);
        assert!(passed && output.contains("skipped: for a reason\n"), "{output}");
        let (passed, _) = run("skip::tests::child_skips", true);
        assert!(!passed);
    }
}
