use super::*;
use proptest::prelude::*;

/// The pieces of a stream, with neighbouring bytes joined, and the whole stream again.
#[derive(Debug, Default, PartialEq, Eq)]
struct Seen {
    bytes: Vec<u8>,
    bodies: Vec<(usize, Vec<u8>)>,
    prompts: Vec<usize>,
    resets: Vec<usize>,
}

impl Seen {
    fn add(&mut self, piece: Piece<'_>) {
        match piece {
            Piece::Bytes(bytes) => self.bytes.extend_from_slice(bytes),
            Piece::Status { raw, body } => {
                assert!(raw.len() <= MAX_SEQUENCE);
                self.bodies.push((self.bytes.len(), body.to_owned()));
                self.bytes.extend_from_slice(raw);
            }
            Piece::PromptStart => self.prompts.push(self.bytes.len()),
            Piece::Reset => self.resets.push(self.bytes.len()),
        }
    }
}

fn scan<'a>(chunks: impl IntoIterator<Item = &'a [u8]>) -> Seen {
    let mut scanner = Scanner::default();
    let mut seen = Seen::default();
    for chunk in chunks {
        scanner.feed(chunk, &mut |piece| seen.add(piece));
    }
    scanner.flush(&mut |piece| seen.add(piece));
    seen
}

fn bodies(stream: &[u8]) -> Vec<String> {
    let seen = scan([stream]);
    assert_eq!(seen.bytes, stream);
    seen.bodies.into_iter().map(|(_, body)| String::from_utf8(body).unwrap()).collect()
}

#[test]
fn report_is_found_with_each_of_its_ends() {
    for (stream, expected) in [
        (&b"a\x1b]7501;state=idle\x1b\\b"[..], &["state=idle"][..]),
        (b"\x1b]7501;?\x07", &["?"]),
        (b"\x1b]7501;?\x9c", &["?"]),
        (b"\x1b]7501;\x07", &[""]),
        (b"\x1b]7501;a\x07\x1b]7501;b\x07", &["a", "b"]),
        // A title with a letter whose second byte is that of ST.
        (b"\x1b]2;\xc3\x9c]7501;\x07\x1b]7501;a\x07", &["a"]),
        (b"\xe2\x9d\xaf 7501;state=idle\x07", &[]),
        (b"\x1b]75011;state=idle\x07", &[]),
        (b"\x1b]7501\x07state=idle\x07", &[]),
        (b"\x1b]750\x1b]7501;a\x07", &["a"]),
        (b"\x1b\x1b]7501;a\x07", &["a"]),
        (b"\x1b[31m\x1b]7501;a\x1b\\\x1b[0m", &["a"]),
    ] {
        assert_eq!(bodies(stream), expected, "{}", stream.escape_ascii());
    }
}

#[test]
fn aborted_report_is_passed_on() {
    for (stream, expected) in [
        (&b"\x1b]7501;state=idle\x18\x1b]7501;a\x07"[..], &["a"][..]),
        (b"\x1b]7501;state=idle\x1a\x07", &[]),
        (b"\x1b]7501;state=idle\x1b[31m\x07", &[]),
        (b"\x1b]7501;state=\x1b]7501;a\x07", &["a"]),
        (b"\x1b]7501;state=\x1b\x1b]7501;a\x07", &["a"]),
        (b"\x1b]7501;state=idle", &[]),
        (b"\x1b", &[]),
    ] {
        assert_eq!(bodies(stream), expected, "{}", stream.escape_ascii());
    }
}

#[test]
fn content_of_a_dcs_is_for_another_terminal() {
    for (stream, expected) in [
        // The passthrough of tmux doubles each ESC, that of screen does not.
        (&b"\x1bPtmux;\x1b\x1b]7501;?\x1b\x1b\\\x1b\\\x1b]7501;a\x07"[..], &["a"][..]),
        (b"\x1bP\x1b]7501;?\x07\x1b\\\x1b]7501;a\x07", &["a"]),
        (b"\x1bPq\x18\x1b]7501;a\x07", &["a"]),
        // In other strings ESC begins another sequence, as in terminals.
        (b"\x1b_G]7501;?\x1b\\\x1b]7501;a\x07", &["a"]),
        (b"\x1b_Gx\x1b]7501;a\x07", &["a"]),
        (b"\x1b]52;c;QUJD\x1b]7501;a\x07", &["a"]),
    ] {
        assert_eq!(bodies(stream), expected, "{}", stream.escape_ascii());
    }
}

#[test]
fn sequence_longer_than_the_limit_is_no_report() {
    for (body, end, is_report) in [
        (MAX_SEQUENCE - 9, &b"\x1b\\"[..], true),
        (MAX_SEQUENCE - 8, b"\x1b\\", false),
        (MAX_SEQUENCE - 8, b"\x07", true),
        (MAX_SEQUENCE - 7, b"\x07", false),
        (1 << 20, b"\x07", false),
    ] {
        let body = vec![b'x'; body];
        let stream = [b"\x1b]7501;", &body[..], end, b"\x1b]7501;a\x07"].concat();
        let seen = scan([&stream[..]]);
        assert_eq!(seen.bytes, stream);
        assert_eq!(seen.bodies.len(), 1 + usize::from(is_report), "{}", body.len());
    }
}

#[test]
fn prompt_and_reset_are_found() {
    let stream = b"\x1b]133;A\x1b\\$ \x1b]133;B\x07ls\x1b]133;A;k=s\x07\x1bc\x1b[!p";
    let seen = scan([&stream[..]]);
    assert_eq!(seen.bytes, stream);
    assert_eq!((seen.prompts, seen.resets), (vec![7, 28], vec![35]));
}

#[test]
fn nothing_but_a_possible_report_is_held_back() {
    let mut scanner = Scanner::default();
    let mut bytes = 0;
    for (chunk, held) in [
        (&b"plain \x1b[3"[..], false),
        (b"1m\x1b", true),
        (b"]75", true),
        (b"02;", false),
        (b"x\x07\x1b]7501;stat", true),
        (b"e=idle\x07", false),
        (b"\x1bPq", false),
    ] {
        scanner.feed(chunk, &mut |piece| {
            if let Piece::Bytes(piece) | Piece::Status { raw: piece, .. } = piece {
                bytes += piece.len();
            }
        });
        assert_eq!(scanner.is_holding(), held, "{}", chunk.escape_ascii());
    }
    assert_eq!(bytes, 41);
}

/// Returns fragments that sequences are made of, so that random streams are full of half sequences.
fn fragment() -> impl Strategy<Value = Vec<u8>> {
    let known: &[&[u8]] = &[
        b"\x1b",
        b"]",
        b"7501;",
        b"75",
        b"01;",
        b"133;A",
        b"133;",
        b"\\",
        b"\x07",
        b"\x9c",
        b"\x18",
        b"\x1a",
        b"P",
        b"_",
        b"X",
        b"?",
        b"state=idle",
        b"\x1b]7501;",
        b"\x1b\\",
        b"\x1bc",
        b"tmux;",
        b"\xe2\x9d\xaf",
        b"\x9d",
    ];
    let long = (3900usize..4200).prop_map(|length| vec![b'x'; length]);
    prop_oneof![
        8 => prop::sample::select(known).prop_map(<[u8]>::to_vec),
        1 => prop::collection::vec(any::<u8>(), 0..8),
        1 => long,
    ]
}

proptest! {
    #[test]
    fn pieces_are_the_stream_however_it_is_split(
        fragments in prop::collection::vec(fragment(), 0..40),
        splits in prop::collection::vec(any::<prop::sample::Index>(), 0..20),
    ) {
        let stream = fragments.concat();
        let whole = scan([&stream[..]]);
        prop_assert_eq!(&whole.bytes, &stream);
        prop_assert_eq!(&scan(stream.chunks(1)), &whole);
        let mut ends: Vec<usize> = splits.iter().map(|at| at.index(stream.len() + 1)).collect();
        ends.sort_unstable();
        let mut begin = 0;
        let mut chunks = Vec::new();
        for end in ends.into_iter().chain([stream.len()]) {
            chunks.push(&stream[begin..end]);
            begin = end;
        }
        prop_assert_eq!(&scan(chunks), &whole);
    }
}
