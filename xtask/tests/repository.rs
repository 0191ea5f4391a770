//! Checks the rules of the repository that the compiler does not check: dependencies, names, pages and tests.
#![allow(clippy::unwrap_used, clippy::string_slice, reason = "a test may fail by panicking")]

#[path = "repository/circles.rs"]
mod circles;
#[path = "repository/comments.rs"]
mod comments;
#[path = "repository/environment.rs"]
mod environment;
#[path = "repository/words.rs"]
mod words;

use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The crates of this workspace on which each of them may depend. A new edge is a decision, which is made here.
const ALLOWED_CRATES: &[(&str, &[&str])] = &[
    ("crewboard-core", &[]),
    ("crewboard-config", &[]),
    ("crewboard-protocol", &["core"]),
    ("crewboard-platform", &["core"]),
    ("crewboard-terminals", &["core"]),
    ("crewboard-agents", &["core", "terminals"]),
    ("crewboard-client", &["core", "protocol", "config", "platform"]),
    // The daemon reads the files of agents where it watches them.
    ("crewboard-daemon", &["core", "protocol", "config", "platform", "agents", "terminals"]),
    // `crewboard run` is a client, and knows no agent by its name.
    ("crewboard-run", &["core", "protocol", "platform", "client"]),
    // The board and the daemon communicate over the socket only.
    ("crewboard-board", &["core", "protocol", "config", "platform", "client"]),
    (
        "crewboard",
        &[
            "core",
            "protocol",
            "agents",
            "terminals",
            "config",
            "client",
            "daemon",
            "platform",
            "board",
            "run",
        ],
    ),
    ("crewboard-testkit", &["core", "protocol", "config"]),
    // The demo is generated from recordings, which xtask reads as a hook does.
    ("xtask", &["core", "agents", "terminals", "testkit"]),
];

/// The other crates on which the crates that must stay small may depend.
const ALLOWED_DEPENDENCIES: &[(&str, &[&str])] = &[
    ("crewboard-core", &["serde"]),
    ("crewboard-protocol", &["serde", "serde_json", "thiserror"]),
    ("crewboard-platform", &["rustix", "libproc", "nix"]),
    ("crewboard-config", &["rustix", "serde", "strsim", "thiserror", "toml"]),
    ("crewboard-client", &["rustix", "close_fds", "serde_json", "thiserror"]),
];

/// Returns the checkout that is tested. The checkout that was built may be another one with the same target directory.
fn root() -> PathBuf {
    let xtask = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    let xtask = xtask.unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")));
    xtask.parent().unwrap().to_owned()
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Returns the packages of the workspace as cargo describes them.
fn packages() -> Vec<Value> {
    metadata(&["--no-deps"])
}

fn metadata(arguments: &[&str]) -> Vec<Value> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version=1", "--offline"])
        .args(arguments)
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    metadata["packages"].as_array().unwrap().clone()
}

/// Returns the names of the crates that a build of a package needs on any system, without those of its tests.
fn dependencies(package: &Value) -> BTreeSet<String> {
    let all = package["dependencies"].as_array().unwrap();
    let shipped = all.iter().filter(|dependency| dependency["kind"] != "dev");
    shipped.map(|dependency| dependency["name"].as_str().unwrap().to_owned()).collect()
}

fn is_ours(name: &str) -> bool {
    name.starts_with("crewboard-") || name == "crewboard"
}

#[test]
fn crates_depend_only_on_allowed_crates_of_the_workspace() {
    for package in packages() {
        let name = package["name"].as_str().unwrap();
        let Some((_, allowed)) = ALLOWED_CRATES.iter().find(|(known, _)| *known == name) else {
            panic!("{name} is new: add it to ALLOWED_CRATES")
        };
        let allowed: BTreeSet<String> =
            allowed.iter().map(|name| format!("crewboard-{name}")).collect();
        let used: BTreeSet<String> =
            dependencies(&package).into_iter().filter(|name| is_ours(name)).collect();
        let extra: Vec<_> = used.difference(&allowed).collect();
        assert!(extra.is_empty(), "{name} must not depend on {extra:?}");
    }
}

#[test]
fn small_crates_depend_only_on_allowed_crates() {
    let packages = packages();
    for (name, allowed) in ALLOWED_DEPENDENCIES {
        let package = packages.iter().find(|package| package["name"] == *name).unwrap();
        let others = dependencies(package).into_iter().filter(|other| !is_ours(other));
        let extra: Vec<_> = others.filter(|other| !allowed.contains(&other.as_str())).collect();
        assert!(extra.is_empty(), "{name} must not depend on {extra:?}");
    }
    // Crewboard has no database: docs/decisions.
    let databases = ["rusqlite", "sqlx", "sled", "redb", "diesel", "heed"];
    for package in &packages {
        let found = dependencies(package).into_iter().find(|name| databases.contains(&&**name));
        assert_eq!(found, None, "{} depends on a database", package["name"]);
    }
}

#[test]
fn every_crate_uses_the_lints_of_the_workspace() {
    assert!(read("Cargo.toml").contains("\nunsafe_code = \"forbid\"\n"));
    for package in packages() {
        let manifest = package["manifest_path"].as_str().unwrap();
        let manifest = fs::read_to_string(manifest).unwrap();
        assert!(manifest.contains("[lints]\nworkspace = true\n"), "{}", package["name"]);
    }
}

/// Checks less than `cargo deny check`, which also reads other targets and every form of a license expression, but
/// is not installed everywhere.
#[test]
fn every_dependency_has_an_accepted_license() {
    let deny = read("deny.toml");
    let accepted = deny.lines().find_map(|line| line.strip_prefix("allow = [")).unwrap();
    let accepted: Vec<&str> = accepted.split('"').skip(1).step_by(2).collect();
    // Each part of `A AND B` needs one accepted choice of `C OR D`.
    let is_accepted = |part: &str| {
        let mut choices = part.split(" OR ").flat_map(|choice| choice.split('/'));
        choices.any(|choice| accepted.contains(&choice.trim_matches(['(', ')', ' '])))
    };
    let platform = if cfg!(target_os = "linux") { "linux-gnu" } else { "apple-darwin" };
    let target = format!("--filter-platform={}-unknown-{platform}", std::env::consts::ARCH);
    let all = metadata(&["--locked", &target.replace("unknown-apple", "apple")]);
    assert!(all.len() > 50, "only {} packages", all.len());
    for package in all {
        let license = package["license"].as_str().unwrap_or("none");
        let is_fine = license.split(" AND ").all(is_accepted);
        assert!(
            is_fine,
            "{} has the license {license}, which deny.toml does not accept",
            package["name"]
        );
    }
}

/// Collects the files below `folder` with this ending, without build output and recordings.
fn files(folder: &Path, ending: &str, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() && !matches!(name.as_str(), "target" | ".git" | "recordings") {
            files(&path, ending, found);
        } else if name.ends_with(ending) {
            found.push(path);
        }
    }
}

fn sources() -> Vec<PathBuf> {
    let mut found = Vec::new();
    files(&root().join("crates"), ".rs", &mut found);
    files(&root().join("xtask"), ".rs", &mut found);
    found
}

#[test]
fn every_library_page_has_a_summary_and_a_never() {
    for path in sources().iter().filter(|path| path.ends_with("src/lib.rs")) {
        let source = fs::read_to_string(path).unwrap();
        let page: Vec<&str> = source.lines().take_while(|line| line.starts_with("//!")).collect();
        assert!(page.len() >= 2, "{} has no summary", path.display());
        assert!(
            page.iter().any(|line| line.contains("Never:")),
            "{} has no `Never:`",
            path.display()
        );
    }
}

#[test]
fn file_names_describe_their_contents() {
    for path in sources() {
        let stem = path.file_stem().unwrap().to_string_lossy().into_owned();
        let meaningless = ["utils", "util", "helpers", "common", "types", "misc"];
        assert!(!meaningless.contains(&stem.as_str()), "{}", path.display());
    }
}

/// The longest file that a reader can keep in mind.
const MAX_LINES: usize = 600;

#[test]
fn no_file_is_too_long() {
    let mut long = Vec::new();
    for path in sources().iter().filter(|path| path.starts_with(root().join("crates"))) {
        let lines = fs::read_to_string(path).unwrap().lines().count();
        if lines > MAX_LINES {
            long.push(format!("{}: {lines} lines", path.display()));
        }
    }
    assert!(long.is_empty(), "more than {MAX_LINES} lines:\n{}", long.join("\n"));
}

/// A test that ends early and prints nothing counts as passed.
#[test]
fn tests_are_skipped_only_by_the_testkit() {
    for path in sources().iter().filter(|path| !path.ends_with("tests/repository.rs")) {
        let source = fs::read_to_string(path).unwrap();
        let is_testkit = path.ends_with("testkit/src/skip.rs");
        let skips = source.contains("\"skipped: ");
        assert!(is_testkit || !skips, "{}: call `skip` of the testkit", path.display());
        for rest in source.split("#[ignore").skip(1) {
            let name = rest.split("fn ").nth(1).unwrap_or_default();
            assert!(name.starts_with("child_"), "{}: the test {name} never runs", path.display());
        }
    }
}

/// The number of sleeps in each test file, and the reason why the test cannot wait for an event.
const SLEEPS: &[(&str, usize, &str)] = &[
    ("crates/testkit/src/wait.rs", 1, "`wait_until` polls a state that no event announces"),
    ("crates/testkit/src/tmux.rs", 1, "nothing announces that a screen has changed"),
    (
        "crates/crewboard/src/commands/install/tests/concurrent_writes.rs",
        1,
        "the pace of the writer",
    ),
    (
        "crates/crewboard/tests/it/support/measure.rs",
        1,
        "the test shows that an idle daemon does nothing",
    ),
    ("crates/crewboard/tests/it/board.rs", 1, "the test shows that an idle board does nothing"),
    (
        "crates/crewboard/tests/it/daemon/session_files/transcripts.rs",
        2,
        "the pace of the writer; no event shows a lookup without a result",
    ),
    ("crates/crewboard/tests/it/daemon/exit.rs", 2, "the pace of the senders"),
    (
        "crates/crewboard/tests/it/daemon/subscriptions.rs",
        1,
        "the pace of the events in the long form",
    ),
];

/// A test that sleeps is slow, or fails on a busy machine.
#[test]
fn tests_sleep_only_where_no_event_can_be_awaited() {
    for path in sources() {
        let source = fs::read_to_string(&path).unwrap();
        let name = path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned();
        let is_test = name.contains("/tests/") || name.starts_with("crates/testkit/");
        let tests = source.split_once("#[cfg(test)]\nmod tests {").map(|(_, tests)| tests);
        let tests = if is_test { Some(source.as_str()) } else { tests };
        let words = ["thread::sleep(", "time::sleep(", "time::sleep_until("];
        let count = |tests: &str| words.iter().map(|word| tests.matches(word).count()).sum();
        let sleeps: usize = tests.map_or(0, count);
        let known = SLEEPS.iter().find(|(known, ..)| *known == name);
        let allowed = known.map_or(0, |(_, sleeps, _)| *sleeps);
        let is_this_file = name == "xtask/tests/repository.rs";
        assert!(
            is_this_file || sleeps == allowed,
            "{name} sleeps {sleeps} times; SLEEPS allows {allowed}"
        );
    }
}

fn pages() -> Vec<PathBuf> {
    let mut found = Vec::new();
    files(&root(), ".md", &mut found);
    found
}

#[test]
fn links_between_pages_lead_to_files() {
    for path in pages() {
        let page = fs::read_to_string(&path).unwrap();
        for link in page.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let file = link.split('#').next().unwrap();
            let is_file = !file.is_empty() && !file.contains(':') && !file.contains(' ');
            let target = path.parent().unwrap().join(file);
            assert!(!is_file || target.exists(), "{}: {link}", path.display());
        }
    }
}

/// Returns the words in backticks that have the form of a test name.
fn tests_named_in(page: &str) -> impl Iterator<Item = &str> {
    let words = page.split('`').skip(1).step_by(2);
    words.filter(|word| {
        let is_name = word
            .chars()
            .all(|letter| letter.is_ascii_lowercase() || "_0123456789".contains(letter));
        is_name && word.matches('_').count() >= 2
    })
}

#[test]
fn tests_that_pages_name_exist() {
    let sources: String = sources().iter().map(|path| fs::read_to_string(path).unwrap()).collect();
    let mut pages =
        ["ARCHITECTURE.md", "SECURITY.md", "docs/faults.md"].map(str::to_owned).to_vec();
    pages.extend(decisions().into_iter().map(|name| format!("docs/decisions/{name}")));
    for path in pages {
        let page = read(&path);
        // A fenced block has an even number of backticks as well.
        assert!(
            page.matches('`').count().is_multiple_of(2),
            "{path} has an odd number of backticks"
        );
        for name in tests_named_in(&page) {
            assert!(
                sources.contains(&format!("fn {name}(")),
                "{path} names the test {name}, which does not exist"
            );
        }
    }
}

fn decisions() -> Vec<String> {
    let entries = fs::read_dir(root().join("docs/decisions")).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn decisions_are_numbered_and_have_the_same_headings() {
    for (index, name) in decisions().iter().enumerate() {
        let number = index + 1;
        assert!(name.starts_with(&format!("{number:04}-")), "{name} is not number {number}");
        let page = read(&format!("docs/decisions/{name}"));
        assert!(page.starts_with(&format!("# {number}. ")), "{name}");
        for heading in ["\n## Context\n", "\n## Decision\n", "\n## Held by\n"] {
            assert!(page.contains(heading), "{name} has no {}", heading.trim());
        }
    }
}

#[test]
fn pages_and_pipelines_run_the_tests_with_one_command() {
    let command = "cargo test --workspace --locked";
    for path in ["README.md", ".ci/run", "justfile", ".github/workflows/ci.yml", "CONTRIBUTING.md"]
    {
        let runs_it = read(path).lines().any(|line| {
            let line = line.trim().trim_start_matches("run: ");
            line.strip_prefix("just test").unwrap_or(line).trim_start_matches([' ', '#']) == command
                || line.starts_with(&format!("{command} |"))
        });
        assert!(runs_it, "{path} does not run `{command}`");
    }
}
