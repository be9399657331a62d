//! A chat of the second version.

use jiff::Timestamp;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::usage;
use super::wire::{Ask, Block, Call, Delta, Piece, Said, Told, ToolWire, Whole};
use crate::dialect::answer::{Answer, Tell};
use crate::dialect::draft::{self, Draft};
use crate::dialect::json::{self, Content, Text, TextOr};
use crate::dialect::{Asked, Decoded, Frame, Grown, Reading, media};
use crate::model::{ExchangeError, Message, Part, Request, Tool};

/// A chat being read.
pub(super) struct ChatReading {
    draft: Draft,
    counts: Counts,
}

/// Where the usage stands until it is read, at the end.
type Counts = Option<Box<RawValue>>;

/// The plan of an answer stands before its blocks, which are numbered from 0.
const PLAN: u64 = u64::MAX - 1;

impl ChatReading {
    pub(super) fn new(asked: &Asked<'_>) -> Self {
        Self { draft: Draft::read::<Ask<'static>>(asked, fill), counts: None }
    }
}

fn fill(request: &mut Request, ask: Ask<'_>) {
    request.model = ask.model.own();
    json::keep_all(&mut request.params, &ask.rest);
    request.tools = ask.tools.0.into_iter().map(tool).collect();
    request.messages = ask.messages.0.into_iter().map(message).collect();
    request.system = draft::system(&request.messages);
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
            Tool {
                name: tool.kind.into_string(),
                description: None,
                schema: Value::Object(settings),
            }
        }
    }
}

fn message(said: Said<'_>) -> Message {
    let role = said.role.as_str().to_owned();
    let mut rest = Map::new();
    json::keep(&mut rest, &said.rest);
    let mut parts = match role.as_str() {
        "tool" => vec![Part::ToolResult {
            id: said.tool_call_id.own(),
            name: None,
            parts: blocks(said.content),
            is_error: None,
        }],
        _ => spoken(said),
    };
    if !rest.is_empty() {
        parts.push(media::other(Value::Object(rest)));
    }
    Message { role, parts }
}

/// The parts of a message: its plan, its content, its tool calls.
fn spoken(said: Said<'_>) -> Vec<Part> {
    let plan = said.tool_plan.own().map(|text| Part::Reasoning { text, signature: None });
    let mut parts: Vec<Part> = plan.into_iter().collect();
    parts.append(&mut blocks(said.content));
    parts.extend(said.tool_calls.0.into_iter().filter_map(call));
    parts
}

/// The parts of a content.
pub(super) fn blocks(content: Content<'_>) -> Vec<Part> {
    match content {
        Content::Absent => Vec::new(),
        Content::Text(text) => text.own().map(Part::text).into_iter().collect(),
        Content::Blocks(raws) => raws.into_iter().filter_map(block).collect(),
        Content::Object(value) => match serde_json::value::to_raw_value(&value) {
            Ok(raw) => block(&raw).into_iter().collect(),
            Err(_) => vec![media::other(value)],
        },
    }
}

fn block(raw: &RawValue) -> Option<Part> {
    if raw.get().starts_with('"') {
        let text = serde_json::from_str::<Text<'_>>(raw.get()).unwrap_or_default();
        return text.own().map(Part::text);
    }
    let (part, _) = json::read::<Block<'static>, _>(raw.get(), |block| match block.kind.as_str() {
        "text" => Some(Part::Text { text: block.text.into_string() }),
        "thinking" => Some(Part::Reasoning { text: block.thinking.into_string(), signature: None }),
        "image_url" => match block.image_url {
            TextOr::Text(url) => Some(media::image(url.as_str())),
            TextOr::Object(link) => Some(media::image(link.url.as_str())),
            TextOr::Absent => None,
        },
        _ => None,
    });
    part.flatten().or_else(|| {
        let value = json::value(raw);
        (!json::is_empty(&value)).then(|| media::other(value))
    })
}

fn call(call: Call<'_>) -> Option<Part> {
    let function = call.function?;
    let arguments = match function.arguments {
        TextOr::Absent => json!({}),
        TextOr::Text(text) => json::arguments(text.into_string()),
        TextOr::Object(value) => value,
    };
    Some(Part::ToolCall { id: call.id.own(), name: function.name.into_string(), arguments })
}

fn answered(draft: &mut Draft, counts: &mut Counts, whole: Whole<'_>, tell: &mut Tell<'_>) {
    let message = match whole.message {
        TextOr::Object(message) => message,
        TextOr::Text(words) => {
            let message = words.into_string();
            draft.decoded.error = Some(ExchangeError { kind: "error".to_owned(), message });
            return;
        }
        TextOr::Absent => return draft.keep_all(&whole.rest),
    };
    draft.decoded.reply.id = whole.id.own();
    draft.decoded.reply.model = whole.model.own();
    *counts = whole.usage.map(RawValue::to_owned);
    let mut rest = Map::new();
    json::keep(&mut rest, &message.rest);
    draft.answer(0, tell, |answer, tell| {
        spoken(message).into_iter().for_each(|part| answer.push(part, tell));
        answer.finish_reason = whole.finish_reason.own();
        answer.rest = rest;
        answer.keep("logprobs", whole.logprobs.unwrap_or_default());
    });
    draft.keep_all(&whole.rest);
}

fn event(draft: &mut Draft, counts: &mut Counts, name: &str, told: Told<'_>, tell: &mut Tell<'_>) {
    let index = told.index.0.unwrap_or_default();
    let kind = told.kind.get().unwrap_or(name);
    match kind {
        "message-start" => {
            draft.decoded.reply.id = told.id.own();
            draft.answer(0, tell, |_, _| {});
        }
        "message-end" => {
            if let Some(delta) = told.delta {
                ended(draft, counts, delta, tell);
            }
            return;
        }
        "debug" => return draft.keep("prompt", told.prompt.as_str().into()),
        "content-end" | "tool-call-end" | "citation-end" => return,
        "content-start" | "content-delta" | "tool-plan-delta" | "tool-call-start"
        | "tool-call-delta" | "citation-start" => {}
        _ => match told.message {
            TextOr::Text(words) => {
                let message = words.into_string();
                draft.decoded.error = Some(ExchangeError { kind: kind.to_owned(), message });
                draft.is_done = true;
                return;
            }
            _ => draft.notes.add(format!("an event of the unknown type `{kind}` is read in part")),
        },
    }
    let piece = told.delta.and_then(|delta| delta.message);
    draft.answer(0, tell, |answer, tell| {
        if let Some(piece) = piece {
            grow(answer, index, kind, piece, tell);
        }
        match told.logprobs {
            Some(item @ Value::Object(_)) => answer.keep("logprobs", Value::Array(vec![item])),
            Some(items) => answer.keep("logprobs", items),
            None => {}
        }
    });
}

fn grow(answer: &mut Answer, index: u64, kind: &str, piece: Piece<'_>, tell: &mut Tell<'_>) {
    answer.reasoning(PLAN, piece.tool_plan.as_str(), tell);
    for block in piece.content.0 {
        answer.reasoning(index, block.thinking.as_str(), tell);
        answer.text(index, block.text.as_str(), tell);
    }
    for call in piece.tool_calls.0 {
        let Some(function) = call.function else { continue };
        if kind == "tool-call-start" {
            answer.call(index, call.id.own(), function.name.as_str(), tell);
        }
        match function.arguments {
            TextOr::Text(piece) => answer.arguments(index, piece.as_str(), tell),
            TextOr::Object(value) => answer.arguments(index, &value.to_string(), tell),
            TextOr::Absent => {}
        }
    }
    answer.keep("citations", Value::Array(piece.citations.0));
    for (name, raw) in &piece.rest {
        answer.keep(name.as_str(), json::value(raw));
    }
}

fn ended(draft: &mut Draft, counts: &mut Counts, delta: Delta<'_>, tell: &mut Tell<'_>) {
    if let Some(message) = delta.error.own() {
        let kind = delta.finish_reason.own().unwrap_or_else(|| "error".to_owned());
        draft.decoded.error = Some(ExchangeError { kind, message });
    }
    *counts = delta.usage.map(RawValue::to_owned).or(counts.take());
    let reason = delta.finish_reason.own();
    draft.answer(0, tell, |answer, _| answer.finish_reason = reason);
    draft.keep_all(&delta.rest);
    draft.is_done = true;
}

impl Reading for ChatReading {
    fn prompt(&self) -> &Request {
        &self.draft.decoded.request
    }

    fn reply(&mut self, frame: Frame<'_>, at: Timestamp, grown: &mut dyn FnMut(Grown<'_>)) {
        let counts = &mut self.counts;
        let mut take = |draft: &mut Draft, name: &str, data: &str, tell: &mut Tell<'_>| {
            let data = data.trim();
            if data.starts_with("[DONE]") {
                draft.is_done = true;
            } else if !data.is_empty() {
                draft.piece::<Told<'static>, _>("an event of the reply", data, |draft, told| {
                    event(draft, counts, name, told, tell);
                });
            }
        };
        match frame {
            Frame::Event(event) => self.draft.timed(at, grown, |draft, tell| {
                take(draft, event.name, event.data, tell);
            }),
            Frame::Document(text) => {
                self.draft.timed(at, grown, |draft, tell| take(draft, "", text, tell));
            }
            Frame::Body { body, status } => {
                self.draft.body::<Whole<'static>>(body, status, |draft, whole| {
                    answered(draft, counts, whole, grown);
                });
            }
            _ => {}
        }
    }

    fn is_complete(&self) -> bool {
        self.draft.is_complete()
    }

    fn finish(mut self: Box<Self>) -> Decoded {
        self.draft.decoded.usage = self.counts.and_then(|raw| usage::usage(json::value(&raw)));
        self.draft.finish()
    }
}
