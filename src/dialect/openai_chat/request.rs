//! The prompt of a chat completion.

use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::wire::{Ask, Block, Call, FunctionWire, Input, Marked, Parameters, Said, ToolWire};
use crate::dialect::json::{self, Content, Text, TextOr};
use crate::dialect::media;
use crate::dialect::{path_only, path_segment_after};
use crate::model::{Message, Part, Request, Tool};

/// Fills `request` from a request's body.
pub(super) fn fill(request: &mut Request, ask: Ask<'_>) {
    request.model = ask.model.own();
    json::keep_all(&mut request.params, &ask.rest);
    request.tools = ask.tools.0.into_iter().map(tool).collect();
    request.tools.extend(ask.functions.0.into_iter().map(function));
    said(request, ask.messages.0, ask.prompt);
    inside(request, "input", ask.input, |request, input: Input<'_>| {
        said(request, input.messages.0, input.prompt);
        input.rest
    });
    inside(request, "parameters", ask.parameters, |request, parameters: Parameters<'_>| {
        request.tools.extend(parameters.tools.0.into_iter().map(tool));
        parameters.rest
    });
    request.system = system(&request.messages);
}

/// Adds messages and the prompt that may stand in their place, and notes in the parameter
/// `cache_breakpoints` where the app asked for caching.
fn said(request: &mut Request, messages: Vec<Said<'_>>, prompt: Content<'_>) {
    let marks = messages.iter().enumerate().flat_map(|(nth, said)| marks(nth, said));
    let marks: Vec<Value> = marks.collect();
    if !marks.is_empty() {
        request.params.insert("cache_breakpoints".to_owned(), Value::Array(marks));
    }
    request.messages.extend(messages.into_iter().map(message));
    let prompt = parts(prompt);
    if !prompt.is_empty() {
        request.messages.push(Message { role: "user".to_owned(), parts: prompt });
    }
}

/// Reads the object that stands under `name`; what `take` leaves of it is a parameter.
fn inside<'a, T: serde::Deserialize<'a>>(
    request: &mut Request,
    name: &str,
    raw: Option<&'a RawValue>,
    take: impl FnOnce(&mut Request, T) -> json::Rest<'a>,
) {
    let Some(raw) = raw else { return };
    let value = match serde_json::from_str::<T>(raw.get()) {
        Ok(found) if raw.get().starts_with('{') => {
            let mut rest = Map::new();
            json::keep_all(&mut rest, &take(request, found));
            if rest.is_empty() {
                return;
            }
            Value::Object(rest)
        }
        _ => json::value(raw),
    };
    request.params.insert(name.to_owned(), value);
}

/// Where the blocks of the `nth` message ask for the prompt so far to be cached.
fn marks(nth: usize, said: &Said<'_>) -> Vec<Value> {
    let Content::Blocks(raws) = &said.content else { return Vec::new() };
    let mut found = Vec::new();
    for (block, raw) in raws.iter().enumerate().filter(|(_, raw)| raw.get().contains("cache_")) {
        let Ok(marked) = serde_json::from_str::<Marked<'_>>(raw.get()) else { continue };
        for (name, mark) in [
            ("cache_control", marked.cache_control),
            ("prompt_cache_breakpoint", marked.prompt_cache_breakpoint),
        ] {
            if let Some(mark) = mark.filter(|mark| mark.get() != "null") {
                let at = format!("messages[{nth}].content[{block}]");
                found.push(serde_json::json!({"at": at, name: json::value(mark)}));
            }
        }
    }
    found
}

/// The model that a path names: Azure's deployment, Databricks' endpoint, Cloudflare's or
/// Vertex AI's model.
pub(super) fn model_in_path(path: &str) -> Option<String> {
    if let Some((_, model)) = path_only(path).split_once("/ai/run/") {
        return Some(model.to_owned());
    }
    if let Some((_, model)) = path_only(path).split_once("/workers-ai/@") {
        return Some(format!("@{model}"));
    }
    let name = match path.contains("/publishers/") {
        true => "models",
        false if path.contains("/serving-endpoints/") => "serving-endpoints",
        false => "deployments",
    };
    path_segment_after(path, name).filter(|model| model != "chat")
}

/// The words of the system and developer messages at the head of the list.
fn system(messages: &[Message]) -> Option<String> {
    let texts: Vec<&str> = messages
        .iter()
        .take_while(|message| matches!(message.role.as_str(), "system" | "developer"))
        .flat_map(|message| &message.parts)
        .filter_map(|part| match part {
            Part::Text { text } => Some(text.as_str()),
            _ => None,
        })
        .collect();
    (!texts.is_empty()).then(|| texts.join("\n\n"))
}

fn message(said: Said<'_>) -> Message {
    let mut found = Vec::new();
    let (thought, mut signatures) = reasoning(&said);
    if !thought.is_empty() || !signatures.is_empty() {
        let mut signatures = signatures.drain(..);
        found.push(Part::Reasoning { text: thought, signature: signatures.next() });
        found.extend(
            signatures.map(|signature| Part::Reasoning {
                text: String::new(),
                signature: Some(signature),
            }),
        );
    }
    let mut rest = Map::new();
    json::keep(&mut rest, &said.rest);
    let mut content = parts(said.content);
    let is_result = matches!(said.role.as_str(), "tool" | "function");
    if is_result {
        content = vec![Part::ToolResult {
            id: said.tool_call_id.own(),
            name: said.name.own(),
            parts: content,
            is_error: None,
        }];
    } else if let Some(name) = said.name.own() {
        rest.insert("name".to_owned(), name.into());
    }
    found.append(&mut content);
    found.extend(said.refusal.get().map(refusal));
    if let Some(sound) = said.audio.filter(|sound| sound.id.get().is_some()) {
        found.push(Part::Audio {
            mime_type: None,
            id: sound.id.own(),
            transcript: sound.transcript.own(),
            bytes: sound.data.get().map(media::base64_bytes),
        });
    }
    found.extend(said.images.0.into_iter().flat_map(block));
    found.extend(said.tool_calls.0.into_iter().filter_map(call));
    if let Some(function) = said.function_call.filter(|f| f.name.get().is_some()) {
        found.push(Part::ToolCall {
            id: None,
            name: function.name.into_string(),
            arguments: given(function.arguments),
        });
    }
    if !rest.is_empty() {
        found.push(media::other(Value::Object(rest)));
    }
    Message { role: said.role.into_string(), parts: found }
}

/// Words and signatures of what the model thought.
///
/// The first field that has words counts: OpenRouter and others send the same words in two.
pub(super) fn reasoning(said: &Said<'_>) -> (String, Vec<String>) {
    let detailed = || {
        said.reasoning_details
            .0
            .iter()
            .map(|detail| detail.text.get().unwrap_or(detail.summary.as_str()))
            .collect::<String>()
    };
    let plain = [&said.reasoning_content, &said.reasoning, &said.reasoning_text];
    let words = match plain.into_iter().find_map(Text::own) {
        Some(words) => words,
        None => detailed(),
    };
    let signatures = said
        .reasoning_details
        .0
        .iter()
        .flat_map(|detail| [&detail.signature, &detail.data])
        .chain([&said.reasoning_opaque])
        .filter_map(Text::own)
        .collect();
    (words, signatures)
}

/// A refusal, in the shape in which a request sends it back.
pub(super) fn refusal(words: &str) -> Part {
    Part::Other { value: serde_json::json!({"type": "refusal", "refusal": words}) }
}

/// The parts of a content.
pub(in crate::dialect) fn parts(content: Content<'_>) -> Vec<Part> {
    match content {
        Content::Absent => Vec::new(),
        Content::Text(text) => text.own().map(Part::text).into_iter().collect(),
        Content::Blocks(blocks) => blocks.into_iter().flat_map(raw_block).collect(),
        Content::Object(value) => match serde_json::value::to_raw_value(&value) {
            Ok(raw) => raw_block(&raw),
            Err(_) => vec![media::other(value)],
        },
    }
}

/// The parts that a block of content is: its own, and its other fields if it has any. What has
/// no part of its own stays as it came.
pub(in crate::dialect) fn raw_block(raw: &RawValue) -> Vec<Part> {
    if raw.get().starts_with('"') {
        let words = serde_json::from_str::<Text<'_>>(raw.get()).unwrap_or_default();
        return words.own().map(Part::text).into_iter().collect();
    }
    let (found, _) = json::read::<Block<'static>, _>(raw.get(), block);
    match found {
        Some(parts) if !parts.is_empty() => parts,
        _ => {
            let value = json::value(raw);
            if json::is_empty(&value) { Vec::new() } else { vec![media::other(value)] }
        }
    }
}

/// The parts of a block; none if it has no part of its own.
fn block(mut block: Block<'_>) -> Vec<Part> {
    let mut rest = Map::new();
    json::keep(&mut rest, &std::mem::take(&mut block.rest));
    if let TextOr::Object(link) = &block.image_url {
        json::keep(&mut rest, &link.rest);
    }
    let Some(own) = own_part(block) else { return Vec::new() };
    let more = (!rest.is_empty()).then(|| media::other(Value::Object(rest)));
    [Some(own), more].into_iter().flatten().collect()
}

fn own_part(block: Block<'_>) -> Option<Part> {
    match block.kind.as_str() {
        "text" | "input_text" | "output_text" => {
            Some(Part::Text { text: block.text.into_string() })
        }
        // DashScope's have no type.
        "" if block.text.get().is_some() => Some(Part::Text { text: block.text.into_string() }),
        "thinking" => Some(Part::Reasoning {
            text: thinking(block.thinking),
            signature: block.signature.own(),
        }),
        "image_url" => match block.image_url {
            TextOr::Text(url) => Some(media::image(url.as_str())),
            TextOr::Object(link) => Some(media::image(link.url.as_str())),
            TextOr::Absent => None,
        },
        "input_audio" => {
            let (mime_type, data) = match &block.input_audio {
                TextOr::Text(data) => (None, data.as_str()),
                TextOr::Object(sound) => (sound.format.own(), sound.data.as_str()),
                TextOr::Absent => return None,
            };
            Some(Part::Audio {
                mime_type,
                id: None,
                transcript: None,
                bytes: Some(media::base64_bytes(data)),
            })
        }
        // Mistral's is an id alone.
        "file" if block.file.is_none() => Some(Part::File {
            name: None,
            mime_type: None,
            file_id: Some(block.file_id.own()?),
            url: None,
            text: None,
            bytes: None,
        }),
        "file" => {
            let file = block.file?;
            let (mime_type, url, bytes) = media::place(file.file_data.as_str());
            Some(Part::File {
                name: file.filename.own(),
                mime_type,
                file_id: file.file_id.own(),
                url,
                text: None,
                bytes,
            })
        }
        "document_url" => document(&block.document_url, block.document_name.own()),
        "file_url" => document(&block.file_url, None),
        _ => None,
    }
}

fn document(link: &TextOr<'_, super::wire::Link<'_>>, name: Option<String>) -> Option<Part> {
    let url = match link {
        TextOr::Text(url) => url.as_str(),
        TextOr::Object(link) => link.url.as_str(),
        TextOr::Absent => return None,
    };
    let (mime_type, url, bytes) = media::place(url);
    Some(Part::File { name, mime_type, file_id: None, url, text: None, bytes })
}

/// The words of a `thinking` block: a text, or a list of text blocks as Mistral has it.
fn thinking(content: Content<'_>) -> String {
    parts(content)
        .into_iter()
        .filter_map(|part| match part {
            Part::Text { text } => Some(text),
            _ => None,
        })
        .collect()
}

fn call(call: Call<'_>) -> Option<Part> {
    let (name, arguments) = match (call.function, call.custom) {
        (Some(function), _) => (function.name.into_string(), given(function.arguments)),
        (None, Some(custom)) => (custom.name.into_string(), custom.input.into_string().into()),
        (None, None) => return None,
    };
    Some(Part::ToolCall { id: call.id.own(), name, arguments })
}

/// Arguments as JSON if they are JSON; some providers send the object itself.
pub(super) fn given(arguments: TextOr<'_, Value>) -> Value {
    match arguments {
        TextOr::Absent => Value::String(String::new()),
        TextOr::Text(text) => json::arguments(text.into_string()),
        TextOr::Object(value) => value,
    }
}

fn tool(tool: ToolWire<'_>) -> Tool {
    if let Some(wire) = tool.function {
        return function(wire);
    }
    if let Some(custom) = tool.custom {
        return Tool {
            name: custom.name.into_string(),
            description: custom.description.own(),
            schema: custom.format,
        };
    }
    let mut settings = Map::new();
    settings.insert("type".to_owned(), tool.kind.as_str().into());
    json::keep_all(&mut settings, &tool.rest);
    let name = match settings.get("name").and_then(Value::as_str) {
        Some(name) => name.to_owned(),
        None => tool.kind.as_str().to_owned(),
    };
    Tool { name, description: None, schema: Value::Object(settings) }
}

fn function(function: FunctionWire<'_>) -> Tool {
    Tool {
        name: function.name.into_string(),
        description: function.description.own(),
        schema: function.parameters,
    }
}
