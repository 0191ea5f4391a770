//! Notifications of the user, and commands.

use super::*;
use crewboard_core::Prompt;

/// Returns the rows of each notification and of the commands, as text.
fn notified(outputs: &[Output]) -> Vec<String> {
    let names = |rows: &[Session]| {
        rows.iter()
            .map(|row| format!("{} {}", row.id.as_str(), row.status))
            .collect::<Vec<_>>()
            .join(" + ")
    };
    let one = |output: &Output| match output {
        Output::Notify(one) => {
            Some(format!("{} | {}", names(&one.for_user), names(&one.for_rules)))
        }
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
fn user_is_notified_and_commands_run() {
    let mut stage = Stage::new();
    assert_eq!(stage.notified_by("a", Status::Permission), [""; 0]);
    stage.actor.set_notification_settings(NotificationSettings {
        user_statuses: vec![Status::Permission, Status::Done],
        rule_statuses: WaitGoal { statuses: vec![Status::Working], needs_you: false },
    });
    assert_eq!(stage.notified_by("b", Status::Permission), ["b permission | "]);
    assert_eq!(stage.notified_by("a", Status::Working), [" | a working"]);
    assert_eq!(stage.notified_by("a", Status::Done), [""; 0]);
    assert_eq!(stage.pass(5000), ["a done | "]);
    assert_eq!(stage.pass(100_000), [""; 0]);
}

#[test]
fn restored_row_triggers_no_notification() {
    let mut stage = Stage::new();
    stage.actor.set_notification_settings(NotificationSettings {
        user_statuses: vec![Status::Permission],
        rule_statuses: WaitGoal::default(),
    });
    let row = Session {
        status: Status::Permission,
        since: Timestamp(stage.micros / 1000),
        needs_you: true,
        open_prompt: Some(Prompt {
            kind: PromptKind::Permission,
            tool: None,
            text: "ls".into(),
            subagent: None,
        }),
        ..remembered_row()
    };
    let request = Box::new(Request::Restore(RestoreRequest { row: Box::new(row) }));
    let outputs = stage.input(Input::Request { connection: 1, peer: PEER, request });
    assert_eq!(notified(&outputs), [""; 0]);
    assert_eq!(stage.actor.sessions.iter().filter(|row| row.needs_you).count(), 1);
    let process = Process { pid: 1234, start: 7 };
    let watched = Input::ProcessWatched { process, ancestors: Vec::new() };
    assert_eq!(notified(&stage.input(watched)), [""; 0]);
    assert_eq!(stage.pass(100_000), [""; 0]);
}

#[test]
fn user_who_wakes_a_session_is_not_notified() {
    let mut stage = Stage::new();
    stage.actor.set_notification_settings(NotificationSettings {
        user_statuses: vec![Status::Permission],
        rule_statuses: WaitGoal::default(),
    });
    assert_eq!(stage.notified_by("a", Status::Permission), ["a permission | "]);
    let row = stage.actor.sessions.iter().next().unwrap().key.clone();
    let mark = |stage: &mut Stage, mark| {
        let request = Box::new(Request::Mark(MarkRequest { row: row.clone(), mark }));
        notified(&stage.input(Input::Request { connection: 1, peer: PEER, request }))
    };
    let snooze = |on, for_ms| Mark::Snoozed { on, for_ms };
    assert_eq!(mark(&mut stage, snooze(true, None)), [""; 0]);
    assert_eq!(stage.pass(10_000), [""; 0]);
    assert_eq!(mark(&mut stage, snooze(false, None)), [""; 0]);
    assert_eq!(stage.pass(10_000), [""; 0]);
    assert_eq!(mark(&mut stage, snooze(true, Some(5000))), [""; 0]);
    assert_eq!(stage.pass(10_000), ["a permission | "]);
}
