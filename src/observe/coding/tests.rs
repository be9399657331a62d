use std::io::Write;

use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
use proptest::prelude::*;

use super::fuzz::{self, read};
use super::*;

const EVENTS: [&str; 2] = ["data: {\"text\":\"Hello\"}\n\n", "data: {\"text\":\" world\"}\n\n"];

/// [`EVENTS`] in brotli, flushed after each, and the end of the stream.
const BROTLI: [&[u8]; 3] = [
    b"\x83\x0b\x80\x64\x61\x74\x61\x3a\x20\x7b\x22\x74\x65\x78\x74\x22\x3a\x22\x48\x65\x6c\x6c\x6f\
      \x22\x7d\x0a\x0a",
    b"\xc0\x00\x00\x40\x5a\x01\x44\xa4\x4f\x2e\x22\x8a\x30\x55\x59\x67\xfc\x35\x18",
    b"\x03",
];

/// Four MiB of zeros in brotli.
const BROTLI_BOMB: &[u8] = b"\x9b\xff\xff\x3f\xf8\x27\x00\xe2\xb1\x40\x20\xf7\xfe\x07";

/// [`EVENTS`] coded with a flush after each, and the bytes up to each flush.
struct Flushed {
    bytes: Vec<u8>,
    flushes: [usize; 2],
}

impl Flushed {
    fn new<E: Write>(
        mut encoder: E,
        coded: impl Fn(&E) -> usize,
        finish: impl FnOnce(E) -> std::io::Result<Vec<u8>>,
    ) -> Self {
        let flushes = EVENTS.map(|event| {
            encoder.write_all(event.as_bytes()).unwrap();
            encoder.flush().unwrap();
            coded(&encoder)
        });
        Self { bytes: finish(encoder).unwrap(), flushes }
    }

    fn gzip() -> Self {
        let encoder = GzEncoder::new(Vec::new(), Compression::default());
        Self::new(encoder, |e| e.get_ref().len(), GzEncoder::finish)
    }

    fn zlib() -> Self {
        let encoder = ZlibEncoder::new(Vec::new(), Compression::default());
        Self::new(encoder, |e| e.get_ref().len(), ZlibEncoder::finish)
    }

    fn bare_deflate() -> Self {
        let encoder = DeflateEncoder::new(Vec::new(), Compression::default());
        Self::new(encoder, |e| e.get_ref().len(), DeflateEncoder::finish)
    }

    fn zstd() -> Self {
        let encoder = zstd::Encoder::new(Vec::new(), 3).unwrap();
        Self::new(encoder, |e| e.get_ref().len(), zstd::Encoder::finish)
    }

    fn brotli() -> Self {
        let [first, second, _] = BROTLI;
        Self { bytes: BROTLI.concat(), flushes: [first.len(), first.len() + second.len()] }
    }

    fn all() -> [(&'static str, &'static str, Self); 5] {
        [
            ("gzip", "gzip", Self::gzip()),
            ("zlib", "deflate", Self::zlib()),
            ("bare deflate", "deflate", Self::bare_deflate()),
            ("zstd", "zstd", Self::zstd()),
            ("brotli", "br", Self::brotli()),
        ]
    }
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

fn zstandard(text: &[u8]) -> Vec<u8> {
    zstd::encode_all(text, 3).unwrap()
}

fn check(rule: &str, coding: &str, bytes: &[u8], text: &str, end: Result<(), CodingError>) {
    let new = || Decoder::new(coding).unwrap();
    let expected = (text.as_bytes().to_vec(), end);
    assert_eq!(read(new(), [bytes]), expected, "{rule}");
    assert_eq!(read(new(), bytes.chunks(1)), expected, "{rule}, one byte at a time");
}

#[test]
fn an_event_comes_with_its_flush() {
    for (rule, coding, Flushed { bytes, flushes }) in Flushed::all() {
        check(rule, coding, &bytes, &EVENTS.concat(), Ok(()));
        for piece in [1, 7, bytes.len()] {
            let mut decoder = Decoder::new(coding).unwrap();
            let mut decoded = Vec::new();
            let [first, second] = flushes;
            for (from, to, events) in [(0, first, 1), (first, second, 2)] {
                for piece in bytes[from..to].chunks(piece) {
                    decoder.feed(piece, &mut |text| decoded.extend_from_slice(text)).unwrap();
                }
                let expected = EVENTS[..events].concat();
                assert_eq!(String::from_utf8_lossy(&decoded), expected, "{rule}");
            }
            assert!(matches!(decoder.finish(), Err(CodingError::Cut { .. })), "{rule}");
        }
    }
}

#[test]
fn streams_that_are_cut_keep_what_came() {
    for (rule, coding, Flushed { bytes, flushes }) in Flushed::all() {
        for cut in 1..bytes.len() {
            let (text, end) = read(Decoder::new(coding).unwrap(), [&bytes[..cut]]);
            let name = if rule == "brotli" { "br" } else { coding };
            assert_eq!(end, Err(CodingError::Cut { coding: name }), "{rule} at {cut}");
            let events = flushes.iter().filter(|flush| **flush <= cut).count();
            let text = String::from_utf8(text).unwrap();
            assert!(text.starts_with(&EVENTS[..events].concat()), "{rule} at {cut}");
        }
    }
}

#[test]
fn codings() {
    let twice = [gzip(b"a"), gzip(b""), gzip(b"b")].concat();
    let frames = [
        zstandard(b"a"),
        b"\x50\x2a\x4d\x18\x03\0\0\0abc".to_vec(),
        zstandard(b""),
        zstandard(b"b"),
    ]
    .concat();
    for (rule, coding, bytes, text) in [
        ("none", "", b"ab".to_vec(), "ab"),
        ("identity", "Identity", b"ab".to_vec(), "ab"),
        ("an old name", "x-gzip", gzip(b"ab"), "ab"),
        ("upper case and spaces", " GZip ,", gzip(b"ab"), "ab"),
        ("gzip members", "gzip", twice, "ab"),
        ("zstd frames, one of them skippable", "zstd", frames, "ab"),
        ("the last named was applied last", "gzip, zstd", zstandard(&gzip(b"ab")), "ab"),
        ("identity in between", "zstd, identity, gzip", gzip(&zstandard(b"ab")), "ab"),
        ("no body", "gzip", Vec::new(), ""),
        ("no text", "gzip", gzip(b""), ""),
    ] {
        check(rule, coding, &bytes, text, Ok(()));
    }
}

#[test]
fn names_that_are_no_coding_of_ours() {
    let unknown = |coding: &str| CodingError::Unknown { coding: coding.into() };
    for (rule, coding, expected) in [
        ("an unknown one is named", "Compress", unknown("compress")),
        ("the one that is unknown", "gzip, aws-chunked", unknown("aws-chunked")),
        ("five of them", "gzip, gzip, gzip, gzip, gzip", CodingError::Layers),
    ] {
        assert_eq!(Decoder::new(coding).unwrap_err(), expected, "{rule}");
    }
    let text = unknown("compress").to_string();
    assert!(text.starts_with("unknown content coding `compress`"), "{text}");
}

#[test]
fn damage() {
    let damaged =
        |coding, reason: &str| Err(CodingError::Damaged { coding, reason: reason.to_owned() });
    let mut wrong_sum = gzip(b"ab");
    let sum = wrong_sum.len() - 8;
    wrong_sum[sum] ^= 1;
    let brotli = [&BROTLI.concat()[..], b"x"].concat();
    for (rule, coding, bytes, text, expected) in [
        (
            "text that is not gzip",
            "gzip",
            b"{\"a\":1}".to_vec(),
            "",
            damaged("gzip", "deflate decompression error: incorrect header check"),
        ),
        (
            "a checksum that is wrong",
            "gzip",
            wrong_sum,
            "ab",
            damaged("gzip", "deflate decompression error: incorrect data check"),
        ),
        (
            "text that is not zstd",
            "zstd",
            b"{\"a\":1}".to_vec(),
            "",
            damaged("zstd", "Unknown frame descriptor"),
        ),
        (
            "a good frame before",
            "zstd",
            [zstandard(b"ab"), b"12345".to_vec()].concat(),
            "ab",
            damaged("zstd", "Unknown frame descriptor"),
        ),
        (
            "zeros after gzip",
            "gzip",
            [gzip(b"ab"), vec![0; 8]].concat(),
            "ab",
            Err(CodingError::Trailing { coding: "gzip" }),
        ),
        (
            "bytes after deflate",
            "deflate",
            [Flushed::zlib().bytes, vec![0x78]].concat(),
            &EVENTS.concat(),
            Err(CodingError::Trailing { coding: "deflate" }),
        ),
        (
            "bytes after brotli",
            "br",
            brotli,
            &EVENTS.concat(),
            Err(CodingError::Trailing { coding: "br" }),
        ),
    ] {
        check(rule, coding, &bytes, text, expected);
    }
}

#[test]
fn a_damaged_block_does_not_cost_the_blocks_before_it() {
    let mut encoder = zstd::Encoder::new(Vec::new(), 3).unwrap();
    encoder.write_all(b"first").unwrap();
    encoder.flush().unwrap();
    let mut bytes = encoder.get_ref().clone();
    bytes.extend_from_slice(&[0xFF; 20]);
    let (text, end) = read(Decoder::new("zstd").unwrap(), [&bytes[..]]);
    assert_eq!(String::from_utf8_lossy(&text), "first");
    assert!(matches!(end, Err(CodingError::Damaged { .. })), "{end:?}");
}

#[test]
fn a_window_of_8_mib_is_the_largest() {
    for (rule, log, fits) in [("8 MiB", 23, true), ("16 MiB", 24, false)] {
        let mut encoder = zstd::Encoder::new(Vec::new(), 1).unwrap();
        encoder.window_log(log).unwrap();
        encoder.write_all(b"ab").unwrap();
        encoder.flush().unwrap();
        let bytes = encoder.finish().unwrap();
        let (text, end) = read(Decoder::new("zstd").unwrap(), [&bytes[..]]);
        assert_eq!((text == b"ab", end.is_ok()), (fits, fits), "{rule}: {end:?}");
    }
}

#[test]
fn limits() {
    const LIMITS: Limits = Limits { decoded_bytes: 1 << 20, bomb_bytes: 1 << 16, bomb_ratio: 100 };
    let zeros = vec![0; 4 << 20];
    let noise: Vec<u8> = (0..2_u32 << 18)
        .map(|n| n.wrapping_mul(2_654_435_761))
        .flat_map(|n| (n ^ (n >> 15)).to_le_bytes())
        .collect();
    let within_bomb = gzip(&zeros[..1 << 16]);
    for (rule, coding, bytes, expected) in [
        ("a bomb of gzip", "gzip", gzip(&zeros), CodingError::Bomb),
        ("a bomb of zstd", "zstd", zstandard(&zeros), CodingError::Bomb),
        ("a bomb of brotli", "br", BROTLI_BOMB.to_vec(), CodingError::Bomb),
        ("a bomb in a bomb", "gzip, zstd", zstandard(&gzip(&zeros)), CodingError::Bomb),
        (
            "a bomb that ends in nothing",
            "gzip, zstd",
            zstandard(&gzip(b"").repeat(1 << 18)),
            CodingError::Bomb,
        ),
        ("a long body", "gzip", gzip(&noise), CodingError::TooLong),
        ("a long body without coding", "", noise.clone(), CodingError::TooLong),
    ] {
        let decoder = Decoder::limited(coding, LIMITS).unwrap();
        let (text, end) = read(decoder, bytes.chunks(1000));
        assert_eq!(end, Err(expected), "{rule}");
        assert!(text.len() as u64 <= LIMITS.decoded_bytes, "{rule}: {}", text.len());
    }
    let decoder = Decoder::limited("gzip", LIMITS).unwrap();
    let (text, end) = read(decoder, [&within_bomb[..]]);
    assert_eq!((text.len(), end), (1 << 16, Ok(())), "a blank picture is no bomb");
}

#[test]
fn an_error_is_told_again() {
    let mut decoder = Decoder::new("gzip").unwrap();
    let error = decoder.feed(b"not gzip", &mut |_| ()).unwrap_err();
    assert_eq!(decoder.feed(&gzip(b"a"), &mut |_| panic!("nothing more")), Err(error.clone()));
    assert_eq!(decoder.finish(), Err(error));
}

#[test]
fn the_fuzz_body_takes_its_seeds() {
    let seed = |choice: u8, body: &[u8]| [&[choice, 3], body].concat();
    for seed in [
        seed(0, &Flushed::gzip().bytes),
        seed(1, &Flushed::zlib().bytes),
        seed(2, &BROTLI.concat()),
        seed(3, &Flushed::zstd().bytes),
        seed(4, &zstandard(&gzip(b"ab"))),
        Vec::new(),
    ] {
        fuzz::run(&seed);
    }
}

proptest! {
    #[test]
    fn cut_anywhere_the_text_is_the_same(
        choice in 0..5_u8,
        piece in 1..50_u8,
        text in prop::collection::vec(prop::sample::select(vec!["data: ", "\n\n", "abc", "Grüße"]), 0..200),
        damage in prop::option::of((any::<prop::sample::Index>(), any::<u8>())),
    ) {
        let text = text.concat().into_bytes();
        let body = match choice {
            0 => gzip(&text),
            1 => Flushed::zlib().bytes,
            2 => BROTLI.concat(),
            3 => zstandard(&text),
            _ => zstandard(&gzip(&text)),
        };
        let mut data = [&[choice, piece], &body[..]].concat();
        if let Some((at, byte)) = damage {
            let at = at.index(data.len());
            data[at] = byte;
        }
        fuzz::run(&data);
    }
}
