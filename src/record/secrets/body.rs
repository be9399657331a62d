//! Secrets in text of any kind, replaced in place.

use super::Redactor;
use super::forms::Coding;
use super::found::{Found, Place, Target, Weight};
use super::mark;
use super::piece::{Piece, write_over};
use super::text::{in_escape, looks_random};
use crate::model::Secret;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use std::ops::Range;

/// Most times a text is gone through. What one replacement uncovers, or what a field teaches
/// about the text before it, needs a second; more than three were never seen.
pub(super) const PASSES_MAX: usize = 8;

impl Redactor {
    /// Replaces what is known, what has a known shape and what a name gives away, until
    /// nothing is left; gives how many.
    pub(super) fn scan(&self, bytes: &mut [u8], place: Place, found: &mut Found) -> usize {
        let mut total = 0;
        for _ in 0..PASSES_MAX {
            let replaced = self.scan_known(bytes, place, found)
                + self.scan_shapes(bytes, place, found)
                + self.scan_fields(bytes, place, found);
            total += replaced;
            if replaced == 0 {
                break;
            }
        }
        total
    }

    /// Values that were met as credentials in this exchange, in any of their forms.
    fn scan_known(&self, bytes: &mut [u8], place: Place, found: &mut Found) -> usize {
        let search = found.take_search();
        let mut replaced = 0;
        let mut from = 0;
        while !search.is_empty()
            && let Some(hit) = search.needles.find(bytes, from)
        {
            from = hit.start + 1;
            let rest = bytes.get(hit.start..).unwrap_or_default();
            let target = search.at_head(rest).find(|target| {
                let range = hit.start..hit.start + target.form.bytes.len();
                may_replace(bytes, &range, target)
            });
            if let Some(target) = target {
                let range = hit.start..hit.start + target.form.bytes.len();
                from = range.end;
                let fingerprint = self.fingerprinter.fingerprint(&target.kind, &target.secret);
                match target.form.coding {
                    Coding::Text => write_over(bytes, &range, &fingerprint.to_string()),
                    Coding::Base64 => write_base64(bytes, &range, &fingerprint.to_string()),
                }
                found.saw(place, &target.kind, fingerprint);
                replaced += 1;
            }
        }
        found.put_back(search);
        replaced
    }

    /// Keys that are known by their look. They are not remembered: a second one is known by
    /// its look too.
    fn scan_shapes(&self, bytes: &mut [u8], place: Place, found: &mut Found) -> usize {
        let mut replaced = 0;
        for shapes in &self.shapes {
            let mut from = 0;
            while let Some((kind, range)) = shapes.find(bytes, from) {
                from = range.start + 1;
                let raw = bytes.get(range.clone()).unwrap_or_default();
                if !mark::is_mark(raw) && !mark::touches(bytes, &range) {
                    let secret = Secret::new(String::from_utf8_lossy(raw));
                    let fingerprint = self.fingerprinter.fingerprint(kind, &secret);
                    write_over(bytes, &range, &fingerprint.to_string());
                    found.saw(place, kind, fingerprint);
                    from = range.end;
                    replaced += 1;
                }
            }
        }
        replaced
    }

    /// Values of fields and settings whose name says credential.
    fn scan_fields(&self, bytes: &mut [u8], place: Place, found: &mut Found) -> usize {
        let mut pieces = Vec::new();
        let mut from = 0;
        while let Some((kind, range)) = self.fields.find(bytes, from) {
            from = range.end;
            let raw = bytes.get(range.clone()).unwrap_or_default();
            // What is not drawn by lot may be a word that the rest of the text needs.
            let weight = if looks_random(raw) { Weight::Key } else { Weight::Name };
            if let Some(mut piece) = Piece::new(kind, bytes, range, weight) {
                piece.value = unescaped(&piece.value);
                pieces.push(piece);
            }
        }
        self.overwrite(bytes, &pieces, place, found);
        pieces.len()
    }
}

/// Whether a known value at `range` may be replaced: not half an escape, not in a mark of
/// ours, and if it is short not in a longer word.
fn may_replace(bytes: &[u8], range: &Range<usize>, target: &Target) -> bool {
    let is_word =
        |at: Option<usize>| at.and_then(|at| bytes.get(at)).is_some_and(u8::is_ascii_alphanumeric);
    let in_word = is_word(range.start.checked_sub(1)) || is_word(Some(range.end));
    let is_part = target.bounded && target.form.coding == Coding::Text && in_word;
    let forbidden = is_part || in_escape(bytes, range.start) || mark::touches(bytes, range);
    !forbidden
}

/// Writes a mark over base64, in base64.
fn write_base64(bytes: &mut [u8], range: &Range<usize>, fingerprint: &str) {
    let mark = mark::sized(fingerprint, range.len() / 4 * 3);
    let text = bytes.get_mut(range.clone()).unwrap_or_default();
    let coded = if text.iter().any(|byte| matches!(byte, b'-' | b'_')) {
        URL_SAFE_NO_PAD.encode(mark)
    } else {
        STANDARD_NO_PAD.encode(mark)
    };
    for (byte, coded) in text.iter_mut().zip(coded.bytes()) {
        *byte = coded;
    }
}

/// A value out of a JSON string, its escapes undone; as it is if it is none.
fn unescaped(value: &str) -> String {
    if !value.contains('\\') {
        return value.to_owned();
    }
    serde_json::from_str(&format!("\"{value}\"")).unwrap_or_else(|_| value.to_owned())
}
