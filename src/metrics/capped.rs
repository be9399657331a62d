//! Values of labels: what an app makes up must not fill the memory, here or in Prometheus.

use std::collections::HashSet;

/// Stands for every value that came after the first ones.
pub(super) const OTHER: &str = "other";
/// Stands for a value that is not known.
pub(super) const UNKNOWN: &str = "unknown";
/// Longest value, in characters: names of models on Bedrock have up to some hundred.
const VALUE_CHARS_MAX: usize = 128;

/// The first values that a label had; all others are [`OTHER`]. None of them goes again, since
/// what was counted under its name stays.
#[derive(Debug)]
pub(super) struct Capped {
    known: HashSet<String>,
    most: usize,
}

impl Capped {
    /// At most `most` values.
    pub(super) fn new(most: usize) -> Self {
        Self { known: HashSet::new(), most }
    }

    /// What `value` is counted as.
    pub(super) fn of(&mut self, value: Option<&str>) -> String {
        let value = plain(value.unwrap_or_default());
        if value == OTHER || value == UNKNOWN || self.known.contains(&value) {
            return value;
        }
        if self.known.len() >= self.most {
            return OTHER.to_owned();
        }
        self.known.insert(value.clone());
        value
    }
}

/// A value without what no reader of labels expects, and not longer than any should be.
fn plain(value: &str) -> String {
    let shown = |c: char| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c };
    let value: String = value.trim().chars().take(VALUE_CHARS_MAX).map(shown).collect();
    if value.is_empty() { UNKNOWN.to_owned() } else { value }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_value_is_plain_and_short() {
        let long = "x".repeat(1000);
        for (rule, value, expected) in [
            ("a name", Some("gpt-5"), "gpt-5".to_owned()),
            ("nothing", None, "unknown".to_owned()),
            ("no words", Some(" \n"), "unknown".to_owned()),
            ("a line break", Some("a\nb\u{1b}[31m"), "a\u{fffd}b\u{fffd}[31m".to_owned()),
            ("a long one", Some(&long), "x".repeat(VALUE_CHARS_MAX)),
        ] {
            assert_eq!(Capped::new(9).of(value), expected, "{rule}");
        }
    }

    #[test]
    fn what_came_first_keeps_its_name() {
        let mut capped = Capped::new(2);
        let seen: Vec<String> =
            ["a", "b", "c", "a", "other", "", "d"].map(|value| capped.of(Some(value))).into();
        assert_eq!(seen, ["a", "b", "other", "a", "other", "unknown", "other"]);
    }

    proptest! {
        #[test]
        fn there_are_never_more(values in prop::collection::vec(".{0,200}", 0..200)) {
            let mut capped = Capped::new(10);
            let seen: HashSet<String> = values.iter().map(|v| capped.of(Some(v))).collect();
            prop_assert!(seen.len() <= 12);
            prop_assert!(seen.iter().all(|v| v.chars().count() <= VALUE_CHARS_MAX));
        }
    }
}
