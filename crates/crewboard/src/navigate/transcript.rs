//! Finds the transcript of a closed session.

use crewboard_agents::files::transcript_below;
use crewboard_core::Session;
use crewboard_platform::{Part, directory_containing, read_beneath};
use std::path::Path;

/// Folders searched for a transcript that is not at its expected path.
const MAX_FOLDERS: usize = 4096;
/// Bytes read from the beginning of a transcript: the line with the directory also holds the whole first prompt.
const MAX_HEAD: u64 = 1024 * 1024;

/// The parts of a transcript that show where the conversation began.
#[derive(Debug)]
pub(super) struct Transcript {
    /// The name of the folder with the transcript.
    pub(super) folder: String,
    /// Its first lines.
    pub(super) head: Vec<u8>,
}

/// Finds the transcript of a session below the profile: at the path that a hook reported, else in any folder,
/// because the folder's name need not match the session's directory.
pub(super) fn find_transcript(row: &Session, profile: &Path) -> Option<Transcript> {
    let (agent, id) = (row.agent.as_str(), row.id.as_str());
    if id.contains('/') {
        return None;
    }
    let read = |[projects, folder, file]: [String; 3]| {
        let names = [&*projects, &*folder, &*file];
        let head = read_beneath(profile, &names, Part::Head { max: MAX_HEAD }).ok()?;
        Some(Transcript { folder, head })
    };
    let path = row.transcript.as_deref();
    let named = path.and_then(|path| transcript_below(agent, id, Some(path), None));
    let in_other_folder = || {
        let file = format!("{id}.jsonl");
        let folder = directory_containing(&profile.join("projects"), &file, MAX_FOLDERS)?;
        read(["projects".to_owned(), folder, file])
    };
    named.and_then(read).or_else(in_other_folder)
}
