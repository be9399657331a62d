//! The recorder's reading, from a tape to entries.

mod http2;
mod leaks;
mod socket;

use super::*;
use crate::flow::{Mode, Opened, Origin, Scheme, Side, Verdict};
use crate::model::Part;
use crate::store::{Entry, StoredExchange};
use crate::tape::{Budget, Place, Tapes, Told};

/// What is read of a flow whose sides sent these pieces.
fn read(pieces: &[(Side, &[u8])]) -> Vec<StoredExchange> {
    exchanges(&entries(pieces, &Lexicon::new([7; 32])))
}

fn exchanges(entries: &[Entry]) -> Vec<StoredExchange> {
    let exchanges = entries.iter().filter_map(|entry| match entry {
        Entry::Exchange(stored) => Some((**stored).clone()),
        _ => None,
    });
    exchanges.collect()
}

/// What the store is given of a flow whose sides sent these pieces, each read by itself.
fn entries(pieces: &[(Side, &[u8])], lexicon: &Lexicon) -> Vec<Entry> {
    let (tapes, heard) = Tapes::new(Place::nameless(), Budget::new(64 << 20));
    let mut writer = tapes.open(&opened());
    let Ok(Told::Taped(tape)) = heard.recv() else { panic!("no tape") };
    let mut reading = FlowReading::new(tape).unwrap();
    let mut entries = Vec::new();
    for (side, bytes) in pieces {
        writer.append(*side, bytes);
        while reading.read(lexicon, &mut Unfollowed).unwrap() {}
        entries.extend(reading.take());
    }
    drop(writer);
    while reading.read(lexicon, &mut Unfollowed).unwrap() {}
    entries.extend(reading.take());
    entries
}

fn opened() -> Opened {
    Opened {
        flow: FlowId::now(),
        at: Timestamp::now(),
        mode: Mode::Intercept,
        origin: Origin::parse(Scheme::Https, "api.openai.com:443").unwrap(),
        verdict: Verdict::Intercept,
        tls: None,
        connect_user_agent: None,
    }
}

fn text(stored: &StoredExchange) -> String {
    let choices = stored.exchange.reply.iter().flat_map(|reply| &reply.choices);
    let parts = choices.flat_map(|choice| &choice.parts);
    parts.map(|part| if let Part::Text { text } = part { text.as_str() } else { "" }).collect()
}

#[test]
fn a_streamed_answer_is_whole_wherever_it_is_cut() {
    let body = r#"{"model":"m","stream":true,"messages":[{"role":"user","content":"hi"}]}"#;
    let request = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nHost: h\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let words = ["Grüße, ", "привет", "你好，", "世界", "👩‍💻", " \\\"q\\\" "];
    let mut reply =
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
            .to_owned();
    for word in words {
        let event = format!(
            "data: {{\"id\":\"c\",\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{word}\"}}}}]}}\n\n"
        );
        reply.push_str(&format!("{:x}\r\n{event}\r\n", event.len()));
    }
    let expected = words.concat().replace("\\\"", "\"");
    let untyped = reply.replace("Content-Type: text/event-stream\r\n", "");
    let stored =
        read(&[(Side::Downstream, request.as_bytes()), (Side::Upstream, untyped.as_bytes())]);
    assert_eq!(text(&stored[0]), expected, "without a type");
    for size in [1, 2, 3, 7, 100, 5000] {
        let mut pieces = vec![(Side::Downstream, request.as_bytes())];
        pieces.extend(reply.as_bytes().chunks(size).map(|piece| (Side::Upstream, piece)));
        let stored = read(&pieces);
        assert_eq!(stored.len(), 1);
        assert_eq!(text(&stored[0]), expected, "in pieces of {size}");
        assert_eq!(stored[0].exchange.state, crate::model::State::Interrupted);
    }
}

#[test]
fn a_reply_that_is_over_before_its_request_is_its_reply() {
    let stored = read(&[
        (Side::Downstream, b"POST /v1/a HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nab"),
        (Side::Upstream, b"HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno"),
        (Side::Downstream, b"cdGET /v1/b HTTP/1.1\r\nHost: h\r\n\r\n"),
        (Side::Upstream, b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nyes"),
    ]);
    let told: Vec<_> = stored
        .iter()
        .map(|s| (s.exchange.path.as_str(), s.exchange.status, s.request.bytes.ends_with(b"abcd")))
        .collect();
    assert_eq!(told, [("/v1/a", Some(413), true), ("/v1/b", Some(200), false)]);
}
