//! What is played: which exchange over which transport, cut where and by whom, with which
//! others on one connection.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::case::{Case, Cut, Ending, Framing, Over};
use super::frames::Extension;
use super::http1;
use super::http2;
use super::script::Script;
use super::socket::{Recording, Socket, Version};
use crate::corpus::{self, Row};
use crate::golden;
use crate::support::chance::Chance;

/// Most exchanges on one connection of HTTP/1.1.
const EXCHANGES_MAX: usize = 50;

/// Most streams on one connection of HTTP/2; more than the origin allows at once.
const STREAMS_MAX: usize = 60;

/// Most streams on a connection that ends while all of them are open.
const OPEN_STREAMS_MAX: usize = 20;

/// One of so many exchanges is played once more and cut; over HTTP/1.1, and over HTTP/2.
const CUT_ONE_OF: usize = 9;

/// What one connection carries: the places of cases, or the place of a socket.
pub enum Job {
    Http1(Vec<usize>),
    Http2(Vec<usize>),
    Socket(usize),
}

/// Everything that is recorded with both halves; without a corpus, says so.
pub fn script() -> Option<Script> {
    let only = std::env::var("OVERHEAR_REPLAY").unwrap_or_default();
    let (sockets, rows): (Vec<Row>, Vec<Row>) = corpus::all_rows()?
        .filter(|row| row.api.starts_with(&only))
        .partition(|row| row.ws_frames.is_some());
    let is_whole = |row: &Row| row.req_recorded == Some(true) && row.resp_recorded == Some(true);
    let rows: Vec<Arc<Row>> = rows.into_iter().filter(is_whole).map(Arc::new).collect();
    let mut cases = Vec::new();
    for (at, row) in rows.iter().enumerate() {
        cases.push(Case::http1(cases.len(), row));
        if at % CUT_ONE_OF == 0 {
            cases.extend(cut_http1(Case::http1(cases.len(), row), at / CUT_ONE_OF));
        }
        let case = Case::new(cases.len(), row, Over::Http2);
        if !row.is_https() || http2::request_head(&case).is_err() {
            continue;
        }
        cases.push(case);
        if at % CUT_ONE_OF == 1 {
            let case = Case::new(cases.len(), row, Over::Http2);
            cases.extend(cut_http2(case, at / CUT_ONE_OF));
        }
    }
    let sockets = all_sockets(cases.len(), &sockets);
    Some(Script::new(cases, sockets))
}

const CUTS: [Cut; 4] = [Cut::OriginCloses, Cut::OriginResets, Cut::AppCloses, Cut::AppResets];

/// Cut anywhere in the reply or, one of eight, in the request's body.
fn cut_http1(mut case: Case, turn: usize) -> Option<Case> {
    let chance = &mut Chance::new(case.number as u64 + 5);
    if let Over::Http1(asks, Framing::Close) = case.over {
        // Of such a body nobody can say that it was cut.
        case.over = Over::Http1(asks, Framing::Chunked);
    }
    if turn.is_multiple_of(8) && !case.request.bytes.is_empty() {
        let request = http1::request(&case);
        let head = http1::head_len(&request).unwrap();
        case.ending = Ending::Request(chance.of(head..request.len()));
        return Some(case);
    }
    let Over::Http1(_, Framing::Length | Framing::Chunked) = case.over else { return None };
    if case.reply.bytes.is_empty() {
        return None;
    }
    let len = http1::reply(&case).len();
    // Few in the head: there is little to see there.
    let first = if turn.is_multiple_of(5) { 1 } else { len - case.reply.bytes.len().min(len / 2) };
    case.ending = Ending::Reply(chance.of(first..len), CUTS[turn % CUTS.len()]);
    Some(case)
}

fn cut_http2(mut case: Case, turn: usize) -> Option<Case> {
    let chance = &mut Chance::new(case.number as u64 + 6);
    if turn.is_multiple_of(8) && case.request.bytes.len() > 1 {
        case.ending = Ending::Request(chance.of(1..case.request.bytes.len()));
        return Some(case);
    }
    let at = chance.of(0..case.reply.bytes.len().max(1));
    case.ending = Ending::Reply(at, CUTS[turn % CUTS.len()]);
    (!case.reply.bytes.is_empty()).then_some(case)
}

/// The recorded sockets and the golden ones, each over both versions and with all extensions.
fn all_sockets(first: usize, rows: &[Row]) -> Vec<Socket> {
    let mut sockets = Vec::new();
    for version in [Version::Http1, Version::Http2] {
        for extension in [Extension::None, Extension::Deflate, Extension::DeflateAlone] {
            for row in rows {
                let (host, path) = (row.host(), row.path());
                let (id, api, headers) = (&row.id, &row.api, &row.req_headers);
                let said = row.said();
                let recording = Recording { id, api, host, path, headers, said };
                sockets.push(Socket::new(first + sockets.len(), recording, version, extension));
            }
            for ([api, id], request, said) in golden::sockets() {
                let asked = golden::asked(&request);
                let (host, path, headers) = (asked.host, asked.path, asked.headers);
                let recording = Recording { id: &id, api: &api, host, path, headers, said };
                sockets.push(Socket::new(first + sockets.len(), recording, version, extension));
            }
        }
    }
    sockets
}

/// The cases by connection.
pub fn jobs(script: &Script) -> Vec<Job> {
    let mut kept: BTreeMap<_, Vec<usize>> = BTreeMap::new();
    for (at, case) in script.cases.iter().enumerate() {
        let ends_connection = match (case.over, case.ending) {
            (Over::Http2, Ending::Reply(_, Cut::OriginCloses)) => 1,
            (Over::Http2, Ending::Reply(_, Cut::AppResets)) => 2,
            _ => 0,
        };
        let is_http2 = case.over == Over::Http2;
        kept.entry((is_http2, case.address(), ends_connection)).or_default().push(at);
    }
    let sockets = (0..script.sockets.len()).map(Job::Socket);
    let exchanges = kept.iter().flat_map(|((is_http2, _, ends_connection), cases)| {
        let (max, job): (_, fn(Vec<usize>) -> Job) = match (is_http2, ends_connection) {
            (true, 0) => (STREAMS_MAX, Job::Http2),
            (true, _) => (OPEN_STREAMS_MAX, Job::Http2),
            (false, _) => (EXCHANGES_MAX, Job::Http1),
        };
        cases.chunks(max).map(move |chunk| job(chunk.to_vec()))
    });
    exchanges.chain(sockets).collect()
}

/// The word in the table.
pub fn transport(case: &Case) -> &'static str {
    match (case.over, case.ending) {
        (Over::Http1(..), Ending::Whole) => "h1",
        (Over::Http1(..), _) => "h1, cut",
        (Over::Http2, Ending::Whole) => "h2",
        (Over::Http2, _) => "h2, cut",
    }
}

/// The word in the table.
pub fn transport_of_socket(socket: &Socket) -> &'static str {
    match socket.version {
        Version::Http1 => "ws",
        Version::Http2 => "ws on h2",
    }
}
