//! Files and directories that are taken away, replaced, spoilt, or too many for the kernel.

use super::filing::{Filing, is_watched};
use crate::private_namespace::with_limits_of_its_own;
use crate::{assert_rests, note, prompt_payload, world};
use crewboard_testkit::{View, signal};
use rustix::fs::{CWD, FileType, Mode};
use rustix::process::Signal;
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

/// Something that befalls a path.
type Deed = (&'static str, fn(&Path));

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
fn two_profiles_may_be_missing_in_one_directory() {
    let world = world();
    let mut view = View::new(world.start());
    let profiles = ["one", "two"].map(|name| world.home().join(name));
    let one = Filing::in_profile(&profiles[0], "one");
    let two = Filing::in_profile(&profiles[1], "two");
    for filing in [&one, &two] {
        world.hook(&filing.agent, &prompt_payload(filing.session, "go"));
        view.until_row(filing.session, |row| row["confirmed"] == false);
    }
    for filing in [&one, &two] {
        filing.says("busy", "");
        view.until_row(filing.session, |row| row["confirmed"] == true);
        filing.says("idle", "");
        view.until_row(filing.session, |row| row["status"] == "idle");
    }
}

#[test]
fn directories_that_are_taken_away_are_found_again() {
    let deeds: [Deed; 5] = [
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
    let mut view = View::new(world.start());
    let filing = Filing::new(&world, "s");
    filing.prompts(&world);
    view.until_row("s", |row| row["status"] == "working" && row["confirmed"] == true);
    for folder in [".claude/sessions", ".claude"] {
        let folder = world.home().join(folder);
        for (what, deed) in &deeds {
            note(&format!("{} is {what}", folder.display()));
            deed(&folder);
            let is_still_there = *what == "a link now" && folder.ends_with(".claude");
            if is_still_there {
                filing.says("idle", "");
                view.until_row("s", |row| row["status"] == "idle");
            } else {
                view.until_row("s", |row| row["confirmed"] == false || row["status"] == "closed");
            }
            clear(&folder);
            for (word, status) in [("busy", "working"), ("idle", "idle"), ("busy", "working")] {
                filing.says(word, "");
                view.until_row("s", |row| row["status"] == status);
            }
        }
    }
    view.client.hello();
    assert_rests(world.daemon());
}

#[test]
fn a_file_that_is_spoilt_tells_of_nothing() {
    let world = world();
    let mut view = View::new(world.start());
    let filing = Filing::new(&world, "s");
    filing.prompts(&world);
    let deeds: [Deed; 7] = [
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
    for (what, spoil) in deeds {
        view.until_row("s", |row| row["status"] == "working" && row["confirmed"] == true);
        note(&format!("the file is {what}"));
        spoil(&filing.path);
        view.until_row("s", |row| row["status"] == "working" && row["confirmed"] == false);
        let _ = fs::remove_file(&filing.path);
        filing.says("busy", "");
    }
}

/// More events than the kernel keeps: nobody is told what they were.
#[test]
fn nothing_stays_wrong_where_the_kernel_lost_count() {
    let world = world();
    let mut view = View::new(world.start());
    let filings = ["a", "b", "gone"].map(|session| Filing::new(&world, session));
    for filing in &filings {
        filing.prompts(&world);
        view.until_row(filing.session, |row| row["confirmed"] == true);
    }
    let daemon = world.daemon();
    let most = fs::read_to_string("/proc/sys/fs/inotify/max_queued_events").unwrap();
    signal(daemon, Signal::STOP);
    for _ in 0..most.trim().parse::<u64>().unwrap() {
        filings[0].says("idle", "");
        filings[1].says("busy", "");
    }
    filings[1].says("idle", "");
    fs::remove_file(&filings[2].path).unwrap();
    signal(daemon, Signal::CONT);
    for session in ["a", "b"] {
        view.until_row(session, |row| row["status"] == "idle");
    }
    view.until_row("gone", |row| row["confirmed"] == false || row["status"] == "closed");
}

/// Every agent of a test farm may have a directory of its own.
#[test]
fn profiles_of_agents_that_ended_make_room() {
    let world = world();
    let mut view = View::new(world.start());
    for number in 0..40 {
        let profile = world.home().join(format!("profile-{number}"));
        let mut filing = Filing::in_profile(&profile, "s");
        filing.prompts(&world);
        let pid = u64::from(filing.agent.pid());
        view.until_row("s", |row| row["pid"] == pid && row["confirmed"] == true);
        filing.agent.kill();
        view.until_row("s", |row| row["pid"] == pid && row["status"] == "closed");
    }
}

#[test]
fn two_hundred_agents_in_one_profile() {
    let world = world();
    let mut view = View::new(world.start());
    let filings: Vec<Filing> = (0..200).map(|_| Filing::new(&world, "s")).collect();
    let pid_of = |filing: &Filing| u64::from(filing.agent.pid());
    for round in 0..10 {
        for (index, filing) in filings.iter().enumerate() {
            filing.says(if (index + round).is_multiple_of(3) { "idle" } else { "busy" }, "");
        }
    }
    let expected = |index: usize| if (index + 9).is_multiple_of(3) { "idle" } else { "working" };
    view.until(|rows| {
        let is_so = |(index, filing)| {
            rows.values()
                .any(|row| row["pid"] == pid_of(filing) && row["status"] == expected(index))
        };
        filings.iter().enumerate().all(is_so)
    });
    view.client.hello();
    assert_rests(world.daemon());
}

/// What the kernel does not tell us is unconfirmed, whatever of it is left out.
#[test]
fn where_no_more_can_be_watched_rows_are_unconfirmed() {
    with_limits_of_its_own(
        "agent_files::broken::where_no_more_can_be_watched_rows_are_unconfirmed",
        || {
            for limit in ["instances 0", "instances 1", "watches 0", "watches 1", "watches 2"] {
                assert_eq!(confirmed_within(limit), 0, "{limit}");
            }
            let confirmed = (3..=9).map(|number| confirmed_within(&format!("watches {number}")));
            let confirmed: Vec<usize> = confirmed.collect();
            note(&format!("with 3 to 9 watches: {confirmed:?} of 2 confirmed"));
            assert!(confirmed.is_sorted() && confirmed.ends_with(&[2]), "{confirmed:?}");
        },
    );
}

/// Starts two agents, one of which has its folder already. Returns how many rows are confirmed under that limit: those
/// whose folders are watched.
fn confirmed_within(limit: &str) -> usize {
    let (what, number) = limit.split_once(' ').unwrap();
    let limits = ["instances", "watches"].map(|what| format!("/proc/sys/user/max_inotify_{what}"));
    for path in &limits {
        let number = if path.ends_with(what) { number } else { "100" };
        fs::write(path, number).unwrap();
    }
    let world = world();
    fs::create_dir_all(world.home().join("one/sessions")).unwrap();
    let mut view = View::new(world.start());
    let filings = ["one", "two"].map(|name| Filing::in_profile(&world.home().join(name), name));
    for filing in &filings {
        filing.prompts(&world);
        view.until_row(filing.session, |row| row["status"] == "working");
        filing.says("idle", "");
    }
    // The daemon reads what the kernel told it before it takes in the second of two requests.
    let mut client = world.connect();
    client.hello();
    client.hello();
    let daemon = world.daemon();
    // A profile is watched if it is itself, and the folder with the files.
    let watched = filings.each_ref().map(|one| {
        one.path.ancestors().skip(1).take(2).all(|directory| is_watched(daemon, directory))
    });
    for (filing, watched) in filings.iter().zip(watched) {
        if watched {
            view.until_row(filing.session, |row| row["status"] == "idle");
        }
        filing.says("busy", "");
        if watched {
            let works = |row: &Value| row["status"] == "working" && row["confirmed"] == true;
            view.until_row(filing.session, works);
        }
    }
    let rows = client.list();
    assert_eq!(rows.len(), 2, "{limit}: {rows:?}");
    for (filing, watched) in filings.iter().zip(watched) {
        let row = rows.values().find(|row| row["id"] == filing.session).unwrap();
        let shown = (&row["status"], &row["confirmed"]);
        assert_eq!(shown, (&json!("working"), &json!(watched)), "{limit}: {row}");
    }
    watched.iter().filter(|watched| **watched).count()
}
