//! A response being read over HTTP.

use jiff::Timestamp;
use serde_json::value::RawValue;

use super::answer::{Answer, State};
use super::wire::{Ask, Told, Whole};
use super::{Operation, request};
use crate::dialect::notes::Notes;
use crate::dialect::{
    Asked, Decoded, Frame, Grown, Reading, failure, json, lossy, path_segment_after, thread,
};
use crate::model::Headers;

/// An exchange as far as it came.
#[derive(Clone, Debug, Default)]
pub(in crate::dialect) struct SoFar {
    pub(in crate::dialect) decoded: Decoded,
    pub(in crate::dialect) notes: Notes,
    pub(in crate::dialect) answer: Answer,
}

impl SoFar {
    /// Takes the prompt: a request's body, or a frame.
    pub(super) fn ask(&mut self, text: &str, headers: &Headers) {
        let request = &mut self.decoded.request;
        let (_, note) = json::read::<Ask<'static>, _>(text, |ask| request::fill(request, ask));
        match note {
            Some(_) if text.is_empty() => self.notes.add("the request has no body"),
            Some(note) => self.notes.add(format!("the request {note}")),
            None => {}
        }
        self.decoded.thread = thread::thread(headers, &self.decoded.request.params);
    }

    /// Takes an event of the answer.
    pub(in crate::dialect) fn take(
        &mut self,
        told: Told<'_>,
        name: &str,
        at: Timestamp,
        grown: &mut dyn FnMut(Grown<'_>),
    ) {
        let mut has_grown = false;
        self.answer.event(told, name, &mut |piece| {
            has_grown = true;
            grown(piece);
        });
        if has_grown && self.decoded.first_token_at.is_none() {
            self.decoded.first_token_at = Some(at);
        }
    }

    /// What was read.
    pub(in crate::dialect) fn finish(mut self) -> Decoded {
        self.answer.finish(&mut self.decoded, &mut self.notes);
        self.decoded.notes = self.notes.finish();
        self.decoded
    }
}

/// A response being read.
pub(super) struct ResponsesReading {
    so_far: SoFar,
    operation: Operation,
}

impl ResponsesReading {
    pub(super) fn new(asked: &Asked<'_>, operation: Operation) -> Self {
        let mut so_far = SoFar::default();
        match operation {
            Operation::Chat | Operation::Compact | Operation::CountTokens => {
                so_far.ask(&lossy(asked.body), asked.headers);
            }
            Operation::Retrieve | Operation::Cancel | Operation::InputItems | Operation::Delete => {
                let request = &mut so_far.decoded.request;
                if let Some(id) = path_segment_after(asked.path, "responses") {
                    request.params.insert("response_id".to_owned(), id.into());
                }
                request::query(request, asked.path);
                so_far.decoded.thread = thread::thread(asked.headers, &request.params);
            }
        }
        Self { so_far, operation }
    }

    fn event(&mut self, name: &str, data: &str, at: Timestamp, grown: &mut dyn FnMut(Grown<'_>)) {
        let data = data.trim();
        if data.starts_with("[DONE]") {
            self.so_far.answer.end();
            return;
        }
        if data.is_empty() {
            return;
        }
        let so_far = &mut self.so_far;
        let (_, note) = json::read::<Told<'static>, _>(data, |told| {
            so_far.take(told, name, at, grown);
        });
        if let Some(note) = note {
            so_far.notes.add(format!("an event of the reply {note}"));
        }
    }

    fn body(&mut self, body: &[u8], status: u16, grown: &mut dyn FnMut(Grown<'_>)) {
        let body = lossy(body);
        let so_far = &mut self.so_far;
        if status >= 400 {
            so_far.answer.error = Some(failure::of_body(&body, status));
            so_far.answer.end();
            return;
        }
        let mut is_answer = false;
        let (_, note) = json::read::<Whole<'static>, _>(&body, |told| {
            is_answer = told.object.get().is_some() || told.id.get().is_some();
            so_far.answer.whole(told, State::Over, grown);
        });
        match note {
            Some(note) if !body.trim().is_empty() => so_far.notes.add(format!("the reply {note}")),
            _ => so_far.answer.end(),
        }
        if self.operation == Operation::CountTokens {
            // The count stands where other replies have their answer.
            if let Ok(raw) = serde_json::from_str::<&RawValue>(&body) {
                so_far.answer.count(raw);
            }
        } else if !is_answer && so_far.answer.error.is_none() {
            let found = serde_json::from_str(&body).ok();
            so_far.answer.error = found.as_ref().and_then(failure::of_value);
        }
    }
}

impl Reading for ResponsesReading {
    fn prompt(&self) -> &crate::model::Request {
        &self.so_far.decoded.request
    }

    fn reply(&mut self, frame: Frame<'_>, at: Timestamp, grown: &mut dyn FnMut(Grown<'_>)) {
        match frame {
            Frame::Event(event) => self.event(event.name, event.data, at, grown),
            Frame::Body { body, status } => self.body(body, status, grown),
            _ => {}
        }
    }

    fn is_complete(&self) -> bool {
        self.so_far.answer.is_over()
    }

    fn finish(self: Box<Self>) -> Decoded {
        self.so_far.finish()
    }
}
