//! How agents' processes were started, by the kernel's word.

use crewboard_core::{Origin, Process, Watch};
use crewboard_integrations::agents::Lookup;
use crewboard_integrations::agents::files::profile_of;
use crewboard_platform::{
    is_as_free_as_us, process_of, settled_directory, variables_of, working_directory_of,
};
use std::path::PathBuf;

/// Reads the variables and the working directory of a process; `None` of one that is confined more than the
/// daemon. A program outside of a sandbox will act by them, and what is in a sandbox chooses its own.
pub(crate) fn origin_of(watch: &Watch) -> Option<Origin> {
    let Watch { agent, process: process @ Process { pid, .. } } = watch;
    if !is_as_free_as_us(*pid) {
        return None;
    }
    let cwd = working_directory_of(*pid);
    let named = profile_of(agent.as_str(), &Variables(variables_of(*pid)?), None);
    let profile = named.and_then(|named| {
        let named = cwd.as_ref().map_or_else(|| named.clone(), |cwd| cwd.join(&named));
        named.is_absolute().then(|| settled_directory(&named))
    });
    // The number is still that of the same process.
    if process_of(*pid) != Some(*process) {
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
