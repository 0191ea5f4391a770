//! Who is told of what, and by whom.

use super::*;
use crewboard_core::{Place, Request as Wanted, RequestKind};

/// What is announced, in short.
fn announced(outputs: &[Output]) -> Vec<String> {
    let names = |rows: &[Session]| {
        rows.iter()
            .map(|row| format!("{} {}", row.id.as_str(), row.status))
            .collect::<Vec<_>>()
            .join(" + ")
    };
    let one = |output: &Output| match output {
        Output::Announce(one) => Some(format!("{} | {}", names(&one.person), names(&one.commands))),
        _ => None,
    };
    outputs.iter().filter_map(one).collect()
}

impl Stage {
    fn announced(&mut self, session: &str, status: Status) -> Vec<String> {
        let (activity, text) = (String::new(), String::new());
        announced(&self.event(session, None, Event::StatusReported { status, activity, text }))
    }

    /// Goes on for that many milliseconds, to each deadline.
    fn pass(&mut self, millis: u64) -> Vec<String> {
        let end = self.micros + millis * 1000;
        let mut said = Vec::new();
        while let Some(wait) = self.actor.next_deadline(self.now()) {
            if self.micros + wait * 1000 > end {
                break;
            }
            self.micros += wait * 1000;
            let now = self.now();
            said.extend(announced(&self.actor.handle(Input::Tick, now)));
        }
        self.micros = end;
        said
    }
}

#[test]
fn a_person_is_told_and_commands_run() {
    let mut stage = Stage::new();
    assert_eq!(stage.announced("a", Status::Permission), [""; 0]);
    stage.actor.set_interest(Interest {
        person: vec![Status::Permission, Status::Done],
        commands: Goal { statuses: vec![Status::Working], needs_you: false },
    });
    assert_eq!(stage.announced("b", Status::Permission), ["b permission | "]);
    assert_eq!(stage.announced("a", Status::Working), [" | a working"]);
    assert_eq!(stage.announced("a", Status::Done), [""; 0]);
    assert_eq!(stage.pass(5000), ["a done | "]);
    assert_eq!(stage.pass(100_000), [""; 0]);
}

#[test]
fn what_a_view_gives_back_is_told_to_nobody() {
    let mut stage = Stage::new();
    stage
        .actor
        .set_interest(Interest { person: vec![Status::Permission], commands: Goal::default() });
    let row = Session {
        status: Status::Permission,
        since: Timestamp(stage.micros / 1000),
        needs_you: true,
        request: Some(Wanted {
            kind: RequestKind::Permission,
            tool: None,
            text: "ls".into(),
            subagent: None,
        }),
        ..remembered()
    };
    let request = Box::new(Request::Restore { row: Box::new(row) });
    let outputs = stage.input(Input::Request { connection: 1, peer: PEER, request });
    assert_eq!(announced(&outputs), [""; 0]);
    assert_eq!(stage.actor.sessions.iter().filter(|row| row.needs_you).count(), 1);
    let process = Process { pid: 1234, start: 7 };
    let watched = Input::ProcessWatched { process, ancestors: Vec::new() };
    assert_eq!(announced(&stage.input(watched)), [""; 0]);
    assert_eq!(stage.pass(100_000), [""; 0]);
}

#[test]
fn the_latest_view_that_can_and_reads_calls_the_person() {
    let mut stage = Stage::new();
    let announce =
        || Request::Announce { title: "shop\u{1b}[31m: done\nx".into(), text: "y".repeat(300) };
    let told = |stage: &mut Stage| {
        let replies = stage.ask(9, announce());
        let delivered = replies[0].1["delivered"].as_bool().unwrap();
        let is_told = |batch: &Batch| {
            let holds = |line: &Line| String::from_utf8_lossy(line).contains(r#""announcement""#);
            batch.lines.iter().any(holds)
        };
        let batches = stage.actor.flush();
        let to: Vec<ConnectionId> =
            batches.iter().filter(|batch| is_told(batch)).map(|batch| batch.connection).collect();
        (delivered, to)
    };
    assert_eq!(told(&mut stage), (false, vec![]));
    // Who gets no pushes cannot.
    stage.ask(3, Request::Attend { on: true });
    for view in [1, 2, 3] {
        stage.ask(view, subscribe(None));
        assert_eq!(stage.drain(view), "snapshot, synced");
    }
    assert_eq!(told(&mut stage), (false, vec![]));
    for view in [1, 2] {
        stage.ask(view, Request::Attend { on: true });
    }
    assert_eq!(told(&mut stage), (true, vec![2]));
    // It has not read that yet.
    assert_eq!(told(&mut stage), (true, vec![1]));
    stage.input(Input::Drained(1));
    stage.input(Input::Drained(2));
    stage.ask(2, Request::Attend { on: false });
    assert_eq!(told(&mut stage), (true, vec![1]));
    stage.input(Input::Drained(1));
    stage.ask(2, Request::Attend { on: true });
    stage.input(Input::Closed(2));
    assert_eq!(told(&mut stage), (true, vec![1]));
    stage.input(Input::Closed(1));
    assert_eq!(told(&mut stage), (false, vec![]));
}

#[test]
fn rows_are_taken_back_only_from_those_who_count_processes_as_we_do() {
    for (namespace, rows) in [(Namespace::Other, 0), (Namespace::Unknown, 0), (Namespace::Ours, 1)]
    {
        let mut stage = Stage::new();
        let request = Box::new(Request::Restore { row: Box::new(remembered()) });
        let peer = Peer { namespace, ..PEER };
        stage.input(Input::Request { connection: 1, peer, request });
        assert_eq!(stage.actor.sessions.len(), rows, "{namespace:?}");
    }
}

#[test]
fn a_container_names_no_file_and_no_terminal_of_ours() {
    for namespace in [Namespace::Other, Namespace::Ours] {
        let mut stage = Stage::new();
        let prompt =
            Event::PromptSubmitted { prompt: "go".to_owned(), automatic: false, ended_task: None };
        let report = Box::new(Report {
            process: Some(Process { pid: 7, start: 7 }),
            profile: Some("/evil".to_owned()),
            place: Place {
                host: "box".to_owned(),
                terminal: Some("tmux".to_owned()),
                server: Some("/evil/socket".to_owned()),
                ..Place::default()
            },
            ..Report::new("claude", "a", "hook:Test", Stamp { boot: 1, micros: 5 }, prompt)
        });
        let peer = Peer { namespace, ..PEER };
        let request = Box::new(Request::Event(EventLine { hook_pid: HOOK, report }));
        stage.input(Input::Request { connection: 1, peer, request });
        let row = stage.actor.sessions.iter().next().unwrap();
        let is_ours = namespace == Namespace::Ours;
        assert_eq!(row.pid.is_some(), is_ours);
        assert_eq!(row.profile.is_some(), is_ours);
        assert_eq!((row.place.host.as_str(), row.place.server.is_some()), ("box", is_ours));
    }
}

#[test]
fn what_is_to_be_told_is_one_clean_line() {
    let mut stage = Stage::new();
    stage.ask(1, subscribe(None));
    stage.drain(1);
    stage.ask(1, Request::Attend { on: true });
    let (title, text) = ("shop\u{1b}[31m: done\nx".to_owned(), "y".repeat(300));
    stage.ask(9, Request::Announce { title, text });
    let line = stage.actor.flush().remove(0).lines[0].clone();
    let line: Value = serde_json::from_slice(&line).unwrap();
    assert_eq!(line["title"], "shop: done");
    assert_eq!(line["text"].as_str().unwrap().len(), MAX_LINE);
}
