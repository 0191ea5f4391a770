//! Connects the board to the daemon, reads its events, and sends the requests of a clock tick.

use super::{EventLoop, MIN_RETRY_PAUSE};
use crate::layout::rows_to_check;
use crate::model::ConnectionState;
use crate::runtime::terminal::Screen;
use crate::update::{Message, update};
use crewboard_client::SubscriptionEvent;
use crewboard_platform::Deadline;
use crewboard_protocol::{LookRequest, NotificationShownRequest, Request};
use std::time::{Duration, Instant};

/// The time limit of one attempt to find or start a daemon. No key is read meanwhile.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(150);

/// The longest pause: a board that finds no daemon all day must not keep the machine awake.
const MAX_RETRY_PAUSE: Duration = Duration::from_secs(8);

/// The daemon is shown as unresponsive if a reply takes longer.
const REPLY_TIMEOUT: Duration = Duration::from_secs(1);

/// A clock tick pings the daemon if the last event is older than this. A screen without a clock or a working agent sends
/// no ping, because nothing on it claims to be current.
const PING_AFTER: Duration = Duration::from_secs(5);

impl EventLoop<'_> {
    pub(super) fn read_events(&mut self) {
        (self.last_event, self.reply_deadline) = (Instant::now(), None);
        update(&mut self.model, Message::Responsive, self.clock.now().wall);
        match self.subscription.ready() {
            Ok(events) => {
                for event in events {
                    self.apply_event(event);
                }
            }
            Err(error) => self.disconnect(&error.to_string()),
        }
    }

    fn apply_event(&mut self, event: SubscriptionEvent) {
        let now = self.clock.now().wall;
        let message = match event {
            SubscriptionEvent::Synced => {
                Message::Rows(self.subscription.rows().values().cloned().collect())
            }
            SubscriptionEvent::Changed { row, .. } => {
                match self.subscription.rows().get(&row.key) {
                    // The subscription's row has the history, which the change does not carry.
                    Some(known) => Message::Row(Box::new(known.clone())),
                    None => return,
                }
            }
            SubscriptionEvent::Removed(key) => Message::Removed(key),
            SubscriptionEvent::RateLimits => {
                Message::RateLimits(self.subscription.limits().to_vec())
            }
            SubscriptionEvent::DroppedEvents(dropped_events) => {
                Message::DroppedEvents(dropped_events)
            }
            SubscriptionEvent::Notification { id, title, text } => {
                let bytes = self.host.notification_bytes(&title, &text);
                // After an error another client shows the notification; a lost terminal ends the board anyway.
                if Screen::send(&bytes).is_ok()
                    && let Some(id) = id
                {
                    let _ = self
                        .subscription
                        .send(&Request::NotificationShown(NotificationShownRequest { id }));
                }
                return;
            }
            SubscriptionEvent::Version(problem) => Message::Version(problem),
            SubscriptionEvent::Disconnected => {
                return self.disconnect("the daemon closed the connection");
            }
            SubscriptionEvent::Unreachable(why) => return self.disconnect(&why),
        };
        update(&mut self.model, message, now);
    }

    pub(super) fn disconnect(&mut self, why: &str) {
        let now = self.clock.now().wall;
        update(&mut self.model, Message::Disconnected(why.to_owned()), now);
        self.subscription.forget_connection();
        self.reply_deadline = None;
        self.connect_at = Some(Instant::now());
    }

    pub(super) fn connect(&mut self) {
        match self.subscription.connect(Deadline::after(CONNECT_TIMEOUT)) {
            Ok(()) => {
                (self.connect_at, self.retry_pause) = (None, MIN_RETRY_PAUSE);
                // The daemon must send all rows.
                self.reply_deadline = Some(Instant::now() + REPLY_TIMEOUT);
            }
            Err(error) => {
                let now = self.clock.now().wall;
                update(&mut self.model, Message::Disconnected(error.to_string()), now);
                self.connect_at = Some(Instant::now() + self.retry_pause);
                self.retry_pause = (self.retry_pause * 2).min(MAX_RETRY_PAUSE);
            }
        }
    }

    /// Sends the requests that are due at a clock tick. Errors are ignored, because the next tick sends them again.
    pub(super) fn send_tick_requests(&mut self) {
        if self.model.connection != ConnectionState::Connected {
            // A daemon that does not read would let the connection fill up.
            return;
        }
        if self.last_event.elapsed() >= PING_AFTER {
            self.ping();
        }
        self.last_process_check = Instant::now();
        let rows = rows_to_check(&self.model);
        if !rows.is_empty() {
            let _ = self.subscription.send(&Request::Look(LookRequest { rows: Some(rows) }));
        }
    }

    /// Sends a request that the daemon must reply to, unless a reply is pending already.
    pub(super) fn ping(&mut self) {
        if self.reply_deadline.is_none() && self.subscription.send(&Request::HELLO).is_ok() {
            self.reply_deadline = Some(Instant::now() + REPLY_TIMEOUT);
        }
    }
}
