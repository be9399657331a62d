//! The line before a chunk.

/// The size of the chunk that follows `line`; `None` if it has none that fits.
///
/// Extensions are ignored, so are spaces around the size.
pub(super) fn size(line: &[u8]) -> Option<u64> {
    let digits = line.split(|b| *b == b';').next()?.trim_ascii();
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0_u64, |size, digit| {
        let digit = char::from(*digit).to_digit(16)?;
        Some(size.checked_mul(16)? + u64::from(digit))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        for (rule, line, expected) in [
            ("hexadecimal", &b"1aF"[..], Some(0x1af)),
            ("zero", b"0", Some(0)),
            ("zeros before it", b"00000000000000000000005", Some(5)),
            ("spaces around it", b" 5\t ", Some(5)),
            ("an extension", b"5;name=value", Some(5)),
            ("an extension with quotes", b"5 ; name=\"a;b\"", Some(5)),
            ("the largest", b"ffffffffffffffff", Some(u64::MAX)),
            ("one more than the largest", b"10000000000000000", None),
            ("nothing", b"", None),
            ("only an extension", b";a", None),
            ("a sign", b"+5", None),
            ("a prefix", b"0x5", None),
            ("two numbers", b"5 5", None),
        ] {
            assert_eq!(size(line), expected, "{rule}");
        }
    }
}
