//! Parts of a content.

use serde_json::{Map, Value};

use super::wire::{Blob, FileData, Outcome, Piece, Pieces, Turn};
use crate::dialect::json::{self, Rest, TextOr};
use crate::dialect::media;
use crate::model::{Message, Part};

/// Deepest nesting of parts that is read: a picture inside a function's response is two.
const DEPTH_MAX: u8 = 8;

/// What one side says in a request.
///
/// Without a role it is the user's, as the service takes it too. A content without parts may
/// be a bare part; what it says otherwise is kept as it came.
pub(super) fn message(turn: TextOr<'_, Turn<'_>>) -> Option<Message> {
    let user = || "user".to_owned();
    match turn {
        TextOr::Absent => None,
        TextOr::Text(text) => {
            Some(Message { role: user(), parts: vec![Part::text(text.into_string())] })
        }
        TextOr::Object(turn) => {
            let is_bare = turn.parts.is_none();
            let mut found = parts(turn.parts.unwrap_or_default());
            match is_bare {
                true => found.extend(bare(&turn.rest)),
                false => found.extend(other(&turn.rest)),
            }
            Some(Message { role: turn.role.own().unwrap_or_else(user), parts: found })
        }
    }
}

/// The parts that `pieces` are, each as sent.
pub(super) fn parts(pieces: Pieces<'_>) -> Vec<Part> {
    nested(pieces, 0)
}

/// All words of a system instruction as one text, and whether it has anything else.
pub(super) fn words(parts: &[Part]) -> (Option<String>, bool) {
    let texts: Vec<&str> = parts
        .iter()
        .filter_map(|part| match part {
            Part::Text { text } => Some(text.as_str()),
            _ => None,
        })
        .collect();
    let has_more = texts.len() < parts.len();
    ((!texts.is_empty()).then(|| texts.join("\n\n")), has_more)
}

/// Adds what a piece holds beside words, thoughts and calls.
pub(super) fn more(piece: &mut Piece<'_>, depth: u8, found: &mut Vec<Part>) {
    if let Some(blob) = piece.inline.take() {
        inline(&blob, found);
    }
    if let Some(file) = piece.file.take() {
        found.push(by_reference(&file));
        found.extend(other(&file.rest));
    }
    if let Some(outcome) = piece.result.take() {
        found.push(result(outcome, depth));
    }
    found.extend(other(&piece.rest));
}

/// Adds the signature of what was said last.
pub(super) fn sign(signature: String, found: &mut Vec<Part>) {
    match found.last_mut() {
        Some(Part::Reasoning { signature: had @ None, .. }) => *had = Some(signature),
        _ => found.push(Part::Reasoning { text: String::new(), signature: Some(signature) }),
    }
}

/// Fields without a place of their own as one part; `None` if they say nothing.
pub(super) fn other(rest: &Rest<'_>) -> Option<Part> {
    let mut fields = Map::new();
    json::keep(&mut fields, rest);
    (!fields.is_empty()).then(|| media::other(Value::Object(fields)))
}

/// What a function gave: an object as sent, and the parts beside it. The field `error` is
/// where the API wants to be told of a failure.
pub(super) fn result(outcome: Outcome<'_>, depth: u8) -> Part {
    let failed = outcome
        .response
        .as_ref()
        .and_then(|response| response.get("error"))
        .is_some_and(|error| !json::is_empty(error));
    let mut found: Vec<Part> = match outcome.response {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::String(text)) => vec![Part::Text { text }],
        Some(response) => vec![media::other(response)],
    };
    if depth < DEPTH_MAX {
        found.append(&mut nested(outcome.parts, depth + 1));
    }
    found.extend(other(&outcome.rest));
    Part::ToolResult {
        id: outcome.id.own(),
        name: outcome.name.own(),
        parts: found,
        is_error: failed.then_some(true),
    }
}

fn nested(pieces: Pieces<'_>, depth: u8) -> Vec<Part> {
    let mut found = Vec::with_capacity(pieces.0.len());
    for piece in pieces.0 {
        match piece {
            TextOr::Absent => {}
            TextOr::Text(text) => found.extend(text.own().map(Part::text)),
            TextOr::Object(piece) => read(piece, depth, &mut found),
        }
    }
    found
}

fn read(mut piece: Piece<'_>, depth: u8, found: &mut Vec<Part>) {
    let is_thought = piece.thought.as_bool() == Some(true);
    if let Some(text) = std::mem::take(&mut piece.text).own() {
        found.push(match is_thought {
            true => Part::Reasoning { text, signature: None },
            false => Part::Text { text },
        });
    }
    if let Some(call) = piece.call.take() {
        found.push(Part::ToolCall {
            id: call.id.own(),
            name: call.name.into_string(),
            arguments: call.args.unwrap_or_else(|| Value::Object(Map::new())),
        });
        found.extend(other(&call.rest));
    }
    more(&mut piece, depth, found);
    if let Some(signature) = piece.signature.own() {
        sign(signature, found);
    }
}

/// A content that is a part: `{"text": …}` in the place of `{"parts": [{"text": …}]}`.
fn bare(rest: &Rest<'_>) -> Option<Part> {
    let mut fields = Map::new();
    json::keep(&mut fields, rest);
    match fields.remove("text") {
        Some(Value::String(text)) if fields.is_empty() => Some(Part::Text { text }),
        Some(text) => {
            fields.insert("text".to_owned(), text);
            Some(media::other(Value::Object(fields)))
        }
        None => (!fields.is_empty()).then(|| media::other(Value::Object(fields))),
    }
}

fn inline(blob: &Blob<'_>, found: &mut Vec<Part>) {
    let bytes = blob.data.get().map(media::base64_bytes);
    let mime_type = blob.mime_type.own();
    let kind = blob.mime_type.as_str().split('/').next().unwrap_or_default();
    let part = match kind {
        "image" => Part::Image { mime_type, url: None, file_id: None, bytes },
        "audio" => Part::Audio { mime_type, id: None, transcript: None, bytes },
        _ => {
            let name = blob.name.own();
            Part::File { name, mime_type, file_id: None, url: None, text: None, bytes }
        }
    };
    let has_name = matches!(part, Part::File { .. });
    found.push(part);
    if let Some(name) = blob.name.own().filter(|_| !has_name) {
        found.push(Part::Other { value: serde_json::json!({ "displayName": name }) });
    }
    found.extend(other(&blob.rest));
}

/// A sound has no address in the model of an exchange, so it is a file there.
fn by_reference(file: &FileData<'_>) -> Part {
    let mime_type = file.mime_type.own();
    let url = file.uri.own();
    match (mime_type.as_deref(), file.name.get()) {
        (Some(mime), None) if mime.starts_with("image/") => {
            Part::Image { mime_type, url, file_id: None, bytes: None }
        }
        (_, name) => Part::File {
            name: name.map(str::to_owned),
            mime_type,
            file_id: None,
            url,
            text: None,
            bytes: None,
        },
    }
}
