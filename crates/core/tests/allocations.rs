//! Memory and allocations of the store, counted and not timed. One test, because the counters are those of the process.
#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

use crewboard_core::{
    Event, Input, InputDigest, MAX_HISTORY, MAX_PAST, MAX_TRAIL, Now, Place, Process, Report,
    SessionStore, Stamp, Timestamp, ToolUseId,
};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use std::alloc::System;
use std::ops::Range;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const ROWS: u32 = 500;

/// The events of a turn: a prompt, a tool and an end.
const EVENTS_OF_TURN: u32 = 4;

/// Turns of each session. Its trail and last statuses are full then, and it has 64 past statuses.
const TURNS: u32 = 40;

/// Bytes of such a session with its entries in all indices.
const MOST_BYTES_OF_ROW: usize = 6000;

/// Turns after which the past statuses are full too.
const BUSY_TURNS: u32 = 130;

/// Sessions that have so many turns.
const BUSY_ROWS: u32 = 50;

/// Bytes of such a session.
const MOST_BYTES_OF_BUSY_ROW: usize = 7000;

/// Allocations of one event: its texts in the row and in the trail, the change, and the session's deadline.
const MOST_ALLOCATIONS_OF_EVENT: usize = 24;

/// Returns the time of an event. It comes a millisecond after the one before, or 20 seconds later in the further turns:
/// longer times take more bytes.
fn now(number: u32) -> Now {
    let slow = number.saturating_sub(TURNS * EVENTS_OF_TURN);
    let micros = 1_000_000 + u64::from(number) * 1000 + u64::from(slow) * 20_000_000;
    Now { wall: Timestamp(1_795_331_978_805 + micros / 1000), stamp: Stamp { boot: 1, micros } }
}

/// Returns event `number` of a session, as a hook sends it.
fn event(row: u32, number: u32) -> Input {
    let turn = number / EVENTS_OF_TURN;
    let tool_use = Some(ToolUseId::new(&format!("toolu_{turn:024}")));
    let input = InputDigest::new([7; 16]);
    let tool = "Bash".to_owned();
    let (source, event) = match number % EVENTS_OF_TURN {
        0 => {
            let prompt = "fix the failing checkout test".to_owned();
            let event = Event::PromptSubmitted { prompt, automatic: false, ended_task: None };
            ("hook:UserPromptSubmit", event)
        }
        1 => {
            let text = "cargo test --workspace --all-features".to_owned();
            ("hook:PreToolUse", Event::ToolStarted { tool, text, tool_use, input, asks: None })
        }
        2 => ("hook:PostToolUse", Event::ToolEnded { tool, tool_use, input }),
        _ => {
            let message = "The checkout test passes.".to_owned();
            let event = Event::TurnEnded { message, background: Vec::new(), scheduled: 0 };
            ("hook:Stop", event)
        }
    };
    let folder = format!("/home/dev/projects/repository-{row}");
    let session = format!("{row:08x}-1111-4222-8333-0123456789ab");
    Input::Reported(Box::new(Report {
        process: Some(Process { pid: row + 2, start: 7 }),
        cwd: Some(folder.clone()),
        project: Some(folder),
        profile: Some("/home/dev/.claude".to_owned()),
        transcript: Some(format!(
            "/home/dev/.claude/projects/-home-dev-repository/{session}.jsonl"
        )),
        mode: Some("default".to_owned()),
        place: Place {
            host: "box".to_owned(),
            terminal: Some("tmux".to_owned()),
            server: Some("/tmp/tmux-1000/default".to_owned()),
            pane: Some(format!("%{row}")),
            ..Place::default()
        },
        ..Report::new("claude", &session, source, now(number).stamp, event)
    }))
}

/// Applies these events of each of the first `rows` sessions. Returns the bytes that the store grows by for each session.
fn apply(store: &mut SessionStore, rows: u32, numbers: Range<u32>) -> usize {
    let before = Region::new(ALLOCATOR);
    for number in numbers {
        for row in 0..rows {
            let outcome = store.apply(event(row, number), now(number));
            for watch in outcome.watch {
                let (process, ancestors) = (watch.process, vec![Process { pid: 1, start: 1 }; 4]);
                store.apply(Input::ProcessWatched { process, ancestors }, now(number));
            }
        }
    }
    let change = before.change();
    (change.bytes_allocated - change.bytes_deallocated) / rows as usize
}

#[test]
fn row_and_event_take_bounded_memory() {
    let mut store = SessionStore::new("epoch".to_owned());
    let events = TURNS * EVENTS_OF_TURN;
    let of_row = apply(&mut store, ROWS, 0..events);
    assert_eq!(store.len(), ROWS as usize);
    let key = store.iter().find(|row| row.pid == Some(2)).unwrap().key.clone();
    assert_eq!(store.trail(&key).unwrap().len(), MAX_TRAIL);
    let session = store.with_history(&key).unwrap();
    assert_eq!((session.history.len(), session.past.len()), (MAX_HISTORY, 64));
    assert!(of_row <= MOST_BYTES_OF_ROW, "a row takes {of_row} bytes");

    let all_events = BUSY_TURNS * EVENTS_OF_TURN;
    let of_busy_row = of_row + apply(&mut store, BUSY_ROWS, events..all_events);
    assert_eq!(store.with_history(&key).unwrap().past.len(), MAX_PAST);
    assert!(of_busy_row <= MOST_BYTES_OF_BUSY_ROW, "a busy row takes {of_busy_row} bytes");

    for number in all_events..all_events + EVENTS_OF_TURN {
        let (input, now) = (event(3, number), now(number));
        let before = Region::new(ALLOCATOR);
        drop(store.apply(input, now));
        let change = before.change();
        let count = change.allocations + change.reallocations;
        assert!(count <= MOST_ALLOCATIONS_OF_EVENT, "event {number} needs {count} allocations");
    }
}
