//! The path of this program in the settings of agents.
//!
//! The settings outlive build directories and old versions of a package, so the path must too.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::{fmt, io};

use crewboard_terminals::Command;

use super::error::InstallError;
use super::new_directories::NewDirectories;
use super::owners::{check_directory, check_home};
use crate::environment::{Environment, is_executable};

pub(crate) const PROGRAM: &str = "crewboard";

/// The path of this program, by how long it will exist.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum ProgramPath {
    /// The path is permanent.
    Stable(PathBuf),
    /// The path is in a versioned directory of a package, and no link on `$PATH` leads to it.
    Versioned(PathBuf),
    /// The path is temporary, and the program should be copied to a permanent one.
    Temporary { from: PathBuf, to: PathBuf, place: Place },
}

/// A place for temporary files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// A clean build removes it.
    Build,
    /// It is cleaned from time to time: `/tmp`, a cache, downloads.
    Temporary,
    /// It is lost at a restart of the machine.
    Memory,
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Build => "a build directory",
            Self::Temporary => "a directory of temporary files",
            Self::Memory => "a file system in memory",
        })
    }
}

/// Directories of temporary files.
const TEMPORARY: [&str; 6] = ["/tmp", "/var/tmp", "/dev/shm", "/run", "/var/run", "/var/cache"];

/// Directories of temporary files in a home directory.
const TEMPORARY_AT_HOME: [&str; 4] = [".cache", "Downloads", ".local/share/Trash", ".Trash"];

impl ProgramPath {
    /// Finds the path to register.
    pub(crate) fn find(environment: &Environment) -> Result<Self, InstallError> {
        let executable = environment.executable.as_deref().ok_or(InstallError::NoExecutable)?;
        let executable = without_deleted(executable);
        if let Some(place) = temporary_place(&executable, environment) {
            let home = environment.home.as_ref().ok_or(InstallError::NoHome)?;
            let to = home.join(".local/bin").join(PROGRAM);
            return Ok(Self::Temporary { from: executable, to, place });
        }
        if !in_versioned_directory(&executable) {
            return Ok(Self::Stable(executable));
        }
        let link = environment
            .path
            .iter()
            .filter(|directory| directory.is_absolute() && !in_versioned_directory(directory))
            .map(|directory| directory.join(PROGRAM))
            .find(|candidate| is_same_file(candidate, &executable));
        Ok(link.map_or(Self::Versioned(executable), Self::Stable))
    }

    /// Returns the path of this program, or of its copy if it is in a place for temporary files.
    pub(crate) fn existing(self) -> PathBuf {
        match self {
            Self::Stable(path) | Self::Versioned(path) => path,
            Self::Temporary { to, .. } if to.exists() => to,
            Self::Temporary { from, .. } => from,
        }
    }

    /// Returns the path to write into settings.
    pub(crate) fn registered(&self) -> Result<&str, InstallError> {
        let (Self::Stable(path) | Self::Versioned(path) | Self::Temporary { to: path, .. }) = self;
        path.to_str().ok_or_else(|| InstallError::ProgramNotText(path.clone()))
    }
}

/// Returns the words with which a shell runs this program: its name if the name leads to it, else its quoted path.
pub(crate) fn typed(program: &Path, environment: &Environment) -> String {
    let found = environment.path.iter().map(|directory| directory.join(PROGRAM));
    match found.into_iter().find(|candidate| is_executable(candidate)) {
        Some(found) if is_same_file(&found, program) => PROGRAM.to_owned(),
        _ => Command::quoted(program),
    }
}

/// Removes the mark that Linux adds to the path of a program whose file was replaced while it runs.
fn without_deleted(executable: &Path) -> PathBuf {
    let stripped = executable.to_str().and_then(|path| path.strip_suffix(" (deleted)"));
    match stripped {
        Some(path) if !executable.exists() => PathBuf::from(path),
        _ => executable.to_owned(),
    }
}

/// Returns the temporary place that a program is in, or `None`.
///
/// The home directory counts as permanent, wherever it is.
fn temporary_place(executable: &Path, environment: &Environment) -> Option<Place> {
    if in_build_directory(executable) {
        return Some(Place::Build);
    }
    let home = environment.home.as_deref().map(real_path);
    let executable = real_path(executable);
    let is_in = |directories: &[PathBuf]| {
        directories.iter().any(|directory| executable.starts_with(real_path(directory)))
    };
    if let Some(home) = home.filter(|home| executable.starts_with(home)) {
        let at_home: Vec<PathBuf> =
            TEMPORARY_AT_HOME.iter().map(|directory| home.join(directory)).collect();
        let caches = environment.cache_home.as_slice();
        return (is_in(&at_home) || is_in(caches)).then_some(Place::Temporary);
    }
    let temporary: Vec<PathBuf> = TEMPORARY.iter().map(PathBuf::from).collect();
    if is_in(&temporary) || is_in(environment.cache_home.as_slice()) {
        return Some(Place::Temporary);
    }
    is_in_memory(&executable).then_some(Place::Memory)
}

/// Resolves links in the path. For a missing file, such as a replaced program, resolves its directory.
fn real_path(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}

#[cfg(all(target_os = "linux", target_pointer_width = "64"))]
fn is_in_memory(path: &Path) -> bool {
    const TMPFS: rustix::fs::FsWord = 0x0102_1994;
    const RAMFS: rustix::fs::FsWord = 0x8584_58f6;
    rustix::fs::statfs(path).is_ok_and(|system| [TMPFS, RAMFS].contains(&system.f_type))
}

#[cfg(not(all(target_os = "linux", target_pointer_width = "64")))]
fn is_in_memory(_path: &Path) -> bool {
    false
}

/// Returns true if the file is in a build directory of cargo, which `cargo clean` removes.
fn in_build_directory(executable: &Path) -> bool {
    executable.ancestors().skip(2).any(|directory| {
        // cargo creates these files in every target directory, whatever its name.
        directory.join(".rustc_info.json").is_file()
            || directory.join("CACHEDIR.TAG").is_file()
            || directory.ends_with("target")
                && directory.parent().is_some_and(|parent| parent.join("Cargo.lock").is_file())
    })
}

/// Returns true if an upgrade of its package would abandon this path.
fn in_versioned_directory(path: &Path) -> bool {
    let path = path.to_string_lossy();
    ["/nix/store/", "/gnu/store/", "/Cellar/", "/node_modules/", "/_npx/", "/snap/"]
        .iter()
        .any(|part| path.contains(part))
        || path.split('/').any(is_versioned_name)
}

/// Returns true if a directory is named after a version, such as `0.1.0` or `crewboard-v0.1.0`.
fn is_versioned_name(name: &str) -> bool {
    let name =
        name.strip_prefix(PROGRAM).map_or(name, |rest| rest.trim_start_matches(['-', '_', '@']));
    let mut numbers = name.trim_start_matches('v').split('.');
    let mut is_number = || {
        numbers.next().is_some_and(|part| part.starts_with(|first: char| first.is_ascii_digit()))
    };
    is_number() && is_number()
}

fn is_same_file(candidate: &Path, executable: &Path) -> bool {
    match (candidate.canonicalize(), executable.canonicalize()) {
        (Ok(candidate), Ok(executable)) => candidate == executable,
        _ => false,
    }
}

/// Returns true if the same program already exists there and is executable.
pub(crate) fn is_copy(from: &Path, to: &Path) -> bool {
    // A link into the build directory has the same bytes, but breaks with it.
    let is_file = fs::symlink_metadata(to).is_ok_and(|metadata| metadata.is_file());
    is_file
        && is_executable(to)
        && fs::read(from).is_ok_and(|program| fs::read(to).is_ok_and(|there| there == program))
}

/// Refuses to copy the program into another user's home, or over another user's file.
pub(crate) fn check_owner(to: &Path, environment: &Environment) -> Result<(), InstallError> {
    check_home(environment)?;
    check_directory(to.parent().unwrap_or(to))?;
    check_directory(to)
}

/// Copies the program by rename, so that a running copy is not disturbed.
pub(crate) fn copy_program(from: &Path, to: &Path) -> Result<(), InstallError> {
    let failed = |source: io::Error| InstallError::Io {
        action: "write",
        path: to.to_owned(),
        source,
        advice: "copy the program to a directory of your own, and run `install` from there",
    };
    let directory = to.parent().unwrap_or(Path::new("/"));
    let new_directories = NewDirectories::create(directory, 0o755).map_err(failed)?;
    let mut source = File::open(from).map_err(failed)?;
    let mut file = tempfile::Builder::new()
        .prefix(".crewboard-")
        .tempfile_in(directory)
        .map_err(|error| failed(error.kind().into()))?;
    io::copy(&mut source, file.as_file_mut()).map_err(failed)?;
    file.as_file().set_permissions(Permissions::from_mode(0o755)).map_err(failed)?;
    file.as_file().sync_all().map_err(failed)?;
    file.persist(to).map_err(|error| failed(error.error))?;
    new_directories.keep();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn program(root: &Path, path: &str) -> PathBuf {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, "program").unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
        path
    }

    fn find(executable: &Path, home: &Path, path: &[&Path]) -> ProgramPath {
        let environment = Environment {
            home: Some(home.to_owned()),
            executable: Some(executable.to_owned()),
            path: path.iter().map(PathBuf::from).collect(),
            ..Environment::default()
        };
        ProgramPath::find(&environment).unwrap()
    }

    #[test]
    fn permanent_path_is_registered() {
        let root = tempfile::tempdir().unwrap();
        let path = program(root.path(), "bin/crewboard");
        assert_eq!(find(&path, root.path(), &[]), ProgramPath::Stable(path.clone()));
    }

    #[test]
    fn program_in_a_build_directory_gets_a_copy() {
        for (marker, built) in [
            ("target/CACHEDIR.TAG", "target/debug/crewboard"),
            ("elsewhere/.rustc_info.json", "elsewhere/x86_64-unknown-linux-gnu/dist/crewboard"),
            ("Cargo.lock", "target/dist/crewboard"),
        ] {
            let root = tempfile::tempdir().unwrap();
            program(root.path(), marker);
            let from = program(root.path(), built);
            let to = root.path().join(".local/bin/crewboard");
            assert_eq!(
                find(&from, root.path(), &[]),
                ProgramPath::Temporary { from, to, place: Place::Build }
            );
        }
    }

    #[test]
    fn program_in_a_temporary_directory_gets_a_copy() {
        let root = tempfile::tempdir().unwrap();
        let home = root.path().join("home");
        let to = home.join(".local/bin/crewboard");
        // The directory itself is below the temporary directory of the system.
        for (path, place) in [
            ("crewboard", Place::Temporary),
            ("opt/bin/crewboard", Place::Temporary),
            ("home/.cache/tool/crewboard", Place::Temporary),
            ("home/Downloads/crewboard", Place::Temporary),
            ("home/.local/share/Trash/files/crewboard", Place::Temporary),
        ] {
            let from = program(root.path(), path);
            let expected = ProgramPath::Temporary { from: from.clone(), to: to.clone(), place };
            assert_eq!(find(&from, &home, &[]), expected);
        }
        for path in ["home/bin/crewboard", "home/.local/bin/crewboard", "home/.cached/crewboard"] {
            let permanent = program(root.path(), path);
            assert_eq!(find(&permanent, &home, &[]), ProgramPath::Stable(permanent.clone()));
        }
        let cache = program(root.path(), "home/my-cache/crewboard");
        let environment = Environment {
            home: Some(home.clone()),
            executable: Some(cache.clone()),
            cache_home: Some(home.join("my-cache")),
            ..Environment::default()
        };
        let place = Place::Temporary;
        let expected = ProgramPath::Temporary { from: cache, to, place };
        assert_eq!(ProgramPath::find(&environment).unwrap(), expected);
    }

    #[test]
    fn temporary_places_are_known_by_path_and_file_system() {
        let environment = Environment { home: Some("/home/dev".into()), ..Environment::default() };
        for directory in ["/tmp", "/tmp/x", "/var/tmp", "/dev/shm", "/run/user/1000", "/var/cache"]
        {
            let program = Path::new(directory).join(PROGRAM);
            assert_eq!(
                temporary_place(&program, &environment),
                Some(Place::Temporary),
                "{directory}"
            );
        }
        for directory in ["/usr/local/bin", "/opt/tmp", "/home/dev/tmp", "/home/dev/run"] {
            let program = Path::new(directory).join(PROGRAM);
            assert_eq!(temporary_place(&program, &environment), None, "{directory}");
        }
        // Always in memory, but never the place of a program.
        assert!(!cfg!(target_os = "linux") || is_in_memory(Path::new("/dev/shm")));
        assert!(!is_in_memory(Path::new("/proc")));
    }

    #[test]
    fn versioned_package_is_registered_by_its_link() {
        for package in [
            "Cellar/crewboard/0.1.0/bin/crewboard",
            "nix/store/abc-crewboard-0.1.0/bin/crewboard",
            "installs/crewboard/v1.2/crewboard",
            "opt/crewboard-0.1.0/crewboard",
            "lib/node_modules/crewboard/bin/crewboard",
        ] {
            let root = tempfile::tempdir().unwrap();
            let path = program(root.path(), package);
            let directory = root.path().join("bin");
            let on_path: [&Path; 2] = [path.parent().unwrap(), &directory];
            assert_eq!(find(&path, root.path(), &on_path), ProgramPath::Versioned(path.clone()));
            fs::create_dir(&directory).unwrap();
            let link = directory.join(PROGRAM);
            std::os::unix::fs::symlink(&path, &link).unwrap();
            assert_eq!(find(&path, root.path(), &on_path), ProgramPath::Stable(link));
        }
    }

    #[test]
    fn versions_in_names_are_recognised() {
        for name in ["0.1.0", "v2.3", "crewboard-0.1.0", "crewboard@1.0.0-beta", "1.0.0_1"] {
            assert!(is_versioned_name(name), "{name}");
        }
        for name in ["", "bin", "crewboard", "3", "v2", "x86_64", ".cache", "user.1.2"] {
            assert!(!is_versioned_name(name), "{name}");
        }
    }

    #[test]
    fn replaced_program_keeps_its_path() {
        let root = tempfile::tempdir().unwrap();
        let path = program(root.path(), "bin/crewboard");
        let marked = PathBuf::from(format!("{} (deleted)", path.display()));
        assert_eq!(find(&marked, root.path(), &[]), ProgramPath::Stable(path));
    }

    #[test]
    fn copy_replaces_by_rename_and_is_executable() {
        let root = tempfile::tempdir().unwrap();
        let from = program(root.path(), "target/debug/crewboard");
        let to = root.path().join("home/.local/bin/crewboard");
        copy_program(&from, &to).unwrap();
        let running = File::open(&to).unwrap();
        fs::write(&from, "newer").unwrap();
        copy_program(&from, &to).unwrap();
        assert_eq!(fs::read_to_string(&to).unwrap(), "newer");
        assert_eq!(io::read_to_string(running).unwrap(), "program");
        assert!(is_copy(&from, &to));
        fs::remove_file(&to).unwrap();
        std::os::unix::fs::symlink(&from, &to).unwrap();
        assert!(!is_copy(&from, &to));
    }
}
