mod bounds;
mod build;
mod ends;
mod faults;
mod messages;
mod resume;
mod traffic;

use build::*;

use super::Peer::Client;
use super::*;

/// What was sent, in turn.
type Turns = Vec<(Peer, Vec<u8>)>;

/// An event in few words: `>` is the client's, `<` the server's.
fn brief(event: &Event<'_>) -> String {
    let mark = |from: &Peer| if *from == Peer::Client { '>' } else { '<' };
    let lines = |fields: &Fields| {
        if fields.is_unreadable() {
            return "unreadable".to_owned();
        }
        let lines: Vec<String> =
            fields.lines().iter().map(|(name, value)| format!("{name}={value}")).collect();
        lines.join(" ")
    };
    match event {
        Event::Head { from, stream, fields } => {
            format!("{} {stream} Head {}", mark(from), lines(fields))
        }
        Event::Interim { stream, fields } => format!("< {stream} Interim {}", lines(fields)),
        Event::Data { from, stream, bytes } => {
            format!("{} {stream} Data {}", mark(from), bytes.escape_ascii())
        }
        Event::Trailers { from, stream, fields } => {
            format!("{} {stream} Trailers {}", mark(from), lines(fields))
        }
        Event::End { from, stream, how } => format!("{} {stream} {how:?}", mark(from)),
        Event::Reset { from, stream, code } => format!("{} {stream} Reset {code}", mark(from)),
        Event::Push { stream, promised, fields } => {
            format!("< {promised} Push on {stream} {}", lines(fields))
        }
        Event::GoAway { from, last_stream, code, debug } => {
            format!("{} GoAway {last_stream} {code} {}", mark(from), debug.escape_ascii())
        }
        Event::Note { from, stream: Some(stream), note } => {
            format!("{} {stream} Note {note:?}", mark(from))
        }
        Event::Note { from, stream: None, note } => format!("{} Note {note:?}", mark(from)),
        Event::Desynchronised { from, note } => format!("{} Desynchronised {note:?}", mark(from)),
        Event::Opaque { from, bytes } => format!("{} Opaque {}", mark(from), bytes.escape_ascii()),
    }
}

/// The events of `connection`, in few words, pieces of the same kind joined.
fn events(connection: &mut Connection, turns: &Turns, piece: usize) -> Vec<String> {
    let mut told: Vec<String> = Vec::new();
    for (from, bytes) in turns {
        for bytes in bytes.chunks(piece) {
            connection.feed(*from, bytes, &mut |event| add(&mut told, &event));
        }
    }
    told
}

fn add(told: &mut Vec<String>, event: &Event<'_>) {
    let line = brief(event);
    if let (Event::Data { bytes, .. } | Event::Opaque { bytes, .. }, Some(last)) =
        (event, told.last_mut())
    {
        let text = bytes.escape_ascii().to_string();
        let kind = line.strip_suffix(&text).unwrap_or_default();
        if last.starts_with(kind) {
            last.push_str(&text);
            return;
        }
    }
    told.push(line);
}

/// Each case begins after the preface and the first SETTINGS.
fn check(table: &[(&str, Turns, &[&str])]) {
    for (rule, turns, expected) in table {
        let turns = [hello(), turns.clone()].concat();
        assert_eq!(events(&mut Connection::new(), &turns, usize::MAX), *expected, "{rule}");
        let cut = events(&mut Connection::new(), &turns, 1);
        assert_eq!(cut, *expected, "{rule}, one byte at a time");
    }
}

/// A request without a body, on stream 1.
fn get() -> (Peer, Vec<u8>) {
    (Client, frame(HEADERS, WHOLE | END, 1, GET))
}

/// The beginning of a request with one.
fn post() -> (Peer, Vec<u8>) {
    (Client, frame(HEADERS, WHOLE, 1, POST))
}

const GET_TOLD: &str = "> 1 Head :method=GET :path=/ :scheme=https";
const POST_TOLD: &str = "> 1 Head :method=POST :path=/ :scheme=https";
