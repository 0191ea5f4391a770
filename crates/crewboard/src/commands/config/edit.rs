//! `crewboard config edit`: opens the configuration in the user's editor, then checks it.

use crate::failure::{Failure, without_error_number};
use std::env;
use std::path::Path;
use std::process::Command;

/// The editor that POSIX systems have.
const DEFAULT_EDITOR: &str = "vi";

/// Opens a file in `$VISUAL` or `$EDITOR`, which may have arguments, and waits until the editor exits.
pub(super) fn open(path: &Path) -> Result<(), Failure> {
    let set = ["VISUAL", "EDITOR"]
        .into_iter()
        .find_map(|name| env::var_os(name).filter(|editor| !editor.is_empty()));
    let editor = set.unwrap_or_else(|| DEFAULT_EDITOR.into());
    let shown = editor.to_string_lossy().into_owned();
    let mut script = editor;
    script.push(" \"$@\"");
    let mut shell = Command::new("/bin/sh");
    shell.arg("-c").arg(script).arg("sh").arg(path);
    let hint = "set VISUAL or EDITOR to the editor of your choice";
    match shell.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => {
            Err(Failure::new(format!("the editor `{shown}` failed: {status}")).hint(hint))
        }
        Err(error) => {
            let error = without_error_number(&error);
            Err(Failure::new(format!("cannot run the editor `{shown}`: {error}")).hint(hint))
        }
    }
}
