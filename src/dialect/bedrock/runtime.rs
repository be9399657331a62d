//! What Bedrock puts around every answer: ids and counts in headers, chunks in base64,
//! exceptions inside a stream.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use jiff::Timestamp;
use serde_json::Value;

use super::usage::Beside;
use crate::dialect::handshake::header;
use crate::dialect::json::{self, Text, record};
use crate::dialect::notes::Notes;
use crate::dialect::{Decoded, Frame, Grown, Reading, failure, lossy};
use crate::model::{ExchangeError, Headers, Part, Request};
use crate::observe::{eventstream, sse};

record! {
    /// The payload of a `chunk`.
    Chunk {
        bytes: Text<'a> = "bytes",
    }
    ignores ["p"]
}

record! {
    /// What the last chunk of a stream says beside the answer.
    Last {
        metrics: Option<Value> = "amazon-bedrock-invocationMetrics",
    }
    ignores []
}

/// The field of [`Last`].
const METRICS: &str = "amazon-bedrock-invocationMetrics";

/// What is inside a `chunk`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Chunks {
    /// JSON of the model, which the inner reading takes as events.
    Json,
    /// What the inner reading takes as it comes.
    Own,
}

/// A reading of the model's own format, and what Bedrock puts around it.
pub(super) struct Runtime {
    inner: Box<dyn Reading>,
    chunks: Chunks,
    model: Option<String>,
    request_id: Option<String>,
    /// The type of an error, which stands in a header.
    error_type: Option<String>,
    exception: Option<ExchangeError>,
    beside: Beside,
    notes: Notes,
    /// Bytes of a chunk, kept to be used again.
    decoded: Vec<u8>,
}

impl Runtime {
    /// Reads with `inner` what was asked of `model`.
    pub(super) fn new(inner: Box<dyn Reading>, chunks: Chunks, model: Option<String>) -> Self {
        Self {
            inner,
            chunks,
            model,
            request_id: None,
            error_type: None,
            exception: None,
            beside: Beside::default(),
            notes: Notes::default(),
            decoded: Vec::new(),
        }
    }

    fn head(&mut self, headers: &Headers) {
        self.request_id = header(headers, "x-amzn-requestid").map(str::to_owned);
        // `ValidationException:http://internal.amazon.com/coral/…`, as botocore cuts it.
        let kind = header(headers, "x-amzn-errortype").and_then(|kind| kind.split(':').next());
        self.error_type = kind.map(str::trim).filter(|kind| !kind.is_empty()).map(str::to_owned);
        self.beside.head(headers);
    }

    fn message(
        &mut self,
        message: eventstream::Message<'_>,
        at: Timestamp,
        grown: &mut dyn FnMut(Grown<'_>),
    ) {
        match message.header(":message-type") {
            Some("exception") => {
                let kind = message.header(":exception-type").unwrap_or_default().to_owned();
                let mut error = failure::of_body(&lossy(message.payload), 200);
                if !kind.is_empty() {
                    error.kind = kind;
                }
                self.exception = Some(error);
            }
            Some("error") => {
                self.exception = Some(ExchangeError {
                    kind: message.header(":error-code").unwrap_or("error").to_owned(),
                    message: message.header(":error-message").unwrap_or_default().to_owned(),
                });
            }
            _ => match (self.chunks, message.header(":event-type")) {
                (Chunks::Json, Some("chunk")) => self.chunk(message.payload, at, grown),
                (Chunks::Json, Some("initial-response")) => {}
                _ => self.inner.reply(Frame::Message(message), at, grown),
            },
        }
    }

    fn chunk(&mut self, payload: &[u8], at: Timestamp, grown: &mut dyn FnMut(Grown<'_>)) {
        let payload = lossy(payload);
        let mut decoded = std::mem::take(&mut self.decoded);
        decoded.clear();
        let (read, _) = json::read::<Chunk<'static>, _>(&payload, |chunk| {
            BASE64_STANDARD.decode_vec(chunk.bytes.as_str(), &mut decoded)
        });
        if !matches!(read, Some(Ok(()))) {
            self.notes.add("a chunk of the reply is not base64 in JSON");
        }
        let data = lossy(&decoded);
        if memchr::memmem::find(data.as_bytes(), METRICS.as_bytes()).is_some() {
            let (metrics, _) = json::read::<Last<'static>, _>(&data, |last| last.metrics);
            self.beside.metrics(metrics.flatten().unwrap_or_default());
        }
        if !data.is_empty() {
            self.inner.reply(Frame::Event(sse::Event { name: "", data: &data }), at, grown);
        }
        drop(data);
        self.decoded = decoded;
    }
}

impl Reading for Runtime {
    fn prompt(&self) -> &Request {
        self.inner.prompt()
    }

    fn reply(&mut self, frame: Frame<'_>, at: Timestamp, grown: &mut dyn FnMut(Grown<'_>)) {
        match frame {
            Frame::Head { headers, .. } => {
                self.head(headers);
                self.inner.reply(frame, at, grown);
            }
            Frame::Message(message) => self.message(message, at, grown),
            _ => self.inner.reply(frame, at, grown),
        }
    }

    fn is_complete(&self) -> bool {
        self.exception.is_some() || self.beside.is_over || self.inner.is_complete()
    }

    fn finish(self: Box<Self>) -> Decoded {
        let mut decoded = self.inner.finish();
        if decoded.request.model.is_none() {
            decoded.request.model = self.model;
        }
        if decoded.reply.id.is_none() {
            decoded.reply.id = self.request_id;
        }
        decoded.usage = self.beside.complete(decoded.usage);
        if self.exception.is_some() {
            decoded.error = self.exception;
        }
        if let (Some(error), Some(kind)) = (&mut decoded.error, self.error_type)
            && error.kind.starts_with("http_")
        {
            error.kind = kind;
        }
        decoded.notes.extend(self.notes.finish());
        for choice in &mut decoded.reply.choices {
            choice.parts.retain_mut(|part| match part {
                Part::Other { value: Value::Object(fields) } => {
                    fields.shift_remove(METRICS).is_none() || !fields.is_empty()
                }
                _ => true,
            });
        }
        decoded
    }
}
