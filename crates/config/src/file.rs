//! Finds and reads the configuration file.

use crate::Environment;
use rustix::fs::OFlags;
use std::fs::{self, Metadata, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Maximum bytes of the configuration file. The daemon answers no request while it reads the file. A file with every
/// option is less than a tenth of this.
const MAX_FILE: u64 = 64 << 10;

/// The path of the configuration file, which may not exist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    At(PathBuf),
    /// The path is unknown: neither a home directory nor a variable is set.
    Nowhere,
    /// `CREWBOARD_CONFIG` is a relative path, which would be another file for the daemon.
    Relative(PathBuf),
}

/// Returns the path of the configuration file.
pub fn locate(environment: &Environment) -> Location {
    if let Some(path) = &environment.config {
        return if path.is_absolute() {
            Location::At(path.clone())
        } else {
            Location::Relative(path.clone())
        };
    }
    let absolute = |path: &&PathBuf| path.is_absolute();
    let own = environment.config_home.as_ref().filter(absolute).cloned();
    let default = || environment.home.as_ref().filter(absolute).map(|home| home.join(".config"));
    match own.or_else(default) {
        Some(directory) => Location::At(directory.join("crewboard").join("config.toml")),
        None => Location::Nowhere,
    }
}

/// Returns the text of the file, or `None` if the file does not exist.
pub(crate) fn read(path: &Path) -> io::Result<Option<String>> {
    // A pipe or a terminal at this path must not block the board.
    let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
    let flags = i32::try_from(flags.bits()).unwrap_or(0);
    let file = match OpenOptions::new().read(true).custom_flags(flags).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    if !is_file_or_null(&file.metadata()?) {
        // A pipe without a writer would look like an empty file.
        return Err(io::Error::other("it is not a regular file"));
    }
    let mut bytes = Vec::new();
    file.take(MAX_FILE + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_FILE {
        return Err(io::Error::other("it is longer than 64 KiB"));
    }
    String::from_utf8(bytes).map(Some).map_err(|_| io::Error::other("it is not UTF-8"))
}

/// Returns true for a regular file, and for `/dev/null`, with which the user turns the configuration off.
fn is_file_or_null(metadata: &Metadata) -> bool {
    let is_null =
        |null: Metadata| metadata.file_type().is_char_device() && null.rdev() == metadata.rdev();
    metadata.is_file() || fs::metadata("/dev/null").is_ok_and(is_null)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn configuration_file_is_located() {
        let at = |path: &str| Location::At(path.into());
        for (config, config_home, home, expected) in [
            (None, None, Some("/home/dev"), at("/home/dev/.config/crewboard/config.toml")),
            (None, Some("/x"), Some("/home/dev"), at("/x/crewboard/config.toml")),
            (None, Some("x"), Some("/home/dev"), at("/home/dev/.config/crewboard/config.toml")),
            (Some("/c.toml"), Some("/x"), Some("/home/dev"), at("/c.toml")),
            (Some("c.toml"), Some("/x"), None, Location::Relative("c.toml".into())),
            (None, None, Some("home"), Location::Nowhere),
            (None, None, None, Location::Nowhere),
        ] {
            let environment = Environment {
                config: config.map(PathBuf::from),
                config_home: config_home.map(PathBuf::from),
                home: home.map(PathBuf::from),
                ..Environment::default()
            };
            assert_eq!(locate(&environment), expected);
        }
    }

    #[test]
    fn unreadable_file_is_an_error_and_missing_file_is_not() {
        let world = tempfile::tempdir().unwrap();
        let path = world.path().join("config.toml");
        assert_eq!(read(&path).unwrap(), None);
        assert!(read(world.path()).is_err());
        std::fs::write(&path, "x = 1").unwrap();
        assert_eq!(read(&path).unwrap().as_deref(), Some("x = 1"));
        for unreadable in [vec![0xff], vec![b'#'; (64 << 10) + 1]] {
            std::fs::write(&path, unreadable).unwrap();
            assert!(read(&path).is_err());
        }
        assert!(read("/dev/zero".as_ref()).is_err());
        assert_eq!(read("/dev/null".as_ref()).unwrap().as_deref(), Some(""));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn pipe_is_refused_without_blocking() {
        use rustix::fs::{CWD, FileType, Mode, mknodat};
        let world = tempfile::tempdir().unwrap();
        let pipe = world.path().join("pipe");
        mknodat(CWD, &pipe, FileType::Fifo, Mode::RUSR, 0).unwrap();
        assert_eq!(read(&pipe).unwrap_err().to_string(), "it is not a regular file");
    }
}
