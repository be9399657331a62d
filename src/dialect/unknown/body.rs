//! A request's body as JSON, whatever it is.

use serde_json::{Map, Value, json};

use crate::dialect::handshake::header;
use crate::dialect::json::{Shape, read};
use crate::dialect::notes::Notes;
use crate::dialect::path::percent_decoded;
use crate::dialect::schema::{self, UNKNOWN};
use crate::dialect::{Asked, grpc, lossy};
use crate::observe::multipart::form;

/// Most documents of a body that has one a line: the prompt is among the first.
const DOCUMENTS_MAX: usize = 1000;

/// Any JSON.
pub(super) struct Any;

impl Shape for Any {
    type Of<'a> = Value;
}

/// The documents of the body.
pub(super) fn documents(asked: &Asked<'_>, notes: &mut Notes) -> Vec<Value> {
    let content_type = header(asked.headers, "content-type").unwrap_or_default();
    let kind = content_type.trim_start().to_ascii_lowercase();
    if let Some(form) = form::read(content_type, asked.body) {
        form.notes.iter().for_each(|note| notes.add(note.as_str()));
        return vec![Value::Object(form.fields.into_iter().map(part).collect())];
    }
    if kind.starts_with("application/x-www-form-urlencoded") {
        return vec![pairs(&lossy(asked.body))];
    }
    if grpc::is_call(asked) {
        let mut found = Vec::new();
        let told = grpc::messages(asked, &mut |bytes| found.extend(message(bytes)));
        told.iter().for_each(|note| notes.add(note.as_str()));
        return found;
    }
    let text = lossy(asked.body);
    if text.trim_start().starts_with(['{', '[']) {
        return lines(&text, "the request", notes);
    }
    vec![json!({ "text": text })]
}

/// A message of gRPC or Connect, in JSON or in protobuf.
pub(super) fn message(bytes: &[u8]) -> Option<Value> {
    let is_json = bytes.first() == Some(&b'{');
    let json = is_json.then(|| serde_json::from_slice(bytes).ok()).flatten();
    json.or_else(|| schema::json(bytes, &UNKNOWN).filter(|_| !bytes.is_empty()))
}

/// One document, or one a line.
pub(super) fn lines(text: &str, what: &str, notes: &mut Notes) -> Vec<Value> {
    if let Ok(value) = serde_json::from_str(text) {
        return vec![value];
    }
    let mut lines = text.lines().filter(|line| !line.trim().is_empty()).take(DOCUMENTS_MAX);
    let parsed: Option<Vec<Value>> =
        lines.by_ref().map(|line| serde_json::from_str(line).ok()).collect();
    if let Some(values) = parsed.filter(|values| values.len() > 1) {
        return values;
    }
    let (value, note) = read::<Any, _>(text, |value| value);
    if let Some(note) = note {
        notes.add(format!("{what} {note}"));
    }
    value.into_iter().collect()
}

/// A part of a form: its text, which may be JSON, or what file it is.
fn part(field: form::Field) -> (String, Value) {
    let value = match field.text {
        Some(text) => unpacked(text),
        None => json!({"filename": field.filename, "content_type": field.content_type,
            "bytes": field.length}),
    };
    (field.name, value)
}

fn pairs(text: &str) -> Value {
    let pairs = text.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let decoded = |text: &str| percent_decoded(&text.replace('+', " "));
        (decoded(name), unpacked(decoded(value)))
    });
    Value::Object(pairs.collect::<Map<String, Value>>())
}

/// JSON within a text, or the text.
fn unpacked(text: String) -> Value {
    match text.trim_start().starts_with(['{', '[']) {
        true => serde_json::from_str(&text).unwrap_or(Value::String(text)),
        false => Value::String(text),
    }
}
