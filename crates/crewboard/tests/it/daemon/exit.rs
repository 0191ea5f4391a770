//! Daemons that are killed or exit when idle drop no event that they could keep.

use crate::support::{
    PROGRAM, note, now, own_uid, payload, prompt_payload, rounds, served_events, world,
};
use crewboard_client::DaemonLocator;
use crewboard_config::Environment;
use crewboard_core::{EndReason, Event};
use crewboard_platform::Deadline;
use crewboard_testkit::{FakeAgent, TIMEOUT, World, event_line, run_with_input, wait_until};
use serde_json::json;
use std::fs::{self, File};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

#[test]
fn hook_restarts_a_killed_daemon() {
    let world = world();
    let agent = FakeAgent::new();
    for round in 0..rounds(10) {
        let id = format!("session-{round}");
        world.run_hook(&agent, &prompt_payload(&id, "go"));
        let mut client = world.connect();
        client.wait_for_events(1);
        assert_eq!(client.list().values().next().unwrap()["id"], *id);
        world.kill_daemon();
        assert_eq!(client.next_line(), None);
    }
}

#[test]
fn killed_daemon_loses_only_events_in_flight() {
    const KILLS: usize = 5;
    /// The number of threads that deliver about 500 events a second each.
    const SENDERS: usize = 2;
    /// The number of delivered events that the daemon has not recorded yet. The threads wait at this number, so that
    /// the test does not depend on the load of the machine.
    const IN_FLIGHT: u64 = 3 * SENDERS as u64;
    let world = world();
    let environment = environment(&world);
    let launcher = launcher(&world, "1h");
    let mut lost: Vec<u64> = Vec::new();
    for _ in 0..rounds(KILLS) {
        world.start_daemon();
        let mut record = world.connect();
        record.request(json!({"type": "record"}));
        let (delivered, recorded) = (AtomicU64::new(0), AtomicU64::new(0));
        let (is_killed, is_over) = (AtomicBool::new(false), AtomicBool::new(false));
        std::thread::scope(|scope| {
            for _ in 0..SENDERS {
                scope.spawn(|| {
                    let daemon_locator = DaemonLocator::new(&environment, launcher.clone());
                    while !is_over.load(Ordering::Relaxed) {
                        let recorded = recorded.load(Ordering::Relaxed);
                        let in_flight = delivered.load(Ordering::Relaxed).saturating_sub(recorded);
                        if in_flight < IN_FLIGHT || is_killed.load(Ordering::Relaxed) {
                            deliver_session_end(&daemon_locator);
                            delivered.fetch_add(1, Ordering::Relaxed);
                        }
                        // The pace of the sender. The test waits for nothing here.
                        std::thread::sleep(Duration::from_millis(2));
                    }
                });
            }
            // Both threads deliver, and the daemon keeps up, before the kill.
            while recorded.load(Ordering::Relaxed) < 50 {
                record.receive();
                recorded.fetch_add(1, Ordering::Relaxed);
            }
            world.signal_kill_to_daemon();
            is_killed.store(true, Ordering::Relaxed);
            while record.next_line().is_some() {
                recorded.fetch_add(1, Ordering::Relaxed);
            }
            // Both threads reach the new daemon.
            let goal = delivered.load(Ordering::Relaxed) + 50;
            wait_until("the threads deliver again", || delivered.load(Ordering::Relaxed) >= goal);
            is_over.store(true, Ordering::Relaxed);
        });
        let mut client = world.connect();
        let mut before = None;
        wait_until("the new daemon has read all events", || {
            let events = client.hello()["events"].as_u64();
            std::mem::replace(&mut before, events) == events
        });
        let sent = delivered.load(Ordering::Relaxed);
        let received = recorded.load(Ordering::Relaxed) + before.unwrap();
        lost.push(sent.saturating_sub(received));
        world.kill_daemon();
    }
    lost.sort_unstable();
    note(&format!("events lost in a kill at 1000 a second: {lost:?}"));
    // Each thread may deliver one more event before it sees the number.
    assert!(lost[lost.len() / 2] <= IN_FLIGHT + SENDERS as u64, "{lost:?}");
}

/// Returns an environment in which a client finds the daemon of this world.
fn environment(world: &World) -> Environment {
    Environment { uid: own_uid(), socket: Some(world.socket()), ..Environment::default() }
}

/// Delivers the end of an unknown session, which adds no row.
fn deliver_session_end(daemon_locator: &DaemonLocator) {
    let session_end = Event::SessionEnded { reason: EndReason::Exit };
    let line = event_line("unknown", None, now(), session_end);
    daemon_locator.deliver(&line, Deadline::after(TIMEOUT), &|| (), &|| ()).unwrap();
}

/// The deadline of a hook.
const DEADLINE: Duration = Duration::from_millis(85);

#[test]
fn hooks_drop_no_event_across_idle_exits() {
    const PER_WORLD: usize = 200;
    let hooks = rounds(1000).max(PER_WORLD);
    let (mut arrived, mut total_dropped, mut daemons) = (0, 0, 0);
    for _ in 0..hooks.div_ceil(PER_WORLD) {
        let mut world = world();
        world.set("CREWBOARD_IDLE_EXIT", "1ms");
        let agent = FakeAgent::new();
        // The end of an unknown session adds no row, so the daemon is idle at once.
        let session_end = payload("SessionEnd", "unknown", &json!({"reason": "other"}));
        fs::write(world.path().join("session_end"), session_end).unwrap();
        let slow = AtomicU64::new(0);
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    for _ in 0..PER_WORLD / 2 {
                        let mut hook = world.hook_command(&agent);
                        hook.stdin(File::open(world.path().join("session_end")).unwrap());
                        let output = run_with_input(hook, b"");
                        output.assert_silent();
                        slow.fetch_add(u64::from(output.elapsed > DEADLINE), Ordering::Relaxed);
                    }
                });
            }
        });
        wait_until("the last daemon exits", || world.daemons().is_empty());
        let served = served_events(&world);
        // A hook may miss its deadline on a busy machine. Its event is then counted as dropped.
        let dropped = fs::metadata(world.socket_directory().join("s.lock")).unwrap().len();
        assert!(dropped <= slow.load(Ordering::Relaxed), "{dropped} dropped");
        assert_eq!(served.iter().sum::<u64>() + dropped, PER_WORLD as u64, "{}", world.log());
        arrived += served.iter().sum::<u64>();
        total_dropped += dropped;
        daemons += served.len();
    }
    assert!(daemons > 1, "no daemon exited between the hooks");
    note(&format!(
        "{arrived} hooks arrived, {total_dropped} reached their deadline, with {daemons} daemons"
    ));
}

#[test]
fn deliveries_during_an_idle_exit_drop_no_event() {
    const EACH: usize = 500;
    let mut world = world();
    world.set("CREWBOARD_IDLE_EXIT", "0ms");
    // Without hook processes, thousands of deliveries a second reach a daemon that is about to exit.
    let environment = environment(&world);
    let launcher = launcher(&world, "0ms");
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let daemon_locator = DaemonLocator::new(&environment, launcher.clone());
                for round in 0..EACH {
                    // This pause varies, so that deliveries reach each moment of an exit.
                    std::thread::sleep(Duration::from_micros(round as u64 * 37 % 1500));
                    deliver_session_end(&daemon_locator);
                }
            });
        }
    });
    // The last daemon may still be starting.
    let all = 2 * EACH as u64;
    wait_until("every delivery is counted", || served_events(&world).iter().sum::<u64>() == all);
    let served = served_events(&world);
    note(&format!("{} deliveries with {} daemons", 2 * EACH, served.len()));
}

/// Returns the path of a script that runs `crewboard` with the variables of this world.
fn launcher(world: &World, idle_exit: &str) -> PathBuf {
    use std::os::unix::fs::PermissionsExt;
    let path = world.path().join("crewboard");
    let script = format!(
        "#!/bin/sh\nexec /usr/bin/env -i HOME={} CREWBOARD_SOCKET={} CREWBOARD_IDLE_EXIT={idle_exit} {} \"$@\"\n",
        world.home().display(),
        world.socket().display(),
        PROGRAM,
    );
    std::fs::write(&path, script).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    path
}

#[test]
fn daemon_stays_while_a_session_is_open() {
    let mut world = world();
    world.set("CREWBOARD_IDLE_EXIT", "1ms");
    let mut agent = FakeAgent::new();
    world.run_hook(&agent, &prompt_payload("s", "go"));
    let first = world.daemon();
    for _ in 0..5 {
        world.connect().hello();
    }
    assert_eq!(world.daemon(), first);
    // The daemon exits when the last agent has ended.
    agent.kill();
    wait_until("the daemon exits", || world.daemons().is_empty());
    assert!(world.log().contains("exited: unused"), "{}", world.log());
    assert_eq!(world.socket_files(), ["s.lock", "s.log", "s.start"]);
}
