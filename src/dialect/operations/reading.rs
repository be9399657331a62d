//! An operation being read.

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::form::{Form, object};
use super::found::Found;
use super::lean::lean;
use super::{Operation, Tell, copilot};
use crate::dialect::handshake::header;
use crate::dialect::{Asked, Decoded, Frame, Grown, Reading, failure, lossy, path_only, thread};
use crate::model::{NamedThread, Request};

/// An operation being read.
pub(super) struct OperationReading {
    operation: Box<dyn Operation>,
    found: Found,
    content_type: Option<String>,
}

impl OperationReading {
    pub(super) fn new(mut operation: Box<dyn Operation>, asked: &Asked<'_>) -> Self {
        let mut found = Found::default();
        let mut form = Form::of(asked, &mut found.notes);
        found.decoded.thread = thread::thread(asked.headers, &form.fields);
        let request = &mut found.decoded.request;
        operation.ask(&mut form, request, asked);
        for (name, mut value) in form.fields {
            lean(&mut value);
            request.params.insert(name, value);
        }
        if let Some(id) = copilot::thread(asked.path).or_else(|| path_thread(asked.path)) {
            found.decoded.thread = Some(NamedThread::field(id));
        }
        Self { operation, found, content_type: None }
    }

    fn event(&mut self, name: &str, data: &str, tell: &mut Tell<'_>) {
        let data = data.trim();
        if data.starts_with("[DONE]") {
            self.found.is_done = true;
            return;
        }
        if data.is_empty() {
            return;
        }
        let (fields, note) = object(data);
        if let Some(note) = note {
            self.found.notes.add(format!("an event of the reply {note}"));
        }
        if name == "error" {
            self.found.decoded.error = Some(failure::of_body(data, 200));
            self.found.is_done = true;
        } else if !fields.is_empty() {
            self.operation.event(name, fields, &mut self.found, tell);
        }
    }

    fn body(&mut self, body: &[u8], status: u16, tell: &mut Tell<'_>) {
        if status >= 400 {
            self.found.decoded.error = Some(failure::of_body(&lossy(body), status));
            self.found.is_done = true;
            return;
        }
        // xAI says `null` where there is nothing to say.
        if matches!(body.trim_ascii(), b"" | b"null") {
            self.found.is_done = true;
            return;
        }
        match body.trim_ascii_start().first() {
            Some(b'{') if is_lines(body) => {
                for line in body.split(|byte| *byte == b'\n') {
                    self.event("", &lossy(line), tell);
                }
                self.found.is_done = true;
            }
            Some(b'{') => {
                let (fields, note) = object(&lossy(body));
                match note {
                    Some(note) => self.found.notes.add(format!("the reply {note}")),
                    None => self.found.is_done = true,
                }
                self.operation.told(fields, &mut self.found);
            }
            Some(b'[') if let Ok(list) = serde_json::from_slice::<Value>(body) => {
                self.found.is_done = true;
                let mut fields = Map::new();
                fields.insert("data".to_owned(), list);
                self.operation.told(fields, &mut self.found);
            }
            _ => {
                self.found.is_done = true;
                let content_type = self.content_type.as_deref();
                self.operation.bytes(body, content_type, &mut self.found);
            }
        }
    }
}

/// Whether `body` is one JSON object a line: its first line is one, and there are more.
fn is_lines(body: &[u8]) -> bool {
    let mut lines = body.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty());
    let first = lines.next().unwrap_or_default();
    let is_object = serde_json::from_slice::<serde::de::IgnoredAny>(first).is_ok();
    is_object && lines.next().is_some_and(|line| line.trim_ascii_start().starts_with(b"{"))
}

/// The conversation that the path names: a thread of the Assistants, or a conversation.
fn path_thread(path: &str) -> Option<String> {
    let mut segments = path_only(path).split('/');
    segments.find(|segment| matches!(*segment, "threads" | "conversations"))?;
    let id = segments.next()?;
    (id.contains('_')).then(|| id.to_owned())
}

impl Reading for OperationReading {
    fn prompt(&self) -> &Request {
        &self.found.decoded.request
    }

    fn reply(&mut self, frame: Frame<'_>, at: Timestamp, grown: &mut dyn FnMut(Grown<'_>)) {
        match frame {
            Frame::Head { headers, .. } => {
                self.content_type = header(headers, "content-type").map(str::to_owned);
            }
            Frame::Event(event) => {
                self.event(event.name, event.data, grown);
                if self.found.has_begun() && self.found.decoded.first_token_at.is_none() {
                    self.found.decoded.first_token_at = Some(at);
                }
            }
            Frame::Document(text) => self.event("", text, grown),
            Frame::Body { body, status } => self.body(body, status, grown),
            Frame::Message(_) | Frame::Envelope(_) | Frame::Trailers(_) => {}
        }
    }

    fn is_complete(&self) -> bool {
        self.found.is_done
    }

    fn finish(mut self: Box<Self>) -> Decoded {
        self.operation.end(&mut self.found);
        self.found.finish()
    }
}
