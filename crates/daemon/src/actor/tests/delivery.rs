//! Delivery of notifications by boards.

use super::*;

impl Stage {
    /// Connects these boards in this order. All of them accept notifications.
    fn with_boards(boards: &[ConnectionId]) -> Self {
        let mut stage = Self::new();
        for board in boards {
            stage.request(*board, subscribe(None));
            stage.drain(*board);
            stage.request(
                *board,
                Request::AcceptNotifications(AcceptNotificationsRequest { on: true }),
            );
        }
        stage
    }

    /// Asks for a notification. Returns the replies to all clients, as text.
    fn notify(&mut self) -> Vec<String> {
        let (title, text) = ("shop: done".to_owned(), "It has finished.".to_owned());
        summaries(&self.request(9, Request::Notify(NotifyRequest { title, text })))
    }

    fn acknowledge(&mut self, board: ConnectionId, id: u64) -> Vec<String> {
        summaries(&self.request(board, Request::NotificationShown(NotificationShownRequest { id })))
    }

    /// Lets time pass to the next deadline, which is `millis` away.
    fn wait(&mut self, millis: u64) -> Vec<String> {
        assert_eq!(self.actor.next_deadline(self.now()), Some(millis));
        self.micros += millis * 1000;
        let now = self.now();
        summaries(&replies(&self.actor.handle(Input::Tick, now)))
    }

    /// Returns the boards that get a notification now, and its id. They read it.
    fn delivered(&mut self) -> Vec<(ConnectionId, u64)> {
        let delivered = self.delivered_unread();
        for (board, _) in &delivered {
            self.input(Input::BatchWritten(*board));
        }
        delivered
    }

    fn delivered_unread(&mut self) -> Vec<(ConnectionId, u64)> {
        let mut delivered = Vec::new();
        for batch in self.actor.flush() {
            for line in &batch.lines {
                let line: Value = serde_json::from_slice(line).unwrap();
                if line["type"] == "notification" {
                    delivered.push((batch.connection, line["id"].as_u64().unwrap()));
                }
            }
        }
        delivered
    }
}

fn summaries(replies: &[(ConnectionId, Value)]) -> Vec<String> {
    let summary = |(asker, reply): &(ConnectionId, Value)| match reply["type"].as_str().unwrap() {
        "notify_result" => format!("{asker}: {} of {}", reply["delivered"], reply["subscribers"]),
        _ => format!("{asker}: {}", reply["code"]),
    };
    replies.iter().map(summary).collect()
}

#[test]
fn newest_board_that_reads_shows_a_notification() {
    let mut stage = Stage::new();
    assert_eq!(stage.notify(), ["9: false of 0"]);
    // A client without a subscription cannot accept notifications.
    stage.request(3, Request::AcceptNotifications(AcceptNotificationsRequest { on: true }));
    for board in [1, 2, 3] {
        stage.request(board, subscribe(None));
        assert_eq!(stage.drain(board), "snapshot, synced");
    }
    assert_eq!(stage.notify(), ["9: false of 0"]);
    for board in [1, 2] {
        stage.request(board, Request::AcceptNotifications(AcceptNotificationsRequest { on: true }));
    }
    assert_eq!(stage.notify(), [""; 0]);
    assert_eq!(stage.delivered_unread(), [(2, 3)]);
    // Board 2 has not read that yet, as far as the daemon knows.
    assert_eq!(stage.notify(), [""; 0]);
    assert_eq!(stage.delivered(), [(1, 4)]);
    assert_eq!(stage.acknowledge(1, 4), ["9: true of 1"]);
    assert_eq!(stage.acknowledge(2, 3), ["9: true of 1"]);
    stage.input(Input::BatchWritten(2));
    stage.request(2, Request::AcceptNotifications(AcceptNotificationsRequest { on: false }));
    stage.notify();
    assert_eq!(stage.delivered(), [(1, 5)]);
}

#[test]
fn another_board_gets_an_unacknowledged_notification() {
    let mut stage = Stage::with_boards(&[1, 2, 3]);
    assert_eq!(stage.notify(), [""; 0]);
    // Board 3 is stopped: the kernel has the line.
    assert_eq!(stage.delivered_unread(), [(3, 1)]);
    let now = stage.now();
    assert_eq!(stage.actor.next_deadline(now), Some(1000));
    stage.input(Input::BatchWritten(3));
    assert_eq!(stage.wait(999), [""; 0]);
    assert_eq!(stage.delivered(), [(2, 1)]);
    // A board cannot acknowledge for another.
    assert_eq!(stage.acknowledge(1, 1), [""; 0]);
    assert_eq!(stage.acknowledge(2, 1), ["9: true of 2"]);
    assert_eq!(stage.actor.next_deadline(stage.now()), None);
    // The silent board comes last until it acknowledges a notification, even a finished one.
    stage.notify();
    assert_eq!(stage.delivered(), [(2, 2)]);
    stage.acknowledge(2, 2);
    assert_eq!(stage.acknowledge(3, 1), [""; 0]);
    stage.notify();
    assert_eq!(stage.delivered(), [(3, 3)]);
    // Its acknowledgement comes late, and that of the other board is not needed.
    stage.wait(999);
    assert_eq!(stage.acknowledge(3, 3), ["9: true of 2"]);
    assert_eq!(stage.acknowledge(2, 3), [""; 0]);
}

#[test]
fn client_learns_that_no_board_showed_it() {
    let mut stage = Stage::with_boards(&[1, 2, 3, 4, 5]);
    stage.notify();
    for board in [5, 4, 3] {
        assert_eq!(stage.delivered_unread(), [(board, 1)]);
        assert_eq!(stage.wait(1000), [""; 0]);
    }
    assert_eq!(stage.delivered_unread(), [(2, 1)]);
    assert_eq!(stage.wait(1000), ["9: false of 4"]);
    // The next delivery begins with the board that is not known to be silent.
    stage.notify();
    assert_eq!(stage.delivered_unread(), [(1, 2)]);
}

#[test]
fn board_that_leaves_is_replaced_at_once() {
    let mut stage = Stage::with_boards(&[1, 2, 3]);
    stage.notify();
    assert_eq!(stage.delivered(), [(3, 1)]);
    stage.input(Input::Closed(3));
    assert_eq!(stage.delivered(), [(2, 1)]);
    stage.request(2, Request::AcceptNotifications(AcceptNotificationsRequest { on: false }));
    assert_eq!(stage.delivered(), [(1, 1)]);
    assert_eq!(summaries(&replies(&stage.input(Input::Closed(1)))), ["9: false of 3"]);
}

#[test]
fn slow_board_gets_each_notification_once() {
    let mut stage = Stage::with_boards(&[1]);
    stage.reported("a", Status::Working);
    assert_eq!(stage.flush(1), "change a:w");
    for _ in 0..2 {
        assert_eq!(stage.notify(), [""; 0]);
    }
    assert_eq!(stage.delivered_unread(), []);
    stage.input(Input::BatchWritten(1));
    assert_eq!(stage.delivered_unread(), [(1, 1), (1, 2)]);
    assert_eq!(stage.acknowledge(1, 2), ["9: true of 1"]);
    assert_eq!(stage.acknowledge(1, 1), ["9: true of 1"]);
    // A notification that could not be sent in time is not sent later.
    stage.notify();
    assert_eq!(stage.delivered_unread(), []);
    assert_eq!(stage.wait(1000), ["9: false of 1"]);
    stage.input(Input::BatchWritten(1));
    assert_eq!(stage.delivered_unread(), []);
}

#[test]
fn deliveries_are_bounded() {
    let mut stage = Stage::with_boards(&[1]);
    for _ in 0..16 {
        assert_eq!(stage.notify(), [""; 0]);
    }
    assert_eq!(stage.notify(), ["9: \"busy\""]);
}

#[test]
fn notification_is_one_clean_line() {
    let mut stage = Stage::with_boards(&[1]);
    let (title, text) = ("shop\u{1b}[31m: done\nx".to_owned(), "y".repeat(300));
    stage.request(9, Request::Notify(NotifyRequest { title, text }));
    let line = stage.actor.flush().remove(0).lines[0].clone();
    let line: Value = serde_json::from_slice(&line).unwrap();
    assert_eq!(line["title"], "shop: done");
    assert_eq!(line["text"].as_str().unwrap().len(), MAX_LINE);
}
