#![cfg(test)]
//! Reads recorded bytes as the recorder would: claims the request, decodes the reply's
//! framing in pieces, hands the frames to the dialect.

use jiff::{SignedDuration, Timestamp};
use overhear::dialect::{self, Asked, Decoded, Frame, Grown, Progress, Reading, Spoken};
use overhear::model::Headers;
use overhear::observe::stream::{self, Cut, Kind, Piece};
use serde::Deserialize;

/// One half of an exchange as it was on the wire, content coding undone.
#[derive(Clone)]
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
    let mut notes = Vec::new();
    if let Some(reply) = reply {
        notes = read_reply(reading.as_mut(), reply, piece, &mut follow);
    }
    let is_complete = reading.is_complete();
    let mut decoded = reading.finish();
    decoded.notes.append(&mut notes);
    Some(Read { dialect: dialect.name(), operation, is_complete, decoded, followed })
}

fn read_reply(
    reading: &mut dyn Reading,
    reply: &Wire,
    piece: usize,
    follow: &mut dyn FnMut(Grown<'_>),
) -> Vec<String> {
    let mut notes = Vec::new();
    let mut at = Timestamp::UNIX_EPOCH;
    let (status, headers) = (reply.status(), &reply.headers);
    reading.reply(Frame::Head { status, headers }, at, follow);
    let Some(kind) = kind(reading, reply) else {
        reading.reply(Frame::Body { body: &reply.body, status }, at, follow);
        return notes;
    };
    let encoding =
        reply.header("grpc-encoding").or_else(|| reply.header("connect-content-encoding"));
    let mut decoder = stream::Decoder::new(kind, encoding);
    let mut take = |piece: Piece<'_>| {
        let frame = match piece {
            Piece::Event(event) => Frame::Event(event),
            Piece::Document(text) => Frame::Document(text),
            Piece::Message(message) => Frame::Message(message),
            Piece::Envelope(message) => Frame::Envelope(message),
            Piece::Note(note) => return notes.push(note.to_owned()),
        };
        at += SignedDuration::from_millis(1);
        reading.reply(frame, at, follow);
    };
    for piece in reply.body.chunks(piece) {
        decoder.feed(piece, &mut take);
    }
    decoder.finish(&mut take);
    notes
}

/// How the reply comes, if in pieces.
fn kind(reading: &dyn Reading, reply: &Wire) -> Option<Kind> {
    let content_type = reply.header("content-type");
    match Kind::of(content_type, reading.cut(), &reply.body) {
        Cut::Pieces(kind) => Some(kind),
        Cut::Whole | Cut::Undecided => None,
    }
}

/// A message of a WebSocket, as a line of `socket.jsonl` has it.
#[derive(Deserialize)]
pub struct Said {
    /// `app` or `provider`.
    pub from: String,
    /// The message, if it is text.
    pub text: Option<String>,
    /// The message, if it is binary; also given as text.
    pub binary: Option<String>,
}

/// Reads the exchanges of a WebSocket; `None` if no dialect claims it. The nth message comes
/// after n milliseconds.
pub fn converse(asked: &Asked<'_>, messages: &[Said]) -> Option<Vec<Read>> {
    let (dialect, operation) = dialect::claim(asked)?;
    assert_eq!(operation, "connect");
    let mut conversation = dialect.converse(asked)?;
    let mut open: Vec<(dialect::Turn, String)> = Vec::new();
    let mut read = Vec::new();
    let mut at = Timestamp::UNIX_EPOCH;
    let take = |is_complete, followed, decoded| Read {
        dialect: dialect.name(),
        operation,
        is_complete,
        followed,
        decoded,
    };
    for message in messages {
        at += SignedDuration::from_millis(1);
        let spoken = match (&message.text, &message.binary) {
            (Some(text), _) => Spoken::Text(text),
            (None, Some(bytes)) => Spoken::Binary(bytes.as_bytes()),
            (None, None) => panic!("a message has `text` or `binary`"),
        };
        let mut words = String::new();
        let turn = match message.from.as_str() {
            "app" => conversation.sent(spoken, at),
            _ => conversation.received(spoken, at, &mut |grown| {
                if let Grown::Text(grown) = grown {
                    words.push_str(grown);
                }
            }),
        };
        match open.iter_mut().find(|(had, _)| *had == turn) {
            Some((_, followed)) => followed.push_str(&words),
            None => open.push((turn, words)),
        }
        conversation.peek(turn);
        open.retain(|(turn, followed)| {
            if conversation.progress(*turn) != Progress::Over {
                return true;
            }
            read.push(take(true, followed.clone(), conversation.finish(*turn)));
            false
        });
    }
    for (turn, followed) in open {
        read.push(take(false, followed, conversation.finish(turn)));
    }
    Some(read)
}
