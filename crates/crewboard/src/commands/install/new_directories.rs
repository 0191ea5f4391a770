//! Creates directories, and removes them again if the install fails.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

/// New directories. Dropping this removes them, the innermost first, unless `keep` was called.
#[derive(Debug, Default)]
pub(super) struct NewDirectories(Vec<PathBuf>);

impl NewDirectories {
    /// Creates a directory and its missing parents.
    pub(super) fn create(directory: &Path, bits: u32) -> io::Result<Self> {
        let missing: Vec<&Path> =
            directory.ancestors().take_while(|ancestor| !ancestor.is_dir()).collect();
        let mut all = Self::default();
        for directory in missing.into_iter().rev() {
            match DirBuilder::new().mode(bits).create(directory) {
                Ok(()) => all.0.push(directory.to_owned()),
                // Another program has created it in the meantime.
                Err(_) if directory.is_dir() => {}
                Err(error) => return Err(error),
            }
        }
        Ok(all)
    }

    pub(super) fn keep(mut self) {
        self.0.clear();
    }
}

impl Drop for NewDirectories {
    fn drop(&mut self) {
        for directory in self.0.iter().rev() {
            // A directory that is not empty is in use and stays.
            let _ = fs::remove_dir(directory);
        }
    }
}
