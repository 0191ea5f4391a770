# The tasks of the repository. `just` lists them.

export RUSTDOCFLAGS := "-D warnings"

[private]
default:
    @just --list

# Run what CI checks first. Change it together with .ci/run and .github/workflows/ci.yml.
check: lint test doc

# Check formatting and lints.
lint:
    cargo fmt --all --check
    cargo clippy --workspace --all-targets --locked -- -D warnings

# Run all tests.
test:
    cargo test --workspace --locked

# Build the documentation of all items, private ones included.
doc:
    cargo doc --workspace --no-deps --document-private-items --locked

# Build the program as users get it, in target/dist.
dist:
    cargo xtask dist

# Run the real agent offline, in all scenarios: `just matrix --smoke`, `just matrix permission-deny`.
matrix *arguments:
    cargo xtask matrix {{arguments}}

# Measure a hook, a push and an idle daemon.
bench *arguments:
    cargo xtask bench {{arguments}}

# Check licences, advisories and sources of the dependencies (needs cargo-deny).
deny:
    cargo deny check

# Run the script that CI runs on a fresh machine.
ci:
    .ci/run
