//! An embedding request being read.

use jiff::Timestamp;
use serde_json::Value;
use serde_json::value::RawValue;

use super::request::{self, Ask};
use super::vectors::Vectors;
use crate::dialect::json::{self, List, Text, record};
use crate::dialect::notes::Notes;
use crate::dialect::openai_chat::usage;
use crate::dialect::{Asked, Decoded, Frame, Grown, Reading, failure, lossy, media, thread};
use crate::model::{Choice, Cost, Request};

record! {
    /// A reply.
    Told {
        id: Text<'a> = "id",
        model: Text<'a> = "model",
        data: List<One<'a>> = "data",
        embedding: Option<&'a RawValue> = "embedding",
        embeddings: Option<&'a RawValue> = "embeddings",
        usage: Option<&'a RawValue> = "usage",
        error: Option<&'a RawValue> = "error",
    }
    ignores ["object", "created"]
}

record! {
    /// One embedding; Voyage's are grouped by document, Jina's may be several for one input.
    One {
        embedding: Option<&'a RawValue> = "embedding",
        embeddings: Option<&'a RawValue> = "embeddings",
        data: List<Inner<'a>> = "data",
    }
    ignores []
}

record! {
    /// One embedding of a document.
    Inner {
        embedding: Option<&'a RawValue> = "embedding",
    }
    ignores []
}

/// An embedding request being read.
#[derive(Default)]
pub(super) struct EmbeddingsReading {
    decoded: Decoded,
    notes: Notes,
    is_done: bool,
}

impl EmbeddingsReading {
    pub(super) fn new(asked: &Asked<'_>) -> Self {
        let mut reading = Self::default();
        let request = &mut reading.decoded.request;
        let (_, note) = json::read::<Ask<'static>, _>(&lossy(asked.body), |ask| {
            request::fill(request, ask);
        });
        match note {
            Some(_) if asked.body.is_empty() => reading.notes.add("the request has no body"),
            Some(note) => reading.notes.add(format!("the request {note}")),
            None => {}
        }
        if request.model.is_none() {
            request.model = request::model_in_path(asked.path);
        }
        reading.decoded.thread = thread::thread(asked.headers, &request.params);
        reading
    }

    fn body(&mut self, body: &[u8], status: u16) {
        let body = lossy(body);
        self.is_done = true;
        if status >= 400 {
            self.decoded.error = Some(failure::of_body(&body, status));
            return;
        }
        let mut vectors = Vectors::default();
        if body.trim_start().starts_with('[') {
            self.list(&body, vectors);
            return;
        }
        let (about, note) = json::read::<Told<'static>, _>(&body, |told| {
            for one in &told.data.0 {
                one.embedding.into_iter().for_each(|raw| vectors.add(raw));
                one.embeddings.into_iter().for_each(|raw| vectors.add(raw));
                for inner in &one.data.0 {
                    inner.embedding.into_iter().for_each(|raw| vectors.add(raw));
                }
            }
            told.embedding.into_iter().for_each(|raw| vectors.add(raw));
            told.embeddings.into_iter().for_each(|raw| vectors.add_list(raw));
            self.told(told, vectors)
        });
        if let Some(note) = note {
            self.notes.add(format!("the reply {note}"));
            self.is_done = false;
        }
        self.answer(about.unwrap_or_default());
    }

    /// What the reply says besides the vectors, and what they are.
    fn told(&mut self, told: Told<'_>, vectors: Vectors) -> serde_json::Map<String, Value> {
        self.decoded.reply.id = told.id.own();
        self.decoded.reply.model = told.model.own();
        let mut about = vectors.finish().unwrap_or_default();
        if let Some(raw) = told.error {
            let value = serde_json::json!({"error": json::value(raw)});
            self.decoded.error = failure::of_value(&value);
        }
        if let Some(raw) = told.usage.map(json::value) {
            self.decoded.cost_usd = usage::cost_usd(&raw);
            self.decoded.cost_source = self.decoded.cost_usd.map(|_| Cost::Reported);
            self.decoded.usage = usage::usage(raw.clone()).or_else(|| usage::total_alone(&raw));
            if self.decoded.usage.is_none() {
                about.insert("usage".to_owned(), raw);
            }
        }
        json::keep(&mut about, &told.rest);
        about
    }

    /// A reply that is a bare list: vectors, or llama.cpp's objects with one each.
    fn list(&mut self, body: &str, mut vectors: Vectors) {
        match serde_json::from_str::<List<One<'_>>>(body) {
            Ok(items) if items.0.iter().any(|one| one.embedding.is_some()) => {
                let found = items.0.iter().filter_map(|one| one.embedding);
                found.for_each(|raw| vectors.add(raw));
            }
            _ => match serde_json::from_str::<&RawValue>(body.trim()) {
                Ok(raw) => vectors.add_list(raw),
                Err(_) => {
                    self.notes.add("the reply is not JSON");
                    self.is_done = false;
                }
            },
        }
        self.answer(vectors.finish().unwrap_or_default());
    }

    fn answer(&mut self, about: serde_json::Map<String, Value>) {
        if !about.is_empty() {
            let parts = vec![media::other(Value::Object(about))];
            self.decoded.reply.choices.push(Choice { parts, finish_reason: None });
        }
    }
}

impl Reading for EmbeddingsReading {
    fn prompt(&self) -> &Request {
        &self.decoded.request
    }

    fn reply(&mut self, frame: Frame<'_>, _: Timestamp, _: &mut dyn FnMut(Grown<'_>)) {
        if let Frame::Body { body, status } = frame {
            self.body(body, status);
        }
    }

    fn is_complete(&self) -> bool {
        self.is_done
    }

    fn finish(mut self: Box<Self>) -> Decoded {
        self.decoded.notes = self.notes.finish();
        self.decoded
    }
}
