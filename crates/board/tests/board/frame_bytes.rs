//! The bytes of a frame. More of them mean a slower terminal, above all over SSH, and a clock is not needed to see it.

use crate::sample::{NOW, UNICODE, row};
use crewboard_board::keymap::Keymap;
use crewboard_board::model::{HookState, Model};
use crewboard_board::update::{Message, update};
use crewboard_board::view::view;
use crewboard_core::{Session, Status};
use ratatui::backend::CrosstermBackend;
use ratatui::layout::Rect;
use ratatui::{Terminal, TerminalOptions, Viewport};
use std::cell::RefCell;
use std::io::{self, Write};
use std::rc::Rc;

#[derive(Clone, Default)]
struct Sink(Rc<RefCell<Vec<u8>>>);

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct Board {
    sink: Sink,
    terminal: Terminal<CrosstermBackend<Sink>>,
    model: Model,
}

impl Board {
    /// Returns a board of 120x52 cells with `count` rows, after its first frame.
    fn new(count: usize) -> Self {
        let sink = Sink::default();
        let area = Rect { x: 0, y: 0, width: 120, height: 52 };
        let options = TerminalOptions { viewport: Viewport::Fixed(area) };
        let terminal =
            Terminal::with_options(CrosstermBackend::new(sink.clone()), options).unwrap();
        let model = Model::new(UNICODE, Keymap::default(), HookState::Installed, NOW);
        let mut board = Self { sink, terminal, model };
        let rows = |index: usize| Session {
            branch: Some(format!("branch-{index}")),
            ..row(&format!("k{index:05}"), &format!("project-{index}"), Status::Working, 90_000)
        };
        update(&mut board.model, Message::Resized { width: 120, height: 52 }, NOW);
        board.bytes_after(Message::Rows((0..count).map(rows).collect()));
        board
    }

    /// Returns the number of bytes that the frame after a message has.
    fn bytes_after(&mut self, message: Message) -> usize {
        update(&mut self.model, message, NOW);
        self.sink.0.borrow_mut().clear();
        self.terminal.draw(|frame| view(&self.model, frame)).unwrap();
        self.sink.0.borrow().len()
    }
}

#[test]
fn frame_sends_only_the_cells_that_change() {
    for count in [50, 10_000] {
        let mut board = Board::new(count);
        let nothing = board.bytes_after(Message::ClockTick);
        assert!(nothing <= 25, "{count} rows: {nothing} bytes of an unchanged frame");
        let changed = Session {
            activity: Some("Bash make deploy".to_owned()),
            ..board.model.rows.listed().nth(3).cloned().unwrap()
        };
        let one_row = board.bytes_after(Message::Row(Box::new(changed)));
        assert!((26..=120).contains(&one_row), "{count} rows: {one_row} bytes of one row");
        let key = board.bytes_after(Message::Key("down".parse().unwrap()));
        assert!((26..=900).contains(&key), "{count} rows: {key} bytes of a key");
    }
}
