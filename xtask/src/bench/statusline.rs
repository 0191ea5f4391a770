//! Measures a status line with and without Crewboard, as Claude Code runs both.

use super::daemon::{Daemon, in_agent};
use super::hook::{candidate, run_rounds};
use anyhow::Result;
use std::fmt::Write as _;
use std::path::Path;

/// The user's command: it reads its input and prints a line.
const OWN: &str = "cat >/dev/null; echo line";

/// Measures the status line with and without the user's command.
pub(super) fn measure(program: &Path, rounds: usize) -> Result<String> {
    let daemon = Daemon::start(program)?;
    let shell = |line: &str| {
        let mut shell = daemon.command_of("/bin/sh");
        shell.arg("-c").arg(line);
        in_agent(&mut shell);
        shell
    };
    let wrapped = format!("exec '{}' statusline -- '{OWN}'", program.display());
    let own_line = format!("exec '{}' statusline", program.display());
    let mut candidates = [
        candidate("the user's command", shell(OWN)),
        candidate("**wrapped by crewboard statusline**", shell(&wrapped)),
        candidate("crewboard statusline, its own line", shell(&own_line)),
    ];
    run_rounds(&mut candidates, PAYLOAD.as_bytes(), rounds)?;
    let mut text = format!(
        "## A status line\n\n\
         The whole process, its {} bytes of input in a pipe, through `/bin/sh -c` as Claude Code runs it; the user's command is \
         `{OWN}`.\n\n\
         | command | p50 µs | p90 µs | p99 µs | × the user's command |\n|---|---|---|---|---|\n",
        PAYLOAD.len(),
    );
    for candidate in &candidates {
        let _ = writeln!(text, "{}", candidate.table_row(&candidates[0]));
    }
    let [own, wrapped, _] = &candidates;
    let added = wrapped.sample.quantile(500).saturating_sub(own.sample.quantile(500));
    let _ = writeln!(text, "\nAdded, between the medians: {} µs.", added.as_micros());
    Ok(text)
}

/// The input from Claude Code 2.1.330, without the fields that are not used.
const PAYLOAD: &str = r#"{"session_id":"43977576-313b-4b24-8ffa-a62b545ec24a","transcript_path":"/home/dev/.claude/projects/-home-dev-project/43977576-313b-4b24-8ffa-a62b545ec24a.jsonl","cwd":"/home/dev/project","effort":{"level":"medium"},"model":{"id":"claude-opus-5-5","display_name":"Opus 5.5"},"workspace":{"current_dir":"/home/dev/project","project_dir":"/home/dev/project","added_dirs":[]},"version":"2.1.330","output_style":{"name":"default"},"cost":{"total_cost_usd":0.84042,"total_duration_ms":7982},"context_window":{"total_input_tokens":420000,"context_window_size":1000000,"current_usage":{"input_tokens":420000},"used_percentage":42,"remaining_percentage":58},"rate_limits":{"five_hour":{"used_percentage":62,"resets_at":1795619884},"seven_day":{"used_percentage":31,"resets_at":1795815564}},"thinking":{"enabled":true}}"#;
