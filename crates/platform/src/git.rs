//! Which branch a directory is on, read from its repository's own file: starting git would cost more
//! than everything else a hook does.

use crate::mounts::Mounts;
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
    if Mounts::read().is_remote(directory) {
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
}
