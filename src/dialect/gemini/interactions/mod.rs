//! The interactions API: steps in, steps out, the history on Google's side.
//!
//! Kept like this:
//! - the status of the interaction is why it stopped, once it did;
//! - each step of the input is a message: what the app gave is the user's, what the model said
//!   is the model's; contents side by side are one message;
//! - steps of Google's own tools (`google_search_call`, `code_execution_result` …) are `other`
//!   parts, as sent.
//!
//! Older versions stream `content.start`, `content.delta` and `content.stop` and answer with
//! `outputs`: the same with other names.

mod ask;
mod growing;
mod steps;
mod wire;

use jiff::Timestamp;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::fields::Fields;
use super::target::bare_model;
use super::{fault, usage};
use crate::dialect::json::Content;
use crate::dialect::notes::Notes;
use crate::dialect::{
    Asked, Decoded, Frame, Grown, Reading, json as wire_json, lossy, media, thread,
};
use crate::model::{Choice, ExchangeError, Message, Part, Request};
use growing::Growing;
use wire::{Ask, Delta, Interaction, Step, Told};

type Tell<'t> = dyn FnMut(Grown<'_>) + 't;

/// An interaction being read.
#[derive(Default)]
pub(super) struct InteractionReading {
    decoded: Decoded,
    notes: Notes,
    /// Whether an answer began: an empty one is an answer too.
    has_answer: bool,
    /// Parts of a whole interaction.
    parts: Vec<Part>,
    /// Steps of a streamed one.
    growing: Vec<Growing>,
    status: Option<String>,
    rest: Fields,
    usage: Option<Box<RawValue>>,
    is_done: bool,
}

/// Fields that an interaction repeats of its request.
const REPEATED: [&str; 12] = [
    "agent",
    "agent_config",
    "cached_content",
    "generation_config",
    "input",
    "labels",
    "previous_interaction_id",
    "response_format",
    "response_modalities",
    "safety_settings",
    "system_instruction",
    "tools",
];

impl InteractionReading {
    pub(super) fn new(asked: &Asked<'_>) -> Self {
        let mut reading = Self::default();
        let request = &mut reading.decoded.request;
        if !asked.body.is_empty() {
            let (_, note) = wire_json::read::<Ask<'static>, _>(&lossy(asked.body), |ask| {
                ask::fill(request, ask);
            });
            if let Some(note) = note {
                reading.notes.add(format!("the request {note}"));
            }
        } else if asked.method == "POST" && !asked.path.contains("cancel") {
            reading.notes.add("the request has no body");
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
        let (_, note) = wire_json::read::<Told<'static>, _>(data, |told| {
            self.take(name, told, tell);
        });
        if let Some(note) = note {
            self.notes.add(format!("an event of the reply {note}"));
        }
        if name == "error" && self.decoded.error.is_none() {
            self.decoded.error = Some(fault::of_body(data, 200));
            self.is_done = true;
        }
    }

    fn take(&mut self, name: &str, told: Told<'_>, tell: &mut Tell<'_>) {
        let kind = told.kind.get().unwrap_or(name);
        match kind {
            "step.start" | "content.start" => {
                self.has_answer = true;
                let index = told.index.0.unwrap_or_default();
                self.growing.push(Growing::new(index, told.step, tell));
            }
            "step.delta" | "content.delta" => {
                if let Some(delta) = told.delta {
                    self.grow(told.index.0.unwrap_or_default(), delta, tell);
                }
            }
            "interaction.completed" | "interaction.complete" => self.is_done = true,
            "step.stop"
            | "content.stop"
            | "interaction.created"
            | "interaction.start"
            | "interaction.status_update"
            | "error" => {}
            _ if told.interaction.is_some() || told.error.is_some() => {}
            _ => self.notes.add("an event of an unknown type is left out"),
        }
        if let Some(id) = told.id.own() {
            self.decoded.reply.id.get_or_insert(id);
        }
        if let Some(interaction) = told.interaction {
            self.interaction(interaction, tell);
        }
        if let Some(status) = told.status.own() {
            self.status = Some(status);
        }
        // The usage of a step is of that step alone.
        let is_step = kind.ends_with(".stop");
        let counted = told.metadata.and_then(|metadata| metadata.usage);
        self.count(told.usage.filter(|_| !is_step).or(counted));
        if let Some(raw) = told.error {
            self.fail(raw);
            self.is_done = true;
        }
    }

    fn grow(&mut self, index: u64, delta: Delta<'_>, tell: &mut Tell<'_>) {
        self.has_answer = true;
        let at = match self.growing.iter().rposition(|step| step.index == index) {
            Some(at) => at,
            None => {
                self.notes.add("a step of the answer has no beginning");
                self.growing.push(Growing::new(index, None, tell));
                self.growing.len() - 1
            }
        };
        if let Some(step) = self.growing.get_mut(at) {
            step.take(delta, tell);
        }
    }

    /// Takes an interaction as it stands: a whole reply, or the frame of a stream.
    fn interaction(&mut self, told: Interaction<'_>, tell: &mut Tell<'_>) {
        let reply = &mut self.decoded.reply;
        reply.id = told.id.own().or(reply.id.take());
        if let Some(model) = told.model.get() {
            reply.model = Some(bare_model(model).to_owned());
        }
        if let Some(status) = told.status.own() {
            self.status = Some(status);
        }
        self.count(told.usage);
        if let Content::Blocks(steps) = &told.steps
            && !steps.is_empty()
        {
            self.has_answer = true;
            self.steps(steps, tell);
        }
        let is_retrieved = self.decoded.request.messages.is_empty();
        for (name, raw) in &told.rest {
            if is_retrieved || !REPEATED.contains(&name.as_str()) {
                self.rest.keep(name.as_str(), raw, &mut self.notes);
            }
        }
        if let Some(raw) = told.error {
            self.fail(raw);
        }
        let faults = &told.errors.0;
        if let Some(first) = faults.first() {
            let messages: Vec<&str> = faults.iter().map(|one| one.message.as_str()).collect();
            self.decoded.error = Some(ExchangeError {
                kind: first.code.own().unwrap_or_else(|| "failed".to_owned()),
                message: messages.join("\n"),
            });
        }
    }

    /// Takes the steps of a whole interaction; they count more than the pieces of them that
    /// came before. What the user gave is among them if the app retrieves the interaction.
    fn steps(&mut self, raws: &[&RawValue], tell: &mut Tell<'_>) {
        let is_new = self.growing.is_empty() && self.parts.is_empty();
        self.growing.clear();
        self.parts.clear();
        for raw in raws {
            let (kind, _) = wire_json::read::<Step<'static>, _>(raw.get(), |step| step.kind.own());
            let mut found = steps::parts(raw);
            if kind.flatten().as_deref() == Some("user_input") {
                let message = Message { role: "user".to_owned(), parts: found };
                if !self.decoded.request.messages.contains(&message) {
                    self.decoded.request.messages.push(message);
                }
                continue;
            }
            if is_new {
                tell_all(&found, tell);
            }
            self.parts.append(&mut found);
        }
    }

    fn body(&mut self, body: &[u8], status: u16, tell: &mut Tell<'_>) {
        let body = lossy(body);
        if status >= 400 {
            self.decoded.error = Some(fault::of_body(&body, status));
            self.is_done = true;
            return;
        }
        if body.trim().is_empty() {
            self.is_done = true;
            return;
        }
        let (_, note) = wire_json::read::<Interaction<'static>, _>(&body, |told| {
            self.interaction(told, tell);
        });
        match note {
            Some(note) => self.notes.add(format!("the reply {note}")),
            None => self.is_done = true,
        }
    }

    fn count(&mut self, raw: Option<&RawValue>) {
        if let Some(raw) = raw.filter(|raw| !matches!(raw.get(), "null" | "{}")) {
            self.usage = Some(raw.to_owned());
        }
    }

    fn fail(&mut self, raw: &RawValue) {
        let value = json!({ "error": wire_json::value(raw) });
        if let Some(error) = fault::of_value(&value) {
            self.decoded.error = Some(error);
        }
    }

    /// The status, if the interaction is at rest.
    fn finish_reason(&self) -> Option<String> {
        self.status.clone().filter(|status| !matches!(status.as_str(), "in_progress" | "queued"))
    }
}

impl Reading for InteractionReading {
    fn prompt(&self) -> &Request {
        &self.decoded.request
    }

    fn reply(&mut self, frame: Frame<'_>, at: Timestamp, grown: &mut dyn FnMut(Grown<'_>)) {
        let (name, data) = match frame {
            Frame::Event(event) => (event.name, event.data),
            Frame::Document(text) => ("", text),
            Frame::Body { body, status } => return self.body(body, status, grown),
            _ => return,
        };
        let mut has_grown = false;
        self.event(name, data, &mut |piece| {
            has_grown = true;
            grown(piece);
        });
        has_grown |= self.growing.last().is_some_and(Growing::has_begun);
        if has_grown && self.decoded.first_token_at.is_none() {
            self.decoded.first_token_at = Some(at);
        }
    }

    fn is_complete(&self) -> bool {
        self.is_done
    }

    fn finish(mut self: Box<Self>) -> Decoded {
        if let Some(raw) = self.usage.take() {
            self.decoded.usage = usage::usage(wire_json::value(&raw));
        }
        let finish_reason = self.finish_reason();
        if self.decoded.error.is_none() && self.status.as_deref() == Some("failed") {
            let message = "the interaction failed".to_owned();
            self.decoded.error = Some(ExchangeError { kind: "failed".to_owned(), message });
        }
        let rest: Map<String, Value> = std::mem::take(&mut self.rest).finish();
        let mut parts = self.parts;
        parts.extend(self.growing.into_iter().flat_map(Growing::finish));
        if !rest.is_empty() {
            parts.push(media::other(Value::Object(rest)));
        }
        if self.has_answer || !parts.is_empty() || finish_reason.is_some() {
            self.decoded.reply.choices.push(Choice { parts, finish_reason });
        }
        self.decoded.notes = self.notes.finish();
        self.decoded
    }
}

/// Tells what `parts` say, all at once.
fn tell_all(parts: &[Part], tell: &mut Tell<'_>) {
    for part in parts {
        match part {
            Part::Text { text } if !text.is_empty() => tell(Grown::Text(text)),
            Part::Reasoning { text, .. } if !text.is_empty() => tell(Grown::Reasoning(text)),
            Part::ToolCall { name, arguments, .. } => {
                tell(Grown::ToolCall(name));
                if !wire_json::is_empty(arguments) {
                    tell(Grown::Arguments(&arguments.to_string()));
                }
            }
            _ => {}
        }
    }
}
