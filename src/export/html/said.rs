//! Messages and answers.

use std::collections::HashMap;
use std::io::{self, Write};

use uuid::Uuid;

use super::text::{block, escaped, folded, pretty};
use crate::model::{Choice, Message, Part, Request};

/// The messages of a prompt: those that were said before, folded, or a link to the exchange
/// `before` on the same page, which has them.
pub(super) fn messages(
    request: &Request,
    inherited: Option<u32>,
    before: Option<Uuid>,
    out: &mut dyn Write,
) -> io::Result<()> {
    let inherited = inherited.and_then(|n| usize::try_from(n).ok()).unwrap_or_default();
    let all = request.messages.as_slice();
    let (old, new) = all.split_at(inherited.min(all.len()));
    let words = format!("{} messages that were said before", old.len());
    match before {
        _ if old.is_empty() => {}
        Some(id) => writeln!(out, "<p><a href=\"#x-{id}\">{words}</a></p>")?,
        None => folded(&words, None, out, &mut |out| list(old, request, out))?,
    }
    list(new, request, out)
}

/// An answer.
pub(super) fn answer(choice: &Choice, out: &mut dyn Write) -> io::Result<()> {
    out.write_all(b"<section class=\"message model\"><div class=\"role\">Answer")?;
    if let Some(reason) = &choice.finish_reason {
        out.write_all(" <bdi class=\"soft\">· ".as_bytes())?;
        escaped(reason, out)?;
        out.write_all(b"</bdi>")?;
    }
    out.write_all(b"</div>\n")?;
    let mut none = Results::default();
    choice.parts.iter().try_for_each(|one| part(one, &mut none, &[], out))?;
    out.write_all(b"</section>\n")
}

/// Results of tools that stand behind their calls, to be shown beside them.
#[derive(Default)]
struct Results<'a> {
    /// By id, the last one first: some apps count anew with each answer.
    open: HashMap<&'a str, Vec<&'a Part>>,
    /// How many of an id were shown with their calls.
    shown: HashMap<&'a str, usize>,
}

impl<'a> Results<'a> {
    fn of(messages: &'a [Message]) -> Self {
        let mut open: HashMap<&str, Vec<&Part>> = HashMap::new();
        for part in messages.iter().rev().flat_map(|message| message.parts.iter().rev()) {
            if let Part::ToolResult { id: Some(id), .. } = part {
                open.entry(id).or_default().push(part);
            }
        }
        Self { open, shown: HashMap::new() }
    }

    /// That of the next call with this id.
    fn take(&mut self, id: Option<&str>) -> Option<&'a Part> {
        let (id, found) =
            self.open.get_key_value(id?).map(|(id, all)| (*id, all.last().copied()))?;
        self.open.get_mut(id)?.pop();
        *self.shown.entry(id).or_default() += 1;
        found
    }

    /// Whether it was shown with its call.
    fn is_shown(&mut self, part: &Part) -> bool {
        let Part::ToolResult { id: Some(id), .. } = part else { return false };
        match self.shown.get_mut(id.as_str()) {
            Some(count) if *count > 0 => {
                *count -= 1;
                true
            }
            _ => {
                self.open.get_mut(id.as_str()).and_then(Vec::pop);
                false
            }
        }
    }
}

fn list(messages: &[Message], request: &Request, out: &mut dyn Write) -> io::Result<()> {
    let mut results = Results::of(messages);
    for message in messages {
        let parts: Vec<&Part> =
            message.parts.iter().filter(|part| !results.is_shown(part)).collect();
        if parts.is_empty() && !message.parts.is_empty() {
            continue;
        }
        let class = match message.role.as_str() {
            "user" => "user",
            "assistant" | "model" => "model",
            "tool" | "function" => "tool",
            _ => "system",
        };
        write!(out, "<section class=\"message {class}\"><div class=\"role\"><bdi>")?;
        escaped(&message.role, out)?;
        out.write_all(b"</bdi></div>\n")?;
        parts.into_iter().try_for_each(|one| part(one, &mut results, &request.messages, out))?;
        out.write_all(b"</section>\n")?;
    }
    Ok(())
}

/// A part; `said` is where the call of a result is looked for.
fn part(
    part: &Part,
    results: &mut Results<'_>,
    said: &[Message],
    out: &mut dyn Write,
) -> io::Result<()> {
    match part {
        Part::Text { text } => block("words", text, out),
        Part::Reasoning { text, .. } if text.is_empty() => {
            label("Reasoning, kept by the provider", &[], out)
        }
        Part::Reasoning { text, .. } => {
            folded("Reasoning", None, out, &mut |out| block("words", text, out))
        }
        Part::ToolCall { id, .. } => pair(Some(part), results.take(id.as_deref()), out),
        Part::ToolResult { id, .. } => pair(call_of(id.as_deref(), said), Some(part), out),
        Part::Image { mime_type, url, file_id, bytes } => {
            label("Picture", &[mime_type, url, file_id, &size(*bytes)], out)
        }
        Part::Audio { mime_type, id, transcript, bytes } => {
            label("Sound", &[mime_type, id, &size(*bytes)], out)?;
            transcript.iter().try_for_each(|text| block("words", text, out))
        }
        Part::File { name, mime_type, file_id, url, text, bytes } => {
            label("File", &[name, mime_type, file_id, url, &size(*bytes)], out)?;
            text.iter().try_for_each(|text| block("words", text, out))
        }
        Part::Other { value } => {
            folded("Of no known type", None, out, &mut |out| block("", &pretty(value), out))
        }
    }
}

/// A call, and beside it what it gave.
fn pair(call: Option<&Part>, result: Option<&Part>, out: &mut dyn Write) -> io::Result<()> {
    out.write_all(b"<div class=\"pair\">\n")?;
    if let Some(Part::ToolCall { id, name, arguments }) = call {
        out.write_all(b"<div>")?;
        label("Call", &[&Some(name.clone()), id], out)?;
        block("", &pretty(arguments), out)?;
        out.write_all(b"</div>\n")?;
    }
    if let Some(Part::ToolResult { id, name, parts, is_error }) = result {
        let what = if *is_error == Some(true) { "Result, an error" } else { "Result" };
        out.write_all(b"<div>")?;
        label(what, &[name, id], out)?;
        let mut none = Results::default();
        parts.iter().try_for_each(|one| part(one, &mut none, &[], out))?;
        out.write_all(b"</div>\n")?;
    }
    out.write_all(b"</div>\n")
}

/// The last call of that id.
fn call_of<'a>(id: Option<&str>, said: &'a [Message]) -> Option<&'a Part> {
    let id = id?;
    let is_it = |part: &&Part| matches!(part, Part::ToolCall { id: Some(had), .. } if had == id);
    said.iter().rev().flat_map(|message| message.parts.iter().rev()).find(is_it)
}

fn size(bytes: Option<u64>) -> Option<String> {
    bytes.map(|bytes| format!("{bytes} bytes"))
}

fn label(what: &str, more: &[&Option<String>], out: &mut dyn Write) -> io::Result<()> {
    write!(out, "<div class=\"label\">{what}")?;
    for text in more.iter().filter_map(|text| text.as_deref()) {
        out.write_all(" · <bdi>".as_bytes())?;
        escaped(text, out)?;
        out.write_all(b"</bdi>")?;
    }
    out.write_all(b"</div>\n")
}
