//! How fast the decoders and dialects read, in MB/s on one core.
//!
//! `cargo bench --bench decode` reads 256 MB of each kind of stream in pieces of 16 KiB, and
//! says by how much the memory grew: an endless stream must not fill it.
#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a bench prints a table, and has nobody to tell but whoever runs it"
)]

use std::time::Instant;

use jiff::Timestamp;
use overhear::dialect::{self, Asked, Frame};
use overhear::observe::stream::{Decoder, Kind, Piece};

const STREAM_BYTES: usize = 256 << 20;
const PIECE_BYTES: usize = 16 << 10;

fn main() {
    println!("{:<44}{:>10}{:>16}", "stream", "MB/s", "memory grew MB");
    let event = chat_event();
    let sse = [b"data: ".as_slice(), event.as_bytes(), b"\n\n"].concat();
    cut("server-sent events", Kind::Events, &sse);
    let line = [event.as_bytes(), b"\n"].concat();
    cut("JSON lines", Kind::Lines, &line);
    read("openai.chat, events with long deltas", &sse_of(&long_chat_event()));
    read("openai.chat, events as OpenAI sends them", &sse);
}

fn chat_event() -> String {
    r#"{"id":"chatcmpl-fake1","object":"chat.completion.chunk","created":1750000000,"model":"gpt-fake","service_tier":"default","system_fingerprint":"fp_fake","choices":[{"index":0,"delta":{"content":" word"},"logprobs":null,"finish_reason":null}],"usage":null,"obfuscation":"aBcDeFgHiJ"}"#.to_owned()
}

fn long_chat_event() -> String {
    chat_event().replace(" word", &"some words of an answer ".repeat(40))
}

fn sse_of(event: &str) -> Vec<u8> {
    [b"data: ".as_slice(), event.as_bytes(), b"\n\n"].concat()
}

/// The decoder alone.
fn cut(name: &str, kind: Kind, unit: &[u8]) {
    let mut decoder = Decoder::new(kind, None);
    let mut count = 0;
    measure(name, unit, |piece| decoder.feed(piece, &mut |_| count += 1));
    assert!(count >= STREAM_BYTES / unit.len(), "{name}: {count} pieces");
}

/// Decoder and dialect.
fn read(name: &str, unit: &[u8]) {
    let headers = Vec::new();
    let asked = Asked {
        method: "POST",
        host: "api.openai.com",
        path: "/v1/chat/completions",
        headers: &headers,
        body: br#"{"model":"m","stream":true,"messages":[{"role":"user","content":"hi"}]}"#,
    };
    let (dialect, _) = dialect::claim(&asked).expect("claimed");
    let mut reading = dialect.begin(&asked);
    let mut decoder = Decoder::new(Kind::Events, None);
    measure(name, unit, |piece| {
        decoder.feed(piece, &mut |piece| {
            if let Piece::Event(event) = piece {
                reading.reply(Frame::Event(event), Timestamp::UNIX_EPOCH, &mut |_| {});
            }
        });
    });
    reading.finish();
}

fn measure(name: &str, unit: &[u8], mut feed: impl FnMut(&[u8])) {
    // Pieces that end anywhere in a unit.
    let mut block = Vec::new();
    while block.len() < 4 << 20 {
        block.extend_from_slice(unit);
    }
    let before = resident_bytes();
    let begun = Instant::now();
    let mut fed = 0;
    while fed < STREAM_BYTES {
        for piece in block.chunks(PIECE_BYTES) {
            feed(piece);
        }
        fed += block.len();
    }
    let speed = fed as f64 / 1e6 / begun.elapsed().as_secs_f64();
    let grew = resident_bytes().saturating_sub(before) as f64 / 1e6;
    println!("{name:<44}{speed:>10.0}{grew:>16.1}");
}

fn resident_bytes() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages: u64 = statm.split(' ').nth(1).and_then(|pages| pages.parse().ok()).unwrap_or(0);
    pages * 4096
}
