//! Tests that need a `/tmp` and a `/run` of their own, or must be able to mount.

use crate::{note, skip};
use std::env;
use std::path::Path;
use std::process::{Command, Stdio};

/// Set in the process that runs a test inside.
const INSIDE: &str = "CREWBOARD_TEST_INSIDE";

/// An empty `/tmp` and `/run`, and only then what is to be run.
const SCRIPT: &str = r#"
    mount --make-rprivate / &&
    mount -t tmpfs -o mode=1777 tmpfs /tmp &&
    mount -t tmpfs -o mode=755 tmpfs /run &&
    exec "$@""#;

/// Runs `body` as the user 0 of namespaces of its own, where the system lets us: whatever it starts
/// ends with it, and what it mounts nobody else sees. `name` is the test that calls this.
pub(crate) fn in_private_namespace(name: &str, body: fn()) {
    inside(name, rustix::process::geteuid().is_root(), body);
}

/// The same where the kernel's limits are its own to set (`/proc/sys/user`).
pub(crate) fn with_limits_of_its_own(name: &str, body: fn()) {
    inside(name, false, body);
}

fn inside(name: &str, stays_user: bool, body: fn()) {
    if env::var_os(INSIDE).is_some() {
        return body();
    }
    let test = env::current_exe().unwrap();
    if test.starts_with("/tmp") || test.starts_with("/run") {
        return skip(&format!("{name}: the tests lie where it mounts"));
    }
    let tried = unshare(stays_user, Path::new("true")).stderr(Stdio::null()).status();
    if !tried.is_ok_and(|status| status.success()) {
        return skip(&format!("{name}: no namespaces for us here (`unshare` of util-linux)"));
    }
    let mut command = unshare(stays_user, &test);
    let output = command.args(["--exact", name, "--nocapture"]).env(INSIDE, "1").output();
    let output = output.unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let complained = String::from_utf8_lossy(&output.stderr);
    note(&complained);
    assert!(output.status.success(), "{said}{complained}");
    assert!(said.contains("1 passed"), "{name} is not the name of this test: {said}");
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
