//! One exchange while it is being read.

use std::panic::{AssertUnwindSafe, catch_unwind};

use jiff::Timestamp;
use uuid::Uuid;

use super::half::{Half, nanos_since};
use super::secrets::Found;
use super::{Follow, Lexicon, Live};
use crate::dialect::{Asked, Frame, Reading};
use crate::flow::Origin;
use crate::model::{Headers, Request};
use crate::observe::http1::{Ending, Framing, Head, Start};
use crate::observe::sse;

/// A request, its reply as far as it has come, and who reads them.
pub(super) struct Draft {
    pub(super) id: Uuid,
    /// Its place in the flow.
    pub(super) place: u32,
    /// Offset on the tape of the record that holds its first byte.
    pub(super) tape_at: u64,
    /// The app's bytes before its first one.
    pub(super) sent_before: u64,
    /// The origin's bytes before the reply's first one, once that has come.
    pub(super) answered_before: Option<u64>,
    pub(super) started_at: Timestamp,
    pub(super) first_byte_at: Option<Timestamp>,
    /// When its last byte so far came.
    pub(super) last_at: Timestamp,
    pub(super) request: Half,
    pub(super) reply: Half,
    pub(super) found: Found,
    /// Header lines of the request, secrets replaced.
    pub(super) request_headers: Headers,
    pub(super) reply_headers: Headers,
    /// Path and query, secrets replaced.
    pub(super) path: String,
    pub(super) reader: Reader,
    /// The reply was over before the request: how and when. Until the request is over too its
    /// bytes belong here.
    pub(super) answered: Option<(Ending, Timestamp)>,
    events: Option<sse::Decoder>,
    /// The reply has no type that says what it is: its first bytes will.
    untyped: bool,
    /// Pieces of the reply that came before the request was whole.
    early: Vec<(Timestamp, Vec<u8>)>,
    pub(super) notes: Vec<String>,
}

/// Where an exchange stands in its flow.
pub(super) struct Place {
    /// Its number there.
    pub(super) place: u32,
    /// Offset on the tape of the record that holds its first byte.
    pub(super) tape_at: u64,
    /// The app's bytes before its first one.
    pub(super) sent_before: u64,
}

/// Who reads the exchange.
pub(super) enum Reader {
    /// Not known before the request is whole.
    Undecided,
    /// No dialect claims it.
    Nobody,
    /// A dialect.
    Dialect { name: &'static str, operation: &'static str, reading: Box<dyn Reading> },
    /// A dialect, which has told all.
    Done { name: &'static str, operation: &'static str },
    /// The dialect panicked.
    Fallen { name: &'static str, operation: &'static str },
}

impl Draft {
    pub(super) fn new(id: Uuid, at: Timestamp, place: Place, found: Found) -> Self {
        let Place { place, tape_at, sent_before } = place;
        Self {
            id,
            place,
            tape_at,
            sent_before,
            answered_before: None,
            started_at: at,
            first_byte_at: None,
            last_at: at,
            request: Half::default(),
            reply: Half::default(),
            found,
            request_headers: Headers::new(),
            reply_headers: Headers::new(),
            path: String::new(),
            reader: Reader::Undecided,
            answered: None,
            events: None,
            untyped: false,
            early: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// Nanoseconds from the request's first byte.
    pub(super) fn since_start(&self, at: Timestamp) -> i64 {
        nanos_since(self.started_at, at)
    }

    pub(super) fn take_request_head(&mut self, head: Head, lexicon: &Lexicon) {
        self.request_headers = head.headers.clone();
        lexicon.redactor.headers(&mut self.request_headers, &mut self.found);
        if let Start::Request { target, .. } = &head.start {
            self.path = lexicon.redactor.target(&path_of(target), &mut self.found);
        }
        self.request.take_head(head);
    }

    /// The request is whole: now its dialect can be found.
    pub(super) fn end_request(
        &mut self,
        how: Ending,
        origin: &Origin,
        lexicon: &Lexicon,
        follow: &mut dyn Follow,
    ) {
        self.request.end(how);
        self.request.redact_body(&lexicon.redactor, &mut self.found);
        self.reader = self.find_reader(origin, lexicon);
        self.tell_asked(origin, follow);
        for (at, piece) in std::mem::take(&mut self.early) {
            self.read_piece(&piece, at, lexicon, follow);
        }
    }

    fn find_reader(&mut self, origin: &Origin, lexicon: &Lexicon) -> Reader {
        let (method, _) = self.asked_for();
        let asked = Asked {
            method: &method,
            host: origin.host.as_str(),
            path: &self.path,
            headers: &self.request_headers,
            body: self.request.body_bytes(),
        };
        let claimed = unwound(|| {
            let (dialect, operation) = (lexicon.claim)(&asked)?;
            Some((dialect.name(), operation, dialect.begin(&asked)))
        });
        match claimed {
            Ok(Some((name, operation, reading))) => Reader::Dialect { name, operation, reading },
            Ok(None) => Reader::Nobody,
            Err(()) => {
                self.notes.push(FALLEN.to_owned());
                Reader::Nobody
            }
        }
    }

    fn tell_asked(&mut self, origin: &Origin, follow: &mut dyn Follow) {
        let origin = origin.to_string();
        match &self.reader {
            Reader::Dialect { name, operation, reading } => {
                let (name, operation) = (*name, *operation);
                let told = unwound(|| follow.asked(&self.live(&origin, Some(reading.prompt()))));
                if told.is_err() {
                    self.fall(name, operation);
                }
            }
            _ => follow.asked(&self.live(&origin, None)),
        }
    }

    fn live<'a>(&'a self, origin: &'a str, prompt: Option<&'a Request>) -> Live<'a> {
        let method = match self.request.head.as_ref().map(|head| &head.start) {
            Some(Start::Request { method, .. }) => method,
            _ => "",
        };
        let user_agent = self
            .request_headers
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case("user-agent"))
            .map(|(_, value)| value.as_str());
        Live {
            id: self.id,
            started_at: self.started_at,
            origin,
            method,
            path: &self.path,
            user_agent,
            dialect: self.dialect().map(|(name, _)| name),
            prompt,
        }
    }

    /// The dialect's name and the operation.
    pub(super) fn dialect(&self) -> Option<(&'static str, &'static str)> {
        match &self.reader {
            Reader::Dialect { name, operation, .. }
            | Reader::Done { name, operation }
            | Reader::Fallen { name, operation } => Some((name, operation)),
            Reader::Undecided | Reader::Nobody => None,
        }
    }

    /// Method and version.
    pub(super) fn asked_for(&self) -> (String, String) {
        match &self.request.head {
            Some(Head { start: Start::Request { method, .. }, version, .. }) => {
                (method.clone(), version.clone())
            }
            _ => (String::new(), String::new()),
        }
    }

    /// Whether the reply is not made of events: then its dialect reads it whole.
    pub(super) fn is_streamed(&self) -> bool {
        self.events.is_some()
    }

    pub(super) fn status(&self) -> Option<u16> {
        match self.reply.head.as_ref()?.start {
            Start::Reply { status, .. } => Some(status),
            Start::Request { .. } => None,
        }
    }

    pub(super) fn take_reply_head(&mut self, head: Head, lexicon: &Lexicon) {
        self.reply_headers = head.headers.clone();
        lexicon.redactor.headers(&mut self.reply_headers, &mut self.found);
        let is_events = head.values("content-type").any(|kind| {
            kind.trim_start().get(..EVENTS.len()).is_some_and(|k| k.eq_ignore_ascii_case(EVENTS))
        });
        let has_body = !matches!(head.framing, Framing::Empty | Framing::Opaque);
        let head_type = head.values("content-type").next().map(str::to_owned);
        self.reply.take_head(head);
        if is_events && has_body {
            self.begin_events();
        }
        self.untyped = !is_events
            && head_type.as_deref().is_none_or(|kind| kind.trim_start().starts_with("text/plain"));
    }

    fn begin_events(&mut self) {
        self.events = Some(sse::Decoder::new());
        if self.dialect().is_some() {
            self.reply.read_in_pieces();
        }
    }

    /// Takes a piece of the reply's body.
    pub(super) fn reply_body(
        &mut self,
        piece: &[u8],
        at: Timestamp,
        lexicon: &Lexicon,
        follow: &mut dyn Follow,
    ) {
        let mut decoded = Vec::new();
        self.reply.body(piece, |out| decoded.extend_from_slice(out));
        if self.untyped && !decoded.is_empty() {
            self.untyped = false;
            if [&b"data:"[..], b"event:", b": "].iter().any(|mark| decoded.starts_with(mark)) {
                self.begin_events();
            }
        }
        match self.reader {
            Reader::Undecided => self.early.push((at, decoded)),
            _ => self.read_piece(&decoded, at, lexicon, follow),
        }
    }

    fn read_piece(
        &mut self,
        piece: &[u8],
        at: Timestamp,
        lexicon: &Lexicon,
        follow: &mut dyn Follow,
    ) {
        let Some(mut events) = self.events.take() else { return };
        events.feed(piece, &mut |sent| self.read_event(sent.event, at, lexicon, follow));
        self.events = Some(events);
    }

    fn read_event(
        &mut self,
        event: sse::Event<'_>,
        at: Timestamp,
        lexicon: &Lexicon,
        follow: &mut dyn Follow,
    ) {
        let Reader::Dialect { name, operation, reading } = &mut self.reader else { return };
        let (name, operation, id) = (*name, *operation, self.id);
        let mut data = event.data.to_owned();
        let replaced = lexicon.redactor.text(&mut data, &mut self.found);
        self.reply.replaced_in_pieces += replaced;
        let event = sse::Event { data: &data, ..event };
        let read = unwound(|| {
            reading.reply(Frame::Event(event), at, &mut |grown| follow.grown(id, grown));
        });
        if read.is_err() {
            self.fall(name, operation);
        }
    }

    /// The reply is over, or as much of it as will come is there.
    pub(super) fn end_reply(
        &mut self,
        how: Ending,
        at: Timestamp,
        lexicon: &Lexicon,
        follow: &mut dyn Follow,
    ) {
        self.reply.end(how);
        if let Some(mut events) = self.events.take() {
            events.finish(&mut |sent| self.read_event(sent.event, at, lexicon, follow));
            self.events = Some(events);
        }
        self.reply.redact_body(&lexicon.redactor, &mut self.found);
        if self.is_streamed() {
            return;
        }
        let status = self.status().unwrap_or_default();
        let (reply, id) = (&self.reply, self.id);
        let Reader::Dialect { name, operation, reading } = &mut self.reader else { return };
        let (name, operation) = (*name, *operation);
        let frame = Frame::Body { body: reply.body_bytes(), status };
        let read = unwound(|| {
            reading.reply(frame, at, &mut |grown| follow.grown(id, grown));
        });
        if read.is_err() {
            self.fall(name, operation);
        }
    }

    /// The dialect panicked: what it had read is gone, the raw exchange is not.
    pub(super) fn fall(&mut self, name: &'static str, operation: &'static str) {
        self.reader = Reader::Fallen { name, operation };
        self.notes.push(FALLEN.to_owned());
    }
}

const EVENTS: &str = "text/event-stream";

/// What a reader is told of an exchange whose dialect panicked.
const FALLEN: &str =
    "a fault of Overhear's: the dialect panicked on this exchange, which is kept raw";

/// Runs what may panic: a decoder's fault costs the reading of one exchange (invariant 4).
pub(super) fn unwound<T>(read: impl FnOnce() -> T) -> Result<T, ()> {
    // Whatever the panic left half done is thrown away with its dialect.
    catch_unwind(AssertUnwindSafe(read)).map_err(|_| ())
}

/// Path and query of a request target, which may be an absolute URL.
fn path_of(target: &str) -> String {
    let Some((_, rest)) = target.split_once("://").filter(|_| !target.starts_with('/')) else {
        return target.to_owned();
    };
    match rest.find(['/', '?']) {
        Some(at) => rest.get(at..).unwrap_or_default().to_owned(),
        None => "/".to_owned(),
    }
}
