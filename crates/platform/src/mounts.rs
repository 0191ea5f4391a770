use std::path::{Component, Path, PathBuf};

/// Kinds of file systems that are on another machine, or may wait for a program: a look at one may take
/// for ever, and the kernel tells of none of what others change there.
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

/// Links followed on the way to a directory; more is a ring.
const MAX_LINKS: usize = 16;

/// The kernel's table of mounts, at one moment.
#[derive(Debug)]
pub(crate) struct Mounts(String);

impl Mounts {
    /// Reads the table. Where there is none, everything is taken for local.
    pub(crate) fn read() -> Self {
        Self(std::fs::read_to_string("/proc/self/mountinfo").unwrap_or_default())
    }

    /// Whether `directory`, taken by its words, is on another machine.
    pub(crate) fn is_remote(&self, directory: &Path) -> bool {
        // 36 35 98:0 /root /mount/point rw,noatime master:1 - type source options
        let innermost = self.0.lines().filter_map(|line| {
            let point = line.split(' ').nth(4)?;
            let (_, rest) = line.split_once(" - ")?;
            let kind = rest.split(' ').next()?;
            directory.starts_with(unescape(point)).then_some((point.len(), kind))
        });
        innermost.max_by_key(|(length, _)| *length).is_some_and(|(_, kind)| {
            REMOTE.contains(&kind) || kind == "fuse" || kind.starts_with("fuse.")
        })
    }
}

/// A mount point as the kernel writes it: blanks and the like as `\040`.
fn unescape(point: &str) -> String {
    let mut text = point.to_owned();
    for (escaped, plain) in [("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")] {
        text = text.replace(escaped, plain);
    }
    text
}

/// Where `directory` really is, its links followed; `None` where any part of the way is on another
/// machine, which is found out without touching it. What does not exist (yet) stays as it is named.
pub fn local_directory(directory: &Path) -> Option<PathBuf> {
    resolve(directory, &Mounts::read()).filter(|resolved| resolved.is_local).map(|way| way.real)
}

/// Returns the one name of an absolute directory, however it is spelled: without links, `.`, `..` and
/// doubled or trailing slashes.
///
/// A part of the way that is on another machine is not touched, so links below it stay in the name.
pub fn settled_directory(directory: &Path) -> PathBuf {
    let resolved = resolve(directory, &Mounts::read());
    resolved.map_or_else(|| directory.components().collect(), |way| way.real)
}

/// Where a path leads.
#[derive(Debug, PartialEq, Eq)]
struct Resolved {
    real: PathBuf,
    /// No part of the way is on another machine.
    is_local: bool,
}

/// Follows the links of a path as far as they are on this machine; `None` for a ring of links.
fn resolve(directory: &Path, mounts: &Mounts) -> Option<Resolved> {
    let mut links = 0;
    let mut rest: Vec<PathBuf> = parts_of(directory);
    let mut real = PathBuf::from("/");
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

/// The names of a path, last first.
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
    fn remote_file_systems_are_left_alone() {
        let mounts = Mounts(
            "22 1 254:0 / / rw - ext4 /dev/vda rw\n\
             30 22 0:40 / /home/dev/my\\040share rw - nfs4 server:/x rw\n\
             31 30 0:41 / /home/dev/my\\040share/local rw - tmpfs none rw\n\
             32 22 0:42 / /mnt/box rw - fuse.sshfs box:/ rw\n"
                .to_owned(),
        );
        for (directory, remote) in [
            ("/home/dev", false),
            ("/home/dev/my share/shop", true),
            ("/home/dev/my share/local/shop", false),
            ("/home/dev/my shared", false),
            ("/mnt/box/home", true),
        ] {
            assert_eq!(mounts.is_remote(Path::new(directory)), remote, "{directory}");
        }
    }

    #[test]
    fn links_are_followed_but_not_to_other_machines() {
        let world = tempfile::tempdir().unwrap();
        let world = world.path().canonicalize().unwrap();
        let at = |path: &str| world.join(path);
        std::fs::create_dir_all(at("dot/claude")).unwrap();
        std::fs::create_dir_all(at("share")).unwrap();
        symlink("dot/claude", at("here")).unwrap();
        symlink(at("share"), at("there")).unwrap();
        symlink("../share/x", at("dot/up")).unwrap();
        symlink("ring", at("ring")).unwrap();
        let mounts = Mounts(format!("1 0 0:1 / {} rw - nfs server:/ rw\n", at("share").display()));
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
            assert_eq!(resolve(&at(directory), &mounts), expected, "{directory}");
        }
        assert_eq!(local_directory(&at("here")), Some(at("dot/claude")));
        assert_eq!(settled_directory(&at("dot//../here/")), at("dot/claude"));
        assert_eq!(settled_directory(&at("./ring/")), at("ring"));
    }
}
