//! The bytes of an exchange, as far as a person looks at them: heads, bodies, events.

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use http::header;
use serde::{Deserialize, Serialize};

use super::params::Params;
use super::{Answer, Shared};
use crate::export::wire::{self, Event, Form, Message};
use crate::model::{Exchange, Headers};
use crate::store::{Reader, Side, short_id};
use crate::web::error::ApiError;

/// Bytes of a body that are given at once: what a browser lays out without a pause.
const BODY_BYTES_MAX: usize = 256 << 10;
/// Events that are given at once.
const EVENTS_MAX: usize = 500;

/// Below `/api`.
pub(super) fn routes() -> Router<Shared> {
    Router::new()
        .route("/exchanges/{id}/raw", get(raw))
        .route("/exchanges/{id}/raw/{side}", get(bytes))
        .route("/exchanges/{id}/body/{side}", get(body))
        .route("/exchanges/{id}/events", get(events))
}

/// Whose bytes, as an address names them.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Which {
    Request,
    Reply,
}

impl Which {
    fn side(self) -> Side {
        match self {
            Self::Request => Side::Downstream,
            Self::Reply => Side::Upstream,
        }
    }

    fn as_str(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::Reply => "reply",
        }
    }
}

/// The exchange of an id, and its place.
pub(super) fn found(reader: &Reader, id: &str) -> Result<(i64, Exchange), ApiError> {
    let (seq, id) = reader.find(id)?;
    let exchange = reader.exchange(seq)?;
    let gone = || ApiError::missing(format!("exchange `{id}` was deleted just now"));
    Ok((seq, exchange.ok_or_else(gone)?))
}

/// Both sides; `null` has no bytes.
#[derive(Debug, Serialize)]
struct Raw {
    request: Option<Sent>,
    reply: Option<Sent>,
}

/// One side without its body.
#[derive(Debug, Serialize)]
struct Sent {
    start: String,
    headers: Vec<Line>,
    trailers: Vec<Line>,
    content_type: Option<String>,
    /// Bytes on the wire, head and body.
    wire_bytes: u64,
    head_bytes: u64,
    /// Bytes of the body, codings undone.
    body_bytes: usize,
    /// Bytes behind the head that are no body: of a WebSocket, or of what is no HTTP.
    rest_bytes: usize,
    /// Bytes that a limit left out.
    cut: u64,
    coding: Option<String>,
    chunked: bool,
    /// Whether the body is text.
    text: bool,
    /// How often something came, and from when to when, in milliseconds since the request's first
    /// byte.
    pieces: usize,
    first_ms: Option<f64>,
    last_ms: Option<f64>,
    notes: Vec<String>,
}

/// A header.
#[derive(Debug, Serialize)]
struct Line {
    name: String,
    value: String,
    /// Whether a credential stood there.
    secret: bool,
}

/// `GET /api/exchanges/ID/raw`
async fn raw(State(api): State<Shared>, Path(id): Path<String>) -> Answer<Raw> {
    api.ask(move |reader| {
        let (seq, exchange) = found(reader, &id)?;
        let sent =
            |side| Ok::<_, ApiError>(Message::read(reader, seq, &exchange, side)?.map(Sent::of));
        Ok(Raw { request: sent(Side::Downstream)?, reply: sent(Side::Upstream)? })
    })
    .await
    .map(Json)
}

impl Sent {
    fn of(message: Message) -> Self {
        let ms = |(_, at): &(u64, i64)| *at as f64 / 1e6;
        let marks = if message.marks.is_empty() { &message.rest_marks } else { &message.marks };
        Self {
            content_type: message.header("content-type").map(str::to_owned),
            text: message.text().is_some(),
            pieces: marks.len(),
            first_ms: marks.first().map(ms),
            last_ms: marks.last().map(ms),
            headers: lines(message.headers),
            trailers: lines(message.trailers),
            start: message.start,
            wire_bytes: message.wire_bytes,
            head_bytes: message.head_bytes,
            body_bytes: message.body.len(),
            rest_bytes: message.rest.len(),
            cut: message.cut,
            coding: message.coding,
            chunked: message.chunked,
            notes: message.notes,
        }
    }
}

fn lines(headers: Headers) -> Vec<Line> {
    let line = |(name, value): (String, String)| Line {
        secret: wire::is_fingerprinted(&value),
        name,
        value,
    };
    headers.into_iter().map(line).collect()
}

/// What a download takes.
#[derive(Debug, Deserialize)]
struct Decoded {
    /// `1`: the body alone, codings undone.
    decoded: Option<u8>,
}

/// `GET /api/exchanges/ID/raw/SIDE`: the exact bytes, to be kept as a file.
async fn bytes(
    State(api): State<Shared>,
    Path((id, which)): Path<(String, Which)>,
    Params(params): Params<Decoded>,
) -> Result<Response, ApiError> {
    let is_decoded = params.decoded == Some(1);
    let (id, bytes) = api
        .ask(move |reader| {
            let (seq, exchange) = found(reader, &id)?;
            let bytes = match is_decoded {
                true => Message::read(reader, seq, &exchange, which.side())?.map(|had| had.body),
                false => reader.raw(seq, which.side())?.map(|raw| raw.bytes),
            };
            let none = || ApiError::missing("that side of the exchange has no bytes");
            Ok((exchange.id, bytes.ok_or_else(none)?))
        })
        .await?;
    let what = if is_decoded { "-body" } else { "" };
    let name = format!("{}-{}{what}.bin", short_id(id), which.as_str());
    Ok(attachment("application/octet-stream", &name, bytes))
}

/// A file to be kept; `name` is ours, not captured.
pub(super) fn attachment(kind: &'static str, name: &str, body: impl IntoResponse) -> Response {
    let mut response = body.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, http::HeaderValue::from_static(kind));
    if let Ok(value) = format!("attachment; filename=\"{name}\"").parse() {
        headers.insert(header::CONTENT_DISPOSITION, value);
    }
    response
}

/// Which piece of a body.
#[derive(Debug, Deserialize)]
struct Range {
    #[serde(default)]
    from: usize,
    bytes: Option<usize>,
}

/// A piece of a body as text.
#[derive(Debug, Serialize)]
struct Body {
    /// What is no UTF-8 is replaced.
    text: String,
    from: usize,
    /// Where the next piece begins; `null` if this was the last one.
    next: Option<usize>,
    /// Bytes of the whole body.
    total: usize,
}

/// `GET /api/exchanges/ID/body/SIDE`: a piece of the body, codings undone.
async fn body(
    State(api): State<Shared>,
    Path((id, which)): Path<(String, Which)>,
    Params(range): Params<Range>,
) -> Answer<Body> {
    api.ask(move |reader| {
        let (seq, exchange) = found(reader, &id)?;
        let message = Message::read(reader, seq, &exchange, which.side())?.unwrap_or_default();
        Ok(piece(&message.body, &range))
    })
    .await
    .map(Json)
}

fn piece(body: &[u8], range: &Range) -> Body {
    let total = body.len();
    let from = range.from.min(total);
    let bytes = range.bytes.unwrap_or(BODY_BYTES_MAX).clamp(4, BODY_BYTES_MAX);
    let mut to = from.saturating_add(bytes).min(total);
    // Not within a character, whose other bytes are three at most.
    let is_within = |at: usize| body.get(at).is_some_and(|byte| byte & 0xc0 == 0x80);
    if let Some(start) = (to.saturating_sub(3)..=to).rev().find(|at| !is_within(*at))
        && start > from
    {
        to = start;
    }
    let text = String::from_utf8_lossy(body.get(from..to).unwrap_or_default()).into_owned();
    Body { text, from, next: (to < total).then_some(to), total }
}

/// Which events.
#[derive(Debug, Deserialize)]
struct Wanted {
    /// `next` of the page before.
    after: Option<usize>,
    limit: Option<usize>,
    /// Only those with these words in name or text.
    #[serde(default)]
    find: String,
}

/// A page of events.
#[derive(Debug, Serialize)]
struct Events {
    items: Vec<Event>,
    next: Option<String>,
    form: Form,
    /// Events in all.
    total: usize,
}

/// `GET /api/exchanges/ID/events`: the pieces of the reply, each with its time.
async fn events(
    State(api): State<Shared>,
    Path(id): Path<String>,
    Params(wanted): Params<Wanted>,
) -> Answer<Events> {
    api.ask(move |reader| {
        let (seq, exchange) = found(reader, &id)?;
        let limit = wanted.limit.unwrap_or(EVENTS_MAX).clamp(1, EVENTS_MAX);
        let from = wanted.after.unwrap_or_default();
        let find = wanted.find.to_lowercase();
        let (mut items, mut next, mut total) = (Vec::new(), None, 0);
        let form = wire::events(reader, seq, &exchange, &mut |event| {
            total += 1;
            if event.index < from || !has(&event, &find) {
                return;
            }
            match items.len() < limit {
                true => items.push(event),
                false => next = next.or(Some(event.index)),
            }
        })?;
        Ok(Events { items, next: next.map(|next: usize| next.to_string()), form, total })
    })
    .await
    .map(Json)
}

fn has(event: &Event, find: &str) -> bool {
    find.is_empty()
        || event.text.to_lowercase().contains(find)
        || event.name.as_ref().is_some_and(|name| name.to_lowercase().contains(find))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_in_pieces_is_the_whole_body() {
        let body = "a天b天天".repeat(9);
        for bytes in [4, 5, 6, 7, 100] {
            let (mut from, mut text) = (0, String::new());
            loop {
                let piece = piece(body.as_bytes(), &Range { from, bytes: Some(bytes) });
                text.push_str(&piece.text);
                match piece.next {
                    Some(next) => from = next,
                    None => break,
                }
            }
            assert_eq!(text, body, "{bytes} at once");
        }
        // What is no text does not hold it up.
        let piece = piece(&[0x80; 40], &Range { from: 0, bytes: Some(8) });
        assert_eq!(piece.next, Some(8));
    }
}
