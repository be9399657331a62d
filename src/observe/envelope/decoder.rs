//! The decoder of one stream.

use super::base64::Quads;
use super::{Fault, MESSAGE_BYTES_MAX, Message};
use crate::observe::coding::{self, BOMB_BYTES_MIN, BOMB_RATIO_MAX, CodingError};

/// Reads one stream of messages.
///
/// A message that lies within the bytes of one [`feed`](Decoder::feed) and is not compressed
/// is not copied.
#[derive(Debug)]
pub struct Decoder {
    /// What came of a message that is not whole yet.
    pub(super) held: Vec<u8>,
    /// Bytes to come of a message that is too long.
    beyond: u64,
    /// Nothing more is read.
    garbled: bool,
    /// The stream is written in base64.
    text: Option<Quads>,
    coding: Coding,
    /// Longest message, in bytes.
    limit: usize,
}

/// How messages are compressed, and what that cost so far.
#[derive(Debug, Default)]
struct Coding {
    name: Option<String>,
    wire_bytes: u64,
    decoded_bytes: u64,
    /// The last message, decompressed.
    decoded: Vec<u8>,
}

const PREFIX_BYTES: usize = 5;

/// The message is compressed.
const COMPRESSED: u8 = 0x01;
/// The last message of Connect.
const END: u8 = 0x02;
/// The last message of gRPC-Web.
const TRAILERS: u8 = 0x80;

/// Capacity that is kept from one message to the next, in bytes.
const HELD_BYTES_KEPT: usize = 64 << 10;

impl Default for Decoder {
    fn default() -> Self {
        Self::new(None)
    }
}

impl Decoder {
    /// Reads a stream from its first byte; its messages are compressed with `encoding`, the
    /// value of `grpc-encoding` or `connect-content-encoding`.
    pub fn new(encoding: Option<&str>) -> Self {
        let name = encoding.map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned);
        Self {
            held: Vec::new(),
            beyond: 0,
            garbled: false,
            text: None,
            coding: Coding { name, ..Coding::default() },
            limit: MESSAGE_BYTES_MAX,
        }
    }

    /// The same for a stream that is written in base64 (`application/grpc-web-text`).
    pub fn base64(encoding: Option<&str>) -> Self {
        Self { text: Some(Quads::default()), ..Self::new(encoding) }
    }

    /// With another limit than [`MESSAGE_BYTES_MAX`].
    pub(super) fn limited(self, limit: usize) -> Self {
        Self { limit, ..self }
    }

    /// Takes the next bytes, cut anywhere, and hands on each message that they complete.
    pub fn feed(&mut self, bytes: &[u8], sink: &mut dyn FnMut(Result<Message<'_>, Fault>)) {
        match &mut self.text {
            Some(text) => {
                let bytes = text.decode(bytes);
                self.take(&bytes, sink);
            }
            None => self.take(bytes, sink),
        }
    }

    /// The stream is over.
    pub fn finish(&mut self) -> Result<(), Fault> {
        let is_whole = self.held.is_empty() && self.beyond == 0;
        let is_complete = self.text.as_ref().is_none_or(Quads::is_complete);
        if self.garbled || (is_whole && is_complete) { Ok(()) } else { Err(Fault::Cut) }
    }

    fn take(&mut self, bytes: &[u8], sink: &mut dyn FnMut(Result<Message<'_>, Fault>)) {
        let mut rest = bytes;
        while !rest.is_empty() && !self.garbled {
            let taken = if self.beyond > 0 {
                let skipped = self.beyond.min(rest.len() as u64);
                self.beyond -= skipped;
                // Not more than `rest` has.
                usize::try_from(skipped).unwrap_or(rest.len())
            } else if self.held.is_empty() {
                self.begin(rest, sink)
            } else {
                self.go_on(rest, sink)
            };
            rest = rest.get(taken..).unwrap_or_default();
        }
    }

    /// Reads a message from its first byte on; gives the bytes taken.
    fn begin(&mut self, bytes: &[u8], sink: &mut dyn FnMut(Result<Message<'_>, Fault>)) -> usize {
        let Some((flags, length)) = prefix(bytes) else {
            self.held.extend_from_slice(bytes);
            return bytes.len();
        };
        if !self.admits(flags, length, sink) {
            return PREFIX_BYTES;
        }
        let end = PREFIX_BYTES + length;
        match bytes.get(PREFIX_BYTES..end) {
            Some(message) => {
                self.coding.hand_on(flags, message, self.limit, sink);
                end
            }
            None => {
                self.held.extend_from_slice(bytes);
                bytes.len()
            }
        }
    }

    /// Reads on in a message whose beginning is held; gives the bytes taken.
    fn go_on(&mut self, bytes: &[u8], sink: &mut dyn FnMut(Result<Message<'_>, Fault>)) -> usize {
        let needed = prefix(&self.held).map_or(PREFIX_BYTES, |(_, length)| PREFIX_BYTES + length);
        let piece = bytes.get(..needed.saturating_sub(self.held.len())).unwrap_or(bytes);
        self.held.extend_from_slice(piece);
        let Some((flags, length)) = prefix(&self.held) else { return piece.len() };
        if self.held.len() == PREFIX_BYTES && !self.admits(flags, length, sink) {
            self.held.clear();
        } else if let Some(message) = self.held.get(PREFIX_BYTES..).filter(|m| m.len() == length) {
            self.coding.hand_on(flags, message, self.limit, sink);
            self.held.clear();
            self.held.shrink_to(HELD_BYTES_KEPT);
        }
        piece.len()
    }

    /// Whether a message that begins like this is read.
    fn admits(
        &mut self,
        flags: u8,
        length: usize,
        sink: &mut dyn FnMut(Result<Message<'_>, Fault>),
    ) -> bool {
        if flags & !(COMPRESSED | END | TRAILERS) != 0 {
            sink(Err(Fault::Garbled));
            self.garbled = true;
            return false;
        }
        if length > self.limit {
            let bytes = length as u64;
            sink(Err(Fault::TooLong { bytes }));
            self.beyond = bytes;
            return false;
        }
        true
    }
}

impl Coding {
    fn hand_on(
        &mut self,
        flags: u8,
        message: &[u8],
        limit: usize,
        sink: &mut dyn FnMut(Result<Message<'_>, Fault>),
    ) {
        let is_end = flags & (END | TRAILERS) != 0;
        if flags & COMPRESSED == 0 {
            return sink(Ok(Message { is_end, bytes: message }));
        }
        let bytes = match self.undo(message, limit) {
            Err(fault @ Fault::Unnamed) => {
                sink(Err(fault));
                message
            }
            Err(fault) => {
                sink(Err(fault));
                &self.decoded
            }
            Ok(()) => &self.decoded,
        };
        sink(Ok(Message { is_end, bytes }));
        self.decoded.clear();
        self.decoded.shrink_to(HELD_BYTES_KEPT);
    }

    /// Decompresses `message`; what was decoded is in `decoded`.
    fn undo(&mut self, message: &[u8], limit: usize) -> Result<(), Fault> {
        let named = self.name.as_deref().filter(|name| !name.eq_ignore_ascii_case("identity"));
        let Some(name) = named.or_else(|| told_by_bytes(message)) else {
            return if message.is_empty() { Ok(()) } else { Err(Fault::Unnamed) };
        };
        self.wire_bytes += message.len() as u64;
        let most = BOMB_BYTES_MIN.max(self.wire_bytes.saturating_mul(BOMB_RATIO_MAX));
        if self.decoded_bytes > most {
            // A stream of small bombs: each of them alone is none.
            return Err(CodingError::Bomb.into());
        }
        let mut coding = coding::Decoder::new(name)?;
        let (decoded, mut cut) = (&mut self.decoded, 0);
        let result = coding.feed(message, &mut |piece| {
            let room = limit.saturating_sub(decoded.len());
            let kept = piece.get(..room).unwrap_or(piece);
            decoded.extend_from_slice(kept);
            cut += piece.len() - kept.len();
        });
        self.decoded_bytes += (self.decoded.len() + cut) as u64;
        if cut > 0 {
            return Err(Fault::Swollen);
        }
        result.and_then(|()| coding.finish()).map_err(Fault::from)
    }
}

/// Flags and length of the message that `bytes` begin with.
fn prefix(bytes: &[u8]) -> Option<(u8, usize)> {
    let (flags, rest) = bytes.split_first()?;
    let (length, _) = rest.split_first_chunk()?;
    Some((*flags, usize::try_from(u32::from_be_bytes(*length)).ok()?))
}

/// The coding that compressed bytes begin like: apps and proxies forget the header.
fn told_by_bytes(bytes: &[u8]) -> Option<&'static str> {
    const GZIP: &[u8] = b"\x1f\x8b\x08";
    const ZSTANDARD: &[u8] = b"\x28\xb5\x2f\xfd";
    match bytes {
        bytes if bytes.starts_with(GZIP) => Some("gzip"),
        bytes if bytes.starts_with(ZSTANDARD) => Some("zstd"),
        _ => None,
    }
}
