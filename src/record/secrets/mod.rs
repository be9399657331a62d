//! The one choke point before anything is stored: credentials become fingerprints.
//!
//! In heads, targets and header lists a credential is replaced by its fingerprint,
//! `<kind:hash..last4>`. In bodies no byte may move, so that framing, lengths and offsets stay
//! true: there the fingerprint is padded or cut to the credential's length. What is
//! recognised, and what is not, is in `docs/secrets.md`.

mod body;
mod coded;
mod escapes;
mod fields;
mod forms;
mod found;
mod head;
mod header;
mod mark;
mod names;
mod needles;
mod piece;
mod shapes;
mod target;
mod text;

pub use found::{Found, KNOWN_BYTES_MAX, KNOWN_MAX, Place, SIGHTINGS_MAX, Sighting};

use crate::model::{Fingerprinter, Headers};
use body::Scope;
use fields::Fields;
use head::Line;
use piece::Piece;
use shapes::Shapes;

/// What becomes of the secrets in bodies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Bodies {
    /// They are replaced.
    #[default]
    Replaced,
    /// They stay, but for what came as a credential in a head of the same connection.
    Kept,
}

/// Replaces credentials by fingerprints. Made once; it keeps nothing of what it reads.
pub struct Redactor {
    fingerprinter: Fingerprinter,
    bodies: Bodies,
    shapes: Vec<Shapes>,
    fields: Fields,
}

impl Redactor {
    /// Replaces by the fingerprints of `fingerprinter`, which are those of one capture.
    pub fn new(fingerprinter: Fingerprinter) -> Self {
        let bodies = Bodies::Replaced;
        Self { fingerprinter, bodies, shapes: Shapes::all(), fields: Fields::new() }
    }

    /// The same, doing so with bodies.
    pub fn with_bodies(self, bodies: Bodies) -> Self {
        Self { bodies, ..self }
    }

    /// Replaces the credentials in a decoded header list, pseudo-headers and trailers
    /// included. Words of schemes, names of cookies and the scope of an AWS signature stay.
    pub fn headers(&self, headers: &mut Headers, found: &mut Found) {
        for (name, value) in headers {
            let lower = name.to_ascii_lowercase();
            let stored = self.value(&lower, value.as_bytes(), found);
            *value = lossless(stored);
        }
    }

    /// A request's target with its userinfo and the credentials of its query replaced; in the
    /// path, keys that are known by their look.
    pub fn target(&self, target: &str, found: &mut Found) -> String {
        lossless(self.target_bytes(target.as_bytes(), found))
    }

    /// The bytes of a head with the same replacements as [`headers`](Self::headers) and
    /// [`target`](Self::target) make; every other byte stays, so do folds, repeated names,
    /// their case and order. Cut or broken heads are taken as they are.
    pub fn head(&self, head: &[u8], found: &mut Found) -> Vec<u8> {
        let mut stored = Vec::with_capacity(head.len());
        let mut at = 0;
        for line in head::lines(head) {
            let (range, replaced) = match line {
                Line::Request(range) => {
                    let target = head.get(range.clone()).unwrap_or_default();
                    let replaced = self.target_bytes(target, found);
                    (range, replaced)
                }
                Line::Header(name, range) => {
                    let value = head.get(range.clone()).unwrap_or_default();
                    let replaced = self.value(&name, value, found);
                    (range, replaced)
                }
                Line::Other(range) => {
                    let mut other = head.get(range.clone()).unwrap_or_default().to_vec();
                    self.scan(&mut other, Place::Head, found);
                    (range, other)
                }
            };
            stored.extend(head.get(at..range.start).unwrap_or_default());
            stored.extend(replaced);
            at = range.end;
        }
        stored.extend(head.get(at..).unwrap_or_default());
        stored
    }

    /// Replaces the secrets of a body, in place and byte for byte, and gives how many.
    ///
    /// `bytes` are a whole body, one whole event or one whole message, framing and content
    /// coding undone: a secret that is cut by a chunk's line or by the end is not seen. What
    /// `found` knows from the head is found in the forms in which apps repeat it. UTF-8 stays
    /// UTF-8, JSON stays JSON, lines stay lines; a second time changes nothing.
    pub fn body(&self, bytes: &mut [u8], found: &mut Found) -> usize {
        self.body_at(bytes, Place::Body, found)
    }

    /// As [`body`](Self::body), for what an app sends to a model.
    pub fn prompt(&self, bytes: &mut [u8], found: &mut Found) -> usize {
        if self.bodies == Bodies::Kept {
            let mut aside = Found::default();
            self.scan_all(&mut bytes.to_vec(), Scope::everything(Place::Prompt), &mut aside);
            found.keep(aside);
        }
        self.body_at(bytes, Place::Prompt, found)
    }

    fn body_at(&self, bytes: &mut [u8], place: Place, found: &mut Found) -> usize {
        let form = match self.bodies {
            Bodies::Replaced => target::form_pieces(bytes),
            Bodies::Kept => Vec::new(),
        };
        // A form is no prompt: it asks for a token.
        let replaced = self.overwrite(bytes, form, Place::Body, found).count();
        replaced + self.scan(bytes, place, found)
    }

    /// The secrets in a text of a prompt that [`prompt`](Self::prompt) went through: those
    /// whose marks stand there, or those that were left. Each is told with its count here.
    pub fn sightings(&self, text: &str, found: &Found) -> Vec<Sighting> {
        match self.bodies {
            Bodies::Replaced => found.marked(text.as_bytes()),
            Bodies::Kept => {
                let mut aside = Found::default();
                let mut bytes = text.as_bytes().to_vec();
                self.scan_all(&mut bytes, Scope::everything(Place::Kept), &mut aside);
                aside.sightings().cloned().collect()
            }
        }
    }

    /// As [`body`](Self::body), for a text put together from several events: a key that came
    /// in pieces is whole only here.
    pub fn text(&self, text: &mut String, found: &mut Found) -> usize {
        let mut bytes = std::mem::take(text).into_bytes();
        let replaced = self.scan(&mut bytes, Place::Body, found);
        *text = lossless(bytes);
        replaced
    }

    /// The value of one header, replaced.
    fn value(&self, name: &str, value: &[u8], found: &mut Found) -> Vec<u8> {
        self.settle(value, Place::Head, found, |value| header::pieces(name, value))
    }

    fn target_bytes(&self, target: &[u8], found: &mut Found) -> Vec<u8> {
        self.settle(target, Place::Target, found, target::pieces)
    }

    /// Replaces what is a credential by its place, then what is one by its look, again if
    /// that moved what the places are told by.
    fn settle(
        &self,
        value: &[u8],
        place: Place,
        found: &mut Found,
        pieces: impl Fn(&[u8]) -> Vec<Piece>,
    ) -> Vec<u8> {
        let mut stored = value.to_vec();
        for _ in 0..body::PASSES_MAX {
            stored = self.splice(&stored, &pieces(&stored), place, found);
            if self.scan(&mut stored, place, found) == 0 {
                break;
            }
        }
        stored
    }
}

/// Bytes that were a string before credentials were cut out whole.
fn lossless(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes)
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

#[cfg(test)]
mod tests;
