//! Which row an event belongs to, and how rows come and go.
#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod identity;
mod life;
mod looks;
mod marks;
mod residents;
mod restored;
mod teams;
mod world;
