//! `zstd`.

use zstd::stream::raw::{DParameter, Decoder, InBuffer, Operation, OutBuffer};

use super::CodingError;
use super::layer::{Codec, Fault, Step};

/// Frames of zstd, one after the other.
pub(super) struct Zstandard {
    frames: Decoder<'static>,
    /// Bytes that the decoder asks for: up to the end of the block and of the next one's
    /// header.
    next: usize,
    place: Place,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// In a frame, or before the first.
    Within,
    /// After the end of a frame.
    After,
}

/// Largest window, as a power of two: RFC 9659 forbids larger ones (8 MiB) in HTTP, because
/// the reader must keep the window in memory.
const WINDOW_LOG_MAX: u32 = 23;

/// The start of a frame that tells how long its header is.
const FRAME_START_BYTES: usize = 5;

const BLOCK_HEADER_BYTES: usize = 3;

impl Zstandard {
    pub(super) fn new() -> Result<Self, CodingError> {
        Self::begin()
            .map_err(|error| CodingError::Damaged { coding: "zstd", reason: error.to_string() })
    }

    fn begin() -> std::io::Result<Self> {
        let mut frames = Decoder::new()?;
        frames.set_parameter(DParameter::WindowLogMax(WINDOW_LOG_MAX))?;
        Ok(Self { frames, next: FRAME_START_BYTES, place: Place::Within })
    }
}

impl Codec for Zstandard {
    fn step(&mut self, input: &[u8], output: &mut [u8]) -> Step {
        if input.is_empty() && self.place == Place::After {
            // A call would begin the next frame.
            return Step::default();
        }
        // Not past the end of the block: a call that meets damage gives out nothing, not even
        // the good block before it.
        let most = self.next.checked_sub(BLOCK_HEADER_BYTES).filter(|most| *most > 0);
        let piece = input.get(..most.unwrap_or(self.next)).unwrap_or(input);
        let mut source = InBuffer::around(piece);
        let mut target = OutBuffer::around(output);
        let fault = match self.frames.run(&mut source, &mut target) {
            Ok(0) => {
                self.place = Place::After;
                self.next = FRAME_START_BYTES;
                None
            }
            Ok(next) => {
                self.place = Place::Within;
                self.next = next;
                None
            }
            Err(error) => Some(Fault::Damaged(error.to_string())),
        };
        Step { read: source.pos(), written: target.pos(), fault }
    }

    fn is_complete(&self) -> bool {
        self.place == Place::After
    }
}
