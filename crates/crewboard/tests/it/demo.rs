//! `crewboard demo`.

use crate::board_world::BoardWorld;
use crate::replay::children;
use crate::session_files::Filing;
use crate::world;
use crewboard_core::Status;
use crewboard_testkit::{eventually, is_dead, signal};
use rustix::process::Signal;
use serde_json::Value;

#[test]
fn the_demo_is_a_board_with_a_daemon_of_its_own_and_leaves_with_it() {
    let Some(world) = BoardWorld::new() else { return };
    for by_signal in [false, true] {
        let pane = world.demo(if by_signal { "signal" } else { "key" }, "5500");
        // The footer, with the keys of a board that has rows, is drawn last.
        let screen = pane.shows("Enter jump");
        for status in Status::ALL {
            assert!(screen.contains(status.word()), "{status}: {screen}");
        }
        // Times of resets go on with the wall clock's minutes.
        for used in ["5h ▕", "61% ↻ 1h1", "7d ▕", "31% ↻ ", "41%"] {
            assert!(screen.contains(used), "{used}: {screen}");
        }
        let demo = pane.pid();
        let held = children(demo);
        assert!(held.len() > 10, "a daemon and the placeholders: {held:?}");
        if by_signal {
            signal(demo, Signal::TERM);
        } else {
            pane.press(&["q"]);
        }
        eventually("nothing of it is left", || held.iter().all(|pid| is_dead(*pid)));
    }
    assert_eq!(world.list(), Vec::<Value>::new(), "the user's own daemon heard nothing");
}

#[test]
fn the_users_own_sessions_are_none_of_the_demos() {
    let world = world();
    let own = Filing::new(&world, "own");
    own.says("busy", "");
    let list = |words: &[&str]| world.say(words).stdout;
    assert!(list(&["list", "--json"]).contains(r#""id": "own""#));
    let demo = list(&["demo", "--json", "--at", "0"]);
    assert!(demo.contains(r#""name": "webshop""#) && !demo.contains(r#""id": "own""#), "{demo}");
}
