//! One item of an answer as it comes.

use serde_json::value::RawValue;

use super::items::{self, Beginning};
use super::piece::{self, Kind, Piece};
use super::wire::Told;
use crate::dialect::{Grown, json};
use crate::model::Part;

/// An item of an answer: begun, then in pieces, then whole.
#[derive(Clone, Debug, Default)]
pub(super) struct Slot {
    /// Its place in the answer, as its beginning or its first piece said.
    pub(super) index: Option<u64>,
    pub(super) begun: Beginning,
    /// Whether its beginning came: only then its index is to be relied upon.
    pub(super) is_announced: bool,
    raw: Option<Box<RawValue>>,
    pieces: Vec<Piece>,
    done: Option<Vec<Part>>,
    has_told: bool,
    is_full: bool,
}

/// Most pieces of one item: an index is the provider's to choose.
const PIECES_MAX: usize = 4096;

impl Slot {
    pub(super) fn new(index: Option<u64>) -> Self {
        Self { index, ..Self::default() }
    }

    pub(super) fn is_done(&self) -> bool {
        self.done.is_some()
    }

    /// Whether some of its pieces are left out.
    pub(super) fn is_full(&self) -> bool {
        self.is_full && !self.is_done()
    }

    /// Whether an event that names no known place can be about this item.
    pub(super) fn takes(&self, kind: Kind) -> bool {
        let fits = match self.is_announced {
            true => kind.fits(&self.begun.kind),
            false => self.pieces.iter().any(|piece| piece.kind.item() == kind.item()),
        };
        fits && !self.is_done()
    }

    /// The item begins.
    pub(super) fn begin(&mut self, raw: &RawValue, tell: &mut dyn FnMut(Grown<'_>)) {
        self.begun = items::beginning(raw);
        self.is_announced = true;
        self.raw = Some(raw.to_owned());
        if let Some(name) = &self.begun.name {
            tell(Grown::ToolCall(name));
        }
    }

    /// A piece of it grows, or is told as a whole.
    pub(super) fn take(
        &mut self,
        kind: Kind,
        extent: piece::Extent,
        told: &Told<'_>,
        tell: &mut dyn FnMut(Grown<'_>),
    ) {
        if self.is_done() {
            return;
        }
        if self.begun.name.is_none() {
            self.begun.name = told.name.own();
        }
        let mut has_told = false;
        let mut tell = |grown: Grown<'_>| {
            has_told = true;
            tell(grown);
        };
        if let Some(piece) = self.piece(kind, kind.place(told)) {
            match extent {
                piece::Extent::Delta => piece.grow(told.delta.as_str(), &mut tell),
                piece::Extent::All => piece.settle(kind.whole(told), &mut tell),
            }
        }
        self.has_told |= has_told;
    }

    /// What a text refers to.
    pub(super) fn annotate(&mut self, told: &Told<'_>) {
        if let Some(raw) = told.annotation
            && let Some(piece) = self.piece(Kind::Text, Kind::Text.place(told))
            && piece.annotations.len() < PIECES_MAX
        {
            piece.annotations.push(json::value(raw));
        }
    }

    /// The item is whole.
    pub(super) fn settle(&mut self, raw: &RawValue, tell: &mut dyn FnMut(Grown<'_>)) {
        if !self.is_announced {
            self.begun = items::beginning(raw);
        }
        let parts = items::parts(raw);
        if !self.has_told {
            let names = match self.is_announced {
                true => Names::Told,
                false => Names::New,
            };
            tell_parts(&parts, names, tell);
            self.has_told = true;
        }
        self.done = Some(parts);
        self.raw = None;
        self.pieces.retain(|piece| piece.kind == Kind::Sound);
    }

    /// Sizes of its sounds, in bytes: whole items do not tell them.
    pub(super) fn sizes(&self) -> impl Iterator<Item = u64> {
        self.pieces.iter().filter(|piece| piece.kind == Kind::Sound).map(|piece| piece.bytes)
    }

    /// The parts of the item, as far as it came.
    pub(super) fn finish(self) -> Vec<Part> {
        let sizes: Vec<u64> = self.sizes().collect();
        let mut parts = match self.done {
            Some(parts) => parts,
            None => piece::parts(&self.begun, self.raw.as_deref(), self.pieces),
        };
        size_sounds(&mut parts, sizes.into_iter());
        parts
    }

    fn piece(&mut self, kind: Kind, place: u64) -> Option<&mut Piece> {
        let at = self.pieces.iter().rposition(|had| had.kind == kind && had.place == place);
        let at = match at {
            Some(at) => at,
            None if self.pieces.len() >= PIECES_MAX => {
                self.is_full = true;
                return None;
            }
            None => {
                self.pieces.push(Piece::new(kind, place));
                self.pieces.len() - 1
            }
        };
        self.pieces.get_mut(at)
    }
}

/// Gives the sounds among `parts` their sizes.
pub(super) fn size_sounds(parts: &mut [Part], mut sizes: impl Iterator<Item = u64>) {
    for part in parts {
        if let Part::Audio { bytes, .. } = part
            && bytes.is_none()
        {
            *bytes = sizes.next().filter(|size| *size > 0);
        }
    }
}

/// Whether the names of the tool calls were told already.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Names {
    Told,
    New,
}

/// Tells what `parts` say, all at once.
pub(super) fn tell_parts(parts: &[Part], names: Names, tell: &mut dyn FnMut(Grown<'_>)) {
    for part in parts {
        match part {
            Part::Text { text } if !text.is_empty() => tell(Grown::Text(text)),
            Part::Audio { transcript: Some(words), .. } => tell(Grown::Text(words)),
            Part::Reasoning { text, .. } if !text.is_empty() => tell(Grown::Reasoning(text)),
            Part::ToolCall { name, arguments, .. } => {
                if names == Names::New {
                    tell(Grown::ToolCall(name));
                }
                match arguments {
                    serde_json::Value::String(words) if words.is_empty() => {}
                    serde_json::Value::String(words) => tell(Grown::Arguments(words)),
                    arguments => tell(Grown::Arguments(&arguments.to_string())),
                }
            }
            Part::Other { value } => {
                let refusal = value.get("refusal").and_then(serde_json::Value::as_str);
                if let Some(words) = refusal.filter(|words| !words.is_empty()) {
                    tell(Grown::Text(words));
                }
            }
            _ => {}
        }
    }
}
