//! What follows a head: RFC 9112, § 6.3, in its order.

use super::head::{Headers, Start, values};
use super::note::Note;

/// What follows a head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// No body: the message ends with its head.
    Empty,
    /// This many bytes, at least one.
    Length(u64),
    /// Chunks and trailers.
    Chunked,
    /// All bytes up to the end of the connection.
    UntilClose,
    /// No body, and the bytes after the head are no longer HTTP/1: a reply of status 101, or of
    /// 2xx to `CONNECT`.
    Opaque,
}

/// The kinds of request whose replies are framed differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    Head,
    Connect,
    Other,
}

impl Asked {
    pub(super) fn by(method: &str) -> Self {
        match method {
            "HEAD" => Self::Head,
            "CONNECT" => Self::Connect,
            _ => Self::Other,
        }
    }
}

/// The only place that decides how a message is framed. `asked` matters to replies alone.
pub(super) fn decide(start: &Start, headers: &Headers, asked: Asked) -> (Framing, Option<Note>) {
    if let Start::Reply { status, .. } = start {
        match (status, asked) {
            (101, _) | (200..=299, Asked::Connect) => return (Framing::Opaque, None),
            (100..=199 | 204 | 304, _) | (_, Asked::Head) => return (Framing::Empty, None),
            _ => {}
        }
    }
    let codings: Vec<&str> = values(headers, "transfer-encoding")
        .flat_map(|value| value.split(','))
        .map(|coding| coding.split(';').next().unwrap_or_default().trim())
        // Dropped from HTTP/1.1 in 1999 (RFC 2616), sent by some to this day.
        .filter(|coding| !coding.is_empty() && !coding.eq_ignore_ascii_case("identity"))
        .collect();
    let mut lengths = values(headers, "content-length").flat_map(|value| value.split(','));
    if let Some(last) = codings.last() {
        let has_length = lengths.next().is_some();
        let coded = codings.iter().any(|coding| !is_chunked(coding));
        return match (is_chunked(last), start) {
            (true, _) if coded => (Framing::Chunked, Some(Note::TransferCoded)),
            (true, _) if has_length => (Framing::Chunked, Some(Note::LengthIgnored)),
            (true, _) => (Framing::Chunked, None),
            (false, Start::Request { .. }) => (Framing::UntilClose, Some(Note::EndUnknown)),
            (false, Start::Reply { .. }) => (Framing::UntilClose, Some(Note::TransferCoded)),
        };
    }
    match (lengths.next().map(length), start) {
        (None, Start::Request { .. }) => (Framing::Empty, None),
        (None, Start::Reply { .. }) => (Framing::UntilClose, None),
        (Some(Some(first)), _) if lengths.all(|other| length(other) == Some(first)) => {
            let framing = if first == 0 { Framing::Empty } else { Framing::Length(first) };
            (framing, None)
        }
        (Some(_), _) => (Framing::UntilClose, Some(Note::LengthGarbled)),
    }
}

fn is_chunked(coding: &str) -> bool {
    coding.eq_ignore_ascii_case("chunked")
}

fn length(value: &str) -> Option<u64> {
    let digits = value.trim();
    if !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(lines: &[(&str, &str)]) -> Headers {
        lines.iter().map(|(n, v)| (String::from(*n), String::from(*v))).collect()
    }

    #[test]
    fn both_sides() {
        use Framing::{Chunked, Empty, Length, UntilClose};
        let request = Start::Request { method: "POST".into(), target: "/".into() };
        let reply = Start::Reply { status: 200, reason: String::new() };
        for (rule, lines, of_request, of_reply) in [
            ("nothing", &[][..], (Empty, None), (UntilClose, None)),
            ("a length", &[("content-LENGTH", "5")], (Length(5), None), (Length(5), None)),
            ("a length of 0", &[("Content-Length", "0")], (Empty, None), (Empty, None)),
            (
                "the same length again",
                &[("Content-Length", "5"), ("Content-Length", " 5, 05")],
                (Length(5), None),
                (Length(5), None),
            ),
            (
                "lengths that differ",
                &[("Content-Length", "5"), ("Content-Length", "6")],
                (UntilClose, Some(Note::LengthGarbled)),
                (UntilClose, Some(Note::LengthGarbled)),
            ),
            (
                "a negative length",
                &[("Content-Length", "-5")],
                (UntilClose, Some(Note::LengthGarbled)),
                (UntilClose, Some(Note::LengthGarbled)),
            ),
            (
                "an empty length",
                &[("Content-Length", "")],
                (UntilClose, Some(Note::LengthGarbled)),
                (UntilClose, Some(Note::LengthGarbled)),
            ),
            (
                "a length beyond 64 bits",
                &[("Content-Length", "18446744073709551616")],
                (UntilClose, Some(Note::LengthGarbled)),
                (UntilClose, Some(Note::LengthGarbled)),
            ),
            ("chunked", &[("Transfer-Encoding", "chunked")], (Chunked, None), (Chunked, None)),
            (
                "chunked in odd case, with a parameter",
                &[("transfer-encoding", " Chunked;q=1 ")],
                (Chunked, None),
                (Chunked, None),
            ),
            (
                "chunked holds over a length",
                &[("Content-Length", "5"), ("Transfer-Encoding", "chunked")],
                (Chunked, Some(Note::LengthIgnored)),
                (Chunked, Some(Note::LengthIgnored)),
            ),
            (
                "gzip within chunked",
                &[("Transfer-Encoding", "gzip, chunked")],
                (Chunked, Some(Note::TransferCoded)),
                (Chunked, Some(Note::TransferCoded)),
            ),
            (
                "on two lines",
                &[("Transfer-Encoding", "gzip"), ("Transfer-Encoding", "chunked")],
                (Chunked, Some(Note::TransferCoded)),
                (Chunked, Some(Note::TransferCoded)),
            ),
            (
                "chunked not last",
                &[("Transfer-Encoding", "chunked, gzip")],
                (UntilClose, Some(Note::EndUnknown)),
                (UntilClose, Some(Note::TransferCoded)),
            ),
            (
                "identity is nothing",
                &[("Transfer-Encoding", "identity"), ("Content-Length", "5")],
                (Length(5), None),
                (Length(5), None),
            ),
        ] {
            let headers = headers(lines);
            assert_eq!(decide(&request, &headers, Asked::Other), of_request, "{rule}, request");
            assert_eq!(decide(&reply, &headers, Asked::Other), of_reply, "{rule}, reply");
        }
    }

    #[test]
    fn replies_by_status_and_method() {
        let headers = headers(&[("Content-Length", "5")]);
        for (rule, status, asked, expected) in [
            ("200", 200, Asked::Other, Framing::Length(5)),
            ("204 has no body", 204, Asked::Other, Framing::Empty),
            ("304 has no body", 304, Asked::Other, Framing::Empty),
            ("100 has no body", 100, Asked::Other, Framing::Empty),
            ("HEAD has no body", 200, Asked::Head, Framing::Empty),
            ("an error to HEAD has none", 404, Asked::Head, Framing::Empty),
            ("101 ends HTTP/1", 101, Asked::Other, Framing::Opaque),
            ("200 to CONNECT ends HTTP/1", 200, Asked::Connect, Framing::Opaque),
            ("204 to CONNECT too", 204, Asked::Connect, Framing::Opaque),
            ("407 to CONNECT has a body", 407, Asked::Connect, Framing::Length(5)),
        ] {
            let start = Start::Reply { status, reason: String::new() };
            assert_eq!(decide(&start, &headers, asked), (expected, None), "{rule}");
        }
    }
}
