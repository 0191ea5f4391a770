//! Makes a new file like the one that it replaces: group, access list, other attributes, mode.

use std::fs::{File, Metadata, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};

use rustix::fs::{XattrFlags, fchown, fgetxattr, flistxattr, fremovexattr, fsetxattr};
use rustix::io::Errno;
use rustix::process::Gid;

/// An attribute's value is at most this long, and so is the list of their names.
const MAX_ATTRIBUTE: usize = 64 * 1024;

/// Gives `new` what `old` has; `false` where the system does not let us.
pub(super) fn copy(old: &File, new: &File) -> io::Result<bool> {
    let (from, to) = (old.metadata()?, new.metadata()?);
    if from.uid() != to.uid() {
        return Ok(false);
    }
    if from.gid() != to.gid() && fchown(new, None, Some(Gid::from_raw(from.gid()))).is_err() {
        return Ok(false);
    }
    if !copy_attributes(old, new)? {
        return Ok(false);
    }
    // Last, because an access list changes it. By name, because the umask cuts the mode asked for at creation.
    new.set_permissions(Permissions::from_mode(from.mode() & 0o7777))?;
    Ok(true)
}

/// Gives a private copy the mode of the file, without what only the file's own group and access list may do.
pub(super) fn copy_mode(old: Option<&Metadata>, new: &File, is_alike: bool) -> io::Result<()> {
    let mode = old.map_or(0o600, |old| old.mode() & 0o7777);
    let mode = if is_alike { mode } else { mode & 0o700 };
    new.set_permissions(Permissions::from_mode(mode))
}

fn copy_attributes(old: &File, new: &File) -> io::Result<bool> {
    let wanted = names(old)?;
    for name in names(new)?.iter().filter(|name| !wanted.contains(name)) {
        // An access list that the directory gives to new files.
        if fremovexattr(new, name.as_slice()).is_err() {
            return Ok(false);
        }
    }
    for name in &wanted {
        let Some(wanted) = value(old, name) else { return Ok(false) };
        if value(new, name).as_ref() == Some(&wanted) {
            continue;
        }
        if fsetxattr(new, name.as_slice(), &wanted, XattrFlags::empty()).is_err() {
            return Ok(false);
        }
    }
    Ok(true)
}

fn names(file: &File) -> io::Result<Vec<Vec<u8>>> {
    let mut list = vec![0; MAX_ATTRIBUTE];
    let length = match flistxattr(file, list.as_mut_slice()) {
        Ok(length) => length,
        // A file system without attributes.
        Err(Errno::NOTSUP | Errno::NOSYS) => 0,
        Err(error) => return Err(error.into()),
    };
    list.truncate(length);
    Ok(list.split(|byte| *byte == 0).filter(|name| !name.is_empty()).map(<[u8]>::to_vec).collect())
}

/// Returns nothing where it went in the meantime, or where we may not read it.
fn value(file: &File, name: &[u8]) -> Option<Vec<u8>> {
    let mut value = vec![0; MAX_ATTRIBUTE];
    let length = fgetxattr(file, name, value.as_mut_slice()).ok()?;
    value.truncate(length);
    Some(value)
}
