//! Writes the pictures of the documentation. Tests of the program draw them, and compare them with the stored ones.

use crate::workspace::{cargo, run as run_checked};
use anyhow::Result;

/// Draws the pictures and writes them.
pub(crate) fn run() -> Result<()> {
    let tests = ["test", "--package", "crewboard", "--bin", "crewboard", "pictures_of"];
    run_checked(cargo().args(tests).env("UPDATE_DOCS", "1"))
}
