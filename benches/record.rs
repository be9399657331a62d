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
use overhear::model::Fingerprinter;
use overhear::record::secrets::{Found, Redactor};
use overhear::record::{FlowReading, Lexicon, Unfollowed};
use overhear::store::Store;
use overhear::tape::{Budget, Place, Tapes, Told};

const EVENTS: usize = 300;

fn main() {
    println!("{:<28}{:>12}{:>12}{:>14}", "exchange", "read µs", "store µs", "read µs/event");
    case("small", 4000, 0, &small());
    case("streamed, 300 events", 200, EVENTS, &streamed());
    case("1 MB picture", 60, 0, &large(&"/9j/4AAQ".repeat(1 << 17)));
    let words = (0..).map(|n| format!("word{} ", n * 7919 % 4093)).take(150_000);
    case("1 MB of words", 60, 0, &large(&words.collect::<String>()));
    println!("\n{:<28}{:>12}", "400 KB gone through", "µs");
    for (name, text) in bodies() {
        redaction(name, &text);
    }
}

/// What finding secrets costs of a request.
fn redaction(name: &str, text: &str) {
    let redactor = Redactor::new(Fingerprinter::new([7; 32]));
    let mut found = Found::default();
    let mut headers =
        vec![("authorization".to_owned(), "Bearer sk-fake-bench-000000000000000000".to_owned())];
    redactor.headers(&mut headers, &mut found);
    let bodies: Vec<Vec<u8>> = (0..100).map(|_| text.as_bytes().to_vec()).collect();
    let fastest = bodies.into_iter().map(|mut body| {
        let begun = Instant::now();
        redactor.body(&mut body, &mut found);
        begun.elapsed()
    });
    // What else the machine does makes none faster.
    let fastest = fastest.min().unwrap_or_default();
    println!("{name:<28}{:>12.1}", fastest.as_secs_f64() * 1e6);
}

/// Bodies of 400 KB as agents send them.
fn bodies() -> Vec<(&'static str, String)> {
    let fill = |piece: &dyn Fn(usize) -> String| {
        let mut text = String::new();
        for n in 0.. {
            text.push_str(&piece(n));
            if text.len() >= 400_000 {
                break;
            }
        }
        text
    };
    let code = |n: usize| {
        format!(
            "\\n    pub fn item_{n}(&self, bytes: &[u8]) -> Result<usize, Error> {{\\n        let name = \\\"value-{}\\\";",
            n * 7919
        )
    };
    vec![
        ("words", fill(&|n| format!("word{} ", n * 7919 % 4093))),
        ("code in JSON", fill(&code)),
        ("code as Go escapes it", fill(&code).replace('>', "\\u003e").replace('&', "\\u0026")),
        ("Chinese", fill(&|n| format!("第{n}次请把这个词换成别的，"))),
        ("Chinese, escaped", fill(&|_| "\\u7b2c\\u6b21\\u8bf7\\u628a".to_owned())),
        ("a picture", "iVBORw0KGgoAAAANSUhEUg".repeat(18_182)),
        ("a text in base64", "YSB0ZXh0IG9mIHdvcmRz".repeat(20_000)),
        (
            "full of keys",
            fill(&|n| {
                format!(
                    "{} API_KEY=sk-fake{n:06}0123456789abcdef\\n",
                    "words and code ".repeat(250)
                )
            }),
        ),
    ]
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
