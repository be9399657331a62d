//! The frames of HTTP/2 (RFC 9113, section 4.1).

use super::frame::{Frame, Head, Payload};
use crate::flow::Side;

/// What an app says first (RFC 9113, section 3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Longest frame, in bytes, of a type that is starred: no server takes longer header lists,
/// and a longer one is a sign that this is no frame.
const STARRED_BYTES_MAX: u64 = 1 << 20;

/// Longest SETTINGS, in bytes: the frame size that everyone starts with.
const SETTINGS_BYTES_MAX: u64 = 16 << 10;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const PRIORITY: u8 = 2;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PUSH_PROMISE: u8 = 5;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;

/// What may come next on one side.
pub(super) enum Frames {
    /// The preface, then SETTINGS.
    Preface,
    /// The first frame, which must be SETTINGS.
    First,
    /// Any frame.
    Any,
}

impl Frames {
    pub(super) fn new(side: Side) -> Self {
        match side {
            Side::Downstream => Self::Preface,
            Side::Upstream => Self::First,
        }
    }

    /// Reads the bytes of a head, or of the preface.
    pub(super) fn read(&mut self, head: &[u8]) -> Head {
        if let Self::Preface = self {
            return match PREFACE.strip_prefix(head) {
                Some([]) => {
                    *self = Self::First;
                    Head::Whole(Frame::new(0, Payload::Stays))
                }
                Some(_) => Head::Unfinished,
                None => Head::Nonsense,
            };
        }
        let &[l0, l1, l2, kind, _flags, s0, s1, s2, s3] = head else { return Head::Unfinished };
        let length = u64::from(u32::from_be_bytes([0, l0, l1, l2]));
        // The first bit is reserved, and to be ignored.
        let stream = u32::from_be_bytes([s0 & 0x7f, s1, s2, s3]);
        let is_expected = matches!(self, Self::Any) || kind == SETTINGS;
        if !is_expected || !is_plausible(kind, length, stream) {
            return Head::Nonsense;
        }
        *self = Self::Any;
        Head::Whole(Frame::new(length, payload(kind, stream)))
    }
}

/// Whether there is such a frame (RFC 9113, section 6). Where it is not, what follows is no
/// payload either, and a secret could pass as one that stays.
fn is_plausible(kind: u8, length: u64, stream: u32) -> bool {
    match kind {
        DATA => stream != 0,
        HEADERS | PUSH_PROMISE | CONTINUATION => stream != 0 && length <= STARRED_BYTES_MAX,
        PRIORITY => stream != 0 && length == 5,
        RST_STREAM => stream != 0 && length == 4,
        SETTINGS => stream == 0 && length.is_multiple_of(6) && length <= SETTINGS_BYTES_MAX,
        PING => stream == 0 && length == 8,
        GOAWAY => stream == 0 && length >= 8,
        WINDOW_UPDATE => length == 4,
        _ => length <= STARRED_BYTES_MAX,
    }
}

fn payload(kind: u8, stream: u32) -> Payload {
    match kind {
        // GOAWAY ends with words for whoever looks for the cause; its stream is 0.
        DATA | GOAWAY => Payload::Text(u64::from(stream)),
        PRIORITY | RST_STREAM | SETTINGS | PING | WINDOW_UPDATE => Payload::Stays,
        // Header lists, and extensions, of which nobody knows what they carry.
        _ => Payload::Starred,
    }
}
