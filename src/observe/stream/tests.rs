use proptest::prelude::*;

use super::fuzz::{decide, read, run};
use super::*;

/// What is decided after each byte more: `decided` from the `at`th on, and nothing before.
fn check(rule: &str, kind: &str, expected: Option<Kind>, body: &[u8], at: usize, decided: Cut) {
    let kind = Some(kind).filter(|kind| !kind.is_empty());
    for end in 0..=body.len() {
        let found = Kind::of(kind, expected, &body[..end]);
        let wanted = if end < at { Cut::Undecided } else { decided };
        assert_eq!(found, wanted, "{rule}, after {end} bytes");
    }
}

/// The first bytes of an Amazon event stream.
const PRELUDE: &[u8] = b"\0\0\0\x10\0\0\0\0\x05\xc2\x48\xeb\x7d\x98\xc8\xff";

const EVENTS: Cut = Cut::Pieces(Kind::Events);
const LINES: Cut = Cut::Pieces(Kind::Lines);
const ARRAY: Cut = Cut::Pieces(Kind::Array);
const MESSAGES: Cut = Cut::Pieces(Kind::EventStream);
const ENVELOPES: Cut = Cut::Pieces(Kind::Envelopes);

#[test]
fn by_type() {
    let frame = &b"\0\0\0\0\x01a"[..];
    for (rule, kind, body, at, decided) in [
        ("events", "text/event-stream", &b"data: a\n\n"[..], 1, EVENTS),
        ("in odd case", "Text/Event-Stream; charset=UTF-8", b"data: a", 1, EVENTS),
        ("on two lines", "text/event-stream, text/event-stream", b"data: a", 1, EVENTS),
        ("with parameters", " text/event-stream;charset=utf-8", b"data: a", 1, EVENTS),
        ("after empty lines", "text/event-stream", b"\r\n\n\ndata: a", 5, EVENTS),
        ("after a BOM", "text/event-stream", b"\xef\xbb\xbfdata: a", 4, EVENTS),
        ("an unknown field", "text/event-stream", b"x: a\n", 1, EVENTS),
        ("NDJSON", "application/x-ndjson", b"{\"a\":1}\n", 1, LINES),
        ("JSON lines", "application/jsonl", b"{\"a\":1}\n", 1, LINES),
        ("Cohere's", "application/stream+json", b"{\"a\":1}\n", 1, LINES),
        ("lines that are arrays", "application/x-ndjson", b"[1]\n", 1, LINES),
        ("a JSON sequence", "application/json-seq", b"\x1e{\"a\":1}\n", 2, LINES),
        ("Amazon's", "application/vnd.amazon.eventstream", PRELUDE, 1, MESSAGES),
        ("damaged", "application/vnd.amazon.eventstream", b"\x07\0\0", 1, MESSAGES),
        ("gRPC", "application/grpc", frame, 1, ENVELOPES),
        ("gRPC, named", "application/grpc+proto", frame, 1, ENVELOPES),
        ("gRPC-Web", "application/grpc-web+proto", frame, 1, ENVELOPES),
        ("its trailers", "application/grpc-web", b"\x80\0\0\0\0", 1, ENVELOPES),
        (
            "gRPC-Web in base64",
            "application/grpc-web-text+proto",
            b"AAAAAAFh",
            1,
            Cut::Pieces(Kind::TextEnvelopes),
        ),
        ("Connect", "application/connect+json", frame, 1, ENVELOPES),
        ("compressed", "application/connect+proto", b"\x01\0\0\0\0", 1, ENVELOPES),
        ("Connect without a stream", "application/proto", b": \x0a\x02ab", 0, Cut::Whole),
        ("protobuf", "application/x-protobuf", b"\x0a\x02ab", 0, Cut::Whole),
        ("sound", "audio/mpeg", b"\xff\xf3", 0, Cut::Whole),
        ("a picture", "image/png", b"\x89PNG", 0, Cut::Whole),
        ("a form", "multipart/form-data; boundary=a", b"--a", 0, Cut::Whole),
    ] {
        check(rule, kind, None, body, at, decided);
    }
}

#[test]
fn bytes_have_the_last_word() {
    let blanks = [b'\n'; 70];
    for (rule, kind, body, at, decided) in [
        ("JSON as events", "text/event-stream", &b" {\"error\":1}"[..], 2, Cut::Whole),
        ("an array as events", "text/event-stream", b"[{\"error\":1}]", 1, Cut::Whole),
        ("a page as events", "text/event-stream", b"<html>", 1, Cut::Whole),
        ("a page after a BOM", "text/event-stream", b"\xef\xbb\xbf<html>", 4, Cut::Whole),
        ("a page as lines", "application/x-ndjson", b"<html>", 1, Cut::Whole),
        ("events as lines", "application/x-ndjson", b"data: {}\n\n", 5, EVENTS),
        ("other text as lines", "application/x-ndjson", b"done\n", 2, LINES),
        ("JSON as Amazon's", "application/vnd.amazon.eventstream", b"{\"m\":1}", 1, Cut::Whole),
        ("a page as gRPC", "application/grpc", b"\r\n<html>", 3, Cut::Whole),
        ("JSON as Connect", "application/connect+proto", b"{\"code\":\"x\"}", 1, Cut::Whole),
        ("blanks as events", "text/event-stream", &blanks, 64, EVENTS),
        ("blanks as JSON", "application/json", &blanks, 64, Cut::Whole),
    ] {
        check(rule, kind, None, body, at, decided);
    }
}

#[test]
fn by_bytes_alone() {
    let crc = [PRELUDE, b"more"].concat();
    for (rule, body, at, decided) in [
        ("a field", &b"data: a"[..], 5, EVENTS),
        ("an event's name", b"event: a", 6, EVENTS),
        ("an id", b"id: 1", 3, EVENTS),
        ("a wait", b"retry: 1", 6, EVENTS),
        ("a comment", b": PROCESSING", 2, EVENTS),
        ("an empty comment", b":\n\n", 2, EVENTS),
        ("after blanks and a BOM", b"\xef\xbb\xbf\r\ndata:", 10, EVENTS),
        ("words that begin alike", b"database", 5, Cut::Whole),
        ("JSON", b"{\"a\":1}", 1, Cut::Whole),
        ("JSON after blanks", b"\n\n\n{", 4, Cut::Whole),
        ("an array", b"[1]", 1, Cut::Whole),
        ("a number", b"17", 1, Cut::Whole),
        ("a page", b"<html>", 1, Cut::Whole),
        ("Amazon's, by its checksum", &crc, 12, MESSAGES),
        ("zeros", &[0; 20], 12, Cut::Whole),
        ("other bytes", b"\x08\x02\x18\x01", 1, Cut::Whole),
        ("a BOM and JSON", b"\xef\xbb\xbf{", 4, Cut::Whole),
        ("no BOM", b"\xef\xbba", 3, Cut::Whole),
    ] {
        for kind in ["", "application/json", "TEXT/HTML", "application/octet-stream", "a/b"] {
            check(rule, kind, None, body, at, decided);
        }
    }
}

#[test]
fn what_was_asked_for_counts() {
    use Kind::{Array, EventStream, Events, Lines};
    for (rule, expected, body, at, decided) in [
        ("an array", Array, &b"[{\"a\":1}]"[..], 1, ARRAY),
        ("after blanks", Array, b" \n[{", 3, ARRAY),
        ("an error instead", Array, b"{\"error\":1}", 1, Cut::Whole),
        ("events instead", Array, b"data: {}", 5, EVENTS),
        ("lines", Lines, b"{\"a\":1}\n{", 2, LINES),
        ("after a blank", Lines, b"{ \"a\":1}", 3, LINES),
        ("an error over several lines", Lines, b"{\n \"a\":1}", 2, Cut::Whole),
        ("so with CR LF", Lines, b"{ \r\n", 3, Cut::Whole),
        ("an array for lines", Lines, b"[1]", 1, Cut::Whole),
        ("events for lines", Lines, b"data: {}", 5, EVENTS),
        ("JSON for events", Events, b"{}", 1, Cut::Whole),
        ("Amazon's", EventStream, PRELUDE, 12, MESSAGES),
    ] {
        for kind in ["", "application/json; charset=utf-8", "application/octet-stream"] {
            check(rule, kind, Some(expected), body, at, decided);
        }
    }
    let sent_as_events = [
        ("lines as events", Lines, &b"{\"a\":1}\n{"[..], 2, LINES),
        ("an array as events", Array, b"[{\"a\":1}", 1, ARRAY),
    ];
    for (rule, expected, body, at, decided) in sent_as_events {
        check(rule, "text/event-stream", Some(expected), body, at, decided);
    }
    check("an array as lines", "application/x-ndjson", Some(Array), b"[{}", 1, ARRAY);
}

#[test]
fn bodies_of_each_kind() {
    for (rule, kind, body, expected) in [
        (
            "events",
            Kind::Events,
            &b"event: x\ndata: a\n\ndata: b"[..],
            &["event x a", "event  b"][..],
        ),
        (
            "lines",
            Kind::Lines,
            b"{\"a\":1}\n{\"a\":2}",
            &["document {\"a\":1}", "document {\"a\":2}"],
        ),
        (
            "an array",
            Kind::Array,
            b"[{\"a\":1},{\"a\":2}]",
            &["document {\"a\":1}", "document {\"a\":2}"],
        ),
        ("Amazon's", Kind::EventStream, PRELUDE, &["message "]),
        (
            "Amazon's, cut",
            Kind::EventStream,
            &PRELUDE[..9],
            &["note the event stream ends inside a message"],
        ),
        (
            "envelopes",
            Kind::Envelopes,
            b"\0\0\0\0\x01a\x02\0\0\0\x02{}",
            &["envelope false a", "envelope true {}"],
        ),
        (
            "envelopes, garbled",
            Kind::Envelopes,
            b"not found",
            &["note the stream of messages is garbled: not read from here on"],
        ),
        (
            "envelopes, cut",
            Kind::Envelopes,
            b"\0\0",
            &["note the stream of messages ends inside one"],
        ),
        ("base64", Kind::TextEnvelopes, b"AAAAAAFh", &["envelope false a"]),
    ] {
        assert_eq!(read(kind, None, [body]), expected, "{rule}");
        assert_eq!(read(kind, None, body.chunks(1)), expected, "{rule}, one byte at a time");
    }
}

#[test]
fn messages_are_decompressed() {
    // `hello` in bare zstd, stored.
    let body = b"\x01\0\0\0\x0e\x28\xb5\x2f\xfd\x20\x05\x29\0\0hello";
    for encoding in [Some("zstd"), None] {
        let expected = ["envelope false hello"];
        assert_eq!(read(Kind::Envelopes, encoding, [&body[..]]), expected);
        assert_eq!(read(Kind::Envelopes, encoding, body.chunks(1)), expected);
    }
}

#[test]
fn the_fuzz_body_takes_its_seeds() {
    for seed in [
        &b"\x00\x00\x01data: a\n\n"[..],
        b"\x03\x01\x02{\"a\":1}\n{\"a\":2}\n",
        b"\x03\x02\x02[{\"a\":1},{\"a\":2}]",
        b"\x05\x00\x03\0\0\0\0\x01a",
        b"",
    ] {
        run(seed);
    }
}

proptest! {
    #[test]
    fn what_is_decided_stays(
        kind in prop::sample::select(vec![
            "", "text/event-stream", "application/x-ndjson", "application/vnd.amazon.eventstream",
            "application/grpc-web-text", "application/grpc", "application/json", "application/proto",
        ]),
        expected in prop::option::of(prop::sample::select(vec![
            Kind::Events, Kind::Lines, Kind::Array, Kind::EventStream, Kind::Envelopes,
        ])),
        words in prop::collection::vec(prop::sample::select(vec![
            &b"data"[..], b"event", b"id", b"retry", b":", b" ", b"\n", b"\r\n", b"\xef", b"\xbb",
            b"\xbf", b"{", b"[", b"\"a\"", b"}", b"<", b"\x1e", b"\0", b"\0\0\0\x10",
            PRELUDE, b"          ", b"\xff",
        ]), 0..16),
    ) {
        decide(kind, expected, &words.concat());
    }

    #[test]
    fn the_fuzz_body_takes_anything(
        kind in 0..9_u8,
        expected in 0..4_u8,
        piece in 1..9_u8,
        body in prop::collection::vec(any::<u8>(), 0..80),
    ) {
        run(&[&[kind, expected, piece], &body[..]].concat());
    }
}
