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
    let read = |names: Vec<String>| {
        let parts: Vec<&str> = names.iter().map(String::as_str).collect();
        let head = read_beneath(profile, &parts, Part::Head { max: MAX_HEAD }).ok()?;
        let folder = parts.iter().nth_back(1).map(|folder| (*folder).to_owned())?;
        Some(Transcript { folder, head })
    };
    let path = row.transcript.as_deref();
    let named = path.and_then(|path| transcript_below(agent, id, Some(path), None));
    let in_other_folder = || {
        // The folder is named after a directory only if the directory alone leads to the transcript.
        let [folders, _, file] =
            <[String; 3]>::try_from(transcript_below(agent, id, None, Some("/"))?).ok()?;
        let folder = directory_containing(&profile.join(&folders), &file, MAX_FOLDERS)?;
        read(vec![folders, folder, file])
    };
    named.and_then(read).or_else(in_other_folder)
}
