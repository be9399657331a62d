//! The forms in which a value stands in a body: as it is, escaped for JSON, percent-encoded,
//! in base64.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

/// Shortest piece of base64 looked for, in characters: nine bytes of the value.
const BASE64_CHARS_MIN: usize = 12;

/// One form of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Form {
    /// The bytes to look for.
    pub bytes: Vec<u8>,
    /// What may take their place.
    pub coding: Coding,
}

/// How the bytes of a form are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Coding {
    /// As text: a mark can be read where it stands.
    Text,
    /// As base64, a multiple of four characters that begins at a multiple of four: a mark is
    /// encoded too, so that the whole still decodes.
    Base64,
}

/// All forms of `value`, each once.
pub(super) fn forms(value: &str) -> Vec<Form> {
    let mut texts = Vec::new();
    // A quote or a backslash as such would match over the end of a JSON string.
    if !value.contains(['"', '\\']) && !value.contains(char::is_control) {
        texts.push(value.to_owned());
    }
    if let Ok(json) = serde_json::to_string(value) {
        let json = json.trim_start_matches('"');
        let json = json.strip_suffix('"').unwrap_or(json);
        texts.push(json.to_owned());
        // PHP escapes the slash, .NET the plus, Go `<`, `>` and `&`, Python all but ASCII.
        texts.push(json.replace('/', "\\/"));
        texts.push(json.replace('+', "\\u002B"));
        let go = json.replace('<', "\\u003c").replace('>', "\\u003e");
        texts.push(go.replace('&', "\\u0026"));
        texts.push(ascii(json));
    }
    texts.push(percent_encoded(value, b"0123456789ABCDEF"));
    texts.push(percent_encoded(value, b"0123456789abcdef"));
    let texts =
        texts.into_iter().map(|text| Form { bytes: text.into_bytes(), coding: Coding::Text });
    let mut forms: Vec<Form> = Vec::new();
    for form in texts.chain(base64_forms(value.as_bytes())) {
        if !form.bytes.is_empty() && !forms.contains(&form) {
            forms.push(form);
        }
    }
    forms
}

/// The part of the value's base64 that is the same whatever stands around it, for each of
/// the three places at which it can begin in a group of three bytes.
fn base64_forms(value: &[u8]) -> impl Iterator<Item = Form> {
    (0..3)
        .filter_map(|skipped| {
            let rest = value.get(skipped..)?;
            rest.get(..rest.len() / 3 * 3)
        })
        .flat_map(|groups| [STANDARD_NO_PAD.encode(groups), URL_SAFE_NO_PAD.encode(groups)])
        .filter(|text| text.len() >= BASE64_CHARS_MIN)
        .map(|text| Form { bytes: text.into_bytes(), coding: Coding::Base64 })
}

fn ascii(json: &str) -> String {
    let mut escaped = String::with_capacity(json.len());
    let mut units = [0; 2];
    for c in json.chars() {
        if c.is_ascii() {
            escaped.push(c);
        } else {
            for unit in c.encode_utf16(&mut units) {
                escaped.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    escaped
}

fn percent_encoded(value: &str, digits: &[u8; 16]) -> String {
    let digit = |nibble: u8| char::from(digits.get(usize::from(nibble)).copied().unwrap_or(b'0'));
    let mut encoded = String::with_capacity(value.len());
    for byte in value.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                encoded.push(char::from(byte));
            }
            _ => encoded.extend(['%', digit(byte >> 4), digit(byte & 15)]),
        }
    }
    encoded
}

/// `text` with its percent escapes undone; what is no escape stays.
pub(super) fn percent_decoded(text: &[u8]) -> Vec<u8> {
    let nibble = |at: usize| text.get(at).and_then(|byte| char::from(*byte).to_digit(16));
    let mut decoded = Vec::with_capacity(text.len());
    let mut at = 0;
    while let Some(byte) = text.get(at) {
        match (byte, nibble(at + 1), nibble(at + 2)) {
            (b'%', Some(high), Some(low)) => {
                decoded.push(u8::try_from(high << 4 | low).unwrap_or(b'%'));
                at += 3;
            }
            _ => {
                decoded.push(*byte);
                at += 1;
            }
        }
    }
    decoded
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(value: &str) -> Vec<String> {
        forms(value)
            .into_iter()
            .filter(|form| form.coding == Coding::Text)
            .map(|form| String::from_utf8(form.bytes).unwrap())
            .collect()
    }

    #[test]
    fn a_value_is_looked_for_in_the_forms_it_can_take() {
        for (rule, value, expected) in [
            ("nothing to escape", "abc-1", &["abc-1"][..]),
            (
                "base64",
                "a/b+c=",
                &["a/b+c=", "a\\/b+c=", "a/b\\u002Bc=", "a%2Fb%2Bc%3D", "a%2fb%2bc%3d"],
            ),
            ("a quote only escaped", "a\"b", &["a\\\"b", "a%22b"]),
            ("not ASCII", "é", &["é", "\\u00e9", "%C3%A9", "%c3%a9"]),
        ] {
            assert_eq!(texts(value), expected, "{rule}");
        }
    }

    #[test]
    fn base64_is_found_wherever_the_value_begins() {
        let value = "fake-value-0123456789";
        for before in ["", "u", "us", "user:"] {
            let whole = STANDARD_NO_PAD.encode(format!("{before}{value} and more"));
            let found = forms(value).into_iter().any(|form| {
                form.coding == Coding::Base64
                    && whole.contains(std::str::from_utf8(&form.bytes).unwrap())
            });
            assert!(found, "after `{before}`");
        }
    }

    #[test]
    fn percent_escapes_are_undone() {
        for (text, expected) in [("a%2Fb", "a/b"), ("%", "%"), ("%4", "%4"), ("%zz%41", "%zzA")] {
            assert_eq!(percent_decoded(text.as_bytes()), expected.as_bytes());
        }
    }
}
