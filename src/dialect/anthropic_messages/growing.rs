//! A block of an answer as it grows.

use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::blocks;
use super::wire::Delta;
use crate::dialect::{Grown, json as wire_json, media};
use crate::model::Part;

/// A block, from its start and its deltas.
#[derive(Default)]
pub(super) struct Growing {
    pub(super) index: u64,
    /// The block as it started; `None` if its start did not come.
    start: Option<Box<RawValue>>,
    text: String,
    thinking: String,
    /// The last signature: each one replaces the one before.
    signature: Option<String>,
    /// The input as JSON text; often its first piece is empty.
    input: String,
    citations: Vec<Value>,
    /// Fields of deltas that are not known: each one replaces the one before.
    replaced: Vec<(String, Value)>,
}

impl Growing {
    /// A block that starts as `start`.
    pub(super) fn new(index: u64, start: Option<&RawValue>) -> Self {
        Self { index, start: start.map(RawValue::to_owned), ..Self::default() }
    }

    /// Tells what the start of the block already says.
    pub(super) fn tell_start(&self, tell: &mut dyn FnMut(Grown<'_>)) {
        if let Some(start) = &self.start {
            self::tell(&blocks::block(start).0, tell);
        }
    }

    /// The model that answers from here on, where another one declined.
    pub(super) fn falls_back_to(&self) -> Option<String> {
        let start = self.start.as_ref().filter(|raw| raw.get().contains("\"fallback\""))?;
        let block = wire_json::value(start);
        if block.get("type")?.as_str()? != "fallback" {
            return None;
        }
        Some(block.pointer("/to/model")?.as_str()?.to_owned())
    }

    /// Takes a delta and says whether its type is known.
    pub(super) fn take(&mut self, delta: &Delta<'_>, tell: &mut dyn FnMut(Grown<'_>)) -> Known {
        if let Some(words) = delta.text.get() {
            self.text.push_str(words);
            tell(Grown::Text(words));
        }
        if let Some(words) = delta.thinking.get() {
            self.thinking.push_str(words);
            tell(Grown::Reasoning(words));
        }
        if let Some(piece) = delta.partial_json.get() {
            self.input.push_str(piece);
            tell(Grown::Arguments(piece));
        }
        if let Some(signature) = delta.signature.own() {
            self.signature = Some(signature);
        }
        self.citations.extend(delta.citation.map(wire_json::value));
        for (name, raw) in &delta.rest {
            let value = wire_json::value(raw);
            match self.replaced.iter_mut().find(|(had, _)| had == name.as_str()) {
                Some((_, had)) => *had = value,
                None => self.replaced.push((name.as_str().to_owned(), value)),
            }
        }
        match delta.kind.as_str() {
            "text_delta" | "thinking_delta" | "input_json_delta" | "signature_delta"
            | "citations_delta" | "compaction_delta" => Known::Yes,
            _ => Known::No,
        }
    }

    /// The parts of the block.
    pub(super) fn finish(self) -> Vec<Part> {
        let mut parts = match &self.start {
            Some(start) => blocks::block(&replaced(start, &self.replaced)).0,
            None => Vec::new(),
        };
        if parts.is_empty() {
            parts.extend(self.started_unseen());
        }
        match parts.first_mut() {
            Some(Part::Text { text }) => text.push_str(&self.text),
            Some(Part::Reasoning { text, signature }) => {
                text.push_str(&self.thinking);
                if self.signature.is_some() {
                    *signature = self.signature;
                }
            }
            Some(Part::ToolCall { arguments, .. }) if !self.input.is_empty() => {
                *arguments = wire_json::arguments(self.input);
            }
            _ => {}
        }
        if !self.citations.is_empty() {
            parts.push(media::other(json!({"citations": self.citations})));
        }
        parts
    }

    /// An empty part of the type that the deltas are for.
    fn started_unseen(&self) -> Option<Part> {
        if !self.text.is_empty() {
            Some(Part::text(""))
        } else if !self.thinking.is_empty() || self.signature.is_some() {
            Some(Part::Reasoning { text: String::new(), signature: None })
        } else if !self.input.is_empty() {
            Some(Part::ToolCall { id: None, name: String::new(), arguments: Value::Null })
        } else {
            None
        }
    }
}

/// Tells what `parts` say, all at once.
pub(super) fn tell(parts: &[Part], tell: &mut dyn FnMut(Grown<'_>)) {
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

/// Whether a delta is of a type that is known.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Known {
    Yes,
    No,
}

/// The start of a block with the fields that deltas replaced.
fn replaced(start: &RawValue, fields: &[(String, Value)]) -> Box<RawValue> {
    if !fields.is_empty()
        && let Value::Object(mut block) = wire_json::value(start)
    {
        for (name, value) in fields {
            block.insert(name.clone(), value.clone());
        }
        if let Ok(raw) = serde_json::value::to_raw_value(&block) {
            return raw;
        }
    }
    start.to_owned()
}
