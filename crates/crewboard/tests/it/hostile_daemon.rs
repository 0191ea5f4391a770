//! A false daemon that sends terminal control sequences in every text.

use crate::support::{serve_replies, world};
use crewboard_testkit::{CommandOutput, run_with_input};
use serde_json::{Value, json};

const HOSTILE: &str = "ab\u{1b}]0;pwned\u{7}c\u{1b}[2Jd\u{9b}31me\u{202e}f\nFORGED\rg\u{7f}";

/// Returns the hostile text as the decoder of the client cleans it.
fn cleaned() -> String {
    crewboard_core::clean(HOSTILE, 100, false)
}

/// The replies of the false daemon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answers {
    /// Valid replies with hostile texts.
    Valid,
    /// Errors with hostile messages.
    Errors,
    /// Invalid replies, which an error message quotes.
    Invalid,
}

fn row() -> Value {
    let process = std::process::id();
    json!({
        "key": HOSTILE, "agent": HOSTILE, "id": HOSTILE, "status": "permission", "since": 1,
        "source": HOSTILE, "confirmed": true, "needs_you": true, "activity": HOSTILE,
        "request": {"kind": "permission", "tool": HOSTILE, "text": HOSTILE, "subagent": HOSTILE},
        "subagents": [{"id": HOSTILE, "type": HOSTILE, "status": "working", "since": 1}],
        "name": HOSTILE, "cwd": HOSTILE, "branch": HOSTILE, "title": HOSTILE, "prompt": HOSTILE,
        "model": HOSTILE, "mode": HOSTILE, "parent": HOSTILE, "profile": HOSTILE, "job": HOSTILE,
        "transcript": HOSTILE, "pid": process, "pid_start": 1, "lineage": [HOSTILE], "epoch": HOSTILE,
        "place": {"host": HOSTILE, "terminal": HOSTILE, "server": HOSTILE, "pane": HOSTILE,
            "target": HOSTILE, "tty": HOSTILE, "others": [{"terminal": HOSTILE, "server": HOSTILE}]},
        "started": 1, "updated": 1, "revision": 7, "history": [{"status": "idle", "at": 1}],
    })
}

/// Returns valid replies to a request, with hostile texts.
fn valid_replies(kind: &str) -> Vec<Value> {
    let window = json!({"used_percent": 7, "resets_at": 9_999_999_999_999_u64, "at": 1});
    let snapshot = || {
        vec![
            json!({"type": "snapshot", "epoch": HOSTILE, "revision": 7}),
            json!({"type": "limits", "limits": [{"agent": HOSTILE, "profile": HOSTILE,
                "five_hour": window, "seven_day": null}]}),
            json!({"type": "row", "row": row()}),
            json!({"type": "synced", "epoch": HOSTILE, "revision": 7}),
        ]
    };
    let report = json!({"agent": HOSTILE, "session": HOSTILE, "source": HOSTILE,
        "stamp": {"boot": 1, "micros": 1}, "cwd": HOSTILE,
        "event": {"kind": "turn_ended", "message": HOSTILE}});
    let error = json!({"type": "error", "code": HOSTILE, "message": HOSTILE});
    match kind {
        "list" => snapshot(),
        "subscribe" => [
            snapshot(),
            vec![
                json!({"type": "change", "row": row(), "transitions": [{"status": "idle", "at": 1}]}),
                json!({"type": "notification", "id": 1, "title": HOSTILE, "text": HOSTILE}),
                json!({"type": "removed", "key": HOSTILE}),
                // The error ends `watch`.
                error,
            ],
        ]
        .concat(),
        "explain" => vec![json!({"type": "explanation", "row": row(), "trail": [
            {"source": HOSTILE, "summary": HOSTILE, "at": 1, "stamp": {"boot": 1, "micros": 1},
                "delay": 0, "effect": {"ignored": {"why": HOSTILE}}}]})],
        "wait" => vec![json!({"type": "waited", "outcome": "blocked", "row": row()})],
        "mark" => vec![json!({"type": "marked", "row": row()})],
        "notify" => vec![error],
        "record" => vec![
            json!({"type": "recording"}),
            json!({"type": "recorded", "report": report}),
            error,
        ],
        "hello" => vec![json!({"type": "hello", "protocol": 1, "version": HOSTILE, "pid": 1,
            "epoch": HOSTILE, "started": 1, "rows": 1, "subscribers": 1, "events": 1, "dropped": 0,
            "sockets": [HOSTILE]})],
        "stop" => vec![json!({"type": "stopping"})],
        _ => Vec::new(),
    }
}

fn assert_harmless(output: &CommandOutput, words: &[&str]) {
    for text in [&output.stdout, &output.stderr] {
        for line in text.split('\n') {
            assert!(crewboard_core::is_plain(line), "{words:?} printed {line:?}");
            assert!(!line.starts_with("FORGED"), "{words:?} printed {text:?}");
        }
    }
}

#[test]
fn no_command_prints_a_terminal_control_sequence() {
    let name = cleaned();
    let commands: [&[&str]; 28] = [
        &["list"],
        &["list", "--json"],
        &["watch"],
        &["watch", "--json"],
        &["counts"],
        &["counts", "--format", "tmux"],
        &["counts", "--format", "waybar"],
        &["counts", "--format", "json"],
        &["explain", &name],
        &["explain", &name, "--json"],
        &["explain", "a"],
        &["explain", "nothing-like-it"],
        &["wait", &name, "--until", "done"],
        &["wait", "--all", "--until", "done", "--timeout", "1s"],
        &["seen", &name],
        &["pin", &name],
        &["snooze", &name],
        &["dismiss", &name],
        &["jump", &name],
        &["next"],
        &["open", &name],
        &["report", "--agent", "mine", "--session", "s", "--status", "done"],
        &["record"],
        &["record", "--keep-text"],
        &["notify", "--test"],
        &["config"],
        &["daemon", "status", "--json"],
        &["daemon", "status"],
    ];
    for answers in [Answers::Valid, Answers::Errors, Answers::Invalid] {
        let world = world();
        serve_replies(&world, move |kind| match answers {
            Answers::Valid => valid_replies(kind),
            _ if kind == "event" => Vec::new(),
            Answers::Errors => vec![json!({"type": "error", "code": "busy", "message": HOSTILE})],
            Answers::Invalid => vec![json!({"type": "row", "row": {"status": HOSTILE}})],
        });
        let mut printed = String::new();
        for words in commands {
            let output = world.run(words);
            assert_harmless(&output, words);
            printed.extend([output.stdout, output.stderr]);
        }
        for shell in ["bash", "zsh", "fish"] {
            let mut completes = world.command(["--", "crewboard", "jump", ""]);
            completes.env("CREWBOARD_COMPLETE", shell).env("_CLAP_COMPLETE_INDEX", "2");
            let output = run_with_input(completes, b"");
            // Neither the name nor the key is safe as a word of a shell.
            assert!(!output.stdout.contains("FORGED"), "{shell}: {output:?}");
        }
        // The commands did print the cleaned texts.
        assert!(printed.contains("abc"), "{printed}");
    }
}
