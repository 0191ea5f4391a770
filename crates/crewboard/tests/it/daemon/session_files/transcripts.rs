//! Statuses that the daemon reads from the end of a transcript.

use crate::support::{
    AgentWithFile, AgentWithTranscript, is_watched, note, payload, transcript_time, world,
};
use crewboard_testkit::{Subscription, wait_until};
use serde_json::{Value, json};
use std::fs;
use std::io::Write;
use std::time::{Duration, Instant};

/// Without a session file, only the transcript shows an interrupt.
#[test]
fn transcript_shows_an_interrupt_without_a_session_file() {
    let world = world();
    let mut subscription = Subscription::new(world.start_daemon());
    let agent = AgentWithTranscript::new(&world, "s");
    agent.send_prompt(&world, "go");
    subscription.wait_for_row("s", |row| row["status"] == "working" && row["confirmed"] == false);
    agent.write_user_line("something else");
    agent.write_interrupt();
    let row = subscription.wait_for_row("s", |row| row["status"] == "idle");
    assert_eq!(row["source"], "file:transcript");
}

/// The daemon reads only the end of a transcript, at most ten times a second.
#[test]
fn fast_growing_transcript_is_read_ten_times_a_second() {
    let world = world();
    let mut subscription = Subscription::new(world.start_daemon());
    let agent = AgentWithTranscript::new(&world, "s");
    agent.send_prompt(&world, "go");
    subscription.wait_for_row("s", |row| row["status"] == "working");
    let daemon = world.daemon();
    let read = || {
        let counts = fs::read_to_string(format!("/proc/{daemon}/io")).unwrap();
        let read = counts.lines().find_map(|line| line.strip_prefix("rchar: "));
        read.unwrap().parse::<u64>().unwrap()
    };
    let mut transcript = agent.open();
    let before = read();
    let line = json!({"type": "progress", "text": "x".repeat(1000)}).to_string() + "\n";
    let started = Instant::now();
    while started.elapsed() < Duration::from_secs(2) {
        // Somewhat more than 10 MB a second.
        for _ in 0..110 {
            transcript.write_all(line.as_bytes()).unwrap();
        }
        // The pace of the writer. The test waits for nothing here.
        std::thread::sleep(Duration::from_millis(10));
    }
    let (read, elapsed) = (read() - before, started.elapsed());
    let grown = transcript.metadata().unwrap().len();
    note(&format!(
        "of a transcript that grew by {grown} bytes in {elapsed:?}, the daemon read {read}"
    ));
    // The daemon reads 64 KiB each time. One more read may fall into each end of the interval.
    let most = (10 * elapsed.as_secs() + 12) * 66 * 1024;
    assert!(grown > 2 * most, "the transcript grew by only {grown} bytes in {elapsed:?}");
    assert!(read <= most, "{read} bytes in {elapsed:?}");
}

/// Claude Code creates the transcript 100 to 660 ms after the hook of the first prompt (seen in 2.1.330).
#[test]
fn transcript_may_appear_after_the_prompt() {
    let world = world();
    let mut subscription = Subscription::new(world.start_daemon());
    let agent = AgentWithTranscript::new(&world, "s");
    agent.send_prompt(&world, "go");
    subscription.wait_for_row("s", |row| row["status"] == "working");
    // The daemon first looks for the transcript after 100 ms. No event shows that look.
    std::thread::sleep(Duration::from_millis(300));
    agent.write_user_line("go");
    agent.write_interrupt();
    subscription.wait_for_row("s", |row| row["status"] == "idle");
    // A transcript that never appears does not affect the next turn.
    fs::remove_file(&agent.path).unwrap();
    agent.send_prompt(&world, "again");
    subscription.wait_for_row("s", |row| row["status"] == "working");
    world.run_hook(&agent.process, &payload("Stop", "s", &json!({})));
    subscription.wait_for_row("s", |row| row["status"] == "done");
    agent.send_prompt(&world, "once more");
    subscription.wait_for_row("s", |row| row["status"] == "working");
    agent.write_interrupt();
    subscription.wait_for_row("s", |row| row["status"] == "idle");
}

/// The agent derives the name of the folder from the directory by a rule that may change, unless
/// `CLAUDE_CODE_PROJECT_DIR_NAME` sets another name.
#[test]
fn transcript_is_found_in_a_folder_of_any_name() {
    let world = world();
    let mut subscription = Subscription::new(world.start_daemon());
    let deep = format!("/srv/{}", "a-directory/".repeat(20));
    let long = format!("{}-an0ld", deep.replace(['/', '.'], "-").get(..200).unwrap());
    for (id, folder) in [("named", "my-project"), ("long", &long), ("short", "-srv-a-directory")] {
        let agent = AgentWithFile::new(&world, id);
        let write_status = |status| {
            let mut text = agent.text(status, "");
            text["cwd"] = json!(deep);
            agent.write_file(&text);
        };
        write_status("busy");
        subscription.wait_for_row(id, |row| row["status"] == "working");
        let folder = world.home().join(".claude/projects").join(folder);
        fs::create_dir_all(&folder).unwrap();
        let time = transcript_time();
        let content = json!([{"type": "text", "text": "All done."}]);
        let message = json!({"content": content, "stop_reason": "end_turn"});
        let answer = json!({"type": "assistant", "timestamp": time, "message": message});
        let over = json!({"type": "system", "subtype": "turn_duration", "timestamp": time});
        fs::write(folder.join(format!("{id}.jsonl")), format!("{answer}\n{over}\n")).unwrap();
        write_status("idle");
        let is_over = |row: &Value| row["status"] == "done" || row["status"] == "idle";
        let row =
            subscription.wait_for_row(id, |row| is_over(row) && row["source"] == "file:transcript");
        assert_eq!((&row["status"], &row["activity"]), (&json!("done"), &json!("All done.")));
    }
}

#[test]
fn two_processes_may_continue_one_conversation() {
    let world = world();
    let mut subscription = Subscription::new(world.start_daemon());
    let one = AgentWithTranscript::new(&world, "s");
    let other = AgentWithTranscript::new(&world, "s");
    one.write_user_line("go");
    let pids = [&one, &other].map(|agent| agent.process.pid());
    for agent in [&one, &other] {
        agent.send_prompt(&world, "go");
    }
    subscription.wait_for_rows(|rows| {
        rows.len() == 2 && rows.values().all(|row| row["status"] == "working")
    });
    wait_until("the transcript is watched", || is_watched(world.daemon(), &one.path));
    one.write_interrupt();
    subscription.wait_for_rows(|rows| {
        pids.iter()
            .all(|pid| rows.values().any(|row| row["pid"] == *pid && row["status"] == "idle"))
    });
}

#[test]
fn transcript_is_watched_only_during_its_turn() {
    let world = world();
    let mut subscription = Subscription::new(world.start_daemon());
    let agent = AgentWithTranscript::new(&world, "s");
    agent.write_user_line("go");
    agent.send_prompt(&world, "go");
    subscription.wait_for_row("s", |row| row["status"] == "working");
    agent.write_user_line("[Request interrupted by user]");
    subscription.wait_for_row("s", |row| row["status"] == "idle");
    // The end of the former turn does not end this turn.
    agent.send_prompt(&world, "again");
    subscription.wait_for_row("s", |row| row["status"] == "working" && row["prompt"] == "again");
    // The daemon watches the transcript once it has found no end of this turn in it.
    let daemon = world.daemon();
    wait_until("the transcript is watched", || is_watched(daemon, &agent.path));
    let row = world.connect().list().into_values().next().unwrap();
    assert_eq!(row["status"], "working", "{row}");
    world.run_hook(&agent.process, &payload("Stop", "s", &json!({})));
    subscription.wait_for_row("s", |row| row["status"] == "done");
    wait_until("the transcript is watched no longer", || !is_watched(daemon, &agent.path));
}
