//! Everything of Google's that is neither an answer in text nor a conversation: embeddings,
//! pictures, films, batches, files, caches, lists of models.
//!
//! What is said in the request is a message; pictures and films in the reply are parts; what
//! else the reply holds is one `other` part, vectors and long base64 replaced by their size.

use jiff::Timestamp;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::fields::shorten;
use super::target::{Target, bare_model};
use super::wire::Ask;
use super::{fault, request, usage};
use crate::dialect::handshake::header;
use crate::dialect::json::{self as wire_json};
use crate::dialect::notes::Notes;
use crate::dialect::{Asked, Decoded, Frame, Grown, Reading, lossy, media, thread};
use crate::model::{Choice, Message, Part, Request, Usage};

/// A request and its reply, read for what they have.
#[derive(Default)]
pub(super) struct PlainReading {
    decoded: Decoded,
    notes: Notes,
    operation: &'static str,
    parts: Vec<Part>,
    /// Documents of a stream that stand nowhere else.
    rest: Vec<Value>,
    is_done: bool,
}

/// Most documents of one stream that are kept.
const DOCUMENTS_MAX: usize = 4096;

impl PlainReading {
    pub(super) fn new(asked: &Asked<'_>, target: &Target) -> Self {
        let mut reading = Self { operation: target.operation, ..Self::default() };
        let request = &mut reading.decoded.request;
        let text = lossy(asked.body);
        let is_upload = target.operation == "files" && !text.trim_start().starts_with('{');
        if is_upload && !asked.body.is_empty() {
            request.messages.push(upload(asked));
        } else if !asked.body.is_empty() {
            let (_, note) = wire_json::read::<Ask<'static>, _>(&text, |ask| {
                request::fill(request, ask, target.model.as_deref());
            });
            if let Some(note) = note {
                reading.notes.add(format!("the request {note}"));
            }
            nested(request);
            predicted(request);
            let mut params = Value::Object(std::mem::take(&mut request.params));
            shorten(&mut params);
            if let Value::Object(params) = params {
                request.params = params;
            }
        }
        if request.model.is_none() {
            request.model.clone_from(&target.model);
        }
        reading.decoded.thread = thread::thread(asked.headers, &request.params);
        reading
    }

    fn body(&mut self, body: &[u8], status: u16) {
        let text = lossy(body);
        if status >= 400 {
            self.decoded.error = Some(fault::of_body(&text, status));
        } else if matches!(text.trim_start().as_bytes().first(), Some(b'{' | b'[')) {
            match serde_json::from_str::<Box<RawValue>>(&text) {
                Ok(raw) => self.document(wire_json::value(&raw)),
                Err(_) => self.notes.add("the reply is not JSON"),
            }
        } else if !body.is_empty() {
            self.parts.push(Part::File {
                name: None,
                mime_type: None,
                file_id: None,
                url: None,
                text: None,
                bytes: Some(body.len() as u64),
            });
        }
        self.is_done = true;
    }

    fn document(&mut self, mut value: Value) {
        if let Some(error) = fault::of_value(&value).filter(|_| value.get("error").is_some()) {
            self.decoded.error = Some(error);
            return;
        }
        let reply = &mut self.decoded.reply;
        let text = |name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
        // The name of a token is the token.
        if self.operation == "auth_tokens" {
            reply.id = None;
            if let Some(fields) = value.as_object_mut() {
                fields.remove("name");
            }
        } else {
            reply.id = reply.id.take().or_else(|| text("responseId")).or_else(|| text("name"));
        }
        let model = value.get("modelVersion").or_else(|| value.get("model"));
        if let Some(model) = model.and_then(Value::as_str) {
            reply.model = Some(bare_model(model).to_owned());
        }
        if let Some(found) = counted(&value) {
            self.decoded.usage = Some(found);
        }
        made(&mut value, &mut self.parts);
        shorten(&mut value);
        if wire_json::is_empty(&value) {
            return;
        }
        match self.rest.len() < DOCUMENTS_MAX {
            true => self.rest.push(value),
            false => self.notes.add("some documents of the reply are left out"),
        }
    }
}

impl Reading for PlainReading {
    fn prompt(&self) -> &Request {
        &self.decoded.request
    }

    fn reply(&mut self, frame: Frame<'_>, _: Timestamp, _: &mut dyn FnMut(Grown<'_>)) {
        match frame {
            Frame::Event(event) if event.data.trim_start().starts_with(['{', '[']) => {
                if let Ok(value) = serde_json::from_str(event.data) {
                    self.document(value);
                }
            }
            Frame::Document(text) => match serde_json::from_str(text) {
                Ok(value) => self.document(value),
                Err(_) => self.notes.add("a document of the reply is not JSON"),
            },
            Frame::Body { body, status } => self.body(body, status),
            _ => {}
        }
    }

    fn is_complete(&self) -> bool {
        self.is_done
    }

    fn finish(mut self: Box<Self>) -> Decoded {
        let mut parts = self.parts;
        parts.extend(self.rest.into_iter().map(|value| Part::Other { value }));
        if !parts.is_empty() {
            self.decoded.reply.choices.push(Choice { parts, finish_reason: None });
        }
        self.decoded.notes = self.notes.finish();
        self.decoded
    }
}

/// A file on its way to Google, whole or in a part of it.
fn upload(asked: &Asked<'_>) -> Message {
    let told = |name: &str| header(asked.headers, name).map(str::to_owned);
    let part = Part::File {
        name: told("x-goog-upload-file-name"),
        mime_type: told("x-goog-upload-header-content-type").or_else(|| told("content-type")),
        file_id: None,
        url: None,
        text: None,
        bytes: Some(asked.body.len() as u64),
    };
    Message { role: "user".to_owned(), parts: vec![part] }
}

/// Where a request holds other requests.
const NESTED: [&str; 5] = [
    "/requests",
    "/batch/inputConfig/requests/requests",
    "/batch/input_config/requests/requests",
    "/batch/inputConfig/requests",
    "/bidiGenerateContentSetup",
];

/// Takes what the requests inside a request say out of its parameters.
fn nested(request: &mut Request) {
    let mut params = Value::Object(std::mem::take(&mut request.params));
    for place in NESTED {
        match params.pointer_mut(place) {
            Some(Value::Array(items)) => items.iter_mut().for_each(|item| one(item, request)),
            Some(item @ Value::Object(_)) if item.get("model").is_some() => one(item, request),
            _ => {}
        }
    }
    if let Value::Object(params) = params {
        request.params = params;
    }
}

/// Takes what one request says out of `item`.
fn one(item: &mut Value, into: &mut Request) {
    let inner = match item.get("request").is_some() {
        true => item.get_mut("request").unwrap_or(&mut Value::Null).take(),
        false => item.take(),
    };
    let mut found = Request::default();
    if let Ok(raw) = serde_json::value::to_raw_value(&inner) {
        wire_json::read::<Ask<'static>, _>(raw.get(), |ask| request::fill(&mut found, ask, None));
    }
    into.messages.append(&mut found.messages);
    into.system = into.system.take().or(found.system);
    into.model = into.model.take().or(found.model);
    for tool in found.tools {
        if !into.tools.contains(&tool) {
            into.tools.push(tool);
        }
    }
    let left = Value::Object(found.params);
    match item {
        Value::Object(fields) => _ = fields.insert("request".to_owned(), left),
        item => *item = left,
    }
}

/// What is said in the `instances` of a prediction.
fn predicted(request: &mut Request) {
    let Some(Value::Array(instances)) = request.params.get_mut("instances") else { return };
    for instance in instances {
        let Some(fields) = instance.as_object_mut() else { continue };
        for name in ["prompt", "content", "text"] {
            if let Some(Value::String(_)) = fields.get(name)
                && let Some(Value::String(text)) = fields.remove(name)
            {
                let parts = vec![Part::Text { text }];
                request.messages.push(Message { role: "user".to_owned(), parts });
            }
        }
    }
}

/// Takes pictures and films out of a reply.
fn made(value: &mut Value, parts: &mut Vec<Part>) {
    const PLACES: [&str; 7] = [
        "/predictions",
        "/generatedImages",
        "/response/predictions",
        "/response/videos",
        "/response/generateVideoResponse/generatedSamples",
        "/response/generatedVideos",
        "/response/generatedSamples",
    ];
    for place in PLACES {
        let Some(Value::Array(items)) = value.pointer_mut(place) else { continue };
        for item in items {
            let Some(fields) = item.as_object_mut() else { continue };
            let inner = ["video", "image"].into_iter().find(|name| fields.contains_key(*name));
            let part = match inner.and_then(|name| fields.get_mut(name)) {
                Some(Value::Object(inner)) => medium(inner),
                _ => medium(fields),
            };
            parts.extend(part);
        }
    }
}

/// The picture or film that `fields` hold, taken out of them.
fn medium(fields: &mut Map<String, Value>) -> Option<Part> {
    let mut take = |names: &[&str]| {
        let name = names.iter().find(|name| fields.get(**name).is_some_and(Value::is_string))?;
        match fields.remove(*name) {
            Some(Value::String(text)) => Some(text),
            _ => None,
        }
    };
    let data = take(&["bytesBase64Encoded", "imageBytes", "videoBytes", "encodedVideo"]);
    let url = take(&["gcsUri", "uri"]);
    if data.is_none() && url.is_none() {
        return None;
    }
    let mime_type = take(&["mimeType", "encoding"]);
    let bytes = data.map(|data| media::base64_bytes(&data));
    let kind = mime_type.as_deref().unwrap_or_default().split('/').next().unwrap_or_default();
    Some(match kind {
        "image" => Part::Image { mime_type, url, file_id: None, bytes },
        "audio" if url.is_none() => Part::Audio { mime_type, id: None, transcript: None, bytes },
        _ => Part::File { name: None, mime_type, file_id: None, url, text: None, bytes },
    })
}

/// The usage that a reply tells of: in `usageMetadata`, or as counts of what was embedded.
fn counted(value: &Value) -> Option<Usage> {
    if let Some(raw) = value.get("usageMetadata") {
        return usage::usage(raw.clone());
    }
    let predictions = value.get("predictions")?.as_array()?;
    let statistics: Vec<&Value> = predictions
        .iter()
        .filter_map(|prediction| prediction.pointer("/embeddings/statistics"))
        .collect();
    let counts = statistics.iter().filter_map(|one| match one.get("token_count")? {
        Value::Number(count) => count.as_u64().or_else(|| count.as_f64().map(|count| count as u64)),
        _ => None,
    });
    let input = counts.reduce(u64::saturating_add)?;
    Some(usage::counted(input, json!({ "statistics": statistics })))
}
