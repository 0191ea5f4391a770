//! Clients and events from other pid namespaces, such as containers.

use super::*;
use crewboard_core::Place;
use crewboard_protocol::{AddNotificationsRequest, NotificationReport};

#[test]
fn process_is_watched_only_in_the_daemons_namespace() {
    let prompt =
        || Event::PromptSubmitted { prompt: "p".to_owned(), automatic: false, ended_task: None };
    for (hook_pid, watched) in [(HOOK, true), (7, false), (0, false)] {
        let mut stage = Stage::new();
        let outputs = stage.event_from(hook_pid, "a", Some(1234), prompt());
        let process = Process { pid: 1234, start: 7 };
        let asks = outputs.iter().any(
            |output| matches!(output, Output::WatchProcess(watch) if watch.process == process),
        );
        assert_eq!(asks, watched, "{hook_pid}");
        let exited = stage.input(Input::ProcessExited(process));
        assert!(matches!(exited[..], [Output::StopWatching(_)]));
        let status = stage.actor.sessions.iter().next().unwrap().status;
        let expected = if watched { Status::Closed } else { Status::Working };
        assert_eq!(status, expected, "{hook_pid}");
        assert_eq!(stage.actor.has_live_rows(), !watched);
    }
}

#[test]
fn client_of_another_pid_namespace_only_reads() {
    for namespace in [Namespace::Other, Namespace::Unknown] {
        let mut stage = Stage::new();
        stage.event(
            "a",
            Some(1234),
            Event::PromptOpened {
                prompt_kind: PromptKind::Permission,
                tool: "Bash".to_owned(),
                text: "make".to_owned(),
                line: String::new(),
                input: crewboard_core::InputDigest::default(),
            },
        );
        stage.request(7, subscribe(None));
        stage.drain(7);
        let row = stage.actor.sessions.iter().next().unwrap().clone();
        let mut from_elsewhere = |request: Request| {
            let peer = Peer { pid: Some(HOOK), namespace };
            let request = Box::new(request);
            let outputs = stage.input(Input::Request { connection: 1, peer, request });
            assert!(!outputs.iter().any(|output| matches!(output, Output::Stop)));
            replies(&outputs)
        };
        let mark = |mark| Request::Mark(MarkRequest { row: row.key.clone(), mark });
        let notify = Request::Notify(NotifyRequest { title: "a".to_owned(), text: "b".to_owned() });
        for request in [
            mark(Mark::Seen { revision: row.revision }),
            mark(Mark::Dismissed { on: true, revision: row.revision }),
            mark(Mark::Pinned { on: true }),
            mark(Mark::Snoozed { on: true, for_ms: None }),
            mark(Mark::Unseen { revision: row.revision }),
            Request::Forget(ForgetRequest { row: row.key.clone() }),
            notify,
            Request::Stop,
        ] {
            assert_eq!(from_elsewhere(request)[0].1["code"], "forbidden");
        }
        let window =
            RateWindow { used_percent: 99, resets_at: Timestamp(9_000_000), at: Timestamp(1) };
        let limits = vec![RateLimits {
            agent: AgentName::new("claude"),
            profile: "/home/dev/.claude".to_owned(),
            five_hour: Some(window),
            seven_day: None,
        }];
        let report = NotificationReport {
            key: row.key.clone(),
            name: String::new(),
            status: row.status,
            text: String::new(),
            notifiers: Vec::new(),
            failed: Vec::new(),
            suppressed: None,
        };
        for request in [
            Request::Restore(RestoreRequest { row: Box::new(remembered_row()) }),
            Request::RestoreLimits(RestoreLimitsRequest { limits }),
            Request::AcceptNotifications(AcceptNotificationsRequest { on: true }),
            Request::NotificationShown(NotificationShownRequest { id: 1 }),
            Request::AddNotifications(AddNotificationsRequest { notifications: vec![report] }),
        ] {
            assert_eq!(from_elsewhere(request), []);
        }
        assert_eq!(
            from_elsewhere(Request::Explain(ExplainRequest { row: row.key.clone() }))[0].1["row"]["id"],
            "a"
        );
        assert_eq!(from_elsewhere(Request::Notifications)[0].1["notifications"], json!([]));
        assert_eq!(stage.drain(7), "", "no subscriber is sent a change");
        assert_eq!(stage.actor.sessions.iter().collect::<Vec<_>>(), [&row]);
    }
}

/// A container may know a session's id. It must not change the row of that session.
#[test]
fn foreign_event_reaches_no_row_that_has_a_process() {
    for event in [
        Event::SessionEnded { reason: EndReason::Exit },
        Event::SessionStarted { origin: crewboard_core::StartOrigin::Resume },
        Event::TurnEnded { message: String::new(), background: Vec::new(), scheduled: 0 },
        Event::StatusReported {
            status: Status::Closed,
            activity: String::new(),
            text: String::new(),
        },
        Event::Unknown,
    ] {
        let mut stage = Stage::new();
        stage.event("a", Some(1234), Event::ToolsEnded);
        let ours = |stage: &Stage| {
            let mut rows = stage.actor.sessions.iter().filter(|row| row.pid == Some(1234));
            rows.next().cloned().unwrap()
        };
        let before = ours(&stage);
        // The event comes without and with a process, and again after the process has ended.
        for process in [None, Some(1234)] {
            stage.event_from(HOOK + 1, "a", process, event.clone());
            assert_eq!(ours(&stage), before, "{event:?}");
        }
        stage.input(Input::ProcessExited(Process { pid: 1234, start: 7 }));
        let closed = ours(&stage);
        stage.event_from(HOOK + 1, "a", None, event.clone());
        assert_eq!(ours(&stage), closed, "{event:?}");
    }
}

#[test]
fn rows_are_restored_only_from_the_daemons_pid_namespace() {
    for (namespace, rows) in [(Namespace::Other, 0), (Namespace::Unknown, 0), (Namespace::Ours, 1)]
    {
        let mut stage = Stage::new();
        let request =
            Box::new(Request::Restore(RestoreRequest { row: Box::new(remembered_row()) }));
        let peer = Peer { namespace, ..PEER };
        stage.input(Input::Request { connection: 1, peer, request });
        assert_eq!(stage.actor.sessions.len(), rows, "{namespace:?}");
    }
}

#[test]
fn container_cannot_claim_a_profile_or_a_terminal() {
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
