//! Where the data of a chunked body stands among its framing (RFC 9112, section 7.1), so that a
//! secret that a chunk's line cuts can be replaced and the framing stays.

use std::ops::Range;

/// The chunks of a body, as far as they can be followed.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Chunks {
    data: Vec<Range<usize>>,
    end: usize,
}

impl Chunks {
    /// The chunks of `body`, which may be cut anywhere.
    pub(super) fn of(body: &[u8]) -> Self {
        let mut chunks = Self::default();
        while let Some((size, start)) = line(body, chunks.end) {
            let end = start.saturating_add(size).min(body.len());
            chunks.data.push(start..end);
            let behind = body.get(end..).unwrap_or_default();
            chunks.end = end
                + match behind {
                    _ if size == 0 => 0,
                    [b'\r', b'\n', ..] => 2,
                    [b'\n', ..] => 1,
                    _ => 0,
                };
            if size == 0 {
                break;
            }
        }
        chunks
    }

    /// Behind the last chunk: there the trailers begin.
    pub(super) fn end(&self) -> usize {
        self.end
    }

    /// The data of `body`.
    pub(super) fn join(&self, body: &[u8]) -> Vec<u8> {
        self.data.iter().filter_map(|range| body.get(range.clone())).flatten().copied().collect()
    }

    /// Puts `data`, as long as it was, in the place of what is in `body`.
    pub(super) fn write(&self, body: &mut [u8], data: &[u8]) {
        let mut rest = data;
        for range in &self.data {
            let (piece, after) = rest.split_at(range.len().min(rest.len()));
            if let Some(place) = body.get_mut(range.start..range.start + piece.len()) {
                place.copy_from_slice(piece);
            }
            rest = after;
        }
    }
}

/// The size that the line at `start` tells, and where its data begins.
fn line(body: &[u8], start: usize) -> Option<(usize, usize)> {
    let rest = body.get(start..)?;
    let end = memchr::memchr(b'\n', rest)?;
    let digits = rest.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
    let size = std::str::from_utf8(rest.get(..digits)?).ok()?;
    Some((usize::from_str_radix(size, 16).ok()?, start + end + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_is_told_from_framing() {
        for (rule, body, data, behind) in [
            ("two chunks", "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", "abcde", "\r\n"),
            ("an extension", "3;a=b\r\nabc\r\n0\r\n\r\n", "abc", "\r\n"),
            ("bare LF", "3\nabc\n0\n\n", "abc", "\n"),
            ("trailers", "1\r\na\r\n0\r\nA: b\r\n\r\n", "a", "A: b\r\n\r\n"),
            ("cut in a chunk", "5\r\nabc", "abc", ""),
            ("cut in a line", "3\r\nabc\r\n1", "abc", "1"),
            ("no chunks", "{\"a\":1}\n", "", "{\"a\":1}\n"),
            ("nothing", "", "", ""),
        ] {
            let chunks = Chunks::of(body.as_bytes());
            assert_eq!(chunks.join(body.as_bytes()), data.as_bytes(), "{rule}");
            assert_eq!(&body[chunks.end()..], behind, "{rule}");
        }
    }

    #[test]
    fn data_is_put_back_among_the_framing() {
        let mut body = b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n".to_vec();
        Chunks::of(&body).write(&mut body, b"vwxyz");
        assert_eq!(body, b"3\r\nvwx\r\n2\r\nyz\r\n0\r\n\r\n");
    }
}
