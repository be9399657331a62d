//! Exchanges derived again from the bytes that are stored of them, by today's dialects.
//!
//! The bytes go through the code that reads tapes. What only the tape knew is kept from what
//! was read before: the id, times, header lines, what was missing, which secrets were replaced.

use std::borrow::Cow;
use std::collections::BTreeMap;

use jiff::Timestamp;

use super::Lexicon;
use super::reader::unwound;
use super::reading::{self, Piece, Stream, pieces, split};
use crate::flow::{Mode, Side};
use crate::model::{Exchange, State};
use crate::observe::http1::Ending;
use crate::store::{FlowRow, RawChunk, RawMessage, StoredExchange, UNCODED};

/// An exchange as the capture has it.
#[derive(Clone, Debug)]
pub struct Kept {
    /// What was read of it.
    pub exchange: Exchange,
    /// Its place in its flow.
    pub place: u32,
    /// Its flow.
    pub flow: FlowRow,
    /// The request's bytes.
    pub request: RawMessage,
    /// The reply's bytes.
    pub reply: Option<RawMessage>,
}

/// Why an exchange stays as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum Unreadable {
    /// A limit or a gap left bytes out.
    #[error("bytes of it are missing")]
    Cut,
    /// Its flow was no protocol that is read.
    #[error("its flow is kept raw")]
    Raw,
    /// A WebSocket inside HTTP/2: what was said is kept, its frames are not.
    #[error("the frames of its WebSocket are not kept")]
    Frames,
    /// A secret stood where the frames are starred.
    #[error("its frames are starred, since a secret stood in them")]
    Starred,
    /// The bytes come to other exchanges than before.
    #[error("its bytes come to another exchange today")]
    Other,
    /// A fault of ours.
    #[error("reading it panicked, which is a fault of Overhear's")]
    Panicked,
}

/// Notes that say what only the tape knew, by what they contain.
const OF_THE_TAPE: [&str; 8] = [
    "are missing: the tape was full",
    "were not kept",
    "secrets replaced in",
    "a secret stood in a compressed",
    "reset the stream",
    "closed the socket",
    "is not recorded",
    // Notes of what was imported begin so.
    IMPORTED,
];

/// How a note begins that says which file an exchange is from.
pub const IMPORTED: &str = "imported from ";

/// What a turn says whose frames are starred.
const STARRED: &str = "its frames are kept starred";

/// Difference of a time that is from the rounding of marks, in milliseconds.
const ROUNDED_MS: f64 = 0.25;

/// Reads an exchange again. One that is a turn of a WebSocket: [`socket_again`].
pub fn again(kept: &Kept, lexicon: &Lexicon) -> Result<StoredExchange, Unreadable> {
    let old = &kept.exchange;
    let cut = kept.request.cut + kept.reply.as_ref().map_or(0, |reply| reply.cut);
    if cut > 0 {
        return Err(Unreadable::Cut);
    }
    if is_turn(old) {
        return Err(Unreadable::Frames);
    }
    let is_http2 = old.http_version == "HTTP/2";
    let is_empty = kept.request.bytes.is_empty() && kept.reply.is_none();
    if old.http_version.is_empty() || is_empty {
        return Err(Unreadable::Raw);
    }
    let plain = Plain::of(kept);
    let read = unwound(|| match is_http2 {
        true => http2(kept, &plain, lexicon),
        false => http1(kept, &plain, lexicon),
    });
    let read = read.map_err(|()| Unreadable::Panicked)?.ok_or(Unreadable::Other)?;
    reconciled(kept, read)
}

/// Reads the turns of a WebSocket again, from the frames behind its handshake; gives each turn
/// that was there before what is read of it now.
pub fn socket_again(
    handshake: &Kept,
    turns: &[Kept],
    chunks: &[RawChunk],
    lexicon: &Lexicon,
) -> Vec<Result<StoredExchange, Unreadable>> {
    let notes = turns.iter().flat_map(|turn| &turn.exchange.notes);
    if notes.clone().any(|note| note.contains(STARRED)) {
        return turns.iter().map(|_| Err(Unreadable::Starred)).collect();
    }
    if chunks.is_empty() {
        return turns.iter().map(|_| Err(Unreadable::Frames)).collect();
    }
    let plain = Plain::of(handshake);
    let mut all = plain.pieces(handshake.exchange.started_at);
    let mut frames: Vec<Piece<'_>> = chunks
        .iter()
        .map(|chunk| Piece { side: chunk.side, at: chunk.at, bytes: &chunk.bytes })
        .collect();
    frames.sort_by_key(|piece| piece.at);
    all.extend(frames);
    let read = unwound(|| reading::exchanges(&handshake.flow, handshake.place, &all, lexicon));
    let Ok(read) = read else {
        return turns.iter().map(|_| Err(Unreadable::Panicked)).collect();
    };
    // One that was told before its end is told again: the last word counts.
    let mut by_place: BTreeMap<u32, StoredExchange> =
        read.into_iter().map(|stored| (stored.place, stored)).collect();
    turns
        .iter()
        .map(|turn| {
            let read = by_place.remove(&turn.place).ok_or(Unreadable::Other)?;
            reconciled(turn, read)
        })
        .collect()
}

/// Whether the exchange is a turn of a WebSocket.
pub fn is_turn(exchange: &Exchange) -> bool {
    let switched = match exchange.http_version.as_str() {
        "HTTP/2" => exchange.method == "CONNECT",
        _ => exchange.status == Some(101),
    };
    switched && exchange.operation.as_deref().is_some_and(|operation| operation != "connect")
}

/// The bytes of an exchange with heads that fit them.
struct Plain<'a> {
    request: Cow<'a, RawMessage>,
    reply: Option<Cow<'a, RawMessage>>,
}

impl<'a> Plain<'a> {
    fn of(kept: &'a Kept) -> Self {
        let is_uncoded = |which: &str| {
            let notes = &kept.exchange.notes;
            notes.iter().any(|note| note.starts_with(which) && note.contains(UNCODED))
        };
        let plain = |raw: &'a RawMessage, which: &str| match is_uncoded(which) {
            true => Cow::Owned(uncoded(raw)),
            false => Cow::Borrowed(raw),
        };
        Self {
            request: plain(&kept.request, "request: "),
            reply: kept.reply.as_ref().map(|reply| plain(reply, "reply: ")),
        }
    }

    /// The bytes of both sides in the order in which they came.
    fn pieces(&self, started_at: Timestamp) -> Vec<Piece<'_>> {
        let mut all = pieces(Side::Downstream, started_at, &self.request);
        if let Some(reply) = &self.reply {
            all.extend(pieces(Side::Upstream, started_at, reply));
        }
        all.sort_by_key(|piece| piece.at);
        all
    }
}

/// A body that is kept decoded under the head it came with: the same with a head that says so.
fn uncoded(raw: &RawMessage) -> RawMessage {
    let Some((head, body)) = split(&raw.bytes) else { return raw.clone() };
    let mut bytes = Vec::with_capacity(raw.bytes.len() + 32);
    for line in head.split_inclusive(|byte| *byte == b'\n') {
        let name = line.split(|byte| *byte == b':').next().unwrap_or_default();
        let says_how = [&b"content-encoding"[..], b"transfer-encoding", b"content-length"];
        if line == b"\r\n" {
            bytes.extend_from_slice(format!("content-length: {}\r\n", body.len()).as_bytes());
        }
        if !says_how.iter().any(|how| name.eq_ignore_ascii_case(how)) {
            bytes.extend_from_slice(line);
        }
    }
    bytes.extend_from_slice(body);
    let marks = raw.marks.first().map(|(_, at)| (0, *at)).into_iter().collect();
    RawMessage { bytes, marks, cut: raw.cut }
}

fn http1(kept: &Kept, plain: &Plain<'_>, lexicon: &Lexicon) -> Option<StoredExchange> {
    let pieces = plain.pieces(kept.exchange.started_at);
    let read = reading::exchanges(&kept.flow, kept.place, &pieces, lexicon);
    // The bytes of one exchange are one exchange.
    read.into_iter().find(|stored| stored.place == kept.place)
}

fn http2(kept: &Kept, plain: &Plain<'_>, lexicon: &Lexicon) -> Option<StoredExchange> {
    let old = &kept.exchange;
    let lines = |raw: &RawMessage| {
        let head = split(&raw.bytes).map(|(head, _)| head).unwrap_or_default();
        head.split(|byte| *byte == b'\n').count().saturating_sub(3)
    };
    let reply = kept.reply.as_ref();
    let had = old.reply.as_ref().map(|reply| reply.headers.as_slice()).unwrap_or_default();
    let is_cut = old.state == State::Interrupted;
    let ended = if is_cut { Ending::Cut } else { Ending::Framed };
    let asked = if is_cut && reply.is_none() { Ending::Cut } else { Ending::Framed };
    reading::stream(
        &Stream {
            flow: &kept.flow,
            id: old.id,
            place: kept.place,
            started_at: old.started_at,
            request: &plain.request,
            reply: plain.reply.as_deref(),
            trailers: had.get(reply.map(lines).unwrap_or_default()..).unwrap_or_default(),
            asked,
            ended,
        },
        lexicon,
    )
}

/// What is read now, with what only the tape knew.
fn reconciled(kept: &Kept, mut read: StoredExchange) -> Result<StoredExchange, Unreadable> {
    let old = &kept.exchange;
    let new = &mut read.exchange;
    if old.reply.is_some() != new.reply.is_some() || old.status != new.status {
        return Err(Unreadable::Other);
    }
    new.id = old.id;
    new.flow = old.flow;
    new.started_at = old.started_at;
    new.app = old.app.clone();
    new.first_byte_ms = old.first_byte_ms;
    new.duration_ms = old.duration_ms;
    new.method.clone_from(&old.method);
    new.path.clone_from(&old.path);
    new.annotations = old.annotations.clone();
    (new.thread, new.thread_rule) = (old.thread.clone(), old.thread_rule);
    (new.parent, new.inherited) = (old.parent, old.inherited);
    if let (Some(had), Some(has)) = (old.first_token_ms, new.first_token_ms)
        && ((had - has).abs() < ROUNDED_MS || is_turn(old))
    {
        // Of a message that came in several pieces, its chunk has the time of the first.
        new.first_token_ms = Some(had);
    }
    if kept.flow.opened.mode == Mode::Imported {
        // The recording does not say when each piece of a body came.
        new.first_token_ms = old.first_token_ms;
    }
    new.request.headers.clone_from(&old.request.headers);
    if let (Some(had), Some(has)) = (&old.reply, &mut new.reply) {
        has.headers.clone_from(&had.headers);
    }
    // How the connection ended may not be known any more.
    if new.state == State::Interrupted && old.state != State::Interrupted {
        new.state = old.state;
    }
    new.notes = notes(&old.notes, std::mem::take(&mut new.notes));
    read.place = kept.place;
    read.request = kept.request.clone();
    read.reply = kept.reply.clone();
    Ok(read)
}

/// The notes of today, those of the tape among them, in the order that they had.
fn notes(old: &[String], new: Vec<String>) -> Vec<String> {
    let is_of_the_tape = |note: &String| OF_THE_TAPE.iter().any(|of| note.contains(of));
    let stays = |note: &&String| is_of_the_tape(note) || new.contains(note);
    let mut notes: Vec<String> = old.iter().filter(stays).cloned().collect();
    let told: Vec<String> =
        new.into_iter().filter(|note| !is_of_the_tape(note) && !notes.contains(note)).collect();
    notes.extend(told);
    notes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_of_the_tape_stay_and_others_are_todays() {
        let words = |notes: &[&str]| notes.iter().map(|&note| note.to_owned()).collect::<Vec<_>>();
        let gap = "7 bytes of the reply are missing: the tape was full";
        for (rule, old, new, expected) in [
            ("none", &[][..], &[][..], &[][..]),
            ("the same keep their order", &["a", gap, "b"], &["b", "a"], &["a", gap, "b"]),
            ("a new one comes last", &["a"], &["n", "a"], &["a", "n"]),
            ("one that is not said any more goes", &["a", gap], &[], &[gap]),
        ] {
            assert_eq!(notes(&words(old), words(new)), expected, "{rule}");
        }
    }
}
