use crate::Variables;
use crate::descriptor::Agent;
use std::path::{Path, PathBuf};

/// Returns an agent's configuration directory: the one that its variable names, else the one above `transcript`, else
/// the default one.
pub(crate) fn profile_of(
    agent: &Agent,
    environment: &dyn Variables,
    transcript: Option<&str>,
) -> Option<PathBuf> {
    let own = environment.get(agent.profile.variable).map(PathBuf::from);
    let above = || (agent.files.profile_above)(Path::new(transcript?));
    let home = || environment.get("HOME").map(PathBuf::from);
    let usual =
        || home().filter(|home| home.is_absolute()).map(|home| home.join(agent.profile.directory));
    own.or_else(above).or_else(usual)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::claude;
    use std::collections::BTreeMap;

    #[test]
    fn profile_is_named_by_variable_transcript_or_home() {
        const HOME: (&str, &str) = ("HOME", "/data/projects/ana");
        const OWN: (&str, &str) = ("CLAUDE_CONFIG_DIR", "/srv/claude");
        let below = |profile: &str| format!("{profile}/projects/-x/s.jsonl");
        let own_home = "/data/projects/ana/.claude";
        let cases: [(&'static [_], Option<String>, Option<&str>); 11] = [
            (&[HOME, OWN], None, Some("/srv/claude")),
            (&[HOME, OWN], Some(below(own_home)), Some("/srv/claude")),
            (&[HOME], None, Some(own_home)),
            (&[HOME], Some(below("/data/projects/ana/.w")), Some("/data/projects/ana/.w")),
            (&[], Some(below("/data/projects")), Some("/data/projects")),
            (&[], Some(below("/a/projects/projects/b")), Some("/a/projects/projects/b")),
            // A folder may have any name, with `CLAUDE_CODE_PROJECT_DIR_NAME`.
            (&[], Some("/a/.claude/projects/projects/s.jsonl".to_owned()), Some("/a/.claude")),
            (&[HOME], Some("/var/projects/s.jsonl".to_owned()), Some(own_home)),
            (&[("HOME", "ana")], None, None),
            (&[("CLAUDE_CONFIG_DIR", "w")], None, Some("w")),
            (&[], None, None),
        ];
        for (variables, transcript, expected) in cases {
            let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
            let environment: BTreeMap<String, String> = variables.iter().map(owned).collect();
            let found = profile_of(&claude::AGENT, &environment, transcript.as_deref());
            assert_eq!(found, expected.map(PathBuf::from), "{variables:?} {transcript:?}");
        }
    }
}
