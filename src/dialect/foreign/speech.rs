//! Speech to text and back, of those who do nothing else: Deepgram
//! (<https://developers.deepgram.com/reference>), ElevenLabs
//! (<https://elevenlabs.io/docs/api-reference>) and AssemblyAI
//! (<https://www.assemblyai.com/docs/api-reference>).
//!
//! What is to be spoken is the user's, what was said is the answer; words with their times and
//! the like stand beside it.

use serde_json::{Map, Value, json};

use super::reading::answer;
use super::values::{object, say};
use super::{Foreign, Place, Translate};
use crate::dialect::Asked;
use crate::dialect::handshake::header;
use crate::model::{Message, Part, Request};
use crate::observe::multipart::form;

/// `/v1/listen`, `/v1/speak`, `/v1/text-to-speech/VOICE`, `/v1/speech-to-text`,
/// `/v2/transcript`, `/lemur/v3/generate/…`.
pub(in crate::dialect) const SPEECH: Foreign = Foreign {
    name: "speech",
    claim: operation,
    begin: |place| {
        let model = place.query("model").or_else(|| place.query("model_id"));
        Box::new(Speech { model: model.map(str::to_owned), sound: None })
    },
};

fn operation(place: &Place<'_>) -> Option<&'static str> {
    match place.method {
        "POST" if place.posts("/v1/listen") => Some("transcription"),
        "POST" if place.posts("/v1/speech-to-text") => Some("transcription"),
        "POST" if place.posts("/v2/transcript") => Some("transcription"),
        "GET" if place.path.contains("/v2/transcript/") => Some("transcription"),
        "POST" if place.posts("/v1/speak") => Some("speech"),
        "POST" if place.path.contains("/v1/text-to-speech/") => Some("speech"),
        "POST" if place.path.contains("/lemur/v3/generate/") => Some("chat"),
        _ => None,
    }
}

struct Speech {
    model: Option<String>,
    /// Sound that the app sends: its type and length.
    sound: Option<(Option<String>, u64)>,
}

impl Translate for Speech {
    fn decode(&mut self, asked: &Asked<'_>) -> Option<Value> {
        let content_type = header(asked.headers, "content-type").unwrap_or_default();
        if let Some(form) = form::read(content_type, asked.body) {
            let mut fields = Map::new();
            for field in form.fields {
                match field.text {
                    Some(text) => _ = fields.insert(field.name, text.into()),
                    None => self.sound = Some((field.content_type, field.length)),
                }
            }
            return Some(Value::Object(fields));
        }
        let is_json = asked.body.trim_ascii_start().starts_with(b"{");
        if !is_json && !asked.body.is_empty() {
            let kind = (!content_type.is_empty()).then(|| content_type.to_owned());
            self.sound = Some((kind, asked.body.len() as u64));
        }
        (!is_json).then(|| json!({}))
    }

    fn ask(&mut self, mut ask: Map<String, Value>) -> Map<String, Value> {
        for name in ["model_id", "speech_model", "final_model"] {
            super::values::rename(&mut ask, name, "model");
        }
        if let Some(model) = &self.model {
            ask.entry("model").or_insert_with(|| model.as_str().into());
        }
        say(&mut ask, &[("user", "text")]);
        ask
    }

    fn complete(&self, request: &mut Request) {
        if let Some((mime_type, bytes)) = self.sound.clone() {
            let sound = Part::Audio { mime_type, id: None, transcript: None, bytes: Some(bytes) };
            request.messages.push(Message { role: "user".to_owned(), parts: vec![sound] });
        }
    }

    fn told(&mut self, _: &str, told: Value) -> Option<Value> {
        let channels = told.pointer("/results/channels").and_then(Value::as_array);
        if let Some(channels) = channels {
            let choices = channels.iter().enumerate().map(|(index, channel)| {
                let words = channel.pointer("/alternatives/0/transcript");
                json!({"index": index, "message": {"content": words}})
            });
            let choices: Vec<Value> = choices.collect();
            return Some(json!({
                "id": told.pointer("/metadata/request_id"),
                "metadata": told.get("metadata"),
                "choices": choices,
            }));
        }
        let mut told = object(Some(told));
        let error = told.remove("error").filter(|error| !error.is_null());
        let words = told.remove("text").or_else(|| told.remove("response")).unwrap_or_default();
        // Each word with its time, and the options once more.
        told.remove("words");
        let status = told.get("status").filter(|status| *status != "processing").cloned();
        told.insert("choices".to_owned(), answer(words, status.unwrap_or_default()));
        told.extend(error.map(|error| ("error".to_owned(), error)));
        Some(Value::Object(told))
    }

    fn bytes(&mut self, body: &[u8], content_type: Option<&str>) -> Option<Part> {
        let content_type = content_type.filter(|kind| !kind.contains("json"))?;
        let mime_type = Some(content_type.to_owned());
        let bytes = Some(body.len() as u64);
        Some(Part::Audio { mime_type, id: None, transcript: None, bytes })
    }
}
