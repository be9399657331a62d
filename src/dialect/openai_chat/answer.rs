//! One choice as it grows.

use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::request::{raw_block, reasoning, refusal};
use super::wire::{Call, Chosen, FunctionCall, Said};
use crate::dialect::json::{self, Content, TextOr};
use crate::dialect::{Grown, media};
use crate::model::{Choice, Part};

/// Told of what a piece adds to the answer.
pub(super) type Tell<'t> = dyn FnMut(Grown<'_>) + 't;

/// One choice, joined from its pieces.
#[derive(Default)]
pub(super) struct Answer {
    pub(super) index: u64,
    pub(super) finish_reason: Option<String>,
    reasoning: String,
    signatures: Vec<String>,
    text: String,
    refusal: String,
    sound: Option<SoundSoFar>,
    media: Vec<Part>,
    calls: Vec<CallSoFar>,
    /// The call of the time before `tool_calls`.
    function: Option<CallSoFar>,
    /// Fields without a place of their own, the lists of them joined.
    rest: Map<String, Value>,
}

#[derive(Default)]
struct SoundSoFar {
    id: Option<String>,
    transcript: String,
    bytes: u64,
}

#[derive(Default)]
struct CallSoFar {
    index: Option<u64>,
    id: Option<String>,
    name: String,
    arguments: Arguments,
}

enum Arguments {
    /// JSON as text, joined from its pieces.
    Json(String),
    /// An object that came as such, or the free text of a custom tool.
    Given(Value),
}

impl Default for Arguments {
    fn default() -> Self {
        Self::Json(String::new())
    }
}

impl Answer {
    /// The choice with `index`, of which nothing came yet.
    pub(super) fn new(index: u64) -> Self {
        Self { index, ..Self::default() }
    }

    /// Takes one choice of an event, or of a whole reply.
    ///
    /// A `message` beside a `delta` is what Perplexity repeats on every event, so the delta
    /// counts if it says anything; Together's `text` repeats the delta as well.
    pub(super) fn take(&mut self, mut told: Chosen<'_>, whole: Whole, tell: &mut Tell<'_>) {
        if let Some(reason) = told.finish_reason.own() {
            self.finish_reason = Some(reason);
        }
        if let Some(raw) = told.logprobs {
            self.keep("logprobs", json::value(raw));
        }
        for (name, raw) in &told.rest {
            self.keep_raw(name.as_str(), raw);
        }
        let said = match whole {
            Whole::Event => told.delta.take().or_else(|| {
                let is_new = self.is_empty();
                told.message.take().filter(|_| is_new)
            }),
            Whole::Reply => told.message.take().or_else(|| told.delta.take()),
        };
        match said {
            Some(said) => self.said(said, tell),
            None => self.text(told.text.as_str(), tell),
        }
    }

    /// Tells what this answer says beyond `had`, which it repeats.
    pub(super) fn tell_beyond(&self, had: &Self, tell: &mut Tell<'_>) {
        match self.reasoning.get(had.reasoning.len()..) {
            Some(more) if !more.is_empty() => tell(Grown::Reasoning(more)),
            _ => {}
        }
        match self.text.get(had.text.len()..) {
            Some(more) if !more.is_empty() => tell(Grown::Text(more)),
            _ => {}
        }
    }

    fn is_empty(&self) -> bool {
        self.text.is_empty() && self.reasoning.is_empty() && self.calls.is_empty()
    }

    fn said(&mut self, said: Said<'_>, tell: &mut Tell<'_>) {
        self.thought(&said, tell);
        match said.content {
            Content::Text(text) => self.text(text.as_str(), tell),
            Content::Blocks(blocks) => self.blocks(&blocks, tell),
            Content::Absent => {}
            Content::Object(value) => self.keep("content", value),
        }
        if let Some(words) = said.refusal.get() {
            self.refusal.push_str(words);
            tell(Grown::Text(words));
        }
        if let Some(sound) = said.audio {
            self.sound(&sound, tell);
        }
        for (name, raw) in &said.rest {
            self.keep_raw(name.as_str(), raw);
        }
        for image in said.images.0 {
            if let TextOr::Object(link) = image.image_url {
                self.media.push(media::image(link.url.as_str()));
            }
        }
        for call in said.tool_calls.0 {
            self.call(call, tell);
        }
        // Snowflake sends an empty one in every message.
        if let Some(function) = said.function_call {
            let is_empty = function.name.get().is_none() && is_nothing(&function.arguments);
            if !is_empty {
                let call = self.function.get_or_insert_default();
                call.grow(function, tell);
            }
        }
    }

    fn text(&mut self, words: &str, tell: &mut Tell<'_>) {
        if !words.is_empty() {
            self.text.push_str(words);
            tell(Grown::Text(words));
        }
    }

    fn thought(&mut self, said: &Said<'_>, tell: &mut Tell<'_>) {
        let plain = [&said.reasoning_content, &said.reasoning, &said.reasoning_text];
        if let Some(words) = plain.into_iter().find_map(|field| field.get())
            && said.reasoning_details.0.is_empty()
            && said.reasoning_opaque.get().is_none()
        {
            // The usual case, without a copy.
            self.reasoned(words, tell);
            return;
        }
        let (words, signatures) = reasoning(said);
        self.reasoned(&words, tell);
        for signature in signatures {
            if !self.signatures.contains(&signature) {
                self.signatures.push(signature);
            }
        }
    }

    /// Adds words of reasoning, unless they repeat all that came: some providers end a stream
    /// with the whole of it in another field.
    fn reasoned(&mut self, words: &str, tell: &mut Tell<'_>) {
        let repeats = words.len() >= REPEATED_MIN && words == self.reasoning;
        if !words.is_empty() && !repeats {
            self.reasoning.push_str(words);
            tell(Grown::Reasoning(words));
        }
    }

    fn blocks(&mut self, blocks: &[&RawValue], tell: &mut Tell<'_>) {
        for part in blocks.iter().flat_map(|raw| raw_block(raw)) {
            match part {
                Part::Text { text } => self.text(&text, tell),
                Part::Reasoning { text, signature } => {
                    self.reasoned(&text, tell);
                    self.signatures.extend(signature);
                }
                part => self.media.push(part),
            }
        }
    }

    fn sound(&mut self, sound: &super::wire::Sound<'_>, tell: &mut Tell<'_>) {
        let said = sound.transcript.get();
        if sound.id.get().is_none() && said.is_none() && sound.data.get().is_none() {
            return;
        }
        let so_far = self.sound.get_or_insert_default();
        if so_far.id.is_none() {
            so_far.id = sound.id.own();
        }
        so_far.bytes += media::base64_bytes(sound.data.as_str());
        if let Some(words) = said {
            so_far.transcript.push_str(words);
            tell(Grown::Text(words));
        }
    }

    fn call(&mut self, call: Call<'_>, tell: &mut Tell<'_>) {
        let name = match (&call.function, &call.custom) {
            (Some(function), _) => function.name.get(),
            (None, Some(custom)) => custom.name.get(),
            (None, None) => None,
        };
        let at = match self.place(call.index.0, call.id.get(), name) {
            Some(at) => at,
            None => {
                self.calls.push(CallSoFar { index: call.index.0, ..CallSoFar::default() });
                self.calls.len() - 1
            }
        };
        let Some(so_far) = self.calls.get_mut(at) else {
            return;
        };
        if so_far.id.is_none() {
            so_far.id = call.id.own();
        }
        if let Some(function) = call.function {
            so_far.grow(function, tell);
        } else if let Some(custom) = call.custom {
            so_far.named(custom.name.as_str(), tell);
            so_far.custom(custom.input.as_str(), tell);
        }
        for (name, raw) in &call.rest {
            self.keep_raw(name.as_str(), raw);
        }
    }

    /// The call that a piece belongs to; `None` if it begins a new one.
    ///
    /// By index; but Gemini gives several calls the same one, so an id and a name that differ
    /// are another call. Mistral leaves the index out now and then: then the id decides, and
    /// a piece without either belongs to the last call.
    fn place(&self, index: Option<u64>, id: Option<&str>, name: Option<&str>) -> Option<usize> {
        let is_other = |call: &CallSoFar| {
            name.is_some() && id.is_some() && call.id.is_some() && call.id.as_deref() != id
        };
        if index.is_some() {
            let at = self.calls.iter().rposition(|call| call.index == index)?;
            return self.calls.get(at).filter(|call| !is_other(call)).map(|_| at);
        }
        if id.is_some() {
            return self.calls.iter().position(|call| call.id.as_deref() == id);
        }
        let last = self.calls.last()?;
        let begins = name.is_some() && last.arguments.is_whole();
        (!begins).then(|| self.calls.len() - 1)
    }

    fn keep_raw(&mut self, name: &str, raw: &RawValue) {
        if raw.get() != "null" {
            self.keep(name, json::value(raw));
        }
    }

    /// Keeps a field: lists grow, also the lists inside log probabilities; of anything else
    /// the last one counts.
    fn keep(&mut self, name: &str, value: Value) {
        if json::is_empty(&value) {
            return;
        }
        match (self.rest.get_mut(name), value) {
            (Some(Value::Array(had)), Value::Array(mut more)) => had.append(&mut more),
            (Some(Value::Object(had)), Value::Object(more)) if name == "logprobs" => {
                for (field, value) in more {
                    match (had.get_mut(&field), value) {
                        (Some(Value::Array(had)), Value::Array(mut more)) => had.append(&mut more),
                        (_, value) => _ = had.insert(field, value),
                    }
                }
            }
            (_, value) => _ = self.rest.insert(name.to_owned(), value),
        }
    }

    /// The choice; `more` are fields of the reply that go with it.
    pub(super) fn finish(mut self, more: Map<String, Value>) -> Choice {
        let mut parts = Vec::new();
        let mut signatures = self.signatures.into_iter();
        let first = signatures.next();
        if !self.reasoning.is_empty() || first.is_some() {
            parts.push(Part::Reasoning { text: self.reasoning, signature: first });
        }
        parts.extend(
            signatures.map(|signature| Part::Reasoning {
                text: String::new(),
                signature: Some(signature),
            }),
        );
        if !self.text.is_empty() {
            parts.push(Part::Text { text: self.text });
        }
        if !self.refusal.is_empty() {
            parts.push(refusal(&self.refusal));
        }
        if let Some(sound) = self.sound {
            parts.push(Part::Audio {
                mime_type: None,
                id: sound.id,
                transcript: Some(sound.transcript).filter(|words| !words.is_empty()),
                bytes: (sound.bytes > 0).then_some(sound.bytes),
            });
        }
        parts.append(&mut self.media);
        parts.extend(self.calls.into_iter().chain(self.function).map(CallSoFar::finish));
        self.rest.extend(more);
        if !self.rest.is_empty() {
            parts.push(media::other(Value::Object(self.rest)));
        }
        Choice { parts, finish_reason: self.finish_reason }
    }
}

/// Shortest reasoning that is taken for a repetition, in bytes: a short piece may well be
/// said twice.
const REPEATED_MIN: usize = 32;

/// Whether a piece of a stream or a whole reply is read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Whole {
    Event,
    Reply,
}

impl CallSoFar {
    fn grow(&mut self, function: FunctionCall<'_>, tell: &mut Tell<'_>) {
        self.named(function.name.as_str(), tell);
        match (function.arguments, &mut self.arguments) {
            (TextOr::Absent, _) => {}
            (TextOr::Text(piece), Arguments::Json(so_far)) => {
                if let Some(piece) = piece.get() {
                    so_far.push_str(piece);
                    tell(Grown::Arguments(piece));
                }
            }
            (TextOr::Text(_), Arguments::Given(_)) => {}
            (TextOr::Object(value), _) => {
                tell(Grown::Arguments(&value.to_string()));
                self.arguments = Arguments::Given(value);
            }
        }
    }

    /// The first name counts: some providers repeat it in each piece.
    fn named(&mut self, name: &str, tell: &mut Tell<'_>) {
        if self.name.is_empty() && !name.is_empty() {
            name.clone_into(&mut self.name);
            tell(Grown::ToolCall(name));
        }
    }

    fn custom(&mut self, piece: &str, tell: &mut Tell<'_>) {
        match &mut self.arguments {
            Arguments::Given(Value::String(so_far)) => so_far.push_str(piece),
            _ => self.arguments = Arguments::Given(piece.into()),
        }
        if !piece.is_empty() {
            tell(Grown::Arguments(piece));
        }
    }

    fn finish(self) -> Part {
        Part::ToolCall {
            id: self.id,
            name: self.name,
            arguments: match self.arguments {
                Arguments::Json(text) => json::arguments(text),
                Arguments::Given(value) => value,
            },
        }
    }
}

impl Arguments {
    fn is_whole(&self) -> bool {
        match self {
            Self::Json(text) => serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok(),
            Self::Given(_) => true,
        }
    }
}

fn is_nothing(arguments: &TextOr<'_, Value>) -> bool {
    match arguments {
        TextOr::Absent => true,
        TextOr::Text(text) => text.get().is_none(),
        TextOr::Object(_) => false,
    }
}
