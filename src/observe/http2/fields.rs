//! Field lists: heads and trailers.

use std::fmt::Write;

/// The fields of a head or of trailers in the order in which they were sent, pseudo-fields such
/// as `:method` and repeated names included.
///
/// Bytes that are not UTF-8 are read as Latin-1, a character a byte.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fields {
    lines: Vec<(String, String)>,
    is_unreadable: bool,
}

impl Fields {
    /// These fields.
    pub fn new(lines: Vec<(String, String)>) -> Self {
        Self { lines, is_unreadable: false }
    }

    /// Fields that were sent and cannot be known.
    pub(super) fn unreadable() -> Self {
        Self { lines: Vec::new(), is_unreadable: true }
    }

    /// Whether there were fields that cannot be known, because a field block of this direction
    /// could not be decoded: there are no lines then.
    pub fn is_unreadable(&self) -> bool {
        self.is_unreadable
    }

    /// All fields, names as sent (that is, lowercase).
    pub fn lines(&self) -> &[(String, String)] {
        &self.lines
    }

    /// The values of the fields named `name`, in any case, in order.
    pub fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.lines
            .iter()
            .filter(move |(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// The value of the first field named `name`, in any case.
    pub fn get<'a>(&'a self, name: &'a str) -> Option<&'a str> {
        self.values(name).next()
    }

    /// The method of a request.
    pub fn method(&self) -> Option<&str> {
        self.get(":method")
    }

    /// Path and query of a request, or `*`; none of a plain `CONNECT`.
    pub fn path(&self) -> Option<&str> {
        self.get(":path")
    }

    /// Such as `https`.
    pub fn scheme(&self) -> Option<&str> {
        self.get(":scheme")
    }

    /// Host and port, if any, of a request: `:authority`, else `host`.
    pub fn authority(&self) -> Option<&str> {
        self.get(":authority").or_else(|| self.get("host"))
    }

    /// What an extended `CONNECT` (RFC 8441) asks for, such as `websocket`.
    pub fn protocol(&self) -> Option<&str> {
        self.get(":protocol")
    }

    /// The status of a reply.
    pub fn status(&self) -> Option<u16> {
        let digits = self.get(":status")?;
        let is_status = digits.len() == 3 && digits.bytes().all(|byte| byte.is_ascii_digit());
        is_status.then(|| digits.parse().ok()).flatten()
    }

    /// The header lines as HTTP/1.1 would have them: what its start line says is left out
    /// (`:method`, `:path`, `:status`, and `:scheme`), `:authority` is `host`, where it stood
    /// and once. Any other pseudo-field stays: `:protocol` is a header of that name.
    pub fn headers(&self) -> impl Iterator<Item = (&str, &str)> {
        let authority = self.get(":authority");
        self.lines.iter().filter_map(move |(name, value)| match name.as_str() {
            ":method" | ":path" | ":scheme" | ":status" => None,
            ":authority" => Some(("host", value.as_str())),
            "host" if authority == Some(value) => None,
            name => Some((name, value.as_str())),
        })
    }

    /// A text that looks as a head of HTTP/1 does, for people: `POST /path HTTP/2` or
    /// `HTTP/2 200`, the [`headers`](Self::headers), an empty line. Trailers have no first line.
    /// Line ends within a value become spaces, so that none can look like a header.
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        if let Some(status) = self.get(":status") {
            push_line(&mut text, format_args!("HTTP/2 {status}"));
        } else if let Some(method) = self.method() {
            let target = self.path().or_else(|| self.authority()).unwrap_or_default();
            push_line(&mut text, format_args!("{method} {target} HTTP/2"));
        }
        for (name, value) in self.headers() {
            push_line(&mut text, format_args!("{name}: {value}"));
        }
        text.push_str("\r\n");
        text
    }

    /// Whether these are the head of a reply of status 1xx.
    pub(super) fn is_interim(&self) -> bool {
        self.status().is_some_and(|status| (100..200).contains(&status))
    }
}

fn push_line(text: &mut String, line: std::fmt::Arguments<'_>) {
    let begin = text.len();
    // Writing to a string cannot fail.
    let _ = text.write_fmt(line);
    let is_end = |character| matches!(character, '\r' | '\n' | '\0');
    if text.get(begin..).is_some_and(|line| line.contains(is_end)) {
        let line = text.split_off(begin).replace(is_end, " ");
        text.push_str(&line);
    }
    text.push_str("\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(lines: &[(&str, &str)]) -> Fields {
        Fields::new(lines.iter().map(|(n, v)| (String::from(*n), String::from(*v))).collect())
    }

    #[test]
    fn texts() {
        for (rule, lines, expected) in [
            (
                "a request",
                &[
                    (":method", "POST"),
                    (":path", "/v1/x?y=z"),
                    (":scheme", "https"),
                    (":authority", "a.test"),
                    ("accept", "*/*"),
                    ("cookie", "a=b"),
                    ("cookie", "c=d"),
                ][..],
                "POST /v1/x?y=z HTTP/2\r\nhost: a.test\r\naccept: */*\r\ncookie: a=b\r\ncookie: c=d\r\n\r\n",
            ),
            (
                "the order stays",
                &[
                    ("b", "1"),
                    (":authority", "a.test"),
                    ("a", "2"),
                    (":method", "GET"),
                    (":path", "/"),
                ],
                "GET / HTTP/2\r\nb: 1\r\nhost: a.test\r\na: 2\r\n\r\n",
            ),
            ("a reply", &[(":status", "200"), ("server", "a")], "HTTP/2 200\r\nserver: a\r\n\r\n"),
            ("trailers", &[("grpc-status", "0")], "grpc-status: 0\r\n\r\n"),
            ("nothing", &[], "\r\n"),
            (
                "an extended CONNECT",
                &[
                    (":method", "CONNECT"),
                    (":protocol", "websocket"),
                    (":path", "/chat"),
                    (":authority", "a.test"),
                ],
                "CONNECT /chat HTTP/2\r\n:protocol: websocket\r\nhost: a.test\r\n\r\n",
            ),
            (
                "a plain CONNECT",
                &[(":method", "CONNECT"), (":authority", "a.test:443")],
                "CONNECT a.test:443 HTTP/2\r\nhost: a.test:443\r\n\r\n",
            ),
            (
                "the same host twice",
                &[(":method", "GET"), (":path", "/"), (":authority", "a.test"), ("host", "a.test")],
                "GET / HTTP/2\r\nhost: a.test\r\n\r\n",
            ),
            (
                "two hosts",
                &[(":method", "GET"), (":path", "/"), (":authority", "a.test"), ("host", "b.test")],
                "GET / HTTP/2\r\nhost: a.test\r\nhost: b.test\r\n\r\n",
            ),
            (
                "line ends in a value",
                &[(":status", "200"), ("a", "b\r\nc: d\0")],
                "HTTP/2 200\r\na: b  c: d \r\n\r\n",
            ),
        ] {
            assert_eq!(fields(lines).to_text(), expected, "{rule}");
        }
    }

    #[test]
    fn single_fields() {
        let request = fields(&[
            (":method", "CONNECT"),
            (":scheme", "https"),
            (":path", "/x"),
            (":protocol", "websocket"),
            ("host", "a.test"),
            ("a", "1"),
            ("A", "2"),
        ]);
        assert_eq!(request.method(), Some("CONNECT"));
        assert_eq!(request.scheme(), Some("https"));
        assert_eq!(request.path(), Some("/x"));
        assert_eq!(request.protocol(), Some("websocket"));
        assert_eq!(request.authority(), Some("a.test"));
        assert_eq!(request.values("a").collect::<Vec<_>>(), ["1", "2"]);
        assert_eq!((request.status(), request.get("b")), (None, None));
        for (status, expected) in [("200", Some(200)), ("20", None), ("+20", None), ("2000", None)]
        {
            assert_eq!(fields(&[(":status", status)]).status(), expected, "{status}");
        }
        assert!(fields(&[(":status", "103")]).is_interim());
        assert!(!fields(&[(":status", "200")]).is_interim());
    }
}
