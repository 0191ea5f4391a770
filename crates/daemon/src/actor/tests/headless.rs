//! Agents that nobody can answer, whose process ends with their turn.

use super::*;

impl Stage {
    /// Something of `claude -p`.
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
fn whoever_waits_for_a_headless_sessions_end_of_turn_has_it_though_the_process_ends_with_it() {
    let end = Event::TurnEnded { message: "Done.".to_owned(), background: vec![], scheduled: 0 };
    let failure = Event::TurnFailed { error: "overloaded".to_owned(), detail: String::new() };
    // What is waited for, how the turn ends, and whether it says goodbye; how that ends.
    for (status, turn_ends, goodbye, expected) in [
        (Status::Done, &end, true, ("reached", "done")),
        (Status::Closed, &end, true, ("reached", "closed")),
        (Status::Idle, &end, true, ("closed", "closed")),
        (Status::Done, &failure, true, ("blocked", "failed")),
        (Status::Done, &end, false, ("closed", "closed")),
    ] {
        let mut stage = Stage::new();
        let goal = Goal { statuses: vec![status], needs_you: false };
        stage.actor.set_interest(Interest { person: vec![], commands: goal.clone() });
        let prompt =
            Event::PromptSubmitted { prompt: "go".to_owned(), automatic: false, ended_task: None };
        stage.headless(prompt);
        let rows = Some(vec![stage.key_of("a")]);
        let (scope, new, missing_may_come) = (WaitScope::All, false, false);
        let wait = WaitRequest { goal, scope, rows, new, missing_may_come, reached: Vec::new() };
        assert_eq!(stage.ask(1, Request::Wait(wait)), []);
        assert_eq!(replies(&stage.headless(turn_ends.clone())), []);
        let outputs = if goodbye {
            stage.headless(Event::SessionEnded { reason: EndReason::Exit })
        } else {
            stage.input(Input::ProcessExited(Process { pid: 1234, start: 7 }))
        };
        let answers = replies(&outputs);
        let [(1, answer)] = answers.as_slice() else { panic!("{answers:?}") };
        let said = (answer["outcome"].as_str().unwrap(), answer["row"]["status"].as_str().unwrap());
        assert_eq!(said, expected, "{status} {turn_ends:?}");
        let is_run = |output: &Output| match output {
            Output::Announce(one) => one.commands.iter().any(|row| row.status == status),
            _ => false,
        };
        assert_eq!(outputs.iter().any(is_run), expected.0 == "reached", "{status}");
    }
}
