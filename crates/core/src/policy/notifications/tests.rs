use super::*;
use crate::session::identity::SubagentId;
use crate::session::{Subagent, Transition};
use crate::time::{Stamp, Timestamp};

/// Rows, a clock, and all that was told so far.
#[derive(Default)]
struct Play {
    announcements: NotificationPolicy,
    rows: HashMap<RowKey, Session>,
    told: Vec<String>,
    millis: u64,
}

impl Play {
    fn now(&self) -> Now {
        let stamp = Stamp { boot: 1, micros: self.millis * 1000 };
        Now { wall: Timestamp(self.millis), stamp }
    }

    fn tell(&mut self) {
        let now = self.now();
        for announcement in self.announcements.due(now, |key| self.rows.get(key)) {
            let names = |rows: &[Session]| {
                let shown: Vec<String> =
                    rows.iter().map(|row| format!("{} {}", row.key, row.status)).collect();
                shown.join(" + ")
            };
            if !announcement.person.is_empty() {
                self.told.push(format!("{} {}", self.millis, names(&announcement.person)));
            }
            if announcement.more > 0 {
                self.told.push(format!("{} {} more", self.millis, announcement.more));
            }
            if !announcement.commands.is_empty() {
                self.told.push(format!("{} run {}", self.millis, names(&announcement.commands)));
            }
        }
    }

    /// Goes on to `millis`, stopping at each deadline.
    fn pass_to(&mut self, millis: u64) {
        while let Some(wait) = self.announcements.next_deadline(self.now()) {
            if self.millis + wait > millis {
                break;
            }
            self.millis += wait;
            self.tell();
        }
        self.millis = millis;
    }

    /// `key STATUS` enters a status, `key STATUS-through-STATUS` on its way from another; `key seen` and `key woken` change what it needs; `key gone`.
    fn step(&mut self, key: &str, what: &str) {
        let key = RowKey::new(key);
        let now = self.now();
        let row = self.rows.entry(key.clone()).or_default();
        row.key = key.clone();
        row.needs_you = what == "woken";
        row.headless = key.as_str() == "headless";
        row.teammate = (key.as_str() == "mate").then(|| "tester".to_owned());
        let mut kind = ChangeKind::Updated;
        let mut transition = None;
        let mut passed = None;
        let (word, restored) = match what.strip_prefix("restored-") {
            Some(word) => (word, true),
            None => (what, false),
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
        } else if let Some(helpers) = what.strip_prefix("helpers-") {
            let helper = Subagent {
                id: SubagentId::new("a1"),
                kind: None,
                status: Status::Working,
                since: now.wall,
            };
            row.subagents = vec![helper; helpers.parse().unwrap()];
            row.needs_you = row.status.needs_you_until_seen();
        } else if what == "gone" {
            self.rows.remove(&key);
            kind = ChangeKind::Removed;
        }
        let change = Change { key: key.clone(), kind, transition, passed };
        if restored {
            self.announcements.note_restored(&change, self.rows.get(&key), now);
        } else {
            self.announcements.note(&change, self.rows.get(&key), now);
        }
        self.tell();
    }
}

/// Plays `MILLIS KEY WHAT; …`; what was told, and when.
fn play(interest: &NotificationSettings, script: &str) -> String {
    let mut play = Play::default();
    play.announcements.interest(interest.clone());
    for step in script.split(';') {
        let mut words = step.split_whitespace();
        let millis = words.next().unwrap().parse().unwrap();
        play.pass_to(millis);
        play.step(words.next().unwrap(), words.next().unwrap());
    }
    play.pass_to(100_000);
    play.told.join("; ")
}

fn all() -> Vec<Status> {
    vec![Status::Permission, Status::Question, Status::Plan, Status::Failed, Status::Done]
}

#[test]
fn a_person_is_told_once_at_the_right_moment() {
    let interest = NotificationSettings { person: all(), commands: WaitGoal::default() };
    for (script, told) in [
        ("0 a permission", "0 a permission"),
        ("0 a working; 9 a failed", "9 a failed"),
        // What needs nobody is told to nobody.
        ("0 a working; 5 a idle; 9 a closed", ""),
        // Done counts after a second; two turns' ends 200 ms apart are one.
        ("0 a done", "1000 a done"),
        ("0 a done; 100 a working; 200 a done", "1200 a done"),
        ("0 a done; 200 a done", "1200 a done"),
        ("0 a done; 900 a working", ""),
        ("0 a done; 900 a seen", ""),
        ("0 a done; 900 a gone", ""),
        ("0 a done; 900 a permission", "900 a permission"),
        // With helpers at work it is done when they are, whether that wakes it or not.
        ("0 a helpers-2; 1 a done; 500 a helpers-1; 7000 a helpers-0", "8000 a done"),
        ("0 a helpers-1; 1 a done; 5000 a working; 5001 a helpers-0; 6000 a done", "7000 a done"),
        ("0 a helpers-1; 1 a done; 5000 a permission", "5000 a permission"),
        ("0 a helpers-1; 1 a done; 2 b permission", "2 b permission"),
        ("0 a helpers-1; 1 a restored-done; 5000 a helpers-0", "6000 a done"),
        // Of several in a burst the first is told at once, the others together.
        (
            "0 a permission; 100 b question; 200 c plan; 300 d done",
            "0 a permission; 2000 b question + c plan + d done",
        ),
        (
            "0 a permission; 100 b question; 150 b working; 9000 b done",
            "0 a permission; 10000 b done",
        ),
        ("0 a permission; 2500 b question", "0 a permission; 2500 b question"),
        // One that flickers is told once in a while, and then only if it still needs somebody.
        ("0 a permission; 50 a working; 100 a permission", "0 a permission; 2000 a permission"),
        ("0 a permission; 50 a working; 100 a permission; 150 a working", "0 a permission"),
        // Other news of the same need is none.
        ("0 a permission; 5000 a woken; 6000 a woken", "0 a permission"),
        // Quieted for an hour (less here), and called again.
        ("0 a permission; 5000 a seen; 6000 a woken", "0 a permission; 6000 a permission"),
        // A new daemon that is given back what it knew says nothing again.
        ("0 a restored-permission; 10 a woken", ""),
        ("0 a restored-permission; 10 a working; 20 a permission", "20 a permission"),
    ] {
        assert_eq!(play(&interest, script), told, "{script}");
    }
}

#[test]
fn commands_run_at_each_status_they_are_for() {
    let commands = WaitGoal { statuses: vec![Status::Working, Status::Done], needs_you: false };
    let interest = NotificationSettings { person: vec![Status::Permission], commands };
    for (script, told) in [
        ("0 a working; 10 b working", "0 run a working; 10 run b working"),
        (
            "0 a working; 10 a permission; 20 a working",
            "0 run a working; 10 a permission; 20 run a working",
        ),
        ("0 a done", "1000 run a done"),
        ("0 a done; 200 a done", "1200 run a done"),
        ("0 a done; 500 a working", "500 run a working"),
        // Seen or not: a script's business does not hang on somebody's eyes.
        ("0 a done; 500 a seen", "1000 run a done"),
        ("0 a done; 500 a gone", ""),
        ("0 a helpers-1; 1 a done; 3000 a helpers-0", "4000 run a done"),
        ("0 a restored-done", ""),
        // A teammate's lead hears what became of it, and asks for it.
        ("0 mate done; 2000 mate working; 3000 mate permission", "2000 run mate working"),
        ("0 mate closed-through-done", ""),
        // A headless session whose process ends with its turn, or soon after.
        ("0 headless done; 500 headless closed", "0 run headless done"),
        ("0 a closed-through-done", "0 run a done"),
        ("0 a closed-through-failed", ""),
        ("0 a restored-closed-through-done", ""),
    ] {
        assert_eq!(play(&interest, script), told, "{script}");
    }
    let needs = NotificationSettings {
        person: vec![],
        commands: WaitGoal { statuses: vec![], needs_you: true },
    };
    assert_eq!(
        play(&needs, "0 a working; 5 a plan; 9 a idle; 12 a done"),
        "5 run a plan; 1012 run a done"
    );
}

#[test]
fn nobody_is_told_of_what_nobody_asked_for() {
    assert_eq!(play(&NotificationSettings::default(), "0 a permission; 5 a done; 9 b failed"), "");
}

#[test]
fn a_rule_for_what_needs_you_runs_once_where_two_statuses_come_at_once() {
    let mut play = Play::default();
    play.announcements.interest(NotificationSettings {
        person: vec![],
        commands: WaitGoal { statuses: vec![], needs_you: true },
    });
    play.step("a", "failed");
    let key = RowKey::new("a");
    // It had passed through another on the way.
    let passed = Transition { status: Status::Working, at: play.now().wall };
    let transition = Some(passed);
    let change = Change { key: key.clone(), kind: ChangeKind::Updated, transition, passed: None };
    let now = play.now();
    play.announcements.note(&change, play.rows.get(&key), now);
    play.tell();
    assert_eq!(play.told, ["0 run a failed"]);
}

#[test]
fn an_announcement_has_a_bound() {
    let interest = NotificationSettings { person: all(), commands: WaitGoal::default() };
    let many = (1..=20).map(|index| format!("{index} r{index} question"));
    let script = std::iter::once("0 first permission".to_owned()).chain(many).collect::<Vec<_>>();
    let told = play(&interest, &script.join(";"));
    assert_eq!(told.matches("question").count(), MAX_ANNOUNCED, "{told}");
    assert!(told.ends_with("2000 4 more"), "{told}");
}

#[test]
fn what_is_gone_is_forgotten() {
    let mut play = Play::default();
    play.announcements.interest(NotificationSettings {
        person: all(),
        commands: WaitGoal { statuses: all(), needs_you: false },
    });
    for key in ["a", "b", "c"] {
        play.step(key, "done");
        play.step(key, "gone");
    }
    let NotificationPolicy { called, person, settling, entered, .. } = &play.announcements;
    assert!(called.is_empty() && person.is_empty() && settling.is_empty() && entered.is_empty());
}
