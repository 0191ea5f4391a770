//! The terminals of macOS, through `AppleScript`. Not yet tried on a Mac.
//!
//! The scripts are constant. The id that they look for is an argument, which nothing expands.
//! Sources: the scripting dictionaries of iTerm2, Terminal and Ghostty. Ghostty's terminals have a `tty` in versions
//! after 1.3.0 (`ScriptTerminal.swift`).

use crate::system::{Command, CommandError, TerminalError};
use crate::target::{Context, PaneOutcome};
use crewboard_core::Pane;

/// Finds the session by its UUID, because the numbers of windows, tabs and panes change.
const ITERM2: &str = r#"on run argv
  tell application "iTerm2"
    repeat with w in windows
      repeat with t in tabs of w
        repeat with s in sessions of t
          if id of s is item 1 of argv then
            select w
            select t
            select s
            activate
            return "shown"
          end if
        end repeat
      end repeat
    end repeat
  end tell
end run"#;

/// Finds a tab of Terminal.app by its tty.
pub(crate) const TERMINAL: &str = r#"on run argv
  tell application "Terminal"
    repeat with w in windows
      repeat with t in tabs of w
        if tty of t is item 1 of argv then
          set selected tab of w to t
          set index of w to 1
          activate
          return "shown"
        end if
      end repeat
    end repeat
  end tell
end run"#;

/// Finds a terminal of Ghostty by its tty.
pub(crate) const GHOSTTY: &str = r#"on run argv
  tell application "Ghostty"
    repeat with t in terminals
      if tty of t is item 1 of argv then
        focus t
        return "shown"
      end if
    end repeat
  end tell
end run"#;

pub(crate) fn focus_iterm2(
    pane: &Pane,
    context: &mut Context<'_>,
) -> Result<PaneOutcome, TerminalError> {
    // The variable looks like `w0t0p0:2F1C…`.
    let session = pane.pane.as_deref().unwrap_or_default();
    let id = session.rsplit(':').next().unwrap_or_default();
    run(ITERM2, id, context)
}

pub(crate) fn focus_by_tty(
    script: &str,
    context: &mut Context<'_>,
) -> Result<PaneOutcome, TerminalError> {
    match &context.target.place.tty {
        Some(tty) => run(script, tty, context),
        None => Err(TerminalError::new("its terminal device is unknown")),
    }
}

fn run(script: &str, id: &str, context: &mut Context<'_>) -> Result<PaneOutcome, TerminalError> {
    // `osascript` must not read the id as an option. It is the path of a device, or a UUID.
    if !id.starts_with(|character: char| character == '/' || character.is_ascii_hexdigit()) {
        return Err(TerminalError::new(format!("{id:?} is not the id of a window")));
    }
    match context.system.run(&Command::new(["osascript", "-e", script, id])) {
        Ok(output) if output.trim() == "shown" => Ok(PaneOutcome::Shown),
        Ok(_) => Err(TerminalError::new(format!("its terminal has no window with {id}"))),
        Err(CommandError::NotFound) => {
            Err(TerminalError::new("its terminal accepts no commands on this system")
                .hint(format!("look for {id}")))
        }
        Err(error) => Err(TerminalError::from_command("osascript", error)),
    }
}
