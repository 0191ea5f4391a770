//! The environment in which agents' processes were started, as the kernel reports it.

use crewboard_agents::files::profile_of;
use crewboard_core::{Origin, Process, ProcessToWatch};
use crewboard_platform::{
    canonical_directory, environment_of, find_process, is_no_more_confined, working_directory_of,
};
use std::path::PathBuf;

/// Reads the profile and the working directory of a process. Returns `None` if the process is in a sandbox: it can
/// choose both, and a program outside the sandbox would act by them.
pub(crate) fn origin_of(watch: &ProcessToWatch) -> Option<Origin> {
    let ProcessToWatch { agent, process: process @ Process { pid, .. } } = watch;
    if !is_no_more_confined(*pid) {
        return None;
    }
    let cwd = working_directory_of(*pid);
    let named = profile_of(agent.as_str(), &environment_of(*pid)?, None);
    let profile = named.and_then(|named| {
        let named = cwd.as_ref().map_or_else(|| named.clone(), |cwd| cwd.join(&named));
        named.is_absolute().then(|| canonical_directory(&named))
    });
    // The pid may have been used again.
    if find_process(*pid) != Some(*process) {
        return None;
    }
    let text = |path: PathBuf| path.into_os_string().into_string().ok();
    Some(Origin { profile: profile.and_then(text), cwd: cwd.and_then(text) })
}
