//! Rules of the repository that no compiler holds: who may depend on whom, and that pages are true.
#![allow(clippy::unwrap_used, clippy::string_slice, reason = "a test may fail by panicking")]

#[path = "repository/circles.rs"]
mod circles;
#[path = "repository/words.rs"]
mod words;

use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What each crate of ours may depend on, of ours. An edge more is a decision, made here.
const KNOWS: [(&str, &[&str]); 12] = [
    ("crewboard-core", &[]),
    ("crewboard-config", &[]),
    ("crewboard-protocol", &["core"]),
    ("crewboard-platform", &["core"]),
    ("crewboard-terminals", &["core"]),
    ("crewboard-agents", &["core", "terminals"]),
    ("crewboard-client", &["core", "protocol", "config", "platform"]),
    // What agents leave in files is read where it is watched.
    ("crewboard-daemon", &["core", "protocol", "config", "platform", "agents", "terminals"]),
    // The board and the daemon talk over the socket alone.
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
        ],
    ),
    ("crewboard-testkit", &["core", "protocol", "config"]),
    // The demo is made from recordings as a hook would read them.
    ("xtask", &["core", "agents", "terminals", "testkit"]),
];

/// What the crates that must stay small may depend on besides.
const SMALL: [(&str, &[&str]); 5] = [
    ("crewboard-core", &["serde"]),
    ("crewboard-protocol", &["serde", "serde_json", "thiserror"]),
    ("crewboard-platform", &["rustix", "libproc", "nix"]),
    ("crewboard-config", &["rustix", "serde", "strsim", "thiserror", "toml"]),
    ("crewboard-client", &["rustix", "close_fds", "serde_json", "thiserror"]),
];

/// The checkout that is tested; the one that was built may be another, where they share a target.
fn root() -> PathBuf {
    let xtask = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    let xtask = xtask.unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")));
    xtask.parent().unwrap().to_owned()
}

fn text(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The packages of the workspace as cargo reads them.
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

/// What a package needs to be built, on any system; not what only its tests need.
fn dependencies(package: &Value) -> BTreeSet<String> {
    let all = package["dependencies"].as_array().unwrap();
    let shipped = all.iter().filter(|dependency| dependency["kind"] != "dev");
    shipped.map(|dependency| dependency["name"].as_str().unwrap().to_owned()).collect()
}

fn is_ours(name: &str) -> bool {
    name.starts_with("crewboard-") || name == "crewboard"
}

#[test]
fn crates_know_only_whom_they_may() {
    for package in packages() {
        let name = package["name"].as_str().unwrap();
        let Some((_, may)) = KNOWS.iter().find(|(known, _)| *known == name) else {
            panic!("{name} is new: say in KNOWS whom it may know")
        };
        let may: BTreeSet<String> = may.iter().map(|name| format!("crewboard-{name}")).collect();
        let knows: BTreeSet<String> =
            dependencies(&package).into_iter().filter(|name| is_ours(name)).collect();
        let strangers: Vec<_> = knows.difference(&may).collect();
        assert!(strangers.is_empty(), "{name} must not know {strangers:?}");
    }
}

#[test]
fn crates_depend_only_on_whom_they_may() {
    let packages = packages();
    for (name, may) in SMALL {
        let package = packages.iter().find(|package| package["name"] == name).unwrap();
        let others = dependencies(package).into_iter().filter(|other| !is_ours(other));
        let strangers: Vec<_> = others.filter(|other| !may.contains(&other.as_str())).collect();
        assert!(strangers.is_empty(), "{name} must not depend on {strangers:?}");
    }
    let databases = ["rusqlite", "sqlx", "sled", "redb", "diesel", "heed"];
    for package in &packages {
        let held = dependencies(package).into_iter().find(|name| databases.contains(&&**name));
        assert_eq!(held, None, "{}", package["name"]);
    }
}

#[test]
fn every_crate_takes_the_workspaces_lints() {
    assert!(text("Cargo.toml").contains("\nunsafe_code = \"forbid\"\n"));
    for package in packages() {
        let manifest = package["manifest_path"].as_str().unwrap();
        let manifest = fs::read_to_string(manifest).unwrap();
        assert!(manifest.contains("[lints]\nworkspace = true\n"), "{}", package["name"]);
    }
}

/// `cargo deny check` says so too, for more targets and by all rules of such expressions; it is not installed everywhere.
#[test]
fn every_dependency_has_a_licence_that_is_accepted() {
    let deny = text("deny.toml");
    let accepted = deny.lines().find_map(|line| line.strip_prefix("allow = [")).unwrap();
    let accepted: Vec<&str> = accepted.split('"').skip(1).step_by(2).collect();
    // Every part of `A AND B` needs an accepted one of its choices.
    let is_accepted = |part: &str| {
        let mut choices = part.split(" OR ").flat_map(|choice| choice.split('/'));
        choices.any(|choice| accepted.contains(&choice.trim_matches(['(', ')', ' '])))
    };
    let platform = if cfg!(target_os = "linux") { "linux-gnu" } else { "apple-darwin" };
    let target = format!("--filter-platform={}-unknown-{platform}", std::env::consts::ARCH);
    let all = metadata(&["--locked", &target.replace("unknown-apple", "apple")]);
    assert!(all.len() > 50, "{} packages only", all.len());
    for package in all {
        let licence = package["license"].as_str().unwrap_or("none");
        let is_fine = licence.split(" AND ").all(is_accepted);
        assert!(is_fine, "{} has the licence {licence}; see deny.toml", package["name"]);
    }
}

/// Every file below `folder` with that ending, less what is built or recorded.
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
fn every_library_says_what_it_is_and_what_it_never_does() {
    for path in sources().iter().filter(|path| path.ends_with("src/lib.rs")) {
        let source = fs::read_to_string(path).unwrap();
        let page: Vec<&str> = source.lines().take_while(|line| line.starts_with("//!")).collect();
        assert!(page.len() >= 2, "{}: no first words", path.display());
        assert!(page.iter().any(|line| line.contains("Never:")), "{}", path.display());
    }
}

#[test]
fn files_are_named_for_what_they_hold() {
    for path in sources() {
        let stem = path.file_stem().unwrap().to_string_lossy().into_owned();
        let says_nothing = ["utils", "util", "helpers", "common", "types", "misc"];
        assert!(!says_nothing.contains(&stem.as_str()), "{}", path.display());
    }
}

/// A test that ends early without a word counts as passed.
#[test]
fn tests_are_skipped_by_one_function_only() {
    for path in sources().iter().filter(|path| !path.ends_with("tests/repository.rs")) {
        let source = fs::read_to_string(path).unwrap();
        let is_the_one = path.ends_with("testkit/src/skip.rs");
        let says_so = source.contains("\"skipped: ");
        assert!(is_the_one || !says_so, "{}: call `skip` of the testkit", path.display());
        for rest in source.split("#[ignore").skip(1) {
            let name = rest.split("fn ").nth(1).unwrap_or_default();
            assert!(name.starts_with("child_"), "{}: an ignored test is no test", path.display());
        }
    }
}

/// The sleeps in tests, and why nothing can be awaited there.
const SLEEPS: [(&str, usize, &str); 8] = [
    ("crates/testkit/src/wait.rs", 1, "`wait_until` polls a state that no event announces"),
    ("crates/testkit/src/tmux.rs", 1, "nothing announces that a screen has changed"),
    ("crates/crewboard/src/commands/install/tests/concurrent_writes.rs", 1, "a writer's pace"),
    ("crates/crewboard/tests/it/main.rs", 1, "a daemon at rest: nothing is to happen"),
    ("crates/crewboard/tests/it/board.rs", 1, "a board at rest: nothing is to happen"),
    (
        "crates/crewboard/tests/it/session_files/transcripts.rs",
        2,
        "a writer's pace; a look in vain",
    ),
    (
        "crates/crewboard/tests/it/daemon_exit.rs",
        2,
        "it spreads deliveries over a daemon's life and end",
    ),
    ("crates/crewboard/tests/it/subscriptions.rs", 1, "the pace of events in the long form"),
];

/// A test that sleeps is slow where it sleeps too long, and fails now and then where it does not.
#[test]
fn tests_sleep_only_where_nothing_can_be_awaited() {
    for path in sources() {
        let source = fs::read_to_string(&path).unwrap();
        let place = path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned();
        let is_test = place.contains("/tests/") || place.starts_with("crates/testkit/");
        let tests = source.split_once("#[cfg(test)]\nmod tests {").map(|(_, tests)| tests);
        let tests = if is_test { Some(source.as_str()) } else { tests };
        let words = ["thread::sleep(", "time::sleep(", "time::sleep_until("];
        let count = |tests: &str| words.iter().map(|word| tests.matches(word).count()).sum();
        let sleeps: usize = tests.map_or(0, count);
        let known = SLEEPS.iter().find(|(known, ..)| *known == place);
        let may = known.map_or(0, |(_, sleeps, _)| *sleeps);
        let is_this = place == "xtask/tests/repository.rs";
        assert!(is_this || sleeps == may, "{place} sleeps {sleeps} times; SLEEPS has {may}");
    }
}

fn pages() -> Vec<PathBuf> {
    let mut found = Vec::new();
    files(&root(), ".md", &mut found);
    found
}

#[test]
fn links_between_pages_lead_somewhere() {
    for path in pages() {
        let page = fs::read_to_string(&path).unwrap();
        for link in page.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let file = link.split('#').next().unwrap();
            let is_file = !file.is_empty() && !file.contains(':') && !file.contains(' ');
            let goal = path.parent().unwrap().join(file);
            assert!(!is_file || goal.exists(), "{}: {link}", path.display());
        }
    }
}

/// The words in backticks that can only be the name of a test.
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
fn whatever_is_said_to_hold_a_rule_exists() {
    let sources: String = sources().iter().map(|path| fs::read_to_string(path).unwrap()).collect();
    let mut pages = vec!["ARCHITECTURE.md".to_owned(), "docs/faults.md".to_owned()];
    pages.extend(decisions().into_iter().map(|name| format!("docs/decisions/{name}")));
    for path in pages {
        let page = text(&path);
        // Fenced blocks hold no names.
        assert!(page.matches('`').count().is_multiple_of(2), "{path}: an odd number of backticks");
        for name in tests_named_in(&page) {
            assert!(sources.contains(&format!("fn {name}(")), "{path}: no test is called {name}");
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
fn decisions_are_numbered_and_of_one_form() {
    for (index, name) in decisions().iter().enumerate() {
        let number = index + 1;
        assert!(name.starts_with(&format!("{number:04}-")), "{name} is not number {number}");
        let page = text(&format!("docs/decisions/{name}"));
        assert!(page.starts_with(&format!("# {number}. ")), "{name}");
        for heading in ["\n## Context\n", "\n## Decision\n", "\n## Held by\n"] {
            assert!(page.contains(heading), "{name} has no {}", heading.trim());
        }
    }
}

#[test]
fn one_command_runs_the_tests_everywhere() {
    let command = "cargo test --workspace --locked";
    for path in ["README.md", ".ci/run", "justfile", ".github/workflows/ci.yml", "CONTRIBUTING.md"]
    {
        let runs_it = text(path).lines().any(|line| {
            let line = line.trim().trim_start_matches("run: ");
            line.strip_prefix("just test").unwrap_or(line).trim_start_matches([' ', '#']) == command
                || line.starts_with(&format!("{command} |"))
        });
        assert!(runs_it, "{path} does not run `{command}`");
    }
}
