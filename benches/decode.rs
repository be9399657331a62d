//! How fast the decoders and dialects read, in MB/s of CPU time on one core (Linux).
//!
//! `cargo bench --bench decode` reads 256 MB of each kind of stream in pieces of 16 KiB, and
//! says by how much the memory grew: an endless stream must not fill it.
#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a bench prints a table, and has nobody to tell but whoever runs it"
)]

use jiff::Timestamp;
use overhear::dialect::{self, Asked, Frame};
use overhear::observe::stream::{Decoder, Kind, Piece};
use overhear::observe::{http2, websocket};

const STREAM_BYTES: usize = 256 << 20;
const PIECE_BYTES: usize = 16 << 10;

fn main() {
    println!("{:<44}{:>10}{:>16}", "stream", "MB/s", "memory grew MB");
    let event = chat_event();
    let sse = sse_of(&event);
    cut("server-sent events", Kind::Events, &sse);
    let line = [event.as_bytes(), b"\n"].concat();
    cut("JSON lines", Kind::Lines, &line);
    cut("gRPC messages", Kind::Envelopes, &envelope(event.as_bytes()));
    http2(&[b'x'; 1000]);
    websocket(event.as_bytes());
    read("openai.chat, long deltas", "/v1/chat/completions", &sse_of(&long(&event)));
    read("openai.chat, a word an event", "/v1/chat/completions", &sse);
    let responses = r#"{"type":"response.output_text.delta","item_id":"msg_fake1","output_index":0,"content_index":0,"delta":" word","logprobs":[],"sequence_number":7,"obfuscation":"aBcDeFgHiJ"}"#;
    read("openai.responses, a word an event", "/v1/responses", &sse_of(responses));
    let anthropic =
        r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":" word"}}"#;
    read("anthropic.messages, a word an event", "/v1/messages", &sse_of(anthropic));
    let gemini = r#"{"candidates":[{"content":{"parts":[{"text":" word"}],"role":"model"},"index":0}],"usageMetadata":{"promptTokenCount":9,"candidatesTokenCount":7,"totalTokenCount":16},"modelVersion":"fake-gemini","responseId":"fake1"}"#;
    let path = "/v1beta/models/m:streamGenerateContent?alt=sse";
    read("gemini, a word an event", path, &sse_of(gemini));
}

fn chat_event() -> String {
    r#"{"id":"chatcmpl-fake1","object":"chat.completion.chunk","created":1750000000,"model":"gpt-fake","service_tier":"default","system_fingerprint":"fp_fake","choices":[{"index":0,"delta":{"content":" word"},"logprobs":null,"finish_reason":null}],"usage":null,"obfuscation":"aBcDeFgHiJ"}"#.to_owned()
}

fn long(event: &str) -> String {
    event.replace(" word", &"some words of an answer ".repeat(40))
}

fn envelope(message: &[u8]) -> Vec<u8> {
    [&[0][..], &(message.len() as u32).to_be_bytes(), message].concat()
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

/// Frames of DATA of one stream.
fn http2(data: &[u8]) {
    let mut connection = http2::Connection::new();
    // The preface, empty SETTINGS, and HEADERS of `POST /` that leave stream 1 open.
    let head = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0\
                 \0\0\x03\x01\x04\0\0\0\x01\x83\x84\x87";
    connection.feed(http2::Peer::Client, head, &mut |_| {});
    let length = (data.len() as u32).to_be_bytes();
    let unit = [&length[1..], &[0, 0, 0, 0, 0, 1], data].concat();
    let mut bytes = 0;
    measure("HTTP/2, DATA of 1000 bytes", &unit, |piece| {
        connection.feed(http2::Peer::Client, piece, &mut |event| {
            if let http2::Event::Data { bytes: data, .. } = event {
                bytes += data.len();
            }
        });
    });
    assert!(bytes > STREAM_BYTES / 2, "{bytes} bytes");
}

/// Masked text messages.
fn websocket(message: &[u8]) {
    let mut decoder = websocket::Decoder::client(&websocket::Extensions::default());
    let mask = [1, 2, 3, 4];
    let masked = message.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask);
    let length = (message.len() as u16).to_be_bytes();
    let mut unit = [&[0x81, 0x80 | 126][..], &length, &mask].concat();
    unit.extend(masked);
    let mut count = 0;
    measure("WebSocket, masked", &unit, |piece| {
        decoder.feed(piece, &mut |event| {
            count += usize::from(matches!(event, websocket::Event::Message { .. }));
        });
    });
    assert!(count >= STREAM_BYTES / unit.len(), "{count} messages");
}

/// Decoder and dialect.
fn read(name: &str, path: &str, unit: &[u8]) {
    let headers = Vec::new();
    let asked = Asked {
        method: "POST",
        host: "api.example.test",
        path,
        headers: &headers,
        body: br#"{"model":"m","stream":true,"max_tokens":9,"messages":[{"role":"user","content":"hi"}]}"#,
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
    let begun = cpu_seconds();
    let mut fed = 0;
    while fed < STREAM_BYTES {
        for piece in block.chunks(PIECE_BYTES) {
            feed(piece);
        }
        fed += block.len();
    }
    let speed = fed as f64 / 1e6 / (cpu_seconds() - begun);
    let grew = resident_bytes().saturating_sub(before) as f64 / 1e6;
    println!("{name:<44}{speed:>10.0}{grew:>16.1}");
}

/// CPU time of this thread: what else runs on the machine does not count.
fn cpu_seconds() -> f64 {
    let schedstat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanos = schedstat.split(' ').next().and_then(|nanos| nanos.parse::<f64>().ok());
    nanos.unwrap_or_default() / 1e9
}

fn resident_bytes() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages: u64 = statm.split(' ').nth(1).and_then(|pages| pages.parse().ok()).unwrap_or(0);
    pages * 4096
}
