//! Writes the commands that Claude Code runs for Crewboard, and recognises them: hook handlers and the status line.

use crate::Version;
use crate::hook_command::{PROGRAM, program_of};
use crate::settings_edit::Handler;
use crate::shell_words::{shell_quoted, shell_words};
use std::path::Path;

/// The first version that runs a program without a shell if the handler has `args`.
pub const EXEC_FORM_SINCE: Version = Version(2, 1, 139);

/// The seconds after which Claude Code kills a hook: far longer than the hook's own deadline, far shorter than the
/// default of ten minutes. Installed entries are recognised by this number, so a change here must still recognise the
/// old number.
const TIMEOUT_SECONDS: u32 = 5;

const STATUS_LINE: &str = "statusline";

const ARGUMENTS: [&str; 2] = ["hook", "claude"];

/// Returns the handler that runs the hook in a client of this version; `None` means the newest version.
pub(super) fn handler(program: &str, version: Option<Version>) -> Handler {
    if version.is_none_or(|version| EXEC_FORM_SINCE <= version) {
        let args = ARGUMENTS.map(str::to_owned).to_vec();
        Handler { command: program.to_owned(), args: Some(args), timeout: Some(TIMEOUT_SECONDS) }
    } else {
        // Without `exec` a shell would wait for the hook.
        let command = format!("exec {} {}", shell_quoted(program), ARGUMENTS.join(" "));
        Handler { command, args: None, timeout: Some(TIMEOUT_SECONDS) }
    }
}

/// Returns the program that a handler runs if the handler is ours: one that `handler` wrote for a program of any name,
/// or a plain call of `crewboard` that the user wrote.
///
/// Another tool may have a command `hook claude` too. A program with another name than `crewboard` is ours only if the
/// whole handler is as Crewboard writes it: the absolute path, the arguments, the timeout and, in a shell command, the
/// `exec` and the quotes. The name alone would miss a renamed program, and the arguments alone would match other tools.
///
/// Only a plain call is ours: a command with a pipe or a second command belongs to the user. Variables are not expanded.
pub fn our_program(handler: &Handler) -> Option<String> {
    program_of(handler, ARGUMENTS, is_as_written)
}

/// Returns true if Crewboard writes exactly this handler for `program`.
fn is_as_written(program: &str, found: &Handler) -> bool {
    // The newest client gets the form without a shell, the oldest client the form with a shell.
    let forms = [None, Some(Version(0, 0, 0))].map(|version| handler(program, version));
    Path::new(program).is_absolute() && forms.contains(found)
}

/// Returns true if a handler is ours: see [`our_program`].
pub fn is_ours(handler: &Handler) -> bool {
    our_program(handler).is_some()
}

/// Returns the status line command that forwards the payload to Crewboard and then runs the user's own command.
///
/// The client runs the command in a shell (2.1.330). Without `exec` that shell would wait for Crewboard.
pub fn status_line(program: &str, own: &str) -> String {
    format!("exec {} {STATUS_LINE} -- {}", shell_quoted(program), shell_quoted(own))
}

/// Returns the program and the user's own command of a status line command, if the command is `crewboard statusline`. A
/// program with another name is ours only if the whole command is as Crewboard writes it, as in [`our_program`].
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

#[cfg(test)]
mod tests {
    use super::*;

    fn exec(command: &str, args: &[&str]) -> Handler {
        let args = args.iter().map(|&argument| argument.to_owned()).collect();
        Handler { command: command.to_owned(), args: Some(args), timeout: None }
    }

    fn shell(command: &str) -> Handler {
        Handler { command: command.to_owned(), args: None, timeout: None }
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
}
