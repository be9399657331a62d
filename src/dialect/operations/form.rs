//! The fields of a request, of JSON or of a form.

use serde_json::{Map, Value};

use crate::dialect::handshake::header;
use crate::dialect::json::{self, record};
use crate::dialect::notes::Notes;
use crate::dialect::{Asked, lossy};
use crate::model::{Message, Part, Request};
use crate::observe::multipart;

/// Most of a file that is kept to be read, in bytes: enough for the prompts of a batch.
const FILE_KEPT_MAX: usize = 64 << 20;

/// A request's body.
#[derive(Default)]
pub(super) struct Form {
    /// Its fields; those of a form are texts, those that come several times lists of texts.
    pub(super) fields: Map<String, Value>,
    /// The files that it carries, in order.
    pub(super) files: Vec<Upload>,
}

/// A file inside a form.
pub(super) struct Upload {
    /// Its name.
    pub(super) name: Option<String>,
    /// Such as `audio/wav`.
    pub(super) mime_type: Option<String>,
    /// Its length, in bytes.
    pub(super) bytes: u64,
    /// Its content; empty if it is longer than what is kept.
    pub(super) content: Vec<u8>,
}

record! {
    /// Any object.
    Object {}
    ignores []
}

impl Form {
    /// Reads the body of `asked`.
    pub(super) fn of(asked: &Asked<'_>, notes: &mut Notes) -> Self {
        let content_type = header(asked.headers, "content-type").unwrap_or_default();
        if let Some(parts) = multipart::Decoder::new(content_type) {
            if asked.body.is_empty() {
                notes.add("the request has no body");
                return Self::default();
            }
            return Self::of_parts(parts, asked.body, notes);
        }
        if asked.body.trim_ascii().is_empty() {
            return Self::default();
        }
        let (fields, note) = object(&lossy(asked.body));
        if let Some(note) = note {
            notes.add(format!("the request {note}"));
        }
        Self { fields, files: Vec::new() }
    }

    fn of_parts(mut parts: multipart::Decoder, body: &[u8], notes: &mut Notes) -> Self {
        let mut form = Self::default();
        let mut head = multipart::Head::default();
        let mut content = Vec::new();
        let mut take = |event: multipart::Event<'_>| match event {
            multipart::Event::PartBegin(begun) => {
                head = begun;
                content.clear();
            }
            multipart::Event::PartData(bytes) => {
                let room = FILE_KEPT_MAX.saturating_sub(content.len());
                content.extend_from_slice(bytes.get(..room).unwrap_or(bytes));
            }
            multipart::Event::PartEnd { length } => {
                form.add(std::mem::take(&mut head), std::mem::take(&mut content), length);
            }
            multipart::Event::Note(note) => notes.add(note.to_string()),
        };
        parts.feed(body, &mut take);
        parts.finish(&mut take);
        form
    }

    fn add(&mut self, head: multipart::Head, mut content: Vec<u8>, length: u64) {
        let name = head.name.unwrap_or_default();
        let name = name.strip_suffix("[]").unwrap_or(&name).to_owned();
        if let Some(filename) = head.filename {
            if content.len() as u64 != length {
                content.clear();
            }
            self.files.push(Upload {
                name: Some(filename).filter(|name| !name.is_empty()),
                mime_type: head.content_type,
                bytes: length,
                content,
            });
            return;
        }
        let value = Value::String(lossy(&content).into_owned());
        match self.fields.get_mut(&name) {
            Some(Value::Array(values)) => values.push(value),
            Some(had) => *had = Value::Array(vec![had.take(), value]),
            None => _ = self.fields.insert(name, value),
        }
    }

    /// Takes the field `name` as a text; leaves it where it is if it is none.
    pub(super) fn text(&mut self, name: &str) -> Option<String> {
        take_text(&mut self.fields, name)
    }

    /// Takes the field `name`, unless it says nothing.
    pub(super) fn take(&mut self, name: &str) -> Option<Value> {
        self.fields.shift_remove(name).filter(|value| !json::is_empty(value))
    }

    /// Takes the model into `request`.
    pub(super) fn model(&mut self, request: &mut Request) {
        request.model = self.text("model");
    }
}

/// The fields of a JSON object, and what had to be mended. What is no object has none.
pub(super) fn object(text: &str) -> (Map<String, Value>, Option<&'static str>) {
    // The usual case, parsed once; one that is broken or nests deep is read field by field.
    if let Ok(fields) = serde_json::from_str(text) {
        return (fields, None);
    }
    let mut fields = Map::new();
    let (_, note) =
        json::read::<Object<'static>, _>(text, |object| json::keep_all(&mut fields, &object.rest));
    (fields, note)
}

/// Takes the field `name` as a text; leaves it where it is if it is none.
pub(super) fn take_text(fields: &mut Map<String, Value>, name: &str) -> Option<String> {
    match fields.get_mut(name) {
        Some(Value::String(text)) if !text.is_empty() => {
            let text = std::mem::take(text);
            fields.shift_remove(name);
            Some(text)
        }
        _ => None,
    }
}

/// Adds a message of the user, unless it has no content.
pub(super) fn said(request: &mut Request, parts: Vec<Part>) {
    if !parts.is_empty() {
        request.messages.push(Message { role: "user".to_owned(), parts });
    }
}
