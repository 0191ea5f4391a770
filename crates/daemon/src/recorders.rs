//! Who writes down all that is taken in. What waits for a recorder is bounded: one that does not read
//! loses lines, and is told how many.

use crate::actor::ConnectionId;
use crate::subscribers::{BATCH_BYTES, Batch, Line};
use crewboard_core::{Observation, Process, Report, Stamp};
use crewboard_protocol::Reply;
use std::collections::{HashMap, VecDeque};

/// Bytes that may wait for one recorder.
const MAX_WAITING: usize = 1024 * 1024;

/// Clients that record at once: together they have as many times [`MAX_WAITING`] bytes.
pub(crate) const MAX_RECORDERS: usize = 16;

/// One client that records.
#[derive(Debug)]
struct Recorder {
    lines: VecDeque<Line>,
    bytes: usize,
    /// Lines left out since the last one that was kept.
    skipped: u64,
    /// Its connection has written all it was given.
    idle: bool,
}

/// All of them.
#[derive(Debug, Default)]
pub(crate) struct Recorders {
    recorders: HashMap<ConnectionId, Recorder>,
}

impl Recorders {
    /// All that comes from now on is for this connection too.
    pub(crate) fn add(&mut self, connection: ConnectionId) {
        let fresh = || Recorder { lines: VecDeque::new(), bytes: 0, skipped: 0, idle: true };
        self.recorders.entry(connection).or_insert_with(fresh);
    }

    /// Returns whether no further connection may record.
    pub(crate) fn is_full(&self) -> bool {
        self.recorders.len() == MAX_RECORDERS
    }

    pub(crate) fn has(&self, connection: ConnectionId) -> bool {
        self.recorders.contains_key(&connection)
    }

    pub(crate) fn remove(&mut self, connection: ConnectionId) {
        self.recorders.remove(&connection);
    }

    /// A connection has written all it was given.
    pub(crate) fn drained(&mut self, connection: ConnectionId) {
        if let Some(recorder) = self.recorders.get_mut(&connection) {
            recorder.idle = true;
        }
    }

    /// An event is taken in. It is cleaned first where somebody records it.
    pub(crate) fn note_report(&mut self, report: &mut Report) {
        if !self.recorders.is_empty() {
            report.sanitise();
            self.note(|skipped| Reply::Recorded { report: Box::new(report.clone()), skipped });
        }
    }

    /// An agent's files said something. It is cleaned first where somebody records it.
    pub(crate) fn note_observation(&mut self, observation: &mut Observation) {
        if !self.recorders.is_empty() {
            observation.sanitise();
            self.note(|skipped| Reply::Observed {
                observation: Box::new(observation.clone()),
                skipped,
            });
        }
    }

    /// A watched process has ended.
    pub(crate) fn note_end(&mut self, process: Process, stamp: Stamp) {
        self.note(|skipped| Reply::Exited { process, stamp, skipped });
    }

    fn note(&mut self, line: impl Fn(u64) -> Reply) {
        for recorder in self.recorders.values_mut() {
            let line: Line = line(recorder.skipped).encode().into();
            if recorder.bytes + line.len() > MAX_WAITING {
                recorder.skipped += 1;
                continue;
            }
            recorder.skipped = 0;
            recorder.bytes += line.len();
            recorder.lines.push_back(line);
        }
    }

    /// A batch for each that is idle and has lines waiting.
    pub(crate) fn flush(&mut self) -> Vec<Batch> {
        let mut batches = Vec::new();
        for (connection, recorder) in &mut self.recorders {
            let mut lines = Vec::new();
            let mut bytes = 0;
            while recorder.idle
                && bytes < BATCH_BYTES
                && let Some(line) = recorder.lines.pop_front()
            {
                bytes += line.len();
                lines.push(line);
            }
            recorder.bytes -= bytes;
            if !lines.is_empty() {
                recorder.idle = false;
                batches.push(Batch { connection: *connection, lines, answers: false });
            }
        }
        batches
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crewboard_core::Process;

    fn end(recorders: &mut Recorders, pid: u32) {
        let stamp = Stamp { boot: 1, micros: u64::from(pid) };
        recorders.note_end(Process { pid, start: 1 }, stamp);
    }

    fn replies(batches: &[Batch]) -> Vec<Reply> {
        let lines = batches.iter().flat_map(|batch| &batch.lines);
        lines.map(|line| Reply::decode(line).unwrap()).collect()
    }

    #[test]
    fn a_recorder_that_does_not_read_loses_lines_and_is_told_how_many() {
        let mut recorders = Recorders::default();
        recorders.add(1);
        end(&mut recorders, 1);
        assert_eq!(replies(&recorders.flush()).len(), 1);
        for pid in 2..40_000 {
            end(&mut recorders, pid);
            assert!(recorders.flush().is_empty(), "it has not written the first");
        }
        let waiting = &recorders.recorders[&1];
        assert!(waiting.bytes <= MAX_WAITING && waiting.skipped > 0);
        let (kept, lost) = (waiting.lines.len() as u64, waiting.skipped);
        assert_eq!(kept + lost, 39_998);
        recorders.drained(1);
        let mut told = replies(&recorders.flush()).len() as u64;
        end(&mut recorders, 50_000);
        let mut newest = None;
        while told < kept + 1 {
            recorders.drained(1);
            let batch = replies(&recorders.flush());
            assert!(!batch.is_empty());
            told += batch.len() as u64;
            newest = batch.into_iter().next_back();
        }
        let Some(Reply::Exited { process, skipped, .. }) = newest else { panic!("{newest:?}") };
        assert_eq!((process.pid, skipped), (50_000, lost));
        recorders.remove(1);
        assert!(!recorders.has(1));
    }
}
