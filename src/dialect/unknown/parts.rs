//! Messages and tools by their shape.

use serde_json::{Map, Value};

use super::names::{SAID, SPEAKERS, thinks};
use crate::dialect::{json, media};
use crate::model::{Message, Part, Tool};

/// Items of a list that are looked at to tell what it is.
const LOOKED_AT: usize = 8;

/// Whether `items` are the turns of a conversation: objects with a speaker and what he says.
pub(super) fn is_conversation(items: &[Value]) -> bool {
    !items.is_empty()
        && items.iter().take(LOOKED_AT).all(|item| {
            let has = |names: &[&str]| names.iter().any(|name| item.get(*name).is_some());
            let speaks = SPEAKERS.iter().any(|name| item.get(*name).is_some_and(Value::is_string));
            speaks && (has(&SAID) || has(&["tool_calls", "tool_results", "thinking"]))
        })
}

/// Whether `items` are tools: objects with a name and more, or with a function that has one.
pub(super) fn are_tools(items: &[Value]) -> bool {
    !items.is_empty() && items.iter().take(LOOKED_AT).all(|item| tool_name(item).is_some())
}

fn tool_name(item: &Value) -> Option<&str> {
    let inner = ["function", "tool_spec", "toolSpec"].iter().find_map(|name| item.get(*name));
    inner.unwrap_or(item).get("name").or_else(|| item.get("type"))?.as_str()
}

/// The tool that `item` is.
pub(super) fn tool(item: Value) -> Tool {
    let name = tool_name(&item).unwrap_or_default().to_owned();
    let mut fields = object(item);
    for inner in ["function", "tool_spec", "toolSpec"] {
        if let Some(Value::Object(found)) = fields.remove(inner) {
            fields = found;
            break;
        }
    }
    let description = fields.get("description").and_then(Value::as_str).map(str::to_owned);
    let names = ["parameters", "input_schema", "inputSchema", "schema", "parametersJsonSchema"];
    let schema = names.iter().find_map(|name| fields.remove(*name));
    let schema = match schema {
        // Protobuf has no place for JSON but in a text.
        Some(Value::String(text)) => json::arguments(text),
        Some(schema) => schema,
        None => Value::Object(fields),
    };
    Tool { name, description, schema }
}

/// The message that `item` is.
pub(super) fn message(item: Value) -> Message {
    let mut fields = object(item);
    let role = SPEAKERS.iter().find_map(|name| fields.remove(*name));
    let role = role.and_then(|role| role.as_str().map(str::to_owned)).unwrap_or_default();
    let mut found = Vec::new();
    for name in ["thinking", "reasoning", "reasoning_content"] {
        if let Some(Value::String(text)) = fields.get(name) {
            let signature = fields.get("signature").and_then(Value::as_str).map(str::to_owned);
            found.push(Part::Reasoning { text: text.clone(), signature });
            fields.remove(name);
            fields.remove("signature");
        }
    }
    let said = SAID.iter().find_map(|name| fields.remove(*name));
    let answers = fields.get("tool_call_id").and_then(Value::as_str).map(str::to_owned);
    let mut content = said.map(parts).unwrap_or_default();
    if answers.is_some() && !content.is_empty() {
        let name = fields.get("name").and_then(Value::as_str).map(str::to_owned);
        let is_error = fields.get("is_error").and_then(Value::as_bool);
        content = vec![Part::ToolResult { id: answers, name, parts: content, is_error }];
        for name in ["tool_call_id", "name", "is_error"] {
            fields.remove(name);
        }
    }
    found.append(&mut content);
    for name in ["tool_calls", "toolCalls"] {
        if let Some(Value::Array(calls)) = fields.remove(name) {
            found.extend(calls.into_iter().map(block));
        }
    }
    // The name of a message says nothing of it.
    fields.retain(|name, value| !json::is_empty(value) && name != "id");
    if !fields.is_empty() {
        found.push(media::other(Value::Object(fields)));
    }
    Message { role, parts: found }
}

/// The parts of a content: a text, an object, or a list of either.
pub(super) fn parts(content: Value) -> Vec<Part> {
    match content {
        Value::Null => Vec::new(),
        Value::String(text) if text.is_empty() => Vec::new(),
        Value::String(text) => vec![Part::Text { text }],
        Value::Array(items) => items.into_iter().map(block).collect(),
        content => vec![block(content)],
    }
}

/// The part that a block of content is.
fn block(block: Value) -> Part {
    let mut fields = match block {
        Value::String(text) => return Part::Text { text },
        Value::Object(fields) => fields,
        other => return media::other(other),
    };
    let kind = fields.get("type").and_then(Value::as_str).unwrap_or_default().to_ascii_lowercase();
    let is_thought = thinks(&kind) || fields.get("thought") == Some(&Value::Bool(true));
    for name in ["text", "thinking", "reasoning"] {
        if let Some(Value::String(text)) = fields.get_mut(name) {
            let text = std::mem::take(text);
            if is_thought || name != "text" {
                let signature = fields.get("signature").and_then(Value::as_str).map(str::to_owned);
                return Part::Reasoning { text, signature };
            }
            return Part::Text { text };
        }
    }
    if let Some(part) = called(&mut fields) {
        return part;
    }
    for name in ["image_url", "image"] {
        let url = fields.get(name).map(|image| image.get("url").unwrap_or(image));
        if let Some(Value::String(url)) = url {
            return media::image(url);
        }
    }
    if kind.contains("result")
        && let Some(content) = fields.remove("content")
    {
        let id = ["tool_use_id", "id"].iter().find_map(|name| fields.get(*name)?.as_str());
        let is_error = fields.get("is_error").and_then(Value::as_bool);
        let id = id.map(str::to_owned);
        return Part::ToolResult { id, name: None, parts: parts(content), is_error };
    }
    media::other(Value::Object(fields))
}

/// The call that `fields` are, if they have a name and arguments.
pub(super) fn called(fields: &mut Map<String, Value>) -> Option<Part> {
    let id = fields.get("id").and_then(Value::as_str).map(str::to_owned);
    if let Some(Value::Object(function)) = fields.get_mut("function") {
        let mut function = std::mem::take(function);
        function.extend(id.map(|id| ("id".to_owned(), id.into())));
        return called(&mut function);
    }
    let names = ["arguments", "input", "args", "arguments_json"];
    let given = names.iter().find(|name| fields.contains_key(**name))?;
    let name = fields.get("name")?.as_str()?.to_owned();
    let arguments = match fields.remove(*given)? {
        Value::String(text) => json::arguments(text),
        given => given,
    };
    Some(Part::ToolCall { id, name, arguments })
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}
