//! `cargo xtask transitions`: writes docs/statuses.md from the transition table in core.

use crate::workspace;
use anyhow::Result;
use std::path::PathBuf;

fn path() -> PathBuf {
    workspace::root().join("docs").join("statuses.md")
}

/// Writes the page.
pub(crate) fn run() -> Result<()> {
    std::fs::write(path(), crewboard_core::transitions_page())?;
    println!("wrote {}", path().display());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn page_matches_the_transition_table() {
        let page = std::fs::read_to_string(path()).unwrap();
        assert_eq!(page, crewboard_core::transitions_page(), "run `cargo xtask transitions`");
    }
}
