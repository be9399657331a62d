//! A conversation that Mistral keeps: what is new goes up, all entries of the answer come down.

use jiff::Timestamp;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::wire::{Ask, Entry, Event, Told, ToolWire};
use crate::dialect::answer::{Answer, Tell};
use crate::dialect::draft::{self, Draft};
use crate::dialect::json::{self, Content, Text, TextOr};
use crate::dialect::path::percent_decoded;
use crate::dialect::{Asked, Decoded, Frame, Grown, Reading, media, openai_chat, path_only};
use crate::model::{ExchangeError, Message, Part, Request, Tool};

/// An answer being read.
pub(super) struct ConversationReading {
    draft: Draft,
    counts: Counts,
}

/// Where the usage stands until it is read, at the end.
type Counts = Option<Box<RawValue>>;

impl ConversationReading {
    pub(super) fn new(asked: &Asked<'_>) -> Self {
        let mut conversation = id_in_path(asked.path);
        let mut draft = Draft::read::<Ask<'static>>(asked, |request, ask| {
            conversation = conversation.take().or(ask.conversation.own());
            fill(request, ask);
        });
        draft.threaded(conversation);
        Self { draft, counts: None }
    }
}

/// The conversation that the path names.
fn id_in_path(path: &str) -> Option<String> {
    let (_, rest) = path_only(path).split_once("/conversations/")?;
    let id = rest.split(['/', '#']).next().filter(|id| !id.is_empty())?;
    Some(percent_decoded(id))
}

/// Fills `request` from a request's body.
pub(super) fn fill(request: &mut Request, ask: Ask<'_>) {
    request.model = ask.model.own();
    request.system = ask.instructions.own();
    json::keep_all(&mut request.params, &ask.rest);
    request.tools = ask.tools.0.into_iter().map(tool).collect();
    match ask.inputs {
        Content::Blocks(raws) => request.messages.extend(raws.into_iter().map(message)),
        inputs => {
            let parts = openai_chat::parts(inputs);
            if !parts.is_empty() {
                request.messages.push(draft::user(parts));
            }
        }
    }
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
            settings.insert("type".to_owned(), tool.kind.as_str().into());
            json::keep_all(&mut settings, &tool.rest);
            let name = tool.kind.into_string();
            Tool { name, description: None, schema: Value::Object(settings) }
        }
    }
}

/// An entry of the prompt as a message.
fn message(raw: &RawValue) -> Message {
    if raw.get().starts_with('"') {
        let text = serde_json::from_str::<Text<'_>>(raw.get()).unwrap_or_default();
        return draft::user(text.own().map(Part::text).into_iter().collect());
    }
    let (found, _) = json::read::<Entry<'static>, _>(raw.get(), |entry| {
        let role = entry.role.own().unwrap_or_else(|| match entry.kind.as_str() {
            "function.result" => "tool".to_owned(),
            "message.input" => "user".to_owned(),
            _ => "assistant".to_owned(),
        });
        Message { role, parts: parts(entry, raw) }
    });
    found.unwrap_or_else(|| draft::user(vec![media::other(json::value(raw))]))
}

/// The parts of an entry, which stands as `raw`.
fn parts(entry: Entry<'_>, raw: &RawValue) -> Vec<Part> {
    let mut rest = Map::new();
    json::keep(&mut rest, &entry.rest);
    let mut parts = match entry.kind.as_str() {
        "function.result" => vec![Part::ToolResult {
            id: entry.tool_call_id.own(),
            name: None,
            parts: entry.result.own().map(Part::text).into_iter().collect(),
            is_error: None,
        }],
        "function.call" | "tool.execution" => vec![Part::ToolCall {
            id: entry.tool_call_id.own().or(entry.id.own()),
            name: entry.name.own().unwrap_or_default(),
            arguments: match entry.arguments {
                TextOr::Absent => json!({}),
                TextOr::Text(text) => json::arguments(text.into_string()),
                TextOr::Object(value) => value,
            },
        }],
        "" | "message.input" | "message.output" => openai_chat::parts(entry.content),
        _ => return vec![media::other(json::value(raw))],
    };
    if let Some(info) = entry.info.filter(|info| !json::is_empty(info)) {
        parts.push(media::other(json!({"info": info})));
    }
    if !rest.is_empty() {
        parts.push(media::other(Value::Object(rest)));
    }
    parts
}

fn answered(draft: &mut Draft, counts: &mut Counts, told: Told<'_>, tell: &mut Tell<'_>) {
    let id = told.conversation.own();
    draft.threaded(id.clone());
    draft.decoded.reply.id = id;
    *counts = told.usage.map(RawValue::to_owned);
    if let Content::Blocks(raws) = told.outputs {
        let mut model = None;
        draft.answer(0, tell, |answer, tell| {
            for raw in raws {
                let (found, _) = json::read::<Entry<'static>, _>(raw.get(), |entry| {
                    model = entry.model.own().or(model.take());
                    parts(entry, raw)
                });
                found.into_iter().flatten().for_each(|part| answer.push(part, tell));
            }
        });
        draft.decoded.reply.model = model;
    }
    draft.keep_all(&told.rest);
}

fn event(
    draft: &mut Draft,
    counts: &mut Counts,
    name: &str,
    event: Event<'_>,
    tell: &mut Tell<'_>,
) {
    let kind = event.kind.get().unwrap_or(name).to_owned();
    if let Some(id) = event.conversation.own() {
        draft.threaded(Some(id.clone()));
        draft.decoded.reply.id = Some(id);
    }
    if draft.decoded.reply.model.is_none() {
        draft.decoded.reply.model = event.model.own();
    }
    match kind.as_str() {
        "conversation.response.started" => draft.answer(0, tell, |_, _| {}),
        "conversation.response.done" => {
            *counts = event.usage.map(RawValue::to_owned);
            draft.keep_all(&event.rest);
            draft.is_done = true;
        }
        "conversation.response.error" => {
            let kind = match event.code.as_str().parse::<u16>() {
                Ok(status @ 100..600) => format!("http_{status}"),
                _ => event.code.own().unwrap_or(kind),
            };
            let message = event.message.into_string();
            draft.decoded.error = Some(ExchangeError { kind, message });
            draft.is_done = true;
        }
        "message.output.delta"
        | "function.call.delta"
        | "tool.execution.started"
        | "tool.execution.delta"
        | "tool.execution.done"
        | "agent.handoff.started"
        | "agent.handoff.done" => {
            draft.answer(0, tell, |answer, tell| grow(answer, &kind, event, tell));
        }
        _ => draft.notes.add(format!("an event of the unknown type `{kind}` is left out")),
    }
}

/// Blocks of one entry: more than any has.
const BLOCKS: u64 = 1 << 16;

fn grow(answer: &mut Answer, kind: &str, event: Event<'_>, tell: &mut Tell<'_>) {
    let output = event.output_index.0.unwrap_or_default().saturating_mul(BLOCKS);
    let key = output.saturating_add(event.content_index.0.unwrap_or_default());
    match kind {
        "message.output.delta" => {
            if let Some(raw) = event.content {
                said(answer, key, raw, tell);
            }
        }
        "function.call.delta" | "tool.execution.started" | "tool.execution.delta" => {
            let id = event.tool_call_id.own().or(event.id.own());
            if !answer.has_call(key, id.as_deref()) {
                answer.call(key, id, event.name.as_str(), tell);
            }
            match event.arguments {
                TextOr::Text(piece) => answer.arguments(key, piece.as_str(), tell),
                TextOr::Object(value) => answer.arguments(key, &value.to_string(), tell),
                TextOr::Absent => {}
            }
        }
        "tool.execution.done" => {
            if let Some(info) = event.info.filter(|info| !json::is_empty(info)) {
                answer.push(media::other(json!({"info": info})), tell);
            }
        }
        _ => {
            let mut fields = Map::new();
            fields.insert("type".to_owned(), kind.into());
            json::keep(&mut fields, &event.rest);
            answer.push(media::other(Value::Object(fields)), tell);
            return;
        }
    }
    for (name, raw) in &event.rest {
        answer.keep(name.as_str(), json::value(raw));
    }
}

/// Adds a piece of content: words, or a block.
fn said(answer: &mut Answer, key: u64, raw: &RawValue, tell: &mut Tell<'_>) {
    let blocks = match serde_json::from_str::<Content<'_>>(raw.get()) {
        Ok(Content::Text(text)) => return answer.text(key, text.as_str(), tell),
        Ok(Content::Blocks(blocks)) => blocks,
        Ok(Content::Object(_)) => vec![raw],
        Ok(Content::Absent) | Err(_) => return,
    };
    for part in blocks.into_iter().flat_map(openai_chat::raw_block) {
        match part {
            Part::Text { text } => answer.text(key, &text, tell),
            Part::Reasoning { text, signature } => {
                answer.reasoning(key, &text, tell);
                answer.sign(key, signature.as_deref().unwrap_or_default());
            }
            part => answer.push(part, tell),
        }
    }
}

impl Reading for ConversationReading {
    fn prompt(&self) -> &Request {
        &self.draft.decoded.request
    }

    fn reply(&mut self, frame: Frame<'_>, at: Timestamp, grown: &mut dyn FnMut(Grown<'_>)) {
        let counts = &mut self.counts;
        match frame {
            Frame::Event(sent) => self.draft.timed(at, grown, |draft, tell| {
                let data = sent.data.trim();
                if data.starts_with("[DONE]") {
                    draft.is_done = true;
                } else if !data.is_empty() {
                    draft.piece::<Event<'static>, _>(
                        "an event of the reply",
                        data,
                        |draft, told| {
                            event(draft, counts, sent.name, told, tell);
                        },
                    );
                }
            }),
            Frame::Body { body, status } => {
                self.draft.body::<Told<'static>>(body, status, |draft, told| {
                    answered(draft, counts, told, grown);
                });
            }
            _ => {}
        }
    }

    fn is_complete(&self) -> bool {
        self.draft.is_complete()
    }

    fn finish(mut self: Box<Self>) -> Decoded {
        let counts = self.counts.map(|raw| json::value(&raw));
        self.draft.decoded.usage = counts.and_then(openai_chat::usage::usage);
        self.draft.finish()
    }
}
