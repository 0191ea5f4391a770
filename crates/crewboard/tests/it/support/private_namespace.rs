//! Namespaces for tests that need their own `/tmp` and `/run`, or that mount file systems.

use super::note;
use crewboard_testkit::skip;
use std::env;
use std::path::Path;
use std::process::{Command, Stdio};

/// A variable that is set in the process that runs a test inside the namespaces.
const INSIDE: &str = "CREWBOARD_TEST_INSIDE";

/// Mounts an empty `/tmp` and `/run`, and then runs the program.
const SCRIPT: &str = r#"
    mount --make-rprivate / &&
    mount -t tmpfs -o mode=1777 tmpfs /tmp &&
    mount -t tmpfs -o mode=755 tmpfs /run &&
    exec "$@""#;

/// Runs `body` as user 0 in its own namespaces, if the system allows it. Processes that `body` starts end with it,
/// and its mounts are invisible outside. `body` must be a closure in a test, which runs again inside.
pub(crate) fn in_private_namespace<F: FnOnce()>(body: F) {
    run_inside(rustix::process::geteuid().is_root(), body);
}

/// Runs `body` as [`in_private_namespace`] does, in a user namespace whose limits `body` can set
/// (`/proc/sys/user`).
pub(crate) fn with_private_limits<F: FnOnce()>(body: F) {
    run_inside(false, body);
}

fn run_inside<F: FnOnce()>(stays_user: bool, body: F) {
    if env::var_os(INSIDE).is_some() {
        return body();
    }
    // The type of a closure has the path of its function, such as `it::hook::some_test::{{closure}}`.
    let path = std::any::type_name::<F>().trim_end_matches("::{{closure}}");
    let (_, name) = path.split_once("::").unwrap();
    let test = env::current_exe().unwrap();
    if test.starts_with("/tmp") || test.starts_with("/run") {
        return skip(&format!("{name}: the test program is in a directory that this test hides"));
    }
    let probe = unshare(stays_user, Path::new("true")).stderr(Stdio::null()).status();
    if !probe.is_ok_and(|status| status.success()) {
        return skip(&format!("{name}: `unshare` of util-linux cannot create namespaces here"));
    }
    let mut command = unshare(stays_user, &test);
    let output = command.args(["--exact", name, "--nocapture"]).env(INSIDE, "1").output();
    let output = output.unwrap();
    let stdout = String::from_utf8_lossy(&output.stdout);
    let stderr = String::from_utf8_lossy(&output.stderr);
    note(&stderr);
    assert!(output.status.success(), "{stdout}{stderr}");
    assert!(stdout.contains("1 passed"), "{name} did not run: {stdout}");
}

fn unshare(stays_user: bool, program: &Path) -> Command {
    let mut command = Command::new("unshare");
    if !stays_user {
        command.arg("--map-root-user");
    }
    command.args(["--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c"]);
    command.args([SCRIPT, "sh"]).arg(program);
    command
}
