//! A server in place of the daemon.

use crewboard_testkit::World;
use serde_json::Value;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::thread;

/// Listens at the socket of the world until the test ends. Sends the replies that `replies` returns for a request,
/// and closes a connection after its `stop`.
pub(crate) fn serve_replies(
    world: &World,
    replies: impl Fn(&str) -> Vec<Value> + Clone + Send + 'static,
) {
    let _ = fs::remove_file(world.socket());
    let listener = UnixListener::bind(world.socket()).unwrap();
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let replies = replies.clone();
            thread::spawn(move || reply(&stream, replies));
        }
    });
}

fn reply(stream: &UnixStream, replies: impl Fn(&str) -> Vec<Value>) -> Option<()> {
    for line in BufReader::new(stream).lines() {
        let request: Value = serde_json::from_str(&line.ok()?).ok()?;
        let kind = request["type"].as_str()?;
        for reply in replies(kind) {
            writeln!(&*stream, "{reply}").ok()?;
        }
        if kind == "stop" {
            return None;
        }
    }
    None
}
