use crate::wait::{TIMEOUT, wait_until};
use crewboard_core::{Event, Process, Report, Stamp};
use crewboard_protocol::{EventLine, Request};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::Path;

/// A client that sends and receives lines, as `nc -U` does.
#[derive(Debug)]
pub struct LineClient {
    reader: BufReader<UnixStream>,
}

impl LineClient {
    pub fn new(stream: UnixStream) -> Self {
        stream.set_read_timeout(Some(TIMEOUT)).unwrap();
        stream.set_write_timeout(Some(TIMEOUT)).unwrap();
        Self { reader: BufReader::new(stream) }
    }

    pub fn connect(socket: &Path) -> Self {
        Self::new(UnixStream::connect(socket).unwrap())
    }

    pub fn stream(&self) -> &UnixStream {
        self.reader.get_ref()
    }

    /// Sends raw bytes.
    pub fn send_bytes(&self, bytes: &[u8]) {
        self.stream().write_all(bytes).unwrap();
    }

    /// Sends a JSON line.
    #[expect(clippy::needless_pass_by_value, reason = "callers write the value in place")]
    pub fn send(&self, request: Value) {
        self.send_bytes(format!("{request}\n").as_bytes());
    }

    /// Closes the sending side of the connection.
    pub fn half_close(&self) {
        self.stream().shutdown(Shutdown::Write).unwrap();
    }

    /// Returns the next line, or `None` at the end.
    #[track_caller]
    pub fn next_line(&mut self) -> Option<Value> {
        self.try_line().expect("no line and no end within the timeout")
    }

    /// Returns the next line, or `None` if the connection was closed or reset.
    pub fn try_line(&mut self) -> io::Result<Option<Value>> {
        let mut line = String::new();
        match self.reader.read_line(&mut line) {
            Ok(0) => Ok(None),
            Ok(_) => Ok(Some(serde_json::from_str(&line).expect("the line is not JSON"))),
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Returns the next line. Fails the test at the end.
    #[track_caller]
    pub fn receive(&mut self) -> Value {
        self.next_line().expect("the connection is closed")
    }

    #[track_caller]
    pub fn request(&mut self, request: Value) -> Value {
        self.send(request);
        self.receive()
    }

    #[track_caller]
    pub fn hello(&mut self) -> Value {
        let hello = self.request(json!({"type": "hello"}));
        assert_eq!(hello["type"], "hello");
        hello
    }

    /// Returns all rows by key, as a list request gives them.
    #[track_caller]
    pub fn list(&mut self) -> BTreeMap<String, Value> {
        self.send(json!({"type": "list"}));
        self.snapshot()
    }

    /// Reads a whole snapshot. Returns its rows by key.
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
                Some("limits" | "dropped_events") => {}
                Some("synced") => return rows,
                _ => panic!("unexpected in a snapshot: {line}"),
            }
        }
    }

    /// Waits until the daemon has received `count` events.
    #[track_caller]
    pub fn wait_for_events(&mut self, count: u64) {
        wait_until("the events arrive", || self.hello()["events"].as_u64() >= Some(count));
    }
}

fn key_of(row: &Value) -> String {
    row["key"].as_str().expect("the row has no key").to_owned()
}

/// A subscription, with the rows that it has received.
#[derive(Debug)]
pub struct Subscription {
    pub client: LineClient,
    pub rows: BTreeMap<String, Value>,
}

impl Subscription {
    /// Subscribes and reads the snapshot.
    #[track_caller]
    pub fn new(mut client: LineClient) -> Self {
        client.send(json!({"type": "subscribe"}));
        let rows = client.snapshot();
        Self { client, rows }
    }

    /// Receives the next change, applies it and returns it.
    #[track_caller]
    pub fn receive(&mut self) -> Value {
        let change = self.client.receive();
        match change["type"].as_str() {
            Some("row" | "change") => {
                self.rows.insert(key_of(&change["row"]), change["row"].clone());
            }
            Some("removed") => {
                self.rows.remove(change["key"].as_str().unwrap());
            }
            Some("limits" | "synced") => {}
            _ => panic!("unexpected in a subscription: {change}"),
        }
        change
    }

    /// Receives changes until the rows are as wanted.
    #[track_caller]
    pub fn wait_for_rows(&mut self, wanted: impl Fn(&BTreeMap<String, Value>) -> bool) {
        while !wanted(&self.rows) {
            self.receive();
        }
    }

    /// Receives changes until any row is as wanted. Returns that row.
    #[track_caller]
    pub fn wait_for_any_row(&mut self, wanted: impl Fn(&Value) -> bool) -> Value {
        loop {
            if let Some(row) = self.rows.values().find(|row| wanted(row)) {
                return row.clone();
            }
            self.receive();
        }
    }

    /// Receives changes until a row of session `id` is as wanted. Returns that row.
    #[track_caller]
    pub fn wait_for_row(&mut self, id: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        loop {
            if let Some(row) = self.rows.values().find(|row| row["id"] == id && wanted(row)) {
                return row.clone();
            }
            self.receive();
        }
    }
}

/// Returns an event as the line that a hook of this process would send.
pub fn event_line(session: &str, process: Option<Process>, stamp: Stamp, event: Event) -> Vec<u8> {
    let report = Report { process, ..Report::new("claude", session, "hook:Test", stamp, event) };
    let hook_pid = std::process::id();
    Request::Event(EventLine { hook_pid, report: Box::new(report) }).encode()
}

/// Returns a user prompt, which sets a row to working.
pub fn prompt(text: &str) -> Event {
    Event::PromptSubmitted { prompt: text.to_owned(), automatic: false, ended_task: None }
}
