//! How pieces stand in the file: as they are or in zstd, with what zstd may know beforehand.
//!
//! A coding is a number: twice the dictionary (0: none), plus one for zstd. The frame's magic
//! number is left out: four bytes of each of many small pieces that say the same.

use std::cell::RefCell;
use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension};
use zstd::bulk::{Compressor, Decompressor};

use super::dictionary::{Class, Dictionaries, Dictionary};
use super::read::read_dictionary;
use crate::store::codec::{Hash, shrinks};
use crate::store::{StoreError, varint};

/// What begins a frame of zstd.
const MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// Below this size, in bytes, nothing is compressed: the frame's own bytes would eat it up.
const COMPRESSED_BYTES_MIN: usize = 48;

/// Largest piece taken back from the file, in bytes: a damaged length must not take all memory.
const UNPACKED_BYTES_MAX: u64 = 1 << 30;

/// The dictionary that every program has: what requests, replies and messages are made of. It
/// is part of the format and never edited.
const SEED: &[u8] = include_bytes!("seed.txt");

/// Its number. Those of the file follow.
const SEED_DICTIONARY: i64 = 1;

/// Dictionaries that a thread keeps ready for reading.
const DECOMPRESSORS_MAX: usize = 32;

/// For what is new in an exchange, up to this many bytes; an agent adds a few KB with each turn.
const CAREFUL_BYTES_MAX: usize = 64 << 10;

/// The level up to there.
pub(super) const LEVEL_CAREFUL: i32 = 9;

/// For what is new beyond, up to this many bytes.
const USUAL_BYTES_MAX: usize = 256 << 10;

/// The level up to there.
const LEVEL_USUAL: i32 = 3;

/// For the rest, so that a body of megabytes that nobody has sent before is written at once.
const LEVEL_FAST: i32 = -5;

/// From this size on a piece is sampled first.
const SAMPLED_BYTES_MIN: usize = 16 << 10;

/// How much of it is tried, at three places.
const SAMPLE_BYTES: usize = 1 << 10;

/// A sample that shrinks to more than this share (in percent) is stored as it is: pictures and
/// what is compressed already.
const SAMPLE_SHARE_MAX: usize = 90;

/// A piece as it stands in the file.
pub(super) struct Coded {
    pub(super) coding: i64,
    pub(super) data: Vec<u8>,
}

/// Compresses; keeps its state from one piece to the next.
pub(super) struct Coder {
    plain: Compressor<'static>,
    seeded: Compressor<'static>,
    dictionaries: Dictionaries,
    /// New bytes of the current exchange.
    spent: usize,
    /// The class of its texts.
    texts: Class,
}

impl Coder {
    pub(super) fn new(key: [u8; 32]) -> Result<Self, StoreError> {
        Ok(Self {
            plain: Compressor::new(LEVEL_USUAL).map_err(StoreError::corrupt)?,
            seeded: Compressor::with_dictionary(LEVEL_CAREFUL, SEED)
                .map_err(StoreError::corrupt)?,
            dictionaries: Dictionaries::new(key),
            spent: 0,
            texts: Class(0),
        })
    }

    /// An exchange begins, whose texts are of a class.
    pub(super) fn begin(&mut self, texts: Class) {
        self.spent = 0;
        self.texts = texts;
    }

    /// Forgets the dictionaries: those of a transaction that failed are not in the file.
    pub(super) fn forget(&mut self) {
        self.dictionaries.forget();
    }

    /// A piece that is no node, and what makes a row of it. Gives the row's id.
    pub(super) fn store_leaf(
        &mut self,
        conn: &Connection,
        bytes: &[u8],
        insert: impl FnOnce(Coded) -> Result<i64, StoreError>,
    ) -> Result<i64, StoreError> {
        self.spent += bytes.len();
        let pays = bytes.len() >= COMPRESSED_BYTES_MIN
            && (bytes.len() < SAMPLED_BYTES_MIN || self.pays(bytes));
        if !pays {
            return insert(identity(bytes));
        }
        let level = match self.spent {
            0..CAREFUL_BYTES_MAX => {
                let known = self.dictionaries.of_text(conn, self.texts)?;
                if let Some(Dictionary { id, compressor, .. }) = known {
                    let coded = smaller(bytes, *id, compressor);
                    let id = insert(coded)?;
                    self.dictionaries.text_stored(conn, self.texts, id, bytes)?;
                    return Ok(id);
                }
                LEVEL_CAREFUL
            }
            CAREFUL_BYTES_MAX..USUAL_BYTES_MAX => LEVEL_USUAL,
            _ => LEVEL_FAST,
        };
        self.plain.set_compression_level(level).map_err(StoreError::corrupt)?;
        let id = insert(smaller(bytes, 0, &mut self.plain))?;
        self.dictionaries.text_stored(conn, self.texts, id, bytes)?;
        Ok(id)
    }

    /// A small piece that is made of what everybody sends.
    pub(super) fn code_seeded(&mut self, bytes: &[u8]) -> Coded {
        if bytes.len() < COMPRESSED_BYTES_MIN {
            return identity(bytes);
        }
        smaller(bytes, SEED_DICTIONARY, &mut self.seeded)
    }

    /// A piece of a class.
    pub(super) fn code_like(
        &mut self,
        conn: &Connection,
        class: Class,
        bytes: &[u8],
    ) -> Result<Coded, StoreError> {
        match self.dictionaries.of_head(conn, class, bytes)? {
            Some(dictionary) => {
                let coded = smaller(bytes, dictionary.id, &mut dictionary.compressor);
                dictionary.helped(bytes.len(), coded.data.len());
                Ok(coded)
            }
            None => Ok(self.code_seeded(bytes)),
        }
    }

    fn pays(&mut self, bytes: &[u8]) -> bool {
        shrinks(&mut self.seeded, bytes, SAMPLE_BYTES, SAMPLE_SHARE_MAX)
    }
}

/// A root that uses no dictionary, as dictionaries themselves must be.
pub(super) fn plain_root(node: &[u8]) -> Result<Vec<u8>, StoreError> {
    let mut compressor = Compressor::new(LEVEL_CAREFUL).map_err(StoreError::corrupt)?;
    Ok(root(&smaller(node, 0, &mut compressor)))
}

/// A piece in the row that has it: its coding, then its data.
pub(super) fn root(coded: &Coded) -> Vec<u8> {
    let mut root = Vec::with_capacity(coded.data.len() + 2);
    varint::push(&mut root, coded.coding.unsigned_abs());
    root.extend_from_slice(&coded.data);
    root
}

fn identity(bytes: &[u8]) -> Coded {
    Coded { coding: 0, data: bytes.to_vec() }
}

fn smaller(bytes: &[u8], dictionary: i64, compressor: &mut Compressor<'_>) -> Coded {
    match compressor.compress(bytes) {
        Ok(frame) if frame.len() < bytes.len() + MAGIC.len() && frame.starts_with(&MAGIC) => {
            let data = frame.get(MAGIC.len()..).unwrap_or_default().to_vec();
            Coded { coding: dictionary << 1 | 1, data }
        }
        _ => identity(bytes),
    }
}

thread_local! {
    /// Ready dictionaries by their hash, whichever capture they are of: hashes are keyed.
    static DECOMPRESSORS: RefCell<HashMap<Hash, Decompressor<'static>>> = RefCell::default();
}

/// The bytes of a piece. `dictionaries` says how many dictionaries may be read for it, each
/// inside the one before.
pub(super) fn decode(
    conn: &Connection,
    coding: i64,
    data: &[u8],
    dictionaries: u8,
) -> Result<Vec<u8>, StoreError> {
    if coding & 1 == 0 {
        return match coding {
            0 => Ok(data.to_vec()),
            other => Err(StoreError::corrupt(format_args!("unknown coding {other}"))),
        };
    }
    let mut frame = Vec::with_capacity(MAGIC.len() + data.len());
    frame.extend_from_slice(&MAGIC);
    frame.extend_from_slice(data);
    let length = match zstd::zstd_safe::get_frame_content_size(&frame) {
        Ok(Some(length)) if length <= UNPACKED_BYTES_MAX => length,
        _ => return Err(StoreError::corrupt("a compressed piece without a length")),
    };
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    let hash = ready(conn, coding >> 1, dictionaries)?;
    DECOMPRESSORS.with_borrow_mut(|ready| match ready.get_mut(&hash) {
        Some(decompressor) => decompressor.decompress(&frame, length).map_err(StoreError::corrupt),
        None => Err(StoreError::corrupt("a dictionary that was not read")),
    })
}

/// Makes a dictionary ready; gives the hash under which it is.
fn ready(conn: &Connection, id: i64, dictionaries: u8) -> Result<Hash, StoreError> {
    let hash = match id {
        0 | SEED_DICTIONARY => {
            let mut hash = Hash::default();
            hash[0] = u8::from(id == SEED_DICTIONARY);
            hash
        }
        _ => {
            let found = conn
                .prepare_cached("SELECT hash FROM dictionary WHERE id = ?1")?
                .query_row([id], |row| row.get(0))
                .optional()?;
            found.ok_or_else(|| missing(id))?
        }
    };
    if DECOMPRESSORS.with_borrow(|ready| ready.contains_key(&hash)) {
        return Ok(hash);
    }
    let content = match id {
        0 => Vec::new(),
        SEED_DICTIONARY => SEED.to_vec(),
        _ => {
            let root: Option<Vec<u8>> = conn
                .prepare_cached("SELECT data FROM dictionary WHERE id = ?1")?
                .query_row([id], |row| row.get(0))
                .optional()?;
            let inside = dictionaries.checked_sub(1);
            let inside =
                inside.ok_or_else(|| StoreError::corrupt("dictionaries hold each other"))?;
            read_dictionary(conn, &root.ok_or_else(|| missing(id))?, inside)?
        }
    };
    let decompressor = Decompressor::with_dictionary(&content).map_err(StoreError::corrupt)?;
    DECOMPRESSORS.with_borrow_mut(|ready| {
        if ready.len() >= DECOMPRESSORS_MAX {
            ready.clear();
        }
        ready.insert(hash, decompressor);
    });
    Ok(hash)
}

fn missing(id: i64) -> StoreError {
    StoreError::corrupt(format_args!("dictionary {id} is missing"))
}
