//! Notifications, and what clients in containers may claim.

use super::*;
use crewboard_core::{Place, Prompt, PromptKind};

/// Returns the rows of each notification and of the commands, as text.
fn notified(outputs: &[Output]) -> Vec<String> {
    let names = |rows: &[Session]| {
        rows.iter()
            .map(|row| format!("{} {}", row.id.as_str(), row.status))
            .collect::<Vec<_>>()
            .join(" + ")
    };
    let one = |output: &Output| match output {
        Output::Notify(one) => Some(format!("{} | {}", names(&one.person), names(&one.commands))),
        _ => None,
    };
    outputs.iter().filter_map(one).collect()
}

impl Stage {
    fn notified_by(&mut self, session: &str, status: Status) -> Vec<String> {
        let (activity, text) = (String::new(), String::new());
        notified(&self.event(session, None, Event::StatusReported { status, activity, text }))
    }

    /// Lets time pass, with a tick at each deadline. Returns the notifications.
    fn pass(&mut self, millis: u64) -> Vec<String> {
        let end = self.micros + millis * 1000;
        let mut all = Vec::new();
        while let Some(wait) = self.actor.next_deadline(self.now()) {
            if self.micros + wait * 1000 > end {
                break;
            }
            self.micros += wait * 1000;
            let now = self.now();
            all.extend(notified(&self.actor.handle(Input::Tick, now)));
        }
        self.micros = end;
        all
    }
}

#[test]
fn the_user_is_notified_and_commands_run() {
    let mut stage = Stage::new();
    assert_eq!(stage.notified_by("a", Status::Permission), [""; 0]);
    stage.actor.set_notification_settings(NotificationSettings {
        person: vec![Status::Permission, Status::Done],
        commands: WaitGoal { statuses: vec![Status::Working], needs_you: false },
    });
    assert_eq!(stage.notified_by("b", Status::Permission), ["b permission | "]);
    assert_eq!(stage.notified_by("a", Status::Working), [" | a working"]);
    assert_eq!(stage.notified_by("a", Status::Done), [""; 0]);
    assert_eq!(stage.pass(5000), ["a done | "]);
    assert_eq!(stage.pass(100_000), [""; 0]);
}

#[test]
fn a_restored_row_triggers_no_notification() {
    let mut stage = Stage::new();
    stage.actor.set_notification_settings(NotificationSettings {
        person: vec![Status::Permission],
        commands: WaitGoal::default(),
    });
    let row = Session {
        status: Status::Permission,
        since: Timestamp(stage.micros / 1000),
        needs_you: true,
        request: Some(Prompt {
            kind: PromptKind::Permission,
            tool: None,
            text: "ls".into(),
            subagent: None,
        }),
        ..remembered_row()
    };
    let request = Box::new(Request::Restore { row: Box::new(row) });
    let outputs = stage.input(Input::Request { connection: 1, peer: PEER, request });
    assert_eq!(notified(&outputs), [""; 0]);
    assert_eq!(stage.actor.sessions.iter().filter(|row| row.needs_you).count(), 1);
    let process = Process { pid: 1234, start: 7 };
    let watched = Input::ProcessWatched { process, ancestors: Vec::new() };
    assert_eq!(notified(&stage.input(watched)), [""; 0]);
    assert_eq!(stage.pass(100_000), [""; 0]);
}

#[test]
fn rows_are_restored_only_from_the_daemons_pid_namespace() {
    for (namespace, rows) in [(Namespace::Other, 0), (Namespace::Unknown, 0), (Namespace::Ours, 1)]
    {
        let mut stage = Stage::new();
        let request = Box::new(Request::Restore { row: Box::new(remembered_row()) });
        let peer = Peer { namespace, ..PEER };
        stage.input(Input::Request { connection: 1, peer, request });
        assert_eq!(stage.actor.sessions.len(), rows, "{namespace:?}");
    }
}

#[test]
fn a_container_cannot_claim_a_profile_or_a_terminal() {
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
