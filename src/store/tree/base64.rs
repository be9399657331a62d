//! Base64 inside strings: pictures, signatures, sealed reasoning. Kept decoded, they take three
//! quarters of the room, which is all that compressing would save.

use std::ops::Range;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE, URL_SAFE_NO_PAD};

use super::node::Alphabet;

/// Shorter strings stay as they are, in bytes.
const BASE64_BYTES_MIN: usize = 256;

/// Longest `data:image/png;base64,`, in bytes.
const PREFIX_BYTES_MAX: usize = 128;

/// How much is looked at before all of it is decoded, in bytes.
const GLANCE_BYTES: usize = 128;

/// The part of a text that is base64 up to the text's end, what it decodes to, and the alphabet
/// that gives the same characters again.
pub(super) fn find(text: &[u8]) -> Option<(Range<usize>, Vec<u8>, Alphabet)> {
    let start = match text.starts_with(b"data:") {
        true => {
            let prefix = text.get(..PREFIX_BYTES_MAX.min(text.len()))?;
            memchr::memmem::find(prefix, b";base64,")? + b";base64,".len()
        }
        false => 0,
    };
    let coded = text.get(start..).filter(|coded| coded.len() >= BASE64_BYTES_MIN)?;
    let glance = coded.get(..GLANCE_BYTES)?;
    let is_letter = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/-_".contains(byte);
    // A path or a hash may be of the same letters; what a machine coded has all kinds of them.
    let has = |kind: fn(&u8) -> bool| glance.iter().any(kind);
    if !glance.iter().all(is_letter)
        || !has(u8::is_ascii_lowercase)
        || !has(u8::is_ascii_uppercase)
        || !has(u8::is_ascii_digit)
    {
        return None;
    }
    let alphabet = match (coded.ends_with(b"="), memchr::memchr2(b'-', b'_', coded)) {
        (_, None) if coded.len() % 4 == 0 => Alphabet::Standard,
        (false, _) if coded.len() % 4 != 0 => Alphabet::UrlBare,
        _ => Alphabet::Url,
    };
    // Strict: only what encodes to the same characters again decodes.
    let decoded = match alphabet {
        Alphabet::Standard => STANDARD.decode(coded),
        Alphabet::Url => URL_SAFE.decode(coded),
        Alphabet::UrlBare => URL_SAFE_NO_PAD.decode(coded),
    };
    Some((start..text.len(), decoded.ok()?, alphabet))
}

/// Appends the base64 of `bytes`.
pub(super) fn encode(bytes: &[u8], alphabet: Alphabet, out: &mut Vec<u8>) {
    let coded = match alphabet {
        Alphabet::Standard => STANDARD.encode(bytes),
        Alphabet::Url => URL_SAFE.encode(bytes),
        Alphabet::UrlBare => URL_SAFE_NO_PAD.encode(bytes),
    };
    out.extend_from_slice(coded.as_bytes());
}
