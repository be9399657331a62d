//! Texts that stand in several frames of a piece.

use std::ops::Range;

use crate::record::secrets::{Found, Redactor};

/// What a piece has of a text in one frame.
pub(super) struct Text {
    /// The stream or the message to which it belongs.
    pub(super) of: u64,
    /// Where it stands.
    pub(super) range: Range<usize>,
    /// With what it is masked, from its first byte on.
    pub(super) mask: Option<[u8; 4]>,
}

/// Replaces the secrets in `texts`. Those of one stream or message are read as one, in their
/// order: a long prompt comes in frames of 16 KiB, and its key may stand across two.
pub(super) fn redact(
    bytes: &mut [u8],
    mut texts: Vec<Text>,
    redactor: &Redactor,
    found: &mut Found,
) {
    toggle_masks(bytes, &texts);
    texts.sort_by_key(|text| text.of);
    for parts in texts.chunk_by(|a, b| a.of == b.of) {
        if let [only] = parts {
            redactor.body(bytes.get_mut(only.range.clone()).unwrap_or_default(), found);
            continue;
        }
        let mut whole = Vec::new();
        for part in parts {
            whole.extend_from_slice(bytes.get(part.range.clone()).unwrap_or_default());
        }
        if redactor.body(&mut whole, found) == 0 {
            continue;
        }
        let mut rest = whole.as_slice();
        for part in parts {
            let part = bytes.get_mut(part.range.clone()).unwrap_or_default();
            let (redacted, after) = rest.split_at(part.len().min(rest.len()));
            part.copy_from_slice(redacted);
            rest = after;
        }
    }
    toggle_masks(bytes, &texts);
}

/// Takes the masks off, or puts them on again.
fn toggle_masks(bytes: &mut [u8], texts: &[Text]) {
    for text in texts {
        let Some(mask) = text.mask else { continue };
        let masked = bytes.get_mut(text.range.clone()).unwrap_or_default();
        for (byte, mask) in masked.iter_mut().zip(mask.into_iter().cycle()) {
            *byte ^= mask;
        }
    }
}
