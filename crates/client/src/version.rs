use crewboard_protocol::DaemonInfo;

/// The version of this program.
const OWN_VERSION: &str = env!("CARGO_PKG_VERSION");

/// Returns a message if the daemon and this program have different versions: the program file was replaced while the
/// daemon ran, or two versions are installed.
pub fn version_problem(daemon: &DaemonInfo) -> Option<String> {
    problem(&daemon.version, OWN_VERSION)
}

fn problem(daemon: &str, own: &str) -> Option<String> {
    if daemon == own {
        return None;
    }
    let difference = format!("expected {own}, got {daemon}");
    Some(if numbers(daemon) > numbers(own) {
        format!(
            "the daemon is newer than this program: {difference}; use the newer program, or run \
             `crewboard daemon restart`"
        )
    } else {
        format!("the daemon is out of date: {difference}; run `crewboard daemon restart`")
    })
}

/// Returns the numbers of a release, most significant first. A pre-release (`1.2.0-rc.1`) comes before its release.
fn numbers(version: &str) -> (Vec<u64>, bool) {
    let (release, suffix) = version.split_once('-').unwrap_or((version, ""));
    let numbers = release.split('.').map(|number| number.parse().unwrap_or(0)).collect();
    (numbers, suffix.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version_problem_names_both_versions() {
        assert_eq!(problem("1.2.3", "1.2.3"), None);
        for (daemon, own, expected) in [
            (
                "0.9.0",
                "0.10.0",
                "out of date: expected 0.10.0, got 0.9.0; run `crewboard daemon restart`",
            ),
            ("0.1.0-rc.1", "0.1.0", "out of date"),
            ("0.1.0", "0.1.0-rc.1", "newer than this program"),
            ("0.2.0", "0.1.9", "newer than this program: expected 0.1.9, got 0.2.0"),
            ("1.0.0", "0.99.99", "newer"),
            ("", "0.1.0", "out of date"),
            ("unknown", "0.1.0", "out of date"),
        ] {
            let problem = problem(daemon, own).unwrap();
            assert!(problem.contains(expected), "{daemon} {own}: {problem}");
        }
    }
}
