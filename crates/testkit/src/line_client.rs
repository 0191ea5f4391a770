use crate::world::{PATIENCE, eventually};
use crewboard_core::{Event, Process, Report, Stamp};
use crewboard_protocol::{EventLine, Request};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::Path;

/// A client that speaks the socket as `nc -U` would: lines out, lines in.
#[derive(Debug)]
pub struct LineClient {
    reader: BufReader<UnixStream>,
}

impl LineClient {
    pub fn new(stream: UnixStream) -> Self {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        Self { reader: BufReader::new(stream) }
    }

    pub fn connect(socket: &Path) -> Self {
        Self::new(UnixStream::connect(socket).unwrap())
    }

    pub fn stream(&self) -> &UnixStream {
        self.reader.get_ref()
    }

    /// Sends bytes as they are.
    pub fn send_bytes(&self, bytes: &[u8]) {
        self.stream().write_all(bytes).unwrap();
    }

    /// Sends a JSON line.
    #[expect(clippy::needless_pass_by_value, reason = "callers write the value in place")]
    pub fn send(&self, request: Value) {
        self.send_bytes(format!("{request}\n").as_bytes());
    }

    /// Says that nothing more will come from here.
    pub fn half_close(&self) {
        self.stream().shutdown(Shutdown::Write).unwrap();
    }

    /// The next line; `None` at the end.
    #[track_caller]
    pub fn next_line(&mut self) -> Option<Value> {
        self.try_line().expect("a line, or the end, within patience")
    }

    /// The next line; `None` at the end, however it came.
    pub fn try_line(&mut self) -> io::Result<Option<Value>> {
        let mut line = String::new();
        match self.reader.read_line(&mut line) {
            Ok(0) => Ok(None),
            Ok(_) => Ok(Some(serde_json::from_str(&line).expect("a line of JSON"))),
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The next line, which must come.
    #[track_caller]
    pub fn receive(&mut self) -> Value {
        self.next_line().expect("a line and not the end")
    }

    #[track_caller]
    pub fn ask(&mut self, request: Value) -> Value {
        self.send(request);
        self.receive()
    }

    #[track_caller]
    pub fn hello(&mut self) -> Value {
        let hello = self.ask(json!({"type": "hello"}));
        assert_eq!(hello["type"], "hello");
        hello
    }

    /// All rows by key, as `list` gives them.
    #[track_caller]
    pub fn list(&mut self) -> BTreeMap<String, Value> {
        self.send(json!({"type": "list"}));
        self.snapshot()
    }

    /// Reads a snapshot to its end.
    #[track_caller]
    pub fn snapshot(&mut self) -> BTreeMap<String, Value> {
        assert_eq!(self.receive()["type"], "snapshot");
        let mut rows = BTreeMap::new();
        loop {
            let line = self.receive();
            match line["type"].as_str() {
                Some("row" | "change") => {
                    rows.insert(key_of(&line["row"]), line["row"].clone());
                }
                Some("removed") => {
                    rows.remove(line["key"].as_str().unwrap());
                }
                Some("limits" | "losses") => {}
                Some("synced") => return rows,
                _ => panic!("{line} in a snapshot"),
            }
        }
    }

    /// Waits until the daemon has taken in `count` events.
    #[track_caller]
    pub fn await_events(&mut self, count: u64) {
        eventually("the events arrive", || self.hello()["events"].as_u64() >= Some(count));
    }
}

fn key_of(row: &Value) -> String {
    row["key"].as_str().expect("a row has a key").to_owned()
}

/// A view: what a dashboard holds of a subscription.
#[derive(Debug)]
pub struct View {
    pub client: LineClient,
    pub rows: BTreeMap<String, Value>,
}

impl View {
    /// Subscribes and reads the snapshot.
    #[track_caller]
    pub fn new(mut client: LineClient) -> Self {
        client.send(json!({"type": "subscribe"}));
        let rows = client.snapshot();
        Self { client, rows }
    }

    /// Takes in the next notice, and returns it.
    #[track_caller]
    pub fn notice(&mut self) -> Value {
        let notice = self.client.receive();
        match notice["type"].as_str() {
            Some("row" | "change") => {
                self.rows.insert(key_of(&notice["row"]), notice["row"].clone());
            }
            Some("removed") => {
                self.rows.remove(notice["key"].as_str().unwrap());
            }
            Some("limits" | "synced") => {}
            _ => panic!("{notice} in a subscription"),
        }
        notice
    }

    /// Takes in notices until the rows are as wanted.
    #[track_caller]
    pub fn until(&mut self, wanted: impl Fn(&BTreeMap<String, Value>) -> bool) {
        while !wanted(&self.rows) {
            self.notice();
        }
    }

    /// Reads notices until any row is as wanted, and returns that row.
    pub fn until_any(&mut self, wanted: impl Fn(&Value) -> bool) -> Value {
        loop {
            if let Some(row) = self.rows.values().find(|row| wanted(row)) {
                return row.clone();
            }
            self.notice();
        }
    }

    /// Takes in notices until a row of session `id` is as wanted, and returns it.
    #[track_caller]
    pub fn until_row(&mut self, id: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        loop {
            if let Some(row) = self.rows.values().find(|row| row["id"] == id && wanted(row)) {
                return row.clone();
            }
            self.notice();
        }
    }
}

/// An event as a hook of this process would send it, as a line.
pub fn event_line(session: &str, process: Option<Process>, stamp: Stamp, event: Event) -> Vec<u8> {
    let report = Report { process, ..Report::new("claude", session, "hook:Test", stamp, event) };
    let hook_pid = std::process::id();
    Request::Event(EventLine { hook_pid, report: Box::new(report) }).encode()
}

/// A prompt, which makes a row that works.
pub fn prompt(text: &str) -> Event {
    Event::PromptSubmitted { prompt: text.to_owned(), automatic: false, ended_task: None }
}
