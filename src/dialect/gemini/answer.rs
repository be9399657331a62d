//! One answer as it grows.

use serde_json::{Map, Value};

use super::calls::CallSoFar;
use super::content;
use super::enums::{Family, UNSPECIFIED};
use super::wire::{Call, Candidate, Piece, Pieces};
use crate::dialect::json::{self, TextOr};
use crate::dialect::{Grown, media};
use crate::model::{Choice, Part};

/// Told of what a piece adds to the answer.
pub(super) type Tell<'t> = dyn FnMut(Grown<'_>) + 't;

/// Whether a piece of a stream or a whole reply is read: what stands side by side in a whole
/// one was sent apart.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Whole {
    Event,
    Reply,
}

/// One answer, joined from its pieces.
#[derive(Clone, Debug, Default)]
pub(super) struct Answer {
    pub(super) index: u64,
    finish_reason: Option<String>,
    parts: Vec<Part>,
    /// A function call that goes on in the next pieces.
    open: Option<CallSoFar>,
    /// Fields without a place of their own.
    rest: Map<String, Value>,
}

impl Answer {
    /// The answer with `index`, of which nothing came yet.
    pub(super) fn new(index: u64) -> Self {
        Self { index, ..Self::default() }
    }

    /// Whether the model said why it stopped.
    pub(super) fn is_finished(&self) -> bool {
        self.finish_reason.as_deref().is_some_and(|reason| reason != UNSPECIFIED)
    }

    /// Takes a candidate, or a piece of one.
    pub(super) fn take(
        &mut self,
        told: Candidate<'_>,
        whole: Whole,
        family: Family,
        tell: &mut Tell<'_>,
    ) {
        if let Some(reason) = told.finish_reason.get() {
            self.stop(family.finish_reason(reason));
        }
        if let Some(said) = told.content {
            self.pieces(said.parts, whole, tell);
            self.keep_all(&said.rest);
        }
        self.keep_all(&told.rest);
    }

    /// Says why the model stopped. That it did not say overwrites nothing: asked for numbers,
    /// the service writes it in every chunk.
    pub(super) fn stop(&mut self, reason: String) {
        if self.finish_reason.is_none() || reason != UNSPECIFIED {
            self.finish_reason = Some(reason);
        }
    }

    /// Takes parts.
    pub(super) fn pieces(&mut self, pieces: Pieces<'_>, whole: Whole, tell: &mut Tell<'_>) {
        for piece in pieces.0 {
            match piece {
                TextOr::Absent => {}
                TextOr::Text(text) => self.text(text.as_str(), whole, tell),
                TextOr::Object(piece) => self.piece(piece, whole, tell),
            }
        }
    }

    /// Takes a function call, or a piece of one.
    pub(super) fn call(&mut self, call: Call<'_>, tell: &mut Tell<'_>) {
        let goes_on = call.will_continue.as_bool() == Some(true);
        if let Some(open) = self.open.as_mut().filter(|open| open.goes_on_with(&call)) {
            open.take(call);
            if !goes_on {
                self.close(tell);
            }
            return;
        }
        self.close(tell);
        if call.name.get().is_none() && call.id.get().is_none() && call.args.is_none() {
            return;
        }
        tell(Grown::ToolCall(call.name.as_str()));
        let kept = content::other(&call.rest);
        self.open = Some(CallSoFar::new(call));
        if !goes_on {
            self.close(tell);
        }
        self.parts.extend(kept);
    }

    /// Adds the words of a sound that is spoken piece by piece.
    pub(super) fn spoken(&mut self, words: &str, tell: &mut Tell<'_>) {
        if words.is_empty() {
            return;
        }
        tell(Grown::Text(words));
        let sound = self.parts.iter_mut().rev().find_map(|part| match part {
            Part::Audio { transcript, .. } => Some(transcript),
            _ => None,
        });
        match sound {
            Some(transcript) => transcript.get_or_insert_default().push_str(words),
            None => self.parts.push(Part::Audio {
                mime_type: None,
                id: None,
                transcript: Some(words.to_owned()),
                bytes: None,
            }),
        }
    }

    /// Keeps a field of the answer: later ones replace, but what only grows is joined.
    pub(super) fn keep(&mut self, name: &str, value: Value) {
        if json::is_empty(&value) {
            return;
        }
        let is_full = self.rest.len() >= FIELDS_MAX;
        match self.rest.get_mut(name) {
            None if is_full => {}
            Some(had) if GROWING.contains(&name) => join(had, value),
            _ => _ = self.rest.insert(name.to_owned(), value),
        }
    }

    /// Whether a piece of what the model says came.
    pub(super) fn has_begun(&self) -> bool {
        !self.parts.is_empty() || self.open.is_some()
    }

    /// Whether nothing of an answer came.
    pub(super) fn is_empty(&self) -> bool {
        !self.has_begun() && self.rest.is_empty() && self.finish_reason.is_none()
    }

    /// The choice; `more` are fields of the reply that go with it.
    pub(super) fn finish(mut self, more: Map<String, Value>) -> Choice {
        if let Some(open) = self.open {
            open.finish(&mut self.parts);
        }
        self.rest.extend(more);
        if !self.rest.is_empty() {
            self.parts.push(media::other(Value::Object(self.rest)));
        }
        Choice { parts: self.parts, finish_reason: self.finish_reason }
    }

    fn keep_all(&mut self, rest: &json::Rest<'_>) {
        for (name, raw) in rest {
            if raw.get() != "null" {
                self.keep(name.as_str(), json::value(raw));
            }
        }
    }

    fn piece(&mut self, mut piece: Piece<'_>, whole: Whole, tell: &mut Tell<'_>) {
        match piece.thought.as_bool() {
            Some(true) => self.thought(piece.text.as_str(), whole, tell),
            _ => self.text(piece.text.as_str(), whole, tell),
        }
        if let Some(call) = piece.call.take() {
            self.call(call, tell);
        }
        let known = self.parts.len();
        content::more(&mut piece, 0, &mut self.parts);
        if whole == Whole::Event {
            self.join_sound(known);
        }
        match (piece.signature.own(), &mut self.open) {
            (Some(signature), Some(open)) => open.sign(signature),
            (Some(signature), None) => content::sign(signature, &mut self.parts),
            (None, _) => {}
        }
    }

    fn text(&mut self, words: &str, whole: Whole, tell: &mut Tell<'_>) {
        if words.is_empty() {
            return;
        }
        tell(Grown::Text(words));
        match self.parts.last_mut() {
            Some(Part::Text { text }) if whole == Whole::Event => text.push_str(words),
            _ => self.parts.push(Part::text(words)),
        }
    }

    /// A thought that was signed is over.
    fn thought(&mut self, words: &str, whole: Whole, tell: &mut Tell<'_>) {
        if words.is_empty() {
            return;
        }
        tell(Grown::Reasoning(words));
        match self.parts.last_mut() {
            Some(Part::Reasoning { text, signature: None }) if whole == Whole::Event => {
                text.push_str(words);
            }
            _ => self.parts.push(Part::Reasoning { text: words.to_owned(), signature: None }),
        }
    }

    /// Joins the sound behind the first `known` parts with that before it: speech comes in
    /// hundreds of pieces.
    fn join_sound(&mut self, known: usize) {
        let Some((Part::Audio { bytes: Some(more), mime_type, .. }, before)) =
            self.parts.split_last()
        else {
            return;
        };
        if before.len() != known {
            return;
        }
        let (more, mime_type) = (*more, mime_type.clone());
        // Of a sound whose words came first, the type is not known yet.
        let had = self.parts.iter_mut().take(known).rev().find_map(|part| match part {
            Part::Audio { mime_type: had, bytes, .. } if had.is_none() || *had == mime_type => {
                Some((had, bytes))
            }
            _ => None,
        });
        if let Some((had, bytes)) = had {
            *had = mime_type;
            *bytes = Some(bytes.unwrap_or_default().saturating_add(more));
            self.parts.pop();
        }
    }

    /// Ends the function call that goes on.
    fn close(&mut self, tell: &mut Tell<'_>) {
        if let Some(call) = self.open.take() {
            if !json::is_empty(call.arguments()) {
                tell(Grown::Arguments(&call.arguments().to_string()));
            }
            call.finish(&mut self.parts);
        }
    }
}

/// Most fields of an answer without a place of their own: each chunk may bring new ones.
const FIELDS_MAX: usize = 64;

/// Fields whose lists grow from chunk to chunk, or come again with more in them.
const GROWING: [&str; 8] = [
    "logprobsResult",
    "logprobs_result",
    "citationMetadata",
    "citation_metadata",
    "groundingMetadata",
    "grounding_metadata",
    "urlContextMetadata",
    "url_context_metadata",
];

/// Adds `more` to `had`: fields to fields, items to items unless they are repeated.
fn join(had: &mut Value, more: Value) {
    match (had, more) {
        (Value::Object(had), Value::Object(more)) => {
            for (name, value) in more {
                match had.get_mut(&name) {
                    Some(had @ Value::Array(_)) => join(had, value),
                    _ if json::is_empty(&value) => {}
                    _ => _ = had.insert(name, value),
                }
            }
        }
        (Value::Array(had), Value::Array(mut more)) => {
            let repeats = more.get(..had.len()).is_some_and(|begin| begin == had.as_slice());
            match repeats {
                true => *had = more,
                false => had.append(&mut more),
            }
        }
        (had, more) => *had = more,
    }
}
