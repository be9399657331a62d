//! How alike two texts are, at a cost that does not grow with them.

use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};

use super::words::words;

/// Distinct words that a sketch keeps: those with the smallest hashes, which are a fair sample
/// of all.
const WORDS_MAX: usize = 256;

/// Bytes of a text that are looked at: the rest of a longer one changes no verdict.
const BYTES_MAX: usize = 64 << 10;

/// The distinct words of a text, or a sample of them; and of what kind the text is.
#[derive(Clone, Debug, Default)]
pub(super) struct Sketch {
    kind: String,
    hashes: Vec<u64>,
}

impl Sketch {
    /// The sketch of a text.
    pub(super) fn of(text: &str) -> Self {
        Self::of_all([text])
    }

    /// The sketch of several texts.
    pub(super) fn of_all<'a>(texts: impl IntoIterator<Item = &'a str>) -> Self {
        let hasher = BuildHasherDefault::<DefaultHasher>::default();
        let mut hashes: Vec<u64> = texts
            .into_iter()
            .flat_map(|text| words(beginning(text)))
            .filter(|word| word.chars().any(|c| !c.is_whitespace()))
            .map(|word| hasher.hash_one(word))
            .collect();
        hashes.sort_unstable();
        hashes.dedup();
        hashes.truncate(WORDS_MAX);
        Self { kind: String::new(), hashes }
    }

    /// The same of a text of a kind: texts of different kinds are never alike.
    pub(super) fn of_kind(mut self, kind: &str) -> Self {
        kind.clone_into(&mut self.kind);
        self
    }

    /// The share of words that both have, of the words that any of the two has: from 0 to 1.
    pub(super) fn likeness(&self, other: &Self) -> f32 {
        if self.kind != other.kind {
            return 0.0;
        }
        let (mut one, mut two) = (self.hashes.iter().peekable(), other.hashes.iter().peekable());
        let (mut shared, mut seen) = (0_u16, 0_u16);
        // Of the smallest hashes of both together: what a sketch left out is not counted as
        // missing there.
        while usize::from(seen) < WORDS_MAX {
            let (Some(a), Some(b)) = (one.peek(), two.peek()) else { break };
            let order = a.cmp(b);
            if order.is_le() {
                one.next();
            }
            if order.is_ge() {
                two.next();
            }
            shared += u16::from(order.is_eq());
            seen += 1;
        }
        let left = one.count() + two.count();
        let left = u16::try_from(left).unwrap_or(u16::MAX).min(256 - seen.min(256));
        match seen + left {
            0 => 0.0,
            all => f32::from(shared) / f32::from(all),
        }
    }
}

fn beginning(text: &str) -> &str {
    text.get(..text.floor_char_boundary(BYTES_MAX)).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn likeness_is_the_share_of_words_that_both_have() {
        let long =
            |from: usize| -> String { (from..from + 5000).map(|n| format!("w{n} ")).collect() };
        for (rule, old, new, expected) in [
            ("the same", "a b c", "c b a", 1.0..=1.0),
            ("nothing", "a b", "c d", 0.0..=0.0),
            ("one of three", "temperature 0.2", "temperature 0.7", 0.3..=0.34),
            ("by character", "今天天气好", "今天天气坏", 0.5..=0.7),
            ("empty", "", "", 0.0..=0.0),
            ("a long one by its sample", &long(0), &long(1000), 0.55..=0.78),
            ("a piece of a long one", &long(0), "w1", 0.0..=0.01),
        ] {
            let likeness = Sketch::of(old).likeness(&Sketch::of(new));
            assert!(expected.contains(&likeness), "{rule}: {likeness}");
        }
    }
}
