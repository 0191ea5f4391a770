//! The names in directories that decide which file a path leads to.

use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::path::{Component, Path, PathBuf};

/// Maximum number of symbolic links that are followed, as in the kernel.
const MAX_LINKS: usize = 40;

/// Watches directories for a [`WatchedPath`].
pub trait DirectoryWatcher {
    /// Identifies a watched directory.
    type Token: Copy + PartialEq;

    /// Watches the names in a directory, and the ends of writes to its files if `wants_writes` is true. A directory
    /// that is watched already keeps its token.
    fn add(&mut self, directory: &Path, wants_writes: bool) -> Option<Self::Token>;

    /// Stops watching a directory.
    fn remove(&mut self, token: Self::Token);
}

/// A name in a directory on which the path of the file depends.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Link {
    directory: PathBuf,
    name: OsString,
    /// The name is the file itself, which programs write to. A symbolic link or a missing directory is not written to,
    /// and writes to its neighbours are of no interest: they may be all files of a home directory.
    is_file: bool,
}

/// A path, and the watched directories that decide which file it leads to. The file need not exist.
#[derive(Debug)]
pub struct WatchedPath<T> {
    path: PathBuf,
    links: Vec<Link>,
    /// The token of each watched directory, and the index of its link.
    watched: Vec<(T, usize)>,
}

impl<T: Copy + PartialEq> WatchedPath<T> {
    /// Begins to watch `path`.
    pub fn new(path: &Path, directories: &mut impl DirectoryWatcher<Token = T>) -> Self {
        let mut watched = Self { path: path.to_owned(), links: Vec::new(), watched: Vec::new() };
        watched.update(directories);
        watched
    }

    /// Returns the path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns true if a change in a watched directory may have changed the file. `name` is the changed name, or `None`
    /// if the directory itself was deleted or moved. `is_created` is true if a file was just created.
    pub fn is_affected(&self, directory: T, name: Option<&OsStr>, is_created: bool) -> bool {
        let mut links = self.watched.iter().filter(|(watched, _)| *watched == directory);
        let Some(name) = name else { return links.next().is_some() };
        links.filter_map(|(_, index)| self.links.get(*index)).any(|link| {
            // A file that was just created is empty. It is written to and closed next.
            let is_unwritten = is_created && !link.directory.join(&link.name).is_symlink();
            link.name == name && !is_unwritten
        })
    }

    /// Watches the directories that the file depends on now.
    pub fn update(&mut self, directories: &mut impl DirectoryWatcher<Token = T>) {
        // The directories may change before they are watched.
        for _ in 0..4 {
            let links = links_of(&self.path);
            if links == self.links && !self.watched.is_empty() {
                // A directory of the same name may be another directory.
                let before = self.watched.clone();
                self.watch_links(directories);
                if before == self.watched {
                    return;
                }
            } else {
                self.links = links;
                self.watch_links(directories);
            }
        }
    }

    fn watch_links(&mut self, directories: &mut impl DirectoryWatcher<Token = T>) {
        let links = self.links.iter().enumerate();
        let watched: Vec<(T, usize)> = links
            .filter_map(|(index, link)| {
                Some((directories.add(&link.directory, link.is_file)?, index))
            })
            .collect();
        for (old, _) in &self.watched {
            if watched.iter().all(|(watched, _)| watched != old) {
                directories.remove(*old);
            }
        }
        self.watched = watched;
    }
}

/// Returns the names that decide which file `path` leads to: each symbolic link on the way, and the file itself or the
/// first directory that is missing.
fn links_of(path: &Path) -> Vec<Link> {
    let mut links = Vec::new();
    let mut directory = PathBuf::from("/");
    let mut rest: VecDeque<OsString> = parts(path);
    while let Some(name) = rest.pop_front() {
        if name == ".." {
            directory.pop();
            continue;
        }
        let here = directory.join(&name);
        let metadata = here.symlink_metadata();
        let is_link = metadata.as_ref().is_ok_and(std::fs::Metadata::is_symlink);
        if is_link || metadata.is_err() || rest.is_empty() {
            let is_file = rest.is_empty() && !is_link;
            links.push(Link { directory: directory.clone(), name, is_file });
        }
        if metadata.is_err() || links.len() > MAX_LINKS {
            break;
        }
        match std::fs::read_link(&here) {
            Ok(target) => {
                if target.is_absolute() {
                    directory = PathBuf::from("/");
                }
                for part in parts(&target).into_iter().rev() {
                    rest.push_front(part);
                }
            }
            Err(_) => directory = here,
        }
    }
    links
}

fn parts(path: &Path) -> VecDeque<OsString> {
    let part = |component: Component<'_>| match component {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some("..".into()),
        _ => None,
    };
    path.components().filter_map(part).collect()
}
