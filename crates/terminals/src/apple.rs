//! The terminals of macOS, through `AppleScript`. Not yet tried on a Mac.
//!
//! The scripts are always the same; what they look for is a word of their own, which nothing expands.
//! Sources: iTerm2's and Terminal's scripting dictionaries, and Ghostty's, whose terminals have a `tty` in
//! versions after 1.3.0 (`ScriptTerminal.swift`).

use super::focus::{Found, Target};
use super::system::{Command, CommandError, System, TerminalError};
use crewboard_core::Pane;

/// By the session's UUID; window, tab and pane numbers change.
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

/// Terminal.app.
pub(super) const TERMINAL: &str = r#"on run argv
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

/// Ghostty.
pub(super) const GHOSTTY: &str = r#"on run argv
  tell application "Ghostty"
    repeat with t in terminals
      if tty of t is item 1 of argv then
        focus t
        return "shown"
      end if
    end repeat
  end tell
end run"#;

pub(super) fn focus_iterm2(pane: &Pane, system: &mut dyn System) -> Result<Found, TerminalError> {
    // Such as `w0t0p0:2F1C…`.
    let session = pane.pane.as_deref().unwrap_or_default();
    let id = session.rsplit(':').next().unwrap_or_default();
    run(ITERM2, id, system)
}

pub(super) fn focus_by_tty(
    script: &str,
    target: Target<'_>,
    system: &mut dyn System,
) -> Result<Found, TerminalError> {
    match &target.place.tty {
        Some(tty) => run(script, tty, system),
        None => Err(TerminalError::new("its terminal device is not known")),
    }
}

fn run(script: &str, wanted: &str, system: &mut dyn System) -> Result<Found, TerminalError> {
    // It is never an option: a device's path, or a UUID.
    if !wanted.starts_with(|character: char| character == '/' || character.is_ascii_hexdigit()) {
        return Err(TerminalError::new(format!("{wanted:?} names no window of its terminal")));
    }
    match system.run(&Command::new(["osascript", "-e", script, wanted])) {
        Ok(said) if said.trim() == "shown" => Ok(Found::Shown),
        Ok(_) => Err(TerminalError::new(format!("no window of its terminal has {wanted}"))),
        Err(CommandError::NotFound) => Err(TerminalError::new(format!(
            "its terminal takes no commands here: look for {wanted}"
        ))),
        Err(refusal) => Err(TerminalError::of("osascript", refusal)),
    }
}
