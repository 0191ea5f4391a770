//! Daemons die and leave; nothing is lost by it that need not be.

use crate::{note, now, payload, prompt_payload, rounds, world};
use crewboard_client::Rendezvous;
use crewboard_config::Environment;
use crewboard_core::{EndReason, Event};
use crewboard_platform::Deadline;
use crewboard_testkit::{FakeAgent, World, event_line, eventually, finish};
use serde_json::json;
use std::fs::{self, File};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

#[test]
fn the_next_hook_brings_a_killed_daemon_back() {
    let world = world();
    let agent = FakeAgent::new();
    for round in 0..rounds(10) {
        let id = format!("session-{round}");
        world.hook(&agent, &prompt_payload(&id, "go"));
        let mut client = world.connect();
        client.await_events(1);
        assert_eq!(client.list().values().next().unwrap()["id"], *id);
        world.kill_daemon();
        assert_eq!(client.next_line(), None);
    }
}

#[test]
fn a_killed_daemon_loses_only_events_in_flight() {
    const KILLS: usize = 5;
    /// Threads that deliver, each at some 500 events a second.
    const SENDERS: usize = 2;
    /// What each may have on its way at the moment of the kill: one that is being written and those that
    /// a busy machine has not let the daemon read yet.
    const IN_FLIGHT: u64 = 4 * SENDERS as u64;
    let world = world();
    let environment = Environment {
        uid: rustix::process::geteuid().as_raw(),
        socket: Some(world.socket()),
        ..Environment::default()
    };
    let launcher = launcher(&world, "1h");
    let mut lost: Vec<u64> = Vec::new();
    for _ in 0..rounds(KILLS) {
        world.start();
        let mut record = world.connect();
        record.ask(json!({"type": "record"}));
        let (delivered, is_over) = (AtomicU64::new(0), AtomicBool::new(false));
        let recorded = std::thread::scope(|scope| {
            for _ in 0..SENDERS {
                scope.spawn(|| {
                    let rendezvous = Rendezvous::new(&environment, launcher.clone());
                    while !is_over.load(Ordering::Relaxed) {
                        let goodbye = Event::SessionEnded { reason: EndReason::Exit };
                        let line = event_line("unknown", None, now(), goodbye);
                        let deadline = Deadline::after(Duration::from_secs(20));
                        rendezvous.deliver(&line, deadline, &|| (), &|| ()).unwrap();
                        delivered.fetch_add(1, Ordering::Relaxed);
                        std::thread::sleep(Duration::from_millis(2));
                    }
                });
            }
            // Both deliver, and are kept up with, when the kill comes.
            let mut recorded: u64 = 0;
            while recorded < 50 {
                record.receive();
                recorded += 1;
            }
            world.shoot_daemon();
            while record.next_line().is_some() {
                recorded += 1;
            }
            // Until all of them have met the new daemon.
            let goal = delivered.load(Ordering::Relaxed) + 50;
            eventually("they deliver again", || delivered.load(Ordering::Relaxed) >= goal);
            is_over.store(true, Ordering::Relaxed);
            recorded
        });
        let mut client = world.connect();
        let mut before = None;
        eventually("the new daemon has read all", || {
            let events = client.hello()["events"].as_u64();
            std::mem::replace(&mut before, events) == events
        });
        let sent = delivered.load(Ordering::Relaxed);
        lost.push(sent.saturating_sub(recorded + before.unwrap()));
        world.kill_daemon();
    }
    lost.sort_unstable();
    note(&format!("events lost in a kill at 1000 a second: {lost:?}"));
    assert!(lost[lost.len() / 2] <= IN_FLIGHT, "{lost:?}");
}

/// Events that the daemons of this world say they took in, life by life.
fn served(world: &World) -> Vec<u64> {
    let log = world.log();
    let counts = log.lines().filter_map(|line| {
        let (_, after) = line.split_once("served ")?;
        after.split(' ').next()?.parse().ok()
    });
    counts.collect()
}

/// What a hook allows itself.
const DEADLINE: Duration = Duration::from_millis(85);

#[test]
fn hooks_across_idle_exits_lose_nothing() {
    const PER_WORLD: usize = 200;
    let hooks = rounds(1000).max(PER_WORLD);
    let (mut arrived, mut dropped, mut lives) = (0, 0, 0);
    for _ in 0..hooks.div_ceil(PER_WORLD) {
        let mut world = world();
        world.set("CREWBOARD_IDLE_EXIT", "1ms");
        let agent = FakeAgent::new();
        // The goodbye of a session nobody knows leaves no row, so the daemon is idle at once.
        let goodbye = payload("SessionEnd", "unknown", &json!({"reason": "other"}));
        fs::write(world.path().join("goodbye"), goodbye).unwrap();
        let slow = AtomicU64::new(0);
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    for _ in 0..PER_WORLD / 2 {
                        let mut hook = world.hook_command(&agent);
                        hook.stdin(File::open(world.path().join("goodbye")).unwrap());
                        let said = finish(hook, b"");
                        said.assert_silent();
                        slow.fetch_add(u64::from(said.took > DEADLINE), Ordering::Relaxed);
                    }
                });
            }
        });
        eventually("the last daemon leaves", || world.daemons().is_empty());
        let served = served(&world);
        // A machine too busy for a hook's deadline may cost an event, and it is counted.
        let lost = fs::metadata(world.run().join("s.lock")).unwrap().len();
        assert!(lost <= slow.load(Ordering::Relaxed), "{lost} lost");
        assert_eq!(served.iter().sum::<u64>() + lost, PER_WORLD as u64, "{}", world.log());
        arrived += served.iter().sum::<u64>();
        dropped += lost;
        lives += served.len();
    }
    assert!(lives > 1, "no daemon ever left in between");
    note(&format!(
        "{arrived} hooks arrived, {dropped} met their deadline, across {lives} lives of the daemon"
    ));
}

#[test]
fn deliveries_at_the_moment_of_leaving_lose_nothing() {
    const EACH: usize = 500;
    let mut world = world();
    world.set("CREWBOARD_IDLE_EXIT", "0ms");
    // Without processes in between, thousands a second meet a daemon that is always about to leave.
    let environment = Environment {
        uid: rustix::process::geteuid().as_raw(),
        socket: Some(world.socket()),
        ..Environment::default()
    };
    let launcher = launcher(&world, "0ms");
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let rendezvous = Rendezvous::new(&environment, launcher.clone());
                for round in 0..EACH {
                    // Not a wait: it sweeps across the moment in which a daemon decides to leave.
                    std::thread::sleep(Duration::from_micros(round as u64 * 37 % 1500));
                    let goodbye = Event::SessionEnded { reason: EndReason::Exit };
                    let line = event_line("unknown", None, now(), goodbye);
                    let deadline = Deadline::after(Duration::from_secs(20));
                    rendezvous.deliver(&line, deadline, &|| (), &|| ()).unwrap();
                }
            });
        }
    });
    // The last one may only just be starting.
    let all = 2 * EACH as u64;
    eventually("every delivery is counted", || served(&world).iter().sum::<u64>() == all);
    let served = served(&world);
    note(&format!("{} deliveries across {} lives of the daemon", 2 * EACH, served.len()));
}

/// A program that runs `crewboard` as this world would: the test's own variables are not the world's.
fn launcher(world: &World, idle_exit: &str) -> PathBuf {
    use std::os::unix::fs::PermissionsExt;
    let path = world.path().join("crewboard");
    let script = format!(
        "#!/bin/sh\nexec /usr/bin/env -i HOME={} CREWBOARD_SOCKET={} CREWBOARD_IDLE_EXIT={idle_exit} {} \"$@\"\n",
        world.home().display(),
        world.socket().display(),
        env!("CARGO_BIN_EXE_crewboard"),
    );
    std::fs::write(&path, script).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    path
}

#[test]
fn a_daemon_with_something_to_serve_stays() {
    let mut world = world();
    world.set("CREWBOARD_IDLE_EXIT", "1ms");
    let mut agent = FakeAgent::new();
    world.hook(&agent, &prompt_payload("s", "go"));
    let first = world.daemon();
    for _ in 0..5 {
        world.connect().hello();
    }
    assert_eq!(world.daemon(), first);
    // With the agent goes the last reason to stay.
    agent.kill();
    eventually("the daemon leaves", || world.daemons().is_empty());
    assert!(world.log().contains("left: nobody to serve"), "{}", world.log());
    assert_eq!(world.run_files(), ["s.lock", "s.log", "s.start"]);
}
