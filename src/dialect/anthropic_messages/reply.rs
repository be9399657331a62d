//! A message being read.

use jiff::Timestamp;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::growing::{Growing, Known};
use super::wire::{Answered, Ask, Delta, Told};
use super::{blocks, growing, request, usage};
use crate::dialect::json;
use crate::dialect::notes::Notes;
use crate::dialect::{Asked, Decoded, Frame, Grown, Reading, failure, lossy, media, thread};
use crate::model::{Choice, Cost, Part};

type Tell<'t> = dyn FnMut(Grown<'_>) + 't;

/// A message being read.
#[derive(Default)]
pub(super) struct MessagesReading {
    decoded: Decoded,
    notes: Notes,
    /// Whether an answer began: an empty one is an answer too.
    has_answer: bool,
    /// Parts of a whole reply.
    parts: Vec<Part>,
    /// Blocks of a streamed one.
    growing: Vec<Growing>,
    stop_reason: Option<String>,
    /// Fields of the message that stand nowhere else.
    rest: Map<String, Value>,
    counts: Map<String, Value>,
    is_done: bool,
}

impl MessagesReading {
    pub(super) fn new(asked: &Asked<'_>) -> Self {
        let mut reading = Self::default();
        let request = &mut reading.decoded.request;
        let (_, note) = json::read::<Ask<'static>, _>(&lossy(asked.body), |ask| {
            request::fill(request, ask);
        });
        match note {
            Some(_) if asked.body.is_empty() => reading.notes.add("the request has no body"),
            Some(note) => reading.notes.add(format!("the request {note}")),
            None => {}
        }
        if request.model.is_none() {
            request.model = request::model_in_path(asked.path);
        }
        reading.decoded.thread = thread::thread(asked.headers, &request.params);
        reading
    }

    fn event(&mut self, name: &str, data: &str, tell: &mut Tell<'_>) {
        let data = data.trim();
        if data.starts_with("[DONE]") {
            self.is_done = true;
            return;
        }
        if data.is_empty() {
            return;
        }
        let (known, note) = json::read::<Told<'static>, _>(data, |told| self.take(told, tell));
        if let Some(note) = note {
            self.notes.add(format!("an event of the reply {note}"));
        }
        if known == Some(Known::Yes) {
            return;
        }
        let found = serde_json::from_str(data).ok();
        match found.as_ref().and_then(failure::of_value) {
            Some(error) => {
                self.decoded.error = Some(error);
                self.is_done = true;
            }
            None if name == "error" => {
                self.decoded.error = Some(failure::of_body(data, 200));
                self.is_done = true;
            }
            None if note.is_none() => self.notes.add("an event of an unknown type is left out"),
            None => {}
        }
    }

    fn take(&mut self, told: Told<'_>, tell: &mut Tell<'_>) -> Known {
        match told.kind.as_str() {
            "message_start" => {
                if let Some(message) = told.message {
                    self.answered(message, tell);
                }
            }
            "content_block_start" => {
                self.has_answer = true;
                let block = Growing::new(told.index.0.unwrap_or_default(), told.content_block);
                block.tell_start(tell);
                if let Some(model) = block.falls_back_to() {
                    self.decoded.reply.model = Some(model);
                }
                self.growing.push(block);
            }
            "content_block_delta" => {
                if let Some(delta) = &told.delta {
                    self.grow(told.index.0.unwrap_or_default(), delta, tell);
                }
            }
            "message_delta" => {
                if let Some(delta) = told.delta {
                    self.stop_reason = delta.stop_reason.own().or(self.stop_reason.take());
                    json::keep(&mut self.rest, &delta.rest);
                }
                // Such as `input_transformations`, after another model took over.
                json::keep(&mut self.rest, &told.rest);
                self.count(told.usage);
            }
            "message_stop" => self.is_done = true,
            "content_block_stop" | "ping" => {}
            _ => return Known::No,
        }
        Known::Yes
    }

    fn grow(&mut self, index: u64, delta: &Delta<'_>, tell: &mut Tell<'_>) {
        self.has_answer = true;
        let at = match self.growing.iter().rposition(|block| block.index == index) {
            Some(at) => at,
            None => {
                self.notes.add("a block of the answer has no beginning");
                self.growing.push(Growing::new(index, None));
                self.growing.len() - 1
            }
        };
        if let Some(block) = self.growing.get_mut(at)
            && block.take(delta, tell) == Known::No
        {
            self.notes.add(format!(
                "a delta of the unknown type `{}` is read as far as its fields are known",
                delta.kind.as_str()
            ));
        }
    }

    fn body(&mut self, body: &[u8], status: u16, tell: &mut Tell<'_>) {
        let body = lossy(body);
        if status >= 400 {
            self.decoded.error = Some(failure::of_body(&body, status));
            self.is_done = true;
            return;
        }
        let (_, note) = json::read::<Answered<'static>, _>(&body, |message| {
            self.answered(message, tell);
        });
        match note {
            Some(note) => self.notes.add(format!("the reply {note}")),
            None => self.is_done = true,
        }
    }

    /// Takes a whole reply, or the message with which a stream begins.
    fn answered(&mut self, message: Answered<'_>, tell: &mut Tell<'_>) {
        if let Some(raw) = message.error {
            let value = serde_json::json!({"error": json::value(raw)});
            self.decoded.error = failure::of_value(&value);
            return;
        }
        self.decoded.reply.id = message.id.own();
        self.decoded.reply.model = message.model.own();
        self.stop_reason = message.stop_reason.own();
        json::keep(&mut self.rest, &message.rest);
        self.count(message.usage);
        if let Some(input) = message.input_tokens.0 {
            self.counts.insert("input_tokens".to_owned(), input.into());
            return;
        }
        self.has_answer = true;
        self.parts = blocks::parts(message.content);
        growing::tell(&self.parts, tell);
    }

    fn count(&mut self, raw: Option<&RawValue>) {
        if let Some(raw) = raw {
            usage::update(&mut self.counts, json::value(raw));
        }
    }
}

impl Reading for MessagesReading {
    fn prompt(&self) -> &crate::model::Request {
        &self.decoded.request
    }

    fn reply(&mut self, frame: Frame<'_>, at: Timestamp, grown: &mut dyn FnMut(Grown<'_>)) {
        match frame {
            Frame::Event(event) => {
                let mut has_grown = false;
                self.event(event.name, event.data, &mut |piece| {
                    has_grown = true;
                    grown(piece);
                });
                if has_grown && self.decoded.first_token_at.is_none() {
                    self.decoded.first_token_at = Some(at);
                }
            }
            Frame::Body { body, status } => self.body(body, status, grown),
            _ => {}
        }
    }

    fn is_complete(&self) -> bool {
        self.is_done || self.stop_reason.is_some()
    }

    fn finish(mut self: Box<Self>) -> Decoded {
        self.decoded.usage = usage::usage(self.counts);
        let cost = self.decoded.usage.as_ref().and_then(|usage| usage.raw.get("cost"));
        self.decoded.cost_usd = cost.and_then(Value::as_f64);
        self.decoded.cost_source = self.decoded.cost_usd.map(|_| Cost::Reported);
        if self.has_answer {
            let mut parts = self.parts;
            parts.extend(self.growing.into_iter().flat_map(Growing::finish));
            if !self.rest.is_empty() {
                parts.push(media::other(Value::Object(self.rest)));
            }
            self.decoded.reply.choices.push(Choice { parts, finish_reason: self.stop_reason });
        }
        self.decoded.notes = self.notes.finish();
        self.decoded
    }
}
