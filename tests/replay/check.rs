//! What is recorded, compared with what was sent and with what the dialects read of it without
//! a proxy.

use std::io::Write;

use flate2::write::{GzDecoder, ZlibDecoder};
use overhear::dialect::{self, Asked, Decoded, providers};
use overhear::model::{Cost, Exchange, Headers, NamedThread, State, ThreadRule};

use super::case::{Case, Ending, Framing, Over};
use super::coding::Coding;
use super::http1::{self, head_len};
use super::http2;
use super::socket::{Socket, Version};
use crate::corpus::Row;
use crate::golden::replay::{self, Read, Wire};
use crate::stage::app::dechunked;

/// An exchange of the capture.
pub struct Recorded {
    pub exchange: Exchange,
    pub request: Vec<u8>,
    pub reply: Option<Vec<u8>>,
}

macro_rules! compare {
    ($wrong:ident; $($what:literal: $expected:expr, $found:expr;)*) => {
        $(if $expected != $found {
            $wrong.push(format!("{}: expected {:?}, found {:?}", $what, $expected, $found));
        })*
    };
}

/// What is recorded otherwise than it was sent or read.
pub fn differences(case: &Case, recorded: &Recorded) -> Vec<String> {
    let row = &case.row;
    let Recorded { exchange, .. } = recorded;
    let mut wrong = heads_otherwise(case, exchange);
    // What was replaced has a note; what else was changed could not be told from it.
    if exchange.notes.iter().any(|note| note.starts_with("secrets replaced in bodies")) {
        return wrong;
    }
    wrong.extend(raw_otherwise(case, recorded));
    let (version, method) = match case.over {
        Over::Http1(..) => ("HTTP/1.1", &row.method),
        Over::Http2 => ("HTTP/2", &row.method),
    };
    compare! {
        wrong;
        "provider": provider(case), exchange.provider.as_deref();
        "origin": case.origin(), exchange.origin;
        "method": *method, exchange.method;
        "version": version, exchange.http_version;
    }
    if let Some(what) = otherwise_than_sent(row.path(), &exchange.path) {
        wrong.push(format!("path: {what}"));
    }
    let body = row.request_body();
    // What stands for a key in the path is not the same in every capture.
    let asked = Asked { path: &exchange.path, ..row.asked(&body) };
    let heard = heard(case);
    match case.ending {
        Ending::Request(_) => {
            compare! {
                wrong;
                "state": State::Interrupted, exchange.state;
                "status": false, exchange.status.is_some();
            }
            return wrong;
        }
        // Of a head that was cut nothing is known.
        Ending::Reply(..) if heard.is_none() => {
            compare! { wrong; "state": State::Interrupted, exchange.state; }
            return wrong;
        }
        _ => {}
    }
    compare! { wrong; "status": row.status, exchange.status; }
    let read = replay::read(&asked, heard.as_ref(), usize::MAX);
    let is_whole = case.ending == Ending::Whole;
    let is_whole = is_whole || read.as_ref().is_some_and(|read| read.is_complete) && is_stream(row);
    let state = state(row.status, read.as_ref(), is_whole);
    compare! { wrong; "state": state, exchange.state; }
    let is_fine = matches!(read.as_ref(), Some(read) if read.decoded.error.is_none());
    if case.ending == Ending::Whole && row.streaming && is_fine && !exchange.streamed {
        wrong.push("not taken for a stream".to_owned());
    }
    wrong.extend(read_otherwise(read, row.status, exchange));
    wrong
}

fn provider(case: &Case) -> Option<&'static str> {
    let (host, port) = case.address();
    let local = || providers::local_provider_of(case.row.path(), port);
    let is_local = host == "localhost" || host.starts_with("127.");
    providers::provider_of(&host).or_else(|| is_local.then(local).flatten())
}

/// Whether a reply comes in pieces that each say something: only then an answer can be
/// complete before the reply is.
fn is_stream(row: &Row) -> bool {
    let lines = ["application/x-jsonl", "application/grpc"];
    let is_lines = |(name, value): &(String, String)| {
        name == "content-type" && lines.iter().any(|lines| value.starts_with(lines))
    };
    row.streaming || row.resp_headers.iter().any(is_lines)
}

fn state(status: Option<u16>, read: Option<&Read>, is_whole: bool) -> State {
    let is_error = read.is_some_and(|read| read.decoded.error.is_some());
    match (is_whole, is_error || status >= Some(400)) {
        (false, _) => State::Interrupted,
        (true, true) => State::Failed,
        (true, false) => State::Complete,
    }
}

/// The reply as far as it was sent, codings undone; `None` if not even its head was.
fn heard(case: &Case) -> Option<Wire> {
    let mut wire = case.row.reply().unwrap();
    let Ending::Reply(at, _) = case.ending else { return Some(wire) };
    let coded = match case.over {
        Over::Http2 => case.reply.bytes[..at].to_vec(),
        Over::Http1(_, framing) => {
            let sent = &http1::reply(case)[..at];
            let body = &sent[head_len(sent)?..];
            if framing == Framing::Chunked { dechunked(body) } else { body.to_vec() }
        }
    };
    wire.body = undone(case.reply.coding, &coded);
    Some(wire)
}

fn undone(coding: Option<Coding>, bytes: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    // What was cut does not end well; what came before is there.
    match coding {
        None => body.extend_from_slice(bytes),
        Some(Coding::Gzip) => {
            let mut decoder = GzDecoder::new(&mut body);
            let _ = decoder.write_all(bytes).and_then(|()| decoder.flush());
        }
        Some(Coding::Deflate) => {
            let mut decoder = ZlibDecoder::new(&mut body);
            let _ = decoder.write_all(bytes).and_then(|()| decoder.flush());
        }
        Some(Coding::Zstd) => {
            let mut decoder = zstd::stream::write::Decoder::new(&mut body).unwrap();
            let _ = decoder.write_all(bytes).and_then(|()| decoder.flush());
        }
        Some(Coding::Brotli) => {
            let mut decoder = brotli::DecompressorWriter::new(&mut body, 4096);
            let _ = decoder.write_all(bytes).and_then(|()| decoder.flush());
        }
    }
    body
}

fn heads_otherwise(case: &Case, exchange: &Exchange) -> Vec<String> {
    let Sent { mut asked, mut told, .. } = sent(case);
    let mut asked_found = exchange.request.headers.clone();
    let mut told_found = exchange.reply.iter().flat_map(|reply| reply.headers.clone()).collect();
    if case.over == Over::Http2 {
        // The library that sends them does not keep the order of lines of different names.
        for lines in [&mut asked, &mut asked_found, &mut told, &mut told_found] {
            lines.sort();
        }
    }
    let request = lines_otherwise("request", &asked, &asked_found);
    request.into_iter().chain(lines_otherwise("reply", &told, &told_found)).collect()
}

/// Bodies as they were on the wire, framing and coding included.
fn raw_otherwise(case: &Case, recorded: &Recorded) -> Vec<String> {
    let Sent { request, reply, .. } = sent(case);
    let body = |kept: &[u8]| head_len(kept).map(|len| kept[len..].to_vec()).unwrap_or_default();
    let kept_reply = recorded.reply.as_deref().unwrap_or_default();
    let both = [("request", request, &recorded.request[..]), ("reply", reply, kept_reply)];
    both.into_iter()
        .filter(|(_, sent, kept)| body(kept) != *sent)
        .map(|(which, sent, kept)| {
            let lens = (sent.len(), body(kept).len());
            format!("the raw body of the {which} is another: sent and kept are {lens:?} bytes")
        })
        .collect()
}

/// Header lines of both sides, and bodies as they were on the wire, as far as they were sent.
struct Sent {
    asked: Headers,
    told: Headers,
    request: Vec<u8>,
    reply: Vec<u8>,
}

fn sent(case: &Case) -> Sent {
    if case.over == Over::Http2 {
        return sent_http2(case);
    }
    let (mut request, mut reply) = (http1::request(case), http1::reply(case));
    match case.ending {
        Ending::Whole => {}
        Ending::Reply(at, _) => reply.truncate(at),
        Ending::Request(at) => {
            request.truncate(at);
            reply.clear();
        }
    }
    let (asked, told) = (lines_of(&request), lines_of(&reply));
    let body = |bytes: Vec<u8>| head_len(&bytes).map(|len| bytes[len..].to_vec());
    let [request, reply] = [request, reply].map(|bytes| body(bytes).unwrap_or_default());
    Sent { asked, told, request, reply }
}

fn sent_http2(case: &Case) -> Sent {
    let head = http2::request_head(case).unwrap();
    let (reply_head, trailers) = http2::reply_head(case);
    let text = |(name, value): (&http::HeaderName, &http::HeaderValue)| {
        (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned())
    };
    let host = ("host".to_owned(), case.row.authority().to_owned());
    let asked = std::iter::once(host).chain(head.headers().iter().map(text)).collect();
    let mut told: Headers = reply_head.iter().map(text).collect();
    let (mut request, mut reply) = (case.request.bytes.clone(), case.reply.bytes.clone());
    match case.ending {
        Ending::Whole => {
            told.extend(trailers.iter().flat_map(|trailers| trailers.iter().map(text)))
        }
        Ending::Reply(at, _) => reply.truncate(at),
        Ending::Request(at) => {
            told.clear();
            request.truncate(at);
            reply.clear();
        }
    }
    Sent { asked, told, request, reply }
}

/// The header lines at the start of `bytes`, if they are whole.
fn lines_of(bytes: &[u8]) -> Headers {
    let head = head_len(bytes).map_or(&[][..], |len| &bytes[..len]);
    let head = std::str::from_utf8(head).unwrap();
    let lines = head.split("\r\n").skip(1).filter_map(|line| line.split_once(": "));
    lines.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

fn lines_otherwise(which: &str, sent: &Headers, found: &Headers) -> Option<String> {
    let names = |lines: &Headers| lines.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
    if names(sent) != names(found) {
        return Some(format!("{which} headers: sent {sent:?}, found {found:?}"));
    }
    let other = sent.iter().zip(found).find_map(|((name, sent), (_, found))| {
        otherwise_than_sent(sent.trim(), found).map(|what| format!("{name}: {what}"))
    });
    other.map(|what| format!("{which} header {what}"))
}

/// A mark, `<kind:hash..last4>`, may stand for any credential; the rest is as it was sent.
fn otherwise_than_sent(sent: &str, found: &str) -> Option<String> {
    let is_same = sent == found || {
        let ends: Vec<&str> = found.split_inclusive('>').collect();
        let kept = ends.iter().map(|piece| piece.split_once('<').map_or(*piece, |(kept, _)| kept));
        let mut rest = Some(sent);
        for kept in kept {
            rest = rest.and_then(|rest| Some(&rest[rest.find(kept)? + kept.len()..]));
        }
        found.contains("..") && rest.is_some_and(|rest| rest.is_empty() || found.ends_with('>'))
    };
    (!is_same).then(|| format!("sent {sent:?}, found {found:?}"))
}

/// What is otherwise than the dialects read it.
fn read_otherwise(read: Option<Read>, status: Option<u16>, exchange: &Exchange) -> Vec<String> {
    let mut wrong = Vec::new();
    let Some(Read { dialect, operation, decoded: expected, .. }) = read else {
        compare! {
            wrong;
            "dialect": None::<String>, exchange.dialect;
            "operation": None::<String>, exchange.operation;
            "error": (status >= Some(400)), exchange.error.is_some();
        }
        return wrong;
    };
    let found = decoded_of(exchange);
    compare! {
        wrong;
        "dialect": Some(dialect), exchange.dialect.as_deref();
        "operation": Some(operation), exchange.operation.as_deref();
        "thread": expected.thread.clone().filter(|named| !is_weak(named.rule)), found.thread;
        "request": expected.request, found.request;
        "reply": expected.reply, found.reply;
        "usage": expected.usage, found.usage;
        "cost_usd": expected.cost_usd, found.cost_usd;
        "first token": expected.first_token_at.is_some(), exchange.first_token_ms.is_some();
    }
    if expected.error.is_some() || status < Some(400) {
        compare! { wrong; "error": expected.error, found.error; }
    } else if found.error.is_none() {
        wrong.push("error: expected some, found none".to_owned());
    }
    if let Some(note) = expected.notes.iter().find(|note| !found.notes.contains(note)) {
        wrong.push(format!("notes: {note:?} is not among {:?}", found.notes));
    }
    wrong
}

/// What the dialect made of it: without what is the recorder's.
fn decoded_of(exchange: &Exchange) -> Decoded {
    let mut request = exchange.request.clone();
    let mut reply = exchange.reply.clone().unwrap_or_default();
    request.headers.clear();
    reply.headers.clear();
    Decoded {
        thread: named(exchange),
        request,
        reply,
        usage: exchange.usage.clone().filter(|usage| usage.source != "estimated"),
        cost_usd: exchange.cost_usd.filter(|_| exchange.cost_source == Some(Cost::Reported)),
        cost_source: exchange.cost_source.filter(|source| *source == Cost::Reported),
        first_token_at: None,
        error: exchange.error.clone(),
        notes: exchange.notes.clone(),
    }
}

/// Names that give way to what the messages say.
fn is_weak(rule: ThreadRule) -> bool {
    matches!(rule, ThreadRule::Trace | ThreadRule::CacheKey)
}

/// The thread as the app names it: the capture names one that the app does not.
fn named(exchange: &Exchange) -> Option<NamedThread> {
    let (name, rule) = (exchange.thread.clone()?, exchange.thread_rule?);
    let names = [ThreadRule::Header, ThreadRule::Metadata, ThreadRule::Field];
    names.contains(&rule).then_some(NamedThread { name, rule })
}

/// The same of a socket: the handshake, and every turn.
pub fn differences_of_socket(socket: &Socket, recorded: &[Recorded]) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut headers = socket.request_lines();
    let (version, status) = match socket.version {
        Version::Http1 => ("HTTP/1.1", 101),
        Version::Http2 => {
            headers.push((":protocol".to_owned(), "websocket".to_owned()));
            ("HTTP/2", 200)
        }
    };
    let asked = socket.asked(&headers);
    let Some((dialect, operation)) = dialect::claim(&asked) else {
        if recorded.is_empty() {
            wrong.push("not recorded".to_owned());
        }
        return wrong;
    };
    for Recorded { exchange, .. } in recorded {
        compare! {
            wrong;
            "version": version, exchange.http_version;
            "status": Some(status), exchange.status;
            "dialect": Some(dialect.name()), exchange.dialect.as_deref();
        }
        wrong.extend(otherwise_than_sent(&socket.path, &exchange.path));
    }
    let (handshakes, mut turns): (Vec<&Recorded>, Vec<&Recorded>) = recorded
        .iter()
        .partition(|recorded| recorded.exchange.operation.as_deref() == Some(operation));
    compare! { wrong; "handshakes": 1, handshakes.len(); }
    let read = replay::converse(&asked, &socket.said).unwrap_or_default();
    for (at, read) in read.into_iter().filter(is_kept).enumerate() {
        let differ: Vec<Vec<String>> =
            turns.iter().map(|turn| turn_otherwise(&read, &turn.exchange, socket)).collect();
        match differ.iter().position(Vec::is_empty) {
            Some(same) => drop(turns.remove(same)),
            None => wrong.push(format!("turn {at} is not recorded; others differ: {differ:?}")),
        }
    }
    for turn in turns {
        wrong.push(format!("recorded, but not read: {:?}", turn.exchange));
    }
    wrong
}

/// What a provider says by itself is no exchange.
fn is_kept(read: &Read) -> bool {
    let Decoded { request, reply, error, .. } = &read.decoded;
    *request != Default::default() || !reply.choices.is_empty() || error.is_some()
}

fn turn_otherwise(read: &Read, exchange: &Exchange, socket: &Socket) -> Vec<String> {
    let Read { dialect, is_complete, decoded, .. } = read;
    let state = match (is_complete, decoded.error.is_some()) {
        // Complete, if the app had not asked for anything yet.
        (false, _) if socket.is_closed() => exchange.state,
        (false, _) => State::Interrupted,
        (true, true) => State::Failed,
        (true, false) => State::Complete,
    };
    let mut wrong = Vec::new();
    compare! { wrong; "state": state, exchange.state; }
    let read = Read {
        dialect,
        operation: "chat",
        is_complete: *is_complete,
        followed: String::new(),
        decoded: decoded.clone(),
    };
    wrong.extend(read_otherwise(Some(read), None, exchange));
    wrong
}
