//! One coding of several, and what it may cost.

use super::{BOMB_BYTES_MIN, BOMB_RATIO_MAX, CodingError, DECODED_BYTES_MAX};

/// One step of a coding: reads some input, writes some output.
pub(super) trait Codec: Send {
    /// Reads from `input` and writes to `output` until one of them is used up, or less.
    ///
    /// Writes all that `input` makes known, if there is room; the rest comes with the next
    /// step, which may have an empty `input`.
    fn step(&mut self, input: &[u8], output: &mut [u8]) -> Step;

    /// Whether the stream may end here.
    fn is_complete(&self) -> bool;
}

/// What a step did.
#[derive(Default)]
pub(super) struct Step {
    pub(super) read: usize,
    pub(super) written: usize,
    /// Why there is no next step.
    pub(super) fault: Option<Fault>,
}

pub(super) enum Fault {
    Damaged(String),
    Trailing,
}

/// The limits of the module's constants; smaller in tests.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) decoded_bytes: u64,
    pub(super) bomb_bytes: u64,
    pub(super) bomb_ratio: u64,
}

impl Limits {
    pub(super) const DEFAULT: Self = Self {
        decoded_bytes: DECODED_BYTES_MAX,
        bomb_bytes: BOMB_BYTES_MIN,
        bomb_ratio: BOMB_RATIO_MAX,
    };
}

/// A coding and its memory.
pub(super) struct Layer {
    coding: &'static str,
    codec: Box<dyn Codec>,
    output: Box<[u8]>,
    read_bytes: u64,
    written_bytes: u64,
}

/// Bytes decoded in one step. An event of a stream fits; of a larger body the caller gets a
/// piece as large as a socket's.
const STEP_BYTES: usize = 16 << 10;

/// Decodes `bytes` through all `layers`, the first of them first.
pub(super) fn feed(
    layers: &mut [Layer],
    bytes: &[u8],
    limits: Limits,
    wire_bytes: u64,
    out: &mut dyn FnMut(&[u8]) -> Result<(), CodingError>,
) -> Result<(), CodingError> {
    let Some((layer, rest)) = layers.split_first_mut() else {
        return out(bytes);
    };
    // Every layer's output is counted, not the last one's alone: a bomb within a bomb may end
    // in nothing, after hours.
    let most = limits.bomb_bytes.max(wire_bytes.saturating_mul(limits.bomb_ratio));
    layer.feed(bytes, |piece, written_bytes| {
        feed(rest, piece, limits, wire_bytes, out)?;
        match written_bytes {
            bytes if bytes > limits.decoded_bytes => Err(CodingError::TooLong),
            bytes if bytes > most => Err(CodingError::Bomb),
            _ => Ok(()),
        }
    })
}

impl Layer {
    pub(super) fn new(coding: &'static str, codec: impl Codec + 'static) -> Self {
        Self {
            coding,
            codec: Box::new(codec),
            output: vec![0; STEP_BYTES].into(),
            read_bytes: 0,
            written_bytes: 0,
        }
    }

    pub(super) fn coding(&self) -> &'static str {
        self.coding
    }

    /// A layer that never got a byte is complete: there was no body.
    pub(super) fn is_complete(&self) -> bool {
        self.read_bytes == 0 || self.codec.is_complete()
    }

    /// Hands each decoded piece to `out`, with the number of bytes decoded so far.
    fn feed(
        &mut self,
        bytes: &[u8],
        mut out: impl FnMut(&[u8], u64) -> Result<(), CodingError>,
    ) -> Result<(), CodingError> {
        self.read_bytes += bytes.len() as u64;
        let mut rest = bytes;
        loop {
            let step = self.codec.step(rest, &mut self.output);
            rest = rest.get(step.read..).unwrap_or_default();
            if let Some(piece @ [_, ..]) = self.output.get(..step.written) {
                self.written_bytes += piece.len() as u64;
                out(piece, self.written_bytes)?;
            }
            let coding = self.coding;
            match step.fault {
                Some(Fault::Damaged(reason)) => {
                    return Err(CodingError::Damaged { coding, reason });
                }
                Some(Fault::Trailing) => return Err(CodingError::Trailing { coding }),
                None => {}
            }
            if rest.is_empty() && step.written < self.output.len() {
                return Ok(());
            }
            if step.read == 0 && step.written == 0 {
                let reason = "no progress".to_owned();
                return Err(CodingError::Damaged { coding, reason });
            }
        }
    }
}
