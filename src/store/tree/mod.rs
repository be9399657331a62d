//! Bytes in the capture: a *root*, which stands in the row that has the bytes, and the blobs it
//! refers to.
//!
//! An agent sends its whole history again with each turn. A body is cut at its structure
//! (`cut`); each piece is a row of `blob`, found by its hash when it comes again; what stands
//! between pieces stays in the root. Reading is putting them one behind the other, so nothing is
//! parsed, and what is no JSON comes back as well. Texts are kept unescaped where escaping gives
//! the same bytes (`escape`), so that a request, its message and the answer that said it first
//! share them.

mod base64;
mod coding;
mod columns;
mod cut;
mod dictionary;
mod escape;
pub mod fuzz;
mod memory;
mod node;
mod read;
mod write;

pub(super) use dictionary::Class;
pub(super) use read::{read, references, references_of_blob, unpack};
pub(super) use write::{Writer, pack, write, write_like};

#[cfg(test)]
mod tests;
