//! What the agent's own files tell and no hook does, through the real daemon and the kernel's own word.

use crate::{note, payload, prompt_payload, status_of, world};
use crewboard_platform::Clock;
use crewboard_testkit::{FakeAgent, View, World, eventually};
use rustix::process::Signal;
use serde_json::{Value, json};
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// An agent with a home, and the file in which it says what it does.
struct Filing {
    agent: FakeAgent,
    session: &'static str,
    path: PathBuf,
}

impl Filing {
    fn new(world: &World, session: &'static str) -> Self {
        let agent = FakeAgent::at_home(&world.home());
        let folder = world.home().join(".claude/sessions");
        let path = folder.join(format!("{}.json", agent.pid()));
        Self { agent, session, path }
    }

    /// The file's text, as Claude Code 2.1.330 writes it.
    fn text(&self, status: &str, waiting_for: &str) -> Value {
        let process = self.agent.process();
        let namespace = fs::read_link("/proc/self/ns/pid").unwrap();
        json!({
            "pid": process.pid,
            "sessionId": self.session,
            "cwd": "/srv/shop",
            "procStart": process.start.to_string(),
            "kind": "interactive",
            "entrypoint": "cli",
            "pidDomain": format!("linux:0000:{}", namespace.display()),
            "status": status,
            "waitingFor": waiting_for,
            "statusUpdatedAt": Clock::new().now().wall.0,
        })
    }

    /// Writes it in place, as the client does: over the former text, and cut afterwards.
    fn says(&self, status: &str, waiting_for: &str) {
        self.writes(&self.text(status, waiting_for));
    }

    fn writes(&self, text: &Value) {
        fs::create_dir_all(self.path.parent().unwrap()).unwrap();
        let text = text.to_string();
        let mut options = OpenOptions::new();
        let mut file = options.write(true).create(true).truncate(false).open(&self.path).unwrap();
        file.write_all(text.as_bytes()).unwrap();
        file.set_len(text.len() as u64).unwrap();
    }

    fn prompts(&self, world: &World) {
        world.hook(&self.agent, &prompt_payload(self.session, "go"));
        self.says("busy", "");
    }
}

fn ask_payload(id: &str) -> String {
    let input = json!({ "command": "make" });
    payload("PermissionRequest", id, &json!({ "tool_name": "Bash", "tool_input": input }))
}

#[test]
fn an_interrupt_a_grant_and_a_refusal_are_seen() {
    let world = world();
    let mut view = View::new(world.start());
    let filing = Filing::new(&world, "s");
    filing.prompts(&world);
    view.until_row("s", |row| row["status"] == "working" && row["confirmed"] == true);

    world.hook(&filing.agent, &ask_payload("s"));
    filing.says("waiting", "permission prompt");
    view.until_row("s", |row| row["status"] == "permission");
    let granted = Instant::now();
    filing.says("busy", "");
    let row = view.until_row("s", |row| row["status"] == "working");
    note(&format!("a grant was shown {:?} after it was written", granted.elapsed()));
    assert_eq!(row["source"], "file:busy");

    let interrupted = Instant::now();
    filing.says("idle", "");
    let row = view.until_row("s", |row| row["status"] == "idle");
    note(&format!("an interrupt was shown {:?} after it was written", interrupted.elapsed()));
    assert_eq!((&row["source"], &row["needs_you"]), (&json!("file:idle"), &json!(false)));

    filing.prompts(&world);
    world.hook(&filing.agent, &ask_payload("s"));
    filing.says("waiting", "permission prompt");
    view.until_row("s", |row| row["status"] == "permission");
    filing.says("idle", "");
    view.until_row("s", |row| row["status"] == "idle" && row["request"].is_null());
}

#[test]
fn one_that_takes_its_file_away_left_and_one_that_leaves_it_was_killed() {
    let world = world();
    let mut view = View::new(world.start());
    let mut leaves = Filing::new(&world, "leaves");
    leaves.prompts(&world);
    view.until_row("leaves", |row| row["confirmed"] == true);
    fs::remove_file(&leaves.path).unwrap();
    let row = view.until_row("leaves", |row| row["status"] == "closed");
    assert_eq!((&row["end"], &row["source"]), (&json!("exit"), &json!("file:removed")));
    leaves.agent.kill();

    let mut dies = Filing::new(&world, "dies");
    dies.prompts(&world);
    view.until_row("dies", |row| row["confirmed"] == true);
    dies.agent.kill();
    let row = view.until_row("dies", |row| row["status"] == "closed");
    assert_eq!((&row["end"], &row["source"]), (&json!("killed"), &json!("process:exited")));
}

#[test]
fn agents_that_ran_before_the_daemon_are_there_at_once() {
    let world = world();
    let asks = Filing::new(&world, "asks");
    asks.says("waiting", "permission prompt");
    let works = Filing::new(&world, "works");
    works.says("busy", "");
    let mut gone = Filing::new(&world, "gone");
    gone.says("busy", "");
    gone.agent.kill();
    let mut view = View::new(world.start());
    view.until_row("works", |row| row["status"] == "working");
    let row = view.until_row("asks", |row| row["status"] == "permission");
    assert_eq!((&row["pid"], &row["name"]), (&json!(asks.agent.pid()), &json!("shop")));
    assert!(view.rows.values().all(|row| row["id"] != "gone"), "{:?}", view.rows);
}

#[test]
fn files_that_prove_nothing_are_not_believed() {
    let world = world();
    let mut view = View::new(world.start());
    // A link, another pid namespace, another process of that number, and no file at all.
    let linked = Filing::new(&world, "linked");
    let elsewhere = world.path().join("elsewhere.json");
    fs::write(&elsewhere, linked.text("idle", "").to_string()).unwrap();
    fs::create_dir_all(linked.path.parent().unwrap()).unwrap();
    symlink(&elsewhere, &linked.path).unwrap();
    let foreign = Filing::new(&world, "foreign");
    let mut text = foreign.text("idle", "");
    text["pidDomain"] = json!("linux:0000:pid:[1]");
    foreign.writes(&text);
    let reused = Filing::new(&world, "reused");
    let mut text = reused.text("idle", "");
    text["procStart"] = json!("1");
    reused.writes(&text);
    let none = Filing::new(&world, "none");
    for filing in [&linked, &foreign, &reused, &none] {
        world.hook(&filing.agent, &prompt_payload(filing.session, "go"));
        let row = view.until_row(filing.session, |row| row["status"] == "working");
        assert_eq!(row["confirmed"], false, "{row}");
    }
    // One that is believed comes last, so that all before it were looked at.
    let good = Filing::new(&world, "good");
    good.prompts(&world);
    good.says("idle", "");
    view.until_row("good", |row| row["status"] == "idle");
    for filing in [&linked, &foreign, &reused, &none] {
        assert_eq!(view.until_row(filing.session, |_| true)["status"], "working");
    }
}

/// Where the client keeps no such file, its transcript tells of the interrupt, and of nothing else.
#[test]
fn without_the_file_the_transcript_tells_of_an_interrupt() {
    let world = world();
    let mut view = View::new(world.start());
    let agent = FakeAgent::at_home(&world.home());
    let folder = world.home().join(".claude/projects/-srv-shop");
    fs::create_dir_all(&folder).unwrap();
    let path = folder.join("s.jsonl");
    let mut transcript = File::create(&path).unwrap();
    let mut prompt: Value = serde_json::from_str(&prompt_payload("s", "go")).unwrap();
    prompt["transcript_path"] = json!(path);
    world.hook(&agent, &prompt.to_string());
    view.until_row("s", |row| row["status"] == "working" && row["confirmed"] == false);
    let time = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string();
    let line = |text: &str| json!({"type": "user", "timestamp": time, "message": {"content": [{"type": "text", "text": text}]}});
    writeln!(transcript, "{}", line("something else")).unwrap();
    writeln!(transcript, "{}", line("[Request interrupted by user for tool use]")).unwrap();
    let row = view.until_row("s", |row| row["status"] == "idle");
    assert_eq!(row["source"], "file:transcript");
}

#[test]
fn ten_idle_agents_with_files_wake_nobody() {
    let world = world();
    let mut view = View::new(world.start());
    let sessions = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"];
    let filings = sessions.map(|session| Filing::new(&world, session));
    for filing in &filings {
        filing.says("idle", "");
        view.until_row(filing.session, |row| row["status"] == "idle" && row["confirmed"] == true);
    }
    view.client.hello();
    let daemon = world.daemon();
    let wakes = || {
        status_of(daemon, "voluntary_ctxt_switches")
            + status_of(daemon, "nonvoluntary_ctxt_switches")
    };
    // Our own requests are still being tidied up.
    std::thread::sleep(Duration::from_millis(200));
    let before = wakes();
    // Nothing can be awaited here: it is nothing that is to happen.
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!(wakes(), before, "it woke while nothing happened");
    assert_eq!(status_of(daemon, "Threads"), 1);
    filings[3].says("busy", "");
    view.until_row("d", |row| row["status"] == "working");
}

/// A stream of transcript lines is looked at ten times a second at most, and only its end.
#[test]
fn a_transcript_that_grows_fast_costs_little() {
    let world = world();
    let mut view = View::new(world.start());
    let agent = FakeAgent::at_home(&world.home());
    let folder = world.home().join(".claude/projects/-srv-shop");
    fs::create_dir_all(&folder).unwrap();
    let path = folder.join("s.jsonl");
    let mut transcript = File::create(&path).unwrap();
    let mut prompt: Value = serde_json::from_str(&prompt_payload("s", "go")).unwrap();
    prompt["transcript_path"] = json!(path);
    world.hook(&agent, &prompt.to_string());
    view.until_row("s", |row| row["status"] == "working");
    let daemon = world.daemon();
    let ticks = || {
        let line = fs::read_to_string(format!("/proc/{daemon}/stat")).unwrap();
        let (_, rest) = line.rsplit_once(") ").unwrap();
        let fields: Vec<u64> = rest.split(' ').filter_map(|field| field.parse().ok()).collect();
        // utime and stime, in hundredths of a second; the state is no number.
        fields[10] + fields[11]
    };
    let before = ticks();
    let line = json!({"type": "progress", "text": "x".repeat(1000)}).to_string() + "\n";
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(2) {
        for _ in 0..100 {
            transcript.write_all(line.as_bytes()).unwrap();
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    let spent = ticks() - before;
    note(&format!(
        "a transcript of {} MB in 2 s cost {spent}0 ms",
        transcript.metadata().unwrap().len() >> 20
    ));
    assert!(spent <= 20, "{spent}0 ms of two seconds");
}

/// Nothing is told of Ctrl-Z; whoever asks sees it.
#[test]
fn a_suspended_agent_is_seen_by_whoever_asks() {
    let world = world();
    let agent = FakeAgent::new();
    world.hook(&agent, &prompt_payload("s", "go"));
    let mut client = world.connect();
    client.await_events(1);
    for (signal, stopped) in [(Signal::STOP, true), (Signal::CONT, false)] {
        crewboard_testkit::signal(agent.pid(), signal);
        eventually("the list tells", || {
            client.list().values().all(|row| row["stopped"] == stopped)
        });
    }
}
