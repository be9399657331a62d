//! The pieces of a stream, each with its time: server-sent events, JSON lines, messages of Amazon
//! event streams, of gRPC and of WebSockets.

use std::fmt::Write;

use serde::Serialize;
use serde_json::value::RawValue;

use super::{Message, is_turn, pieces};
use crate::model::Exchange;
use crate::observe::stream::{self, Cut, Piece};
use crate::observe::{eventstream, websocket};
use crate::store::{Reader, Side, StoreError};

/// Bytes of an event that are shown: a picture inside of one would be all there is to see. The
/// body has it whole.
pub const EVENT_BYTES_MAX: usize = 16 << 10;

/// A piece of a stream.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Event {
    /// Its number, from 0.
    pub index: usize,
    /// Whether the app sent it; else the origin did.
    pub sent: bool,
    /// Milliseconds since the request's first byte.
    pub ms: f64,
    /// Milliseconds since the one before.
    pub after_ms: f64,
    /// Its name or kind, if it has one.
    pub name: Option<String>,
    /// What it says, at most [`EVENT_BYTES_MAX`]; of bytes that are no text, a line in words.
    pub text: String,
    /// Bytes of what it says.
    pub bytes: u64,
    /// Whether `text` is not all of it.
    pub cut: bool,
}

/// How a reply was cut into pieces.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Form {
    /// It is one document.
    Whole,
    /// Server-sent events.
    Sse,
    /// JSON documents, a line each or as elements of an array.
    Json,
    /// Messages of an Amazon event stream.
    EventStream,
    /// Messages of gRPC or Connect.
    Envelopes,
    /// Messages of a WebSocket.
    WebSocket,
}

/// A piece as it came.
#[derive(Clone, Debug, PartialEq)]
pub struct Came<'a> {
    /// Whether the app sent it; else the origin did.
    pub sent: bool,
    /// Nanoseconds since the request's first byte.
    pub at: i64,
    /// Its name or kind, if it has one.
    pub name: Option<String>,
    /// What it says.
    pub data: &'a [u8],
}

/// The pieces of the exchange at place `seq`, handed to `each` in the order in which they came.
pub fn events(
    reader: &Reader,
    seq: i64,
    exchange: &Exchange,
    each: &mut dyn FnMut(Event),
) -> Result<Form, StoreError> {
    let (mut index, mut last_ms) = (0, None);
    came(reader, seq, exchange, &mut |came| {
        let ms = came.at as f64 / 1e6;
        let after_ms = last_ms.map_or(0.0, |last: f64| (ms - last).max(0.0));
        let (text, cut) = shown(came.data);
        let bytes = came.data.len() as u64;
        each(Event { index, sent: came.sent, ms, after_ms, name: came.name, text, bytes, cut });
        last_ms = Some(ms);
        index += 1;
    })
}

/// As [`events`], whole.
pub fn came(
    reader: &Reader,
    seq: i64,
    exchange: &Exchange,
    each: &mut dyn FnMut(Came<'_>),
) -> Result<Form, StoreError> {
    let Some(reply) = Message::read(reader, seq, exchange, Side::Upstream)? else {
        return Ok(Form::Whole);
    };
    let request = Message::read(reader, seq, exchange, Side::Downstream)?.unwrap_or_default();
    if is_turn(exchange) {
        turn_of(&request, &reply, each);
        return Ok(Form::WebSocket);
    }
    if !reply.rest.is_empty() && exchange.status == Some(101) {
        frames(&request, &reply, &extensions(exchange), each);
        return Ok(Form::WebSocket);
    }
    Ok(of_body(&reply, each))
}

/// As much as is shown; text, or what there is in words.
fn shown(data: &[u8]) -> (String, bool) {
    let Ok(text) = std::str::from_utf8(data) else {
        let mut words = format!("{} bytes:", data.len());
        for byte in data.iter().take(64) {
            let _ = write!(words, " {byte:02x}");
        }
        return (words, data.len() > 64);
    };
    let end = text.floor_char_boundary(EVENT_BYTES_MAX);
    (text.get(..end).unwrap_or(text).to_owned(), end < text.len())
}

fn of_body(reply: &Message, each: &mut dyn FnMut(Came<'_>)) -> Form {
    let kind = match stream::Kind::of(reply.header("content-type"), None, &reply.body) {
        Cut::Pieces(kind) => kind,
        Cut::Whole | Cut::Undecided => match json_pieces(reply) {
            Some(kind) => kind,
            None => return Form::Whole,
        },
    };
    let encoding =
        reply.header("grpc-encoding").or_else(|| reply.header("connect-content-encoding"));
    let mut decoder = stream::Decoder::new(kind, encoding);
    let mut last = 0;
    for (bytes, at) in pieces(&reply.body, &reply.marks) {
        last = at;
        decoder.feed(bytes, &mut |piece| take(piece, at, each));
    }
    decoder.finish(&mut |piece| take(piece, last, each));
    match kind {
        stream::Kind::Events => Form::Sse,
        stream::Kind::Lines | stream::Kind::Array => Form::Json,
        stream::Kind::EventStream => Form::EventStream,
        stream::Kind::Envelopes | stream::Kind::TextEnvelopes => Form::Envelopes,
    }
}

/// A body that is called JSON and came in pieces of it: Ollama and Gemini stream so.
fn json_pieces(reply: &Message) -> Option<stream::Kind> {
    if reply.marks.len() < 2 {
        return None;
    }
    let text = reply.body.trim_ascii();
    let lines = || text.split(|byte| *byte == b'\n').take(3);
    let is_object = |line: &[u8]| line.trim_ascii().starts_with(b"{\"");
    match text.first() {
        Some(b'[') => Some(stream::Kind::Array),
        Some(b'{') if lines().count() > 1 && lines().all(is_object) => Some(stream::Kind::Lines),
        _ => None,
    }
}

fn take(piece: Piece<'_>, at: i64, each: &mut dyn FnMut(Came<'_>)) {
    let (name, data) = match &piece {
        Piece::Event(event) => {
            ((!event.name.is_empty()).then(|| event.name.to_owned()), event.data.as_bytes())
        }
        Piece::Document(text) => (None, text.as_bytes()),
        Piece::Message(message) => (amazon_name(message), message.payload),
        Piece::Envelope(message) => (message.is_end.then(|| "trailers".to_owned()), message.bytes),
        Piece::Note(words) => (Some("not readable".to_owned()), words.as_bytes()),
    };
    each(Came { sent: false, at, name, data });
}

fn amazon_name(message: &eventstream::Message<'_>) -> Option<String> {
    let named = [":event-type", ":exception-type", ":error-code"];
    named.iter().find_map(|name| message.header(name)).map(str::to_owned)
}

/// What the handshake agreed on.
fn extensions(exchange: &Exchange) -> websocket::Extensions {
    let headers = exchange.reply.as_ref().map(|reply| reply.headers.as_slice());
    let named = headers
        .unwrap_or_default()
        .iter()
        .filter(|(name, _)| name.eq_ignore_ascii_case("sec-websocket-extensions"))
        .map(|(_, value)| value.as_str());
    websocket::Extensions::agreed(&named.collect::<Vec<_>>())
}

/// The messages of a turn: their frames are undone already, and each has its mark. Messages of
/// one instant share it.
fn turn_of(request: &Message, reply: &Message, each: &mut dyn FnMut(Came<'_>)) {
    let mut told = Vec::new();
    for (message, sent) in [(request, true), (reply, false)] {
        for (bytes, at) in pieces(&message.rest, &message.rest_marks) {
            let documents = serde_json::Deserializer::from_slice(bytes)
                .into_iter::<&RawValue>()
                .collect::<Result<Vec<_>, _>>();
            match documents {
                Ok(documents) => {
                    told.extend(documents.iter().map(|json| (at, sent, json.get().as_bytes())));
                }
                Err(_) => told.push((at, sent, bytes)),
            }
        }
    }
    told.sort_by_key(|(at, ..)| *at);
    for (at, sent, data) in told {
        each(Came { sent, at, name: None, data });
    }
}

/// The messages of both sides in the order of their times.
fn frames(
    request: &Message,
    reply: &Message,
    agreed: &websocket::Extensions,
    each: &mut dyn FnMut(Came<'_>),
) {
    let mut told = Vec::new();
    let sides = [
        (request, websocket::Decoder::client(agreed), true),
        (reply, websocket::Decoder::server(agreed), false),
    ];
    for (message, mut decoder, sent) in sides {
        let mut last = 0;
        let mut take = |event: websocket::Event<'_>, at: i64| {
            if let Some((name, data)) = frame(event) {
                told.push((at, sent, name, data));
            }
        };
        for (bytes, at) in pieces(&message.rest, &message.rest_marks) {
            last = at;
            decoder.feed(bytes, &mut |event| take(event, at));
        }
        decoder.finish(&mut |event| take(event, last));
    }
    told.sort_by_key(|(at, ..)| *at);
    for (at, sent, name, data) in told {
        each(Came { sent, at, name, data: &data });
    }
}

fn frame(event: websocket::Event<'_>) -> Option<(Option<String>, Vec<u8>)> {
    match event {
        websocket::Event::Message { kind, data, .. } => {
            let name = (kind == websocket::Kind::Binary).then(|| "binary".to_owned());
            Some((name, data.to_vec()))
        }
        websocket::Event::Ping(data) => Some((Some("ping".to_owned()), data.to_vec())),
        websocket::Event::Pong(data) => Some((Some("pong".to_owned()), data.to_vec())),
        websocket::Event::Close { code, reason } => {
            let code = code.map_or(String::new(), |code| code.to_string());
            Some((Some("close".to_owned()), format!("{code} {reason}").trim().into()))
        }
        websocket::Event::Note(_) | websocket::Event::Wire(_) | websocket::Event::Opaque(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::RawMessage;
    use crate::store::tests::sample::turn;

    fn told(message: &Message) -> (Form, Vec<(i64, Option<String>, String)>) {
        let mut events = Vec::new();
        let form = of_body(message, &mut |came| {
            let text = String::from_utf8_lossy(came.data).into_owned();
            events.push((came.at, came.name, text));
        });
        (form, events)
    }

    #[test]
    fn each_event_has_its_time() {
        let bytes = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n\
                      event: a\ndata: 1\n\ndata: 2\n\n";
        let second = bytes.len() as u64 - 9;
        let raw = RawMessage {
            bytes: bytes.to_vec(),
            marks: vec![(0, 10_000_000), (second, 35_000_000)],
            cut: 0,
        };
        let (form, events) = told(&Message::of(&raw, &turn(0), Side::Upstream));
        assert_eq!(form, Form::Sse);
        let named = |name: &str| Some(name.to_owned());
        let expected =
            [(10_000_000, named("a"), "1".to_owned()), (35_000_000, None, "2".to_owned())];
        assert_eq!(events, expected);
    }

    #[test]
    fn the_messages_of_a_turn_come_in_the_order_of_their_times() {
        let side = |rest: &str, marks: &[(u64, i64)]| Message {
            rest: rest.into(),
            rest_marks: marks.to_vec(),
            ..Message::default()
        };
        let mut seen = Vec::new();
        turn_of(
            &side("{\"a\":1}", &[(0, 5)]),
            &side("{\"b\":2}{\"c\":3}no", &[(0, 7), (14, 9)]),
            &mut |came| {
                seen.push((came.at, came.sent, String::from_utf8_lossy(came.data).into_owned()));
            },
        );
        let expected = [
            (5, true, "{\"a\":1}".to_owned()),
            (7, false, "{\"b\":2}".to_owned()),
            (7, false, "{\"c\":3}".to_owned()),
            (9, false, "no".to_owned()),
        ];
        assert_eq!(seen, expected);
    }

    #[test]
    fn a_long_event_is_cut_between_characters() {
        let (text, cut) = shown("天".repeat(EVENT_BYTES_MAX).as_bytes());
        assert!(cut && text.len() <= EVENT_BYTES_MAX && text.ends_with('天'));
        assert_eq!(shown(b"\xff\x00"), ("2 bytes: ff 00".to_owned(), false));
    }
}
