//! Refuses to make anything in another user's home.
//!
//! `sudo` may keep `HOME`. What root makes there the user cannot read any more.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use super::error::InstallError;
use crate::environment::Environment;

/// Returns whether this is another user's. What belongs to root is nobody's home but root's, and where root lets others
/// write it is meant for them.
pub(super) fn is_foreign(uid: u32) -> bool {
    uid != rustix::process::geteuid().as_raw() && uid != 0
}

/// Refuses a directory of another user, and one that would be made in such a directory.
pub(super) fn check_directory(directory: &Path) -> Result<(), InstallError> {
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

/// Refuses a home directory of another user, even where a directory in it is ours.
pub(super) fn check_home(environment: &Environment) -> Result<(), InstallError> {
    environment.home.as_deref().map_or(Ok(()), check_directory)
}
