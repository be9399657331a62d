use std::io::Write;

use ::base64::Engine;
use ::base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};
use proptest::prelude::*;

use super::fuzz::{self, Seen, read};
use super::*;

fn frame(flags: u8, message: &[u8]) -> Vec<u8> {
    let length = u32::try_from(message.len()).unwrap().to_be_bytes();
    [&[flags], &length[..], message].concat()
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

fn zlib(text: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

fn message(text: &str) -> Seen {
    Ok((false, text.into()))
}

fn end(text: &str) -> Seen {
    Ok((true, text.into()))
}

fn check(rule: &str, encoding: Option<&str>, bytes: &[u8], expected: &[Seen]) {
    let new = || Decoder::new(encoding);
    assert_eq!(read(new(), [bytes]), expected, "{rule}");
    assert_eq!(read(new(), bytes.chunks(1)), expected, "{rule}, one byte at a time");
}

#[test]
fn messages() {
    for (rule, bytes, expected) in [
        ("nothing is nothing", vec![], vec![]),
        ("a message", frame(0, b"a"), vec![message("a")]),
        ("an empty one", frame(0, b""), vec![message("")]),
        (
            "several",
            [frame(0, b"a"), frame(0, b""), frame(0, b"bc")].concat(),
            vec![message("a"), message(""), message("bc")],
        ),
        (
            "Connect's end",
            [frame(0, b"a"), frame(2, b"{}")].concat(),
            vec![message("a"), end("{}")],
        ),
        (
            "gRPC-Web's trailers",
            [frame(0, b"a"), frame(0x80, b"grpc-status:0\r\n")].concat(),
            vec![message("a"), end("grpc-status:0\r\n")],
        ),
        (
            "cut in a message",
            [frame(0, b"a"), vec![0, 0, 0, 0, 2, b'b']].concat(),
            vec![message("a"), Err(Fault::Cut)],
        ),
        ("cut in a length", vec![0, 0], vec![Err(Fault::Cut)]),
        (
            "flags that nobody has",
            [frame(0, b"a"), frame(0x40, b"b"), frame(0, b"c")].concat(),
            vec![message("a"), Err(Fault::Garbled)],
        ),
        ("text", b"<html>not found</html>".to_vec(), vec![Err(Fault::Garbled)]),
    ] {
        check(rule, None, &bytes, &expected);
        check(rule, Some("gzip"), &bytes, &expected);
    }
}

#[test]
fn compressed_messages() {
    let zstandard = zstd::encode_all(&b"hello"[..], 3).unwrap();
    let (hello, cut) = (gzip(b"hello"), CodingError::Cut { coding: "gzip" });
    let unknown = CodingError::Unknown { coding: "snappy".into() };
    for (rule, encoding, bytes, expected) in [
        ("gzip", Some("gzip"), frame(1, &hello), vec![message("hello")]),
        ("in odd case", Some(" GZIP "), frame(1, &hello), vec![message("hello")]),
        ("deflate is zlib", Some("deflate"), frame(1, &zlib(b"hello")), vec![message("hello")]),
        ("zstd", Some("zstd"), frame(1, &zstandard), vec![message("hello")]),
        (
            "each on its own",
            Some("gzip"),
            [frame(1, &hello), frame(0, b"a")].concat(),
            vec![message("hello"), message("a")],
        ),
        ("the last one", Some("gzip"), frame(3, &gzip(b"{}")), vec![end("{}")]),
        ("trailers", Some("gzip"), frame(0x81, &gzip(b"a:b")), vec![end("a:b")]),
        ("no bytes", Some("gzip"), frame(1, b""), vec![message("")]),
        ("no bytes, no name", None, frame(1, b""), vec![message("")]),
        ("no name, gzip by its bytes", None, frame(1, &hello), vec![message("hello")]),
        (
            "`identity`, zstd by its bytes",
            Some("identity"),
            frame(1, &zstandard),
            vec![message("hello")],
        ),
        ("no name, not known", None, frame(1, b"a"), vec![Err(Fault::Unnamed), message("a")]),
        (
            "an unknown name: counted, not shown",
            Some("snappy"),
            [frame(1, b"a"), frame(0, b"b")].concat(),
            vec![Err(Fault::Coding(unknown)), message(""), message("b")],
        ),
        (
            "damaged: as far as it goes, and on",
            Some("gzip"),
            [frame(1, &hello[..hello.len() - 1]), frame(1, &hello)].concat(),
            vec![Err(Fault::Coding(cut)), message("hello"), message("hello")],
        ),
    ] {
        check(rule, encoding, &bytes, &expected);
    }
}

#[test]
fn limits() {
    let swollen = [frame(1, &gzip(b"123456789")), frame(0, b"a")].concat();
    let long = [frame(0, &[b'x'; 70]), frame(0, b"a")].concat();
    for (rule, limit, bytes, expected) in [
        ("at the limit", 70, &long, vec![message(&"x".repeat(70)), message("a")]),
        ("beyond it", 69, &long, vec![Err(Fault::TooLong { bytes: 70 }), message("a")]),
        ("compressed, at the limit", 29, &swollen, vec![message("123456789"), message("a")]),
        (
            "cut beyond it",
            1,
            &frame(0, b"ab")[..6].to_vec(),
            vec![Err(Fault::TooLong { bytes: 2 }), Err(Fault::Cut)],
        ),
    ] {
        let new = || Decoder::new(Some("gzip")).limited(limit);
        assert_eq!(read(new(), [bytes.as_slice()]), expected, "{rule}");
        assert_eq!(read(new(), bytes.chunks(1)), expected, "{rule}, one byte at a time");
    }
    let bytes = frame(1, &gzip(&[b'x'; 1000]));
    let limited = Decoder::new(Some("gzip")).limited(100);
    assert_eq!(
        read(limited, [bytes.as_slice()]),
        [Err(Fault::Swollen), message(&"x".repeat(100))],
        "once decompressed"
    );
}

#[test]
fn many_small_bombs_are_one() {
    let bomb = frame(1, &gzip(&vec![0; 16 << 20]));
    let mut decoder = Decoder::new(Some("gzip"));
    let mut decoded = 0;
    let mut faults = Vec::new();
    for _ in 0..20 {
        decoder.feed(&bomb, &mut |found| match found {
            Ok(message) => decoded += message.bytes.len(),
            Err(fault) => faults.push(fault),
        });
    }
    assert!(faults.contains(&Fault::Coding(CodingError::Bomb)));
    assert!(decoded < 9 * (16 << 20), "{decoded}");
}

#[test]
fn base64_of_messages() {
    let stream = [frame(0, b"a"), frame(0, b"hello"), frame(0x80, b"grpc-status:0\r\n")];
    let pieces: Vec<String> = stream.iter().map(|frame| STANDARD.encode(frame)).collect();
    let expected = [message("a"), message("hello"), end("grpc-status:0\r\n")];
    for (rule, text) in [
        ("as a whole", STANDARD.encode(stream.concat())),
        ("each frame padded", pieces.concat()),
        ("with line ends", pieces.join("\r\n")),
    ] {
        let text = text.as_bytes();
        assert_eq!(read(Decoder::base64(None), [text]), expected, "{rule}");
        assert_eq!(read(Decoder::base64(None), text.chunks(1)), expected, "{rule}, bytewise");
        let cut = read(Decoder::base64(None), [&text[..text.len() - 1]]);
        assert_eq!(cut.last(), Some(&Err(Fault::Cut)), "{rule}, cut");
    }
}

#[test]
fn trailers() {
    for (rule, is_end, bytes, expected) in [
        (
            "lines",
            true,
            &b"grpc-status: 8\r\nGrpc-Message:too much: of it\r\n\r\n"[..],
            &[("grpc-status", "8"), ("Grpc-Message", "too much: of it")][..],
        ),
        ("LF alone", true, b"a:b\nc:d", &[("a", "b"), ("c", "d")]),
        ("a line that is not UTF-8", true, b"a:\xff\nc:d", &[("c", "d")]),
        ("Connect's JSON is none", true, b"{\"error\":{\"code\":\"canceled\"}}", &[]),
        ("a message has none", false, b"a:b", &[]),
    ] {
        let message = Message { is_end, bytes };
        assert_eq!(message.trailers().collect::<Vec<_>>(), expected, "{rule}");
    }
}

#[test]
fn a_message_comes_with_its_last_byte() {
    let bytes = frame(0, b"ab");
    let (last, before) = bytes.split_last().unwrap();
    let mut decoder = Decoder::new(None);
    let mut messages = 0;
    decoder.feed(before, &mut |_| messages += 1);
    assert_eq!(messages, 0);
    decoder.feed(&[*last], &mut |_| messages += 1);
    assert_eq!(messages, 1);
}

#[test]
fn an_endless_stream_costs_no_memory() {
    let mut decoder = Decoder::new(Some("gzip"));
    let large = [frame(0, &[b'x'; 1 << 20]), frame(1, &gzip(&[b'x'; 1 << 20]))].concat();
    for piece in large.chunks(1000) {
        decoder.feed(piece, &mut |_| ());
    }
    assert!(decoder.held.capacity() <= 64 << 10);
    decoder.feed(&[0, 0xff, 0xff, 0xff, 0xff], &mut |_| ());
    for _ in 0..1000 {
        decoder.feed(&[0; 1 << 10], &mut |_| ());
    }
    assert!(decoder.held.capacity() <= 64 << 10);
}

#[test]
fn the_fuzz_body_takes_its_seeds() {
    for seed in [
        &b"\x00\x01\x09\0\0\0\0\x01a\x02\0\0\0\x02{}"[..],
        b"\x02\x03\x09\x01\0\0\0\x04\x1f\x8b\x08\x00",
        b"\x01\x03\x40AAAAAAFhgAAAAA9ncnBjLXN0YXR1czowDQo=",
        b"",
    ] {
        fuzz::run(seed);
    }
}

proptest! {
    #[test]
    fn cut_anywhere_the_messages_are_the_same(
        messages in prop::collection::vec(
            (prop::sample::select(vec![0_u8, 1, 2, 3, 0x80, 0x81]),
             prop::collection::vec(any::<u8>(), 0..40)), 0..6),
        compressed in any::<bool>(),
        damage in prop::option::of((any::<prop::sample::Index>(), any::<u8>())),
        choice in 0..12_u8,
        piece in 1..9_u8,
        limit in 0..40_u8,
    ) {
        let mut data = vec![choice, piece, limit];
        for (flags, message) in messages {
            let message = if compressed && flags & 1 == 1 { gzip(&message) } else { message };
            data.extend(frame(flags, &message));
        }
        if let Some((at, byte)) = damage {
            let at = at.index(data.len());
            data[at] = byte;
        }
        fuzz::run(&data);
    }
}
