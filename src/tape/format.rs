//! What stands on a tape.
//!
//! A page of head, then records, 8-byte aligned, in the machine's byte order (a tape never
//! leaves its machine):
//!
//! ```text
//! head    magic 8 · flow 16 · committed u64 · lost u64 ×2 · kept_from u64 · stored u64 ×2 · place u64
//! record  kind u8 · side u8 · 0 u16 · len u32 · at i64 (UTC ns) · offset u64 · payload · padding
//! pad     0xFF u8 · 0 u8 · 0 u16 · len u32
//! ```
//!
//! `offset` of a `Bytes` record counts that side's bytes from the flow's beginning: a jump
//! is a gap.

use jiff::Timestamp;

use crate::flow::{Ending, Opened, Process, Side};

/// First bytes of a tape; the last is the format's version.
pub(super) const MAGIC: [u8; 8] = *b"OHTAPE\0\x01";
/// Size of the head: one page, mapped apart from the records.
pub(super) const HEAD_BYTES: u64 = 4096;
/// Where `committed` stands in the head: the offset up to which records are whole.
pub(super) const COMMITTED_AT: usize = 24;
/// Where the two counts of bytes that no record holds stand, one a side.
pub(super) const LOST_AT: [usize; 2] = [32, 40];
/// Where the recorder's mark stands: `kept_from`, `stored` of both sides, `place`.
pub(super) const KEPT_AT: u64 = 48;
/// Bytes of a record before its payload.
pub(super) const RECORD_HEAD_BYTES: usize = 24;
/// Records begin at multiples of this.
pub(super) const ALIGN: usize = 8;
/// Largest payload of one record: larger pieces are cut into several.
pub(super) const PAYLOAD_BYTES_MAX: usize = 64 << 10;

pub(super) const PAD: u8 = 0xFF;
const OPENED: u8 = 1;
const BYTES: u8 = 2;
const PROCESS: u8 = 3;
const ENDED: u8 = 4;
const CLOSED: u8 = 5;

/// One thing told on a tape.
#[derive(Clone, Debug, PartialEq)]
pub enum Record<'a> {
    /// The flow began.
    Opened(Box<Opened>),
    /// A side sent bytes.
    Bytes {
        /// Whose.
        side: Side,
        /// When they were read from that side's connection.
        at: Timestamp,
        /// How many bytes that side had sent before.
        offset: u64,
        /// The bytes.
        bytes: &'a [u8],
    },
    /// The system told which process opened the connection.
    Process(Process),
    /// A side ended.
    Ended {
        /// Which.
        side: Side,
        /// When.
        at: Timestamp,
        /// How.
        ending: Ending,
    },
    /// The flow is over: nothing follows.
    Closed {
        /// When.
        at: Timestamp,
    },
}

/// Why a tape cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub enum TapeError {
    /// The limit of all tapes together is reached.
    #[error("the tapes are full ({limit} bytes): what is not stored yet fills them")]
    Full {
        /// In bytes.
        limit: u64,
    },
    /// The file system said no.
    #[error("cannot {doing} the tape `{path}`: {source}")]
    Io {
        /// What was tried.
        doing: &'static str,
        /// The file.
        path: String,
        /// Why not.
        source: std::io::Error,
    },
    /// The file is no tape, or one of another version.
    #[error("`{path}` is not a tape of this version")]
    Foreign {
        /// The file.
        path: String,
    },
}

/// A record's head, and a payload that had to be made for it.
pub(super) fn encode(record: &Record<'_>) -> ([u8; RECORD_HEAD_BYTES], Vec<u8>) {
    let now = Timestamp::now();
    let (kind, side, at, offset, payload) = match record {
        Record::Opened(opened) => (OPENED, 0, opened.at, 0, to_json(opened)),
        Record::Process(process) => (PROCESS, 0, now, 0, to_json(process)),
        Record::Ended { side, at, ending } => (ENDED, side.index() as u8, *at, 0, to_json(ending)),
        Record::Closed { at } => (CLOSED, 0, *at, 0, Vec::new()),
        Record::Bytes { side, at, offset, bytes } => {
            return (bytes_head(*side, *at, *offset, bytes.len()), bytes.to_vec());
        }
    };
    (head(kind, side, payload.len(), at, offset), payload)
}

/// The head of a `Bytes` record.
pub(super) fn bytes_head(
    side: Side,
    at: Timestamp,
    offset: u64,
    len: usize,
) -> [u8; RECORD_HEAD_BYTES] {
    head(BYTES, side.index() as u8, len, at, offset)
}

fn head(kind: u8, side: u8, len: usize, at: Timestamp, offset: u64) -> [u8; RECORD_HEAD_BYTES] {
    let mut head = [0; RECORD_HEAD_BYTES];
    let nanos = i64::try_from(at.as_nanosecond()).unwrap_or(i64::MAX);
    let (front, rest) = head.split_at_mut(8);
    front.copy_from_slice(&front_word(kind, side, len));
    let (time, place) = rest.split_at_mut(8);
    time.copy_from_slice(&nanos.to_ne_bytes());
    place.copy_from_slice(&offset.to_ne_bytes());
    head
}

/// The first eight bytes of a record: all there is of a pad.
pub(super) fn front_word(kind: u8, side: u8, len: usize) -> [u8; 8] {
    let len = u32::try_from(len).unwrap_or(u32::MAX).to_ne_bytes();
    [kind, side, 0, 0, len[0], len[1], len[2], len[3]]
}

fn to_json<T: serde::Serialize>(value: &T) -> Vec<u8> {
    // Plain data with string keys: it always serialises, and an empty payload is skipped.
    serde_json::to_vec(value).unwrap_or_default()
}

/// What is found at the front of `bytes`.
pub(super) enum Found<'a> {
    /// A record (`None`: of a kind that this version does not know), and the bytes it takes.
    Record(Option<Record<'a>>, usize),
    /// More bytes are needed.
    Short,
}

/// Reads the record at the front of `bytes`. Never fails: what makes no sense is skipped.
pub(super) fn decode(bytes: &[u8]) -> Found<'_> {
    let Some(([kind, side, _, _, l0, l1, l2, l3], rest)) = bytes.split_first_chunk::<8>() else {
        return Found::Short;
    };
    let len = u32::from_ne_bytes([*l0, *l1, *l2, *l3]) as usize;
    if *kind == PAD {
        return match bytes.len() >= 8 + len {
            true => Found::Record(None, 8 + len),
            false => Found::Short,
        };
    }
    let Some((at, rest)) = rest.split_first_chunk::<8>() else { return Found::Short };
    let Some((offset, rest)) = rest.split_first_chunk::<8>() else { return Found::Short };
    let Some(payload) = rest.get(..len) else { return Found::Short };
    let at = Timestamp::from_nanosecond(i64::from_ne_bytes(*at).into()).unwrap_or_default();
    let side = if *side == 0 { Side::Downstream } else { Side::Upstream };
    let record = match *kind {
        OPENED => serde_json::from_slice(payload).ok().map(|o| Record::Opened(Box::new(o))),
        BYTES => {
            let offset = u64::from_ne_bytes(*offset);
            Some(Record::Bytes { side, at, offset, bytes: payload })
        }
        PROCESS => serde_json::from_slice(payload).ok().map(Record::Process),
        ENDED => {
            serde_json::from_slice(payload).ok().map(|ending| Record::Ended { side, at, ending })
        }
        CLOSED => Some(Record::Closed { at }),
        _ => None,
    };
    Found::Record(record, padded(RECORD_HEAD_BYTES + len))
}

/// Rounds up to where the next record may begin.
pub(super) fn padded(len: usize) -> usize {
    len.next_multiple_of(ALIGN)
}
