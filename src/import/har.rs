//! Entries of an HTTP archive, version 1.2 (<http://www.softwareishard.com/blog/har-12-spec/>),
//! as Chromium, Firefox, Charles, Proxyman and we ourselves write them.

use std::fmt;
use std::marker::PhantomData;

use base64::Engine;
use base64::alphabet::STANDARD as ALPHABET;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, SeqAccess, Visitor};
use uuid::Uuid;

use super::recording::{Answer, Body, Coding, End, Kind, Recording, Spoken, is_token, parted};
use super::{Read, Unread};
use crate::flow::Side;
use crate::model::Headers;

/// Most lines of a head, and most messages of a WebSocket, that are read of an entry: an empty
/// one takes some fifty times as much memory as it has bytes.
const LIST_MAX: usize = 200_000;

/// Longest time that an exchange can take, in milliseconds: a month. What is beyond is damage.
pub(super) const MILLIS_MAX: f64 = 31.0 * 86_400_000.0;

/// Where the entries are.
pub(super) const PATH: &[&str] = &["log", "entries"];

/// Reads an entry.
pub(super) fn read(bytes: &[u8]) -> Result<Read, Unread> {
    // What a body has that is no UTF-8 should be in base64; it costs a character, no entry.
    let text = String::from_utf8_lossy(bytes);
    let entry: Entry = serde_json::from_str(&text).map_err(|error| Unread::Json(error.into()))?;
    entry.recording()
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    #[serde(default)]
    started_date_time: String,
    time: Option<f64>,
    request: Request,
    response: Option<Response>,
    #[serde(default)]
    timings: Timings,
    #[serde(rename = "_webSocketMessages")]
    messages: Option<List<Message>>,
    /// Ours: the id of the exchange.
    #[serde(rename = "_exchange")]
    exchange: Option<Uuid>,
    /// Ours: the id of the flow.
    connection: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Request {
    method: String,
    url: String,
    headers: Option<List<Pair>>,
    post_data: Option<Content>,
    body_size: Option<f64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Response {
    status: Option<f64>,
    status_text: Option<String>,
    headers: Option<List<Pair>>,
    content: Option<Content>,
    /// Chromium: why there was no reply, or no whole one.
    #[serde(rename = "_error")]
    error: Option<String>,
}

#[derive(Default, Deserialize)]
struct Content {
    text: Option<String>,
    encoding: Option<String>,
    size: Option<f64>,
    params: Option<List<Pair>>,
}

#[derive(Default, Deserialize)]
struct Pair {
    #[serde(default)]
    name: String,
    value: Option<String>,
}

/// Milliseconds of each phase; less than 0 is not known. `ssl` is a part of `connect`.
#[derive(Default, Deserialize)]
struct Timings {
    blocked: Option<f64>,
    dns: Option<f64>,
    connect: Option<f64>,
    send: Option<f64>,
    wait: Option<f64>,
    receive: Option<f64>,
}

#[derive(Deserialize)]
struct Message {
    #[serde(rename = "type")]
    way: String,
    /// Seconds or milliseconds since 1970.
    time: Option<f64>,
    opcode: Option<f64>,
    #[serde(default)]
    data: String,
}

impl Entry {
    fn recording(self) -> Result<Read, Unread> {
        let Some((origin, target)) = parted(&self.request.url) else { return Ok(Read::Foreign) };
        if !is_token(&self.request.method) {
            return Err(Unread::Method);
        }
        let started_at = time(&self.started_date_time).ok_or(Unread::Time)?;
        let (first, whole) = self.timings.millis(self.time);
        let ended_at = after(started_at, whole);
        let mut notes = Vec::new();
        let headers = self.request.headers.unwrap_or_default().headers();
        let sent = self.request.post_data.unwrap_or_default();
        let size = sent.size.or(self.request.body_size);
        let body = sent.body(&headers, size, "request", &mut notes);
        let reply = self.response.and_then(|response| {
            response.answer(after(started_at, first), &self.request.method, &mut notes)
        });
        let messages = self.messages.unwrap_or_default();
        let spoken = messages.items.into_iter().filter_map(|one| one.spoken(started_at)).collect();
        Ok(Read::Recording(Box::new(super::Found {
            recording: Recording {
                started_at,
                ended_at,
                origin,
                method: self.request.method,
                target,
                headers,
                body,
                reply,
                spoken,
                notes,
            },
            exchange: self.exchange,
            flow: self.exchange.and(self.connection).and_then(|flow| flow.parse().ok()),
        })))
    }
}

impl Response {
    fn answer(self, at: Timestamp, method: &str, notes: &mut Vec<String>) -> Option<Answer> {
        // A status of 0 says that none came.
        let status = self.status.filter(|status| (100.0..1000.0).contains(status))? as u16;
        let headers = self.headers.unwrap_or_default().headers();
        let content = self.content.unwrap_or_default();
        let size = content.size.filter(|_| method != "HEAD");
        let body = content.body(&headers, size, "reply", notes);
        let end = match self.error {
            Some(error) if !error.is_empty() => {
                notes.push(format!("the recording says: {error}"));
                End::Cut
            }
            _ => End::Whole,
        };
        let reason = self.status_text.unwrap_or_default();
        Some(Answer { at, status, reason, headers, body, end })
    }
}

impl Content {
    fn body(
        self,
        headers: &Headers,
        size: Option<f64>,
        which: &str,
        notes: &mut Vec<String>,
    ) -> Body {
        let text = self.text.unwrap_or_default();
        let is_base64 =
            self.encoding.is_some_and(|encoding| encoding.eq_ignore_ascii_case("base64"));
        let bytes = match is_base64 {
            true => LENIENT.decode(text.trim()).unwrap_or_else(|_| {
                notes.push(format!("{which}: its base64 in the recording cannot be read"));
                text.into_bytes()
            }),
            false => text.into_bytes(),
        };
        if bytes.is_empty() && size.is_some_and(|size| size > 0.0) {
            let fields = self.params.unwrap_or_default().items.len();
            let as_what = if fields > 0 { ", as a form's fields only" } else { "" };
            notes.push(format!("{which}: the recording does not have its body{as_what}"));
        }
        let coding = match is_still_coded(&bytes, headers) {
            true => Coding::AsSent,
            false => Coding::Undone,
        };
        Body { bytes, coding }
    }
}

/// Tools should undo the coding, and most do; a beginning that no text and no picture has tells.
fn is_still_coded(bytes: &[u8], headers: &Headers) -> bool {
    let mut codings =
        headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("content-encoding"));
    codings.any(|(_, coding)| match coding.trim().to_ascii_lowercase().as_str() {
        "gzip" | "x-gzip" => bytes.starts_with(b"\x1f\x8b"),
        "zstd" => bytes.starts_with(b"\x28\xb5\x2f\xfd"),
        // Nothing in it is fixed; but none of it is text.
        "br" | "deflate" => !bytes.is_empty() && std::str::from_utf8(bytes).is_err(),
        _ => false,
    })
}

/// Base64 with padding or without.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &ALPHABET,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

impl Timings {
    /// Milliseconds to the reply's first byte and to its last.
    fn millis(&self, time: Option<f64>) -> (f64, f64) {
        let known = |ms: Option<f64>| ms.filter(|ms| *ms > 0.0).unwrap_or_default().min(MILLIS_MAX);
        let before = [self.blocked, self.dns, self.connect, self.send, self.wait];
        let first: f64 = before.into_iter().map(known).sum();
        let whole = first + known(self.receive);
        // Without timings only the sum is known.
        let (first, whole) = if whole > 0.0 { (first, whole) } else { (0.0, known(time)) };
        (first.min(MILLIS_MAX), whole.min(MILLIS_MAX))
    }
}

impl Message {
    fn spoken(self, started_at: Timestamp) -> Option<Spoken> {
        let side = match self.way.as_str() {
            "send" | "request" => Side::Downstream,
            "receive" | "response" => Side::Upstream,
            // Chromium's word for a fault.
            _ => return None,
        };
        // Seconds says Chromium, and Playwright writes milliseconds: as seconds, years from now.
        let time = self.time.unwrap_or_default();
        let at = super::seconds(time).or_else(|| super::seconds(time / 1e3));
        let at = at.unwrap_or(started_at).max(started_at);
        let opcode = self.opcode.unwrap_or(1.0);
        let (kind, data) = if opcode == 1.0 {
            (Kind::Text, self.data.into_bytes())
        } else if opcode == 2.0 {
            let decoded = LENIENT.decode(self.data.trim());
            (Kind::Binary, decoded.unwrap_or_else(|_| self.data.into_bytes()))
        } else {
            return None;
        };
        Some(Spoken { side, at, kind, data })
    }
}

/// A time with its zone; one without is UTC.
fn time(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    let time = text.parse().or_else(|_| format!("{text}Z").parse()).ok()?;
    super::usable(time)
}

fn after(at: Timestamp, millis: f64) -> Timestamp {
    at.saturating_add(SignedDuration::from_nanos((millis * 1e6) as i64)).unwrap_or(at)
}

/// A list of which at most [`LIST_MAX`] are kept.
struct List<T> {
    items: Vec<T>,
}

impl<T> Default for List<T> {
    fn default() -> Self {
        Self { items: Vec::new() }
    }
}

impl List<Pair> {
    fn headers(self) -> Headers {
        let pairs = self.items.into_iter();
        pairs.map(|pair| (pair.name, pair.value.unwrap_or_default())).collect()
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for List<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(Items(PhantomData))
    }
}

struct Items<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for Items<T> {
    type Value = List<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<List<T>, A::Error> {
        let mut items = Vec::new();
        while items.len() < LIST_MAX {
            match list.next_element()? {
                Some(item) => items.push(item),
                None => return Ok(List { items }),
            }
        }
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(List { items })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn entry() -> Value {
        json!({
            "startedDateTime": "2026-11-23T11:00:00.500+01:00",
            "time": 300,
            "request": {
                "method": "POST", "url": "https://api.openai.com/v1/chat/completions",
                "httpVersion": "h2",
                "headers": [{"name": ":method", "value": "POST"}, {"name": "a", "value": "b"}],
                "postData": {"mimeType": "application/json", "text": "{}"},
            },
            "response": {
                "status": 200, "statusText": "", "headers": [],
                "content": {"size": 3, "text": "AAEC", "encoding": "base64"},
            },
            "timings": {"blocked": -1, "send": 10, "wait": 90, "receive": 200},
        })
    }

    fn recording(entry: &Value) -> Recording {
        match read(entry.to_string().as_bytes()) {
            Ok(Read::Recording(found)) => found.recording,
            _ => panic!("no recording: {entry}"),
        }
    }

    #[test]
    fn an_entry_is_read() {
        let read = recording(&entry());
        let reply = read.reply.unwrap();
        assert_eq!(read.started_at.to_string(), "2026-11-23T10:00:00.5Z");
        assert_eq!(reply.at.to_string(), "2026-11-23T10:00:00.6Z");
        assert_eq!(read.ended_at.to_string(), "2026-11-23T10:00:00.8Z");
        assert_eq!(
            (read.target.as_str(), &read.body.bytes[..]),
            ("/v1/chat/completions", &b"{}"[..])
        );
        assert_eq!((reply.status, &reply.body.bytes[..]), (200, &[0, 1, 2][..]));
        assert_eq!(reply.body.coding, Coding::Undone);
        assert_eq!(read.notes, [""; 0]);
    }

    #[test]
    fn what_is_missing_is_noted_and_what_is_odd_is_borne() {
        let with = |pointer: &str, value: Value| {
            let mut entry = entry();
            *entry.pointer_mut(pointer).unwrap() = value;
            recording(&entry)
        };
        let none = with("/response/status", json!(0));
        assert!(none.reply.is_none(), "no reply came");
        let none = with("/response", json!(null));
        assert!(none.reply.is_none(), "no reply is told of");
        let lost = with("/response/content", json!({"size": 5}));
        assert_eq!(lost.notes, ["reply: the recording does not have its body"]);
        let coded = with("/response/headers", json!([{"name": "Content-Encoding", "value": "br"}]));
        assert_eq!(coded.reply.unwrap().body.coding, Coding::Undone, "text is not coded");
        let endless = with("/timings/receive", json!(1e300));
        assert!(endless.ended_at > endless.started_at, "a time beyond all");
        let without = with("/timings", json!({}));
        assert_eq!(without.ended_at.to_string(), "2026-11-23T10:00:00.8Z", "the sum alone");
    }

    #[test]
    fn what_cannot_be_read_says_why() {
        for (rule, text, expected) in [
            ("no JSON", "{\"request\":", "EOF while parsing"),
            ("no request", "{}", "missing field `request`"),
            (
                "a method of two words",
                r#"{"request":{"method":"A B","url":"http://a/"},"startedDateTime":"2026-01-01T00:00:00Z"}"#,
                "its method is none",
            ),
            ("no time", r#"{"request":{"method":"GET","url":"http://a/"}}"#, "its time is none"),
            (
                "before 1970",
                r#"{"request":{"method":"GET","url":"http://a/"},"startedDateTime":"1969-01-01T00:00:00Z"}"#,
                "its time is none",
            ),
            ("a field of no use, deep", &"{\"a\":".repeat(10_000), "EOF while parsing"),
            ("deep", &format!("{{\"request\":{}", "[{\"method\":".repeat(10_000)), "invalid"),
        ] {
            let error = match read(text.as_bytes()) {
                Err(error) => error.to_string(),
                Ok(_) => "read".to_owned(),
            };
            assert!(error.contains(expected), "{rule}: {error}");
        }
    }

    #[test]
    fn messages_of_a_socket_are_read() {
        let mut entry = entry();
        entry["_webSocketMessages"] = json!([
            {"type": "send", "time": 1795428001.5, "opcode": 1, "data": "hi"},
            {"type": "receive", "time": 1795428002000.25, "opcode": 2, "data": "AAE="},
            {"type": "error", "data": "gone"},
            {"type": "receive", "opcode": 9, "data": ""},
        ]);
        let spoken = recording(&entry).spoken;
        let told: Vec<_> =
            spoken.iter().map(|one| (one.side, one.kind, one.data.clone())).collect();
        let times: Vec<_> = spoken.iter().map(|one| one.at.to_string()).collect();
        assert_eq!(times, ["2026-11-23T10:00:01.5Z", "2026-11-23T10:00:02.00025Z"]);
        assert_eq!(
            told,
            [
                (Side::Downstream, Kind::Text, b"hi".to_vec()),
                (Side::Upstream, Kind::Binary, vec![0, 1]),
            ]
        );
    }
}
