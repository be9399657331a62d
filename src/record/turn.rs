//! One turn of a WebSocket's conversation: an exchange made of messages.

use jiff::Timestamp;
use uuid::Uuid;

use super::assemble::{Around, app, provider, redact_answers};
use super::count::count;
use super::half::{MESSAGE_BYTES_MAX, nanos_since};
use super::leaks::leaks;
use super::secrets::{Found, Place};
use super::{Lexicon, Live};
use crate::dialect::Decoded;
use crate::model::{Annotations, Exchange, Headers, Request, State};
use crate::store::{RawMessage, StoredExchange, Texts};

/// The handshake that opened the socket: what its turns have of an HTTP exchange.
#[derive(Clone)]
pub(super) struct Handshake {
    pub(super) dialect: &'static str,
    pub(super) method: String,
    /// Path and query, secrets replaced.
    pub(super) path: String,
    pub(super) http_version: String,
    pub(super) status: u16,
    /// Header lines, secrets replaced.
    pub(super) request_headers: Headers,
    pub(super) reply_headers: Headers,
}

/// A turn as far as it has come.
pub(super) struct TurnDraft {
    id: Uuid,
    place: u32,
    started_at: Timestamp,
    first_byte_at: Option<Timestamp>,
    last_at: Timestamp,
    request: Messages,
    reply: Messages,
    /// When it was stored last; `None` if it was not.
    pub(super) stored_at: Option<Timestamp>,
    /// Whether whoever follows knows of it.
    pub(super) is_followed: bool,
    pub(super) notes: Vec<String>,
}

/// The messages of one side, a line each: what `show --raw` shows of a turn. Their frames
/// are the flow's.
#[derive(Default)]
struct Messages {
    raw: RawMessage,
}

/// How a turn stands when it is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// Its answer is whole.
    Over,
    /// The socket is open, and more will come.
    Open,
    /// The socket is closed, and no more will come.
    Cut,
    /// The socket was closed in order, before the app asked for anything.
    Unasked,
}

impl TurnDraft {
    pub(super) fn new(id: Uuid, place: u32, at: Timestamp) -> Self {
        Self {
            id,
            place,
            started_at: at,
            first_byte_at: None,
            last_at: at,
            request: Messages::default(),
            reply: Messages::default(),
            stored_at: None,
            is_followed: false,
            notes: Vec::new(),
        }
    }

    pub(super) fn id(&self) -> Uuid {
        self.id
    }

    /// Whether the app has a part in it: what a provider says by itself, such as a late word
    /// on rate limits, is kept with the frames alone.
    pub(super) fn is_asked(&self) -> bool {
        !self.request.raw.bytes.is_empty() || self.request.raw.cut > 0
    }

    /// Takes a message of the app's, secrets replaced.
    pub(super) fn sent(&mut self, message: &[u8], at: Timestamp) {
        self.last_at = at;
        self.request.take(message, nanos_since(self.started_at, at));
    }

    /// Takes a message of the provider's, secrets replaced.
    pub(super) fn received(&mut self, message: &[u8], at: Timestamp) {
        self.last_at = at;
        self.first_byte_at.get_or_insert(at);
        self.reply.take(message, nanos_since(self.started_at, at));
    }

    /// What whoever follows is told.
    pub(super) fn live<'a>(
        &self,
        handshake: &'a Handshake,
        origin: &'a str,
        prompt: Option<&'a Request>,
    ) -> Live<'a> {
        Live {
            id: self.id,
            started_at: self.started_at,
            origin,
            method: &handshake.method,
            path: &handshake.path,
            user_agent: super::draft::user_agent(&handshake.request_headers),
            dialect: Some(handshake.dialect),
            prompt,
        }
    }

    /// What is stored of it.
    pub(super) fn assemble(
        &self,
        mut decoded: Decoded,
        standing: Standing,
        handshake: &Handshake,
        around: &Around<'_>,
        lexicon: &Lexicon,
        found: &mut Found,
    ) -> StoredExchange {
        redact_answers(&mut decoded.reply.choices, lexicon, found);
        let replied = self.first_byte_at.is_some();
        let millis = |at: Timestamp| nanos_since(self.started_at, at) as f64 / 1e6;
        let mut request = decoded.request;
        let leaks = leaks(&request, lexicon, found);
        request.headers = handshake.request_headers.clone();
        let mut reply = decoded.reply;
        reply.headers = handshake.reply_headers.clone();
        let mut notes = decoded.notes;
        notes.extend(self.notes.iter().cloned());
        self.request.tell_cut("request", &mut notes);
        self.reply.tell_cut("reply", &mut notes);
        notes.extend(found.note(Place::Body));
        if standing == Standing::Open {
            notes.push(OPEN.to_owned());
        }
        let is_cut = self.request.raw.cut + self.reply.raw.cut > 0;
        let state = match standing {
            Standing::Open | Standing::Cut => State::Interrupted,
            Standing::Over if decoded.error.is_some() => State::Failed,
            Standing::Over | Standing::Unasked if is_cut => State::Truncated,
            Standing::Over | Standing::Unasked => State::Complete,
        };
        let (thread, thread_rule) = decoded.thread.map(|t| (t.name, t.rule)).unzip();
        let mut exchange = Exchange {
            id: self.id,
            flow: around.opened.flow.0,
            thread,
            thread_rule,
            parent: None,
            inherited: None,
            state,
            started_at: self.started_at,
            first_byte_ms: self.first_byte_at.map(millis),
            first_token_ms: decoded.first_token_at.map(millis),
            duration_ms: replied.then(|| millis(self.last_at)),
            app: app(&request.headers, around),
            provider: provider(around, &handshake.path),
            dialect: Some(handshake.dialect.to_owned()),
            operation: Some(TURN.to_owned()),
            origin: around.opened.origin.to_string(),
            method: handshake.method.clone(),
            path: handshake.path.clone(),
            http_version: handshake.http_version.clone(),
            status: Some(handshake.status),
            streamed: true,
            request,
            reply: replied.then_some(reply),
            usage: decoded.usage,
            cost_usd: decoded.cost_usd,
            cost_source: decoded.cost_source,
            error: decoded.error,
            notes,
            annotations: Annotations::default(),
        };
        // It comes again when it is over.
        if standing != Standing::Open {
            count(&mut exchange, lexicon);
        }
        StoredExchange {
            exchange,
            place: self.place,
            request: self.request.raw.clone(),
            reply: replied.then(|| self.reply.raw.clone()),
            texts: Texts::default(),
            leaks,
            is_open: standing == Standing::Open,
        }
    }
}

/// The operation of a turn.
const TURN: &str = "chat";

/// Whether `exchange` was stored before its end: it comes again.
pub fn is_open(exchange: &Exchange) -> bool {
    exchange.notes.iter().any(|note| note == OPEN)
}

/// What an exchange says of itself that is stored before its end.
const OPEN: &str = "the socket was open when this was written: more may have come since";

impl Messages {
    fn take(&mut self, message: &[u8], at: i64) {
        let raw = &mut self.raw;
        let room = MESSAGE_BYTES_MAX.saturating_sub(raw.bytes.len() + 1);
        let (kept, beyond) = message.split_at(message.len().min(room));
        raw.cut += beyond.len() as u64;
        if !kept.is_empty() {
            raw.marks.push((raw.bytes.len() as u64, at));
            raw.bytes.extend_from_slice(kept);
            raw.bytes.push(b'\n');
        }
    }

    fn tell_cut(&self, which: &str, notes: &mut Vec<String>) {
        if self.raw.cut > 0 {
            notes.push(format!(
                "the messages of the {which} are longer than {MESSAGE_BYTES_MAX} bytes: the last \
                 {} were not kept",
                self.raw.cut
            ));
        }
    }
}
