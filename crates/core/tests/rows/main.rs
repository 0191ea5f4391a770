//! The sessions in the store: how they are found, created, changed and removed.
#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod identity;
mod life;
mod lookups;
mod marks;
mod program_rules;
mod programs;
mod residents;
mod restored;
mod teams;
mod world;
