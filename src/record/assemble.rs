//! From a draft to what is stored: fields, state, notes; secrets are gone by then.

use jiff::Timestamp;
use serde_json::Value;
use uuid::Uuid;

use super::Lexicon;
use super::count::count;
use super::draft::{Draft, user_agent};
use super::half::nanos_since;
use super::leaks::leaks;
use super::reader::Reader;
use super::secrets::{Found, Place};
use crate::dialect::{Decoded, providers};
use crate::flow::{Mode, Opened, Origin, Process};
use crate::model::{
    Annotations, App, Choice, Exchange, ExchangeError, Headers, Part, Request, State,
};
use crate::observe::http1::Ending;
use crate::store::{RawMessage, StoredExchange, Texts};

/// What the flow adds to each of its exchanges.
pub(super) struct Around<'a> {
    pub(super) opened: &'a Opened,
    pub(super) process: Option<&'a Process>,
}

/// Makes of a draft what is stored; the secrets it met are of use to the flow's next one.
pub(super) fn assemble(
    mut draft: Draft,
    around: &Around<'_>,
    lexicon: &Lexicon,
) -> (StoredExchange, Found) {
    let finished = draft.reader.finish();
    let (mut decoded, complete) = draft.stand(finished).unwrap_or_default();
    let dialect = draft.dialect();
    let texts = match draft.reader {
        Reader::Done { .. } => Texts::default(),
        _ => texts(&draft),
    };
    let error = decoded.error.take().or_else(|| error_of_status(&draft));
    let state = state(&draft, complete, error.is_some());
    let mut notes = notes(&mut draft, &mut decoded, around);
    let (method, http_version) = draft.asked_for();
    let started_at = draft.started_at;
    let millis = |at: Timestamp| nanos_since(started_at, at) as f64 / 1e6;
    let replied = draft.reply.has_begun();
    let mut request = std::mem::take(&mut decoded.request);
    request.headers = std::mem::take(&mut draft.request_headers);
    let mut reply = std::mem::take(&mut decoded.reply);
    redact_answers(&mut reply.choices, lexicon, &mut draft.found);
    reply.headers = std::mem::take(&mut draft.reply_headers);
    let (thread, thread_rule) = decoded.thread.take().map(|t| (t.name, t.rule)).unzip();
    let exchange = Exchange {
        id: draft.id,
        flow: around.opened.flow.0,
        thread,
        thread_rule,
        parent: None,
        inherited: None,
        state,
        started_at: draft.started_at,
        first_byte_ms: draft.first_byte_at.map(millis),
        first_token_ms: decoded.first_token_at.map(millis),
        duration_ms: replied.then(|| millis(draft.last_at)),
        app: app(&request.headers, around),
        provider: provider(around, &draft.path),
        dialect: dialect.map(|(name, _)| name.to_owned()),
        operation: dialect.map(|(_, operation)| operation.to_owned()),
        origin: around.opened.origin.to_string(),
        method,
        path: draft.path.clone(),
        http_version,
        status: draft.status(),
        streamed: draft.is_streamed(),
        request,
        reply: replied.then_some(reply),
        usage: decoded.usage.take(),
        cost_usd: decoded.cost_usd,
        cost_source: decoded.cost_source,
        error,
        notes: Vec::new(),
        annotations: Annotations::default(),
    };
    store(draft, exchange, &mut notes, texts, lexicon)
}

/// A secret that came in several events is whole only now that they are joined.
pub(super) fn redact_answers(choices: &mut [Choice], lexicon: &Lexicon, found: &mut Found) {
    for part in choices.iter_mut().flat_map(|choice| &mut choice.parts) {
        match part {
            Part::Text { text } | Part::Reasoning { text, .. } => {
                lexicon.redactor.text(text, found);
            }
            Part::ToolCall { arguments, .. } => redact_value(arguments, lexicon, found),
            Part::Other { value } => redact_value(value, lexicon, found),
            _ => {}
        }
    }
}

fn redact_value(value: &mut Value, lexicon: &Lexicon, found: &mut Found) {
    match value {
        Value::String(text) => {
            lexicon.redactor.text(text, found);
        }
        Value::Array(values) => {
            values.iter_mut().for_each(|value| redact_value(value, lexicon, found));
        }
        Value::Object(fields) => {
            fields.values_mut().for_each(|value| redact_value(value, lexicon, found));
        }
        _ => {}
    }
}

/// The exchange that stands for a flow that is kept raw, when its first bytes come.
pub(super) fn raw_exchange(id: Uuid, at: Timestamp, first: &[u8], around: &Around<'_>) -> Exchange {
    // What HTTP/2 there is was read before; this is the rest of it, behind a gap.
    let http_version = if first.starts_with(b"PRI * HTTP/2.0") { "HTTP/2" } else { "" };
    let note = "no HTTP or WebSocket that can be read: the bytes of the flow are kept raw";
    Exchange {
        id,
        flow: around.opened.flow.0,
        thread: None,
        thread_rule: None,
        parent: None,
        inherited: None,
        state: State::Interrupted,
        started_at: at,
        first_byte_ms: None,
        first_token_ms: None,
        duration_ms: None,
        app: app(&Headers::new(), around),
        provider: provider(around, ""),
        dialect: None,
        operation: None,
        origin: around.opened.origin.to_string(),
        method: String::new(),
        path: String::new(),
        http_version: http_version.to_owned(),
        status: None,
        streamed: false,
        request: Request::default(),
        reply: None,
        usage: None,
        cost_usd: None,
        cost_source: None,
        error: None,
        notes: vec![note.to_owned()],
        annotations: Annotations::default(),
    }
}

fn store(
    draft: Draft,
    mut exchange: Exchange,
    notes: &mut Vec<String>,
    texts: Texts,
    lexicon: &Lexicon,
) -> (StoredExchange, Found) {
    let Draft { place, request, reply, mut found, .. } = draft;
    let leaks = leaks(&exchange.request, lexicon, &found);
    let has_reply = reply.has_begun();
    let request: RawMessage = request.into_raw(&lexicon.redactor, &mut found);
    let reply = reply.into_raw(&lexicon.redactor, &mut found);
    notes.extend(found.note(Place::Body));
    exchange.notes = std::mem::take(notes);
    count(&mut exchange, lexicon);
    let reply = has_reply.then_some(reply);
    (StoredExchange { exchange, place, request, reply, texts, leaks, is_open: false }, found)
}

fn state(draft: &Draft, complete: bool, failed: bool) -> State {
    let framed = matches!(draft.reply.ended, Some(Ending::Framed | Ending::CloseDelimited));
    // Apps hang up at a stream's semantic end; a body that is one document is whole by its
    // framing or not at all, however well its beginning can be read.
    let is_over = framed || (complete && draft.is_streamed());
    if !is_over {
        return State::Interrupted;
    }
    if failed {
        return State::Failed;
    }
    if draft.request.is_cut() || draft.reply.is_cut() {
        return State::Truncated;
    }
    State::Complete
}

fn error_of_status(draft: &Draft) -> Option<ExchangeError> {
    let status = draft.status().filter(|status| *status >= 400)?;
    let body = String::from_utf8_lossy(draft.reply.body_bytes());
    let message = body.trim().chars().take(ERROR_CHARS_MAX).collect();
    Some(ExchangeError { kind: format!("http_{status}"), message })
}

/// Most characters of an error body that no dialect reads: the raw reply has the rest.
const ERROR_CHARS_MAX: usize = 500;

fn notes(draft: &mut Draft, decoded: &mut Decoded, around: &Around<'_>) -> Vec<String> {
    let mut notes = Vec::new();
    if around.opened.mode == Mode::Rewritten {
        notes.push(
            "rewritten: a plain-HTTP proxy request; the layout of the heads is not the app's"
                .to_owned(),
        );
    }
    notes.append(&mut decoded.notes);
    for (which, half) in [("request", &mut draft.request), ("reply", &mut draft.reply)] {
        notes.extend(half.notes.drain(..).map(|note| format!("{which}: {note}")));
        half.tell_cuts(which, &mut notes);
    }
    notes.append(&mut draft.notes);
    notes
}

/// Who serves the model: by the host, on this machine by path and port.
pub(super) fn provider(around: &Around<'_>, path: &str) -> Option<String> {
    let Origin { host, port, .. } = &around.opened.origin;
    let is_local = host.ip().map_or(host.as_str() == "localhost", |ip| ip.is_loopback());
    providers::provider_of(host.as_str())
        .or_else(|| is_local.then(|| providers::local_provider_of(path, *port)).flatten())
        .map(str::to_owned)
}

pub(super) fn app(headers: &Headers, around: &Around<'_>) -> App {
    let own = user_agent(headers).map(str::to_owned);
    App {
        user_agent: own.or_else(|| around.opened.connect_user_agent.clone()),
        process: around.process.map(|process| process.name.clone()),
        pid: around.process.map(|process| process.pid),
    }
}

/// Bodies as text, so that an exchange that no dialect reads can be found all the same.
fn texts(draft: &Draft) -> Texts {
    let text = |body: &[u8]| {
        (!body.is_empty()).then(|| std::str::from_utf8(body).ok().map(str::to_owned)).flatten()
    };
    Texts { request: text(draft.request.body_bytes()), reply: text(draft.reply.body_bytes()) }
}
