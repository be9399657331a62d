//! Secrets that cannot be printed or stored.

use std::fmt;

use serde::{Serialize, Serializer};

/// A credential from the wire. `Debug`, `Display` and `Serialize` show that there is one and
/// nothing of it; its only way to the disk is [`Fingerprinter::fingerprint`].
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a credential.
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    /// The credential itself, for comparing with bytes of the same exchange.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// What stands in a secret's place: the same secret gives the same fingerprint within one
/// capture, and nothing but its last four characters can be told from it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Fingerprint(String);

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Makes fingerprints with a key of the capture's own, so that a fingerprint cannot be
/// looked up by hashing guesses.
#[derive(Clone)]
pub struct Fingerprinter {
    key: [u8; 32],
}

/// Shortest secret of which the last four characters are shown: of a shorter one, four
/// characters would be too much of it.
const LAST_FOUR_SHOWN_FROM: usize = 20;

impl Fingerprinter {
    /// Makes fingerprints with `key`.
    pub fn new(key: [u8; 32]) -> Self {
        Self { key }
    }

    /// `<kind:hash..last4>`, for a credential of `kind`, such as `authorization`.
    pub fn fingerprint(&self, kind: &str, secret: &Secret) -> Fingerprint {
        let value = secret.expose();
        let hash = blake3::keyed_hash(&self.key, value.as_bytes()).to_hex();
        let hash = hash.get(..8).unwrap_or_default();
        let last: String = match value.char_indices().rev().nth(3) {
            Some((at, _)) if value.len() >= LAST_FOUR_SHOWN_FROM => value
                .get(at..)
                .unwrap_or_default()
                .chars()
                .map(|c| if c.is_ascii_alphanumeric() { c } else { '.' })
                .collect(),
            _ => String::new(),
        };
        Fingerprint(format!("<{kind}:{hash}..{last}>"))
    }
}

impl fmt::Debug for Fingerprinter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Fingerprinter(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_shows_nothing_of_itself() {
        let secret = Secret::new("sk-fake-0123456789abcdef");
        for shown in
            [format!("{secret:?}"), format!("{secret}"), serde_json::to_string(&secret).unwrap()]
        {
            assert!(!shown.contains("fake"), "{shown}");
        }
    }

    #[test]
    fn the_same_secret_gives_the_same_fingerprint_under_the_same_key_only() {
        let secret = Secret::new("sk-fake-0123456789abcdef");
        let one = Fingerprinter::new([1; 32]);
        let other = Fingerprinter::new([2; 32]);
        assert_eq!(one.fingerprint("key", &secret), one.fingerprint("key", &secret));
        assert_ne!(one.fingerprint("key", &secret), other.fingerprint("key", &secret));
        assert!(one.fingerprint("key", &secret).to_string().ends_with("..cdef>"));
    }

    #[test]
    fn a_short_secret_does_not_show_its_end() {
        let shown = Fingerprinter::new([0; 32]).fingerprint("key", &Secret::new("hunter2"));
        assert!(shown.to_string().ends_with("..>"), "{shown}");
    }
}
