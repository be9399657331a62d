//! Films.

use serde_json::{Map, Value};

use super::form::{Form, said};
use super::found::{Found, bare};
use super::images::pictures;
use super::place::Place;
use super::{Family, Operation};
use crate::dialect::Asked;
use crate::model::{Part, Request};

/// `/videos/…`, of OpenAI and xAI.
pub(in crate::dialect) const VIDEOS: Family = Family {
    name: "openai.videos",
    claim: |place: &Place<'_>| place.resource("videos").map(|_| "videos"),
    begin: || Box::new(Videos),
};

struct Videos;

impl Operation for Videos {
    fn ask(&mut self, form: &mut Form, request: &mut Request, _: &Asked<'_>) {
        form.model(request);
        let mut parts: Vec<Part> = form.text("prompt").map(Part::text).into_iter().collect();
        for name in ["input_reference", "image", "images", "reference_images"] {
            if let Some(value) = form.take(name) {
                parts.extend(pictures(value));
            }
        }
        parts.extend(form.files.drain(..).map(|upload| {
            let mime_type = upload.mime_type;
            let bytes = Some(upload.bytes);
            match mime_type.as_deref().is_some_and(|kind| kind.starts_with("video/")) {
                true => film(upload.name, mime_type, None, bytes),
                false => Part::Image { mime_type, url: None, file_id: None, bytes },
            }
        }));
        said(request, parts);
    }

    fn told(&mut self, mut fields: Map<String, Value>, found: &mut Found) {
        found.common(&mut fields);
        if let Some(url) = fields.get("video").and_then(|video| video.get("url")?.as_str()) {
            found.add(film(None, None, Some(url.to_owned()), None));
        }
        found.keep_all(fields);
        found.is_done = true;
    }

    fn bytes(&mut self, body: &[u8], content_type: Option<&str>, found: &mut Found) {
        found.add(film(None, content_type.map(bare), None, Some(body.len() as u64)));
    }
}

fn film(
    name: Option<String>,
    mime_type: Option<String>,
    url: Option<String>,
    bytes: Option<u64>,
) -> Part {
    Part::File { name, mime_type, file_id: None, url, text: None, bytes }
}
