//! Runs the effects that an update returns.

use super::EventLoop;
use crate::model::HookState;
use crate::model::navigation::NavigationOutcome;
use crate::runtime::terminal::Screen;
use crate::update::{Effect, Message};
use crewboard_client::ConnectionError;
use crewboard_protocol::{DroppedEventsSeenRequest, MarkRequest, Request};
use std::io;

impl EventLoop<'_> {
    pub(super) fn run_effect(&mut self, effect: Effect) -> io::Result<()> {
        match effect {
            Effect::Mark { row, mark } => {
                let sent: Result<(), ConnectionError> =
                    self.subscription.send(&Request::Mark(MarkRequest { row, mark }));
                match sent {
                    Ok(()) => self.ping(),
                    Err(error) => self.disconnect(&error.to_string()),
                }
            }
            Effect::Copy { word, text } => {
                let code = crate::format::base64::encode(text.as_bytes());
                Screen::send(format!("\x1b]52;c;{code}\x1b\\").as_bytes())?;
                let hint = self.host.clipboard_hint();
                self.apply(Message::Notice(format!("Copied the {word}: {text}{hint}")))?;
            }
            Effect::DroppedEventsSeen(count) => {
                // If this fails, the next key sends it again.
                let _ = self
                    .subscription
                    .send(&Request::DroppedEventsSeen(DroppedEventsSeenRequest { count }));
            }
            Effect::PreviewInstall if self.host.hook_state() == HookState::Installed => {
                self.apply(Message::Installed(Ok("The hooks are already installed.".to_owned())))?;
            }
            Effect::PreviewInstall => {
                let change = self.host.preview_install();
                self.apply(Message::InstallPreview(change))?;
            }
            Effect::Install => {
                let installed = self.host.install();
                self.apply(Message::Installed(installed))?;
            }
            Effect::Peek(row) => {
                if let Err(why) = self.host.start_peek(&row) {
                    self.apply(Message::Peeked(Err(why)))?;
                }
            }
            Effect::Navigate { navigation, row } => {
                if let Err(why) = self.host.start_navigation(navigation, &row) {
                    self.apply(Message::Navigated(NavigationOutcome::Failed(why)))?;
                }
            }
            Effect::RunHere => {
                self.screen.release();
                self.subscription.accept_notifications(false);
                let result = self.host.run_here();
                self.subscription.accept_notifications(true);
                self.resume()?;
                self.apply(Message::Navigated(
                    result.map_or_else(NavigationOutcome::Failed, |()| {
                        NavigationOutcome::Shown(String::new())
                    }),
                ))?;
            }
            Effect::Redraw => self.screen.invalidate()?,
            Effect::Suspend => self.suspend()?,
            Effect::Quit => self.quits = true,
        }
        Ok(())
    }
}
