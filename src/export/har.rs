//! An HTTP archive, version 1.2 (<http://www.softwareishard.com/blog/har-12-spec/>), with the
//! messages of WebSockets as Chromium writes them. It has no field for events: it reads them out
//! of the content's text where the type is `text/event-stream`.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value, json};

use super::wire::{self, Form, Message};
use super::{ExportError, Item};
use crate::model::Headers;
use crate::store::Side;

/// Before the entries, between two of them, and behind them.
pub(super) const AROUND: [&str; 3] = [
    concat!(
        "{\"log\":{\"version\":\"1.2\",\"creator\":{\"name\":\"overhear\",\"version\":\"",
        env!("CARGO_PKG_VERSION"),
        "\"},\"pages\":[],\"entries\":[\n"
    ),
    ",\n",
    "\n]}}\n",
];

/// An exchange as an entry.
pub(super) fn entry(item: &Item<'_>) -> Result<Value, ExportError> {
    let Item { reader, seq, exchange } = *item;
    let read = |side| Message::read(reader, seq, exchange, side);
    let request = read(Side::Downstream)?.unwrap_or_default();
    let reply = read(Side::Upstream)?;
    let timings = timings(item, &request);
    let time: f64 = ["send", "wait", "receive"]
        .iter()
        .filter_map(|name| timings.get(*name)?.as_f64())
        .filter(|ms| *ms > 0.0)
        .sum();
    let mut entry = json!({
        "startedDateTime": exchange.started_at.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string(),
        "time": time,
        "request": request_of(item, &request),
        "response": response_of(item, reply.as_ref()),
        "cache": {},
        "timings": timings,
        "connection": exchange.flow,
        "_exchange": exchange.id,
        // Chromium would guess from the path, and call an answer a script.
        "_resourceType": "fetch",
    });
    if !exchange.notes.is_empty()
        && let Some(fields) = entry.as_object_mut()
    {
        fields.insert("comment".to_owned(), exchange.notes.join("; ").into());
    }
    sockets(item, &mut entry)?;
    Ok(entry)
}

/// Milliseconds of each phase; -1 is not known.
fn timings(item: &Item<'_>, request: &Message) -> Value {
    let exchange = item.exchange;
    let sent = request.marks.last().map_or(0.0, |(_, at)| *at as f64 / 1e6);
    let first = exchange.first_byte_ms;
    let sent = first.map_or(sent, |first| sent.min(first)).max(0.0);
    let wait = first.map_or(-1.0, |first| first - sent);
    let receive = match (first, exchange.duration_ms) {
        (Some(first), Some(whole)) => (whole - first).max(0.0),
        _ => -1.0,
    };
    // An entry needs these three, be it as nothing.
    let known = |ms: f64| if ms < 0.0 { 0.0 } else { ms };
    json!({
        "blocked": -1, "dns": -1, "connect": -1, "ssl": -1,
        "send": sent, "wait": known(wait), "receive": known(receive),
    })
}

fn request_of(item: &Item<'_>, message: &Message) -> Value {
    let exchange = item.exchange;
    let mut request = json!({
        "method": exchange.method,
        "url": format!("{}{}", exchange.origin, exchange.path),
        "httpVersion": exchange.http_version,
        "cookies": [],
        "headers": headers(&exchange.request.headers),
        "queryString": query(&exchange.path),
        "headersSize": size(message.head_bytes),
        "bodySize": message.wire_bytes.saturating_sub(message.head_bytes),
    });
    if !message.body.is_empty()
        && let Some(fields) = request.as_object_mut()
    {
        let mut data = Map::new();
        let mime = message.header("content-type").unwrap_or("application/octet-stream");
        data.insert("mimeType".to_owned(), mime.into());
        text(&message.body, &mut data);
        fields.insert("postData".to_owned(), Value::Object(data));
    }
    request
}

fn response_of(item: &Item<'_>, message: Option<&Message>) -> Value {
    let exchange = item.exchange;
    let none = Message::default();
    let message = message.unwrap_or(&none);
    let had = exchange.reply.as_ref().map(|reply| reply.headers.as_slice()).unwrap_or_default();
    let mut content = Map::new();
    let body_bytes = message.wire_bytes.saturating_sub(message.head_bytes);
    content.insert("size".to_owned(), message.body.len().into());
    let mime = content_type(message.header("content-type").unwrap_or("x-unknown"));
    content.insert("mimeType".to_owned(), mime.into());
    if message.coding.is_some() {
        let saved = message.body.len() as i64 - body_bytes as i64;
        content.insert("compression".to_owned(), saved.into());
    }
    if !message.body.is_empty() {
        text(&message.body, &mut content);
    }
    let reason = message.start.splitn(3, ' ').nth(2).unwrap_or_default();
    // A turn of a WebSocket has no head of its own.
    let version = message.start.split(' ').next().filter(|version| !version.is_empty());
    let version =
        version.unwrap_or(if exchange.status.is_some() { &exchange.http_version } else { "" });
    json!({
        "status": exchange.status.unwrap_or_default(),
        "statusText": reason,
        "httpVersion": version,
        "cookies": [],
        "headers": headers(had),
        "content": content,
        "redirectURL": message.header("location").unwrap_or_default(),
        "headersSize": size(message.head_bytes),
        "bodySize": body_bytes,
    })
}

/// Of a stream of events, which is UTF-8 always, without a `charset`: Chromium knows it by these
/// letters alone, and shows no events else.
fn content_type(sent: &str) -> &str {
    const EVENTS: &str = "text/event-stream";
    let kind = sent.split(';').next().unwrap_or_default().trim();
    if kind.eq_ignore_ascii_case(EVENTS) { EVENTS } else { sent }
}

/// The messages of a WebSocket.
fn sockets(item: &Item<'_>, entry: &mut Value) -> Result<(), ExportError> {
    let exchange = item.exchange;
    if !wire::is_turn(exchange) && exchange.status != Some(101) {
        return Ok(());
    }
    let began = exchange.started_at.as_nanosecond() as f64 / 1e9;
    let mut messages = Vec::new();
    let form = wire::came(item.reader, item.seq, exchange, &mut |came| {
        let name = came.name.as_deref();
        if !matches!(name, None | Some("binary")) {
            return;
        }
        let data = std::str::from_utf8(came.data).ok();
        let opcode = if name.is_none() { 1 } else { 2 };
        let data = match data.filter(|_| opcode == 1) {
            Some(text) => text.to_owned(),
            None => STANDARD.encode(came.data),
        };
        messages.push(json!({
            "type": if came.sent { "send" } else { "receive" },
            "time": began + came.at as f64 / 1e9,
            "opcode": opcode,
            "data": data,
        }));
    })?;
    if form == Form::WebSocket
        && let Some(fields) = entry.as_object_mut()
    {
        fields.insert("_resourceType".to_owned(), "websocket".into());
        fields.insert("_webSocketMessages".to_owned(), Value::Array(messages));
    }
    Ok(())
}

fn headers(headers: &[(String, String)]) -> Vec<Value> {
    headers.iter().map(|(name, value)| json!({"name": name, "value": value})).collect()
}

/// -1 is not known.
fn size(bytes: u64) -> i64 {
    if bytes == 0 { -1 } else { i64::try_from(bytes).unwrap_or(-1) }
}

/// A body: as text if it is, else in base64.
fn text(body: &[u8], fields: &mut Map<String, Value>) {
    match std::str::from_utf8(body) {
        Ok(text) => {
            fields.insert("text".to_owned(), text.into());
        }
        Err(_) => {
            fields.insert("text".to_owned(), STANDARD.encode(body).into());
            fields.insert("encoding".to_owned(), "base64".into());
        }
    }
}

fn query(path: &str) -> Vec<Value> {
    let query = path.split_once('?').map_or("", |(_, query)| query);
    let query = query.split('#').next().unwrap_or_default();
    let pairs: Headers = query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (unescaped(name), unescaped(value))
        })
        .collect();
    headers(&pairs)
}

/// A piece of a query without its escapes.
fn unescaped(text: &str) -> String {
    let spaced = text.replace('+', " ");
    percent_decode_str(&spaced).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::export::{Format, write};
    use crate::store::Selection;
    use crate::store::tests::sample::{Capture, turn};

    #[test]
    fn many_exchanges_are_one_archive() {
        let mut capture = Capture::new();
        capture.write(&[turn(0), turn(1)]);
        let mut out = Vec::new();
        let reader = capture.reader();
        write(Format::Har, &reader, &Selection::default(), None, &mut out).unwrap();
        let archive: Value = serde_json::from_slice(&out).unwrap();
        let entries = archive["log"]["entries"].as_array().unwrap();
        assert_eq!(entries.len(), 2);
        assert_eq!(entries[0]["request"]["method"], turn(0).method);
        assert_eq!(entries[0]["response"]["statusText"], "OK");
        assert_eq!(entries[0]["timings"]["ssl"], -1);
        assert_eq!(entries[0]["_resourceType"], "fetch");
    }

    #[test]
    fn a_stream_of_events_is_known_by_its_type() {
        for (sent, expected) in [
            ("text/event-stream", "text/event-stream"),
            ("Text/Event-Stream; charset=utf-8", "text/event-stream"),
            ("application/json; charset=utf-8", "application/json; charset=utf-8"),
            ("", ""),
        ] {
            assert_eq!(content_type(sent), expected, "{sent:?}");
        }
    }

    #[test]
    fn a_query_is_read_without_its_escapes() {
        assert_eq!(
            query("/a?b=%e5%A4%a9+x&c&%zz=1#d"),
            headers(&[("b", "天 x"), ("c", ""), ("%zz", "1")].map(|(a, b)| (a.into(), b.into())))
        );
    }
}
