#![cfg(test)]
//! Reads recorded bytes as the recorder would: claims the request, decodes the reply's
//! framing in pieces, hands the frames to the dialect.

use jiff::{SignedDuration, Timestamp};
use overhear::dialect::{self, Asked, Decoded, Frame, Grown};
use overhear::model::Headers;
use overhear::observe::sse;

/// One half of an exchange as it was on the wire, content coding undone.
pub struct Wire {
    /// The request line or the status line.
    pub line: String,
    /// Header lines.
    pub headers: Headers,
    /// The body, to the end of the file.
    pub body: Vec<u8>,
}

impl Wire {
    /// Splits `bytes` at the empty line.
    pub fn parse(bytes: &[u8]) -> Self {
        let at = bytes
            .windows(4)
            .position(|four| four == b"\r\n\r\n")
            .expect("a head ends with an empty line");
        let head = std::str::from_utf8(&bytes[..at]).expect("a head is text");
        let mut lines = head.split("\r\n");
        Self {
            line: lines.next().unwrap_or_default().to_owned(),
            headers: lines
                .map(|line| line.split_once(": ").expect("a header has a colon"))
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
            body: bytes[at + 4..].to_vec(),
        }
    }

    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(had, _)| had.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// The status of a status line.
    pub fn status(&self) -> u16 {
        let status = self.line.split(' ').nth(1).expect("a status line");
        status.parse().expect("a status")
    }
}

/// What was read of one exchange.
#[derive(Debug, PartialEq)]
pub struct Read {
    /// The dialect.
    pub dialect: &'static str,
    /// The operation.
    pub operation: &'static str,
    /// Whether the answer came to its end.
    pub is_complete: bool,
    /// The answer's words as they were told while it grew.
    pub followed: String,
    /// The exchange.
    pub decoded: Decoded,
}

/// Reads an exchange, its reply in pieces of `piece` bytes; `None` if no dialect claims it.
///
/// The nth event comes after n milliseconds, however it is cut.
pub fn read(asked: &Asked<'_>, reply: Option<&Wire>, piece: usize) -> Option<Read> {
    let (dialect, operation) = dialect::claim(asked)?;
    let mut reading = dialect.begin(asked);
    let mut followed = String::new();
    let mut follow = |grown: Grown<'_>| {
        if let Grown::Text(words) = grown {
            followed.push_str(words);
        }
    };
    match reply {
        Some(reply) if is_stream(reply) => {
            let mut decoder = sse::Decoder::new();
            let mut at = Timestamp::UNIX_EPOCH;
            let mut dispatch = |dispatched: sse::Dispatch<'_>| {
                at += SignedDuration::from_millis(1);
                reading.reply(Frame::Event(dispatched.event), at, &mut follow);
            };
            for piece in reply.body.chunks(piece) {
                decoder.feed(piece, &mut dispatch);
            }
            decoder.finish(&mut dispatch);
        }
        Some(reply) => {
            let body = Frame::Body { body: &reply.body, status: reply.status() };
            reading.reply(body, Timestamp::UNIX_EPOCH, &mut follow);
        }
        None => {}
    }
    Some(Read {
        dialect: dialect.name(),
        operation,
        is_complete: reading.is_complete(),
        decoded: reading.finish(),
        followed,
    })
}

/// By its type, or by its first bytes: some recordings have no type.
fn is_stream(reply: &Wire) -> bool {
    let body = reply.body.trim_ascii_start();
    let begins = |start: &[u8]| body.starts_with(start);
    match reply.header("content-type") {
        Some(kind) if kind.contains("event-stream") => !begins(b"{"),
        _ => begins(b"data:") || begins(b"event:") || begins(b": "),
    }
}
