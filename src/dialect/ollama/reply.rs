//! A reply of Ollama being read.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::request;
use super::wire::{Said, Told};
use crate::dialect::answer::{Answer, Tell};
use crate::dialect::draft::Draft;
use crate::dialect::json::{self, Count};
use crate::dialect::{Decoded, Frame, Grown, Reading, lossy, media, operation, vectors};
use crate::model::{Part, Request, Usage};
use crate::observe::stream;

/// A reply being read.
pub(super) struct OllamaReading {
    draft: Draft,
    cut: Option<stream::Kind>,
    counts: Counts,
}

/// What the last line counts.
#[derive(Default)]
struct Counts {
    input: Option<u64>,
    output: Option<u64>,
    raw: Map<String, Value>,
}

impl OllamaReading {
    /// Reads the reply to the request in `draft`, which streams unless it said not to where
    /// `cut` says so.
    pub(super) fn new(draft: Draft, cut: Option<stream::Kind>) -> Self {
        Self { draft, cut, counts: Counts::default() }
    }
}

impl Counts {
    fn take(&mut self, told: &Told<'_>) {
        self.input = told.input.0.or(self.input);
        self.output = told.output.0.or(self.output);
        let all: [(&str, Count); 6] = [
            ("prompt_eval_count", told.input),
            ("eval_count", told.output),
            ("total_duration", told.total_duration),
            ("load_duration", told.load_duration),
            ("prompt_eval_duration", told.input_duration),
            ("eval_duration", told.output_duration),
        ];
        for (name, count) in all {
            if let Some(count) = count.0 {
                self.raw.insert(name.to_owned(), count.into());
            }
        }
    }

    /// The usage; the input is not counted where all of it was in the cache.
    fn usage(self) -> Option<Usage> {
        let (input, output) = (self.input, self.output);
        (input.is_some() || output.is_some()).then(|| Usage {
            input,
            output,
            source: "provider".to_owned(),
            raw: Value::Object(self.raw),
            ..Usage::default()
        })
    }
}

/// Takes a line of a stream, or a whole reply.
fn take(draft: &mut Draft, counts: &mut Counts, told: Told<'_>, tell: &mut Tell<'_>) {
    if let Some(raw) = told.error.filter(|raw| !json::is_empty(&json::value(raw))) {
        draft.broke_off(&json!({"error": json::value(raw)}).to_string());
        return;
    }
    let reply = &mut draft.decoded.reply;
    if reply.model.is_none() {
        reply.model = told.model.own();
    }
    counts.take(&told);
    if let Some(raw) = told.embeddings.or(told.embedding) {
        let value = json!({"embeddings": vectors::summary(raw)});
        draft.answer(0, tell, |answer, tell| answer.push(Part::Other { value }, tell));
    }
    draft.answer(0, tell, |answer, tell| {
        if let Some(message) = told.message {
            said(answer, message, tell);
        }
        answer.reasoning(0, told.thinking.as_str(), tell);
        answer.text(0, told.response.as_str(), tell);
        for part in told.tool_calls.0.into_iter().filter_map(request::call) {
            answer.push(part, tell);
        }
        if let Some(image) = told.image.get() {
            answer.push(media::image(image), tell);
        }
        for (name, raw) in &told.rest {
            let mut value = json::value(raw);
            operation::shorten(&mut value);
            answer.keep(name.as_str(), value);
        }
        if let Some(reason) = told.done_reason.own() {
            answer.finish_reason = Some(reason);
        }
    });
    if told.done == Value::Bool(true) {
        draft.is_done = true;
    }
}

fn said(answer: &mut Answer, said: Said<'_>, tell: &mut Tell<'_>) {
    answer.reasoning(0, said.thinking.as_str(), tell);
    answer.text(0, said.content.as_str(), tell);
    for image in said.images.0.iter().filter_map(|image| image.get()) {
        answer.push(media::image(image), tell);
    }
    for part in said.tool_calls.0.into_iter().filter_map(request::call) {
        answer.push(part, tell);
    }
    for (name, raw) in &said.rest {
        answer.keep(name.as_str(), json::value(raw));
    }
}

impl Reading for OllamaReading {
    fn prompt(&self) -> &Request {
        &self.draft.decoded.request
    }

    fn cut(&self) -> Option<stream::Kind> {
        self.cut
    }

    fn reply(&mut self, frame: Frame<'_>, at: Timestamp, grown: &mut dyn FnMut(Grown<'_>)) {
        let counts = &mut self.counts;
        let mut line = |draft: &mut Draft, text: &str, tell: &mut Tell<'_>| {
            draft.piece::<Told<'static>, _>("a line of the reply", text, |draft, told| {
                take(draft, counts, told, tell);
            });
        };
        match frame {
            Frame::Head { status, .. } => self.draft.status = status,
            Frame::Document(text) => {
                self.draft.timed(at, grown, |draft, tell| line(draft, text, tell));
            }
            // Gateways that turn lines into events.
            Frame::Event(event) if !event.data.trim().starts_with("[DONE]") => {
                self.draft.timed(at, grown, |draft, tell| line(draft, event.data, tell));
            }
            Frame::Body { body, status } if status >= 400 => {
                self.draft.fail(&lossy(body), status);
            }
            // A stream whose type says that it is none.
            Frame::Body { body, .. } if is_lines(body) => {
                let body = lossy(body);
                for text in body.lines().filter(|text| !text.trim().is_empty()) {
                    line(&mut self.draft, text, grown);
                }
            }
            Frame::Body { body, status } => {
                self.draft.body::<Told<'static>>(body, status, |draft, told| {
                    take(draft, counts, told, grown);
                });
            }
            _ => {}
        }
    }

    fn is_complete(&self) -> bool {
        self.draft.is_complete()
    }

    fn finish(mut self: Box<Self>) -> Decoded {
        self.draft.decoded.usage = self.counts.usage();
        self.draft.finish()
    }
}

/// Whether `body` is several JSON objects, one a line.
fn is_lines(body: &[u8]) -> bool {
    let mut lines = body.trim_ascii().split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    let is_object = |line: &[u8]| line.starts_with(b"{") && line.ends_with(b"}");
    lines.next().is_some_and(is_object) && lines.next().is_some_and(|line| line.starts_with(b"{"))
}
