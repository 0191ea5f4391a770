//! Which view calls a person, and whether it did.

use super::*;

impl Stage {
    /// With these views, all of which can call a person, in this order.
    fn with_attendants(views: &[ConnectionId]) -> Self {
        let mut stage = Self::new();
        for view in views {
            stage.ask(*view, subscribe(None));
            stage.drain(*view);
            stage.ask(*view, Request::Attend { on: true });
        }
        stage
    }

    /// Somebody announces; the answers to anybody, in short.
    fn announce(&mut self) -> Vec<String> {
        let (title, text) = ("shop: done".to_owned(), "It has finished.".to_owned());
        answers(&self.ask(9, Request::Announce { title, text }))
    }

    fn told(&mut self, view: ConnectionId, id: u64) -> Vec<String> {
        answers(&self.ask(view, Request::Told { id }))
    }

    /// Goes on to the next deadline, which is so many milliseconds away.
    fn wait(&mut self, millis: u64) -> Vec<String> {
        assert_eq!(self.actor.next_deadline(self.now()), Some(millis));
        self.micros += millis * 1000;
        let now = self.now();
        answers(&replies(&self.actor.handle(Input::Tick, now)))
    }

    /// Who is to tell something now, and its number. All have read it.
    fn called(&mut self) -> Vec<(ConnectionId, u64)> {
        let called = self.called_unread();
        for (view, _) in &called {
            self.input(Input::Drained(*view));
        }
        called
    }

    fn called_unread(&mut self) -> Vec<(ConnectionId, u64)> {
        let mut called = Vec::new();
        for batch in self.actor.flush() {
            for line in &batch.lines {
                let line: Value = serde_json::from_slice(line).unwrap();
                if line["type"] == "announcement" {
                    called.push((batch.connection, line["id"].as_u64().unwrap()));
                }
            }
        }
        called
    }
}

fn answers(replies: &[(ConnectionId, Value)]) -> Vec<String> {
    let answer = |(asker, reply): &(ConnectionId, Value)| match reply["type"].as_str().unwrap() {
        "announced" => format!("{asker}: {} of {}", reply["delivered"], reply["asked"]),
        _ => format!("{asker}: {}", reply["code"]),
    };
    replies.iter().map(answer).collect()
}

#[test]
fn the_latest_view_that_can_and_reads_calls_the_person() {
    let mut stage = Stage::new();
    assert_eq!(stage.announce(), ["9: false of 0"]);
    // Who gets no pushes cannot.
    stage.ask(3, Request::Attend { on: true });
    for view in [1, 2, 3] {
        stage.ask(view, subscribe(None));
        assert_eq!(stage.drain(view), "snapshot, synced");
    }
    assert_eq!(stage.announce(), ["9: false of 0"]);
    for view in [1, 2] {
        stage.ask(view, Request::Attend { on: true });
    }
    assert_eq!(stage.announce(), [""; 0]);
    assert_eq!(stage.called_unread(), [(2, 3)]);
    // It has not read that yet, as far as is known.
    assert_eq!(stage.announce(), [""; 0]);
    assert_eq!(stage.called(), [(1, 4)]);
    assert_eq!(stage.told(1, 4), ["9: true of 1"]);
    assert_eq!(stage.told(2, 3), ["9: true of 1"]);
    stage.input(Input::Drained(2));
    stage.ask(2, Request::Attend { on: false });
    stage.announce();
    assert_eq!(stage.called(), [(1, 5)]);
}

#[test]
fn what_a_view_does_not_say_that_it_told_another_is_to_tell() {
    let mut stage = Stage::with_attendants(&[1, 2, 3]);
    assert_eq!(stage.announce(), [""; 0]);
    // As one that is stopped: the kernel has it.
    assert_eq!(stage.called_unread(), [(3, 1)]);
    let now = stage.now();
    assert_eq!(stage.actor.next_deadline(now), Some(1000));
    stage.input(Input::Drained(3));
    assert_eq!(stage.wait(999), [""; 0]);
    assert_eq!(stage.called(), [(2, 1)]);
    // Nobody else says it for another.
    assert_eq!(stage.told(1, 1), [""; 0]);
    assert_eq!(stage.told(2, 1), ["9: true of 2"]);
    assert_eq!(stage.actor.next_deadline(stage.now()), None);
    // Who was silent comes last until it speaks, be it of what is over.
    stage.announce();
    assert_eq!(stage.called(), [(2, 2)]);
    stage.told(2, 2);
    assert_eq!(stage.told(3, 1), [""; 0]);
    stage.announce();
    assert_eq!(stage.called(), [(3, 3)]);
    // It comes after all, and the other need not.
    stage.wait(999);
    assert_eq!(stage.told(3, 3), ["9: true of 2"]);
    assert_eq!(stage.told(2, 3), [""; 0]);
}

#[test]
fn where_nobody_tells_it_whoever_asked_hears_so() {
    let mut stage = Stage::with_attendants(&[1, 2, 3, 4, 5]);
    stage.announce();
    for view in [5, 4, 3] {
        assert_eq!(stage.called_unread(), [(view, 1)]);
        assert_eq!(stage.wait(1000), [""; 0]);
    }
    assert_eq!(stage.called_unread(), [(2, 1)]);
    assert_eq!(stage.wait(1000), ["9: false of 4"]);
    // The next one begins with whoever is not known to be silent.
    stage.announce();
    assert_eq!(stage.called_unread(), [(1, 2)]);
}

#[test]
fn of_a_view_that_goes_nothing_is_expected() {
    let mut stage = Stage::with_attendants(&[1, 2, 3]);
    stage.announce();
    assert_eq!(stage.called(), [(3, 1)]);
    stage.input(Input::Closed(3));
    assert_eq!(stage.called(), [(2, 1)]);
    stage.ask(2, Request::Attend { on: false });
    assert_eq!(stage.called(), [(1, 1)]);
    assert_eq!(answers(&replies(&stage.input(Input::Closed(1)))), ["9: false of 3"]);
}

#[test]
fn nothing_is_lost_on_a_view_that_reads_slowly_and_nothing_told_twice() {
    let mut stage = Stage::with_attendants(&[1]);
    stage.reported("a", Status::Working);
    assert_eq!(stage.flush(1), "change a:w");
    for _ in 0..2 {
        assert_eq!(stage.announce(), [""; 0]);
    }
    assert_eq!(stage.called_unread(), []);
    stage.input(Input::Drained(1));
    assert_eq!(stage.called_unread(), [(1, 1), (1, 2)]);
    assert_eq!(stage.told(1, 2), ["9: true of 1"]);
    assert_eq!(stage.told(1, 1), ["9: true of 1"]);
    // What it could not be given in time it is not given later.
    stage.announce();
    assert_eq!(stage.called_unread(), []);
    assert_eq!(stage.wait(1000), ["9: false of 1"]);
    stage.input(Input::Drained(1));
    assert_eq!(stage.called_unread(), []);
}

#[test]
fn calls_have_a_bound() {
    let mut stage = Stage::with_attendants(&[1]);
    for _ in 0..16 {
        assert_eq!(stage.announce(), [""; 0]);
    }
    assert_eq!(stage.announce(), ["9: \"busy\""]);
}

#[test]
fn what_is_to_be_told_is_one_clean_line() {
    let mut stage = Stage::with_attendants(&[1]);
    let (title, text) = ("shop\u{1b}[31m: done\nx".to_owned(), "y".repeat(300));
    stage.ask(9, Request::Announce { title, text });
    let line = stage.actor.flush().remove(0).lines[0].clone();
    let line: Value = serde_json::from_slice(&line).unwrap();
    assert_eq!(line["title"], "shop: done");
    assert_eq!(line["text"].as_str().unwrap().len(), MAX_LINE);
}
