//! Every bound on what is kept of what agents say. Text is cut, lists forget their oldest.

/// Bytes kept of a request's text: a whole command must be readable before it is approved.
pub const MAX_REQUEST_TEXT: usize = 4096;
/// Bytes kept of a prompt, a message or an error.
pub const MAX_PROMPT: usize = 1024;
/// Bytes kept of one line such as an activity or a title.
pub const MAX_LINE: usize = 256;
/// Bytes kept of a path.
pub const MAX_PATH: usize = 4096;
/// Bytes kept of an identifier; agents use UUIDs of 36.
pub const MAX_ID: usize = 128;
/// Tools of one row believed to run at once.
pub const MAX_TOOLS: usize = 64;
/// Requests of one row open at once, and recently answered ones remembered.
pub const MAX_REQUESTS: usize = 16;
/// Subagents listed in one row.
pub const MAX_SUBAGENTS: usize = 32;
/// Background tasks remembered in one row.
pub const MAX_BACKGROUND: usize = 64;
/// Former conversation ids of one row.
pub const MAX_LINEAGE: usize = 16;
/// Statuses in a row's history.
pub const MAX_HISTORY: usize = 16;
/// Status transitions carried by one notice.
pub const MAX_TRANSITIONS: usize = 8;
/// Events a row remembers for `explain`.
pub const MAX_TRAIL: usize = 32;
/// Closed rows kept, newest first.
pub const MAX_CLOSED: usize = 50;
/// Rows in all. A machine that runs more agents than this needs another tool; a flood of made-up
/// sessions must not fill the memory.
pub const MAX_ROWS: usize = 4096;
/// Removals remembered so that a view can resume without a snapshot.
pub const MAX_REMOVALS: usize = 256;

/// Milliseconds a closed row is kept.
pub const KEEP_CLOSED_MS: u64 = 24 * 60 * 60 * 1000;
/// Milliseconds of silence after which a row whose process cannot be watched is lost.
pub const LOST_AFTER_MS: u64 = 24 * 60 * 60 * 1000;
/// Milliseconds a headless agent's turn must have been over before the row says so: `claude -p`
/// ends its process right after its only turn (50 to 90 ms, measured), and nobody saw it "done".
pub const HEADLESS_SETTLE_MS: u64 = 1000;
/// Milliseconds a snoozed row stays quiet if its status does not change.
pub const SNOOZE_MS: u64 = 60 * 60 * 1000;
