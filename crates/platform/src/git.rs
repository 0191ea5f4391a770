//! Which branch a directory is on, read from its repository's own file: starting git would cost more
//! than everything else a hook does.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// How far up a repository is looked for.
const MAX_PARENTS: usize = 32;

/// Bytes read of a file that holds a line.
const MAX_LINE: u64 = 4096;

/// The branch of the repository or worktree that `directory` lies in, or the commit it is at, short.
///
/// `None` outside of a repository, and on network file systems, where a look may take for ever.
pub fn branch_of(directory: &Path) -> Option<String> {
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    if is_remote(directory, &mounts) {
        return None;
    }
    let git = directory.ancestors().take(MAX_PARENTS).find_map(git_directory)?;
    branch_in(&first_line(&git.join("HEAD"))?)
}

/// The git directory of a worktree's top, if `top` is one.
fn git_directory(top: &Path) -> Option<PathBuf> {
    let git = top.join(".git");
    let metadata = git.metadata().ok()?;
    if metadata.is_dir() {
        return Some(git);
    }
    // A linked worktree or a submodule: a file that says where.
    let line = first_line(&git)?;
    Some(top.join(line.strip_prefix("gitdir: ")?))
}

fn branch_in(head: &str) -> Option<String> {
    match head.strip_prefix("ref: ") {
        Some(reference) => {
            Some(reference.strip_prefix("refs/heads/").unwrap_or(reference).to_owned())
        }
        None => head.get(..8).map(str::to_owned),
    }
}

/// The first line of a regular file (reading another kind might wait).
fn first_line(path: &Path) -> Option<String> {
    if !path.metadata().ok()?.is_file() {
        return None;
    }
    let mut text = String::new();
    File::open(path).ok()?.take(MAX_LINE).read_to_string(&mut text).ok()?;
    Some(text.lines().next()?.trim_end().to_owned())
}

/// Whether the kernel's table of mounts says that `directory` is on another machine.
fn is_remote(directory: &Path, mounts: &str) -> bool {
    const REMOTE: [&str; 10] =
        ["nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ceph", "fuse.sshfs", "fuse.rclone"];
    // 36 35 98:0 /root /mount/point rw,noatime master:1 - type source options
    let innermost = mounts.lines().filter_map(|line| {
        let point = line.split(' ').nth(4)?;
        let (_, rest) = line.split_once(" - ")?;
        let kind = rest.split(' ').next()?;
        directory.starts_with(unescape(point)).then_some((point.len(), kind))
    });
    innermost.max_by_key(|(length, _)| *length).is_some_and(|(_, kind)| REMOTE.contains(&kind))
}

/// A mount point as the kernel writes it: blanks and the like as `\040`.
fn unescape(point: &str) -> String {
    let mut text = point.to_owned();
    for (escaped, plain) in [("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")] {
        text = text.replace(escaped, plain);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn branches_of_repositories_worktrees_and_other_places() {
        let world = tempfile::tempdir().unwrap();
        let at = |path: &str| world.path().join(path);
        fs::create_dir_all(at("shop/.git/worktrees/tf-12")).unwrap();
        fs::create_dir_all(at("shop/src/deep")).unwrap();
        fs::create_dir_all(at("tf-12")).unwrap();
        fs::create_dir_all(at("elsewhere")).unwrap();
        fs::write(at("shop/.git/HEAD"), "ref: refs/heads/feature/orders\n").unwrap();
        fs::write(at("shop/.git/worktrees/tf-12/HEAD"), "ref: refs/heads/tf-12\n").unwrap();
        fs::write(
            at("tf-12/.git"),
            format!("gitdir: {}\n", at("shop/.git/worktrees/tf-12").display()),
        )
        .unwrap();
        for (directory, branch) in [
            ("shop", Some("feature/orders")),
            ("shop/src/deep", Some("feature/orders")),
            ("tf-12", Some("tf-12")),
            ("elsewhere", None),
            ("not/there", None),
        ] {
            assert_eq!(branch_of(&at(directory)).as_deref(), branch, "{directory}");
        }
        fs::write(at("shop/.git/HEAD"), "0123456789abcdef\n").unwrap();
        assert_eq!(branch_of(&at("shop")).as_deref(), Some("01234567"));
        fs::write(at("shop/.git/HEAD"), "").unwrap();
        assert_eq!(branch_of(&at("shop")), None);
    }

    #[test]
    fn remote_file_systems_are_left_alone() {
        let mounts = "22 1 254:0 / / rw - ext4 /dev/vda rw\n\
                      30 22 0:40 / /home/dev/my\\040share rw - nfs4 server:/x rw\n\
                      31 30 0:41 / /home/dev/my\\040share/local rw - tmpfs none rw\n";
        for (directory, remote) in [
            ("/home/dev", false),
            ("/home/dev/my share/shop", true),
            ("/home/dev/my share/local/shop", false),
            ("/home/dev/my shared", false),
        ] {
            assert_eq!(is_remote(Path::new(directory), mounts), remote, "{directory}");
        }
    }
}
