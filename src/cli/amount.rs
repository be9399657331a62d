//! Amounts as people say them.

/// A number of things: `1 exchange`, `3 exchanges`.
pub fn count(number: u64, thing: &str) -> String {
    let thing = if number == 1 { thing.to_owned() } else { format!("{thing}s") };
    format!("{number} {thing}")
}

/// A number of bytes in the unit that people say it in, a thousand of one to the next.
pub fn bytes(number: u64) -> String {
    let mut amount = number as f64;
    for unit in ["bytes", "kB", "MB"] {
        if amount < 999.5 {
            return match unit {
                "bytes" => format!("{number} bytes"),
                unit if amount < 9.95 => format!("{amount:.1} {unit}"),
                unit => format!("{amount:.0} {unit}"),
            };
        }
        amount /= 1000.0;
    }
    format!("{amount:.1} GB")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts() {
        for (number, expected) in [
            (0, "0 bytes"),
            (999, "999 bytes"),
            (1_234, "1.2 kB"),
            (45_678, "46 kB"),
            (999_499, "999 kB"),
            (20_000_000_000, "20.0 GB"),
        ] {
            assert_eq!(bytes(number), expected);
        }
        assert_eq!(
            (count(1, "message"), count(0, "message")),
            ("1 message".into(), "0 messages".into())
        );
    }
}
