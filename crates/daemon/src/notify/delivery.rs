//! Delivery of notifications by boards. Writing a line to a connection proves nothing, because a stopped board
//! leaves it unread. So a board acknowledges each notification, and one that does not is replaced by another.

use crate::ids::ConnectionId;
use crate::outbox::batch::Line;
use crate::outbox::subscribers::Subscribers;
use crewboard_core::Now;
use crewboard_protocol::{ErrorCode, Reply};

/// Milliseconds in which a board has to acknowledge a notification. After that another board gets it.
const ACKNOWLEDGE_WITHIN: u64 = 1000;

/// Boards that get the same notification in turn. The client that asked waits for the last of them.
const MAX_ATTEMPTS: usize = 4;

/// Deliveries in progress at once.
const MAX_DELIVERIES: usize = 16;

/// A reply to the client that asked for a notification. It says whether a board has shown the notification, and how many
/// boards got it.
pub(crate) type NotifyReply = (ConnectionId, Reply);

/// All deliveries in progress, and the boards that accept notifications.
#[derive(Debug, Default)]
pub(crate) struct Deliveries {
    /// The newest last.
    boards: Vec<Board>,
    open: Vec<Delivery>,
    last_id: u64,
}

/// A subscriber that accepts notifications.
#[derive(Debug)]
struct Board {
    connection: ConnectionId,
    /// The board did not acknowledge the last notification in time.
    is_silent: bool,
}

/// A notification that no board has acknowledged yet.
#[derive(Debug)]
struct Delivery {
    id: u64,
    line: Line,
    /// The client that asked for the notification.
    asker: ConnectionId,
    /// The boards that got it, the present one last.
    attempts: Vec<ConnectionId>,
    /// The deadline of the present board, in microseconds since boot.
    deadline: u64,
}

impl Deliveries {
    /// Notes that a board accepts notifications from now on, or no longer does.
    pub(crate) fn accept(&mut self, connection: ConnectionId, on: bool) {
        self.remove(connection);
        if on {
            self.boards.push(Board { connection, is_silent: false });
        }
    }

    /// Removes a board. Its open deliveries become due for another one.
    pub(crate) fn remove(&mut self, connection: ConnectionId) {
        self.boards.retain(|board| board.connection != connection);
        let own = |delivery: &&mut Delivery| delivery.attempts.last() == Some(&connection);
        for delivery in self.open.iter_mut().filter(own) {
            delivery.deadline = 0;
        }
    }

    /// Starts a delivery. [`Deliveries::reassign`] chooses the board. Returns an error reply if too many are open.
    pub(crate) fn start(
        &mut self,
        asker: ConnectionId,
        title: String,
        text: String,
    ) -> Option<NotifyReply> {
        if self.open.len() == MAX_DELIVERIES {
            let message = format!("{MAX_DELIVERIES} notifications are being delivered already");
            return Some((asker, Reply::Error { code: ErrorCode::Busy, message }));
        }
        self.last_id += 1;
        let id = self.last_id;
        let line = Reply::Notification { id: Some(id), title, text }.encode().into();
        self.open.push(Delivery { id, line, asker, attempts: Vec::new(), deadline: 0 });
        None
    }

    /// Ends a delivery that a board has acknowledged. Returns the reply for the client that asked.
    pub(crate) fn acknowledge(&mut self, connection: ConnectionId, id: u64) -> Option<NotifyReply> {
        for board in self.boards.iter_mut().filter(|board| board.connection == connection) {
            board.is_silent = false;
        }
        let is_acknowledged =
            |delivery: &Delivery| delivery.id == id && delivery.attempts.contains(&connection);
        let index = self.open.iter().position(is_acknowledged)?;
        Some(self.open.remove(index).reply(true))
    }

    /// Returns the milliseconds until [`Deliveries::reassign`] has something to do.
    pub(crate) fn next_deadline(&self, now: Now) -> Option<u64> {
        let first = self.open.iter().map(|delivery| delivery.deadline).min()?;
        Some(first.saturating_sub(now.stamp.micros).div_ceil(1000))
    }

    /// Gives each due delivery to the next board. Boards that acknowledged the last notification come first, then boards
    /// that have read all their lines, then the newest. Returns the replies about notifications that no board has shown.
    pub(crate) fn reassign(&mut self, subscribers: &mut Subscribers, now: Now) -> Vec<NotifyReply> {
        let mut failed = Vec::new();
        let Self { boards, open, .. } = self;
        open.retain_mut(|delivery| {
            if delivery.deadline > now.stamp.micros {
                return true;
            }
            if let Some(silent) = delivery.attempts.last() {
                subscribers.withdraw_notification(*silent, delivery.id);
                if let Some(board) = boards.iter_mut().find(|board| board.connection == *silent) {
                    board.is_silent = true;
                }
            }
            let untried =
                boards.iter().filter(|board| !delivery.attempts.contains(&board.connection));
            let next = untried
                .filter_map(|board| {
                    let is_idle = subscribers.is_idle(board.connection)?;
                    Some((!board.is_silent, is_idle, board.connection))
                })
                .max_by_key(|(acknowledges, is_idle, _)| (*acknowledges, *is_idle));
            let Some((_, _, board)) = next.filter(|_| delivery.attempts.len() < MAX_ATTEMPTS)
            else {
                failed.push(delivery.reply(false));
                return false;
            };
            subscribers.push_notification(board, delivery.id, Line::clone(&delivery.line));
            delivery.attempts.push(board);
            delivery.deadline = now.stamp.micros + ACKNOWLEDGE_WITHIN * 1000;
            true
        });
        failed
    }
}

impl Delivery {
    fn reply(&self, delivered: bool) -> NotifyReply {
        (self.asker, Reply::NotifyResult { delivered, subscribers: self.attempts.len() as u64 })
    }
}
