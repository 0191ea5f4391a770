use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Component, Path, PathBuf};

/// Kinds of file systems that are on another machine or depend on a program. An access to one may block for ever, and
/// the kernel does not report changes that other machines make there.
const REMOTE: [&str; 14] = [
    "nfs",
    "nfs4",
    "cifs",
    "smb3",
    "smbfs",
    "9p",
    "afs",
    "ceph",
    "coda",
    "glusterfs",
    "lustre",
    "gpfs",
    "beegfs",
    "autofs",
];

/// Maximum number of links that are followed in one path. More links form a loop.
const MAX_LINKS: usize = 16;

/// The kernel's table of mounts at one moment: each mount point, and true if an access to it may block.
#[derive(Debug, Default)]
pub(crate) struct Mounts(Vec<(PathBuf, bool)>);

impl Mounts {
    /// Reads the table. If there is none, every path counts as local.
    pub(crate) fn read() -> Self {
        Self::parse(&std::fs::read_to_string("/proc/self/mountinfo").unwrap_or_default())
    }

    fn parse(table: &str) -> Self {
        // 36 35 98:0 /root /mount/point rw,noatime master:1 - type source options
        let mounts = table.lines().filter_map(|line| {
            let point = line.split(' ').nth(4)?;
            let kind = line.split_once(" - ")?.1.split(' ').next()?;
            let is_remote = REMOTE.contains(&kind) || kind == "fuse" || kind.starts_with("fuse.");
            Some((PathBuf::from(unescape(point)), is_remote))
        });
        let mounts: Vec<(PathBuf, bool)> = mounts.collect();
        // The order of nested mounts matters only if one of them is remote.
        if mounts.iter().any(|(_, is_remote)| *is_remote) { Self(mounts) } else { Self::default() }
    }

    /// Returns true if `directory` is on another machine. Does not follow links.
    pub(crate) fn is_remote(&self, directory: &Path) -> bool {
        let around = self.0.iter().filter(|(point, _)| directory.starts_with(point));
        // If two mounts have the same mount point, the later one hides the earlier one.
        around
            .max_by_key(|(point, _)| point.as_os_str().len())
            .is_some_and(|(_, is_remote)| *is_remote)
    }

    /// Resolves `path`, which is absolute or begins at the real directory `from`. Returns `None` if any part of the
    /// path is on another machine; that part is not touched.
    pub(crate) fn resolve_local(&self, from: &Path, path: &Path) -> Option<PathBuf> {
        resolve(from, path, self).filter(|resolved| resolved.is_local).map(|resolved| resolved.real)
    }
}

/// Decodes a mount point, in which the kernel writes a space as `\040`.
fn unescape(point: &str) -> String {
    let mut text = point.to_owned();
    for (escaped, plain) in [("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")] {
        text = text.replace(escaped, plain);
    }
    text
}

/// Returns the real path of `directory`, with its links resolved. Returns `None` if any part of the path is on
/// another machine; that part is not touched. Parts that do not exist stay as they are.
pub fn local_directory(directory: &Path) -> Option<PathBuf> {
    Mounts::read().resolve_local(Path::new("/"), directory)
}

/// Returns true if the kernel's cache answers where the path leads, or that it does not exist, so that no file system
/// is accessed.
pub fn is_known(path: &Path) -> bool {
    !matches!(find_cached(path), Cached::Unknown)
}

/// Returns true if an access to `path` may block for ever, because part of the path is on another machine.
///
/// Usually the kernel has the whole path in its cache; checking that takes a microsecond.
pub fn may_block(path: &Path) -> bool {
    !is_known(path) && local_directory(path).is_none()
}

/// The answer of the kernel's cache of paths.
#[derive(Debug)]
enum Cached {
    /// The cache has every part of the path.
    Found(OwnedFd),
    /// The cache has the fact that a part of the path does not exist.
    Missing,
    /// Only the file system knows.
    Unknown,
}

/// Looks for `path` in the kernel's cache.
#[cfg(target_os = "linux")]
fn find_cached(path: &Path) -> Cached {
    use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, openat2};
    use rustix::io::Errno;
    let flags = OFlags::PATH | OFlags::CLOEXEC;
    match openat2(CWD, path, flags, Mode::empty(), ResolveFlags::CACHED) {
        Ok(found) => Cached::Found(found),
        Err(Errno::NOENT | Errno::NOTDIR) => Cached::Missing,
        // `EAGAIN`, or an older kernel.
        Err(_) => Cached::Unknown,
    }
}

/// Returns [`Cached::Unknown`]: this system does not show its cache of paths.
#[cfg(not(target_os = "linux"))]
fn find_cached(_path: &Path) -> Cached {
    Cached::Unknown
}

/// Returns the canonical path of an absolute directory: without links, `.`, `..`, and double or trailing slashes.
///
/// Parts of the path on another machine are not touched, so links below them stay in the result.
pub fn canonical_directory(directory: &Path) -> PathBuf {
    canonical_directory_guarded(directory, || ())
}

/// Does the same, and calls `before_wait` before it accesses a file system, which may block.
pub fn canonical_directory_guarded(directory: &Path, before_wait: impl FnOnce()) -> PathBuf {
    match find_cached(directory) {
        Cached::Found(found) => {
            let path = format!("/proc/self/fd/{}", found.as_raw_fd());
            if let Ok(path) = std::fs::read_link(path) {
                return path;
            }
            before_wait();
        }
        // The parts that exist are in the cache too.
        Cached::Missing => {}
        Cached::Unknown => before_wait(),
    }
    let resolved = resolve(Path::new("/"), directory, &Mounts::read());
    resolved.map_or_else(|| directory.components().collect(), |resolved| resolved.real)
}

/// A resolved path.
#[derive(Debug, PartialEq, Eq)]
struct Resolved {
    real: PathBuf,
    /// True if no part of the path is on another machine.
    is_local: bool,
}

/// Resolves the links of a path as far as they are on this machine. The path is absolute or begins at the real
/// directory `from`. Returns `None` for a loop of links.
fn resolve(from: &Path, path: &Path, mounts: &Mounts) -> Option<Resolved> {
    let mut links = 0;
    let mut rest: Vec<PathBuf> = parts_of(path);
    let mut real = if path.is_absolute() { PathBuf::from("/") } else { from.to_owned() };
    let mut is_local = true;
    while let Some(part) = rest.pop() {
        if part.as_os_str() == ".." {
            real.pop();
            continue;
        }
        let next = real.join(&part);
        if mounts.is_remote(&next) {
            is_local = false;
            real = next;
            continue;
        }
        match std::fs::read_link(&next) {
            Ok(target) => {
                links += 1;
                if links > MAX_LINKS {
                    return None;
                }
                if target.is_absolute() {
                    real = PathBuf::from("/");
                }
                rest.extend(parts_of(&target));
            }
            Err(_) => real = next,
        }
    }
    Some(Resolved { real, is_local })
}

/// Returns the names in a path, last first.
fn parts_of(path: &Path) -> Vec<PathBuf> {
    let names = path
        .components()
        .filter(|part| matches!(part, Component::Normal(_) | Component::ParentDir));
    names.rev().map(|part| PathBuf::from(part.as_os_str())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn remote_mounts_are_recognised() {
        let mounts = Mounts::parse(
            "22 1 254:0 / / rw - ext4 /dev/vda rw\n\
             30 22 0:40 / /home/dev/my\\040share rw - nfs4 server:/x rw\n\
             31 30 0:41 / /home/dev/my\\040share/local rw - tmpfs none rw\n\
             32 22 0:42 / /mnt/box rw - fuse.sshfs box:/ rw\n\
             33 22 0:43 / /mnt/over rw - fuse hung rw\n\
             34 33 0:44 / /mnt/over rw - tmpfs none rw\n",
        );
        for (directory, remote) in [
            ("/home/dev", false),
            ("/home/dev/my share/shop", true),
            ("/home/dev/my share/local/shop", false),
            ("/home/dev/my shared", false),
            ("/mnt/box/home", true),
            ("/mnt/over/x", false),
        ] {
            assert_eq!(mounts.is_remote(Path::new(directory)), remote, "{directory}");
        }
    }

    #[test]
    fn links_are_followed_on_this_machine_only() {
        let world = tempfile::tempdir().unwrap();
        let world = world.path().canonicalize().unwrap();
        let at = |path: &str| world.join(path);
        std::fs::create_dir_all(at("dot/claude")).unwrap();
        std::fs::create_dir_all(at("share")).unwrap();
        symlink("dot/claude", at("here")).unwrap();
        symlink(at("share"), at("there")).unwrap();
        symlink("../share/x", at("dot/up")).unwrap();
        symlink("ring", at("ring")).unwrap();
        let mounts =
            Mounts::parse(&format!("1 0 0:1 / {} rw - nfs server:/ rw\n", at("share").display()));
        for (directory, expected) in [
            ("here/sessions", Some(("dot/claude/sessions", true))),
            ("dot/../here", Some(("dot/claude", true))),
            ("not/yet/there", Some(("not/yet/there", true))),
            (".//here/./", Some(("dot/claude", true))),
            ("there", Some(("share", false))),
            ("there/x/../y", Some(("share/y", false))),
            ("dot/up", Some(("share/x", false))),
            ("ring", None),
        ] {
            let expected = expected.map(|(path, is_local)| Resolved { real: at(path), is_local });
            let found = resolve(Path::new("/"), &at(directory), &mounts);
            assert_eq!(found, expected, "{directory}");
        }
        assert_eq!(local_directory(&at("here")), Some(at("dot/claude")));
        assert_eq!(canonical_directory(&at("dot//../here/")), at("dot/claude"));
        assert_eq!(canonical_directory(&at("./ring/")), at("ring"));
    }
}
