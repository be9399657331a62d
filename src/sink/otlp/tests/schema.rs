//! What the JSON schemas of the conventions, version 1.41, ask of content
//! (`docs/gen-ai/gen-ai-*-messages.json`), and a little more: a part of a type that they know
//! has all that they ask of that type, though the schemas would take it as one unknown to them.

use serde_json::Value;

type Check = fn(&Value) -> Result<(), String>;

/// Attributes with content, and what is asked of each.
pub(super) const CHECKS: &[(&str, Check)] = &[
    ("gen_ai.system_instructions", |parts| each(parts, part)),
    ("gen_ai.input.messages", |messages| each(messages, message)),
    ("gen_ai.output.messages", |messages| {
        each(messages, |one| message(one).and_then(|()| texts(one, &["finish_reason"])))
    }),
    ("gen_ai.tool.definitions", |tools| each(tools, |tool| texts(tool, &["type", "name"]))),
];

fn each(list: &Value, check: impl Fn(&Value) -> Result<(), String>) -> Result<(), String> {
    let items = list.as_array().ok_or("no list")?;
    items.iter().try_for_each(check)
}

fn message(message: &Value) -> Result<(), String> {
    texts(message, &["role"])?;
    each(message.get("parts").ok_or("no parts")?, part)
}

fn part(part: &Value) -> Result<(), String> {
    texts(part, &["type"])?;
    let kind = part.get("type").and_then(Value::as_str).unwrap_or_default();
    match kind {
        "text" | "reasoning" => texts(part, &["content"]),
        "tool_call" => texts(part, &["name"]),
        "tool_call_response" => {
            part.get("response").map(|_| ()).ok_or_else(|| "no response".to_owned())
        }
        "blob" => texts(part, &["modality", "content"]),
        "file" => texts(part, &["modality", "file_id"]),
        "uri" => texts(part, &["modality", "uri"]),
        _ => Ok(()),
    }?;
    match part.get("id") {
        None | Some(Value::Null | Value::String(_)) => Ok(()),
        Some(other) => Err(format!("an id is no text: {other}")),
    }
}

fn texts(value: &Value, names: &[&str]) -> Result<(), String> {
    let fields = value.as_object().ok_or_else(|| format!("no object: {value}"))?;
    let wrong = names.iter().find(|name| !fields.get(**name).is_some_and(Value::is_string));
    wrong.map_or(Ok(()), |name| Err(format!("`{name}` is no text in {value}")))
}
