//! A request as it was received.

use http::HeaderMap;
use http::request::Parts;
use serde_json::{Value, json};

/// A request as it was received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// Which connection it came on, counted from 1.
    pub connection: u64,
    /// The name in the TLS handshake; `None` in plain HTTP, or for an address.
    pub sni: Option<String>,
    /// `HTTP/1.1`, `HTTP/2.0` …
    pub version: String,
    /// Its method.
    pub method: String,
    /// Its target as sent; in HTTP/2, path and query.
    pub path: String,
    /// Header lines in the order and case in which they came, repeated names included. In
    /// HTTP/2 repeated names stand together, for hyper sorts them so.
    pub headers: Vec<(String, String)>,
    /// The head's bytes, the empty line included; empty in HTTP/2.
    pub head: Vec<u8>,
    /// The body, the framing undone and the content coding kept. Less than was announced if
    /// the app hung up.
    pub body: Vec<u8>,
}

impl Received {
    /// The value of the first header of that name, whatever its case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// As `GET /__requests` shows it; what is no UTF-8 is shown replaced.
    pub(super) fn to_json(&self) -> Value {
        json!({
            "connection": self.connection,
            "sni": self.sni,
            "version": self.version,
            "method": self.method,
            "path": self.path,
            "headers": self.headers,
            "body": String::from_utf8_lossy(&self.body),
        })
    }

    /// From what hyper parsed, and the head's bytes where there are any.
    pub(super) fn new(connection: u64, sni: Option<String>, parts: &Parts, head: Vec<u8>) -> Self {
        Self {
            connection,
            sni,
            version: format!("{:?}", parts.version),
            method: parts.method.to_string(),
            path: match parts.uri.path_and_query() {
                Some(path) => path.to_string(),
                None => parts.uri.to_string(),
            },
            headers: lines(&head).unwrap_or_else(|| pairs(&parts.headers)),
            head,
            body: Vec::new(),
        }
    }
}

/// How many bytes the head at the start of `bytes` has, and how many it has with its body.
/// The second is the first if the body has no length or is not there whole.
pub(super) fn extent(bytes: &[u8]) -> Option<(usize, usize)> {
    let mut room = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut request = httparse::Request::new(&mut room);
    let httparse::Status::Complete(head) = request.parse(bytes).ok()? else {
        return None;
    };
    let value = |name: &str| {
        let mut lines = request.headers.iter();
        let line = lines.find(|line| line.name.eq_ignore_ascii_case(name))?;
        std::str::from_utf8(line.value).ok()
    };
    let body = bytes.get(head..)?;
    let length = if value("transfer-encoding").is_some() {
        chunked_length(body)
    } else {
        value("content-length").and_then(|length| length.trim().parse().ok())
    };
    Some((head, head + length.unwrap_or(0).min(body.len())))
}

/// Length of a chunked body, its last chunk and trailers included.
fn chunked_length(body: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        let rest = body.get(at..)?;
        let Ok(httparse::Status::Complete((line, size))) = httparse::parse_chunk_size(rest) else {
            return None;
        };
        at += line;
        if size == 0 {
            let mut room = [httparse::EMPTY_HEADER; HEADERS_MAX];
            return match httparse::parse_headers(body.get(at..)?, &mut room) {
                Ok(httparse::Status::Complete((trailers, _))) => Some(at + trailers),
                _ => None,
            };
        }
        at += usize::try_from(size).ok()? + b"\r\n".len();
    }
}

fn lines(head: &[u8]) -> Option<Vec<(String, String)>> {
    let mut room = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut request = httparse::Request::new(&mut room);
    request.parse(head).ok()?.is_complete().then(|| {
        let lines = request.headers.iter();
        lines.map(|line| pair(line.name, line.value)).collect()
    })
}

fn pairs(headers: &HeaderMap) -> Vec<(String, String)> {
    let lines = headers.iter();
    lines.map(|(name, value)| pair(name.as_str(), value.as_bytes())).collect()
}

fn pair(name: &str, value: &[u8]) -> (String, String) {
    (name.to_owned(), String::from_utf8_lossy(value).into_owned())
}

/// As many header lines as hyper itself takes.
const HEADERS_MAX: usize = 100;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_ends_where_its_framing_says() {
        for (rule, request, rest) in [
            ("no body", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "GET /"),
            ("content-length", "POST / HTTP/1.1\r\nCONTENT-length: 3\r\n\r\nabc", "POST"),
            (
                "chunked",
                "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n0\r\n\r\n",
                "POST",
            ),
            (
                "chunked with trailers",
                "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nA: b\r\n\r\n",
                "",
            ),
        ] {
            let bytes = [request, rest].concat();
            let (head, end) = extent(bytes.as_bytes()).expect(rule);
            assert!(bytes[..head].ends_with("\r\n\r\n"), "{rule}");
            assert_eq!(&bytes[end..], rest, "{rule}");
        }
    }

    #[test]
    fn header_lines_keep_their_case_order_and_repetition() {
        let head = b"GET / HTTP/1.1\r\nX-b: 1\r\nhost: h\r\nx-B: 2\r\n\r\n";
        let names: Vec<_> = lines(head).unwrap().into_iter().map(|(n, _)| n).collect();
        assert_eq!(names, ["X-b", "host", "x-B"]);
    }
}
