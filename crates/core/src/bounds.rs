//! The bounds on everything that Crewboard keeps. Text is cut, and lists drop their oldest entries.

/// Bytes of a prompt's text. The user must be able to read a whole command before approving it. A cut shows how much
/// is missing, and each field of a tool's input is cut separately.
pub const MAX_PROMPT_TEXT: usize = 4096;
/// Bytes of a user prompt, a message or an error.
pub const MAX_USER_PROMPT: usize = 1024;
/// Bytes of one line, such as an activity or a title.
pub const MAX_LINE: usize = 256;
/// Bytes of a path.
pub const MAX_PATH: usize = 4096;
/// Bytes of an identifier. Agents use UUIDs of 36 bytes.
pub const MAX_ID: usize = 128;
/// The other terminals of a place. Terminals are rarely nested deeper.
pub const MAX_OTHERS: usize = 3;
/// Running tools of one session.
pub const MAX_TOOLS: usize = 64;
/// Open prompts of one session, and answered prompts that it remembers.
pub const MAX_OPEN_PROMPTS: usize = 16;
/// Subagents of one session.
pub const MAX_SUBAGENTS: usize = 32;
/// Background tasks of one session.
pub const MAX_BACKGROUND: usize = 64;
/// Former conversations of one session.
pub const MAX_LINEAGE: usize = 16;
/// Statuses in a session's history.
pub const MAX_HISTORY: usize = 16;
/// Statuses before those of the history. With a change every six minutes they last a day.
pub const MAX_PAST: usize = 240;
/// Status transitions in one change message.
pub const MAX_TRANSITIONS: usize = 8;
/// Events that a session remembers for `explain`.
pub const MAX_TRAIL: usize = 32;
/// Closed sessions that are kept. The oldest go first.
pub const MAX_CLOSED: usize = 50;
/// All sessions. A flood of invented sessions must not fill the memory.
pub const MAX_ROWS: usize = 10_000;
/// Sessions of one process. A wrapper may report itself under the process of the agent that it runs, and wrappers
/// are nested a few deep at most. Without a bound one process could claim every session.
pub const MAX_AGENTS_OF_PROCESS: usize = 8;
/// Profiles whose rate limits are kept. A user has a few.
pub const MAX_PROFILES: usize = 16;
/// Keys of earlier daemons that are remembered, so that a wait finds its session.
pub const MAX_FORMER_KEYS: usize = 64;
/// Removals that are remembered, so that a subscription can resume without a snapshot.
pub const MAX_REMOVALS: usize = 256;

/// Milliseconds for which a closed session is kept.
pub const KEEP_CLOSED_MS: u64 = 24 * 60 * 60 * 1000;
/// Milliseconds for which a past status is kept.
pub const KEEP_PAST_MS: u64 = 24 * 60 * 60 * 1000;
/// Milliseconds without an event or a change of its file after which a working session is shown as quiet. Most tools
/// end sooner: Claude Code stops a command after ten minutes at the latest.
pub const QUIET_AFTER_MS: u64 = 10 * 60 * 1000;
/// Milliseconds without an event after which a session whose process cannot be watched is lost.
pub const LOST_AFTER_MS: u64 = 24 * 60 * 60 * 1000;
/// Milliseconds after the end of a headless session's turn before the session is `done`. `claude -p` exits right
/// after its only turn (50 to 90 ms, measured), so that no board shows a short `done`.
pub const HEADLESS_SETTLE_MS: u64 = 1000;
/// Milliseconds for which a headless session's prompt must stay open before the session counts as one with a user.
/// A program that answers prompts by a rule of its own does so within a few milliseconds.
pub const ATTENDED_MS: u64 = 500;
/// Milliseconds for which the file of a session that a program leads must be busy before its prompt counts as
/// answered. After an interrupt the file is busy for 14 ms before it is idle (recording `resident-interrupt-permission`).
pub const ANSWERED_MS: u64 = 50;
/// Milliseconds for which a headless agent must be at its prompt before it counts as started without a user prompt.
/// `claude -p` begins its turn within 50 ms (measured), and later if it is slow to load.
pub const RESIDENT_MS: u64 = 4000;
/// Milliseconds after a teammate's turn in which its lead must report work, or else the lead was not woken. The
/// lead's next hook comes with its first tool or its last message, and a model may think for long before that.
pub const WOKEN_MS: u64 = 60_000;
/// Milliseconds for which rate limits are fresh. The board shows their age after that.
pub const FRESH_MS: u64 = 10 * 60 * 1000;
/// Milliseconds within which every rate limit resets. The longest known window is seven days.
pub const MAX_LIMIT_MS: u64 = 31 * 24 * 60 * 60 * 1000;
/// The greatest age of a time in a restored session, in milliseconds. No agent runs for a year.
pub const MAX_AGE_MS: u64 = 366 * 24 * 60 * 60 * 1000;
/// Milliseconds for which a session is snoozed if the client names no time.
pub const SNOOZE_MS: u64 = 60 * 60 * 1000;
/// Milliseconds for which a session can be snoozed at most: a week, which is longer than most sessions run.
pub const MAX_SNOOZE_MS: u64 = 7 * 24 * 60 * 60 * 1000;

/// Milliseconds for which a session file must be idle before it ends a turn that no hook has ended. Between two turns
/// Claude Code's file is idle for 2 to 80 ms (measured), once for 180 on a busy machine. A longer wait would hide an
/// interrupt: users type again within 250 ms of one (recording `rapid`).
pub const FLICKER_MS: u64 = 150;
/// Milliseconds for which a session file must be idle to confirm a hook's end of turn. A queued command runs 2 to
/// 50 ms later (measured).
pub const OVER_MS: u64 = 60;
/// Milliseconds within which the transcript or a late hook reports how a turn ended, once the file is idle. 600 ms were
/// measured. The session counts as working until then.
pub const EXPLAINED_MS: u64 = 1500;
/// Milliseconds within which a hook reports a turn or dialog that the file shows already. Hooks start 10 to 30 ms
/// after the file is written, later on a busy machine. `/clear` keeps the file busy for 60 ms.
pub const UNANNOUNCED_MS: u64 = 250;
/// Milliseconds by which a file may lag behind a hook. 925 ms were measured on a busy machine, 425 on a quiet one.
/// After that the file is read once more and decides.
pub const DOUBT_MS: u64 = 2000;
/// Milliseconds after which a hook's end of turn stands though the file does not confirm it. The file was read again
/// after [`DOUBT_MS`], or cannot be read.
pub const HELD_MS: u64 = 4000;
/// Milliseconds for which a dialog must be open before the first user prompt until it needs the user. Claude Code
/// often opens an offer of its own at its start.
pub const DIALOG_MS: u64 = 5000;
/// Milliseconds within which a process ends that has removed its session file. Claude Code waits up to 1.5 s for
/// hooks. If the process lives longer, something else has removed the file.
pub const LEAVING_MS: u64 = 10_000;
