//! Timing marks as bytes: differences, in as few bytes as they need (LEB128).

/// Packs marks. An event each 20 ms costs five bytes.
pub(super) fn pack(marks: &[(u64, i64)]) -> Vec<u8> {
    let mut packed = Vec::with_capacity(marks.len() * 6);
    let (mut last_offset, mut last_ns) = (0_u64, 0_i64);
    for &(offset, ns) in marks {
        push(&mut packed, offset.wrapping_sub(last_offset));
        push(&mut packed, zigzag(ns.wrapping_sub(last_ns)));
        (last_offset, last_ns) = (offset, ns);
    }
    packed
}

/// Takes marks back; a damaged end is left out.
pub(super) fn unpack(mut packed: &[u8]) -> Vec<(u64, i64)> {
    let mut marks = Vec::new();
    let (mut offset, mut ns) = (0_u64, 0_i64);
    while let (Some(by), Some(after)) = (take(&mut packed), take(&mut packed)) {
        offset = offset.wrapping_add(by);
        ns = ns.wrapping_add(unzigzag(after));
        marks.push((offset, ns));
    }
    marks
}

fn push(packed: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        packed.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    packed.push(number.to_le_bytes()[0]);
}

fn take(packed: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let (&byte, rest) = packed.split_first()?;
        *packed = rest;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

/// Small differences of either sign become small numbers.
fn zigzag(number: i64) -> u64 {
    number.wrapping_shl(1).cast_unsigned() ^ (number >> 63).cast_unsigned()
}

fn unzigzag(number: u64) -> i64 {
    (number >> 1).cast_signed() ^ -(number & 1).cast_signed()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn marks_come_back() {
        for (rule, marks) in [
            ("none", vec![]),
            ("one at the start", vec![(0, 0)]),
            ("a clock that went back", vec![(10, 5_000_000_000), (20, 4_999_999_999)]),
            ("the largest", vec![(u64::MAX, i64::MIN), (0, i64::MAX)]),
        ] {
            assert_eq!(unpack(&pack(&marks)), marks, "{rule}");
        }
    }

    proptest! {
        #[test]
        fn any_marks_come_back(marks: Vec<(u64, i64)>) {
            prop_assert_eq!(unpack(&pack(&marks)), marks);
        }

        #[test]
        fn damaged_marks_do_no_harm(bytes: Vec<u8>) {
            unpack(&bytes);
        }
    }
}
