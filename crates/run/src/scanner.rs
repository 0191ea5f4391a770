//! Finds the sequences of the Program Status Protocol in a stream of bytes.

use memchr::{memchr, memchr3};

/// Maximum bytes of a sequence, from its first byte to its last. A longer one is no report (docs/decisions/0029).
pub const MAX_SEQUENCE: usize = 4096;

const ESC: u8 = 0x1b;
const BEL: u8 = 0x07;
const CAN: u8 = 0x18;
const SUB: u8 = 0x1a;
/// The one-byte form of ST. It ends a report, which is ASCII. Elsewhere it may be part of a character.
const ST: u8 = 0x9c;

/// The start of a sequence of the protocol, after `ESC ]`.
const STATUS: &[u8] = b"7501;";
/// The start of the sequence with which a shell marks its prompt, after `ESC ]`.
const PROMPT_START: &[u8] = b"133;A";
/// Bytes of `ESC ]`.
const INTRODUCER: usize = 2;

/// A part of the stream. The bytes of all parts, in their order, are the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Piece<'a> {
    /// Bytes that have nothing to do with the protocol.
    Bytes(&'a [u8]),
    /// A whole sequence of the protocol. `body` is the part between `7501;` and the end.
    Status { raw: &'a [u8], body: &'a [u8] },
    /// The last bytes begin a shell's prompt (OSC 133 A). This piece has no bytes of its own.
    PromptStart,
    /// The last bytes reset the terminal (RIS). This piece has no bytes of its own.
    Reset,
}

/// The part of a sequence that the next byte belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum State {
    #[default]
    Ground,
    /// After ESC.
    Escape,
    /// After `ESC ]`, as long as it may become [`STATUS`] or [`PROMPT_START`].
    Prefix,
    /// In the body of a report.
    Body,
    /// In the body of a report, after ESC.
    BodyEscape,
    /// In another OSC, which BEL ends too.
    OtherOsc,
    /// In a string that only ST ends: SOS, PM, APC.
    OtherString,
    /// In a DCS, whose content is for another terminal: tmux and screen pass it on.
    Dcs,
    /// In a DCS, after ESC.
    DcsEscape,
}

/// Splits a stream into pieces, however it is split into reads. It allocates nothing, and holds back at most
/// [`MAX_SEQUENCE`] bytes: those of a sequence that may be a report and is not whole yet.
#[derive(Debug)]
pub struct Scanner {
    state: State,
    held: [u8; MAX_SEQUENCE],
    length: usize,
}

impl Default for Scanner {
    fn default() -> Self {
        Self { state: State::Ground, held: [0; MAX_SEQUENCE], length: 0 }
    }
}

impl Scanner {
    /// Calls `emit` with each piece that is known after `input`.
    pub fn feed(&mut self, input: &[u8], emit: &mut dyn FnMut(Piece<'_>)) {
        let mut rest = input;
        while let Some((&byte, after)) = rest.split_first() {
            let skipped = match self.state {
                State::Ground => find_string(rest),
                State::OtherOsc => {
                    let end = memchr3(ESC, BEL, CAN, rest).unwrap_or(rest.len());
                    memchr(SUB, rest.get(..end).unwrap_or_default()).unwrap_or(end)
                }
                State::OtherString | State::Dcs => {
                    memchr3(ESC, CAN, SUB, rest).unwrap_or(rest.len())
                }
                _ => 0,
            };
            if skipped > 0 {
                let (bytes, others) = rest.split_at(skipped);
                emit(Piece::Bytes(bytes));
                rest = others;
                continue;
            }
            rest = after;
            self.step(byte, emit);
        }
    }

    /// Returns true if bytes are held back.
    pub fn is_holding(&self) -> bool {
        self.length > 0
    }

    /// Returns true if the bytes that are held back are more than an ESC, which may be a key.
    pub fn is_holding_more_than_escape(&self) -> bool {
        self.length > 1
    }

    /// Emits the bytes that are held back, as the stream ends or does not go on.
    pub fn flush(&mut self, emit: &mut dyn FnMut(Piece<'_>)) {
        self.release(emit);
        self.state = State::Ground;
    }

    fn step(&mut self, byte: u8, emit: &mut dyn FnMut(Piece<'_>)) {
        match self.state {
            State::Escape => self.step_after_escape(byte, emit),
            State::Prefix => self.step_in_prefix(byte, emit),
            State::Body => match byte {
                BEL | ST => self.end_report(byte, 1, emit),
                ESC => self.hold(byte, State::BodyEscape, emit),
                CAN | SUB => self.pass(byte, State::Ground, emit),
                _ => self.hold(byte, State::Body, emit),
            },
            State::BodyEscape if byte == b'\\' => self.end_report(byte, 2, emit),
            State::BodyEscape => {
                // The ESC ended the string and begins another sequence.
                self.length -= 1;
                self.release(emit);
                self.begin(ESC, emit);
                self.step(byte, emit);
            }
            State::OtherOsc if byte == BEL => self.pass(byte, State::Ground, emit),
            State::Ground | State::OtherOsc | State::OtherString => self.begin(byte, emit),
            State::Dcs if byte == ESC => self.pass(byte, State::DcsEscape, emit),
            State::Dcs => self.pass(byte, State::Ground, emit),
            // tmux doubles each ESC of the content, so the second of a pair ends nothing.
            State::DcsEscape if byte == b'\\' => self.pass(byte, State::Ground, emit),
            State::DcsEscape => self.pass(byte, State::Dcs, emit),
        }
    }

    /// Begins a sequence with ESC, or passes another byte on.
    fn begin(&mut self, byte: u8, emit: &mut dyn FnMut(Piece<'_>)) {
        if byte == ESC {
            self.hold(byte, State::Escape, emit);
        } else {
            self.pass(byte, State::Ground, emit);
        }
    }

    fn step_after_escape(&mut self, byte: u8, emit: &mut dyn FnMut(Piece<'_>)) {
        match byte {
            b']' => self.hold(byte, State::Prefix, emit),
            b'P' => self.pass(byte, State::Dcs, emit),
            b'X' | b'^' | b'_' => self.pass(byte, State::OtherString, emit),
            ESC => {
                self.release(emit);
                self.hold(byte, State::Escape, emit);
            }
            b'c' => {
                self.pass(byte, State::Ground, emit);
                emit(Piece::Reset);
            }
            _ => self.pass(byte, State::Ground, emit),
        }
    }

    fn step_in_prefix(&mut self, byte: u8, emit: &mut dyn FnMut(Piece<'_>)) {
        let known = self.length - INTRODUCER;
        let goes_on = |prefix: &[u8]| {
            let held = self.held.get(INTRODUCER..self.length).unwrap_or_default();
            prefix.starts_with(held) && prefix.get(known) == Some(&byte)
        };
        if goes_on(STATUS) {
            let is_whole = known + 1 == STATUS.len();
            self.hold(byte, if is_whole { State::Body } else { State::Prefix }, emit);
        } else if goes_on(PROMPT_START) {
            if known + 1 == PROMPT_START.len() {
                self.pass(byte, State::OtherOsc, emit);
                emit(Piece::PromptStart);
            } else {
                self.hold(byte, State::Prefix, emit);
            }
        } else {
            self.release(emit);
            self.state = State::OtherOsc;
            match byte {
                ESC | BEL | CAN | SUB => self.step(byte, emit),
                _ => emit(Piece::Bytes(&[byte])),
            }
        }
    }

    /// Holds a byte back. Passes on everything if it is too much for a report.
    fn hold(&mut self, byte: u8, state: State, emit: &mut dyn FnMut(Piece<'_>)) {
        self.state = state;
        // One byte less for the end, so that a whole sequence has its length.
        if self.length + 1 >= MAX_SEQUENCE {
            self.release(emit);
            self.state = State::OtherOsc;
            self.step(byte, emit);
        } else if let Some(free) = self.held.get_mut(self.length) {
            *free = byte;
            self.length += 1;
        }
    }

    /// Passes on what is held back, and this byte.
    fn pass(&mut self, byte: u8, state: State, emit: &mut dyn FnMut(Piece<'_>)) {
        self.release(emit);
        self.state = state;
        emit(Piece::Bytes(&[byte]));
    }

    fn release(&mut self, emit: &mut dyn FnMut(Piece<'_>)) {
        let held = self.held.get(..self.length).unwrap_or_default();
        if !held.is_empty() {
            emit(Piece::Bytes(held));
        }
        self.length = 0;
    }

    /// Emits the report that `last` ends. Its end has `end` bytes.
    fn end_report(&mut self, last: u8, end: usize, emit: &mut dyn FnMut(Piece<'_>)) {
        if let Some(free) = self.held.get_mut(self.length) {
            *free = last;
        }
        let length = self.length + 1;
        self.length = 0;
        self.state = State::Ground;
        let raw = self.held.get(..length).unwrap_or_default();
        let body = INTRODUCER + STATUS.len()..length.saturating_sub(end);
        emit(Piece::Status { raw, body: raw.get(body).unwrap_or_default() });
    }
}

/// Returns the position of the first ESC that may begin a string or a reset, or the length if there is none. Colours and
/// movements of the cursor are passed on as they are.
fn find_string(bytes: &[u8]) -> usize {
    let mut start = 0;
    while let Some(position) = memchr(ESC, bytes.get(start..).unwrap_or_default()) {
        let escape = start + position;
        match bytes.get(escape + 1) {
            None | Some(b']' | b'P' | b'X' | b'^' | b'_' | b'c' | &ESC) => return escape,
            Some(_) => start = escape + 2,
        }
    }
    bytes.len()
}

#[cfg(test)]
#[path = "scanner_tests.rs"]
mod tests;
