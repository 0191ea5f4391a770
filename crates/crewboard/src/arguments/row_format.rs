//! The options that choose the format of sessions, the same for every command that prints sessions.

use clap::{Args, ValueEnum};

/// The format of sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum RowFormat {
    /// Lines for people
    #[default]
    Plain,
    /// JSON
    Json,
}

/// The options `--json` and `--format`.
#[derive(Debug, Clone, Copy, Default, Args)]
pub(crate) struct FormatArguments {
    /// Print JSON, the same as --format json
    #[arg(long, short, conflicts_with = "format")]
    json: bool,
    /// Format of the output
    #[arg(long, value_enum, default_value_t)]
    format: RowFormat,
}

impl FormatArguments {
    /// Returns true if the output is JSON.
    pub(crate) fn is_json(self) -> bool {
        self.json || self.format == RowFormat::Json
    }
}
