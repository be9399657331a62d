//! An exchange that nobody knows, being read.

use base64::Engine;
use base64::prelude::{BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE_NO_PAD};
use jiff::Timestamp;
use serde_json::{Map, Value};

use super::answer::{Answer, Tell};
use super::{ask, body};
use crate::dialect::handshake::header;
use crate::dialect::notes::Notes;
use crate::dialect::{Asked, Decoded, Frame, Grown, Reading, failure, grpc, lossy, media, thread};
use crate::model::{ExchangeError, NamedThread, Part, Request};
use crate::observe::protobuf;

/// An exchange that nobody knows, being read.
pub(super) struct UnknownReading {
    thread: Option<NamedThread>,
    request: Request,
    notes: Notes,
    answer: Answer,
    content_type: String,
    is_stream: bool,
    is_done: bool,
}

impl UnknownReading {
    pub(super) fn new(asked: &Asked<'_>) -> Self {
        let mut notes = Notes::default();
        let mut request = Request::default();
        for document in body::documents(asked, &mut notes) {
            ask::fill(&mut request, document, &mut notes);
        }
        let mut thread = thread::thread(asked.headers, &request.params);
        if thread.is_none() {
            thread = named_thread(&request.params);
        }
        Self {
            thread,
            request,
            notes,
            answer: Answer::default(),
            content_type: String::new(),
            is_stream: false,
            is_done: false,
        }
    }

    fn event(&mut self, name: &str, data: &str, at: Timestamp, tell: &mut Tell<'_>) {
        let text = data.trim();
        if text.starts_with("[DONE]") {
            self.is_done = true;
        } else if text.starts_with(['{', '[', '"'])
            && let Ok(value) = serde_json::from_str::<Value>(text)
        {
            match value {
                Value::String(words) => self.answer.words(name, &words, at, tell),
                value => self.answer.take(name, &value, at, tell),
            }
        } else if let Some(value) = packed(text) {
            self.answer.take(name, &value, at, tell);
        } else if !matches!(name, "ping" | "heartbeat" | "keepalive") {
            self.answer.words(name, data, at, tell);
        }
        self.is_done |= matches!(name, "done" | "end" | "close") || self.answer.error.is_some();
    }

    fn body(&mut self, body: &[u8], status: u16, at: Timestamp, tell: &mut Tell<'_>) {
        self.is_done = true;
        if body.is_empty() && status < 400 {
            return;
        }
        let is_protobuf = self.content_type.contains("proto") && body.first() != Some(&b'{');
        if is_protobuf && let Some(value) = body::message(body) {
            self.answer.take("", &value, at, tell);
        } else if status >= 400 {
            self.answer.error = Some(failure::of_body(&lossy(body), status));
        } else if std::str::from_utf8(body).is_err() {
            self.answer.whole = Some(of_bytes(&self.content_type, body.len()));
        } else {
            let text = lossy(body);
            match text.trim_start().starts_with(['{', '[', '"']) {
                true => {
                    for value in body::lines(&text, "the reply", &mut self.notes) {
                        match value {
                            Value::String(words) => self.answer.words("", &words, at, tell),
                            value => self.answer.take("", &value, at, tell),
                        }
                    }
                }
                false => self.answer.words("", &text, at, tell),
            }
        }
        if self.answer.error.is_none() && status >= 400 {
            let message = String::new();
            self.answer.error = Some(ExchangeError { kind: format!("http_{status}"), message });
        }
    }
}

/// A conversation's id under one of the names that apps use.
pub(in crate::dialect) fn named_thread(params: &Map<String, Value>) -> Option<NamedThread> {
    let names = ["conversation_id", "conversationId", "thread_id", "threadId", "chat_id", "chatId"];
    let found = names.iter().find_map(|name| {
        let inner = params.values().filter_map(|value| value.get(*name));
        params.get(*name).or_else(|| inner.into_iter().next())
    });
    found?.as_str().filter(|id| !id.is_empty()).map(NamedThread::field)
}

/// A message of protobuf in base64, as some servers send it in events.
fn packed(text: &str) -> Option<Value> {
    let text = text.trim_end_matches('=');
    let is_base64 = text.len() >= 8
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+/-_".contains(&byte));
    if !is_base64 {
        return None;
    }
    let bytes =
        BASE64_STANDARD_NO_PAD.decode(text).or_else(|_| BASE64_URL_SAFE_NO_PAD.decode(text));
    let bytes = bytes.ok().filter(|bytes| protobuf::is_message(bytes))?;
    body::message(&bytes)
}

/// What a reply is whose bytes are no words.
fn of_bytes(content_type: &str, length: usize) -> Part {
    let mime_type = (!content_type.is_empty()).then(|| content_type.to_owned());
    let bytes = Some(length as u64);
    match content_type.split('/').next() {
        Some("audio") => Part::Audio { mime_type, id: None, transcript: None, bytes },
        Some("image") => Part::Image { mime_type, url: None, file_id: None, bytes },
        _ => Part::File { name: None, mime_type, file_id: None, url: None, text: None, bytes },
    }
}

impl Reading for UnknownReading {
    fn prompt(&self) -> &Request {
        &self.request
    }

    fn reply(&mut self, frame: Frame<'_>, at: Timestamp, grown: &mut dyn FnMut(Grown<'_>)) {
        match frame {
            Frame::Head { headers, .. } => {
                let content_type = header(headers, "content-type").unwrap_or_default();
                self.content_type = content_type.to_ascii_lowercase();
                self.answer.error = grpc::failed(headers);
            }
            Frame::Event(event) => {
                self.is_stream = true;
                self.event(event.name, event.data, at, grown);
            }
            Frame::Document(text) => {
                self.is_stream = true;
                self.event("", text, at, grown);
            }
            Frame::Message(message) => {
                self.is_stream = true;
                let payload = lossy(message.payload);
                let fault = message.header(":exception-type").or(message.header(":error-code"));
                if let Some(kind) = fault {
                    let message = failure::of_body(&payload, 200).message;
                    self.answer.error = Some(ExchangeError { kind: kind.to_owned(), message });
                    return;
                }
                let name = message.header(":event-type").unwrap_or_default();
                self.event(name, &payload, at, grown);
            }
            Frame::Envelope(message) if message.is_end => {
                self.is_done = true;
                let error = grpc::ended(message.bytes);
                self.answer.error = self.answer.error.take().or(error);
            }
            Frame::Envelope(message) => {
                self.is_stream = true;
                if let Some(value) = body::message(message.bytes) {
                    self.answer.take("", &value, at, grown);
                }
            }
            Frame::Body { body, status } => self.body(body, status, at, grown),
            Frame::Trailers(trailers) => {
                self.is_done = true;
                self.answer.error = self.answer.error.take().or_else(|| grpc::failed(trailers));
            }
        }
    }

    fn is_complete(&self) -> bool {
        self.is_done || self.answer.error.is_some() || self.answer.is_finished()
    }

    fn finish(self: Box<Self>) -> Decoded {
        let mut decoded = Decoded { thread: self.thread, ..Decoded::default() };
        decoded.request = self.request;
        decoded.notes = self.notes.finish();
        self.answer.tell(&mut decoded);
        if self.is_stream {
            decoded.first_token_at = self.answer.first_at();
        }
        for part in decoded.reply.choices.iter_mut().flat_map(|choice| &mut choice.parts) {
            if let Part::Other { value } = part {
                media::shorten(value);
            }
        }
        decoded
    }
}
