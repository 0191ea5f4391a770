//! The log file of the daemon.

use crewboard_core::Timestamp;
use std::fs::{File, Metadata, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

/// Bytes of the longest log. Beyond them, the older half is cut off.
const MAX_LOG: u64 = 128 * 1024;

/// The log of the daemon: starts, stops and refusals. It never holds texts of agents.
#[derive(Debug)]
pub(crate) struct Log {
    file: Option<File>,
}

impl Log {
    /// Opens the log at `path`. If that fails, lines are dropped.
    pub(crate) fn open(path: &Path) -> Self {
        let file = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .mode(0o600)
            .custom_flags(i32::try_from(rustix::fs::OFlags::NOFOLLOW.bits()).unwrap_or(0))
            .open(path);
        Self { file: file.ok() }
    }

    /// Returns true if the file at `path` is this log.
    pub(crate) fn is_at(&self, path: &Path) -> bool {
        let own = self.file.as_ref().and_then(|file| file.metadata().ok());
        let present = path.symlink_metadata().ok();
        let file_of = |metadata: &Metadata| (metadata.dev(), metadata.ino());
        own.is_some() && own.as_ref().map(file_of) == present.as_ref().map(file_of)
    }

    /// Appends a line.
    pub(crate) fn line(&mut self, at: Timestamp, text: &str) {
        let Some(file) = &mut self.file else { return };
        let seconds = i64::try_from(at.0 / 1000).unwrap_or(0);
        let time = jiff::Timestamp::from_second(seconds).unwrap_or_default();
        // A full disk must affect only the log.
        let _ = writeln!(file, "{time} [{}] {text}", std::process::id());
        let _ = halve(file);
    }
}

/// Cuts off the older half of a log that is too long.
fn halve(file: &mut File) -> std::io::Result<()> {
    let length = file.metadata()?.len();
    if length <= MAX_LOG {
        return Ok(());
    }
    let mut kept = Vec::new();
    file.seek(SeekFrom::Start(length / 2))?;
    file.read_to_end(&mut kept)?;
    let start = kept.iter().position(|byte| *byte == b'\n').map_or(0, |end| end + 1);
    file.set_len(0)?;
    file.write_all(&kept[start..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn full_log_keeps_its_last_whole_lines() {
        let world = tempfile::tempdir().unwrap();
        let path = world.path().join("log");
        let mut log = Log::open(&path);
        let text = "x".repeat(1000);
        for index in 0..300 {
            log.line(Timestamp(1_795_331_980_546), &format!("{index} {text}"));
        }
        let kept = std::fs::read_to_string(&path).unwrap();
        assert!(kept.len() as u64 <= MAX_LOG);
        let first = kept.lines().next().unwrap();
        assert!(first.starts_with("2026-11-22T07:19:40Z ["), "{first}");
        assert!(kept.lines().last().unwrap().contains("] 299 "));
    }
}
