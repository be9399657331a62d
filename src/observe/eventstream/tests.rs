use proptest::prelude::*;

use super::fuzz::{self, Seen, encode, read};
use super::*;

/// A header of type 7.
fn text(name: &str, value: &str) -> Vec<u8> {
    let mut bytes = vec![u8::try_from(name.len()).unwrap()];
    bytes.extend(name.bytes());
    bytes.push(7);
    bytes.extend(u16::try_from(value.len()).unwrap().to_be_bytes());
    bytes.extend(value.bytes());
    bytes
}

/// An event named `delta` of this payload.
fn delta(payload: &str) -> Vec<u8> {
    encode(&text(":event-type", "delta"), payload.as_bytes())
}

fn seen(payload: &str) -> Seen {
    Ok((text(":event-type", "delta"), payload.into()))
}

/// `bytes` with one of them changed.
fn damaged(mut bytes: Vec<u8>, at: usize) -> Vec<u8> {
    bytes[at] ^= 0x20;
    bytes
}

#[test]
fn messages_and_faults() {
    let whole = [delta("{\"a\":1}"), delta("{}")].concat();
    let cut = whole.len() - 1;
    let long = |headers: u32, total: u32| {
        let mut bytes = [total.to_be_bytes(), headers.to_be_bytes()].concat();
        bytes.extend(crc32fast::hash(&bytes).to_be_bytes());
        bytes
    };
    let headers_max = u32::try_from(HEADERS_BYTES_MAX).unwrap();
    let too_long = headers_max + 1 + 16;
    let mut skipped = long(headers_max + 1, too_long);
    skipped.resize(too_long as usize, b'x');
    for (rule, bytes, expected) in [
        ("nothing is nothing", vec![], vec![]),
        ("two messages", whole.clone(), vec![seen("{\"a\":1}"), seen("{}")]),
        ("no headers and no payload", encode(b"", b""), vec![Ok((vec![], vec![]))]),
        ("cut in a message", whole[..cut].to_vec(), vec![seen("{\"a\":1}"), Err(Fault::Cut)]),
        ("cut in the first prelude", whole[..5].to_vec(), vec![Err(Fault::Cut)]),
        (
            "a payload that is not what was sent is handed on",
            [damaged(delta("{\"a\":1}"), 34), delta("{}")].concat(),
            vec![Err(Fault::Checksum), seen("{\"A\":1}"), seen("{}")],
        ),
        (
            "damaged lengths: on with the next message",
            [delta("1"), damaged(delta("{\"a\":1}"), 3), delta("{}")].concat(),
            vec![
                seen("1"),
                Err(Fault::Skipped { bytes: delta("{\"a\":1}").len() as u64 }),
                seen("{}"),
            ],
        ),
        (
            "bytes between two messages",
            [&delta("1")[..], &[0; 40], &delta("{}")].concat(),
            vec![seen("1"), Err(Fault::Skipped { bytes: 40 }), seen("{}")],
        ),
        (
            "one byte before the stream",
            [&[0][..], &delta("{}")].concat(),
            vec![Err(Fault::Skipped { bytes: 1 }), seen("{}")],
        ),
        (
            "damaged to the end",
            [delta("1"), vec![b'x'; 30]].concat(),
            vec![seen("1"), Err(Fault::Skipped { bytes: 30 })],
        ),
        (
            "garbled headers",
            encode(b"\x01ax", b"{}"),
            vec![Err(Fault::Headers), Ok((b"\x01ax".to_vec(), b"{}".to_vec()))],
        ),
        (
            "lengths that do not fit together",
            [long(10, 20), delta("{}")].concat(),
            vec![Err(Fault::Skipped { bytes: 12 }), seen("{}")],
        ),
        (
            "headers beyond the limit",
            [skipped, delta("{}")].concat(),
            vec![Err(Fault::TooLong { bytes: u64::from(too_long) }), seen("{}")],
        ),
        (
            "cut in a message beyond the limit",
            [delta("{}"), long(0, u32::MAX), vec![b'x'; 30]].concat(),
            vec![seen("{}"), Err(Fault::TooLong { bytes: u64::from(u32::MAX) }), Err(Fault::Cut)],
        ),
    ] {
        assert_eq!(read([bytes.as_slice()]), expected, "{rule}");
        assert_eq!(read(bytes.chunks(1)), expected, "{rule}, one byte at a time");
    }
}

#[test]
fn a_message_comes_with_its_last_byte() {
    let bytes = delta("{}");
    let (last, before) = bytes.split_last().unwrap();
    let mut decoder = Decoder::new();
    let mut messages = 0;
    decoder.feed(before, &mut |_| messages += 1);
    assert_eq!(messages, 0);
    decoder.feed(&[*last], &mut |_| messages += 1);
    assert_eq!(messages, 1);
}

#[test]
fn headers_of_each_type() {
    for (rule, encoded, expected) in [
        ("0", &b"\x01a\x00"[..], &[("a", Value::Bool(true))][..]),
        ("1", b"\x01a\x01", &[("a", Value::Bool(false))]),
        ("2", b"\x01a\x02\xff", &[("a", Value::Byte(-1))]),
        ("3", b"\x01a\x03\xff\xfe", &[("a", Value::Short(-2))]),
        ("4", b"\x01a\x04\x00\x00\x01\x00", &[("a", Value::Int(256))]),
        ("5", b"\x01a\x05\x00\x00\x00\x01\x00\x00\x00\x00", &[("a", Value::Long(1 << 32))]),
        ("6", b"\x01a\x06\x00\x02\xff\x00", &[("a", Value::Bytes(b"\xff\x00"))]),
        ("7", b"\x01a\x07\x00\x02\xc3\xbc", &[("a", Value::Text("ü"))]),
        ("7, not UTF-8", b"\x01a\x07\x00\x01\xff", &[("a", Value::Bytes(b"\xff"))]),
        ("8", b"\x01a\x08\x00\x00\x01\x00\x00\x00\x00\x00", &[("a", Value::Timestamp(1 << 40))]),
        ("9", b"\x01a\x09\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x07", &[("a", Value::Uuid(7))]),
        (
            "several, one name twice",
            b"\x01a\x00\x02bc\x01\x01a\x01",
            &[("a", Value::Bool(true)), ("bc", Value::Bool(false)), ("a", Value::Bool(false))],
        ),
        ("a name of no letters", b"\x00\x00", &[("", Value::Bool(true))]),
        ("an unknown type ends them", b"\x01a\x00\x01b\x0a\x01c\x00", &[("a", Value::Bool(true))]),
        ("a value that is cut", b"\x01a\x00\x01b\x07\x00\x02x", &[("a", Value::Bool(true))]),
        ("a name that is cut", b"\x01a\x00\x09b", &[("a", Value::Bool(true))]),
        ("a name that is not UTF-8", b"\x01a\x00\x01\xff\x00", &[("a", Value::Bool(true))]),
    ] {
        let message = Message { headers: encoded, payload: b"" };
        let found: Vec<_> = message.all_headers().collect();
        assert_eq!(found, expected, "{rule}");
    }
}

#[test]
fn a_header_is_found_by_its_name() {
    let headers = [&b"\x01n\x04\0\0\0\x01"[..], &text(":event-type", "delta")].concat();
    let message = Message { headers: &headers, payload: b"" };
    assert_eq!(message.header(":event-type"), Some("delta"), "after one of another type");
    assert_eq!(message.header("n"), None, "a number is no text");
    assert_eq!(message.header(":error-code"), None);
}

#[test]
fn a_stream_is_known_by_its_first_bytes() {
    let stream = delta("{}");
    for end in 0..stream.len() {
        assert!(may_begin(&stream[..end]), "{end}");
        assert_eq!(begins(&stream[..end]), end >= 12, "{end}");
    }
    for (rule, bytes) in [
        ("JSON", &b"{\"a\":1,\"b\":22}"[..]),
        ("text that mentions a header", b"\0\0\0\x7f :event-type delta"),
        ("a wrong checksum", &damaged(delta("{}"), 9)),
        ("zeros", &[0; 40]),
        ("a gRPC frame", b"\0\0\0\0\x0c\x0a\x0aHello worl"),
    ] {
        assert!(!begins(bytes), "{rule}");
        assert!(!may_begin(bytes), "{rule}");
    }
}

#[test]
fn an_endless_stream_costs_no_memory() {
    let mut decoder = Decoder::new();
    let large = encode(b"", &vec![b'x'; 1 << 20]);
    let mut messages = 0;
    for piece in large.chunks(1000) {
        decoder.feed(piece, &mut |_| messages += 1);
    }
    assert_eq!(messages, 1);
    assert!(decoder.held.capacity() <= 64 << 10);
    for _ in 0..1000 {
        decoder.feed(&[0; 1 << 10], &mut |_| messages += 1);
    }
    assert_eq!(messages, 1);
    assert!(decoder.held.capacity() <= 64 << 10);
    assert_eq!(decoder.finish(), Err(Fault::Skipped { bytes: 1000 << 10 }));
}

#[test]
fn the_fuzz_body_takes_its_seeds() {
    for seed in [
        &b"\x01\xfe\x05\x01a\x07\x00\x00{}\xfe\x00{}"[..],
        b"\x03damage\xfe\x00{}\0\0\0\0\0\0\0\0\0\0\0\0\xfe\x00{}",
        b"\x07\xfe\xfe\xfe",
        b"",
    ] {
        fuzz::run(seed);
    }
}

proptest! {
    #[test]
    fn cut_anywhere_the_messages_are_the_same(
        parts in prop::collection::vec(prop_oneof![
            (prop::collection::vec(any::<u8>(), 0..20), prop::collection::vec(any::<u8>(), 0..60))
                .prop_map(|(headers, payload)| encode(&headers, &payload)),
            prop::collection::vec(0..2_u8, 0..30),
            prop::collection::vec(any::<u8>(), 0..30),
        ], 0..6),
        damage in prop::option::of((any::<prop::sample::Index>(), any::<u8>())),
        piece in 1..40_usize,
    ) {
        let mut stream = parts.concat();
        if let (Some((at, byte)), false) = (damage, stream.is_empty()) {
            let at = at.index(stream.len());
            stream[at] = byte;
        }
        prop_assert_eq!(read([stream.as_slice()]), read(stream.chunks(piece)));
    }

    #[test]
    fn the_fuzz_body_takes_anything(data in prop::collection::vec(any::<u8>(), 0..200)) {
        fuzz::run(&data);
    }

    #[test]
    fn what_was_sent_is_read(
        messages in prop::collection::vec(
            (prop::collection::vec(("[a-z:-]{1,20}", "\\PC{0,20}"), 0..4),
             prop::collection::vec(any::<u8>(), 0..60)), 0..5),
        piece in 1..40_usize,
    ) {
        let encoded: Vec<(Vec<u8>, Vec<u8>)> = messages
            .into_iter()
            .map(|(headers, payload)| {
                let headers = headers.iter().flat_map(|(name, value)| text(name, value)).collect();
                (headers, payload)
            })
            .collect();
        let stream: Vec<u8> =
            encoded.iter().flat_map(|(headers, payload)| encode(headers, payload)).collect();
        let expected: Vec<Seen> = encoded.into_iter().map(Ok).collect();
        prop_assert_eq!(read(stream.chunks(piece)), expected);
    }
}
