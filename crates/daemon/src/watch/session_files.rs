//! What agents leave in files while they run: watched, never polled.
//!
//! Only below the configuration directory that the agent's own process was started with (the kernel
//! says which; no client's word is taken for a path), only regular files of ours, no link followed,
//! and nothing on network file systems.

use crewboard_core::{AgentName, FileFinding, FileMetadata, Now, Observation, Process};

/// An observation that says of `watch` no more than that no file tells of it.
fn blind(agent: &AgentName, process: Process, now: Now) -> Observation {
    Observation {
        agent: agent.clone(),
        process,
        source: "file:none".to_owned(),
        seen: now.stamp,
        finding: FileFinding::Blind,
        about: FileMetadata::default(),
    }
}

#[cfg(target_os = "linux")]
mod linux;
#[cfg(not(target_os = "linux"))]
mod other;

#[cfg(target_os = "linux")]
pub(crate) use linux::AgentFiles;
#[cfg(not(target_os = "linux"))]
pub(crate) use other::AgentFiles;
