use std::fmt;
use std::str::FromStr;

/// A version of an agent, as `claude --version` or `codex --version` prints it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(pub u32, pub u32, pub u32);

impl FromStr for Version {
    type Err = ();

    /// Parses the first word that looks like a version: "2.1.330 (Claude Code)" is 2.1.330.
    fn from_str(text: &str) -> Result<Self, ()> {
        text.split_whitespace().find_map(parse_word).ok_or(())
    }
}

fn parse_word(word: &str) -> Option<Version> {
    let mut numbers = word.trim_start_matches('v').splitn(3, '.');
    let major = numbers.next()?.parse().ok()?;
    let minor = numbers.next()?.parse().ok()?;
    // A pre-release such as `2.1.330-beta.1` counts as its release, because it knows the same events. A fourth number,
    // which no version has had so far, is ignored.
    let patch = numbers.next()?.split(['-', '+', '.']).next()?.parse().ok()?;
    Some(Version(major, minor, patch))
}

impl fmt::Display for Version {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}.{}.{}", self.0, self.1, self.2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version_is_read_from_the_clients_output() {
        for (text, version) in [
            ("2.1.330 (Claude Code)\n", Ok(Version(2, 1, 330))),
            ("v1.0.38", Ok(Version(1, 0, 38))),
            ("Claude Code 2.1.0-beta.2", Ok(Version(2, 1, 0))),
            ("2.1.400.7 (Claude Code)", Ok(Version(2, 1, 400))),
            ("", Err(())),
            ("claude: not found", Err(())),
            ("2.1", Err(())),
        ] {
            assert_eq!(text.parse(), version, "{text:?}");
        }
    }
}
