//! The capture: an SQLite file, its schema and its contract.
//!
//! [`Store`] is the one writer of a process: it takes batches and is never called on the
//! forwarding path. [`Reader`] opens the file read-only, works while a proxy writes, and holds
//! no transaction from one page of results to the next. The schema is `migrations/`; a
//! migration is never edited.

mod assemble;
mod codec;
mod contents;
mod detail;
mod egress;
mod entry;
mod error;
mod exchange;
mod find;
mod flow;
pub mod index;
mod keep;
mod leak;
mod list;
mod marks;
mod message;
mod occurrence;
mod open;
mod outbox;
mod prompt;
mod raw;
mod read;
mod reprice;
mod select;
mod tally;
pub mod text;
mod thread;
mod tree;
mod turn;
mod upgrade;
mod varint;
mod write;

#[cfg(test)]
pub(crate) mod tests;

pub use egress::{EgressRow, EgressSelection};
pub use entry::{
    Entry, FlowRow, Gap, Leak, Loss, RawChunk, RawMessage, StoredExchange, Texts, UNCODED,
};
pub use error::StoreError;
pub use exchange::first_words;
pub use keep::{
    Damage, Deleted, Erase, Health, Keep, Losses, Parts, Pins, Progress, Pruned, Remark,
    RemarkError, Retention, Salvaged, Unread, Upkeep, Verified, backup, salvage, salvage_key,
    set_aside, verify,
};
pub use leak::LeakedIn;
pub use list::{Cursor, CursorError, Listed, Order, Page};
pub use message::{Content, Holder, Kind, List, StoredMessage};
pub use occurrence::{Occurrences, Span};
pub use outbox::{Fate, Outbox, Pending, Placed, Queued, Sink, SinkStanding, Unsettled};
pub use prompt::PromptUse;
pub use read::Reader;
pub use reprice::{Repriced, Repricer};
pub use select::{Calls, Measure, Selection, Turns};
pub use tally::Tally;
pub use thread::{ListedThread, ThreadPage};
pub use tree::fuzz;
pub use write::Store;

/// Whose bytes: readers need not know the proxy's events for it.
pub use crate::flow::Side;

/// Digits of a short id: the last ones of the exchange's id, which are random, while ids of
/// the same minute begin alike. Eight are unique within a capture of thousands; where two
/// exchanges share them, [`Reader::find`] names both in full.
pub const SHORT_ID_DIGITS: usize = 8;

/// The short id by which people name an exchange.
pub fn short_id(id: uuid::Uuid) -> String {
    let digits = id.simple().to_string();
    digits.get(digits.len() - SHORT_ID_DIGITS..).unwrap_or_default().to_owned()
}
