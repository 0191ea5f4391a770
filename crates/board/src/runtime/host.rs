//! The interface between the board and the program that runs it.

use crate::model::HookState;
use crate::model::agent_text::AgentText;
use crate::model::navigation::{Navigation, NavigationOutcome};
use crate::model::options::Options;
use crewboard_core::Session;
use std::os::fd::BorrowedFd;

/// Does everything for the board that concerns agents, terminals and files.
pub trait Host {
    /// Returns whether the agents' hooks are installed.
    fn hook_state(&mut self) -> HookState;
    /// Returns the change that an install would make, or an error.
    fn preview_install(&mut self) -> Result<String, String>;
    /// Returns the words with which a shell runs this program, for hints.
    fn program(&self) -> String {
        "crewboard".to_owned()
    }
    /// Returns the profile that an agent uses by default.
    fn default_profile(&self) -> Option<String> {
        None
    }
    /// Returns the functions that write an agent's texts.
    fn agent_text(&self) -> AgentText {
        AgentText::PLAIN
    }
    /// Installs the hooks, and returns a message for the user.
    fn install(&mut self) -> Result<String, String>;
    /// Becomes readable when the options may have changed.
    fn options_watch(&self) -> Option<BorrowedFd<'_>> {
        None
    }
    /// Returns the options if they have changed, or if they have problems.
    fn changed_options(&mut self) -> Option<Options> {
        None
    }
    /// Starts a navigation, and does not wait for its end.
    fn start_navigation(&mut self, navigation: Navigation, row: &Session) -> Result<(), String>;
    /// Becomes readable when the navigation has ended.
    fn navigation_watch(&self) -> Option<BorrowedFd<'_>> {
        None
    }
    /// Returns the outcome of the navigation.
    fn navigation_outcome(&mut self) -> NavigationOutcome {
        NavigationOutcome::RunHere
    }
    /// Starts to read the screen of a session's pane, and does not wait for it.
    fn start_peek(&mut self, row: &Session) -> Result<(), String>;
    /// Becomes readable when the screen has been read.
    fn peek_watch(&self) -> Option<BorrowedFd<'_>> {
        None
    }
    /// Returns the lines of the screen, cleaned, or the reason why there is none.
    fn peek_outcome(&mut self) -> Result<Vec<String>, String> {
        Ok(Vec::new())
    }
    /// Runs on this terminal the command that [`NavigationOutcome::RunHere`] stands for, and waits for its end.
    fn run_here(&mut self) -> Result<(), String> {
        Ok(())
    }
    /// Returns the bytes that make this terminal show a notification.
    fn notification_bytes(&mut self, _title: &str, _text: &str) -> Vec<u8> {
        Vec::new()
    }
    /// Returns what the user must know about the clipboard of this terminal, to stand behind a notice.
    fn clipboard_hint(&self) -> &'static str {
        ""
    }
    /// Returns true if the board quits after a jump.
    fn quits_after_jump(&self) -> bool {
        false
    }
}
