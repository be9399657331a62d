//! Secrets in text of any kind, replaced in place.

use super::coded::{self, Depth};
use super::escapes::Unescaped;
use super::forms::Coding;
use super::found::{Found, Place, Target, Weight};
use super::mark;
use super::piece::{Piece, write_over};
use super::text::{in_escape, looks_random};
use super::{Bodies, Redactor};
use crate::model::Secret;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use std::ops::Range;

/// Most times a text is gone through. What one replacement uncovers, or what a field teaches
/// about the text before it, needs a second; more than three were never seen.
pub(super) const PASSES_MAX: usize = 8;

/// What is looked for, and where.
#[derive(Clone, Copy)]
pub(super) struct Scope {
    place: Place,
    look: Look,
    depth: Depth,
}

impl Scope {
    /// Whatever is a secret, however it is coded.
    pub fn everything(place: Place) -> Self {
        Self { place, look: Look::All, depth: Depth::Outer }
    }
}

/// What is looked for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Look {
    /// Whatever is a secret.
    All,
    /// Only what is known as a credential.
    Known,
}

/// A secret that was replaced: where, and what stands there now.
pub(super) struct Hit {
    pub range: Range<usize>,
    pub fingerprint: String,
}

impl Redactor {
    /// Replaces what is known, what has a known shape and what a name gives away, until
    /// nothing is left; gives how many.
    ///
    /// A text is gone through as it stands, then with its escapes undone, then what it holds
    /// in base64.
    pub(super) fn scan(&self, bytes: &mut [u8], place: Place, found: &mut Found) -> usize {
        let look = match (place, self.bodies) {
            (Place::Prompt | Place::Body, Bodies::Kept) => Look::Known,
            _ => Look::All,
        };
        self.scan_all(bytes, Scope { place, look, depth: Depth::Outer }, found).len()
    }

    /// As [`scan`](Self::scan), telling where.
    pub(super) fn scan_all(&self, bytes: &mut [u8], scope: Scope, found: &mut Found) -> Vec<Hit> {
        let mut hits = Vec::new();
        for _ in 0..PASSES_MAX {
            let before = hits.len();
            self.scan_plain(bytes, scope, found, &mut hits);
            self.scan_escaped(bytes, scope, found, &mut hits);
            self.scan_base64(bytes, scope, found, &mut hits);
            if hits.len() == before {
                break;
            }
        }
        hits
    }

    /// What can be read as it stands.
    fn scan_plain(&self, bytes: &mut [u8], scope: Scope, found: &mut Found, hits: &mut Vec<Hit>) {
        self.scan_known(bytes, scope.place, found, hits);
        if scope.look == Look::All {
            self.scan_shapes(bytes, scope.place, found, hits);
            self.scan_fields(bytes, scope.place, found, hits);
        }
    }

    /// What is only there once `\u002d`, `\/` and `%2D` are undone.
    fn scan_escaped(&self, bytes: &mut [u8], scope: Scope, found: &mut Found, hits: &mut Vec<Hit>) {
        let Some(mut plain) = Unescaped::of(bytes) else { return };
        let mut inside = Vec::new();
        self.scan_plain(&mut plain.text, scope, found, &mut inside);
        for hit in inside {
            let range = plain.origin(&hit.range);
            let written = plain.text.get(hit.range).unwrap_or_default();
            match bytes.get_mut(range.clone()) {
                // No escape inside: what was written there, base64 perhaps, stands here too.
                Some(bytes) if bytes.len() == written.len() => bytes.copy_from_slice(written),
                _ => write_over(bytes, &range, &hit.fingerprint),
            }
            hits.push(Hit { range, fingerprint: hit.fingerprint });
        }
    }

    /// What is only there once base64 is undone; it stays base64 of the same length.
    fn scan_base64(&self, bytes: &mut [u8], scope: Scope, found: &mut Found, hits: &mut Vec<Hit>) {
        let mut from = 0;
        while let Some(coded) = coded::next(bytes, from) {
            from = coded.range.end;
            let mut text = coded.text;
            let inside = match scope.depth {
                Depth::Outer => {
                    self.scan_all(&mut text, Scope { depth: Depth::Inner, ..scope }, found)
                }
                Depth::Inner => {
                    let mut inside = Vec::new();
                    self.scan_plain(&mut text, scope, found, &mut inside);
                    inside
                }
            };
            if inside.is_empty() {
                continue;
            }
            let again = coded.alphabet.encode(&text);
            for (byte, coded) in bytes.iter_mut().skip(coded.range.start).zip(again.bytes()) {
                *byte = coded;
            }
            hits.extend(inside.into_iter().map(|hit| Hit {
                range: coded.range.start + hit.range.start / 3 * 4
                    ..(coded.range.start + hit.range.end.div_ceil(3) * 4).min(coded.range.end),
                fingerprint: hit.fingerprint,
            }));
        }
    }

    /// Values that were met as credentials in this exchange, in any of their forms.
    fn scan_known(&self, bytes: &mut [u8], place: Place, found: &mut Found, hits: &mut Vec<Hit>) {
        let search = found.take_search();
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
                let mark = fingerprint.to_string();
                match target.form.coding {
                    Coding::Text => write_over(bytes, &range, &mark),
                    Coding::Base64 => write_base64(bytes, &range, &mark),
                }
                found.saw(place, &target.kind, fingerprint, range.len());
                hits.push(Hit { range, fingerprint: mark });
            }
        }
        found.put_back(search);
    }

    /// Keys that are known by their look. They are not remembered: a second one is known by
    /// its look too.
    fn scan_shapes(&self, bytes: &mut [u8], place: Place, found: &mut Found, hits: &mut Vec<Hit>) {
        for shapes in &self.shapes {
            let mut from = 0;
            while let Some((kind, range)) = shapes.find(bytes, from) {
                from = range.start + 1;
                let raw = bytes.get(range.clone()).unwrap_or_default();
                if !mark::is_mark(raw) && !mark::touches(bytes, &range) {
                    let secret = Secret::new(String::from_utf8_lossy(raw));
                    let fingerprint = self.fingerprinter.fingerprint(kind, &secret);
                    let mark = fingerprint.to_string();
                    write_over(bytes, &range, &mark);
                    found.saw(place, kind, fingerprint, range.len());
                    from = range.end;
                    hits.push(Hit { range, fingerprint: mark });
                }
            }
        }
    }

    /// Values of fields and settings whose name says credential.
    fn scan_fields(&self, bytes: &mut [u8], place: Place, found: &mut Found, hits: &mut Vec<Hit>) {
        let mut pieces = Vec::new();
        let mut from = 0;
        while let Some((kind, range)) = self.fields.find(bytes, from) {
            from = range.end;
            let raw = bytes.get(range.clone()).unwrap_or_default();
            // What is not drawn by lot may be a word that the rest of the text needs.
            let weight = if looks_random(raw) { Weight::Key } else { Weight::Name };
            // The kind in a mark of ours is a name too, and its hash looks like a value.
            if mark::touches(bytes, &range) {
                continue;
            }
            if let Some(mut piece) = Piece::new(kind, bytes, range, weight) {
                piece.value = unescaped(&piece.value);
                pieces.push(piece);
            }
        }
        hits.extend(self.overwrite(bytes, pieces, place, found));
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
