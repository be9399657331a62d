//! Texts inside a text, in base64: a settings file in a Kubernetes secret, a header of
//! `Basic`, a document that was uploaded.

use std::ops::Range;

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

/// Shortest run of base64 looked into, in characters: 21 bytes, about as long as the shortest
/// keys. Every place of a text that is a multiple of it is looked at, and no other.
const CHARS_MIN: usize = 28;

/// Longest run looked into, in characters. What is longer is a picture, not a key.
const CHARS_MAX: usize = 1 << 20;

/// Characters that are decoded to see whether this is text at all. Of random bytes one in
/// ten thousand million passes.
const PROBE_CHARS: usize = 32;

/// How deep base64 stands in base64.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Depth {
    /// It stands in the text itself.
    Outer,
    /// It stands in base64.
    Inner,
}

/// The 64 characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Alphabet {
    /// With `+` and `/`.
    Standard,
    /// With `-` and `_`.
    Url,
}

/// A text in base64.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Coded {
    /// Where it stands, padding excluded.
    pub range: Range<usize>,
    pub alphabet: Alphabet,
    /// The text, which encodes to just what stands there.
    pub text: Vec<u8>,
}

const CONFIG: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_encode_padding(false)
    .with_decode_padding_mode(DecodePaddingMode::RequireNone);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, CONFIG);
const URL: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, CONFIG);

impl Alphabet {
    fn engine(self) -> &'static GeneralPurpose {
        match self {
            Self::Standard => &STANDARD,
            Self::Url => &URL,
        }
    }

    /// `text` in this alphabet, without padding.
    pub fn encode(self, text: &[u8]) -> String {
        self.engine().encode(text)
    }
}

/// The next text in base64 that begins at or after `from`.
pub(super) fn next(bytes: &[u8], from: usize) -> Option<Coded> {
    let mut at = from;
    // A run of that many characters has one at such a place, wherever it begins.
    while let Some(byte) = bytes.get(at) {
        if !is_base64(*byte) {
            at += CHARS_MIN;
            continue;
        }
        let before = bytes.get(from..at).unwrap_or_default();
        let start = at - before.iter().rev().take_while(|byte| is_base64(**byte)).count();
        let rest = bytes.get(at..).unwrap_or_default();
        let end = at + rest.iter().position(|byte| !is_base64(*byte)).unwrap_or(rest.len());
        let start = start + usize::from(is_escaped(bytes, start));
        if let Some(coded) = decode(bytes, start..end) {
            return Some(coded);
        }
        at = end + CHARS_MIN;
    }
    None
}

/// Whether the letter at `start` belongs to an escape before it: `\nQUJD…`.
fn is_escaped(bytes: &[u8], start: usize) -> bool {
    let before = start.checked_sub(1).and_then(|before| bytes.get(before));
    before == Some(&b'\\') && matches!(bytes.get(start), Some(b'n' | b'r' | b't'))
}

fn decode(bytes: &[u8], range: Range<usize>) -> Option<Coded> {
    let chars = bytes.get(range.clone())?;
    if !(CHARS_MIN..=CHARS_MAX).contains(&chars.len()) {
        return None;
    }
    let probe = chars.get(..PROBE_CHARS.min(chars.len() / 4 * 4))?;
    let is_url = |chars: &[u8]| memchr::memchr2(b'-', b'_', chars).is_some();
    let alphabet = if is_url(probe) { Alphabet::Url } else { Alphabet::Standard };
    if !is_text(&alphabet.engine().decode(probe).ok()?) {
        return None;
    }
    let alphabet = if is_url(chars) { Alphabet::Url } else { Alphabet::Standard };
    let text = alphabet.engine().decode(chars).ok()?;
    // Bits that no encoder leaves at the end are refused: the text encodes to the same again.
    Some(Coded { range, alphabet, text })
}

fn is_base64(byte: u8) -> bool {
    BASE64.get(usize::from(byte)).is_some_and(|is| *is)
}

/// A table: pictures are gone through byte by byte.
static BASE64: [bool; 256] = {
    let mut table = [false; 256];
    let chars = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_";
    let mut rest: &[u8] = chars;
    while let [first, others @ ..] = rest {
        #[expect(clippy::indexing_slicing, reason = "a byte is below 256, and it is constant")]
        {
            table[*first as usize] = true;
        }
        rest = others;
    }
    table
};

fn is_text(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| byte.is_ascii_graphic() || byte.is_ascii_whitespace() || *byte >= 0x80)
        // The last character may be cut.
        && std::str::from_utf8(bytes).err().is_none_or(|error| error.error_len().is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_in_base64_are_found() {
        let text = "a text that is long enough, 你好, to be one";
        let standard = STANDARD.encode(text);
        let url = URL.encode("??>>??>> in the other alphabet");
        for (rule, bytes, expected) in [
            ("alone", standard.clone(), vec![text]),
            ("padded", format!("{standard}=="), vec![text]),
            ("in JSON", format!("{{\"a\":\"{standard}\"}}"), vec![text]),
            ("behind an escape", format!("a\\n{standard}\\n"), vec![text]),
            ("two", format!("{standard},{standard}"), vec![text, text]),
            ("the other alphabet", url, vec!["??>>??>> in the other alphabet"]),
            ("far in", format!("{}{standard}", "- ".repeat(500)), vec![text]),
            ("too short", STANDARD.encode("short"), vec![]),
            ("no text", STANDARD.encode([1; 60]), vec![]),
            ("words", "a-text-of-words-with-dashes-in-it".to_owned(), vec![]),
            ("a path", "/usr/local/share/overhear/src/record/secrets".to_owned(), vec![]),
            ("both alphabets", format!("{standard}-/"), vec![]),
            ("nothing", String::new(), vec![]),
        ] {
            let mut found = Vec::new();
            let mut from = 0;
            while let Some(coded) = next(bytes.as_bytes(), from) {
                from = coded.range.end;
                assert_eq!(coded.alphabet.encode(&coded.text), bytes[coded.range], "{rule}");
                found.push(String::from_utf8(coded.text).unwrap());
            }
            assert_eq!(found, expected, "{rule}");
        }
    }
}
