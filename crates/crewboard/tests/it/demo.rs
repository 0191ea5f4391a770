//! `crewboard demo`.

use crate::support::{AgentWithFile, BoardWorld, world};
use crewboard_core::Status;
use crewboard_testkit::{children, is_dead, signal, wait_until};
use rustix::process::Signal;
use serde_json::Value;

#[test]
fn demo_ends_its_own_daemon_when_it_exits() {
    let Some(world) = BoardWorld::new() else { return };
    for by_signal in [false, true] {
        let pane = world.demo(if by_signal { "signal" } else { "key" }, "5500");
        // The board draws the footer last.
        let screen = pane.wait_for_text("Enter jump");
        for status in Status::ALL {
            assert!(screen.contains(status.word()), "{status}: {screen}");
        }
        for used in ["5h ▕", "61%", "7d ▕", "31%", "41%"] {
            assert!(screen.contains(used), "{used}: {screen}");
        }
        let demo = pane.pid();
        let processes = children(demo);
        assert!(processes.len() > 10, "expected a daemon and the placeholders, got {processes:?}");
        if by_signal {
            signal(demo, Signal::TERM);
        } else {
            pane.press(&["q"]);
        }
        wait_until("all its processes end", || processes.iter().all(|pid| is_dead(*pid)));
    }
    assert_eq!(world.list(), Vec::<Value>::new(), "the user's own daemon has no row");
}

#[test]
fn demo_does_not_show_the_users_sessions() {
    let world = world();
    let own = AgentWithFile::new(&world, "own");
    own.write_status("busy", "");
    let list = |words: &[&str]| world.run(words).stdout;
    assert!(list(&["list", "--json"]).contains(r#""id": "own""#));
    let demo = list(&["demo", "--json", "--at", "0"]);
    assert!(demo.contains(r#""name": "webshop""#) && !demo.contains(r#""id": "own""#), "{demo}");
}
