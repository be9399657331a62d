//! Reads an exchange in a format of its own words.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::{Inner, Translate};
use crate::dialect::handshake::header;
use crate::dialect::json as wire;
use crate::dialect::notes::Notes;
use crate::dialect::openai_chat::OpenaiChat;
use crate::dialect::unknown::{Unknown, named_thread};
use crate::dialect::{
    Asked, Decoded, Dialect, Frame, Grown, Reading, claim, counts, failure, grpc, lossy,
};
use crate::model::{Choice, ExchangeError, Headers, Part, Request};
use crate::observe::{sse, stream};

/// Longest line of a reply that comes within the messages of an Amazon event stream, in bytes:
/// one may hold a picture.
const LINE_BYTES_MAX: usize = 64 << 20;

/// An exchange in words of its own, being read by who reads those it is said in.
pub(super) struct ForeignReading {
    translate: Box<dyn Translate>,
    inner: Box<dyn Reading>,
    request: Request,
    notes: Notes,
    /// The usage as it came last, in the format's own words.
    usage: Option<Value>,
    /// The whole reply, if it is no JSON.
    whole: Option<Part>,
    error: Option<ExchangeError>,
    content_type: Option<String>,
    /// The last line of an Amazon event stream's messages, as far as it came.
    line: Vec<u8>,
    is_done: bool,
}

struct Any;

impl wire::Shape for Any {
    type Of<'a> = Value;
}

impl ForeignReading {
    pub(super) fn new(mut translate: Box<dyn Translate>, asked: &Asked<'_>) -> Self {
        let mut notes = Notes::default();
        let ask = translate.decode(asked).or_else(|| {
            let (ask, note) = wire::read::<Any, _>(&lossy(asked.body), |ask| ask);
            match note {
                Some(_) if asked.body.is_empty() => {}
                Some(note) => notes.add(format!("the request {note}")),
                None => {}
            }
            ask
        });
        let ask = match ask {
            Some(Value::Object(fields)) => translate.ask(fields),
            _ => translate.ask(Map::new()),
        };
        let body = Value::Object(ask).to_string();
        // The body is JSON now, whatever it was.
        let is_of_body = |name: &str| {
            let name = name.to_ascii_lowercase();
            ["content-", "connect-", "grpc-"].iter().any(|start| name.starts_with(start))
        };
        let mut headers: Headers =
            asked.headers.iter().filter(|(name, _)| !is_of_body(name)).cloned().collect();
        headers.push(("content-type".to_owned(), "application/json".to_owned()));
        let inside = Asked {
            method: "POST",
            path: "/v1/chat/completions",
            headers: &headers,
            body: body.as_bytes(),
            ..*asked
        };
        let inner = match translate.inner() {
            Inner::Chat => OpenaiChat.begin(&inside),
            Inner::Unknown => Unknown.begin(&inside),
            Inner::At(path) => {
                let inside = Asked { path: &path, ..inside };
                claim(&inside).map_or(&Unknown as &dyn Dialect, |(had, _)| had).begin(&inside)
            }
        };
        let mut request = inner.prompt().clone();
        translate.complete(&mut request);
        Self {
            translate,
            inner,
            request,
            notes,
            usage: None,
            whole: None,
            error: None,
            content_type: None,
            line: Vec::new(),
            is_done: false,
        }
    }

    /// Takes a piece of a stream.
    fn event(&mut self, name: &str, data: &str, at: Timestamp, grown: &mut dyn FnMut(Grown<'_>)) {
        let is_end = data.trim() == "[DONE]";
        let told = match !is_end && data.trim_start().starts_with(['{', '[']) {
            true => match self.parsed("an event of the reply", data) {
                Some(told) => self.translate.told(name, told),
                None => None,
            },
            false => self.translate.plain(name, data),
        };
        match told {
            Some(told) => self.piece(&told, at, grown),
            None if is_end => self.is_done = true,
            None => {}
        }
    }

    fn piece(&mut self, told: &Value, at: Timestamp, grown: &mut dyn FnMut(Grown<'_>)) {
        self.count(told);
        let data = told.to_string();
        let event = sse::Event { name: "", data: &data };
        self.inner.reply(Frame::Event(event), at, grown);
    }

    /// Takes a whole reply.
    fn body(&mut self, body: &[u8], status: u16, at: Timestamp, grown: &mut dyn FnMut(Grown<'_>)) {
        let is_failure = status >= 400;
        let content_type = self.content_type.as_deref();
        self.is_done = true;
        if !is_failure && let Some(part) = self.translate.bytes(body, content_type) {
            self.whole = Some(part);
            return;
        }
        let text = lossy(body);
        let told = match is_failure {
            true => None,
            false => self.parsed("the reply", &text).and_then(|told| self.translate.told("", told)),
        };
        match told {
            Some(told) => self.answer(&told, status, at, grown),
            None if is_failure => self.error = Some(failure::of_body(&text, status)),
            None => {}
        }
    }

    fn answer(
        &mut self,
        told: &Value,
        status: u16,
        at: Timestamp,
        grown: &mut dyn FnMut(Grown<'_>),
    ) {
        self.count(told);
        let body = told.to_string();
        self.inner.reply(Frame::Body { body: body.as_bytes(), status }, at, grown);
    }

    fn parsed(&mut self, what: &str, text: &str) -> Option<Value> {
        let (told, note) = wire::read::<Any, _>(text, |told| told);
        if let Some(note) = note {
            self.notes.add(format!("{what} {note}"));
        }
        told
    }

    fn count(&mut self, told: &Value) {
        if let Some(usage) = told.get("usage").filter(|usage| !usage.is_null()) {
            self.usage = Some(usage.clone());
        }
    }

    /// Takes a message of gRPC or Connect.
    fn message(
        &mut self,
        message: crate::observe::envelope::Message<'_>,
        at: Timestamp,
        grown: &mut dyn FnMut(Grown<'_>),
    ) {
        if message.is_end {
            self.is_done = true;
            let trailers: Headers = message
                .trailers()
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect();
            let error = grpc::failed(&trailers).or_else(|| grpc::ended(message.bytes));
            self.error = self.error.take().or(error);
            return;
        }
        let told = match message.bytes.first() {
            Some(b'{') => self
                .parsed("a message of the reply", &lossy(message.bytes))
                .and_then(|told| self.translate.told("", told)),
            _ => self.translate.message(message.bytes),
        };
        match told {
            Some(told) if self.translate.is_streamed() => self.piece(&told, at, grown),
            Some(told) => self.answer(&told, 200, at, grown),
            None => {}
        }
    }

    /// Takes a part of a reply that comes in an Amazon event stream, cut anywhere.
    fn payload(&mut self, payload: &[u8], at: Timestamp, grown: &mut dyn FnMut(Grown<'_>)) {
        if self.line.len() + payload.len() > LINE_BYTES_MAX {
            self.notes.add("a line of the reply is left out: it is too long");
            self.line.clear();
            return;
        }
        self.line.extend_from_slice(payload);
        let Some(end) = memchr::memrchr(b'\n', &self.line) else { return };
        let rest = self.line.split_off(end + 1);
        let lines = std::mem::replace(&mut self.line, rest);
        for line in lossy(&lines).lines() {
            self.line_of(line, at, grown);
        }
    }

    fn line_of(&mut self, line: &str, at: Timestamp, grown: &mut dyn FnMut(Grown<'_>)) {
        let line = line.strip_prefix("data:").unwrap_or(line).trim();
        if !line.is_empty() {
            self.event("", line, at, grown);
        }
    }
}

impl Reading for ForeignReading {
    fn prompt(&self) -> &Request {
        &self.request
    }

    fn cut(&self) -> Option<stream::Kind> {
        self.translate.cut()
    }

    fn reply(&mut self, frame: Frame<'_>, at: Timestamp, grown: &mut dyn FnMut(Grown<'_>)) {
        match frame {
            Frame::Head { headers, .. } => {
                self.content_type = header(headers, "content-type").map(str::to_owned);
                self.error = grpc::failed(headers);
                self.inner.reply(frame, at, grown);
            }
            Frame::Event(event) => self.event(event.name, event.data, at, grown),
            Frame::Document(text) => self.event("", text, at, grown),
            Frame::Message(message) if message.header(":message-type") == Some("exception") => {
                let kind = message.header(":exception-type").unwrap_or_default().to_owned();
                let told = failure::of_body(&lossy(message.payload), 200);
                self.error = Some(ExchangeError { kind, message: told.message });
            }
            Frame::Message(message) => self.payload(message.payload, at, grown),
            Frame::Envelope(message) => self.message(message, at, grown),
            Frame::Body { body, status } => {
                match self.translate.message(body).filter(|_| status < 400) {
                    Some(told) => {
                        self.is_done = true;
                        self.answer(&told, status, at, grown);
                    }
                    None => self.body(body, status, at, grown),
                }
            }
            Frame::Trailers(trailers) => {
                self.is_done = true;
                self.error = self.error.take().or_else(|| grpc::failed(trailers));
            }
        }
    }

    fn is_complete(&self) -> bool {
        self.is_done || self.error.is_some() || self.inner.is_complete()
    }

    fn finish(mut self: Box<Self>) -> Decoded {
        let line = std::mem::take(&mut self.line);
        self.line_of(&lossy(&line), Timestamp::UNIX_EPOCH, &mut |_| {});
        let mut decoded = self.inner.finish();
        decoded.request = self.request;
        decoded.error = self.error.or(decoded.error);
        decoded.thread = decoded.thread.or_else(|| named_thread(&decoded.request.params));
        if let Some(part) = self.whole {
            decoded.reply.choices = vec![Choice { parts: vec![part], finish_reason: None }];
            decoded.notes.retain(|note| !note.starts_with("the reply"));
        }
        if decoded.usage.is_none() {
            decoded.usage = self.usage.and_then(counts::recognised);
        }
        self.translate.finish(&mut decoded);
        decoded.notes.splice(0..0, self.notes.finish());
        decoded
    }
}

/// A whole answer that is words alone, in a chat completion's words.
pub(super) fn answer(text: Value, finish_reason: Value) -> Value {
    json!([{"index": 0, "message": {"role": "assistant", "content": text},
        "finish_reason": finish_reason}])
}

/// A piece of an answer that is words alone.
pub(super) fn piece(text: Value, finish_reason: Value) -> Value {
    json!([{"index": 0, "delta": {"content": text}, "finish_reason": finish_reason}])
}
