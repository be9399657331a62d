//! What came back from an operation.

use serde_json::{Map, Value};

use super::Tell;
use super::form::take_text;
use super::lean::lean;
use crate::dialect::notes::Notes;
use crate::dialect::openai_chat::usage;
use crate::dialect::{Decoded, Grown, failure, json, lossy};
use crate::model::{Choice, Cost, Part};

/// Most words of a file that are kept, in bytes: enough for any prompt, not for a dataset.
pub(super) const WORDS_BYTES_MAX: usize = 4 << 20;

/// Most fields without a place that are kept: each event of a stream may bring new ones.
const REST_MAX: usize = 256;

/// The reply to an operation, as far as it came.
#[derive(Default)]
pub(super) struct Found {
    pub(super) decoded: Decoded,
    pub(super) notes: Notes,
    pub(super) finish_reason: Option<String>,
    /// Whether the answer came to its end.
    pub(super) is_done: bool,
    /// The parts of the answer, each with the key by which a stream names it.
    parts: Vec<(String, Part)>,
    /// Fields without a place of their own.
    rest: Map<String, Value>,
    /// Whether a piece of the answer came that is not a part.
    has_piece: bool,
}

impl Found {
    /// Adds a part.
    pub(super) fn add(&mut self, part: Part) {
        self.parts.push((String::new(), part));
    }

    /// Adds words.
    pub(super) fn say(&mut self, words: String) {
        if !words.is_empty() {
            self.add(Part::Text { text: words });
        }
    }

    /// Adds an answer of its own, for replies that hold several.
    pub(super) fn choose(&mut self, choice: Choice) {
        self.decoded.reply.choices.push(choice);
    }

    /// The part that a stream names `key`, made by `new` when it is named first.
    pub(super) fn named(&mut self, key: &str, new: impl FnOnce() -> Part) -> Option<&mut Part> {
        let at = match self.parts.iter().rposition(|(had, _)| had == key) {
            Some(at) => at,
            None => {
                self.parts.push((key.to_owned(), new()));
                self.parts.len() - 1
            }
        };
        self.parts.get_mut(at).map(|(_, part)| part)
    }

    /// Keeps a place for what a stream names `key`, unless it has one.
    pub(super) fn hold(&mut self, key: &str) {
        self.named(key, || Part::Other { value: Value::Null });
    }

    /// Puts `parts` where a place is kept for `key`.
    pub(super) fn fill(&mut self, key: &str, parts: Vec<Part>) {
        let at = self.parts.iter().rposition(|(had, _)| had == key);
        let at = at.map_or(self.parts.len()..self.parts.len(), |at| at..at + 1);
        self.parts.splice(at, parts.into_iter().map(|part| (String::new(), part)));
    }

    /// Adds words to the text that a stream names `key`.
    pub(super) fn grow(&mut self, key: &str, words: &str, tell: &mut Tell<'_>) {
        if words.is_empty() {
            return;
        }
        if let Some(Part::Text { text }) = self.named(key, || Part::text("")) {
            text.push_str(words);
            tell(Grown::Text(words));
        }
    }

    /// The whole of the text that a stream names `key`, told as far as it is new.
    pub(super) fn settle(&mut self, key: &str, words: String, tell: &mut Tell<'_>) {
        if words.is_empty() {
            return;
        }
        if let Some(Part::Text { text }) = self.named(key, || Part::text("")) {
            if let Some(more) = words.strip_prefix(text.as_str()).filter(|more| !more.is_empty()) {
                tell(Grown::Text(more));
            }
            *text = words;
        }
    }

    /// Notes that a piece of the answer came that is not a part.
    pub(super) fn begins(&mut self) {
        self.has_piece = true;
    }

    /// Whether anything of an answer came.
    pub(super) fn has_begun(&self) -> bool {
        self.has_piece || !self.parts.is_empty() || !self.decoded.reply.choices.is_empty()
    }

    /// Takes what every reply has out of `fields`: id, model, usage and error.
    pub(super) fn common(&mut self, fields: &mut Map<String, Value>) {
        if let Some(id) = take_text(fields, "id") {
            self.decoded.reply.id = Some(id);
        }
        if let Some(model) = take_text(fields, "model") {
            self.decoded.reply.model = Some(model);
        }
        if let Some(usage) = fields.shift_remove("usage") {
            self.count(usage);
        }
        self.fail(fields, "error");
    }

    /// Takes the error under `name`, if there is one.
    pub(super) fn fail(&mut self, fields: &mut Map<String, Value>, name: &str) {
        if fields.get(name).is_some_and(|error| !json::is_empty(error))
            && let Some(error) = fields.shift_remove(name)
        {
            self.decoded.error = failure::of_value(&serde_json::json!({"error": error}));
            self.is_done = true;
        }
    }

    /// Takes a usage; what counts something else than tokens is kept as it is.
    pub(super) fn count(&mut self, raw: Value) {
        self.cost(&raw);
        match usage::usage(raw.clone()) {
            Some(usage) => self.decoded.usage = Some(usage),
            None => self.keep("usage", raw),
        }
    }

    /// Takes the usage of an operation that may count no more than a total.
    pub(super) fn count_total(&mut self, raw: Value) {
        match usage::total_alone(&raw).filter(|_| usage::usage(raw.clone()).is_none()) {
            Some(total) => {
                self.cost(&raw);
                self.decoded.usage = Some(total);
            }
            None => self.count(raw),
        }
    }

    fn cost(&mut self, raw: &Value) {
        if let Some(cost) = usage::cost_usd(raw) {
            self.decoded.cost_usd = Some(cost);
            self.decoded.cost_source = Some(Cost::Reported);
        }
    }

    /// Keeps a field, unless it says nothing.
    pub(super) fn keep(&mut self, name: &str, value: Value) {
        if json::is_empty(&value) {
            return;
        }
        if self.rest.len() >= REST_MAX && !self.rest.contains_key(name) {
            self.notes.add("some unknown fields of the reply are left out");
            return;
        }
        self.rest.insert(name.to_owned(), value);
    }

    /// Keeps all fields that say something.
    pub(super) fn keep_all(&mut self, fields: Map<String, Value>) {
        for (name, value) in fields {
            self.keep(&name, value);
        }
    }

    /// Adds `value` to the list that is kept as `name`.
    pub(super) fn keep_one(&mut self, name: &str, value: Value) {
        match self.rest.get_mut(name) {
            Some(Value::Array(had)) => had.push(value),
            _ => self.keep(name, Value::Array(vec![value])),
        }
    }

    /// Takes a body that is not JSON: words as words, anything else as a file.
    pub(super) fn bytes(&mut self, body: &[u8], content_type: Option<&str>) {
        match is_words(body, content_type) {
            true => self.say(lossy(body).into_owned()),
            false => self.add(Part::File {
                name: None,
                mime_type: content_type.map(bare),
                file_id: None,
                url: None,
                text: None,
                bytes: Some(body.len() as u64),
            }),
        }
    }

    pub(super) fn finish(mut self) -> Decoded {
        let mut parts: Vec<Part> = self.parts.into_iter().map(|(_, part)| part).collect();
        if !self.rest.is_empty() {
            let mut rest = Value::Object(self.rest);
            lean(&mut rest);
            let rest = Part::Other { value: rest };
            // A list of answers: what stands beside it goes with the first.
            match self.decoded.reply.choices.first_mut().filter(|_| parts.is_empty()) {
                Some(first) => first.parts.push(rest),
                None => parts.push(rest),
            }
        }
        if !parts.is_empty() || self.finish_reason.is_some() {
            let first = Choice { parts, finish_reason: self.finish_reason };
            self.decoded.reply.choices.insert(0, first);
        }
        self.decoded.notes = self.notes.finish();
        self.decoded
    }
}

/// Whether `body` is text, and of a length that is kept.
pub(super) fn is_words(body: &[u8], content_type: Option<&str>) -> bool {
    let kind = content_type.map(bare).unwrap_or_default();
    let is_bytes =
        ["audio/", "image/", "video/", "font/"].iter().any(|kind_of| kind.starts_with(kind_of))
            || ["application/pdf", "application/zip"].contains(&kind.as_str());
    !is_bytes
        && !body.is_empty()
        && body.len() <= WORDS_BYTES_MAX
        && !body.contains(&0)
        && std::str::from_utf8(body).is_ok()
}

/// A content type without its parameters.
pub(super) fn bare(content_type: &str) -> String {
    content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}
