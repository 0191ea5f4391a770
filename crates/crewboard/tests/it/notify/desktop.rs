//! Desktop notifications with the real `notify-send`, over a bus of their own.

use super::world_with;
use crate::support::{Agent, BoardWorld, HiddenPane};
use crewboard_testkit::skip;
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader, Lines};
use std::process::{Child, ChildStdout, Command, Stdio};

/// A notification server that prints one notification and ends. Its arguments are further capabilities. If it has actions,
/// the user clicks at once.
const SERVER: &str = r#"
import dbus, dbus.mainloop.glib, dbus.service, json, sys
from gi.repository import GLib
dbus.mainloop.glib.DBusGMainLoop(set_as_default=True)
NAME = "org.freedesktop.Notifications"
loop = GLib.MainLoop()
class Server(dbus.service.Object):
    @dbus.service.method(NAME, in_signature="susssasa{sv}i", out_signature="u")
    def Notify(self, app, replaces, icon, title, text, actions, hints, expires):
        print(json.dumps([app, title, text]), flush=True)
        if actions:
            GLib.idle_add(lambda: self.ActionInvoked(1, actions[0]))
        else:
            GLib.idle_add(loop.quit)
        return 1
    @dbus.service.method(NAME, in_signature="u", out_signature="")
    def CloseNotification(self, id):
        self.NotificationClosed(id, 3)
        GLib.idle_add(loop.quit)
    @dbus.service.signal(NAME, signature="us")
    def ActionInvoked(self, id, action):
        pass
    @dbus.service.signal(NAME, signature="uu")
    def NotificationClosed(self, id, reason):
        pass
    @dbus.service.method(NAME, in_signature="", out_signature="as")
    def GetCapabilities(self):
        return ["body", "body-markup", *sys.argv[1:]]
    @dbus.service.method(NAME, in_signature="", out_signature="ssss")
    def GetServerInformation(self):
        return ["test", "test", "1", "1.2"]
name = dbus.service.BusName(NAME, dbus.SessionBus())
server = Server(dbus.SessionBus(), "/org/freedesktop/Notifications")
print("ready", flush=True)
loop.run()
"#;

/// A D-Bus daemon and the notification server. Both end when this value is dropped.
struct Desktop {
    bus: Child,
    server: Child,
    received: Lines<BufReader<ChildStdout>>,
}

impl Drop for Desktop {
    fn drop(&mut self) {
        for child in [&mut self.server, &mut self.bus] {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Desktop {
    /// Starts a bus, a server with these further capabilities, and a daemon that uses them. Returns `None` if a program is
    /// missing.
    fn start(world: &BoardWorld, capabilities: &[&str]) -> Option<Self> {
        let is_there = |program: &str, words: &[&str]| {
            let mut command = Command::new(program);
            command.args(words).stdout(Stdio::null()).stderr(Stdio::null());
            command.status().is_ok_and(|status| status.success())
        };
        let is_complete = is_there("notify-send", &["--version"])
            && is_there("dbus-daemon", &["--version"])
            && is_there("/usr/bin/python3", &["-c", "import dbus, gi"]);
        if !is_complete {
            skip("dbus-daemon, notify-send or python3-dbus is not installed");
            return None;
        }
        let mut bus = Command::new("dbus-daemon");
        bus.args(["--session", "--nofork", "--print-address=1"]).stdout(Stdio::piped());
        let mut bus = bus.spawn().unwrap();
        let mut address = String::new();
        BufReader::new(bus.stdout.take().unwrap()).read_line(&mut address).unwrap();
        let address = address.trim();
        let mut server = Command::new("/usr/bin/python3");
        server.args(["-c", SERVER]).args(capabilities).env("DBUS_SESSION_BUS_ADDRESS", address);
        let mut server = server.stdout(Stdio::piped()).spawn().unwrap();
        let received = BufReader::new(server.stdout.take().unwrap()).lines();
        let mut desktop = Self { bus, server, received };
        assert_eq!(desktop.next_line().as_deref(), Some("ready"));
        let mut start = world.command(["daemon", "start"]);
        assert!(start.env("DBUS_SESSION_BUS_ADDRESS", address).status().unwrap().success());
        Some(desktop)
    }

    /// Returns the next line of the server, or `None` at its end.
    fn next_line(&mut self) -> Option<String> {
        self.received.next().map(Result::unwrap)
    }
}

#[test]
fn desktop_notification_arrives_over_dbus() {
    let Some(world) = world_with("[notify]\ncontent = true\n") else { return };
    let Some(mut desktop) = Desktop::start(&world, &[]) else { return };
    let agent = Agent::new(r"<b>-n \74b\76 $(touch x)");
    world.send_prompt(&agent, "go");
    world.request_permission(&agent, r"\74b\76 <i> \n\b\377 \");
    let received: Value = serde_json::from_str(&desktop.next_line().unwrap()).unwrap();
    let title = r"<b>-n \74b\76 $(touch x): permission";
    assert_eq!(received, json!(["Crewboard", title, r"Bash \74b\76 &lt;i&gt; \n\b\377 \"]));
}

#[test]
fn desktop_with_actions_jumps_at_a_click() {
    let Some(world) = world_with("") else { return };
    let server = world.server("near");
    let hidden = HiddenPane::open(&world, &server);
    let Some(mut desktop) = Desktop::start(&world, &["actions"]) else { return };
    let asks = json!({ "tool_name": "Bash", "tool_input": { "command": "ls" } });
    hidden.send_event("shop", "PermissionRequest", &asks);
    let received: Value = serde_json::from_str(&desktop.next_line().unwrap()).unwrap();
    assert_eq!(received[1], "shop: permission");
    hidden.wait_until_shown(&hidden.id);
    // There was one notification, which the click has closed.
    assert_eq!(desktop.next_line(), None);
    let listed = world.notifications();
    let notifiers: Vec<&Value> = listed.iter().map(|record| &record["notifiers"]).collect();
    assert_eq!(notifiers, [&json!(["desktop"])]);
}
