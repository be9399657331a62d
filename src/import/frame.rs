//! A message of a WebSocket as one frame (RFC 6455, section 5.2).

use super::recording::Kind;
use crate::flow::Side;

/// The last frame of its message, which it is alone.
const LAST: u8 = 0x80;
const TEXT: u8 = 1;
const BINARY: u8 = 2;
const MASKED: u8 = 0x80;

/// An app must mask what it sends; with this key the bytes stay as they are.
const KEY: [u8; 4] = [0; 4];

/// The frame of a message.
pub(super) fn frame(side: Side, kind: Kind, data: &[u8]) -> Vec<u8> {
    let opcode = match kind {
        Kind::Text => TEXT,
        Kind::Binary => BINARY,
    };
    let masked = if side == Side::Downstream { MASKED } else { 0 };
    let mut frame = vec![LAST | opcode];
    match (u8::try_from(data.len()), u16::try_from(data.len())) {
        (Ok(length @ ..126), _) => frame.push(masked | length),
        (_, Ok(length)) => {
            frame.push(masked | 126);
            frame.extend(length.to_be_bytes());
        }
        _ => {
            frame.push(masked | 127);
            frame.extend((data.len() as u64).to_be_bytes());
        }
    }
    if side == Side::Downstream {
        frame.extend(KEY);
    }
    frame.extend_from_slice(data);
    frame
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_takes_as_many_bytes_as_it_must() {
        for (side, length, expected) in [
            (Side::Upstream, 125, &[0x81, 125][..]),
            (Side::Upstream, 126, &[0x81, 126, 0, 126]),
            (Side::Upstream, 65_536, &[0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0]),
            (Side::Downstream, 1, &[0x81, 0x81, 0, 0, 0, 0]),
        ] {
            let frame = frame(side, Kind::Text, &vec![b'a'; length]);
            assert_eq!(&frame[..expected.len()], expected, "{length}");
            assert_eq!(frame.len(), expected.len() + length);
        }
        assert_eq!(frame(Side::Upstream, Kind::Binary, b"")[..], [0x82, 0]);
    }
}
