//! What recording costs after the tape: reading an exchange, and storing it.
//!
//! `cargo bench --bench record` prints µs an exchange for small exchanges, streamed answers
//! (also µs an event) and requests of a megabyte.
#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a bench prints a table, and has nobody to tell but whoever runs it"
)]

use std::time::Instant;

use overhear::flow::{FlowId, Mode, Opened, Origin, Scheme, Side, Verdict};
use overhear::record::{FlowReading, Lexicon, Unfollowed};
use overhear::store::Store;
use overhear::tape::{Budget, Place, Tapes, Told};

const EVENTS: usize = 300;

fn main() {
    println!("{:<28}{:>12}{:>12}{:>14}", "exchange", "read µs", "store µs", "read µs/event");
    case("small", 4000, 0, &small());
    case("streamed, 300 events", 200, EVENTS, &streamed());
    case("1 MB picture", 60, 0, &large(&"QUJD".repeat(1 << 18)));
    let words = (0..).map(|n| format!("word{} ", n * 7919 % 4093)).take(150_000);
    case("1 MB of words", 60, 0, &large(&words.collect::<String>()));
}

fn case(name: &str, count: usize, events: usize, pieces: &[(Side, Vec<u8>)]) {
    let folder = tempfile::tempdir().expect("a folder");
    let mut store = Store::open(&folder.path().join("capture.db")).expect("a capture");
    let lexicon = Lexicon::new(store.key());
    let (tapes, heard) = Tapes::new(Place::nameless(), Budget::new(2 << 30));
    let mut writer = tapes.open(&opened());
    for _ in 0..count {
        for (side, bytes) in pieces {
            writer.append(*side, bytes);
        }
    }
    drop(writer);
    let Ok(Told::Taped(tape)) = heard.recv() else { panic!("a tape") };
    let mut reading = FlowReading::new(tape).expect("a tape");
    let begun = Instant::now();
    while reading.read(&lexicon, &mut Unfollowed).expect("read") {}
    let read = begun.elapsed();
    let entries = reading.take();
    assert!(entries.len() >= count, "{} of {count}", entries.len());
    let begun = Instant::now();
    for batch in entries.chunks(64) {
        store.write(batch).expect("stored");
    }
    let stored = begun.elapsed();
    let per = |time: std::time::Duration| time.as_secs_f64() * 1e6 / count as f64;
    let event = if events > 0 { per(read) / events as f64 } else { f64::NAN };
    println!("{name:<28}{:>12.1}{:>12.1}{event:>14.2}", per(read), per(stored));
}

fn opened() -> Opened {
    Opened {
        flow: FlowId::now(),
        at: jiff::Timestamp::now(),
        mode: Mode::Intercept,
        origin: Origin::parse(Scheme::Https, "api.openai.com:443").expect("an origin"),
        verdict: Verdict::Intercept,
        tls: None,
        connect_user_agent: None,
    }
}

fn request(body: &str) -> Vec<u8> {
    let head = "POST /v1/chat/completions HTTP/1.1\r\nHost: api.openai.com\r\nUser-Agent: bench/1\r\nAuthorization: Bearer sk-fake-bench-000000000000000000\r\nContent-Type: application/json\r\n";
    format!("{head}Content-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

fn answer() -> Vec<u8> {
    let body = r#"{"id":"chatcmpl-fake1","object":"chat.completion","created":1750000000,"model":"gpt-fake","choices":[{"index":0,"message":{"role":"assistant","content":"hi"},"finish_reason":"stop"}],"usage":{"prompt_tokens":9,"completion_tokens":1,"total_tokens":10}}"#;
    format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

fn small() -> Vec<(Side, Vec<u8>)> {
    let body = r#"{"model":"gpt-fake","messages":[{"role":"system","content":"You are terse."},{"role":"user","content":"Say hi."}]}"#;
    vec![(Side::Downstream, request(body)), (Side::Upstream, answer())]
}

fn large(text: &str) -> Vec<(Side, Vec<u8>)> {
    let body = format!(
        r#"{{"model":"gpt-fake","messages":[{{"role":"user","content":[{{"type":"image_url","image_url":{{"url":"data:image/png;base64,{text}"}}}}]}}]}}"#
    );
    let mut pieces: Vec<_> =
        request(&body).chunks(64 << 10).map(|piece| (Side::Downstream, piece.to_vec())).collect();
    pieces.push((Side::Upstream, answer()));
    pieces
}

fn streamed() -> Vec<(Side, Vec<u8>)> {
    let body =
        r#"{"model":"gpt-fake","stream":true,"messages":[{"role":"user","content":"Say much."}]}"#;
    let head =
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
    let event = r#"data: {"id":"chatcmpl-fake000000000000000000000000","object":"chat.completion.chunk","created":1750000000,"model":"gpt-fake-2026-01-01","service_tier":"default","system_fingerprint":"fp_fake000000","choices":[{"index":0,"delta":{"content":" token"},"logprobs":null,"finish_reason":null}],"usage":null}"#;
    let chunk = |event: &str| format!("{:x}\r\n{event}\n\n\r\n", event.len() + 2).into_bytes();
    let mut pieces = vec![(Side::Downstream, request(body)), (Side::Upstream, head.into())];
    pieces.extend((0..EVENTS).map(|_| (Side::Upstream, chunk(event))));
    let mut last = chunk("data: [DONE]");
    last.extend_from_slice(b"0\r\n\r\n");
    pieces.push((Side::Upstream, last));
    pieces
}
