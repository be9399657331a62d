//! An exchange as a list of texts, each with the place where it stands.
//!
//! Places are those of `docs/exchange.md`, without `request.` and `reply.`: they are told apart
//! from what texts say, so that no text can pretend to be another message.

use std::borrow::Cow;

use rmcp::schemars::{self, JsonSchema};
use serde::Serialize;
use serde_json::Value;

use super::answer::{Window, name, window};
use crate::model::{Choice, Headers, Message, Part, Reply, Request, Tool};
use crate::query::diff::is_repeated;

/// A text, or a part of it.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(crate = "schemars")]
pub struct Piece {
    /// Where it stands, such as `system`, `messages[3].parts[0]`, `tools[2].schema`,
    /// `choices[0].parts[1]`.
    pub place: String,
    /// Who says it, as sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// `text`, `reasoning`, `tool_call` (its arguments), `tool_result`, `tool` (its
    /// description), `schema`, `image`, `audio`, `file`, `param`, `head`, `body`, `error`,
    /// `note` or `other`.
    pub kind: &'static str,
    /// Of a tool, a call, a result, a file or a parameter its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// With the last text of an answer: why the model stopped, in the provider's word.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finish_reason: Option<String>,
    /// Captured text.
    pub text: String,
    /// Characters of the whole text.
    pub chars: usize,
    /// Characters left out before `text`.
    #[serde(skip_serializing_if = "is_zero")]
    pub cut_before: usize,
    /// Characters left out after `text`: ask for this `place` with `offset` to read them.
    #[serde(skip_serializing_if = "is_zero")]
    pub cut_after: usize,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
fn is_zero(count: &usize) -> bool {
    *count == 0
}

/// A text, whole.
#[derive(Clone, Debug, PartialEq)]
pub struct Whole<'a> {
    place: String,
    role: Option<&'a str>,
    kind: &'static str,
    name: Option<Cow<'a, str>>,
    finish_reason: Option<&'a str>,
    text: Cow<'a, str>,
}

impl<'a> Whole<'a> {
    /// A text that stands at `place`.
    pub fn new(place: &str, kind: &'static str, text: impl Into<Cow<'a, str>>) -> Self {
        let (place, text) = (place.to_owned(), text.into());
        Self { place, role: None, kind, name: None, finish_reason: None, text }
    }

    fn named(self, name: Option<impl Into<Cow<'a, str>>>) -> Self {
        Self { name: name.map(Into::into), ..self }
    }

    /// Whether it stands at `place`, or in it.
    pub fn is_at(&self, place: &str) -> bool {
        let place = place.strip_prefix("request.").unwrap_or(place);
        let place = place.strip_prefix("reply.").unwrap_or(place);
        let inside = self.place.strip_prefix(place);
        inside.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
    }

    /// Its characters.
    pub fn chars(&self) -> usize {
        self.text.chars().count()
    }

    /// What of it stands in the window.
    pub fn piece(&self, offset: usize, limit: usize) -> Piece {
        let Window { text, before, after } = window(&self.text, offset, limit);
        Piece {
            place: self.place.clone(),
            role: self.role.map(name),
            kind: self.kind,
            name: self.name.as_deref().map(name),
            finish_reason: self.finish_reason.map(name),
            chars: before + text.chars().count() + after,
            text,
            cut_before: before,
            cut_after: after,
        }
    }
}

/// The parameters and the system prompt.
pub fn settings(request: &Request) -> Vec<Whole<'_>> {
    let params = request.params.iter().map(|(name, value)| {
        Whole::new(&format!("params.{name}"), "param", value.to_string()).named(Some(name.as_str()))
    });
    params.chain(system(request)).collect()
}

/// The system prompt.
pub fn system(request: &Request) -> Option<Whole<'_>> {
    let text = request.system.as_deref()?;
    Some(Whole { role: Some("system"), ..Whole::new("system", "text", text) })
}

/// Each tool's description and schema.
pub fn tools(tools: &[Tool]) -> Vec<Whole<'_>> {
    let each = tools.iter().enumerate().flat_map(|(n, tool)| {
        let description = tool.description.as_deref().unwrap_or_default();
        [
            Whole::new(&format!("tools[{n}]"), "tool", description).named(Some(tool.name.as_str())),
            Whole::new(&format!("tools[{n}].schema"), "schema", as_text(&tool.schema))
                .named(Some(tool.name.as_str())),
        ]
    });
    each.collect()
}

/// The names of all tools, as one text.
pub fn tool_names(tools: &[Tool]) -> Option<Whole<'_>> {
    let names: Vec<&str> = tools.iter().map(|tool| tool.name.as_str()).collect();
    (!names.is_empty()).then(|| Whole::new("tools", "tool", names.join(", ")))
}

/// The messages, the first of which is the `first`th of the request; without those that are the
/// system prompt again.
pub fn messages(request: &Request, first: usize) -> Vec<Whole<'_>> {
    let system = request.system.as_deref();
    let mut found = Vec::new();
    for (n, message) in (first..).zip(&request.messages) {
        if !is_repeated(message, system) {
            push_parts(&mut found, &format!("messages[{n}]"), Some(&message.role), &message.parts);
        }
    }
    found
}

/// The answers.
pub fn choices(reply: &Reply) -> Vec<Whole<'_>> {
    let mut found = Vec::new();
    for (n, Choice { parts, finish_reason }) in reply.choices.iter().enumerate() {
        push_parts(&mut found, &format!("choices[{n}]"), Some("assistant"), parts);
        if let Some(last) = found.last_mut().filter(|_| !parts.is_empty()) {
            last.finish_reason = finish_reason.as_deref();
        }
    }
    found
}

/// What a message says, all its texts.
pub fn said(message: &Message) -> String {
    let mut found = Vec::new();
    push_parts(&mut found, "", None, &message.parts);
    let texts = found.iter().map(|whole| match &whole.name {
        Some(name) if whole.kind != "text" => format!("[{} {name}] {}", whole.kind, whole.text),
        _ => whole.text.to_string(),
    });
    texts.collect::<Vec<_>>().join("\n\n")
}

/// Headers as lines.
pub fn head(place: &str, first_line: String, headers: &Headers) -> Whole<'static> {
    let lines = headers.iter().map(|(name, value)| format!("{name}: {value}"));
    let lines: Vec<String> = std::iter::once(first_line).chain(lines).collect();
    Whole::new(place, "head", lines.join("\n"))
}

fn push_parts<'a>(
    found: &mut Vec<Whole<'a>>,
    place: &str,
    role: Option<&'a str>,
    parts: &'a [Part],
) {
    for (n, part) in parts.iter().enumerate() {
        let place = format!("{place}.parts[{n}]");
        let whole = match part {
            Part::Text { text } => Whole::new(&place, "text", text),
            Part::Reasoning { text, signature } => {
                let kept = text.is_empty() && signature.is_some();
                let text = if kept { "(kept by the provider)" } else { text.as_str() };
                Whole::new(&place, "reasoning", text)
            }
            Part::ToolCall { name, arguments, .. } => {
                Whole::new(&place, "tool_call", as_text(arguments)).named(Some(name.as_str()))
            }
            Part::ToolResult { name, parts, .. } => {
                let from = found.len();
                push_parts(found, &place, role, parts);
                for inside in found.iter_mut().skip(from) {
                    if inside.kind == "text" {
                        inside.kind = "tool_result";
                        inside.name = name.as_deref().map(Into::into);
                    }
                }
                continue;
            }
            Part::Image { mime_type, url, file_id, bytes } => {
                let facts = facts([mime_type, url, file_id], *bytes);
                Whole::new(&place, "image", facts)
            }
            Part::Audio { mime_type, id, transcript, bytes } => {
                let facts = facts([mime_type, id, &None], *bytes);
                let text = transcript.as_deref().unwrap_or_default();
                Whole::new(&place, "audio", text).named(Some(facts))
            }
            Part::File { name, mime_type, file_id, url, text, bytes } => {
                let facts = facts([mime_type, file_id, url], *bytes);
                let text = text.as_deref().map_or(Cow::Owned(facts), Cow::Borrowed);
                Whole::new(&place, "file", text).named(name.as_deref())
            }
            Part::Other { value } => Whole::new(&place, "other", as_text(value)),
        };
        found.push(Whole { role, ..whole });
    }
}

fn facts(words: [&Option<String>; 3], bytes: Option<u64>) -> String {
    let bytes = bytes.map(|bytes| format!("{bytes} bytes"));
    let words = words.into_iter().flatten().cloned().chain(bytes);
    words.collect::<Vec<_>>().join(" · ")
}

/// A value as text: captured JSON can be deeper than a client reads.
pub fn as_text(value: &Value) -> Cow<'_, str> {
    match value {
        Value::String(text) => Cow::Borrowed(text),
        value => Cow::Owned(value.to_string()),
    }
}
