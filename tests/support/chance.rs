//! Chance that is the same in every run.

use std::ops::Range;

/// Numbers that look drawn by lot and follow from a seed (xorshift64*).
pub struct Chance(u64);

impl Chance {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// One of `range`, which is not empty.
    pub fn of(&mut self, range: Range<usize>) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let drawn = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
        range.start + drawn as usize % (range.end - range.start)
    }

    /// Whether the one of `many` is drawn.
    pub fn is_one_of(&mut self, many: usize) -> bool {
        self.of(0..many) == 0
    }

    /// `bytes` in pieces of up to `longest` bytes; whole if they are no longer.
    pub fn pieces<'a>(&mut self, bytes: &'a [u8], longest: usize) -> Vec<&'a [u8]> {
        if (1..=longest).contains(&bytes.len()) {
            return vec![bytes];
        }
        let (mut pieces, mut rest) = (Vec::new(), bytes);
        while !rest.is_empty() {
            let (piece, behind) = rest.split_at(self.of(1..longest + 1).min(rest.len()));
            pieces.push(piece);
            rest = behind;
        }
        pieces
    }
}
