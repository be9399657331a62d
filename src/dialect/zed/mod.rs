//! Zed's envelope: the request of another provider inside, its events line by line.
//!
//! The body is `{thread_id, provider, model, provider_request: {…}}`, the reply a line for each
//! event, `{"event": {…}}` or `{"status": {…}}`; to older apps the events come bare.
//!
//! What is inside is read by the dialect that it is in. Zed's own fields are the parameter
//! `zed`; its thread is the exchange's.

use jiff::Timestamp;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::json::{self as wire, Text, record};
use super::{Asked, Decoded, Dialect, Frame, Grown, Reading, claim, failure, lossy, path_only};
use crate::model::{ExchangeError, Headers, NamedThread, Request};
use crate::observe::{sse, stream};

/// The dialect.
pub(super) struct Zed;

record! {
    /// A request.
    Ask {
        provider: Text<'a> = "provider",
        model: Text<'a> = "model",
        thread_id: Text<'a> = "thread_id",
        provider_request: Option<&'a RawValue> = "provider_request",
    }
    ignores []
}

record! {
    /// A line of the reply.
    Line {
        event: Option<&'a RawValue> = "event",
        status: Option<&'a RawValue> = "status",
    }
    ignores []
}

impl Dialect for Zed {
    fn name(&self) -> &'static str {
        "zed.completions"
    }

    fn claim(&self, asked: &Asked<'_>) -> Option<&'static str> {
        let is_inside = memchr::memmem::find(asked.body, b"\"provider_request\"").is_some();
        let is_it = asked.method == "POST" && path_only(asked.path).ends_with("/completions");
        (is_it && is_inside).then_some("chat")
    }

    fn begin(&self, asked: &Asked<'_>) -> Box<dyn Reading> {
        let (reading, note) =
            wire::read::<Ask<'static>, _>(&lossy(asked.body), |ask| ZedReading::new(ask, asked));
        let mut reading = reading.unwrap_or_default();
        reading.notes.extend(note.map(|note| format!("the request {note}")));
        Box::new(reading)
    }
}

/// What is inside being read.
#[derive(Default)]
struct ZedReading {
    /// `None` if no dialect claims it.
    inner: Option<Box<dyn Reading>>,
    request: Request,
    thread: Option<NamedThread>,
    error: Option<ExchangeError>,
    notes: Vec<String>,
}

impl ZedReading {
    fn new(ask: Ask<'_>, asked: &Asked<'_>) -> Self {
        let mut reading =
            Self { thread: ask.thread_id.own().map(NamedThread::field), ..Self::default() };
        let mut own = Map::new();
        wire::keep_all(&mut own, &ask.rest);
        own.insert("provider".to_owned(), ask.provider.as_str().into());
        if let Some(raw) = ask.provider_request {
            let path = inner_path(ask.provider.as_str(), ask.model.as_str(), raw.get());
            let inside =
                Asked { method: "POST", path: &path, body: raw.get().as_bytes(), ..*asked };
            match claim(&inside).filter(|(dialect, _)| dialect.name() != Zed.name()) {
                Some((dialect, _)) => {
                    let inner = dialect.begin(&inside);
                    reading.request = inner.prompt().clone();
                    reading.inner = Some(inner);
                }
                None => {
                    reading.notes.push("the request inside Zed's is in no known format".to_owned());
                    own.insert("provider_request".to_owned(), wire::value(raw));
                }
            }
        }
        reading.request.model = ask.model.own().or(reading.request.model.take());
        reading.request.params.insert("zed".to_owned(), Value::Object(own));
        reading
    }

    fn line(&mut self, text: &str, at: Timestamp, grown: &mut dyn FnMut(Grown<'_>)) {
        let Ok(line) = serde_json::from_str::<Line<'_>>(text) else {
            return self.event(text, at, grown);
        };
        match (line.event, line.status) {
            (Some(event), _) => self.event(event.get(), at, grown),
            (None, Some(status)) => self.status(&wire::value(status)),
            (None, None) => self.event(text, at, grown),
        }
    }

    fn event(&mut self, data: &str, at: Timestamp, grown: &mut dyn FnMut(Grown<'_>)) {
        if let Some(inner) = &mut self.inner {
            inner.reply(Frame::Event(sse::Event { name: "", data }), at, grown);
        }
    }

    /// Of what Zed tells of the request, only its failure is of the exchange.
    fn status(&mut self, status: &Value) {
        if let Some(failed) = status.get("failed") {
            self.error = failure::of_value(&json!({"error": failed}));
        }
    }
}

/// Where what is inside would have been sent.
fn inner_path(provider: &str, model: &str, body: &str) -> String {
    match provider {
        "anthropic" => "/v1/messages".to_owned(),
        "google" => format!("/v1beta/models/{model}:streamGenerateContent"),
        _ if body.contains("\"messages\"") => "/v1/chat/completions".to_owned(),
        _ => "/v1/responses".to_owned(),
    }
}

impl Reading for ZedReading {
    fn prompt(&self) -> &Request {
        &self.request
    }

    fn cut(&self) -> Option<stream::Kind> {
        Some(stream::Kind::Lines)
    }

    fn reply(&mut self, frame: Frame<'_>, at: Timestamp, grown: &mut dyn FnMut(Grown<'_>)) {
        match frame {
            Frame::Document(text) => self.line(text, at, grown),
            Frame::Event(event) => self.line(event.data, at, grown),
            Frame::Body { body, status } if status < 400 => {
                for line in lossy(body).lines().filter(|line| !line.trim().is_empty()) {
                    self.line(line, at, grown);
                }
            }
            Frame::Body { body, status } => {
                self.error = Some(failure::of_body(&lossy(body), status));
            }
            Frame::Head { status, .. } => {
                // Zed's own type is that of lines; what is inside knows none.
                let headers = Headers::new();
                if let Some(inner) = &mut self.inner {
                    inner.reply(Frame::Head { status, headers: &headers }, at, grown);
                }
            }
            Frame::Message(_) | Frame::Envelope(_) | Frame::Trailers(_) => {}
        }
    }

    fn is_complete(&self) -> bool {
        self.error.is_some() || self.inner.as_ref().is_some_and(|inner| inner.is_complete())
    }

    fn finish(self: Box<Self>) -> Decoded {
        let mut decoded = self.inner.map(Reading::finish).unwrap_or_default();
        decoded.request = self.request;
        decoded.thread = self.thread.or(decoded.thread);
        decoded.error = decoded.error.or(self.error);
        decoded.notes.extend(self.notes);
        decoded
    }
}
