//! Refuses to create files in another user's home.
//!
//! `sudo` may keep `HOME`, and the user could not read files that root creates there.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use super::error::InstallError;
use crate::environment::Environment;

/// Returns true if the owner is another user. Directories of root are allowed: other users can write there only if root
/// permits it.
pub(super) fn is_foreign(uid: u32) -> bool {
    uid != rustix::process::geteuid().as_raw() && uid != 0
}

/// Refuses a directory of another user, and a new directory inside one.
pub(crate) fn check_directory(directory: &Path) -> Result<(), InstallError> {
    for ancestor in directory.ancestors() {
        if let Ok(metadata) = fs::metadata(ancestor) {
            return match metadata.uid() {
                uid if is_foreign(uid) => {
                    Err(InstallError::ForeignDirectory { path: ancestor.to_owned(), uid })
                }
                _ => Ok(()),
            };
        }
    }
    Ok(())
}

/// Refuses a home directory of another user, even if a directory in it belongs to this user.
pub(super) fn check_home(environment: &Environment) -> Result<(), InstallError> {
    environment.home.as_deref().map_or(Ok(()), check_directory)
}
