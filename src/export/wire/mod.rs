//! The bytes of an exchange taken apart: heads, bodies with their codings undone, and when each
//! piece came.

mod events;
mod head;

pub use events::{Came, EVENT_BYTES_MAX, Event, Form, came, events};
pub use head::{Secret, is_fingerprinted, secrets};

use crate::model::{Exchange, Headers};
use crate::observe::coding;
use crate::observe::http1::{self, Closing, Framing};
use crate::store::{RawMessage, Reader, Side, StoreError, UNCODED};

/// One side of an exchange.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Message {
    /// The request line or the status line, as it was sent; of HTTP/2 as it would be.
    pub start: String,
    /// The header lines.
    pub headers: Headers,
    /// What came behind the body.
    pub trailers: Headers,
    /// Bytes on the wire, head and body.
    pub wire_bytes: u64,
    /// Of them, those before the body.
    pub head_bytes: u64,
    /// Bytes that a limit left out.
    pub cut: u64,
    /// Content codings that were undone, such as `gzip`.
    pub coding: Option<String>,
    /// Whether the body came in chunks.
    pub chunked: bool,
    /// The body, codings undone: as much of it as can be read.
    pub body: Vec<u8>,
    /// Where in `body` something came, and when: nanoseconds since the request's first byte.
    pub marks: Vec<(u64, i64)>,
    /// What is behind the head of a handshake, or of bytes that are no HTTP.
    pub rest: Vec<u8>,
    /// As `marks`, of `rest`.
    pub rest_marks: Vec<(u64, i64)>,
    /// What could not be undone.
    pub notes: Vec<String>,
}

impl Message {
    /// Reads one side of the exchange at place `seq`; `None` if it has no bytes.
    pub fn read(
        reader: &Reader,
        seq: i64,
        exchange: &Exchange,
        side: Side,
    ) -> Result<Option<Self>, StoreError> {
        let raw = match is_turn(exchange) {
            true => reader.own_raw(seq, side)?,
            false => reader.raw(seq, side)?,
        };
        Ok(raw.map(|raw| Self::of(&raw, exchange, side)))
    }

    /// Takes `raw` apart.
    pub fn of(raw: &RawMessage, exchange: &Exchange, side: Side) -> Self {
        let which = match side {
            Side::Downstream => "request: ",
            Side::Upstream => "reply: ",
        };
        let is_uncoded =
            exchange.notes.iter().any(|note| note.starts_with(which) && note.contains(UNCODED));
        let mut message = match exchange.http_version == "HTTP/2" || is_uncoded {
            // A turn of a WebSocket has messages, and no head.
            _ if is_turn(exchange) => Self::default(),
            true => Self::of_text(raw),
            false => Self::of_http1(raw, exchange, side),
        };
        if message.start.is_empty() {
            message = Self { rest: raw.bytes.clone(), rest_marks: raw.marks.clone(), ..message };
        }
        if exchange.http_version == "HTTP/2" && !is_uncoded {
            message.undo_coding();
        }
        // HTTP/2 has what comes behind the body among the headers only.
        if exchange.http_version == "HTTP/2"
            && let Some(reply) = exchange.reply.as_ref().filter(|_| side == Side::Upstream)
        {
            message.trailers =
                reply.headers.get(message.headers.len()..).unwrap_or_default().to_vec();
        }
        message.wire_bytes = raw.bytes.len() as u64;
        message.cut = raw.cut;
        message
    }

    /// The first value of a header, in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let had = self.headers.iter().find(|(had, _)| had.eq_ignore_ascii_case(name));
        had.map(|(_, value)| value.as_str())
    }

    /// The body as text, if it is.
    pub fn text(&self) -> Option<&str> {
        std::str::from_utf8(&self.body).ok()
    }

    fn of_http1(raw: &RawMessage, exchange: &Exchange, side: Side) -> Self {
        let mut decoder = match side {
            Side::Downstream => http1::Decoder::requests(),
            Side::Upstream => http1::Decoder::replies(),
        };
        if side == Side::Upstream {
            decoder.asked(&exchange.method);
        }
        let mut open = Open::default();
        for (bytes, at) in timed(raw) {
            decoder.feed(bytes, &mut |event| open.take(event, at));
            if open.is_over && matches!(exchange.status, Some(101)) {
                decoder.upgraded();
            }
        }
        let last = raw.marks.last().map_or(0, |(_, at)| *at);
        decoder.close(Closing::Clean, &mut |event| open.take(event, last));
        let mut message = open.message;
        message.start = first_line(&raw.bytes);
        if message.headers.is_empty() && message.head_bytes == 0 {
            message.start.clear();
        }
        message
    }

    /// A head that is followed by its body as it is: of HTTP/2, or one that was undone before.
    fn of_text(raw: &RawMessage) -> Self {
        let end = match raw.bytes.starts_with(b"\r\n") {
            true => Some(2),
            false => memchr::memmem::find(&raw.bytes, b"\r\n\r\n").map(|at| at + 4),
        };
        let Some((head, body)) = end.and_then(|end| raw.bytes.split_at_checked(end)) else {
            return Self::default();
        };
        let text = String::from_utf8_lossy(head);
        let mut lines = text.split("\r\n");
        let start = lines.next().unwrap_or_default().to_owned();
        let headers = lines.filter_map(|line| {
            // A pseudo-field that stays begins with a colon of its own.
            let colon = line.get(1..)?.find(':')? + 1;
            Some((line.get(..colon)?.to_owned(), line.get(colon + 1..)?.trim().to_owned()))
        });
        let head_end = head.len() as u64;
        let came = |(offset, at): &(u64, i64)| (offset.saturating_sub(head_end), *at);
        Self {
            start,
            headers: headers.collect(),
            head_bytes: head_end,
            body: body.to_vec(),
            marks: raw.marks.iter().map(came).collect(),
            ..Self::default()
        }
    }

    /// Undoes the content coding of a body that is there as it was sent.
    fn undo_coding(&mut self) {
        let Some(coding) = codings(&self.headers) else { return };
        let raw = RawMessage {
            bytes: std::mem::take(&mut self.body),
            marks: std::mem::take(&mut self.marks),
            cut: 0,
        };
        let mut open = Open { message: std::mem::take(self), ..Open::default() };
        open.begin_coding(coding);
        for (bytes, at) in timed(&raw) {
            open.body(bytes, at);
        }
        *self = open.message;
    }
}

/// Whether the exchange is a turn of a WebSocket, and not its handshake.
pub fn is_turn(exchange: &Exchange) -> bool {
    let switched = exchange.status == Some(101) || exchange.method == "CONNECT";
    switched && exchange.operation.as_deref().is_some_and(|operation| operation != "connect")
}

/// A message that is read.
#[derive(Default)]
struct Open {
    message: Message,
    coding: Option<coding::Decoder>,
    is_over: bool,
}

impl Open {
    fn take(&mut self, event: http1::Event<'_>, at: i64) {
        let message = &mut self.message;
        match event {
            http1::Event::Wire(bytes) if message.headers.is_empty() && !self.is_over => {
                message.head_bytes += bytes.len() as u64;
            }
            http1::Event::Head(head) => {
                message.chunked = matches!(head.framing, Framing::Chunked);
                message.headers = head.headers;
                if let Some(coding) = codings(&message.headers) {
                    self.begin_coding(coding);
                }
            }
            http1::Event::Body(bytes) => self.body(bytes, at),
            http1::Event::Trailers(trailers) => message.trailers = trailers,
            http1::Event::End { .. } => self.is_over = true,
            http1::Event::Opaque(bytes) => {
                message.rest_marks.push((message.rest.len() as u64, at));
                message.rest.extend_from_slice(bytes);
            }
            http1::Event::Wire(_) | http1::Event::Interim(_) | http1::Event::Note(_) => {}
        }
    }

    fn begin_coding(&mut self, coding: String) {
        match coding::Decoder::new(&coding) {
            Ok(decoder) => self.coding = Some(decoder),
            Err(error) => self.message.notes.push(error.to_string()),
        }
        self.message.coding = Some(coding);
    }

    fn body(&mut self, bytes: &[u8], at: i64) {
        let Message { body, marks, notes, .. } = &mut self.message;
        let before = body.len() as u64;
        match &mut self.coding {
            None => body.extend_from_slice(bytes),
            Some(decoder) => {
                if let Err(error) = decoder.feed(bytes, &mut |out| body.extend_from_slice(out)) {
                    let words = error.to_string();
                    if !notes.contains(&words) {
                        notes.push(words);
                    }
                }
            }
        }
        if body.len() as u64 > before && marks.last().is_none_or(|(_, last)| *last != at) {
            marks.push((before, at));
        }
    }
}

/// The codings of a body, if there are any.
fn codings(headers: &Headers) -> Option<String> {
    let named = headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("content-encoding"));
    let all: Vec<&str> = named.map(|(_, value)| value.as_str()).collect();
    let all = all.join(", ");
    (!all.is_empty() && !all.eq_ignore_ascii_case("identity")).then_some(all)
}

fn first_line(bytes: &[u8]) -> String {
    let bytes = bytes.trim_ascii_start();
    let end = memchr::memchr2(b'\r', b'\n', bytes).unwrap_or(bytes.len());
    String::from_utf8_lossy(bytes.get(..end).unwrap_or_default()).into_owned()
}

/// Bytes in the pieces in which they came, and when.
fn timed(raw: &RawMessage) -> impl Iterator<Item = (&[u8], i64)> {
    pieces(&raw.bytes, &raw.marks)
}

fn pieces<'a>(bytes: &'a [u8], marks: &'a [(u64, i64)]) -> impl Iterator<Item = (&'a [u8], i64)> {
    let place = |offset: u64| usize::try_from(offset).unwrap_or(usize::MAX).min(bytes.len());
    let first = marks.first().map_or((bytes.len(), 0), |(offset, at)| (place(*offset), *at));
    // What stands before the first mark came with it.
    let begin = std::iter::once((0, first.0, first.1));
    let others = marks.iter().enumerate().map(move |(n, (offset, at))| {
        let to = marks.get(n + 1).map_or(bytes.len(), |(next, _)| place(*next));
        (place(*offset), to, *at)
    });
    begin.chain(others).filter_map(move |(from, to, at)| {
        bytes.get(from..to).filter(|piece| !piece.is_empty()).map(|piece| (piece, at))
    })
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;
    use crate::store::tests::sample::turn;

    fn raw(bytes: &[u8], marks: &[(u64, i64)]) -> RawMessage {
        RawMessage { bytes: bytes.to_vec(), marks: marks.to_vec(), cut: 0 }
    }

    #[test]
    fn chunks_and_codings_are_undone_and_times_stay() {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(b"data: 1\n\n").unwrap();
        let gzip = gzip.finish().unwrap();
        let mut coded =
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Encoding: gzip\r\n\r\n"
                .to_vec();
        let head = coded.len() as u64;
        coded.extend(format!("{:x}\r\n", gzip.len()).bytes());
        coded.extend(&gzip);
        coded.extend(b"\r\n0\r\nX-Sum: 1\r\n\r\n");
        let message = Message::of(&raw(&coded, &[(0, 5), (head, 9)]), &turn(0), Side::Upstream);
        assert_eq!(message.text(), Some("data: 1\n\n"));
        assert_eq!(message.start, "HTTP/1.1 200 OK");
        assert_eq!(message.trailers, [("X-Sum".to_owned(), "1".to_owned())]);
        assert_eq!((message.head_bytes, message.chunked), (head, true));
        assert_eq!(message.coding.as_deref(), Some("gzip"));
        assert_eq!(message.marks, [(0, 9)]);
    }

    #[test]
    fn a_body_that_was_kept_decoded_stays_as_it_is() {
        let mut exchange = turn(0);
        exchange.notes = vec![format!("request: a secret stood there: {UNCODED}")];
        let bytes =
            b"POST / HTTP/1.1\r\nContent-Encoding: br\r\nContent-Length: 9\r\n\r\n{\"a\": 1}";
        let message = Message::of(&raw(bytes, &[]), &exchange, Side::Downstream);
        assert_eq!(message.text(), Some("{\"a\": 1}"));
        assert_eq!(message.start, "POST / HTTP/1.1");
    }

    #[test]
    fn what_is_no_http_stays_whole() {
        let message = Message::of(&raw(b"\x00\x01 no HTTP", &[]), &turn(0), Side::Upstream);
        assert_eq!(
            (message.rest.as_slice(), message.start.as_str()),
            (&b"\x00\x01 no HTTP"[..], "")
        );
    }
}
