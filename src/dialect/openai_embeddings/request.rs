//! The texts to be embedded.

use serde::de::IgnoredAny;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::dialect::json::{self, Content, Text, record};
use crate::dialect::{media, openai_chat, path_segment_after};
use crate::model::{Message, Part, Request};

record! {
    /// A request.
    Ask {
        model: Text<'a> = "model",
        input: Content<'a> = "input",
        inputs: Content<'a> = "inputs",
        texts: Content<'a> = "texts",
        content: Content<'a> = "content",
        image: Text<'a> = "image",
        images: Content<'a> = "images",
    }
    ignores []
}

record! {
    /// An input that is more than a text: Jina's and Nvidia's have fields for what it is,
    /// Voyage's and Cohere's a content as a message has.
    Thing {
        text: Text<'a> = "text",
        image: Text<'a> = "image",
        content: Content<'a> = "content",
    }
    ignores []
}

/// Fills `request` from a request's body.
pub(super) fn fill(request: &mut Request, ask: Ask<'_>) {
    request.model = ask.model.own();
    for content in [ask.input, ask.inputs, ask.texts, ask.content, ask.images] {
        messages(request, content);
    }
    if let Some(image) = ask.image.get() {
        add(request, vec![media::image(image)]);
    }
    json::keep_all(&mut request.params, &ask.rest);
}

/// The model that the path names: Azure's deployment, Databricks' endpoint, Hugging Face's
/// model.
pub(super) fn model_in_path(path: &str) -> Option<String> {
    path_segment_after(path, "deployments")
        .or_else(|| path_segment_after(path, "serving-endpoints"))
        .or_else(|| {
            let (_, model) = path.split_once("/models/")?;
            Some(model.split_once("/pipeline/")?.0.to_owned())
        })
}

fn messages(request: &mut Request, content: Content<'_>) {
    match content {
        Content::Absent => {}
        Content::Text(text) => add(request, text.own().map(Part::text).into_iter().collect()),
        Content::Object(value) => match serde_json::value::to_raw_value(&value) {
            Ok(raw) => add(request, parts(&raw)),
            Err(_) => add(request, vec![media::other(value)]),
        },
        // One list of token ids is one input.
        Content::Blocks(raws) if raws.first().is_some_and(|raw| is_number(raw)) => {
            add(request, vec![tokens(raws.len())]);
        }
        Content::Blocks(raws) => raws.into_iter().for_each(|raw| add(request, parts(raw))),
    }
}

fn add(request: &mut Request, parts: Vec<Part>) {
    if !parts.is_empty() {
        request.messages.push(Message { role: "user".to_owned(), parts });
    }
}

fn parts(raw: &RawValue) -> Vec<Part> {
    match raw.get().as_bytes().first() {
        Some(b'"') => {
            let text = serde_json::from_str::<Text<'_>>(raw.get()).unwrap_or_default();
            vec![Part::Text { text: text.into_string() }]
        }
        Some(b'[') => list(raw),
        Some(b'{') => {
            let (found, _) = json::read::<Thing<'static>, _>(raw.get(), thing);
            found.flatten().unwrap_or_else(|| openai_chat::raw_block(raw))
        }
        _ => vec![media::other(json::value(raw))],
    }
}

/// Token ids, or the chunks of one document.
fn list(raw: &RawValue) -> Vec<Part> {
    let items: Vec<&RawValue> = serde_json::from_str(raw.get()).unwrap_or_default();
    match items.first() {
        Some(first) if is_number(first) => vec![tokens(items.len())],
        Some(first) if first.get().starts_with('[') => vec![media::other(json::value(raw))],
        _ => items.into_iter().flat_map(flat).collect(),
    }
}

/// A chunk: a list inside it is not looked into.
fn flat(raw: &RawValue) -> Vec<Part> {
    match raw.get().starts_with('[') {
        true => vec![media::other(json::value(raw))],
        false => parts(raw),
    }
}

fn thing(thing: Thing<'_>) -> Option<Vec<Part>> {
    if !thing.rest.is_empty() {
        return None;
    }
    let mut found: Vec<Part> =
        openai_chat::parts(thing.content).into_iter().map(pictured).collect();
    found.extend(thing.text.own().map(Part::text));
    found.extend(thing.image.get().map(media::image));
    (!found.is_empty()).then_some(found)
}

/// Voyage's picture that is sent inline has a type of its own.
fn pictured(part: Part) -> Part {
    let Part::Other { value } = &part else { return part };
    match value.get("image_base64").and_then(Value::as_str) {
        Some(data) => media::image(data),
        None => part,
    }
}

fn tokens(count: usize) -> Part {
    let value: Value = json!({"tokens": count});
    Part::Other { value }
}

fn is_number(raw: &RawValue) -> bool {
    let is_it = raw.get().starts_with(|first: char| first == '-' || first.is_ascii_digit());
    is_it && serde_json::from_str::<IgnoredAny>(raw.get()).is_ok()
}
