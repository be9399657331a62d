//! A recorded exchange on a wire: the recordings keep neither framing nor pieces, so each gets
//! others, by its number.

use std::sync::Arc;

use overhear::model::Headers;
use tokio::sync::Notify;

use super::coding::Coding;
use crate::corpus::Row;
use crate::support::chance::Chance;

/// The header that names the exchange.
pub const MARK: &str = "x-replay";

/// An exchange on the wire.
pub struct Case {
    /// Its number, which is also the seed of whatever is drawn by lot.
    pub number: usize,
    pub row: Arc<Row>,
    pub over: Over,
    pub ending: Ending,
    pub request: Body,
    pub reply: Body,
    /// The app has got what it shall get before the end that comes early.
    pub got: Notify,
}

/// The version of HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Over {
    /// With the framings of request and reply.
    Http1(Framing, Framing),
    Http2,
}

/// How the end of a message is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// No body.
    None,
    Length,
    Chunked,
    Close,
}

/// How an exchange ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// As it was recorded.
    Whole,
    /// After so many bytes of the reply. With HTTP/1 the head counts, with HTTP/2 it does not.
    Reply(usize, Cut),
    /// The app hangs up after so many bytes of its request, head and body.
    Request(usize),
}

/// Who ends an exchange early, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// The origin ends the connection in order.
    OriginCloses,
    /// The origin resets the connection, or the stream.
    OriginResets,
    /// The app ends the connection; with HTTP/2 it resets the stream.
    AppCloses,
    /// The app resets the connection.
    AppResets,
}

/// A body as it is sent.
pub struct Body {
    pub coding: Option<Coding>,
    pub bytes: Vec<u8>,
}

impl Case {
    pub fn new(number: usize, row: &Arc<Row>, over: Over) -> Self {
        let chance = &mut Chance::new(number as u64);
        let asked = row.request_body();
        let request = Body::new(request_coding(&asked, chance), asked);
        let reply = Body::of_reply(row, chance);
        let (row, ending, got) = (Arc::clone(row), Ending::Whole, Notify::new());
        Self { number, row, over, ending, request, reply, got }
    }

    /// With framings drawn by lot.
    pub fn http1(number: usize, row: &Arc<Row>) -> Self {
        let mut case = Self::new(number, row, Over::Http2);
        let chance = &mut Chance::new(number as u64 + 1);
        let asks = match case.request.bytes.is_empty() {
            true => Framing::None,
            false if chance.is_one_of(5) => Framing::Chunked,
            false => Framing::Length,
        };
        let tells = match chance.of(0..8) {
            _ if row.method == "HEAD" || matches!(row.status, Some(204 | 304)) => Framing::None,
            0 => Framing::Close,
            1..4 => Framing::Length,
            _ => Framing::Chunked,
        };
        case.over = Over::Http1(asks, tells);
        case
    }

    /// Host and port of the `CONNECT`.
    pub fn address(&self) -> (String, u16) {
        self.row.address()
    }

    /// The origin as it is recorded.
    pub fn origin(&self) -> String {
        match self.address() {
            (host, 443) => format!("https://{host}"),
            (host, port) => format!("https://{host}:{port}"),
        }
    }

    /// How long pieces are at most: small ones only of what is short, lest the test take
    /// minutes.
    pub fn longest_piece(&self, len: usize) -> usize {
        match self.number % 8 {
            0 | 1 => len.max(1),
            2 if len < 4 << 10 => 1,
            3 | 4 => (len / 50).max(10),
            _ => (len / 10).max(100),
        }
    }

    /// The header lines of the request, without those of the framing.
    pub fn request_lines(&self) -> Headers {
        let mut lines: Headers = passed(&self.row.req_headers).cloned().collect();
        lines.push((MARK.to_owned(), self.number.to_string()));
        lines.extend(self.request.coding_line());
        lines
    }

    /// The header lines of the reply, without those of the framing.
    pub fn reply_lines(&self) -> Headers {
        let mut lines: Headers = passed(&self.row.resp_headers).cloned().collect();
        lines.extend(self.reply.coding_line());
        lines
    }
}

impl Body {
    fn new(coding: Option<Coding>, body: Vec<u8>) -> Self {
        let bytes = match coding {
            Some(coding) => coding.encode(&body),
            None => body,
        };
        Self { coding, bytes }
    }

    /// The reply's body as it was sent, where that is known; else in a coding if it had one.
    fn of_reply(row: &Row, chance: &mut Chance) -> Self {
        let body = row.reply().unwrap().body;
        let coding = match row.orig_content_encoding.as_deref() {
            Some("gzip") => match chance.of(0..4) {
                0 => Coding::Zstd,
                1 => Coding::Deflate,
                _ => Coding::Gzip,
            },
            Some("br") => Coding::Brotli,
            _ => return Self { coding: None, bytes: body },
        };
        match row.encoded_reply() {
            Some(bytes) if coding == Coding::Gzip => Self { coding: Some(coding), bytes },
            _ => Self::new(Some(coding), body),
        }
    }

    fn coding_line(&self) -> Option<(String, String)> {
        Some(("content-encoding".to_owned(), self.coding?.word().to_owned()))
    }
}

/// Some apps compress what they send.
fn request_coding(body: &[u8], chance: &mut Chance) -> Option<Coding> {
    match chance.of(0..20) {
        0 if !body.is_empty() => Some(Coding::Gzip),
        1 if !body.is_empty() => Some(Coding::Zstd),
        _ => None,
    }
}

/// Recorded lines, without those that tell of the connection or the framing.
fn passed(headers: &Headers) -> impl Iterator<Item = &(String, String)> {
    const OURS: [&str; 8] = [
        "connection",
        "content-encoding",
        "content-length",
        "host",
        "keep-alive",
        "trailer",
        "transfer-encoding",
        "upgrade",
    ];
    headers.iter().filter(|(name, _)| !OURS.contains(&name.as_str()))
}
