//! Pictures that were sent inside a body: the exchange has their sizes, the body their bytes.

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde_json::Value;

use crate::model::{Exchange, Part};

/// A picture of a kind that every browser draws and that cannot run anything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// By its first bytes, whatever the sender called it.
    pub mime_type: &'static str,
    /// The file.
    pub bytes: Vec<u8>,
}

/// The `n`th picture, from 0, of those that stand inside the bodies of an exchange: in the
/// request's messages first, then in the reply. `None` if there is none, or if it is of a kind
/// that is not shown.
pub fn picture(exchange: &Exchange, n: usize, request: &[u8], reply: &[u8]) -> Option<Picture> {
    let asked = exchange.request.messages.iter().flat_map(|message| &message.parts);
    let asked: Vec<u64> = sizes(asked);
    let choices = exchange.reply.iter().flat_map(|reply| &reply.choices);
    let answered = sizes(choices.flat_map(|choice| &choice.parts));
    let (of, n, body) = match n.checked_sub(asked.len()) {
        None => (asked, n, request),
        Some(n) => (answered, n, reply),
    };
    let size = *of.get(n)?;
    // Keys of an object may come in any order, so only pictures of one size are told apart by
    // their place.
    let before = of.iter().take(n).filter(|other| **other == size).count();
    let mut left = before;
    documents(body).iter().find_map(|value| nth(value, size, &mut left)).and_then(decoded)
}

/// How many pictures stand inside bodies, of these parts.
pub fn pictures<'a>(parts: impl IntoIterator<Item = &'a Part>) -> usize {
    sizes(parts).len()
}

fn sizes<'a>(parts: impl IntoIterator<Item = &'a Part>) -> Vec<u64> {
    let mut found = Vec::new();
    for part in parts {
        match part {
            Part::Image { bytes: Some(bytes), .. } => found.push(*bytes),
            Part::ToolResult { parts, .. } => found.extend(sizes(parts)),
            _ => {}
        }
    }
    found
}

/// The JSON of a body: one document, or one a line, as events have it.
fn documents(body: &[u8]) -> Vec<Value> {
    if let Ok(whole) = serde_json::from_slice(body) {
        return vec![whole];
    }
    let lines = body.split(|byte| *byte == b'\n');
    lines
        .map(|line| line.strip_prefix(b"data:").unwrap_or(line).trim_ascii())
        .filter_map(|line| serde_json::from_slice(line).ok())
        .collect()
}

/// The base64 of the picture of that size before which `left` others stand.
fn nth<'a>(value: &'a Value, size: u64, left: &mut usize) -> Option<&'a str> {
    match value {
        Value::String(text) => {
            let base64 = base64_of(text)?;
            if decoded_bytes(base64) != size || !looks_like_base64(base64) {
                return None;
            }
            if *left > 0 {
                *left -= 1;
                return None;
            }
            Some(base64)
        }
        Value::Array(items) => items.iter().find_map(|item| nth(item, size, left)),
        Value::Object(fields) => fields.values().find_map(|field| nth(field, size, left)),
        _ => None,
    }
}

fn base64_of(text: &str) -> Option<&str> {
    match text.get(..5) {
        Some(scheme) if scheme.eq_ignore_ascii_case("data:") => {
            text.split_once(',').map(|(_, data)| data)
        }
        _ => Some(text),
    }
}

/// As the dialects count it.
fn decoded_bytes(base64: &str) -> u64 {
    let length = base64.trim_end_matches(['=', '\n', '\r', ' ']).len() as u64;
    length / 4 * 3 + (length % 4).saturating_sub(1)
}

fn looks_like_base64(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+/-_=\r\n ".contains(&byte))
}

fn decoded(base64: &str) -> Option<Picture> {
    let letters: Vec<u8> = base64
        .bytes()
        .filter(|byte| !byte.is_ascii_whitespace())
        .map(|byte| match byte {
            b'-' => b'+',
            b'_' => b'/',
            byte => byte,
        })
        .collect();
    let config = GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let bytes = GeneralPurpose::new(&alphabet::STANDARD, config).decode(letters).ok()?;
    Some(Picture { mime_type: kind(&bytes)?, bytes })
}

/// What the first bytes say; SVG is a document that can run scripts and is none of these.
fn kind(bytes: &[u8]) -> Option<&'static str> {
    let begins = |with: &[u8]| bytes.starts_with(with);
    if begins(b"\x89PNG\r\n\x1a\n") {
        Some("image/png")
    } else if begins(b"\xff\xd8\xff") {
        Some("image/jpeg")
    } else if begins(b"GIF87a") || begins(b"GIF89a") {
        Some("image/gif")
    } else if begins(b"RIFF") && bytes.get(8..12) == Some(b"WEBP") {
        Some("image/webp")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::model::Message;
    use crate::store::tests::sample::turn;

    const PNG: &[u8] = b"\x89PNG\r\n\x1a\n one";
    const SAME: &[u8] = b"\x89PNG\r\n\x1a\n two";
    const GIF: &[u8] = b"GIF89a and more";
    const SVG: &[u8] = b"<svg onload='alert(1)'/>";

    fn image(bytes: &[u8]) -> Part {
        let bytes = Some(bytes.len() as u64);
        Part::Image { mime_type: Some("image/png".into()), url: None, file_id: None, bytes }
    }

    fn base64(bytes: &[u8]) -> String {
        base64::engine::general_purpose::STANDARD.encode(bytes)
    }

    #[test]
    fn a_picture_is_found_by_its_size_and_place() {
        let mut exchange = turn(0);
        let result =
            Part::ToolResult { id: None, name: None, parts: vec![image(SAME)], is_error: None };
        exchange.request.messages = vec![Message {
            role: "user".into(),
            parts: vec![image(PNG), result, image(SVG), image(GIF)],
        }];
        if let Some(reply) = &mut exchange.reply {
            reply.choices[0].parts = vec![image(GIF)];
        }
        let request = json!({"messages": [
            {"image_url": {"url": format!("data:image/png;base64,{}", base64(PNG))}},
            {"source": {"data": base64(SAME).trim_end_matches('=')}},
            {"inlineData": {"data": base64(SVG)}},
            {"inlineData": {"data": base64(GIF)}},
        ]});
        let reply = format!("event: x\ndata: {}\n\n", json!({"b64_json": base64(GIF)}));
        let found = |n| picture(&exchange, n, request.to_string().as_bytes(), reply.as_bytes());
        for (n, expected) in [
            (0, Some(("image/png", PNG))),
            (1, Some(("image/png", SAME))),
            (2, None),
            (3, Some(("image/gif", GIF))),
            (4, Some(("image/gif", GIF))),
            (5, None),
        ] {
            let found = found(n);
            let found = found.as_ref().map(|p| (p.mime_type, p.bytes.as_slice()));
            assert_eq!(found, expected, "picture {n}");
        }
    }
}
