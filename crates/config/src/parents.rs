//! Checks the directories above the directory of a socket. A user who may write to one of them can replace everything
//! below it at any time, even between the check and the use of the socket.

use crate::unusable::Unusable;
use std::fs::Metadata;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// The sticky bit. In such a directory, only root and the owners of the file and the directory can rename a file.
const STICKY: u32 = 0o1000;

/// The write permissions of the group and of all other users.
const WRITE_BY_GROUP: u32 = 0o020;
const WRITE_BY_OTHERS: u32 = 0o002;

/// The requirements of a candidate for the directories above its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Parents {
    /// The nearest directory must belong to the user, as the specification of `XDG_RUNTIME_DIR` says.
    Own,
    /// Each directory must belong to the user or root, and other users may write to it only if it is sticky.
    Safe,
    /// Like `Safe`, but a group may write to the directories, because the user has chosen the path.
    Named,
}

impl Parents {
    /// Checks every directory from `parent` up to the root, also behind links. Returns false if `parent` does not
    /// exist.
    pub(crate) fn check(self, parent: &Path, uid: u32) -> Result<bool, Unusable> {
        let unusable = |error| Unusable::Io(parent.to_owned(), error);
        let nearest = match parent.symlink_metadata() {
            Ok(metadata) => metadata,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(unusable(error)),
        };
        let target = if nearest.is_symlink() {
            match parent.metadata() {
                Ok(metadata) => Some(metadata),
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
                Err(error) => return Err(unusable(error)),
            }
        } else {
            None
        };
        let owner = target.as_ref().unwrap_or(&nearest).uid();
        if self == Self::Own && owner != uid {
            return Err(Unusable::Foreign(parent.to_owned(), owner));
        }
        if self.check_each(parent, Some(nearest), uid)? {
            let real = parent.canonicalize().map_err(|error| Unusable::Io(parent.into(), error))?;
            self.check_each(&real, None, uid)?;
        }
        Ok(true)
    }

    /// Checks `parent`, whose metadata may be known already, and each directory above it. Returns true if one of them
    /// is a link.
    fn check_each(
        self,
        parent: &Path,
        mut known: Option<Metadata>,
        uid: u32,
    ) -> Result<bool, Unusable> {
        let read = |path: &Path| match known.take().map_or_else(|| path.symlink_metadata(), Ok) {
            Ok(metadata) => Ok((path.to_owned(), metadata)),
            Err(error) => Err(Unusable::Io(path.to_owned(), error)),
        };
        let directories = parent.ancestors().map(read).collect::<Result<Vec<_>, _>>()?;
        // In a user namespace, root may have another uid. The owner of `/` can do everything that root can.
        let root = directories.last().map_or(0, |(_, metadata)| metadata.uid());
        let mut has_link = false;
        for (path, metadata) in &directories {
            if ![uid, 0, root].contains(&metadata.uid()) {
                return Err(Unusable::Foreign(path.to_owned(), metadata.uid()));
            }
            has_link |= metadata.is_symlink();
            if !metadata.is_symlink() && self.is_open(metadata) {
                return Err(Unusable::OpenParent(path.to_owned(), metadata.mode() & 0o7777));
            }
        }
        Ok(has_link)
    }

    /// Returns true if other users may replace the files in the directory.
    fn is_open(self, directory: &Metadata) -> bool {
        let forbidden = match self {
            Self::Own | Self::Safe => WRITE_BY_GROUP | WRITE_BY_OTHERS,
            Self::Named => WRITE_BY_OTHERS,
        };
        directory.mode() & forbidden != 0 && directory.mode() & STICKY == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{PermissionsExt, chown, symlink};

    /// Checks `parent` after the directory `changed` got this mode and owner. Returns the outcome as a word.
    fn outcome(kind: Parents, mode: u32, owner: Option<u32>, deep: bool) -> String {
        let world = tempfile::tempdir().unwrap();
        let changed = world.path().join("changed");
        let parent = if deep { changed.join("deep") } else { changed.clone() };
        fs::create_dir_all(&parent).unwrap();
        fs::set_permissions(&parent, Permissions::from_mode(0o700)).unwrap();
        chown(&changed, owner, None).unwrap();
        fs::set_permissions(&changed, Permissions::from_mode(mode)).unwrap();
        let uid = rustix::process::geteuid().as_raw();
        let outcome = kind.check(&parent, uid);
        fs::set_permissions(&changed, Permissions::from_mode(0o700)).unwrap();
        match outcome {
            Ok(_) => "safe".to_owned(),
            Err(Unusable::OpenParent(path, _)) if path == changed => "open".to_owned(),
            Err(Unusable::Foreign(path, 65_534)) if path == changed => "foreign".to_owned(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn parent_that_others_may_write_to_is_refused() {
        for deep in [false, true] {
            for (mode, strict, named) in [
                (0o700, "safe", "safe"),
                (0o755, "safe", "safe"),
                (0o775, "open", "safe"),
                (0o757, "open", "open"),
                (0o777, "open", "open"),
                (0o1777, "safe", "safe"),
                (0o1775, "safe", "safe"),
            ] {
                for (kind, expected) in
                    [(Parents::Safe, strict), (Parents::Own, strict), (Parents::Named, named)]
                {
                    assert_eq!(outcome(kind, mode, None, deep), expected, "{kind:?} {mode:o}");
                }
            }
        }
    }

    #[test]
    fn sticky_parent_of_another_user_is_refused() {
        if !rustix::process::geteuid().is_root() {
            // Only root can change the owner of a directory, so this check uses another uid instead.
            let world = tempfile::tempdir().unwrap();
            let uid = rustix::process::geteuid().as_raw();
            assert!(matches!(
                Parents::Safe.check(world.path(), uid + 1),
                Err(Unusable::Foreign(..))
            ));
            return;
        }
        for kind in [Parents::Own, Parents::Safe, Parents::Named] {
            for mode in [0o700, 0o755, 0o777, 0o1777] {
                for deep in [false, true] {
                    let outcome = outcome(kind, mode, Some(65_534), deep);
                    assert_eq!(outcome, "foreign", "{kind:?} {mode:o}");
                }
            }
        }
    }

    #[test]
    fn runtime_directory_of_root_is_refused() {
        let other = rustix::process::geteuid().as_raw() + 1;
        assert!(matches!(Parents::Own.check(Path::new("/"), other), Err(Unusable::Foreign(..))));
        assert!(matches!(Parents::Safe.check(Path::new("/"), other), Ok(true)));
        assert!(matches!(Parents::Own.check(Path::new("/not/there"), other), Ok(false)));
    }

    #[test]
    fn target_of_a_link_is_checked_too() {
        let world = tempfile::tempdir().unwrap();
        let uid = rustix::process::geteuid().as_raw();
        let (real, link) = (world.path().join("open/real"), world.path().join("link"));
        fs::create_dir_all(&real).unwrap();
        symlink(&real, &link).unwrap();
        assert!(matches!(Parents::Safe.check(&link, uid), Ok(true)));
        fs::set_permissions(world.path().join("open"), Permissions::from_mode(0o777)).unwrap();
        assert!(matches!(Parents::Safe.check(&link, uid), Err(Unusable::OpenParent(..))));
    }
}
