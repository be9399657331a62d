//! Blocks of Converse's content as parts.

use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::wire::{Block, Cited, Found, Guarded, Medium, Reasoning, ToolResult};
use crate::dialect::json::{self, Content, Text, TextOr};
use crate::dialect::{draft, media};
use crate::model::Part;

/// Deepest nesting of blocks that is read: a document inside a result inside a message is
/// three. Deeper ones stay as they came.
const DEPTH_MAX: u8 = 8;

/// The parts of a content.
pub(super) fn parts(content: Content<'_>) -> Vec<Part> {
    nested(content, 0)
}

/// The parts of one block, and the cache point that it is.
pub(super) fn block(raw: &RawValue) -> (Vec<Part>, Option<Value>) {
    read(raw, 0)
}

/// A picture.
pub(super) fn image(image: Medium<'_>) -> Part {
    let (bytes, url, _) = place(&image);
    Part::Image { mime_type: mime_type("image", &image.format), url, file_id: None, bytes }
}

/// What a tool gave, so far as it has come.
pub(super) fn result(result: ToolResult<'_>, depth: u8) -> Part {
    Part::ToolResult {
        id: result.id.own(),
        // `nova_grounding_result`: a tool of the provider.
        name: result.kind.get().and_then(|kind| kind.strip_suffix("_result")).map(str::to_owned),
        parts: nested(result.content, depth + 1),
        is_error: match result.status.as_str() {
            "error" => Some(true),
            "success" => Some(false),
            _ => None,
        },
    }
}

fn nested(content: Content<'_>, depth: u8) -> Vec<Part> {
    match content {
        Content::Absent => Vec::new(),
        Content::Text(text) => text.own().map(Part::text).into_iter().collect(),
        Content::Blocks(raws) => raws.into_iter().flat_map(|raw| read(raw, depth).0).collect(),
        Content::Object(value) => match serde_json::value::to_raw_value(&value) {
            Ok(raw) => read(&raw, depth).0,
            Err(_) => vec![media::other(value)],
        },
    }
}

fn read(raw: &RawValue, depth: u8) -> (Vec<Part>, Option<Value>) {
    if raw.get().starts_with('"') {
        let text = serde_json::from_str::<Text<'_>>(raw.get()).unwrap_or_default();
        return (text.own().map(Part::text).into_iter().collect(), None);
    }
    let as_it_came = || match json::value(raw) {
        value if json::is_empty(&value) => Vec::new(),
        value => vec![media::other(value)],
    };
    if depth >= DEPTH_MAX {
        return (as_it_came(), None);
    }
    let (found, _) = json::read::<Block<'static>, _>(raw.get(), |mut block| {
        let cache = block.cache_point.map(json::value);
        let mut rest = Map::new();
        json::keep(&mut rest, &std::mem::take(&mut block.rest));
        let mut parts = known(block, depth);
        let is_known = !parts.is_empty() || cache.is_some();
        if is_known && !rest.is_empty() {
            parts.push(media::other(Value::Object(rest)));
        }
        (is_known, parts, cache)
    });
    match found {
        Some((true, parts, cache)) => (parts, cache),
        _ => (as_it_came(), None),
    }
}

/// The parts that a block is; none if it is of no known kind. A block has one kind, but apps
/// put a cache point into the block of a text.
fn known(block: Block<'_>, depth: u8) -> Vec<Part> {
    let mut parts = Vec::new();
    parts.extend(block.text.own().map(Part::text));
    parts.extend(block.json.map(|value| media::other(json!({"json": value}))));
    parts.extend(block.image.map(image));
    parts.extend(block.document.map(|file| document(file, depth)));
    parts.extend(block.video.map(video));
    parts.extend(block.audio.map(audio));
    parts.extend(block.tool_use.map(|call| Part::ToolCall {
        id: call.id.own(),
        name: call.name.into_string(),
        arguments: call.input.unwrap_or_else(|| Value::Object(Map::new())),
    }));
    parts.extend(block.tool_result.map(|given| result(given, depth)));
    parts.extend(block.reasoning.map(reasoning));
    parts.extend(block.guarded.into_iter().flat_map(guarded));
    parts.extend(block.cited.into_iter().flat_map(|words| cited(words, depth)));
    parts.extend(block.search_result.map(|found| search_result(found, depth)));
    parts
}

fn reasoning(thought: Reasoning<'_>) -> Part {
    let signature = thought.redacted.own();
    match thought.whole {
        Some(whole) => Part::Reasoning {
            text: whole.text.into_string(),
            signature: whole.signature.own().or(signature),
        },
        None => Part::Reasoning {
            text: thought.text.into_string(),
            signature: thought.signature.own().or(signature),
        },
    }
}

/// Size, address and words of a medium.
fn place(medium: &Medium<'_>) -> (Option<u64>, Option<String>, Option<String>) {
    let Some(source) = &medium.source else { return (None, None, None) };
    let bytes = source.bytes.get().map(media::base64_bytes);
    let url = source.s3.as_ref().and_then(|stored| stored.uri.own());
    (bytes, url, source.text.own())
}

fn mime_type(kind: &str, format: &Text<'_>) -> Option<String> {
    format.get().map(|format| match format.contains('/') {
        true => format.to_owned(),
        false => format!("{kind}/{format}"),
    })
}

fn document(mut file: Medium<'_>, depth: u8) -> Part {
    let (bytes, url, text) = place(&file);
    let content = file.source.as_mut().map(|source| std::mem::take(&mut source.content));
    let inside = content.and_then(|content| draft::words(&nested(content, depth + 1)));
    Part::File {
        name: file.name.own(),
        mime_type: file.format.own(),
        file_id: None,
        url,
        text: text.or(inside),
        bytes,
    }
}

fn video(video: Medium<'_>) -> Part {
    let (bytes, url, _) = place(&video);
    let mime_type = mime_type("video", &video.format);
    Part::File { name: None, mime_type, file_id: None, url, text: None, bytes }
}

fn audio(sound: Medium<'_>) -> Part {
    let (bytes, url, _) = place(&sound);
    let mime_type = mime_type("audio", &sound.format);
    Part::Audio { mime_type, id: url, transcript: None, bytes }
}

/// What a guardrail looks at.
pub(super) fn guarded(guarded: Guarded<'_>) -> Vec<Part> {
    let mut parts = Vec::new();
    match guarded.text {
        TextOr::Text(text) => parts.extend(text.own().map(Part::text)),
        TextOr::Object(words) => {
            parts.extend(words.text.own().map(Part::text));
            let mut rest = Map::new();
            json::keep(&mut rest, &words.rest);
            if !rest.is_empty() {
                parts.push(media::other(json!({"guardContent": rest})));
            }
        }
        TextOr::Absent => {}
    }
    parts.extend(guarded.image.map(image));
    parts
}

fn cited(cited: Cited<'_>, depth: u8) -> Vec<Part> {
    let mut parts = nested(cited.content, depth + 1);
    let mut rest = Map::new();
    json::keep(&mut rest, &cited.rest);
    if !rest.is_empty() {
        parts.push(media::other(Value::Object(rest)));
    }
    parts
}

fn search_result(found: Found<'_>, depth: u8) -> Part {
    Part::File {
        name: found.title.own(),
        mime_type: None,
        file_id: None,
        url: found.source.own(),
        text: draft::words(&nested(found.content, depth + 1)),
        bytes: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_is_what_its_field_says() {
        let file = |name: &str, mime_type: &str, text: &str| Part::File {
            name: Some(name.to_owned()),
            mime_type: Some(mime_type.to_owned()),
            file_id: None,
            url: None,
            text: Some(text.to_owned()),
            bytes: None,
        };
        for (rule, wire, expected) in [
            ("words", json!({"text": "a"}), vec![Part::text("a")]),
            (
                "a document of texts",
                json!({"document": {"name": "n", "format": "txt",
                    "source": {"content": [{"text": "a"}, {"text": "b"}]}}}),
                vec![file("n", "txt", "a\n\nb")],
            ),
            (
                "words for a guardrail",
                json!({"guardContent": {"text": {"text": "a", "qualifiers": ["query"]}}}),
                vec![
                    Part::text("a"),
                    media::other(json!({"guardContent": {"qualifiers": ["query"]}})),
                ],
            ),
            (
                "reasoning that is hidden",
                json!({"reasoningContent": {"redactedContent": "QUJD"}}),
                vec![Part::Reasoning { text: String::new(), signature: Some("QUJD".to_owned()) }],
            ),
            (
                "words with citations",
                json!({"citationsContent": {"content": [{"text": "a"}],
                    "citations": [{"title": "t"}]}}),
                vec![Part::text("a"), media::other(json!({"citations": [{"title": "t"}]}))],
            ),
            (
                "a kind of tomorrow",
                json!({"hologram": {"size": 3}}),
                vec![media::other(json!({"hologram": {"size": 3}}))],
            ),
            ("a cache point is no part", json!({"cachePoint": {"type": "default"}}), vec![]),
        ] {
            let raw = serde_json::value::to_raw_value(&wire).unwrap();
            assert_eq!(block(&raw).0, expected, "{rule}");
        }
    }

    #[test]
    fn nesting_without_end_is_cut() {
        let deep = r#"{"toolResult":{"content":["#.repeat(50) + &"]}}".repeat(50);
        let raw: &RawValue = serde_json::from_str(&deep).unwrap();
        assert!(!block(raw).0.is_empty());
    }
}
