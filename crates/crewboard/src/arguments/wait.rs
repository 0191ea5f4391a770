//! The arguments of `wait`.

use super::ROW;
use crate::completions;
use clap::Args;
use clap_complete::ArgValueCandidates;
use crewboard_config::duration;
use crewboard_core::Status;
use std::time::Duration;

pub(super) const EXIT_CODES: &str = "\
Exit codes: 0 reached, 1 failure or no such session, 2 wrong usage, 3 a session needs you instead \
(permission, question, plan, failed), 4 a session closed instead, 124 timed out.";

#[derive(Debug, Args)]
#[group(id = "which", required = true, multiple = false)]
pub(crate) struct WaitRows {
    #[arg(help = ROW, add = ArgValueCandidates::new(completions::rows))]
    pub(crate) row: Option<String>,
    /// Wait for the first session that reaches the status
    #[arg(long)]
    pub(crate) any: bool,
    /// Wait for all sessions; end early if a session needs you or closes
    #[arg(long)]
    pub(crate) all: bool,
}

#[derive(Debug, Args)]
pub(crate) struct WaitArguments {
    #[command(flatten)]
    pub(crate) rows: WaitRows,
    /// Statuses separated by commas, or needs-you
    #[arg(long, required = true, value_name = "STATUSES", value_delimiter = ',', value_parser = until)]
    #[arg(add = ArgValueCandidates::new(completions::goals))]
    pub(crate) until: Vec<Until>,
    /// Include sessions that start later
    #[arg(long)]
    pub(crate) new: bool,
    /// Give up after this time, such as 90s, 30m or 2h
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub(crate) timeout: Option<Duration>,
}

/// A goal of `wait`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Until {
    Status(Status),
    NeedsYou,
}

fn until(word: &str) -> Result<Until, String> {
    // A list such as "done, idle" has a space after its comma.
    let word = word.trim();
    if word == "needs-you" {
        return Ok(Until::NeedsYou);
    }
    Status::from_word(word).map(Until::Status).ok_or_else(|| {
        let words: Vec<&str> = Status::ALL.iter().map(|status| status.word()).collect();
        format!("must be needs-you or one of {}", words.join(", "))
    })
}
