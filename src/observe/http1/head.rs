//! Heads: the start line and the header lines.

use super::{Framing, framing};

/// Header lines in the order and case in which they were sent, repeated names included.
///
/// Bytes that are not UTF-8 are read as Latin-1, a character a byte; folded lines are joined
/// with one space; a line without a colon is a name with an empty value.
pub type Headers = Vec<(String, String)>;

/// The head of a request or reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// What the start line says.
    pub start: Start,
    /// As sent, such as `HTTP/1.1`.
    pub version: String,
    /// The header lines.
    pub headers: Headers,
    /// What follows the head.
    pub framing: Framing,
}

/// What a start line says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Start {
    /// Of a request.
    Request {
        /// In the case in which it was sent.
        method: String,
        /// A path and query, an absolute URI, `host:port` or `*`, as sent.
        target: String,
    },
    /// Of a reply.
    Reply {
        /// Three digits.
        status: u16,
        /// Such as `OK`; empty if there is none.
        reason: String,
    },
}

impl Head {
    /// The values of the header lines named `name`, in any case, in order.
    pub fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        values(&self.headers, name)
    }
}

/// The values of the lines named `name`, in any case, in order.
pub(super) fn values<'a>(headers: &'a Headers, name: &'a str) -> impl Iterator<Item = &'a str> {
    headers
        .iter()
        .filter(move |(key, _)| key.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.as_str())
}

/// A head whose end has not come.
#[derive(Debug)]
pub(super) struct Draft {
    pub(super) start: Start,
    version: String,
    pub(super) headers: Headers,
    /// Bytes so far, line ends included.
    pub(super) bytes: usize,
}

impl Draft {
    /// Begins a head with its start line, of `bytes` bytes on the wire.
    pub(super) fn begin(start: Start, version: String, bytes: usize) -> Self {
        Self { start, version, headers: Headers::new(), bytes }
    }

    /// Ends the head.
    pub(super) fn finish(self, asked: framing::Asked) -> (Head, Option<super::Note>) {
        let (framing, note) = framing::decide(&self.start, &self.headers, asked);
        let Self { start, version, headers, .. } = self;
        (Head { start, version, headers, framing }, note)
    }
}

/// Adds a header line that is not empty.
pub(super) fn add_line(headers: &mut Headers, line: &[u8]) {
    if let ([b' ' | b'\t', ..], Some((_, value))) = (line, headers.last_mut()) {
        let more = text(line.trim_ascii());
        if !value.is_empty() && !more.is_empty() {
            value.push(' ');
        }
        value.push_str(&more);
        return;
    }
    let mut parts = line.splitn(2, |b| *b == b':');
    let name = parts.next().unwrap_or_default();
    let value = parts.next().unwrap_or_default();
    headers.push((text(name.trim_ascii()), text(value.trim_ascii())));
}

/// Reads `METHOD target HTTP/x.y`.
pub(super) fn request_line(line: &[u8]) -> Option<(Start, String)> {
    let line = line.trim_ascii_end();
    let space = line.iter().position(u8::is_ascii_whitespace)?;
    let (method, rest) = line.split_at(space);
    let rest = rest.trim_ascii_start();
    // The last word, not the third: some apps leave spaces in the target.
    let space = rest.iter().rposition(u8::is_ascii_whitespace)?;
    let (target, version) = rest.split_at(space);
    let (target, version) = (target.trim_ascii_end(), version.trim_ascii_start());
    if method.is_empty() || !method.iter().all(|b| is_method_byte(*b)) || !is_version(version) {
        return None;
    }
    let start = Start::Request { method: text(method), target: text(target) };
    Some((start, text(version)))
}

/// Reads `HTTP/x.y 200 reason`; the reason and the space before it may be missing.
pub(super) fn status_line(line: &[u8]) -> Option<(Start, String)> {
    let space = line.iter().position(u8::is_ascii_whitespace)?;
    let (version, rest) = line.split_at(space);
    let (digits, reason) = rest.trim_ascii_start().split_at_checked(3)?;
    let ends = reason.first().is_none_or(u8::is_ascii_whitespace);
    if !is_version(version) || !ends || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let status = std::str::from_utf8(digits).ok()?.parse().ok()?;
    let start = Start::Reply { status, reason: text(reason.trim_ascii()) };
    Some((start, text(version)))
}

/// Whether `byte` may stand in a method (RFC 9110's `tchar`).
pub(super) fn is_method_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// `HTTP/` in any case, and something that looks like a version: any peer that took it as
/// HTTP/1 has framed it so.
fn is_version(word: &[u8]) -> bool {
    word.split_at_checked(5).is_some_and(|(name, number)| {
        name.eq_ignore_ascii_case(b"HTTP/")
            && number.first().is_some_and(u8::is_ascii_digit)
            && number.iter().all(|b| b.is_ascii_digit() || *b == b'.')
    })
}

/// UTF-8, else Latin-1: every byte of the wire can be told from it.
fn text(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => bytes.iter().copied().map(char::from).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(line: &[u8]) -> Option<(String, String, String)> {
        match request_line(line)? {
            (Start::Request { method, target }, version) => Some((method, target, version)),
            (Start::Reply { .. }, _) => None,
        }
    }

    #[test]
    fn request_lines() {
        for (rule, line, expected) in [
            ("plain", &b"POST /v1/x?y=z HTTP/1.1"[..], Some(("POST", "/v1/x?y=z", "HTTP/1.1"))),
            (
                "an absolute target",
                b"GET http://a.test/x HTTP/1.0",
                Some(("GET", "http://a.test/x", "HTTP/1.0")),
            ),
            (
                "an authority",
                b"CONNECT a.test:443 HTTP/1.1",
                Some(("CONNECT", "a.test:443", "HTTP/1.1")),
            ),
            ("a method of one's own", b"M-SEARCH * HTTP/1.1", Some(("M-SEARCH", "*", "HTTP/1.1"))),
            ("more spaces", b"GET  /x \t HTTP/1.1 ", Some(("GET", "/x", "HTTP/1.1"))),
            ("a space in the target", b"GET /a b HTTP/1.1", Some(("GET", "/a b", "HTTP/1.1"))),
            ("UTF-8 in the target", "GET /ü HTTP/1.1".as_bytes(), Some(("GET", "/ü", "HTTP/1.1"))),
            ("Latin-1 in the target", b"GET /\xFC HTTP/1.1", Some(("GET", "/ü", "HTTP/1.1"))),
            ("odd versions", b"GET / HTTP/1.7", Some(("GET", "/", "HTTP/1.7"))),
            ("HTTP/0.9 has no head", b"GET /", None),
            ("no version", b"GET / FTP/1.1", None),
            ("no word", b"", None),
            ("a method with a colon", b"Host: a.test HTTP/1.1", None),
            ("no method", b" / HTTP/1.1", None),
        ] {
            let expected = expected.map(|(m, t, v)| (m.to_owned(), t.to_owned(), v.to_owned()));
            assert_eq!(request(line), expected, "{rule}");
        }
    }

    #[test]
    fn status_lines() {
        for (rule, line, expected) in [
            ("plain", &b"HTTP/1.1 200 OK"[..], Some((200, "OK"))),
            ("a reason of several words", b"HTTP/1.1 404 Not  Found", Some((404, "Not  Found"))),
            ("no reason", b"HTTP/1.1 200 ", Some((200, ""))),
            ("no reason and no space", b"HTTP/1.1 200", Some((200, ""))),
            ("more spaces", b"HTTP/1.0  429  Slow down", Some((429, "Slow down"))),
            ("Latin-1 in the reason", b"HTTP/1.1 200 \xE9t\xE9", Some((200, "été"))),
            ("four digits", b"HTTP/1.1 2000 OK", None),
            ("two digits", b"HTTP/1.1 20", None),
            ("no digits", b"HTTP/1.1 OK", None),
            ("another protocol", b"ICY 200 OK", None),
            ("no number in the version", b"HTTP/x 200 OK", None),
        ] {
            let start = status_line(line).map(|(start, _)| start);
            let expected =
                expected.map(|(status, reason)| Start::Reply { status, reason: reason.into() });
            assert_eq!(start, expected, "{rule}");
        }
    }

    #[test]
    fn header_lines() {
        for (rule, lines, expected) in [
            ("plain", &[&b"Host: a.test"[..]][..], &[("Host", "a.test")][..]),
            ("no space, or many", &[b"A:b", b"C: \t d \t"], &[("A", "b"), ("C", "d")]),
            (
                "case, order and repeats stay",
                &[b"b: 1", b"A: 2", b"B: 3"],
                &[("b", "1"), ("A", "2"), ("B", "3")],
            ),
            ("a space before the colon", &[b"A : b"], &[("A", "b")]),
            ("a colon in the value", &[b"A: b:c"], &[("A", "b:c")]),
            ("no value", &[b"A:"], &[("A", "")]),
            ("a folded line", &[b"A: b", b"  c", b"\td"], &[("A", "b c d")]),
            ("a fold after an empty value", &[b"A:", b" c"], &[("A", "c")]),
            ("a fold with nothing before it", &[b" A: b"], &[("A", "b")]),
            ("no colon", &[b"what"], &[("what", "")]),
            ("Latin-1", &[b"A: \xFC"], &[("A", "ü")]),
        ] {
            let mut headers = Headers::new();
            for line in lines {
                add_line(&mut headers, line);
            }
            let expected: Headers =
                expected.iter().map(|(n, v)| (String::from(*n), String::from(*v))).collect();
            assert_eq!(headers, expected, "{rule}");
        }
    }
}
