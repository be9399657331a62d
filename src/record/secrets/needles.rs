//! Many literals looked for in one pass.

use aho_corasick::packed::{Config, MatchKind, Searcher};
use memchr::memmem;

/// Most literals of one set that is fast: above, chance hits of SIMD's first look cost more
/// than a second set (measured: 73 literals 1.2 ms a megabyte, as three sets 0.3 ms).
pub(super) const FAST_LITERALS_MAX: usize = 31;

/// Literals shorter than this spoil a set's first look; they belong in one of their own.
pub(super) const FAST_LITERAL_BYTES_MIN: usize = 4;

/// A text shorter than SIMD's registers is copied into as many zeros: without, each byte of
/// a header's value would be looked at alone.
const PADDED_BYTES: usize = 64;

/// A set of literals. Of two that begin at the same byte, the one given first is found.
pub(super) enum Needles {
    /// All at once by SIMD: gigabytes a second.
    Packed(Searcher),
    /// One after the other: for no literals, and for machines without the SIMD above.
    Single(Vec<memmem::Finder<'static>>),
}

/// Where a literal was found.
pub(super) struct Hit {
    /// Its place among the literals given.
    pub which: usize,
    /// Its first byte.
    pub start: usize,
    /// The byte after its last.
    pub end: usize,
}

impl Needles {
    /// A set of `literals`, none of them empty.
    pub fn new<'a>(literals: impl Iterator<Item = &'a [u8]> + Clone) -> Self {
        let packed = Config::new()
            .match_kind(MatchKind::LeftmostFirst)
            // A set above its limits is slow, but the other way to search is slower still.
            .heuristic_pattern_limits(false)
            .builder()
            .extend(literals.clone())
            .build();
        match packed {
            Some(searcher) => Self::Packed(searcher),
            None => Self::Single(
                literals.map(|literal| memmem::Finder::new(literal).into_owned()).collect(),
            ),
        }
    }

    /// The first literal that begins at or after `from`.
    pub fn find(&self, bytes: &[u8], from: usize) -> Option<Hit> {
        let rest = bytes.get(from..)?;
        match self {
            Self::Packed(searcher) => {
                let mut padded = [0; PADDED_BYTES];
                let room = padded.get_mut(..rest.len()).filter(|room| room.len() < PADDED_BYTES);
                let found = match room {
                    Some(room) => {
                        room.copy_from_slice(rest);
                        // A literal may end in zeros.
                        let inside = |end: usize| end <= rest.len();
                        searcher.find(padded).filter(|found| inside(found.end()))
                    }
                    None => searcher.find(rest),
                };
                found.map(|found| Hit {
                    which: found.pattern().as_usize(),
                    start: from + found.start(),
                    end: from + found.end(),
                })
            }
            Self::Single(finders) => finders
                .iter()
                .enumerate()
                .filter_map(|(which, finder)| {
                    let start = from + finder.find(rest)?;
                    let end = start + finder.needle().len();
                    Some(Hit { which, start, end })
                })
                .min_by_key(|hit| hit.start),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_find_the_same() {
        let literals = ["abcd", "abc", "zz", "c"];
        let packed = Needles::new(literals.iter().map(|l| l.as_bytes()));
        let single =
            Needles::Single(literals.iter().map(|l| memmem::Finder::new(l).into_owned()).collect());
        let long = format!("{}abcd-abc-zz-c", "-".repeat(100));
        for text in ["", "abcd", "xxabcx", "zabczz", &long] {
            for from in 0..=text.len() + 1 {
                let all = [&packed, &single].map(|needles| {
                    needles.find(text.as_bytes(), from).map(|hit| (hit.which, hit.start, hit.end))
                });
                assert_eq!(all[0], all[1], "`{text}` from {from}");
            }
        }
    }

    #[test]
    fn no_literals_are_found_nowhere() {
        let none = Needles::new(std::iter::empty());
        assert!(none.find(b"anything", 0).is_none());
    }
}
