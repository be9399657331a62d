//! The index of words: which messages have a word.
//!
//! A text is cut into words (`words`), and each distinct word of a message goes into the table
//! `word`, an FTS5 index that keeps the words alone, neither their places nor the text. A
//! search says what a text needs to match ([`Need`]); the index gives the messages that may
//! have it, and the search looks into these. It is filled behind the writer (`fill`); what is
//! not in it yet is looked into by every search, so nothing is missed.

mod ask;
mod fill;
mod need;
mod pieces;
mod vocabulary;
mod words;

pub use ask::Candidates;
pub(super) use ask::candidates;
pub(super) use fill::{Indexer, clear, forget};
pub use need::Need;
pub use pieces::Piece;
pub use words::is_alike;

#[cfg(test)]
pub(crate) use {pieces::tests::text, words::Cutter};
