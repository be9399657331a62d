//! The head of a frame, RFC 6455, section 5.2, and its mask, section 5.3.

use super::Kind;

/// The bytes of a head that may not be whole.
#[derive(Debug, Default)]
pub(super) struct Beginning {
    bytes: [u8; HEAD_BYTES_MAX],
    /// How many of them have come.
    len: usize,
}

/// What a frame says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) is_last: bool,
    /// The first reserved bit: the message is compressed.
    pub(super) is_compressed: bool,
    /// One of the others.
    pub(super) is_reserved: bool,
    pub(super) opcode: Opcode,
    pub(super) mask: Option<Mask>,
    pub(super) length: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Opcode {
    Continuation,
    Data(Kind),
    Control(Control),
    Reserved,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Control {
    Close,
    Ping,
    Pong,
}

/// The key of a frame's mask, turned so that its first byte is the next one's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mask([u8; 4]);

/// Two bytes, eight of a length, four of a mask.
const HEAD_BYTES_MAX: usize = 14;

const LAST: u8 = 0x80;
const RSV1: u8 = 0x40;
const RSV2_AND_3: u8 = 0x30;
const OPCODE: u8 = 0x0f;
const MASKED: u8 = 0x80;

impl Beginning {
    pub(super) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Takes what `input` has of the head; says how many bytes that is, and the head once it is
    /// whole.
    pub(super) fn take(&mut self, input: &[u8]) -> (usize, Option<Head>) {
        let mut taken = 0;
        for byte in input {
            if self.len == self.needed() {
                break;
            }
            if let Some(place) = self.bytes.get_mut(self.len) {
                *place = *byte;
            }
            self.len += 1;
            taken += 1;
        }
        (taken, (self.len == self.needed()).then(|| self.head()))
    }

    /// Bytes of the whole head, as far as those that have come tell.
    fn needed(&self) -> usize {
        let [_, second, ..] = self.bytes;
        if self.len < 2 {
            return 2;
        }
        let mask = if second & MASKED == 0 { 0 } else { 4 };
        2 + length_bytes(second) + mask
    }

    fn head(&self) -> Head {
        let [first, second, rest @ ..] = &self.bytes;
        let (length, rest) = rest.split_at_checked(length_bytes(*second)).unwrap_or_default();
        let length = match length {
            [] => u64::from(*second & !MASKED),
            bytes => bytes.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte)),
        };
        let mask = rest.first_chunk().filter(|_| second & MASKED != 0);
        Head {
            is_last: first & LAST != 0,
            is_compressed: first & RSV1 != 0,
            is_reserved: first & RSV2_AND_3 != 0,
            opcode: Opcode::of(first & OPCODE),
            mask: mask.copied().map(Mask),
            length,
        }
    }
}

impl Opcode {
    fn of(code: u8) -> Self {
        match code {
            0 => Self::Continuation,
            1 => Self::Data(Kind::Text),
            2 => Self::Data(Kind::Binary),
            8 => Self::Control(Control::Close),
            9 => Self::Control(Control::Ping),
            10 => Self::Control(Control::Pong),
            _ => Self::Reserved,
        }
    }
}

impl Mask {
    /// Undoes the mask on the next bytes of the frame.
    fn undo(&mut self, bytes: &mut [u8]) {
        let Self(key) = self;
        let [a, b, c, d] = *key;
        let wide = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
        let (eights, rest) = bytes.as_chunks_mut::<8>();
        for eight in eights {
            *eight = (u64::from_ne_bytes(*eight) ^ wide).to_ne_bytes();
        }
        for (byte, key) in rest.iter_mut().zip(key.iter().cycle()) {
            *byte ^= key;
        }
        key.rotate_left(rest.len() % 4);
    }
}

/// Undoes the mask of the next bytes of a frame, if it has one.
pub(super) fn undo(mask: &mut Option<Mask>, bytes: &mut [u8]) {
    if let Some(mask) = mask {
        mask.undo(bytes);
    }
}

/// Bytes of the length after the second byte.
fn length_bytes(second: u8) -> usize {
    match second & !MASKED {
        126 => 2,
        127 => 8,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mask_goes_on_where_it_was_cut() {
        let text: Vec<u8> = (0..100).collect();
        let masked: Vec<u8> =
            text.iter().zip([1, 2, 3, 4].iter().cycle()).map(|(a, b)| a ^ b).collect();
        for piece in 1..=100 {
            let mut mask = Mask([1, 2, 3, 4]);
            let mut bytes = masked.clone();
            bytes.chunks_mut(piece).for_each(|piece| mask.undo(piece));
            assert_eq!(bytes, text, "pieces of {piece}");
        }
    }
}
