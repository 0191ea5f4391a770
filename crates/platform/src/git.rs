//! Finds the repository of a directory and its branch in the files of the repository. Starting git would cost more than
//! everything else that a hook does.

use crate::mounts::Mounts;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// Maximum number of directories that are searched upwards for a repository.
const MAX_PARENTS: usize = 32;

/// Maximum bytes read from a file of one line.
const MAX_LINE: u64 = 4096;

/// Maximum bytes read from a repository's configuration. Git writes its own settings first.
const MAX_CONFIG: u64 = 64 << 10;

/// The repository of a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkout {
    /// The top directory of the repository. All linked worktrees of a repository have that of the main one.
    pub repository: Option<String>,
    /// The branch, or the abbreviated commit if no branch is checked out. `None` if the repository does not store it in
    /// `HEAD`.
    pub branch: Option<String>,
}

/// Returns the repository or worktree that contains `directory`.
///
/// Returns `None` outside a repository, and on network file systems. An access there may block for ever, so no part of a
/// path there is accessed, even if a link or a `gitdir:` line leads there.
pub fn find_checkout(directory: &Path) -> Option<Checkout> {
    let mounts = Mounts::read();
    let directory = mounts.resolve_local(Path::new("/"), directory)?;
    let mut tops = directory.ancestors().take(MAX_PARENTS);
    let (top, git) = tops.find_map(|top| match find_git_directory(top, &mounts) {
        GitDirectory::Missing => None,
        GitDirectory::Unreadable => Some(None),
        GitDirectory::Found(git) => Some(Some((top, git))),
    })??;
    let repository = top_of_repository(top, &git).to_str().map(str::to_owned);
    Some(Checkout { repository, branch: Repository { git, mounts }.branch() })
}

/// Returns the directory that all worktrees of a repository have in common. It reads no file: git keeps the git directory of
/// a linked worktree in `worktrees/` of the repository's own.
fn top_of_repository<'a>(top: &'a Path, git: &'a Path) -> &'a Path {
    let Some(worktrees) = git.parent().filter(|parent| parent.ends_with("worktrees")) else {
        return top;
    };
    let Some(common) = worktrees.parent() else { return top };
    // `shop/.git`, or a bare repository: `shop.git`, or `shop/.bare` with the worktrees next to it.
    let is_hidden =
        common.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
    common.parent().filter(|_| is_hidden).unwrap_or(common)
}

/// The result of looking for a git directory in one directory.
enum GitDirectory {
    /// The directory is not the top of a repository or worktree.
    Missing,
    /// The directory is the top of a repository, and its git directory cannot be read. A repository above it is
    /// another one.
    Unreadable,
    /// The directory is the top of a repository with this git directory.
    Found(PathBuf),
}

fn find_git_directory(top: &Path, mounts: &Mounts) -> GitDirectory {
    let Some(git) = mounts.resolve_local(top, Path::new(".git")) else {
        return GitDirectory::Unreadable;
    };
    let Ok(found) = git.metadata() else { return GitDirectory::Missing };
    if found.is_dir() {
        return GitDirectory::Found(git);
    }
    // In a linked worktree or a submodule, `.git` is a file with the path of the git directory.
    let pointer = read_first_line(&git);
    let target = pointer.as_deref().and_then(|line| line.strip_prefix("gitdir:"));
    let target =
        target.and_then(|target| mounts.resolve_local(top, Path::new(target.trim_start())));
    target.map_or(GitDirectory::Unreadable, GitDirectory::Found)
}

/// A repository, or a worktree of one.
struct Repository {
    /// The git directory.
    git: PathBuf,
    mounts: Mounts,
}

impl Repository {
    fn branch(&self) -> Option<String> {
        let head = self.read_head()?;
        let Some(reference) = head.strip_prefix("ref:") else {
            let is_commit =
                matches!(head.len(), 40 | 64) && head.bytes().all(|byte| byte.is_ascii_hexdigit());
            return if is_commit { head.get(..8).map(str::to_owned) } else { None };
        };
        let branch = reference.trim().strip_prefix("refs/heads/")?;
        (is_branch_name(branch) && self.stores_references_in_files()).then(|| branch.to_owned())
    }

    /// Returns the content of `HEAD`. Old versions of git made it a symbolic link.
    fn read_head(&self) -> Option<String> {
        let head = self.git.join("HEAD");
        if self.mounts.is_remote(&head) {
            return None;
        }
        match std::fs::read_link(&head) {
            Ok(target) if target.starts_with("refs") => Some(format!("ref: {}", target.to_str()?)),
            _ => read_first_line(&self.mounts.resolve_local(&self.git, Path::new("HEAD"))?),
        }
    }

    /// Returns true if the file `HEAD` is valid. Another reference store (`extensions.refStorage`) has a `HEAD` of its
    /// own, and leaves a file without meaning.
    fn stores_references_in_files(&self) -> bool {
        let file = |from: &Path, name: &str| self.mounts.resolve_local(from, Path::new(name));
        let pointer = file(&self.git, "commondir").and_then(|path| read_first_line(&path));
        let common = match pointer {
            Some(pointer) => file(&self.git, &pointer),
            None => Some(self.git.clone()),
        };
        let Some(config) = common.and_then(|common| file(&common, "config")) else { return false };
        let config = read_text(&config, MAX_CONFIG).unwrap_or_default();
        let mut stores = config.lines().filter_map(|line| {
            let (name, store) =
                line.rsplit_once(']').map_or(line, |(_, rest)| rest).split_once('=')?;
            name.trim().eq_ignore_ascii_case("refstorage").then(|| store.trim().trim_matches('"'))
        });
        stores.next_back().is_none_or(|store| store.eq_ignore_ascii_case("files"))
    }
}

/// Returns true if git allows `name` as the name of a branch. `.invalid`, which git writes for no branch, is not
/// allowed.
fn is_branch_name(name: &str) -> bool {
    let is_part = |part: &str| {
        !part.is_empty() && !part.starts_with('.') && part.strip_suffix(".lock").is_none()
    };
    let is_forbidden = |letter: char| letter.is_control() || " ~^:?*[\\".contains(letter);
    name.split('/').all(is_part)
        && !name.contains(is_forbidden)
        && !name.contains("..")
        && !name.contains("@{")
        && !name.ends_with('.')
        && name != "@"
}

/// Returns the first line of a regular file.
fn read_first_line(path: &Path) -> Option<String> {
    Some(read_text(path, MAX_LINE)?.lines().next()?.trim_end().to_owned())
}

/// Returns the first `max` bytes of a regular file. Reading a file of another kind could block.
fn read_text(path: &Path, max: u64) -> Option<String> {
    if !path.metadata().ok()?.is_file() {
        return None;
    }
    let mut text = String::new();
    File::open(path).ok()?.take(max).read_to_string(&mut text).ok()?;
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn branch_of(directory: &Path) -> Option<String> {
        find_checkout(directory)?.branch
    }

    #[test]
    fn worktrees_have_the_top_of_their_repository() {
        for (top, git, expected) in [
            ("/u/shop", "/u/shop/.git", "/u/shop"),
            ("/u/tf-12", "/u/shop/.git/worktrees/tf-12", "/u/shop"),
            ("/u/shop/main", "/u/shop/.bare/worktrees/main", "/u/shop"),
            ("/u/main", "/srv/shop.git/worktrees/main", "/srv/shop.git"),
            // A submodule, and a git directory in another place.
            ("/u/shop/lib", "/u/shop/.git/modules/lib", "/u/shop/lib"),
            ("/u/shop", "/srv/git/shop", "/u/shop"),
        ] {
            let found = top_of_repository(Path::new(top), Path::new(git));
            assert_eq!(found, Path::new(expected), "{top}");
        }
    }

    #[test]
    fn branch_is_found_in_repositories_and_worktrees() {
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
    }

    /// Returns the branch of a repository with this `HEAD` and this `config`.
    fn branch(head: &str, config: &str) -> Option<String> {
        let world = tempfile::tempdir().unwrap();
        fs::create_dir(world.path().join(".git")).unwrap();
        fs::write(world.path().join(".git/HEAD"), head).unwrap();
        fs::write(world.path().join(".git/config"), config).unwrap();
        branch_of(world.path())
    }

    #[test]
    fn head_without_a_branch_name_gives_none() {
        let commit = "0123456789abcdef0123456789abcdef01234567";
        for (head, expected) in [
            ("ref: refs/heads/main\n", Some("main")),
            ("ref:refs/heads/a/b", Some("a/b")),
            ("ref:\t refs/heads/ümlaut \n", Some("ümlaut")),
            (commit, Some("01234567")),
            (&"ab".repeat(32), Some("abababab")),
            ("ref: refs/heads/.invalid\n", None),
            ("ref: refs/remotes/origin/main\n", None),
            ("ref: refs/bisect/bad\n", None),
            ("ref: refs/heads/\n", None),
            ("ref: refs/heads/a b\n", None),
            ("ref: refs/heads/a..b\n", None),
            ("ref: refs/heads/x.lock\n", None),
            ("ref: ../../etc/passwd\n", None),
            ("ref:\n", None),
            ("0123456789abcdef\n", None),
            ("an ordinary sentence of exactly 40 letters", None),
            ("", None),
        ] {
            assert_eq!(branch(head, "").as_deref(), expected, "{head}");
        }
    }

    #[test]
    fn head_is_not_read_with_another_reference_store() {
        let main = "ref: refs/heads/main\n";
        for (config, expected) in [
            ("[core]\n\tbare = false\n", Some("main")),
            ("[extensions]\n\trefstorage = files\n", Some("main")),
            ("[extensions]\n\trefStorage = reftable\n", None),
            ("[extensions] refstorage=\"reftable\"\n", None),
            ("[extensions]\n\trefstorage = reftable:///srv/refs\n", None),
        ] {
            assert_eq!(branch(main, config).as_deref(), expected, "{config}");
        }
    }

    #[test]
    fn repositories_made_by_git_are_read_as_git_reads_them() {
        let world = tempfile::tempdir().unwrap();
        let git = |directory: &str, words: &[&str]| {
            let mut command = std::process::Command::new("git");
            command
                .env_clear()
                .env("HOME", world.path())
                .env("PATH", "/usr/local/bin:/usr/bin:/bin");
            command.args(["-c", "user.name=a", "-c", "user.email=a", "-C"]);
            command.arg(world.path().join(directory)).args(words);
            command.output().is_ok_and(|output| output.status.success())
        };
        if !git(".", &["--version"]) {
            return;
        }
        let at = |path: &str| world.path().join(path);
        let branch = |path: &str| branch_of(&at(path));
        assert!(git(".", &["init", "-b", "trunk", "shop"]));
        assert_eq!(branch("shop").as_deref(), Some("trunk"), "before the first commit");
        assert!(git("shop", &["commit", "--allow-empty", "-m", "one"]));
        assert!(git("shop", &["worktree", "add", "-b", "side/line", "../side"]));
        assert_eq!(branch("side").as_deref(), Some("side/line"));
        let repository = |path: &str| find_checkout(&at(path)).unwrap().repository.unwrap();
        let top = at("shop").canonicalize().unwrap();
        assert_eq!([repository("shop"), repository("side")].map(PathBuf::from), [top.clone(), top]);
        assert!(git("side", &["checkout", "--detach"]));
        assert_eq!(branch("side").map(|commit| commit.len()), Some(8));
        assert_eq!(branch("shop").as_deref(), Some("trunk"));
        fs::remove_file(at("shop/.git/HEAD")).unwrap();
        std::os::unix::fs::symlink("refs/heads/trunk", at("shop/.git/HEAD")).unwrap();
        assert_eq!(branch("shop").as_deref(), Some("trunk"), "a link");
        // Older versions of git have no other reference store.
        if git(".", &["init", "--ref-format=reftable", "-b", "trunk", "tables"]) {
            assert_eq!(branch("tables"), None);
            assert!(git("tables", &["commit", "--allow-empty", "-m", "one"]));
            assert!(git("tables", &["worktree", "add", "-b", "side", "../tables-side"]));
            assert_eq!((branch("tables"), branch("tables-side")), (None, None));
        }
    }
}
