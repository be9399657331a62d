//! What bytes become in the capture: compressed where that pays, hashed with the capture's key.

use std::borrow::Cow;

use zstd::bulk::{Compressor, Decompressor};

use super::{StoreError, tree};

/// For texts up to [`LARGE_BYTES`].
const LEVEL: i32 = 1;

/// For longer ones, where the time of level 1 would show.
const LEVEL_FAST: i32 = -5;

/// From this size on a body is sampled first, and compressed with [`LEVEL_FAST`].
const LARGE_BYTES: usize = 256 << 10;

/// Below this size the tables of level 1 cost more than they save.
const SMALL_BYTES: usize = 8 << 10;

/// How much of a large body is tried before all of it, at three places.
const SAMPLE_BYTES: usize = 4 << 10;

/// A sample that shrinks to more than this share (in percent) is stored as it is: pictures in
/// base64 shrink to 76 %, and cost the time of text.
const SAMPLE_SHARE_MAX: usize = 70;

/// Largest text taken back from the file, in bytes: a damaged length must not take all memory.
const UNPACKED_BYTES_MAX: u64 = 4 << 30;

/// Compresses and hashes; keeps its compression state from one text to the next.
pub(super) struct Codec {
    compressor: Compressor<'static>,
    key: [u8; 32],
    /// What bodies are written with.
    pub(super) tree: tree::Writer,
}

/// Bytes as they stand in the file.
pub(super) struct Packed<'a> {
    pub(super) bytes: Cow<'a, [u8]>,
    pub(super) coding: Coding,
}

/// How bytes stand in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Coding {
    Identity,
    Zstd,
}

impl Coding {
    /// The word of `raw_chunk`.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Zstd => "zstd",
        }
    }

    /// The coding of a word of `raw_chunk`.
    pub(super) fn from_word(word: &str) -> Result<Self, StoreError> {
        match word {
            "identity" => Ok(Self::Identity),
            "zstd" => Ok(Self::Zstd),
            other => Err(StoreError::corrupt(format_args!("unknown coding `{other}`"))),
        }
    }
}

impl Codec {
    pub(super) fn new(key: [u8; 32]) -> Result<Self, StoreError> {
        let compressor = Compressor::new(LEVEL).map_err(StoreError::corrupt)?;
        Ok(Self { compressor, key, tree: tree::Writer::new(&key)? })
    }

    /// Forgets which rows it knows: some may be gone.
    pub(super) fn forget(&mut self) {
        self.tree.forget();
    }

    /// The hash that a piece of the capture goes by.
    pub(super) fn hash(&self, bytes: &[u8]) -> Hash {
        short(&blake3::keyed_hash(&self.key, bytes))
    }

    /// Hash of a message: the same JSON of another kind is another message.
    pub(super) fn message_hash(&self, kind: &str, json: &[u8]) -> Hash {
        let mut hasher = blake3::Hasher::new_keyed(&self.key);
        hasher.update(kind.as_bytes());
        hasher.update(&[0]);
        hasher.update(json);
        short(&hasher.finalize())
    }

    /// Bytes for a column of bytes.
    pub(super) fn pack<'a>(&mut self, bytes: &'a [u8]) -> Packed<'a> {
        match self.compress(bytes) {
            Some(compressed) if compressed.len() < bytes.len() => {
                Packed { bytes: Cow::Owned(compressed), coding: Coding::Zstd }
            }
            _ => Packed { bytes: Cow::Borrowed(bytes), coding: Coding::Identity },
        }
    }

    /// `None` if it does not pay. The level is set each time, since the state is shared.
    fn compress(&mut self, bytes: &[u8]) -> Option<Vec<u8>> {
        let level = match bytes.len() {
            SMALL_BYTES..LARGE_BYTES => LEVEL,
            _ => LEVEL_FAST,
        };
        self.compressor.set_compression_level(level).ok()?;
        if bytes.len() >= LARGE_BYTES && !self.pays(bytes) {
            return None;
        }
        self.compressor.compress(bytes).ok()
    }

    fn pays(&mut self, bytes: &[u8]) -> bool {
        shrinks(&mut self.compressor, bytes, SAMPLE_BYTES, SAMPLE_SHARE_MAX)
    }
}

/// Whether samples of `bytes`, each `sample` bytes long, shrink to `share` percent or less.
pub(super) fn shrinks(
    compressor: &mut Compressor<'_>,
    bytes: &[u8],
    sample: usize,
    share: usize,
) -> bool {
    let last = bytes.len().saturating_sub(sample);
    let samples: Vec<u8> = [last / 4, last / 2, last / 4 * 3]
        .into_iter()
        .filter_map(|at| bytes.get(at..at + sample))
        .flatten()
        .copied()
        .collect();
    let Ok(compressed) = compressor.compress(&samples) else { return false };
    compressed.len() * 100 <= samples.len() * share
}

/// The first 16 bytes of a hash: enough that no two pieces of a capture share them.
pub(super) type Hash = [u8; 16];

/// Of a hash, what is kept.
pub(super) fn short(hash: &blake3::Hash) -> Hash {
    let mut short = Hash::default();
    short.copy_from_slice(hash.as_bytes().split_at(16).0);
    short
}

/// Whether `bytes` have the hash that they were stored with, under the capture's key.
pub(super) fn has_hash(key: &[u8; 32], bytes: &[u8], hash: &Hash) -> bool {
    short(&blake3::keyed_hash(key, bytes)) == *hash
}

/// Takes bytes back out of a column of bytes.
pub(super) fn unpack(coding: Coding, bytes: Vec<u8>) -> Result<Vec<u8>, StoreError> {
    match coding {
        Coding::Identity => Ok(bytes),
        Coding::Zstd => unzstd(&bytes),
    }
}

fn unzstd(compressed: &[u8]) -> Result<Vec<u8>, StoreError> {
    let length = match zstd::zstd_safe::get_frame_content_size(compressed) {
        Ok(Some(length)) if length <= UNPACKED_BYTES_MAX => length,
        _ => return Err(StoreError::corrupt("a compressed text without a length")),
    };
    Decompressor::new()
        .and_then(|mut d| d.decompress(compressed, usize::try_from(length).unwrap_or(usize::MAX)))
        .map_err(StoreError::corrupt)
}
