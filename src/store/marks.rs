//! Timing marks as bytes.
//!
//! A model sends an event at a time, so most reads begin where an event does: such a mark is a
//! time only, and its place is found in the bytes again.

use std::ops::Range;

use super::varint::{push, take, unzigzag, zigzag};

/// What times are rounded to, in nanoseconds: no reader of a stream asks for less, and the
/// digits below are noise that does not compress.
const TICK: i64 = 100_000;

/// Packs the marks of `bytes`. An event each 20 ms costs two bytes.
pub(super) fn pack(marks: &[(u64, i64)], bytes: &[u8]) -> Vec<u8> {
    let mut packed = Vec::with_capacity(marks.len() * 3);
    let mut events = Events { bytes, found: 0..0 };
    let (mut last_offset, mut last_tick) = (0_u64, 0_i64);
    for (n, &(offset, ns)) in marks.iter().enumerate() {
        let expected = if n == 0 { 0 } else { events.behind(last_offset) };
        let tick = ns.saturating_add(TICK / 2).div_euclid(TICK);
        let after = zigzag(tick.wrapping_sub(last_tick)) << 1;
        if offset == expected {
            push(&mut packed, after);
        } else {
            push(&mut packed, after | 1);
            push(&mut packed, offset.wrapping_sub(last_offset));
        }
        (last_offset, last_tick) = (offset, tick);
    }
    packed
}

/// Takes the marks of `bytes` back, to a tenth of a millisecond; a damaged end is left out.
pub(super) fn unpack(mut packed: &[u8], bytes: &[u8]) -> Vec<(u64, i64)> {
    let mut marks = Vec::new();
    let mut events = Events { bytes, found: 0..0 };
    let (mut offset, mut tick) = (0_u64, 0_i64);
    while let Some(head) = take(&mut packed) {
        let expected = if marks.is_empty() { 0 } else { events.behind(offset) };
        offset = match head & 1 {
            0 => expected,
            _ => match take(&mut packed) {
                Some(by) => offset.wrapping_add(by),
                None => break,
            },
        };
        tick = tick.wrapping_add(unzigzag(head >> 1));
        marks.push((offset, tick.saturating_mul(TICK)));
    }
    marks
}

/// The places in a body where an event begins.
struct Events<'a> {
    bytes: &'a [u8],
    /// Behind each place in here, the next event begins at its end.
    found: Range<u64>,
}

impl Events<'_> {
    /// The first place behind `offset`; the end, if there is none.
    fn behind(&mut self, offset: u64) -> u64 {
        if self.found.contains(&offset) {
            return self.found.end;
        }
        let from = usize::try_from(offset).unwrap_or(usize::MAX);
        let rest = self.bytes.get(from..).unwrap_or_default();
        // Behind an empty line, and behind the end of the chunk that the event may be in.
        let end = memchr::memmem::find(rest, b"\n\n").map(|at| from + at + 2);
        let end = end.map(|end| match self.bytes.get(end..end + 2) {
            Some(b"\r\n") => end + 2,
            _ => end,
        });
        self.found = offset..end.unwrap_or(self.bytes.len()) as u64;
        self.found.end
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn marks_come_back() {
        let stream = b"HTTP/1.1 200 OK\r\n\r\n5\r\nabc\n\n\r\n5\r\ndef\n\n\r\n0\r\n\r\n";
        for (rule, marks, length) in [
            ("none", vec![], 0),
            ("one at the start", vec![(0, 0)], 1),
            ("one of each event", vec![(0, 0), (29, 20_000_000), (39, 40_000_000)], 5),
            ("one within", vec![(0, 0), (22, 20_000_000), (39, 40_000_000)], 7),
            ("a clock that went back", vec![(10, 5_000_000_000), (20, 4_999_900_000)], 6),
        ] {
            let packed = pack(&marks, stream);
            assert_eq!(unpack(&packed, stream), marks, "{rule}");
            assert_eq!(packed.len(), length, "{rule}");
        }
    }

    #[test]
    fn times_are_rounded_and_do_not_drift() {
        let marks: Vec<(u64, i64)> = (0..1000).map(|n| (n as u64, n * 12_345_678)).collect();
        for (mark, found) in marks.iter().zip(unpack(&pack(&marks, b""), b"")) {
            assert_eq!(mark.0, found.0);
            assert!((mark.1 - found.1).abs() <= TICK / 2, "{mark:?} {found:?}");
        }
    }

    proptest! {
        #[test]
        fn any_marks_come_back(marks: Vec<(u64, i32)>, bytes in "[a\n\r]{0,60}") {
            let marks: Vec<_> = marks.into_iter().map(|(at, n)| (at % 70, i64::from(n) * TICK)).collect();
            let packed = pack(&marks, bytes.as_bytes());
            prop_assert_eq!(unpack(&packed, bytes.as_bytes()), marks);
        }

        #[test]
        fn extreme_and_damaged_marks_do_no_harm(marks: Vec<(u64, i64)>, packed: Vec<u8>) {
            unpack(&pack(&marks, b"a\n\nb"), b"a\n\nb");
            unpack(&packed, b"a\n\nb");
        }
    }
}
