//! Every distinct word of the index, to look for pieces of words in.
//!
//! A row of the table holds some words, one a line, with an LF before the first, so that a
//! piece of a word is found at the speed of the memory, and the edges of a word are found with
//! it. A word may stand there twice; that costs some bytes and changes no answer.

use std::collections::HashSet;
use std::hash::{BuildHasher, BuildHasherDefault, Hasher, RandomState};

use rusqlite::Connection;

use crate::store::StoreError;

/// From this size on a row gets no more words, in bytes: it is written anew with each.
const ROW_BYTES_MAX: usize = 8 << 10;

/// Words that are remembered as known: 38 MB of memory. Beyond it all are forgotten, and come
/// into the table once more when they are met again.
const KNOWN_WORDS_MAX: usize = 3_600_000;

/// What a word is made of. Most distinct words of a capture are ids, hashes and numbers, or
/// pairs of Chinese characters, and a search need not look through those that cannot have what
/// it looks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Alphabet {
    /// Digits.
    Digits,
    /// Digits, and letters to `f`.
    Hex,
    /// Other ASCII.
    Ascii,
    /// ASCII and other characters.
    Mixed,
    /// Other characters than ASCII.
    Foreign,
}

impl Alphabet {
    const ALL: [Self; 5] = [Self::Digits, Self::Hex, Self::Ascii, Self::Mixed, Self::Foreign];

    fn of(word: &str) -> Self {
        let is_hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        if !word.is_ascii() {
            let has_ascii = word.bytes().any(|byte| byte.is_ascii());
            return if has_ascii { Self::Mixed } else { Self::Foreign };
        }
        let digits = word.bytes().filter(u8::is_ascii_digit).count();
        if digits == word.len() {
            Self::Digits
        } else if digits > 0 && word.bytes().all(is_hex) {
            Self::Hex
        } else {
            Self::Ascii
        }
    }

    fn column(self) -> i64 {
        match self {
            Self::Digits => 0,
            Self::Hex => 1,
            Self::Ascii => 2,
            Self::Mixed => 3,
            Self::Foreign => 4,
        }
    }

    /// The columns of words that may contain `part`, a bit each.
    pub(super) fn with(part: &str) -> i64 {
        let part = part.trim_matches('\n');
        let of = match Self::of(part) {
            Self::Digits => &[Self::Digits, Self::Hex, Self::Ascii, Self::Mixed][..],
            Self::Ascii if part.bytes().all(|byte| matches!(byte, b'a'..=b'f')) => {
                &[Self::Hex, Self::Ascii, Self::Mixed]
            }
            Self::Hex => &[Self::Hex, Self::Ascii, Self::Mixed],
            Self::Ascii => &[Self::Ascii, Self::Mixed],
            Self::Mixed => &[Self::Mixed],
            Self::Foreign => &[Self::Mixed, Self::Foreign],
        };
        of.iter().fold(0, |bits, alphabet| bits | 1 << alphabet.column())
    }
}

/// The table as its writer knows it.
pub(super) struct Vocabulary {
    known: Hashes,
    /// The last row of each alphabet.
    rows: [Row; 5],
}

#[derive(Default)]
struct Row {
    id: Option<i64>,
    words: Vec<u8>,
    is_new: bool,
    /// Full rows that are not written yet.
    full: Vec<(Option<i64>, Vec<u8>)>,
}

impl Vocabulary {
    /// Reads the table; knows its words by the hashes that `hasher` gives.
    pub(super) fn load(conn: &Connection, hasher: &RandomState) -> Result<Self, StoreError> {
        let mut loaded = Self { known: Hashes::default(), rows: Default::default() };
        let mut statement =
            conn.prepare("SELECT id, alphabet, words FROM vocabulary ORDER BY id DESC")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let words = row.get_ref(2)?.as_blob().map_err(StoreError::corrupt)?;
            let alphabet: i64 = row.get(1)?;
            let last = Alphabet::ALL.into_iter().zip(&mut loaded.rows);
            for (_, last) in last.filter(|(of, last)| of.column() == alphabet && last.id.is_none())
            {
                *last = Row { id: Some(row.get(0)?), words: words.to_vec(), ..Row::default() };
            }
            if loaded.known.len() < KNOWN_WORDS_MAX / 2 {
                let words = words.split(|byte| *byte == b'\n').filter(|word| !word.is_empty());
                let words = words.filter_map(|word| std::str::from_utf8(word).ok());
                loaded.known.extend(words.map(|word| hasher.hash_one(word)));
            }
        }
        Ok(loaded)
    }

    /// Takes `word` in if its hash is new.
    pub(super) fn add(&mut self, word: &str, hash: u64) {
        if self.known.len() >= KNOWN_WORDS_MAX {
            self.known.clear();
        }
        if !self.known.insert(hash) {
            return;
        }
        let of = Alphabet::of(word);
        for (_, row) in Alphabet::ALL.into_iter().zip(&mut self.rows).filter(|(a, _)| *a == of) {
            row.add(word);
        }
    }

    /// Writes what is new.
    pub(super) fn write(&mut self, conn: &Connection) -> Result<(), StoreError> {
        let mut insert = conn.prepare_cached(
            "INSERT INTO vocabulary (id, alphabet, words) VALUES (?1, ?2, ?3)
             ON CONFLICT (id) DO UPDATE SET words = excluded.words",
        )?;
        for (alphabet, row) in Alphabet::ALL.into_iter().zip(&mut self.rows) {
            for (id, words) in row.full.drain(..) {
                insert.execute((id, alphabet.column(), words))?;
            }
            if row.is_new {
                insert.execute((row.id, alphabet.column(), &row.words))?;
                row.id = row.id.or_else(|| Some(conn.last_insert_rowid()));
                row.is_new = false;
            }
        }
        Ok(())
    }
}

impl Row {
    fn add(&mut self, word: &str) {
        if self.words.len() + word.len() > ROW_BYTES_MAX {
            self.full.push((self.id.take(), std::mem::take(&mut self.words)));
        }
        if self.words.is_empty() {
            self.words.push(b'\n');
        }
        self.words.extend_from_slice(word.as_bytes());
        self.words.push(b'\n');
        self.is_new = true;
    }
}

/// Hashes of words.
pub(super) type Hashes = HashSet<u64, BuildHasherDefault<AsItIs>>;

/// What is hashed is a hash.
#[derive(Default)]
pub(super) struct AsItIs(u64);

impl Hasher for AsItIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn alphabets_of_words() {
        use Alphabet::{Ascii, Digits, Foreign, Hex, Mixed};
        for (word, expected) in [
            ("2026", Digits),
            ("0f3a", Hex),
            ("face", Ascii),
            ("x86", Ascii),
            ("naïve", Mixed),
            ("天気", Foreign),
            ("…", Foreign),
        ] {
            assert_eq!(Alphabet::of(word), expected, "{word}");
        }
    }

    proptest! {
        #[test]
        fn a_part_is_looked_for_where_its_word_is(
            word in "[0-9a-fzé天]{1,8}",
            from in any::<prop::sample::Index>(),
            to in any::<prop::sample::Index>(),
        ) {
            let chars: Vec<char> = word.chars().collect();
            let (from, to) = (from.index(chars.len()), to.index(chars.len()));
            let part: String = chars[from.min(to)..=from.max(to)].iter().collect();
            prop_assert!(Alphabet::with(&part) & 1 << Alphabet::of(&word).column() != 0);
        }
    }
}
