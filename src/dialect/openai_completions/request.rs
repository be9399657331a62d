//! The prompts of a completion.

use serde_json::json;
use serde_json::value::RawValue;

use crate::dialect::json::{self, Content, List, Text, record};
use crate::dialect::{media, openai_chat, path_only, path_segment_after};
use crate::model::{Message, Part, Request};

record! {
    /// A request.
    Ask {
        model: Text<'a> = "model",
        prompt: Content<'a> = "prompt",
        input_prefix: Text<'a> = "input_prefix",
        input_suffix: Text<'a> = "input_suffix",
        input_extra: List<Extra<'a>> = "input_extra",
    }
    ignores []
}

record! {
    /// A file that llama.cpp is to know of.
    Extra {
        filename: Text<'a> = "filename",
        text: Text<'a> = "text",
    }
    ignores []
}

record! {
    /// llama.cpp's prompt with pictures or sound.
    Mixed {
        prompt_string: Text<'a> = "prompt_string",
        multimodal_data: Vec<Text<'a>> = "multimodal_data",
    }
    ignores []
}

/// Fills `request` from a request's body; gives the number of prompts.
pub(super) fn fill(request: &mut Request, ask: Ask<'_>, path: &str) -> usize {
    request.model = ask.model.own().or_else(|| model_in_path(path));
    for extra in ask.input_extra.0 {
        let part = Part::File {
            name: extra.filename.own(),
            mime_type: None,
            file_id: None,
            url: None,
            text: Some(extra.text.into_string()),
            bytes: None,
        };
        add(request, vec![part]);
    }
    let files = request.messages.len();
    add(request, ask.input_prefix.own().map(Part::text).into_iter().collect());
    prompts(request, ask.prompt);
    let prompts = request.messages.len() - files;
    // What follows the place to be filled is a setting, as in OpenAI's own `suffix`.
    if let Some(suffix) = ask.input_suffix.own() {
        request.params.insert("input_suffix".to_owned(), suffix.into());
    }
    json::keep_all(&mut request.params, &ask.rest);
    prompts.max(1)
}

fn model_in_path(path: &str) -> Option<String> {
    if let Some((_, model)) = path_only(path).split_once("/ai/run/") {
        return Some(model.to_owned());
    }
    ["deployments", "engines", "serving-endpoints"]
        .into_iter()
        .find_map(|name| path_segment_after(path, name))
}

fn add(request: &mut Request, parts: Vec<Part>) {
    if !parts.is_empty() {
        request.messages.push(Message { role: "user".to_owned(), parts });
    }
}

fn prompts(request: &mut Request, prompt: Content<'_>) {
    match prompt {
        Content::Absent => {}
        Content::Text(text) => add(request, text.own().map(Part::text).into_iter().collect()),
        Content::Object(value) => {
            let raw = serde_json::value::to_raw_value(&value).ok();
            let parts = raw.and_then(|raw| mixed(&raw));
            add(request, parts.unwrap_or_else(|| vec![media::other(value)]));
        }
        // Token ids, maybe with words between them, are one prompt.
        Content::Blocks(raws) if raws.iter().any(|raw| is_number(raw)) => {
            add(request, pieces(&raws));
        }
        Content::Blocks(raws) => raws.into_iter().for_each(|raw| add(request, one(raw))),
    }
}

/// One of several prompts.
fn one(raw: &RawValue) -> Vec<Part> {
    match raw.get().as_bytes().first() {
        Some(b'[') => {
            let items: Vec<&RawValue> = serde_json::from_str(raw.get()).unwrap_or_default();
            pieces(&items)
        }
        Some(b'{') => mixed(raw).unwrap_or_else(|| openai_chat::raw_block(raw)),
        _ => openai_chat::raw_block(raw),
    }
}

/// Words, and token ids by their number.
fn pieces(raws: &[&RawValue]) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut tokens = 0u64;
    for raw in raws {
        if is_number(raw) {
            tokens += 1;
            continue;
        }
        flush(&mut parts, &mut tokens);
        parts.extend(openai_chat::raw_block(raw));
    }
    flush(&mut parts, &mut tokens);
    parts
}

fn flush(parts: &mut Vec<Part>, tokens: &mut u64) {
    if *tokens > 0 {
        parts.push(Part::Other { value: json!({"tokens": *tokens}) });
        *tokens = 0;
    }
}

fn mixed(raw: &RawValue) -> Option<Vec<Part>> {
    let mixed: Mixed<'_> = serde_json::from_str(raw.get()).ok()?;
    let words = mixed.prompt_string.own()?;
    let mut parts = vec![Part::Text { text: words }];
    parts.extend(mixed.multimodal_data.iter().map(|data| Part::Other {
        value: json!({"multimodal_data": format!("({} bytes)", media::base64_bytes(data.as_str()))}),
    }));
    Some(parts)
}

fn is_number(raw: &RawValue) -> bool {
    raw.get().starts_with(|first: char| first == '-' || first.is_ascii_digit())
}
