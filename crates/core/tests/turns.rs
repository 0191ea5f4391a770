//! The rules of a single session, as a table of scripts with the statuses that follow.
//!
//! A script is a list of steps, separated by semicolons. The prefix `@N` makes an event N milliseconds old when it
//! arrives, and the prefix `A:` makes it an event of subagent A.
#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

use crewboard_core::{
    BackgroundTask, ChangeKind, EndReason, Event, Input, InputDigest, Now, Process, PromptKind,
    Report, SessionStore, Stamp, StartOrigin, SubagentId, Timestamp, ToolUseId, TurnId,
};

const PROCESS: Process = Process { pid: 1574, start: 285_645 };

/// The result of a script.
#[derive(Debug, Default, PartialEq, Eq)]
struct Played {
    statuses: String,
    activity: String,
    background: u32,
    confirmed: bool,
}

fn play(script: &str) -> Played {
    let mut sessions = SessionStore::new("test".to_owned());
    let mut played = Played::default();
    let mut milliseconds = 1_000_000;
    for step in script.split(';').map(str::trim) {
        milliseconds += 100;
        let (old, step) = match step.strip_prefix('@') {
            Some(rest) => {
                rest.split_once(' ').map(|(old, step)| (old.parse().unwrap(), step)).unwrap()
            }
            None => (0, step),
        };
        let stamp = |milliseconds: u64| Stamp { boot: 1, micros: milliseconds * 1000 };
        let now = Now { wall: Timestamp(milliseconds), stamp: stamp(milliseconds) };
        let input = match step {
            "killed" => Input::ProcessExited { process: PROCESS },
            _ => Input::Reported(Box::new(report(step, stamp(milliseconds - old)))),
        };
        let mut outcome = sessions.apply(input, now);
        for watch in std::mem::take(&mut outcome.watch) {
            let watched = Input::ProcessWatched { process: watch.process, ancestors: Vec::new() };
            outcome.changes.extend(sessions.apply(watched, now).changes);
        }
        for change in outcome.changes.iter().filter(|change| change.kind == ChangeKind::Updated) {
            if let Some(entered) = change.transition {
                played.statuses.push_str(if played.statuses.is_empty() { "" } else { " " });
                played.statuses.push_str(entered.status.word());
            }
        }
    }
    let row = sessions.iter().next().unwrap();
    played.activity = row.activity.clone().unwrap_or_default();
    played.background = row.background;
    played.confirmed = row.confirmed;
    played
}

fn report(step: &str, stamp: Stamp) -> Report {
    let (subagent, step) = match step.split_once(": ") {
        Some((subagent, step)) => (Some(SubagentId::new(subagent)), step),
        None => (None, step),
    };
    let words: Vec<&str> = step.split(' ').collect();
    let word = |index: usize| words.get(index).copied().unwrap_or_default();
    let mut turn = None;
    let event = match word(0) {
        "start" => Event::SessionStarted {
            origin: match word(1) {
                "compact" => StartOrigin::Compact,
                _ => StartOrigin::Startup,
            },
        },
        "prompt" => {
            turn = Some(TurnId::new(word(1)));
            Event::PromptSubmitted { prompt: step.to_owned(), automatic: false, ended_task: None }
        }
        "wake" => {
            turn = Some(TurnId::new(word(1)));
            let ended_task = Some(word(2).to_owned());
            Event::PromptSubmitted { prompt: String::new(), automatic: true, ended_task }
        }
        // tool ID NAME INPUT
        "tool" => Event::ToolStarted {
            tool: word(2).to_owned(),
            text: word(3).to_owned(),
            tool_use: Some(ToolUseId::new(word(1))),
            input: digest(word(3)),
            asks: None,
        },
        "ran" => Event::ToolEnded {
            tool: word(2).to_owned(),
            tool_use: Some(ToolUseId::new(word(1))),
            input: digest(word(3)),
        },
        "batch" => Event::ToolsEnded,
        // ask NAME INPUT
        "ask" => Event::PromptOpened {
            prompt_kind: match word(1) {
                "AskUserQuestion" => PromptKind::Question,
                "ExitPlanMode" => PromptKind::Plan,
                _ => PromptKind::Permission,
            },
            tool: word(1).to_owned(),
            text: word(2).to_owned(),
            line: String::new(),
            input: digest(word(2)),
        },
        "denied" => {
            Event::PromptClosed { tool: word(1).to_owned(), tool_use: None, input: digest(word(2)) }
        }
        "attention" => Event::AttentionRequested {
            prompt_kind: PromptKind::Permission,
            text: "Claude needs your permission".to_owned(),
        },
        "rested" => Event::IdleReported,
        "stop" => {
            turn = Some(TurnId::new(word(1)));
            let background = words
                .iter()
                .skip(2)
                .map(|id| BackgroundTask { id: (*id).to_owned(), kind: "subagent".to_owned() });
            Event::TurnEnded {
                message: format!("end of {}", word(1)),
                background: background.collect(),
                scheduled: 0,
            }
        }
        "fail" => {
            turn = Some(TurnId::new(word(1)));
            Event::TurnFailed { error: word(2).to_owned(), detail: String::new() }
        }
        "sub" => Event::SubagentStarted,
        "subend" => Event::SubagentEnded,
        "bye" => Event::SessionEnded { reason: EndReason::Exit },
        other => panic!("{other}?"),
    };
    Report {
        process: Some(PROCESS),
        subagent,
        turn,
        ..Report::new("claude", "s1", &format!("hook:{}", word(0)), stamp, event)
    }
}

fn digest(text: &str) -> InputDigest {
    let hash = text.bytes().fold(7, |hash: u8, byte| hash.wrapping_mul(31).wrapping_add(byte));
    InputDigest::new([hash; 16])
}

#[test]
fn script_leads_to_the_expected_statuses() {
    let table = [
        // A turn.
        ("start; prompt P0; tool t1 Bash ls; ran t1 Bash ls; batch; stop P0", "idle working done"),
        (
            "start; prompt P0; fail P0 rate_limit; prompt P1; stop P1",
            "idle working failed working done",
        ),
        ("start; prompt P0; stop P0; bye; killed", "idle working done closed"),
        ("start; prompt P0; killed; @150 bye", "idle working closed"),
        // The hooks were installed while the agent ran, so any event creates a session.
        ("ran t1 Bash ls; stop P0", "working done"),
        ("attention", "permission"),
        // A prompt is open until its own tool has run. The tool has the same id, or the same name if its input changed.
        ("prompt P0; tool t1 Bash ls; ask Bash ls; ran t1 Bash ls", "working permission working"),
        (
            "prompt P0; tool t1 AskUserQuestion q; ask AskUserQuestion q; ran t1 AskUserQuestion answers",
            "working question working",
        ),
        ("prompt P0; ask ExitPlanMode plan; ran t1 ExitPlanMode -", "working plan working"),
        (
            "prompt P0; tool t1 Bash ls; ask Bash ls; tool t2 Read x; ran t2 Read x",
            "working permission",
        ),
        (
            "prompt P0; tool t1 Bash ls; ask Bash ls; batch; stop P0",
            "working permission working done",
        ),
        ("prompt P0; ask Bash ls; denied Bash ls", "working permission working"),
        ("prompt P0; ask Bash ls; prompt P1", "working permission working"),
        // The next prompt is a transition though the status is the same.
        ("prompt P0; ask Bash a; ask Bash b; ran t1 Bash a", "working permission permission"),
        ("prompt P0; ask Bash ls; attention", "working permission"),
        // Duplicates, from hooks that are registered twice.
        ("prompt P0; @0 prompt P0; stop P0; stop P0", "working done"),
        (
            "prompt P0; ask Bash ls; ask Bash ls; ran t1 Bash ls; @150 ask Bash ls",
            "working permission working",
        ),
        // A late event does not undo a newer one.
        ("prompt P0; stop P0; @150 tool t1 Bash ls; @250 ran t1 Bash ls", "working done"),
        ("prompt P0; stop P0; prompt P1; @150 stop P0", "working done working"),
        ("prompt P0; ran t1 Bash ls; @150 attention", "working"),
        ("prompt P0; @150 start", "working"),
        // A Stop hook blocks, and the turn continues with the same id.
        (
            "prompt P0; stop P0; tool t1 Bash ls; ran t1 Bash ls; stop P0",
            "working done working done",
        ),
        // The end of another turn is a transition though the status is the same (`!command`).
        ("prompt P0; stop P0; stop P1", "working done done"),
        // Queued prompts join the turn at the next batch, or begin a turn that no event announces.
        ("prompt P0; tool t1 Bash ls; prompt P0 more; batch; stop P0", "working done"),
        ("prompt P0; prompt P0 more; stop P0; stop P1", "working done"),
        ("prompt P0; prompt P0 more; stop P0; stop P0; stop P1", "working done"),
        ("prompt P0; prompt P0 more; stop P1", "working done"),
        // A compaction within a turn changes nothing. One that the user started ends at the prompt.
        ("prompt P0; start compact; stop P0", "working done"),
        ("prompt P0; stop P0; start compact", "working done idle"),
        // An agent that reports to be at its prompt is idle.
        ("prompt P0; rested", "working idle"),
        ("prompt P0; stop P0; rested", "working done"),
        // A subagent's work does not change the session's status, but its prompts do.
        (
            "prompt P0; A: sub; stop P0 A; A: tool t1 Read x; A: ran t1 Read x; A: subend; wake P1 A; stop P1",
            "working done working done",
        ),
        (
            "prompt P0; A: sub; A: tool t1 Bash ls; A: ask Bash ls; stop P0 A; A: ran t1 Bash ls",
            "working permission done",
        ),
        ("prompt P0; stop P0 A; A: ask Bash ls; A: batch", "working done permission done"),
        ("prompt P0; stop P0 A; A: ask Bash ls; A: subend", "working done permission done"),
        (
            "prompt P0; stop P0 A B; A: ask Bash a; B: ask Bash b; wake P1 C; stop P1 A B; A: ran t1 Bash a",
            "working done permission permission",
        ),
        ("prompt P0; A: sub; A: subend; @150 A: ask Bash ls", "working"),
        ("A: tool t1 Bash ls", "working"),
        // A subagent that no event listed still ends its prompt and its tools.
        ("prompt P0; stop P0 A; A: ask Bash ls; A: subend", "working done permission done"),
        // A late prompt of a tool that has ended is ignored.
        ("prompt P0; batch; @150 ask Bash ls", "working"),
        // An exit that is older than the turn is ignored.
        ("prompt P0; stop P0; prompt P1; @250 bye", "working done working"),
        ("prompt P0; stop P0; attention; rested", "working done permission done"),
        // The end of an unknown subagent is ignored.
        ("prompt P0; stop P0; A: subend", "working done"),
    ];
    for (script, statuses) in table {
        assert_eq!(play(script).statuses, statuses, "{script}");
    }
}

#[test]
fn script_leads_to_the_expected_activity() {
    for (script, activity, background, confirmed) in [
        ("start", "", 0, true),
        ("prompt P0", "thinking", 0, true),
        ("prompt P0; tool t1 Bash ls", "Bash ls", 0, true),
        ("prompt P0; tool t1 Read x; tool t2 Bash ls; ran t2 Bash ls", "Read x", 0, true),
        ("prompt P0; tool t1 Bash ls; ask Bash ls", "Bash ls", 0, true),
        ("prompt P0; stop P0 A B", "end of P0", 2, true),
        ("prompt P0; A: sub; stop P0 A B; A: subend", "end of P0", 1, true),
        ("prompt P0; stop P0 A B; wake P1 B", "thinking", 1, true),
        ("prompt P0; fail P0 overloaded", "overloaded", 0, true),
        // The turn is inferred from a queued prompt.
        ("prompt P0; prompt P0 more; stop P0", "thinking", 0, false),
        ("prompt P0; prompt P0 more; stop P0; tool t1 Bash ls", "Bash ls", 0, true),
        ("prompt P0; stop P0; killed", "end of P0", 0, true),
        // The late start of a tool that has ended is not shown.
        ("prompt P0; ran t1 Bash ls; @150 tool t1 Bash ls", "thinking", 0, true),
    ] {
        let played = play(script);
        let shown = (played.activity.as_str(), played.background, played.confirmed);
        assert_eq!(shown, (activity, background, confirmed), "{script}");
    }
}
