//! `cargo xtask dist`: builds the program as users get it.

use crate::workspace;
use anyhow::{Context, Result, bail};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The shells with completions, and the file name that each expects.
const COMPLETIONS: [(&str, &str); 3] =
    [("bash", "crewboard.bash"), ("zsh", "_crewboard"), ("fish", "crewboard.fish")];

/// The most bytes of the program. Without the optimisation for size it had 7.8 million of them, with it 5.9 million.
const MAX_PROGRAM_BYTES: u64 = 6_500_000;

/// The files that were built.
#[derive(Debug)]
pub(crate) struct Dist {
    pub(crate) program: PathBuf,
    pub(crate) man: PathBuf,
    /// The shell and the file of its completions.
    pub(crate) completions: Vec<(&'static str, PathBuf)>,
}

/// Builds everything into `target/dist` and prints the files.
pub(crate) fn run() -> Result<Dist> {
    let target = workspace::target_dir()?;
    let program = build(&target)?;
    let folder = target.join("dist");
    fs::create_dir_all(&folder)?;
    let placed = folder.join("crewboard");
    replace(&program, &placed)?;
    if cfg!(target_os = "linux") && !is_static(&fs::read(&placed)?)? {
        bail!("{} is linked dynamically", placed.display());
    }
    let size = fs::metadata(&placed)?.len();
    if cfg!(all(target_os = "linux", target_arch = "x86_64")) && size > MAX_PROGRAM_BYTES {
        bail!("{} has {size} bytes, more than {MAX_PROGRAM_BYTES}", placed.display());
    }
    let dist = Dist {
        man: write_man(&placed, &folder)?,
        completions: write_completions(&placed, &folder)?,
        program: placed,
    };
    print(&dist)?;
    Ok(dist)
}

/// Builds the program with the `dist` profile. Returns its path.
fn build(target: &Path) -> Result<PathBuf> {
    let host = host()?;
    // A separate folder, so that these flags rebuild nothing in cargo's own, and so that cargo's folder for
    // the profile is not `target/dist`. With an explicit `--target` the flags do not apply to proc
    // macros, which cannot be built with a static C library.
    let directory = target.join("dist-build");
    let mut cargo = workspace::cargo();
    cargo
        .args(["build", "--locked", "--package", "crewboard", "--profile", "dist"])
        .args(["--target", &host])
        .arg("--target-dir")
        .arg(&directory);
    link_statically(&mut cargo);
    workspace::run(&mut cargo)?;
    Ok(directory.join(host).join("dist").join("crewboard"))
}

/// Makes a build with an explicit target link statically, if the system supports it.
pub(crate) fn link_statically(cargo: &mut Command) {
    if cfg!(target_os = "linux") {
        // Why: docs/decisions/0014-static-and-not-relocatable.md.
        let mut flags = "-Ctarget-feature=+crt-static\u{1f}-Crelocation-model=static".to_owned();
        if cfg!(target_arch = "x86_64") {
            // rustc links with lld there. Other linkers may not know the option.
            flags.push_str("\u{1f}-Clink-arg=-Wl,--no-rosegment");
        }
        cargo.env("CARGO_ENCODED_RUSTFLAGS", flags);
    }
}

/// Returns rustc's default target.
pub(crate) fn host() -> Result<String> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let text = workspace::output(Command::new(rustc).arg("-vV").current_dir(workspace::root()))?;
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.context("`rustc -vV` printed no host")?.to_owned())
}

/// Writes the man page.
fn write_man(program: &Path, folder: &Path) -> Result<PathBuf> {
    let path = folder.join("crewboard.1");
    fs::write(&path, workspace::output(Command::new(program).arg("man"))?)?;
    Ok(path)
}

/// Writes the completions of each shell.
fn write_completions(program: &Path, folder: &Path) -> Result<Vec<(&'static str, PathBuf)>> {
    let folder = folder.join("completions");
    fs::create_dir_all(&folder)?;
    let mut written = Vec::new();
    for (shell, name) in COMPLETIONS {
        let text = workspace::output(Command::new(program).args(["completions", shell]))?;
        if text.trim().is_empty() {
            bail!("`crewboard completions {shell}` printed nothing");
        }
        let path = folder.join(name);
        fs::write(&path, text)?;
        written.push((shell, path));
    }
    Ok(written)
}

/// Prints the files that were built.
fn print(dist: &Dist) -> Result<()> {
    let size = fs::metadata(&dist.program)?.len();
    println!("{} ({} KiB)", dist.program.display(), size / 1024);
    println!("{}", dist.man.display());
    for (_, path) in &dist.completions {
        println!("{}", path.display());
    }
    Ok(())
}

/// Copies a file next to its target and renames it over the target, so that a running program is not disturbed.
pub(crate) fn replace(from: &Path, to: &Path) -> Result<()> {
    let folder = to.parent().context("the target has no folder")?;
    fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    let copy = tempfile::NamedTempFile::new_in(folder)?;
    fs::copy(from, copy.path())
        .with_context(|| format!("cannot copy {} to {}", from.display(), folder.display()))?;
    copy.persist(to).with_context(|| format!("cannot replace {}", to.display()))?;
    Ok(())
}

/// Returns true if a 64-bit ELF program needs no dynamic linker.
fn is_static(program: &[u8]) -> Result<bool> {
    const INTERPRETER: u32 = 3;
    let number = |at: usize, size: usize| -> Result<u64> {
        let bytes = program.get(at..at + size).context("the program is truncated")?;
        Ok(bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte)))
    };
    if !program.starts_with(b"\x7fELF\x02\x01") {
        bail!("not a 64-bit little-endian ELF program");
    }
    let (table, size, count) = (number(32, 8)?, number(54, 2)?, number(56, 2)?);
    for index in 0..count {
        let at = usize::try_from(table + index * size)?;
        if number(at, 4)? == u64::from(INTERPRETER) {
            return Ok(false);
        }
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn program(headers: &[u32]) -> Vec<u8> {
        let mut bytes = b"\x7fELF\x02\x01".to_vec();
        bytes.resize(64, 0);
        bytes[32] = 64;
        bytes[54] = 56;
        bytes[56] = u8::try_from(headers.len()).unwrap();
        for kind in headers {
            let at = bytes.len();
            bytes.resize(at + 56, 0);
            bytes[at..at + 4].copy_from_slice(&kind.to_le_bytes());
        }
        bytes
    }

    #[test]
    fn program_with_an_interpreter_is_dynamic() {
        assert!(is_static(&program(&[6, 1, 2])).unwrap());
        assert!(!is_static(&program(&[6, 3, 1])).unwrap());
        assert!(is_static(&program(&[6, 1])[..100]).is_err());
        assert!(is_static(b"#!/bin/sh").is_err());
    }

    #[test]
    fn replace_keeps_the_mode_and_leaves_no_copy() {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("from"), folder.path().join("bin/to"));
        fs::write(&from, "new").unwrap();
        fs::set_permissions(&from, fs::Permissions::from_mode(0o755)).unwrap();
        fs::create_dir(folder.path().join("bin")).unwrap();
        fs::write(&to, "old").unwrap();
        replace(&from, &to).unwrap();
        assert_eq!(fs::read_to_string(&to).unwrap(), "new");
        assert_eq!(fs::metadata(&to).unwrap().permissions().mode() & 0o777, 0o755);
        assert_eq!(fs::read_dir(folder.path().join("bin")).unwrap().count(), 1);
    }
}
