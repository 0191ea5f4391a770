//! Decides which terminals get the reports of the program: Crewboard alone, or the user's terminal too.
//!
//! A program asks its terminal if it knows the protocol, and often asks for device attributes next, which every terminal
//! answers. So the query is answered at once. It is passed on too: if the user's terminal answers, that answer is taken
//! out of the input, and the terminal gets the reports from then on. Until then it gets none, as a terminal that does not
//! know the protocol should not.

use crate::buffer::Buffer;
use crate::record::{Sequence, parse};
use crate::scanner::{Piece, Scanner};
use std::time::{Duration, Instant};

/// The query, with which a terminal also answers.
const QUERY: &[u8] = b"\x1b]7501;?\x1b\\";

/// Time for the user's terminal to answer. A later answer reaches the program, which has got one already.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);

/// Time for the end of an answer that has begun. The beginning is held until then; it may be a key (Alt and `]`).
const ANSWER_END_WITHIN: Duration = Duration::from_millis(50);

/// Maximum bytes of reports that wait for the answer of the user's terminal.
const MAX_WITHHELD: usize = 16 * 1024;

/// Answers that the program gets without a pause. A terminal that echoes control characters would otherwise repeat
/// answer and query for ever.
const MAX_ANSWERS: u32 = 16;
const ANSWER_INTERVAL: Duration = Duration::from_secs(1);

/// The user's terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outer {
    /// Nothing is known.
    Unknown,
    /// It got the query.
    Queried { until: Instant },
    /// It knows the protocol.
    Supported,
    /// It did not answer.
    Unsupported,
}

#[derive(Debug)]
pub(crate) struct Handshake {
    outer: Outer,
    /// Reports since the user's terminal was asked.
    withheld: Vec<u8>,
    input: Scanner,
    answers: u32,
    last_answer: Option<Instant>,
}

impl Default for Handshake {
    fn default() -> Self {
        Self {
            outer: Outer::Unknown,
            withheld: Vec::new(),
            input: Scanner::default(),
            answers: MAX_ANSWERS,
            last_answer: None,
        }
    }
}

impl Handshake {
    /// Handles a query of the program: passes it on to the terminal, and answers it unless the terminal does.
    pub(crate) fn handle_query(
        &mut self,
        raw: &[u8],
        now: Instant,
        (to_terminal, to_program): (&mut Buffer, &mut Buffer),
    ) {
        to_terminal.push(raw);
        if self.outer == Outer::Supported {
            return;
        }
        self.outer = Outer::Queried { until: now + ANSWER_WITHIN };
        if self.take_answer(now) {
            // The answer ends as the query does.
            to_program.push(raw);
        }
    }

    /// Handles a report of the program: passes it on if the terminal wants it.
    pub(crate) fn handle_report(&mut self, raw: &[u8], now: Instant, to_terminal: &mut Buffer) {
        match self.outer {
            Outer::Supported => to_terminal.push(raw),
            Outer::Unsupported => {}
            Outer::Unknown => {
                // Some programs report without a query.
                to_terminal.push(QUERY);
                self.outer = Outer::Queried { until: now + ANSWER_WITHIN };
                self.withhold(raw);
            }
            Outer::Queried { until } if now < until => self.withhold(raw),
            Outer::Queried { .. } => self.give_up(),
        }
    }

    /// Passes the user's input on to the program, without the answer of the terminal.
    pub(crate) fn pass_input(
        &mut self,
        bytes: &[u8],
        now: Instant,
        (to_terminal, to_program): (&mut Buffer, &mut Buffer),
    ) {
        if !self.awaits_answer(now) && !self.input.is_holding() {
            to_program.push(bytes);
            return;
        }
        let (outer, withheld) = (&mut self.outer, &mut self.withheld);
        self.input.feed(bytes, &mut |piece| match piece {
            Piece::Bytes(bytes) => to_program.push(bytes),
            Piece::Status { body, .. } if parse(body) == Some(Sequence::Query) => {
                *outer = Outer::Supported;
                to_terminal.push(withheld);
                *withheld = Vec::new();
            }
            Piece::Status { raw, .. } => to_program.push(raw),
            Piece::PromptStart | Piece::Reset => {}
        });
        // An ESC alone is a key, and must not wait.
        if !self.input.is_holding_more_than_escape() {
            self.flush_input(to_program);
        }
    }

    /// Passes on the beginning of an answer that does not go on.
    pub(crate) fn flush_input(&mut self, to_program: &mut Buffer) {
        self.input.flush(&mut |piece| {
            if let Piece::Bytes(bytes) = piece {
                to_program.push(bytes);
            }
        });
    }

    /// Returns how long the input that is held back waits for more.
    pub(crate) fn input_timeout(&self) -> Option<Duration> {
        self.input.is_holding().then_some(ANSWER_END_WITHIN)
    }

    fn awaits_answer(&mut self, now: Instant) -> bool {
        match self.outer {
            Outer::Queried { until } if now < until => true,
            Outer::Queried { .. } => {
                self.give_up();
                false
            }
            _ => false,
        }
    }

    fn give_up(&mut self) {
        self.outer = Outer::Unsupported;
        self.withheld = Vec::new();
    }

    fn withhold(&mut self, raw: &[u8]) {
        // Only the newest reports count.
        if self.withheld.len() + raw.len() > MAX_WITHHELD {
            self.withheld.clear();
        }
        self.withheld.extend_from_slice(raw);
    }

    /// Returns true if another answer may be given now.
    fn take_answer(&mut self, now: Instant) -> bool {
        if self.last_answer.is_none_or(|last| now - last >= ANSWER_INTERVAL) {
            self.answers = MAX_ANSWERS;
        }
        self.last_answer = Some(now);
        let may_answer = self.answers > 0;
        self.answers = self.answers.saturating_sub(1);
        may_answer
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REPORT: &[u8] = b"\x1b]7501;state=idle\x07";

    /// A handshake with both directions.
    #[derive(Default)]
    struct Stage {
        handshake: Handshake,
        to_terminal: Buffer,
        to_program: Buffer,
    }

    impl Stage {
        fn query(&mut self, now: Instant) {
            let buffers = (&mut self.to_terminal, &mut self.to_program);
            self.handshake.handle_query(QUERY, now, buffers);
        }

        fn report(&mut self, now: Instant) {
            self.handshake.handle_report(REPORT, now, &mut self.to_terminal);
        }

        fn input(&mut self, bytes: &[u8], now: Instant) {
            let buffers = (&mut self.to_terminal, &mut self.to_program);
            self.handshake.pass_input(bytes, now, buffers);
        }

        /// Returns the bytes to the terminal and those to the program since the last call.
        #[track_caller]
        fn check(&mut self, to_terminal: &[&[u8]], to_program: &[&[u8]]) {
            for (buffer, expected) in
                [(&mut self.to_terminal, to_terminal), (&mut self.to_program, to_program)]
            {
                let (reader, writer) = rustix::pipe::pipe().unwrap();
                let mut bytes = vec![0; 1 << 15];
                buffer.push(b"|");
                buffer.write_to(&writer);
                let count = rustix::io::read(&reader, &mut bytes).unwrap();
                let expected = [expected.concat(), b"|".to_vec()].concat();
                assert_eq!(
                    bytes[..count].escape_ascii().to_string(),
                    expected.escape_ascii().to_string()
                );
            }
        }
    }

    #[test]
    fn reports_stay_from_a_terminal_that_does_not_answer() {
        let mut stage = Stage::default();
        let now = Instant::now();
        stage.query(now);
        stage.check(&[QUERY], &[QUERY]);
        stage.report(now);
        stage.input(b"a\x1b", now);
        stage.check(&[], &[b"a\x1b"]);
        let later = now + ANSWER_WITHIN;
        stage.report(later);
        stage.input(QUERY, later);
        stage.check(&[], &[QUERY]);
        stage.report(later);
        stage.check(&[], &[]);
    }

    #[test]
    fn terminal_that_answers_gets_all_reports() {
        for (is_asked, split) in [(true, 0), (true, 2), (true, 5), (false, 9)] {
            let mut stage = Stage::default();
            let now = Instant::now();
            if is_asked {
                stage.query(now);
            }
            stage.report(now);
            stage.check(&[QUERY], if is_asked { &[QUERY] } else { &[] });
            let (one, other) = QUERY.split_at(split);
            stage.input(&[b"x", one].concat(), now);
            stage.input(&[other, b"y"].concat(), now);
            stage.check(&[REPORT], &[b"xy"]);
            stage.report(now);
            stage.query(now);
            stage.input(QUERY, now);
            // The terminal itself answers further queries.
            stage.check(&[REPORT, QUERY], &[QUERY]);
        }
    }

    #[test]
    fn beginning_of_an_answer_is_passed_on_when_it_does_not_go_on() {
        let mut stage = Stage::default();
        let now = Instant::now();
        stage.query(now);
        stage.check(&[QUERY], &[QUERY]);
        stage.input(b"\x1b]", now);
        assert!(stage.handshake.input_timeout().is_some());
        stage.check(&[], &[]);
        stage.handshake.flush_input(&mut stage.to_program);
        assert!(stage.handshake.input_timeout().is_none());
        stage.check(&[], &[b"\x1b]"]);
    }

    #[test]
    fn answers_and_withheld_reports_are_bounded() {
        let mut stage = Stage::default();
        let now = Instant::now();
        for _ in 0..1000 {
            stage.query(now);
        }
        assert_eq!(stage.to_program.len(), MAX_ANSWERS as usize * QUERY.len());
        stage.to_program.clear();
        stage.query(now + ANSWER_INTERVAL);
        assert_eq!(stage.to_program.len(), QUERY.len());
        for _ in 0..10_000 {
            stage.report(now);
        }
        assert!(stage.handshake.withheld.len() <= MAX_WITHHELD);
    }
}
