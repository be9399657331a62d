//! Sound: written down, translated, spoken.

use serde_json::{Map, Value};

use super::form::{Form, said, take_text};
use super::found::{Found, bare, is_words};
use super::place::Place;
use super::{Family, Operation, Tell};
use crate::dialect::{Asked, lossy, media};
use crate::model::{Part, Request};

/// `/audio/…`, of OpenAI, Groq, Mistral, OpenRouter, Venice and others; xAI's `/stt`, `/tts`.
pub(in crate::dialect) const AUDIO: Family = Family {
    name: "openai.audio",
    claim: |place: &Place<'_>| match () {
        () if place.posts("/audio/transcriptions") || place.posts("/v1/stt") => {
            Some("transcription")
        }
        () if place.posts("/audio/translations") => Some("translation"),
        () if place.posts("/audio/speech") || place.posts("/v1/tts") => Some("speech"),
        () => place.resource("audio").map(|_| "voices"),
    },
    begin: || Box::new(Audio),
};

struct Audio;

/// The key of the words of a transcript.
const TRANSCRIPT: &str = "transcript";

/// The key of spoken words.
const SPEECH: &str = "speech";

impl Operation for Audio {
    fn ask(&mut self, form: &mut Form, request: &mut Request, _: &Asked<'_>) {
        form.model(request);
        request.system = form.text("instructions");
        let mut parts = Vec::new();
        for name in ["input", "text", "prompt"] {
            parts.extend(form.text(name).map(Part::text));
        }
        if let Some(sound) = form.take("input_audio") {
            parts.push(sound_in(&sound));
        }
        for name in ["file_url", "url"] {
            if let Some(url) = form.text(name) {
                parts.push(Part::File {
                    name: None,
                    mime_type: None,
                    file_id: None,
                    url: Some(url),
                    text: None,
                    bytes: None,
                });
            }
        }
        parts.extend(form.files.drain(..).map(|upload| Part::Audio {
            mime_type: upload.mime_type,
            id: None,
            transcript: None,
            bytes: Some(upload.bytes),
        }));
        said(request, parts);
    }

    fn told(&mut self, mut fields: Map<String, Value>, found: &mut Found) {
        found.common(&mut fields);
        found.finish_reason = take_text(&mut fields, "finish_reason");
        if let Some(words) = take_text(&mut fields, "text") {
            found.say(words);
        }
        for name in ["audio", "audio_data", "data"] {
            if fields.get(name).is_some_and(Value::is_string) {
                let base64 = take_text(&mut fields, name).unwrap_or_default();
                found.add(sound(None, media::base64_bytes(&base64)));
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
        tell: &mut Tell<'_>,
    ) {
        let kind = take_text(&mut fields, "type").unwrap_or_else(|| name.to_owned());
        // Mistral's events begin with `transcription.` and have the words under `text`.
        if kind.ends_with(".text.delta") {
            let words = take_text(&mut fields, "delta").or_else(|| take_text(&mut fields, "text"));
            found.grow(TRANSCRIPT, words.as_deref().unwrap_or_default(), tell);
            if let Some(Value::Array(logprobs)) = fields.shift_remove("logprobs") {
                logprobs.into_iter().for_each(|logprob| found.keep_one("logprobs", logprob));
            }
        } else if kind.ends_with(".segment") {
            found.begins();
            found.keep_one("segments", Value::Object(fields));
        } else if kind == "speech.audio.delta" {
            let base64 = take_text(&mut fields, "audio").unwrap_or_default();
            let more = media::base64_bytes(&base64);
            if let Some(Part::Audio { bytes, .. }) = found.named(SPEECH, || sound(None, 0)) {
                *bytes = Some(bytes.unwrap_or_default() + more);
            }
        } else if kind.ends_with(".done") {
            found.common(&mut fields);
            found.finish_reason = take_text(&mut fields, "finish_reason");
            let words = take_text(&mut fields, "text").unwrap_or_default();
            found.settle(TRANSCRIPT, words, tell);
            found.keep_all(fields);
            found.is_done = true;
        } else {
            found.common(&mut fields);
            found.keep_all(fields);
        }
    }

    fn bytes(&mut self, body: &[u8], content_type: Option<&str>, found: &mut Found) {
        match is_words(body, content_type) {
            // A transcript as plain text, SRT or VTT.
            true => found.say(lossy(body).into_owned()),
            false => found.add(sound(content_type.map(bare), body.len() as u64)),
        }
    }
}

fn sound(mime_type: Option<String>, bytes: u64) -> Part {
    Part::Audio { mime_type, id: None, transcript: None, bytes: Some(bytes) }
}

/// Sound inside JSON: an object as in a chat, or base64.
fn sound_in(value: &Value) -> Part {
    let data = value.get("data").unwrap_or(value).as_str().unwrap_or_default();
    let format = value.get("format").and_then(Value::as_str).map(str::to_owned);
    let (mime_type, _, bytes) = media::place(data);
    let bytes = bytes.unwrap_or_else(|| media::base64_bytes(data));
    sound(mime_type.or(format), bytes)
}
