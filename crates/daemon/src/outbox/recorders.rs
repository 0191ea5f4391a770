//! Evidence for clients that record. A recorder that does not read loses lines, and learns how many.

use crate::ids::ConnectionId;
use crate::outbox::batch::{Batch, BatchSlot, Line, fill};
use crewboard_core::{Observation, Process, Report, Stamp};
use crewboard_protocol::Reply;
use std::collections::{HashMap, VecDeque};

/// Bytes that may wait for one recorder.
const MAX_WAITING: usize = 1024 * 1024;

/// Clients that record at once. Each may have [`MAX_WAITING`] bytes.
pub(crate) const MAX_RECORDERS: usize = 16;

/// The lines that wait for a client that records.
#[derive(Debug, Default)]
struct Recorder {
    lines: VecDeque<Line>,
    bytes: usize,
    /// Lines dropped since the last one that was kept.
    skipped: u64,
    slot: BatchSlot,
}

/// All recorders.
#[derive(Debug, Default)]
pub(crate) struct Recorders {
    recorders: HashMap<ConnectionId, Recorder>,
}

impl Recorders {
    /// Sends all evidence to this connection from now on.
    pub(crate) fn add(&mut self, connection: ConnectionId) {
        self.recorders.entry(connection).or_default();
    }

    /// Returns true if no further connection may record.
    pub(crate) fn is_full(&self) -> bool {
        self.recorders.len() == MAX_RECORDERS
    }

    pub(crate) fn has(&self, connection: ConnectionId) -> bool {
        self.recorders.contains_key(&connection)
    }

    pub(crate) fn remove(&mut self, connection: ConnectionId) {
        self.recorders.remove(&connection);
    }

    /// Notes that a connection has written its last batch. Returns true if more lines wait.
    pub(crate) fn batch_written(&mut self, connection: ConnectionId) -> bool {
        let Some(recorder) = self.recorders.get_mut(&connection) else { return false };
        recorder.slot.batch_written();
        !recorder.lines.is_empty()
    }

    /// Records an event. Cleans it first if a client records.
    pub(crate) fn note_report(&mut self, report: &mut Report) {
        if !self.recorders.is_empty() {
            report.sanitise();
            self.note(|skipped| Reply::Recorded { report: Box::new(report.clone()), skipped });
        }
    }

    /// Records an observation of an agent's files. Cleans it first if a client records.
    pub(crate) fn note_observation(&mut self, observation: &mut Observation) {
        if !self.recorders.is_empty() {
            observation.sanitise();
            self.note(|skipped| Reply::Observed {
                observation: Box::new(observation.clone()),
                skipped,
            });
        }
    }

    /// Records the end of a watched process.
    pub(crate) fn note_end(&mut self, process: Process, stamp: Stamp) {
        self.note(|skipped| Reply::Exited { process, stamp, skipped });
    }

    /// Adds a line for each recorder, or drops it if too many bytes wait. `line` gets the number of lines that were dropped
    /// before it.
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

    /// Returns a batch for each recorder that has lines waiting and has written its last batch.
    pub(crate) fn flush(&mut self) -> Vec<Batch> {
        let ready = self.recorders.iter_mut().filter(|(_, recorder)| recorder.slot.is_free());
        ready
            .filter_map(|(connection, recorder)| {
                let mut lines = Vec::new();
                recorder.bytes -= fill(&mut lines, || recorder.lines.pop_front());
                recorder.slot.take(*connection, lines, false)
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crewboard_core::Process;

    fn note_end(recorders: &mut Recorders, pid: u32) {
        let stamp = Stamp { boot: 1, micros: u64::from(pid) };
        recorders.note_end(Process { pid, start: 1 }, stamp);
    }

    fn replies(batches: &[Batch]) -> Vec<Reply> {
        let lines = batches.iter().flat_map(|batch| &batch.lines);
        lines.map(|line| Reply::decode(line).unwrap()).collect()
    }

    #[test]
    fn slow_recorder_learns_how_many_lines_it_lost() {
        let mut recorders = Recorders::default();
        recorders.add(1);
        note_end(&mut recorders, 1);
        assert_eq!(replies(&recorders.flush()).len(), 1);
        for pid in 2..40_000 {
            note_end(&mut recorders, pid);
            assert!(recorders.flush().is_empty(), "the first line has not been written");
        }
        let waiting = &recorders.recorders[&1];
        assert!(waiting.bytes <= MAX_WAITING && waiting.skipped > 0);
        let (kept, lost) = (waiting.lines.len() as u64, waiting.skipped);
        assert_eq!(kept + lost, 39_998);
        recorders.batch_written(1);
        let mut received = replies(&recorders.flush()).len() as u64;
        note_end(&mut recorders, 50_000);
        let mut newest = None;
        while received < kept + 1 {
            recorders.batch_written(1);
            let batch = replies(&recorders.flush());
            assert!(!batch.is_empty());
            received += batch.len() as u64;
            newest = batch.into_iter().next_back();
        }
        let Some(Reply::Exited { process, skipped, .. }) = newest else { panic!("{newest:?}") };
        assert_eq!((process.pid, skipped), (50_000, lost));
        recorders.remove(1);
        assert!(!recorders.has(1));
    }
}
