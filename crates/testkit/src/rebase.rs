//! Moves the truth of one run to the clocks of another run, by the driver's acts and by the screen.

use crate::recording::{FileLine, Mark, Recording};
use crate::truth::{RowTruth, Step, Truth};

/// The clock readings of a run.
#[derive(Debug, Clone, Copy)]
pub struct Clocks<'a> {
    pub marks: &'a [Mark],
    pub files: &'a [FileLine],
    /// The wall clock from which the truth counts.
    pub start_ns: i64,
}

/// Distinguishes a step that counts from an act of the driver from one that counts from the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    Act,
    Screen,
}

impl Origin {
    /// Returns what a step counts from.
    pub fn of(step: &Step) -> Self {
        if step.from.starts_with("screen") { Self::Screen } else { Self::Act }
    }
}

/// Returns the truth with this run's times in place of the recording's. A time that neither the marks nor
/// the screen show is absent.
pub fn rebase(row: &RowTruth, pid: Option<u32>, clocks: Clocks<'_>) -> RowTruth {
    let finder = Finder { clocks, pid, pane: pid.and_then(|pid| pane_of(pid, clocks.files)) };
    let mut row = row.clone();
    // The first process may have waited at a dialog before it was seen in a file.
    let is_first = row.row == "S0";
    let seen = finder.process("start").filter(|_| !is_first);
    let mut from = seen.unwrap_or(clocks.start_ns);
    let mut former_act: Option<String> = None;
    for step in &mut row.statuses {
        // A second step of the same act begins when the first ends, and no mark records that.
        let repeated = former_act.as_ref() == Some(&step.from) && !step.from.starts_with("screen");
        let found =
            if repeated && step.status != "closed" { None } else { finder.find(step, from) };
        former_act = Some(step.from.clone());
        from = found.unwrap_or(from);
        step.at_ms = found.map(|at| (at - clocks.start_ns).div_euclid(1_000_000));
    }
    row
}

impl Truth {
    /// Returns the rows of a scenario with the processes and times of a recording of it. The statuses are
    /// the same for all clients, but the file has the times of one client.
    pub fn rows(&self, client: &str, scenario: &str, recording: &Recording) -> Vec<RowTruth> {
        let Some(truth) = self.get(scenario) else { return Vec::new() };
        if truth.client() == client {
            return truth.rows.clone();
        }
        let clocks = Clocks {
            marks: &recording.marks,
            files: &recording.files,
            start_ns: recording.start_ns().unwrap_or_default(),
        };
        let pids = recording.client_pids();
        let rows = truth.rows.iter().zip(pids);
        rows.map(|(row, pid)| RowTruth { pid, ..rebase(row, Some(pid), clocks) }).collect()
    }
}

/// Returns the pane of a client, from its own process or from its session file (`main:@0.%0`).
fn pane_of(pid: u32, files: &[FileLine]) -> Option<String> {
    let own = files.iter().find(|line| line.src == "process" && line.pid == Some(pid));
    if let Some(pane) = own.and_then(|line| line.pane.clone()) {
        return Some(pane);
    }
    files.iter().filter(|line| line.src == "sessions").find_map(|line| {
        let json = line.json.as_ref().filter(|json| json["pid"] == pid)?;
        Some(json["tmux"].as_str()?.rsplit_once('.')?.1.to_owned())
    })
}

struct Finder<'a> {
    clocks: Clocks<'a>,
    pid: Option<u32>,
    pane: Option<String>,
}

impl Finder<'_> {
    fn find(&self, step: &Step, from: i64) -> Option<i64> {
        let (act, detail) = step.from.split_once(": ").unwrap_or((&step.from, ""));
        let closes = step.status == "closed";
        match act {
            // The client reports nothing before its process has started.
            "start" | "claude --bg" => self.process("start"),
            "claude -p" | "end of scenario" => self.process(if closes { "exit" } else { "start" }),
            "prompt" => self.mark(from, closes, |mark| mark.text.as_deref() == Some(detail)),
            "key" => self.mark(from, closes, |mark| {
                let why = mark.why.as_deref().filter(|why| !why.is_empty());
                why.map_or_else(|| mark.keys.join(" ") == detail, |why| why == detail)
            }),
            "screen" => self.screen(from, &step.status),
            // An act without a mark, such as `claude agents --json`, only looks.
            other if self.clocks.marks.iter().all(|mark| mark.mark.as_deref() != Some(other)) => {
                None
            }
            other => self.mark(from, closes, |mark| mark.mark.as_deref() == Some(other)),
        }
    }

    fn process(&self, op: &str) -> Option<i64> {
        let is_wanted = |line: &&FileLine| {
            line.src == "process" && line.pid == self.pid && line.op.as_deref() == Some(op)
        };
        self.pid?;
        self.clocks.files.iter().find(is_wanted).map(|line| line.wall_ns)
    }

    /// Returns the time of the first such act, or of the last if several acts ended the client.
    fn mark(&self, from: i64, last: bool, is: impl Fn(&Mark) -> bool) -> Option<i64> {
        let marks = self.clocks.marks.iter().filter(|mark| mark.mark.is_some());
        let mut found = marks.filter(|mark| mark.wall_ns >= from && is(mark)).map(|m| m.wall_ns);
        if !last {
            return found.next();
        }
        let end = self.process("exit").unwrap_or(i64::MAX);
        found.take_while(|at| *at <= end).last()
    }

    fn screen(&self, from: i64, status: &str) -> Option<i64> {
        let mut lines = self.clocks.files.iter().filter(|line| {
            line.src == "screen"
                && line.wall_ns >= from
                && (self.pane.is_none() || line.pane == self.pane)
        });
        let changed = |line: &FileLine, field: &str| line.changed.iter().any(|name| name == field);
        let shows = |line: &&FileLine| match status {
            "permission" | "question" | "plan" => line.dialog.as_deref() == Some(status),
            // A retry shows its error next to the spinner, and the turn continues.
            "failed" => line.errors > 0 && !line.spinner,
            "working" => changed(line, "spinner") && line.spinner,
            _ => {
                let over = changed(line, "turns_done") || line.bg > 0;
                over && !line.spinner && line.dialog.is_none()
            }
        };
        lines.find(shows).map(|line| line.wall_ns)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The times of the truth come from the same screens, so a recording must give them again, and no act may
    /// come after its effect.
    #[test]
    fn rebase_of_a_recording_gives_the_times_of_the_truth() {
        let truth = Truth::load().unwrap();
        let mut missing = Vec::new();
        for name in truth.scenarios() {
            let client = truth.get(name).unwrap().client();
            let recording = Recording::load(client, name).unwrap();
            let clocks = Clocks {
                marks: &recording.marks,
                files: &recording.files,
                start_ns: recording.start_ns().unwrap(),
            };
            for row in &truth.get(name).unwrap().rows {
                let rebased = rebase(row, Some(row.pid), clocks);
                for (step, own) in row.statuses.iter().zip(&rebased.statuses) {
                    let what = format!("{name} {} {}: {}", row.row, step.status, step.from);
                    let Some(at) = own.at_ms else {
                        // A step that only a user saw is not in the recording.
                        if !step.from.starts_with("watched") {
                            missing.push(what);
                        }
                        continue;
                    };
                    let late = step.at_ms.unwrap() - at;
                    let most = if Origin::of(step) == Origin::Screen { 20 } else { 2_000 };
                    assert!((-30..=most).contains(&late), "{what}: {late} ms");
                }
            }
        }
        assert_eq!(
            missing,
            ["bg S0 done: claude agents --json", "compact S0 idle: prompt: /compact"]
        );
    }
}
