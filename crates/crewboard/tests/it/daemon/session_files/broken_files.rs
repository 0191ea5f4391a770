//! Session files and directories that are removed, replaced, invalid, or too many for inotify.

use crate::support::{
    AgentWithFile, assert_never_wakes, is_watched, note, prompt_payload, with_private_limits, world,
};
use crewboard_testkit::{Subscription, signal};
use rustix::fs::{CWD, FileType, Mode};
use rustix::process::Signal;
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

/// A change of a path, with its description.
type Change = (&'static str, fn(&Path));

fn move_away(path: &Path) {
    fs::rename(path, path.with_extension("away")).unwrap();
}

fn become_link(path: &Path) {
    move_away(path);
    symlink(path.with_extension("away"), path).unwrap();
}

fn become_file(path: &Path) {
    move_away(path);
    fs::write(path, "no directory").unwrap();
}

fn clear(path: &Path) {
    for path in [path, &path.with_extension("away")] {
        let _ = fs::remove_file(path);
        let _ = fs::remove_dir_all(path);
    }
}

fn remove(path: &Path) {
    fs::remove_dir_all(path).unwrap();
}

#[test]
fn two_profiles_that_appear_in_one_directory_are_found() {
    let world = world();
    let mut subscription = Subscription::new(world.start_daemon());
    let profiles = ["one", "two"].map(|name| world.home().join(name));
    let one = AgentWithFile::in_profile(&profiles[0], "one");
    let two = AgentWithFile::in_profile(&profiles[1], "two");
    for agent in [&one, &two] {
        world.run_hook(&agent.process, &prompt_payload(agent.session, "go"));
        subscription.wait_for_row(agent.session, |row| row["confirmed"] == false);
    }
    for agent in [&one, &two] {
        agent.write_status("busy", "");
        subscription.wait_for_row(agent.session, |row| row["confirmed"] == true);
        agent.write_status("idle", "");
        subscription.wait_for_row(agent.session, |row| row["status"] == "idle");
    }
}

#[test]
fn replaced_session_directory_is_found_again() {
    let changes: [Change; 5] = [
        ("removed", remove),
        ("moved away", move_away),
        ("a link now", become_link),
        ("a file now", become_file),
        ("removed and made", |path| {
            remove(path);
            fs::create_dir_all(path).unwrap();
        }),
    ];
    let world = world();
    let mut subscription = Subscription::new(world.start_daemon());
    let agent = AgentWithFile::new(&world, "s");
    agent.send_prompt(&world);
    subscription.wait_for_row("s", |row| row["status"] == "working" && row["confirmed"] == true);
    for folder in [".claude/sessions", ".claude"] {
        let folder = world.home().join(folder);
        for (what, change) in &changes {
            note(&format!("{} is {what}", folder.display()));
            change(&folder);
            let is_still_there = *what == "a link now" && folder.ends_with(".claude");
            if is_still_there {
                agent.write_status("idle", "");
                subscription.wait_for_row("s", |row| row["status"] == "idle");
            } else {
                subscription.wait_for_row("s", |row| {
                    row["confirmed"] == false || row["status"] == "closed"
                });
            }
            clear(&folder);
            for (word, status) in [("busy", "working"), ("idle", "idle"), ("busy", "working")] {
                agent.write_status(word, "");
                subscription.wait_for_row("s", |row| row["status"] == status);
            }
        }
    }
    subscription.client.hello();
    assert_never_wakes(world.daemon());
}

#[test]
fn invalid_session_file_makes_its_row_unconfirmed() {
    let world = world();
    let mut subscription = Subscription::new(world.start_daemon());
    let agent = AgentWithFile::new(&world, "s");
    agent.send_prompt(&world);
    let changes: [Change; 7] = [
        ("half", |path| {
            let text = fs::read(path).unwrap();
            fs::write(path, &text[..text.len() / 2]).unwrap();
        }),
        ("empty", |path| fs::write(path, "").unwrap()),
        ("no JSON", |path| fs::write(path, [0xff; 100]).unwrap()),
        ("deeply nested", |path| fs::write(path, "[".repeat(60_000)).unwrap()),
        ("huge", |path| fs::write(path, vec![b' '; 50_000_000]).unwrap()),
        ("a link", |path| {
            let other = path.with_extension("other");
            fs::copy(path, &other).unwrap();
            let link = path.with_extension("link");
            symlink(&other, &link).unwrap();
            fs::rename(&link, path).unwrap();
        }),
        ("a pipe", |path| {
            let pipe = path.with_extension("pipe");
            rustix::fs::mknodat(CWD, &pipe, FileType::Fifo, Mode::RUSR, 0).unwrap();
            fs::rename(&pipe, path).unwrap();
        }),
    ];
    for (what, change) in changes {
        subscription
            .wait_for_row("s", |row| row["status"] == "working" && row["confirmed"] == true);
        note(&format!("the file is {what}"));
        change(&agent.path);
        subscription
            .wait_for_row("s", |row| row["status"] == "working" && row["confirmed"] == false);
        let _ = fs::remove_file(&agent.path);
        agent.write_status("busy", "");
    }
}

/// The kernel drops events when its queue is full.
#[test]
fn inotify_overflow_leaves_no_wrong_status() {
    let world = world();
    let mut subscription = Subscription::new(world.start_daemon());
    let agents = ["a", "b", "gone"].map(|session| AgentWithFile::new(&world, session));
    for agent in &agents {
        agent.send_prompt(&world);
        subscription.wait_for_row(agent.session, |row| row["confirmed"] == true);
    }
    let daemon = world.daemon();
    let most = fs::read_to_string("/proc/sys/fs/inotify/max_queued_events").unwrap();
    signal(daemon, Signal::STOP);
    for _ in 0..most.trim().parse::<u64>().unwrap() {
        agents[0].write_status("idle", "");
        agents[1].write_status("busy", "");
    }
    agents[1].write_status("idle", "");
    fs::remove_file(&agents[2].path).unwrap();
    signal(daemon, Signal::CONT);
    for session in ["a", "b"] {
        subscription.wait_for_row(session, |row| row["status"] == "idle");
    }
    subscription.wait_for_row("gone", |row| row["confirmed"] == false || row["status"] == "closed");
}

/// Each agent of a test farm may have its own profile.
#[test]
fn profiles_of_ended_agents_are_evicted() {
    let world = world();
    let mut subscription = Subscription::new(world.start_daemon());
    for number in 0..40 {
        let profile = world.home().join(format!("profile-{number}"));
        let mut agent = AgentWithFile::in_profile(&profile, "s");
        agent.send_prompt(&world);
        let pid = u64::from(agent.process.pid());
        subscription.wait_for_row("s", |row| row["pid"] == pid && row["confirmed"] == true);
        agent.process.kill();
        subscription.wait_for_row("s", |row| row["pid"] == pid && row["status"] == "closed");
    }
}

#[test]
fn two_hundred_agents_share_one_profile() {
    let world = world();
    let mut subscription = Subscription::new(world.start_daemon());
    let agents: Vec<AgentWithFile> = (0..200).map(|_| AgentWithFile::new(&world, "s")).collect();
    let pid_of = |agent: &AgentWithFile| u64::from(agent.process.pid());
    for round in 0..10 {
        for (index, agent) in agents.iter().enumerate() {
            agent.write_status(if (index + round).is_multiple_of(3) { "idle" } else { "busy" }, "");
        }
    }
    let expected = |index: usize| if (index + 9).is_multiple_of(3) { "idle" } else { "working" };
    subscription.wait_for_rows(|rows| {
        let is_shown = |(index, agent)| {
            rows.values().any(|row| row["pid"] == pid_of(agent) && row["status"] == expected(index))
        };
        agents.iter().enumerate().all(is_shown)
    });
    subscription.client.hello();
    assert_never_wakes(world.daemon());
}

/// A row whose files cannot be watched is unconfirmed at each limit.
#[test]
fn rows_are_unconfirmed_at_the_inotify_limit() {
    with_private_limits(|| {
        assert_eq!(confirmed_within("instances 0"), 0);
        // No daemon ran before that held an instance.
        assert_eq!(confirmed_within("instances 1"), 2, "the daemon needs one instance");
        for limit in ["watches 0", "watches 1", "watches 2"] {
            assert_eq!(confirmed_within(limit), 0, "{limit}");
        }
        let confirmed = (3..=9).map(|number| confirmed_within(&format!("watches {number}")));
        let confirmed: Vec<usize> = confirmed.collect();
        note(&format!("with 3 to 9 watches: {confirmed:?} of 2 confirmed"));
        assert!(confirmed.is_sorted() && confirmed.ends_with(&[2]), "{confirmed:?}");
    });
}

/// Starts two agents, one of which already has its folder. Returns how many rows are confirmed under that limit:
/// the rows whose folders are watched.
fn confirmed_within(limit: &str) -> usize {
    let (what, number) = limit.split_once(' ').unwrap();
    let limits = ["instances", "watches"].map(|what| format!("/proc/sys/user/max_inotify_{what}"));
    for path in &limits {
        let number = if path.ends_with(what) { number } else { "100" };
        fs::write(path, number).unwrap();
    }
    let world = world();
    fs::create_dir_all(world.home().join("one/sessions")).unwrap();
    let mut subscription = Subscription::new(world.start_daemon());
    let agents =
        ["one", "two"].map(|name| AgentWithFile::in_profile(&world.home().join(name), name));
    for agent in &agents {
        agent.send_prompt(&world);
        subscription.wait_for_row(agent.session, |row| row["status"] == "working");
        agent.write_status("idle", "");
    }
    // The daemon reads pending inotify events before it reads the second of two requests.
    let mut client = world.connect();
    client.hello();
    client.hello();
    let daemon = world.daemon();
    // A profile needs two watches: on itself and on the folder with the session files.
    let watched = agents.each_ref().map(|one| {
        one.path.ancestors().skip(1).take(2).all(|directory| is_watched(daemon, directory))
    });
    for (agent, watched) in agents.iter().zip(watched) {
        if watched {
            subscription.wait_for_row(agent.session, |row| row["status"] == "idle");
        }
        agent.write_status("busy", "");
        if watched {
            let works = |row: &Value| row["status"] == "working" && row["confirmed"] == true;
            subscription.wait_for_row(agent.session, works);
        }
    }
    let rows = client.list();
    assert_eq!(rows.len(), 2, "{limit}: {rows:?}");
    for (agent, watched) in agents.iter().zip(watched) {
        let row = rows.values().find(|row| row["id"] == agent.session).unwrap();
        let shown = (&row["status"], &row["confirmed"]);
        assert_eq!(shown, (&json!("working"), &json!(watched)), "{limit}: {row}");
    }
    watched.iter().filter(|watched| **watched).count()
}
