//! Steps and contents as parts.

use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Map, Value};

use super::wire::Step;
use crate::dialect::json::{self, Content, Text, TextOr};
use crate::dialect::media;
use crate::model::Part;

/// Deepest nesting of contents that is read: a picture inside a result inside a step is three.
const DEPTH_MAX: u8 = 8;

/// The parts of a step or of a content.
pub(super) fn parts(raw: &RawValue) -> Vec<Part> {
    read(raw, 0)
}

/// The parts of what a turn says.
pub(super) fn said(content: Content<'_>) -> Vec<Part> {
    nested(content, 0)
}

/// A picture, a sound, a film or a document.
pub(super) fn medium(kind: &str, mime_type: &Text<'_>, data: &Text<'_>, uri: &Text<'_>) -> Part {
    let (mime_type, url) = (mime_type.own(), uri.own());
    let bytes = data.get().map(media::base64_bytes);
    match kind {
        "image" => Part::Image { mime_type, url, file_id: None, bytes },
        "audio" if url.is_none() => Part::Audio { mime_type, id: None, transcript: None, bytes },
        _ => Part::File { name: None, mime_type, file_id: None, url, text: None, bytes },
    }
}

fn nested(content: Content<'_>, depth: u8) -> Vec<Part> {
    match content {
        Content::Absent => Vec::new(),
        Content::Text(text) => text.own().map(Part::text).into_iter().collect(),
        Content::Blocks(raws) => raws.into_iter().flat_map(|raw| read(raw, depth)).collect(),
        Content::Object(value) => of_value(&value, depth),
    }
}

fn of_value(value: &Value, depth: u8) -> Vec<Part> {
    match to_raw_value(value) {
        Ok(raw) => read(&raw, depth),
        Err(_) => vec![media::other(value.clone())],
    }
}

fn read(raw: &RawValue, depth: u8) -> Vec<Part> {
    if raw.get().starts_with('"') {
        let text = serde_json::from_str::<Text<'_>>(raw.get()).unwrap_or_default();
        return text.own().map(Part::text).into_iter().collect();
    }
    let as_it_came = || match json::value(raw) {
        value if json::is_empty(&value) => Vec::new(),
        value => vec![media::other(value)],
    };
    if depth >= DEPTH_MAX {
        return as_it_came();
    }
    let (found, _) = json::read::<Step<'static>, _>(raw.get(), |mut step| {
        let rest = std::mem::take(&mut step.rest);
        let mut found = known(step, depth)?;
        let mut more = Map::new();
        json::keep(&mut more, &rest);
        if !more.is_empty() {
            found.push(media::other(Value::Object(more)));
        }
        Some(found)
    });
    found.flatten().unwrap_or_else(as_it_came)
}

/// The parts of a step of a known type; `None` if it has none of its own.
fn known(step: Step<'_>, depth: u8) -> Option<Vec<Part>> {
    Some(match step.kind.as_str() {
        "text" => vec![Part::Text { text: step.text.into_string() }],
        kind @ ("image" | "audio" | "video" | "document") => {
            vec![medium(kind, &step.mime_type, &step.data, &step.uri)]
        }
        "user_input" | "model_output" => nested(step.content, depth + 1),
        "thought" => thought(step, depth),
        "function_call" => vec![Part::ToolCall {
            id: step.id.own(),
            name: step.name.into_string(),
            arguments: match step.arguments {
                TextOr::Absent => Value::Object(Map::new()),
                TextOr::Text(text) => json::arguments(text.into_string()),
                TextOr::Object(value) => value,
            },
        }],
        "function_result" => vec![Part::ToolResult {
            id: step.call_id.own(),
            name: step.name.own(),
            parts: given(step.result, depth),
            is_error: step.is_error.as_bool(),
        }],
        _ => return None,
    })
}

/// The words of a thought's summary are one part with its signature; its pictures follow.
fn thought(step: Step<'_>, depth: u8) -> Vec<Part> {
    let mut words = step.text.into_string();
    let mut found = Vec::new();
    for part in nested(step.summary, depth + 1) {
        match part {
            Part::Text { text } => words.push_str(&text),
            part => found.push(part),
        }
    }
    found.insert(0, Part::Reasoning { text: words, signature: step.signature.own() });
    found
}

/// What a function gave: a text, contents, or an object of the app's own.
fn given(result: Option<Value>, depth: u8) -> Vec<Part> {
    match result {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::String(text)) => vec![Part::Text { text }],
        Some(Value::Array(items)) => {
            items.iter().flat_map(|item| of_value(item, depth + 1)).collect()
        }
        Some(value) => vec![media::other(value)],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn each_step_is_its_parts() {
        for (rule, step, expected) in [
            (
                "a text",
                json!({"type": "text", "text": "hi"}),
                json!([{"type": "text", "text": "hi"}]),
            ),
            (
                "what the model says",
                json!({"type": "model_output", "content": [{"type": "text", "text": "hi"},
                    {"type": "image", "mime_type": "image/png", "data": "aGVsbG8="}]}),
                json!([{"type": "text", "text": "hi"},
                    {"type": "image", "mime_type": "image/png", "bytes": 5}]),
            ),
            (
                "a thought",
                json!({"type": "thought", "signature": "c2ln",
                    "summary": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}),
                json!([{"type": "reasoning", "text": "ab", "signature": "c2ln"}]),
            ),
            (
                "a result",
                json!({"type": "function_result", "call_id": "c", "name": "f", "is_error": true,
                    "result": [{"type": "text", "text": "no"}]}),
                json!([{"type": "tool_result", "id": "c", "name": "f", "is_error": true,
                    "parts": [{"type": "text", "text": "no"}]}]),
            ),
            (
                "a tool of Google's",
                json!({"type": "google_search_call", "id": "s"}),
                json!([{"type": "other", "value": {"type": "google_search_call", "id": "s"}}]),
            ),
            (
                "citations follow their text",
                json!({"type": "text", "text": "x", "annotations": [{"url": "u"}]}),
                json!([{"type": "text", "text": "x"},
                    {"type": "other", "value": {"annotations": [{"url": "u"}]}}]),
            ),
        ] {
            let raw = to_raw_value(&step).unwrap();
            assert_eq!(serde_json::to_value(parts(&raw)).unwrap(), expected, "{rule}");
        }
    }

    #[test]
    fn nesting_without_end_is_cut() {
        let deep = r#"{"type":"model_output","content":["#.repeat(60) + &"]}".repeat(60);
        let raw: &RawValue = serde_json::from_str(&deep).unwrap();
        assert!(!parts(raw).is_empty());
    }
}
