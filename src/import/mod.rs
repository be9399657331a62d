//! Recordings of other tools brought into the capture: HTTP archives, mitmproxy's flows, our own
//! JSON lines.
//!
//! Heads and bodies of a recording become HTTP/1.1 again, and that is read by the code that reads
//! tapes; an exchange that we exported is taken as it is. A file is read from its beginning to
//! its end, one entry at a time: what is wrong with an entry costs that one.

mod bring;
mod elements;
mod exported;
mod file;
mod frame;
mod har;
mod mitmproxy;
mod recording;
#[cfg(test)]
mod tests;
pub mod tnetstring;

use std::collections::BTreeMap;

use jiff::Timestamp;
use uuid::Uuid;

pub use bring::{Importer, Scope};
pub use file::{Format, ImportError, import};

use crate::model::Exchange;
use crate::record;
use recording::Recording;

/// What an entry comes to.
enum Read {
    Recording(Box<Found>),
    Exchange(Box<Exchange>),
    /// Nothing that a model could be asked with.
    Foreign,
    /// A flow of another protocol, such as `tcp`.
    OtherKind(String),
}

/// A recording in its file.
struct Found {
    recording: Recording,
    /// The exchange that it was, if it is of our own export.
    exchange: Option<Uuid>,
    /// Its flow, if it is.
    flow: Option<Uuid>,
}

/// What became of a file.
#[derive(Debug, Default)]
pub struct Tally {
    /// Exchanges that were brought in.
    pub imported: u64,
    /// Entries of which the capture has the exchanges.
    pub known: u64,
    /// Entries that ask no model.
    pub foreign: u64,
    /// Flows of other protocols, by their names.
    pub others: BTreeMap<String, u64>,
    /// Entries that could not be read.
    pub unread: u64,
    /// Of those, what is not even a damaged exchange of ours.
    strange: u64,
    /// The first of the unread: their numbers in the file, from 1, and why.
    pub reasons: Vec<(u64, Unread)>,
    /// What is wrong with the file as a whole, such as that its end is missing.
    pub fault: Option<String>,
    /// Entries gone through.
    pub entries: u64,
}

/// Most reasons that are kept of a file: one that is no recording at all has one a line.
const REASONS_MAX: usize = 20;

/// Most kinds of other protocols that are told apart.
const KINDS_MAX: usize = 16;

impl Tally {
    fn refuse(&mut self, why: Unread) {
        self.unread += 1;
        self.strange += u64::from(matches!(why, Unread::Strange));
        if self.reasons.len() < REASONS_MAX {
            self.reasons.push((self.entries, why));
        }
    }

    fn other(&mut self, kind: String) {
        let is_new = !self.others.contains_key(&kind);
        let kind = if is_new && self.others.len() >= KINDS_MAX { "other".to_owned() } else { kind };
        *self.others.entry(kind).or_default() += 1;
    }
}

/// Why an entry cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum Unread {
    /// It is not the JSON that it should be.
    #[error("{0}")]
    Json(Box<serde_json::Error>),
    /// It is no exchange, not even a damaged one.
    #[error("it is no exchange as `overhear export` writes them")]
    Strange,
    /// It would take too much memory.
    #[error("it has {0} bytes, which is more than can be read of one")]
    TooLong(u64),
    /// When it was cannot be told.
    #[error("its time is none, or is before 1970 or beyond 2261")]
    Time,
    /// Its method is no word.
    #[error("its method is none")]
    Method,
    /// Where it went cannot be told.
    #[error("its origin is none")]
    Origin,
    /// A value that is no flow.
    #[error("it is no flow")]
    NoFlow,
    /// A flow without a request.
    #[error("it has no request")]
    NoRequest,
    /// A flow of an old mitmproxy.
    #[error("mitmproxy wrote it before version 9: read and write it with a newer `mitmdump` first")]
    Version,
    /// Its bytes come to nothing.
    #[error(transparent)]
    Bytes(#[from] record::Unreadable),
}

/// A time that the capture can keep.
fn usable(time: Timestamp) -> Option<Timestamp> {
    const END: i64 = 9_214_646_400;
    Some(time).filter(|time| (0..END).contains(&time.as_second()))
}

/// A time in seconds since 1970.
fn seconds(seconds: f64) -> Option<Timestamp> {
    let nanos = Some(seconds * 1e9).filter(|nanos| nanos.is_finite())?;
    // Whole microseconds: a float has no more.
    usable(Timestamp::from_microsecond((nanos / 1e3).round() as i64).ok()?)
}
