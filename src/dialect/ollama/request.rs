//! The prompt of Ollama's requests.

use serde_json::{Map, Value};

use super::wire::{Call, ChatAsk, EmbedAsk, GenerateAsk, Said, ToolWire};
use crate::dialect::json::{self, TextOr};
use crate::dialect::operation::{parameters, texts};
use crate::dialect::{draft, media};
use crate::model::{Message, Part, Request, Tool};

/// Fills `request` from a request for a chat.
pub(super) fn chat(request: &mut Request, ask: ChatAsk<'_>) {
    request.model = ask.model.own();
    parameters(request, &ask.rest);
    request.tools = ask.tools.0.into_iter().map(tool).collect();
    request.messages = ask.messages.0.into_iter().map(message).collect();
    request.system = draft::system(&request.messages);
}

/// Fills `request` from a request to complete a text: the prompt is a message of the user.
pub(super) fn generate(request: &mut Request, ask: GenerateAsk<'_>) {
    request.model = ask.model.own();
    parameters(request, &ask.rest);
    request.system = ask.system.own();
    let mut parts: Vec<Part> = ask.prompt.own().map(Part::text).into_iter().collect();
    parts.extend(ask.images.0.iter().filter_map(|image| image.get()).map(media::image));
    if !parts.is_empty() {
        request.messages.push(draft::user(parts));
    }
}

/// Fills `request` from a request for embeddings.
pub(super) fn embed(request: &mut Request, ask: EmbedAsk<'_>) {
    request.model = ask.model.own();
    parameters(request, &ask.rest);
    let mut parts = texts(ask.input);
    parts.append(&mut texts(ask.prompt));
    if !parts.is_empty() {
        request.messages.push(draft::user(parts));
    }
}

/// A tool call.
pub(super) fn call(call: Call<'_>) -> Option<Part> {
    let function = call.function?;
    let arguments = match function.arguments {
        TextOr::Absent => Value::Object(Map::new()),
        TextOr::Text(text) => json::arguments(text.into_string()),
        TextOr::Object(value) => value,
    };
    Some(Part::ToolCall { id: call.id.own(), name: function.name.into_string(), arguments })
}

fn message(said: Said<'_>) -> Message {
    let mut parts = Vec::new();
    if let Some(text) = said.thinking.own() {
        parts.push(Part::Reasoning { text, signature: None });
    }
    let mut content: Vec<Part> = said.content.own().map(Part::text).into_iter().collect();
    content.extend(said.images.0.iter().filter_map(|image| image.get()).map(media::image));
    match said.role.as_str() {
        "tool" => parts.push(Part::ToolResult {
            id: said.tool_call_id.own(),
            name: said.tool_name.own(),
            parts: content,
            is_error: None,
        }),
        _ => parts.append(&mut content),
    }
    parts.extend(said.tool_calls.0.into_iter().filter_map(call));
    let mut rest = Map::new();
    json::keep(&mut rest, &said.rest);
    if !rest.is_empty() {
        parts.push(media::other(Value::Object(rest)));
    }
    Message { role: said.role.into_string(), parts }
}

fn tool(tool: ToolWire<'_>) -> Tool {
    match tool.function {
        Some(function) => Tool {
            name: function.name.into_string(),
            description: function.description.own(),
            schema: function.parameters,
        },
        None => {
            let mut settings = Map::new();
            json::keep_all(&mut settings, &tool.rest);
            let name = settings.get("name").and_then(Value::as_str);
            let name = name.unwrap_or(tool.kind.as_str()).to_owned();
            Tool { name, description: None, schema: Value::Object(settings) }
        }
    }
}
