//! The recorder: reads tapes, drives decoders and dialects, writes the capture.
//!
//! It runs on a thread of its own and shares no lock with the relay. What is on a tape is
//! given back only once it is stored, so a slow or locked disk costs tape, not exchanges; a
//! panic in a decoder costs the reading of one exchange (invariants 3 to 6).

mod again;
mod assemble;
mod body;
mod brought;
mod capture;
mod chunks;
mod count;
mod draft;
mod following;
mod half;
mod keeping;
mod leaks;
mod notice;
mod opaque;
mod reader;
mod reading;
mod recover;
pub mod secrets;
mod standing;
mod turn;
mod whole;
mod worker;

use jiff::Timestamp;
use uuid::Uuid;

pub use again::{
    IMPORTED, Kept as Recorded, Unreadable, again, is_turn as is_socket_turn, socket_again,
};
pub use body::body;
pub use brought::redact;
pub use capture::{Capture, Durability, LexiconOf};
pub use following::Following;
pub use notice::{Notice, Notify};
pub use reading::FlowReading;
pub use recover::{Recovered, recover};
pub use standing::Standing;
pub use turn::is_open;
pub use whole::{Whole, whole};
pub use worker::{Beside, Recorder};

use crate::dialect::{self, Asked, Dialect, Grown};
use crate::flow::FlowId;
use crate::model::{Fingerprinter, Request};
use crate::price::Prices;
use crate::tokens::Counter;
use secrets::{Bodies, Redactor};

/// Finds the dialect of a request, and the operation.
pub type Claim = fn(&Asked<'_>) -> Option<(&'static dyn Dialect, &'static str)>;

/// What reading needs beside the tape.
pub struct Lexicon {
    /// Finds the dialect of a request.
    pub claim: Claim,
    /// Replaces secrets before anything is handed on.
    pub redactor: Redactor,
    /// Counts tokens where a provider does not.
    pub counter: Counter,
    /// What tokens cost.
    pub prices: Prices,
}

impl Lexicon {
    /// All dialects; fingerprints under the capture's key; list prices.
    pub fn new(key: [u8; 32]) -> Self {
        Self::with_bodies(key, Bodies::Replaced)
    }

    /// The same, doing so with the secrets in bodies.
    pub fn with_bodies(key: [u8; 32], bodies: Bodies) -> Self {
        Self {
            claim: dialect::claim,
            redactor: Redactor::new(Fingerprinter::new(key)).with_bodies(bodies),
            counter: Counter::default(),
            prices: Prices::default(),
        }
    }
}

/// Follows exchanges while they run.
pub trait Follow {
    /// A request has come whole.
    fn asked(&mut self, asked: &Live<'_>);
    /// The answer grew.
    fn grown(&mut self, id: Uuid, grown: Grown<'_>);
}

/// Follows nothing.
pub struct Unfollowed;

impl Follow for Unfollowed {
    fn asked(&mut self, _: &Live<'_>) {}
    fn grown(&mut self, _: Uuid, _: Grown<'_>) {}
}

/// What is known of an exchange whose request has come.
pub struct Live<'a> {
    /// Its id, as it will be in the capture.
    pub id: Uuid,
    /// When its first byte came.
    pub started_at: Timestamp,
    /// Where the app wanted to go.
    pub origin: &'a str,
    /// The method.
    pub method: &'a str,
    /// Path and query, credentials replaced.
    pub path: &'a str,
    /// What the app calls itself.
    pub user_agent: Option<&'a str>,
    /// The dialect that claims it.
    pub dialect: Option<&'static str>,
    /// The prompt as the dialect reads it.
    pub prompt: Option<&'a Request>,
}

/// The id of an exchange: a UUIDv7 of its time, else made of its flow and its place there, so
/// that whoever reads the tape, whenever, gives it the same one.
fn exchange_id(flow: FlowId, place: u32, started_at: Timestamp) -> Uuid {
    let mut hasher = blake3::Hasher::new();
    hasher.update(flow.0.as_bytes()).update(&place.to_be_bytes());
    let mut random = [0; 10];
    hasher.finalize_xof().fill(&mut random);
    let millis = u64::try_from(started_at.as_millisecond()).unwrap_or_default();
    uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid()
}

#[cfg(test)]
mod tests;
