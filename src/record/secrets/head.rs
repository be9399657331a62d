//! The head of a message as it is on the wire, cut into lines without losing a byte.

use std::ops::Range;

/// A line of a head; a folded one with all its continuations.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// The request line: where its target is.
    Request(Range<usize>),
    /// A header: its name in lower case, and where its value is, white space around it
    /// excluded, folds inside it included.
    Header(String, Range<usize>),
    /// A status line, or what is none of these.
    Other(Range<usize>),
}

/// The lines of `head`, in order, without those that are empty. What follows the empty line
/// that ends a head is one [`Line::Other`].
pub(super) fn lines(head: &[u8]) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut at = 0;
    let mut seen_start = false;
    while at < head.len() {
        let end = line_end(head, at);
        let line = head.get(at..end).unwrap_or_default();
        if matches!(line, b"\n" | b"\r\n") {
            if seen_start {
                if end < head.len() {
                    lines.push(Line::Other(end..head.len()));
                }
                break;
            }
            at = end;
        } else if seen_start {
            let end = folded_end(head, end);
            lines.push(header(head, at..end));
            at = end;
        } else {
            // Trailers and fragments begin with a header.
            seen_start = true;
            lines.push(start(head, at..end).unwrap_or_else(|| header(head, at..end)));
            at = end;
        }
    }
    lines
}

/// A request line or a status line.
fn start(head: &[u8], line: Range<usize>) -> Option<Line> {
    let text = head.get(line.clone())?.trim_ascii_end();
    if text.starts_with(b"HTTP/") {
        return Some(Line::Other(line));
    }
    let first = memchr::memchr(b' ', text)?;
    if first == 0 || text.get(..first)?.contains(&b':') {
        return None;
    }
    let last = memchr::memrchr(b' ', text)?;
    let is_version = text.get(last + 1..)?.starts_with(b"HTTP/");
    let end = if is_version && last > first { last } else { text.len() };
    Some(Line::Request(line.start + first + 1..line.start + end))
}

fn header(head: &[u8], line: Range<usize>) -> Line {
    let text = head.get(line.clone()).unwrap_or_default();
    let Some(colon) = text
        .iter()
        // A pseudo-header's name begins with one.
        .skip(1)
        .position(|byte| *byte == b':')
        .map(|at| at + 1)
    else {
        return Line::Other(line);
    };
    let name = String::from_utf8_lossy(text.get(..colon).unwrap_or_default().trim_ascii())
        .to_ascii_lowercase();
    let value = text.get(colon + 1..).unwrap_or_default();
    let start = line.start + colon + 1 + (value.len() - value.trim_ascii_start().len());
    Line::Header(name, start..start + value.trim_ascii().len())
}

/// The byte after the line that begins at `at`, its end included.
fn line_end(head: &[u8], at: usize) -> usize {
    head.get(at..)
        .and_then(|rest| memchr::memchr(b'\n', rest))
        .map_or(head.len(), |newline| at + newline + 1)
}

/// The byte after the last line that continues the one that ends at `end`.
fn folded_end(head: &[u8], mut end: usize) -> usize {
    while let Some(b' ' | b'\t') = head.get(end) {
        end = line_end(head, end);
    }
    end
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_cut_into_lines() {
        for (rule, head, expected) in [
            ("a request", "GET /a?b HTTP/1.1\r\nA: b\r\n\r\n", &["/a?b", "a=b"][..]),
            ("a status", "HTTP/1.1 200 OK\r\nA: b\r\n\r\n", &["HTTP/1.1 200 OK\r\n", "a=b"]),
            ("bare LF", "GET / HTTP/1.1\nA:b\nC:\n\n", &["/", "a=b", "c="]),
            ("a fold", "GET / HTTP/1.1\r\nA: b\r\n\tc\r\nD: e\r\n", &["/", "a=b\r\n\tc", "d=e"]),
            (
                "a fold of spaces",
                "GET / HTTP/1.1\r\nA: b\r\n \r\nC: d\r\n\r\n",
                &["/", "a=b", "c=d"],
            ),
            ("space before the colon", "GET / HTTP/1.1\r\nA : b\r\n\r\n", &["/", "a=b"]),
            ("an empty line before", "\r\nGET / HTTP/1.1\r\n\r\n", &["/"]),
            ("a space in the target", "GET /a b HTTP/1.1\r\n\r\n", &["/a b"]),
            ("HTTP/0.9", "GET /a\r\n", &["/a"]),
            ("trailers", "A: b\r\nC: d\r\n\r\n", &["a=b", "c=d"]),
            ("cut in a line", "GET / HTTP/1.1\r\nAuthori", &["/", "Authori"]),
            ("what follows", "GET / HTTP/1.1\r\n\r\nbody", &["/", "body"]),
            ("nothing", "", &[]),
        ] {
            let found: Vec<String> = lines(head.as_bytes())
                .into_iter()
                .map(|line| match line {
                    Line::Request(range) | Line::Other(range) => head[range].to_owned(),
                    Line::Header(name, range) => format!("{name}={}", &head[range]),
                })
                .collect();
            assert_eq!(found, expected, "{rule}");
        }
    }
}
