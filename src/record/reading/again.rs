//! What was stored of a flow, read by the code that reads tapes.

use jiff::{SignedDuration, Timestamp};

use super::{State, Wire};
use crate::flow::{Process, Side};
use crate::observe::http1::{Decoder, Ending, Framing, Head, Start};
use crate::record::assemble::{Around, assemble};
use crate::record::draft::{Draft, Place};
use crate::record::secrets::Found;
use crate::record::{Lexicon, Unfollowed};
use crate::store::{Entry, FlowRow, RawMessage, StoredExchange};
use crate::tape::Kept;
use uuid::Uuid;

/// Bytes of a side, and when they came.
pub(in crate::record) struct Piece<'a> {
    pub(in crate::record) side: Side,
    pub(in crate::record) at: Timestamp,
    pub(in crate::record) bytes: &'a [u8],
}

/// The exchanges that the bytes of a flow come to, from `place` on, in the order of their ends;
/// one that is told several times comes as often.
pub(in crate::record) fn exchanges(
    flow: &FlowRow,
    place: u32,
    pieces: &[Piece<'_>],
    lexicon: &Lexicon,
) -> Vec<StoredExchange> {
    let entries = entries(flow, place, pieces, lexicon).into_iter();
    let exchanges = entries.filter_map(|entry| match entry {
        Entry::Exchange(stored) => Some(*stored),
        _ => None,
    });
    exchanges.collect()
}

/// All that the bytes of a flow come to: its exchanges, and the frames of its socket.
pub(in crate::record) fn entries(
    flow: &FlowRow,
    place: u32,
    pieces: &[Piece<'_>],
    lexicon: &Lexicon,
) -> Vec<Entry> {
    let kept = Kept { place: u64::from(place), ..Kept::default() };
    let mut state = State {
        opened: Some(flow.opened.clone()),
        process: process(flow),
        endings: flow.endings,
        closed_at: flow.closed_at.or_else(|| pieces.last().map(|piece| piece.at)),
        ..State::new(flow.opened.flow, Wire::Http1, kept)
    };
    let mut decoders = [Decoder::requests(), Decoder::replies()];
    for Piece { side, at, bytes } in pieces {
        *side.of_mut(&mut state.seen) += bytes.len() as u64;
        match state.wire {
            Wire::Http1 => {
                state.feed_http1(*side, *at, bytes, &mut decoders, lexicon, &mut Unfollowed);
            }
            _ => state.take_bytes(*side, *at, bytes, lexicon, &mut Unfollowed),
        }
    }
    state.close(&mut decoders, [0; 2], lexicon, &mut Unfollowed);
    state.flush_raw(lexicon);
    state.out
}

/// What is known of a stream of HTTP/2.
pub(in crate::record) struct Stream<'a> {
    pub(in crate::record) flow: &'a FlowRow,
    pub(in crate::record) id: Uuid,
    pub(in crate::record) place: u32,
    pub(in crate::record) started_at: Timestamp,
    pub(in crate::record) request: &'a RawMessage,
    pub(in crate::record) reply: Option<&'a RawMessage>,
    /// Header lines that came behind the reply's body: its bytes do not have them.
    pub(in crate::record) trailers: &'a [(String, String)],
    /// How the request ended.
    pub(in crate::record) asked: Ending,
    /// How the reply ended.
    pub(in crate::record) ended: Ending,
}

/// The exchange that a stream of HTTP/2 comes to: its heads are stored as text, its frames are
/// not.
pub(in crate::record) fn stream(stream: &Stream<'_>, lexicon: &Lexicon) -> Option<StoredExchange> {
    let Stream { flow, id, place, started_at, request, reply, trailers, asked, ended } = *stream;
    let follow = &mut Unfollowed;
    let process = process(flow);
    let around = Around { opened: &flow.opened, process: process.as_ref() };
    let place = Place { place, tape_at: 0, sent_before: 0 };
    let mut draft = Draft::new(id, started_at, place, Found::default());
    let (head, body) = split(&request.bytes)?;
    draft.request.wire(head, 0);
    draft.take_request_head(parsed(head, Side::Downstream)?, lexicon);
    draft.request.wire(body, 0);
    draft.request.body(body, |_| {});
    draft.end_request(asked, &flow.opened.origin, lexicon, follow);
    if let Some(reply) = reply {
        let (head, _) = split(&reply.bytes)?;
        let mut last = started_at;
        for piece in pieces(Side::Upstream, started_at, reply) {
            last = piece.at;
            draft.first_byte_at.get_or_insert(last);
            draft.last_at = last;
            let since = draft.since_start(last);
            let mut bytes = piece.bytes;
            if draft.reply.head.is_none() {
                // It came whole, and its bytes are before the body's.
                draft.reply.wire(head, since);
                draft.take_reply_head(parsed(head, Side::Upstream)?, lexicon, follow);
                bytes = bytes.get(head.len()..).unwrap_or_default();
            }
            draft.reply.wire(bytes, since);
            draft.reply_body(bytes, last, lexicon, follow);
        }
        if !trailers.is_empty() {
            draft.take_trailers(trailers.to_vec(), last, lexicon, follow);
        }
        draft.end_reply(ended, last, lexicon, follow);
    }
    Some(assemble(draft, &around, lexicon).0)
}

/// The bytes of a side as they came.
pub(in crate::record) fn pieces(
    side: Side,
    started_at: Timestamp,
    raw: &RawMessage,
) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut marks = raw.marks.iter().copied().peekable();
    let (mut from, mut ns) = (0, marks.peek().map_or(0, |(_, ns)| *ns));
    let mut push = |from: usize, to: usize, ns: i64| {
        if let Some(bytes) = raw.bytes.get(from..to).filter(|bytes| !bytes.is_empty()) {
            let at =
                started_at.saturating_add(SignedDuration::from_nanos(ns)).unwrap_or(started_at);
            pieces.push(Piece { side, at, bytes });
        }
    };
    for (offset, next) in marks {
        let to = usize::try_from(offset).unwrap_or(usize::MAX).min(raw.bytes.len());
        push(from, to, ns);
        (from, ns) = (from.max(to), next);
    }
    push(from, raw.bytes.len(), ns);
    pieces
}

fn process(flow: &FlowRow) -> Option<Process> {
    let (name, pid) = flow.app.process.clone().zip(flow.app.pid)?;
    Some(Process { name, pid })
}

/// Head and body of what is stored of one side.
pub(in crate::record) fn split(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end =
        if bytes.starts_with(b"\r\n") { 2 } else { memchr::memmem::find(bytes, b"\r\n\r\n")? + 4 };
    bytes.split_at_checked(end)
}

/// A head of HTTP/2 as its text has it.
fn parsed(head: &[u8], side: Side) -> Option<Head> {
    let text = String::from_utf8_lossy(head);
    let mut lines = text.split("\r\n");
    let first = lines.next()?;
    let start = match side {
        Side::Downstream => {
            let (method, rest) = first.split_once(' ').unwrap_or_default();
            let target = rest.strip_suffix("HTTP/2").unwrap_or(rest).trim_end();
            Start::Request { method: method.to_owned(), target: target.to_owned() }
        }
        Side::Upstream => {
            let status = first.rsplit(' ').next().and_then(|status| status.parse().ok());
            Start::Reply { status: status.unwrap_or_default(), reason: String::new() }
        }
    };
    let headers = lines.filter_map(|line| {
        // A pseudo-field that stays begins with a colon of its own.
        let colon = line.get(1..)?.find(": ")? + 1;
        Some((line.get(..colon)?.to_owned(), line.get(colon + 2..)?.to_owned()))
    });
    let headers = headers.collect();
    Some(Head { start, version: "HTTP/2".to_owned(), headers, framing: Framing::UntilClose })
}
