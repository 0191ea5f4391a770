//! The environment in which agents' processes were started, as the kernel reports it.

use crewboard_agents::Lookup;
use crewboard_agents::files::profile_of;
use crewboard_core::{Origin, Process, ProcessToWatch};
use crewboard_platform::{
    environment_of, find_process, is_as_free_as_us, settled_directory, working_directory_of,
};
use std::path::PathBuf;

/// Reads the profile and the working directory of a process. Returns `None` if the process is in a sandbox: it can
/// choose both, and a program outside the sandbox would act by them.
pub(crate) fn origin_of(watch: &ProcessToWatch) -> Option<Origin> {
    let ProcessToWatch { agent, process: process @ Process { pid, .. } } = watch;
    if !is_as_free_as_us(*pid) {
        return None;
    }
    let cwd = working_directory_of(*pid);
    let named = profile_of(agent.as_str(), &Variables(environment_of(*pid)?), None);
    let profile = named.and_then(|named| {
        let named = cwd.as_ref().map_or_else(|| named.clone(), |cwd| cwd.join(&named));
        named.is_absolute().then(|| settled_directory(&named))
    });
    // The pid may have been used again.
    if find_process(*pid) != Some(*process) {
        return None;
    }
    let text = |path: PathBuf| path.into_os_string().into_string().ok();
    Some(Origin { profile: profile.and_then(text), cwd: cwd.and_then(text) })
}

/// The variables of a process.
#[derive(Debug)]
pub(crate) struct Variables(pub(crate) Vec<(String, String)>);

impl Lookup for Variables {
    fn get(&self, name: &str) -> Option<String> {
        let found = self.0.iter().find(|(known, value)| known == name && !value.is_empty());
        found.map(|(_, value)| value.clone())
    }
}
