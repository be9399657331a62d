//! The frames of WebSocket (RFC 6455, section 5.2).

use super::frame::{Frame, Head, Payload};
use crate::flow::Side;

const FIN: u8 = 0x80;
/// The message is compressed (RFC 7692); set in its first frame only.
const RSV1: u8 = 0x40;
const RSV2_AND_3: u8 = 0x30;
const OPCODE: u8 = 0x0f;
const MASKED: u8 = 0x80;

const CONTINUATION: u8 = 0;
const TEXT: u8 = 1;
const BINARY: u8 = 2;
const CLOSE: u8 = 8;
const PONG: u8 = 10;

/// Longest payload of a control frame, in bytes.
const CONTROL_BYTES_MAX: u8 = 125;

/// One side's messages.
pub(super) struct Frames {
    side: Side,
    /// What becomes of the message that has begun and is not over.
    message: Option<Payload>,
    /// Frames so far. A message has the number of its first.
    count: u64,
}

impl Frames {
    pub(super) fn new(side: Side) -> Self {
        Self { side, message: None, count: 0 }
    }

    /// What becomes of the bytes once the frames cannot be followed. An app's are masked, with
    /// keys that stand among them; an origin's are not.
    pub(super) fn lost(&self) -> Payload {
        match self.side {
            Side::Downstream => Payload::Starred,
            Side::Upstream => Payload::Text(0),
        }
    }

    /// Reads the bytes of a head.
    pub(super) fn read(&mut self, head: &[u8]) -> Head {
        let [first, second, rest @ ..] = head else { return Head::Unfinished };
        if !self.is_plausible(*first, *second) {
            return Head::Nonsense;
        }
        let length_bytes = match second & !MASKED {
            126 => 2,
            127 => 8,
            _ => 0,
        };
        let Some((length, rest)) = rest.split_at_checked(length_bytes) else {
            return Head::Unfinished;
        };
        let length = match length {
            [] => u64::from(second & !MASKED),
            bytes => bytes.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte)),
        };
        if length > i64::MAX as u64 {
            return Head::Nonsense;
        }
        let key = match second & MASKED {
            0 => None,
            _ => match rest.first_chunk::<4>() {
                Some(key) => Some(*key),
                None => return Head::Unfinished,
            },
        };
        Head::Whole(Frame::new(length, self.begin(*first)).masked(key))
    }

    /// Whether there is such a frame here.
    fn is_plausible(&self, first: u8, second: u8) -> bool {
        let in_message = self.message.is_some();
        let is_known = match first & OPCODE {
            CONTINUATION => in_message && first & RSV1 == 0,
            TEXT | BINARY => !in_message,
            CLOSE..=PONG => {
                first & FIN != 0 && first & RSV1 == 0 && second & !MASKED <= CONTROL_BYTES_MAX
            }
            _ => false,
        };
        is_known && first & RSV2_AND_3 == 0
    }

    /// A frame with this first byte begins: what becomes of its payload.
    fn begin(&mut self, first: u8) -> Payload {
        self.count += 1;
        let own = match first & RSV1 {
            0 => Payload::Text(self.count),
            _ => Payload::Stays,
        };
        if first & OPCODE >= CLOSE {
            return own;
        }
        let payload = self.message.take().unwrap_or(own);
        if first & FIN == 0 {
            self.message = Some(payload);
        }
        payload
    }
}
