//! A part of a value that is a credential, and its replacement.

use std::ops::Range;

use super::Redactor;
use super::body::Hit;
use super::found::{Found, Place, Weight};
use super::mark;
use crate::model::Secret;

/// A part of some bytes that is a credential by its place.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Piece {
    /// Where it is.
    pub range: Range<usize>,
    /// The kind of its fingerprint.
    pub kind: String,
    /// The credential as an app holds it: without folds and percent escapes.
    pub value: String,
    /// How freely it may be looked for elsewhere.
    pub weight: Weight,
    /// What else it tells: the user and the password of `Basic`.
    pub also: Vec<(String, Weight)>,
}

impl Piece {
    /// The credential at `range` of `bytes`, as it stands there; `None` if that is nothing
    /// or a mark of ours.
    pub fn new(kind: &str, bytes: &[u8], range: Range<usize>, weight: Weight) -> Option<Self> {
        let raw = bytes.get(range.clone())?;
        if raw.is_empty() || mark::is_mark(raw) {
            return None;
        }
        let value = String::from_utf8_lossy(raw)
            .split(['\r', '\n'])
            .map(str::trim)
            .filter(|line| !line.is_empty())
            .collect::<Vec<_>>()
            .join(" ");
        Some(Self { range, kind: kind.to_owned(), value, weight, also: Vec::new() })
    }
}

impl Redactor {
    /// `bytes` with each piece replaced by its fingerprint. `pieces` are in order and apart.
    pub(super) fn splice(
        &self,
        bytes: &[u8],
        pieces: &[Piece],
        place: Place,
        found: &mut Found,
    ) -> Vec<u8> {
        let mut spliced = Vec::with_capacity(bytes.len());
        let mut at = 0;
        for piece in pieces {
            spliced.extend(bytes.get(at..piece.range.start).unwrap_or_default());
            spliced.extend(self.take(piece, place, found).into_bytes());
            at = piece.range.end;
        }
        spliced.extend(bytes.get(at..).unwrap_or_default());
        spliced
    }

    /// Writes a mark of the same length over each piece.
    pub(super) fn overwrite(
        &self,
        bytes: &mut [u8],
        pieces: Vec<Piece>,
        place: Place,
        found: &mut Found,
    ) -> impl Iterator<Item = Hit> {
        pieces.into_iter().map(move |piece| {
            let fingerprint = self.take(&piece, place, found);
            write_over(bytes, &piece.range, &fingerprint);
            Hit { range: piece.range, fingerprint }
        })
    }

    /// Counts and remembers a piece, and gives its fingerprint.
    fn take(&self, piece: &Piece, place: Place, found: &mut Found) -> String {
        let secret = Secret::new(piece.value.as_str());
        let fingerprint = self.fingerprinter.fingerprint(&piece.kind, &secret);
        let shown = fingerprint.to_string();
        found.remember(&piece.kind, &piece.value, piece.weight);
        for (value, weight) in &piece.also {
            found.remember(&piece.kind, value, *weight);
        }
        found.saw(place, &piece.kind, fingerprint, piece.range.len());
        shown
    }
}

/// Writes a mark over `range`. Line ends stay, so that lines keep their number.
pub(super) fn write_over(bytes: &mut [u8], range: &Range<usize>, fingerprint: &str) {
    let mark = mark::sized(fingerprint, range.len());
    for (byte, marked) in bytes.get_mut(range.clone()).unwrap_or_default().iter_mut().zip(mark) {
        if !matches!(byte, b'\r' | b'\n') {
            *byte = marked;
        }
    }
}
