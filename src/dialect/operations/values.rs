//! Messages, inputs and tools as operations of many kinds have them, read from values.

use serde_json::Value;

use crate::dialect::{json, media, openai_chat};
use crate::model::{Message, Part, Tool};

/// The parts of an input: a text, a list of texts, or content as a message has it.
pub(super) fn input(value: Value) -> Vec<Part> {
    match value {
        Value::String(text) if text.is_empty() => Vec::new(),
        Value::String(text) => vec![Part::Text { text }],
        Value::Array(items) => items.into_iter().flat_map(input).collect(),
        value if json::is_empty(&value) => Vec::new(),
        Value::Object(_) => content(&value),
        other => vec![media::other(other)],
    }
}

/// The messages that `value` holds: a list of objects with a role, or a list of such lists;
/// items of other types (calls and what they gave) are messages of the role `tool`. `None` if
/// it holds none.
pub(super) fn messages(value: &Value) -> Option<Vec<Message>> {
    let items = value.as_array()?;
    if let Some(first) = items.first().filter(|first| first.is_array()) {
        messages(first)?;
        return Some(items.iter().filter_map(messages).flatten().collect());
    }
    items.iter().any(|item| item.get("role").is_some()).then_some(())?;
    Some(items.iter().map(message).collect())
}

/// A message with a role and a content; a call is the assistant's, what it gave the tool's.
pub(super) fn message(item: &Value) -> Message {
    let text = |name: &str| item.get(name).and_then(Value::as_str).map(str::to_owned);
    let kind = text("type").unwrap_or_default();
    let (role, parts) = match (text("role"), item.get("content")) {
        (Some(role), Some(content)) => (role, input(content.clone())),
        (role, _) => match kind.as_str() {
            "function_call" | "custom_tool_call" => {
                let arguments = match text("arguments") {
                    Some(json) => json::arguments(json),
                    None => item.get("input").cloned().unwrap_or_default(),
                };
                let (id, name) = (text("call_id"), text("name").unwrap_or_default());
                ("assistant".to_owned(), vec![Part::ToolCall { id, name, arguments }])
            }
            "function_call_output" | "custom_tool_call_output" => {
                let parts = input(item.get("output").cloned().unwrap_or_default());
                let id = text("call_id");
                let part = Part::ToolResult { id, name: None, parts, is_error: None };
                ("tool".to_owned(), vec![part])
            }
            _ => (role.unwrap_or_else(|| "tool".to_owned()), vec![media::other(item.clone())]),
        },
    };
    Message { role, parts }
}

/// The parts of one block of content.
///
/// The Assistants have the words of a `text` block one level deeper, as `text.value`.
pub(super) fn content(block: &Value) -> Vec<Part> {
    let text = |place: &str| block.pointer(place).and_then(Value::as_str).map(str::to_owned);
    if let Some(words) = text("/text/value").or_else(|| text("/text")) {
        return vec![Part::Text { text: words }];
    }
    let file_id = text("/image_file/file_id");
    if file_id.is_some() {
        return vec![Part::Image { mime_type: None, url: None, file_id, bytes: None }];
    }
    match serde_json::value::to_raw_value(block) {
        Ok(raw) => openai_chat::raw_block(&raw),
        Err(_) => vec![media::other(block.clone())],
    }
}

/// The tools in `value`.
pub(super) fn tools(value: &Value) -> Vec<Tool> {
    value.as_array().into_iter().flatten().map(tool).collect()
}

fn tool(tool: &Value) -> Tool {
    let function = tool.get("function").filter(|function| function.is_object());
    let of = function.unwrap_or(tool);
    let text = |name: &str| of.get(name).and_then(Value::as_str).map(str::to_owned);
    let kind = || tool.get("type").and_then(Value::as_str).map(str::to_owned);
    Tool {
        name: text("name").or_else(kind).unwrap_or_default(),
        description: text("description"),
        schema: match of.get("parameters") {
            Some(schema) => schema.clone(),
            None if function.is_some() => Value::Null,
            None => tool.clone(),
        },
    }
}
