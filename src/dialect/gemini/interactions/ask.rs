//! The prompt of an interaction.

use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::steps;
use super::wire::{Ask, Step, ToolWire};
use crate::dialect::gemini::target::bare_model;
use crate::dialect::json::{self, Content};
use crate::model::{Message, Part, Request, Tool};

/// Fills `request` from a request's body.
pub(super) fn fill(request: &mut Request, ask: Ask<'_>) {
    request.model = ask.model.get().map(|name| bare_model(name).to_owned());
    request.system = ask.system.own();
    request.tools = ask.tools.0.into_iter().map(tool).collect();
    request.messages = messages(ask.input);
    json::keep_all(&mut request.params, &ask.rest);
}

/// The input: a text, contents, turns or steps.
fn messages(input: Content<'_>) -> Vec<Message> {
    let mut found = Said::default();
    match input {
        Content::Absent => {}
        Content::Text(text) => found.content(vec![Part::Text { text: text.into_string() }]),
        Content::Blocks(raws) => raws.into_iter().for_each(|raw| found.take(raw)),
        Content::Object(value) => {
            if let Ok(raw) = serde_json::value::to_raw_value(&value) {
                found.take(&raw);
            }
        }
    }
    found.messages
}

/// Messages so far.
#[derive(Default)]
struct Said {
    messages: Vec<Message>,
    /// Whether the last one is made of contents, and the next content belongs to it.
    is_open: bool,
}

impl Said {
    fn take(&mut self, raw: &RawValue) {
        let (kind, _) = json::read::<Step<'static>, _>(raw.get(), |step| {
            let Some(role) = step.role.own() else { return step.kind.own() };
            let content = match step.content {
                Content::Absent => step.parts,
                content => content,
            };
            self.message(&role, steps::said(content));
            Some(TURN.to_owned())
        });
        match kind.flatten().as_deref() {
            Some(TURN) => {}
            Some("user_input" | "function_result") => self.message("user", steps::parts(raw)),
            Some("text" | "image" | "audio" | "video" | "document") | None => {
                self.content(steps::parts(raw));
            }
            Some(_) => self.message("model", steps::parts(raw)),
        }
    }

    fn message(&mut self, role: &str, parts: Vec<Part>) {
        self.messages.push(Message { role: role.to_owned(), parts });
        self.is_open = false;
    }

    fn content(&mut self, mut parts: Vec<Part>) {
        match self.messages.last_mut() {
            Some(message) if self.is_open => message.parts.append(&mut parts),
            _ => self.messages.push(Message { role: "user".to_owned(), parts }),
        }
        self.is_open = true;
    }
}

/// The kind of an entry that has a role instead of a type.
const TURN: &str = "(turn)";

fn tool(tool: ToolWire<'_>) -> Tool {
    let kind = tool.kind.as_str();
    let is_function = tool.parameters.is_some() || kind == "function";
    let schema = match tool.parameters {
        Some(parameters) => parameters,
        None if is_function => Value::Null,
        None => {
            let mut settings = Map::new();
            settings.insert("type".to_owned(), kind.into());
            json::keep_all(&mut settings, &tool.rest);
            Value::Object(settings)
        }
    };
    let name = tool.name.own().unwrap_or_else(|| kind.to_owned());
    Tool { name, description: tool.description.own(), schema }
}
