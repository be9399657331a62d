//! What strings of JSON say, and the ways in which clients escape it.
//!
//! A text that one client sends as `\u00e9` and another as `é` is one text. It is kept as what
//! it says, with the style in which it was escaped, wherever that gives the same bytes again.

use memchr::memchr;

/// How a client escapes: a sum of the flags below. None is what `JSON.stringify` and serde do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Style(u8);

impl Style {
    /// What is not ASCII, as Python, PHP and .NET do.
    const ASCII: u8 = 1;
    /// `\/`, as PHP does.
    const SLASH: u8 = 1 << 1;
    /// `<`, `>`, `&` and the two line ends of Unicode, as Go and .NET do.
    const HTML: u8 = 1 << 2;
    /// Hexadecimal digits are capital letters, as in .NET.
    const UPPER: u8 = 1 << 3;
    /// `"`, `'`, `+` and the grave accent by number, as .NET does.
    const QUOTES: u8 = 1 << 4;
    /// Backspace and form feed by number, as Go did before 1.22.
    const NUMBERS: u8 = 1 << 5;
    /// The delete character, as Python does.
    const DELETE: u8 = 1 << 6;
    const ALL: u8 = (1 << 7) - 1;

    /// The sum of its flags.
    pub(super) fn bits(self) -> u8 {
        self.0
    }

    /// The style of a sum; `None` if no such style is known.
    pub(super) fn from_bits(bits: u64) -> Option<Self> {
        u8::try_from(bits).ok().filter(|bits| *bits <= Self::ALL).map(Self)
    }

    fn has(self, flag: u8) -> bool {
        self.0 & flag != 0
    }

    /// Takes from an escape of `code` what it tells of the style.
    fn learn(&mut self, code: u32, digits: &[u8]) {
        self.0 |= match code {
            0x08 | 0x0c => Self::NUMBERS,
            0x22 | 0x27 | 0x2b | 0x60 => Self::QUOTES,
            0x26 | 0x3c | 0x3e | 0x2028 | 0x2029 => Self::HTML,
            0x7f => Self::DELETE,
            0x80.. => Self::ASCII,
            _ => 0,
        };
        if digits.iter().any(u8::is_ascii_uppercase) {
            self.0 |= Self::UPPER;
        }
    }

    /// Whether a byte stands as it is.
    fn is_plain(self, byte: u8) -> bool {
        match byte {
            b'"' | b'\\' | 0..0x20 => false,
            b'/' => !self.has(Self::SLASH),
            b'<' | b'>' | b'&' => !self.has(Self::HTML),
            b'\'' | b'+' | b'`' => !self.has(Self::QUOTES),
            0x7f => !self.has(Self::DELETE),
            // The lead byte of U+2028 and U+2029.
            0xe2 => !self.has(Self::ASCII) && !self.has(Self::HTML),
            0x80.. => !self.has(Self::ASCII),
            _ => true,
        }
    }
}

/// What an escaped string says, and the style that escapes it to the same bytes again. `None`
/// if no style does: half a surrogate pair, a mixture, broken escapes.
pub(super) fn unescape(escaped: &[u8]) -> Option<(Vec<u8>, Style)> {
    let mut text = Vec::with_capacity(escaped.len());
    let mut style = Style::default();
    let mut rest = escaped;
    while let Some(at) = memchr(b'\\', rest) {
        let (plain, escape) = rest.split_at(at);
        text.extend_from_slice(plain);
        let kind = *escape.get(1)?;
        rest = escape.get(2..)?;
        match kind {
            b'"' | b'\\' => text.push(kind),
            b'/' => {
                text.push(kind);
                style.0 |= Style::SLASH;
            }
            b'b' => text.push(0x08),
            b'f' => text.push(0x0c),
            b'n' => text.push(b'\n'),
            b'r' => text.push(b'\r'),
            b't' => text.push(b'\t'),
            b'u' => {
                let (character, after) = numbered(rest, &mut style)?;
                text.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
                rest = after;
            }
            _ => return None,
        }
    }
    text.extend_from_slice(rest);
    let mut again = Vec::with_capacity(escaped.len());
    escape(&text, style, &mut again);
    (again == escaped).then_some((text, style))
}

/// The character behind `\u`, and what follows it.
fn numbered<'a>(rest: &'a [u8], style: &mut Style) -> Option<(char, &'a [u8])> {
    let (digits, after) = rest.split_at_checked(4)?;
    let unit = hex(digits)?;
    let (code, after) = match unit {
        0xd800..0xdc00 => {
            let (low, after) = after.strip_prefix(b"\\u")?.split_at_checked(4)?;
            style.learn(0x10000, low);
            let low = hex(low)?.checked_sub(0xdc00)?;
            (0x10000 + ((unit - 0xd800) << 10) + low, after)
        }
        _ => (unit, after),
    };
    style.learn(code, digits);
    Some((char::from_u32(code)?, after))
}

fn hex(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0, |number, digit| Some(number << 4 | (*digit as char).to_digit(16)?))
}

/// Appends `text`, escaped, to `escaped`. Bytes that are no UTF-8 stand as they are.
pub(super) fn escape(text: &[u8], style: Style, escaped: &mut Vec<u8>) {
    let mut rest = text;
    while let Some(at) = rest.iter().position(|byte| !style.is_plain(*byte)) {
        let (plain, special) = rest.split_at(at);
        escaped.extend_from_slice(plain);
        let Some(&byte) = special.first() else { return };
        if byte.is_ascii() {
            escape_ascii(byte, style, escaped);
            rest = special.get(1..).unwrap_or_default();
            continue;
        }
        let (character, length) = first_character(special);
        match character {
            Some(character) if style.has(Style::ASCII) || is_line_end(character) => {
                for unit in character.encode_utf16(&mut [0; 2]) {
                    number(*unit, style, escaped);
                }
            }
            _ => escaped.extend_from_slice(special.get(..length).unwrap_or_default()),
        }
        rest = special.get(length..).unwrap_or_default();
    }
    escaped.extend_from_slice(rest);
}

fn is_line_end(character: char) -> bool {
    matches!(character, '\u{2028}' | '\u{2029}')
}

fn escape_ascii(byte: u8, style: Style, escaped: &mut Vec<u8>) {
    let short = match byte {
        b'"' if style.has(Style::QUOTES) => None,
        b'"' | b'\\' | b'/' => Some(byte),
        b'\n' => Some(b'n'),
        b'\r' => Some(b'r'),
        b'\t' => Some(b't'),
        0x08 if !style.has(Style::NUMBERS) => Some(b'b'),
        0x0c if !style.has(Style::NUMBERS) => Some(b'f'),
        _ => None,
    };
    match short {
        Some(short) => escaped.extend_from_slice(&[b'\\', short]),
        None => number(u16::from(byte), style, escaped),
    }
}

fn number(unit: u16, style: Style, escaped: &mut Vec<u8>) {
    escaped.extend_from_slice(b"\\u");
    for shift in [12, 8, 4, 0] {
        let digit = char::from_digit(u32::from(unit >> shift & 15), 16).unwrap_or('0');
        let digit = if style.has(Style::UPPER) { digit.to_ascii_uppercase() } else { digit };
        escaped.extend_from_slice(digit.encode_utf8(&mut [0; 4]).as_bytes());
    }
}

/// The character at the start of `bytes`, and how many bytes to go on.
fn first_character(bytes: &[u8]) -> (Option<char>, usize) {
    let four = bytes.get(..4).unwrap_or(bytes);
    let valid = match std::str::from_utf8(four) {
        Ok(text) => text,
        Err(error) => four
            .get(..error.valid_up_to())
            .and_then(|valid| std::str::from_utf8(valid).ok())
            .unwrap_or_default(),
    };
    let character = valid.chars().next();
    (character, character.map_or(1, char::len_utf8))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_clients_send_comes_back() {
        for (rule, escaped, text, flags) in [
            ("nothing to escape", "plain é", "plain é", 0),
            ("JavaScript", r#"a\"\\\n\t\b\f\u001f é/<"#, "a\"\\\n\t\u{8}\u{c}\u{1f} é/<", 0),
            ("Python", r"\u00e9 \u4f60\ud83d\ude00", "é 你😀", Style::ASCII),
            ("Python, delete", r"\u007f", "\u{7f}", Style::DELETE),
            ("PHP", r"a\/b \u00e9", "a/b é", Style::SLASH | Style::ASCII),
            ("PHP, Unicode kept", r"a\/b é", "a/b é", Style::SLASH),
            (
                "Go",
                r"\u003cp\u003e é \u2028\u0008",
                "<p> é \u{2028}\u{8}",
                Style::HTML | Style::NUMBERS,
            ),
            (
                ".NET",
                r"\u0022\u003C\u00E9\u0027",
                "\"<é'",
                Style::QUOTES | Style::HTML | Style::ASCII | Style::UPPER,
            ),
        ] {
            let found = unescape(escaped.as_bytes());
            assert_eq!(found, Some((text.as_bytes().to_vec(), Style(flags))), "{rule}");
        }
    }

    #[test]
    fn what_no_style_gives_again_is_left_as_it_is() {
        for (rule, escaped) in [
            ("half a pair", r"\ud83d alone"),
            ("a low half alone", r"\ude00"),
            ("two low halves", r"\ud83d\u0041"),
            ("a mixture", r"\u00e9 and é"),
            ("needlessly escaped", r"\u0041"),
            ("no escape", r"\x41"),
            ("cut", r"\u00"),
            ("cut behind the backslash", "\\"),
            ("a raw line end", "a\nb"),
        ] {
            assert_eq!(unescape(escaped.as_bytes()), None, "{rule}");
        }
    }

    proptest! {
        #[test]
        fn any_text_in_any_style_comes_back(text: String, bits in 0..=Style::ALL) {
            let mut escaped = Vec::new();
            escape(text.as_bytes(), Style(bits), &mut escaped);
            if let Some((found, _)) = unescape(&escaped) {
                prop_assert_eq!(found, text.as_bytes());
            }
            escaped.clear();
            escape(text.as_bytes(), Style::default(), &mut escaped);
            prop_assert_eq!(unescape(&escaped), Some((text.into_bytes(), Style::default())));
        }

        #[test]
        fn any_bytes_do_no_harm(bytes: Vec<u8>, bits in 0..=Style::ALL) {
            escape(&bytes, Style(bits), &mut Vec::new());
            if let Some((text, style)) = unescape(&bytes) {
                let mut again = Vec::new();
                escape(&text, style, &mut again);
                prop_assert_eq!(again, bytes);
            }
        }
    }
}
