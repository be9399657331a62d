//! `br`.

use brotli_decompressor::{BrotliDecompressStream, BrotliResult, BrotliState, StandardAlloc};

use super::layer::{Codec, Fault, Step};

/// A brotli stream, RFC 7932: its window has 16 MiB at most. The larger windows of later
/// encoders are refused; `br` does not allow them.
pub(super) struct Brotli {
    state: Box<BrotliState<StandardAlloc, StandardAlloc, StandardAlloc>>,
    place: Place,
    written_bytes: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Within,
    After,
}

/// Input bytes of one step: the decoder gives out what it knows at the end of its input only,
/// and nothing if that input is damaged, so this is what damage costs at most.
const PIECE_BYTES: usize = 1 << 10;

impl Brotli {
    pub(super) fn new() -> Self {
        let state = BrotliState::new_strict(
            StandardAlloc::default(),
            StandardAlloc::default(),
            StandardAlloc::default(),
        );
        Self { state: Box::new(state), place: Place::Within, written_bytes: 0 }
    }
}

impl Codec for Brotli {
    fn step(&mut self, input: &[u8], output: &mut [u8]) -> Step {
        if self.place == Place::After {
            let fault = (!input.is_empty()).then_some(Fault::Trailing);
            return Step { fault, ..Step::default() };
        }
        let piece = input.get(..PIECE_BYTES).unwrap_or(input);
        let (mut unread, mut read) = (piece.len(), 0);
        let (mut room, mut written) = (output.len(), 0);
        let result = BrotliDecompressStream(
            &mut unread,
            &mut read,
            piece,
            &mut room,
            &mut written,
            output,
            &mut self.written_bytes,
            &mut self.state,
        );
        let fault = match result {
            BrotliResult::ResultSuccess => {
                self.place = Place::After;
                None
            }
            BrotliResult::NeedsMoreInput | BrotliResult::NeedsMoreOutput => None,
            BrotliResult::ResultFailure => {
                Some(Fault::Damaged(format!("{:?}", self.state.error_code).to_lowercase()))
            }
        };
        Step { read, written, fault }
    }

    fn is_complete(&self) -> bool {
        self.place == Place::After
    }
}
