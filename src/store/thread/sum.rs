//! Sums of texts: a text in two pieces has the sum of the whole, wherever it is cut.
//!
//! An app may send as one message what it sent as two before, or break lines differently. So
//! a chain sums the bytes of neighbouring texts that are no white space, as a polynomial over
//! the prime 2⁶¹ − 1 at a point that nobody outside the capture knows.

const PRIME: u64 = (1 << 61) - 1;

/// Bytes that are summed at a time: their products do not depend on each other.
const LANES: usize = 8;

/// Makes sums.
#[derive(Clone, Debug)]
pub(super) struct Point {
    /// The point's powers, from the highest that a lane needs to its 0th.
    powers: [u64; LANES],
    /// The power beyond them.
    step: u64,
}

/// The sum of a text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sum {
    pub(super) value: u64,
    /// Bytes that are no white space.
    pub(super) length: u64,
}

impl Point {
    /// The point that belongs to eight random bytes.
    pub(super) fn new(random: [u8; 8]) -> Self {
        // Not a small one: short texts would have sums that can be read.
        let point = u64::from_le_bytes(random) % (PRIME - (1 << 32)) + (1 << 32);
        let mut powers = [1; LANES];
        let mut power = 1;
        for slot in powers.iter_mut().rev() {
            *slot = power;
            power = times(power, point);
        }
        Self { powers, step: power }
    }

    /// The sum of bytes among which there is no white space.
    pub(super) fn sum(&self, bytes: &[u8]) -> Sum {
        let (lanes, rest) = bytes.as_chunks::<LANES>();
        let mut value = 0;
        for lane in lanes {
            let sum: u128 = self
                .powers
                .iter()
                .zip(lane)
                // One more than the byte: else a text of zeros would have the sum of none.
                .map(|(power, byte)| u128::from(*power) * (u128::from(*byte) + 1))
                .sum();
            value = reduced(u128::from(value) * u128::from(self.step) + sum);
        }
        let [.., point, _] = self.powers;
        for byte in rest {
            value = reduced(u128::from(value) * u128::from(point) + u128::from(*byte) + 1);
        }
        Sum { value, length: bytes.len() as u64 }
    }

    /// The sum of the text of `first` followed by that of `second`.
    pub(super) fn joined(&self, first: Sum, second: Sum) -> Sum {
        let [.., point, _] = self.powers;
        let shifted = times(first.value, power(point, second.length));
        Sum {
            value: reduced(u128::from(shifted) + u128::from(second.value)),
            length: first.length + second.length,
        }
    }
}

/// Appends to `squeezed` what is no white space.
pub(super) fn squeeze(text: &str, squeezed: &mut Vec<u8>) {
    squeezed.extend(text.bytes().filter(|byte| !byte.is_ascii_whitespace()));
}

fn times(a: u64, b: u64) -> u64 {
    reduced(u128::from(a) * u128::from(b))
}

fn power(mut base: u64, mut exponent: u64) -> u64 {
    let mut power = 1;
    while exponent > 0 {
        if exponent & 1 == 1 {
            power = times(power, base);
        }
        base = times(base, base);
        exponent >>= 1;
    }
    power
}

/// The remainder by a prime of the form 2ⁿ − 1 is the sum of the digits of n bits.
fn reduced(number: u128) -> u64 {
    let low = number & u128::from(PRIME);
    let high = number >> 61;
    let sum = low + (high & u128::from(PRIME)) + (high >> 61);
    (sum % u128::from(PRIME)) as u64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_sum_of_two_pieces_is_that_of_the_whole(first: Vec<u8>, second: Vec<u8>, random: [u8; 8]) {
            let point = Point::new(random);
            let whole = point.sum(&[first.as_slice(), &second].concat());
            prop_assert_eq!(point.joined(point.sum(&first), point.sum(&second)), whole);
        }

        #[test]
        fn another_text_has_another_sum(first: Vec<u8>, second: Vec<u8>, random: [u8; 8]) {
            prop_assume!(first != second);
            let point = Point::new(random);
            prop_assert_ne!(point.sum(&first), point.sum(&second));
        }
    }
}
