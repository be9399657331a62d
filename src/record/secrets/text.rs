//! What bytes around a secret tell.

use super::mark;

/// Bytes that a run of a secret may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Alphabet {
    /// `A-Za-z0-9`
    Alnum,
    /// `A-Za-z0-9_-`
    Word,
    /// `A-Za-z0-9_.-`
    Dotted,
    /// `A-Za-z0-9/_-`
    Path,
    /// `A-Za-z0-9/_@-`
    Host,
    /// `A-Z0-9`
    Upper,
    /// `a-f0-9`
    Hex,
    /// `A-Za-z0-9+/_=-`
    Base64,
    /// `A-Za-z0-9+/_.~=-`: a bearer token of RFC 6750.
    Token,
}

impl Alphabet {
    /// Whether `byte` belongs to it.
    pub fn has(self, byte: u8) -> bool {
        let alnum = byte.is_ascii_alphanumeric();
        match self {
            Self::Alnum => alnum,
            Self::Word => alnum || matches!(byte, b'_' | b'-'),
            Self::Dotted => alnum || matches!(byte, b'_' | b'-' | b'.'),
            Self::Path => alnum || matches!(byte, b'_' | b'-' | b'/'),
            Self::Host => alnum || matches!(byte, b'_' | b'-' | b'/' | b'@'),
            Self::Upper => byte.is_ascii_uppercase() || byte.is_ascii_digit(),
            Self::Hex => matches!(byte, b'0'..=b'9' | b'a'..=b'f'),
            Self::Base64 => alnum || matches!(byte, b'+' | b'/' | b'_' | b'=' | b'-'),
            Self::Token => alnum || matches!(byte, b'+' | b'/' | b'_' | b'=' | b'-' | b'.' | b'~'),
        }
    }

    /// How many bytes at the head of `bytes` belong to it, counted to `max + 1` at most.
    pub fn run(self, bytes: &[u8], max: usize) -> usize {
        bytes.iter().take(max.saturating_add(1)).take_while(|byte| self.has(**byte)).count()
    }
}

pub(super) fn has_digit(bytes: &[u8]) -> bool {
    bytes.iter().any(u8::is_ascii_digit)
}

pub(super) fn has_letter(bytes: &[u8]) -> bool {
    bytes.iter().any(u8::is_ascii_alphabetic)
}

/// Whether `bytes` look drawn by lot rather than written: three digits among letters, or
/// both cases and a digit in a longer one. `get_token_v2` and `config.apiKey` do not.
pub(super) fn looks_random(bytes: &[u8]) -> bool {
    let digits = bytes.iter().filter(|byte| byte.is_ascii_digit()).count();
    let upper = bytes.iter().any(u8::is_ascii_uppercase);
    let lower = bytes.iter().any(u8::is_ascii_lowercase);
    (bytes.len() >= 16 && digits >= 3 && (upper || lower))
        || (bytes.len() >= 20 && digits >= 1 && upper && lower)
}

/// Whether a secret can begin at `at`: not inside a word, but after an escape of JSON
/// (`\n`, `\u000a`) or of a URL (`%3D`), whose last letter is none of the word's.
pub(super) fn begins_word(bytes: &[u8], at: usize) -> bool {
    if in_escape(bytes, at) {
        return false;
    }
    let before = bytes.get(..at).unwrap_or_default();
    match before {
        [] => true,
        [.., b'>'] => !mark::touches(bytes, &(at - 1..at)),
        // A line of a diff begins so, a name's second half does not.
        [.., c, b'-'] => !c.is_ascii_alphanumeric() && *c != b'_',
        [.., b'-'] => true,
        [.., b'\\', b'n' | b'r' | b't' | b'b' | b'f'] => true,
        [.., b'%', a, b] if a.is_ascii_hexdigit() && b.is_ascii_hexdigit() => true,
        [.., b'\\', b'u', a, b, c, d] if [a, b, c, d].iter().all(|x| x.is_ascii_hexdigit()) => true,
        [.., last] => !last.is_ascii_alphanumeric() && *last != b'_',
    }
}

/// Whether the byte at `at` belongs to an escape of JSON that begins before it: writing over
/// it would leave half an escape.
pub(super) fn in_escape(bytes: &[u8], at: usize) -> bool {
    let before = bytes.get(..at).unwrap_or_default();
    let slashes = before.iter().rev().take_while(|b| **b == b'\\').count();
    let named = matches!(bytes.get(at), Some(b'b' | b'f' | b'n' | b'r' | b't' | b'u'));
    if slashes % 2 == 1 || slashes > 0 && named {
        return true;
    }
    let hex = before.iter().rev().take(3).take_while(|b| b.is_ascii_hexdigit()).count();
    (0..=hex).any(|digits| {
        before.get(..at.saturating_sub(digits)).is_some_and(|rest| rest.ends_with(b"\\u"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_begins_where_no_word_is_before() {
        for (rule, before, expected) in [
            ("at the head", "", true),
            ("after a quote", "\"", true),
            ("in a word", "ri", false),
            ("after an underscore", "a_", false),
            ("after a dash in a word", "task-", false),
            ("after a dash of a diff", "\n-", true),
            ("after an escaped newline", "a\\n", true),
            ("after one escaped twice", "a\\\\n", true),
            ("after a backslash", "\\", false),
            ("after a unicode escape", "a\\u000a", true),
            ("inside a unicode escape", "a\\u00", false),
            ("after a percent escape", "key%3D", true),
            ("after a mark", "<key:01234567..abcd>", false),
            ("after a tag", "<b>", true),
        ] {
            let text = format!("{before}secret");
            assert_eq!(begins_word(text.as_bytes(), before.len()), expected, "{rule}");
        }
    }

    #[test]
    fn what_is_written_does_not_look_random() {
        for (text, expected) in [
            ("0123456789abcdef0", true),
            ("wJalrXUtnFEMIfakefake7", true),
            ("get_token_from_config2", false),
            ("config.providers.openai", false),
            ("short1A", false),
            ("1234567890123456", false),
        ] {
            assert_eq!(looks_random(text.as_bytes()), expected, "{text}");
        }
    }
}
