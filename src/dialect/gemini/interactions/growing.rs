//! A step as it grows.

use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Map, Value};

use super::steps;
use super::wire::Delta;
use crate::dialect::json::{self, TextOr};
use crate::dialect::{Grown, media};
use crate::model::Part;

type Tell<'t> = dyn FnMut(Grown<'_>) + 't;

/// A step, joined from its pieces.
#[derive(Debug, Default)]
pub(super) struct Growing {
    pub(super) index: u64,
    /// The step with which it began.
    start: Map<String, Value>,
    parts: Vec<Part>,
    thought: String,
    signature: Option<String>,
    arguments: String,
    annotations: Vec<Value>,
}

impl Growing {
    /// The step with `index`, which begins with `start`.
    pub(super) fn new(index: u64, start: Option<&RawValue>, tell: &mut Tell<'_>) -> Self {
        let mut step = Self { index, ..Self::default() };
        if let Some(Value::Object(start)) = start.map(json::value) {
            step.start = start;
        }
        if step.kind() == "function_call"
            && let Some(Value::String(name)) = step.start.get("name")
        {
            tell(Grown::ToolCall(name));
        }
        for part in step.begun() {
            if let Part::Text { text } = part
                && !text.is_empty()
            {
                tell(Grown::Text(&text));
            }
        }
        step
    }

    /// Takes what an event adds.
    pub(super) fn take(&mut self, delta: Delta<'_>, tell: &mut Tell<'_>) {
        match delta.kind.as_str() {
            "text" => self.text(delta.text.as_str(), tell),
            kind @ ("image" | "audio" | "video" | "document") => {
                let part = steps::medium(kind, &delta.mime_type, &delta.data, &delta.uri);
                self.medium(part);
            }
            "thought_summary" => self.summary(delta.content, tell),
            "thought_signature" => self.signature = delta.signature.own().or(self.signature.take()),
            "arguments_delta" => match delta.arguments {
                TextOr::Absent => {}
                TextOr::Text(piece) => {
                    if let Some(piece) = piece.get() {
                        self.arguments.push_str(piece);
                        tell(Grown::Arguments(piece));
                    }
                }
                TextOr::Object(value) => self.set("arguments", value, tell),
            },
            "text_annotation_delta" => {}
            _ => {
                self.replace(&delta, tell);
                self.text(delta.text.as_str(), tell);
            }
        }
        if let Some(Value::Array(mut more)) = delta.annotations {
            self.annotations.append(&mut more);
        }
    }

    /// Whether a piece of what the model says came.
    pub(super) fn has_begun(&self) -> bool {
        !self.parts.is_empty() || !self.thought.is_empty()
    }

    /// The parts of the step, in the order of the wire.
    pub(super) fn finish(mut self) -> Vec<Part> {
        let mut found = self.begun();
        if found.is_empty() {
            found.extend(self.begun_unseen());
        }
        match found.first_mut() {
            Some(Part::Reasoning { text, signature }) => {
                text.push_str(&self.thought);
                if self.signature.is_some() {
                    *signature = self.signature.take();
                }
            }
            Some(Part::ToolCall { arguments, .. }) if !self.arguments.is_empty() => {
                *arguments = json::arguments(std::mem::take(&mut self.arguments));
            }
            _ => {}
        }
        for part in self.parts {
            match (found.last_mut(), part) {
                (Some(Part::Text { text }), Part::Text { text: more }) => text.push_str(&more),
                (_, part) => found.push(part),
            }
        }
        if let Some(signature) = self.signature {
            found.push(Part::Reasoning { text: String::new(), signature: Some(signature) });
        }
        if !self.annotations.is_empty() {
            found.push(media::other(serde_json::json!({ "annotations": self.annotations })));
        }
        found
    }

    fn kind(&self) -> &str {
        self.start.get("type").and_then(Value::as_str).unwrap_or_default()
    }

    /// The parts of what the step began with and of what replaced it.
    fn begun(&self) -> Vec<Part> {
        match to_raw_value(&self.start) {
            Ok(raw) if !self.start.is_empty() => steps::parts(&raw),
            _ => Vec::new(),
        }
    }

    /// An empty part of the type that the deltas are for.
    fn begun_unseen(&self) -> Option<Part> {
        if !self.thought.is_empty() {
            Some(Part::Reasoning { text: String::new(), signature: None })
        } else if !self.arguments.is_empty() {
            Some(Part::ToolCall { id: None, name: String::new(), arguments: Value::Null })
        } else {
            None
        }
    }

    fn text(&mut self, words: &str, tell: &mut Tell<'_>) {
        if words.is_empty() {
            return;
        }
        if self.kind() == "thought" {
            self.thought.push_str(words);
            return tell(Grown::Reasoning(words));
        }
        tell(Grown::Text(words));
        match self.parts.last_mut() {
            Some(Part::Text { text }) => text.push_str(words),
            _ => self.parts.push(Part::text(words)),
        }
    }

    fn summary(&mut self, content: TextOr<'_, super::wire::Step<'_>>, tell: &mut Tell<'_>) {
        let words = match content {
            TextOr::Absent => return,
            TextOr::Text(text) => text,
            TextOr::Object(content) if content.kind.as_str() == "image" => {
                let kind = content.kind.as_str();
                let part = steps::medium(kind, &content.mime_type, &content.data, &content.uri);
                return self.medium(part);
            }
            TextOr::Object(content) => content.text,
        };
        if let Some(words) = words.get() {
            self.thought.push_str(words);
            tell(Grown::Reasoning(words));
        }
    }

    /// Speech comes in hundreds of pieces: those of one type are one part.
    fn medium(&mut self, part: Part) {
        match (self.parts.last_mut(), part) {
            (
                Some(Part::Audio { mime_type: had, bytes: Some(sum), .. }),
                Part::Audio { mime_type, bytes: Some(more), .. },
            ) if *had == mime_type => *sum = sum.saturating_add(more),
            (_, part) => self.parts.push(part),
        }
    }

    /// Takes the fields of a delta that is a step of its own.
    fn replace(&mut self, delta: &Delta<'_>, tell: &mut Tell<'_>) {
        if !self.start.contains_key("type") {
            self.set("type", delta.kind.as_str().into(), tell);
        }
        for (name, raw) in &delta.rest {
            self.set(name.as_str(), json::value(raw), tell);
        }
        match &delta.arguments {
            TextOr::Absent => {}
            TextOr::Text(text) => self.set("arguments", text.as_str().into(), tell),
            TextOr::Object(value) => self.set("arguments", value.clone(), tell),
        }
        if let Some(signature) = delta.signature.own() {
            self.set("signature", signature.into(), tell);
        }
    }

    /// Sets a field of the step; what says nothing replaces nothing, lists grow.
    fn set(&mut self, name: &str, value: Value, tell: &mut Tell<'_>) {
        if json::is_empty(&value) && self.start.contains_key(name) {
            return;
        }
        if self.kind() == "function_call" {
            match (name, &value) {
                ("name", Value::String(name)) if !self.start.contains_key("name") => {
                    tell(Grown::ToolCall(name));
                }
                ("arguments", value) => tell(Grown::Arguments(&value.to_string())),
                _ => {}
            }
        }
        match (self.start.get_mut(name), value) {
            (Some(Value::Array(had)), Value::Array(mut more)) => had.append(&mut more),
            (Some(Value::Object(had)), Value::Object(more)) => had.extend(more),
            (_, value) => _ = self.start.insert(name.to_owned(), value),
        }
    }
}
