//! Messages as OpenTelemetry's conventions have them: `gen_ai.input.messages` and the others,
//! each by its JSON schema of version 1.41.

use serde_json::{Map, Value, json};

use super::attributes::shallow;
use super::{names, said};
use crate::model::{Choice, Exchange, Message, Part, State, Tool};

/// `gen_ai.system_instructions`: a flat list of parts.
pub(super) fn instructions(system: &[Part]) -> Value {
    system.iter().filter_map(part).collect()
}

/// `gen_ai.input.messages`.
pub(super) fn input(messages: &[Message]) -> Value {
    messages.iter().map(message).collect()
}

/// `gen_ai.output.messages`: one for each answer. The schema wants a reason of each; one that
/// broke off has none of the provider's.
pub(super) fn output(exchange: &Exchange) -> Value {
    let choices = exchange.reply.iter().flat_map(|reply| &reply.choices);
    let broke_off = matches!(exchange.state, State::Interrupted | State::Failed);
    let without = if broke_off { "error" } else { "unknown" };
    let answer = |choice: &Choice| {
        let reason = choice.finish_reason.as_deref().map_or(without, names::finish_reason);
        let parts: Vec<Value> = choice.parts.iter().filter_map(part).collect();
        json!({"role": "assistant", "parts": parts, "finish_reason": reason})
    };
    choices.filter(|choice| !said::is_empty(choice)).map(answer).collect()
}

/// `gen_ai.tool.definitions`. A provider's own tool has its settings beside its type.
pub(super) fn tools(tools: &[Tool]) -> Value {
    tools.iter().map(tool).collect()
}

/// What a tool gave, as one value: its words if it is nothing else.
pub(super) fn response(parts: &[Part]) -> Value {
    match parts {
        [Part::Text { text }] => Value::String(text.clone()),
        [Part::Other { value }] => shallow(value),
        parts if parts.iter().all(|part| matches!(part, Part::Text { .. })) => {
            Value::String(said::words(parts))
        }
        parts => parts.iter().filter_map(part).collect(),
    }
}

/// Whether a tool's schema describes arguments, or is the settings of a provider's own tool.
pub(super) fn own_type(tool: &Tool) -> Option<&str> {
    let word = tool.schema.get("type")?.as_str()?;
    let is_schemas = matches!(
        word.to_ascii_lowercase().as_str(),
        "object" | "string" | "array" | "number" | "integer" | "boolean" | "null" | "function"
    );
    (!is_schemas).then_some(word)
}

fn tool(tool: &Tool) -> Value {
    let mut fields = Map::new();
    let own = own_type(tool);
    fields.insert("type".into(), own.unwrap_or("function").into());
    fields.insert("name".into(), tool.name.clone().into());
    if let Some(description) = &tool.description {
        fields.insert("description".into(), description.clone().into());
    }
    match (own, &tool.schema) {
        (_, Value::Null) => {}
        (Some(_), Value::Object(settings)) => {
            for (name, value) in settings {
                fields.entry(name.clone()).or_insert_with(|| shallow(value));
            }
        }
        (_, schema) => {
            fields.insert("parameters".into(), shallow(schema));
        }
    }
    Value::Object(fields)
}

fn message(message: &Message) -> Value {
    let is_result = |part: &Part| matches!(part, Part::ToolResult { .. });
    // Anthropic and Gemini put results into messages of the user, who did not say them.
    let are_results = !message.parts.is_empty() && message.parts.iter().all(is_result);
    let role = if are_results { "tool" } else { names::role(&message.role) };
    let parts: Vec<Value> = message.parts.iter().filter_map(part).collect();
    json!({"role": role, "parts": parts})
}

/// A part; `None` for one that says nothing, such as reasoning that the provider keeps.
///
/// Bytes are not in an exchange. A `blob` needs them and so would be a lie: a picture that was
/// sent inline is a part of the type `image` with its size, which the schema leaves open.
fn part(part: &Part) -> Option<Value> {
    Some(match part {
        Part::Text { text } => json!({"type": "text", "content": text}),
        Part::Reasoning { text, .. } if text.is_empty() => return None,
        Part::Reasoning { text, .. } => json!({"type": "reasoning", "content": text}),
        Part::ToolCall { id, name, arguments } => object([
            ("type", Some("tool_call".into())),
            ("id", id.clone().map(Value::from)),
            ("name", Some(name.clone().into())),
            ("arguments", Some(shallow(arguments))),
        ]),
        Part::ToolResult { id, name, parts, is_error } => object([
            ("type", Some("tool_call_response".into())),
            ("id", id.clone().map(Value::from)),
            ("name", name.clone().map(Value::from)),
            ("response", Some(response(parts))),
            ("is_error", is_error.filter(|is_error| *is_error).map(Value::from)),
        ]),
        Part::Image { mime_type, url, file_id, bytes } => {
            media("image", mime_type, url, file_id, bytes)
        }
        Part::Audio { mime_type, id, transcript, bytes } => {
            with(media("audio", mime_type, &None, id, bytes), "transcript", transcript)
        }
        Part::File { name, mime_type, file_id, url, text, bytes } => {
            let media = media("document", mime_type, url, file_id, bytes);
            with(with(media, "name", name), "content", text)
        }
        Part::Other { value } => json!({"type": "other", "value": shallow(value)}),
    })
}

fn media(
    modality: &str,
    mime_type: &Option<String>,
    uri: &Option<String>,
    file_id: &Option<String>,
    bytes: &Option<u64>,
) -> Value {
    let kind = match (uri, file_id) {
        (Some(_), _) => "uri",
        (None, Some(_)) => "file",
        (None, None) => modality,
    };
    object([
        ("type", Some(kind.into())),
        ("modality", Some(modality.into())),
        ("mime_type", mime_type.clone().map(Value::from)),
        ("uri", uri.clone().map(Value::from)),
        ("file_id", file_id.clone().map(Value::from)),
        ("bytes", bytes.map(Value::from)),
    ])
}

fn with(mut value: Value, name: &str, text: &Option<String>) -> Value {
    if let (Some(fields), Some(text)) = (value.as_object_mut(), text) {
        fields.insert(name.to_owned(), text.clone().into());
    }
    value
}

/// The fields that are there.
fn object<const N: usize>(fields: [(&str, Option<Value>); N]) -> Value {
    let there = fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    Value::Object(there.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_have_the_shapes_of_the_schema() {
        let some = |word: &str| Some(word.to_owned());
        for (rule, given, expected) in [
            ("text", Part::text("hi"), json!({"type": "text", "content": "hi"})),
            (
                "a call",
                Part::ToolCall { id: some("c"), name: "f".into(), arguments: json!({"a": 1}) },
                json!({"type": "tool_call", "id": "c", "name": "f", "arguments": {"a": 1}}),
            ),
            (
                "a failed result",
                Part::ToolResult {
                    id: some("c"),
                    name: None,
                    parts: vec![Part::text("no")],
                    is_error: Some(true),
                },
                json!({"type": "tool_call_response", "id": "c", "response": "no", "is_error": true}),
            ),
            (
                "a picture by reference",
                Part::Image { mime_type: None, url: some("https://x"), file_id: None, bytes: None },
                json!({"type": "uri", "modality": "image", "uri": "https://x"}),
            ),
            (
                "a picture inline",
                Part::Image {
                    mime_type: some("image/png"),
                    url: None,
                    file_id: None,
                    bytes: Some(9),
                },
                json!({"type": "image", "modality": "image", "mime_type": "image/png", "bytes": 9}),
            ),
            (
                "an uploaded file",
                Part::File {
                    name: some("a.pdf"),
                    mime_type: None,
                    file_id: some("f-1"),
                    url: None,
                    text: None,
                    bytes: None,
                },
                json!({"type": "file", "modality": "document", "file_id": "f-1", "name": "a.pdf"}),
            ),
        ] {
            assert_eq!(part(&given), Some(expected), "{rule}");
        }
        assert_eq!(part(&Part::Reasoning { text: String::new(), signature: some("s") }), None);
    }

    #[test]
    fn a_providers_own_tool_keeps_its_type() {
        for (rule, schema, expected) in [
            (
                "a function",
                json!({"type": "object"}),
                json!({"type": "function", "name": "f", "parameters": {"type": "object"}}),
            ),
            (
                "Gemini's",
                json!({"type": "OBJECT"}),
                json!({"type": "function", "name": "f", "parameters": {"type": "OBJECT"}}),
            ),
            (
                "a search",
                json!({"type": "web_search", "max": 1}),
                json!({"type": "web_search", "name": "f", "max": 1}),
            ),
            ("nothing", Value::Null, json!({"type": "function", "name": "f"})),
        ] {
            let given = Tool { name: "f".into(), description: None, schema };
            assert_eq!(tool(&given), expected, "{rule}");
        }
    }
}
