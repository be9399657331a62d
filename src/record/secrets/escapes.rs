//! A text with the escapes undone that programs write for plain characters: of JSON
//! (`\u002d`, `\/`, however often escaped) and of URLs (`%2D`).

use std::ops::Range;

/// A text without its escapes, and where each part of it came from.
pub(super) struct Unescaped {
    pub text: Vec<u8>,
    /// For each escape, in order: where its character stands in `text`, and where the escape
    /// ends in the original.
    escapes: Vec<(usize, Range<usize>)>,
}

impl Unescaped {
    /// `None` if there is nothing to undo. `\n`, `\"` and characters beyond ASCII stay: no key
    /// has one, and most texts are full of them.
    pub fn of(bytes: &[u8]) -> Option<Self> {
        // Going from backslash to backslash costs as much as all the rest in a text of
        // `\u4f60\u597d`, in which nothing is to be undone.
        let has = |part: &[u8]| memchr::memmem::find(bytes, part).is_some();
        if !has(b"\\u00") && !has(b"\\/") && !has(b"%") {
            return None;
        }
        let mut plain = Self { text: Vec::new(), escapes: Vec::new() };
        let (mut copied, mut at) = (0, 0);
        while let Some(next) = bytes.get(at..).and_then(|rest| memchr::memchr2(b'\\', b'%', rest)) {
            let start = at + next;
            let rest = bytes.get(start..).unwrap_or_default();
            let (length, escape) = match rest.first() {
                Some(b'%') => (1, percent(rest)),
                _ => json(rest),
            };
            at = start + length;
            if let Some((byte, length)) = escape {
                if plain.escapes.is_empty() {
                    plain.text.reserve(bytes.len());
                }
                plain.text.extend_from_slice(bytes.get(copied..start).unwrap_or_default());
                plain.escapes.push((plain.text.len(), start..start + length));
                plain.text.push(byte);
                at = start + length;
                copied = at;
            }
        }
        plain.text.extend_from_slice(bytes.get(copied..).filter(|_| copied > 0)?);
        Some(plain)
    }

    /// Where `range` of the text came from, the escapes at its ends whole.
    pub fn origin(&self, range: &Range<usize>) -> Range<usize> {
        let start = match self.escapes.partition_point(|(at, _)| *at < range.start) {
            0 => range.start,
            before => self.behind(before - 1, range.start),
        };
        let end = match self.escapes.partition_point(|(at, _)| *at < range.end) {
            0 => range.end,
            before => self.behind(before - 1, range.end),
        };
        start..end
    }

    /// Where the text's byte `at` came from, given the last escape before it.
    fn behind(&self, escape: usize, at: usize) -> usize {
        self.escapes.get(escape).map_or(at, |(of, origin)| origin.end + (at - of - 1))
    }
}

/// An escape of JSON at the head of `rest`: how far to go on if it is none that is undone,
/// its character and its length. All backslashes before the letter belong to it, because an
/// escape that is escaped again has more of them.
fn json(rest: &[u8]) -> (usize, Option<(u8, usize)>) {
    let slashes = rest.iter().take_while(|byte| **byte == b'\\').count();
    let escape = match rest.get(slashes..).unwrap_or_default() {
        [b'/', ..] => Some((b'/', slashes + 1)),
        [b'u', b'0', b'0', high, low, ..] => character(*high, *low).map(|c| (c, slashes + 5)),
        _ => None,
    };
    (slashes + 1, escape)
}

fn percent(rest: &[u8]) -> Option<(u8, usize)> {
    match rest {
        [b'%', high, low, ..] => character(*high, *low).map(|c| (c, 3)),
        _ => None,
    }
}

/// The character of ASCII that two hexadecimal digits mean: a visible one, or white space.
fn character(high: u8, low: u8) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let byte = u8::try_from(digit(high)? << 4 | digit(low)?).ok()?;
    (byte.is_ascii_graphic() || byte.is_ascii_whitespace()).then_some(byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_undone() {
        for (rule, text, expected) in [
            ("JSON", "a\\u002db\\/c", Some("a-b/c")),
            ("escaped twice", "a\\\\u002Db\\\\/c", Some("a-b/c")),
            ("escaped four times", "\\\\\\\\\\\\\\u003d.", Some("=.")),
            ("a URL", "a%2Db%3dc", Some("a-b=c")),
            ("a line's end and a quote stay", "a\\nb\\\"c", None),
            ("beyond ASCII stays", "\\u00e9\\u4f60%E9", None),
            ("the end of a line", "a%0D%0Ab", Some("a\r\nb")),
            ("a control character stays", "\\u0000%00", None),
            ("cut", "\\u00", None),
            ("cut", "%2", None),
            ("at the end", "a\\", None),
            ("nothing", "", None),
            ("beside others", "\\n\\u0041\\n", Some("\\nA\\n")),
        ] {
            let plain = Unescaped::of(text.as_bytes()).map(|plain| plain.text);
            assert_eq!(plain.as_deref(), expected.map(str::as_bytes), "{rule}");
        }
    }

    #[test]
    fn a_range_leads_back_to_where_it_came_from() {
        let text = "ab\\u002dcd%2Fef\\/";
        let plain = Unescaped::of(text.as_bytes()).unwrap();
        assert_eq!(plain.text, b"ab-cd/ef/");
        for (range, expected) in [
            (0..2, "ab"),
            (0..3, "ab\\u002d"),
            (2..3, "\\u002d"),
            (3..5, "cd"),
            (1..7, "b\\u002dcd%2Fe"),
            (5..6, "%2F"),
            (6..9, "ef\\/"),
            (9..9, ""),
        ] {
            assert_eq!(&text[plain.origin(&range)], expected, "{range:?}");
        }
    }
}
