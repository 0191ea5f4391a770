//! Copies group, access list, extended attributes and mode to the new file.

use std::fs::{File, Metadata, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};

use rustix::fs::{XattrFlags, fchown, fgetxattr, flistxattr, fremovexattr, fsetxattr};
use rustix::io::Errno;
use rustix::process::Gid;

/// The longest value of an attribute, and the longest list of attribute names.
const MAX_ATTRIBUTE: usize = 64 * 1024;

/// Copies the attributes of `old` to `new`. Returns false if the system does not allow it.
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
    // The mode comes last, because an access list changes it. It is set explicitly, because the umask limits the mode
    // at creation.
    new.set_permissions(Permissions::from_mode(from.mode() & 0o7777))?;
    Ok(true)
}

/// Copies the mode to a backup. Removes group and other bits unless group and access list were copied too.
pub(super) fn copy_mode(
    old: Option<&Metadata>,
    new: &File,
    has_same_access: bool,
) -> io::Result<()> {
    let mode = old.map_or(0o600, |old| old.mode() & 0o7777);
    let mode = if has_same_access { mode } else { mode & 0o700 };
    new.set_permissions(Permissions::from_mode(mode))
}

fn copy_attributes(old: &File, new: &File) -> io::Result<bool> {
    let wanted = names(old)?;
    for name in names(new)?.iter().filter(|name| !wanted.contains(name)) {
        // An access list that the directory assigns to new files.
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
        // The file system has no attributes.
        Err(Errno::NOTSUP | Errno::NOSYS) => 0,
        Err(error) => return Err(error.into()),
    };
    list.truncate(length);
    Ok(list.split(|byte| *byte == 0).filter(|name| !name.is_empty()).map(<[u8]>::to_vec).collect())
}

/// Returns the value of an attribute, or `None` if it is missing or unreadable.
fn value(file: &File, name: &[u8]) -> Option<Vec<u8>> {
    let mut value = vec![0; MAX_ATTRIBUTE];
    let length = fgetxattr(file, name, value.as_mut_slice()).ok()?;
    value.truncate(length);
    Some(value)
}
