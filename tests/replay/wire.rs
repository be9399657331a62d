//! A recorded exchange as bytes: the recordings keep neither framing nor pieces, so each gets
//! others, by its number.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use overhear::model::Headers;

use crate::corpus::Row;

/// The header that names the exchange.
pub const MARK: &str = "x-replay";

/// An exchange on the wire.
pub struct Case {
    pub row: Row,
    pub request: Vec<u8>,
    /// The pieces in which the origin sends its reply, each in a TLS record of its own.
    pub reply: Vec<Vec<u8>>,
    pub framing: Framing,
}

/// How the reply's end is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    Length,
    Chunked,
    Close,
}

impl Case {
    pub fn new(number: usize, row: Row) -> Self {
        let framing = match number % 8 {
            0 => Framing::Close,
            1..4 => Framing::Length,
            _ => Framing::Chunked,
        };
        let request = request(number, &row);
        let reply = reply(number / 8, framing, &row);
        Self { row, request, reply, framing }
    }

    /// Host and port of the `CONNECT`.
    pub fn address(&self) -> (&str, u16) {
        let port = self.row.authority().split_once(':').map_or(443, |(_, p)| p.parse().unwrap());
        (self.row.host(), port)
    }
}

fn request(number: usize, row: &Row) -> Vec<u8> {
    let body = row.request_body();
    let mut lines = format!("{} {} HTTP/1.1\r\n", row.method, row.path());
    lines += &format!("host: {}\r\n", row.authority());
    for (name, value) in passed(&row.req_headers) {
        lines += &format!("{name}: {value}\r\n");
    }
    lines += &format!("{MARK}: {number}\r\ncontent-length: {}\r\n\r\n", body.len());
    [lines.as_bytes(), &body].concat()
}

fn reply(number: usize, framing: Framing, row: &Row) -> Vec<Vec<u8>> {
    let (coding, body) = encoded(row);
    let mut head = format!("HTTP/1.1 {} -\r\n", row.status.unwrap());
    for (name, value) in passed(&row.resp_headers) {
        head += &format!("{name}: {value}\r\n");
    }
    if let Some(coding) = coding {
        head += &format!("content-encoding: {coding}\r\n");
    }
    head += &match framing {
        Framing::Length => format!("content-length: {}\r\n\r\n", body.len()),
        Framing::Chunked => "transfer-encoding: chunked\r\n\r\n".to_owned(),
        Framing::Close => "connection: close\r\n\r\n".to_owned(),
    };
    // Small pieces only of small replies, lest the test take minutes.
    let piece = match number % 8 {
        0 | 1 => body.len().max(1),
        2 if body.len() < 2 << 10 => 1,
        3 | 4 if body.len() < 32 << 10 => 7,
        _ => 1000,
    };
    let mut pieces = vec![head.into_bytes()];
    for piece in body.chunks(piece) {
        pieces.push(match framing {
            Framing::Chunked => {
                [format!("{:x}\r\n", piece.len()).as_bytes(), piece, b"\r\n"].concat()
            }
            _ => piece.to_vec(),
        });
    }
    if framing == Framing::Chunked {
        pieces.push(b"0\r\n\r\n".to_vec());
    }
    pieces
}

/// The reply's body in the coding in which it was sent, where that can be had.
fn encoded(row: &Row) -> (Option<&str>, Vec<u8>) {
    let coding = row.orig_content_encoding.as_deref();
    let body = row.reply().unwrap().body;
    match (coding, row.encoded_reply()) {
        (Some(_), Some(encoded)) => (coding, encoded),
        (Some("gzip"), None) => (coding, gzip(&body)),
        _ => (None, body),
    }
}

/// As servers do that stream: what an event needs is out before the next one begins.
fn gzip(body: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    let mut last = 0;
    for (at, two) in body.windows(2).enumerate() {
        if two == b"\n\n" {
            encoder.write_all(&body[last..at + 2]).unwrap();
            encoder.flush().unwrap();
            last = at + 2;
        }
    }
    encoder.write_all(&body[last..]).unwrap();
    encoder.finish().unwrap()
}

/// The names of the header lines at the start of `bytes`, in their order.
pub fn names(bytes: &[u8]) -> Vec<&str> {
    let lines = bytes.split(|byte| *byte == b'\n').skip(1).take_while(|line| *line != b"\r");
    let names = lines.map(|line| line.split(|byte| *byte == b':').next().unwrap());
    names.map(|name| std::str::from_utf8(name).unwrap()).collect()
}

/// Recorded lines, without those that tell of the connection or the framing.
fn passed(headers: &Headers) -> impl Iterator<Item = &(String, String)> {
    const OURS: [&str; 7] = [
        "connection",
        "content-encoding",
        "content-length",
        "host",
        "keep-alive",
        "transfer-encoding",
        "upgrade",
    ];
    headers.iter().filter(|(name, _)| !OURS.contains(&name.to_ascii_lowercase().as_str()))
}
