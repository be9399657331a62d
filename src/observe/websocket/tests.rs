use flate2::{Compress, Compression, FlushCompress};

use super::extensions::Takeover;
use super::fuzz::{Trace, read};
use super::*;

mod compression;
mod faults;
mod property;

const LAST: u8 = 0x80;
const RSV1: u8 = 0x40;
const CONTINUATION: u8 = 0;
const TEXT: u8 = 1;
const BINARY: u8 = 2;
const CLOSE: u8 = 8;
const PING: u8 = 9;
const PONG: u8 = 10;

/// A frame's first byte and its payload.
type Part<'a> = (u8, &'a [u8]);

/// How a frame's length is written.
#[derive(Clone, Copy, Debug)]
enum Length {
    Shortest,
    In16,
    In64,
}

fn frame_of(first: u8, length: Length, mask: Option<[u8; 4]>, payload: &[u8]) -> Vec<u8> {
    let length = match (length, payload.len()) {
        (Length::Shortest, 0..=125) => vec![payload.len() as u8],
        (Length::Shortest | Length::In16, 0..=0xffff) => {
            [&[126][..], &(payload.len() as u16).to_be_bytes()].concat()
        }
        _ => [&[127][..], &(payload.len() as u64).to_be_bytes()].concat(),
    };
    let mut frame = [&[first], &length[..]].concat();
    if let Some(mask) = mask {
        frame[1] |= 0x80;
        frame.extend(mask);
        frame.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, key)| byte ^ key));
    } else {
        frame.extend(payload);
    }
    frame
}

/// A frame of the server.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    frame_of(first, Length::Shortest, None, payload)
}

/// A frame of the client.
fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    frame_of(first, Length::Shortest, Some([0x37, 0xfa, 0x21, 0x3d]), payload)
}

/// One side's compression.
struct Deflater {
    stream: Compress,
    takeover: Takeover,
}

impl Deflater {
    fn new(takeover: Takeover, window_bits: u8) -> Self {
        let stream = Compress::new_with_window_bits(Compression::default(), false, window_bits);
        Self { stream, takeover }
    }

    /// A message's payload.
    fn message(&mut self, text: &[u8]) -> Vec<u8> {
        let mut payload = Vec::with_capacity(text.len() * 2 + 100);
        self.stream.compress_vec(text, &mut payload, FlushCompress::Sync).unwrap();
        if self.takeover == Takeover::Reset {
            self.stream.reset();
        }
        // Nothing was flushed if nothing came since the last flush.
        payload.strip_suffix(&[0, 0, 0xff, 0xff]).map_or(vec![0], <[u8]>::to_vec)
    }
}

fn none() -> Extensions {
    Extensions::default()
}

fn deflate() -> Extensions {
    Extensions::agreed(&["permessage-deflate"])
}

fn deflate_anew() -> Extensions {
    Extensions::agreed(&["permessage-deflate; server_no_context_takeover"])
}

/// The events without `Wire`.
fn brief(trace: &Trace) -> Vec<String> {
    trace.events.iter().filter(|event| !event.starts_with("Wire(")).cloned().collect()
}

fn check(make: impl Fn() -> Decoder, table: &[(&str, Vec<u8>, &[&str])]) {
    for (rule, bytes, expected) in table {
        let whole = read(make(), [&bytes[..]]);
        assert_eq!(brief(&whole), *expected, "{rule}");
        let cut = read(make(), bytes.chunks(1));
        assert_eq!(whole.events, cut.events, "{rule}, one byte at a time");
        assert_eq!((&whole.bytes, &cut.bytes), (bytes, bytes), "{rule}, all bytes");
    }
}

#[test]
fn messages() {
    let cases: [(&str, &[Part<'_>], &[&str]); 13] = [
        ("nothing", &[], &[]),
        ("a text", &[(LAST | TEXT, b"Hello")], &["Text(Hello)"]),
        ("bytes", &[(LAST | BINARY, b"\x00\xff")], &["Binary(\\x00\\xff)"]),
        ("an empty text", &[(LAST | TEXT, b"")], &["Text()"]),
        (
            "one after the other",
            &[(LAST | TEXT, b"a"), (LAST | BINARY, b"b"), (LAST | TEXT, b"c")],
            &["Text(a)", "Binary(b)", "Text(c)"],
        ),
        (
            "fragments",
            &[(TEXT, b"Hel"), (CONTINUATION, b"l"), (LAST | CONTINUATION, b"o")],
            &["Text(Hello)"],
        ),
        (
            "fragments of nothing",
            &[(TEXT, b""), (CONTINUATION, b""), (CONTINUATION, b"a"), (LAST, b"")],
            &["Text(a)"],
        ),
        (
            "a character cut by fragments",
            &[(TEXT, b"\xc3"), (LAST, b"\xbc")],
            &["Text(\\xc3\\xbc)"],
        ),
        (
            "control frames between fragments",
            &[
                (TEXT, b"a"),
                (LAST | PING, b"1"),
                (CONTINUATION, b"b"),
                (LAST | PONG, b""),
                (LAST, b"c"),
            ],
            &["Ping(1)", "Pong()", "Text(abc)"],
        ),
        ("a close", &[(LAST | CLOSE, b"\x03\xe8bye")], &["Close(Some(1000), bye)"]),
        ("a close that says nothing", &[(LAST | CLOSE, b"")], &["Close(None, )"]),
        (
            "what follows a close is read",
            &[(LAST | CLOSE, b"\x03\xe9"), (LAST | TEXT, b"a")],
            &["Close(Some(1001), )", "Text(a)"],
        ),
        (
            "what is half a character in a close's reason is replaced",
            &[(LAST | CLOSE, b"\x0f\xa0a\xc3")],
            &["Close(Some(4000), a\u{fffd})"],
        ),
    ];
    for (rule, frames, expected) in cases {
        let of = |frame: fn(u8, &[u8]) -> Vec<u8>| {
            frames
                .iter()
                .map(|(first, payload)| frame(*first, payload))
                .collect::<Vec<_>>()
                .concat()
        };
        check(|| Decoder::server(&none()), &[(rule, of(frame), expected)]);
        check(|| Decoder::client(&none()), &[(rule, of(masked), expected)]);
        check(|| Decoder::client(&deflate()), &[(rule, of(masked), expected)]);
    }
}

#[test]
fn the_examples_of_the_standards() {
    // RFC 6455, section 5.7, and RFC 7692, section 7.2.3.
    check(
        || Decoder::server(&deflate()),
        &[
            ("unmasked", b"\x81\x05Hello".to_vec(), &["Text(Hello)"]),
            ("fragments", b"\x01\x03Hel\x80\x02lo".to_vec(), &["Text(Hello)"]),
            ("a ping", b"\x89\x05Hello".to_vec(), &["Ping(Hello)"]),
            (
                "compressed",
                b"\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\x00".to_vec(),
                &["Text(Hello, compressed)"],
            ),
            (
                "compressed, in fragments",
                b"\x41\x03\xf2\x48\xcd\x80\x04\xc9\xc9\x07\x00".to_vec(),
                &["Text(Hello, compressed)"],
            ),
            (
                "with the window of the message before",
                b"\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\x00\xc1\x05\xf2\x00\x11\x00\x00".to_vec(),
                &["Text(Hello, compressed)", "Text(Hello, compressed)"],
            ),
            (
                "a block that is not compressed",
                b"\xc1\x0b\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00".to_vec(),
                &["Text(Hello, compressed)"],
            ),
            (
                "a final block, and one after it",
                b"\xc1\x08\xf3\x48\xcd\xc9\xc9\x07\x00\x00\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\x00"
                    .to_vec(),
                &["Text(Hello, compressed)", "Text(Hello, compressed)"],
            ),
            (
                "two blocks",
                b"\xc1\x0d\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00".to_vec(),
                &["Text(Hello, compressed)"],
            ),
            ("an empty message", b"\xc1\x01\x00".to_vec(), &["Text(, compressed)"]),
        ],
    );
    check(
        || Decoder::client(&none()),
        &[
            ("masked", b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58".to_vec(), &["Text(Hello)"]),
            ("a pong", b"\x8a\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58".to_vec(), &["Pong(Hello)"]),
        ],
    );
}

#[test]
fn lengths() {
    for bytes in [0, 1, 125, 126, 127, 0xffff, 0x1_0000, 0x1_0001] {
        let text = vec![b'x'; bytes];
        for length in [Length::Shortest, Length::In16, Length::In64] {
            for mask in [None, Some([1, 2, 3, 4])] {
                let wire = frame_of(LAST | TEXT, length, mask, &text);
                let make = if mask.is_some() { Decoder::client } else { Decoder::server };
                let whole = read(make(&none()), [&wire[..]]);
                let expected = format!("Text({})", "x".repeat(bytes));
                assert_eq!(brief(&whole), [expected], "{bytes} bytes, {length:?}, {mask:?}");
                let cut = read(make(&none()), wire.chunks(997));
                assert_eq!(whole.events, cut.events, "{bytes} bytes, {length:?}, {mask:?}");
            }
        }
    }
    let claims = |length: u64| [&[LAST | TEXT, 127][..], &length.to_be_bytes(), b"abc"].concat();
    check(
        || Decoder::server(&none()),
        &[
            ("a claim costs nothing", claims(FRAME_BYTES_MAX), &["Note(Cut)", "Text(abc)Cut"]),
            (
                "an absurd one is no frame",
                claims(FRAME_BYTES_MAX + 1),
                &["Note(NotWebSocket)", "Opaque(abc)"],
            ),
            ("nor is a negative one", claims(u64::MAX), &["Note(NotWebSocket)", "Opaque(abc)"]),
        ],
    );
}

#[test]
fn the_end_of_the_socket() {
    check(
        || Decoder::server(&none()),
        &[
            ("between messages", frame(LAST | TEXT, b"a"), &["Text(a)"]),
            ("in a head", b"\x81\x7e\x01".to_vec(), &["Note(Cut)"]),
            ("in a message", b"\x81\x05Hel".to_vec(), &["Note(Cut)", "Text(Hel)Cut"]),
            ("between fragments", frame(TEXT, b"Hel"), &["Note(Cut)", "Text(Hel)Cut"]),
            ("in a ping", b"\x89\x05Hel".to_vec(), &["Note(Cut)"]),
            (
                "in a ping between fragments",
                [&frame(TEXT, b"a")[..], b"\x89\x05Hel"].concat(),
                &["Note(Cut)", "Text(a)Cut"],
            ),
        ],
    );
    let payload = Deflater::new(Takeover::Kept, 15).message(b"Hello Hello Hello");
    let wire = frame(LAST | RSV1 | TEXT, &payload);
    let cut = read(Decoder::server(&deflate()), [&wire[..wire.len() - 2]]);
    let [.., note, message] = &cut.events[..] else { panic!("{:?}", cut.events) };
    assert_eq!(note, "Note(Cut)");
    assert!(message.starts_with("Text(Hello") && message.ends_with("compressed)Cut"), "{message}");
}

#[test]
fn limits() {
    let small = |extensions: &Extensions| Decoder::server(extensions).limited(4, 1 << 20);
    let squeezed = Deflater::new(Takeover::Kept, 15).message(b"abcdefgh");
    for (rule, wire, expected) in [
        ("a message at the limit is whole", frame(LAST | TEXT, b"abcd"), "Text(abcd)"),
        ("a longer one is cut and counted", frame(LAST | TEXT, b"abcdefg"), "Text(abcd, 3 cut)"),
        (
            "so are fragments",
            [frame(TEXT, b"abc"), frame(CONTINUATION, b"def"), frame(LAST, b"gh")].concat(),
            "Text(abcd, 4 cut)",
        ),
        (
            "so is what is decompressed",
            frame(LAST | RSV1 | TEXT, &squeezed),
            "Text(abcd, compressed, 4 cut)",
        ),
    ] {
        check(|| small(&deflate()), &[(rule, wire, &[expected])]);
    }
}

#[test]
fn a_message_within_the_input_is_not_copied() {
    let wire = frame(LAST | TEXT, b"Hello");
    let mut is_within = false;
    Decoder::server(&deflate()).feed(&wire, &mut |event| {
        if let Event::Message { data, .. } = event {
            is_within = wire.as_ptr_range().contains(&data.as_ptr());
        }
    });
    assert!(is_within);
}

#[test]
fn the_bytes_of_a_message_come_before_it() {
    let (one, two) = (frame(LAST | TEXT, b"a"), frame(LAST | TEXT, b"b"));
    let begun = &frame(TEXT, b"c")[..2];
    let mut told = Vec::new();
    Decoder::server(&none()).feed(&[&one, &two, begun].concat(), &mut |event| {
        told.push(match event {
            Event::Wire(bytes) => bytes.to_vec(),
            Event::Message { data, .. } => data.to_vec(),
            other => panic!("{other:?}"),
        });
    });
    assert_eq!(told, [&one[..], b"a", &two, b"b", begun]);
}

#[test]
fn an_endless_message_costs_no_memory() {
    let mut decoder = Decoder::client(&none()).limited(1 << 10, 1 << 20);
    let fragment = masked(CONTINUATION, &[b'x'; 1 << 10]);
    decoder.feed(&masked(TEXT, b""), &mut |_| ());
    for _ in 0..1000 {
        decoder.feed(&fragment, &mut |_| ());
    }
    let mut seen = (0, 0);
    decoder.feed(&masked(LAST, b""), &mut |event| {
        if let Event::Message { data, cut, .. } = event {
            seen = (data.len(), cut);
        }
    });
    assert_eq!(seen, (1 << 10, 999 << 10));
}
