use jiff::Timestamp;
use proptest::prelude::*;

use super::Unknown;
use crate::dialect::{Asked, Decoded, Dialect, Frame, Spoken, Turn};
use crate::model::{Headers, Part};
use crate::observe::sse;

fn asked<'a>(headers: &'a Headers, body: &'a [u8]) -> Asked<'a> {
    Asked { method: "POST", host: "ai.example.test", path: "/v9/talk", headers, body }
}

fn kind(content_type: &str) -> Headers {
    vec![("content-type".to_owned(), content_type.to_owned())]
}

#[test]
fn it_claims_whatever_may_hold_words() {
    for (rule, method, path, content_type, body, expected) in [
        ("an object", "POST", "/x", "", &b" {\"a\":1}"[..], Some("unknown")),
        ("a list", "PUT", "/x", "application/json", b"[1]", Some("unknown")),
        ("a form", "POST", "/x", "application/x-www-form-urlencoded", b"q=1", Some("unknown")),
        ("parts", "POST", "/x", "multipart/form-data; boundary=b", b"--b--", Some("unknown")),
        ("words", "POST", "/x", "text/plain", b"hello", Some("unknown")),
        ("protobuf", "POST", "/x", "application/x-protobuf", b"\x08\x01", Some("unknown")),
        ("gRPC", "POST", "/x", "application/grpc+proto", b"\0\0\0\0\0", Some("unknown")),
        ("a call that says no type", "POST", "/a.b.Service/Do", "", b"\x08\x01", Some("unknown")),
        ("bytes", "POST", "/x", "application/octet-stream", b"\x08\x01", None),
        ("sound", "POST", "/x", "audio/wav", b"RIFF", None),
        ("nothing", "POST", "/x", "application/json", b"", None),
        ("what an app logs", "POST", "/api/event_logging/v2/batch", "", b"{\"a\":1}", None),
        ("the word inside another", "POST", "/v1/telemetrics", "", b"{\"a\":1}", Some("unknown")),
        ("a page", "GET", "/x", "", b"", None),
    ] {
        let headers = if content_type.is_empty() { Headers::new() } else { kind(content_type) };
        let asked = Asked { method, path, ..asked(&headers, body) };
        assert_eq!(Unknown.claim(&asked), expected, "{rule}");
    }
}

fn events(data: impl Iterator<Item = String>) -> Decoded {
    let headers = kind("application/json");
    let mut reading = Unknown.begin(&asked(&headers, b"{\"prompt\":\"Hi\"}"));
    for data in data {
        let event = sse::Event { name: "", data: &data };
        reading.reply(Frame::Event(event), Timestamp::UNIX_EPOCH, &mut |_| {});
    }
    reading.finish()
}

fn text(decoded: &Decoded) -> Vec<&str> {
    let parts = decoded.reply.choices.iter().flat_map(|choice| &choice.parts);
    parts
        .filter_map(|part| match part {
            Part::Text { text } => Some(text.as_str()),
            _ => None,
        })
        .collect()
}

#[test]
fn a_stream_with_an_id_an_event_stays_small() {
    let decoded = events((0..20_000).map(|n| {
        format!(
            "{{\"event_id\":\"ev{n}\",\"seen\":{{\"key{n}\":\"word {n} word\"}},\"delta\":\"x \"}}"
        )
    }));
    assert_eq!(text(&decoded), ["x ".repeat(20_000)]);
    assert!(decoded.notes.iter().any(|note| note.contains("left out")), "{:?}", decoded.notes);
}

#[test]
fn answers_repeated_without_end_are_one_answer() {
    let mut answer = String::new();
    let decoded = events((0..3000).map(|n| {
        answer.push_str(&format!("word{n} "));
        serde_json::json!({ "answer": answer }).to_string()
    }));
    assert_eq!(text(&decoded), [answer]);
}

#[test]
fn a_socket_of_sound_stays_one_turn() {
    let headers = vec![("upgrade".to_owned(), "websocket".to_owned())];
    let asked = Asked { method: "GET", ..asked(&headers, b"") };
    let mut socket = Unknown.converse(&asked).unwrap();
    let at = Timestamp::UNIX_EPOCH;
    socket.sent(Spoken::Text("{\"instructions\":\"Translate what you hear.\"}"), at);
    for n in 0..5000 {
        let sound = format!("{{\"type\":\"audio\",\"n\":{n},\"data\":\"{}\"}}", "QUJD".repeat(20));
        assert_eq!(socket.sent(Spoken::Text(&sound), at), Turn(0));
        socket.received(Spoken::Text("{\"transcript\":\"word after \"}"), at, &mut |_| {});
    }
    let decoded = socket.finish(Turn(0));
    assert_eq!(decoded.request.system.as_deref(), Some("Translate what you hear."));
    assert!(serde_json::to_string(&decoded).unwrap().len() < 1 << 20);
}

#[test]
fn turns_have_numbers_without_a_hole() {
    let headers = vec![("upgrade".to_owned(), "websocket".to_owned())];
    let asked = Asked { method: "GET", ..asked(&headers, b"") };
    let mut socket = Unknown.converse(&asked).unwrap();
    let at = Timestamp::UNIX_EPOCH;
    let ask = Spoken::Text("{\"text\":\"Where is it now?\"}");
    let tell = Spoken::Text("{\"text\":\"It is over there.\"}");
    for n in 0..4 {
        assert_eq!(socket.sent(ask, at), Turn(n));
        assert_eq!(socket.received(tell, at, &mut |_| {}), Turn(n));
        if n == 2 {
            // The recorder may end a turn itself.
            socket.finish(Turn(2));
        }
    }
}

/// Bodies of all kinds that come near to what is looked for.
fn body() -> impl Strategy<Value = (String, Vec<u8>)> {
    let types = prop::sample::select(vec![
        "application/json",
        "application/x-ndjson",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=b",
        "application/connect+proto",
        "application/proto",
        "text/plain",
    ]);
    (types.prop_map(str::to_owned), prop::collection::vec(any::<u8>(), 0..300))
}

proptest! {
    #[test]
    fn nothing_panics(
        (content_type, bytes) in body(),
        reply in prop::collection::vec(any::<u8>(), 0..300),
    ) {
        let headers = kind(&content_type);
        for status in [200, 500] {
            let mut reading = Unknown.begin(&asked(&headers, &bytes));
            let head = Frame::Head { status, headers: &headers };
            reading.reply(head, Timestamp::UNIX_EPOCH, &mut |_| {});
            let body = Frame::Body { body: &reply, status };
            reading.reply(body, Timestamp::UNIX_EPOCH, &mut |_| {});
            reading.finish();
        }
    }

    #[test]
    fn pieces_of_a_text_are_that_text(words in "[a-z ]{1,80}[a-z] [a-z]{3}", cut in 1usize..9) {
        let letters: Vec<char> = words.chars().collect();
        let pieces = letters.chunks(cut).map(|piece| piece.iter().collect::<String>());
        let decoded = events(pieces.map(|piece| serde_json::json!({"delta": piece}).to_string()));
        prop_assert_eq!(text(&decoded), [words]);
    }
}
