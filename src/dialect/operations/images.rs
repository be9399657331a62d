//! Pictures made, edited and varied.

use serde_json::{Map, Value};

use super::form::{Form, said, take_text};
use super::found::{Found, bare};
use super::place::Place;
use super::{Family, Operation, Tell};
use crate::dialect::{Asked, json, media};
use crate::model::{Part, Request};

/// `/images/…`, of OpenAI, xAI, OpenRouter, Venice and others.
pub(in crate::dialect) const IMAGES: Family = Family {
    name: "openai.images",
    claim: |place: &Place<'_>| match () {
        () if place.posts("/images/generations") => Some("image"),
        () if place.posts("/images/edits") => Some("image_edit"),
        () if place.posts("/images/variations") => Some("image_variation"),
        () if place.posts("/v1/images") || place.posts("/v1/image/generate") => Some("image"),
        () => None,
    },
    begin: || Box::new(Images::default()),
};

#[derive(Default)]
struct Images {
    /// Such as `png`, as the app asked for it.
    format: Option<String>,
}

/// Fields of a request that hold pictures.
const PICTURES: [&str; 7] =
    ["image", "images", "image_url", "input_references", "input_reference", "mask", "markup"];

impl Operation for Images {
    fn ask(&mut self, form: &mut Form, request: &mut Request, _: &Asked<'_>) {
        form.model(request);
        self.format = form.fields.get("output_format").and_then(Value::as_str).map(str::to_owned);
        let mut parts: Vec<Part> = form.text("prompt").map(Part::text).into_iter().collect();
        for name in PICTURES {
            if let Some(value) = form.take(name) {
                parts.extend(pictures(value));
            }
        }
        parts.extend(form.files.drain(..).map(|upload| Part::Image {
            mime_type: upload.mime_type,
            url: None,
            file_id: None,
            bytes: Some(upload.bytes),
        }));
        said(request, parts);
    }

    fn told(&mut self, mut fields: Map<String, Value>, found: &mut Found) {
        found.common(&mut fields);
        let format = fields.get("output_format").and_then(Value::as_str);
        let format = format.map(str::to_owned).or_else(|| self.format.clone());
        for name in ["data", "images"] {
            if let Some(Value::Array(items)) = fields.shift_remove(name) {
                items.into_iter().for_each(|item| self::item(item, format.as_deref(), found));
            }
        }
        found.keep_all(fields);
        found.is_done = true;
    }

    fn event(
        &mut self,
        name: &str,
        mut fields: Map<String, Value>,
        found: &mut Found,
        _: &mut Tell<'_>,
    ) {
        let kind = take_text(&mut fields, "type").unwrap_or_else(|| name.to_owned());
        if kind.ends_with(".partial_image") {
            let bytes = fields.get("b64_json").and_then(Value::as_str).map(media::base64_bytes);
            let index = fields.shift_remove("partial_image_index");
            found.keep_one("partial_images", serde_json::json!({"index": index, "bytes": bytes}));
            found.begins();
            return;
        }
        found.common(&mut fields);
        let format = take_text(&mut fields, "output_format").or_else(|| self.format.clone());
        if let Some(picture) =
            fields.shift_remove("b64_json").or_else(|| fields.shift_remove("url"))
        {
            found.add(picture_of(&picture, format.as_deref()));
        }
        if kind.ends_with(".completed") {
            found.is_done = true;
        }
        found.keep_all(fields);
    }

    fn bytes(&mut self, body: &[u8], content_type: Option<&str>, found: &mut Found) {
        found.add(Part::Image {
            mime_type: content_type.map(bare),
            url: None,
            file_id: None,
            bytes: Some(body.len() as u64),
        });
    }
}

/// One picture of a reply, its fields in the order in which they came.
fn item(item: Value, format: Option<&str>, found: &mut Found) {
    let Value::Object(fields) = item else {
        found.add(picture_of(&item, format));
        return;
    };
    let own = ["mime_type", "media_type"].iter().find_map(|name| fields.get(*name)?.as_str());
    let own = own.or(format).map(str::to_owned);
    for (name, value) in fields {
        match (name.as_str(), value) {
            (_, value) if json::is_empty(&value) => {}
            ("b64_json" | "url" | "image" | "b64", value) => {
                found.add(picture_of(&value, own.as_deref()));
            }
            ("revised_prompt", Value::String(words)) => found.say(words),
            ("mime_type" | "media_type" | "index" | "object", _) => {}
            (name, value) => found.keep_one(name, value),
        }
    }
}

/// A picture at an address, in a `data:` URL or as base64.
fn picture_of(value: &Value, format: Option<&str>) -> Part {
    let mime_type = format.map(|format| match format.contains('/') {
        true => format.to_owned(),
        false => format!("image/{format}"),
    });
    let text = value.as_str().unwrap_or_default();
    match media::image(text) {
        Part::Image { mime_type: own, url, file_id, bytes } => {
            Part::Image { mime_type: own.or(mime_type), url, file_id, bytes }
        }
        part => part,
    }
}

/// The pictures that a request refers to, in any of the shapes that it may.
pub(super) fn pictures(value: Value) -> Vec<Part> {
    match value {
        Value::Array(items) => items.into_iter().flat_map(pictures).collect(),
        Value::String(url) => vec![media::image(&url)],
        Value::Object(ref fields) => {
            let address = ["image_url", "url", "image"].iter().find_map(|name| {
                let place = fields.get(*name)?;
                place.as_str().or_else(|| place.get("url")?.as_str())
            });
            let id = fields.get("file_id").and_then(Value::as_str);
            match (address, id) {
                (Some(url), _) => vec![media::image(url)],
                (None, Some(id)) => vec![Part::Image {
                    mime_type: None,
                    url: None,
                    file_id: Some(id.to_owned()),
                    bytes: None,
                }],
                (None, None) => vec![media::other(value)],
            }
        }
        other => vec![media::other(other)],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_picture_is_found_in_any_shape() {
        for (rule, value, expected) in [
            (
                "OpenAI's list",
                json!([{"image_url": "https://a.example/1"}]),
                Some("https://a.example/1"),
            ),
            (
                "OpenRouter's list",
                json!([{"image_url": {"url": "https://a.example/2"}}]),
                Some("https://a.example/2"),
            ),
            ("xAI's object", json!({"url": "https://a.example/3"}), Some("https://a.example/3")),
            ("a text", json!("https://a.example/4"), Some("https://a.example/4")),
            ("a file", json!({"file_id": "file-1"}), None),
        ] {
            let found = pictures(value);
            assert!(
                matches!(&found[..], [Part::Image { url, .. }] if url.as_deref() == expected),
                "{rule}"
            );
        }
    }
}
