//! Headless sessions, whose process ends with their turn.

use super::*;

impl Stage {
    /// Reports an event of `claude -p`.
    fn headless(&mut self, event: Event) -> Vec<Output> {
        let stamp = Stamp { boot: 1, micros: self.micros };
        let process = Some(Process { pid: 1234, start: 7 });
        let report = Report {
            process,
            headless: true,
            ..Report::new("claude", "a", "hook:Test", stamp, event)
        };
        let request =
            Box::new(Request::Event(EventLine { hook_pid: HOOK, report: Box::new(report) }));
        self.input(Input::Request { connection: 99, peer: PEER, request })
    }
}

#[test]
fn wait_sees_the_end_of_a_headless_turn() {
    let end = Event::TurnEnded { message: "Done.".to_owned(), background: vec![], scheduled: 0 };
    let failure = Event::TurnFailed { error: "overloaded".to_owned(), detail: String::new() };
    // Each case: the awaited status, the end of the turn, whether the session reports its end, and the outcome.
    for (status, turn_end, is_reported, expected) in [
        (Status::Done, &end, true, ("reached", "done")),
        (Status::Closed, &end, true, ("reached", "closed")),
        (Status::Idle, &end, true, ("closed", "closed")),
        (Status::Done, &failure, true, ("blocked", "failed")),
        (Status::Done, &end, false, ("closed", "closed")),
    ] {
        let mut stage = Stage::new();
        let goal = WaitGoal { statuses: vec![status], needs_you: false };
        stage.actor.set_notification_settings(NotificationSettings {
            user_statuses: vec![],
            rule_statuses: goal.clone(),
        });
        let prompt =
            Event::PromptSubmitted { prompt: "go".to_owned(), automatic: false, ended_task: None };
        stage.headless(prompt);
        let rows = Some(vec![stage.key_of("a")]);
        let (scope, new, missing_may_return) = (WaitScope::All, false, false);
        let wait = WaitRequest { goal, scope, rows, new, missing_may_return, reached: Vec::new() };
        assert_eq!(stage.request(1, Request::Wait(wait)), []);
        assert_eq!(replies(&stage.headless(turn_end.clone())), []);
        let outputs = if is_reported {
            stage.headless(Event::SessionEnded { reason: EndReason::Exit })
        } else {
            stage.input(Input::ProcessExited(Process { pid: 1234, start: 7 }))
        };
        let replies = replies(&outputs);
        let [(1, reply)] = replies.as_slice() else { panic!("{replies:?}") };
        let outcome =
            (reply["outcome"].as_str().unwrap(), reply["row"]["status"].as_str().unwrap());
        assert_eq!(outcome, expected, "{status} {turn_end:?}");
        let runs_command = |output: &Output| match output {
            Output::Notify(one) => one.for_rules.iter().any(|row| row.status == status),
            _ => false,
        };
        assert_eq!(outputs.iter().any(runs_command), expected.0 == "reached", "{status}");
    }
}
