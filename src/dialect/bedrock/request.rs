//! The prompt of Converse.

use serde_json::{Map, Value, json};

use super::content;
use super::wire::{Ask, ToolSpec, ToolWire, Turn};
use crate::dialect::json::{self, Content};
use crate::dialect::{draft, media};
use crate::model::{Message, Part, Request, Tool};

/// Fills `request` from a request's body.
pub(super) fn fill(request: &mut Request, ask: Ask<'_>) {
    let mut breakpoints = Breakpoints::default();
    request.model = ask.model.own();
    json::keep_all(&mut request.params, &ask.rest);
    let system = blocks(ask.system, "system", &mut breakpoints);
    request.system = draft::words(&system);
    if system.iter().any(|part| !matches!(part, Part::Text { .. })) {
        // Pictures for a guardrail and blocks of tomorrow.
        let others = system.into_iter().filter(|part| !matches!(part, Part::Text { .. }));
        let others = others.map(|part| serde_json::to_value(part).unwrap_or_default());
        request.params.insert("system".to_owned(), others.collect());
    }
    let turns = ask.messages.0.into_iter().enumerate();
    request.messages = turns.map(|(nth, turn)| message(turn, nth, &mut breakpoints)).collect();
    if request.system.is_none() {
        request.system = draft::system(&request.messages);
    }
    if let Some(config) = ask.tool_config {
        let mut rest = Map::new();
        json::keep_all(&mut rest, &config.rest);
        if !rest.is_empty() {
            request.params.insert("toolConfig".to_owned(), Value::Object(rest));
        }
        for (nth, wire) in config.tools.0.into_iter().enumerate() {
            breakpoints
                .add(wire.cache_point.map(json::value), || format!("toolConfig.tools[{nth}]"));
            request.tools.extend(tool(wire));
        }
    }
    if !breakpoints.0.is_empty() {
        request.params.insert("cache_breakpoints".to_owned(), Value::Array(breakpoints.0));
    }
}

fn message(turn: Turn<'_>, nth: usize, breakpoints: &mut Breakpoints) -> Message {
    let mut parts = blocks(turn.content, &format!("messages[{nth}].content"), breakpoints);
    let mut rest = Map::new();
    json::keep(&mut rest, &turn.rest);
    if !rest.is_empty() {
        parts.push(media::other(Value::Object(rest)));
    }
    Message { role: turn.role.into_string(), parts }
}

/// The parts of the content that is called `place` in a breakpoint.
fn blocks(content: Content<'_>, place: &str, breakpoints: &mut Breakpoints) -> Vec<Part> {
    let Content::Blocks(raws) = content else { return content::parts(content) };
    let mut parts = Vec::with_capacity(raws.len());
    for (nth, raw) in raws.into_iter().enumerate() {
        let (mut found, cache) = content::block(raw);
        breakpoints.add(cache, || format!("{place}[{nth}]"));
        parts.append(&mut found);
    }
    parts
}

fn tool(wire: ToolWire<'_>) -> Option<Tool> {
    if let Some(spec) = wire.spec {
        return Some(Tool {
            name: spec.name.own().unwrap_or_default(),
            description: spec.description.own(),
            schema: spec.schema.and_then(|schema| schema.json).unwrap_or_default(),
        });
    }
    if let Some(own) = wire.system {
        let ToolSpec { name, description, rest, .. } = own;
        let mut settings = Map::new();
        json::keep_all(&mut settings, &rest);
        return Some(Tool {
            name: name.into_string(),
            description: description.own(),
            schema: Value::Object(settings),
        });
    }
    let mut settings = Map::new();
    json::keep_all(&mut settings, &wire.rest);
    let name = settings.keys().next()?.clone();
    Some(Tool { name, description: None, schema: Value::Object(settings) })
}

/// Where the app asked for the prompt so far to be cached.
#[derive(Default)]
struct Breakpoints(Vec<Value>);

impl Breakpoints {
    fn add(&mut self, cache: Option<Value>, at: impl FnOnce() -> String) {
        if let Some(cache) = cache {
            self.0.push(json!({"at": at(), "cachePoint": cache}));
        }
    }
}
