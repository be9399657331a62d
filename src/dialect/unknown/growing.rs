//! Texts that stand at the same places in successive events.

use std::collections::HashMap;

use jiff::Timestamp;

/// Most places of one reply: one whose places never come again, such as a map by ids, stops
/// here.
const PLACES_MAX: usize = 2000;

/// Most text of one reply, in bytes.
const BYTES_MAX: usize = 32 << 20;

/// So many times a text must have come longer to be sure that each repeats the one before.
const REPETITIONS_SURE: usize = 6;

/// A text that came so often unchanged, and is so long in bytes, is no piece of a longer one.
const UNCHANGED_SURE: (usize, usize) = (8, 8);

/// Texts by their places, in the order in which the places came first.
#[derive(Clone, Default)]
pub(super) struct Texts {
    pub(super) texts: Vec<Text>,
    places: HashMap<String, usize>,
    bytes: usize,
    /// Whether something was left out.
    pub(super) is_cut: bool,
}

/// The text of one place.
#[derive(Clone)]
pub(super) struct Text {
    /// Where it stands.
    pub(super) path: String,
    pub(super) kind: Kind,
    /// The answer it belongs to.
    pub(super) choice: usize,
    /// When its first piece came.
    pub(super) at: Timestamp,
    so_far: SoFar,
    /// How many pieces came.
    pub(super) pieces: usize,
}

/// What a text is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Answer,
    Reasoning,
    /// Nothing names it.
    Loose,
}

/// A piece of a text, and where it stands.
pub(super) struct Piece<'a> {
    /// Tells the place from all others: the path, and what kind of event it is in.
    pub(super) key: &'a str,
    pub(super) path: &'a str,
    pub(super) kind: Kind,
    pub(super) choice: usize,
    pub(super) text: &'a str,
    /// Whether its name tells that it is a piece.
    pub(super) joins: bool,
}

#[derive(Clone)]
enum SoFar {
    /// Each text so far began with the one before: pieces or repetitions, who knows. The last
    /// one, and how long those before it were, each with how often it came.
    Open { last: String, lengths: Vec<(usize, usize)> },
    /// Pieces, joined.
    Joined(String),
    /// The last of those that repeat the ones before.
    Last(String),
}

impl Texts {
    /// Takes a piece; gives what it adds to its text.
    pub(super) fn take<'p>(&mut self, piece: &Piece<'p>, at: Timestamp) -> &'p str {
        if self.bytes + piece.text.len() > BYTES_MAX {
            self.is_cut = true;
            return "";
        }
        let found = match self.places.get(piece.key) {
            Some(found) => *found,
            None if self.texts.len() >= PLACES_MAX => {
                self.is_cut = true;
                return "";
            }
            None => {
                self.places.insert(piece.key.to_owned(), self.texts.len());
                let so_far = match piece.joins {
                    true => SoFar::Joined(String::new()),
                    false => SoFar::Open { last: String::new(), lengths: Vec::new() },
                };
                self.texts.push(Text {
                    path: piece.path.to_owned(),
                    kind: piece.kind,
                    choice: piece.choice,
                    at,
                    so_far,
                    pieces: 0,
                });
                self.texts.len() - 1
            }
        };
        let Some(text) = self.texts.get_mut(found) else { return "" };
        text.pieces += 1;
        let had = text.so_far.bytes();
        let added = text.so_far.take(piece.text);
        self.bytes = (self.bytes + text.so_far.bytes()).saturating_sub(had);
        added
    }
}

impl Text {
    /// The text as far as it is known.
    pub(super) fn value(&self) -> &str {
        match &self.so_far {
            SoFar::Open { last, .. } => last,
            SoFar::Joined(text) | SoFar::Last(text) => text,
        }
    }
}

impl SoFar {
    fn bytes(&self) -> usize {
        match self {
            Self::Open { last, lengths } => {
                last.len() + lengths.len() * size_of::<(usize, usize)>()
            }
            Self::Joined(text) | Self::Last(text) => text.len(),
        }
    }

    fn take<'p>(&mut self, piece: &'p str) -> &'p str {
        match self {
            Self::Joined(text) => {
                text.push_str(piece);
                piece
            }
            Self::Last(text) => {
                let added = piece.strip_prefix(text.as_str()).unwrap_or(piece);
                piece.clone_into(text);
                added
            }
            Self::Open { last, lengths } => {
                if let Some(added) = piece.strip_prefix(last.as_str()) {
                    match lengths.last_mut() {
                        Some((_, times)) if added.is_empty() => *times += 1,
                        _ => lengths.push((piece.len(), 1)),
                    }
                    last.push_str(added);
                    if lengths.len() >= REPETITIONS_SURE {
                        *self = Self::Last(std::mem::take(last));
                    }
                    return added;
                }
                let (times, bytes) = UNCHANGED_SURE;
                if lengths.iter().any(|(length, had)| *had >= times && *length >= bytes) {
                    *self = Self::Last(piece.to_owned());
                    return piece;
                }
                let mut joined = String::new();
                for (length, times) in lengths {
                    for _ in 0..*times {
                        joined.push_str(last.get(..*length).unwrap_or_default());
                    }
                }
                joined.push_str(piece);
                *self = Self::Joined(joined);
                piece
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pieces: &[&str], joins: bool) -> (String, String) {
        let mut texts = Texts::default();
        let mut told = String::new();
        for text in pieces {
            let piece = Piece { key: "k", path: "k", kind: Kind::Answer, choice: 0, text, joins };
            told.push_str(texts.take(&piece, Timestamp::UNIX_EPOCH));
        }
        (texts.texts[0].value().to_owned(), told)
    }

    #[test]
    fn pieces_are_joined_and_repetitions_are_not() {
        for (rule, pieces, joins, expected) in [
            ("pieces", &["Hel", "lo ", "you"][..], false, "Hello you"),
            ("repetitions", &["Hel", "Hello", "Hello you"], false, "Hello you"),
            (
                "many repetitions",
                &["a", "ab", "abc", "abcd", "abcde", "abcdef", "abcdefg"],
                false,
                "abcdefg",
            ),
            ("what never changes", &["model-1", "model-1", "model-1"], false, "model-1"),
            ("twice the same, then another", &["\n", "\n", "x"], false, "\n\nx"),
            ("pieces that begin alike", &["a", "ab", "c"], false, "aabc"),
            ("named as pieces", &["1", "1", "10"], true, "1110"),
            ("an empty piece first", &["", "He", "y"], false, "Hey"),
        ] {
            assert_eq!(read(pieces, joins).0, expected, "{rule}");
        }
    }

    #[test]
    fn repetitions_are_told_once() {
        assert_eq!(read(&["Hel", "Hello", "Hello you"], false).1, "Hello you");
    }

    #[test]
    fn places_without_end_are_cut() {
        let mut texts = Texts::default();
        for n in 0..PLACES_MAX + 10 {
            let key = n.to_string();
            let piece = Piece {
                key: &key,
                path: "p",
                kind: Kind::Loose,
                choice: 0,
                text: "x",
                joins: false,
            };
            texts.take(&piece, Timestamp::UNIX_EPOCH);
        }
        assert_eq!(texts.texts.len(), PLACES_MAX);
        assert!(texts.is_cut);
    }
}
