//! What the board asks of whoever runs it, and is told by them.

use crate::keymap::Keymap;
use crate::model::HookState;
use crate::theme::Theme;
use crate::update::navigation::{Navigation, NavigationOutcome};
use crewboard_core::Session;
use std::os::fd::BorrowedFd;

/// What the board asks of whoever runs it.
pub trait Host {
    /// Whether the agents' hooks are in place.
    fn hooks(&mut self) -> HookState;
    /// What installing them would change, or why that cannot be told.
    fn change(&mut self) -> Result<String, String>;
    /// Returns the profile that an agent uses here unless told otherwise.
    fn usual_profile(&self) -> Option<String> {
        None
    }
    /// Returns the function that writes an agent's name and version for people.
    fn describe_version(&self) -> DescribeVersion {
        plain_version
    }
    /// Installs them; what is to be said of it.
    fn install(&mut self) -> Result<String, String>;
    /// Becomes readable when the options may be others.
    fn options_watch(&self) -> Option<BorrowedFd<'_>> {
        None
    }
    /// The options, if they are others or there is something to say of them.
    fn changed_options(&mut self) -> Option<Options> {
        None
    }
    /// Sets out on an errand, and does not wait for its end.
    fn set_out(&mut self, errand: Navigation, row: &Session) -> Result<(), String>;
    /// Becomes readable when the errand is over.
    fn errand_watch(&self) -> Option<BorrowedFd<'_>> {
        None
    }
    /// What came of the errand.
    fn errand_over(&mut self) -> NavigationOutcome {
        NavigationOutcome::RunHere
    }
    /// Runs on this terminal what [`NavigationOutcome::RunHere`] left to be run, to its end.
    fn run_here(&mut self) -> Result<(), String> {
        Ok(())
    }
    /// What makes this terminal call the person before it, to be written to it.
    fn ring(&mut self, _title: &str, _text: &str) -> Vec<u8> {
        Vec::new()
    }
    /// The board leaves when an errand was done.
    fn is_for_one_errand(&self) -> bool {
        false
    }
}

/// Writes an agent's name and version for people.
pub type DescribeVersion = fn(agent: &str, version: &str) -> String;

/// Writes an agent's name and version with nothing added.
pub(crate) fn plain_version(agent: &str, version: &str) -> String {
    format!("{agent} {version}")
}

/// How the board is to look and behave.
#[derive(Debug, Clone)]
pub struct Options {
    pub theme: Theme,
    pub keymap: Keymap,
    /// The details are shown, until the user's key says otherwise.
    pub detail: bool,
    /// What is to be said of the options themselves.
    pub notice: Option<String>,
    /// What is wrong with them, the worst first.
    pub problems: Vec<String>,
}
