//! What the end of a transcript tells, where no other file does.

use super::filing::{Filing, Transcribing, is_watched};
use crate::{note, payload, world};
use crewboard_testkit::{View, eventually};
use serde_json::{Value, json};
use std::fs;
use std::io::Write;
use std::time::{Duration, Instant};

/// Where the client keeps no such file, its transcript tells of the interrupt, and of nothing else.
#[test]
fn without_the_file_the_transcript_tells_of_an_interrupt() {
    let world = world();
    let mut view = View::new(world.start());
    let agent = Transcribing::new(&world, "s");
    agent.prompts(&world, "go");
    view.until_row("s", |row| row["status"] == "working" && row["confirmed"] == false);
    agent.says("something else");
    agent.is_interrupted();
    let row = view.until_row("s", |row| row["status"] == "idle");
    assert_eq!(row["source"], "file:transcript");
}

/// A stream of transcript lines is looked at ten times a second at most, and only its end.
#[test]
fn a_transcript_that_grows_fast_costs_little() {
    let world = world();
    let mut view = View::new(world.start());
    let agent = Transcribing::new(&world, "s");
    agent.prompts(&world, "go");
    view.until_row("s", |row| row["status"] == "working");
    let daemon = world.daemon();
    let read = || {
        let counts = fs::read_to_string(format!("/proc/{daemon}/io")).unwrap();
        let read = counts.lines().find_map(|line| line.strip_prefix("rchar: "));
        read.unwrap().parse::<u64>().unwrap()
    };
    let mut transcript = agent.open();
    let before = read();
    let line = json!({"type": "progress", "text": "x".repeat(1000)}).to_string() + "\n";
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(2) {
        // Somewhat more than 10 MB a second.
        for _ in 0..110 {
            transcript.write_all(line.as_bytes()).unwrap();
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    let (read, passed) = (read() - before, begun.elapsed());
    let grown = transcript.metadata().unwrap().len();
    note(&format!("of a transcript that grew by {grown} bytes in {passed:?} it read {read}"));
    // Its end is 64 KiB. A look more may fall into each end of that time, and each is announced in a few bytes.
    let most = (10 * passed.as_secs() + 12) * 66 * 1024;
    assert!(grown > 2 * most, "it grew by {grown} bytes in {passed:?}: too little to tell");
    assert!(read <= most, "{read} bytes in {passed:?}");
}

/// The client makes it 100 to 660 ms after the hook that told of the first prompt (seen in 2.1.330).
#[test]
fn a_transcript_may_come_after_the_prompt() {
    let world = world();
    let mut view = View::new(world.start());
    let agent = Transcribing::new(&world, "s");
    agent.prompts(&world, "go");
    view.until_row("s", |row| row["status"] == "working");
    // It is not there when it is looked at first, after 100 ms. Nothing shows that look.
    std::thread::sleep(Duration::from_millis(300));
    agent.says("go");
    agent.is_interrupted();
    view.until_row("s", |row| row["status"] == "idle");
    // One that never comes keeps nobody from looking at the next turn's.
    fs::remove_file(&agent.path).unwrap();
    agent.prompts(&world, "again");
    view.until_row("s", |row| row["status"] == "working");
    world.hook(&agent.agent, &payload("Stop", "s", &json!({})));
    view.until_row("s", |row| row["status"] == "done");
    agent.prompts(&world, "once more");
    view.until_row("s", |row| row["status"] == "working");
    agent.is_interrupted();
    view.until_row("s", |row| row["status"] == "idle");
}

/// The folder's name follows from the directory only for the client's own rule of today, and not where
/// `CLAUDE_CODE_PROJECT_DIR_NAME` names another.
#[test]
fn a_transcript_is_found_in_a_folder_of_any_name() {
    let world = world();
    let mut view = View::new(world.start());
    let deep = format!("/srv/{}", "a-directory/".repeat(20));
    let long = format!("{}-an0ld", deep.replace(['/', '.'], "-").get(..200).unwrap());
    for (id, folder) in [("named", "my-project"), ("long", &long), ("short", "-srv-a-directory")] {
        let filing = Filing::new(&world, id);
        let says = |status| {
            let mut text = filing.text(status, "");
            text["cwd"] = json!(deep);
            filing.writes(&text);
        };
        says("busy");
        view.until_row(id, |row| row["status"] == "working");
        let folder = world.home().join(".claude/projects").join(folder);
        fs::create_dir_all(&folder).unwrap();
        let time = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string();
        let content = json!([{"type": "text", "text": "All done."}]);
        let message = json!({"content": content, "stop_reason": "end_turn"});
        let answer = json!({"type": "assistant", "timestamp": time, "message": message});
        let over = json!({"type": "system", "subtype": "turn_duration", "timestamp": time});
        fs::write(folder.join(format!("{id}.jsonl")), format!("{answer}\n{over}\n")).unwrap();
        says("idle");
        let is_over = |row: &Value| row["status"] == "done" || row["status"] == "idle";
        let row = view.until_row(id, |row| is_over(row) && row["source"] == "file:transcript");
        assert_eq!((&row["status"], &row["activity"]), (&json!("done"), &json!("All done.")));
    }
}

#[test]
fn two_processes_may_go_on_with_one_conversation() {
    let world = world();
    let mut view = View::new(world.start());
    let one = Transcribing::new(&world, "s");
    let other = Transcribing::new(&world, "s");
    one.says("go");
    let pids = [&one, &other].map(|agent| agent.agent.pid());
    for agent in [&one, &other] {
        agent.prompts(&world, "go");
    }
    view.until(|rows| rows.len() == 2 && rows.values().all(|row| row["status"] == "working"));
    eventually("it is watched", || is_watched(world.daemon(), &one.path));
    one.is_interrupted();
    view.until(|rows| {
        pids.iter()
            .all(|pid| rows.values().any(|row| row["pid"] == *pid && row["status"] == "idle"))
    });
}

#[test]
fn a_transcript_is_watched_no_longer_than_its_turn() {
    let world = world();
    let mut view = View::new(world.start());
    let agent = Transcribing::new(&world, "s");
    agent.says("go");
    agent.prompts(&world, "go");
    view.until_row("s", |row| row["status"] == "working");
    agent.says("[Request interrupted by user]");
    view.until_row("s", |row| row["status"] == "idle");
    // What ended the turn before ends no other.
    agent.prompts(&world, "again");
    view.until_row("s", |row| row["status"] == "working" && row["prompt"] == "again");
    // It is watched from the moment at which it was looked at and had no end of this turn.
    let daemon = world.daemon();
    eventually("it is watched", || is_watched(daemon, &agent.path));
    let row = world.connect().list().into_values().next().unwrap();
    assert_eq!(row["status"], "working", "{row}");
    world.hook(&agent.agent, &payload("Stop", "s", &json!({})));
    view.until_row("s", |row| row["status"] == "done");
    eventually("it is watched no longer", || !is_watched(daemon, &agent.path));
}
