//! What was written lately, so that what is sent again costs a hash and no look into the file.

use std::collections::HashMap;

use super::node::Reference;
use crate::store::codec::Hash;

/// Pieces remembered at most, twice: when one half is full, the older half is forgotten. Some
/// 60 bytes each.
const PIECES_MAX: usize = 1 << 16;

/// What is known of bytes.
#[derive(Clone, Copy, Debug)]
pub(super) enum Known {
    /// Where they are stored. The first `prefix` bytes are not: they stand before the reference.
    Stored { reference: Reference, prefix: usize },
    /// They came once, and were not stored.
    Seen,
}

/// A bounded memory of pieces, by the hash of their bytes as they came.
#[derive(Default)]
pub(super) struct Memory {
    young: HashMap<Hash, Known>,
    old: HashMap<Hash, Known>,
}

impl Memory {
    pub(super) fn get(&mut self, hash: &Hash) -> Option<Known> {
        if let Some(known) = self.young.get(hash) {
            return Some(*known);
        }
        let known = self.old.remove(hash)?;
        self.put(*hash, known);
        Some(known)
    }

    pub(super) fn put(&mut self, hash: Hash, known: Known) {
        if self.young.len() >= PIECES_MAX {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(hash, known);
    }

    pub(super) fn forget(&mut self) {
        self.young.clear();
        self.old.clear();
    }
}
