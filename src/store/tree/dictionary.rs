//! What zstd is told beforehand, by class of pieces.
//!
//! Bodies of one class begin alike, so the second of them is the dictionary of those that
//! follow. Texts of one app speak of the same things: the first of them are the dictionary of
//! the later ones, by reference, so that it costs nothing. Texts that are part of a dictionary
//! use none, so that a text is never more than two steps away.

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension};
use zstd::bulk::Compressor;

use super::coding::{LEVEL_CAREFUL, plain_root};
use super::node::{Builder, Reference, Transform};
use super::read;
use crate::store::StoreError;
use crate::store::codec::{Hash, short};

/// Most bytes of a body that become a dictionary: its head, and what events begin with.
const HEAD_BYTES_MAX: usize = 6 << 10;

/// Shorter bodies are no dictionary.
const HEAD_BYTES_MIN: usize = 256;

/// Bytes of texts that make a dictionary.
const TEXTS_BYTES: usize = 32 << 10;

/// After how many bytes of texts a dictionary is made anew the first time; then after twice as
/// many each time.
const TEXTS_RENEWED_BYTES: usize = 512 << 10;

/// Classes whose compressors are kept; then all are loaded again. Each takes some 300 KB.
const CLASSES_MAX: usize = 64;

/// Bodies with which a dictionary does not help, before a new one is made.
const MISSES_MAX: u32 = 8;

/// What is alike: bytes of one class begin alike, or speak of the same things.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::store) struct Class(pub(in crate::store) i64);

/// A dictionary, ready to be used.
pub(super) struct Dictionary {
    pub(super) id: i64,
    pub(super) compressor: Compressor<'static>,
    /// Bodies that it did not help with.
    misses: u32,
    misses_max: u32,
}

/// Dictionaries of the capture, as far as they were used lately.
pub(super) struct Dictionaries {
    key: [u8; 32],
    /// `None`: one body of the class came.
    heads: HashMap<Class, Option<Dictionary>>,
    texts: HashMap<Class, Texts>,
}

/// Texts of one class.
struct Texts {
    dictionary: Option<Dictionary>,
    /// The texts of the next dictionary, while it is being gathered.
    gathered: Vec<i64>,
    content: Vec<u8>,
    /// Bytes until gathering begins again.
    pause: usize,
    next_pause: usize,
}

impl Dictionaries {
    pub(super) fn new(key: [u8; 32]) -> Self {
        Self { key, heads: HashMap::new(), texts: HashMap::new() }
    }

    pub(super) fn forget(&mut self) {
        self.heads.clear();
        self.texts.clear();
    }

    /// The dictionary of a body; `None` for the first of its class.
    pub(super) fn of_head(
        &mut self,
        conn: &Connection,
        class: Class,
        bytes: &[u8],
    ) -> Result<Option<&mut Dictionary>, StoreError> {
        if self.heads.len() >= CLASSES_MAX && !self.heads.contains_key(&class) {
            self.heads.clear();
        }
        let worn = match self.heads.get(&class) {
            None => {
                let known = load(conn, class)?;
                self.heads.insert(class, known);
                None
            }
            Some(None) => Some(MISSES_MAX),
            Some(Some(d)) => (d.misses >= d.misses_max).then_some(d.misses_max.saturating_mul(4)),
        };
        if let Some(misses_max) = worn.filter(|_| bytes.len() >= HEAD_BYTES_MIN) {
            let content = bytes.get(..HEAD_BYTES_MAX).unwrap_or(bytes);
            let mut node = Builder::default();
            node.glue(content);
            let made = self.make(conn, class, content, &plain_root(&node.finish())?)?;
            self.heads.insert(class, Some(Dictionary { misses_max, ..made }));
        }
        Ok(self.heads.get_mut(&class).and_then(Option::as_mut))
    }

    /// The dictionary of a text; `None` while one is gathered.
    pub(super) fn of_text(
        &mut self,
        conn: &Connection,
        class: Class,
    ) -> Result<Option<&mut Dictionary>, StoreError> {
        if !self.texts.contains_key(&class) {
            if self.texts.len() >= CLASSES_MAX {
                self.texts.clear();
            }
            let dictionary = load(conn, class)?;
            let pause = if dictionary.is_some() { TEXTS_RENEWED_BYTES } else { 0 };
            self.texts.insert(
                class,
                Texts {
                    dictionary,
                    gathered: Vec::new(),
                    content: Vec::new(),
                    pause,
                    next_pause: TEXTS_RENEWED_BYTES,
                },
            );
        }
        let texts = self.texts.get_mut(&class).filter(|texts| texts.pause > 0);
        Ok(texts.and_then(|texts| texts.dictionary.as_mut()))
    }

    /// A text was stored, as row `id`.
    pub(super) fn text_stored(
        &mut self,
        conn: &Connection,
        class: Class,
        id: i64,
        text: &[u8],
    ) -> Result<(), StoreError> {
        let Some(texts) = self.texts.get_mut(&class) else { return Ok(()) };
        if texts.pause > 0 {
            texts.pause = texts.pause.saturating_sub(text.len());
            return Ok(());
        }
        texts.gathered.push(id);
        texts.content.extend_from_slice(text);
        if texts.content.len() < TEXTS_BYTES {
            return Ok(());
        }
        let content = std::mem::take(&mut texts.content);
        let mut node = Builder::default();
        for id in texts.gathered.drain(..) {
            node.reference(Reference { id, transform: Transform::Same });
        }
        texts.pause = texts.next_pause;
        texts.next_pause = texts.next_pause.saturating_mul(2);
        let made = self.make(conn, class, &content, &plain_root(&node.finish())?)?;
        if let Some(texts) = self.texts.get_mut(&class) {
            texts.dictionary = Some(made);
        }
        Ok(())
    }

    fn make(
        &self,
        conn: &Connection,
        class: Class,
        content: &[u8],
        root: &[u8],
    ) -> Result<Dictionary, StoreError> {
        let hash: Hash = short(&blake3::keyed_hash(&self.key, content));
        let id = conn
            .prepare_cached(
                "INSERT INTO dictionary (id, class, hash, data)
                 VALUES ((SELECT max(1, coalesce(max(id), 0)) + 1 FROM dictionary), ?1, ?2, ?3)",
            )?
            .insert((class.0, hash, root))?;
        Dictionary::new(id, content)
    }
}

impl Dictionary {
    fn new(id: i64, content: &[u8]) -> Result<Self, StoreError> {
        let compressor = Compressor::with_dictionary(LEVEL_CAREFUL, content);
        let compressor = compressor.map_err(StoreError::corrupt)?;
        Ok(Self { id, compressor, misses: 0, misses_max: MISSES_MAX })
    }

    /// A piece of so many bytes became so many.
    pub(super) fn helped(&mut self, bytes: usize, coded: usize) {
        if bytes >= HEAD_BYTES_MIN && coded * 2 > bytes {
            self.misses += 1;
        }
    }
}

/// The newest dictionary of a class.
fn load(conn: &Connection, class: Class) -> Result<Option<Dictionary>, StoreError> {
    let found: Option<(i64, Vec<u8>)> = conn
        .prepare_cached(
            "SELECT id, data FROM dictionary WHERE class = ?1 ORDER BY id DESC LIMIT 1",
        )?
        .query_row([class.0], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let Some((id, root)) = found else { return Ok(None) };
    Dictionary::new(id, &read(conn, &root)?).map(Some)
}
