//! What was met in one exchange.

use std::collections::BTreeMap;
use std::fmt;

use super::forms::{Form, forms};
use super::mark::{self, is_mark};
use super::needles::Needles;
use super::text::{has_digit, has_letter};
use crate::model::{Fingerprint, Secret};

/// Most values looked for in the bodies of one exchange. An exchange has one or two; the
/// limit is for a prompt full of keys, each of which is replaced where it stands anyhow.
pub const KNOWN_MAX: usize = 32;

/// Longest value looked for in bodies, in bytes: header lines are not longer in practice.
pub const KNOWN_BYTES_MAX: usize = 16 << 10;

/// Most different secrets told apart in one exchange; further ones are only counted.
pub const SIGHTINGS_MAX: usize = 256;

/// Shortest value looked for in bodies: a shorter one is a word of the language too often.
const KNOWN_BYTES_MIN: usize = 8;

/// From this length on a value is looked for even inside a longer word.
const LONG_FROM: usize = 16;

/// Bytes of a form that the search compares; the rest is compared where those stand.
const NEEDLE_BYTES_MAX: usize = 48;

/// The secrets met in one exchange: its head, its bodies, its trailers.
///
/// It holds their values, so that a key that came in a header is found in the body too;
/// nothing prints or stores those. Request and reply share it; of the next exchange on the
/// same connection it is told by [`next_exchange`](Self::next_exchange).
#[derive(Default)]
pub struct Found {
    known: Vec<Known>,
    sightings: BTreeMap<(Place, String), Sighting>,
    /// Those of this connection's exchanges before: what a prompt held then, it may hold again.
    earlier: BTreeMap<String, Sighting>,
    replaced: usize,
    search: Option<Search>,
}

/// Where a secret stood.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    /// In the path or the query of the request.
    Target,
    /// In a header line, or in a line of the trailers.
    Head,
    /// In the body of the request, or in a message of the app's.
    Prompt,
    /// In another body, an event or a message.
    Body,
    /// In the body of the request, where it was left as it is.
    Kept,
}

/// A secret that was replaced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sighting {
    /// Where it stood.
    pub place: Place,
    /// The header, parameter or field it was in, or the shape it has.
    pub kind: String,
    /// What stands in its place; shorter where the place is shorter.
    pub fingerprint: Fingerprint,
    /// How often it was replaced there.
    pub count: usize,
    /// Its bytes, where it was first met.
    pub length: usize,
}

impl Found {
    /// For what runs beside this exchange from here on, such as the socket that it opened: the
    /// counts begin anew, what is known is known there too.
    pub fn branch(&self) -> Self {
        Self { known: self.known.clone(), ..Self::default() }
    }

    /// Begins the next exchange of the same connection: the counts begin anew, what is known
    /// stays, and with it the search that was made for it (some 10 µs).
    pub fn next_exchange(&mut self) {
        for ((_, fingerprint), sighting) in std::mem::take(&mut self.sightings) {
            if self.earlier.len() < SIGHTINGS_MAX {
                self.earlier.insert(fingerprint, sighting);
            }
        }
        self.replaced = 0;
        if self.known.len() >= KNOWN_MAX {
            self.known.clear();
            self.search = None;
        }
    }

    /// Whether nothing was replaced.
    pub fn is_empty(&self) -> bool {
        self.replaced == 0
    }

    /// How many places were replaced, each occurrence counted.
    pub fn replaced(&self) -> usize {
        self.replaced
    }

    /// Each secret that was replaced, once for each place; at most [`SIGHTINGS_MAX`].
    pub fn sightings(&self) -> impl Iterator<Item = &Sighting> {
        self.sightings.values()
    }

    /// Each secret that was met on this connection so far.
    pub fn met(&self) -> impl Iterator<Item = &Sighting> {
        self.sightings.values().chain(self.earlier.values())
    }

    /// The secrets whose marks stand in `text`, each with how often. A mark that nothing here
    /// has left is a text like any other.
    pub(super) fn marked(&self, text: &[u8]) -> Vec<Sighting> {
        let mut marked: Vec<Sighting> = Vec::new();
        for mark in mark::all(text) {
            let Some(sighting) = self.met().find(|sighting| mark.is_of(sighting)) else {
                continue;
            };
            match marked.iter_mut().find(|had| had.fingerprint == sighting.fingerprint) {
                Some(had) => had.count += 1,
                None => marked.push(Sighting { count: 1, ..sighting.clone() }),
            }
        }
        marked
    }

    /// For the exchange's notes: how many of which kind were replaced in `place`, or `None`
    /// if none were. Of bodies, those of both sides.
    pub fn note(&self, place: Place) -> Option<String> {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        let is_there = |of: Place| of == place || (of, place) == (Place::Prompt, Place::Body);
        for sighting in self.sightings.values().filter(|s| is_there(s.place)) {
            *counts.entry(&sighting.kind).or_default() += sighting.count;
        }
        let total: usize = counts.values().sum();
        let kinds: Vec<String> =
            counts.iter().map(|(kind, count)| format!("{count} {kind}")).collect();
        let where_ = match place {
            Place::Target => "the request's target",
            Place::Head => "header lines",
            Place::Prompt => "the request's body",
            Place::Body => "bodies",
            Place::Kept => return None,
        };
        (total > 0).then(|| format!("secrets replaced in {where_}: {total} ({})", kinds.join(", ")))
    }

    /// Takes note of what another one met in the request's body, and what was left there.
    pub(super) fn keep(&mut self, aside: Self) {
        for ((_, fingerprint), sighting) in aside.sightings {
            if self.sightings.len() < SIGHTINGS_MAX {
                let sighting = Sighting { place: Place::Kept, ..sighting };
                self.sightings.insert((Place::Kept, fingerprint), sighting);
            }
        }
    }

    /// Counts one replacement.
    pub(super) fn saw(
        &mut self,
        place: Place,
        kind: &str,
        fingerprint: Fingerprint,
        length: usize,
    ) {
        self.replaced += 1;
        let key = (place, fingerprint.to_string());
        if let Some(sighting) = self.sightings.get_mut(&key) {
            sighting.count += 1;
        } else if self.sightings.len() < SIGHTINGS_MAX {
            let kind = kind.to_owned();
            let sighting = Sighting { place, kind, fingerprint, count: 1, length };
            self.sightings.insert(key, sighting);
        }
    }

    /// Remembers a value to be looked for in bodies, if it can be without hurting words.
    pub(super) fn remember(&mut self, kind: &str, value: &str, weight: Weight) {
        let room = self.known.len() < KNOWN_MAX;
        if room && is_searchable(value, weight) && !self.known.iter().any(|k| k.is(value)) {
            self.known.push(Known { kind: kind.to_owned(), secret: Secret::new(value) });
            self.search = None;
        }
    }

    /// The search for what is known. The caller puts it back: it needs `self` meanwhile.
    pub(super) fn take_search(&mut self) -> Search {
        match self.search.take() {
            Some(search) => search,
            None => Search::new(&self.known),
        }
    }

    /// Puts the search back; one made stale by what was learnt meanwhile is made anew.
    pub(super) fn put_back(&mut self, search: Search) {
        if search.known == self.known.len() {
            self.search = Some(search);
        }
    }
}

impl fmt::Debug for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Found")
            .field("known", &self.known.len())
            .field("replaced", &self.replaced)
            .finish_non_exhaustive()
    }
}

/// How much a value must look like a key before it is looked for elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Weight {
    /// It was given as a credential.
    Key,
    /// It may be a name: a user, an organisation, a cookie's setting.
    Name,
}

/// A value to be looked for.
#[derive(Clone)]
struct Known {
    kind: String,
    secret: Secret,
}

impl Known {
    fn is(&self, value: &str) -> bool {
        self.secret.expose() == value
    }
}

/// All forms of all known values, ready to be found.
pub(super) struct Search {
    /// How many values it knows.
    known: usize,
    /// Their beginnings.
    pub needles: Needles,
    /// The forms, the longest first.
    targets: Vec<Target>,
}

/// One form of one value.
pub(super) struct Target {
    /// Its bytes and coding.
    pub form: Form,
    /// The value itself.
    pub secret: Secret,
    /// Its kind.
    pub kind: String,
    /// Whether it must not stand inside a longer word.
    pub bounded: bool,
}

impl Search {
    fn new(known: &[Known]) -> Self {
        let mut targets: Vec<Target> = known
            .iter()
            .flat_map(|known| {
                let value = known.secret.expose();
                forms(value).into_iter().map(|form| Target {
                    form,
                    secret: known.secret.clone(),
                    kind: known.kind.clone(),
                    bounded: value.len() < LONG_FROM,
                })
            })
            .collect();
        targets.sort_by_key(|target| std::cmp::Reverse(target.form.bytes.len()));
        let beginnings = targets.iter().map(|target| {
            let bytes = target.form.bytes.as_slice();
            bytes.get(..NEEDLE_BYTES_MAX).unwrap_or(bytes)
        });
        Self { known: known.len(), needles: Needles::new(beginnings), targets }
    }

    /// Whether there is nothing to look for.
    pub fn is_empty(&self) -> bool {
        self.targets.is_empty()
    }

    /// The forms that stand at the head of `rest`, the longest first. Two values may begin
    /// alike, as tokens of one issuer do.
    pub fn at_head<'a, 'b>(
        &'a self,
        rest: &'b [u8],
    ) -> impl Iterator<Item = &'a Target> + use<'a, 'b> {
        self.targets.iter().filter(move |target| rest.starts_with(&target.form.bytes))
    }
}

/// Whether replacing `value` wherever it stands hurts neither words nor JSON: it is long or
/// mixed enough, and has a byte that JSON allows in strings only, so that no number or
/// punctuation can match.
fn is_searchable(value: &str, weight: Weight) -> bool {
    let in_strings_only = |byte: u8| !b" {}[],:0123456789+-.eEtruefalsn\t\r\n".contains(&byte);
    let likely = match weight {
        Weight::Key => {
            value.len() >= LONG_FROM || has_digit(value.as_bytes()) && has_letter(value.as_bytes())
        }
        Weight::Name => value.len() >= LONG_FROM && has_digit(value.as_bytes()),
    };
    (KNOWN_BYTES_MIN..=KNOWN_BYTES_MAX).contains(&value.len())
        && likely
        && value.bytes().any(in_strings_only)
        && !is_mark(value.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Fingerprinter;

    #[test]
    fn only_what_is_like_a_key_is_looked_for() {
        for (rule, value, weight, expected) in [
            ("a key", "sk-fake-0123456789", Weight::Key, true),
            ("a password with a digit", "hunter22x", Weight::Key, true),
            ("a word", "password", Weight::Key, false),
            ("too short", "abc123", Weight::Key, false),
            ("a number", "1234567890123456", Weight::Key, false),
            ("punctuation of JSON", "[true,false,123e4]", Weight::Key, false),
            ("a long phrase", "correct horse battery", Weight::Key, true),
            ("a name", "my-organisation", Weight::Name, false),
            ("an id", "org-fake0123456789", Weight::Name, true),
            ("a mark", "<authorization:01234567..abcd>", Weight::Key, false),
        ] {
            assert_eq!(is_searchable(value, weight), expected, "{rule}");
        }
    }

    #[test]
    fn a_note_counts_by_kind_and_shows_no_value() {
        let mut found = Found::default();
        let fingerprinter = Fingerprinter::new([0; 32]);
        let value = "fake-value-0123456789";
        for kind in ["cookie", "authorization", "cookie"] {
            let fingerprint = fingerprinter.fingerprint(kind, &Secret::new(value));
            found.remember(kind, value, Weight::Key);
            found.saw(Place::Head, kind, fingerprint, value.len());
        }
        assert_eq!(
            found.note(Place::Head).as_deref(),
            Some("secrets replaced in header lines: 3 (1 authorization, 2 cookie)")
        );
        assert_eq!(found.note(Place::Body), None);
        assert_eq!(found.replaced(), 3);
        assert!(!format!("{found:?}").contains("fake"), "{found:?}");
    }
}
