//! The session files and transcripts that agents write while they run. They are watched, and never polled.
//!
//! Only files below the configuration directory that the agent's process was started with are read. The kernel reports
//! that directory; a path from a client is never used. The files must be regular files of this user and not on a network
//! file system, and no link is followed to them.

use crewboard_core::{AgentName, FileFinding, FileMetadata, Now, Observation, Process};

/// Returns the observation that no file shows the status of a process.
fn without_file(agent: &AgentName, process: Process, now: Now) -> Observation {
    Observation {
        agent: agent.clone(),
        process,
        source: "file:none".to_owned(),
        seen: now.stamp,
        finding: FileFinding::Unreadable,
        about: FileMetadata::default(),
    }
}

#[cfg(target_os = "linux")]
mod linux;
#[cfg(not(target_os = "linux"))]
#[expect(
    clippy::unused_self,
    clippy::unnecessary_wraps,
    clippy::needless_pass_by_value,
    reason = "the interface is that of Linux"
)]
mod other;

#[cfg(target_os = "linux")]
pub(crate) use linux::SessionFiles;
#[cfg(not(target_os = "linux"))]
pub(crate) use other::SessionFiles;
