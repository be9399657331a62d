//! What stands in a secret's place where no byte may move.

use std::iter::repeat_n;
use std::ops::Range;

use super::found::Sighting;

/// Shortest mark with a hash in it, `<12345678..>`; a shorter place is filled with stars.
const HASHED_FROM: usize = 12;

/// Digits of the hash in a mark.
const HASH_DIGITS: usize = 8;

/// Longest part of a mark before its padding: a bound for looking back from a byte to the
/// mark's `<`. Header names longer than this do not occur as kinds, see [`kind`].
const HEAD_BYTES_MAX: usize = 96;

/// Longest kind, so that a mark's head keeps to [`HEAD_BYTES_MAX`].
const KIND_BYTES_MAX: usize = 64;

/// `name` as the kind of a fingerprint: lower case, nothing that JSON, SSE or a mark gives a
/// meaning to.
pub(super) fn kind(name: &[u8]) -> String {
    name.iter()
        .take(KIND_BYTES_MAX)
        .map(|byte| match byte.to_ascii_lowercase() {
            plain @ (b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_') => char::from(plain),
            _ => '-',
        })
        .collect()
}

/// `fingerprint` (`<kind:hash..last4>`) as exactly `len` ASCII bytes: padded with dots before
/// its `>`, or without its kind, or without its last four, or mere stars.
pub(super) fn sized(fingerprint: &str, len: usize) -> Vec<u8> {
    let inner = fingerprint.trim_start_matches('<').trim_end_matches('>').as_bytes();
    let after_kind = inner
        .iter()
        .rposition(|byte| *byte == b':')
        .and_then(|colon| inner.get(colon + 1..))
        .unwrap_or(inner);
    let hash = after_kind.get(..10).unwrap_or(after_kind);
    let fits = |text: &&[u8]| text.len() + 2 <= len;
    match [inner, after_kind, hash].into_iter().find(fits) {
        Some(text) if len >= HASHED_FROM => [b'<']
            .into_iter()
            .chain(text.iter().copied())
            .chain(repeat_n(b'.', len - 2 - text.len()))
            .chain([b'>'])
            .collect(),
        _ => vec![b'*'; len],
    }
}

/// Whether `bytes` are a mark, whole: a fingerprint of any length, or stars.
pub(super) fn is_mark(bytes: &[u8]) -> bool {
    match bytes {
        [b'<', inner @ .., b'>'] => {
            inner.iter().all(|byte| is_inner(*byte) || *byte == b'\r' || *byte == b'\n')
                && inner.windows(2).any(|pair| pair == b"..")
        }
        [] => false,
        stars => stars.iter().all(|byte| *byte == b'*'),
    }
}

/// A mark that stands in a text.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Standing<'a> {
    /// The hash in it.
    Hash(&'a [u8]),
    /// So many stars.
    Stars(usize),
}

impl Standing<'_> {
    /// Whether `sighting` left it.
    pub fn is_of(&self, sighting: &Sighting) -> bool {
        match self {
            Self::Hash(hash) => {
                let fingerprint = sighting.fingerprint.to_string();
                fingerprint.rsplit(':').next().is_some_and(|end| end.as_bytes().starts_with(hash))
            }
            Self::Stars(count) => sighting.length < HASHED_FROM && sighting.length == *count,
        }
    }
}

/// The marks in `text`, in order.
pub(super) fn all(text: &[u8]) -> impl Iterator<Item = Standing<'_>> {
    let mut at = 0;
    std::iter::from_fn(move || {
        loop {
            let rest = text.get(at..)?;
            let next = memchr::memchr2(b'<', b'*', rest)?;
            let rest = rest.get(next..)?;
            let stars = rest.iter().take_while(|byte| **byte == b'*').count();
            at += next + stars.max(1);
            if stars > 0 {
                return Some(Standing::Stars(stars));
            }
            let inner = rest.get(1..)?;
            let head = inner.iter().take(HEAD_BYTES_MAX).take_while(|byte| is_inner(**byte));
            let head = inner.get(..head.count()).unwrap_or_default();
            let end = memchr::memmem::find(head, b"..").unwrap_or(0);
            let before = head.get(..end).unwrap_or_default();
            let hash = before.rsplit(|byte| *byte == b':').next().unwrap_or_default();
            if hash.len() == HASH_DIGITS && hash.iter().all(u8::is_ascii_hexdigit) {
                return Some(Standing::Hash(hash));
            }
        }
    })
}

/// Whether a mark and `range` have bytes in common: what we wrote is not written over.
pub(super) fn touches(bytes: &[u8], range: &Range<usize>) -> bool {
    let from = range.start.saturating_sub(HEAD_BYTES_MAX);
    let Some(around) = bytes.get(from..) else {
        return false;
    };
    let until = range.end - from;
    let mut at = 0;
    while let Some(open) = around.get(at..until).and_then(|rest| memchr::memchr(b'<', rest)) {
        let open = at + open;
        let rest = around.get(open..).unwrap_or_default();
        // Dots of padding may be many, a head is not: the `..` comes within it.
        let head = rest.get(..rest.len().min(HEAD_BYTES_MAX)).unwrap_or(rest);
        let stop = head.iter().skip(1).position(|byte| !is_inner(*byte));
        let close = stop.map(|stop| stop + 1);
        let mark = match close {
            Some(close) if head.get(close) == Some(&b'>') => {
                is_mark(rest.get(..=close).unwrap_or_default()).then_some(open + close)
            }
            Some(_) => None,
            None => Some(open + head.len()).filter(|_| head.ends_with(b"....")),
        };
        if mark.is_some_and(|last| from + last >= range.start) {
            return true;
        }
        at = open + 1;
    }
    false
}

fn is_inner(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b':' | b'-' | b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    const FULL: &str = "<authorization:0123abcd..wxyz>";

    #[test]
    fn a_mark_has_the_length_asked_for() {
        for (rule, len, expected) in [
            ("as it is", 30, FULL),
            ("padded", 33, "<authorization:0123abcd..wxyz...>"),
            ("the kind goes first", 29, "<0123abcd..wxyz.............>"),
            ("then the last four", 15, "<0123abcd.....>"),
            ("the shortest", 12, "<0123abcd..>"),
            ("then stars", 11, "***********"),
            ("nothing", 0, ""),
        ] {
            let mark = sized(FULL, len);
            assert_eq!(String::from_utf8(mark.clone()).unwrap(), expected, "{rule}");
            assert_eq!(is_mark(&mark), len > 0, "{rule}");
        }
    }

    #[test]
    fn what_is_no_mark_is_told() {
        for text in ["", "secret", "<b>", "<a href=..>", "*a*", "<..", "..>"] {
            assert!(!is_mark(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn the_marks_of_a_text_are_found() {
        use Standing::{Hash, Stars};
        for (rule, text, expected) in [
            ("whole", FULL, vec![Hash(b"0123abcd")]),
            ("padded", "a <key:0123abcd..wxyz....> b", vec![Hash(b"0123abcd")]),
            ("short", "<0123abcd..>", vec![Hash(b"0123abcd")]),
            ("stars", "password=*********;", vec![Stars(9)]),
            ("two", "<0123abcd..><1123abcd..>", vec![Hash(b"0123abcd"), Hash(b"1123abcd")]),
            ("tags", "<b> <a:b..> <0123abcx..>", vec![]),
            ("at the end", "<", vec![]),
        ] {
            assert_eq!(all(text.as_bytes()).collect::<Vec<_>>(), expected, "{rule}");
        }
    }

    #[test]
    fn a_range_in_a_mark_touches_it() {
        let text = format!("abc {FULL} def <b> ghi");
        let bytes = text.as_bytes();
        for (rule, range, expected) in [
            ("before", 0..3, false),
            ("up to its first byte", 0..4, false),
            ("over its first byte", 0..5, true),
            ("inside", 10..20, true),
            ("over its last byte", 33..36, true),
            ("after", 34..38, false),
            ("no mark", 39..42, false),
        ] {
            assert_eq!(touches(bytes, &range), expected, "{rule}");
        }
    }
}
