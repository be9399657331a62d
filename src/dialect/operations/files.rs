//! Files, and the prompts inside those that are batches.

use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::form::{Form, Upload, said};
use super::found::{Found, is_words};
use super::place::Place;
use super::{Family, Operation, Tell, inner};
use crate::dialect::json::{self, Text, record};
use crate::dialect::{Asked, lossy};
use crate::model::{Part, Request};

/// `/files/…`.
pub(in crate::dialect) const FILES: Family = Family {
    name: "openai.files",
    claim: |place: &Place<'_>| place.resource("files").map(|_| "files"),
    begin: || Box::new(Files),
};

/// Anthropic's `/v1/files/…`.
pub(in crate::dialect) const ANTHROPIC_FILES: Family = Family {
    name: "anthropic.files",
    claim: |place: &Place<'_>| place.anthropic("files").map(|_| "files"),
    begin: || Box::new(Files),
};

/// Where a line would be sent that does not say.
const CHAT: &str = "/v1/chat/completions";

struct Files;

impl Operation for Files {
    fn ask(&mut self, form: &mut Form, request: &mut Request, _: &Asked<'_>) {
        for upload in std::mem::take(&mut form.files) {
            let prompts = add_prompts(request, &upload.content);
            let mut part = file(upload);
            // Its words stand in the messages.
            if let (Part::File { text, .. }, Prompts::Every) = (&mut part, prompts) {
                *text = None;
            }
            said(request, vec![part]);
        }
    }

    fn told(&mut self, mut fields: Map<String, Value>, found: &mut Found) {
        if is_result(&fields) {
            result(fields, found);
            found.is_done = true;
            return;
        }
        found.common(&mut fields);
        found.keep_all(fields);
        found.is_done = true;
    }

    /// A line of a file that is downloaded.
    fn event(&mut self, _: &str, fields: Map<String, Value>, found: &mut Found, _: &mut Tell<'_>) {
        match is_result(&fields) {
            true => result(fields, found),
            false => found.keep_one("lines", Value::Object(fields)),
        }
    }
}

/// A file that is sent, with its words if it has words.
pub(super) fn file(upload: Upload) -> Part {
    let text = is_words(&upload.content, upload.mime_type.as_deref())
        .then(|| lossy(&upload.content).into_owned());
    Part::File {
        name: upload.name,
        mime_type: upload.mime_type,
        file_id: None,
        url: None,
        text,
        bytes: Some(upload.bytes),
    }
}

record! {
    /// A line of a batch, or of what is to be learnt from.
    Line {
        url: Text<'a> = "url",
        body: Option<&'a RawValue> = "body",
        messages: Option<&'a RawValue> = "messages",
    }
    ignores []
}

/// Which lines of a file are prompts.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Prompts {
    Every,
    NotAll,
}

/// Adds the prompts of a file that has one object a line: requests of a batch, or conversations
/// to learn from.
fn add_prompts(request: &mut Request, content: &[u8]) -> Prompts {
    if !content.trim_ascii_start().starts_with(b"{") {
        return Prompts::NotAll;
    }
    let mut prompts = Prompts::Every;
    let lines = content.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    for line in lines.filter(|line| !line.is_empty()) {
        if !add_line(request, line) {
            prompts = Prompts::NotAll;
        }
    }
    prompts
}

/// Adds the prompt of a line; says whether it has one.
fn add_line(request: &mut Request, line: &[u8]) -> bool {
    let Ok(raw) = serde_json::from_slice::<&RawValue>(line) else { return false };
    let Ok(line) = serde_json::from_str::<Line<'_>>(raw.get()) else { return false };
    if let Some(body) = line.body {
        let path = line.url.get().unwrap_or(CHAT);
        let mut about = Map::new();
        json::keep_all(&mut about, &line.rest);
        if let Some(url) = line.url.own() {
            about.insert("url".to_owned(), url.into());
        }
        inner::add_prompt(request, path, body, about);
        return true;
    }
    if line.messages.is_some() {
        inner::add_prompt(request, CHAT, raw, Map::new());
    }
    line.messages.is_some()
}

fn is_result(line: &Map<String, Value>) -> bool {
    line.contains_key("custom_id") && (line.contains_key("response") || line.contains_key("error"))
}

/// A line of a batch's output: `response.body` is a reply as it would have come alone.
fn result(mut line: Map<String, Value>, found: &mut Found) {
    let response = line.shift_remove("response").unwrap_or_default();
    let status = response.get("status_code").and_then(Value::as_u64);
    let status = status.and_then(|status| u16::try_from(status).ok()).unwrap_or(200);
    let body = response.get("body").unwrap_or(&response);
    line.retain(|_, value| !value.is_null());
    for choice in inner::answers(body, status, line) {
        found.choose(choice);
    }
}
