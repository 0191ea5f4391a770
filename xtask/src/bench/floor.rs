//! Builds the programs that do the minimum of a hook, as a yardstick.

use crate::{dist, workspace};
use anyhow::Result;
use std::path::PathBuf;

/// The paths of the minimal programs.
#[derive(Debug)]
pub(crate) struct Floor {
    /// Reads its input and exits.
    pub(crate) stdin_only: PathBuf,
    /// Reads its input, writes it to the socket in its argument, and exits.
    pub(crate) hook_stream: PathBuf,
}

/// Builds `bench/floor` with the flags of the shipped program.
pub(crate) fn build() -> Result<Floor> {
    let host = dist::host()?;
    let directory = workspace::target_dir()?.join("floor");
    let mut cargo = workspace::cargo();
    cargo
        .args(["build", "--quiet", "--locked", "--release", "--target", &host])
        .arg("--manifest-path")
        .arg(workspace::root().join("bench/floor/Cargo.toml"))
        .arg("--target-dir")
        .arg(&directory);
    dist::link_statically(&mut cargo);
    workspace::run(&mut cargo)?;
    let folder = directory.join(host).join("release");
    Ok(Floor { stdin_only: folder.join("stdin_only"), hook_stream: folder.join("hook_stream") })
}
