//! A request and its reply as another tool recorded them, and the bytes that they may have been.
//!
//! A recording has heads as lists and bodies with their framing undone, often their coding as
//! well. Of that an HTTP/1.1 conversation is built, whatever was spoken, with a length before
//! each body: so it goes through the code that reads what is recorded here.

use jiff::Timestamp;

use super::frame::frame;
use crate::flow::{Ending, FlowId, Mode, Opened, Origin, Scheme, Side, Verdict};
use crate::model::{App, Headers};
use crate::record::Whole;
use crate::store::FlowRow;

/// An entry of a HAR, or a flow of mitmproxy's.
#[derive(Clone, Debug)]
pub(super) struct Recording {
    /// When the request was sent.
    pub(super) started_at: Timestamp,
    /// When the last byte came.
    pub(super) ended_at: Timestamp,
    pub(super) origin: Origin,
    pub(super) method: String,
    /// Path and query.
    pub(super) target: String,
    pub(super) headers: Headers,
    pub(super) body: Body,
    pub(super) reply: Option<Answer>,
    /// Messages of the WebSocket that it opened.
    pub(super) spoken: Vec<Spoken>,
    /// What the recording lacks, in words.
    pub(super) notes: Vec<String>,
}

/// A reply.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    /// When its first byte came.
    pub(super) at: Timestamp,
    pub(super) status: u16,
    pub(super) reason: String,
    pub(super) headers: Headers,
    pub(super) body: Body,
    pub(super) end: End,
}

/// How a reply ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// Whole, as far as the recording says.
    Whole,
    /// The connection ended before.
    Cut,
}

/// A body, its framing undone.
#[derive(Clone, Debug, Default)]
pub(super) struct Body {
    pub(super) bytes: Vec<u8>,
    pub(super) coding: Coding,
}

/// What became of a body's content coding.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Coding {
    /// As it was sent.
    #[default]
    AsSent,
    /// Undone by who recorded it.
    Undone,
}

/// A message of a WebSocket.
#[derive(Clone, Debug)]
pub(super) struct Spoken {
    pub(super) side: Side,
    pub(super) at: Timestamp,
    pub(super) kind: Kind,
    pub(super) data: Vec<u8>,
}

/// What a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Binary,
}

impl Recording {
    /// The flow, with the bytes of both sides; its id is made under `key`.
    pub(super) fn whole(&self, key: &[u8; 32], note: &str) -> Whole {
        let mut pieces = vec![(Side::Downstream, self.started_at, self.request())];
        let reply = self.reply.as_ref().filter(|reply| is_final(reply.status));
        if let Some(reply) = reply {
            let at = reply.at.max(self.started_at);
            pieces.push((Side::Upstream, at, self.head_of(reply)));
            if self.has_body(reply) {
                let body = reply.body.bytes.clone();
                pieces.push((Side::Upstream, self.ended_at.max(at), body));
            }
            let mut last = at;
            for Spoken { side, at, kind, data } in &self.spoken {
                // Frames are read in their order: what seems to come from before cannot.
                last = last.max(*at);
                pieces.push((*side, last, frame(*side, *kind, data)));
            }
        }
        pieces.retain(|(_, _, bytes)| !bytes.is_empty());
        Whole { flow: self.flow(key, note, &pieces), pieces }
    }

    fn flow(&self, key: &[u8; 32], note: &str, pieces: &[(Side, Timestamp, Vec<u8>)]) -> FlowRow {
        let bytes = Side::BOTH.map(|side| {
            let of_side = pieces.iter().filter(|(of, _, _)| *of == side);
            of_side.map(|(_, _, bytes)| bytes.len() as u64).sum()
        });
        let is_whole = self.reply.as_ref().is_some_and(|reply| reply.end == End::Whole);
        let closed_at = pieces.last().map_or(self.ended_at, |(_, at, _)| *at);
        FlowRow {
            opened: opened(self.id(key), self.started_at, self.origin.clone()),
            closed_at: Some(closed_at.max(self.ended_at)),
            app: App::default(),
            bytes,
            endings: [is_whole.then_some(Ending::Closed); 2],
            gap_bytes: 0,
            notes: vec![note.to_owned()],
        }
    }

    /// Made of what was recorded, so that whoever imports it again gives it the same one. Under
    /// the capture's key: what is in a body cannot be guessed from it.
    fn id(&self, key: &[u8; 32]) -> FlowId {
        let mut hasher = blake3::Hasher::new_keyed(key);
        let reply = self.reply.as_ref().map(|reply| reply.body.bytes.as_slice());
        let spoken = self.spoken.iter().map(|spoken| spoken.data.as_slice());
        let origin = self.origin.to_string();
        let at = self.started_at.as_nanosecond().to_be_bytes();
        [origin.as_bytes(), self.method.as_bytes(), self.target.as_bytes(), &at, &self.body.bytes]
            .into_iter()
            .chain(reply)
            .chain(spoken)
            .for_each(|part| {
                hasher.update(&(part.len() as u64).to_be_bytes()).update(part);
            });
        let mut random = [0; 10];
        hasher.finalize_xof().fill(&mut random);
        let millis = u64::try_from(self.started_at.as_millisecond()).unwrap_or_default();
        FlowId(uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid())
    }

    fn request(&self) -> Vec<u8> {
        let target = escaped(&self.target);
        let method = match self.is_socket() {
            true => "GET",
            false => &self.method,
        };
        let mut head = format!("{method} {target} HTTP/1.1\r\n");
        if !has(&self.headers, "host") {
            let Origin { scheme, host, port } = &self.origin;
            let port = Some(port).filter(|port| **port != scheme.default_port());
            let port = port.map(|port| format!(":{port}")).unwrap_or_default();
            line(&mut head, "host", &format!("{host}{port}"));
        }
        lines(&mut head, &self.headers, self.body.coding);
        self.upgrade(&mut head, &self.headers);
        if !self.body.bytes.is_empty() {
            line(&mut head, "content-length", &self.body.bytes.len().to_string());
        }
        head.push_str("\r\n");
        [head.as_bytes(), &self.body.bytes].concat()
    }

    fn head_of(&self, reply: &Answer) -> Vec<u8> {
        let status = if self.is_socket() { 101 } else { reply.status };
        let mut head = format!("HTTP/1.1 {status} {}\r\n", plain(&reply.reason));
        let mut headers = reply.headers.clone();
        if self.is_socket() {
            // The messages of a recording are not compressed any more.
            headers.retain(|(name, _)| !name.eq_ignore_ascii_case("sec-websocket-extensions"));
        }
        lines(&mut head, &headers, reply.body.coding);
        self.upgrade(&mut head, &reply.headers);
        // Without a length a reply goes on until the connection ends.
        if self.has_body(reply) && reply.end == End::Whole {
            line(&mut head, "content-length", &reply.body.bytes.len().to_string());
        }
        head.push_str("\r\n");
        head.into_bytes()
    }

    /// Over HTTP/2 a handshake has no such lines.
    fn upgrade(&self, head: &mut String, headers: &Headers) {
        if self.is_socket() && !has(headers, "upgrade") {
            line(head, "upgrade", "websocket");
            line(head, "connection", "Upgrade");
        }
    }

    fn has_body(&self, reply: &Answer) -> bool {
        !matches!(reply.status, 101 | 204 | 304) && self.method != "HEAD" && !self.is_socket()
    }

    fn is_socket(&self) -> bool {
        !self.spoken.is_empty()
    }
}

/// What is known of a flow that was not seen here.
pub(super) fn opened(flow: FlowId, at: Timestamp, origin: Origin) -> Opened {
    Opened {
        flow,
        at,
        mode: Mode::Imported,
        origin,
        verdict: Verdict::Intercept,
        tls: None,
        connect_user_agent: None,
    }
}

/// Origin, path and query of a URL; `None` if it is none of HTTP or of a WebSocket.
pub(super) fn parted(url: &str) -> Option<(Origin, String)> {
    let (scheme, rest) = url.split_once("://")?;
    let scheme = match scheme.to_ascii_lowercase().as_str() {
        "http" | "ws" => Scheme::Http,
        "https" | "wss" => Scheme::Https,
        _ => return None,
    };
    let rest = rest.split('#').next().unwrap_or_default();
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at_checked(end)?;
    // Name and password are no part of the origin, and secret.
    let authority = authority.rsplit('@').next().unwrap_or_default();
    let origin = Origin::parse(scheme, authority).ok()?;
    let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
    Some((origin, path))
}

/// Whether `method` can stand in a request line.
pub(super) fn is_token(method: &str) -> bool {
    let is_mark = |byte: u8| b"!#$%&'*+-.^_`|~".contains(&byte);
    !method.is_empty() && method.bytes().all(|byte| byte.is_ascii_alphanumeric() || is_mark(byte))
}

/// Replies before the last one are none; but behind a 101 another protocol begins.
fn is_final(status: u16) -> bool {
    status == 101 || (200..1000).contains(&status)
}

fn has(headers: &Headers, name: &str) -> bool {
    headers.iter().any(|(had, _)| had.eq_ignore_ascii_case(name))
}

/// The lines that still say what is true.
fn lines(head: &mut String, headers: &Headers, coding: Coding) {
    for (name, value) in headers {
        let is = |other: &str| name.eq_ignore_ascii_case(other);
        let is_framing = is("content-length") || is("transfer-encoding");
        let is_undone = coding == Coding::Undone && is("content-encoding");
        // The fields of HTTP/2 that begin with a colon are in the first line.
        if is_token(name) && !is_framing && !is_undone {
            line(head, name, value);
        }
    }
}

fn line(head: &mut String, name: &str, value: &str) {
    head.push_str(name);
    head.push_str(": ");
    head.push_str(&plain(value));
    head.push_str("\r\n");
}

/// A recording must not be able to add lines to a head.
fn plain(value: &str) -> String {
    value.replace(|c: char| c.is_control() && c != '\t', " ")
}

/// A target as it can stand in a request line.
fn escaped(target: &str) -> String {
    let mut escaped = String::with_capacity(target.len());
    for c in target.chars() {
        match c.is_control() || c == ' ' {
            true => {
                c.encode_utf8(&mut [0; 4])
                    .bytes()
                    .for_each(|byte| escaped.push_str(&format!("%{byte:02X}")));
            }
            false => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::import) fn recording() -> Recording {
        let at = |ms: i64| Timestamp::from_millisecond(1_800_000_000_000 + ms).unwrap();
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        Recording {
            started_at: at(0),
            ended_at: at(900),
            origin: Origin::parse(Scheme::Https, "api.openai.com").unwrap(),
            method: "POST".to_owned(),
            target: "/v1/chat/completions".to_owned(),
            headers: vec![
                pair(":authority", "api.openai.com"),
                pair("User-Agent", "agent/1"),
                pair("Content-Length", "9"),
            ],
            body: Body { bytes: b"{}".to_vec(), coding: Coding::AsSent },
            reply: Some(Answer {
                at: at(100),
                status: 200,
                reason: "OK".to_owned(),
                headers: vec![
                    pair("Content-Encoding", "gzip"),
                    pair("Transfer-Encoding", "chunked"),
                    pair("x", "a\r\nset-cookie: b"),
                ],
                body: Body { bytes: b"[1]".to_vec(), coding: Coding::Undone },
                end: End::Whole,
            }),
            spoken: Vec::new(),
            notes: Vec::new(),
        }
    }

    fn text(whole: &Whole, side: Side) -> String {
        let of_side = whole.pieces.iter().filter(|(of, _, _)| *of == side);
        let bytes: Vec<u8> = of_side.flat_map(|(_, _, bytes)| bytes.clone()).collect();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn the_bytes_say_what_is_true_of_them() {
        let whole = recording().whole(&[7; 32], "imported from `a.har`");
        assert_eq!(
            text(&whole, Side::Downstream),
            "POST /v1/chat/completions HTTP/1.1\r\nhost: api.openai.com\r\n\
             User-Agent: agent/1\r\ncontent-length: 2\r\n\r\n{}"
        );
        assert_eq!(
            text(&whole, Side::Upstream),
            "HTTP/1.1 200 OK\r\nx: a  set-cookie: b\r\ncontent-length: 3\r\n\r\n[1]"
        );
        assert_eq!(whole.flow.opened.mode, Mode::Imported);
        assert_eq!(whole.flow.notes, ["imported from `a.har`"]);
    }

    #[test]
    fn an_id_is_of_what_was_recorded_and_of_the_key() {
        let id = |recording: &Recording, key: u8| recording.whole(&[key; 32], "").flow.opened.flow;
        let (first, mut other) = (recording(), recording());
        assert_eq!(id(&first, 7), id(&other, 7), "the same again");
        assert_ne!(id(&first, 7), id(&first, 8), "another capture");
        other.body.bytes.push(b' ');
        assert_ne!(id(&first, 7), id(&other, 7), "another body");
    }

    #[test]
    fn a_url_is_taken_apart() {
        for (url, expected) in [
            ("https://api.openai.com/v1?a=b#c", Some(("https://api.openai.com", "/v1?a=b"))),
            ("wss://user:pass@host:8443", Some(("https://host:8443", "/"))),
            ("http://[::1]:11434?x", Some(("http://[::1]:11434", "/?x"))),
            ("data:text/plain,hello", None),
            ("chrome-extension://abc/x", None),
            ("https://", None),
        ] {
            let parted = parted(url).map(|(origin, path)| (origin.to_string(), path));
            let expected = expected.map(|(origin, path)| (origin.to_owned(), path.to_owned()));
            assert_eq!(parted, expected, "{url}");
        }
    }

    #[test]
    fn a_target_stays_on_its_line() {
        assert_eq!(escaped("/a b\r\nx: ü"), "/a%20b%0D%0Ax:%20ü");
    }
}
