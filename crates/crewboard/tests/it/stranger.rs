//! Another user gets nothing, even one who can reach the socket.

use crate::{skip, world};
use crewboard_testkit::{FakeAgent, LineClient, eventually};
use rustix::process::Uid;
use serde_json::json;
use std::fs::{self, Permissions};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;

#[test]
fn a_connection_of_another_user_is_refused() {
    if !rustix::process::geteuid().is_root() {
        return skip("a_connection_of_another_user_is_refused: only root can be somebody else");
    }
    let world = world();
    let agent = FakeAgent::new();
    world.hook(&agent, &crate::prompt_payload("s", "sekrit"));
    // Somebody opened the doors; who asks is checked all the same.
    let socket = world.socket();
    eventually("the daemon listens", || world.try_connect().is_some());
    fs::set_permissions(world.path(), Permissions::from_mode(0o755)).unwrap();
    fs::set_permissions(world.run(), Permissions::from_mode(0o755)).unwrap();
    fs::set_permissions(&socket, Permissions::from_mode(0o666)).unwrap();
    let stranger = std::thread::spawn(move || {
        // This thread alone is somebody else from here on.
        let nobody = Uid::from_raw(65_534);
        rustix::thread::set_thread_res_uid(nobody, nobody, nobody).unwrap();
        let mut client = LineClient::new(UnixStream::connect(&socket).unwrap());
        let _ = client.stream().write_all(b"{\"type\":\"list\"}\n{\"type\":\"stop\"}\n");
        client.try_line().unwrap_or(None)
    });
    assert_eq!(stranger.join().unwrap(), None);
    let mut client = world.connect();
    assert_eq!(client.list().len(), 1);
    assert_eq!(client.ask(json!({"type": "hello"}))["rows"], 1);
    assert!(world.log().contains("refused a connection of user 65534"), "{}", world.log());
}
