//! `crewboard daemon`, also with one that hangs.

use crate::commands::json_of;
use crate::world;
use crewboard_testkit::{eventually, signal};
use rustix::process::Signal;
use serde_json::json;
use std::io::{BufRead, BufReader};
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::Stdio;

fn program() -> PathBuf {
    PathBuf::from(env!("CARGO_BIN_EXE_crewboard")).canonicalize().unwrap()
}

#[test]
fn the_daemon_can_be_started_stopped_and_asked() {
    let world = world();
    let said = world.say(["daemon", "status"]);
    assert_eq!((said.code(), said.stdout.as_str()), (Some(1), "no daemon runs\n"));
    assert_eq!(world.say(["daemon", "status", "--json"]).stdout, "null\n");
    let said = world.say(["daemon", "stop"]);
    assert_eq!((said.code(), said.stdout.as_str()), (Some(0), "no daemon runs\n"));
    assert!(world.daemons().is_empty());

    let said = world.say(["daemon", "start"]);
    let first = world.daemon();
    assert_eq!(said.stdout, format!("the daemon runs as process {first}\n"));
    assert!(world.say(["daemon", "start"]).status.success());
    assert_eq!(world.daemon(), first);
    let facts = json_of(&world.say(["daemon", "status", "--json"]));
    assert_eq!((&facts["pid"], &facts["rows"]), (&json!(first), &json!(0)));
    assert_eq!(facts["sockets"][0], world.socket().to_str().unwrap());
    let said = world.say(["daemon"]);
    assert!(said.stdout.contains(&format!("has run as process {first} for")), "{said:?}");

    assert!(world.say(["daemon", "restart"]).status.success());
    assert_ne!(world.daemon(), first);
    let said = world.say(["daemon", "stop"]);
    assert_eq!((said.code(), said.stdout.as_str()), (Some(0), "stopped\n"));
    // Not a moment later: its process is over.
    assert!(world.daemons().is_empty());
    assert_eq!(world.say(["daemon", "status"]).code(), Some(1));

    // A second one beside the first does not come up, and says why.
    world.say(["daemon", "start"]);
    let said = world.say(["daemon", "run"]);
    assert_eq!(said.code(), Some(1));
    assert!(said.stderr.contains("another daemon"), "{said:?}");
    let _the_only_one = world.daemon();
}

#[test]
fn a_daemon_that_hangs_is_named_and_ended() {
    let world = world();
    world.start();
    let hung = world.daemon();
    signal(hung, Signal::STOP);
    let named = format!("the daemon (process {hung}, {}, suspended)", program().display());
    let said = std::thread::scope(|scope| {
        let world = &world;
        let commands: [&[&str]; 3] = [&["daemon", "status"], &["daemon", "stop"], &["list"]];
        let running = commands.map(|words| scope.spawn(move || world.say(words)));
        running.map(|running| running.join().unwrap())
    });
    for said in &said {
        assert_eq!((said.code(), said.stdout.as_str()), (Some(1), ""), "{said:?}");
        assert!(said.stderr.contains("`crewboard daemon restart` ends it"), "{said:?}");
    }
    for said in &said[..2] {
        assert!(said.stderr.contains(&format!("{named} does not answer\n")), "{said:?}");
    }
    let said = world.say(["daemon", "restart"]);
    assert!(said.status.success(), "{said:?}");
    let new = world.daemon();
    assert_ne!(new, hung);
    let told = format!("{named} did not answer and was ended\nthe daemon runs as process {new}\n");
    assert_eq!(said.stdout, told);
}

#[test]
fn one_that_obeys_no_signal_is_killed() {
    let world = world();
    let lock = world.run().join("s.lock");
    // It holds the lock, listens nowhere, and means to stay.
    let script = r#"exec 9>>"$1"; flock -x 9; trap '' TERM; echo; exec sleep 600"#;
    let mut shell = std::process::Command::new("sh");
    shell.args(["-c", script, "sh"]).arg(&lock).stdout(Stdio::piped());
    let mut deaf = shell.spawn().unwrap();
    let mut line = String::new();
    BufReader::new(deaf.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let said = world.say(["daemon", "restart"]);
    assert!(said.status.success(), "{said:?}");
    assert!(said.stdout.contains(&format!("process {},", deaf.id())), "{said:?}");
    assert_eq!(deaf.wait().unwrap().signal(), Some(Signal::KILL.as_raw()));
    let _the_new_one = world.daemon();
}

#[test]
fn a_signal_ends_the_daemon_in_order() {
    let world = world();
    world.start();
    signal(world.daemon(), Signal::TERM);
    eventually("it leaves", || world.daemons().is_empty());
    assert!(!world.socket().exists());
    assert!(world.log().contains("left: told to by a signal"), "{}", world.log());
}
