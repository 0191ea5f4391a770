use super::*;
use crate::session::identity::SubagentId;
use crate::session::{Subagent, Transition};
use crate::time::{Stamp, Timestamp};

/// A notification policy with its sessions, a clock, and a log of its notifications.
#[derive(Default)]
struct Play {
    policy: NotificationPolicy,
    rows: HashMap<RowKey, Session>,
    log: Vec<String>,
    millis: u64,
}

impl Play {
    fn now(&self) -> Now {
        let stamp = Stamp { boot: 1, micros: self.millis * 1000 };
        Now { wall: Timestamp(self.millis), stamp }
    }

    fn collect(&mut self) {
        let now = self.now();
        for notification in self.policy.take_due(now, |key| self.rows.get(key)) {
            let names = |rows: &[Session]| {
                let shown: Vec<String> =
                    rows.iter().map(|row| format!("{} {}", row.key, row.status)).collect();
                shown.join(" + ")
            };
            if !notification.for_user.is_empty() {
                self.log.push(format!("{} {}", self.millis, names(&notification.for_user)));
            }
            if notification.more > 0 {
                self.log.push(format!("{} {} more", self.millis, notification.more));
            }
            if !notification.for_rules.is_empty() {
                self.log.push(format!("{} run {}", self.millis, names(&notification.for_rules)));
            }
        }
    }

    /// Advances the clock to `millis`, with a stop at each deadline.
    fn pass_to(&mut self, millis: u64) {
        while let Some(wait) = self.policy.next_deadline(self.now()) {
            if self.millis + wait > millis {
                break;
            }
            self.millis += wait;
            self.collect();
        }
        self.millis = millis;
    }

    /// Applies one step: `key STATUS` enters a status, `key STATUS-through-STATUS` passes through another one, `key seen`
    /// and `key woken` change `needs_you`, and `key gone` removes the session.
    fn step(&mut self, key: &str, step: &str) {
        let key = RowKey::new(key);
        let now = self.now();
        let row = self.rows.entry(key.clone()).or_default();
        row.key = key.clone();
        row.needs_you = step == "woken";
        row.headless = key.as_str() == "headless";
        row.teammate = (key.as_str() == "mate").then(|| "tester".to_owned());
        let mut kind = ChangeKind::Updated;
        let mut transition = None;
        let mut passed = None;
        let (word, restored) = match step.strip_prefix("restored-") {
            Some(word) => (word, true),
            None => (step, false),
        };
        let word = match word.split_once("-through-") {
            Some((word, through)) => {
                let status = Status::from_word(through).unwrap();
                passed = Some(Transition { status, at: now.wall });
                word
            }
            None => word,
        };
        if let Some(status) = Status::from_word(word) {
            (row.status, row.since) = (status, now.wall);
            let calls = status.is_prompt() || status.needs_you_until_seen();
            row.needs_you = calls && row.teammate.is_none();
            transition = Some(Transition { status, at: now.wall });
        } else if let Some(count) = step.strip_prefix("subagents-") {
            let subagent = Subagent {
                id: SubagentId::new("a1"),
                kind: None,
                status: Status::Working,
                since: now.wall,
            };
            row.subagents = vec![subagent; count.parse().unwrap()];
            row.needs_you = row.status.needs_you_until_seen();
        } else if step == "gone" {
            self.rows.remove(&key);
            kind = ChangeKind::Removed;
        }
        let change = Change { key: key.clone(), kind, transition, passed };
        if restored {
            self.policy.add_restored(&change, self.rows.get(&key), now);
        } else {
            self.policy.apply_change(&change, self.rows.get(&key), now);
        }
        self.collect();
    }
}

/// Plays `MILLIS KEY STEP; …`. Returns the notifications with their times.
fn play(settings: &NotificationSettings, script: &str) -> String {
    let mut play = Play::default();
    play.policy.set_settings(settings.clone());
    for step in script.split(';') {
        let mut words = step.split_whitespace();
        let millis = words.next().unwrap().parse().unwrap();
        play.pass_to(millis);
        play.step(words.next().unwrap(), words.next().unwrap());
    }
    play.pass_to(100_000);
    play.log.join("; ")
}

fn all() -> Vec<Status> {
    vec![Status::Permission, Status::Question, Status::Plan, Status::Failed, Status::Done]
}

#[test]
fn user_is_notified_once_at_the_right_time() {
    let settings =
        NotificationSettings { user_statuses: all(), rule_statuses: WaitGoal::default() };
    for (script, expected) in [
        ("0 a permission", "0 a permission"),
        ("0 a working; 9 a failed", "9 a failed"),
        // A session that needs no user causes no notification.
        ("0 a working; 5 a idle; 9 a closed", ""),
        // A done session counts after a second. Two turns that end 200 ms apart cause one notification.
        ("0 a done", "1000 a done"),
        ("0 a done; 100 a working; 200 a done", "1200 a done"),
        ("0 a done; 200 a done", "1200 a done"),
        ("0 a done; 900 a working", ""),
        ("0 a done; 900 a seen", ""),
        ("0 a done; 900 a gone", ""),
        ("0 a done; 900 a permission", "900 a permission"),
        // A session with working subagents counts as done when they end, and the session may wake then.
        ("0 a subagents-2; 1 a done; 500 a subagents-1; 7000 a subagents-0", "8000 a done"),
        (
            "0 a subagents-1; 1 a done; 5000 a working; 5001 a subagents-0; 6000 a done",
            "7000 a done",
        ),
        ("0 a subagents-1; 1 a done; 5000 a permission", "5000 a permission"),
        ("0 a subagents-1; 1 a done; 2 b permission", "2 b permission"),
        ("0 a subagents-1; 1 a restored-done; 5000 a subagents-0", "6000 a done"),
        // The first of a burst is sent at once, and the others together.
        (
            "0 a permission; 100 b question; 200 c plan; 300 d done",
            "0 a permission; 2000 b question + c plan + d done",
        ),
        (
            "0 a permission; 100 b question; 150 b working; 9000 b done",
            "0 a permission; 10000 b done",
        ),
        ("0 a permission; 2500 b question", "0 a permission; 2500 b question"),
        // A session that flickers causes few notifications, and only while it needs the user.
        ("0 a permission; 50 a working; 100 a permission", "0 a permission; 2000 a permission"),
        ("0 a permission; 50 a working; 100 a permission; 150 a working", "0 a permission"),
        // Other changes of a session that needs the user cause no notification.
        ("0 a permission; 5000 a woken; 6000 a woken", "0 a permission"),
        // The snooze of a session ends.
        ("0 a permission; 5000 a seen; 6000 a woken", "0 a permission; 6000 a permission"),
        // A restored session causes no second notification.
        ("0 a restored-permission; 10 a woken", ""),
        ("0 a restored-permission; 10 a working; 20 a permission", "20 a permission"),
    ] {
        assert_eq!(play(&settings, script), expected, "{script}");
    }
}

#[test]
fn rules_run_at_each_of_their_statuses() {
    let rule_statuses =
        WaitGoal { statuses: vec![Status::Working, Status::Done], needs_you: false };
    let settings = NotificationSettings { user_statuses: vec![Status::Permission], rule_statuses };
    for (script, expected) in [
        ("0 a working; 10 b working", "0 run a working; 10 run b working"),
        (
            "0 a working; 10 a permission; 20 a working",
            "0 run a working; 10 a permission; 20 run a working",
        ),
        ("0 a done", "1000 run a done"),
        ("0 a done; 200 a done", "1200 run a done"),
        ("0 a done; 500 a working", "500 run a working"),
        // Rules do not depend on what the user has seen.
        ("0 a done; 500 a seen", "1000 run a done"),
        ("0 a done; 500 a gone", ""),
        ("0 a subagents-1; 1 a done; 3000 a subagents-0", "4000 run a done"),
        ("0 a restored-done", ""),
        // The lead stands for a teammate's prompts and gets its results.
        ("0 mate done; 2000 mate working; 3000 mate permission", "2000 run mate working"),
        ("0 mate closed-through-done", ""),
        // The process of a headless session ends with its turn, or soon after.
        ("0 headless done; 500 headless closed", "0 run headless done"),
        ("0 a closed-through-done", "0 run a done"),
        ("0 a closed-through-failed", ""),
        ("0 a restored-closed-through-done", ""),
    ] {
        assert_eq!(play(&settings, script), expected, "{script}");
    }
    let needs = NotificationSettings {
        user_statuses: vec![],
        rule_statuses: WaitGoal { statuses: vec![], needs_you: true },
    };
    assert_eq!(
        play(&needs, "0 a working; 5 a plan; 9 a idle; 12 a done"),
        "5 run a plan; 1012 run a done"
    );
}

#[test]
fn no_notification_without_settings() {
    assert_eq!(play(&NotificationSettings::default(), "0 a permission; 5 a done; 9 b failed"), "");
}

#[test]
fn needs_you_rule_runs_once_for_two_statuses_at_once() {
    let mut play = Play::default();
    play.policy.set_settings(NotificationSettings {
        user_statuses: vec![],
        rule_statuses: WaitGoal { statuses: vec![], needs_you: true },
    });
    play.step("a", "failed");
    let key = RowKey::new("a");
    // The session passed through another status.
    let passed = Transition { status: Status::Working, at: play.now().wall };
    let transition = Some(passed);
    let change = Change { key: key.clone(), kind: ChangeKind::Updated, transition, passed: None };
    let now = play.now();
    play.policy.apply_change(&change, play.rows.get(&key), now);
    play.collect();
    assert_eq!(play.log, ["0 run a failed"]);
}

#[test]
fn notification_has_a_bounded_number_of_sessions() {
    let settings =
        NotificationSettings { user_statuses: all(), rule_statuses: WaitGoal::default() };
    let many = (1..=20).map(|index| format!("{index} r{index} question"));
    let script = std::iter::once("0 first permission".to_owned()).chain(many).collect::<Vec<_>>();
    let log = play(&settings, &script.join(";"));
    assert_eq!(log.matches("question").count(), MAX_SESSIONS, "{log}");
    assert!(log.ends_with("2000 4 more"), "{log}");
}

#[test]
fn removed_session_leaves_no_pending_notification() {
    let mut play = Play::default();
    play.policy.set_settings(NotificationSettings {
        user_statuses: all(),
        rule_statuses: WaitGoal { statuses: all(), needs_you: false },
    });
    for key in ["a", "b", "c"] {
        play.step(key, "done");
        play.step(key, "gone");
    }
    let NotificationPolicy { notified, pending, pending_rules, due_rules, .. } = &play.policy;
    assert!(notified.is_empty() && pending.is_empty());
    assert!(pending_rules.is_empty() && due_rules.is_empty());
}
