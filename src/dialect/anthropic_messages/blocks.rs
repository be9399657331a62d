//! Blocks of content as parts.

use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::wire::{Block, Source};
use crate::dialect::json::{self, Content, Text, TextOr};
use crate::dialect::media;
use crate::model::Part;

/// Deepest nesting of blocks that is read: a document inside a result inside a turn is three.
/// Deeper ones stay as they came.
const DEPTH_MAX: u8 = 8;

/// The parts of a content.
pub(super) fn parts(content: Content<'_>) -> Vec<Part> {
    nested(content, 0)
}

/// The parts of one block, and its `cache_control`.
pub(super) fn block(raw: &RawValue) -> (Vec<Part>, Option<Value>) {
    read(raw, 0)
}

/// All words of `content` as one text; `None` if there are none.
pub(super) fn words(content: Content<'_>) -> Option<String> {
    let texts: Vec<String> = parts(content)
        .into_iter()
        .filter_map(|part| match part {
            Part::Text { text } => Some(text),
            _ => None,
        })
        .collect();
    (!texts.is_empty()).then(|| texts.join("\n\n"))
}

fn nested(content: Content<'_>, depth: u8) -> Vec<Part> {
    match content {
        Content::Absent => Vec::new(),
        Content::Text(text) => text.own().map(Part::text).into_iter().collect(),
        Content::Blocks(raws) => raws.into_iter().flat_map(|raw| read(raw, depth).0).collect(),
        Content::Object(value) => vec![media::other(value)],
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
        let cache = block.cache_control.map(json::value);
        let mut rest = Map::new();
        json::keep(&mut rest, &std::mem::take(&mut block.rest));
        let part = part(block, depth).map(|part| {
            let more = (!rest.is_empty()).then(|| media::other(Value::Object(rest)));
            [Some(part), more].into_iter().flatten().collect()
        });
        (part, cache)
    });
    match found {
        Some((Some(parts), cache)) => (parts, cache),
        Some((None, cache)) => (as_it_came(), cache),
        None => (as_it_came(), None),
    }
}

/// The part that a block is; `None` if it has no part of its own.
fn part(block: Block<'_>, depth: u8) -> Option<Part> {
    match block.kind.as_str() {
        "text" => Some(Part::Text { text: block.text.into_string() }),
        "thinking" => Some(Part::Reasoning {
            text: block.thinking.into_string(),
            signature: block.signature.own(),
        }),
        "redacted_thinking" => {
            Some(Part::Reasoning { text: String::new(), signature: block.data.own() })
        }
        "tool_use" | "server_tool_use" | "mcp_tool_use" => Some(Part::ToolCall {
            id: block.id.own(),
            name: block.name.into_string(),
            arguments: block.input.unwrap_or_else(|| Value::Object(Map::new())),
        }),
        "image" => match block.source {
            TextOr::Object(source) => Some(image(&source)),
            _ => None,
        },
        "document" => match block.source {
            TextOr::Object(source) => Some(document(source, block.title.own(), depth)),
            _ => None,
        },
        "search_result" => Some(Part::File {
            name: block.title.own(),
            mime_type: None,
            file_id: None,
            url: match &block.source {
                TextOr::Text(url) => url.own(),
                _ => None,
            },
            text: joined(nested(block.content, depth + 1)),
            bytes: None,
        }),
        "container_upload" => Some(Part::File {
            name: None,
            mime_type: None,
            file_id: block.file_id.own(),
            url: None,
            text: None,
            bytes: None,
        }),
        kind => match kind.strip_suffix("tool_result") {
            Some(tool) => {
                let tool = tool.trim_end_matches('_').to_owned();
                Some(result(block, tool, depth))
            }
            None => None,
        },
    }
}

/// What a tool gave; `tool` is empty for the app's own tools and names a server's.
fn result(block: Block<'_>, tool: String, depth: u8) -> Part {
    let failed = match &block.content {
        Content::Object(value) => {
            value.get("type").and_then(Value::as_str).is_some_and(|kind| kind.ends_with("_error"))
        }
        _ => false,
    };
    Part::ToolResult {
        id: block.tool_use_id.own(),
        name: (!tool.is_empty() && tool != "mcp").then_some(tool),
        is_error: block.is_error.as_bool().or(failed.then_some(true)),
        parts: nested(block.content, depth + 1),
    }
}

fn image(source: &Source<'_>) -> Part {
    Part::Image {
        mime_type: source.media_type.own(),
        url: source.url.own(),
        file_id: source.file_id.own(),
        bytes: source.data.get().map(media::base64_bytes),
    }
}

fn document(source: Source<'_>, name: Option<String>, depth: u8) -> Part {
    let is_text = source.kind.as_str() == "text";
    Part::File {
        name,
        mime_type: source.media_type.own(),
        file_id: source.file_id.own(),
        url: source.url.own(),
        bytes: match is_text {
            true => None,
            false => source.data.get().map(media::base64_bytes),
        },
        text: match is_text {
            true => source.data.own(),
            false => joined(nested(source.content, depth + 1)),
        },
    }
}

fn joined(parts: Vec<Part>) -> Option<String> {
    let text: String = parts
        .into_iter()
        .filter_map(|part| match part {
            Part::Text { text } => Some(text),
            _ => None,
        })
        .collect();
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nesting_without_end_is_cut() {
        let deep = r#"{"type":"tool_result","content":["#.repeat(200) + &"]}".repeat(200);
        let raw: &RawValue = serde_json::from_str(&deep).unwrap();
        assert!(!block(raw).0.is_empty());
    }
}
