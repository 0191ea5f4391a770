//! Hooks on a busy machine are slow and drop no event.

use crate::support::{note, payload, rounds, served_events, world};
use crewboard_testkit::{FakeAgent, World, run_with_input, signal, wait_until, wrap_command};
use serde_json::json;
use std::fs::{self, File};
use std::process::{Child, Command};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// The number of processes that only use processor time.
const SPINNERS: usize = 20;

/// The number of hooks that run at the same time.
const AT_ONCE: u64 = 20;

/// Returns `command` pinned to one processor, so that other tests keep the other processors.
fn on_one_processor(command: &Command) -> Command {
    wrap_command(&["taskset", "-c", "0"], command)
}

/// Processes that spin. They end when this value is dropped, or after a minute if the test is killed.
struct Spinners(Vec<Child>);

impl Spinners {
    fn start() -> Self {
        let spin = || {
            let mut command = Command::new("timeout");
            command.args(["60", "sh", "-c", "while :; do :; done"]);
            command.env("PATH", "/usr/bin:/bin");
            on_one_processor(&command).spawn().unwrap()
        };
        Self((0..SPINNERS).map(|_| spin()).collect())
    }
}

impl Drop for Spinners {
    fn drop(&mut self) {
        for child in &mut self.0 {
            // `taskset` has executed `timeout`, which forwards the signal.
            signal(child.id(), rustix::process::Signal::TERM);
            let _ = child.wait();
        }
    }
}

/// Runs `count` hooks. Returns the time of the slowest.
fn run_hooks(world: &World, agent: &FakeAgent, count: u64) -> Duration {
    let slowest = AtomicU64::new(0);
    let started = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while started.fetch_add(1, Ordering::Relaxed) < count {
                    let mut hook = on_one_processor(&world.hook_command(agent));
                    hook.stdin(File::open(world.path().join("session_end")).unwrap());
                    let output = run_with_input(hook, b"");
                    output.assert_silent();
                    let took = u64::try_from(output.elapsed.as_micros()).unwrap();
                    slowest.fetch_max(took, Ordering::Relaxed);
                }
            });
        }
    });
    Duration::from_micros(slowest.into_inner())
}

#[test]
fn no_event_is_dropped_on_a_busy_machine() {
    let hooks = rounds(200) as u64;
    let mut world = world();
    // The daemon often exits, so that hooks also have to start it.
    world.set("CREWBOARD_IDLE_EXIT", "300ms");
    let agent = FakeAgent::new();
    // The end of an unknown session adds no row.
    let session_end = payload("SessionEnd", "unknown", &json!({"reason": "other"}));
    fs::write(world.path().join("session_end"), session_end).unwrap();
    let started = Instant::now();
    let spinners = Spinners::start();
    let slowest = run_hooks(&world, &agent, hooks);
    drop(spinners);
    note(&format!("{hooks} hooks in {:?}, the slowest in {slowest:?}", started.elapsed()));
    wait_until("the last daemon exits", || world.daemons().is_empty());
    let served: u64 = served_events(&world).iter().sum();
    let dropped = fs::metadata(world.socket_directory().join("s.lock")).unwrap().len();
    assert_eq!((served, dropped), (hooks, 0), "{}", world.log());
}
