//! The prompt of a messages request.

use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::blocks;
use super::wire::{Ask, ToolWire, Turn};
use crate::dialect::json::{self, Content};
use crate::dialect::{media, path_segment_after};
use crate::model::{Message, Part, Request, Tool};

/// Fills `request` from a request's body.
pub(super) fn fill(request: &mut Request, ask: Ask<'_>) {
    let mut breakpoints = Breakpoints::default();
    request.model = ask.model.own();
    request.system = match ask.system {
        Content::Blocks(raws) => {
            for (nth, raw) in raws.iter().enumerate() {
                breakpoints.add_of(raw, || format!("system[{nth}]"));
            }
            blocks::words(Content::Blocks(raws))
        }
        Content::Object(value) => value.get("text").and_then(Value::as_str).map(str::to_owned),
        system => blocks::words(system),
    };
    for (nth, tool) in ask.tools.0.iter().enumerate() {
        let cache = tool.cache_control.map(json::value);
        breakpoints.add(cache, || format!("tools[{nth}]"));
    }
    request.tools = ask.tools.0.into_iter().map(tool).collect();
    let turns = ask.messages.0.into_iter().enumerate();
    request.messages = turns.map(|(nth, turn)| message(turn, nth, &mut breakpoints)).collect();
    json::keep_all(&mut request.params, &ask.rest);
    if !breakpoints.0.is_empty() {
        let found = Value::Array(breakpoints.0);
        request.params.insert("cache_breakpoints".to_owned(), found);
    }
}

/// The model that a path of Vertex AI or Bedrock names.
pub(super) fn model_in_path(path: &str) -> Option<String> {
    path_segment_after(path, "models").or_else(|| path_segment_after(path, "model"))
}

fn message(turn: Turn<'_>, nth: usize, breakpoints: &mut Breakpoints) -> Message {
    let mut parts = match turn.content {
        Content::Blocks(raws) => {
            let mut parts = Vec::with_capacity(raws.len());
            for (block, raw) in raws.into_iter().enumerate() {
                let (mut found, cache) = blocks::block(raw);
                breakpoints.add(cache, || format!("messages[{nth}].content[{block}]"));
                parts.append(&mut found);
            }
            parts
        }
        content => blocks::parts(content),
    };
    let mut rest = Map::new();
    json::keep(&mut rest, &turn.rest);
    if !rest.is_empty() {
        parts.push(media::other(Value::Object(rest)));
    }
    Message { role: turn.role.into_string(), parts }
}

fn tool(tool: ToolWire<'_>) -> Tool {
    let name = tool.name.own().or_else(|| tool.kind.own()).unwrap_or_default();
    let schema = tool.input_schema.unwrap_or_else(|| {
        let mut settings = Map::new();
        settings.insert("type".to_owned(), tool.kind.as_str().into());
        json::keep_all(&mut settings, &tool.rest);
        Value::Object(settings)
    });
    Tool { name, description: tool.description.own(), schema }
}

/// Where the app asked for the prompt so far to be cached.
#[derive(Default)]
struct Breakpoints(Vec<Value>);

impl Breakpoints {
    fn add(&mut self, cache: Option<Value>, at: impl FnOnce() -> String) {
        if let Some(cache) = cache {
            self.0.push(json!({"at": at(), "cache_control": cache}));
        }
    }

    fn add_of(&mut self, raw: &RawValue, at: impl FnOnce() -> String) {
        let (_, cache): (Vec<Part>, _) = blocks::block(raw);
        self.add(cache, at);
    }
}
