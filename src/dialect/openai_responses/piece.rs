//! Pieces of an answer that is cut: the deltas of one text, one call's arguments, one sound.

use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::wire::Told;
use super::{blocks, items};
use crate::dialect::{Grown, json as wire_json, media};
use crate::model::Part;

/// What a delta adds to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Refusal,
    Summary,
    Reasoning,
    Transcript,
    Sound,
    /// JSON.
    Arguments,
    /// The free text of a custom tool.
    Input,
    Code,
    Command,
    Diff,
}

/// Whether an event adds to a piece or tells all of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Extent {
    Delta,
    All,
}

/// A piece as it grows.
#[derive(Clone, Debug)]
pub(super) struct Piece {
    pub(super) kind: Kind,
    /// Which text, summary or command of its item it is.
    pub(super) place: u64,
    pub(super) text: String,
    /// Size of the decoded sound, in bytes.
    pub(super) bytes: u64,
    pub(super) annotations: Vec<Value>,
}

/// What an event of this type is a piece of. Names differ between versions, and between
/// responses and Realtime.
pub(super) fn classify(event: &str) -> Option<(Kind, Extent)> {
    let event = event.strip_prefix("response.")?;
    let (name, extent) = match event.rsplit_once(['.', '_'])? {
        (name, "delta") => (name, Extent::Delta),
        (name, "done") => (name, Extent::All),
        _ => return None,
    };
    let kind = match name {
        "output_text" | "text" => Kind::Text,
        "refusal" => Kind::Refusal,
        "reasoning_summary_text" | "reasoning_summary" => Kind::Summary,
        "reasoning_text" | "reasoning" => Kind::Reasoning,
        "output_audio_transcript" | "audio_transcript" | "audio.transcript" => Kind::Transcript,
        "output_audio" | "audio" => Kind::Sound,
        "function_call_arguments" | "mcp_call_arguments" | "mcp_call.arguments" => Kind::Arguments,
        "custom_tool_call_input" => Kind::Input,
        "code_interpreter_call_code" | "code_interpreter_call.code" => Kind::Code,
        "shell_call_command" => Kind::Command,
        "apply_patch_call_operation_diff" => Kind::Diff,
        _ => return None,
    };
    Some((kind, extent))
}

impl Kind {
    /// Which of its item's pieces of this kind an event is about.
    pub(super) fn place(self, told: &Told<'_>) -> u64 {
        let place = match self {
            Self::Summary => told.summary_index,
            Self::Command => told.command_index,
            _ => told.content_index,
        };
        place.0.unwrap_or_default()
    }

    /// The type of the items that have pieces of this kind.
    pub(super) fn item(self) -> &'static str {
        match self {
            Self::Text | Self::Refusal | Self::Transcript | Self::Sound => "message",
            Self::Summary | Self::Reasoning => "reasoning",
            Self::Arguments => "function_call",
            Self::Input => "custom_tool_call",
            Self::Code => "code_interpreter_call",
            Self::Command => "shell_call",
            Self::Diff => "apply_patch_call",
        }
    }

    /// Whether an item of the type `item` has pieces of this kind.
    pub(super) fn fits(self, item: &str) -> bool {
        self.item() == item || self == Self::Arguments && item == "mcp_call"
    }

    /// All of the piece, as the event that ends it tells it.
    pub(super) fn whole<'t>(self, told: &'t Told<'_>) -> &'t str {
        match self {
            Self::Text | Self::Summary | Self::Reasoning => told.text.as_str(),
            Self::Refusal => told.refusal.as_str(),
            Self::Transcript => told.transcript.as_str(),
            Self::Sound => "",
            Self::Arguments => told.arguments.as_str(),
            Self::Input => told.input.as_str(),
            Self::Code => told.code.as_str(),
            Self::Command => told.command.as_str(),
            Self::Diff => told.diff.as_str(),
        }
    }

    fn grown(self, words: &str) -> Option<Grown<'_>> {
        match self {
            Self::Text | Self::Refusal | Self::Transcript => Some(Grown::Text(words)),
            Self::Summary | Self::Reasoning => Some(Grown::Reasoning(words)),
            Self::Arguments | Self::Input | Self::Code | Self::Command | Self::Diff => {
                Some(Grown::Arguments(words))
            }
            Self::Sound => None,
        }
    }
}

impl Piece {
    pub(super) fn new(kind: Kind, place: u64) -> Self {
        Self { kind, place, text: String::new(), bytes: 0, annotations: Vec::new() }
    }

    /// Adds a delta.
    pub(super) fn grow(&mut self, delta: &str, tell: &mut dyn FnMut(Grown<'_>)) {
        if self.kind == Kind::Sound {
            self.bytes += media::base64_bytes(delta);
            return;
        }
        self.text.push_str(delta);
        if let Some(grown) = self.kind.grown(delta).filter(|_| !delta.is_empty()) {
            tell(grown);
        }
    }

    /// Takes all of it at once, which counts more than what came in deltas.
    pub(super) fn settle(&mut self, whole: &str, tell: &mut dyn FnMut(Grown<'_>)) {
        if whole.is_empty() {
            return;
        }
        if self.text.is_empty()
            && let Some(grown) = self.kind.grown(whole)
        {
            tell(grown);
        }
        whole.clone_into(&mut self.text);
    }
}

/// The parts of an item that was cut: what it began as, and its pieces.
pub(super) fn parts(
    begun: &items::Beginning,
    raw: Option<&RawValue>,
    pieces: Vec<Piece>,
) -> Vec<Part> {
    let calls = pieces.iter().any(|piece| {
        matches!(piece.kind, Kind::Arguments | Kind::Input | Kind::Command | Kind::Diff)
    });
    let is_call = begun.name.is_some() || begun.kind.ends_with("_call");
    if calls || is_call {
        return cut_call(begun, raw, pieces);
    }
    let mut parts: Vec<Part> = Vec::new();
    for piece in pieces {
        let annotations = piece.annotations;
        match piece.kind {
            Kind::Text => parts.push(Part::Text { text: piece.text }),
            Kind::Refusal => parts.push(blocks::refusal(&piece.text)),
            Kind::Summary | Kind::Reasoning => {
                parts.push(Part::Reasoning { text: piece.text, signature: None });
            }
            Kind::Transcript | Kind::Sound => sound(&mut parts, piece.text, piece.bytes),
            _ => parts.push(media::other(json!({"type": begun.kind, "code": piece.text}))),
        }
        if !annotations.is_empty() {
            parts.push(media::other(json!({"annotations": annotations})));
        }
    }
    match raw {
        Some(raw) if parts.is_empty() => items::parts(raw),
        _ => parts,
    }
}

/// Sound and what is said in it are one part.
fn sound(parts: &mut Vec<Part>, words: String, size: u64) {
    let words = Some(words).filter(|words| !words.is_empty());
    let size = (size > 0).then_some(size);
    match parts.last_mut() {
        Some(Part::Audio { transcript, bytes, .. })
            if (transcript.is_none() || words.is_none()) && (bytes.is_none() || size.is_none()) =>
        {
            *transcript = transcript.take().or(words);
            *bytes = bytes.or(size);
        }
        _ => parts.push(Part::Audio { mime_type: None, id: None, transcript: words, bytes: size }),
    }
}

fn cut_call(begun: &items::Beginning, raw: Option<&RawValue>, pieces: Vec<Piece>) -> Vec<Part> {
    let Some(first) = pieces.first() else {
        return raw.map(items::parts).unwrap_or_default();
    };
    let arguments = match first.kind {
        Kind::Arguments => wire_json::arguments(first.text.clone()),
        Kind::Input => Value::String(first.text.clone()),
        Kind::Diff => json!({"diff": first.text}),
        Kind::Command => {
            let commands: Vec<&str> = pieces.iter().map(|piece| piece.text.as_str()).collect();
            json!({"commands": commands})
        }
        _ => return vec![media::other(json!({"type": begun.kind, "code": first.text}))],
    };
    let kind = begun.kind.strip_suffix("_call").unwrap_or_default();
    let name = begun.name.clone().unwrap_or_else(|| match kind {
        "function" | "custom_tool" | "mcp" => String::new(),
        kind => kind.to_owned(),
    });
    vec![Part::ToolCall { id: begun.call_id.clone(), name, arguments }]
}
