//! Fingerprints in what is kept: where a credential stood.

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

/// As `model::secret` writes them; in a body dots are added, or the kind left out, to keep its
/// length.
static FINGERPRINT: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"<(?:([A-Za-z0-9_.-]{1,64}):)?[0-9a-f]{8}\.\.[A-Za-z0-9.]*>").ok()
});

/// A fingerprint in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Secret {
    /// Where it stands.
    pub range: Range<usize>,
    /// What it stands for, such as `authorization`.
    pub kind: String,
}

/// The fingerprints in `text`, in order.
pub fn secrets(text: &str) -> Vec<Secret> {
    let Some(fingerprint) = FINGERPRINT.as_ref() else { return Vec::new() };
    let found = fingerprint.captures_iter(text).filter_map(|found| {
        let kind = found.get(1).map_or("secret", |kind| kind.as_str()).to_owned();
        Some(Secret { range: found.get(0)?.range(), kind })
    });
    found.collect()
}

/// Whether a credential stood in `text`.
pub fn is_fingerprinted(text: &str) -> bool {
    FINGERPRINT.as_ref().is_some_and(|fingerprint| fingerprint.is_match(text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Fingerprinter, Secret as Key};

    #[test]
    fn a_fingerprint_is_found_as_it_is_written() {
        let mark = Fingerprinter::new([3; 32])
            .fingerprint("x-api-key", &Key::new("sk-fake-0123456789abcdef"));
        let text = format!("Bearer {mark}, and <b:no>");
        let found = secrets(&text);
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].kind.as_str(), found[0].range.start), ("x-api-key", 7));
        assert!(!is_fingerprinted("<authorization:12..>"));
    }
}
