//! Compares docs/environment.md with the variables that the program reads.

use super::{read, sources};
use std::collections::BTreeSet;
use std::fs;

/// The calls that read a variable by its name, and the field of an agent that has the name.
const READS: [&str; 7] =
    ["var_os(\"", "var(\"", "path_of(\"", "variable(\"", "directory(\"", ".get(\"", "variable: \""];

#[test]
fn environment_page_has_every_variable_that_is_read() {
    let page = read("docs/environment.md");
    let mut missing = BTreeSet::new();
    let shipped = sources().into_iter().filter(|path| {
        let path = path.to_string_lossy();
        let is_test =
            ["/testkit/", "/xtask/", "/tests/", "tests.rs"].iter().any(|part| path.contains(part));
        path.contains("/src/") && !is_test
    });
    for path in shipped {
        let source = fs::read_to_string(&path).unwrap();
        let source = source.split("#[cfg(test)]\nmod tests {").next().unwrap();
        let names = READS.iter().flat_map(|call| source.split(call).skip(1));
        for name in names.filter_map(|rest| rest.split('"').next()) {
            let is_variable = name.len() > 2
                && name.chars().all(|letter| letter.is_ascii_uppercase() || letter == '_');
            if is_variable && !page.contains(&format!("`{name}`")) {
                missing.insert(name.to_owned());
            }
        }
    }
    assert!(missing.is_empty(), "docs/environment.md does not name {missing:?}");
}

#[test]
fn readme_names_the_pinned_toolchain_and_is_short() {
    let readme = read("README.md");
    let toolchain = read("rust-toolchain.toml");
    let pinned = toolchain.split('"').nth(1).unwrap();
    let manifest = read("Cargo.toml");
    let oldest = manifest.split("rust-version = \"").nth(1).unwrap().split('"').next().unwrap();
    assert!(readme.contains(&format!("Rust {pinned}")), "{pinned}");
    assert!(
        readme.contains(&format!(" {oldest} or\nnewer"))
            || readme.contains(&format!(" {oldest} or newer")),
        "{oldest}"
    );
    let words = readme.split_whitespace().count();
    assert!(words < 900, "README.md has {words} words: move some to a page under docs");
}
