//! Tests of a connection between a client and an actor.

use super::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// The client of a running connection, and the channels of the actor.
struct Served {
    client: UnixStream,
    inputs: mpsc::Receiver<Input>,
    outgoing: mpsc::Sender<Box<Outgoing>>,
}

fn serve() -> Served {
    serve_with(&long_line_permits(MAX_LONG_LINES))
}

fn serve_with(permits: &LongLinePermits) -> Served {
    let (client, stream) = UnixStream::pair().unwrap();
    let (sender, inputs) = mpsc::channel(1024);
    let (outgoing, receiver) = mpsc::channel(128);
    let connection = Connection {
        id: 1,
        peer: Peer::of(None),
        stream: Arc::new(stream),
        has_lines: Arc::default(),
        inputs: sender,
        outgoing: receiver,
        permits: Arc::clone(permits),
    };
    tokio::spawn(connection.serve());
    Served { client, inputs, outgoing }
}

#[tokio::test(start_paused = true)]
async fn connection_without_a_whole_request_is_closed() {
    for (sent, stays) in [
        ("", false),
        ("{\"type\":\"li", false),
        ("{\"type\":\"hello\"}\n{\"type\":\"li", false),
        ("{\"type\":\"hello\"}\n", true),
        ("garbage\n", true),
    ] {
        let mut served = serve();
        served.client.write_all(sent.as_bytes()).await.unwrap();
        let is_over = async {
            loop {
                match served.inputs.recv().await {
                    Some(Input::Closed(_)) | None => break,
                    Some(_) => {}
                }
            }
        };
        // The paused clock jumps when nothing else is to be done.
        let left = tokio::time::timeout(REQUEST_WITHIN * 10, is_over).await.is_ok();
        assert_eq!(left, !stays, "{sent:?}");
    }
}

#[tokio::test]
async fn client_is_not_read_while_too_many_replies_are_pending() {
    let mut served = serve();
    let asked = 3 * MAX_PENDING_REPLIES;
    served.client.write_all(&b"{\"type\":\"hello\"}\n".repeat(asked)).await.unwrap();
    // A reply is so long that it cannot be written before it is read.
    let reply: Line = vec![b'x'; 1 << 20].into();
    let mut taken = 0;
    while taken < MAX_PENDING_REPLIES {
        assert!(matches!(served.inputs.recv().await, Some(Input::Request { .. })));
        taken += 1;
    }
    for _ in 0..MAX_PENDING_REPLIES {
        served.outgoing.send(Box::new(Outgoing::Reply(Line::clone(&reply)))).await.unwrap();
    }
    let quiet = tokio::time::timeout(Duration::from_millis(50), served.inputs.recv()).await;
    assert!(quiet.is_err(), "{quiet:?}");
    // Each reply that is read admits one more request, though all were sent long ago.
    let mut bytes = vec![0; reply.len()];
    while taken < asked {
        served.client.read_exact(&mut bytes).await.unwrap();
        assert!(matches!(served.inputs.recv().await, Some(Input::Request { .. })));
        served.outgoing.send(Box::new(Outgoing::Reply(Line::clone(&reply)))).await.unwrap();
        taken += 1;
    }
}

/// Longer than the buffer of a socket, and shorter than the longest line.
const LONG: usize = MAX_REQUEST_LINE - 1000;

/// Waits until the daemon reads no more from these clients. Returns how many have written their line.
async fn count_read(clients: &mut [(Served, usize)], line: &[u8]) -> usize {
    for _ in 0..1000 {
        for (served, written) in &mut *clients {
            while let Ok(count) = served.client.try_write(&line[*written..]) {
                *written += count;
                if *written == line.len() {
                    break;
                }
            }
        }
        tokio::task::yield_now().await;
    }
    clients.iter().filter(|(_, written)| *written == line.len()).count()
}

#[tokio::test(start_paused = true)]
async fn long_lines_wait_for_a_permit() {
    let permits = long_line_permits(3);
    let line = vec![b' '; LONG];
    let mut clients: Vec<_> = (0..10).map(|_| (serve_with(&permits), 0)).collect();
    for read in [3, 6, 9, 10] {
        assert_eq!(count_read(&mut clients, &line).await, read);
        // A line that is not ended loses its permit after a second.
        tokio::time::advance(LONG_LINE_WITHIN).await;
    }
    // All whole lines are handled, as fast as the actor handles them.
    let mut line = vec![b' '; LONG];
    line.extend_from_slice(b"{\"type\":\"look\"}\n");
    let mut clients: Vec<_> = (0..10).map(|_| (serve_with(&permits), 0)).collect();
    let mut read = 0;
    while read < 10 {
        let now = count_read(&mut clients, &line).await;
        assert_eq!(now, (read + 3).min(10), "the actor has not handled the others");
        read = now;
        for (served, _) in &mut clients {
            while served.inputs.try_recv().is_ok() {}
        }
    }
}

#[tokio::test]
async fn lines_that_wait_are_one_write() {
    let line = |text: &str| -> Line { text.as_bytes().into() };
    let mut state = State::default();
    let lines = vec![line("one\n"), line("two\n")];
    state.queue(Outgoing::Batch { lines, answers: true, written: 1 });
    state.queue(Outgoing::Reply(line("three\n")));
    state.pending_replies = 2;
    let next =
        |state: &State| state.next_write().iter().map(|part| part.to_vec()).collect::<Vec<_>>();
    assert_eq!(next(&state), [&b"ne\n"[..], b"two\n", b"three\n"]);
    state.note_written(5);
    assert_eq!(
        (next(&state), state.pending_replies),
        (vec![b"o\n".to_vec(), b"three\n".to_vec()], 2)
    );
    state.note_written(3);
    assert_eq!((next(&state), state.pending_replies), (vec![b"hree\n".to_vec()], 1));
    state.note_written(5);
    assert!(state.lines.is_empty() && state.written == 0 && state.pending_replies == 0);
}
