//! Content codings, undone piece by piece.
//!
//! A gzip stream of events is flushed at each event; what a flush makes known comes out at
//! once, so that an answer can be followed while it is written.

mod brotli;
#[doc(hidden)]
pub mod fuzz;
mod inflate;
mod layer;
#[cfg(test)]
mod tests;
mod zstandard;

use std::fmt;

use layer::{Layer, Limits};

/// Most decoded bytes of one body: the largest JSON body known, a batch of Anthropic's, may
/// have 256 MB. What is longer is not text that anybody wants to read.
pub const DECODED_BYTES_MAX: u64 = 256 << 20;

/// Decoded bytes that are never called a bomb: a blank picture in base64 shrinks a
/// thousandfold too, but no picture that a provider takes is larger.
pub const BOMB_BYTES_MIN: u64 = 32 << 20;

/// From [`BOMB_BYTES_MIN`] on, most decoded bytes for a byte on the wire. The recorded bodies we
/// know swell 80-fold at most; a bomb of gzip does a thousandfold, one of brotli or zstd
/// more than ten thousandfold.
pub const BOMB_RATIO_MAX: u64 = 400;

/// Most codings on top of each other: nobody uses two, and each costs its window.
pub const LAYERS_MAX: usize = 4;

/// Undoes the content codings of one body.
pub struct Decoder {
    /// The coding that was applied last comes first.
    layers: Vec<Layer>,
    limits: Limits,
    wire_bytes: u64,
    decoded_bytes: u64,
    failed: Option<CodingError>,
}

/// Why a body, or the rest of it, could not be decoded. What was decoded before is valid.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CodingError {
    /// A word in `Content-Encoding` that we cannot undo.
    #[error("unknown content coding `{coding}`: see the body as sent with `overhear show --raw`")]
    Unknown {
        /// The word, in lower case.
        coding: String,
    },
    /// More codings than [`LAYERS_MAX`].
    #[error(
        "more than {LAYERS_MAX} content codings: see the body as sent with `overhear show --raw`"
    )]
    Layers,
    /// The bytes are not what the coding says, or need more memory than it allows.
    #[error("the body is not valid `{coding}` ({reason}): it was read up to there")]
    Damaged {
        /// The coding.
        coding: &'static str,
        /// In the decoder's words.
        reason: String,
    },
    /// Bytes follow the end of the coded stream.
    #[error("bytes after the end of `{coding}` were not read")]
    Trailing {
        /// The coding.
        coding: &'static str,
    },
    /// The stream ended before it was complete.
    #[error("the body was cut within `{coding}`: it was read up to there")]
    Cut {
        /// The coding.
        coding: &'static str,
    },
    /// More than [`BOMB_RATIO_MAX`].
    #[error("the body swells more than {BOMB_RATIO_MAX}-fold: it was read up to there")]
    Bomb,
    /// More than [`DECODED_BYTES_MAX`].
    #[error("the body has more than {DECODED_BYTES_MAX} bytes: it was read up to there")]
    TooLong,
}

impl Decoder {
    /// Undoes what `content_encoding` names, the header's value (several lines joined with a
    /// comma); an empty one and `identity` are no coding.
    pub fn new(content_encoding: &str) -> Result<Self, CodingError> {
        Self::limited(content_encoding, Limits::DEFAULT)
    }

    fn limited(content_encoding: &str, limits: Limits) -> Result<Self, CodingError> {
        let mut layers = Vec::new();
        for coding in content_encoding.split(',').rev() {
            let coding = coding.trim().to_ascii_lowercase();
            layers.push(match coding.as_str() {
                "" | "identity" => continue,
                "gzip" | "x-gzip" => Layer::new("gzip", inflate::Inflate::gzip()),
                "deflate" => Layer::new("deflate", inflate::Inflate::deflate()),
                "br" => Layer::new("br", brotli::Brotli::new()),
                "zstd" => Layer::new("zstd", zstandard::Zstandard::new()?),
                _ => return Err(CodingError::Unknown { coding }),
            });
            if layers.len() > LAYERS_MAX {
                return Err(CodingError::Layers);
            }
        }
        Ok(Self { layers, limits, wire_bytes: 0, decoded_bytes: 0, failed: None })
    }

    /// Takes the next bytes and hands what they make known to `out`, piece by piece.
    ///
    /// After an error nothing more is decoded, and each call returns it again.
    pub fn feed(&mut self, bytes: &[u8], out: &mut dyn FnMut(&[u8])) -> Result<(), CodingError> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        self.wire_bytes = self.wire_bytes.saturating_add(bytes.len() as u64);
        let Self { layers, limits, wire_bytes, decoded_bytes, .. } = self;
        let result = layer::feed(layers, bytes, *limits, *wire_bytes, &mut |piece| {
            let room = limits.decoded_bytes.saturating_sub(*decoded_bytes);
            let room = usize::try_from(room).unwrap_or(usize::MAX);
            let kept = piece.get(..room).unwrap_or(piece);
            *decoded_bytes += kept.len() as u64;
            if !kept.is_empty() {
                out(kept);
            }
            if kept.len() < piece.len() { Err(CodingError::TooLong) } else { Ok(()) }
        });
        self.failed = result.clone().err();
        result
    }

    /// Ends the body: an error if decoding failed before, or if the body is not complete. A
    /// body of no bytes is complete.
    pub fn finish(&self) -> Result<(), CodingError> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        match self.layers.iter().find(|layer| !layer.is_complete()) {
            Some(layer) => Err(CodingError::Cut { coding: layer.coding() }),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Decoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decoder")
            .field("codings", &self.layers.iter().map(Layer::coding).collect::<Vec<_>>())
            .field("wire_bytes", &self.wire_bytes)
            .field("decoded_bytes", &self.decoded_bytes)
            .field("failed", &self.failed)
            .finish_non_exhaustive()
    }
}
