//! Shapes that are more than a literal and a run.

use std::ops::Range;

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;

use crate::record::secrets::text::{Alphabet, begins_word, in_escape, looks_random};

/// Longest part of a JSON web token, in bytes: a header with a chain of certificates.
const JWT_PART_BYTES_MAX: usize = 16 << 10;

/// Longest label of PEM, in bytes, such as `ENCRYPTED PRIVATE KEY`.
const PEM_LABEL_BYTES_MAX: usize = 48;

/// Longest private key in PEM, in bytes: RSA of 16,384 bits, escaped, has 13 KB.
const PEM_BYTES_MAX: usize = 16 << 10;

/// Longest userinfo of a URL, in bytes.
const USERINFO_BYTES_MAX: usize = 256;

/// Shortest password in a URL, in bytes: of fewer nothing is worth hiding.
const URL_PASSWORD_BYTES_MIN: usize = 3;

/// A JSON web token: header, payload and signature (signed), or five parts (encrypted).
pub(super) fn jwt(bytes: &[u8], at: usize) -> Option<Range<usize>> {
    if !begins_word(bytes, at) {
        return None;
    }
    // Part by part: a row of dots and words is not gone through again from each of its words.
    let (header, end) = part(bytes, at)?;
    let (payload, second) = part(bytes, after_dot(bytes, end)?)?;
    let (third, third_end) = part(bytes, after_dot(bytes, second)?)?;
    if header.len() < 10 {
        return None;
    }
    if payload.starts_with(b"eyJ") {
        return Some(at..third_end);
    }
    let (fourth, fourth_end) = part(bytes, after_dot(bytes, third_end)?)?;
    let (tag, fifth_end) = part(bytes, after_dot(bytes, fourth_end)?)?;
    let full = [third, fourth, tag].iter().all(|part| part.len() >= 8);
    full.then_some(at..fifth_end)
}

/// The part of a token that begins at `start`, and its end.
fn part(bytes: &[u8], start: usize) -> Option<(&[u8], usize)> {
    let rest = bytes.get(start..)?;
    let run = Alphabet::Word.run(rest, JWT_PART_BYTES_MAX);
    (run <= JWT_PART_BYTES_MAX).then_some((rest.get(..run)?, start + run))
}

fn after_dot(bytes: &[u8], at: usize) -> Option<usize> {
    (bytes.get(at) == Some(&b'.')).then_some(at + 1)
}

/// A private key in PEM or of PGP, whole; to where it was cut if its end is not there. Its
/// line ends may be escaped once or more.
pub(super) fn pem(bytes: &[u8], at: usize) -> Option<Range<usize>> {
    let rest = bytes.get(at..)?;
    let label = rest.strip_prefix(b"-----BEGIN ")?;
    let length = label
        .iter()
        .take(PEM_LABEL_BYTES_MAX)
        .take_while(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || **byte == b' ')
        .count();
    let (label, after) = label.split_at_checked(length)?;
    let text = after.strip_prefix(b"-----")?;
    let is_private = memchr::memmem::find(label, b"PRIVATE KEY").is_some();
    if !is_private || in_escape(bytes, at) {
        return None;
    }
    let body = pem_body(text);
    let letters = body.iter().filter(|byte| byte.is_ascii_alphanumeric()).count();
    let behind = text.get(body.len()..)?;
    let end = [b"-----END ", label, b"-----"].concat();
    let closing = if behind.starts_with(&end) { end.len() } else { 0 };
    let begin = "-----BEGIN -----".len() + label.len();
    (letters >= 32).then(|| at..at + begin + body.len() + closing)
}

/// The lines of a private key: up to five dashes, or to the first byte that is none of its.
fn pem_body(text: &[u8]) -> &[u8] {
    let text = text.get(..text.len().min(PEM_BYTES_MAX)).unwrap_or(text);
    let dashes = memchr::memmem::find(text, b"-----");
    let text = text.get(..dashes.unwrap_or(text.len())).unwrap_or(text);
    let length = text
        .iter()
        .take_while(|byte| byte.is_ascii_alphanumeric() || b"+/=-:,. \\\r\n\t".contains(byte))
        .count();
    let body = text.get(..length).unwrap_or(text);
    if dashes == Some(length) {
        return body;
    }
    // Cut: a backslash that begins an escape behind the key must keep its letter.
    let mut body = body.trim_ascii_end();
    while let [rest @ .., b'\\'] = body {
        body = rest;
    }
    body
}

/// A Telegram bot's token, `123456789:AA…`, given where `:AA` is.
pub(super) fn telegram(bytes: &[u8], at: usize) -> Option<Range<usize>> {
    let before = bytes.get(..at)?;
    let digits = before.iter().rev().take(13).take_while(|byte| byte.is_ascii_digit()).count();
    let start = at - digits;
    let rest = bytes.get(at + 1..)?;
    let run = Alphabet::Word.run(rest, 40);
    // In a URL the word `bot` stands before the number.
    let begins = before.get(..start)?.ends_with(b"bot") || begins_word(bytes, start);
    ((7..=12).contains(&digits) && (32..=40).contains(&run) && begins).then(|| start..at + 1 + run)
}

/// The password in `scheme://user:password@host`, or a token in the user's place, given where
/// `://` is.
pub(super) fn url_password(bytes: &[u8], at: usize) -> Option<Range<usize>> {
    let start = at + 3;
    let rest = bytes.get(start..)?;
    let length = rest
        .iter()
        .take(USERINFO_BYTES_MAX)
        .take_while(|byte| byte.is_ascii_graphic() && !b"/\\\"'`<>?#{}$*,()[]|".contains(byte))
        .count();
    let authority = rest.get(..length)?;
    let userinfo = authority.get(..memchr::memrchr(b'@', authority)?)?;
    match memchr::memchr(b':', userinfo) {
        Some(colon) => {
            let password = start + colon + 1..start + userinfo.len();
            (password.len() >= URL_PASSWORD_BYTES_MIN).then_some(password)
        }
        None => looks_random(userinfo).then(|| start..start + userinfo.len()),
    }
}

/// Whether a SendGrid key's two parts are there.
pub(super) fn is_two_parts(rest: &[u8]) -> bool {
    let parts: Vec<&[u8]> = rest.split(|byte| *byte == b'.').collect();
    matches!(parts.as_slice(), [id, key] if id.len() >= 16 && key.len() >= 20)
}

/// An AWS secret key in the neighbourhood of its id, given where the id is: in a table, in a
/// file of settings whose names are cut off.
pub(super) fn aws_secret(bytes: &[u8], at: usize) -> Option<Range<usize>> {
    const KEY_CHARS: usize = 40;
    let id = Alphabet::Upper.run(bytes.get(at..)?, 24);
    if !(20..=24).contains(&id) || !begins_word(bytes, at) {
        return None;
    }
    let from = at + id;
    let near = bytes.get(from..bytes.len().min(from + 96 + KEY_CHARS))?;
    let is_key = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'+');
    let mut start = 0;
    for run in near.split(|byte| !is_key(byte)) {
        // An escape's letter is none of the key's.
        let escape = usize::from(run.len() == KEY_CHARS + 1 && in_escape(near, start));
        if run.len() - escape == KEY_CHARS && looks_random(run) {
            return Some(from + start + escape..from + start + run.len());
        }
        start += run.len() + 1;
    }
    None
}

/// A key of Azure OpenAI, 84 characters, given the mark in its middle.
pub(super) fn azure_openai(bytes: &[u8], at: usize) -> Option<Range<usize>> {
    let before = bytes.get(at.checked_sub(52)?..at)?;
    let run = Alphabet::Alnum.run(bytes.get(at..)?, 32);
    let start = at - before.len();
    let whole = before.iter().all(u8::is_ascii_alphanumeric) && run == 32;
    (whole && begins_word(bytes, start)).then(|| start..at + run)
}

/// A client secret of Azure, 40 characters of which the fourth to sixth are `8Q~`.
pub(super) fn azure_client_secret(bytes: &[u8], at: usize) -> Option<Range<usize>> {
    let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || b"_.~-".contains(byte);
    let start = at.checked_sub(3)?;
    let rest = bytes.get(start..)?;
    let run = rest.iter().take(42).take_while(|byte| is_part(byte)).count();
    ((38..=41).contains(&run) && begins_word(bytes, start)).then(|| start..start + run)
}

/// A token of Terraform, `14 characters.atlasv1.60 or more`, given where `.atlasv1.` is.
pub(super) fn terraform(bytes: &[u8], at: usize) -> Option<Range<usize>> {
    let start = at.checked_sub(14)?;
    let name = bytes.get(start..at)?.iter().all(u8::is_ascii_alphanumeric);
    let behind = at + ".atlasv1.".len();
    let run = Alphabet::Word.run(bytes.get(behind..)?, 80);
    (name && (60..=80).contains(&run) && begins_word(bytes, start)).then(|| start..behind + run)
}

/// The private lines of a key of PuTTY, given where their number is announced.
pub(super) fn putty(bytes: &[u8], at: usize) -> Option<Range<usize>> {
    let start = at + "Private-Lines: ".len();
    let rest = bytes.get(start..)?;
    let digits = rest.iter().take(4).take_while(|byte| byte.is_ascii_digit()).count();
    let lines = rest.get(digits..)?;
    let length = memchr::memmem::find(lines, b"Private-").unwrap_or(lines.len());
    let lines = pem_body(lines.get(..length)?);
    let body = lines.trim_ascii_end();
    let first = body.iter().position(|byte| !b"\\rn\r\n".contains(byte))?;
    // The `\n` before `Private-MAC` is no part of the key.
    let mut end = body.len();
    while body.get(..end)?.ends_with(b"\\n") || body.get(..end)?.ends_with(b"\\r") {
        end -= 2;
    }
    let range = start + digits + first..start + digits + end;
    (digits > 0 && end >= first + 32).then_some(range)
}

/// Whether this is `user:password` in base64.
pub(super) fn is_basic(coded: &[u8]) -> bool {
    let coded = coded.trim_ascii_end();
    let padding = coded.iter().rev().take_while(|byte| **byte == b'=').count();
    let text =
        coded.get(..coded.len() - padding).and_then(|text| STANDARD_NO_PAD.decode(text).ok());
    text.is_some_and(|text| {
        text.contains(&b':') && text.iter().all(|byte| byte.is_ascii_graphic() || *byte >= 0x80)
    })
}

/// Whether this is an Airtable token behind `pat`: 14 characters, a dot, 64 digits.
pub(super) fn is_airtable(rest: &[u8]) -> bool {
    let parts: Vec<&[u8]> = rest.split(|byte| *byte == b'.').collect();
    matches!(parts.as_slice(), [id, key] if id.len() == 14 && key.len() == 64)
}
