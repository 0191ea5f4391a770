//! Reads files that another program wrote below a known directory. It follows no link below that directory, never
//! blocks, and reads at most as much as the caller asks for.

use rustix::fs::{AtFlags, FileType, Mode, OFlags};
use std::fs::{DirEntry, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::fd::OwnedFd;
use std::path::Path;

/// The part of a file to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The whole file. A longer file is an error.
    Whole { max: u64 },
    /// The first bytes.
    Head { max: u64 },
    /// The last bytes.
    Tail { max: u64 },
}

/// Reads a regular file that belongs to the user. `names` are the path from `directory`: the names of the folders,
/// and the name of the file last.
pub fn read_beneath(directory: &Path, names: &[&str], part: Part) -> io::Result<Vec<u8>> {
    let (name, folders) = names.split_last().ok_or(io::ErrorKind::InvalidInput)?;
    let to_folder = OFlags::DIRECTORY | OFlags::CLOEXEC | OFlags::RDONLY;
    let mut folder: OwnedFd = rustix::fs::open(directory, to_folder, Mode::empty())?;
    for name in folders {
        folder = rustix::fs::openat(&folder, *name, to_folder | OFlags::NOFOLLOW, Mode::empty())?;
    }
    // This check comes before the file is opened, because opening a device can have effects.
    let found = rustix::fs::statat(&folder, *name, AtFlags::SYMLINK_NOFOLLOW)?;
    if FileType::from_raw_mode(found.st_mode) != FileType::RegularFile {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let to_file = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = rustix::fs::openat(&folder, *name, to_file, Mode::empty())?;
    let found = rustix::fs::fstat(&file)?;
    let is_regular = FileType::from_raw_mode(found.st_mode) == FileType::RegularFile;
    if !is_regular || found.st_uid != rustix::process::geteuid().as_raw() {
        return Err(io::ErrorKind::PermissionDenied.into());
    }
    let length = u64::try_from(found.st_size).unwrap_or(0);
    let mut file = File::from(file);
    let mut bytes = Vec::new();
    match part {
        Part::Whole { max } if length > max => return Err(io::ErrorKind::FileTooLarge.into()),
        Part::Whole { max } | Part::Head { max } => file.take(max).read_to_end(&mut bytes)?,
        Part::Tail { max } => {
            file.seek(SeekFrom::Start(length.saturating_sub(max)))?;
            file.take(max).read_to_end(&mut bytes)?
        }
    };
    Ok(bytes)
}

/// Returns the name of a folder in `directory` that contains a regular file `file`. Checks at most `max` entries.
pub fn directory_containing(directory: &Path, file: &str, max: usize) -> Option<String> {
    let folders = std::fs::read_dir(directory).ok()?.take(max).filter_map(Result::ok);
    let is_folder = |entry: &DirEntry| entry.file_type().is_ok_and(|kind| kind.is_dir());
    let contains = |folder: &DirEntry| {
        let found = folder.path().join(file).symlink_metadata();
        found.is_ok_and(|found| found.is_file())
    };
    let mut matching = folders.filter(|folder| is_folder(folder) && contains(folder));
    matching.next()?.file_name().into_string().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn only_regular_files_without_links_are_read() {
        let world = tempfile::tempdir().unwrap();
        let at = |path: &str| world.path().join(path);
        std::fs::create_dir_all(at("sessions/folder.json")).unwrap();
        std::fs::write(at("sessions/1.json"), "0123456789").unwrap();
        symlink(at("sessions/1.json"), at("sessions/link.json")).unwrap();
        symlink(at("sessions"), at("elsewhere")).unwrap();
        let pipe = at("sessions/pipe.json");
        rustix::fs::mknodat(rustix::fs::CWD, &pipe, FileType::Fifo, Mode::RUSR, 0).unwrap();
        let whole = Part::Whole { max: 10 };
        for (names, part, expected) in [
            (["sessions", "1.json"], whole, Some("0123456789")),
            (["sessions", "1.json"], Part::Whole { max: 9 }, None),
            (["sessions", "1.json"], Part::Head { max: 3 }, Some("012")),
            (["sessions", "1.json"], Part::Tail { max: 3 }, Some("789")),
            (["sessions", "1.json"], Part::Tail { max: 99 }, Some("0123456789")),
            (["sessions", "2.json"], whole, None),
            (["sessions", "link.json"], whole, None),
            (["sessions", "pipe.json"], whole, None),
            (["sessions", "folder.json"], whole, None),
            (["elsewhere", "1.json"], whole, None),
        ] {
            let read = read_beneath(world.path(), &names, part).ok();
            assert_eq!(read.as_deref(), expected.map(str::as_bytes), "{names:?} {part:?}");
        }
    }

    #[test]
    fn folder_that_contains_a_file_is_found() {
        let world = tempfile::tempdir().unwrap();
        for folder in ["a", "b", "c/s.jsonl"] {
            std::fs::create_dir_all(world.path().join(folder)).unwrap();
        }
        std::fs::write(world.path().join("b/s.jsonl"), "").unwrap();
        symlink("b", world.path().join("d")).unwrap();
        let found = |file| directory_containing(world.path(), file, 99);
        assert_eq!(found("s.jsonl").as_deref(), Some("b"));
        assert_eq!(found("t.jsonl"), None);
        assert_eq!(directory_containing(world.path(), "s.jsonl", 0), None);
        assert_eq!(directory_containing(&world.path().join("none"), "s.jsonl", 99), None);
    }
}
