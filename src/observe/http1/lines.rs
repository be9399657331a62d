//! Lines that may be cut anywhere.

use memchr::memchr;

/// Gathers one line at a time; a line that lies whole in the input is not copied.
#[derive(Debug, Default)]
pub(super) struct Lines {
    kept: Vec<u8>,
    /// `kept` was handed out: it goes at the next call.
    spent: bool,
}

/// What [`Lines::next`] made of its input.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line<'a> {
    /// A line, without its LF or CR LF.
    Whole(&'a [u8]),
    /// All of the input, and no line end yet.
    Begun,
    /// Longer than it may be.
    TooLong,
}

impl Lines {
    /// The next line and how many bytes of `input` it took. `limit` is the most bytes that the
    /// line may have, its end included, those taken before included too.
    pub(super) fn next<'a>(&'a mut self, input: &'a [u8], limit: usize) -> (Line<'a>, usize) {
        if std::mem::take(&mut self.spent) {
            self.kept.clear();
        }
        let room = limit.saturating_sub(self.kept.len());
        let window = input.get(..room).unwrap_or(input);
        let Some(end) = memchr(b'\n', window) else {
            if window.len() == room {
                self.kept = Vec::new();
                return (Line::TooLong, room);
            }
            self.kept.extend_from_slice(window);
            return (Line::Begun, window.len());
        };
        let (line, _) = window.split_at(end);
        let line = if self.kept.is_empty() {
            line
        } else {
            self.kept.extend_from_slice(line);
            self.spent = true;
            &self.kept
        };
        (Line::Whole(line.strip_suffix(b"\r").unwrap_or(line)), end + 1)
    }

    /// How many bytes of a line have come whose end has not.
    pub(super) fn len(&self) -> usize {
        if self.spent { 0 } else { self.kept.len() }
    }

    /// Whether a line has begun.
    pub(super) fn is_within(&self) -> bool {
        self.len() > 0
    }

    /// Begins a line with bytes that came before.
    pub(super) fn begin(&mut self, start: &[u8]) {
        self.kept.clear();
        self.spent = false;
        self.kept.extend_from_slice(start);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_may_be_as_long_as_the_limit() {
        for (rule, limit, bytes, expected) in [
            ("LF", 3, &b"ab\n"[..], Line::Whole(b"ab")),
            ("CR LF", 3, b"a\r\n", Line::Whole(b"a")),
            ("only one CR goes", 3, b"\r\r\n", Line::Whole(b"\r")),
            ("empty", 3, b"\n", Line::Whole(b"")),
            ("CR alone is text", 3, b"a\rb", Line::TooLong),
            ("too long by one", 2, b"ab\n", Line::TooLong),
            ("begun", 3, b"ab", Line::Begun),
        ] {
            let whole = Lines::default().next(bytes, limit).0 == expected;
            assert!(whole, "{rule}");
            let mut lines = Lines::default();
            let (last, before) = bytes[..bytes.len().min(limit)].split_last().unwrap();
            for byte in before {
                assert_eq!(lines.next(&[*byte], limit), (Line::Begun, 1), "{rule}");
            }
            assert_eq!(lines.next(&[*last], limit), (expected, 1), "{rule}, cut");
        }
    }
}
