//! Every bound on what is kept of what agents say. Text is cut, lists forget their oldest.

/// Bytes kept of a request's text: a whole command must be readable before it is approved. A cut says how much
/// is missing, and each field of a tool's input is cut by itself.
pub const MAX_REQUEST_TEXT: usize = 4096;
/// Bytes kept of a prompt, a message or an error.
pub const MAX_PROMPT: usize = 1024;
/// Bytes kept of one line such as an activity or a title.
pub const MAX_LINE: usize = 256;
/// Bytes kept of a path.
pub const MAX_PATH: usize = 4096;
/// Bytes kept of an identifier; agents use UUIDs of 36.
pub const MAX_ID: usize = 128;
/// Further terminals that a place names: few are nested deeper.
pub const MAX_OTHERS: usize = 3;
/// Tools of one row believed to run at once.
pub const MAX_TOOLS: usize = 64;
/// Prompts of one row open at once, and recently answered ones remembered.
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
/// Rows of one process: a wrapper may report itself under the process of the agent that it runs, and
/// wrappers are nested a few deep at most. Without a bound one process could claim every row.
pub const MAX_AGENTS_OF_PROCESS: usize = 8;
/// Profiles whose account's limits are kept. A person has a few.
pub const MAX_PROFILES: usize = 16;
/// Keys of earlier daemons remembered, so that a wait finds its row.
pub const MAX_FORMER_KEYS: usize = 64;
/// Removals remembered so that a view can resume without a snapshot.
pub const MAX_REMOVALS: usize = 256;

/// Milliseconds a closed row is kept.
pub const KEEP_CLOSED_MS: u64 = 24 * 60 * 60 * 1000;
/// Milliseconds of silence after which a row whose process cannot be watched is lost.
pub const LOST_AFTER_MS: u64 = 24 * 60 * 60 * 1000;
/// Milliseconds a headless agent's turn must have been over before the row says so: `claude -p`
/// ends its process right after its only turn (50 to 90 ms, measured), and nobody saw it "done".
pub const HEADLESS_SETTLE_MS: u64 = 1000;
/// Milliseconds for which a headless agent's dialog must have been open before it is shown that the agent
/// can be answered: a program that answers by a rule of its own does so within a few.
pub const ATTENDED_MS: u64 = 500;
/// Milliseconds for which a headless agent must have been at its prompt before it counts as one that was
/// started without a prompt: `claude -p` takes its prompt up within 50 (measured), and later where it is slow to load.
pub const RESIDENT_MS: u64 = 4000;
/// Milliseconds after which a session was not woken by the end of a teammate's turn: its next hook comes with its
/// first call or its last word, and a model may think for long before that.
pub const WOKEN_MS: u64 = 60_000;
/// Milliseconds for which what was told of an account's limits is fresh: views tell its age after that.
pub const FRESH_MS: u64 = 10 * 60 * 1000;
/// Milliseconds in which every limit of an account begins anew: the longest known is of seven days.
pub const MAX_LIMIT_MS: u64 = 31 * 24 * 60 * 60 * 1000;
/// Milliseconds before now of the earliest time that is believed of a row given back: no agent runs for
/// a year.
pub const MAX_AGE_MS: u64 = 366 * 24 * 60 * 60 * 1000;
/// Milliseconds a snoozed row stays quiet if its status does not change.
pub const SNOOZE_MS: u64 = 60 * 60 * 1000;

/// Milliseconds an agent's file must have said that it rests before a turn is over that no hook ended.
/// Between two turns Claude Code's says so for 2 to 80 ms (measured), on a busy machine once for 180. Not longer:
/// people prompt again within 250 ms of an interrupt (recording `rapid`), and were shown nothing in between.
pub const FLICKER_MS: u64 = 150;
/// Milliseconds an agent's file must have said that it rests before a turn's end that a hook told of is
/// the end of the work: a queued command runs 2 to 50 ms later (measured).
pub const OVER_MS: u64 = 60;
/// Milliseconds in which a transcript tells how a turn ended that the file says is over: 600 at most.
pub const EXPLAINED_MS: u64 = 1500;
/// Milliseconds in which a hook tells of what the file says already: a new turn, a dialog. Hooks start
/// 10 to 30 ms after the file is written, more on a busy machine; `/clear` keeps the file busy for 60.
pub const UNANNOUNCED_MS: u64 = 250;
/// Milliseconds by which a file may lag behind a hook: 925 were seen on a busy machine, 425 on a quiet one.
/// After that the file is looked at once more, and believed.
pub const DOUBT_MS: u64 = 2000;
/// Milliseconds after which the end of a turn that a hook told of is believed though the file does not
/// say so: the look at [`DOUBT_MS`] was answered by then, or never will be.
pub const HELD_MS: u64 = 4000;
/// Milliseconds a dialog must have been open before the first prompt to need somebody: Claude Code
/// opens an offer of its own at many a start, and people answer those they came for.
pub const DIALOG_MS: u64 = 5000;
/// Milliseconds in which a process that took its file away ends: Claude Code waits up to 1.5 s for
/// hooks. One that lives on has lost its file to somebody who tidied up.
pub const LEAVING_MS: u64 = 10_000;
