//! `cargo xtask install`: installs the program, its man page and its completions.

use crate::dist;
use anyhow::{Context, Result, bail};
use std::ffi::OsString;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// The arguments of `cargo xtask install`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Folder that gets bin/ and share/ [default: ~/.local]
    #[arg(long, value_name = "FOLDER")]
    prefix: Option<PathBuf>,
}

/// Builds the release and installs its files.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let prefix = match &arguments.prefix {
        Some(folder) => std::path::absolute(folder)?,
        None => PathBuf::from(std::env::var_os("HOME").context("HOME is not set; use --prefix")?)
            .join(".local"),
    };
    let data = std::env::var_os("XDG_DATA_HOME").filter(|_| arguments.prefix.is_none());
    let share = data.map_or_else(|| prefix.join("share"), PathBuf::from);
    let dist = dist::run()?;
    let mut files = vec![
        (dist.program, prefix.join("bin/crewboard")),
        (dist.man, share.join("man/man1/crewboard.1")),
    ];
    let completions = dist.completions.into_iter();
    files.extend(completions.map(|(shell, file)| (file, share.join(completion_place(shell)))));
    // Check all files before the first is installed, so that the installation is complete or does nothing.
    let own = tempfile::tempfile()?.metadata()?.uid();
    for (_, to) in &files {
        refuse_foreign(to, own)?;
    }
    for (from, to) in &files {
        dist::replace(from, to)?;
        println!("installed {}", to.display());
    }
    let folder = prefix.join("bin");
    if !on_path(&folder, std::env::var_os("PATH")) {
        println!("note: {} is not on your PATH", folder.display());
    }
    Ok(())
}

/// Refuses to write into another user's home, as `sudo` would if it keeps HOME.
fn refuse_foreign(to: &Path, own: u32) -> Result<()> {
    let existing = to.ancestors().find_map(|path| path.metadata().ok().map(|found| (path, found)));
    if let Some((path, found)) = existing
        && ![own, 0].contains(&found.uid())
    {
        bail!(
            "{} belongs to another user (uid {}): run this as that user, or use --prefix",
            path.display(),
            found.uid()
        );
    }
    Ok(())
}

/// Returns where a shell looks for completions, below the data folder.
fn completion_place(shell: &str) -> &'static str {
    match shell {
        "bash" => "bash-completion/completions/crewboard",
        "zsh" => "zsh/site-functions/_crewboard",
        _ => "fish/vendor_completions.d/crewboard.fish",
    }
}

/// Returns true if a folder is an entry of `PATH`.
fn on_path(folder: &Path, path: Option<OsString>) -> bool {
    path.is_some_and(|path| std::env::split_paths(&path).any(|entry| entry == folder))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn install_refuses_a_directory_of_another_user() {
        let home = tempfile::tempdir().unwrap();
        let own = home.path().metadata().unwrap().uid();
        let to = home.path().join(".local/share/fish/crewboard.fish");
        assert!(refuse_foreign(&to, own).is_ok());
        // A directory of root is accepted: it is no user's home.
        let other = own + 1;
        assert_eq!(refuse_foreign(&to, other).is_err(), own != 0);
        assert!(refuse_foreign(Path::new("/usr/bin/crewboard"), other).is_ok());
    }

    #[test]
    fn path_is_searched_by_whole_entries() {
        let path = Some(OsString::from("/usr/bin:/home/dev/.local/bin"));
        assert!(on_path(Path::new("/home/dev/.local/bin"), path.clone()));
        assert!(!on_path(Path::new("/home/dev/.local"), path));
        assert!(!on_path(Path::new("/usr/bin"), None));
    }
}
