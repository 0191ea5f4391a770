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
