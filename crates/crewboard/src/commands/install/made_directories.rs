//! Makes directories, and takes them away again where what they were made for failed.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

/// Directories that go again with this, the innermost first, unless they are kept.
#[derive(Debug, Default)]
pub(super) struct MadeDirectories(Vec<PathBuf>);

impl MadeDirectories {
    /// Makes a directory and those above it that are missing.
    pub(super) fn make(directory: &Path, bits: u32) -> io::Result<Self> {
        let missing: Vec<&Path> =
            directory.ancestors().take_while(|ancestor| !ancestor.is_dir()).collect();
        let mut all = Self::default();
        for directory in missing.into_iter().rev() {
            match DirBuilder::new().mode(bits).create(directory) {
                Ok(()) => all.0.push(directory.to_owned()),
                // Another program has made it in the meantime.
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

impl Drop for MadeDirectories {
    fn drop(&mut self) {
        for directory in self.0.iter().rev() {
            // One that is not empty has come to use.
            let _ = fs::remove_dir(directory);
        }
    }
}
