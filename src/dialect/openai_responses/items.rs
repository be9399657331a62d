//! Items: messages, calls of tools and their results, reasoning, and whatever comes next.

use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::blocks;
use super::wire::Item;
use crate::dialect::json::{self as wire_json, Content, Text, TextOr};
use crate::dialect::media;
use crate::model::{Message, Part};

/// The message that an item of a prompt is.
///
/// An item without a role has that of whoever made it: `tool` for what a tool gave, `user` for
/// an approval, else `assistant`.
pub(in crate::dialect) fn message(raw: &RawValue) -> Message {
    if raw.get().starts_with('"') {
        return Message { role: "user".to_owned(), parts: blocks::block(raw) };
    }
    let (found, _) = wire_json::read::<Item<'static>, _>(raw.get(), |item| Message {
        role: role(&item).to_owned(),
        parts: known(item, raw),
    });
    found.unwrap_or_else(|| Message { role: "assistant".to_owned(), parts: as_sent(raw) })
}

/// The parts that an item of an answer is.
pub(in crate::dialect) fn parts(raw: &RawValue) -> Vec<Part> {
    message(raw).parts
}

/// What is said of an item that has only begun.
pub(super) fn beginning(raw: &RawValue) -> Beginning {
    let (found, _) = wire_json::read::<Item<'static>, _>(raw.get(), |item| Beginning {
        kind: item.kind.as_str().to_owned(),
        id: item.id.own(),
        name: item.name.own(),
        call_id: item.call_id.own().or(item.id.own()),
    });
    found.unwrap_or_default()
}

/// An item that has begun.
#[derive(Clone, Debug, Default)]
pub(super) struct Beginning {
    /// Its type.
    pub(super) kind: String,
    /// Its own id, which Copilot changes from event to event.
    pub(super) id: Option<String>,
    /// The tool, if it calls one.
    pub(super) name: Option<String>,
    /// What the result will refer to.
    pub(super) call_id: Option<String>,
}

/// The tools that an item of the prompt brings along, as Codex sends them.
pub(super) fn brought_tools(raw: &RawValue) -> Option<super::tools::Tools> {
    if !raw.get().contains("\"additional_tools\"") {
        return None;
    }
    let (found, _) = wire_json::read::<Item<'static>, _>(raw.get(), |item| {
        (item.kind.as_str() == "additional_tools").then(|| super::tools::tools(item.tools))
    });
    found.flatten()
}

fn role<'a>(item: &'a Item<'_>) -> &'a str {
    let kind = item.kind.as_str();
    match item.role.get() {
        Some(role) => role,
        None if kind.ends_with("_output") => "tool",
        None if matches!(kind, "" | "message") && item.call_id.get().is_none() => "user",
        None if matches!(kind, "mcp_approval_response" | "compaction_trigger") => "user",
        None => "assistant",
    }
}

fn known(mut item: Item<'_>, raw: &RawValue) -> Vec<Part> {
    let kind = item.kind.as_str().to_owned();
    let mut parts = match kind.as_str() {
        "message" => blocks::parts(std::mem::take(&mut item.content)),
        "" if !matches!(item.content, Content::Absent) => {
            blocks::parts(std::mem::take(&mut item.content))
        }
        "reasoning" => reasoning(&mut item),
        "function_call" => {
            let arguments = given(std::mem::take(&mut item.arguments));
            vec![call(&item, None, arguments)]
        }
        "custom_tool_call" => {
            let input = as_words(std::mem::take(&mut item.input));
            vec![call(&item, None, input)]
        }
        "tool_search_call" => {
            let arguments = given(std::mem::take(&mut item.arguments));
            vec![call(&item, Some("tool_search"), arguments)]
        }
        "program" => vec![call(&item, Some("program"), item.code.as_str().into())],
        "local_shell_call" | "shell_call" | "apply_patch_call" | "computer_call" => {
            let told = [item.action, item.actions, item.operation].into_iter().flatten().next();
            let name = kind.strip_suffix("_call");
            vec![call(&item, name, told.map(wire_json::value).unwrap_or_default())]
        }
        "mcp_call" => mcp_call(&mut item),
        "image_generation_call" => return image_generation(&item, raw),
        "additional_tools" => return additional_tools(item),
        _ if kind.ends_with("_output") => vec![result(&mut item)],
        _ => return as_sent(raw),
    };
    let mut rest = Map::new();
    wire_json::keep(&mut rest, &item.rest);
    if !rest.is_empty() {
        parts.push(media::other(Value::Object(rest)));
    }
    parts
}

/// Each text of the summary and of the content is a part of its own; the encrypted form goes
/// with the last.
fn reasoning(item: &mut Item<'_>) -> Vec<Part> {
    let told = [std::mem::take(&mut item.summary), std::mem::take(&mut item.content)];
    let mut parts: Vec<Part> = told
        .into_iter()
        .flat_map(blocks::parts)
        .map(|part| match part {
            Part::Text { text } => Part::Reasoning { text, signature: None },
            part => part,
        })
        .collect();
    let sealed = item.encrypted_content.own();
    match parts.iter_mut().rev().find_map(|part| match part {
        Part::Reasoning { signature, .. } => Some(signature),
        _ => None,
    }) {
        Some(signature) => *signature = sealed,
        None => parts.push(Part::Reasoning { text: String::new(), signature: sealed }),
    }
    parts
}

fn call(item: &Item<'_>, name: Option<&str>, arguments: Value) -> Part {
    Part::ToolCall {
        id: item.call_id.own().or(item.id.own()),
        name: item.name.get().or(name).unwrap_or_default().to_owned(),
        arguments,
    }
}

/// Arguments as JSON if they are JSON; some providers send the object itself.
fn given(arguments: TextOr<'_, Value>) -> Value {
    match arguments {
        TextOr::Absent => Value::String(String::new()),
        TextOr::Text(text) => wire_json::arguments(text.into_string()),
        TextOr::Object(value) => value,
    }
}

fn as_words(input: TextOr<'_, Value>) -> Value {
    match input {
        TextOr::Absent => Value::String(String::new()),
        TextOr::Text(text) => Value::String(text.into_string()),
        TextOr::Object(value) => value,
    }
}

/// A call that the provider made itself: the result is in the same item.
fn mcp_call(item: &mut Item<'_>) -> Vec<Part> {
    let arguments = given(std::mem::take(&mut item.arguments));
    let mut parts = vec![call(item, None, arguments)];
    let error = item.error.filter(|raw| raw.get() != "null").map(wire_json::value);
    let output = std::mem::take(&mut item.output);
    if error.is_some() || !matches!(output, Content::Absent) {
        let is_error = error.is_some().then_some(true);
        let mut given = blocks::parts(output);
        given.extend(error.map(|error| match error {
            Value::String(words) => Part::text(words),
            error => media::other(error),
        }));
        parts.push(Part::ToolResult {
            id: item.id.own(),
            name: item.name.own(),
            parts: given,
            is_error,
        });
    }
    parts
}

/// What a tool gave. Words and pictures are parts, what a shell printed stays as sent.
fn result(item: &mut Item<'_>) -> Part {
    let mut parts = blocks::parts(std::mem::take(&mut item.output));
    parts.extend(item.result.own().map(Part::text));
    if let Content::Blocks(tools) = &item.tools {
        let tools: Vec<Value> = tools.iter().map(|raw| wire_json::value(raw)).collect();
        parts.push(media::other(json!({"tools": tools})));
    }
    let is_error = item.status.as_str() == "failed";
    Part::ToolResult {
        id: item.call_id.own().or(item.id.own()),
        name: item.name.own(),
        parts,
        is_error: is_error.then_some(true),
    }
}

/// The picture by its size, and beside it how it was made.
fn image_generation(item: &Item<'_>, raw: &RawValue) -> Vec<Part> {
    let mut parts = Vec::new();
    if let Some(result) = item.result.get() {
        let format = item.output_format.get().map(|format| format!("image/{format}"));
        let (mime_type, url, bytes) = match media::data_url(result) {
            Some(_) => media::place(result),
            None => (format, None, Some(media::base64_bytes(result))),
        };
        parts.push(Part::Image { mime_type, url, file_id: None, bytes });
    }
    if let Value::Object(mut fields) = wire_json::value(raw) {
        fields.remove("result");
        parts.push(media::other(Value::Object(fields)));
    }
    parts
}

/// The names of the tools: they themselves stand among the tools of the request.
fn additional_tools(item: Item<'_>) -> Vec<Part> {
    let names: Vec<String> =
        super::tools::tools(item.tools).tools.into_iter().map(|t| t.name).collect();
    vec![media::other(json!({"type": "additional_tools", "tools": names}))]
}

fn as_sent(raw: &RawValue) -> Vec<Part> {
    vec![media::other(wire_json::value(raw))]
}

/// The words of `text` as a message of the user.
pub(super) fn user(text: Text<'_>) -> Message {
    Message { role: "user".to_owned(), parts: text.own().map(Part::text).into_iter().collect() }
}
