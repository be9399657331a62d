//! A flow whose bytes are all there already, from wherever they are: read by the code that
//! reads tapes, so that dialects, secrets and prices are those of what was recorded here.

use jiff::Timestamp;

use super::reader::unwound;
use super::reading::{self, Piece};
use super::{Lexicon, Unreadable};
use crate::flow::Side;
use crate::store::{Entry, FlowRow};

/// A pair of connections and what went over it, as HTTP/1.1 has it on the wire.
#[derive(Clone, Debug)]
pub struct Whole {
    /// The pair.
    pub flow: FlowRow,
    /// Bytes of a side and when they came, in that order.
    pub pieces: Vec<(Side, Timestamp, Vec<u8>)>,
}

/// What the bytes come to, for the store: exchanges, and the frames of a WebSocket. Secrets are
/// replaced by then.
pub fn whole(whole: &Whole, lexicon: &Lexicon) -> Result<Vec<Entry>, Unreadable> {
    let pieces: Vec<Piece<'_>> = whole
        .pieces
        .iter()
        .map(|(side, at, bytes)| Piece { side: *side, at: *at, bytes })
        .collect();
    unwound(|| reading::entries(&whole.flow, 0, &pieces, lexicon))
        .map_err(|()| Unreadable::Panicked)
}
