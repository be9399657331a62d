//! What a message says, as a chain compares it: without ids, marks of caches, reasoning, the
//! order of keys, and what apps put beside a person's words.

use serde_json::Value;

use super::sum::{Point, Sum, squeeze};
use crate::model::Part;

/// Whose words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Voice {
    /// The person, or the app in its place.
    User,
    /// The model.
    Model,
    /// A tool.
    Tool,
}

/// A piece of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// Words; those of neighbouring pieces of one voice are one text.
    Text(Voice, Sum),
    /// Anything else, by its sum.
    Thing(Voice, Sum),
}

impl Piece {
    /// Whose piece it is.
    pub(super) fn voice(self) -> Voice {
        match self {
            Self::Text(voice, _) | Self::Thing(voice, _) => voice,
        }
    }
}

/// Tags around what agents put into a message of the user and leave out, or change, when they
/// send it again: reminders, open files, the time.
const ASIDES: [&str; 5] = [
    "system-reminder",
    "environment_details",
    "environment_context",
    "ide_opened_file",
    "reminder",
];

/// Tags around what some models think, inside their answer; apps leave it out of the history.
const THOUGHTS: [&str; 3] = ["think", "thinking", "reasoning"];

/// The pieces of a message. Those of the system have none: apps rewrite it from turn to turn.
pub(super) fn pieces(role: &str, parts: &[Part], point: &Point) -> Vec<Piece> {
    let Some(voice) = voice(role) else { return Vec::new() };
    let mut pieces = Vec::new();
    for part in parts {
        piece(voice, part, point, &mut pieces);
    }
    pieces
}

/// Who speaks in messages of a role; `None` is the system.
pub(super) fn voice(role: &str) -> Option<Voice> {
    let is = |words: &[&str]| words.iter().any(|word| role.eq_ignore_ascii_case(word));
    if is(&["system", "developer"]) {
        None
    } else if is(&["assistant", "model", "ai", "bot", "chatbot"]) {
        Some(Voice::Model)
    } else if is(&["tool", "function"]) {
        Some(Voice::Tool)
    } else {
        Some(Voice::User)
    }
}

fn piece(voice: Voice, part: &Part, point: &Point, pieces: &mut Vec<Piece>) {
    let thing = |voice, bytes: &[u8]| Piece::Thing(voice, point.sum(bytes));
    let mut bytes = Vec::new();
    match part {
        Part::Text { text } => {
            words(voice, text, &mut bytes);
            if !bytes.is_empty() {
                pieces.push(Piece::Text(voice, point.sum(&bytes)));
            }
        }
        Part::Reasoning { .. } => {}
        Part::ToolCall { name, arguments, .. } => {
            squeeze(name, &mut bytes);
            bytes.push(b' ');
            canonical(arguments, &mut bytes);
            pieces.push(thing(Voice::Model, &bytes));
        }
        Part::ToolResult { parts, .. } => {
            result(parts, &mut bytes);
            pieces.push(thing(Voice::Tool, &bytes));
        }
        Part::Image { bytes: size, url, file_id, .. } => {
            facts(b"image", [url.as_deref(), file_id.as_deref()], *size, &mut bytes);
            pieces.push(thing(voice, &bytes));
        }
        // What is heard or said comes back by its id, or as its words.
        Part::Audio { .. } if voice == Voice::Model => {}
        Part::Audio { bytes: size, transcript, .. } => {
            facts(b"audio", [transcript.as_deref(), None], *size, &mut bytes);
            pieces.push(thing(voice, &bytes));
        }
        Part::File { bytes: size, name, file_id, url, text, .. } => {
            facts(b"file", [name.as_deref(), file_id.as_deref()], *size, &mut bytes);
            facts(b"", [url.as_deref(), text.as_deref()], None, &mut bytes);
            pieces.push(thing(voice, &bytes));
        }
        // Of what has no type, an answer's seldom comes back as it was.
        Part::Other { .. } if voice == Voice::Model => {}
        Part::Other { value } => {
            canonical(value, &mut bytes);
            pieces.push(thing(voice, &bytes));
        }
    }
}

/// The words of a text, without white space and without what is no part of them.
pub(super) fn words(voice: Voice, text: &str, squeezed: &mut Vec<u8>) {
    match voice {
        Voice::Model => squeeze(without_thought(text), squeezed),
        Voice::User | Voice::Tool => without_asides(text, squeezed),
    }
}

fn without_thought(text: &str) -> &str {
    let begin = text.trim_start();
    for tag in THOUGHTS {
        let inside = begin.strip_prefix('<').and_then(|rest| rest.strip_prefix(tag));
        if let Some(inside) = inside.and_then(|rest| rest.strip_prefix('>')) {
            let end = format!("</{tag}>");
            return inside.split_once(&end).map_or(text, |(_, said)| said);
        }
    }
    text
}

fn without_asides(text: &str, squeezed: &mut Vec<u8>) {
    let mut rest = text;
    let mut from = 0;
    while let Some(open) = rest.get(from..).and_then(|rest| rest.find('<')).map(|at| from + at) {
        match rest.get(open..).and_then(aside) {
            Some(length) => {
                squeeze(rest.get(..open).unwrap_or_default(), squeezed);
                rest = rest.get(open + length..).unwrap_or_default();
                from = 0;
            }
            None => from = open + 1,
        }
    }
    squeeze(rest, squeezed);
}

/// Length of the aside that `text` begins with, tags included.
fn aside(text: &str) -> Option<usize> {
    ASIDES.iter().find_map(|tag| {
        text.strip_prefix('<')?.strip_prefix(tag)?.strip_prefix('>')?;
        let end = format!("</{tag}>");
        Some(text.find(&end)? + end.len())
    })
}

fn result(parts: &[Part], squeezed: &mut Vec<u8>) {
    for part in parts {
        match part {
            Part::Text { text } => match serde_json::from_str::<Value>(text) {
                // Some apps write a result's JSON anew.
                Ok(value @ (Value::Object(_) | Value::Array(_))) => canonical(&value, squeezed),
                _ => words(Voice::Tool, text, squeezed),
            },
            Part::ToolResult { parts, .. } => result(parts, squeezed),
            Part::Image { bytes, .. } => facts(b"image", [None, None], *bytes, squeezed),
            Part::Other { value } => canonical(value, squeezed),
            _ => {}
        }
    }
}

fn facts(kind: &[u8], words: [Option<&str>; 2], size: Option<u64>, squeezed: &mut Vec<u8>) {
    squeezed.extend(kind);
    for word in words.into_iter().flatten() {
        squeeze(word, squeezed);
        squeezed.push(b' ');
    }
    squeezed.extend(size.unwrap_or_default().to_le_bytes());
}

/// JSON without white space, keys in order. Arguments that say nothing are nothing.
fn canonical(value: &Value, squeezed: &mut Vec<u8>) {
    match value {
        Value::Null => {}
        Value::String(text) if text.is_empty() => {}
        Value::String(text) => {
            squeeze(text, squeezed);
            squeezed.push(b' ');
        }
        Value::Array(values) => {
            squeezed.push(b'[');
            values.iter().for_each(|value| canonical(value, squeezed));
            squeezed.push(b']');
        }
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.iter().collect();
            fields.sort_unstable_by_key(|(name, _)| *name);
            for (name, value) in fields {
                if !value.is_null() && name != "cache_control" {
                    squeeze(name, squeezed);
                    squeezed.push(b':');
                    canonical(value, squeezed);
                }
            }
        }
        Value::Number(number) => {
            // `1.0` and `1` are one number to a program that writes JSON anew.
            match number.as_f64() {
                Some(float) => squeezed.extend(float.to_le_bytes()),
                None => squeezed.extend(number.to_string().as_bytes()),
            }
        }
        Value::Bool(is) => squeezed.push(u8::from(*is)),
    }
}
