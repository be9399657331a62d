//! An answer of Converse, of ConverseStream, and of models that speak like them.

use jiff::Timestamp;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::wire::{Ask, Delta, Named, Start, Told};
use super::{content, request, usage};
use crate::dialect::answer::{Answer, Tell};
use crate::dialect::draft::Draft;
use crate::dialect::json::{self, Content, TextOr};
use crate::dialect::{Asked, Decoded, Frame, Grown, Reading, lossy};
use crate::model::{Part, Request};
use crate::observe::eventstream::Message;

/// An answer being read.
pub(super) struct ConverseReading {
    draft: Draft,
    counts: Counts,
}

impl ConverseReading {
    pub(super) fn new(asked: &Asked<'_>) -> Self {
        Self { draft: Draft::read::<Ask<'static>>(asked, request::fill), counts: None }
    }
}

/// Where the usage stands until it is read, at the end.
type Counts = Option<Box<RawValue>>;

/// What an event is called in a note.
const EVENT: &str = "an event of the reply";

/// Takes an event of ConverseStream.
fn event(draft: &mut Draft, counts: &mut Counts, message: Message<'_>, tell: &mut Tell<'_>) {
    let name = message.header(":event-type").unwrap_or_default();
    draft.piece::<Told<'static>, _>(EVENT, &lossy(message.payload), |draft, told| {
        take(draft, counts, name, told, tell);
    });
}

/// Takes an event whose name is a field, as Nova has them.
fn named(draft: &mut Draft, counts: &mut Counts, data: &str, tell: &mut Tell<'_>) {
    draft.piece::<Named<'static>, _>(EVENT, data, |draft, named| {
        if named.message_start.is_some() {
            draft.answer(0, tell, |_, _| {});
        }
        for (name, told) in [
            ("contentBlockStart", named.block_start),
            ("contentBlockDelta", named.block_delta),
            ("messageStop", named.message_stop),
            ("metadata", named.metadata),
        ] {
            if let Some(told) = told {
                take(draft, counts, name, told, tell);
            }
        }
        draft.keep_all(&named.rest);
    });
}

fn take(draft: &mut Draft, counts: &mut Counts, name: &str, told: Told<'_>, tell: &mut Tell<'_>) {
    let index = told.index.0.unwrap_or_default();
    match name {
        "messageStart" => draft.answer(0, tell, |_, _| {}),
        "contentBlockStart" => {
            if let Some(start) = told.start {
                draft.answer(0, tell, |answer, tell| begin(answer, index, start, tell));
            }
        }
        "contentBlockDelta" => {
            if let Some(delta) = told.delta {
                draft.answer(0, tell, |answer, tell| grow(answer, index, delta, tell));
            }
        }
        "messageStop" => {
            let reason = told.stop_reason.own();
            draft.answer(0, tell, |answer, _| answer.finish_reason = reason);
            draft.keep_all(&told.rest);
        }
        "metadata" => {
            count(counts, told.usage);
            traced(draft, told.trace);
            draft.keep_all(&told.rest);
        }
        "contentBlockStop" | "initial-response" => {}
        _ => draft.notes.add(format!("an event of the unknown type `{name}` is left out")),
    }
}

fn begin(answer: &mut Answer, index: u64, start: Start<'_>, tell: &mut Tell<'_>) {
    if let Some(call) = start.tool_use {
        answer.call(index, call.id.own(), call.name.as_str(), tell);
        if let Some(input) = call.input.filter(|input| !json::is_empty(input)) {
            answer.arguments(index, &input.to_string(), tell);
        }
    }
    if let Some(given) = start.tool_result {
        answer.push_with(index, content::result(given, 0), tell);
    }
    if let Some(image) = start.image {
        answer.push_with(index, content::image(image), tell);
    }
    for (name, raw) in start.rest {
        answer.push(Part::Other { value: json!({name.as_str(): json::value(raw)}) }, tell);
    }
}

fn grow(answer: &mut Answer, index: u64, delta: Delta<'_>, tell: &mut Tell<'_>) {
    if let Some(words) = delta.text.get() {
        answer.text(index, words, tell);
    }
    match delta.tool_use.map(|call| call.input) {
        Some(TextOr::Text(piece)) => answer.arguments(index, piece.as_str(), tell),
        Some(TextOr::Object(input)) => answer.arguments(index, &input.to_string(), tell),
        Some(TextOr::Absent) | None => {}
    }
    if let Some(thought) = delta.reasoning {
        answer.reasoning(index, thought.text.as_str(), tell);
        answer.sign(index, thought.signature.as_str());
        answer.sign(index, thought.redacted.as_str());
        if let Some(whole) = thought.whole {
            answer.reasoning(index, whole.text.as_str(), tell);
            answer.sign(index, whole.signature.as_str());
        }
    }
    if let Content::Blocks(_) | Content::Object(_) = delta.tool_result {
        let mut more = content::parts(delta.tool_result);
        match answer.whole(index) {
            Some(Part::ToolResult { parts, .. }) => join(parts, more),
            _ => {
                more.drain(..).for_each(|part| answer.push(part, tell));
            }
        }
    }
    if let Some(image) = delta.image {
        let piece = content::image(image);
        match (answer.whole(index), piece) {
            (
                Some(Part::Image { bytes, .. }),
                Part::Image { bytes: Some(more), mime_type: None, .. },
            ) => *bytes = Some(bytes.unwrap_or_default().saturating_add(more)),
            (_, piece) => answer.push_with(index, piece, tell),
        }
    }
    if let Some(citation) = delta.citation {
        answer.keep("citations", Value::Array(vec![citation]));
    }
    for (name, raw) in delta.rest {
        answer.push(Part::Other { value: json!({name.as_str(): json::value(raw)}) }, tell);
    }
}

/// Adds pieces of a tool's result: words grow, all else stands by itself.
fn join(parts: &mut Vec<Part>, more: Vec<Part>) {
    for part in more {
        match (parts.last_mut(), part) {
            (Some(Part::Text { text }), Part::Text { text: piece }) => text.push_str(&piece),
            (_, part) => parts.push(part),
        }
    }
}

fn count(counts: &mut Counts, raw: Option<&RawValue>) {
    if let Some(raw) = raw {
        *counts = Some(raw.to_owned());
    }
}

/// Keeps a trace; a router of prompts tells in it which model answered.
fn traced(draft: &mut Draft, trace: Option<Value>) {
    let Some(trace) = trace else { return };
    if let Some(model) = trace.pointer("/promptRouter/invokedModelId").and_then(Value::as_str) {
        draft.decoded.reply.model = Some(model.to_owned());
    }
    draft.keep("trace", trace);
}

/// Takes a whole reply.
fn answered(draft: &mut Draft, counts: &mut Counts, told: Told<'_>, tell: &mut Tell<'_>) {
    count(counts, told.usage);
    traced(draft, told.trace);
    let reason = told.stop_reason.own();
    let Some(output) = told.output else {
        draft.keep_all(&told.rest);
        return;
    };
    draft.answer(0, tell, |answer, tell| {
        if let Some(message) = output.message {
            content::parts(message.content).into_iter().for_each(|part| answer.push(part, tell));
        }
        answer.finish_reason = reason;
    });
    draft.keep_all(&output.rest);
    draft.keep_all(&told.rest);
}

impl Reading for ConverseReading {
    fn prompt(&self) -> &Request {
        &self.draft.decoded.request
    }

    fn reply(&mut self, frame: Frame<'_>, at: Timestamp, grown: &mut dyn FnMut(Grown<'_>)) {
        let counts = &mut self.counts;
        match frame {
            Frame::Message(message) => self.draft.timed(at, grown, |draft, tell| {
                event(draft, counts, message, tell);
            }),
            Frame::Event(event) => self.draft.timed(at, grown, |draft, tell| {
                named(draft, counts, event.data, tell);
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
        self.draft.decoded.usage = self.counts.and_then(|raw| usage::usage(json::value(&raw)));
        self.draft.finish()
    }
}
