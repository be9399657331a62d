//! Credentials in the value of one header.

use std::ops::Range;

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;

use super::found::Weight;
use super::mark;
use super::names::{self, HeaderRole};
use super::piece::Piece;
use super::target;
use super::text::{has_digit, has_letter};

/// Words before a credential that stay readable, lower case.
const SCHEMES: &[&str] = &[
    "bearer",
    "basic",
    "token",
    "apikey",
    "api-key",
    "key",
    "digest",
    "negotiate",
    "ntlm",
    "dpop",
    "sharedaccesssignature",
    "sharedkey",
];

/// The credentials in the value of the header `name` (lower case), in order.
///
/// The value may be folded over several lines and need not be UTF-8.
pub(super) fn pieces(name: &str, value: &[u8]) -> Vec<Piece> {
    let all = trimmed(value, 0..value.len());
    match names::header(name) {
        HeaderRole::Credential => credential(name, value, all),
        HeaderRole::Sounding if is_setting(value) => Vec::new(),
        HeaderRole::Sounding => credential(name, value, all),
        HeaderRole::Identity => piece(name, value, all, Weight::Name),
        HeaderRole::Cookie => {
            split(value, b';').flat_map(|pair| cookie(name, value, pair)).collect()
        }
        HeaderRole::SetCookie => {
            split(value, b';').take(1).flat_map(|pair| cookie(name, value, pair)).collect()
        }
        HeaderRole::Subprotocols => subprotocols(value),
        HeaderRole::Url => target::pieces(value),
        HeaderRole::Plain => Vec::new(),
    }
}

/// A credential, perhaps after the word of its scheme.
fn credential(name: &str, value: &[u8], all: Range<usize>) -> Vec<Piece> {
    let whole = value.get(all.clone()).unwrap_or_default();
    let Some(space) = whole.iter().position(u8::is_ascii_whitespace) else {
        return piece(name, value, all, Weight::Key);
    };
    let scheme = whole.get(..space).unwrap_or_default().to_ascii_lowercase();
    let rest = trimmed(value, all.start + space..all.end);
    if scheme.starts_with(b"aws4-") {
        return aws(name, value, rest);
    }
    if !SCHEMES.iter().any(|known| known.as_bytes() == scheme) {
        return piece(name, value, all, Weight::Key);
    }
    let mut pieces = piece(name, value, rest, Weight::Key);
    if scheme == b"basic" {
        for piece in &mut pieces {
            piece.also = user_and_password(&piece.value);
        }
    }
    pieces
}

/// AWS Signature Version 4: key id and signature go, algorithm and scope stay.
fn aws(name: &str, value: &[u8], rest: Range<usize>) -> Vec<Piece> {
    let mut pieces = Vec::new();
    for part in split(value.get(..rest.end).unwrap_or_default(), b',') {
        let text = value.get(part.clone()).unwrap_or_default();
        let after = |word: &[u8]| {
            let at = memchr::memmem::find(text, word)?;
            Some(part.start + at + word.len())
        };
        let found = match (after(b"Credential="), after(b"Signature=")) {
            (Some(start), _) => {
                let key = value.get(start..part.end).unwrap_or_default();
                let length = memchr::memchr(b'/', key).unwrap_or(key.len());
                Some(start..start + length)
            }
            (None, Some(start)) => Some(start..part.end),
            (None, None) => None,
        };
        if let Some(range) = found {
            pieces.extend(piece(name, value, range, Weight::Key));
        }
    }
    let text = value.get(rest.clone()).unwrap_or_default();
    let known = [&b"Credential="[..], b"Signature="];
    if known.iter().any(|word| memchr::memmem::find(text, word).is_some()) {
        pieces
    } else {
        piece(name, value, rest, Weight::Key)
    }
}

/// `name=value`, or a value alone.
fn cookie(header: &str, value: &[u8], pair: Range<usize>) -> Vec<Piece> {
    let text = value.get(pair.clone()).unwrap_or_default();
    let start = memchr::memchr(b'=', text).map_or(pair.start, |at| pair.start + at + 1);
    let range = trimmed(value, start..pair.end);
    piece(header, value, range, Weight::Name)
}

/// Browsers cannot set headers on a WebSocket, so keys travel as names of subprotocols:
/// `openai-insecure-api-key.KEY`, `xai-client-secret.KEY`, or `token, KEY`.
fn subprotocols(value: &[u8]) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut announced = false;
    for item in split(value, b',') {
        let text = value.get(item.clone()).unwrap_or_default();
        let dot = ["key.", "secret.", "token.", "organization.", "project.", "bearer.", "k8s.io."]
            .iter()
            .filter_map(|word| Some(memchr::memmem::find(text, word.as_bytes())? + word.len()))
            .max();
        let range = match dot {
            Some(dot) => item.start + dot..item.end,
            None if announced => item.clone(),
            None => item.end..item.end,
        };
        pieces.extend(piece("sec-websocket-protocol", value, range, Weight::Key));
        announced = SCHEMES.iter().any(|word| text.eq_ignore_ascii_case(word.as_bytes()))
            || text.eq_ignore_ascii_case(b"authorization");
    }
    pieces
}

/// The user and the password of `Basic`, if it is base64.
fn user_and_password(value: &str) -> Vec<(String, Weight)> {
    let Ok(decoded) = STANDARD_NO_PAD.decode(value.trim_end_matches('=')) else {
        return Vec::new();
    };
    let decoded = String::from_utf8_lossy(&decoded).into_owned();
    match decoded.split_once(':') {
        Some((user, password)) => {
            vec![(password.to_owned(), Weight::Key), (user.to_owned(), Weight::Name)]
        }
        None => vec![(decoded, Weight::Key)],
    }
}

/// A number, a time, a word: what a header that only sounds like a credential's says.
fn is_setting(value: &[u8]) -> bool {
    let value = value.trim_ascii();
    value.len() <= 5 || value.len() <= 12 && !(has_digit(value) && has_letter(value))
}

fn piece(name: &str, value: &[u8], range: Range<usize>, weight: Weight) -> Vec<Piece> {
    let kind = mark::kind(name.as_bytes());
    Piece::new(&kind, value, range, weight).into_iter().collect()
}

/// The parts of `value` between `separator`, trimmed.
fn split(value: &[u8], separator: u8) -> impl Iterator<Item = Range<usize>> + '_ {
    let mut start = 0;
    value.split(move |byte| *byte == separator).map(move |part| {
        let range = trimmed(value, start..start + part.len());
        start += part.len() + 1;
        range
    })
}

/// `range` without white space at its ends.
fn trimmed(value: &[u8], range: Range<usize>) -> Range<usize> {
    let text = value.get(range.clone()).unwrap_or_default();
    let start = range.start + (text.len() - text.trim_ascii_start().len());
    start..start + text.trim_ascii().len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(name: &str, value: &str) -> Vec<String> {
        pieces(name, value.as_bytes())
            .into_iter()
            .map(|piece| value[piece.range].to_owned())
            .collect()
    }

    #[test]
    fn what_is_a_credential_in_a_value() {
        let aws = "AWS4-HMAC-SHA256 Credential=AKFAKE/20260101/us-east-1/bedrock/aws4_request, \
                   SignedHeaders=host;x-amz-date, Signature=0123fake";
        for (rule, name, value, expected) in [
            ("a scheme stays", "authorization", "Bearer abc", &["abc"][..]),
            ("in any case", "authorization", "bEARER  abc ", &["abc"]),
            ("an unknown word is no scheme", "authorization", "my key", &["my key"]),
            ("no scheme", "authorization", "abc", &["abc"]),
            ("no value", "authorization", "", &[]),
            ("a fold after the scheme", "authorization", "Bearer\r\n abc", &["abc"]),
            ("scope and algorithm stay", "authorization", aws, &["AKFAKE", "0123fake"]),
            ("a mark stays", "authorization", "Bearer <a:01234567..>", &[]),
            ("each cookie", "cookie", "a=1; b=x=y; c=", &["1", "x=y"]),
            ("attributes stay", "set-cookie", "a=1; Path=/; Secure", &["1"]),
            (
                "keys among subprotocols",
                "sec-websocket-protocol",
                "realtime, openai-insecure-api-key.abc, openai-beta.realtime-v1",
                &["abc"],
            ),
            ("a key after `token`", "sec-websocket-protocol", "token, abc", &["abc"]),
            ("a number is no token", "x-some-token", "4096", &[]),
            ("by the sound of its name", "x-some-token", "0123456789abcdef", &["0123456789abcdef"]),
            ("a parameter of a URL", "location", "/a?key=abc&b=c", &["abc"]),
            ("plain", "content-type", "text/plain; key=abc", &[]),
        ] {
            assert_eq!(parts(name, value), expected, "{rule}");
        }
    }

    #[test]
    fn basic_tells_user_and_password() {
        let value = format!("Basic {}=", STANDARD_NO_PAD.encode("fake-user:fake:pass"));
        let also = pieces("authorization", value.as_bytes()).remove(0).also;
        assert_eq!(also[0].0, "fake:pass");
        assert_eq!(also[1].0, "fake-user");
    }
}
