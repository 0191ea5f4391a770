//! Measures the cost of a frame: the processor time to apply a message and to draw, and the bytes to the terminal.
//! `cargo run --release -p crewboard-board --example frames [ROWS [CASE]]`

use crewboard_board::keymap::Keymap;
use crewboard_board::model::{HookState, Model};
use crewboard_board::theme::{TERMINAL, Theme};
use crewboard_board::update::{Message, update};
use crewboard_board::view::view;
use crewboard_core::{RowKey, Session, Status, Timestamp, Usage};
use ratatui::backend::CrosstermBackend;
use ratatui::layout::Rect;
use ratatui::{Terminal, TerminalOptions, Viewport};
use rustix::time::{ClockId, clock_gettime};
use std::cell::Cell;
use std::io::{self, BufWriter, Write};
use std::rc::Rc;
use std::time::Duration;

const NOW: Timestamp = Timestamp(1_795_331_980_546);
const ROUNDS: usize = 200;

/// Counts the bytes and writes, and drops them.
#[derive(Clone, Default)]
struct Sink {
    bytes: Rc<Cell<usize>>,
    writes: Rc<Cell<usize>>,
}

impl Write for Sink {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        self.bytes.set(self.bytes.get() + buffer.len());
        self.writes.set(self.writes.get() + 1);
        Ok(buffer.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn rows(count: usize) -> Vec<Session> {
    let row = |index: usize| {
        let status = Status::ALL[index % 8];
        let number = index as u64;
        Session {
            key: RowKey::new(&format!("k{index:05}")),
            agent: crewboard_core::AgentName::new("claude"),
            status,
            needs_you: status.is_prompt() || status.needs_you_until_seen(),
            name: format!("project-{}", index % 700),
            branch: Some(format!("branch-{index}")),
            activity: Some("Bash cargo nextest run --workspace --all-features".to_owned()),
            user_prompt: Some("make the tests of the checkout pass again".to_owned()),
            model: Some("claude-opus-5-5".to_owned()),
            usage: Some(Usage { context_percent: Some(42.0), cost_usd: Some(1.0), at: NOW }),
            since: Timestamp(NOW.0 - number * 1777),
            started: Timestamp(NOW.0 - 9_000_000 + number),
            confirmed: true,
            ..Session::default()
        }
    };
    (0..count).map(row).collect()
}

/// Returns the message of a round, and the milliseconds that pass before it.
type Next = fn(&Model, usize) -> (Message, u64);

/// The cases that are measured: the message between two frames.
const CASES: [(&str, Next); 5] = [
    ("nothing", |_, _| (Message::ClockTick, 0)),
    ("a key", |_, round| {
        let key = if round % 2 == 0 { "down" } else { "up" };
        (Message::Key(key.parse().unwrap_or_else(|_| unreachable!("a key of the table"))), 0)
    }),
    ("one row changes its text", |model, round| {
        let mut row = model.rows.listed().next().cloned().unwrap_or_default();
        row.activity = Some(format!("Bash make step-{round}"));
        (Message::Row(Box::new(row)), 0)
    }),
    ("one row moves to the other end", |model, _| {
        let mut row = model.rows.listed().last().cloned().unwrap_or_default();
        let is_closed = row.status == Status::Closed;
        row.status = if is_closed { Status::Permission } else { Status::Closed };
        row.needs_you = is_closed;
        (Message::Row(Box::new(row)), 0)
    }),
    ("every row changes", |model, round| {
        let changed = model.rows.all().cloned().map(|mut row| {
            row.name = format!("{}-{}", row.key.as_str(), round % 7);
            row.activity = Some(format!("step {round} of {}", row.key.as_str()));
            row
        });
        (Message::Rows(changed.collect()), 61_000)
    }),
];

/// Returns the processor time of this thread. The elapsed time of a busy machine includes the time of other processes.
fn processor_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::try_from(time).unwrap_or_default()
}

fn median(mut times: Vec<Duration>) -> f64 {
    times.sort();
    times.get(times.len() / 2).map_or(0.0, Duration::as_secs_f64) * 1e6
}

fn measure(
    count: usize,
    (width, height): (u16, u16),
    only_case: Option<&str>,
    out: &mut impl Write,
) -> io::Result<()> {
    for (name, next) in CASES {
        if only_case.is_some_and(|only| only != name) {
            continue;
        }
        let sink = Sink::default();
        let backend = CrosstermBackend::new(BufWriter::with_capacity(64 * 1024, sink.clone()));
        let viewport = Viewport::Fixed(Rect::new(0, 0, width, height));
        let mut terminal = Terminal::with_options(backend, TerminalOptions { viewport })?;
        let theme = Theme { palette: &TERMINAL, unicode: true };
        let mut model = Model::new(theme, Keymap::default(), HookState::Installed, NOW);
        update(&mut model, Message::Resized { width, height }, NOW);
        update(&mut model, Message::Rows(rows(count)), NOW);
        terminal.draw(|frame| view(&model, frame))?;
        let (first, mut updates, mut draws) = (sink.bytes.get(), Vec::new(), Vec::new());
        let writes = sink.writes.get();
        let mut now = NOW;
        for round in 0..ROUNDS {
            let (message, later) = next(&model, round);
            now.0 += later;
            let start = processor_time();
            update(&mut model, message, now);
            updates.push(processor_time().saturating_sub(start));
            let start = processor_time();
            terminal.draw(|frame| view(&model, frame))?;
            draws.push(processor_time().saturating_sub(start));
        }
        let bytes = (sink.bytes.get() - first) / ROUNDS;
        let writes = (sink.writes.get() - writes) / ROUNDS;
        let (update, draw) = (median(updates), median(draws));
        writeln!(
            out,
            "{count:>6} | {width:>3}x{height:<3} | {name:<29} | {update:>9.0} | {draw:>7.0} | \
             {bytes:>6} | {writes:>6} | {first:>6}"
        )?;
    }
    Ok(())
}

fn main() -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(
        out,
        "  rows | screen  | between two frames            | update µs | draw µs |  bytes | writes | first"
    )?;
    let mut arguments = std::env::args().skip(1);
    let only_count = arguments.next().and_then(|count| count.parse::<usize>().ok());
    let only_case = arguments.next();
    for (width, height) in [(120, 52), (200, 60)] {
        for count in only_count.map_or(vec![50, 1000, 4000, 10_000], |count| vec![count]) {
            measure(count, (width, height), only_case.as_deref(), &mut out)?;
        }
    }
    Ok(())
}
