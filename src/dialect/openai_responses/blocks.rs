//! Blocks of content, of a prompt as of an answer.

use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::wire::{Block, SoundIn};
use crate::dialect::json::{self as wire_json, Content, Text, TextOr};
use crate::dialect::media;
use crate::model::Part;

/// The parts of a content.
pub(in crate::dialect) fn parts(content: Content<'_>) -> Vec<Part> {
    match content {
        Content::Absent => Vec::new(),
        Content::Text(text) => text.own().map(Part::text).into_iter().collect(),
        Content::Blocks(blocks) => blocks.into_iter().flat_map(block).collect(),
        Content::Object(value) => match serde_json::value::to_raw_value(&value) {
            Ok(raw) => block(&raw),
            Err(_) => vec![media::other(value)],
        },
    }
}

/// The parts that a block is: itself and, after it, the fields of it that have no place.
pub(in crate::dialect) fn block(raw: &RawValue) -> Vec<Part> {
    if raw.get().starts_with('"') {
        let words = serde_json::from_str::<Text<'_>>(raw.get()).unwrap_or_default();
        return words.own().map(Part::text).into_iter().collect();
    }
    let (found, _) = wire_json::read::<Block<'static>, _>(raw.get(), known);
    found.flatten().unwrap_or_else(|| {
        let value = wire_json::value(raw);
        if wire_json::is_empty(&value) { Vec::new() } else { vec![media::other(value)] }
    })
}

/// A refusal, in the shape in which a request sends it back.
pub(in crate::dialect) fn refusal(words: &str) -> Part {
    Part::Other { value: json!({"type": "refusal", "refusal": words}) }
}

fn known(block: Block<'_>) -> Option<Vec<Part>> {
    let mut rest = Map::new();
    wire_json::keep(&mut rest, &block.rest);
    // What everybody sends says nothing.
    if let Some(detail) = block.detail.get().filter(|detail| *detail != "auto") {
        rest.insert("detail".to_owned(), detail.into());
    }
    let part = match block.kind.as_str() {
        "input_text" | "output_text" | "text" | "summary_text" => {
            Part::Text { text: block.text.into_string() }
        }
        "reasoning_text" => Part::Reasoning { text: block.text.into_string(), signature: None },
        "refusal" => refusal(block.refusal.as_str()),
        "input_image" | "image" | "image_url" | "computer_screenshot" => {
            image(&block.image_url, block.file_id.own())?
        }
        "input_file" | "file" => file(&block)?,
        "input_audio" | "output_audio" | "audio" => sound(&block),
        _ => return None,
    };
    let mut parts = vec![part];
    if !rest.is_empty() {
        parts.push(media::other(Value::Object(rest)));
    }
    Some(parts)
}

fn image(link: &TextOr<'_, super::wire::Link<'_>>, file_id: Option<String>) -> Option<Part> {
    let url = match link {
        TextOr::Text(url) => url.as_str(),
        TextOr::Object(link) => link.url.as_str(),
        TextOr::Absent => "",
    };
    if url.is_empty() && file_id.is_none() {
        return None;
    }
    let (mime_type, url, bytes) = media::place(url);
    Some(Part::Image { mime_type, url, file_id, bytes })
}

fn file(block: &Block<'_>) -> Option<Part> {
    let (mime_type, inline, bytes) = media::place(block.file_data.as_str());
    let (named_type, url, _) = media::place(block.file_url.as_str());
    let file_id = block.file_id.own();
    if inline.is_none() && bytes.is_none() && url.is_none() && file_id.is_none() {
        return None;
    }
    Some(Part::File {
        name: block.filename.own(),
        mime_type: mime_type.or(named_type),
        file_id,
        url: url.or(inline),
        text: None,
        bytes,
    })
}

/// Sound, with or without its bytes: Realtime tells only what is said in it.
fn sound(block: &Block<'_>) -> Part {
    let (format, data) = match (&block.input_audio, &block.audio) {
        (TextOr::Object(SoundIn { data, format, .. }), _)
        | (_, TextOr::Object(SoundIn { data, format, .. })) => (format, data),
        (TextOr::Text(data), _) | (_, TextOr::Text(data)) => (&block.format, data),
        (TextOr::Absent, TextOr::Absent) => (&block.format, &Text::default()),
    };
    Part::Audio {
        mime_type: format.own(),
        id: None,
        transcript: block.transcript.own(),
        bytes: data.get().map(media::base64_bytes),
    }
}
