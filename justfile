# What is done with the repository. `just` alone lists it.

export RUSTDOCFLAGS := "-D warnings"

[private]
default:
    @just --list

# What CI checks first. Change it together with .ci/run and .github/workflows/ci.yml.
check: lint test doc

# Formatting and lints.
lint:
    cargo fmt --all --check
    cargo clippy --workspace --all-targets --locked -- -D warnings

# All tests.
test:
    cargo test --workspace --locked

# The documentation of every item, private ones included.
doc:
    cargo doc --workspace --no-deps --document-private-items --locked

# The program as users get it, in target/dist.
dist:
    cargo xtask dist

# The real agent, offline, over all scenarios: `just matrix --smoke`, `just matrix permission-deny`.
matrix *arguments:
    cargo xtask matrix {{arguments}}

# What a hook, a push and a resting daemon cost.
bench *arguments:
    cargo xtask bench {{arguments}}

# Licences, advisories and sources of the dependencies (needs cargo-deny).
deny:
    cargo deny check

# The script that CI runs on a fresh machine.
ci:
    .ci/run
