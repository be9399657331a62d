//! What bytes become in the capture: compressed where that pays, hashed with the capture's key.

use std::borrow::Cow;

use rusqlite::types::{Value, ValueRef};
use zstd::bulk::{Compressor, Decompressor};

use super::StoreError;

/// JSON shorter than this stays readable for SQL: zstd would save a few bytes of it.
const PLAIN_JSON_BYTES_MAX: usize = 256;

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
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Zstd => "zstd",
        }
    }
}

impl Codec {
    pub(super) fn new(key: [u8; 32]) -> Result<Self, StoreError> {
        let compressor = Compressor::new(LEVEL).map_err(StoreError::corrupt)?;
        Ok(Self { compressor, key })
    }

    pub(super) fn hash(&self, bytes: &[u8]) -> [u8; 32] {
        *blake3::keyed_hash(&self.key, bytes).as_bytes()
    }

    /// Hash of a message: the same JSON of another kind is another message.
    pub(super) fn message_hash(&self, kind: &str, json: &[u8]) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new_keyed(&self.key);
        hasher.update(kind.as_bytes());
        hasher.update(&[0]);
        hasher.update(json);
        *hasher.finalize().as_bytes()
    }

    /// JSON for a column that holds TEXT if it is short and a BLOB of zstd if not.
    pub(super) fn pack_json(&mut self, json: &[u8]) -> Value {
        if json.len() <= PLAIN_JSON_BYTES_MAX
            && let Ok(text) = std::str::from_utf8(json)
        {
            return Value::Text(text.to_owned());
        }
        match self.compress(json) {
            Some(compressed) => Value::Blob(compressed),
            None => Value::Text(String::from_utf8_lossy(json).into_owned()),
        }
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
        let last = bytes.len().saturating_sub(SAMPLE_BYTES);
        let sample: Vec<u8> = [last / 4, last / 2, last / 4 * 3]
            .into_iter()
            .filter_map(|at| bytes.get(at..at + SAMPLE_BYTES))
            .flatten()
            .copied()
            .collect();
        let Ok(compressed) = self.compressor.compress(&sample) else { return false };
        compressed.len() * 100 <= sample.len() * SAMPLE_SHARE_MAX
    }
}

/// Takes JSON back out of a column that holds it plain or compressed.
pub(super) fn unpack_json(column: ValueRef<'_>) -> Result<Vec<u8>, StoreError> {
    match column {
        ValueRef::Text(text) => Ok(text.to_vec()),
        ValueRef::Blob(compressed) => unzstd(compressed),
        other => {
            Err(StoreError::corrupt(format_args!("{} where JSON should be", other.data_type())))
        }
    }
}

/// Takes bytes back out of a column of bytes.
pub(super) fn unpack(coding: &str, bytes: Vec<u8>) -> Result<Vec<u8>, StoreError> {
    match coding {
        "identity" => Ok(bytes),
        "zstd" => unzstd(&bytes),
        other => Err(StoreError::corrupt(format_args!("unknown coding `{other}`"))),
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
