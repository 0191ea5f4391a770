//! What is registered with Claude Code: which events, since which version, and why.
//!
//! [`EVENTS`] is the only place where an event is chosen. Every row costs each of the user's agents
//! a process whenever it fires, so each has a reason, and the rows of one tool call are counted.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use crate::settings_edit::{Entry, Handler};

/// A version of Claude Code, as `claude --version` prints it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(pub u32, pub u32, pub u32);

impl FromStr for Version {
    type Err = ();

    /// Reads the first word that looks like a version: "2.1.330 (Claude Code)" is 2.1.330.
    fn from_str(text: &str) -> Result<Self, ()> {
        text.split_whitespace().find_map(version_word).ok_or(())
    }
}

fn version_word(word: &str) -> Option<Version> {
    let mut numbers = word.trim_start_matches('v').splitn(3, '.');
    let major = numbers.next()?.parse().ok()?;
    let minor = numbers.next()?.parse().ok()?;
    // A pre-release such as `2.1.330-beta.1` counts as its release: it knows the same events. A fourth number,
    // which no version has had so far, is passed over.
    let patch = numbers.next()?.split(['-', '+', '.']).next()?.parse().ok()?;
    Some(Version(major, minor, patch))
}

impl fmt::Display for Version {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}.{}.{}", self.0, self.1, self.2)
    }
}

/// Whether an event fires as a part of every tool call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ToolCall {
    /// Not a part of it.
    No,
    /// For each call.
    Always,
    /// For each call that succeeded.
    Succeeded,
    /// For each call that failed.
    Failed,
}

/// One event we register.
#[derive(Debug, Clone, Copy)]
pub struct Registration {
    /// Claude Code's name of the event.
    pub event: &'static str,
    /// The first version that knows it. Before 2.1.101 an event name the client did not know made
    /// it reject the whole settings file, so a version here may be late, but never early.
    pub since: Version,
    /// Its part in the cost of a tool call.
    pub tool_call: ToolCall,
    /// What we would not know without it.
    pub reason: &'static str,
}

const fn row(
    event: &'static str,
    since: Version,
    tool_call: ToolCall,
    reason: &'static str,
) -> Registration {
    Registration { event, since, tool_call, reason }
}

/// Every event we register, in the order in which they are written.
///
/// The versions are those of Claude Code's changelog, except where a comment says otherwise.
pub const EVENTS: [Registration; 16] = [
    row("SessionStart", Version(1, 0, 62), ToolCall::No, "a row appears, or gets a new id"),
    // Absent from the changelog; seen from 1.0.85 on.
    row("SessionEnd", Version(1, 0, 85), ToolCall::No, "tells a goodbye from a death"),
    row("UserPromptSubmit", Version(1, 0, 54), ToolCall::No, "the agent works, and on what"),
    row("PreToolUse", Version(1, 0, 38), ToolCall::Always, "which tool runs; questions and plans"),
    row("PermissionRequest", Version(2, 0, 45), ToolCall::No, "blocked on you, six seconds early"),
    row("PermissionDenied", Version(2, 1, 89), ToolCall::No, "auto mode refused: nobody is asked"),
    row(
        "PostToolUse",
        Version(1, 0, 38),
        ToolCall::Succeeded,
        "a granted or answered call is over",
    ),
    // Absent from the changelog; described for 2.1.1 in January 2026.
    row("PostToolUseFailure", Version(2, 1, 1), ToolCall::Failed, "a failed call is over too"),
    // Absent from the changelog; named as 2.1.118, in the documentation from 27 April 2026 on.
    row("PostToolBatch", Version(2, 1, 118), ToolCall::Always, "the only word of a refused call"),
    // Its own line in the changelog is of 2.0.37, but it was among the first events.
    row("Notification", Version(1, 0, 38), ToolCall::No, "dialogs that no other event tells of"),
    row("Stop", Version(1, 0, 38), ToolCall::No, "the turn is over, and what still runs"),
    row("StopFailure", Version(2, 1, 78), ToolCall::No, "the turn ended in an API error"),
    row("SubagentStart", Version(2, 0, 43), ToolCall::No, "a subagent began"),
    row("SubagentStop", Version(1, 0, 41), ToolCall::No, "a subagent ended"),
    row("Elicitation", Version(2, 1, 76), ToolCall::No, "an MCP server asks you something"),
    row("ElicitationResult", Version(2, 1, 76), ToolCall::No, "that question was answered"),
];

/// Events that must never be registered, and why.
pub const NEVER: [(&str, &str); 5] = [
    ("WorktreeCreate", "a hook there replaces `git worktree add`"),
    ("MessageDisplay", "one process for every piece of text shown"),
    // Since 2.1.332, before each command in the text of a skill. A hook that asks for approval refuses the command too:
    // "the hook asked for approval, which a skill can't wait for".
    (
        "PreSkillShellCommand",
        "it asks the user for nothing, and a hook that cannot run there refuses the command",
    ),
    ("PreCompact", "the client prints a line for it even when the hook is silent"),
    ("PostCompact", "the client prints a line for it even when the hook is silent"),
];

/// The first version that runs a program without a shell when the handler has `args`.
pub const EXEC_FORM_SINCE: Version = Version(2, 1, 139);

/// Seconds after which Claude Code gives a hook up: far beyond our own deadline, far below its
/// default of ten minutes. Installed entries are known by it: whoever changes it has to go on
/// recognising the former one.
const TIMEOUT_SECONDS: u32 = 5;

const STATUS_LINE: &str = "statusline";

const ARGUMENTS: [&str; 2] = ["hook", "claude"];

/// The name a path of ours ends in, unless somebody renamed the file.
const PROGRAM: &str = "crewboard";

/// Returns what to write into the settings of a Claude Code of this version; unknown is the newest.
pub fn entries(program: &str, version: Option<Version>) -> Vec<Entry> {
    EVENTS
        .iter()
        .filter(|row| version.is_none_or(|version| row.since <= version))
        .map(|row| Entry { event: row.event.to_owned(), handler: handler(program, version) })
        .collect()
}

fn handler(program: &str, version: Option<Version>) -> Handler {
    if version.is_none_or(|version| EXEC_FORM_SINCE <= version) {
        let args = ARGUMENTS.map(str::to_owned).to_vec();
        Handler { command: program.to_owned(), args: Some(args), timeout: Some(TIMEOUT_SECONDS) }
    } else {
        // `exec` saves the shell that would only wait for us.
        let command = format!("exec {} {}", shell_quoted(program), ARGUMENTS.join(" "));
        Handler { command, args: None, timeout: Some(TIMEOUT_SECONDS) }
    }
}

/// Returns the program a handler of ours runs: what [`entries`] writes, whatever the program's file
/// is called, or a plain call of `crewboard` that somebody wrote by hand.
///
/// Other tools may have a `hook claude` of their own. One that is not called `crewboard` is taken
/// for us only where all of it is as we write it: the absolute path, the arguments, the timeout
/// and, where a shell runs it, the `exec` and the quotes. A name alone would miss a renamed program,
/// the arguments alone would claim what is not ours.
///
/// Only a plain call is ours: a command with a pipe or a second command in it is somebody's own.
/// Variables are left as they stand.
pub fn our_program(handler: &Handler) -> Option<String> {
    let words = match &handler.args {
        Some(args) => {
            std::iter::once(handler.command.clone()).chain(args.iter().cloned()).collect()
        }
        None => shell_words(&handler.command)?,
    };
    let words = match words.split_first() {
        Some((first, rest)) if handler.args.is_none() && first == "exec" => rest,
        _ => &words,
    };
    let (program, arguments) = words.split_first()?;
    let has_our_name = Path::new(program).file_name().is_some_and(|name| name == PROGRAM);
    let ours =
        arguments.iter().eq(ARGUMENTS.iter()) && (has_our_name || is_as_written(program, handler));
    ours.then(|| program.clone())
}

/// Returns whether a handler is, to the letter, what one of our versions writes for `program`.
fn is_as_written(program: &str, found: &Handler) -> bool {
    // The newest client gets the exec form, the oldest the other.
    let forms = [None, Some(Version(0, 0, 0))].map(|version| handler(program, version));
    Path::new(program).is_absolute() && forms.contains(found)
}

/// Returns whether a handler is ours: see [`our_program`].
pub fn is_ours(handler: &Handler) -> bool {
    our_program(handler).is_some()
}

/// Returns the status line command that tells us what it is told, and is `own` for all else.
///
/// The client runs it through a shell (2.1.330); `exec` saves the shell that would only wait for us.
pub fn status_line(program: &str, own: &str) -> String {
    format!("exec {} {STATUS_LINE} -- {}", shell_quoted(program), shell_quoted(own))
}

/// Returns the program that a status line command runs, and the user's own command that it is for, if it is
/// `crewboard statusline`. One that is not called `crewboard` is ours only to the letter, as in [`our_program`].
pub fn our_status_line(command: &str) -> Option<(String, Option<String>)> {
    let words = shell_words(command)?;
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let words = words.strip_prefix(&["exec"]).unwrap_or(&words);
    let (program, own) = match words {
        [program, STATUS_LINE] => (*program, None),
        [program, STATUS_LINE, "--", own] => (*program, Some(*own)),
        _ => return None,
    };
    let has_our_name = Path::new(program).file_name().is_some_and(|name| name == PROGRAM);
    let is_as_written = own.is_some_and(|own| status_line(program, own) == command);
    let ours = has_our_name || is_as_written && Path::new(program).is_absolute();
    ours.then(|| (program.to_owned(), own.map(str::to_owned)))
}

/// Quotes a word for a POSIX shell: inside single quotes nothing but the quote itself is special.
fn shell_quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// Splits a command into words as a POSIX shell does, or gives up at anything but plain words.
fn shell_words(command: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut characters = command.chars();
    while let Some(character) = characters.next() {
        match character {
            ' ' | '\t' => words.extend(word.take()),
            '\'' => {
                let word = word.get_or_insert_default();
                loop {
                    match characters.next()? {
                        '\'' => break,
                        quoted => word.push(quoted),
                    }
                }
            }
            '"' => {
                let word = word.get_or_insert_default();
                loop {
                    match characters.next()? {
                        '"' => break,
                        '\\' => match characters.next()? {
                            escaped @ ('"' | '\\' | '$' | '`') => word.push(escaped),
                            plain => word.extend(['\\', plain]),
                        },
                        '`' => return None,
                        quoted => word.push(quoted),
                    }
                }
            }
            '\\' => word.get_or_insert_default().push(characters.next()?),
            '`' | ';' | '&' | '|' | '<' | '>' | '(' | ')' | '#' | '*' | '?' | '\n' => {
                return None;
            }
            plain => word.get_or_insert_default().push(plain),
        }
    }
    words.extend(word);
    Some(words)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::claude::NEWEST_TRIED;

    fn exec(command: &str, args: &[&str]) -> Handler {
        let args = args.iter().map(|&argument| argument.to_owned()).collect();
        Handler { command: command.to_owned(), args: Some(args), timeout: None }
    }

    fn shell(command: &str) -> Handler {
        Handler { command: command.to_owned(), args: None, timeout: None }
    }

    #[test]
    fn forbidden_events_are_not_registered() {
        for (event, reason) in NEVER {
            assert!(EVENTS.iter().all(|row| row.event != event), "{event}: {reason}");
        }
    }

    #[test]
    fn tool_call_starts_at_most_three_hooks() {
        for outcome in [ToolCall::Succeeded, ToolCall::Failed] {
            let processes = EVENTS
                .iter()
                .filter(|row| [ToolCall::Always, outcome].contains(&row.tool_call))
                .count();
            assert!(processes <= 3, "{outcome:?}: {processes}");
        }
        // The marks above are only worth something if the tool events bear them.
        for row in EVENTS.iter().filter(|row| row.event.contains("Tool")) {
            assert_ne!(row.tool_call, ToolCall::No, "{}", row.event);
        }
    }

    #[test]
    fn every_event_is_registered_once_with_a_reason() {
        for (index, row) in EVENTS.iter().enumerate() {
            assert!(!row.reason.trim().is_empty(), "{}", row.event);
            assert!(EVENTS[..index].iter().all(|other| other.event != row.event), "{}", row.event);
        }
    }

    #[test]
    fn old_client_gets_only_events_it_knows() {
        let events = |version| {
            entries("/opt/crewboard", version)
                .into_iter()
                .map(|entry| entry.event)
                .collect::<Vec<_>>()
        };
        assert_eq!(events(None).len(), EVENTS.len());
        assert_eq!(events(Some(Version(2, 1, 330))).len(), EVENTS.len());
        for newer in [Version(2, 1, 400), Version(2, 2, 0), Version(3, 0, 0)] {
            assert_eq!(entries("/x", Some(newer)), entries("/x", Some(NEWEST_TRIED)), "{newer}");
        }
        assert!(!events(Some(Version(2, 1, 77))).contains(&"StopFailure".to_owned()));
        assert!(events(Some(Version(2, 1, 78))).contains(&"StopFailure".to_owned()));
        assert!(events(Some(Version(1, 0, 37))).is_empty());
    }

    #[test]
    fn handler_form_depends_on_the_version() {
        let first = |version| entries("/it's/crewboard", version).remove(0).handler;
        assert_eq!(first(Some(EXEC_FORM_SINCE)).command, "/it's/crewboard");
        assert_eq!(first(Some(EXEC_FORM_SINCE)).args, Some(vec!["hook".into(), "claude".into()]));
        let old = first(Some(Version(2, 1, 138)));
        assert_eq!(old.command, r"exec '/it'\''s/crewboard' hook claude");
        assert_eq!(old.args, None);
    }

    #[test]
    fn both_handler_forms_are_recognised_for_any_path() {
        for path in [
            "/usr/bin/crewboard",
            "/a b/crewboard",
            "/it's $HOME/crewboard",
            "crewboard",
            "/usr/bin/crewboard-dev",
            "/it's a b/cb",
        ] {
            for version in [None, Some(Version(2, 1, 100))] {
                let handler = handler(path, version);
                assert_eq!(our_program(&handler).as_deref(), Some(path), "{handler:?}");
            }
        }
    }

    #[test]
    fn hand_written_calls_of_crewboard_are_ours() {
        let ours = [
            shell("crewboard hook claude"),
            shell(r#""/home/a b/crewboard"  hook claude "#),
            shell("$HOME/bin/crewboard hook claude"),
            shell("~/bin/crewboard hook claude"),
            shell(r"exec /home/a\ b/crewboard hook claude"),
            exec("/nix/store/x-crewboard-0.1.0/bin/crewboard", &["hook", "claude"]),
        ];
        for handler in ours {
            assert!(is_ours(&handler), "{handler:?}");
        }
        let theirs = [
            shell(""),
            shell("crewboard"),
            shell("mycrewboard hook claude"),
            shell("crewboard hook codex"),
            shell("crewboard hook claude --verbose"),
            shell("echo crewboard hook claude"),
            shell("crewboard hook claude | tee log"),
            shell("$(which crewboard) hook claude"),
            shell("'/usr/bin/crewboard hook claude"),
            exec("/usr/bin/crewboard hook claude", &[]),
            exec("/usr/bin/crewboard", &["hook"]),
            exec("exec", &["crewboard", "hook", "claude"]),
        ];
        for handler in theirs {
            assert!(!is_ours(&handler), "{handler:?}");
        }
    }

    #[test]
    fn call_of_another_tool_is_not_ours() {
        let timed = |handler| Handler { timeout: Some(TIMEOUT_SECONDS), ..handler };
        let theirs = [
            exec("/usr/bin/other", &["hook", "claude"]),
            exec("/usr/bin/crewboard-dev", &["hook", "claude"]),
            timed(exec("other", &["hook", "claude"])),
            timed(exec("/usr/bin/other", &["hook", "claude", "--now"])),
            timed(exec("/usr/bin/other", &["hooks", "claude"])),
            Handler { timeout: Some(10), ..exec("/usr/bin/other", &["hook", "claude"]) },
            shell("crewboard-dev hook claude"),
            shell("exec '/usr/bin/other' hook claude"),
            timed(shell("/usr/bin/other hook claude")),
            timed(shell("exec /usr/bin/other hook claude")),
            timed(shell("exec 'other' hook claude")),
        ];
        for handler in theirs {
            assert!(!is_ours(&handler), "{handler:?}");
        }
        for version in [None, Some(Version(2, 1, 100))] {
            assert!(is_ours(&handler("/usr/bin/other", version)));
        }
    }

    #[test]
    fn our_status_line_contains_the_users_command() {
        for own in
            ["~/.claude/line.sh", "it's \"$HOME\"\n| a & b # c", "", "-n", "crewboard statusline"]
        {
            for program in ["/usr/bin/crewboard", "/it's/cb"] {
                let found = our_status_line(&status_line(program, own));
                assert_eq!(found, Some((program.to_owned(), Some(own.to_owned()))), "{own}");
            }
        }
        let bare = Some(("crewboard".to_owned(), None));
        assert_eq!(our_status_line("crewboard statusline"), bare);
        for theirs in [
            "/usr/bin/cb statusline",
            "/usr/bin/cb statusline -- 'x'",
            "crewboard statusline | cat",
            "crewboard statusline -- a b",
            "crewboard list",
            "statusline",
            "",
        ] {
            assert_eq!(our_status_line(theirs), None, "{theirs}");
        }
    }

    #[test]
    fn version_is_read_from_the_clients_output() {
        for (text, version) in [
            ("2.1.330 (Claude Code)\n", Ok(Version(2, 1, 330))),
            ("v1.0.38", Ok(Version(1, 0, 38))),
            ("Claude Code 2.1.0-beta.2", Ok(Version(2, 1, 0))),
            ("2.1.400.7 (Claude Code)", Ok(Version(2, 1, 400))),
            ("", Err(())),
            ("claude: not found", Err(())),
            ("2.1", Err(())),
        ] {
            assert_eq!(text.parse(), version, "{text:?}");
        }
    }
}
